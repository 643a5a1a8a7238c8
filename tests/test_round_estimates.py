"""What a round comes to: the literal rule, intervals, weighted shares, the machine's figures, people, conclusions."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.accounting.estimation import clopper_pearson_high, clopper_pearson_low
from pipeline.accounting.statistics import wilson
from rounds import estimates
from rounds.agreement import agreement, agreement_rows, people_rows, too_fast
from rounds.checks import contradictions, undecided
from rounds.consequences import decide
from rounds.database import arrow_table, database_rows, tables
from rounds.estimates import Judged
from rounds.facts import SourceFacts
from rounds.history import ALONE
from rounds.outcome import result_lines
from rounds.tables import KNOWN, REPEAT, UNCLEAR, UNQUALIFIED
from schemas.personal_information import LEVELS
from schemas.profile import load_profile
from tests.made_rounds import (
    COMMERCIAL,
    RULES,
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
)

PASSING = (96, 100)
POSITIVE, NEGATIVE = "source:s:positive", "source:s:negative"


@pytest.mark.parametrize(
    ("failures", "judged", "expected"),
    [(160, 4000, True), (161, 4000, False), (0, 1, True), (1, 1, False), (1, 25, True), (1, 24, False), (0, 0, False)],
)
def test_exactly_96_percent_passes(failures: int, judged: int, expected: bool) -> None:
    assert estimates.passes(failures, judged, PASSING) == expected
    assert (judged > 0 and failures <= estimates.most_failures(judged, PASSING)) == expected


def test_the_operating_curve_is_the_published_one() -> None:
    curve = {row["share_permille"]: row for row in estimates.operating_curve(4000, 160, 10_000_000)}
    for share, expected in ((35, 0.96), (40, 0.52), (45, 0.067)):
        assert curve[share]["pass_probability"] == pytest.approx(expected, abs=0.005)
        assert curve[share]["pass_probability_finite"] == pytest.approx(curve[share]["pass_probability"], abs=2e-4)
    assert (curve[0]["pass_probability"], curve[100]["pass_probability"]) == (1, 0)


@pytest.mark.parametrize(("allowed", "judged", "population"), [(2, 50, 60), (4, 100, 100), (0, 10, 1000)])
def test_the_finite_curve_is_that_of_the_hypergeometric(allowed: int, judged: int, population: int) -> None:
    for row in estimates.operating_curve(judged, allowed, population):
        bad_ones = round(population * row["share_permille"] / 1000)
        assert row["pass_probability_finite"] == pytest.approx(
            stats.hypergeom(population, bad_ones, judged).cdf(allowed), abs=1e-6
        )


def test_bounds_of_the_qualified_share_are_exact_and_one_sided() -> None:
    low, high = estimates.qualified_bounds(160, 4000)
    assert 1 - low == pytest.approx(
        stats.binomtest(160, 4000, alternative="less").proportion_ci(0.95, "exact").high, abs=2e-6
    )
    assert 1 - high == pytest.approx(
        stats.binomtest(160, 4000, alternative="greater").proportion_ci(0.95, "exact").low, abs=2e-6
    )
    assert estimates.qualified_bounds(139, 4000)[0] >= 0.96 > estimates.qualified_bounds(140, 4000)[0]


@given(
    strata=st.lists(
        st.integers(1, 400).flatmap(
            lambda size: st.integers(1, size).flatmap(
                lambda n: st.tuples(st.just(size), st.just(n), st.integers(0, n)).flatmap(
                    lambda t: st.tuples(st.just(t[0]), st.just(t[1]), st.just(t[2]), st.integers(0, t[1] - t[2]))
                )
            )
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_bound_is_never_on_the_wrong_side(strata: list[tuple[int, int, int, int]]) -> None:
    judged = [Judged(*one) for one in strata]
    told = estimates.share(judged)
    assert told.estimate is not None and 0 <= told.low <= told.high <= 1
    assert Fraction(told.low) <= told.estimate + Fraction(1, 10**9)
    worst = estimates.estimate([Judged(s.size, s.judged, s.sure + s.unclear) for s in judged])
    assert worst is not None and Fraction(told.high) >= worst - Fraction(1, 10**9)
    total = sum(s.size for s in judged)
    assert told.low * total >= sum(s.sure for s in judged if s.in_full) - 1e-3


@pytest.mark.parametrize(
    ("strata", "expected"),
    [
        ([Judged(100, 50, 40), Judged(900, 90, 9)], Fraction(17, 100)),
        ([Judged(100, 100, 5), Judged(0, 0, 0)], Fraction(1, 20)),
        ([Judged(100, 50, 40), Judged(900, 0, 0)], None),
        ([Judged(0, 0, 0)], None),
        ([], None),
    ],
)
def test_the_estimate_weighs_strata_and_tells_nothing_of_an_unjudged_one(
    strata: list[Judged], expected: Fraction | None
) -> None:
    assert estimates.share(strata).estimate == expected
    if expected is None:
        assert estimates.share(strata).high > 0.9


def test_a_stratum_judged_in_full_is_known_and_exactly_5_percent_is_not_above() -> None:
    at, beyond = estimates.share([Judged(100, 100, 5)]), estimates.share([Judged(100, 100, 5, 1)])
    assert (at.low, at.high) == (0.05, 0.05)
    assert not estimates.above(at.high, (1, 20)) and not estimates.above(at.low, (1, 20))
    assert (beyond.low, beyond.high) == (0.05, 0.06)
    # the error is shared by the strata that are estimated, not by those that are known
    alone = estimates.share([Judged(500, 100, 3)])
    assert estimates.share([Judged(500, 100, 3), Judged(0, 0, 0)]) == alone


def test_bounds_round_outwards_so_that_what_is_printed_is_what_is_decided_on() -> None:
    told = estimates.share([Judged(3, 3, 1)])
    assert (told.low, told.high) == (0.333333, 0.333334)
    assert estimates.above(0.050001, (1, 20)) and not estimates.above(0.05, (1, 20))
    assert estimates.above(Fraction(50_000_000_001, 10**12), (1, 20)) and not estimates.above(None, (1, 20))


VERDICT_TABLES = [
    # (pairs, raw, kappa, ac1, positive) by hand
    ([("qualified", "qualified")] * 3, 1, None, 1, None),
    ([("qualified", "unqualified")] * 2, 0, 0, Fraction(-1, 3), 0),
    ([("unqualified", "unqualified"), ("qualified", "qualified")], 1, 1, 1, 1),
]


@pytest.mark.parametrize(("pairs", "raw", "kappa", "ac1", "positive"), VERDICT_TABLES)
def test_agreement_by_hand(pairs: Any, raw: Any, kappa: Any, ac1: Any, positive: Any) -> None:
    told = agreement(pairs)
    assert (Fraction(told.agreed, told.pairs), told.kappa, told.ac1, told.positive) == (raw, kappa, ac1, positive)


def test_kappa_suffers_from_a_rare_class_and_ac1_does_not() -> None:
    pairs = [("qualified", "qualified")] * 940 + [("unqualified", "unqualified")] * 20
    pairs += [("qualified", "unqualified")] * 15 + [("unclear", "qualified")] * 15 + [("unclear", "unclear")] * 10
    table = (
        np.array([[940, 15, 0], [0, 20, 0], [15, 0, 10]]) / 1000
    )  # first reader down: qualified, unqualified, unclear
    chance = table.sum(axis=0) @ table.sum(axis=1)
    told = agreement(pairs)
    assert told.kappa is not None and told.ac1 is not None
    assert float(told.kappa) == pytest.approx((np.trace(table) - chance) / (1 - chance))
    assert told.kappa < Fraction(7, 10) and told.ac1 > Fraction(96, 100)
    assert told.positive == Fraction(60, 90)


def test_only_independent_readings_of_samples_agree_or_differ() -> None:
    items = [item_row(1, good(1, "manual")), item_row(2, good(1, "manual")), item_row(3, good(1), kind=KNOWN)]
    readings = [
        reading_row(n, person, reading) for n in (1, 3) for person, reading in (("甲", "first"), ("乙", "second"))
    ]
    readings += [reading_row(2), reading_row(1, "丙", "adjudication", verdict="unqualified")]
    rows = agreement_rows(items, readings)
    assert [(row["first_reader"], row["second_reader"], row["pairs"], row["agreed"]) for row in rows] == [
        (None, None, 1, 1),
        ("甲", "乙", 1, 1),
    ]
    assert agreement_rows(items, [])[0] | {"pairs": 0} == {
        **dict.fromkeys(("first_reader", "second_reader", "raw", "kappa", "ac1", "positive")),
        "pairs": 0,
        "agreed": 0,
    }


@pytest.mark.parametrize(
    ("bucket", "chars", "share", "seconds", "via", "expected"),
    [
        ("zh", 30, 1.0, 0.9, "page", True),
        ("zh", 30, 1.0, 1.0, "page", False),
        ("zh", 3000, 1.0, 99.0, "page", True),
        ("zh", 3000, 0.5, 99.0, "page", False),
        ("en", 3000, 1.0, 40.0, "page", False),
        ("zh", 3000, 1.0, 0.0, "import", False),
    ],
)
def test_a_pace_nobody_reads_at(
    bucket: str, chars: int, share: float, seconds: float, via: str, expected: bool
) -> None:
    item = {"bucket": bucket, "text": "文" * chars}
    assert too_fast(item, {"read_share": share, "seconds": seconds, "via": via}) == expected


def test_people_are_measured_by_known_answers_and_repeats() -> None:
    items = [
        item_row(1, good(1, "manual")),
        item_row(2, good(1), kind=KNOWN, samples=[]),
        item_row(3, good(1), kind=KNOWN, samples=[]),
        item_row(4, good(1), kind=REPEAT, samples=[], repeat_of=1),
    ]
    machine = [machine_row(1), machine_row(2, expected=["A1-f"]), machine_row(3, expected=["A1-f"]), machine_row(4)]
    readings = [
        reading_row(1, read_share=0.5),
        reading_row(2, verdict="unqualified", risks=["A2-a"]),
        reading_row(3, verdict=UNCLEAR),
        reading_row(4, verdict="unqualified", risks=["A1-f"], seconds=0.1),
        reading_row(1, "乙", "second", via="import", seconds=0.0),
    ]
    other, told = people_rows(items, machine, readings)
    assert (other["person"], other["readings"], other["imported"]) == ("乙", 1, 1)
    assert (other["median_seconds"], other["too_fast"], other["repeats"]) == (None, 0, 0)
    assert (told["known"], told["known_found"], told["known_same_risk"]) == (2, 1, 0), "unclear finds nothing"
    assert (told["repeats"], told["repeats_same"], told["too_fast"], told["read_in_part"]) == (1, 0, 1, 1)


def manual(failures: int, judged: int, population: int, **more: Any) -> dict[str, Any]:
    specs = [bad(failures, "manual", risk=COMMERCIAL), good(judged - failures, "manual")]
    content = result(specs, {"manual": population}, **more).content
    return {**content["manual"], "passed": content["passed"]}


@pytest.mark.parametrize(
    ("failures", "judged", "population", "conclusion", "passed", "inferred"),
    [
        (160, 4000, 100_000, "符合", True, True),
        (161, 4000, 100_000, "不符合", False, True),
        (0, 4000, 4000, "符合", True, False),
        (0, 3999, 3999, "不符合", False, False),
        (0, 3999, 100_000, "不符合", False, False),
    ],
)
def test_the_manual_check(
    failures: int, judged: int, population: int, conclusion: str, passed: bool, inferred: bool
) -> None:
    row = manual(failures, judged, population)
    assert (row["conclusion"], row["passed"], row["wilson_low"] is not None) == (conclusion, passed, inferred)
    if inferred:
        assert (row["wilson_low"], row["wilson_high"]) == wilson(judged - failures, judged)
        assert (row["exact_low"], row["exact_high"]) == estimates.qualified_bounds(failures, judged)
    assert ("等效措施：全量人工检查" in row["basis"]) == (judged == population < 4000)


def test_what_cannot_be_told_is_not_qualified() -> None:
    specs = [good(3840, "manual"), Spec(161, ("manual",), UNCLEAR)]
    content = result(specs, {"manual": 50_000}).content
    assert (content["manual"]["failures"], content["manual"]["unclear"]) == (161, 161)
    assert content["manual"]["conclusion"] == "不符合"


def test_a_profile_of_ones_own_never_passes(tmp_path: Path) -> None:
    own = replace_profile(tmp_path, "minimum: 4000", "minimum: 10")
    row = manual(0, 100, 1000, facts=facts_of(profile=own))
    assert row["conclusion"] == "自定义口径"
    strata = {"manual": 100, POSITIVE: 0, NEGATIVE: 500}
    content = result([good(200, NEGATIVE)], strata, facts_of(["s"], own)).content
    assert content["sources"][0]["conclusion"] == "自定义口径"
    assert "符合" not in {row["verdict"] for row in content["clauses"]}


@pytest.mark.parametrize(
    ("changes", "manual_verdict", "sources_verdict"),
    [
        ("technical: {pass: [99, 100]}", "符合", "符合"),
        ("title: 集团口径", "符合", "符合"),
        ("source_rate: {stages: [pre_collection, post_collection]}", "符合", "待人工"),
        ("manual: {pass: [95, 100]}", "自定义口径", "自定义口径"),
        ("not_applicable: [A5-a, A5-b, A3-a]", "自定义口径", "自定义口径"),
    ],
)
def test_a_profile_that_extends_ours_passes_where_it_is_nowhere_looser(
    tmp_path: Path, changes: str, manual_verdict: str, sources_verdict: str
) -> None:
    (tmp_path / "own.yaml").write_text(f"id: own\nextends: tc260-003\n{changes}\n", encoding="utf-8")
    own = load_profile(str(tmp_path / "own.yaml"))
    strata = {"manual": 100_000, POSITIVE: 0, NEGATIVE: 5000}
    content = result([good(4100, "manual"), good(200, NEGATIVE)], strata, facts_of(["s"], own)).content
    verdicts = {row["clause"]: row["verdict"] for row in content["clauses"]}
    assert (verdicts["8.2a"], verdicts["5.1a2"]) == (manual_verdict, sources_verdict)
    assert content["manual"]["conclusion"] == manual_verdict


@pytest.mark.parametrize(
    ("name", "sources_verdict"),
    [("tc260-003", "符合"), ("tc260-003-2024", "待人工"), ("gbt-45654-2025", "待人工")],
)
def test_under_each_edition_verdicts_stand_under_its_own_numbers(name: str, sources_verdict: str) -> None:
    """Editions that want sources assessed before collection too have no verdict on them from a round alone."""
    profile = load_profile(name)
    strata = {"manual": 100_000, POSITIVE: 0, NEGATIVE: 5000}
    content = result([good(4000, "manual"), good(200, NEGATIVE)], strata, facts_of(["s"], profile)).content
    rows = {row["clause"]: row for row in content["clauses"]}
    assert rows[profile.manual.clause]["verdict"] == "符合"
    assert rows[profile.source_rate.clause]["verdict"] == sources_verdict
    told = "not checked with the standard's text: number and wording" in rows[profile.manual.clause]["basis"]
    assert told is (name != "tc260-003")


def replace_profile(tmp_path: Path, old: str, new: str) -> Any:
    from importlib import resources

    text = resources.files("schemas").joinpath("profiles", "tc260-003.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "own.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return load_profile(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("positive", "negative", "conclusion"),
    [
        # sizes 300 and 9700: (violations of 60, of 300 judged)
        ((20, 0, 0), (0, 0, 0), "符合"),
        ((20, 0, 0), (0, 0, 9), "待人工"),  # nine cannot be told: they may all violate
        ((60, 0, 0), (9, 0, 0), "待人工"),
        ((60, 0, 0), (60, 0, 0), "超过上限"),
        ((0, 60, 0), (0, 60, 0), "符合"),  # commercial violations are none of the 5 % rule's
    ],
)
def test_a_source_is_within_only_where_its_upper_bound_is(
    positive: tuple[int, int, int], negative: tuple[int, int, int], conclusion: str
) -> None:
    specs = []
    for name, judged, (illegal, other, unclear) in ((POSITIVE, 60, positive), (NEGATIVE, 300, negative)):
        specs += [bad(illegal, name), bad(other, name, risk=COMMERCIAL), Spec(unclear, (name,), UNCLEAR)]
        specs.append(good(judged - illegal - other - unclear, name))
    (row,) = result(specs, {"manual": 0, POSITIVE: 300, NEGATIVE: 9700}).content["sources"]
    assert row["conclusion"] == conclusion
    share = Fraction(300 * positive[0], 60) + Fraction(9700 * negative[0], 300)
    assert row["rate"] == round(float(share / 10_000), 6)
    assert row["rate_low"] <= row["rate"] <= row["rate_high"]


@pytest.mark.parametrize("reason", ["copies_change_the_rate", "books_incomplete", "suspected_rename"])
def test_a_doubt_a_sample_does_not_answer_keeps_a_source_open(reason: str) -> None:
    facts = replace(facts_of(), sources={"s": SourceFacts(True, 500, 0, VERSION, (reason,))})
    content = result([good(200, NEGATIVE)], {"manual": 0, POSITIVE: 0, NEGATIVE: 500}, facts).content
    assert content["sources"][0]["within"] and content["sources"][0]["conclusion"] == "待人工"
    clause = next(row for row in content["clauses"] if row["clause"] == "5.1a2")
    assert clause["verdict"] == "待人工" and "s" in clause["basis"]


@pytest.mark.parametrize(
    ("violations", "kept_out", "assessed", "verdict"),
    [
        (0, (), ("a", "b"), "符合"),
        (0, (), ("a",), "待人工"),  # b was not assessed
        (0, ("b",), ("a",), "符合"),  # b is not trained on
        (150, (), ("a", "b"), "不符合"),
        (150, ("a",), ("b",), "符合"),
    ],
)
def test_the_clause_on_sources_takes_every_admitted_one(
    violations: int, kept_out: tuple[str, ...], assessed: tuple[str, ...], verdict: str
) -> None:
    strata: dict[str, int] = {"manual": 0}
    specs = []
    for name in assessed:
        strata |= {f"source:{name}:positive": 0, f"source:{name}:negative": 5000}
        own = violations if name == "a" else 0
        specs += [bad(own, f"source:{name}:negative"), good(200 - own, f"source:{name}:negative")]
    content = result(specs, strata, facts_of(["a", "b"], kept_out=kept_out)).content
    assert next(row["verdict"] for row in content["clauses"] if row["clause"] == "5.1a2") == verdict
    assert content["passed"] is False, "without a manual sample nothing passed"


def test_a_source_kept_out_without_documents_needs_no_assessment_and_one_without_a_sample_stays_open() -> None:
    facts = facts_of(["a", "empty"], kept_out=["empty"])
    facts.sources["empty"] = replace(facts.sources["empty"], documents=0)
    strata = {"manual": 10, "source:a:positive": 0, "source:a:negative": 100}
    strata |= {"source:empty:positive": 0, "source:empty:negative": 0}
    for judged, verdict in ((100, "符合"), (0, "待人工")):
        content = result([good(10, "manual"), good(judged, "source:a:negative")], strata, facts).content
        assert next(row["verdict"] for row in content["clauses"] if row["clause"] == "5.1a2") == verdict
        assert content["sources"][1]["rate"] is None and content["sources"][1]["conclusion"] == "待人工"
        assert any("empty: 待人工  —" in line for line in result_lines(content))


def test_precision_and_missed_share_are_weighted() -> None:
    # 200 positive of which half decided, judged 50: 30 decided (24 right) and 20 candidates (5 right); 9800 negative, 4 of 196
    specs = [bad(24, POSITIVE, decided=True), good(6, POSITIVE, decided=True), bad(5, POSITIVE), good(15, POSITIVE)]
    specs += [bad(4, NEGATIVE), good(192, NEGATIVE)]
    content = result(specs, {"manual": 0, POSITIVE: 200, NEGATIVE: 9800}).content
    rows = {row["call"]: row for row in content["machine"]}
    right, candidates, gone = Fraction(200 * 24, 50), Fraction(200 * 5, 50), Fraction(9800 * 4, 196)
    assert rows["decided"]["precision"] == 0.8 and rows["flagged"]["precision"] == 0.58
    total = right + candidates + gone
    assert rows["decided"]["missed"] == round(float((candidates + gone) / total), 6)
    assert rows["flagged"]["missed"] == round(float(gone / total), 6)
    for row in rows.values():
        assert row["missed_low"] < row["missed"] < row["missed_high"]
        assert row["precision_low"] < row["precision"] < row["precision_high"]


def test_bounds_of_the_missed_share_by_hand() -> None:
    found, gone = Judged(200, 50, 29), Judged(9800, 196, 4)
    low, high = clopper_pearson_low, clopper_pearson_high
    least, most = 9800 * low(4, 196, 0.975), 9800 * high(4, 196, 0.975)
    told = estimates.missed([found], [gone])
    assert told.low == pytest.approx(least / (least + 200 * high(29, 50, 0.975)), abs=2e-6)
    assert told.high == pytest.approx(most / (most + 200 * low(29, 50, 0.975)), abs=2e-6)
    known = estimates.missed([Judged(50, 50, 29)], [gone])  # one cell is known: the other has all of the error
    least = 9800 * low(4, 196, 0.95)
    assert known.low == pytest.approx(least / (least + 29), abs=2e-6)


def test_the_manual_sample_tells_nothing_of_the_machine() -> None:
    content = result([bad(50, "manual"), good(3950, "manual")], {"manual": 9000}).content
    assert content["machine"] == []
    content = result([bad(9, POSITIVE, decided=True)], {"manual": 0, POSITIVE: 9, NEGATIVE: 91}).content
    assert all(row["missed"] is None and row["missed_high"] == 1 for row in content["machine"]), (
        "one stratum tells nothing"
    )
    assert content["machine"][0]["precision"] == 1.0


def test_what_a_model_was_trained_on_never_estimates_it(tmp_path: Path) -> None:
    from models.from_review import TrainedOn, content_hash

    specs = [bad(9, POSITIVE, decided=True), good(1, POSITIVE, decided=True), good(90, NEGATIVE)]
    strata = {"manual": 0, POSITIVE: 10, NEGATIVE: 90}
    tables_ = tables_of(specs)
    for row in tables_.items[:5]:
        row["text"] = f"训练过的第{row['item_no']}条"  # type: ignore[index]
    known = TrainedOn(
        rounds=[], content_hashes=sorted(content_hash(row["text"]) for row in tables_.items[:5]), read_alike=[]
    )
    (tmp_path / "trained_on.json").write_bytes(known.content())
    from rounds.results import result_of

    content = result_of(round_of(tables_, strata), tables_, facts_of(["s"], folder=tmp_path), ALONE).content
    assert content["left_out"] == [1, 2, 3, 4, 5]
    decided = content["machine"][0]
    assert (decided["left_out"], decided["precision"]) == (5, 0.8)
    assert content["sources"][0]["rate"] == 0.09, "what people judged of the source stands"


@pytest.mark.parametrize(
    ("ticked", "machine", "unlooked", "judged", "verdicts"),
    [
        ((), {}, 0, 4000, ("不适用", "不适用", "不适用")),
        (("sensitive",), {}, 0, 4000, ("待人工", "待人工", "不适用")),
        (("biometric",), {}, 0, 4000, ("待人工", "待人工", "待人工")),
        ((), {"general": 3}, 0, 4000, ("待人工", "不适用", "不适用")),
        ((), {}, 1, 4000, ("待人工", "待人工", "待人工")),
        ((), {}, 0, 3999, ("待人工", "待人工", "待人工")),
    ],
)
def test_a_clause_on_personal_information_is_not_applicable_only_where_nobody_found_any(
    ticked: tuple[str, ...], machine: dict[str, int], unlooked: int, judged: int, verdicts: tuple[str, ...]
) -> None:
    specs = [good(1, "manual", personal=ticked), good(judged - 1, "manual")]
    facts = facts_of(personal=machine, unlooked=unlooked)
    content = result(specs, {"manual": 9000}, facts).content
    clauses = {row["clause"]: row["verdict"] for row in content["clauses"]}
    assert tuple(clauses[facts.profile.personal_information.clauses[level]] for level in LEVELS) == verdicts


def test_stages_are_supplementary_and_carried_verdicts_are_counted() -> None:
    specs = [
        good(3990, "manual"),
        good(10, "manual", "stage:sft", carried="R0000"),
        bad(20, "stage:sft", risk=COMMERCIAL),
    ]
    content = result(specs, {"manual": 90_000, "stage:sft": 500}).content
    (stage,) = content["stages"]
    assert (stage["failures"], stage["judged"], stage["passes"], stage["carried"]) == (20, 30, False, 10)
    assert content["passed"] and content["carried"]["items"] == 10
    assert content["carried"]["share"] == pytest.approx(10 / 4020, abs=1e-6)


def test_a_text_qualified_without_being_read_whole_is_counted() -> None:
    tables_ = tables_of([good(2, "manual")])
    tables_.readings[0]["read_share"] = 0.4  # type: ignore[index]
    from rounds.results import result_of

    content = result_of(round_of(tables_, {"manual": 2}), tables_, facts_of(), ALONE).content
    assert content["manual"]["qualified_read_in_part"] == 1


def test_every_figure_has_its_column() -> None:
    specs = [good(30, "manual", "stage:sft"), bad(3, POSITIVE, decided=True, personal=("general",)), good(60, NEGATIVE)]
    strata = {"manual": 900, "stage:sft": 30, POSITIVE: 5, NEGATIVE: 900}
    tables_ = tables_of(specs)
    round_ = round_of(tables_, strata)
    from rounds.results import result_of

    facts = facts_of(["s"])
    facts.sources["s"] = replace(facts.sources["s"], open_reasons=("books_incomplete",))
    earlier = {"round": "R0000", "state": "closed", "same_frame": False, "judged": 9, "failures": 9, "allowed": 0}
    history = replace(ALONE, earlier=(earlier,), listed=({"source_key": "s", "scope": "source"},))
    content = result_of(round_, tables_, facts, history).content
    digests = dict.fromkeys(("readings_sha256", "finals_sha256", "result_sha256", "review_head"), "0")
    rows = database_rows(round_, content, tables_, [round_.opened, round_.drawn or {}], digests)
    assert rows.keys() == tables().keys()
    for name, table in tables().items():
        assert rows[name], name
        assert {key for row in rows[name] for key in row} == {column.name for column in table.columns}, name
        assert arrow_table(table, rows[name]).num_rows == len(rows[name])


def entry(scope: str = "suspended", active: bool = True, version: str = VERSION, rules: str = RULES) -> Any:
    from blacklist.log import Entry

    return Entry("s", scope, "r", 0.2, "1/20", 10, 2, "run", "t", "rule", active, version, rules)


WITHIN = {"above": False, "estimate_above": False, "conclusion": "符合", "source_version": VERSION}
OPEN = WITHIN | {"conclusion": "待人工"}
OVER = OPEN | {"estimate_above": True}
FAR = OVER | {"above": True, "conclusion": "超过上限"}


@pytest.mark.parametrize(
    ("row", "before", "expected"),
    [
        (WITHIN, entry(), "dismissed"),
        (WITHIN, entry(version="other"), None),  # suspended for something else: two people, if anybody
        (WITHIN, entry(rules="other"), None),
        (WITHIN, entry("source"), None),
        (WITHIN, None, None),
        (OPEN, entry(), None),
        (OVER, entry(), "confirmed"),
        (OVER, None, None),
        (FAR, entry(), "confirmed"),
        (FAR, entry("source"), None),
        (FAR, None, "blacklisted"),
        (FAR, entry(active=False), "blacklisted"),
    ],
)
def test_what_a_round_does_to_the_blacklist(row: dict[str, Any], before: Any, expected: str | None) -> None:
    assert decide(row, before, RULES) == expected


def fitting() -> Any:
    """Four items: judged by one, by two who agree, adjudicated, and carried over."""
    tables_ = tables_of([good(1, "manual"), bad(2, "manual"), good(1, "manual", carried="R0000")])
    for number in (2, 3):
        tables_.items[number - 1]["second"] = True  # type: ignore[index]
        said = {"verdict": UNQUALIFIED, "risks": ["A1-f"]} if number == 2 else {"verdict": UNCLEAR}
        tables_.readings.append(reading_row(number, "乙", "second", seq=10 + number, **said))
    tables_.readings.append(reading_row(3, "丙", "adjudication", seq=20, verdict=UNQUALIFIED, risks=["A1-f"]))
    for number, how in ((2, "agreed"), (3, "adjudicated")):
        tables_.finals[number - 1]["how"] = how  # type: ignore[index]
    return tables_


def change(table: str, place: int, **values: Any) -> Any:
    return lambda tables_: getattr(tables_, table)[place].update(values)


def again(place: int, **values: Any) -> Any:
    return lambda tables_: tables_.readings.append(tables_.readings[place] | values)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda tables_: None, ""),
        (change("readings", 0, criteria="criteria-1:other"), "not by the criteria"),
        (change("readings", 0, decided_at="2026-11-22T08:59:59.999+00:00"), "before it was drawn"),
        (change("readings", 0, verdict="fine"), "vocabulary"),
        (change("readings", 1, risks=[]), "contradict each other"),
        (change("readings", 3, person="甲"), "more than once"),
        (again(0, person="丁"), "occurs twice"),
        (again(0, item_no=9), "not of this round"),
        (again(0, person="丁", reading="second"), "does not follow"),  # nobody was to read it a second time
        (again(3, person="丁", reading="adjudication", seq=30), "does not follow"),  # over two who agree
        (change("readings", 5, seq=1), "does not follow"),  # decided before both had judged
        (change("finals", 0, verdict="unclear"), "does not follow"),
        (change("finals", 1, risks=[]), "contradict each other"),
        (change("finals", 2, verdict="unclear", risks=[]), "does not follow"),
        (change("finals", 3, how="single"), "does not follow"),
        (change("finals", 3, item_no=1), "occur twice"),
        (change("items", 0, samples=["manual", "stage:sft"]), "sizes of samples differ"),
        (change("machine", 0, item_no=7), "other items"),
    ],
)
def test_tables_that_contradict_each_other_are_told(spoil: Any, told: str) -> None:
    tables_ = fitting()
    round_ = round_of(tables_, {"manual": 4})
    spoil(tables_)
    found = list(contradictions(round_, tables_, facts_of()))
    assert (found == []) if not told else any(told in problem for problem in found), found


def test_what_is_not_decided_is_named_by_sample() -> None:
    tables_ = tables_of([good(2, "manual", "stage:sft"), good(3, POSITIVE)])
    tables_.items.append(item_row(6, good(1), kind=KNOWN, samples=[]))
    assert undecided(replace(tables_, finals=tables_.finals[1:3])) == {"manual": 1, POSITIVE: 2, "stage:sft": 1}
    assert undecided(tables_) == {}
