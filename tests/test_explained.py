"""What a run says of itself: why a document was decided as it was, and whether the detectors found the known answers."""

import json
from pathlib import Path

import duckdb
import pytest

from models import STARTER_MODEL
from pipeline.accounting.known_answers import known_answer_rows
from pipeline.accounting.statistics import below_floor
from pipeline.detectors import Detectors
from pipeline.store.output import Output
from pipeline.terminal.why import explain
from schemas.known_answers import KnownAnswers, load_known_answers, parse_known_answers
from schemas.lexicon import Entry, Library
from schemas.loading import DocumentError
from schemas.policy import load_policy
from schemas.profile import load_profile
from schemas.risks import risks
from tests.audits import audit, jsonl, make_corpus, reseal, result, sql
from tests.guard_server import Fault, guarding
from tests.test_scorers_run import again, cascade_corpus, judge
from transforms.classifier import Classifier
from transforms.decide import Decider
from transforms.keywords import Keywords

TEXTS = "".join(f"  {risk}: ['{risk} 文本']\n" for risk in risks())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    audit("run", make_corpus(folder).config, "--out", folder / "out")
    return folder / "out"


def detectors(*entries: Entry) -> Detectors:
    """A library of these terms, and the starter model with thresholds nothing reaches."""
    library = Library(tuple(sorted(entries, key=lambda entry: entry.term)))
    decider = Decider(load_policy(None), load_profile("tc260-003"), library, {})
    return Detectors({"keywords": Keywords(library), "classifier": Classifier(STARTER_MODEL)}, decider)


def test_a_text_is_found_where_its_own_risk_is_decided() -> None:
    known = KnownAnswers((1, 2), {"A1-h": ("代开发票联系我", "今天天气晴好"), "A1-f": ("代开发票联系我吧",)}, "")
    rows = known_answer_rows(detectors(Entry("代开发票", ("A1-h",), "block")), known)
    assert rows == [
        {
            "risk_id": "A1-h",
            "texts": 2,
            "found": 1,
            "by_keywords": 1,
            "by_classifier": 0,
            "as_candidate": 0,
            "passed": True,
            "unscored": 0,
        },
        {
            "risk_id": "A1-f",
            "texts": 1,
            "found": 0,
            "by_keywords": 0,
            "by_classifier": 0,
            "as_candidate": 0,
            "passed": False,
            "unscored": 0,
        },
    ]
    assert below_floor(rows) == ["A1-f"]


def test_a_candidate_is_not_found_and_risks_the_profile_does_not_count_are_not_asked_for() -> None:
    known = KnownAnswers((1, 2), {"A1-h": ("山青水秀天蓝",), "A5-a": ("任意文本内容",)}, "")
    rows = known_answer_rows(detectors(Entry("山青水秀", ("A1-h",), "review")), known)
    assert [(row["risk_id"], row["found"], row["as_candidate"]) for row in rows] == [("A1-h", 0, 1)]


@pytest.mark.parametrize(("found", "of", "reached"), [(5, 10, True), (4, 10, False), (0, 0, True), (1, 1, True)])
def test_the_floor_is_an_exact_fraction(found: int, of: int, reached: bool) -> None:
    assert KnownAnswers((1, 2), {}, "").reached(found, of) is reached


def test_the_texts_that_ship_cover_every_risk() -> None:
    assert all(len(load_known_answers().texts[risk]) >= 10 for risk in risks())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"floor: [1, 2]\ntexts:\n{TEXTS}  A9-a: [文本]\n", "unknown risk id: A9-a"),
        ("floor: [1, 2]\ntexts: {A1-a: [文本]}\n", "A1-b: 没有文本"),
        (f"floor: [1, 2]\ntexts:\n{TEXTS}".replace("A1-b 文本", "A1-a 文本"), "given twice"),
        (f"floor: [3, 2]\ntexts:\n{TEXTS}", "fraction between 0 and 1"),
    ],
)
def test_wrong_known_answers_are_told(text: str, says: str) -> None:
    with pytest.raises(DocumentError) as told:
        parse_known_answers(text)
    assert any(says in problem for problem in told.value.problems)


