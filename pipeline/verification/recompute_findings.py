"""Each finding against the rule it names: the rule exists, says what the verdict says, and holds on what was found.

Which tier a keyword hit was of is not published, so that terms sufficed is checked by their number alone.
"""

from collections.abc import Iterator
from typing import Any

from pipeline.verification.recomputation import Recomputation
from transforms.decide import MAX_CANDIDATES


def findings(data: Recomputation) -> Iterator[str]:
    """Verdicts follow from rules, and rules from the scores and terms found."""
    _rules_table(data)
    for condition, message in (
        ("p.rule IS NULL", "所依规则不在策略中 / the policy has no such rule"),
        ("f.verdict <> p.assess", "判定与规则不符 / the verdict is not the rule's"),
        (
            "f.kind = 'classifier' AND p.scored AND NOT coalesce(f.rounded >= p.score, false)",
            "分类模型得分不及规则所需 / the classifier's score is below what the rule asks for",
        ),
        (
            "f.kind = 'confirm' AND NOT coalesce(f.rounded >= p.confirmed, false)",
            "复核模型得分不及规则所需 / the confirming score is below what the rule asks for",
        ),
        (
            "f.kind NOT IN ('keywords', 'classifier', 'confirm') OR (f.kind = 'keywords') <> (f.rounded IS NULL)",
            "检测器或得分不合理 / detector or score is impossible",
        ),
    ):
        yield from data.examples(
            f"SELECT f.doc_id FROM risk_findings f LEFT JOIN rules_by_risk p USING (rule, risk_id) WHERE {condition}",
            f"findings: {message}",
        )
    yield from _decisions(data)
    yield from data.examples(
        "SELECT doc_id FROM findings WHERE (risk_id IS NULL) = (pii_type IS NULL) OR (pii_type IS NOT NULL) <> (detector LIKE 'pii@%')",
        "findings: 既非风险也非个人信息 / neither of a risk nor of personal information",
    )


def _decisions(data: Recomputation) -> Iterator[str]:
    """What the findings of one document for one risk say together.

    Of candidates at most 20 findings a detector are kept, so nothing is concluded where they may have been cut.
    """
    data.sql.execute(
        f"""CREATE OR REPLACE TEMP VIEW decided AS
        SELECT source_id, shard, "row", risk_id, any_value(doc_id) AS doc_id, any_value(rule) AS rule,
               count(DISTINCT rule) AS rules, count(*) FILTER (kind = 'keywords') AS terms,
               max(rounded) FILTER (kind = 'classifier') AS score, max(rounded) FILTER (kind = 'confirm') AS confirmation,
               bool_or(verdict = 'candidate' AND beside >= {MAX_CANDIDATES}) AS cut
        FROM risk_findings JOIN (
            SELECT source_id, shard, "row", max(kept) AS beside FROM (
                SELECT source_id, shard, "row", count(*) FILTER (verdict = 'candidate') AS kept
                FROM risk_findings GROUP BY source_id, shard, "row", kind)
            GROUP BY ALL) USING (source_id, shard, "row")
        GROUP BY source_id, shard, "row", risk_id"""
    )
    for condition, message in (
        ("d.rules > 1", "同一风险依两条规则判定 / one risk decided by two rules"),
        ("p.confirmed IS NOT NULL AND d.confirmation IS NULL", "规则需复核而无复核得分 / no confirming score"),
        ("p.scored AND d.score IS NULL", "规则需分类模型得分而没有 / no score of the classifier"),
        ("d.terms < p.terms", "关键词数不及规则所需 / fewer terms than the rule asks for"),
    ):
        yield from data.examples(
            f"SELECT d.doc_id FROM decided d JOIN rules_by_risk p USING (rule, risk_id) WHERE NOT d.cut AND ({condition})",
            f"findings: {message}",
        )
    yield from data.examples(
        """SELECT d.doc_id FROM decided d JOIN rules_by_risk p USING (rule, risk_id)
        WHERE NOT d.cut AND EXISTS (
            SELECT 1 FROM rules_by_risk o WHERE o.risk_id = d.risk_id AND o.place < p.place AND o.terms = 0
            AND (NOT o.scored OR coalesce(d.score >= o.score, false))
            AND (o.confirmed IS NULL OR coalesce(d.confirmation >= o.confirmed, false)))""",
        "findings: 有更靠前的规则成立 / a rule that comes earlier holds",
    )


def _rules_table(data: Recomputation) -> None:
    """`rules_by_risk`: the policy's rules, with each risk's own threshold where a rule asks for it; `risk_findings`.

    Scores are stored in single precision; rounded to four decimals they are what the rules were tried with.
    """
    thresholds = data.manifest["versions"]["thresholds"]
    data.sql.execute(
        "CREATE OR REPLACE TEMP TABLE rules_by_risk (place INTEGER, rule VARCHAR, risk_id VARCHAR, assess VARCHAR, "
        "terms INTEGER, scored BOOLEAN, score DOUBLE, confirmed DOUBLE)"
    )
    for place, rule in enumerate(data.policy.rules):
        when = rule.when
        for risk in sorted(data.profile.counted_risks):
            score: Any = thresholds.get(risk) if when.score == "threshold" else when.score
            terms = when.block + when.review + when.context
            data.sql.execute(
                "INSERT INTO rules_by_risk VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [place, rule.name, risk, rule.assess, terms, when.score is not None, score, when.confirmed],
            )
    data.sql.execute(
        """CREATE OR REPLACE TEMP VIEW risk_findings AS
        SELECT *, split_part(detector, '@', 1) AS kind, round(score::DOUBLE, 4) AS rounded
        FROM findings WHERE risk_id IS NOT NULL"""
    )
