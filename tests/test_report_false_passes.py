"""The known ways to a false 符合, each tried on evidence in which everything is met, or on a real run."""

import json
from pathlib import Path

import pytest

from pipeline.store.output import Output
from report.evidence import layout
from report.evidence.extract import extract
from report.evidence.workspace import Workspace, open_workspace
from report.model import CUSTOM, FAIL, MISSING, NONE, PASS, PEOPLE, Verdict
from report.verdicts.concluding import conclude, overall
from tests.audits import audit, make_corpus
from tests.report_base import changed, clauses, good_evidence, good_workspace, real_evidence, real_output

__all__ = ["good_evidence", "good_workspace", "real_evidence", "real_output"]  # fixtures

TRAINING = ("K.SRC.BLACKLIST", "K.SRC.RATE5", "K.BLOCKED", "K.FILTER", "K.EVAL.MANUAL", "K.EVAL.TECH", "K.EVAL.ASSETS")
PERSONAL = ("K.PI.GENERAL", "K.PI.SENSITIVE", "K.PI.BIO")
LISTED = 'INSERT INTO record.rounds (number, "round", state, passed, frame_sha256, knowable) VALUES '
NO_PII = ("DELETE FROM audit.pii_basis", "UPDATE audit.source_stats SET pii_documents = 0")


def after(workspace: Workspace, *statements: str) -> dict[str, Verdict]:
    """All verdicts after these changes, by key. The whole is never concluded to be met."""
    with changed(workspace, *statements):
        found = conclude(workspace)
    assert overall(found) is None or "全部符合" not in str(overall(found))
    return {verdict.key: verdict for verdict in found}


def come_to(found: dict[str, Verdict], verdict: str, *keys: str) -> bool:
    """Whether these clauses have that verdict."""
    return {key: found[key].verdict for key in keys} == dict.fromkeys(keys, verdict)


# ---- looser thresholds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"manual": {"pass": [95, 100]}},
        pytest.param({"source_rate": {"maximum": [1, 10]}}, marks=pytest.mark.slow),
        pytest.param({"not_applicable": ["A5-a", "A5-b", "A3-a"]}, marks=pytest.mark.slow),
    ],
)
def test_a_run_under_looser_thresholds_passes_nothing(tmp_path: Path, changes: dict[str, object]) -> None:
    corpus = make_corpus(tmp_path / "c")
    profile = tmp_path / "c" / "loose.yaml"
    profile.write_text(json.dumps({"id": "loose", "title": "更宽", "extends": "tc260-003", **changes}))
    corpus.write(profile="loose.yaml")
    audit("run", corpus.config, "--out", tmp_path / "o")
    output = Output(tmp_path / "o")
    assert output.current is not None
    extract(output, output.current, None, {}, {}, tmp_path / "e")

    with open_workspace(tmp_path / "e") as workspace:
        found = conclude(workspace)

    assert {verdict.verdict for verdict in found} & {PASS} == set()
    assert CUSTOM in {verdict.verdict for verdict in found}


def test_a_profile_that_may_be_looser_passes_nothing_even_with_all_evidence(good_workspace: Workspace) -> None:
    found = after(good_workspace, "UPDATE record.facts SET may_pass = NULL")

    assert come_to(found, CUSTOM, *(key for key in found if key not in ("K.EVAL.PERCLAUSE", "K.EVAL.REPORT")))
    assert come_to(found, MISSING, "K.EVAL.PERCLAUSE", "K.EVAL.REPORT")


# ---- keywords that decide nothing --------------------------------------------------------------------------------------


def test_context_terms_count_towards_no_minimum_even_where_the_count_says_so(good_workspace: Workspace) -> None:
    found = after(
        good_workspace,
        "UPDATE audit.keyword_library SET context = block, block = 0, counted = context + block",
        "UPDATE record.keywords SET tier = 'context'",
    )

    assert come_to(found, FAIL, "K.KW.TOTAL", "K.KW.REP", "K.EVAL.ASSETS", "K.FILTER")
    assert come_to(found, MISSING, "K.EVAL.TECH")


