"""Which tables a query names, told by DuckDB's own parser: nothing is bound, so no table need be there."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import duckdb


@lru_cache(maxsize=4096)
def tables_of(sql: str) -> tuple[tuple[str, str], ...]:
    """Schema and name of every table in a SELECT, sorted; the schema of an unqualified name is empty.

    Names of its own CTEs are among them. Raises ValueError for what is no SELECT.
    """
    row = _parser().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    parsed = json.loads(row[0]) if row else {}
    if parsed.get("error", True):
        raise ValueError(f"{parsed.get('error_message')}: {sql}")
    return tuple(sorted(set(_named(parsed))))


@lru_cache(maxsize=1)
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection that holds nothing; opening one for every query would take seconds."""
    return duckdb.connect()


def _named(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["schema_name"], node["table_name"]
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _named(part)
