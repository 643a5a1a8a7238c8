"""An evidence folder in which every clause of every shipped profile is 符合, for tests that change one thing of it.

Its tables are those of a real run with a really closed round of a small corpus; what such a corpus cannot have (a library
of 10,000 terms, papers, people) is put in their place.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.store.output import Output
from report.evidence import layout
from report.evidence.extract import extract, write_table
from report.evidence.workspace import Workspace, open_workspace
from rounds.register import find_round
from schemas.profile import load_profile, shipped_profiles
from schemas.risks import risks
from tests.audits import audit, make_corpus
from tests.test_round_closing import close, draw, judge, lenient

DAY = "2026-11-22"
SOURCES = ("bad", "packed", "plain", "table")
CHECKED = ("STAFF.EXAM", "STAFF.TRAIN", "STAFF.ROLES", "STAFF.TIME", "RULE.KINDS", "ACC.SAFE", "ACC.FUNC")


def clauses() -> list[dict[str, Any]]:
    """The clauses of all shipped profiles, each key once: rows of record.clauses."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("tc260-003", *shipped_profiles()):
        for clause in load_profile(name).clauses:
            assert clause.key, clause
            row = {"clause": clause.id, "key": clause.key, "title": clause.title, "modality": clause.modality}
            found.setdefault(clause.key, row | {"confidence": clause.confidence})
    return [{"order": number, **row} for number, row in enumerate(found.values(), start=1)]


def closed_output(folder: Path) -> Path:
    """The output folder of a real run: what it emitted was matched, three people judged a round, and somebody closed it."""
    corpus = make_corpus(folder / "c")
    corpus.write(emit=str(folder / "emitted"))
    audit("run", corpus.config, "--out", folder / "o")
    audit("match", folder / "o", folder / "emitted" / "current" / "**" / "*.parquet")
    draw(folder / "o")
    close(folder / "o", judge(folder / "o", lenient))
    return folder / "o"


@pytest.fixture(scope="session")
def real_output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One such output for all modules; to be looked at only."""
    folder = tmp_path_factory.getbasetemp() / "report-output"
    return folder / "o" if folder.exists() else closed_output(folder)


@pytest.fixture(scope="session")
def real_evidence(real_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its evidence folder without any declarations."""
    folder = tmp_path_factory.getbasetemp() / "report-evidence"
    if not folder.exists():
        output = Output(real_output)
        assert output.current is not None
        extract(output, output.current, find_round(output, "R0001"), {}, {}, folder)
    return folder


