"""What people decided holds in a later round only where the protocol allows it; each rule by a case."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output
from pipeline.verification.verify import verify
from rounds.opening import abandon_round
from rounds.register import Register, Round, find_round
from rounds.summary import facts_of, lines_of
from rounds.tables import REPEAT, SAMPLE
from tests.audits import Corpus, flip, jsonl, texts
from tests.round_runs import (
    DESIGN,
    Clock,
    audited,
    closed,
    copied,
    drawn,
    events_of,
    items_of,
    later,
    night,
    opened,
    own,
    ready,
    write,
)

__all__ = ["audited", "own", "ready"]

ANOTHER = "2026142010203"


@pytest.fixture
def clock() -> Clock:
    """A clock behind the first draw."""
    return Clock("2026-12-02T00:00:00+00:00")


def _text(row: dict[str, Any]) -> tuple[str, str]:
    return row["doc_id"], row["content_hash"]


def _next(own: Path, clock: Clock, carry: bool = True, **changes: Any) -> Round:
    opened(own, clock, **later(clock, **changes))
    return drawn(own, clock, ANOTHER, carry)


def test_verdicts_of_a_passed_round_hold_for_the_same_texts(own: Path, clock: Clock) -> None:
    before = closed(own, clock)
    found = _next(own, clock)
    assert found.drawn is not None
    told = {_text(row) for row in items_of(before) if row["kind"] == SAMPLE}
    items = items_of(found)
    held = [row for row in items if row["carried_from"]]
    assert held
    assert {row["carried_from"] for row in held} == {"R0001"}
    assert {_text(row) for row in held} == told & {_text(row) for row in items if row["kind"] == SAMPLE}
    assert not any(row["second"] or row["kind"] == REPEAT for row in held)
    assert found.drawn["carried"] == {"from": "R0001", "items": len(held)}
    documents = sum(row["kind"] == SAMPLE for row in items)
    shown = "\n".join(lines_of(facts_of(Output(own), found), brief=True))
    assert f"{len(held):,} = {len(held) / documents:.2%} ← R0001" in shown, "its share is printed"
    assert not [problem for check in verify(Output(own)) if "R0002" in check.title for problem in check.problems]


def test_carrying_changes_nobodys_chance_to_be_drawn(own: Path, clock: Clock, tmp_path: Path) -> None:
    closed(own, clock)
    copied(own, tmp_path / "twin")
    twin_clock = Clock(clock.time.isoformat())
    with_it, without = _next(own, clock), _next(tmp_path / "twin", twin_clock, carry=False)
    samples = [
        {_text(row): row["samples"] for row in items_of(one) if row["kind"] == SAMPLE} for one in (with_it, without)
    ]
    assert samples[0] == samples[1]
    assert not any(row["carried_from"] for row in items_of(without))


def _failed(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock, passed=False)
    return {}


def _abandoned_after_its_draw(own: Path, clock: Clock) -> dict[str, Any]:
    abandon_round(Output(own), "李", "看着不好", clock=clock)
    return {}


def _failed_after_one_that_passed(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock)
    _next(own, clock, carry=False)
    closed(own, clock, passed=False)
    return {}


def _abandoned_after_one_that_passed(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock)
    _next(own, clock, carry=False)
    abandon_round(Output(own), "李", "看着不好", clock=clock)
    return {}


def _changed_because_of_verdicts(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock)
    return {"from_verdicts": True}


def _changed_because_of_verdicts_before_a_round_that_was_given_up(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock)
    opened(own, clock, **later(clock, from_verdicts=True))
    abandon_round(Output(own), "李", "误开", clock=clock)
    return {}


def _given_up_when_its_sample_could_be_known(own: Path, clock: Clock) -> dict[str, Any]:
    closed(own, clock)
    opened(own, clock, **later(clock))
    clock.tick(days=1)
    abandon_round(Output(own), "李", "算过了，不好", clock=clock)
    return {}


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (_failed, "未通过"),
        (_given_up_when_its_sample_could_be_known, "R0002 未完成"),
        (_abandoned_after_its_draw, "视同未通过"),
        (_failed_after_one_that_passed, "R0002 未通过"),
        (_abandoned_after_one_that_passed, "R0002 未完成"),
        (_changed_because_of_verdicts, "依据判定作出的改动"),
        (_changed_because_of_verdicts_before_a_round_that_was_given_up, "依据判定作出的改动"),
    ],
)
def test_nothing_holds_where_the_protocol_says_so(
    own: Path, clock: Clock, history: Callable[[Path, Clock], dict[str, Any]], told: str
) -> None:
    changes = history(own, clock)
    with pytest.raises(UsageError, match=told):
        _next(own, clock, **changes)
    found = find_round(Output(own))
    assert found.valued is None, "the value is not used up"
    assert drawn(own, clock, ANOTHER).state == "drawn", "without carrying over the round goes on"


def test_a_round_given_up_before_its_draw_is_no_obstacle(own: Path, clock: Clock) -> None:
    closed(own, clock)
    opened(own, clock, **later(clock))
    abandon_round(Output(own), "李", "误开", clock=clock)
    found = _next(own, clock)
    assert found.drawn is not None
    assert found.id == "R0003"
    assert found.drawn["carried"]["from"] == "R0001"
    assert found.drawn["carried"]["items"] > 0


@pytest.mark.parametrize("key", ["ruleset_sha256", "policy_sha256", "profile_sha256", "criteria"])
def test_nothing_holds_under_other_rules(own: Path, clock: Clock, key: str) -> None:
    closed(own, clock)
    opened(own, clock, **later(clock))
    path = own / "rounds" / "register.ndjson"
    events = [{k: v for k, v in event.items() if k not in ("sha256", "previous")} for event in events_of(own)]
    events[-1][key] = "another"
    path.unlink()
    from schemas.chain import append_to_chain

    append_to_chain(path, events)
    with pytest.raises(UsageError, match="已变"):
        drawn(own, clock, ANOTHER, carry=True)


def test_nothing_is_carried_from_files_that_changed(own: Path, clock: Clock) -> None:
    before = closed(own, clock)
    opened(own, clock, **later(clock))
    (before.folder / "finals.parquet").chmod(0o644)
    flip(before.folder / "finals.parquet", 0.5)
    with pytest.raises(RunFailed, match="finals.parquet"):
        drawn(own, clock, ANOTHER, carry=True)


def test_nothing_holds_once_the_failures_are_gone(
    audited: tuple[Corpus, Path], own: Path, clock: Clock, tmp_path: Path
) -> None:
    corpus = audited[0]
    bad = next(row for row in items_of(find_round(Output(own))) if "manual" in row["samples"])
    closed(own, clock, bad=[bad["item_no"]])
    (corpus.config.parent / "dropped.txt").write_text(bad["content_hash"] + "\n")
    try:
        write(corpus, blocked=["dropped.txt"])
        night(corpus, own)
    finally:
        write(corpus)
    with pytest.raises(UsageError, match="已不在总体中"):
        _next(own, clock)


def test_failures_that_stay_are_carried_as_failures(own: Path, clock: Clock) -> None:
    rows = items_of(find_round(Output(own)))
    bad = [row["item_no"] for row in rows if row["kind"] == SAMPLE][:40]
    closed(own, clock, bad=bad)
    found = _next(own, clock)
    failed = {_text(row) for row in rows if row["item_no"] in bad}
    drawn_again = {_text(row) for row in items_of(found) if row["kind"] == SAMPLE and _text(row) in failed}
    assert drawn_again
    assert {_text(row) for row in items_of(found) if row["carried_from"]} >= drawn_again


def test_a_text_in_which_some_reading_found_personal_information_is_judged_anew(own: Path, clock: Clock) -> None:
    rows = items_of(find_round(Output(own)))
    ticked = [row["item_no"] for row in rows if "manual" in row["samples"]][:9]
    repeats = [row["item_no"] for row in rows if row["kind"] == REPEAT][:2]  # shows the text of another item
    closed(own, clock, ticked=[*ticked, *repeats])
    found = _next(own, clock)
    disputed = {_text(row) for row in rows if row["item_no"] in (*ticked, *repeats)}
    again = [row for row in items_of(found) if row["kind"] == SAMPLE and _text(row) in disputed]
    assert again and not any(row["carried_from"] for row in again)
    assert any(row["carried_from"] for row in items_of(found))


@pytest.mark.parametrize(("own_design", "told"), [({"second": "0.51"}, "second 0.5"), ({"known": 10}, "known 9")])
def test_nothing_holds_that_was_judged_less_strictly(
    own: Path, clock: Clock, own_design: dict[str, Any], told: str
) -> None:
    closed(own, clock)
    with pytest.raises(UsageError, match=f"less strictly than this round: .*--{told}"):
        _next(own, clock, design=replace(DESIGN, **own_design))


def test_what_was_judged_more_strictly_holds(own: Path, clock: Clock) -> None:
    closed(own, clock)
    found = _next(own, clock, design=replace(DESIGN, second="0.4", known=8, repeat="0"))
    assert any(row["carried_from"] for row in items_of(found))


def test_a_text_that_changed_is_judged_anew(audited: tuple[Corpus, Path], own: Path, clock: Clock) -> None:
    corpus = audited[0]
    before = closed(own, clock)
    shard = corpus.folder / "plain" / "a.jsonl"
    kept = shard.read_bytes()
    rows = [{"id": f"p{i}", "text": text + "（修订）"} for i, text in enumerate(texts("plain", 300, every=50))]
    try:
        shard.write_bytes(jsonl(rows))
        night(corpus, own)
        found = _next(own, clock)
    finally:
        shard.write_bytes(kept)
    changed = [row for row in items_of(found) if row["shard"] == "a.jsonl" and row["source_id"] == "plain"]
    assert {row["doc_id"] for row in changed} & {row["doc_id"] for row in items_of(before)}
    assert not any(row["carried_from"] for row in changed)
    assert any(row["carried_from"] for row in items_of(found))


def test_copies_told_differently_are_judged_anew(tmp_path: Path) -> None:
    from rounds.carrying import Final, _agreed

    text, other = ("s:1", hashlib.sha256(b"a").hexdigest()), ("s:2", hashlib.sha256(b"b").hexdigest())
    finals = [
        Final(text, ("manual",), "qualified", (), ()),
        Final(text, ("manual",), "unqualified", ("A3-e",), ()),
        Final(other, ("manual",), "qualified", (), ()),
        Final(other, ("stage:sft",), "qualified", (), ()),
    ]
    assert _agreed(finals) == {other}


def test_every_round_stays_in_the_list(own: Path, clock: Clock) -> None:
    closed(own, clock, passed=False)
    _next(own, clock, carry=False)
    abandon_round(Output(own), "李", "换期", clock=clock)
    opened(own, clock, **later(clock))
    states = [(one.id, one.state) for one in Register(Output(own)).rounds()]
    assert states == [("R0001", "closed"), ("R0002", "abandoned"), ("R0003", "open")]
