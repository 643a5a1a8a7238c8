"""Ways to a pass without anybody reading: one reader honest and the others not, clicking through, verdicts after the findings.

Each of them was 符合 once; each is 待人工 now, with the reason in the basis.
"""

from typing import Any

import pytest

from rounds.agreement import double_read, fast_readings, people_rows
from rounds.attention import FAST_MOST, LEAST_PAIRS, UNREAD_MOST
from rounds.facts import Tables
from rounds.history import ALONE
from rounds.known import known_answers, planted_rows
from rounds.reliance import LEAST_ADJUDICATED
from rounds.results import RoundResult, result_of
from rounds.tables import ADJUDICATION, FIRST, KNOWN, QUALIFIED, SAMPLE, SECOND, UNCLEAR, UNQUALIFIED
from tests.made_rounds import (
    FOUND,
    PEOPLE,
    SEED,
    facts_of,
    final_row,
    good,
    item_row,
    reading_row,
    round_of,
    tables_of,
    with_known,
)

NEGATIVE = "source:s:negative"
STRATA = {"manual": 100_000, NEGATIVE: 9000}
MISSED: dict[str, Any] = {"verdict": QUALIFIED, "risks": []}


def made() -> Tables:
    """A round without any failure, all known answers found by everybody."""
    return with_known(tables_of([good(4000, "manual"), good(300, NEGATIVE)]))


def told_by(tables: Tables) -> RoundResult:
    return result_of(round_of(tables, STRATA), tables, facts_of(["s"]), ALONE)


def known_rows(tables: Tables, *kinds: str) -> list[Any]:
    """Readings of these kinds of the known answers."""
    known = {row["item_no"] for row in tables.items if row["kind"] == KNOWN}
    return [row for row in tables.readings if row["item_no"] in known and row["reading"] in kinds]


def must_be_left_to_people(told: RoundResult, *reasons: str) -> None:
    """A pass that is none, and says why where anybody reads it."""
    manual = told.content["manual"]
    assert manual["passes"], "its own figures stay as they are"
    assert (told.passed, manual["conclusion"], told.content["sources"][0]["conclusion"]) == (False, "待人工", "待人工")
    assert {row["verdict"] for row in told.content["clauses"]} == {"待人工"}
    assert all(reason in manual["basis"] for reason in reasons), manual["basis"]


def test_a_round_that_was_read_passes() -> None:
    told = told_by(made())
    relied = told.content["reliance"]
    assert told.passed and told.content["manual"]["conclusion"] == "符合"
    assert {name: (relied[f"known_{name}"], relied[f"known_{name}_found"]) for name, _ in ROLES} == {
        FIRST: (40, 40), SECOND: (40, 40), ADJUDICATION: (20, 20)
    }  # fmt: skip


ROLES = [(FIRST, "first readings"), (SECOND, "second readings"), (ADJUDICATION, "adjudications")]


@pytest.mark.parametrize(("reading", "title"), ROLES)
@pytest.mark.parametrize(("missed", "holds"), [(4, True), (9, False)])
def test_known_answers_measure_each_kind_of_reading(reading: str, title: str, missed: int, holds: bool) -> None:
    tables = made()
    for row in known_rows(tables, reading)[:missed]:
        row.update(MISSED)
    for number in differing(tables):
        adjudicate(tables, number, FOUND)
    told = told_by(tables)
    assert told.content["reliance"]["holds"] is holds
    if not holds:
        must_be_left_to_people(told, title)
        assert all(other == title or other not in told.content["manual"]["basis"] for _, other in ROLES)


def differing(tables: Tables) -> list[int]:
    """Known answers the two readers differ on that no adjudicator has yet."""
    by_item: dict[int, dict[str, Any]] = {}
    for row in known_rows(tables, FIRST, SECOND, ADJUDICATION):
        by_item.setdefault(row["item_no"], {})[row["reading"]] = row
    return [
        number
        for number, own in by_item.items()
        if ADJUDICATION not in own and own[FIRST]["verdict"] != own[SECOND]["verdict"]
    ]


