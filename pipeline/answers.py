"""Answers of confirming scorers, kept in the scans store: small committed files, looked through for the texts in hand.

Files are named by their content and never change; a reader that meets one being dropped simply asks again. From a
remote store each file is brought to this machine once a process.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.scans import ScanStore, TableFile, workspace_prefix
from pipeline.storage import file_system, store_errors
from transforms.confirm import Scores

ANSWERS = pa.schema(
    [
        pa.field("text_hash", pa.binary(32), nullable=False),
        pa.field("scores", pa.string(), nullable=False),  # JSON: scores by risk id
    ]
)


class AnswerStore:
    """The answers of one scorer below `location`. Picklable."""

    def __init__(self, location: str, scorer: str) -> None:
        self.location = location
        self.scorer = scorer

    def __getstate__(self) -> dict[str, Any]:
        """Without files brought here."""
        return {"location": self.location, "scorer": self.scorer}

    @property
    def _layer(self) -> str:
        return f"answers/{self.scorer}"

    @cached_property
    def _store(self) -> ScanStore:
        return ScanStore(self.location)

    @cached_property
    def _copies(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix=workspace_prefix())

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Scores]:
        """The answers that are there for these hashes of texts."""
        found: dict[bytes, Scores] = {}
        wanted = pa.array(sorted(keys), type=pa.binary(32))
        for path in self._files():
            if len(found) == len(keys):
                break
            with contextlib.suppress(FileNotFoundError), ScanStore("").open(str(self._local(path))) as file:
                for batch in file.iter_batches(use_threads=False):
                    hits = batch.filter(pc.is_in(batch.column("text_hash"), value_set=wanted))
                    for key, scores in zip(*(column.to_pylist() for column in hits.columns), strict=True):
                        found.setdefault(key, json.loads(scores))
        return found

    def keep(self, answers: Mapping[bytes, Scores]) -> str | None:
        """Commits answers as one file; its place, by which it can be dropped, or None where it was there already."""
        ordered = sorted(answers)
        told = [json.dumps(dict(answers[key]), sort_keys=True) for key in ordered]
        key = hashlib.sha256(b"".join(ordered) + "\n".join(told).encode()).hexdigest()
        path = self._store.path(self._layer, key)
        if self._store.exists(path):
            return None
        with self._store.workspace() as folder:
            file = TableFile(folder / "answers.parquet", ANSWERS)
            file.write(pa.record_batch([pa.array(ordered, pa.binary(32)), pa.array(told)], schema=ANSWERS))
            file.close({"rows": file.rows})
            self._store.commit(file.path, path)
        return path

    def drop(self, handles: Sequence[str]) -> None:
        """Removes files whose answers stand in another."""
        for path in handles:
            with contextlib.suppress(FileNotFoundError):
                self._store.discard_file(path)

    def _files(self) -> list[str]:
        """All files, in order of their names."""
        folder = f"{self._store.location}/{self._layer}"
        fs, inner = file_system(folder)
        with store_errors(folder):
            try:
                return sorted(
                    f"{folder}{found[len(inner) :]}" for found in fs.find(inner) if found.endswith(".parquet")
                )
            except FileNotFoundError:
                return []

    def _local(self, path: str) -> Path:
        if self._store.local:
            return Path(path)
        copy = Path(self._copies.name) / path.rsplit("/", 1)[1]
        if not copy.exists():
            part = copy.with_suffix(".part")
            self._store.fetch(path, part)
            part.replace(copy)
        return copy