def test_every_run_shows_its_known_answers(out: Path) -> None:
    result = json.loads((out / "current" / "result.json").read_text())["known_answers"]
    rows = sql(out, "SELECT sum(texts), sum(found) FROM known_answers")
    assert rows == [(result["texts"], result["found"])]
    assert f"{result['found']} / {result['texts']} 检出" in audit("status", out).stdout
    assert audit("query", out, "known_answers", "--format", "csv").stdout.count("\n") >= 30


def test_a_run_that_claims_another_known_answer_is_found_out(out: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "out"
    shutil.copytree(out, copy, symlinks=True)
    database = (copy / "current" / "audit.duckdb").resolve()
    database.chmod(0o644)
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE known_answers SET passed = NOT passed WHERE risk_id = 'A1-h'")
    reseal(copy)
    assert "已知答案" in audit("verify", copy, check=3).stdout


def test_a_library_that_finds_nothing_fails_the_technical_gate(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    (tmp_path / "own.tsv").write_text("term\trisks\ttier\n绝不出现的词\tA1-h\tblock\n", encoding="utf-8")
    policy = "id: p\nversion: 1\nrules:\n  - {name: block-term, when: {block: 1}, assess: violation, filter: true}\n"
    (tmp_path / "policy.yaml").write_text(policy, encoding="utf-8")
    corpus.write(lexicons=["own.tsv"], policy="policy.yaml")
    done = audit("run", corpus.config, "--out", tmp_path / "out", "--fail-on", "technical", check=1)
    assert "the technical check proves nothing" in done.stdout
    (basis,) = sql(tmp_path / "out", "SELECT basis FROM clauses WHERE clause = '8.2b'")[0]
    assert "known answers below the floor" in basis and "A1-h" in basis


def test_why_tells_the_rule_the_evidence_and_the_decision(out: Path) -> None:
    told = audit("query", out, "why", "plain:p50").stdout
    assert "风险 / risk A1-h" in told and "规则 / rule block-term: block ≥ 1" in told
    assert "关键词 / keyword [" in told and "not admitted: filtered" in told


def test_why_tells_of_a_source_that_is_out_and_of_personal_information(out: Path) -> None:
    assert "not admitted: source_blacklisted" in audit("query", out, "why", "bad:b1").stdout
    told = audit("query", out, "why", "plain:p5").stdout
    assert "CN_MOBILE" in told and "13800138000" not in told


def test_why_tells_every_copy_of_a_repeated_id(out: Path) -> None:
    told = audit("query", out, "why", "plain:p6").stdout
    assert told.count("语料 / document plain:p6") == 2


def test_why_of_an_unknown_document_is_a_usage_error(out: Path) -> None:
    assert "no document has this id" in audit("query", out, "why", "nope", check=2).stderr
    assert "usage" in audit("query", out, "why", check=2).stderr


def why(out: Path, doc_id: str) -> list[str]:
    current = Output(out).current
    assert current is not None
    return explain(current, doc_id)


FORGED = "决定 / decision: 进入训练语料 / admitted"


@pytest.mark.parametrize("breaker", ["\n", "\r", "\x85", "\u2028", "\u2029", "\x1b[2K", "\u202e", "\t"])
def test_no_document_writes_lines_of_its_own(tmp_path: Path, breaker: str) -> None:
    corpus = make_corpus(tmp_path)
    doc_id = f"evil{breaker}{FORGED}"
    row = {"id": doc_id, "text": "某平台百家乐开户，代开发票加微信", "url": f"http://e.com/{breaker}{FORGED}"}
    (tmp_path / "plain" / "a.jsonl").write_bytes(jsonl([row]))
    again(corpus, tmp_path / "out")
    lines = why(tmp_path / "out", f"plain:{doc_id}")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("决定")] == ["决定 / decision: 未进入 / not admitted: filtered"]
    code = f"\\u{ord(breaker[0]):04x}"
    assert [code in line for line in lines[:5]].count(True) >= 1


def test_why_shows_the_first_of_many_findings_and_how_many_there_are(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path)
    text = "，".join(f"代开发票，电话1380013{n:04}" for n in range(8000, 8040))
    (tmp_path / "plain" / "a.jsonl").write_bytes(jsonl([{"id": "many", "text": text}]))
    library = "".join(f"代开发票，电话1380013{n:04}\tA1-h\tblock\n" for n in range(8000, 8040))
    (tmp_path / "own.tsv").write_text(f"term\trisks\ttier\n{library}", encoding="utf-8")
    corpus.write(lexicons=["own.tsv"])
    again(corpus, tmp_path / "out")
    lines = why(tmp_path / "out", "plain:many")
    assert len([line for line in lines if line.startswith("  关键词")]) == 20
    assert "  另有 20 处 / and 20 more" in lines
    mobiles = [line for line in lines if "CN_MOBILE" in line]
    assert len(mobiles) == 6 and mobiles[-1].endswith("and 35 more")


def test_an_outage_clears_no_source_and_is_told_apart_from_blind_detectors(tmp_path: Path) -> None:
    with guarding(judge) as guard:
        everything = {"score": 0.05, "terms": ["review"]}
        corpus, out = cascade_corpus(tmp_path / "c", guard.url, nominate=everything), tmp_path / "out"
        guard.fault = Fault(500)
        again(corpus, out)
        (row,) = [row for row in result(out)["sources"] if row["source_id"] == "plain"]
        assert (row["violations"], row["status"], row["unscored"]) == (0, "admitted", 15)
        assert "unscored_would_cross" in row["review_reasons"] and row["candidate_rate"] == 15 / 120
        assert result(out)["gates"]["blacklist"] is False
        status = audit("status", out).stdout
        assert "unscored_would_cross: plain: 15" in status
        unasked = result(out)["known_answers"]["unscored"]
        assert unasked > 0
        assert f"without the confirming scorer's answer {unasked}" in status
        told = dict(sql(out, "SELECT clause, basis FROM clauses WHERE clause IN ('8.2b', '5.1a')"))
        assert f"{unasked} known answers without" in told["8.2b"]
        lines = "\n".join(why(out, "plain:c0"))
        assert "未得答复 / unscored: " in lines and "no complete answer" in lines
        audit("verify", out)
        guard.fault = None
        again(corpus, out)
        (row,) = [row for row in result(out)["sources"] if row["source_id"] == "plain"]
        assert row["unscored"] == 0 and "unscored_would_cross" not in row["review_reasons"]
        assert result(out)["known_answers"]["unscored"] == 0
        assert "unscored_would_cross" not in audit("status", out).stdout


@pytest.mark.parametrize(
    ("scope", "doc", "says"),
    [
        ("candidates", "c0", "asked, it said: A1-h 1.0000"),
        ("candidates", "c4", "asked only where the first line nominates"),
        ("all", "c1", "asked; no rule that rests on its score held"),
        ("technical_sample", "c1", "(endpoint, technical_sample): "),
    ],
)
def test_why_tells_what_the_confirming_scorer_said(tmp_path: Path, scope: str, doc: str, says: str) -> None:
    with guarding(judge) as guard:
        corpus, out = cascade_corpus(tmp_path / "c", guard.url, scope=scope), tmp_path / "out"
        again(corpus, out)
        assert says in "\n".join(why(out, f"plain:{doc}"))
        if scope == "technical_sample":
            sampled = sql(out, "SELECT doc_id FROM technical_sample LIMIT 1")[0][0]
            assert "asked, it decided: " in "\n".join(why(out, sampled))
