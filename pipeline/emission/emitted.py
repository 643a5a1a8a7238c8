"""What the output folder keeps of every emitted corpus: its manifest, and of a masked one which text stands for which.

Both are in a chain, so that `match` and `verify` need nothing but the output folder.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.database import connect, parquet_list, quoted
from pipeline.emission.emit_bundles import MANIFEST
from pipeline.errors import RunFailed
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from schemas.chain import append_to_chain, read_chain

FOLDER = "emitted"
CHAIN = "events.ndjson"
KEEP, MASK = "keep", "mask"
MODES = (KEEP, MASK)
TEXTS = ".texts.parquet"  # of a masked corpus: the hashes of texts before and after masking


def corpus_name(run_id: str, mode: str) -> str:
    """The name of a run's corpus: a masked one stands beside the other."""
    return run_id if mode == KEEP else f"{run_id}-masked"


@dataclass(frozen=True)
class EmittedCorpus:
    """A corpus that was emitted, as the output folder remembers it."""

    path: Path
    mode: str
    sha256: str

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What the manifest says. Raises OSError and ValueError."""
        content: dict[str, Any] = json.loads(self.path.read_bytes())
        return content

    @property
    def texts(self) -> Path | None:
        """Parquet file of `content_hash` and `text_sha256` of every text that was masked."""
        return self.path.with_suffix(TEXTS) if self.mode == MASK else None


def record(output: Output, run_id: str, mode: str, corpus: Path, spill: Path) -> None:
    """Keeps a copy of a corpus' manifest, and of masked texts their hashes, unless it was done before."""
    copy = output.folder / FOLDER / f"{corpus_name(run_id, mode)}.json"
    manifest = corpus / MANIFEST
    digest = sha256_file(manifest)
    if copy.exists() and recorded_digest(output, run_id, mode) == digest:
        return
    copy.parent.mkdir(exist_ok=True)
    event = {"run_id": run_id, "corpus": copy.stem, "manifest_sha256": digest}
    if mode == MASK:
        texts = copy.with_suffix(TEXTS)
        _write_texts(corpus, texts, spill)
        event["texts_sha256"] = sha256_file(texts)
    append_to_chain(copy.with_name(CHAIN), [event])
    made = copy.with_name(f".{copy.name}.tmp")
    shutil.copyfile(manifest, made)
    made.replace(copy)


def recorded_digest(output: Output, run_id: str, mode: str) -> str | None:
    """sha256 of the manifest of a run's corpus as last recorded; None where it never was."""
    records, _ = read_chain(output.folder / FOLDER / CHAIN)
    return _last(records).get(corpus_name(run_id, mode), {}).get("manifest_sha256")


def _last(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last record of each corpus."""
    return {str(record.get("corpus", record.get("run_id"))): record for record in records}


def _write_texts(corpus: Path, target: Path, spill: Path) -> None:
    """The pairs of hashes that differ, each once."""
    files = [corpus / entry["path"] for entry in json.loads((corpus / MANIFEST).read_bytes())["files"]]
    origin = parquet_list(files) if files else "(SELECT NULL AS content_hash, NULL AS text_sha256 LIMIT 0)"
    made = target.with_name(f".{target.name}.tmp")
    with connect() as connection:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")
        connection.execute(
            f"COPY (SELECT DISTINCT content_hash::VARCHAR AS content_hash, text_sha256::VARCHAR AS text_sha256 "
            f"FROM {origin} WHERE text_sha256 <> content_hash ORDER BY ALL) "
            f"TO {quoted(str(made))} (FORMAT parquet, COMPRESSION zstd)"
        )
    made.replace(target)


def corpora(output: Output, run_id: str) -> list[EmittedCorpus]:
    """The corpora emitted from a run. Raises RunFailed where what is kept of one was changed."""
    problems = list(changed(output))
    if problems:
        raise RunFailed("\n".join(["写出语料的记录被改动 / the records of emitted corpora were changed", *problems]))
    found = []
    for mode in MODES:
        path = output.folder / FOLDER / f"{corpus_name(run_id, mode)}.json"
        if path.exists():
            found.append(EmittedCorpus(path, mode, sha256_file(path)))
    return found


def changed(output: Output) -> Iterator[str]:
    """What is wrong with the records of emitted corpora: files that are missing or not what the chain says."""
    folder = output.folder / FOLDER
    records, problems = read_chain(folder / CHAIN)
    yield from problems
    last = _last(records)
    if folder.is_dir():
        for path in sorted(folder.glob("[!.]*.json")):
            if path.stem not in last:
                yield f"{FOLDER}/{path.name}: 不在记录中 / is not in the chain"
    for name, stated in last.items():
        for suffix, digest in ((".json", "manifest_sha256"), (TEXTS, "texts_sha256")):
            path = folder / f"{name}{suffix}"
            if digest not in stated and suffix == TEXTS:
                continue
            if not path.is_file():
                yield f"{FOLDER}/{path.name}: 文件缺失 / missing"
            elif sha256_file(path) != stated.get(digest):
                yield f"{FOLDER}/{path.name}: 内容已改变 / changed since it was recorded"
