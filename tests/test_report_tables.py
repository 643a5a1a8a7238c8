"""The tables of the report: over a real run with a closed round, and over a corpus made wider."""

import re

import pytest

from pipeline.accounting.review import STAGE_APART, UNDECIDED
from report.evidence.workspace import Workspace
from report.tables.filling import NOTHING, fill_table, fill_tables, load_tables
from report.tables.sums import check_sums
from schemas.risks import risks
from tests.filled_tables import REHEARSAL, of, wide, workspace
from tests.report_base import changed, real_evidence, real_output
from tests.wide_evidence import HOSTILE

__all__ = ["real_evidence", "real_output", "wide", "workspace"]  # fixtures

FORMS = ["C-1", "C-2", "C-3", "C-3T", "C-3N", "C-3A", "C-4", "C-5", "C-6", "C-7", "C-8", "C-9", "C-9R"]
KINDS = {"text", "count", "gigabytes", "tokens", "share", "verdict", "digest"}


def test_the_form_and_every_table_reviewers_ask_for_are_there() -> None:
    asked = ["T04", "T05", "T05B", "T05L", "T06", "T07", "T07R", "T07D", "T08", "T09", "T09F", "T09D", "T10", "T11"]
    asked += ["T11H", "T11P", "T12", "T13", "T14", "T15", "T17", "T18", "T19", "T20", "T20D", "T20C", "T21"]
    assert list(load_tables())[: len(FORMS)] == FORMS
    assert set(asked) <= set(load_tables())
    for rule in load_tables().values():
        assert rule.title.zh and rule.title.en and all(note.zh and note.en for note in rule.notes), rule.id
        assert {column.kind for column in rule.columns} <= KINDS, rule.id
        assert all(isinstance(column.name, str) and column.title.zh and column.title.en for column in rule.columns), (
            rule.id
        )
        assert any(column.kind == "text" for column in rule.columns), rule.id


@pytest.mark.parametrize("statements", [(), REHEARSAL], ids=["closed round", "rehearsal"])
def test_no_table_is_blank_and_every_cell_has_an_id_of_its_own(
    workspace: Workspace, statements: tuple[str, ...]
) -> None:
    with changed(workspace, *statements) as given:
        tables = fill_tables(given)
    for table in tables:
        names = [column.name for column in table.columns]
        assert table.rows and all(list(row.values) == names for row in table.rows), table.id
        assert all(any(value is not None for value in row.values.values()) for row in table.rows), table.id
        keys = [row.key for row in table.rows]
        assert len(set(keys)) == len(keys) and all(re.fullmatch(r"[\w.:*%-]+", key) for key in keys), table.id
        if keys == [NOTHING]:
            told = next(value for value in table.rows[0].values.values() if value)
            assert re.match(r"不涉及|待补充|经评估|机器", told) and " / " in told, table.id


def test_a_rehearsal_says_so_where_a_round_would_stand(workspace: Workspace) -> None:
    with changed(workspace, *REHEARSAL) as given:
        for name in ("T09", "T09F", "T09D", "T09S", "T09P", "T12M", "T15"):
            assert "演练" in str(of(given, name)[NOTHING]), name
        manual = of(given, "C-7")["manual"]
    assert (manual["judged"], manual["failures"], manual["qualified"]) == (None, None, None)
    assert "演练" in manual["how"]


# --- the form


def test_origins_follow_what_sources_are_treated_as_and_where_they_are(workspace: Workspace) -> None:
    produced = "UPDATE record.source_details SET produced = true WHERE source_id = 'packed'"
    linked = "UPDATE audit.sources SET treated_as = 'self_collected' WHERE source_id = 'plain'"
    abroad = "UPDATE audit.composition SET region = '{}' WHERE source_id = 'plain'"
    size = dict(
        workspace.connection.execute(
            "SELECT source_id, sum(bytes) FROM audit.composition WHERE admitted GROUP BY ALL"
        ).fetchall()
    )
    for statements, row, source in (
        ((), "open_domestic", "plain"),
        ((), "self_collected", "packed"),
        ((), "commercial", "table"),
        ((produced,), "self_produced", "packed"),
        ((linked, produced), "self_collected", "plain"),
        ((abroad.format("overseas"),), "open_overseas", "plain"),
        ((abroad.format("hk_mo_tw"),), "open_hk_mo_tw", "plain"),
    ):
        with changed(workspace, *statements) as given:
            assert of(given, "C-3")[row]["all"] == size[source], (row, source)


