"""The tables and macros auditors query with, and their comments, read from database.yaml and database_macros.yaml."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Column:
    """A column: SQL type (None where a Parquet file gives it) and the comment shown to auditors."""

    name: str
    type: str | None
    comment: str


@dataclass(frozen=True)
class Table:
    """A table and its columns in order."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    from_result: bool


@dataclass(frozen=True)
class Macro:
    """A macro: its parameters as written in SQL, its expression, and the comment shown to auditors."""

    name: str
    parameters: tuple[str, ...]
    body: str
    comment: str

    def create(self, kind: str = "") -> str:
        """The statement that makes it; `kind` may be TEMP."""
        return f"CREATE OR REPLACE {kind} MACRO {self.name}({', '.join(self.parameters)}) AS {self.body}"


@lru_cache(maxsize=1)
def macros() -> dict[str, Macro]:
    """All macros by name."""
    content = yaml.safe_load(resources.files("schemas").joinpath("database_macros.yaml").read_text(encoding="utf-8"))
    return {
        name: Macro(name, tuple(macro["parameters"]), macro["body"], macro["comment"])
        for name, macro in content.items()
    }


@lru_cache(maxsize=1)
def tables() -> dict[str, Table]:
    """All tables by name."""
    content = yaml.safe_load(resources.files("schemas").joinpath("database.yaml").read_text(encoding="utf-8"))
    return {
        name: Table(
            name,
            table["comment"],
            tuple(
                Column(column, None, value) if isinstance(value, str) else Column(column, value[0], value[1])
                for column, value in table["columns"].items()
            ),
            table.get("from") == "result",
        )
        for name, table in content.items()
    }
