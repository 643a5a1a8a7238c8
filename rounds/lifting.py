"""A closed round as proof for lifting a source from the blacklist: blind, from before filtering, and of what is there now."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from pipeline.errors import UsageError
from pipeline.store.output import Output
from rounds.consequences import evidence
from rounds.estimates import above
from rounds.judged import SOURCE
from rounds.register import Register, Round, find_round
from rounds.results import read_result
from rounds.summary import planned

MAXIMUM = (1, 20)  # what a lift takes whatever a profile of one's own says (assessment.md)


def assessment(output: Output, wanted: str, source: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers a lift rests on, and which earlier rounds did not come to them. `manifest` is that of the current run.

    Raises UsageError with every reason against it: the round is not closed or has no sample of the source, cannot be
    relied on, its upper bound is above 5 %, source or rules changed since, or a later round stands against it.
    """
    found, register = find_round(output, wanted), Register(output)
    content = {} if found.closed is None else read_result(found).content
    row = row_of(content, source)
    if row is None or found.closed is None:
        raise UsageError(
            f"--round: {wanted}: 未关闭，或没有 {source} 的来源评估样本 / is not closed, or holds no assessment sample of {source}"
        )
    rounds = register.rounds()
    now = max(register.now().astimezone(UTC).isoformat(timespec="seconds"), register.events()[-1]["time"])
    problems = [*reasons_against(found, content, source, rounds, now)]
    if row["source_version"] != manifest.get("source_versions", {}).get(source):
        problems.append("来源在该轮之后已变化 / the source changed since that round: assess what is there now")
    if found.opened["ruleset_sha256"] != manifest.get("ruleset_sha256"):
        problems.append("检测规则在该轮之后已变化 / the rules changed since that round")
    if problems:
        raise UsageError([f"--round: {wanted}: {problem}" for problem in problems])
    earlier = [one.id for one in rounds if _before(one, found) and _against(one, source, now) is not None]
    return {
        "round": found.id,
        "result_sha256": found.closed["result_sha256"],
        **evidence(row),
        "earlier_rounds": earlier,
    }


def row_of(content: Mapping[str, Any], source: str) -> dict[str, Any] | None:
    """The assessment of a source in a result; None where it has none."""
    return next((row for row in content.get("sources", ()) if row["source_id"] == source), None)


def reasons_against(
    found: Round, content: Mapping[str, Any], source: str, rounds: Sequence[Round], when: str
) -> Iterator[str]:
    """Why a closed round with this result does not carry the lift of a source it sampled, at a time (ISO 8601, UTC)."""
    relied = content.get("reliance", {})
    if not relied.get("holds"):
        yield f"该轮不足以作出有利结论 / the round carries no conclusion in favour: {'; '.join(relied.get('reasons', ()))}"
    row = row_of(content, source)
    if row is not None and not _within(row):
        yield (
            f"{source} 的上限 {row['rate_high']:.4%} 超过门槛（判定 {row['positive_judged'] + row['negative_judged']} 条）/ its upper bound "
            f"{row['rate_high']:.4%} is above the maximum: judge more of it in a further round"
        )
    for one in rounds:
        if _before(found, one) and (told := _against(one, source, when)) is not None:
            yield f"之后的 {one.id} 也抽取了 {source}：{told} / the later {one.id} sampled it too: close a further round and lift on that"


def _before(one: Round, other: Round) -> bool:
    return bool(one.opened["seq"] < other.opened["seq"])


def _within(row: Mapping[str, Any]) -> bool:
    return bool(row["within"]) and not above(row["rate_high"], MAXIMUM)


def _against(one: Round, source: str, when: str) -> str | None:
    """What another round that sampled the source says against it at that time; None where it says nothing.

    From the moment its sample could be known, a round is against it until it is closed with a bound that is not above:
    else whoever sees it go badly would give it up and lift on the one before.
    """
    if not any(size and name.startswith(f"{SOURCE}{source}:") for name, size in planned(one).items()):
        return None
    if one.knowable_since is None or one.knowable_since > when:
        return None
    if one.closed is not None:
        row = row_of(read_result(one).content, source)
        if row is None or _within(row):
            return None
        if one.closed["time"] <= when:
            return f"上限 / upper bound {row['rate_high']:.4%}"
    if one.abandoned is not None and one.abandoned["time"] <= when:
        return "样本已可知而放弃 / was given up though its sample could be known"
    return "尚未关闭 / is not closed yet"
