"""The tables auditors query, with their comments, read from database.yaml."""

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
