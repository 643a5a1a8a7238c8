"""All rounds and every draw at a glance, the failed and abandoned ones too: for people as lines, for programs as JSON."""

from collections.abc import Iterator
from typing import Any

from pipeline.store.output import Output
from rounds.design import Design
from rounds.items import strata_of
from rounds.register import Round

STATES = {
    "open": "已冻结，待抽取 / frozen, to be drawn",
    "drawn": "判定中 / being judged",
    "closed": "已关闭 / closed",
    "abandoned": "已放弃 / abandoned",
}
_READINGS = {
    "first": "初判 / first",
    "second": "复判 / second",
    "adjudication": "裁决 / adjudication",
    "left": "尚待判读 / readings left",
}


def facts_of(output: Output, one: Round) -> dict[str, Any]:
    """What the register says of a round, and how far its review is."""
    drawn, valued = one.drawn or {}, one.valued or {}
    judged = sum(drawn["sizes"].values()) if drawn else None
    return {
        "round": one.id,
        "state": one.state,
        "knowable": one.knowable,
        "opened_at": one.opened["time"],
        "opened_by": one.opened["by"],
        "run_id": one.run_id,
        "frame": one.opened["frame"],
        "collected": one.opened["collected"],
        "apart": one.opened.get("apart"),
        "criteria": one.opened["criteria"],
        "design": one.opened["design"],
        "public_value": one.opened["public_value"],
        "changes": one.opened["changes"],
        "from_verdicts": one.opened["from_verdicts"],
        "value": valued.get("value", drawn.get("value")),
        "value_recorded_at": valued.get("time"),
        "failed_draws": [{"at": failure["time"], "reason": failure["reason"]} for failure in one.failures],
        "drawn_at": drawn.get("time"),
        "seed": drawn.get("seed"),
        "items": drawn.get("items"),
        "memberships": judged,
        **{name: drawn.get(name) for name in ("sizes", "carried", "second", "known", "repeat")},
        "closed_at": (one.closed or {}).get("time"),
        "passed": (one.closed or {}).get("passed"),
        "outcome": (one.closed or {}).get("outcome"),
        "value_repeated": one.repeated is not None,
        "unread": one.opened.get("unread", []),
        "abandoned": {name: one.abandoned[name] for name in ("time", "by", "reason")} if one.abandoned else None,
        "progress": progress_of(output, one),
    }


def progress_of(output: Output, one: Round) -> dict[str, Any] | None:
    """How far a round that is being judged is; None of any other. Raises RunFailed where its review is gone."""
    from review.store import ReviewStore

    if one.state != "drawn":
        return None
    store = ReviewStore.open(output, one)
    try:
        return store.progress()
    finally:
        store.shut()


def planned(one: Round) -> dict[str, int]:
    """How many documents each sample of a round that is open will hold; one in several is judged once."""
    return strata_of(one.opened["strata"], Design(**one.opened["design"]))


def lines_of(facts: dict[str, Any], brief: bool) -> Iterator[str]:
    """A round in a few lines; `brief` without what only its own lead wants to see."""
    yield f"{facts['round']}  {STATES[facts['state']]}{_verdict(facts)}"
    yield f"  冻结 / frozen {facts['opened_at']}  {facts['opened_by']}  运行 / run {facts['run_id']}"
    yield f"  改动 / changes: {facts['changes']}{_derived(facts)}"
    named = facts["public_value"]
    yield f"  公开值 / public value: {named['name']}（{named['source']}），预定 / expected {named['expected_at']}，写法 / written {named['form']}"
    if facts["value_repeated"]:
        yield "    另一轮也以此为公开值 / another round names the same public value"
    if facts["value"] is not None:
        yield f"  值 / value: {facts['value']}  登记 / recorded {facts['value_recorded_at'] or facts['drawn_at']}"
    for failure in facts["failed_draws"]:
        yield f"  抽取失败 / draw failed {failure['at']}: {failure['reason']}"
    if facts["drawn_at"]:
        yield from _drawn_lines(facts, brief)
    if facts["outcome"]:
        yield from _outcome_lines(facts["outcome"])
    if facts["abandoned"]:
        late = "（样本已可知，视同未通过 / its sample could be known: counts as failed）" if facts["knowable"] else ""
        yield "  放弃 / abandoned {time}  {by}  {reason}".format(**facts["abandoned"]) + late
    if not brief:
        for name, frame in (("准入 / admitted", facts["frame"]), ("采集 / collected", facts["collected"])):
            yield f"  总体 / frame {name}: {frame['documents']:,}  sha256 {frame['sha256']}"
        yield from _apart_lines(facts["apart"])
        if facts["unread"]:
            yield f"  未读全的来源 / sources not read in full: {', '.join(facts['unread'])}"
        yield f"  判定标准 / criteria: {facts['criteria']}"


