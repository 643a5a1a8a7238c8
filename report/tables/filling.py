"""Fills the tables of the report: C-1 … C-9 of the filing form, and what reviewers ask for (tables.yaml).

A table without rows says why in one row, so that none is blank. Names of sources are passed on as they are; the documents
make them harmless.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from pipeline.database import quoted
from report.evidence.workspace import Workspace
from report.model import Both, Column, Row, Table
from report.verdicts.concluding import conclude
from report.verdicts.rules import Rules
from schemas.personal_information import catalogue
from schemas.risks import risks

VERDICTS = "concluded.verdicts"  # the verdicts on clauses, which `conclude` leaves in the workspace
NOTHING = "none"  # key of the row of a table without rows
_UNSAFE = re.compile(r"[^\w.:*-]")


@dataclass(frozen=True)
class Empty:
    """What a table without rows says; `when` is a query of one BOOLEAN, None for always."""

    when: str | None
    text: Both


@dataclass(frozen=True)
class TableRule:
    """How a table is filled."""

    id: str
    title: Both
    notes: tuple[Both, ...]
    columns: tuple[Column, ...]
    key: str
    sql: str  # whole: with the common queries it names
    empty: tuple[Empty, ...]


def fill_tables(workspace: Workspace) -> tuple[Table, ...]:
    """All tables, in the order of tables.yaml. Concludes on the clauses first where nobody did."""
    _concluded(workspace)
    return tuple(_fill(workspace, rule) for rule in load_tables().values())


def fill_table(workspace: Workspace, table: str) -> Table:
    """One table by its id. Raises KeyError."""
    rule = load_tables()[table]
    if VERDICTS in rule.sql:
        _concluded(workspace)
    return _fill(workspace, rule)


@lru_cache(maxsize=1)
def load_tables() -> dict[str, TableRule]:
    """The tables by id, as they ship."""
    content = yaml.safe_load(resources.files("report.tables").joinpath("tables.yaml").read_text(encoding="utf-8"))
    rules = Rules({}, {}, content["common"] | _names())
    return {name: _rule(name, told, rules, content["with"]) for name, told in content["tables"].items()}


def _rule(name: str, told: Mapping[str, Any], rules: Rules, terms: Mapping[str, str]) -> TableRule:
    return TableRule(
        id=name,
        title=Both(*told["title"]),
        notes=tuple(Both(*note) for note in told.get("notes", ())),
        columns=tuple(Column(column, Both(zh, en), kind) for column, (kind, zh, en) in told["columns"].items()),
        key=told["key"],
        sql=rules.whole(told["query"].strip(), {**terms, **told.get("with", {})}),
        empty=tuple(Empty(one.get("when"), Both(one["zh"], one["en"])) for one in told.get("empty", ())),
    )


def _names() -> dict[str, str]:
    """Common queries that give risks, kinds of personal information and lawful bases their names."""
    known = catalogue()
    return {
        "risk_names": _values("risk_id, risk_name", {name: f"{risk.zh} / {risk.en}" for name, risk in risks().items()}),
        "pii_names": _values(
            "pii_type, pii_name", {name: f"{kind.zh} / {kind.en}" for name, kind in known.types.items()}
        ),
        "basis_names": _values(
            "basis, basis_name", {name: f"{one.zh} / {one.en}" for name, one in known.bases.items()}
        ),
    }


def _values(columns: str, names: Mapping[str, str]) -> str:
    listed = ", ".join(f"({quoted(name)}, {quoted(text)})" for name, text in names.items())
    return f"SELECT * FROM (VALUES {listed}) AS names({columns})"


def _concluded(workspace: Workspace) -> None:
    found = workspace.value(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'concluded' AND table_name = 'verdicts'"
    )
    if not found:
        conclude(workspace)


def _fill(workspace: Workspace, rule: TableRule) -> Table:
    names = [column.name for column in rule.columns]
    rows = tuple(
        Row(_key(row[rule.key]), {name: row[name] for name in names}, bool(row.get("total")))
        for row in workspace.rows(rule.sql)
    )
    return Table(rule.id, rule.title, rule.notes, rule.columns, rows or (_nothing(workspace, rule),), rule.sql)


def _nothing(workspace: Workspace, rule: TableRule) -> Row:
    """The row of a table without rows: the reason, in its first column of text."""
    empty = next(one for one in rule.empty if one.when is None or workspace.value(one.when))
    first = next(column.name for column in rule.columns if column.kind == "text")
    return Row(NOTHING, {column.name: str(empty.text) if column.name == first else None for column in rule.columns})


def _key(value: Any) -> str:
    """A key that can stand in an id: anything but letters, digits and . : * - _ is written as %XX of its UTF-8 bytes."""
    return _UNSAFE.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass")), str(value)
    )
