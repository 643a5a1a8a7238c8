"""Groups of similar documents: what is linked by similar pairs, directly or through others.

Connected components by alternating stars (Kiveris et al., Connected Components in MapReduce and Beyond, 2014), in SQL
that spills: rounds grow with the logarithm of the longest chain, memory with nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.duplicates.bands import BANDS, WHOLE
from pipeline.duplicates.similar import NUMBER, numbered
from pipeline.store.scans import TableFile
from schemas.layers import MINHASH_PERMUTATIONS
from schemas.results import NEAR_DUPLICATES

_ROWS = 100_000
_EQUAL = 1 << BANDS  # the band of whole signatures, alone in an edge: its later document is in no other


def join_groups(sql: duckdb.DuckDBPyConnection) -> None:
    """From `edges` makes `members` (n, root, similarity): all documents of a group with its first.

    `similarity` is the highest with another member, by equal MinHash values. Documents of equal signatures follow the
    first of them, which alone is linked to others; so only these are joined in rounds.
    """
    sql.execute(f"CREATE OR REPLACE TABLE links AS SELECT b AS n, a AS root FROM edges WHERE bands <> {_EQUAL}")
    while not _settled(sql):
        sql.execute(
            """CREATE OR REPLACE TABLE links AS
            WITH sides AS (SELECT n AS u, root AS v FROM links UNION ALL SELECT root, n FROM links),
            least AS (SELECT u, least(u, min(v)) AS m FROM sides GROUP BY u)
            SELECT DISTINCT v AS n, m AS root FROM sides JOIN least USING (u) WHERE v > u"""
        )
        sql.execute(
            """CREATE OR REPLACE TABLE links AS
            WITH least AS (SELECT n, min(root) AS m FROM links GROUP BY n)
            SELECT n, m AS root FROM least
            UNION SELECT root, m FROM links JOIN least USING (n) WHERE root <> m"""
        )
    sql.execute(
        f"""CREATE OR REPLACE TABLE members AS
        WITH equal AS (SELECT b AS n, a AS first FROM edges WHERE bands = {_EQUAL}),
        best AS (
            SELECT n, max(same) AS same FROM (
                SELECT a AS n, same FROM edges WHERE bands <> {_EQUAL} UNION ALL SELECT b, same FROM edges WHERE bands <> {_EQUAL}
                UNION ALL SELECT DISTINCT first, {MINHASH_PERMUTATIONS} FROM equal)
            GROUP BY n)
        SELECT n, coalesce(root, n) AS root, same / {MINHASH_PERMUTATIONS} AS similarity FROM best LEFT JOIN links USING (n)
        UNION ALL SELECT equal.n, coalesce(links.root, first), 1 FROM equal LEFT JOIN links ON links.n = first"""
    )
    sql.execute("DROP TABLE links")


def _settled(sql: duckdb.DuckDBPyConnection) -> bool:
    """Whether every document is linked once, to one that is linked to nobody."""
    row = sql.execute(
        """SELECT (SELECT count(*) - count(DISTINCT n) FROM links) = 0
        AND NOT EXISTS (FROM links WHERE root IN (SELECT n FROM links))"""
    ).fetchall()
    return bool(row[0][0])


def join_empty(sql: duckdb.DuckDBPyConnection, bands: Sequence[Path], hashes: Sequence[Path]) -> None:
    """Adds to `members` the copies of texts of which nothing stays when folded: each is like equal texts only.

    `bands` are the units' band files, `hashes` the digests of their texts, both in order.
    """
    if bands:
        sql.execute(
            f"""INSERT INTO members
            WITH nothing AS (SELECT {NUMBER} AS n FROM {numbered(bands)} WHERE {WHOLE} IS NULL)
            SELECT n, first, 1 FROM (
                SELECT n, min(n) OVER same AS first, count(*) OVER same AS many
                FROM nothing JOIN (SELECT {NUMBER} AS n, text_high, text_low FROM {numbered(hashes)}) USING (n)
                WINDOW same AS (PARTITION BY text_high, text_low))
            WHERE many > 1"""
        )


def write_groups(
    sql: duckdb.DuckDBPyConnection, documents: Sequence[Path], hashes: Sequence[Path], target: Path
) -> int:
    """Writes the members of all groups, in order of group and place; how many they are.

    `documents` are the units' files in order and `hashes` the digests of their texts. Nothing longer than a place is
    read or sorted: where everything is a copy of something, this is most of the work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    file = TableFile(target, NEAR_DUPLICATES)
    if documents:
        found = sql.sql(
            f"""SELECT group_no, source_id, shard, "row", text_high AS text, similarity
            FROM (SELECT {NUMBER} AS n, source_id, shard, "row" FROM {numbered(documents)})
            JOIN (SELECT {NUMBER} AS n, text_high FROM {numbered(hashes)}) USING (n)
            JOIN members USING (n)
            JOIN (SELECT root, row_number() OVER (ORDER BY root) AS group_no FROM (SELECT DISTINCT root FROM members)) USING (root)
            ORDER BY group_no, n"""
        ).to_arrow_reader(_ROWS)
        for batch in found:
            table = pa.Table.from_batches([batch]).cast(NEAR_DUPLICATES).combine_chunks()
            for part in table.to_batches():
                file.write(part)
    file.close({"rows": file.rows})
    return file.rows
