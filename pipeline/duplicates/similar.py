"""Pairs of similar documents: who meets in a band is compared by the full signature. All of it is SQL that spills.

A document is a number, its unit's position in the order of source and shard times 2^32 plus its row: smaller is
earlier. Of documents with equal signatures the first stands for all; the others are linked to it without comparing.
In a band, a document is compared with the first it met, with the one before it, and with its four neighbours in the
order of the signature's other values. That is all pairs of a small group, and linear in a large one: where thousands
share a boilerplate, those who share more stand side by side.

Which pairs are compared depends on the documents alone, so an increment gives what a search from the start gives: in
`changed` bands all that met is compared again, elsewhere the edges found before stand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.database import parquet_list
from pipeline.duplicates.bands import BANDS, COLUMNS, VALUES, WHOLE, signatures_of
from schemas.layers import MINHASH_PERMUTATIONS

NEIGHBOURS = 4  # in the order of signatures: every pair of five
_PAIRS = 100_000  # compared at a time: 51 MB of signatures
NUMBER = "(file_index::UBIGINT << 32) | file_row_number::UBIGINT"
_ROW = "4294967295::UBIGINT"

EDGES = pa.schema(
    [
        pa.field("a", pa.uint64(), nullable=False),  # the earlier document
        pa.field("b", pa.uint64(), nullable=False),
        pa.field("same", pa.int32(), nullable=False),  # of 64 values
        pa.field("bands", pa.int32(), nullable=False),  # in which they were put side by side, a bit each
    ]
)


@dataclass(frozen=True)
class Earlier:
    """An earlier search: its edges, the new position of each of its units that is still there, band files that came or went."""

    edges: Path
    moved: dict[int, int]
    changed: tuple[Path, ...]


def find_similar(
    sql: duckdb.DuckDBPyConnection,
    bands: Sequence[Path],
    fingerprints: Callable[[int], Path],
    threshold: float,
    earlier: Earlier | None = None,
) -> None:
    """Makes the table `edges`: every compared pair with at least `threshold` of its values equal.

    `bands` are the units' band files in order; `fingerprints` gives the fingerprint layer of a unit by its position.
    """
    sql.execute("CREATE TABLE edges (a UBIGINT, b UBIGINT, same INTEGER, bands INTEGER)")
    if not bands:
        return
    if earlier is not None:
        _recall(sql, earlier)
    _meet(sql, numbered(bands), earlier)
    _pair(sql, fingerprints, range(len(bands)))
    _compare(sql, threshold)
    if earlier is not None:
        _keep(sql)
    for table in ("met", "signatures", "pairs"):
        sql.execute(f"DROP TABLE {table}")


def numbered(files: Sequence[Path]) -> str:
    """These files with the virtual columns that say where a row stands."""
    return f"{parquet_list(files).removesuffix(')')}, file_row_number = true)"


def _meet(sql: duckdb.DuckDBPyConnection, bands: str, earlier: Earlier | None) -> None:
    """Fills `met` with the first of each signature in every band where different signatures meet."""
    sql.execute("CREATE TABLE met (band INTEGER, h UBIGINT, n UBIGINT)")
    for band, column in enumerate(COLUMNS):
        if earlier is None:
            hot = f"SELECT {column} AS h FROM {bands} WHERE h IS NOT NULL GROUP BY h HAVING count(*) > 1"
        elif earlier.changed:
            hot = f"SELECT DISTINCT {column} AS h FROM {numbered(earlier.changed)} WHERE h IS NOT NULL"
        else:
            return
        sql.execute(f"CREATE OR REPLACE TABLE hot AS {hot}")
        whole = "" if column == WHOLE else f", {WHOLE}"
        sql.execute(
            f"""CREATE OR REPLACE TABLE those AS
            SELECT {column} AS h{whole}, {NUMBER} AS n FROM {bands} WHERE {column} IN (FROM hot)"""
        )
        if earlier is not None:
            sql.execute(f"INSERT INTO touched SELECT n, 1 << {band} FROM those")
        if column == WHOLE:
            sql.execute(
                f"""INSERT INTO edges SELECT first, n, {MINHASH_PERMUTATIONS}, 1 << {band}
                FROM (SELECT n, min(n) OVER (PARTITION BY h) AS first FROM those) WHERE n <> first"""
            )
        else:
            sql.execute(
                f"""INSERT INTO met SELECT {band}, h, n FROM (
                    SELECT h, min(n) AS n, count(*) OVER (PARTITION BY h) AS many FROM those GROUP BY h, {WHOLE})
                WHERE many > 1"""
            )
    sql.execute("DROP TABLE hot")
    sql.execute("DROP TABLE those")


def _pair(sql: duckdb.DuckDBPyConnection, fingerprints: Callable[[int], Path], units: Sequence[int]) -> None:
    """Fills `signatures` with those of all that met, and `pairs` with what is compared."""
    sql.execute("CREATE TABLE signatures (n UBIGINT, minhash BLOB)")
    sql.execute("CREATE TABLE pairs (a UBIGINT, b UBIGINT, bands INTEGER)")
    concerned = [unit for (unit,) in sql.execute("SELECT DISTINCT n >> 32 FROM met ORDER BY 1").fetchall()]
    if not concerned:
        return
    sql.register(
        "given", pa.table({"i": pa.array(range(len(concerned)), pa.int64()), "unit": pa.array(concerned, pa.uint64())})
    )
    sql.execute(
        f"""INSERT INTO signatures SELECT n, minhash FROM (
            SELECT (unit << 32) | file_row_number::UBIGINT AS n, minhash
            FROM (SELECT file_index AS i, file_row_number, minhash FROM {numbered([fingerprints(u) for u in concerned])}) JOIN given USING (i))
        WHERE n IN (SELECT n FROM met)"""
    )
    sql.unregister("given")
    near = ", ".join(f"lag(n, {step}) OVER alike" for step in range(1, NEIGHBOURS + 1))
    for band in range(BANDS):
        behind = 4 * VALUES * (band + 1)
        sql.execute(
            f"""INSERT INTO pairs SELECT DISTINCT least(n, other), greatest(n, other), 1 << {band} FROM (
                SELECT n, unnest([first_value(n) OVER arrived, lag(n) OVER arrived, {near}]) AS other
                FROM (FROM met WHERE band = {band}) JOIN signatures USING (n)
                WINDOW arrived AS (PARTITION BY h ORDER BY n),
                       alike AS (PARTITION BY h ORDER BY minhash[{behind + 1}:] || minhash[:{behind}], n))
            WHERE other IS NOT NULL AND other <> n"""
        )


def _compare(sql: duckdb.DuckDBPyConnection, threshold: float) -> None:
    """Adds to `edges` the pairs that are similar enough, a bounded number at a time."""
    writer = sql.cursor()
    found = sql.sql(
        """SELECT a, b, bands, l.minhash AS x, r.minhash AS y
        FROM (SELECT a, b, bit_or(bands) AS bands FROM pairs GROUP BY a, b)
        JOIN signatures l ON l.n = a JOIN signatures r ON r.n = b"""
    ).to_arrow_reader(_PAIRS)
    least = threshold * MINHASH_PERMUTATIONS
    for batch in found:
        same = (signatures_of(batch.column("x")) == signatures_of(batch.column("y"))).sum(axis=1)
        alike = pa.array(same >= least)
        writer.register(
            "alike",
            pa.table(
                {name: batch.column(name).filter(alike) for name in ("a", "b")}
                | {"same": pa.array(same.astype(np.int32)).filter(alike), "bands": batch.column("bands").filter(alike)}
            ),
        )
        writer.execute("INSERT INTO edges SELECT a, b, same, bands FROM alike")
        writer.unregister("alike")
    writer.close()


def _recall(sql: duckdb.DuckDBPyConnection, earlier: Earlier) -> None:
    """Makes `kept`, the earlier edges between documents that are still there, by their new numbers."""
    sql.execute("CREATE TABLE touched (n UBIGINT, bands INTEGER)")
    moved = {"old": pa.array(earlier.moved.keys(), pa.uint64()), "new": pa.array(earlier.moved.values(), pa.uint64())}
    sql.register("given", pa.table(moved))
    sql.execute(
        f"""CREATE TABLE kept AS
        SELECT (l.new << 32) | (a & {_ROW}) AS a, (r.new << 32) | (b & {_ROW}) AS b, same, bands
        FROM {parquet_list([earlier.edges])} JOIN given l ON l.old = a >> 32 JOIN given r ON r.old = b >> 32"""
    )
    sql.unregister("given")


def _keep(sql: duckdb.DuckDBPyConnection) -> None:
    """Adds the earlier edges of bands in which nothing changed; a pair may stand in both."""
    sql.execute("CREATE TABLE changed AS SELECT n, bit_or(bands) AS bands FROM touched GROUP BY n")
    sql.execute(
        """CREATE TABLE still AS
        SELECT a, b, same, k.bands & ~(coalesce(l.bands, 0) | coalesce(r.bands, 0)) AS bands, l.n IS NULL OR r.n IS NULL AS alone
        FROM kept k LEFT JOIN changed l ON l.n = a LEFT JOIN changed r ON r.n = b"""
    )
    # who was put side by side now stands in a changed band with both ends; all other pairs stay as they are
    sql.execute(
        """CREATE OR REPLACE TABLE edges AS
        SELECT a, b, same, bands FROM still WHERE alone AND bands <> 0
        UNION ALL SELECT a, b, max(same)::INTEGER, bit_or(bands)
        FROM (FROM edges UNION ALL SELECT a, b, same, bands FROM still WHERE NOT alone AND bands <> 0) GROUP BY a, b"""
    )
    for table in ("kept", "touched", "changed", "still"):
        sql.execute(f"DROP TABLE {table}")