def test_stages_apart_are_in_no_total(workspace: Workspace) -> None:
    move = "UPDATE audit.{} SET stage = 'safety' WHERE source_id = 'packed'"
    with changed(
        workspace, *(move.format(name) for name in ("composition", "bucket_stats", "sources", "source_stats"))
    ) as given:
        sizes, types = of(given, "C-1"), of(given, "C-2")
        assert sizes["safety"]["documents"] == 200
        assert sizes["total"]["documents"] == types["total"]["documents"] == sizes["pretrain"]["documents"] == 614
        assert of(given, "T05")["packed"]["conclusion"].startswith("单列")
        assert check_sums(fill_tables(given), given) == []


def test_overseas_share_is_a_hint_beside_the_advisory(workspace: Workspace) -> None:
    with changed(workspace, "UPDATE audit.composition SET region = 'overseas'") as given:
        told = of(given, "C-3A")["open_overseas"]
    assert told["share"] > 0.3 and told["advisory"] == "≤ 30.0 %" and told["told"].startswith("超过提示值")
    assert of(workspace, "C-3A")["open_overseas"]["told"].startswith("未超过")


def test_an_unknown_part_makes_the_tokens_of_its_sums_unknown(wide: Workspace) -> None:
    with changed(wide, "UPDATE audit.bucket_stats SET tokens = NULL WHERE source_id = 's000'") as given:
        sizes = of(given, "C-1")
        assert sizes["pretrain"]["tokens"] is None and sizes["total"]["tokens"] is None
        assert isinstance(sizes["sft"]["tokens"], int)
        assert check_sums(fill_tables(given), given) == []


def test_the_ledger_of_sources_has_every_column_of_the_form(workspace: Workspace) -> None:
    statements = (
        "UPDATE record.source_details SET url = 'https://x.example/', fetched_from = '2018-01-01', fetched_to = '2022-12-31', "
        "lawful_basis = ['consent', 'own_words'] WHERE source_id = 'packed'",
        "UPDATE audit.sources SET pre_assessment = 'p-1', licence = 'CC-BY-4.0' WHERE source_id = 'packed'",
        "INSERT INTO record.assessments (assessment, source_id, violation_rate) VALUES ('p-1', 'packed', 0.01)",
        "INSERT INTO audit.provenance_stats VALUES ('packed', 'robots_denied', false, 3), ('packed', 'robots_allowed', true, 9)",
        "UPDATE audit.evidence SET file = 'log.pdf', sha256 = repeat('ab', 32) WHERE source_id = 'packed' AND title = '采集记录'",
    )
    with changed(workspace, *statements) as given:
        row = of(given, "C-4")["packed"]
    assert row["obtained"] == "2018-01-01 – 2022-12-31" and row["access"] == "https://x.example/"
    assert row["basis"] == "个人同意 / consent；own_words" and row["before"] == 0.01
    assert row["robots"] == "允许 / allowed 9；禁止 / denied 3" and row["files"] == "log.pdf abababababababab"
    assert row["licence"] == "CC-BY-4.0" and row["blacklisted"].startswith("否")
    assert of(workspace, "C-4")["bad"]["disposition"].startswith("列入黑名单")


ANNOTATED = (
    "INSERT INTO declared.annotation (\"none\", internal, external, training_hours, training_attendances) VALUES (false, 8, 3, 16.5, 11)",
    "INSERT INTO annotation.log (file) VALUES ('log.ndjson')",
    "INSERT INTO annotation.kinds (kind, items, annotators, reviewers, checked_items, checked_share, qualified_share, batches, voided_batches) "
    "VALUES ('functional', 900, 5, 2, 90, 0.1, 0.98, 9, 1), ('safety', 600, 4, 2, 600, 1.0, 1.0, 6, 0)",
    "INSERT INTO annotation.tasks (task, in_two_roles) VALUES ('t', 0)",
    "INSERT INTO declared.annotation_rules (kind, goal, format, method, quality) VALUES ('safety', '1', '2', '3', '4'), ('functional', '1', '2', '3', '')",
)  # fmt: skip


