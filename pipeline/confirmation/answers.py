"""Answers of confirming scorers, kept in the scans store: small committed files, looked through for the texts in hand.

Files are named by their content and never change; a reader that meets one being dropped simply asks again. A damaged
file is dropped with a notice: what it held is asked again. From a remote store each file is brought to this machine
once a process. Beside the answers stands which texts failed, and in how many runs.
"""

import contextlib
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import FileDamaged
from pipeline.store.scans import ScanStore, TableFile, workspace_prefix
from pipeline.store.storage import file_system, store_errors
from schemas.risks import risks
from transforms.confirm import Scores
from transforms.scorers.base import strict_json

ANSWERS = pa.schema(
    [
        pa.field("text_hash", pa.binary(32), nullable=False),
        pa.field("scores", pa.string(), nullable=False),  # JSON: scores by risk id
    ]
)
FAILURES = pa.schema(
    [
        pa.field("text_hash", pa.binary(32), nullable=False),
        pa.field("runs", pa.int64(), nullable=False),
    ]
)

_ANSWERS, _FAILED = "answers", "unanswered"

_Told = TypeVar("_Told")


class AnswerStore:
    """The answers of one scorer below `location`. Picklable."""

    def __init__(self, location: str, scorer: str) -> None:
        self.location = location
        self.scorer = scorer

    def __getstate__(self) -> dict[str, Any]:
        """Without files brought here."""
        return {"location": self.location, "scorer": self.scorer}

    @cached_property
    def _store(self) -> ScanStore:
        return ScanStore(self.location)

    @cached_property
    def _copies(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix=workspace_prefix())

    def known(self, keys: Sequence[bytes]) -> dict[bytes, Scores]:
        """The answers that are there for these hashes of texts."""
        found: dict[bytes, Scores] = {}
        for path in self._files(_ANSWERS):
            if len(found) == len(keys):
                break
            for key, told in self._read(path, keys, ANSWERS, _scores):
                found.setdefault(key, told)
        return found

    def keep(self, answers: Mapping[bytes, Scores]) -> str | None:
        """Commits answers as one file; its place, by which it can be dropped, or None where it was there already."""
        return self._commit(_ANSWERS, {key: json.dumps(dict(told), sort_keys=True) for key, told in answers.items()})

    def failed(self, keys: Sequence[bytes]) -> dict[bytes, int]:
        """How many runs asked about these texts and got no answer."""
        found: dict[bytes, int] = {}
        for path in self._files(_FAILED):
            for key, count in self._read(path, keys, FAILURES, int):
                found[key] = max(count, found.get(key, 0))
        return found

    def note_failed(self, keys: Sequence[bytes]) -> None:
        """Counts one more failure of each of these texts."""
        before = self.failed(keys)
        self._commit(_FAILED, {key: before.get(key, 0) + 1 for key in keys})

    def drop(self, handles: Sequence[str]) -> None:
        """Removes files whose answers stand in another."""
        for path in handles:
            with contextlib.suppress(FileNotFoundError):
                self._store.discard_file(path)

    def _commit(self, kind: str, told: Mapping[bytes, str | int]) -> str | None:
        ordered = sorted(told)
        values = [told[key] for key in ordered]
        key = hashlib.sha256(b"".join(ordered) + "\n".join(map(str, values)).encode()).hexdigest()
        path = self._store.path(f"{kind}/{self.scorer}", key)
        if self._store.exists(path):
            return None
        schema = ANSWERS if kind == _ANSWERS else FAILURES
        with self._store.workspace() as folder:
            file = TableFile(folder / "answers.parquet", schema)
            file.write(
                pa.record_batch([pa.array(ordered, pa.binary(32)), pa.array(values, schema.types[1])], schema=schema)
            )
            file.close({"rows": file.rows})
            self._store.commit(file.path, path)
        return path

    def _read(
        self, path: str, keys: Sequence[bytes], schema: pa.Schema, value: Callable[[Any], _Told]
    ) -> list[tuple[bytes, _Told]]:
        """What a file says of these texts; nothing where it is gone, or damaged and therefore dropped."""
        wanted = pa.array(sorted(keys), type=pa.binary(32))
        found: list[tuple[bytes, _Told]] = []
        try:
            local = self._local(path)
        except FileNotFoundError:
            return []
        try:
            with ScanStore("").open(str(local)) as file:
                if not file.schema_arrow.equals(schema):
                    raise ValueError("other columns")
                for batch in file.iter_batches(use_threads=False):
                    hits = batch.filter(pc.is_in(batch.column("text_hash"), value_set=wanted))
                    columns = (column.to_pylist() for column in hits.columns)
                    found += [(key, value(told)) for key, told in zip(*columns, strict=True)]
        except FileNotFoundError:
            return []
        except (FileDamaged, pa.ArrowException, OSError, ValueError, RecursionError) as error:
            print(
                f"{path}: 答复文件损坏，已弃用，将重新提问 / damaged file of answers, dropped; what it held is asked again: "
                f"{type(error).__name__}",
                file=sys.stderr,
                flush=True,
            )
            self.drop([path])
            return []
        return found

    def _files(self, kind: str) -> list[str]:
        """All files, in order of their names."""
        folder = f"{self._store.location}/{kind}/{self.scorer}"
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


def _scores(told: str) -> Scores:
    """One answer as kept. Raises ValueError where it is none."""
    answer = strict_json(told)
    if not isinstance(answer, dict) or not answer.keys() <= risks().keys():
        raise ValueError("no scores by risk id")
    for score in answer.values():
        if not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1:
            raise ValueError("no score from 0 to 1")
    return {risk: float(score) for risk, score in answer.items()}
