"""Every kind of corpus in one audit: twelve public sources in four formats, a crawl, a legacy text folder, chats, a bucket."""

import gzip
import io
import json
import pydoc
from importlib import import_module
from pathlib import Path

import pytest

from tests.audits import audit, jsonl, sql, texts
from tests.object_store import Server, s3_server

__all__ = ["s3_server"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
PAGES = ("json", "csv", "email", "html", "argparse", "logging", "pathlib", "statistics", "tarfile", "unittest")


def crawl(path: Path) -> None:
    """A WARC of real pages: the documentation Python writes of its own modules."""
    with path.open("wb") as target:
        for name in PAGES:
            page = pydoc.HTMLDoc().page(name, pydoc.HTMLDoc().document(import_module(name))).encode()
            http = (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(page)
                + page
            )
            record = io.BytesIO()
            record.write(b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0000-%s>\r\n" % name.encode())
            record.write(
                b"WARC-Date: 2026-11-01T00:00:00Z\r\nWARC-Target-URI: https://docs.example.org/%s.html\r\n"
                % name.encode()
            )
            record.write(b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n" % len(http))
            record.write(http + b"\r\n\r\n")
            target.write(gzip.compress(record.getvalue(), mtime=0))


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the corpus in ../shared/data/corpus")
def test_all_kinds_of_corpora_run_together_with_balanced_books(
    tmp_path: Path, s3_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    common = {"name": "x", "kind": "open", "region": "domestic"}
    sources = []
    for folder in sorted(SHARED.iterdir()):
        pattern = "**/*.txt" if folder.name == "zh_classical_modern" else "*.[jp]*"
        sources.append({**common, "id": folder.name, "paths": [str(folder / pattern)]})
    (tmp_path / "crawl").mkdir()
    crawl(tmp_path / "crawl" / "a.warc.gz")
    sources.append({**common, "id": "crawl", "kind": "self_collected", "paths": ["crawl"]})
    (tmp_path / "old").mkdir()
    for number, text in enumerate(texts("旧文", 40)):
        (tmp_path / "old" / f"{number:02}.txt").write_bytes(text.encode("gb18030"))
    sources.append({**common, "id": "old", "paths": ["old"], "encoding": "gb18030"})
    chats = [
        {"id": i, "messages": [{"role": "user", "content": f"问题{i}"}, {"role": "assistant", "content": "回答"}]}
        for i in range(50)
    ]
    (tmp_path / "chat.jsonl").write_bytes(jsonl(chats))
    sources.append(
        {**common, "id": "chat", "stage": "sft", "paths": ["chat.jsonl"], "fields": {"text": "messages[*].content"}}
    )
    client = s3_server.client()
    client.mkdir("every-kind")
    client.pipe_file(
        "every-kind/a/one.jsonl.gz", gzip.compress(jsonl([{"id": i, "text": t} for i, t in enumerate(texts("云", 60))]))
    )
    sources.append({**common, "id": "bucket", "paths": ["s3://every-kind/a/*.jsonl.gz"]})
    (tmp_path / "c.json").write_text(json.dumps({"seed": "2026-11", "sources": sources}))

    out = tmp_path / "o"
    audit("run", tmp_path / "c.json", "--out", out, "--workers", "2", timeout=600)
    assert sql(out, "SELECT count(DISTINCT source_id) FROM documents") == [(16,)]
    assert sql(out, "SELECT count(*) FROM ledger WHERE NOT complete OR records_read <> audited + rejected") == [(0,)]
    assert sql(out, "SELECT count(*), sum(audited) = (SELECT count(*) FROM documents) FROM ledger")[0][1]
    assert dict(
        sql(out, "SELECT source_id, documents FROM source_stats WHERE source_id IN ('crawl', 'old', 'chat', 'bucket')")
    ) == {
        "crawl": len(PAGES),
        "old": 40,
        "chat": 50,
        "bucket": 60,
    }
    assert sql(out, "SELECT DISTINCT domain FROM documents WHERE source_id = 'crawl'") == [("example.org",)]
    assert sql(out, "SELECT DISTINCT stage FROM documents WHERE source_id = 'chat'") == [("sft",)]
    assert sql(out, "SELECT documents FROM source_stats WHERE source_id = 'zh_classical_modern'") == [(207,)]
    audit("verify", out)