def test_the_total_does_not_stand_in_for_a_risk_nor_the_risks_for_the_total(good_workspace: Workspace) -> None:
    lacking = "UPDATE audit.keyword_library SET block = 199 WHERE risk_id = 'A1-c'"
    found = after(good_workspace, lacking)
    assert (found["K.KW.REP"].verdict, found["K.KW.TOTAL"].verdict) == (
        FAIL,
        MISSING,
    )  # the counts differ from the terms

    few = "DELETE FROM record.keywords WHERE term >= '词03400'"
    counted = (
        "UPDATE audit.keyword_library SET block = CASE WHEN risk_id = 'all' THEN 3400 ELSE 200 END WHERE block > 0"
    )
    found = after(good_workspace, few, counted)
    assert (found["K.KW.REP"].verdict, found["K.KW.TOTAL"].verdict) == (PASS, FAIL)


# ---- admitted is not trained -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record.training SET same_run = false",  # matched with another run
        "UPDATE record.training SET clean = false, unmatched = 1",
        "UPDATE record.training SET not_admitted = 1",  # though it says that it is clean
        "UPDATE record.training SET unread = NULL",
        "UPDATE record.training SET unread = 2",
        "UPDATE record.training SET found = 0, documents = 0, admitted = 0, files = 0",  # of nothing
        "UPDATE record.training SET found = 9",  # of a tenth: what was trained on need not look like the sample
        "INSERT INTO declared.training (name) VALUES ('the-rest')",  # of a part of what was declared
        "UPDATE declared.training SET name = 'another'",
    ],
)
def test_without_a_clean_whole_manifest_of_this_run_nothing_on_training_is_met(
    good_workspace: Workspace, statement: str
) -> None:
    assert come_to(after(good_workspace, statement), MISSING, *TRAINING)


def test_one_clean_manifest_does_not_hide_another_that_is_not(good_workspace: Workspace) -> None:
    found = after(
        good_workspace,
        "INSERT INTO record.training BY NAME SELECT * REPLACE ('second' AS name, false AS clean, 5 AS unmatched) FROM record.training",
        "DELETE FROM declared.training",
    )

    assert come_to(found, MISSING, *TRAINING)


@pytest.mark.parametrize(
    ("reason", "key"),
    [("source_blacklisted", "K.SRC.BLACKLIST"), ("domain_blacklisted", "K.SRC.BLACKLIST"), ("blocked", "K.BLOCKED")],
)
def test_what_was_trained_on_against_the_list_is_a_failure(good_workspace: Workspace, reason: str, key: str) -> None:
    found = after(
        good_workspace,
        "UPDATE record.training SET clean = false, not_admitted = 1",
        f"INSERT INTO record.training_reasons VALUES ('model-1', '{reason}', 1)",
    )

    assert come_to(found, FAIL, key)


def test_rejected_and_quarantined_records_must_be_shown_not_to_be_trained_on(good_workspace: Workspace) -> None:
    found = after(
        good_workspace, "UPDATE record.training SET unmatched = 1", "UPDATE record.facts SET quarantined_shards = 1"
    )

    (reason,) = [one for one in found["K.FILTER"].reasons if one.id == "ledger_incomplete"]
    assert reason.found == ("plain/a.jsonl", "隔离分片 1")


# ---- rounds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ((f"{LISTED} (0, 'R0000', 'closed', false, (SELECT frame_sha256 FROM record.rounds), true)",), MISSING),
        (
            (
                f"{LISTED} (0, 'R0000', 'abandoned', NULL, (SELECT frame_sha256 FROM record.rounds), true)",  # seen, then dropped
            ),
            PEOPLE,
        ),
        ((f"{LISTED} (2, 'R0002', 'abandoned', NULL, 'f', true)",), PEOPLE),
        ((f"{LISTED} (2, 'R0002', 'closed', false, 'f', true)",), MISSING),  # the one that passed picked out of two
        ((f"{LISTED} (10000, 'R10000', 'closed', false, 'f', true)",), MISSING),
        (("DELETE FROM record.register WHERE event = 'drawn'",), MISSING),
        (("UPDATE record.rounds SET state = 'drawn'",), MISSING),
        (("UPDATE round.reliance SET holds = false",), PEOPLE),
        (("UPDATE round.after_findings SET readings = 1, resting = [1]",), PEOPLE),
        (("UPDATE record.rounds SET frame_documents = 813",), MISSING),
        (('UPDATE record.facts SET rehearsal = true, "round" = NULL', "DELETE FROM round.round_info"), MISSING),
    ],
)
def test_only_the_last_closed_round_of_this_run_counts_and_no_redraw_of_the_same_corpus(
    good_workspace: Workspace, statements: tuple[str, ...], verdict: str
) -> None:
    assert come_to(after(good_workspace, *statements), verdict, "K.EVAL.MANUAL")


