"""What the cover and the first pages of the report say: who files what, under which edition, from which run and round."""

import json
from typing import Any

from report.evidence.workspace import Row, Workspace
from report.model import Both
from schemas.profile_basis import Doubtful
from schemas.profile_parts import GRADES


def cover_of(workspace: Workspace, digest: str) -> dict[str, Any]:
    """The cover of a report; `digest` is the sha256 of its evidence. What nobody declared is None."""
    facts = workspace.rows("FROM record.facts")[0]
    return {
        "organisation": _one(workspace, "declared.organisation"),
        "model": _one(workspace, "declared.model"),
        "signers": {row["signer"]: row for row in workspace.rows("FROM declared.signers ORDER BY ALL")},
        "facts": facts,
        "round": _one(workspace, 'record.rounds SEMI JOIN record.facts USING ("round")'),
        "rehearsal": bool(facts["rehearsal"]),
        "edition": _edition(workspace.record("profile")),
        "unverified": tuple(_unverified(workspace)),
        "digest": digest,
    }


def _one(workspace: Workspace, table: str) -> Row | None:
    rows = workspace.rows(f"FROM {table} ORDER BY ALL LIMIT 1")
    return rows[0] if rows else None


def _edition(profile: dict[str, Any]) -> dict[str, Any]:
    """The edition the profile speaks for, and what the cover has to say of it."""
    edition = profile.get("edition")
    if edition is None:
        notice = Both("本口径未说明依据哪一版标准", "the profile does not say which edition it speaks for")
        return {"document": profile["title"], "date": None, "status": None, "notice": notice}
    notice = Both(edition["cover"]["zh"], edition["cover"]["en"])
    return {"document": edition["document"], "date": edition["date"], "status": edition["status"], "notice": notice}


def _unverified(workspace: Workspace) -> list[str]:
    """A line for each value of the profile that was not read in the standard's own text."""
    rows = workspace.rows("FROM record.profile WHERE confidence <> 'A' ORDER BY field")
    lines = [_line(row) for row in rows]
    clauses = workspace.rows("FROM record.clauses WHERE confidence <> 'A' ORDER BY \"order\"")
    for grade in sorted({row["confidence"] for row in clauses}):
        zh, en = GRADES[grade]
        named = "、".join(row["clause"] for row in clauses if row["confidence"] == grade)
        lines.append(
            f"条款编号与文字未经标准原文核对（{grade} {zh}）：{named} / number and wording not checked with the standard's text "
            f"({grade}, {en}): {named}"
        )
    return lines


def _line(row: Row) -> str:
    return Doubtful(row["field"], json.loads(row["value"]), row["source"], row["confidence"]).line
