"""What a closed round did to the blacklist, in lines for people: decided by it, left as it was, and for which reasons."""

from collections.abc import Iterator, Mapping
from typing import Any

from blacklist.lifts import BY_ROUND
from blacklist.log import Entry, replay
from rounds.conclusions import PASS
from rounds.consequences import CONFIRMED, DISMISSED, LISTED
from rounds.lifting import row_of

Row = Mapping[str, Any]
_DONE = {
    CONFIRMED: "暂停确认为列入 / suspension confirmed: listed",
    DISMISSED: "暂停撤销 / suspension dismissed",
    LISTED: "列入 / listed",
}


def blacklist_lines(content: Row, events: list[dict[str, Any]]) -> Iterator[str]:
    """What the round of this result.json decided, and each source still kept out with the reason. `events`: the whole log."""
    by = f"{BY_ROUND}{content['round']}"
    done = [event for event in events if event["by"] == by]
    for event in done:
        yield f"  黑名单 / blacklist {event['source_key']}: {_DONE.get(event['event'], event['event'])}，下次运行生效 / from the next run"
    decided = {event["source_key"] for event in done}
    for entry in replay(events):
        if not entry.active or entry.scope == "domain" or entry.source_key in decided:
            continue
        row = row_of(content, entry.source_key)
        if entry.scope == "suspended":
            why = "；".join(_left(row, entry, content))
            yield f"  黑名单 / blacklist {entry.source_key}: 仍暂停 / stays suspended: {why}"
        elif row is not None and row["conclusion"] == PASS:
            yield (
                f"  黑名单 / blacklist {entry.source_key}: 仍列入，轮次只撤销暂停 / stays listed, a round dismisses suspensions alone: blacklist "
                f"lift --round {content['round']}"
            )
    if not done:
        yield "  黑名单 / blacklist: 本轮未作改动 / nothing was changed by this round"


def _left(row: Row | None, entry: Entry, content: Row) -> Iterator[str]:
    """Why a suspension was neither confirmed nor dismissed."""
    if row is None or not row["positive_judged"] + row["negative_judged"]:
        yield "本轮没有它的来源评估样本 / this round holds no sample of it"
        return
    if not row["within"]:
        yield f"上限 {row['rate_high']:.4%} 超过门槛，估计未超过 / its upper bound is above the maximum, its estimate is not"
    if row["open_reasons"]:
        yield f"抽样无法回答 / a sample does not answer {', '.join(row['open_reasons'])}"
    if not content["reliance"]["holds"]:
        yield "本轮不足以作出有利结论 / the round carries no conclusion in favour"
    elif row["within"] and not row["open_reasons"] and row["conclusion"] != PASS:
        yield f"{row['conclusion']}，不作有利结论 / the profile is not ours"
    if entry.source_version != row["source_version"]:
        yield "暂停时是另一版本的来源 / another version of it was suspended"
    if entry.ruleset_sha256 != content["ruleset_sha256"]:
        yield "暂停时是另一套规则 / it was suspended under other rules"
