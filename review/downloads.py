"""Items handed out through the page: the files of an export as one download."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fastapi import Response

from review.people import ROLE_OF
from review.refusal import WRONG, Refused
from review.store import ReviewStore

_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/x-ndjson",
    ".zip": "application/zip",
}


def download(store: ReviewStore, form: str, person: str, reading: str, count: int, by: str) -> Response:
    """Reserves the next `count` items for a person and answers with their file; several files come as one .zip."""
    from review.exchange.answers import SUFFIXES
    from review.exchange.exporting import Request, export_items
    from rounds.register import find_round

    if form not in SUFFIXES or not person or reading not in ROLE_OF:
        raise Refused(
            f"导出需要 form（{'、'.join(SUFFIXES)}）、person、reading、count",
            f"an export needs form ({', '.join(SUFFIXES)}), person, reading and count",
            WRONG,
        )
    stem = f"{store.round_id}-{reading}"
    with tempfile.TemporaryDirectory(dir=store.folder) as folder:  # texts stay in the folder that is the owner's alone
        target = Path(folder) / f"{stem}{SUFFIXES[form]}"
        round_ = find_round(store.output, store.round_id)
        handed = export_items(store, round_, form, target, Request(person, reading, by, count=count))
        content = handed.files[0].read_bytes() if len(handed.files) == 1 else _packed(handed.files)
    suffix = SUFFIXES[form] if len(handed.files) == 1 else ".zip"
    headers = {"content-disposition": f'attachment; filename="{stem}{suffix}"'}
    return Response(content, media_type=_TYPES.get(suffix, "application/octet-stream"), headers=headers)


def _packed(files: Sequence[Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    return packed.getvalue()
