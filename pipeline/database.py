"""Builds audit.duckdb once, from committed Parquet and finished statistics; after that it is only read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.statistics import Distinct
from schemas import results
from schemas.database import Table, tables

_RESULTS = {
    "documents": results.DOCUMENTS,
    "findings": results.FINDINGS,
    "rejects": results.REJECTS,
    "manual_sample": results.MANUAL_SAMPLE,
    "technical_sample": results.TECHNICAL_SAMPLE,
}
_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}


def connect(path: str = ":memory:", read_only: bool = False, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """A connection that never loads an extension and keeps to its memory."""
    connection = duckdb.connect(
        path, read_only=read_only, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute(f"SET memory_limit = '{memory}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet_list(files: Sequence[Path]) -> str:
    """A table function over these files, in this order. Names are literals: a glob character in one is itself."""
    return f"read_parquet([{', '.join(quoted(_literal(str(file))) for file in files)}])"


def _literal(path: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def distinct_counts(files: Sequence[Path], spill: Path) -> dict[str, Distinct]:
    """Per source its different texts, and how many of them violate. Spills to `spill` where memory is short."""
    if not files:
        return {}
    with connect() as connection:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")
        rows = connection.execute(
            f"""
            SELECT source_id, count(DISTINCT content_hash),
                   count(DISTINCT content_hash) FILTER (illegal_unhealthy), count(*) - count(DISTINCT doc_id),
                   count(*) FILTER (url IS NULL)
            FROM {parquet_list(files)} GROUP BY source_id
            """
        ).fetchall()
    return {source: Distinct(*counts) for source, *counts in rows}


@contextmanager
def over_documents(files: Sequence[Path], spill: Path) -> Iterator[tuple[Callable[[str], list[tuple[Any, ...]]], str]]:
    """A function that runs a query, and the relation of all documents to name in it."""
    with connect() as connection:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")
        connection.register("given", results.DOCUMENTS.empty_table())
        yield lambda query: connection.execute(query).fetchall(), parquet_list(files) if files else "given"


def shard_counts(files: Sequence[Path]) -> dict[tuple[str, str], int]:
    """Documents of each shard, counted from the files that are published."""
    if not files:
        return {}
    with connect() as connection:
        query = f"SELECT source_id, shard, count(*) FROM {parquet_list(files)} GROUP BY ALL"
        return {(source, shard): count for source, shard, count in connection.execute(query).fetchall()}


def build_database(run: Path, rows: dict[str, list[dict[str, Any]]], native_rows: int) -> None:
    """Writes `run`/audit.duckdb from the run's Parquet files and the given rows of the other tables.

    With more than `native_rows` rows, documents and findings are views over the Parquet files.
    """
    target = run / "audit.duckdb"
    with connect(str(target)) as connection:
        connection.execute(f"SET temp_directory = {quoted(str(run / 'duckdb-spill'))}")
        for table in tables().values():
            if table.from_result:
                _load_files(connection, table, run, native_rows)
            else:
                _load_rows(connection, table, rows[table.name])
            _comment(connection, table)
        connection.execute("CHECKPOINT")
    target.chmod(0o444)


def result_files(run: Path, name: str) -> list[Path]:
    """The Parquet files of a result table, in the order of their names."""
    if name.endswith("_sample"):
        return [run / "samples" / f"{name.removesuffix('_sample')}.parquet"]
    return sorted((run / name).glob("*.parquet"))


def _load_files(connection: duckdb.DuckDBPyConnection, table: Table, run: Path, native_rows: int) -> None:
    files = result_files(run, table.name)
    if not files:
        connection.register("given", _RESULTS[table.name].empty_table())
        connection.execute(f"CREATE TABLE {table.name} AS FROM given")
        connection.unregister("given")
        return
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    kind = "VIEW" if table.name in ("documents", "findings") and _rows(files) > native_rows else "TABLE"
    connection.execute(f"CREATE {kind} {table.name} AS SELECT {columns} FROM {parquet_list(files)}")


def _rows(files: Sequence[Path]) -> int:
    return sum(pq.read_metadata(file).num_rows for file in files)


def _load_rows(connection: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    schema = pa.schema([pa.field(column.name, _ARROW_TYPES[str(column.type)]) for column in table.columns])
    connection.register("given", pa.Table.from_pylist(rows, schema=schema))
    definition = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
    connection.execute(f"CREATE TABLE {table.name} ({definition})")
    connection.execute(f"INSERT INTO {table.name} FROM given")
    connection.unregister("given")


def _comment(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    kind = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = ?", [table.name]
    ).fetchone()
    word = "VIEW" if kind and kind[0] == "VIEW" else "TABLE"
    connection.execute(f"COMMENT ON {word} {table.name} IS {quoted(table.comment)}")
    for column in table.columns:
        connection.execute(f'COMMENT ON COLUMN {table.name}."{column.name}" IS {quoted(column.comment)}')
