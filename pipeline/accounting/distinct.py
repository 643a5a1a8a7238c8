"""How many different texts and ids each source has, counted by DuckDB over the hashes of its units.

The counts of a source are committed under the keys of its units: a source of which nothing changed is not counted again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import duckdb

from pipeline.accounting.statistics import Distinct
from pipeline.accounting.summaries import HASHED, sealed, summary_file, unsealed
from pipeline.database import BOUNDED, connect, parquet_list, quoted
from pipeline.decisions import DecidedUnit
from pipeline.store.scans import ScanStore

LAYER = "distinct-1"  # the number is that of the form
_AT_A_TIME = 16_000_000  # documents that are counted in one pass, so that memory is bounded


def distinct_keys(units: Iterable[DecidedUnit]) -> dict[str, str]:
    """By source the key of its counts."""
    keys: dict[str, list[str]] = {}
    for unit in units:
        keys.setdefault(unit.source_id, []).append(unit.key)
    return {source: hashlib.sha256("\n".join(sorted(own)).encode()).hexdigest() for source, own in keys.items()}


def distinct_counts(units: Sequence[DecidedUnit], store: ScanStore, folder: Path) -> dict[str, Distinct]:
    """Per source its different texts, how many of them violate, and how many ids stand on an earlier document.

    `folder` takes files for the time being; what DuckDB has no memory for spills there.
    """
    counted: dict[str, Distinct] = {}
    for source, key in distinct_keys(units).items():
        path = store.path(LAYER, key, ".json")
        found = unsealed(store.read_bytes(path)) if store.exists(path) else None
        if found is not None:
            counted[source] = Distinct(**found)
            continue
        own = [unit for unit in units if unit.source_id == source]
        with ExitStack() as held, connect(memory=BOUNDED) as sql:
            sql.execute(f"SET temp_directory = {quoted(str(folder / 'duckdb-spill'))}")
            files = [held.enter_context(summary_file(HASHED, unit, store, folder)) for unit in own]
            counted[source] = _count(sql, parquet_list(files))
        store.commit_bytes(sealed(_sums(counted[source])), path)
    return counted


def _count(sql: duckdb.DuckDBPyConnection, hashes: str) -> Distinct:
    rows, texts, violating, ids = sql.execute(f"SELECT count(*) FROM {hashes}").fetchall()[0][0], 0, 0, 0
    passes = -(-rows // _AT_A_TIME)
    for number in range(passes):
        one = sql.execute(
            f"""SELECT count(*), count(*) FILTER (bad) FROM (
            SELECT bool_or(illegal_unhealthy) AS bad FROM {hashes}
            WHERE text_low % {passes} = {number} GROUP BY text_high, text_low)"""
        ).fetchall()[0]
        other = sql.execute(
            f"""SELECT count(*) FROM (
            SELECT 1 FROM {hashes} WHERE id_low % {passes} = {number} GROUP BY id_high, id_low)"""
        ).fetchall()[0]
        texts, violating, ids = texts + one[0], violating + one[1], ids + other[0]
    return Distinct(texts, violating, rows - ids)


def _sums(counts: Distinct) -> dict[str, int]:
    return {name: getattr(counts, name) for name in ("documents", "violations", "repeated_ids")}