def test_annotation_as_declared_as_none_and_as_missing(workspace: Workspace) -> None:
    assert of(workspace, "C-5")["items"]["overall"] == "待补充 / missing"
    with changed(
        workspace, "INSERT INTO declared.annotation (\"none\", reason) VALUES (true, '只用公开语料')"
    ) as given:
        assert all(
            row["overall"] in ("不涉及 / none", "待补充 / missing") or row["safety"]
            for row in of(given, "C-5").values()
        )
        assert of(given, "C-5")["items"]["functional"] == "不涉及 / none"
        assert "没有标注" in of(given, "T13")[NOTHING]["check"]
    with changed(workspace, *ANNOTATED) as given:
        found = of(given, "C-5")
    assert found["items"] == {**found["items"], "functional": "900", "safety": "600", "overall": "1500"}
    assert found["checked_share"]["safety"] == "100.0" and found["in_two_roles"]["overall"] == "0"
    assert (found["internal"]["overall"], found["external"]["overall"], found["training_hours"]["overall"]) == (
        "8",
        "3",
        "16.5",
    )
    assert (found["rules"]["functional"], found["rules"]["safety"]) == (
        None,
        "1",
    )  # without a measure of quality it is no set of rules


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({}, "符合"),
        ({"K.PI.GENERAL": "待补充", "K.PI.SENSITIVE": "不符合"}, "不符合"),
        ({"K.PI.GENERAL": "待人工", "K.PI.BIO": "自定义口径"}, "待人工"),
        ({"K.PI.GENERAL": "自定义口径"}, "自定义口径"),
        ({"K.PI.GENERAL": "不适用"}, "符合"),
        (dict.fromkeys(("K.PI.GENERAL", "K.PI.SENSITIVE", "K.PI.BIO"), "不适用"), "不适用"),
    ],
)
def test_lawfulness_is_the_worst_of_its_clauses(workspace: Workspace, verdicts: dict[str, str], expected: str) -> None:
    statements = ["UPDATE concluded.verdicts SET verdict = '符合' WHERE starts_with(key, 'K.PI.')"]
    statements += [
        f"UPDATE concluded.verdicts SET verdict = '{verdict}' WHERE key = '{key}'" for key, verdict in verdicts.items()
    ]
    with changed(workspace, *statements) as given:
        assert of(given, "C-6")["personal"]["verdict"] == expected
        assert check_sums(fill_tables(given), given) == []


def test_a_recommended_clause_does_not_decide_lawfulness(workspace: Workspace) -> None:
    met = "UPDATE concluded.verdicts SET verdict = CASE key WHEN 'K.IP.PUBLIC' THEN '不符合' ELSE '符合' END WHERE starts_with(key, 'K.IP.')"
    with changed(workspace, met) as given:
        assert of(given, "C-6")["rights"]["verdict"] == "符合"


def test_results_of_the_assessment_stand_beside_their_thresholds(workspace: Workspace) -> None:
    manual, technical = of(workspace, "C-7").values()
    assert (manual["judged"], manual["failures"], manual["threshold"]) == (814, 0, 0.96)
    assert manual["how"].endswith("R0001/12345") and manual["required"] == "≥ 4000 条"
    assert technical["judged"] * 10 >= technical["population"] and technical["threshold"] == 0.98


def test_the_library_is_told_risk_by_risk_and_never_as_a_verdict(workspace: Workspace) -> None:
    found = of(workspace, "C-8")
    assert set(found) == {*risks(), "all"} and found["all"]["required"] == 10000
    assert {row["met"].partition(" / ")[0] for row in found.values()} <= {"达标", "未达标", "无数量要求"}
    assert set(of(workspace, "C-9R")) == set(risks())
    assert of(workspace, "C-9")["labels"]["value"].endswith(" / 31")


# --- what reviewers ask for


def test_the_manual_sample_is_listed_item_by_item_without_texts(workspace: Workspace) -> None:
    table = fill_table(workspace, "T09")
    assert len(table.rows) == 814
    assert "text" not in {column.name for column in table.columns} and "note" not in {
        column.name for column in table.columns
    }
    assert {row.values["second"] for row in table.rows} == {"是 / yes"}
    assert all(len(row.values["content_hash"]) == 64 for row in table.rows)


