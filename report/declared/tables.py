"""The tables of the schemas `declared` and `annotation`, from declared_tables.yaml."""

from functools import lru_cache
from importlib import resources

import yaml

from schemas.database import Column, Table


@lru_cache(maxsize=1)
def tables() -> dict[str, dict[str, Table]]:
    """The tables by schema and name."""
    content = yaml.safe_load(
        resources.files("report.declared").joinpath("declared_tables.yaml").read_text(encoding="utf-8")
    )
    return {
        schema: {
            name: Table(
                name, told["comment"], tuple(Column(column, *about) for column, about in told["columns"].items()), False
            )
            for name, told in group.items()
        }
        for schema, group in content.items()
    }
