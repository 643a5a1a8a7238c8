"""The tables of an evidence folder: which there are, their columns, and how they are asked for."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from report.model import Both
from rounds.database import tables as round_tables
from schemas import results
from schemas.database import tables as audit_tables

SCHEMAS = ("audit", "round", "declared", "annotation", "record")
Columns = Mapping[str, str]

_RESULTS = {
    "documents": results.DOCUMENTS,
    "findings": results.FINDINGS,
    "rejects": results.REJECTS,
    "manual_sample": results.MANUAL_SAMPLE,
    "technical_sample": results.TECHNICAL_SAMPLE,
}
_ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "BOOLEAN": pa.bool_()}


@lru_cache(maxsize=1)
def evidence() -> dict[str, dict[str, Any]]:
    """What evidence.yaml says of audit, round, result and record."""
    content: dict[str, dict[str, Any]] = _read("evidence", "evidence.yaml")
    return content


def query(name: str, told: Mapping[str, Any]) -> str:
    """The query that gives a table of the run or the round."""
    if "query" in told:
        return str(told["query"])
    left_out = ", ".join(f'"{column}"' for column in told.get("without", ()))
    return f"SELECT * EXCLUDE ({left_out}) FROM {name}" if left_out else f"SELECT * FROM {name}"


@lru_cache(maxsize=1)
def columns() -> dict[str, dict[str, dict[str, str]]]:
    """Columns with their types by schema and table, of all tables there are."""
    told, given = evidence(), _read("declared", "declared_tables.yaml")
    found: dict[str, dict[str, dict[str, str]]] = {
        schema: {
            name: {column: kind for column, (kind, _comment) in table["columns"].items()}
            for name, table in given[schema].items()
        }
        for schema in ("declared", "annotation")
    }
    found["record"] = {name: dict(table["columns"]) for name, table in told["record"].items()}
    with duckdb.connect() as sql:
        _make_empty_audit(sql)
        found["audit"] = {name: _described(sql, query(name, part)) for name, part in told["audit"].items()}
    with duckdb.connect() as sql:
        make_empty_round(sql)
        found["round"] = {name: _described(sql, query(name, part)) for name, part in told["round"].items()}
    found["round"] |= {
        name: dict(part["columns"]) for group in ("result", "drawn") for name, part in told[group].items()
    }
    return found


def title(schema: str, table: str) -> Both:
    """What a table holds, in a line; its name where nothing more is said of it."""
    known = audit_tables() if schema == "audit" else round_tables() if schema == "round" else {}
    if table in known:
        comment = known[table].comment
    elif schema in ("declared", "annotation"):
        comment = _read("declared", "declared_tables.yaml")[schema][table]["comment"]
    else:
        comment = evidence().get(schema, {}).get(table, {}).get("comment", f"{schema}.{table}")
    zh, _, en = str(comment).partition(" / ")
    return Both(zh, en)


def empty(schema: str, table: str) -> str:
    """A query that gives the columns of a table, and no row."""
    listed = ", ".join(f'NULL::{kind} AS "{column}"' for column, kind in columns()[schema][table].items())
    return f"SELECT {listed} WHERE false"


def make_empty_round(sql: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables of round.duckdb, without rows."""
    for table in round_tables().values():
        listed = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
        sql.execute(f'CREATE TABLE "{table.name}" ({listed})')


def _make_empty_audit(sql: duckdb.DuckDBPyConnection) -> None:
    for table in audit_tables().values():
        if table.from_result:
            sql.register("given", _RESULTS[table.name].empty_table())
            sql.execute(f"CREATE TABLE {table.name} AS FROM given")
            sql.unregister("given")
        else:
            listed = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            sql.execute(f"CREATE TABLE {table.name} ({listed})")
    sql.execute("CREATE TABLE source_regions (source_id VARCHAR, domain VARCHAR, region VARCHAR)")


def _described(sql: duckdb.DuckDBPyConnection, text: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in sql.execute(f"DESCRIBE {text}").fetchall()}


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a column of declared, annotation, record or result."""
    return pa.list_(_ARROW[kind.removesuffix("[]")]) if kind.endswith("[]") else _ARROW[kind]


@lru_cache
def _read(room: str, name: str) -> Any:
    return yaml.safe_load(resources.files(f"report.{room}").joinpath(name).read_text(encoding="utf-8"))