def test_a_redraw_stays_visible_and_people_cannot_wave_it_through(good_workspace: Workspace) -> None:
    found = after(
        good_workspace,
        f"{LISTED} (0, 'R0000', 'closed', false, (SELECT frame_sha256 FROM record.rounds), true)",
        "INSERT INTO declared.remediation (\"round\", item_no, recheck) VALUES ('R0000', 1, 'passed')",
        *(
            'INSERT INTO declared.judgements (clause_key, verdict, reason, "by", evidence) '
            f"VALUES ('{key}', '符合', '确认', '甲', ['e.pdf'])"
            for key in ("K.EVAL.MANUAL", "K.SRC.RATE5", "K.EVAL.TECH", "K.FILTER")
        ),
    )

    assert come_to(found, PEOPLE, "K.EVAL.MANUAL", "K.SRC.RATE5", "K.EVAL.TECH", "K.FILTER")
    assert next(one for one in found["K.EVAL.MANUAL"].basis if one.id.endswith("/rounds")).value == 2


def test_what_the_result_claims_does_not_stand_against_the_final_verdicts(good_workspace: Workspace) -> None:
    sampled = "SELECT item_no FROM round.items_drawn WHERE kind = 'sample' AND list_contains(samples, 'manual') ORDER BY item_no"

    at_the_limit = f"UPDATE round.finals SET verdict = 'unqualified' WHERE item_no IN ({sampled} LIMIT 32)"  # of 814
    with changed(good_workspace, at_the_limit, "UPDATE round.manual_result SET failures = 32"):
        assert {one.key: one for one in conclude(good_workspace)}["K.EVAL.MANUAL"].verdict == PASS

    unclear = f"UPDATE round.finals SET verdict = 'unclear' WHERE item_no IN ({sampled} LIMIT 33)"
    found = after(good_workspace, unclear, "UPDATE round.manual_result SET failures = 0, passes = true")
    assert come_to(found, FAIL, "K.EVAL.MANUAL")
    assert {one.id for one in found["K.EVAL.MANUAL"].reasons} == {"manual_failed", "manual_differs"}


def test_a_corpus_smaller_than_the_sample_is_not_met_with_an_equivalent_measure(good_workspace: Workspace) -> None:
    found = after(
        good_workspace,
        "UPDATE record.thresholds SET manual_minimum = 4000",
        "UPDATE audit.source_stats SET admitted_documents = 0 WHERE source_id = 'bad'",
        "UPDATE audit.exclusions SET exclusion_reason = 'filtered' WHERE source_id = 'bad'",
        "UPDATE record.facts SET admitted_documents = 814",
        "UPDATE record.rounds SET frame_documents = 814",
        "UPDATE round.manual_result SET population = 814",
    )

    assert come_to(found, FAIL, "K.EVAL.MANUAL")
    (reason,) = found["K.EVAL.MANUAL"].reasons
    assert reason.text.zh.startswith("不符合 + 等效措施：全量人工检查")
    assert found["K.EVAL.MANUAL"].explanation == "全量人工检查 / all of the corpus was checked by people"


