"""What runs refer to in a store of scans: the keys of their layers and decisions, on record in the store itself.

Several outputs may share one store, on several machines. So each published run leaves `references/<run_id>.parquet`
there, the same file as its own `scans.parquet`, and each run going on leaves `references/<run_id>.json`, which it
takes back when it is published. Whoever prunes needs to know no other output (docs/adr/0024).
"""

import contextlib
import json
import socket
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.decisions import DecidedUnit
from pipeline.errors import RunFailed
from pipeline.store.scans import ScanStore, TableFile
from pipeline.store.storage import file_system, is_remote, store_errors

FILE = "scans.parquet"  # in a run's folder
FOLDER = "references"  # in the store
DECIDED = "decided"
REFERENCES = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # the layer, or `decided`
        pa.field("key", pa.binary(32), nullable=False),
    ]
)
_ROWS = 65536


@dataclass(frozen=True)
class Going:
    """A run that began with this store and was not published yet: going on, or interrupted."""

    run_id: str
    output: str
    host: str
    since: float  # seconds since 1970 by the clock of the store, like the times of its files

    @property
    def here(self) -> bool:
        """Whether it was begun on this machine."""
        return self.host == socket.gethostname()


@dataclass(frozen=True)
class StoredFile:
    """A file of a store: its URL or path, size in bytes, and when it was written, None where the store does not say."""

    path: str
    size: int
    time: float | None


def write_references(
    path: Path, units: Iterable[DecidedUnit], before: Iterable[str] = (), others: Iterable[tuple[str, str]] = ()
) -> None:
    """Writes what a run refers to. `before` are keys of decisions its next run begins with, replaced in this one;
    `others` more of what it begins with, kind and key."""
    keys = {(name, key) for unit in units for name, key in (*unit.scanned.layers.items(), (DECIDED, unit.key))}
    rows = sorted(keys | {(DECIDED, key) for key in before} | set(others))
    file = TableFile(path, REFERENCES)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        columns = [pa.array([kind for kind, _ in part]), pa.array([bytes.fromhex(key) for _, key in part])]
        file.write(pa.record_batch([columns[0], columns[1].cast(pa.binary(32))], schema=REFERENCES))
    file.close({"rows": file.rows})


def location_in_manifest(scans: str, output: Path) -> str:
    """The store as a manifest names it: relative where it lies in the output folder, which may be moved."""
    inside = not is_remote(scans) and Path(scans).is_relative_to(output)
    return str(Path(scans).relative_to(output)) if inside else scans


def location_of(manifest: dict[str, Any], output: Path) -> str | None:
    """The store a run was made with; None for runs of versions that did not say."""
    named = manifest.get("scans")
    return None if named is None else named if is_remote(named) else str(output / named)


class Register:
    """The references kept in one store."""

    def __init__(self, store: ScanStore) -> None:
        self.store = store
        self._place = f"{store.location}/{FOLDER}"

    def begin(self, run_id: str, output: Path, over: Collection[str] = ()) -> None:
        """A run begins: what it finds and commits from now on is in use. `over` are runs that will not go on."""
        for going in self.going():
            if going.run_id == run_id and going.here:
                return  # begun already and interrupted: what it committed before counts too
            if going.run_id in over or (going.here and going.output == str(output)):
                self.end(going.run_id)
        content = {"run_id": run_id, "output": str(output), "host": socket.gethostname()}
        self.store.commit_bytes(json.dumps(content, sort_keys=True).encode(), f"{self._place}/{run_id}.json")

    def keep(self, run_id: str, references: Path) -> None:
        """Puts the references of a run on record, from a copy of that file."""
        with self.store.workspace() as folder:
            copy = folder / FILE
            copy.write_bytes(references.read_bytes())
            self.store.commit(copy, f"{self._place}/{run_id}.parquet")

    def end(self, run_id: str) -> None:
        """The run is published, or will not go on."""
        self._discard(f"{run_id}.json")

    def drop(self, run_id: str) -> None:
        """Takes the references of a run off the record."""
        self._discard(f"{run_id}.parquet")

    def kept(self) -> list[str]:
        """Runs whose references are on record."""
        return sorted(Path(file.path).stem for file in self.files(FOLDER) if file.path.endswith(".parquet"))

    def going(self) -> list[Going]:
        """Runs that began and were not published."""
        found = []
        for file in self.files(FOLDER):
            if file.path.endswith(".json"):
                with contextlib.suppress(FileNotFoundError):  # published in this moment
                    since = 0.0 if file.time is None else file.time
                    found.append(_going(Path(file.path).stem, self.store.read_bytes(file.path), since))
        return found

    def keys(self, runs: Sequence[str]) -> set[bytes]:
        """All keys these runs refer to. Raises RunFailed where that cannot be told."""
        keys: set[bytes] = set()
        for run_id in runs:
            path = f"{self._place}/{run_id}.parquet"
            with self.store.workspace() as folder, self.store.on_disk(path, folder) as copy:
                keys |= keys_in(copy, path)
        return keys

    def files(self, folder: str) -> list[StoredFile]:
        """All files below a folder of the store."""
        place = f"{self.store.location}/{folder}"
        fs, inner = file_system(place)
        with store_errors(place):
            found = fs.find(inner, detail=True)
        return [
            StoredFile(f"{place}{name[len(inner) :]}", int(told.get("size") or 0), _time(told))
            for name, told in sorted(found.items())
        ]

    def folders(self) -> list[str]:
        """The names of the store's folders."""
        fs, inner = file_system(self.store.location)
        with store_errors(self.store.location):
            try:
                entries = fs.ls(inner, detail=True)
            except FileNotFoundError:
                return []
        return sorted(Path(entry["name"]).name for entry in entries if entry["type"] == "directory")

    def _discard(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.store.discard_file(f"{self._place}/{name}")


def keys_in(path: Path, name: str = "") -> set[bytes]:
    """All keys that a references file names; `name` is what to call it. Raises RunFailed where it is damaged."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            batches = file.iter_batches(columns=["key"], use_threads=False)
            return {key for batch in batches for key in batch.column("key").to_pylist()}
    except (OSError, ValueError, LookupError, pa.ArrowException) as error:
        raise RunFailed(
            f"{name or path}: 已损坏，不知道该运行引用了什么，扫描未清理 / is damaged, so what this run refers to is not known and no scans "
            f"are dropped: {FOLDER}/<run>.parquet in the scans and {FILE} in the folder of the run are the same file, copy the "
            f"other one here; scans dropped too early cost time, never a result"
        ) from error


def _going(run_id: str, note: bytes, since: float) -> Going:
    """What a note says; a damaged one could be of any output on any machine."""
    try:
        told = json.loads(note)
        return Going(str(told["run_id"]), str(told["output"]), str(told["host"]), since)
    except (ValueError, LookupError, TypeError):
        return Going(run_id, "?", "?", since)


def _time(told: dict[str, Any]) -> float | None:
    """When a file was written, by whatever name its store calls that."""
    for name in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = told.get(name)
        if value is not None:
            return float(value.timestamp()) if hasattr(value, "timestamp") else float(value)
    return None
