"""Builds audit.duckdb once, from committed Parquet and finished statistics; after that it is only read."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.scans import sha256_file
from schemas import results
from schemas.database import Table, macros, tables

_RESULTS = {
    "documents": results.DOCUMENTS,
    "findings": results.FINDINGS,
    "rejects": results.REJECTS,
    "manual_sample": results.MANUAL_SAMPLE,
    "technical_sample": results.TECHNICAL_SAMPLE,
}
_LARGE = ("documents", "findings")
VIEWED = (*_LARGE, "technical_sample")  # beyond so many rows
_ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}


BOUNDED = "512MB"  # of a connection in a run, beside the detectors of the process; it spills beyond
_THREADS = 4  # more of them would only share that memory


def connect(path: str = ":memory:", read_only: bool = False, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """A connection that never loads an extension and keeps to its memory."""
    connection = duckdb.connect(
        path, read_only=read_only, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    connection.execute(f"SET memory_limit = '{memory}'")
    connection.execute(f"SET threads = {min(_THREADS, os.cpu_count() or 1)}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # it would go to stdout, which holds results
    return connection


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def parquet_list(files: Sequence[Path]) -> str:
    """A table function over these files, in this order. Names are literals: a glob character in one is itself."""
    return f"read_parquet([{', '.join(quoted(as_pattern(str(file))) for file in files)}])"


def as_pattern(path: str) -> str:
    """A path as the glob pattern that matches it alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


Query = Callable[[str], list[tuple[Any, ...]]]


@contextmanager
def over_files(spill: Path) -> Iterator[tuple[Query, Callable[[Sequence[Path], pa.Schema], str]]]:
    """A function that runs a query, and one that gives the relation of some files' rows to name in it."""
    with connect(memory=BOUNDED) as connection:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")

        def relation(files: Sequence[Path], schema: pa.Schema) -> str:
            if files:
                return parquet_list(files)
            name = f"nothing_{len(schema)}"
            connection.register(name, schema.empty_table())
            return name

        yield lambda query: connection.execute(query).fetchall(), relation


@dataclass(frozen=True)
class Before:
    """An earlier run with its database, and the digests of its files by their path in the run."""

    run: Path
    digests: Mapping[str, str]


def build_database(
    run: Path,
    rows: dict[str, list[dict[str, Any]]],
    native_rows: int,
    digests: Mapping[str, str] | None = None,
    before: Before | None = None,
) -> None:
    """Writes `run`/audit.duckdb from the run's Parquet files and the given rows of the other tables.

    A table without rows given is taken from `run`/NAME.parquet, and that file removed. With more than `native_rows` rows,
    documents, findings and technical sample are views over the Parquet files. Where most of the files
    of these two are, by their `digests`, those of the run `before`, its tables are taken over and brought up to date.
    """
    target = run / "audit.duckdb"
    taken_over = _taken_over(run, native_rows, digests or {}, before)
    with connect(str(target), memory=BOUNDED) as connection:
        connection.execute(f"SET temp_directory = {quoted(str(run / 'duckdb-spill'))}")
        for table in tables().values():
            if table.name not in taken_over:
                kind = "VIEW" if _is_view(connection, table) else "TABLE"
                connection.execute(f"DROP {kind} IF EXISTS {table.name}")
                if table.from_result:
                    _load_files(connection, table, run, native_rows)
                elif table.name in rows:
                    _load_rows(connection, table, rows[table.name])
                else:
                    _take_file(connection, table, run / f"{table.name}.parquet")
            _comment(connection, table)
        for macro in macros().values():
            connection.execute(macro.create())
            connection.execute(f"COMMENT ON MACRO {macro.name} IS {quoted(macro.comment)}")
        connection.execute("CHECKPOINT")
    target.chmod(0o444)


def _taken_over(run: Path, native_rows: int, digests: Mapping[str, str], before: Before | None) -> frozenset[str]:
    """Copies the database of the run `before` and brings its large tables up to date; the names of those that are."""
    if before is None:
        return frozenset()
    target, source = run / "audit.duckdb", before.run / "audit.duckdb"
    changes = {name: _changes(run, name, digests, before) for name in _LARGE}
    sizes = {name: count_rows(result_files(run, name)) for name in _LARGE}
    small = all(2 * count_rows([*gone, *new]) <= sizes[name] <= native_rows for name, (gone, new) in changes.items())
    if not small or not source.is_file() or sha256_file(source) != before.digests.get(source.name):
        return frozenset()
    shutil.copyfile(source, target)
    try:
        with connect(str(target), memory=BOUNDED) as connection:
            for name, (gone, new) in changes.items():
                _update(connection, tables()[name], gone, new, result_files(run, name))
                if _answer(connection, f"SELECT count(*) FROM {name}") != sizes[name]:
                    raise duckdb.DataError(name)
    except duckdb.Error:  # of another version, or not what it should be: made anew
        target.unlink()
        return frozenset()
    return frozenset(_LARGE)


def _changes(run: Path, name: str, digests: Mapping[str, str], before: Before) -> tuple[list[Path], list[Path]]:
    """The files of a table that only the run before has, and those that only this one has."""

    def of(known: Mapping[str, str]) -> set[tuple[str, str]]:
        return {(path, digest) for path, digest in known.items() if path.startswith(f"{name}/")}

    old, new = of(before.digests), of(digests)
    return [before.run / path for path, _ in sorted(old - new)], [run / path for path, _ in sorted(new - old)]


def _update(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    gone: Sequence[Path],
    new: Sequence[Path],
    files: Sequence[Path],
) -> None:
    """Makes the rows of all shards anew that a file which came or went has rows of. Raises duckdb.Error."""
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    connection.execute(f"SELECT {columns} FROM {table.name} LIMIT 0")
    if not gone and not new:
        return
    connection.execute(
        f"CREATE TEMP TABLE stale AS SELECT DISTINCT source_id, shard FROM {parquet_list([*gone, *new])}"
    )
    connection.execute(f"DELETE FROM {table.name} WHERE (source_id, shard) IN (FROM stale)")
    if files:
        connection.execute(
            f"INSERT INTO {table.name} SELECT {columns} FROM {parquet_list(files)} SEMI JOIN stale USING (source_id, shard)"
        )
    connection.execute("DROP TABLE stale")


def _is_view(connection: duckdb.DuckDBPyConnection, table: Table) -> bool:
    return bool(_answer(connection, f"SELECT count(*) FROM duckdb_views() WHERE view_name = {quoted(table.name)}"))


def _answer(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])


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
    kind = "VIEW" if table.name in VIEWED and count_rows(files) > native_rows else "TABLE"
    connection.execute(f"CREATE {kind} {table.name} AS SELECT {columns} FROM {parquet_list(files)}")


def count_rows(files: Sequence[Path]) -> int:
    """How many rows Parquet files have, by what they say at their end."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def _take_file(connection: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    columns = ", ".join(f'"{column.name}"::{column.type} AS "{column.name}"' for column in table.columns)
    connection.execute(f"CREATE TABLE {table.name} AS SELECT {columns} FROM {parquet_list([file])}")
    file.unlink()


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
