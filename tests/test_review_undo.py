"""Taking back: only slips noticed at once, only before anybody relies on them, and never a way round blindness."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from review.decisions import Decision
from review.refusal import Refused
from review.undoing import LIMITS, UNDO_DECISIONS, UNDO_SECONDS
from review.wording import texts
from rounds.agreement import after_findings, people_rows
from rounds.checks import contradictions
from rounds.database import arrow_table
from rounds.database import tables as published_tables
from rounds.facts import Tables
from rounds.register import Round, find_round
from tests.made_rounds import facts_of
from tests.reviews import machine_row, plain
from tests.test_review_store import Bench, make_bench, said


@pytest.fixture
def single(tmp_path: Path) -> Any:
    """Twelve items, each read by one, and an adjudicator."""
    bench = make_bench(tmp_path, plain(12), ["甲", "乙", "裁"])
    yield bench
    bench.store.shut()


@pytest.fixture
def double(tmp_path: Path) -> Any:
    """An item read by two."""
    bench = make_bench(tmp_path, plain(1, second=True), ["甲", "丙", "裁"])
    yield bench
    bench.store.shut()


def refusal(step: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as caught:
        step()
    assert caught.value.status == 409
    return f"{caught.value.zh} / {caught.value.en}"


def judge_anew(bench: Bench, person: str = "甲", verdict: str = "qualified") -> int:
    """The last decision taken back and given otherwise."""
    leased, _ = bench.store.undo(person)
    bench.store.decide(person, said(leased, verdict))
    return leased.item_no


def tables_of(bench: Bench) -> tuple[Round, Tables]:
    found = find_round(bench.store.output)
    assert found.drawn is not None
    sizes = {"manual": bench.store.progress()["first"]["total"]}
    found = replace(found, drawn={**found.drawn, "sizes": sizes, "strata": sizes})
    return found, Tables.of(found.folder, bench.store.readings(), bench.store.finals())


def contradicted(bench: Bench, change: Callable[[Tables], None] | None = None) -> list[str]:
    """What the checks before closing say of the tables, changed where told."""
    found, tables = tables_of(bench)
    if change is not None:
        change(tables)
    return [problem for problem in contradictions(found, tables, facts_of()) if problem.startswith("finals")]


def test_only_the_latest_decisions_can_be_taken_back(single: Bench) -> None:
    done = [single.judge("甲") for _ in range(UNDO_DECISIONS + 1)]
    assert [single.store.undo("甲")[0].item_no for _ in range(UNDO_DECISIONS)] == done[:0:-1]
    told = refusal(lambda: single.store.undo("甲"))
    assert f"{LIMITS['decisions']} 次" in told and "15 minutes" in told
    assert single.store.readings()["item_no"].to_pylist() == done[:1]
    assert single.store.check() == []


@pytest.mark.parametrize(("waited", "kept"), [(UNDO_SECONDS - 1, False), (UNDO_SECONDS + 1, True)])
def test_only_for_so_long(single: Bench, waited: float, kept: bool) -> None:
    single.judge("甲")
    single.clock.now += waited
    if kept:
        assert f"{LIMITS['minutes']} 分钟" in refusal(lambda: single.store.undo("甲"))
    else:
        single.store.undo("甲")
    assert (single.store.readings().num_rows == 1) is kept


def test_the_page_is_told_the_limits_and_its_help_says_the_same(single: Bench) -> None:
    assert LIMITS == {"decisions": UNDO_DECISIONS, "minutes": UNDO_SECONDS / 60}
    zh, en = texts("zh")["help_undo"], texts("en")["help_undo"]
    assert f"{LIMITS['decisions']} 条、{LIMITS['minutes']} 分钟" in zh
    assert "latest ten, within 15 minutes" in en


def test_decisions_taken_back_count_among_the_latest(single: Bench) -> None:
    single.judge("甲", verdict="unqualified")
    single.judge("甲")
    for _ in range(UNDO_DECISIONS - 1):  # the second, over and over
        judge_anew(single)
    single.store.undo("甲")
    refusal(lambda: single.store.undo("甲"))


def test_the_earlier_of_two_readers_cannot_take_back_what_was_compared(double: Bench) -> None:
    double.judge("甲")
    double.judge("丙", "second")
    assert "另一人判读" in refusal(lambda: double.store.undo("甲"))
    double.store.undo("丙")
    double.store.undo("甲")
    assert double.store.check() == []


def test_an_adjudication_is_final(double: Bench) -> None:
    double.judge("甲")
    double.judge("丙", "second", "unqualified")
    double.judge("裁", "adjudication", "unclear")
    assert "终局" in refusal(lambda: double.store.undo("裁"))
    assert "进入裁决" in refusal(lambda: double.store.undo("丙"))


@pytest.mark.parametrize("before", ["qualified", "unqualified", "unclear"])
@pytest.mark.parametrize("after", ["qualified", "unqualified", "unclear"])
def test_what_is_said_after_the_findings_stays_on_record_and_decides_nothing(
    single: Bench, before: str, after: str
) -> None:
    single.judge("甲", verdict=before)
    number = judge_anew(single, verdict=after)
    (row,) = single.store.readings().to_pylist()
    assert (row["verdict"], row["after_findings"]) == (after, True)
    assert single.store.finals().num_rows == 0
    leased = single.take("裁", "adjudication")
    assert (leased.item_no, leased.earlier) == (number, ())  # what the machine may have swayed is not shown
    single.store.decide("裁", said(leased, "unqualified"))
    assert list(single.store.log())[-1]["readings_shown"] == []
    (final,) = single.store.finals().to_pylist()
    assert (final["verdict"], final["how"]) == ("unqualified", "adjudicated")
    assert single.store.check() == [] and contradicted(single) == []


def test_two_who_agree_take_an_adjudicator_where_one_was_not_blind(double: Bench) -> None:
    double.judge("甲", verdict="unqualified")
    judge_anew(double, verdict="qualified")
    assert double.store.lease("裁", "adjudication") is None  # the second reading is still to come
    double.judge("丙", "second")
    assert double.store.finals().num_rows == 0
    double.judge("裁", "adjudication", "unqualified")
    assert double.store.finals().to_pylist()[0]["verdict"] == "unqualified"
    assert double.store.check() == [] and contradicted(double) == []


def test_nobody_adjudicates_an_item_they_saw_the_findings_of(single: Bench) -> None:
    single.store.set_roles("甲", ["annotator", "adjudicator"], by="test")
    single.judge("甲")
    leased, _ = single.store.undo("甲")
    single.store.release("甲", "first", [leased.item_no])
    assert single.judge("乙") == leased.item_no
    judge_anew(single, "乙")
    assert single.store.lease("甲", "adjudication") is None
    given = Decision(
        leased.item_no, "adjudication", "qualified", (), (), "", 1.0, 9.0, leased.content_hash, single.store.criteria
    )
    with pytest.raises(Refused, match="不能裁决"):
        single.store.import_decisions([("甲", given)], by="test")
    assert single.take("裁", "adjudication").item_no == leased.item_no


def test_readings_after_the_findings_are_counted_by_person_and_named(single: Bench) -> None:
    for _ in range(11):
        single.judge("乙")
    single.judge("甲")
    number = judge_anew(single)
    single.judge("裁", "adjudication")
    _, tables = tables_of(single)
    people = {row["person"]: row["after_findings"] for row in people_rows(*_parts(tables))}
    assert people == {"乙": 0, "甲": 1, "裁": 0}
    told = after_findings(tables.items, tables.readings, tables.finals)
    assert told == {"readings": 1, "items": [number], "resting": []}
    published = arrow_table(published_tables()["readings"], tables.readings)
    assert published["after_findings"].to_pylist().count(True) == 1
    tables.finals[number - 1] = {**tables.finals[number - 1], "how": "single"}
    assert after_findings(tables.items, tables.readings, tables.finals)["resting"] == [number]


def _parts(tables: Tables) -> Any:
    return tables.items, [machine_row(dict(row)) for row in tables.items], tables.readings


def _by_itself(tables: Tables) -> None:
    """The verdict of the reading that was not blind, as if it decided."""
    del tables.readings[-1]
    tables.finals[0] = {**tables.finals[0], "how": "single", "verdict": "qualified", "risks": []}


def _adjudicator_saw(tables: Tables) -> None:
    tables.readings[-1] = {**tables.readings[-1], "after_findings": True}


def _nothing_to_adjudicate(tables: Tables) -> None:
    tables.readings[0] = {**tables.readings[0], "after_findings": False}


@pytest.mark.parametrize("change", [_by_itself, _adjudicator_saw, _nothing_to_adjudicate])
def test_tables_that_say_otherwise_do_not_close(single: Bench, change: Callable[[Tables], None]) -> None:
    single.judge("甲", verdict="unqualified")
    judge_anew(single)
    single.judge("裁", "adjudication", "unqualified")
    assert contradicted(single) == []
    assert contradicted(single, change) != []


@pytest.mark.parametrize(
    "forged",
    [
        {"event": "decided", "after_findings": False},
        {"event": "undone", "late": UNDO_SECONDS + 1},
    ],
    ids=["said to be blind", "taken back too late"],
)
def test_a_log_forged_with_good_hashes_is_found(single: Bench, forged: dict[str, Any]) -> None:
    from review import events

    single.judge("甲")
    (first,) = [event for event in single.store.log() if event["event"] == "decided"]
    with single.store.database.write() as connection:
        kept = {"person": "甲", "item_no": first["item_no"], "reading": "first", "undoes": first["seq"]}
        events.append(connection, single.clock.now + forged.get("late", 0), "undone", **kept)
        if forged["event"] == "decided":
            said_ = {k: v for k, v in first.items() if k not in ("seq", "at", "event", "previous", "sha256")}
            events.append(connection, single.clock.now, "decided", **{**said_, "after_findings": False})
    assert any("规则" in problem or "撤销" in problem for problem in single.store.check())
