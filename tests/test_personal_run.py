"""Runs over sources with and without lawful bases: what is kept out, what is counted, and what verify makes of forgeries."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store.output import Output
from pipeline.verification.recomputation import Recomputation
from pipeline.verification.recompute import STEPS
from pipeline.verification.verify import verify
from tests.audits import Corpus, audit, events, jsonl, reseal, result, sql
from tests.test_verify import Forge, change_database, change_json, change_rows, together


def identity(born: str) -> str:
    """A made-up resident identity number with its check digit (GB 11643)."""
    body = f"110105{born}123"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


GROWN, CHILD = f"身份证号{identity('19850312')}，请核对。", f"身份证号{identity('20180312')}，请核对。"
MAIL, PHONE = "来信请寄邮箱zhang.wei@mail.com.cn，谢谢。", "有事请打手机13912345679，谢谢。"
SOURCES: list[dict[str, Any]] = [
    {"id": "bare", "paths": ["bare.jsonl"]},
    {
        "id": "agreed",
        "paths": ["agreed.jsonl"],
        "personal_info": {"lawful_basis": "separate_consent", "record": "consent.pdf"},
    },
    {
        "id": "guarded",
        "paths": ["guarded.jsonl"],
        "personal_info": {"lawful_basis": ["guardian_consent"], "record": "empty.pdf"},
    },
    {"id": "dated", "paths": ["dated.jsonl"], "evidence": {"collection_record": "record.json"}},
]
TEXTS = {
    "bare": ["今天天气很好。", MAIL, GROWN, GROWN + PHONE, f"小学三年级学生家长的手机13912345679，{MAIL}"],
    "agreed": [MAIL, GROWN, CHILD],
    "guarded": [CHILD, GROWN],
    "dated": [f"身份证号{identity('19950312')}，请核对。", MAIL],
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("personal")
    for name, texts in TEXTS.items():
        (folder / f"{name}.jsonl").write_bytes(jsonl([{"id": i, "text": text} for i, text in enumerate(texts)]))
    (folder / "consent.pdf").write_text("consent")
    (folder / "empty.pdf").write_text("")
    (folder / "record.json").write_text(json.dumps({"fetched_from": "2008-01-01", "fetched_to": "2009-01-01"}))
    declared = {"kind": "self_collected", "region": "domestic"}
    corpus = Corpus(folder, folder / "config.json")
    corpus.sources = [{"name": source["id"], **declared, **source} for source in SOURCES]
    corpus.write(sources=corpus.sources, audit_date="2024-06-01")
    return corpus


@pytest.fixture(scope="module")
def out(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "one"
    audit("run", corpus.config, "--out", folder)
    return folder


def test_what_no_basis_covers_is_kept_out_where_it_is_sensitive(out: Path) -> None:
    rows = sql(
        out, "SELECT doc_id, pii_level, pii_under_14, pii_covered, exclusion_reason FROM documents ORDER BY doc_id"
    )
    kept_out = "personal_information"
    assert rows == [
        ("agreed:0", "general", False, True, None),
        ("agreed:1", "sensitive", False, True, None),
        ("agreed:2", "sensitive", True, False, kept_out),  # a child: its guardian has to consent
        ("bare:0", "none", False, None, None),
        ("bare:1", "general", False, False, None),
        ("bare:2", "sensitive", False, False, kept_out),
        ("bare:3", "sensitive", False, False, kept_out),
        ("bare:4", "sensitive", True, False, kept_out),
        ("dated:0", "sensitive", True, False, kept_out),  # 13 years old when the corpus was collected
        ("dated:1", "general", False, False, None),
        ("guarded:0", "sensitive", True, True, None),
        ("guarded:1", "sensitive", False, False, kept_out),  # a guardian consents for the child alone
    ]


def test_levels_and_reasons_stand_with_the_findings(out: Path) -> None:
    rows = sql(
        out,
        "SELECT doc_id, pii_type, level, raised FROM findings WHERE doc_id IN ('bare:3', 'bare:4', 'agreed:2') "
        'ORDER BY doc_id, "start"',
    )
    assert rows[:3] == [
        ("agreed:2", "CN_ID_CARD", "sensitive", "under_14"),
        ("bare:3", "CN_ID_CARD", "sensitive", None),
        ("bare:3", "CN_MOBILE", "sensitive", "aggregation"),
    ]
    assert ("bare:4", "CN_MOBILE", "sensitive", "under_14") in rows
    told = audit("query", out, "why", "bare:3").stdout
    assert "CN_MOBILE" in told and "sensitive，因汇聚提高" in told
    assert "none declared；级别 / level 敏感 / sensitive: 未覆盖" in told
    assert "separate_consent（单独同意）" in audit("query", out, "why", "agreed:1").stdout


def test_documents_are_counted_by_basis_and_the_clauses_say_so(out: Path) -> None:
    rows = sql(
        out,
        "SELECT source_id, basis, covered, sum(documents)::INT FROM pii_basis WHERE phase = 'collected' GROUP BY ALL",
    )
    assert sorted(rows) == [
        ("agreed", "separate_consent", False, 1),
        ("agreed", "separate_consent", True, 2),
        ("bare", None, False, 4),
        ("dated", None, False, 2),
        ("guarded", "guardian_consent", False, 1),
        ("guarded", "guardian_consent", True, 1),
    ]
    clauses = {
        c: (v, b) for c, v, b in sql(out, "SELECT clause, verdict, basis FROM clauses WHERE clause LIKE '5.2c%'")
    }
    assert {clause: verdict for clause, (verdict, _) in clauses.items()} == {
        "5.2c1": "待补充", "5.2c2": "待补充", "5.2c3": "待人工",
    }  # fmt: skip
    assert "11 documents found, 3 covered by a declared basis, 8 not, of these 2 admitted" in clauses["5.2c1"][1]
    assert "bases declared without a record, or with an empty one: guarded" in clauses["5.2c2"][1]
    assert (
        sum(row["documents"] for row in result(out)["personal_information_basis"] if row["phase"] == "collected") == 11
    )


def test_the_record_of_a_basis_is_evidence_like_other_files(out: Path, corpus: Corpus, tmp_path: Path) -> None:
    rows = sql(out, "SELECT status, file, length(sha256) FROM evidence WHERE title = '个人信息处理依据的证明材料'")
    assert sorted(rows) == [("missing", "empty.pdf", 64), ("ok", "consent.pdf", 64)]
    wrong = Corpus(corpus.folder, tmp_path / "config.json")
    wrong.write(sources=corpus.sources)
    done = audit("run", wrong.config, "--out", tmp_path / "o", check=2)
    assert "personal_info.record" in done.stderr and "no such file" in done.stderr


def test_auditors_ask_for_bases_and_for_identifiers_that_sources_share(out: Path) -> None:
    rows = json.loads(audit("query", out, "personal_information_basis", "--format", "json").stdout)
    found = {(r["source_id"], r["pii_type"], r["level"], r["raised"]): (r["documents"], r["covered"]) for r in rows}
    assert found["agreed", "CN_ID_CARD", "sensitive", None] == (1, 1)
    assert found["agreed", "CN_ID_CARD", "sensitive", "under_14"] == (1, 0)
    assert next(r for r in rows if r["source_id"] == "dated" and r["pii_type"] == "EMAIL")["uncovered_admitted"] == 1
    rows = json.loads(audit("query", out, "shared_identifiers", "--format", "json").stdout)
    shared = {(row["pii_type"], tuple(row["source_ids"])) for row in rows}
    assert shared == {
        ("CN_ID_CARD", ("agreed", "bare", "guarded")), ("CN_ID_CARD", ("agreed", "guarded")), ("EMAIL", ("agreed", "bare", "dated")),
    }  # fmt: skip


def test_a_new_year_decides_again_only_where_no_time_is_declared(corpus: Corpus, out: Path, tmp_path: Path) -> None:
    again = tmp_path / "o"
    shutil.copytree(out, again, symlinks=True)
    built = []
    for day in ("2024-12-31", "2025-01-01"):
        corpus.write(sources=corpus.sources, audit_date=day)
        audit("run", corpus.config, "--out", again)
        decided = [event for event in events(again) if event["event"] == "unit_decided"]
        built.append({event["unit"].rpartition("-")[0] for event in decided if event["built"]})
    corpus.write(sources=corpus.sources, audit_date="2024-06-01")
    assert built == [set(), {"agreed", "bare", "guarded"}]


def test_the_year_by_which_ages_are_told_is_published(out: Path) -> None:
    rows = sql(out, "SELECT source_id, reference_year FROM sources")
    assert dict(rows) == {"bare": 2024, "agreed": 2024, "guarded": 2024, "dated": 2008}


def test_two_levels_of_one_clause_are_refused_before_a_run(corpus: Corpus, tmp_path: Path) -> None:
    from schemas.profile import load_profile

    profile = load_profile("tc260-003").model_dump(mode="json", by_alias=True, exclude={"sha256"})
    profile["personal_information"]["clauses"] = {"general": "5.2c1", "sensitive": "5.2c1"}
    (corpus.folder / "own.yaml").write_text(json.dumps(profile | {"id": "own"}), encoding="utf-8")
    own = Corpus(corpus.folder, corpus.folder / "own-config.json")
    own.write(sources=corpus.sources, profile="own.yaml")
    done = audit("run", own.config, "--out", tmp_path / "o", check=2)
    assert "own.yaml" in done.stderr and "one clause for several levels" in done.stderr


def of_document(doc_id: str, **values: Any) -> Any:
    return lambda row: row | values if row["doc_id"] == doc_id else row


def without(doc_id: str, column: str) -> Forge:
    """The column NULL of one document, where the schema says it is not."""

    def forge(out: Path) -> None:
        run = (out / "current").resolve()
        for file in sorted((run / "documents").glob("*.parquet")):
            table = pq.read_table(file)
            place = table.schema.get_field_index(column)
            rows = zip(table["doc_id"].to_pylist(), table[column].to_pylist(), strict=True)
            values = pa.array([None if owner == doc_id else value for owner, value in rows], table[column].type)
            file.chmod(0o644)
            pq.write_table(table.set_column(place, table.schema.field(place).with_nullable(True), values), file)
        change_database(f"UPDATE documents SET {column} = NULL WHERE doc_id = '{doc_id}'")(out)

    return forge


def raised(row: dict[str, Any]) -> bool:
    return row["raised"] == "aggregation"


# the forgery, and the check that notices it
FORGERIES: dict[str, tuple[Forge, str]] = {
    "a lower level": (change_rows("documents", of_document("bare:2", pii_level="general")), "/ personal information"),
    "no personal information": (
        change_rows("documents", of_document("bare:1", pii_level="none", pii_covered=None)),
        "/ personal information",
    ),
    "a document covered by nothing": (
        change_rows("documents", of_document("bare:2", pii_covered=True, admitted=True, exclusion_reason=None)),
        "/ personal information",
    ),
    "no child": (change_rows("documents", of_document("agreed:2", pii_under_14=False)), "/ personal information"),
    "types": (change_rows("documents", of_document("bare:1", pii_types=[])), "/ personal information"),
    "other types": (change_rows("documents", of_document("bare:1", other_types=["CN_USCC"])), "/ personal information"),
    "admitted without a basis": (
        change_rows("documents", of_document("bare:2", admitted=True, exclusion_reason=None)),
        "/ admission",
    ),
    "an aggregation undone": (
        change_rows("findings", lambda row: row | {"level": "general", "raised": None} if raised(row) else row),
        "/ personal information",
    ),
    "an aggregation of nothing": (
        change_rows("findings", of_document("bare:1", level="sensitive", raised="aggregation")),
        "/ personal information",
    ),
    "a level of a finding": (
        together(
            change_rows("findings", of_document("bare:2", level="general")),
            change_rows("documents", of_document("bare:2", pii_level="general")),
        ),
        "/ personal information",
    ),
    "an identity number of an organisation": (
        together(
            change_rows("findings", of_document("bare:2", verdict="organisation", level=None)),
            change_rows("documents", of_document("bare:2", pii_level="none", pii_types=[], pii_covered=None)),
        ),
        "/ personal information",
    ),
    "an open value": (
        change_rows("findings", of_document("bare:1", excerpt="*zhang 13912345679")),
        "/ personal information",
    ),
    "a value without a mask": (
        change_rows("findings", of_document("bare:1", excerpt="王小明")),
        "/ personal information",
    ),
    "no mask": (change_rows("findings", of_document("bare:1", excerpt=None)), "/ personal information"),
    "a place before the text": (change_rows("findings", of_document("bare:1", start=-5)), "/ personal information"),
    "an end before the start": (
        change_rows("findings", of_document("bare:1", start=9, end=7)),
        "/ personal information",
    ),
    "a place behind the text": (change_rows("findings", of_document("bare:1", end=9999)), "/ personal information"),
    "a score": (change_rows("findings", of_document("bare:1", score=0.5)), "/ personal information"),
    "a detector": (change_rows("findings", of_document("bare:1", detector="pii@9")), "/ personal information"),
    "no other types": (without("bare:1", "other_types"), "/ personal information"),
    "an adult covered by a guardian": (
        change_rows("documents", of_document("guarded:1", pii_covered=True, admitted=True, exclusion_reason=None)),
        "/ personal information",
    ),
    "the day of the audit": (
        change_json("manifest.json", "evidence", "audit_date", to="2040-01-01"),
        "/ what was asked",
    ),
    "a year of reference": (
        change_database("UPDATE sources SET reference_year = 2040 WHERE source_id = 'bare'"),
        "/ statistics",
    ),
    "a document not looked into": (
        change_rows("documents", of_document("bare:1", unscored="personal information: ValueError")),
        "/ admission",
    ),
    "a digest": (change_rows("findings", of_document("bare:2", hmac="x")), "/ personal information"),
    "documents with a basis": (
        change_database("UPDATE pii_basis SET covered = true WHERE source_id = 'bare'"),
        "/ statistics",
    ),
    "a number": (change_database("UPDATE pii_basis SET documents = 0 WHERE source_id = 'dated'"), "/ statistics"),
    "a class": (
        change_database("UPDATE pii_stats SET class = 'organisation' WHERE source_id = 'bare'"),
        "/ statistics",
    ),
    "the result": (change_json("result.json", "personal_information_basis", to=[]), "/ statistics"),
    "a verdict": (change_database("UPDATE clauses SET verdict = '不适用' WHERE clause = '5.2c2'"), "/ clauses"),
    "a basis of a clause": (change_database("UPDATE clauses SET basis = '无' WHERE clause = '5.2c1'"), "/ clauses"),
}


def test_the_run_verifies(out: Path) -> None:
    assert [check for check in verify(Output(out)) if check.problems] == []


def named(out: Path, title: str) -> list[str]:
    """The problems of one step of `verify`; the clauses stand on the statistics."""
    output = Output(out)
    assert output.current is not None
    data, found = Recomputation(output, output.current), {}
    for name, step in STEPS:
        if title in name or "/ statistics" in name:
            found[name] = list(step(data))
    data.close()
    return next(problems for name, problems in found.items() if title in name)


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_is_found(out: Path, tmp_path: Path, what: str) -> None:
    forged = tmp_path / "o"
    forged.mkdir()
    run = (out / "current").resolve()
    shutil.copytree(run, forged / "runs" / run.name)
    (forged / "current").symlink_to(Path("runs") / run.name)
    forge, title = FORGERIES[what]
    forge(forged)
    assert named(forged, title), what


def test_a_forgery_with_fresh_hashes_is_found(out: Path, tmp_path: Path) -> None:
    forged = tmp_path / "o"
    shutil.copytree(out, forged, symlinks=True)
    FORGERIES["an adult covered by a guardian"][0](forged)
    reseal(forged)
    assert any("/ personal information" in check.title for check in verify(Output(forged)) if check.problems)
