"""Concludes on every clause of the profile: conditions found, numbers, evidence, and the verdict they come to.

Everything is asked of the evidence folder alone. All conditions of a clause are evaluated and shown, the worst decides;
符合 is what remains, and needs evidence (assessment.md: a tool that lets a company pass wrongly is worse than none).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from report.evidence.workspace import Row, Workspace
from report.model import CUSTOM, FAIL, MISSING, NONE, PASS, PEOPLE, SEVERITY, Both, Number, Reason, Verdict
from report.verdicts.evidence_of import evidence_of
from report.verdicts.rules import ClauseRule, Condition, Rules, load_rules
from schemas.profile_basis import Doubtful
from schemas.profile_parts import GRADES

EXAMPLES = 5
_ALL = Both("全部符合要求", "all requirements are met")
_SOME = Both("部分符合要求", "some requirements are met")
_NOTHING = Both("全部不符合要求", "no requirement is met")
_CLAUSES = 'FROM record.clauses ORDER BY "order"'


def conclude(workspace: Workspace) -> tuple[Verdict, ...]:
    """The verdict on every clause of the profile, in its order."""
    rules = load_rules()
    clauses = workspace.rows(_CLAUSES)
    workspace.connection.execute("CREATE SCHEMA IF NOT EXISTS concluded")
    workspace.connection.execute(
        "CREATE OR REPLACE TABLE concluded.verdicts (key VARCHAR, clause VARCHAR, modality VARCHAR, verdict VARCHAR)"
    )
    found: dict[str, Verdict] = {}
    for clause in sorted(
        clauses, key=lambda row: rules.clauses[row["key"]].after if row["key"] in rules.clauses else 0
    ):
        verdict = conclude_clause(workspace, clause)
        found[verdict.clause] = verdict
        row = [verdict.key, verdict.clause, verdict.modality, verdict.verdict]
        workspace.connection.execute("INSERT INTO concluded.verdicts VALUES (?, ?, ?, ?)", row)
    return tuple(found[clause["clause"]] for clause in clauses)


def overall(verdicts: Iterable[Verdict]) -> Both | None:
    """The conclusion on the whole; None while anything is open or the profile is not one to conclude under.

    What is only recommended (宜) never decides it.
    """
    told = [verdict.verdict for verdict in verdicts if verdict.modality == "shall"]
    applicable = [one for one in told if one != NONE]
    if not applicable or {MISSING, PEOPLE, CUSTOM} & set(applicable):
        return None
    if FAIL not in applicable:
        return _ALL
    return _SOME if PASS in applicable else _NOTHING


def conclude_clause(workspace: Workspace, clause: Row) -> Verdict:
    """The verdict on one clause (a row of record.clauses); on those that look at others `conclude` alone can tell."""
    rules = load_rules()
    key = clause["key"] or ""
    rule = rules.clauses.get(key) or _unknown(rules, key)
    judgements = _judgements(workspace, key)
    reasons = [reason for one in rule.conditions if (reason := _ask(workspace, rules, rule, one, judgements))]
    evidence = evidence_of(workspace, rules, rule)
    verdict = _worst(reasons)
    if verdict == PASS and not evidence:
        reasons.append(_reason(rules.conditions["no_evidence"], (), None))
        verdict = MISSING
    if verdict == PASS and (found := _found(workspace, rules.conditions["custom_profile"].query)):
        reasons.append(_reason(rules.conditions["custom_profile"], found, None))
        verdict = CUSTOM
    return Verdict(
        clause=clause["clause"],
        key=key,
        title=clause["title"],
        modality=clause["modality"],
        verdict=verdict,
        reasons=tuple(reasons),
        basis=_basis(workspace, rules, rule),
        evidence=evidence,
        explanation=_explanation(verdict, reasons, rule, judgements),
        unverified=tuple(_unverified(workspace, rule, clause)),
    )


def _unknown(rules: Rules, key: str) -> ClauseRule:
    """Of a clause without a key known here only people can tell anything."""
    return ClauseRule(key, (rules.conditions["no_rules"],), {}, (), (), (), 0)


def _ask(
    workspace: Workspace, rules: Rules, rule: ClauseRule, condition: Condition, judgements: Sequence[Row]
) -> Reason | None:
    found: tuple[str, ...] = ()
    if condition.query:
        found = _found(workspace, rules.whole(condition.query, rule.terms))
        if not found:
            return None
    return _reason(condition, found, _settled(condition, judgements))


def _found(workspace: Workspace, sql: str) -> tuple[str, ...]:
    """A few of what a condition names, and how many there are."""
    rows = workspace.connection.execute(sql).fetchall()
    named = tuple("—" if row[0] is None else str(row[0]) for row in rows[:EXAMPLES])
    return (*named, f"… {len(rows)}") if len(rows) > EXAMPLES else named


def _reason(condition: Condition, found: tuple[str, ...], settled_by: str | None) -> Reason:
    return Reason(
        id=condition.id,
        verdict=condition.verdict,
        text=condition.text,
        who=condition.who,
        remedy=condition.remedy,
        found=found,
        settled_by=settled_by,
    )


def _settled(condition: Condition, judgements: Sequence[Row]) -> str | None:
    """Who settled it: only what people may judge, by the verdict that may settle it."""
    if condition.judgement is None:
        return None
    return next((str(one["by"]) for one in judgements if one["verdict"] == condition.judgement), None)


def _judgements(workspace: Workspace, key: str) -> list[Row]:
    """Declared judgements on the clause that count: with reason, name and evidence, and not of the future."""
    from pipeline.database import quoted

    today = load_rules().whole('SELECT "day" FROM today', {})
    return workspace.rows(
        f"SELECT * FROM declared.judgements WHERE clause_key = {quoted(key)} AND reason <> '' AND \"by\" <> '' "
        f"AND (len(evidence) > 0 OR verdict = '{FAIL}') AND coalesce(\"at\" <= ({today}), true) ORDER BY ALL"
    )


def _worst(reasons: Iterable[Reason]) -> str:
    """The worst verdict of what is not settled. A settled one leaves 不适用 where it was judged not to apply."""
    forced = {reason.verdict for reason in reasons if reason.settled_by is None}
    judged = {load_rules().conditions[reason.id].judgement for reason in reasons if reason.settled_by is not None}
    if NONE in judged:
        forced.add(NONE)
    return next((verdict for verdict in SEVERITY if verdict in forced), PASS)


def _basis(workspace: Workspace, rules: Rules, rule: ClauseRule) -> tuple[Number, ...]:
    numbers = []
    for one in rule.basis:
        sql = rules.whole(one.sql, rule.terms)
        numbers.append(Number(f"{rule.key}/{one.name}", one.title, workspace.value(sql), sql))
    return tuple(numbers)


def _explanation(verdict: str, reasons: Sequence[Reason], rule: ClauseRule, judgements: Sequence[Row]) -> str:
    """Why a clause does not apply, measure and plan where one is not met, and declared judgements that do not stand."""
    overruled = [
        f"申报的判断“{one['verdict']}”（{one['by']}）不予采纳：规则另有结论 / {one['by']} declared {one['verdict']}, which the rules overrule"
        for one in judgements
        if one["verdict"] != verdict
    ]
    return "；".join([*_explained(verdict, reasons, rule, judgements), *overruled])


def _explained(verdict: str, reasons: Sequence[Reason], rule: ClauseRule, judgements: Sequence[Row]) -> list[str]:
    if verdict == NONE:
        told = [_told(reason) for reason in reasons if reason.verdict == NONE]
        return [*told, *(str(one["reason"]) for one in judgements if one["verdict"] == NONE)]
    if verdict != FAIL:
        return []
    measures = {one.id: one.equivalent for one in rule.conditions if one.equivalent}
    own = [str(measures[reason.id]) for reason in reasons if reason.id in measures]
    said = [str(one[name]) for one in judgements for name in ("equivalent", "effectiveness", "plan") if one[name]]
    return [*own, *said]


def _told(reason: Reason) -> str:
    return f"{reason.text}（{'、'.join(reason.found)}）" if reason.found else str(reason.text)


def _unverified(workspace: Workspace, rule: ClauseRule, clause: Mapping[str, Any]) -> Iterable[str]:
    """Lines on thresholds of the clause, and on its number, that were not read in the standard's own text."""
    rows = workspace.rows("SELECT * FROM record.profile WHERE confidence <> 'A' ORDER BY field")
    for row in rows:
        if any(row["field"] == start or row["field"].startswith(f"{start}.") for start in rule.thresholds):
            yield Doubtful(row["field"], json.loads(row["value"]), row["source"], row["confidence"]).line
    if clause["confidence"] != "A":
        zh, en = GRADES[clause["confidence"]]
        yield (
            f"{clause['clause']}：条款编号与文字未经标准原文核对（{clause['confidence']} {zh}） / number and wording were not checked with "
            f"the standard's text ({clause['confidence']}, {en})"
        )
