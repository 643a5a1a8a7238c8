"""Opens an evidence folder in DuckDB: a schema each for run, round, declarations, annotation and records.

Tables without a file exist empty, with their columns. Whoever has the folder needs nothing else to ask anything of it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.database import connect, parquet_list
from pipeline.store.scans import sha256_file
from report.evidence import layout
from report.evidence.statements import tables_of
from report.model import Both, Evidence

Row = dict[str, Any]


@dataclass(frozen=True)
class Workspace:
    """The tables of an evidence folder, to be asked in SQL as audit.*, round.*, declared.*, annotation.* and record.*"""

    folder: Path
    connection: duckdb.DuckDBPyConnection
    digests: dict[str, str] = field(default_factory=dict)

    def rows(self, sql: str) -> list[Row]:
        """The rows of a query by column name."""
        found = self.connection.execute(sql)
        names = [str(column[0]) for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def value(self, sql: str) -> Any:
        """The first column of the first row; None where there is no row."""
        rows = self.connection.execute(sql).fetchall()
        return rows[0][0] if rows else None

    def files(self, sql: str) -> tuple[str, ...]:
        """The evidence files a query reads, by path in the folder."""
        return tuple(f"{schema}/{table}.parquet" for schema, table in self.tables(sql))

    def tables(self, sql: str) -> list[tuple[str, str]]:
        """The tables a query names, in order. Names of CTEs and functions are none."""
        return [(schema, name) for schema, name in tables_of(sql) if name in layout.columns().get(schema, {})]

    def evidence(self, sql: str) -> tuple[Evidence, ...]:
        """The same with their digests."""
        return tuple(Evidence(Both(path, ""), path, self.digest(path)) for path in self.files(sql))

    def digest(self, path: str) -> str:
        """The digest of a file of the folder; empty where there is none."""
        if path not in self.digests:
            file = self.folder / path
            self.digests[path] = sha256_file(file) if file.is_file() else ""
        return self.digests[path]

    def replace(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Puts other rows in the place of a table's, for what-if questions; the folder stays as it is."""
        schema, name = table.split(".")
        types = layout.columns()[schema][name]
        self.connection.execute(f'DELETE FROM {schema}."{name}"')
        if rows:
            given = pa.Table.from_pylist([{column: row.get(column) for column in types} for row in rows])
            self.connection.register("given", given)
            self.connection.execute(f'INSERT INTO {schema}."{name}" BY NAME FROM given')
            self.connection.unregister("given")

    def record(self, name: str) -> Any:
        """A JSON file of the records, such as `manifest`."""
        return json.loads((self.folder / "record" / f"{name}.json").read_bytes())


@contextmanager
def open_workspace(folder: Path) -> Iterator[Workspace]:
    """The workspace of an evidence folder."""
    with connect() as connection:
        for schema, tables in layout.columns().items():
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, columns in tables.items():
                listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
                connection.execute(f'CREATE TABLE {schema}."{name}" ({listed})')
                path = folder / schema / f"{name}.parquet"
                if path.is_file():
                    connection.execute(f'INSERT INTO {schema}."{name}" BY NAME FROM {parquet_list([path])}')
        yield Workspace(folder, connection)