# ---- sources -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("UPDATE round.source_results SET rate_high = 0.05", PASS),  # exactly at it is not above
        ("UPDATE round.source_results SET rate_high = 0.0501", PEOPLE),  # though it says that it is within
        ("UPDATE round.source_results SET rate_high = NULL", PEOPLE),
        ("UPDATE round.source_results SET within = NULL", PEOPLE),
        ("UPDATE round.source_results SET positive_judged = 0, negative_judged = 0", MISSING),
        ("DELETE FROM round.source_results WHERE source_id = 'table'", MISSING),
        ("UPDATE round.source_results SET open_reasons = ['copies_change_the_rate']", PEOPLE),
        ("UPDATE audit.source_stats SET violations = 21 WHERE source_id = 'plain'", FAIL),  # of 380: more than 5 %
        ("UPDATE audit.source_stats SET violations = 19 WHERE source_id = 'plain'", PASS),  # exactly 5 %
        ("DELETE FROM record.assessments", MISSING),  # before collection, where the edition asks for it
        ("UPDATE record.assessments SET source_id = 'another'", MISSING),
        ("UPDATE record.assessments SET time = '2027-01-01T00:00:00+00:00'", MISSING),  # of afterwards
    ],
)
def test_the_rate_of_each_source_rests_on_the_upper_bound_of_people_s_assessment(
    good_workspace: Workspace, statement: str, verdict: str
) -> None:
    with changed(good_workspace, statement):
        found = {one.key: one for one in conclude(good_workspace)}

    assert found["K.SRC.RATE5"].verdict == verdict


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record.blacklist_log SET unfounded = '评估轮次的来源样本' WHERE event = 'dismissed'",
        "UPDATE record.blacklist_log SET \"round\" = NULL WHERE event = 'dismissed'",
        "UPDATE record.blacklist_log SET \"round\" = 'R0009' WHERE event = 'dismissed'",
        "UPDATE record.blacklist_log SET event = 'lifted', source_version = 'before' WHERE event = 'dismissed'",
        "UPDATE record.blacklist_log SET event = 'lifted', ruleset_sha256 = 'before' WHERE event = 'dismissed'",
        "UPDATE record.source_versions SET version = 'since then' WHERE source_id = 'bad'",
    ],
)
def test_a_source_off_the_blacklist_needs_the_round_it_was_lifted_by(good_workspace: Workspace, statement: str) -> None:
    assert after(good_workspace, statement)["K.SRC.BLACKLIST"].verdict == MISSING


def test_a_lift_without_grounds_does_not_excuse_the_literal_rate(good_workspace: Workspace) -> None:
    above = "UPDATE audit.source_stats SET violations = 25 WHERE source_id = 'bad'"  # of 100

    with changed(good_workspace, above):
        assert {one.key: one for one in conclude(good_workspace)}["K.SRC.RATE5"].verdict == PASS  # a round dismissed it
    found = after(good_workspace, above, 'UPDATE record.blacklist_log SET "round" = NULL')
    assert found["K.SRC.RATE5"].verdict == FAIL


def test_a_source_blacklisted_since_the_run_is_in_use(good_workspace: Workspace) -> None:
    found = after(good_workspace, "UPDATE record.blacklist SET active = true, scope = 'source'")

    assert come_to(found, FAIL, "K.SRC.BLACKLIST")


# ---- what nobody looked at ------------------------------------------------------------------------------------------------


def test_unscored_documents_are_no_clean_ones(good_workspace: Workspace) -> None:
    admitted = "INSERT INTO audit.unscored (source_id, admitted, documents) VALUES ('plain', true, 1)"
    assert come_to(after(good_workspace, admitted), FAIL, *TRAINING)

    kept_out = "INSERT INTO audit.unscored (source_id, admitted, documents) VALUES ('plain', false, 1)"
    found = after(good_workspace, kept_out, "UPDATE record.training SET unmatched = 1")
    assert come_to(found, MISSING, *TRAINING)
    assert "unscored_untold" in {one.id for one in found["K.FILTER"].reasons}

    found = after(good_workspace, "INSERT INTO audit.technical_sample (doc_id, unscored) VALUES ('x', 'timeout')")
    assert come_to(found, MISSING, "K.EVAL.TECH")


