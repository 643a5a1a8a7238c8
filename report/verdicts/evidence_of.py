"""The evidence listed for a clause: declared files that serve it, and tables of the evidence folder that hold something."""

from report.evidence import layout
from report.evidence.workspace import Workspace
from report.model import Both, Evidence
from report.verdicts.rules import ClauseRule, Rules

_DECLARED = "SELECT DISTINCT title, file, sha256 FROM own_evidence ORDER BY file, title"


def evidence_of(workspace: Workspace, rules: Rules, rule: ClauseRule) -> tuple[Evidence, ...]:
    """Files first, then tables. A file that has run out, or is of the future, is listed all the same: a condition says so."""
    if "key" not in rule.terms:
        return ()
    declared = [
        Evidence(Both(row["title"] or row["file"], ""), row["file"], row["sha256"])
        for row in workspace.rows(rules.whole(_DECLARED, rule.terms))
    ]
    return (*declared, *(table_evidence(workspace, name) for name in rule.evidence if _holds(workspace, name)))


def table_evidence(workspace: Workspace, name: str) -> Evidence:
    """A table, such as audit.ledger, as a piece of evidence."""
    schema, table = name.split(".")
    path = f"{schema}/{table}.parquet"
    return Evidence(layout.title(schema, table), path, workspace.digest(path))


def _holds(workspace: Workspace, name: str) -> bool:
    return workspace.value(f"SELECT 1 FROM {name} LIMIT 1") is not None
