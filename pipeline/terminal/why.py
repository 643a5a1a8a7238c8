"""`query why DOC_ID`: one document end to end, from the published run alone: what was found, which rule decided, who is out.

Ids, addresses and excerpts come from the corpus: what could break a line or turn its direction is shown as a code, so
that no document can write lines of its own into the explanation.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.accounting.statistics import EXCLUSIONS
from pipeline.errors import UsageError
from pipeline.store.output import Run
from pipeline.terminal.opening import open_audit
from schemas.personal_information import catalogue
from schemas.policy import Policy, Rule
from schemas.risks import risks
from schemas.sources import SourceRecord
from transforms.decide import NOT_ASKED
from transforms.pii import UNREAD

_DETECTORS = {
    "keywords": "关键词 / keyword",
    "classifier": "分类模型 / classifier",
    "confirm": "复核模型 / confirming model",
}
_CLASSES = {
    "personal": "个人信息 / personal information",
    "organisation": "组织机构标识 / identifier of an organisation",
    "credential": "安全凭证 / credential",
}
_LEVELS = {"general": "一般 / general", "sensitive": "敏感 / sensitive", "biometric": "生物识别 / biometric"}
_RAISED = {
    "aggregation": "因汇聚提高 / raised by what stands beside it",
    "under_14": "不满十四周岁 / of a child under 14",
}
_FINDINGS_SHOWN, _ENTITIES_SHOWN = 20, 5  # of a risk, and of a type of personal information
_VERDICTS = {"violation": "违规 / violation", "candidate": "候选，不计入比率 / candidate, not counted"}


def explain(run: Run, doc_id: str) -> list[str]:
    """The lines of the explanation; a repeated id is explained copy by copy. Raises UsageError for an unknown id."""
    policy = Policy.model_validate(run.manifest["policy"])
    sources = map(SourceRecord.model_validate, run.manifest["config"]["sources"])
    bases = {source.id: source.personal_info.bases for source in sources}
    with open_audit(run) as sql:

        def rows(query: str, *values: Any) -> list[dict[str, Any]]:
            cursor = sql.execute(query, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, map(_one_line, row), strict=True)) for row in cursor.fetchall()]

        places = sql.execute(
            'SELECT source_id, shard, "row" FROM documents WHERE doc_id = ? ORDER BY shard, "row"', [doc_id]
        ).fetchall()
        if not places:
            raise UsageError(f"没有这个语料编号 / no document has this id: {_one_line(doc_id)}")
        lines: list[str] = []
        for place in places:
            here = 'source_id = ? AND shard = ? AND "row" = ?'
            document = rows(f"SELECT * FROM documents WHERE {here}", *place)[0]
            found = rows(f'SELECT * FROM findings WHERE {here} ORDER BY risk_id, detector, "start"', *place)
            source = rows("SELECT * FROM source_stats WHERE source_id = ?", place[0])[0]
            manual = rows(f"SELECT sample_no FROM manual_sample WHERE {here}", *place)
            technical = rows(f"SELECT qualified, confirmed_risks, unscored FROM technical_sample WHERE {here}", *place)
            lines += [*_identity(document), *_source(source)]
            lines += [*_risks(found, policy, run.manifest["versions"].get("thresholds", {})), *_personal(found)]
            lines += [*_lawful(document, bases.get(document["source_id"], ()))]
            lines += [*_confirming(document, found, technical, run.manifest)]
            lines += [*_admission(document), *_samples(manual, technical), ""]
    return lines[:-1]


def _one_line(value: Any) -> Any:
    """A text of the corpus as part of a line; other values as they are."""
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in value)


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
        for finding in own[:_FINDINGS_SHOWN]:
            yield f"  {_evidence(finding)}"
        if len(own) > _FINDINGS_SHOWN:
            yield f"  {_more(len(own) - _FINDINGS_SHOWN)}"


def _more(count: int) -> str:
    return f"另有 {count:,} 处 / and {count:,} more"


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
    by_type: dict[str, list[dict[str, Any]]] = {}
    for finding in found:
        if finding["pii_type"]:
            by_type.setdefault(finding["pii_type"], []).append(finding)
    for kind, own in sorted(by_type.items()):
        title = _CLASSES[catalogue().class_of(kind)]
        for finding in own[:_ENTITIES_SHOWN]:
            yield f"{title} {kind} [{finding['start']}, {finding['end']}) {finding['excerpt']} {finding['rule']}{_level(finding)}"
        if len(own) > _ENTITIES_SHOWN:
            yield f"{title} {kind}: {_more(len(own) - _ENTITIES_SHOWN)}"


def _level(finding: dict[str, Any]) -> str:
    """What became of a finding: its level and why it was raised, or why it counts for nothing."""
    if finding["verdict"] == "candidate":
        return "（弱，不计 / weak, not counted）"
    if finding["level"] is None:
        return "（不属个人信息 / no personal information）"
    raised = f"，{_RAISED[finding['raised']]}" if finding["raised"] else ""
    return f"：{_LEVELS[finding['level']]}{raised}"


def _lawful(document: dict[str, Any], bases: Sequence[str]) -> Iterator[str]:
    """What the lawful basis of the source says to the personal information in the document."""
    if document["pii_covered"] is None:
        return
    declared = "、".join(f"{name}（{catalogue().bases[name].zh}）" for name in bases) or "未申报 / none declared"
    answer = "覆盖 / covers it" if document["pii_covered"] else "未覆盖 / does not cover it"
    yield f"处理依据 / lawful basis: {declared}；级别 / level {_LEVELS[document['pii_level']]}: {answer}"


def _confirming(
    document: dict[str, Any], found: list[dict[str, Any]], technical: list[dict[str, Any]], manifest: dict[str, Any]
) -> Iterator[str]:
    """What the confirming scorer was asked and said, as far as a run publishes it, and what no detector answered."""
    if document["unscored"] is not None:
        yield f"未得答复 / unscored: {document['unscored']}；{_remedy(document['unscored'])}"
    settings = manifest["config"]["confirm"]
    if settings is None:
        return
    name = f"复核 / confirming ({settings['kind']}, {settings['scope']})"
    if settings["scope"] == "technical_sample":
        if not technical:
            yield f"{name}: 未问，不在技术抽检样本中 / not asked: not in the technical sample"
        for row in technical:
            yield f"{name}: {_answer_on_sample(row)}"
        return
    answers = {f["risk_id"]: f["score"] for f in found if f["detector"].startswith("confirm@")}
    least = settings["nominate"]["score"]
    scores = [f["score"] for f in found if f["detector"].startswith("classifier@")]
    if answers:
        yield f"{name}: 已问，答复 / asked, it said: " + ", ".join(f"{r} {s:.4f}" for r, s in sorted(answers.items()))
    elif document["unscored"] == NOT_ASKED:
        yield f"{name}: 未问，而有规则以其得分为条件 / not asked, though a rule rests on its score"
    elif document["unscored"] is not None and not document["unscored"].startswith(UNREAD):
        yield f"{name}: 未得完整答复 / no complete answer"
    elif settings["scope"] == "all" or (least is not None and any(round(score, 4) >= least for score in scores)):
        yield f"{name}: 已问，没有以其得分为条件的规则成立 / asked; no rule that rests on its score held"
    else:
        terms = ", ".join(settings["nominate"]["terms"]) or "—"
        yield (
            f"{name}: 没有以其得分为条件的规则成立；仅在首道检测器提名时询问（{terms} 级关键词，或得分 ≥ {least}） / no rule that rests on its "
            f"score held; it is asked only where the first line nominates (terms {terms}, or score ≥ {least})"
        )


def _remedy(reason: str) -> str:
    """What helps against each of the reasons: that for personal information stands last, behind another or alone."""
    risks, unread, _ = f"; {reason}".partition(f"; {UNREAD}")
    remedies = []
    if risks == f"; {NOT_ASKED}":
        remedies.append("放宽 classifier.confirm.nominate / widen classifier.confirm.nominate")
    elif risks:
        remedies.append("重新运行会补问 / run again to ask")
    if unread:
        remedies.append(
            "个人信息未能检测，重新运行结果不变，语料不进入训练；请将上列位置报告给软件维护者 / personal information could not be looked for: "
            "running again changes nothing, the document stays out; report its place, told above, to the maintainers"
        )
    return "；".join(remedies)


def _answer_on_sample(row: dict[str, Any]) -> str:
    if row["unscored"] is not None:
        return f"已问，未得答复 / asked, no answer: {row['unscored']}"
    return f"已问，判定的风险 / asked, it decided: {', '.join(row['confirmed_risks'] or ()) or '无 / no risk'}"


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
