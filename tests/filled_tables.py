"""Fixtures and short ways to the filled tables, for the tests of tables, sums and charts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from report.evidence.workspace import Workspace, open_workspace
from report.model import Table
from report.tables.filling import fill_table
from report.verdicts.concluding import conclude
from tests.wide_evidence import add_rounds, widen

REHEARSAL = (
    "UPDATE record.facts SET rehearsal = true, round = NULL",
    *(f"DELETE FROM round.{name}" for name in ("round_info", "items_drawn", "readings", "finals", "manual_result")),
    *(f"DELETE FROM round.{name}" for name in ("stage_results", "source_results", "machine_results", "risk_results")),
    *(f"DELETE FROM round.{name}" for name in ("people", "agreement", "personal", "reliance", "carried")),
    "DELETE FROM record.rounds",
    "DELETE FROM record.register",
)


@pytest.fixture(scope="module")
def workspace(real_evidence: Path) -> Iterator[Workspace]:
    """The evidence of the real run and round, concluded."""
    with open_workspace(real_evidence) as found:
        conclude(found)
        yield found


@pytest.fixture(scope="module")
def wide(real_evidence: Path) -> Iterator[Workspace]:
    """Twelve sources with tokens estimated from a share of the documents, and eight rounds."""
    with open_workspace(real_evidence) as found:
        widen(found, 12, "sampled")
        add_rounds(found, 7)
        conclude(found)
        yield found


def rows(table: Table) -> dict[str, Mapping[str, Any]]:
    """Values by key."""
    return {row.key: row.values for row in table.rows}


def of(workspace: Workspace, table: str) -> dict[str, Mapping[str, Any]]:
    """Values of a table by key."""
    return rows(fill_table(workspace, table))
