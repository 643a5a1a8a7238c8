"""The search for near duplicates in a run: band files where they are missing, similar pairs, and what the last search left.

The edges are kept in the store with the fingerprints they are of. A run on the same fingerprints finds them there; one
on some others compares only where documents came or went. Either gives what a search from the start gives.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.database import parquet_list
from pipeline.duplicates.bands import SCHEMA as BANDS
from pipeline.duplicates.bands import VERSION as BANDS_VERSION
from pipeline.duplicates.bands import bands_path, commit_bands
from pipeline.duplicates.similar import EDGES, Earlier, find_similar
from pipeline.errors import StoreError
from pipeline.store.scans import ScanStore, TableFile
from schemas.layers import FINGERPRINT

VERSION = 1
LAYER = "similar"
_LATEST = "latest.json"
_MUCH = 4  # from a quarter of all units on, searching from the start is less work
_ROWS = 100_000


def search(
    sql: duckdb.DuckDBPyConnection, keys: Sequence[str], threshold: float, store: ScanStore, folder: Path
) -> str:
    """Makes the table `edges` for the units with these fingerprint layers, in order. `folder` takes copies of remote files.

    Returns how: `known`, `increment` or `whole`.
    """
    path = store.path(LAYER, edges_key(keys, threshold))
    with ExitStack() as held:

        def on_disk(file: str, schema: pa.Schema) -> Path:
            return held.enter_context(store.sound_on_disk(file, folder, schema))

        def fingerprints(unit: int) -> Path:
            return on_disk(store.path("fingerprint", keys[unit]), FINGERPRINT)

        if store.exists(path):
            sql.execute(f"CREATE TABLE edges AS FROM {parquet_list([on_disk(path, EDGES)])}")
            how = "known"
        else:
            commit_bands(store, keys)
            earlier = _earlier(keys, threshold, store, on_disk)
            bands = [on_disk(bands_path(store, key), BANDS) for key in keys]
            find_similar(sql, bands, fingerprints, threshold, earlier)
            _commit(sql, store, path)
            how = "whole" if earlier is None else "increment"
    note = json.dumps({"path": path.removeprefix(store.location), "threshold": threshold, "units": list(keys)})
    store.commit_bytes(note.encode(), _note(store))
    return how


def edges_key(keys: Sequence[str], threshold: float) -> str:
    """Under which the edges of these fingerprint layers are kept."""
    return hashlib.sha256(json.dumps([VERSION, BANDS_VERSION, threshold, list(keys)]).encode()).hexdigest()


def _note(store: ScanStore) -> str:
    return f"{store.location}/{LAYER}/{_LATEST}"


def _earlier(
    keys: Sequence[str], threshold: float, store: ScanStore, on_disk: Callable[[str, pa.Schema], Path]
) -> Earlier | None:
    """What the last search left, where it is whole and much of it still holds."""
    if not store.exists(_note(store)):
        return None
    try:
        note = json.loads(store.read_bytes(_note(store)))
        units, path, known = [str(key) for key in note["units"]], store.location + str(note["path"]), note["threshold"]
    except (ValueError, LookupError, TypeError, StoreError, OSError):
        return None  # a damaged note costs time, nothing else
    if path != store.path(LAYER, edges_key(units, threshold)) or known != threshold:
        return None
    now, before = {key: place for place, key in enumerate(keys)}, set(units)
    changed = [key for key in (*keys, *units) if (key in now) != (key in before)]
    if _MUCH * len(changed) > len(keys) or len(now) < len(keys) or len(before) < len(units):
        return None
    if store.missing({path, *(bands_path(store, key) for key in changed)}):
        return None
    moved = {place: now[key] for place, key in enumerate(units) if key in now}
    if list(moved.values()) != sorted(moved.values()):
        return None  # the order of documents is another
    return Earlier(on_disk(path, EDGES), moved, tuple(on_disk(bands_path(store, key), BANDS) for key in changed))


def _commit(sql: duckdb.DuckDBPyConnection, store: ScanStore, path: str) -> None:
    with store.workspace() as folder:
        file = TableFile(folder / "edges.parquet", EDGES)
        for batch in sql.sql("SELECT a, b, same, bands FROM edges ORDER BY a, b").to_arrow_reader(_ROWS):
            for part in pa.Table.from_batches([batch]).cast(EDGES).to_batches():
                file.write(part)
        file.close({"rows": file.rows})
        store.commit(file.path, path)
