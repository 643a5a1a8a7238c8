"""Groups of similar documents: what is linked by similar pairs, directly or through others.

Connected components by alternating stars (Kiveris et al., Connected Components in MapReduce and Beyond, 2014), in SQL
that spills: rounds grow with the logarithm of the longest chain, memory with nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.database import parquet_list
from pipeline.scans import TableFile
from schemas.layers import MINHASH_PERMUTATIONS
from schemas.results import NEAR_DUPLICATES

_ROWS = 100_000


def join_groups(sql: duckdb.DuckDBPyConnection) -> None:
    """From `edges` makes `members` (n, root, similarity): all documents of a group with its first.

    `similarity` is the highest with another member, by equal MinHash values.
    """
    sql.execute("CREATE OR REPLACE TABLE links AS SELECT b AS n, a AS root FROM edges")
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
        WITH best AS (
            SELECT n, max(same) AS same FROM (SELECT a AS n, same FROM edges UNION ALL SELECT b, same FROM edges) GROUP BY n)
        SELECT n, root, same / {MINHASH_PERMUTATIONS} AS similarity
        FROM (FROM links UNION SELECT root, root FROM links) JOIN best USING (n)"""
    )
    sql.execute("DROP TABLE links")


def _settled(sql: duckdb.DuckDBPyConnection) -> bool:
    """Whether every document is linked once, to one that is linked to nobody."""
    row = sql.execute(
        """SELECT (SELECT count(*) - count(DISTINCT n) FROM links) = 0
        AND NOT EXISTS (FROM links WHERE root IN (SELECT n FROM links))"""
    ).fetchall()
    return bool(row[0][0])


def write_groups(sql: duckdb.DuckDBPyConnection, documents: Sequence[Path], target: Path) -> int:
    """Writes the members of all groups, in order of group and place; `documents` are the units' files in order."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file = TableFile(target, NEAR_DUPLICATES)
    if documents:
        listed = parquet_list(documents).removesuffix(")")
        found = sql.sql(
            f"""SELECT dense_rank() OVER (ORDER BY root)::BIGINT AS group_no, source_id, shard, "row", doc_id, content_hash, similarity
            FROM (SELECT (file_index::UBIGINT << 32) | file_row_number::UBIGINT AS n, source_id, shard, "row", doc_id, content_hash
                  FROM {listed}, file_row_number = true)) JOIN members USING (n)
            ORDER BY root, n"""
        ).to_arrow_reader(_ROWS)
        for batch in found:
            table = pa.Table.from_batches([batch]).cast(NEAR_DUPLICATES).combine_chunks()
            for part in table.to_batches():
                file.write(part)
    file.close({"rows": file.rows})
    return file.rows
