"""Copies of documents across all sources: exact ones by content hash, near ones by MinHash.

Grouping by many keys is DuckDB's work, over committed files; memory is bounded and spills to disk. Of a group the
first document in order of source, shard and row is the original, the others are its copies. Whether copies are only
reported or left out of the corpus is policy (`duplicates` in schemas/policies).

Near duplicates: 16 bands of 4 values of the 64 MinHash values meet where the Jaccard similarity of the 5-shingles is
about 0.5 or more (Leskovec et al., Mining of Massive Datasets, 3.4); in each band a document is compared, value
by value, with the first and with the one before it, and kept from the policy's threshold upward. A document is a near copy of the first of its group.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipeline.database import connect, parquet_list, quoted
from schemas.layers import MINHASH_PERMUTATIONS

BANDS = 16
_VALUES = MINHASH_PERMUTATIONS // BANDS
_EMPTY = b"\xff" * (4 * MINHASH_PERMUTATIONS)  # of a text of which nothing stays when it is folded
_NOBODY: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
_PAIRS = 200_000  # pairs compared at a time


@dataclass(frozen=True)
class UnitFiles:
    """A unit's decided documents and its fingerprint layer; rows of both are aligned."""

    unit: str
    documents: Path
    fingerprints: Path | None


@dataclass(frozen=True)
class Copy:
    """A document that is a copy of an earlier one. `row` is its position in the unit's files."""

    unit: str
    row: int
    kind: str  # exact | near


def find_copies(
    units: Sequence[UnitFiles],
    near: float | None,
    spill: Path,
    without: tuple[frozenset[str], frozenset[str]] = _NOBODY,
) -> list[Copy]:
    """The copies among admitted documents; near ones from the similarity `near` upward, or not looked for at all.

    `without` names sources and domains that are out though their documents still say admitted.
    """
    if not units:
        return []
    with connect() as sql:
        sql.execute(f"SET temp_directory = {quoted(str(spill))}")
        sql.execute("SET preserve_insertion_order = false")
        _load(sql, units, without)
        sql.execute(
            """CREATE TABLE exact AS SELECT n FROM (
               SELECT n, row_number() OVER (PARTITION BY content_hash ORDER BY n) AS place FROM documents) WHERE place > 1"""
        )
        found = [Copy(unit, row, "exact") for unit, row in _places(sql, "exact")]
        if near is not None and all(unit.fingerprints for unit in units):
            _near(sql, units, near)
            found += [Copy(unit, row, "near") for unit, row in _places(sql, "near")]
    return sorted(found, key=lambda copy: (copy.unit, copy.row))


def _load(
    sql: duckdb.DuckDBPyConnection, units: Sequence[UnitFiles], without: tuple[frozenset[str], frozenset[str]]
) -> None:
    """Admitted documents, numbered in order of source, shard and row."""
    names = {str(unit.documents): unit.unit for unit in units}
    sql.execute("CREATE TABLE units (filename VARCHAR, unit VARCHAR)")
    sql.executemany("INSERT INTO units VALUES (?, ?)", list(names.items()))
    listed = parquet_list([unit.documents for unit in units]).removesuffix(")")
    sql.execute(
        f"""CREATE TABLE documents AS
        SELECT row_number() OVER (ORDER BY source_id, shard, "row") AS n, unit, file_row_number AS position, content_hash
        FROM {listed}, filename = true, file_row_number = true) JOIN units USING (filename)
        WHERE admitted AND NOT list_contains(?, source_id) AND NOT coalesce(list_contains(?, domain), false)""",
        [sorted(without[0]), sorted(without[1])],
    )


def _places(sql: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, int]]:
    return sql.execute(f"SELECT unit, position FROM documents JOIN {table} USING (n)").fetchall()


def _near(sql: duckdb.DuckDBPyConnection, units: Sequence[UnitFiles], threshold: float) -> None:
    """Fills the table `near` with the numbers of near copies."""
    names = {str(unit.fingerprints): unit.unit for unit in units}
    sql.execute("CREATE TABLE prints (filename VARCHAR, unit VARCHAR)")
    sql.executemany("INSERT INTO prints VALUES (?, ?)", list(names.items()))
    listed = parquet_list([unit.fingerprints for unit in units if unit.fingerprints]).removesuffix(")")
    sql.execute(
        f"""CREATE TABLE signatures AS SELECT d.n, f.minhash
        FROM (SELECT unit, file_row_number AS position, minhash
              FROM {listed}, filename = true, file_row_number = true) JOIN prints USING (filename)) f
        JOIN documents d USING (unit, position)
        WHERE d.n NOT IN (SELECT n FROM exact) AND f.minhash <> ?""",
        [_EMPTY],
    )
    width = 2 * 4 * _VALUES  # hex characters of a band
    sql.execute(
        f"""CREATE TABLE pairs AS WITH banded AS (
            SELECT n, band, substr(hex(minhash), 1 + band * {width}, {width}) AS value
            FROM signatures, range({BANDS}) bands(band)),
        met AS (
            SELECT n, first_value(n) OVER w AS head, lag(n) OVER w AS previous
            FROM banded WINDOW w AS (PARTITION BY band, value ORDER BY n))
        SELECT DISTINCT least(n, other) AS a, greatest(n, other) AS b
        FROM (SELECT n, head AS other FROM met UNION ALL SELECT n, previous FROM met)
        WHERE other IS NOT NULL AND other <> n"""
    )
    groups = _Groups()
    for first, second, left, right in _compared(sql):
        same = (left == right).mean(axis=1) >= threshold
        for a, b in zip(first[same].tolist(), second[same].tolist(), strict=True):
            groups.join(a, b)
    sql.execute("CREATE TABLE near (n BIGINT)")
    copies = [[n] for n in groups.copies()]
    if copies:
        import pyarrow as pa

        sql.register("given", pa.table({"n": pa.array([row[0] for row in copies], pa.int64())}))
        sql.execute("INSERT INTO near FROM given")


def _compared(sql: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Pairs that met, with their signatures, a bounded number at a time."""
    total = sql.execute("SELECT count(*) FROM pairs").fetchall()[0][0]
    for start in range(0, total, _PAIRS):
        table = sql.sql(
            f"""SELECT a, b, l.minhash AS x, r.minhash AS y
            FROM (SELECT * FROM pairs ORDER BY a, b LIMIT {_PAIRS} OFFSET {start}) p
            JOIN signatures l ON l.n = p.a JOIN signatures r ON r.n = p.b"""
        ).to_arrow_table()
        yield (
            table.column("a").to_numpy(),
            table.column("b").to_numpy(),
            _signatures(table.column("x")),
            _signatures(table.column("y")),
        )


def _signatures(column: Any) -> Any:
    joined = b"".join(column.to_pylist())
    return np.frombuffer(joined, dtype="<u4").reshape(-1, MINHASH_PERMUTATIONS)


class _Groups:
    """Disjoint sets; the smallest member stands for its set."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def _root(self, member: int) -> int:
        root = member
        while (above := self._parent.get(root, root)) != root:
            root = above
        while (above := self._parent.get(member, member)) != root:
            self._parent[member], member = root, above
        return root

    def join(self, one: int, other: int) -> None:
        """Puts two members into one set."""
        first, second = sorted((self._root(one), self._root(other)))
        self._parent.setdefault(first, first)
        self._parent[second] = first

    def copies(self) -> list[int]:
        """All members but the first of each set."""
        return sorted(member for member in self._parent if self._root(member) != member)
