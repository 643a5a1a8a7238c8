"""Which documents are left out because a copy of them stays: all admitted ones of a group but the first."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.database import parquet_list
from pipeline.duplicates.similar import NUMBER, numbered
from pipeline.duplicates.tables import find_repeated

Out = tuple[
    frozenset[str], frozenset[str]
]  # sources and domains that are out though their documents still say admitted


def find_copies(
    sql: duckdb.DuckDBPyConnection,
    documents: Sequence[Path],
    hashes: Sequence[Path],
    near: bool,
    without: Out = (frozenset(), frozenset()),
) -> dict[int, list[int]]:
    """The rows of copies among admitted documents, by the position of their unit.

    Exact copies always, by the digests of texts in `hashes`; near ones by the table `members`, where `near` says so.
    First is who stands first in the order of `documents` and rows.
    """
    if not documents:
        return {}
    sql.execute(
        f"""CREATE OR REPLACE TEMP TABLE candidates AS SELECT {NUMBER} AS n FROM {numbered(documents)}
        WHERE admitted AND NOT list_contains(?, source_id) AND NOT coalesce(list_contains(?, domain), false)""",
        [sorted(without[0]), sorted(without[1])],
    )
    texts = parquet_list(hashes)
    rows = sql.execute(f"SELECT count(*) FROM {texts}").fetchall()[0][0]
    find_repeated(lambda statement: sql.execute(statement).fetchall(), "text_high", texts, rows)
    copies = f"""SELECT n FROM (SELECT n, min(n) OVER (PARTITION BY text_high, text_low) AS first FROM candidates
        JOIN (SELECT {NUMBER} AS n, text_high, text_low FROM {numbered(hashes)} WHERE text_high IN (FROM repeated)) USING (n))
        WHERE n <> first"""
    if near:
        copies += """ UNION SELECT n FROM (SELECT n, min(n) OVER (PARTITION BY root) AS first
            FROM members JOIN candidates USING (n)) WHERE n <> first"""
    found: dict[int, list[int]] = {}
    for unit, row in sql.execute(f"SELECT n >> 32, n & 4294967295 FROM ({copies}) ORDER BY n").fetchall():
        found.setdefault(int(unit), []).append(int(row))
    return found