@pytest.fixture(scope="session")
def good_evidence(real_evidence: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence folder in which everything is 符合."""
    folder = tmp_path_factory.getbasetemp() / "report-good"
    if not folder.exists():
        make_good(real_evidence, folder)
    return folder


@pytest.fixture(scope="session")
def good_workspace(good_evidence: Path) -> Iterator[Workspace]:
    """The same opened, once; `changed` gives it back as it was."""
    with open_workspace(good_evidence) as workspace:
        yield workspace


@contextlib.contextmanager
def changed(workspace: Workspace, *statements: str) -> Iterator[Workspace]:
    """The workspace with changes in SQL, which are undone afterwards."""
    workspace.connection.execute("BEGIN")
    try:
        for statement in statements:
            workspace.connection.execute(statement)
        yield workspace
    finally:
        workspace.connection.execute("ROLLBACK")


def make_good(source: Path, target: Path) -> None:
    """Writes the folder of 符合 from that of the real run."""
    with open_workspace(source) as workspace:
        for statement in _REPAIRS:
            workspace.connection.execute(statement)
        for table, rows in _tables().items():
            workspace.replace(table, rows)
        for schema, tables in layout.columns().items():
            (target / schema).mkdir(parents=True)
            for name in tables:
                table = workspace.connection.sql(f'SELECT * FROM {schema}."{name}" ORDER BY ALL').to_arrow_table()
                write_table(target / schema / f"{name}.parquet", table)


_ADMITTED = 914  # 814 of the run, and the 100 of the source `bad`
_REPAIRS = (
    # a corpus that is large enough for the round it has
    "UPDATE record.thresholds SET manual_minimum = 800, pre_collection = true, keywords_update_days = 7",
    f"UPDATE record.facts SET admitted_documents = {_ADMITTED}, blocked_lists = 1",
    "UPDATE audit.source_stats SET status = 'admitted', violations = 0, violation_rate = 0, admitted_violations = 0, "
    "admitted_documents = documents WHERE source_id = 'bad'",
    "UPDATE audit.source_stats SET admitted_violations = 0",
    "UPDATE audit.source_stats SET pii_documents = 6 WHERE source_id = 'plain'",
    "UPDATE audit.exclusions SET exclusion_reason = NULL WHERE source_id = 'bad'",
    f"UPDATE record.rounds SET frame_documents = {_ADMITTED}",
    "UPDATE round.source_results SET admitted = true",
    f"UPDATE round.manual_result SET population = {_ADMITTED}",
    "UPDATE record.samples SET population = 914, size = 92, qualified = 92 WHERE sample = 'technical'",
    "DELETE FROM audit.technical_sample",
    # papers of the sources
    "UPDATE audit.sources SET region_basis = '网站备案所在地', provenance_complete = true, pre_assessment = source_id || '-1'",
    "UPDATE audit.evidence SET status = 'ok', kind = 'user_input' WHERE source_id = 'bad'",
    "UPDATE audit.evidence SET status = 'ok'",
    "DELETE FROM audit.provenance_stats",
    "UPDATE audit.url_stats SET has_url = true",
    # instruments
    "UPDATE audit.known_answers SET found = texts, passed = true, unscored = 0",
    "UPDATE audit.classifier_evidence SET strength = 'real', held_back = 40, documents = 200, \"precision\" = 0.9, recall = 0.9, threshold = 0.5",
)


def _tables() -> dict[str, Sequence[dict[str, Any]]]:
    return {
        "record.clauses": clauses(),
        "record.training": [_training()],
        "record.blocked": [{"sha256": "b" * 64}],
        "record.assessments": [_assessment(source) for source in SOURCES],
        "audit.pii_basis": _personal(),
        **_keywords(),
        **_declared(),
        **_annotation(),
    }


def _training() -> dict[str, Any]:
    return {
        "name": "model-1",
        "sha256": "c" * 64,
        "same_run": True,
        "clean": True,
        "files": 4,
        "documents": _ADMITTED,
        "admitted": _ADMITTED,
        "masked": 0,
        "not_admitted": 0,
        "unmatched": 0,
        "unread": 0,
        "admitted_documents": _ADMITTED,
        "found": _ADMITTED,
    }


def _assessment(source: str) -> dict[str, Any]:
    return {"assessment": f"{source}-1", "source_id": source, "documents": 500, "violations": 3, "exceeds": False} | {
        "time": "2026-01-01T00:00:00+00:00"
    }


def _personal() -> list[dict[str, Any]]:
    row = {"source_id": "plain", "under_14": False, "basis": "written_consent", "covered": True, "stage": "pretrain"}
    return [
        row | {"level": level, "phase": phase, "documents": 2}
        for level in ("general", "sensitive", "biometric")
        for phase in ("collected", "admitted")
    ]


def _keywords() -> dict[str, Sequence[dict[str, Any]]]:
    """A library of 10,200 terms, 600 of each of the 17 risks."""
    named = [risk for risk in risks() if risk[:2] in ("A1", "A2")]
    terms = [
        {"term": f"词{number:05d}", "tier": "block", "risks": [named[number % 17]], "requires": [], "excludes": []}
        | {"counted": True, "overlong": False}
        for number in range(600 * 17)
    ]
    counts = {risk: 600 if risk in named else 0 for risk in risks()} | {"all": len(terms)}
    wanted = load_profile("tc260-003").keywords
    library = [
        {"risk_id": risk, "block": count, "review": 0, "context": 0, "counted": count}
        | {"required": wanted.minimum if risk == "all" else wanted.per_risk.get(risk[:2], 0)}
        for risk, count in counts.items()
    ]
    return {"record.keywords": terms, "audit.keyword_library": library}


def _declared() -> dict[str, Sequence[dict[str, Any]]]:
    ip = (
        *("owner", "appointment_sha256", "report_sha256", "report_date", "report_by", "complaint_url"),
        *("complaint_sha256", "agreement_sha256", "agreement_page", "public_url", "public_date"),
    )
    policy = {"title": "制度", "file": "p.pdf", "sha256": "a" * 64, "owner": "安全部", "approved_by": "总经理"}
    policies = ("blacklist", "filtering", "intellectual_property")
    return {
        "declared.organisation": [
            {"name": "某公司", "credit_code": "91350100M000100Y43", "service": "某助手", "day": DAY}
        ],
        "declared.model": [{"name": "某模型", "version": "1", "base_own": True, "training": ["model-1"]}],
        "declared.training": [{"name": "model-1", "stage": "pretrain"}],
        "declared.signers": [
            {"signer": signer, "name": f"负责人{number}", "post": "总经理", "also": []}
            for number, signer in enumerate(("legal_person", "security_lead", "legality_lead"))
        ],
        "declared.services": [{"special": False, "kinds": [], "reason": "通用助手"}],
        "declared.policies": [policy | {"key": key, "effective": "2026-01-01", "version": "1"} for key in policies],
        "declared.evidence": [
            {"key": f"evidence.{row['key']}", "clause_key": row["key"], "title": "证明", "file": "e.pdf"}
            | {"sha256": "e" * 64, "date": "2026-10-01", "expires": None, "bytes": 9}
            for row in clauses()
        ],
        "declared.ip": [dict.fromkeys(ip, "2026-10-01") | {"found": 1, "open": 0}],
        "declared.ip_sources": [{"source_id": source, "found": 0, "open": 0} for source in SOURCES],
        "declared.ip_updates": [{"date": "2026-06-01", "change": "修订", "by": "法务"}],
        "declared.blocklist": [
            {"list": "通报清单", "source": "主管部门", "updated_at": "2026-11-01", "entries": 9, "sha256": "b" * 64}
        ],
        "declared.mix": [{"explanation": "境内为主，境外补充英文", "by": "数据部", "sha256": "a" * 64}],
        "declared.consents": [
            {"source_id": "plain", "level": level, "form": "written_consent", "file": "c.pdf", "sha256": "a" * 64}
            for level in ("general", "sensitive", "biometric")
        ],
        "declared.contracts": [
            {"source_id": "table", "commits": ["source", "quality", "safety"], "commitment_sha256": "a" * 64}
            | {"review_sha256": "a" * 64}
        ],
        "declared.keyword_updates": [{"date": day, "by": "审计"} for day in ("2026-11-10", "2026-11-16")],
        "declared.keyword_notes": [{"long_terms": "固定说法", "by": "审计"}],
        "declared.classifier": [{"development": "own", "note": "自研", "sha256": "a" * 64}],
        "declared.annotation": [
            {"none": False, "training_hours": 8.0, "training_attendances": 4, "safety_isolated": True}
        ],
        "declared.annotation_rules": [
            {"kind": kind, "covers": ["annotate", "review"], "goal": "1", "format": "2", "method": "3", "quality": "4"}
            | {"sha256": "a" * 64}
            for kind in ("functional", "safety")
        ],
        "declared.annotation_risks": [{"risk_id": risk, "rule": "5"} for risk in risks()],
    }


def _annotation() -> dict[str, Sequence[dict[str, Any]]]:
    return {
        "annotation.log": [{"file": "log.ndjson", "events": 100, "items": 50}],
        "annotation.checks": [
            {"check": name, "clause_key": f"K.ANN.{name}", "title": "检查", "examined": 50, "problems": 0}
            for name in CHECKED
        ],
    }
