"""The verdict on each clause, for each verdict it can take: one thing changed in evidence in which all is 符合."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.store.output import Output
from report.declared.declarations import load_declarations
from report.evidence.extract import extract
from report.evidence.profile_rows import clause_rows, threshold_row
from report.evidence.workspace import Workspace, open_workspace
from report.model import CUSTOM, FAIL, MISSING, NONE, PASS, PEOPLE, SEVERITY, Verdict
from report.verdicts.concluding import conclude, conclude_clause, overall
from report.verdicts.gaps import gaps
from report.verdicts.rules import ClauseRule, load_rules
from rounds.register import find_round
from schemas.profile import load_profile, shipped_profiles
from tests.report_base import changed, clauses, good_evidence, good_workspace, real_evidence, real_output
from tests.report_cases import CASES, Case
from tests.test_declarations import whole, write

__all__ = ["good_evidence", "good_workspace", "real_evidence", "real_output", "write"]  # fixtures

RULES = load_rules()
ROWS = {str(row["key"]): row for row in clauses()}
BY_CODE = {"no_evidence", "custom_profile", "no_rules"}
PAIRS = [(key, one.id) for key, rule in RULES.clauses.items() for one in rule.conditions]


def short() -> Iterator[tuple[str, str]]:
    """Of all pairs of clause and condition: one for each verdict of a clause, and each condition once."""
    seen: set[tuple[str, str]] = set()
    met: set[str] = set()
    for key, name in PAIRS:
        verdict = RULES.conditions[name].verdict
        if (key, verdict) not in seen or name not in met:
            seen.add((key, verdict))
            met.add(name)
            yield key, name


QUICK = list(short())


@pytest.fixture(scope="module")
def good(good_workspace: Workspace) -> Workspace:
    """The good evidence, concluded, so that clauses which look at others can be concluded alone."""
    conclude(good_workspace)
    return good_workspace


def case_of(key: str, name: str) -> Case:
    """The case of a condition for a clause, its terms filled in."""
    case = CASES[name]
    terms = RULES.clauses[key].terms
    return Case(case.verdict, tuple(_filled(statement, terms) for statement in case.statements))


def _filled(statement: str, terms: Mapping[str, str]) -> str:
    for term, value in terms.items():
        statement = statement.replace(f"{{{term}}}", value)
    return statement


def concluded(workspace: Workspace, key: str, *statements: str) -> Verdict:
    """The verdict on one clause after these changes."""
    with changed(workspace, *statements):
        return conclude_clause(workspace, ROWS[key])


def test_every_clause_of_every_shipped_profile_has_rules_and_they_have_no_others() -> None:
    shipped = {clause.key for name in shipped_profiles() for clause in load_profile(name).clauses}

    assert shipped == set(RULES.clauses)


def test_every_condition_is_used_and_has_a_case() -> None:
    used = {one.id for rule in RULES.clauses.values() for one in rule.conditions}

    assert used | BY_CODE == set(RULES.conditions)
    assert used == set(CASES)


@pytest.mark.parametrize(
    "file", sorted(Path(str(resources.files("report.verdicts"))).glob("conditions/*.yaml")), ids=lambda p: p.name
)
def test_no_condition_is_written_twice_and_each_speaks_both_languages(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    names = re.findall(r"^(\w+):$", text, re.MULTILINE)

    assert len(names) == len(set(names)) == len(yaml.safe_load(text)) - (file.name == "common.yaml")
    for condition in (RULES.conditions[name] for name in names if name in RULES.conditions):
        for both in (condition.text, condition.who, condition.remedy):
            assert re.search("[\u4e00-\u9fff]", both.zh) and re.search("[a-z]", both.en), condition.id
            assert not re.search("[\u4e00-\u9fff]", both.en), condition.id


def test_with_good_evidence_every_clause_is_met_with_evidence_and_the_whole_is(good: Workspace) -> None:
    verdicts = conclude(good)

    assert {verdict.key: verdict.verdict for verdict in verdicts} == dict.fromkeys(ROWS, PASS)
    assert all(verdict.evidence and not verdict.reasons for verdict in verdicts)
    assert str(overall(verdicts)) == "全部符合要求 / all requirements are met"
    assert gaps(verdicts) == ()


@pytest.mark.parametrize("name", shipped_profiles())
def test_under_each_shipped_profile_good_evidence_is_met(good: Workspace, name: str) -> None:
    profile = load_profile(name)
    with changed(good):
        good.replace("record.clauses", list(clause_rows(profile)))
        good.replace("record.thresholds", [threshold_row(profile) | {"manual_minimum": 800}])
        verdicts = conclude(good)

    assert {verdict.verdict for verdict in verdicts} == {PASS}
    assert len(verdicts) == len(profile.clauses)


def test_what_is_only_recommended_does_not_keep_the_whole_from_being_met(good: Workspace) -> None:
    unmet = ("UPDATE declared.ip SET public_url = NULL", "UPDATE declared.annotation SET safety_isolated = NULL")
    with changed(good, *unmet):
        verdicts = conclude(good)

    open_ = {verdict.key for verdict in verdicts if verdict.verdict == MISSING}
    assert open_ == {"K.IP.PUBLIC", "K.ANN.ISOLATE"}
    assert str(overall(verdicts)).startswith("全部符合")
    assert [gap.reason.id for gap in gaps(verdicts)] == ["ip_field_missing", "not_isolated"]


def check(good: Workspace, key: str, name: str) -> None:
    case = case_of(key, name)
    verdict = concluded(good, key, *case.statements)

    held = {reason.id: reason for reason in verdict.reasons}
    assert name in held
    assert held[name].found
    assert verdict.verdict == case.verdict, held.keys()


@pytest.mark.parametrize(("key", "name"), QUICK)
def test_one_thing_in_the_way_decides_and_is_named(good: Workspace, key: str, name: str) -> None:
    check(good, key, name)


@pytest.mark.slow
@pytest.mark.parametrize(("key", "name"), [pair for pair in PAIRS if pair not in QUICK])
def test_the_same_for_every_clause_a_condition_is_shared_by(good: Workspace, key: str, name: str) -> None:
    check(good, key, name)


@pytest.mark.parametrize("key", RULES.clauses)
def test_without_any_evidence_no_clause_is_met(good: Workspace, key: str) -> None:
    rule = RULES.clauses[key]
    emptied = [f"DELETE FROM {table}" for table in rule.evidence]

    verdict = concluded(good, key, "DELETE FROM declared.evidence", *emptied)

    assert verdict.verdict not in (PASS, CUSTOM)
    assert verdict.verdict != NONE or key in ("K.PI.GENERAL", "K.PI.SENSITIVE", "K.PI.BIO")
    assert not verdict.evidence


@pytest.mark.parametrize("key", RULES.clauses)
def test_under_a_profile_that_may_be_looser_nothing_is_met(good: Workspace, key: str) -> None:
    verdict = concluded(good, key, "UPDATE record.facts SET may_pass = false")

    assert verdict.verdict == CUSTOM
    assert [reason.id for reason in verdict.reasons] == ["custom_profile"]


@pytest.mark.parametrize("key", RULES.clauses)
def test_each_clause_is_tested_for_each_verdict_its_conditions_force(key: str) -> None:
    rule: ClauseRule = RULES.clauses[key]

    assert {CASES[name].verdict for clause, name in QUICK if clause == key} == {one.verdict for one in rule.conditions}


JUDGEMENT = "INSERT INTO declared.judgements (clause_key, verdict, reason, \"by\", evidence) VALUES ('{}', '{}', '已核对', '王某', {})"


@pytest.mark.parametrize(("key", "name"), [(key, name) for key, name in QUICK if RULES.conditions[name].judgement])
def test_a_judgement_settles_what_people_may_judge_and_stays_visible(good: Workspace, key: str, name: str) -> None:
    settling = RULES.conditions[name].judgement
    case = case_of(key, name)

    verdict = concluded(good, key, *case.statements, JUDGEMENT.format(key, settling, "['e.pdf']"))

    assert {reason.id: reason.settled_by for reason in verdict.reasons}[name] == "王某"
    assert verdict.verdict == settling
    assert gaps([verdict]) == ()


@pytest.mark.parametrize(
    "lacking",
    ["evidence = []", "evidence = NULL", "\"by\" = ''", "reason = ''", "\"at\" = '2026-11-23'", "verdict = '不符'"],
)
def test_a_judgement_that_lacks_something_settles_nothing(good: Workspace, lacking: str) -> None:
    given = JUDGEMENT.format("K.CLS", PASS, "['e.pdf']")
    statements = CASES["classifier_weak"].statements
    assert concluded(good, "K.CLS", *statements, given).verdict == PASS

    assert concluded(good, "K.CLS", *statements, given, f"UPDATE declared.judgements SET {lacking}").verdict == PEOPLE


def unsettled() -> Iterator[Any]:
    """Pairs whose condition no judgement settles: one a clause now, the others among the slow tests."""
    seen: set[str] = set()
    for key, name in QUICK:
        if not RULES.conditions[name].judgement and name != "evidence_torn":
            yield pytest.param(key, name, marks=[pytest.mark.slow] if key in seen else [])
            seen.add(key)


@pytest.mark.parametrize(("key", "name"), list(unsettled()))
def test_no_judgement_settles_a_number_or_a_missing_paper(good: Workspace, key: str, name: str) -> None:
    case = case_of(key, name)
    given = [JUDGEMENT.format(key, verdict, "['e.pdf']") for verdict in (PASS, NONE)]

    assert concluded(good, key, *case.statements, *given).verdict == case.verdict


def test_the_worst_of_several_decides_and_all_are_shown(good: Workspace) -> None:
    three = ("source_unsure", "source_above_literal", "training_partial")
    statements = [one for name in three for one in case_of("K.SRC.RATE5", name).statements]

    verdict = concluded(good, "K.SRC.RATE5", *statements)

    assert verdict.verdict == FAIL
    assert {reason.id for reason in verdict.reasons} >= set(three)


def made(*told: tuple[str, str]) -> list[Verdict]:
    blank = Verdict("1", "K", "", "shall", PASS, (), (), (), "", ())
    return [dataclasses.replace(blank, verdict=verdict, modality=modality) for verdict, modality in told]


@pytest.mark.parametrize(
    ("told", "whole"),
    [
        (((PASS, "shall"), (NONE, "shall")), "全部符合要求"),
        (((PASS, "shall"), (FAIL, "shall")), "部分符合要求"),
        (((FAIL, "shall"), (NONE, "shall")), "全部不符合要求"),
        (((PASS, "shall"), (MISSING, "shall")), None),
        (((FAIL, "shall"), (PEOPLE, "shall")), None),
        (((PASS, "shall"), (CUSTOM, "shall")), None),
        (((PASS, "shall"), (FAIL, "should")), "全部符合要求"),
        (((PASS, "shall"), (MISSING, "should")), "全部符合要求"),
        (((FAIL, "shall"), (PASS, "should")), "全部不符合要求"),
        ((), None),
    ],
)
def test_the_conclusion_on_the_whole(told: tuple[tuple[str, str], ...], whole: str | None) -> None:
    found = overall(made(*told))

    assert (found and found.zh) == whole


def test_a_number_of_the_basis_can_be_asked_again_and_names_its_files(good: Workspace) -> None:
    for key, row in ROWS.items():
        for number in conclude_clause(good, row).basis:
            assert number.id.startswith(f"{key}/")
            assert good.value(number.sql) == number.value
            assert all((good.folder / file).is_file() for file in good.files(number.sql))
            assert good.files(number.sql)


def test_unverified_thresholds_and_numbers_are_told_with_the_clause(good: Workspace) -> None:
    told = {verdict.key: verdict.unverified for verdict in conclude(good)}

    assert any("illegal_unhealthy" in line for line in told["K.SRC.RATE5"])
    assert [line.split("：")[0] for line in told["K.KW.UPDATE"]] == ["24:8.1c"]
    assert told["K.KW.TOTAL"] == ()


def test_gaps_come_once_each_in_order_of_what_they_block(good: Workspace) -> None:
    with changed(
        good, *CASES["training_partial"].statements, *CASES["mix_unexplained"].statements, "DELETE FROM declared.ip"
    ):
        found = gaps(conclude(good))

    names = [gap.reason.id for gap in found]
    assert len(names) == len(set(names))
    assert names[0] == "training_partial"
    assert found[0].blocks == ("5.1a1", "5.1a2", "5.1d", "5.2a", "8.2a", "8.2b", "8.2c")
    assert names.index("ip_field_missing") < names.index("mix_unexplained") < names.index("clauses_open")
    assert [gap.rank for gap in found] == list(range(1, len(found) + 1))


def test_a_declared_judgement_that_does_not_stand_is_told(good: Workspace) -> None:
    statement = (
        'INSERT INTO declared.judgements (clause_key, verdict, reason, "by", evidence) '
        "VALUES ('K.KW.TOTAL', '符合', '词库已扩充', '甲', ['papers/x.md'])"
    )

    verdict = concluded(good, "K.KW.TOTAL", statement, "UPDATE record.thresholds SET keywords_minimum = 10201")

    assert verdict.verdict == FAIL and "申报的判断“符合”（甲）不予采纳" in verdict.explanation


def test_what_is_missing_of_intellectual_property_is_named_as_the_declarations_call_it(good: Workspace) -> None:
    verdict = concluded(good, "K.IP.OWNER", "UPDATE declared.ip SET appointment_sha256 = NULL")

    assert [reason.found for reason in verdict.reasons if reason.id == "ip_field_missing"] == [("owner.file",)]


def test_an_equivalent_measure_is_told_with_the_clause_it_stands_in_for(good: Workspace) -> None:
    statement = (
        'INSERT INTO declared.judgements (clause_key, verdict, reason, "by", equivalent, plan) '
        "VALUES ('K.IP.COMPLAINT', '不符合', '渠道未建成', '甲', '客服邮箱受理', '12 月上线')"
    )

    verdict = concluded(good, "K.IP.COMPLAINT", statement)

    assert (verdict.verdict, verdict.explanation) == (FAIL, "客服邮箱受理；12 月上线")


def test_a_clause_nothing_is_known_of_stays_open(good: Workspace) -> None:
    row = {**ROWS["K.FILTER"], "key": None}

    verdict = conclude_clause(good, row)

    assert (verdict.verdict, [reason.id for reason in verdict.reasons]) == (PEOPLE, ["no_rules"])


def test_a_real_run_without_declarations_has_reasons_for_everything(real_evidence: Path) -> None:
    with open_workspace(real_evidence) as workspace:
        verdicts = conclude(workspace)

    assert overall(verdicts) is None
    assert len(verdicts) == len(load_profile("tc260-003").clauses)
    assert all(verdict.verdict == PASS or verdict.reasons for verdict in verdicts)
    assert {verdict.key for verdict in verdicts if verdict.verdict == PASS} == {"K.SRC.RATE5", "K.KW.LEN"}
    assert {verdict.verdict for verdict in verdicts} <= {*SEVERITY, PASS}


def test_a_real_run_with_real_declarations_meets_what_they_show(
    real_output: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    output = Output(real_output)
    assert output.current is not None
    (manifest,) = (real_output / "training").glob("*.json")
    names = ("plain", "packed", "table")
    found = {
        **whole()["intellectual_property"]["identification"],
        **{
            "found": 0,
            "open": 0,
            "sources": [{"source_id": name, "found": 0, "open": 0, "disposition": "未见"} for name in names],
        },
    }
    papers = whole()["intellectual_property"] | {
        "identification": found,
        "complaint": {"channel": "https://example.com/complaints", "procedure": "policy.pdf"},
    }
    policy = whole()["policies"]["blacklist"] | {"approved_by": "总经理"}
    content = whole(
        training=[manifest.stem],
        policies=dict.fromkeys(("blacklist", "filtering", "intellectual_property"), policy),
        intellectual_property=papers,
        **{name: [] for name in ("consents", "commitments", "remediation", "judgements", "evidence", "blocked_lists")},
    )
    declared = load_declarations(write(content))
    extract(
        output, output.current, find_round(output, "R0001"), *declared.evidence_rows(output.current), tmp_path / "e"
    )

    with open_workspace(tmp_path / "e") as workspace:
        verdicts = {verdict.key: verdict for verdict in conclude(workspace)}

    met = {key for key, verdict in verdicts.items() if verdict.verdict == PASS}
    assert met == {
        *("K.SRC.BLACKLIST", "K.SRC.RATE5", "K.FILTER", "K.KW.LEN"),
        *(f"K.IP.{name}" for name in ("OWNER", "IDENTIFY", "COMPLAINT", "AGREEMENT", "UPDATE")),
    }
    without = {key for key, verdict in verdicts.items() if verdict.verdict == NONE}
    assert without == {
        *(key for key in verdicts if key.startswith("K.ANN.")),
        *("K.TRACE.USER", "K.PI.SENSITIVE", "K.PI.BIO"),
    }
    assert "只用预训练语料" in verdicts["K.ANN.ACC.SAFE"].explanation
    assert verdicts["K.IP.OWNER"].evidence[0].file == "appointment.pdf"