def _apart_lines(apart: dict[str, Any] | None) -> Iterator[str]:
    """Stages that are in no manual and no source sample, with their counts."""
    for row in (apart or {"stages": []})["stages"]:
        yield (
            f"  单列阶段 / listed apart {row['stage']}（{apart['rule'] if apart else ''}）: 采集 / collected {row['collected']:,}，准入 / admitted "
            f"{row['admitted']:,}，来源 / sources {', '.join(row['sources'])}"
        )


def _drawn_lines(facts: dict[str, Any], brief: bool) -> Iterator[str]:
    yield f"  抽取 / drawn {facts['drawn_at']}  种子 / seed {facts['seed']}"
    sizes = facts["sizes"]
    sources = sum(count for name, count in sizes.items() if name.startswith("source:"))
    stages = {name.partition(":")[2]: count for name, count in sizes.items() if name.startswith("stage:")}
    listed = "、".join(f"{name} {count:,}" for name, count in stages.items()) or "0"
    yield f"  样本 / samples: 人工 / manual {sizes['manual']:,}；阶段 / stages {listed}；来源 / sources {sources:,}"
    if not brief:
        for name, count in sizes.items():
            if name.startswith("source:"):
                yield f"    {name} {count:,}"
    held = facts["carried"]
    documents = facts["items"] - facts["known"] - facts["repeat"]
    yield (
        f"  条目 / items {facts['items']:,}: 语料 / documents {documents:,}（沿用 / carried over {share(held['items'], documents)}"
        f"{' ← ' + held['from'] if held['from'] else ''}），双人 / read by two {facts['second']:,}，已知答案 / known answers "
        f"{facts['known']:,}，重复 / repeats {facts['repeat']:,}"
    )
    for name, value in (facts["progress"] or {}).items():
        told = f"{value['decided']:,} / {value['total']:,}" if isinstance(value, dict) else f"{value:,}"
        yield f"  进度 / progress {_READINGS.get(name, name)}: {told}"


def _outcome_lines(outcome: dict[str, Any]) -> Iterator[str]:
    """What a closed round came to, as the register has it."""
    manual = outcome["manual"]
    yield (
        f"  人工抽检 / manual: {manual['failures']:,} 条不合格 / unqualified of {manual['judged']:,}，至多 / at most {manual['allowed']:,}："
        f"{manual['conclusion']}"
    )
    for stage, (failures, judged) in outcome["stages"].items():
        yield f"  阶段 / stage {stage}: {failures:,} / {judged:,}"
    for source, conclusion in outcome["sources"].items():
        yield f"  来源 / source {source}: {conclusion}"


def share(part: int, whole: int) -> str:
    """A count with its share."""
    return f"{part:,} = {part / whole:.2%}" if whole else f"{part:,}"


def _verdict(facts: dict[str, Any]) -> str:
    if facts["passed"] is None:
        return ""
    return "：通过 / passed" if facts["passed"] else "：未通过 / did not pass"


def _derived(facts: dict[str, Any]) -> str:
    return "（依据判定 / derived from verdicts）" if facts["from_verdicts"] else ""