def test_failures_are_spread_by_risk_and_each_has_a_disposition_or_lacks_one(workspace: Workspace) -> None:
    items = [
        number
        for (number,) in workspace.connection.execute(
            "SELECT item_no FROM round.items_drawn WHERE list_contains(samples, 'manual') ORDER BY 1 LIMIT 4"
        ).fetchall()
    ]
    statements = (
        f"UPDATE round.finals SET verdict = 'unqualified', risks = ['A1-f', 'A3-e'] WHERE item_no = {items[0]}",
        f"UPDATE round.finals SET verdict = 'unqualified', risks = [] WHERE item_no = {items[1]}",
        f"UPDATE round.finals SET verdict = 'unclear' WHERE item_no = {items[2]}",
        f"INSERT INTO declared.remediation (round, item_no, action, note, \"by\", \"date\", recheck) VALUES ('R0001', {items[0]}, 'removed', '<b>', '甲', '2026-11-25', 'passed')",
        f"INSERT INTO declared.remediation (round, item_no, action) VALUES ('R0009', {items[1]}, 'removed')",
        "UPDATE round.manual_result SET failures = 3, unclear = 1",
        "UPDATE record.rounds SET manual_failures = 3",
    )
    with changed(workspace, *statements) as given:
        assert {key: row["items"] for key, row in of(given, "T09F").items()} == {
            "A1-f": 1,
            "A3-e": 1,
            "none": 1,
            "unclear": 1,
        }
        done = {key: row["action"] for key, row in of(given, "T09D").items()}
        assert done == {
            str(items[0]): "剔除 / removed",
            str(items[1]): "待补充 / missing",
            str(items[2]): "待补充 / missing",
        }
        assert check_sums(fill_tables(given), given) == []


def test_sources_stand_with_rates_before_filtering_and_blind_bounds(workspace: Workspace) -> None:
    row = of(workspace, "T05")["plain"]
    assert (row["violations"], row["documents"], row["limit"]) == (6, 380, "1/20")
    assert row["violation_rate"] == pytest.approx(6 / 380, abs=1e-6)
    assert (row["judged"], row["found"]) == (306, 0) and 0 < row["blind_high"] < 0.05


def test_codes_of_the_run_are_told_in_words(workspace: Workspace) -> None:
    reasons = ["copies_change_the_rate", "candidates_would_cross", "interval_straddles_limit", "small_source"]
    reasons += ["books_incomplete", "suspected_rename", UNDECIDED, STAGE_APART]
    with changed(workspace, f"UPDATE audit.source_stats SET review_reasons = {reasons}") as given:
        told = of(given, "T05")["plain"]["review"].split("；")
    assert len(told) == len(reasons) and all(" / " in one for one in told)
    assert all(" / " in row["reason"] for row in of(workspace, "T07R").values())


def test_a_round_nobody_can_rely_on_makes_no_source_met(workspace: Workspace) -> None:
    met = "UPDATE round.source_results SET conclusion = '符合'"
    for statements, conclusion in (
        ((met, "UPDATE round.reliance SET holds = true"), "符合"),
        ((met, "UPDATE round.reliance SET holds = false"), "待人工"),
        ((met, "DELETE FROM round.reliance"), "待人工"),
        (
            ("UPDATE round.source_results SET conclusion = '超过上限'", "UPDATE round.reliance SET holds = false"),
            "超过上限",
        ),
    ):
        with changed(workspace, *statements) as given:
            assert of(given, "T05")["plain"]["conclusion"] == conclusion


