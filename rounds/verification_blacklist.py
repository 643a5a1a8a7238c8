"""What `verify` says of decisions on the blacklist that follow from a closed round, or cite it."""

import json
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from blacklist.lifts import BY_ROUND
from blacklist.log import EVENTS, Entry, replay
from pipeline.store.output import Output
from rounds.consequences import decision, evidence
from rounds.lifting import reasons_against, row_of
from rounds.register import Register, Round
from rounds.results import RoundResult
from schemas.chain import read_chain
from schemas.profile import Profile

_COMPARED = ("event", "source_key", "scope", "by", "evidence")
Event = Mapping[str, Any]
Standing = Mapping[str, Sequence[tuple[int, Entry]]]  # what each event about a source left, with its place in the log


def problems_of_decisions(output: Output, round_: Round, again: RoundResult, profile: Profile) -> Iterator[str]:
    """Each event that is not what the round's own tables come to, and each that is missing. `again` is made from them."""
    events = read_chain(output.blacklist / EVENTS)[0]
    standing, told = _standing(events), set[str]()
    for place, event in enumerate(events):
        if (event.get("evidence") or {}).get("round") != round_.id:
            continue
        if event["event"] == "lifted":
            yield from _lifted(output, round_, again, event)
        else:
            row = None if event["source_key"] in told else row_of(again.content, event["source_key"])
            before = _entry(standing, event["source_key"], place)
            yield from _followed(round_, event, row and decision(round_, again, profile, row, before))
        told.add(event["source_key"])
    yield from _missing(round_, again, profile, events, told)


def _lifted(output: Output, round_: Round, again: RoundResult, event: Event) -> Iterator[str]:
    """A lift gives the round's numbers, and nothing spoke against it when it was made."""
    assert round_.closed is not None
    told, row = event["evidence"], row_of(again.content, event["source_key"])
    expected = {} if row is None else evidence(row) | {"result_sha256": round_.closed["result_sha256"]}
    expected |= {"ruleset_sha256": again.content["ruleset_sha256"]}
    if row is None or any(told.get(name) != value for name, value in expected.items()):
        yield f"blacklist: 第 {event['seq']} 条所引数字不是 {round_.id} 的 / event {event['seq']} cites other numbers than its own"
        return
    for reason in reasons_against(
        round_, again.content, event["source_key"], Register(output).rounds(), _before(event)
    ):
        yield f"blacklist: 第 {event['seq']} 条：{round_.id} 不足以解除 / {round_.id} does not carry it: {reason}"


def _followed(round_: Round, event: Event, made: Event | None) -> Iterator[str]:
    """A decision a round made is the one its numbers call for in the state the blacklist was in, and is made once."""
    if made is None or any(json.loads(json.dumps(made[name])) != event.get(name) for name in _COMPARED):
        wanted = "无 / nothing" if made is None else made["event"]
        yield (
            f"blacklist: 第 {event['seq']} 条（{event['source_key']} {event['event']}）不是 {round_.id} 的结果，应为 / event {event['seq']} is not "
            f"what follows from {round_.id}, which is: {wanted}"
        )


def _missing(
    round_: Round, again: RoundResult, profile: Profile, events: Sequence[Event], told: Container[str]
) -> Iterator[str]:
    """Decisions that follow in every state the blacklist was in since the round was closed, and were never made."""
    assert round_.closed is not None
    own = [place for place, event in enumerate(events) if event.get("by") == f"{BY_ROUND}{round_.id}"]
    begin = own[0] if own else sum(event["time"] < round_.closed["time"] for event in events)
    standing = _standing(events)
    for row in again.content["sources"]:
        source = row["source_id"]
        since = [entry for place, entry in standing.get(source, ()) if place >= begin]
        made = [decision(round_, again, profile, row, entry) for entry in (_entry(standing, source, begin), *since)]
        last = made[-1]
        if source not in told and last is not None and None not in made:
            yield (
                f"blacklist: 缺少 {round_.id} 对 {source} 的结果 {last['event']}：请再执行一次 round close / what {round_.id} means for {source} "
                f"is missing: repeat `round close`"
            )


def _standing(events: Sequence[Event]) -> Standing:
    found: dict[str, list[tuple[int, Entry]]] = defaultdict(list)
    for place, event in enumerate(events):
        if event["scope"] != "domain":
            found[event["source_key"]] += [(place, entry) for entry in replay([dict(event)])]
    return found


def _entry(standing: Standing, source: str, place: int) -> Entry | None:
    """What stood of a source before the event at that place."""
    return next((entry for at, entry in reversed(standing.get(source, ())) if at < place), None)


def _before(event: Event) -> str:
    """The second before an event: what has the same time may have come after it."""
    return (datetime.fromisoformat(event["time"]) - timedelta(seconds=1)).isoformat(timespec="seconds")
