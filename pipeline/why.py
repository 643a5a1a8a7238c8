"""`query why DOC_ID`: one document end to end, from the published run alone: what was found, which rule decided, who is out."""

from collections.abc import Iterator
from typing import Any

from pipeline.errors import UsageError
from pipeline.output import Run
from pipeline.query import open_audit
from pipeline.statistics import EXCLUSIONS
from schemas.policy import Policy, Rule
from schemas.risks import risks

_DETECTORS = {
    "keywords": "关键词 / keyword",
    "classifier": "分类模型 / classifier",
    "confirm": "复核模型 / confirming model",
}
_VERDICTS = {"violation": "违规 / violation", "candidate": "候选，不计入比率 / candidate, not counted"}


def explain(run: Run, doc_id: str) -> list[str]:
    """The lines of the explanation; a repeated id is explained copy by copy. Raises UsageError for an unknown id."""
    policy = Policy.model_validate(run.manifest["policy"])
    with open_audit(run) as sql:

        def rows(query: str, *values: Any) -> list[dict[str, Any]]:
            cursor = sql.execute(query, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        documents = rows('SELECT * FROM documents WHERE doc_id = ? ORDER BY shard, "row"', doc_id)
        if not documents:
            raise UsageError(f"没有这个语料编号 / no document has this id: {doc_id}")
        lines: list[str] = []
        for document in documents:
            place = (document["source_id"], document["shard"], document["row"])
            here = 'source_id = ? AND shard = ? AND "row" = ?'
            found = rows(f'SELECT * FROM findings WHERE {here} ORDER BY risk_id, detector, "start"', *place)
            source = rows("SELECT * FROM source_stats WHERE source_id = ?", place[0])[0]
            manual = rows(f"SELECT sample_no FROM manual_sample WHERE {here}", *place)
            technical = rows(f"SELECT qualified FROM technical_sample WHERE {here}", *place)
            lines += [*_identity(document), *_source(source)]
            lines += [*_risks(found, policy, run.manifest["versions"].get("thresholds", {})), *_personal(found)]
            lines += [*_admission(document), *_samples(manual, technical), ""]
    return lines[:-1]


def _identity(document: dict[str, Any]) -> Iterator[str]:
    yield f"语料 / document {document['doc_id']}"
    yield f"  位置 / place: {document['source_id']} {document['shard']} 行 / row {document['row']}"
    yield (
        f"  {document['bucket']}（{document['language']}，{document['content_type']}），{document['chars']:,} 字符 / characters，"
        f"sha256 {document['content_hash']}"
    )
    if document["url"]:
        yield f"  网址 / URL: {document['url']}"
    if document["provenance"]:
        yield f"  逐条溯源 / provenance: {document['provenance']}"


def _source(source: dict[str, Any]) -> Iterator[str]:
    rate = source["violation_rate"]
    shown = "—" if rate is None else f"{rate:.2%}"
    state = "黑名单 / blacklisted" if source["status"] == "blacklisted" else "准入 / admitted"
    yield f"来源 / source: {state}，违规率 / rate {shown}（{source['violations']:,} / {source['documents']:,}）"


def _risks(found: list[dict[str, Any]], policy: Policy, thresholds: dict[str, float]) -> Iterator[str]:
    by_risk: dict[str, list[dict[str, Any]]] = {}
    for finding in found:
        if finding["risk_id"]:
            by_risk.setdefault(finding["risk_id"], []).append(finding)
    if not by_risk:
        yield "风险 / risks: 无；没有一条规则的条件成立 / none: no rule of the policy held for any risk"
    rules = {rule.name: rule for rule in policy.rules}
    for risk, own in by_risk.items():
        yield f"风险 / risk {risk} {risks()[risk].zh}: {_VERDICTS[own[0]['verdict']]}"
        rule = rules.get(own[0]["rule"])
        if rule is not None:
            yield f"  规则 / rule {rule.name}: {_conditions(rule, thresholds.get(risk))}"
        for finding in own:
            yield f"  {_evidence(finding)}"


def _conditions(rule: Rule, threshold: float | None) -> str:
    """The conditions of a rule in words, and what it makes of the document."""
    conditions = []
    for name, value in rule.when.model_dump(exclude_defaults=True).items():
        limit = f"{value}" if value != "threshold" else f"threshold（{threshold}）"
        conditions.append(f"{name} ≥ {limit}")
    removes = "剔除 / removed" if rule.filter else "不剔除 / not removed"
    return f"{' 且 / and '.join(conditions)} ⇒ {_VERDICTS[rule.assess]}；{removes}"


def _evidence(finding: dict[str, Any]) -> str:
    name = finding["detector"].partition("@")[0]
    place = f"[{finding['start']}, {finding['end']})"
    what = finding["excerpt"] if finding["score"] is None else f"得分 / score {finding['score']:.4f}"
    return f"{_DETECTORS.get(name, name)} {place} {what or ''}".rstrip()


def _personal(found: list[dict[str, Any]]) -> Iterator[str]:
    for finding in found:
        if finding["pii_type"]:
            weak = "（弱，不计 / weak, not counted）" if finding["verdict"] == "candidate" else ""
            yield (
                f"个人信息 / personal information {finding['pii_type']} [{finding['start']}, {finding['end']}) "
                f"{finding['excerpt']} {finding['rule']}{weak}"
            )


def _admission(document: dict[str, Any]) -> Iterator[str]:
    if document["admitted"]:
        yield "决定 / decision: 进入训练语料 / admitted"
        return
    reason = document["exclusion_reason"]
    yield f"决定 / decision: 未进入 / not admitted: {reason}"
    if reason in EXCLUSIONS:
        passed = ", ".join(EXCLUSIONS[: EXCLUSIONS.index(reason)])
        yield f"  依次检查，此前各项均不成立 / checked in order; what does not apply: {passed or '—'}"


def _samples(manual: list[dict[str, Any]], technical: list[dict[str, Any]]) -> Iterator[str]:
    for row in manual:
        yield f"人工抽检样本 / manual sample: 第 {row['sample_no']} 条 / number {row['sample_no']}"
    for row in technical:
        yield f"技术抽检样本 / technical sample: {'合格 / qualified' if row['qualified'] else '不合格 / not qualified'}"
