"""Chooses the documents of a round's samples: the smallest keys of each population, by the contract's rule.

`key` is the first 16 characters of sha256(seed + "\n" + doc_id + "\n" + content_hash); ties by doc_id, shard, row. The
manual sample is of all admitted documents of ordinary stages, a stage's of the stage's (rounds/apart.py), a source's of everything of
ordinary stages collected of it before filtering, machine-positive and machine-negative apart.

Keys are evenly spread, so the smallest of a population of known size lie below a key that can be told beforehand: one
pass takes what lies below, and only that is ranked. Where too little does, the bounds are doubled.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipeline.database import quoted
from pipeline.errors import RunFailed
from rounds.apart import OF_STAGE, ORDINARY
from rounds.design import Design

_LIMITS = pa.schema([("name", pa.string()), ("wanted", pa.int64()), ("bound", pa.string())])
_ALL = "~"  # behind all keys
_COLUMNS = ("doc_id", "shard", "row", "source_id", "bucket", "stage", "content_hash")


@dataclass(frozen=True, order=True)
class Document:
    """A document of the run; copies of one id are told apart by shard and row."""

    doc_id: str
    shard: str
    row: int
    source_id: str
    bucket: str
    stage: str
    content_hash: str

    @property
    def place(self) -> tuple[str, str, int]:
        """Where its text is read."""
        return self.source_id, self.shard, self.row


Chosen = dict[Document, tuple[str, ...]]  # each document with the samples it is in, sorted


def choose(sql: duckdb.DuckDBPyConnection, seed: str, design: Design, sizes: Mapping[str, int]) -> Chosen:
    """The documents of all samples; one in several is one document.

    `sql` is `documents_of` the run, `sizes` those of its strata (rounds/frame.py). Raises RunFailed where they are not.
    """
    wanted = {name: min(size, design.of(name)) for name, size in sizes.items() if min(size, design.of(name))}
    factor = 1.0
    while True:
        bounds = {name: _bound(wanted[name], sizes[name], factor) for name in wanted}
        found = _below(sql, seed, wanted, bounds)
        if {name: len(documents) for name, documents in found.items()} == wanted:
            break
        if set(bounds.values()) == {_ALL}:
            raise RunFailed("各层大小与运行不符 / the sizes of strata are not those of the run")
        factor *= 2
    samples: dict[Document, list[str]] = {}
    for name, documents in found.items():
        for document in documents:
            samples.setdefault(document, []).append(name)
    return {document: tuple(sorted(names)) for document, names in samples.items()}


def _bound(wanted: int, size: int, factor: float) -> str:
    """A key below which surely so many of a population lie: eight standard deviations and a few beyond what is expected."""
    share = factor * (wanted + 8 * math.sqrt(wanted) + 32) / size
    return f"{int(share * 2**64):016x}" if share < 1 else _ALL


def _below(
    sql: duckdb.DuckDBPyConnection, seed: str, wanted: Mapping[str, int], bounds: Mapping[str, str]
) -> dict[str, list[Document]]:
    """The smallest of each sample among the documents up to the bounds."""
    limits = [{"name": name, "wanted": wanted[name], "bound": bound} for name, bound in bounds.items()]
    sql.register("limits", pa.Table.from_pylist(limits, schema=_LIMITS))
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    stratum = "'source:' || source_id || ':' || CASE WHEN positive THEN 'positive' ELSE 'negative' END"
    sql.execute(
        f"""CREATE OR REPLACE TEMP TABLE nearest AS
        SELECT {columns}, admitted, {ORDINARY} AS ordinary, {stratum} AS stratum, {key_sql(seed)} AS key
        FROM documents
        LEFT JOIN (SELECT name, bound AS of_source FROM limits) s ON s.name = {stratum}
        LEFT JOIN (SELECT name, bound AS of_stage FROM limits) t ON t.name = 'stage:' || stage
        WHERE {key_sql(seed)} <= greatest(CASE WHEN {ORDINARY} THEN of_source END, CASE WHEN {OF_STAGE} THEN of_stage END,
            CASE WHEN admitted AND {ORDINARY} THEN {quoted(bounds.get("manual", ""))} END)"""
    )
    rows = sql.execute(
        f"""SELECT name, {columns} FROM (
            SELECT *, 'manual' AS name FROM nearest WHERE admitted AND ordinary
            UNION ALL SELECT *, 'stage:' || stage FROM nearest WHERE {OF_STAGE}
            UNION ALL SELECT *, stratum FROM nearest WHERE ordinary)
        JOIN limits USING (name)
        WHERE key <= bound
        QUALIFY row_number() OVER (PARTITION BY name ORDER BY key, doc_id, shard, "row") <= wanted"""
    ).fetchall()
    sql.execute("DROP TABLE nearest")
    sql.unregister("limits")
    found: dict[str, list[Document]] = {}
    for name, *values in rows:
        found.setdefault(name, []).append(Document(*values))
    return found


def key_sql(seed: str) -> str:
    """The manual key of a row of `documents`, as an SQL expression."""
    return f"substr(sha256({quoted(seed)} || chr(10) || doc_id || chr(10) || content_hash), 1, 16)"
