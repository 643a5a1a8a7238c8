"""Writes an evidence bundle: the report, its evidence, the chains and rules, and how anybody checks it without the corpus.

No text of a document, no note of a person and no declared file is in it, but what the declarations say to attach. The
same report gives the same bytes.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pipeline import __version__
from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from report.build import files_of
from report.bundle.archive import pack
from report.bundle.timestamps import Stamp
from report.store import CHAIN, FOLDER, MANIFEST, differences, libraries
from review.store import ReviewStore
from rounds.register import Round, find_round
from schemas.chain import as_line, read_chain

SUMS, VERSION, LOG, STAMP = "SHA256SUMS", "VERSION", "review/log.ndjson", "timestamp.tsr"
REPORTS = f"chain/{CHAIN}"
RULES = "queries"  # every table and condition as a query, as this version of the software ships them
READ_ME = ("README.md", "README.zh-CN.md")
_LOGGED = ("seq", "event", "sha256")  # of the review's log: what was noted and looked at is nobody else's


def write_bundle(output: Output, report: Path, path: Path, stamp: Stamp | None = None) -> Path:
    """Writes the bundle of a report that was made. Raises UsageError and RunFailed; an older bundle is replaced in one step."""
    wrong = differences(report)
    if wrong:
        raise RunFailed(
            f"{report}: 报告被改动，不作证据包 / the report was changed, no bundle is made of it:\n"
            + "\n".join(wrong[:20])
        )
    digest = sha256_file(report / MANIFEST)
    if stamp is not None and stamp.imprint != digest:
        raise UsageError(
            f"--timestamp: 时间戳不是这份报告的 / the timestamp is of something else: {stamp.imprint}; sha256 of {report / MANIFEST} is {digest}"
        )
    if path.exists() and not _is_bundle(path):
        raise UsageError(
            f"--bundle: {path}: 已有别的文件，绝不覆盖 / is some other file and is never overwritten: name another"
        )
    files: dict[str, Path | bytes] = {f"{FOLDER}/{one.relative_to(report).as_posix()}": one for one in files_of(report)}
    files |= {REPORTS: _reports(output, digest), VERSION: _version(), **rules(), **_review(output, report)}
    files |= {name: _own(name) for name in READ_ME}
    if stamp is not None:
        files[STAMP] = stamp.data
    files[SUMS] = sums(files)
    _replace(path, files)
    return path


def sums(files: Mapping[str, Path | bytes]) -> bytes:
    """Digests of members as `sha256sum --check` reads them."""
    digests = {
        name: hashlib.sha256(one).hexdigest() if isinstance(one, bytes) else sha256_file(one)
        for name, one in files.items()
    }
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()


def rules() -> dict[str, bytes]:
    """The queries and rules of this version, by name in a bundle."""
    return dict(_yaml(resources.files("report"), RULES))


def _yaml(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found = []
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if one.is_dir():
            found += _yaml(one, f"{name}/{one.name}")
        elif one.name.endswith(".yaml"):
            found.append((f"{name}/{one.name}", one.read_bytes()))
    return found


def _reports(output: Output, digest: str) -> bytes:
    """The chain of reports up to this one."""
    records, problems = read_chain(output.folder / CHAIN)
    until = next((n for n, one in enumerate(records, start=1) if one["report_sha256"] == digest), 0)
    if problems or not until:
        raise RunFailed(
            f"{output.folder / CHAIN}: 报告不在记录中，或记录被改动 / the report is not on record, or the record was changed"
        )
    return b"".join(as_line(record) + b"\n" for record in records[:until])


def _review(output: Output, report: Path) -> dict[str, bytes]:
    """Kinds and hashes of all events of the review, up to where its round was closed."""
    name = json.loads((report / MANIFEST).read_bytes())["round"]
    if name is None:
        return {}
    found: Round = find_round(output, name)
    assert found.closed is not None
    store = ReviewStore.open(output, found)
    lines = []
    try:
        for event in store.log():
            lines.append(json.dumps({key: event[key] for key in _LOGGED}, sort_keys=True) + "\n")
            if event["sha256"] == found.closed["review_head"]:
                break
    finally:
        store.shut()
    return {LOG: "".join(lines).encode()}


def _version() -> bytes:
    versions = {"corpus-audit": __version__, **libraries()}
    return "".join(f"{name} {version}\n" for name, version in versions.items()).encode()


def _own(name: str) -> bytes:
    return resources.files("report.bundle").joinpath("bundle_readme", name).read_bytes()


def _is_bundle(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(2) == b"PK"


def _replace(path: Path, files: Mapping[str, Path | bytes]) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".bundle-") as work:
            made = Path(work) / "bundle.zip"
            pack(made, files)
            made.chmod(0o644)
            made.replace(path)
    except OSError as error:
        raise UsageError(f"--bundle: {path}: 写不了 / cannot be written: {error.strerror}") from None
