"""A pass is none under a weaker design than the shipped one, or by people who miss the known answers."""

from dataclasses import replace
from typing import Any

import pytest

from rounds.consequences import decide
from rounds.design import Design
from rounds.history import ALONE
from rounds.outcome import result_lines
from rounds.reliance import KNOWN_FLOOR, least_design, reliance, weaknesses
from rounds.results import RoundResult, result_of
from rounds.tables import REPEAT
from schemas.profile import load_profile
from tests.made_rounds import (
    RULES,
    SEED,
    VERSION,
    Spec,
    bad,
    facts_of,
    good,
    item_row,
    machine_row,
    reading_row,
    result,
    round_of,
    tables_of,
    with_known,
)

PROFILE = load_profile("tc260-003")
NEGATIVE = "source:s:negative"
LARGE = {"manual": 100_000, "stage:sft": 900, "source:s:positive": 70, NEGATIVE: 9000}


def passing(design: Design | None = None, drawn: int = 40, read: int = 40, found: int = 40) -> RoundResult:
    """A round without any failure whose people read and found so many of its known answers."""
    specs = [good(4000, "manual"), good(300, NEGATIVE)]
    tables, strata = with_known(tables_of(specs), drawn, read, found), {"manual": 100_000, NEGATIVE: 9000}
    return result_of(round_of(tables, strata, design=design), tables, facts_of(["s"]), ALONE)


def verdicts(told: RoundResult) -> dict[str, str]:
    return {row["clause"]: row["verdict"] for row in told.content["clauses"]}


@pytest.mark.parametrize(
    ("drawn", "read", "found", "holds"),
    [
        (40, 40, 40, True),
        (40, 40, 32, True),  # exactly four in five
        (40, 40, 31, False),
        (40, 32, 32, True),  # those nobody read were not found
        (40, 31, 31, False),
        (40, 0, 0, False),
        (0, 0, 0, False),
    ],
)
def test_people_have_to_find_four_in_five_known_answers(drawn: int, read: int, found: int, holds: bool) -> None:
    told = passing(None, drawn, read, found)
    relied = told.content["reliance"]
    assert (relied["known"], relied["known_read"], relied["known_unread"]) == (drawn, read, drawn - read)
    assert (relied["known_found"], relied["known_floor"], relied["holds"]) == (found, "4/5", holds)
    assert told.passed is holds
    assert told.content["manual"]["conclusion"] == ("符合" if holds else "待人工")
    assert told.content["sources"][0]["conclusion"] == ("符合" if holds else "待人工")
    lines = "\n".join(result_lines(told.content))
    assert f"known answers found: {found} / {drawn}" in lines and f"not read {drawn - read}" in lines
    if not holds:
        assert "known answers" in told.content["manual"]["basis"], "the reason is named"
        assert set(verdicts(told).values()) == {"待人工"}, "nothing is 不适用 either"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"second": "0"}, "read by two"),
        ({"second": "0.99"}, "read by two"),
        ({"known": 39}, "known answers"),
        ({"repeat": "0"}, "repeats"),
        ({"manual": 3999}, "--manual 3999"),
        ({"stage": 299}, "--stage-sample 299"),
        ({"positive": 59}, "--positive 59"),
        ({"negative": 10}, "--negative 10"),
        ({"positive": 0, "negative": 0}, "--negative 0"),
        ({"manual": 5000, "stage": 900, "positive": 90, "negative": 900, "known": 80, "repeat": "0.1"}, ""),
    ],
)
def test_a_weaker_design_than_the_shipped_one_passes_nothing(change: dict[str, Any], reason: str) -> None:
    found = reliance(replace(Design(), **change), LARGE, with_known(tables_of([])), PROFILE, SEED)
    assert found.holds is not bool(reason)
    assert reason in " ".join(found.reasons)


def test_a_design_that_takes_all_there_is_is_not_weaker() -> None:
    strata = {"manual": 50, "stage:sft": 20, "source:a:b:positive": 0, "source:a:b:negative": 90}
    small = Design(manual=50, stage=20, positive=1, negative=90)
    assert reliance(small, strata, with_known(tables_of([])), PROFILE, SEED).holds
    short = reliance(replace(small, negative=89), strata, with_known(tables_of([])), PROFILE, SEED)
    assert [reason.partition("（")[2].partition("）")[0] for reason in short.reasons] == ["--negative 89"]


