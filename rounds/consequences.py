"""What a closed round means for the blacklist: suspensions confirmed or dismissed, and sources shown to be above the maximum.

The rule (docs/adr/0029): a suspended source is confirmed where its stratified estimate is above the maximum; dismissed only
where the upper bound is not, nothing else is open about it, and the round judged the very version and rules it was
suspended under; otherwise it stays suspended. One that is not listed is listed where its lower bound is above.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blacklist.lifts import BY_ROUND
from blacklist.log import BlacklistLog, ChainBroken, Entry
from pipeline.errors import OutputBusy, RunFailed
from pipeline.store.output import Output
from rounds.conclusions import PASS
from rounds.register import Round
from rounds.results import RoundResult
from schemas.chain import cut_torn_line
from schemas.profile import Profile

CONFIRMED, DISMISSED, LISTED = "confirmed", "dismissed", "blacklisted"
_REASONS = {
    CONFIRMED: "来源评估的估计超过门槛，暂停确认为列入 / the assessment's estimate is above the maximum: the suspension is confirmed",
    DISMISSED: "来源评估的单侧 95 % 上限不超过门槛，暂停撤销 / the assessment's upper bound is not above the maximum: the suspension is dismissed",
    LISTED: "来源评估的单侧 95 % 下限超过门槛 / the assessment's lower bound is above the maximum",
}


def follow(output: Output, round_: Round, result: RoundResult, profile: Profile) -> list[dict[str, Any]]:
    """Appends what follows from a closed round to the blacklist log, once, and returns what was appended now.

    Raises OutputBusy while a run holds the output, and RunFailed where the log was changed.
    """
    try:
        with output.held():
            log = BlacklistLog(output.blacklist)
            cut_torn_line(log.path)
            try:
                events, entries = log.events(), log.entries()
            except ChainBroken as error:
                raise RunFailed(str(error)) from None
            return log.append(decisions(round_, result, profile, entries, events))
    except OutputBusy:
        raise OutputBusy(
            f"{round_.id}: 本轮已关闭，但另一个运行正在使用输出文件夹，黑名单尚未更新：待其结束后再执行一次 round close / the round is closed, but a run "
            f"holds the output and the blacklist is not up to date: repeat `round close` once it is done"
        ) from None


def decisions(
    round_: Round,
    result: RoundResult,
    profile: Profile,
    entries: Sequence[Entry],
    events: Sequence[Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """The events that follow from a round and are not in the log yet."""
    told = {event["source_key"] for event in events if (event.get("evidence") or {}).get("round") == round_.id}
    state = {entry.source_key: entry for entry in entries if entry.scope != "domain"}
    for row in result.content["sources"]:
        found = decision(round_, result, profile, row, state.get(row["source_id"]))
        if found is not None and row["source_id"] not in told:
            yield found


def decision(
    round_: Round, result: RoundResult, profile: Profile, row: Mapping[str, Any], entry: Entry | None
) -> dict[str, Any] | None:
    """The event that follows from a source's assessment where this is its entry; None where nothing does."""
    assert round_.closed is not None
    kind = decide(row, entry, result.content["ruleset_sha256"])
    if kind is None:
        return None
    numerator, denominator = profile.source_rate.maximum
    return {
        "event": kind,
        "source_key": row["source_id"],
        "scope": "suspended" if kind == DISMISSED else "source",
        "reason": _REASONS[kind],
        "by": f"{BY_ROUND}{round_.id}",
        "evidence": {
            "round": round_.id,
            "result_sha256": round_.closed["result_sha256"],
            "run_id": result.content["run_id"],
            "profile": profile.id,
            "threshold": f"{numerator}/{denominator}",
            **evidence(row),
            "ruleset_sha256": result.content["ruleset_sha256"],
        },
    }


def evidence(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a source's assessment that a decision rests on."""
    return {
        **{name: row[name] for name in ("documents", "rate", "rate_low", "rate_high", "source_version")},
        "judged": row["positive_judged"] + row["negative_judged"],
        "found": row["positive_violations"] + row["negative_violations"],
        "unclear": row["positive_unclear"] + row["negative_unclear"],
    }


def decide(row: Mapping[str, Any], entry: Entry | None, ruleset_sha256: str) -> str | None:
    """What the assessment of a source does to its present entry; None leaves everything as it is."""
    if entry is None or not entry.active:
        return LISTED if row["above"] else None
    if entry.scope != "suspended":
        return None  # listed by people or by an earlier round: a lift takes two roles
    if row["estimate_above"] or row["above"]:
        return CONFIRMED
    same = (entry.source_version, entry.ruleset_sha256) == (row["source_version"], ruleset_sha256)
    return DISMISSED if row["conclusion"] == PASS and same else None