def adjudicate(tables: Tables, number: int, said: dict[str, Any]) -> None:
    person, reading = PEOPLE[2]
    tables.readings.append(reading_row(number, person, reading, seq=100_000 + number, **said))


def test_a_first_reader_alone_who_is_right_does_not_make_a_pass() -> None:
    tables = made()
    for row in known_rows(tables, SECOND, ADJUDICATION):
        row.update(MISSED)
    for number in differing(tables):
        adjudicate(tables, number, MISSED)
    told = told_by(tables)
    must_be_left_to_people(told, "people found 0 of 40", "second readings", "adjudications")
    assert told.outcome["known"] == [0, 40], "what the readings come to, not what any of them says"


def test_known_answers_an_adjudicator_was_to_read_count_as_not_found_until_then() -> None:
    tables = made()
    tables.readings[:] = [row for row in tables.readings if row["reading"] != ADJUDICATION]
    known = known_answers(tables.items, tables.readings, SEED)
    assert (known.drawn, known.decided, known.found) == (40, 20, 20)
    must_be_left_to_people(told_by(tables), "20 were not read to the end", "found 0 of 20")


@pytest.mark.parametrize("adjudicated", [True, False])
def test_adjudicators_who_decide_are_measured_by_enough_known_answers(adjudicated: bool) -> None:
    tables = made()
    planted = planted_rows(SEED, tables.items)
    for row in known_rows(
        tables, FIRST, SECOND
    ):  # both miss half of the planted ones: those never get to an adjudicator
        if row["item_no"] in sorted(planted)[: len(planted) - LEAST_ADJUDICATED + 1]:
            row.update(MISSED)
    gone = {row["item_no"] for row in known_rows(tables, FIRST) if row["verdict"] == QUALIFIED}
    tables.readings[:] = [r for r in tables.readings if r["reading"] != ADJUDICATION or r["item_no"] not in gone]
    if adjudicated:
        tables.finals[0] = final_row(1, good(1), "adjudicated")
    basis = told_by(tables).content["manual"]["basis"]
    assert ("given 9 known answers" in basis) is adjudicated


def test_half_of_the_known_answers_read_by_two_are_planted_by_the_seed_alone() -> None:
    rows = [item_row(number, good(1), kind=KNOWN, second=number < 12) for number in range(1, 21)]
    chosen = planted_rows("a", rows)
    assert len(chosen) == 6 and max(chosen) < 12 and chosen == planted_rows("a", rows[::-1])
    assert chosen != planted_rows("b", rows)
    assert planted_rows("a", [row | {"kind": SAMPLE} for row in rows]) == frozenset()


# -- verdicts after the findings


@pytest.mark.parametrize(("reading", "title"), ROLES[:2])
def test_a_known_answer_found_after_its_findings_were_seen_was_not_found(reading: str, title: str) -> None:
    tables = made()
    for row in known_rows(tables, reading):
        row["after_findings"] = True
    for number in {row["item_no"] for row in tables.items if row["kind"] == KNOWN} - planted_rows(SEED, tables.items):
        adjudicate(tables, number, FOUND)
    told = told_by(tables)
    must_be_left_to_people(told, title, "found 0 of 40 known answers blind")
    people = {row["person"]: (row["known"], row["known_found"]) for row in told.content["people"]}
    name = next(person for person, kind in PEOPLE if kind == reading)
    assert people[name] == (40, 0)


def test_repeats_and_agreement_are_of_blind_readings_alone() -> None:
    items = [item_row(1, good(1, "manual"), second=True), item_row(2, good(1), kind="repeat", samples=[], repeat_of=1)]
    readings = [reading_row(1), reading_row(2, seq=2), reading_row(1, "乙", SECOND, seq=3)]
    (_, first) = people_rows(items, [], readings)
    assert (first["repeats"], first["repeats_same"]) == (1, 1)
    assert len(double_read(items, readings)) == 1
    readings[1]["after_findings"] = True
    assert people_rows(items, [], readings)[1]["repeats"] == 0
    readings[2]["after_findings"] = True
    assert double_read(items, readings) == []


# -- clicking through


