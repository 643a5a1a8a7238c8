"""A run over sources with evidence: what it keeps out, what auditors see of it, and what verify makes of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.evidence import user_hash
from tests.audits import Corpus, audit, jsonl, sql, texts

ROBOTS = {"host": "www.example.com", "status": 200, "body": "User-agent: *\nDisallow: /private\n"}
RECORD = {"crawler": "spider", "user_agent": "CorpusBot", "fetched_from": "2026-01-01", "fetched_to": "2026-02-01"}
SOURCES: list[dict[str, Any]] = [
    {
        "id": "web", "name": "网页", "kind": "self_collected", "region": "domestic", "paths": ["web.jsonl"],
        "region_basis": "站点备案地", "regions": {"example.org": "overseas"},
        "evidence": {"collection_record": "record.json", "robots": "robots.jsonl", "terms_review": "terms.md"},
    },
    {
        "id": "chat", "name": "对话", "kind": "user_input", "region": "domestic", "paths": ["chat.jsonl"],
        "region_basis": "本服务", "fields": {"user": "meta.uid"}, "stage": "sft",
        "evidence": {"authorisation": "granted.csv", "withdrawals": "withdrawn.jsonl"},
    },
    {
        "id": "bought", "name": "外购", "kind": "commercial", "region": "domestic", "paths": ["bought.jsonl"],
        "evidence": {"contract": "contract.pdf", "legality_proof": "none", "valid_to": "2025-12-31"},
    },
    {"id": "bare", "name": "未申报", "kind": "commercial", "region": "overseas", "paths": ["bare.jsonl"]},
]  # fmt: skip
USERS = ["ann"] * 3 + ["bob"] * 2 + ["eve", None]
URLS = [f"https://www.example.com/{place}/{i}" for i, place in enumerate(("news", "news", "private", "news"))]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("evidence")
    urls = [*URLS, "http://b.example.org/private", None]
    web = [{"id": i, "text": t, "url": url} for i, (t, url) in enumerate(zip(texts("web", 6), urls, strict=True))]
    chat = [{"id": i, "text": t, "meta": {"uid": u}} for i, (t, u) in enumerate(zip(texts("c", 7), USERS, strict=True))]
    (folder / "web.jsonl").write_bytes(jsonl(web))
    (folder / "chat.jsonl").write_bytes(jsonl(chat))
    for name in ("bought", "bare"):
        (folder / f"{name}.jsonl").write_bytes(jsonl([{"id": i, "text": t} for i, t in enumerate(texts(name, 4))]))
    (folder / "record.json").write_text(json.dumps(RECORD))
    (folder / "robots.jsonl").write_text(json.dumps(ROBOTS) + "\n")
    (folder / "granted.csv").write_text("user,granted_at,agreement_version\nann,2025-01-01,v1\nbob,2025-01-01,v1\n")
    (folder / "withdrawn.jsonl").write_text('{"user": "bob", "withdrawn_at": "2025-06-01T08:00:00+08:00"}\n')
    for name in ("terms.md", "contract.pdf"):
        (folder / name).write_text(name)
    corpus = Corpus(folder, folder / "config.json")
    corpus.write(sources=SOURCES, audit_date="2026-06-01")
    return corpus


@pytest.fixture(scope="module")
def out(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "one"
    audit("run", corpus.config, "--out", folder)
    return folder


def test_declared_bars_keep_documents_out(out: Path) -> None:
    rows = sql(out, "SELECT source_id, exclusion_reason, count(*) FROM documents GROUP BY ALL ORDER BY ALL")
    assert rows == [
        ("bare", None, 4),
        ("bought", "declared_bar", 4),
        ("chat", "not_authorised", 2),
        ("chat", "withdrawn", 2),
        ("chat", None, 3),
        ("web", "robots_denied", 1),
        ("web", None, 5),
    ]
    assert sql(out, "SELECT url FROM documents WHERE exclusion_reason = 'robots_denied'") == [(URLS[2],)]
    steps = dict(sql(out, "SELECT step, sum(documents)::INT FROM funnel GROUP BY step"))
    assert [steps[f"after_{s}"] for s in ("blocked", "declared_bar", "robots_denied", "withdrawn", "not_authorised")] == [
        21, 17, 16, 14, 12,
    ]  # fmt: skip


def test_the_evidence_is_listed_item_by_item(out: Path) -> None:
    rows = sql(out, "SELECT source_id, title, status, file, length(sha256) FROM evidence WHERE status <> 'missing'")
    found = {(source, title): (status, file, length) for source, title, status, file, length in rows}
    assert found["web", "robots.txt 快照"] == ("contradicting", "robots.jsonl", 64)
    assert found["web", "采集记录"] == ("ok", "record.json", 64)
    assert found["chat", "使用者授权记录"] == ("contradicting", "granted.csv", 64)
    assert found["chat", "授权撤回记录"] == ("ok", "withdrawn.jsonl", 64)
    assert found["bought", "合同有效期"] == ("expired", None, None)
    ((detail,),) = sql(out, "SELECT detail FROM evidence WHERE title = 'robots.txt 快照'")
    assert "denied 1（进入训练 / admitted 0）" in detail
    assert "no snapshot 1, 无网址 / no URL 1" in detail
    missing = dict(sql(out, "SELECT source_id, missing_evidence FROM sources"))
    assert missing["bare"] == [
        "交易合同或合作协议", "合同有效期", "合同数量", "语料合法性证明材料", "对合同、承诺及证明材料的审核记录",
        "境内外属性依据",
    ]  # fmt: skip
    assert missing["web"] == missing["chat"] == []
    assert not any(complete for (complete,) in sql(out, "SELECT provenance_complete FROM sources"))


def test_mixed_sources_are_split_by_domain(out: Path) -> None:
    rows = sql(out, "SELECT region, phase, documents FROM region_stats WHERE source_id = 'web' ORDER BY ALL")
    assert rows == [
        ("domestic", "admitted", 4), ("domestic", "collected", 5), ("overseas", "admitted", 1), ("overseas", "collected", 1),
    ]  # fmt: skip


def test_no_user_id_is_stored_and_the_run_verifies(out: Path) -> None:
    audit("verify", out)
    hashes = set()
    for layer in (out / "scans" / "base").rglob("*.parquet"):
        table = pq.read_table(layer)
        hashes |= set(table.column("user_hash").to_pylist())
        strings = [c for c in table.columns if pa.types.is_string(c.type) or pa.types.is_large_string(c.type)]
        assert not {"ann", "bob", "eve"} & {value for column in strings for value in column.to_pylist()}
    assert hashes == {None, *map(user_hash, ("ann", "bob", "eve"))}
    manifest = json.loads((out / "current" / "manifest.json").read_text())
    assert manifest["evidence"]["audit_date"] == "2026-06-01"
    assert [fact["key"] for fact in manifest["evidence"]["sources"]["bought"]["files"]] == ["contract"]


def test_a_change_of_evidence_decides_again_without_reading_again(corpus: Corpus, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(corpus.folder, folder)
    config, second = folder / "config.json", tmp_path / "two"
    audit("run", config, "--out", second)
    assert "unchanged" in audit("run", config, "--out", second).stderr or len(list((second / "runs").iterdir())) == 1
    (folder / "withdrawn.jsonl").write_text("")
    (folder / "robots.jsonl").write_text(json.dumps(ROBOTS | {"body": ""}))
    audit("run", config, "--out", second)
    assert len(list((second / "runs").iterdir())) == 2
    events = [json.loads(line) for line in (second / "current" / "events.ndjson").read_text().splitlines()]
    assert {tuple(e["layers_built"]) for e in events if e["event"] == "unit_scanned"} == {()}
    reasons = dict(sql(second, "SELECT exclusion_reason, count(*) FROM documents GROUP BY ALL"))
    assert reasons == {None: 15, "declared_bar": 4, "not_authorised": 2}
    (folder / "granted.csv").unlink()
    done = audit("run", config, "--out", second, check=2)
    assert "sources[1].evidence.authorisation" in done.stderr
    assert str(folder / "granted.csv") in done.stderr
    assert len(list((second / "runs").iterdir())) == 2


MEDDLING = """
import pathlib, sys
import pipeline.run as module
from pipeline.cli import main
passes, change = module.run_passes, pathlib.Path(sys.argv.pop())
def meddling(*arguments):
    results = passes(*arguments)
    change.write_text("something else")
    return results
module.run_passes = meddling
main()
"""


def test_evidence_that_changes_under_the_run_is_never_published(corpus: Corpus, tmp_path: Path) -> None:
    folder, out = tmp_path / "moved", tmp_path / "out"
    shutil.copytree(corpus.folder, folder)
    arguments = ["run", folder / "config.json", "--out", out, folder / "terms.md"]
    done = subprocess.run(
        [sys.executable, "-c", MEDDLING, *map(str, arguments)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "evidence.terms_review" in done.stderr
    assert "changed while the run was under way" in done.stderr
    assert not (out / "current").exists()
    assert [path.name for path in (out / "runs").iterdir() if not path.name.startswith(".")] == []
    assert not (out / "publications.ndjson").exists()