def test_sources_left_out_of_the_design_are_none_that_are_sampled_less() -> None:
    strata = {"manual": 100_000, "source:a:negative": 900, "source:b:negative": 900}
    assert reliance(Design(sources=("b",)), strata, with_known(tables_of([])), PROFILE, SEED).holds
    weak = reliance(Design(sources=("b",), negative=299), strata, with_known(tables_of([])), PROFILE, SEED)
    assert ["source:b:negative" in reason for reason in weak.reasons] == [True]


def test_the_least_design_asks_for_what_the_profile_asks_for() -> None:
    assert least_design(PROFILE) == Design()
    own = PROFILE.model_copy(update={"manual": PROFILE.manual.model_copy(update={"minimum": 50})})
    assert least_design(own) == Design(manual=50)
    assert list(weaknesses(Design(), Design())) == []
    assert KNOWN_FLOOR == (4, 5)


@pytest.mark.parametrize(
    ("design", "found"), [(Design(second="0"), 40), (Design(known=10), 40), (Design(), 31), (Design(negative=299), 40)]
)
def test_a_round_that_cannot_be_relied_on_passes_and_dismisses_nothing(design: Design, found: int) -> None:
    told = passing(design, found=found)
    assert not told.passed and told.content["manual"]["passes"], "its own figures stay as they are"
    assert told.outcome["manual"]["conclusion"] == "待人工"
    assert told.outcome["known"] == [found, 40]
    from blacklist.log import Entry

    suspended = Entry("s", "suspended", "r", 0.2, "1/20", 10, 2, "run", "t", "rule", True, VERSION, RULES)
    (row,) = told.content["sources"]
    assert row["within"] and decide(row, suspended, RULES) is None
    (relied,) = passing().content["sources"]
    assert decide(relied, suspended, RULES) == "dismissed"


def test_what_speaks_against_a_corpus_stands_without_proof_of_the_people() -> None:
    weak = Design(second="0", known=0, repeat="0")
    specs = [bad(161, "manual"), good(3839, "manual"), bad(150, NEGATIVE), good(150, NEGATIVE)]
    told = result(specs, {"manual": 100_000, NEGATIVE: 9000}, facts_of(["s"]), weak)
    assert (told.content["manual"]["conclusion"], told.content["sources"][0]["conclusion"]) == ("不符合", "超过上限")
    assert verdicts(told)["5.1a2"] == "不符合"


def test_checking_all_of_a_small_corpus_is_an_equivalent_measure_only_if_it_can_be_relied_on() -> None:
    for design, equivalent in ((Design(), True), (Design(second="0"), False)):
        manual = result([good(90, "manual")], {"manual": 90}, design=design).content["manual"]
        assert manual["conclusion"] == "不符合"
        assert ("+ 等效措施" in manual["basis"]) is equivalent


TICKED = {"personal": ["sensitive"]}


@pytest.mark.parametrize(
    ("number", "changes", "ticked"),
    [
        (1, {}, 0),
        (1, TICKED, 1),  # a first reading that the final does not follow
        (4001, TICKED, 1),  # the second showing of item 1
        (4002, TICKED, 0),  # a known answer is none of the corpus
    ],
)
def test_personal_information_that_any_reading_ticked_counts(number: int, changes: dict[str, Any], ticked: int) -> None:
    tables = tables_of([good(4000, "manual")])
    tables.items.append(item_row(4001, good(1), kind=REPEAT, samples=[], repeat_of=1))
    tables.machine.append(machine_row(4001))
    tables.readings.append(reading_row(4001))
    with_known(tables)
    next(row for row in tables.readings if row["item_no"] == number).update(changes)  # type: ignore[attr-defined]
    told = result_of(round_of(tables, {"manual": 100_000}), tables, facts_of(), ALONE)
    rows = {row["level"]: (row["items"], row["ticked"]) for row in told.content["personal"]}
    assert rows["sensitive"] == (0, ticked)
    clauses = PROFILE.personal_information.clauses
    expected = {"general": "待人工", "sensitive": "待人工", "biometric": "不适用"} if ticked else {}
    assert {level: verdicts(told)[clause] for level, clause in clauses.items()} == {
        level: expected.get(level, "不适用") for level in clauses
    }


def test_repeats_nobody_read_are_told() -> None:
    tables = with_known(tables_of([good(4000, "manual")]))
    tables.items.append(item_row(4041, Spec(1, ()), kind=REPEAT, samples=[], repeat_of=1))
    tables.machine.append(machine_row(4041))
    relied = reliance(Design(), {"manual": 100_000}, tables, PROFILE, SEED)
    assert (relied.repeats, relied.stated()["repeats_unread"], relied.holds) == (1, 1, True)