def test_clicking_through_passes_nothing() -> None:
    tables = made()
    for row in tables.readings:
        row.update({"seconds": 0.0, "read_share": 0.0})
    must_be_left_to_people(told_by(tables), "faster than the text can be read", "nobody had the whole text of 4300")


@pytest.mark.parametrize(("share", "more", "holds"), [(FAST_MOST, 0, True), (FAST_MOST, 1, False)])
def test_a_twentieth_of_all_readings_may_be_fast(share: Any, more: int, holds: bool) -> None:
    tables = made()
    for row in tables.readings[: int(share * len(tables.readings)) + more]:
        row["seconds"] = 0.1
    told = told_by(tables)
    assert told.content["reliance"]["holds"] is holds
    assert told.content["reliance"]["readings_page"] == len(tables.readings) == 4300 + 100


@pytest.mark.parametrize(("more", "holds"), [(0, True), (1, False)])
def test_a_hundredth_of_what_is_called_qualified_may_be_read_in_part(more: int, holds: bool) -> None:
    tables = made()
    for row in tables.readings[: int(UNREAD_MOST * 4300) + more]:
        row["read_share"] = 0.99
    assert told_by(tables).content["reliance"]["holds"] is holds


def test_one_reader_who_read_all_of_it_is_enough() -> None:
    tables = made()
    for number in range(1, 4301):
        tables.readings[number - 1]["read_share"] = 0.2
        tables.readings.append(reading_row(number, "乙", SECOND, seq=50_000 + number))
    assert told_by(tables).passed


def test_a_text_read_before_takes_no_time() -> None:
    text = {"content_hash": "c", "text": "长" * 3000}
    items = {number: item_row(number, good(1), **text) for number in (1, 2)}
    slow, quick = reading_row(1, seconds=120.0), reading_row(2, seconds=2.0)
    assert fast_readings(items, [slow, quick]) == {"甲": 0}
    assert fast_readings(items, [slow, quick | {"person": "乙"}]) == {"甲": 0, "乙": 1}


def test_imported_readings_are_named_with_their_number() -> None:
    tables = made()
    assert "imported" not in told_by(tables).content["manual"]["basis"]
    for row in tables.readings[:1000]:
        row.update({"via": "import", "seconds": 0.0})
    told = told_by(tables)
    assert told.passed, "nothing is known of their time"
    assert "1000 of 4400 readings were imported" in told.content["manual"]["basis"]
    assert told.content["reliance"]["readings_imported"] == 1000


# -- agreement


def read_twice(first: list[str], second: list[str]) -> Tables:
    """A round whose first items were read by two who said so."""
    tables = made()
    for number, (one, other) in enumerate(zip(first, second, strict=True), start=1):
        tables.readings[number - 1].update({"verdict": one, "risks": FOUND["risks"] if one == UNQUALIFIED else []})
        said = {"verdict": other, "risks": FOUND["risks"] if other == UNQUALIFIED else []}
        tables.readings.append(reading_row(number, "乙", SECOND, seq=50_000 + number, **said))
    return tables


@pytest.mark.parametrize(
    ("both", "one", "other", "neither", "reason"),
    [
        (30, 10, 10, 950, ""),
        (0, 100, 0, 900, "Cohen κ 0.00"),  # the second reader calls everything qualified
        (2, 98, 0, 900, "Cohen κ"),
        (0, 9, 9, 982, ""),  # hardly anything called not qualified: kappa says nothing, and AC1 is high
        (0, 300, 300, 400, "Gwet AC1"),
        (0, 20, 20, LEAST_PAIRS - 41, ""),  # too few pairs to tell
    ],
)
def test_two_readers_have_to_agree_beyond_chance(both: int, one: int, other: int, neither: int, reason: str) -> None:
    first = [UNQUALIFIED] * (both + one) + [QUALIFIED] * (other + neither)
    second = [UNQUALIFIED] * both + [QUALIFIED] * one + [UNCLEAR] * other + [QUALIFIED] * neither
    told = told_by(read_twice(first, second))
    assert told.content["reliance"]["holds"] is not bool(reason)
    if reason:
        must_be_left_to_people(told, reason)