@pytest.mark.parametrize(("documents", "verdict"), [(46, PEOPLE), (45, PASS)])  # of 914: 5 % are 45.7
def test_blocked_content_without_url_cannot_be_called_absent(
    good_workspace: Workspace, documents: int, verdict: str
) -> None:
    with changed(
        good_workspace,
        f"UPDATE audit.url_stats SET documents = documents - {documents} WHERE source_id = 'plain' AND admitted",
        f"INSERT INTO audit.url_stats VALUES ('plain', false, true, {documents}, 9)",
        "UPDATE audit.url_stats SET admitted = true WHERE source_id = 'bad'",
    ):
        found = {one.key: one for one in conclude(good_workspace)}

    assert found["K.BLOCKED"].verdict == verdict
    assert next(one for one in found["K.BLOCKED"].basis if one.id.endswith("/urlless")).value == documents


def test_an_empty_list_of_blocked_information_is_no_list(good_workspace: Workspace) -> None:
    assert come_to(after(good_workspace, "UPDATE record.facts SET blocked_lists = 0"), MISSING, "K.BLOCKED")
    assert come_to(after(good_workspace, "UPDATE declared.blocklist SET sha256 = 'old'"), MISSING, "K.BLOCKED")


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("UPDATE record.facts SET personal_failed = 1", PEOPLE),  # the detectors failed: nothing is known of these
        ("UPDATE round.items_drawn SET samples = [] WHERE item_no > 100", PEOPLE),  # people looked at too little
        ("UPDATE round.reliance SET holds = false, reasons = ['已知答案 40 条只判出 3 条']", PEOPLE),
        ("DELETE FROM round.round_info", MISSING),
        ("UPDATE round.readings SET personal = ['biometric'] WHERE item_no = 1", PEOPLE),
    ],
)
def test_personal_information_is_not_absent_because_nobody_found_it(
    good_workspace: Workspace, statement: str, verdict: str
) -> None:
    in_the_sample = "UPDATE round.items_drawn SET samples = ['manual'] WHERE item_no = 1"
    found = after(good_workspace, *NO_PII, "DELETE FROM declared.consents", in_the_sample, statement)

    assert come_to(found, verdict, *PERSONAL)


def test_what_people_saw_and_the_machine_did_not_counts_wherever_it_was_seen(good_workspace: Workspace) -> None:
    seen = "UPDATE round.readings SET personal = ['biometric'] WHERE item_no = 1"
    outside = "UPDATE round.items_drawn SET samples = ['source:bad:negative'] WHERE item_no = 1"

    assert come_to(after(good_workspace, *NO_PII, "DELETE FROM declared.consents", outside, seen), PEOPLE, *PERSONAL)


def test_where_machine_and_people_looked_and_found_none_the_clause_does_not_apply(good_workspace: Workspace) -> None:
    with changed(good_workspace, *NO_PII):
        found = {one.key: one for one in conclude(good_workspace)}

    assert come_to(found, NONE, *PERSONAL)
    assert "未见此类个人信息" in found["K.PI.GENERAL"].explanation


# ---- people's word for a number ---------------------------------------------------------------------------------------------


def test_judgements_on_every_clause_do_not_make_a_run_without_evidence_pass(real_evidence: Path) -> None:
    with open_workspace(real_evidence) as workspace:
        before = {verdict.key: verdict.verdict for verdict in conclude(workspace)}
        rows = [
            {"clause_key": row["key"], "verdict": verdict, "reason": "确认", "by": "法人", "evidence": ["e.pdf"]}
            for row in clauses()
            for verdict in (PASS, NONE)
        ]
        workspace.replace("declared.judgements", rows)
        found = conclude(workspace)

    assert {verdict.key: verdict.verdict for verdict in found} == before
    assert overall(found) is None


@pytest.mark.slow
def test_taking_evidence_away_never_helps(real_evidence: Path) -> None:
    with open_workspace(real_evidence) as workspace:
        before = {verdict.key: verdict.verdict for verdict in conclude(workspace)}
        for schema, tables in layout.columns().items():
            for name in sorted(set(tables) - {"clauses"}):
                with changed(workspace, f'DELETE FROM {schema}."{name}"'):
                    after_ = {verdict.key: verdict.verdict for verdict in conclude(workspace)}
                better = {key for key in after_ if after_[key] in (PASS, NONE) and before[key] not in (PASS, NONE)}
                assert not better, (schema, name)
