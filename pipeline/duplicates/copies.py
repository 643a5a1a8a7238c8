"""Which documents are left out because a copy of them stays: all admitted ones of a group but the first."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.database import parquet_list

Out = tuple[
    frozenset[str], frozenset[str]
]  # sources and domains that are out though their documents still say admitted


def find_copies(
    sql: duckdb.DuckDBPyConnection, documents: Sequence[Path], near: bool, without: Out = (frozenset(), frozenset())
) -> dict[int, list[int]]:
    """The rows of copies among admitted documents, by the position of their unit.

    Exact copies always; near ones by the table `members`, where `near` says so. First is who stands first in the order
    of `documents` and rows.
    """
    if not documents:
        return {}
    sql.execute(
        f"""CREATE OR REPLACE TEMP VIEW candidates AS
        SELECT (file_index::UBIGINT << 32) | file_row_number::UBIGINT AS n, content_hash, source_id, domain
        FROM {parquet_list(documents).removesuffix(")")}, file_row_number = true) WHERE admitted"""
    )
    out = "NOT list_contains(?, source_id) AND NOT coalesce(list_contains(?, domain), false)"
    given = [sorted(without[0]), sorted(without[1])]
    sql.execute(
        f"CREATE OR REPLACE TABLE repeated AS SELECT hash(content_hash) AS h FROM candidates WHERE {out} GROUP BY h HAVING count(*) > 1",
        given,
    )
    copies = f"""SELECT n FROM (SELECT n, min(n) OVER (PARTITION BY content_hash) AS first FROM candidates
        WHERE hash(content_hash) IN (FROM repeated) AND {out}) WHERE n <> first"""
    if near:
        copies += f""" UNION SELECT n FROM (SELECT n, min(n) OVER (PARTITION BY root) AS first
            FROM members JOIN candidates USING (n) WHERE {out}) WHERE n <> first"""
        given = given * 2
    found: dict[int, list[int]] = {}
    for unit, row in sql.execute(f"SELECT n >> 32, n & 4294967295 FROM ({copies}) ORDER BY n", given).fetchall():
        found.setdefault(int(unit), []).append(int(row))
    return found