def test_every_round_and_draw_is_listed_with_what_changed_between(wide: Workspace) -> None:
    states = {row["state"].partition(" / ")[0] for row in of(wide, "T20").values()}
    assert len(of(wide, "T20")) == 8 and states == {"已关闭", "已放弃", "已冻结"}
    found = of(wide, "T20C")
    assert [row["before"] for row in found.values()] == ["A0000", "A0003", "A0004"] and list(found) == [
        "A0003",
        "A0004",
        "R0001",
    ]
    assert found["A0003"]["before_rate"] == 0.1 and found["A0003"]["rate"] == (400 - 45) / 4000
    drawn = of(wide, "T20D")
    assert drawn["3:manual"]["items"] == 814
    failed = "INSERT INTO record.register (seq, round, \"time\", event, details) VALUES (99, 'A0001', '2025-02-01T00:00:00', 'draw_failed', '{\"reason\": \"正文取不到\"}')"
    with changed(wide, failed) as given:
        assert of(given, "T20D")["99:"]["reason"] == "正文取不到"


def test_the_public_summary_counts_a_document_once(workspace: Workspace) -> None:
    statements = (
        "INSERT INTO audit.rights_stats (source_id, indicator, phase, documents, findings, bytes) VALUES ('plain', 'isbn', 'collected', 9, 12, 900), "
        "('plain', 'isbn', 'admitted', 7, 8, 700), ('plain', 'doi', 'admitted', 7, 7, 700)",
        "INSERT INTO audit.rights_works (source_id, stage, content_type, admitted, documents, bytes) VALUES ('plain', 'pretrain', 'book', true, 7, 700), "
        "('packed', 'pretrain', NULL, true, 1, 50), ('packed', 'pretrain', 'news', false, 5, 500)",
    )
    with changed(workspace, *statements) as given:
        hints, summary = of(given, "T11H"), of(given, "T11P")
    assert hints["plain:isbn"]["collected"] == 9 and hints["plain:isbn"]["admitted"] == 7
    assert {key: row["documents"] for key, row in summary.items()} == {"packed:": 1, "plain:book": 7, "total": 8}
    assert summary["total"]["bytes"] == 750


# One row in a table of the evidence, the table it has to show in, and a key there.
SHOWN = [
    ("INSERT INTO audit.unscored VALUES ('plain', true, false, true, 3, 300)", "T07U", "plain:true"),
    ("INSERT INTO audit.domain_stats VALUES ('plain', '长尾域名 / tail', false, 9, 40, 5, 0.125, 'people')", "T05D", "plain:长尾域名%20%2F%20tail"),
    ("INSERT INTO record.assessments (assessment, source_id, documents) VALUES ('a-1', 'plain', 100)", "T05P", "a-1"),
    ("INSERT INTO annotation.checks (\"check\", title, examined, problems) VALUES ('K.ANN.STAFF.TIME', '用时', 9, 0)", "T13", "K.ANN.STAFF.TIME"),
    ("INSERT INTO annotation.batches (task, batch, kind, items, voided) VALUES ('t', 'b', 'safety', 9, false)", "T13B", "1"),
    ("INSERT INTO annotation.staff (person, employment, roles, annotated) VALUES ('P-001', 'internal', ['annotate'], 9)", "T13S", "1"),
    ("INSERT INTO declared.keyword_updates VALUES ('2026-11-10', 'v2', 30, 2, '乙', NULL)", "T14", "update:1"),
    ("INSERT INTO record.blocked VALUES (repeat('c', 64))", "T18", "list:cccccccccccccccc"),
    ("INSERT INTO record.training (name, sha256, same_run, clean) VALUES ('m', repeat('d', 64), true, true)", "T21", "m:dddddddddddd"),
    ("INSERT INTO audit.pii_basis (source_id, level, under_14, covered, phase, documents) VALUES ('plain', 'sensitive', true, false, 'collected', 2)", "T12", "plain:sensitive:true::false"),
    ("INSERT INTO declared.annotation_risks VALUES ('A1-a', '3.1')", "T13R", "A1-a"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "table", "key"), SHOWN, ids=[table for _, table, _ in SHOWN])
def test_what_is_in_the_evidence_is_shown(workspace: Workspace, statement: str, table: str, key: str) -> None:
    before = of(workspace, table)
    with changed(workspace, statement) as given:
        assert key in of(given, table) and of(given, table) != before


def test_hostile_names_of_sources_are_passed_on_as_they_are(wide: Workspace) -> None:
    names = [row["name"] for row in of(wide, "C-4").values()]
    assert set(HOSTILE) <= set(names)
    assert names == [row["name"] for row in of(wide, "T05").values()]
