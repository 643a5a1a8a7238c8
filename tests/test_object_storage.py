"""Corpora and scans on a real S3 server: the same numbers as from local files, and clear words when it fails."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import s3fs

from pipeline.config import load_config
from pipeline.errors import RunFailed, ShardUnreadable, StoreError
from pipeline.readers.base import opened, version_now
from pipeline.run import Options, run
from pipeline.store.scans import ScanStore
from pipeline.store.storage import file_system, without_secrets
from tests.audits import SCRIPT, SOURCES, Corpus, audit, contents, events, give_salt, jsonl, make_corpus, sql, texts
from tests.object_store import Bucket, bucket, s3_server

__all__ = ["bucket", "s3_server"]

SPLIT = {"limits": {"unit_bytes": 65536}}  # cuts the larger shards into byte ranges and row groups


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Path]:
    """The corpus on this machine, and its audit."""
    folder = tmp_path_factory.mktemp("local")
    corpus = make_corpus(folder / "corpus", scale=3)
    corpus.write(**SPLIT)
    audit("run", corpus.config, "--out", folder / "out")
    return corpus, folder / "out"


def configured(folder: Path, bucket: Bucket, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    corpus = Corpus(folder, folder / "config.json")
    corpus.write(**{"sources": bucket.sources(), **SPLIT, **changes})
    return corpus.config


def scanned(out: Path) -> list[str]:
    return [event["unit"] for event in events(out) if event["event"] == "unit_scanned" and event["layers_built"]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("where", ["shards", "scans", "both"])
def test_a_bucket_gives_the_same_bytes_as_local_files(local, bucket, tmp_path, where, workers):
    corpus, out = local
    bucket.upload(corpus)
    changes: dict[str, Any] = {}
    if where != "shards":
        changes["scans"] = bucket.url("scans")
    if where == "scans":
        changes["sources"] = [{**s, "paths": [str(corpus.folder / p) for p in s["paths"]]} for s in SOURCES]
    config = configured(tmp_path / "c", bucket, **changes)
    audit("run", config, "--out", tmp_path / "o", "--workers", workers)
    assert contents(tmp_path / "o") == contents(out)
    assert sql(
        tmp_path / "o", "SELECT count(*) FROM ledger WHERE NOT complete OR records_read <> audited + rejected"
    ) == [(0,)]
    assert any(event["unit"] == "plain-00001" for event in events(tmp_path / "o") if event["event"] == "unit_scanned")
    audit("verify", tmp_path / "o")
    if where != "shards":
        assert {key.split("/")[2] for key in bucket.objects("scans")} >= {"base", "documents", "findings", "decided"}
        assert bucket.objects("scans/tmp") == []
    for secret in (bucket.server.secret_key, bucket.server.access_key):
        for path in (tmp_path / "o").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_an_unchanged_bucket_builds_nothing_and_a_changed_object_scans_only_itself(local, bucket, tmp_path):
    bucket.upload(local[0])
    config, out = configured(tmp_path / "c", bucket, scans=bucket.url("scans")), tmp_path / "o"
    audit("run", config, "--out", out)
    before = bucket.objects()
    assert "nothing changed" in audit("run", config, "--out", out).stdout
    assert bucket.objects() == before
    size = len(bucket.client.cat_file(f"{bucket.name}/plain/b.jsonl"))
    line = jsonl([{"id": "n", "text": ""}])
    bucket.put("plain/b.jsonl", jsonl([{"id": "n", "text": "新" * ((size - len(line)) // 3)}]).ljust(size))
    audit("run", config, "--out", out)
    [unit] = scanned(out)
    assert unit.startswith("plain-")
    assert sql(out, "SELECT count(*) FROM documents WHERE shard = 'b.jsonl'") == [(1,)]
    assert [key for key in bucket.objects() if "handover" in key] == []
    audit("verify", out)


def test_a_document_is_fetched_from_the_bucket(local, bucket, tmp_path):
    bucket.upload(local[0])
    audit("run", configured(tmp_path / "c", bucket), "--out", tmp_path / "o")
    assert audit("query", tmp_path / "o", "text", "table:t7").stdout.strip() == texts("table", 8)[7]


def test_keys_with_odd_characters_are_read(bucket, tmp_path):
    for name in ("甲 乙.jsonl", "a#b.jsonl", "c+d%20.jsonl"):
        bucket.put(f"data/{name}", jsonl([{"id": name, "text": f"文件 {name}"}]))
    bucket.put("data/_hidden.jsonl", b"not read")
    bucket.put("data/deep/e.jsonl", jsonl([{"id": "deep", "text": "深处"}]))
    source = {**SOURCES[0], "paths": [bucket.url("data")]}
    audit("run", configured(tmp_path / "c", bucket, sources=[source]), "--out", tmp_path / "o")
    assert sql(tmp_path / "o", "SELECT shard FROM ledger ORDER BY shard") == [
        ("a#b.jsonl",),
        ("c+d%20.jsonl",),
        ("deep/e.jsonl",),
        ("甲 乙.jsonl",),
    ]


def test_an_object_that_vanishes_or_changes_after_the_plan_is_set_aside(local, bucket, tmp_path, monkeypatch):
    from pipeline import run as module

    bucket.upload(local[0])
    config, out = configured(tmp_path / "c", bucket), tmp_path / "o"
    planned = module.make_plan

    def plan_then_lose(*arguments: Any) -> Any:
        plan = planned(*arguments)
        bucket.remove("plain/b.jsonl")
        bucket.put("packed/a.jsonl.gz", b"replaced")
        return plan

    monkeypatch.setattr(module, "make_plan", plan_then_lose)
    assert run(load_config(config, out), Options()).quarantined == 2
    assert sql(out, "SELECT shard FROM ledger WHERE NOT complete ORDER BY 1") == [("a.jsonl.gz",), ("b.jsonl",)]
    assert sql(out, "SELECT reason FROM rejects WHERE shard IN ('a.jsonl.gz', 'b.jsonl') ORDER BY 1") == [
        ("changed",),
        ("unreadable",),
    ]
    monkeypatch.undo()


def test_an_object_replaced_while_it_is_read_is_never_mixed(bucket):
    content = b"old line\n" * (3 << 20)  # more than three blocks
    bucket.put("a.jsonl", content)
    version = version_now(bucket.url("a.jsonl"))
    with opened(0, bucket.url("a.jsonl")) as handle:
        assert handle.read(9) == b"old line\n"
        bucket.put("a.jsonl", content.replace(b"old", b"new"))
        with pytest.raises(StoreError, match="replaced"):
            while handle.read(1 << 20):
                pass
    assert version_now(bucket.url("a.jsonl")) not in (None, version)


def test_an_object_taken_away_while_it_is_read_is_unreadable(bucket):
    bucket.put("a.jsonl", b"line\n" * (5 << 20))
    with opened(0, bucket.url("a.jsonl")) as handle:
        bucket.remove("a.jsonl")
        with pytest.raises(OSError):
            while handle.read(1 << 20):
                pass
    assert version_now(bucket.url("a.jsonl")) is None
    with pytest.raises(ShardUnreadable), opened(0, bucket.url("a.jsonl")):
        pass


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_on_a_bucket_resumes_to_the_same_bytes(local, bucket, tmp_path, workers):
    bucket.upload(local[0])
    config = configured(tmp_path / "c", bucket, scans=bucket.url("scans"))
    give_salt(tmp_path / "o")
    killed = 0
    for delay in (1.5, 2.5, 3.5):
        process = subprocess.Popen(
            [*SCRIPT, "run", str(config), "--out", str(tmp_path / "o"), "--workers", str(workers)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed
    audit("run", config, "--out", tmp_path / "o", "--workers", workers)
    assert contents(tmp_path / "o") == contents(local[1])
    assert [key for key in bucket.objects() if "handover" in key] == []
    audit("verify", tmp_path / "o")


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def said_and_nothing_published(config: Path, out: Path, url: str, *remedies: str) -> None:
    done = audit("run", config, "--out", out, check=2, timeout=90)
    assert "Traceback" not in done.stderr
    assert url in done.stderr
    for remedy in remedies:
        assert remedy in done.stderr
    assert not (out / "current").exists()


@pytest.mark.parametrize("what", ["sources", "scans"])
@pytest.mark.parametrize("trouble", ["refused", "keys", "unknown key", "no keys", "bucket"])
def test_a_store_that_cannot_be_used_is_named_with_the_remedy(local, bucket, tmp_path, monkeypatch, what, trouble):
    bucket.upload(local[0])
    remedy = "check the keys (AWS_ACCESS_KEY_ID"
    if trouble == "refused":
        remedy = f"http://127.0.0.1:{dead_port()}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", remedy)
    elif trouble == "keys":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    elif trouble == "unknown key":
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    elif trouble == "no keys":
        remedy = "give the keys"
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    else:
        remedy = "no such bucket"
        bucket = replace(bucket, name="not-there")
    sources = bucket.sources() if what == "sources" else [{**SOURCES[0], "paths": [str(local[0].folder / "plain/*")]}]
    scans = {"scans": bucket.url("scans")} if what == "scans" else {}
    config = configured(tmp_path / "c", bucket, sources=sources, **scans)
    said_and_nothing_published(config, tmp_path / "o", bucket.url(), remedy)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["sources", "scans"])
def test_a_store_that_never_answers_is_given_up_soon(local, bucket, tmp_path, monkeypatch, black_hole, what):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{black_hole}")
    sources = bucket.sources() if what == "sources" else [{**SOURCES[0], "paths": [str(local[0].folder / "plain/*")]}]
    scans = {"scans": bucket.url("scans")} if what == "scans" else {}
    config = configured(tmp_path / "c", bucket, sources=sources, **scans)
    said_and_nothing_published(config, tmp_path / "o", bucket.url(), "does not answer")


def test_a_missing_bucket_is_no_missing_path(bucket, tmp_path):
    config = configured(tmp_path / "c", bucket, sources=replace(bucket, name="not-there").sources())
    audit("run", config, "--out", tmp_path / "o", "--allow-missing", check=2)


def test_a_glob_that_matches_nothing_in_a_bucket_is_said(bucket, tmp_path):
    config = configured(tmp_path / "c", bucket)
    said_and_nothing_published(config, tmp_path / "o", bucket.url("plain"), "matches no file")
    audit("run", config, "--out", tmp_path / "o", "--allow-missing")


def test_a_dry_run_leaves_the_bucket_alone(local, bucket, tmp_path, monkeypatch):
    bucket.upload(local[0])
    before = bucket.objects()
    config = configured(tmp_path / "c", bucket, scans=bucket.url("scans"))
    audit("run", config, "--out", tmp_path / "o", "--dry-run")
    assert bucket.objects() == before
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    audit("run", config, "--out", tmp_path / "o", "--dry-run", check=2)


def test_a_store_lost_in_the_middle_fails_the_run_and_keeps_what_was_published(bucket, local, tmp_path, monkeypatch):
    from pipeline import run as module

    bucket.upload(local[0])
    config, out = configured(tmp_path / "c", bucket), tmp_path / "o"
    audit("run", config, "--out", out)
    before = contents(out)
    bucket.put("plain/b.jsonl", jsonl([{"id": "n", "text": "新"}]))
    planned = module.make_plan

    def plan_then_unplug(*arguments: Any) -> Any:
        plan = planned(*arguments)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{dead_port()}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        s3fs.S3FileSystem.clear_instance_cache()
        return plan

    monkeypatch.setattr(module, "make_plan", plan_then_unplug)
    with pytest.raises(RunFailed, match=r"(?s)does not answer.*run again"):
        run(load_config(config, out), Options())
    assert contents(out) == before


def test_a_commit_is_there_whole_or_not_at_all_and_replaces(bucket, tmp_path):
    store = ScanStore(bucket.url("scans"))
    store.check()
    assert bucket.objects() == []
    path = store.path("base", "ab" * 32)
    assert not store.exists(path)
    made = tmp_path / "made"
    for content in (b"one", os.urandom(101 << 20)):  # the second goes up in parts
        made.write_bytes(content)
        store.commit(made, path)
        assert store.exists(path)
        store.fetch(path, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == content
        assert len(bucket.objects()) == 1
    others = {store.path("base", f"{number:064x}") for number in range(600)}
    assert store.missing({*others, path}) == others
    assert store.missing({path}) == set()
    store.discard("base")
    store.discard("base")
    assert not store.exists(path)


def test_many_files_are_looked_up_with_few_requests(bucket, monkeypatch):
    store = ScanStore(bucket.url("scans"))
    store.commit_bytes(b"there", store.path("base", "0" * 64))
    calls: list[str] = []
    original = s3fs.S3FileSystem._call_s3

    async def counted(self: Any, method: str, *arguments: Any, **keywords: Any) -> Any:
        calls.append(method)
        return await original(self, method, *arguments, **keywords)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    paths = {store.path(layer, f"{number:064x}") for layer in ("base", "pii") for number in range(400)}
    assert store.missing(paths) == paths - {store.path("base", "0" * 64)}
    assert len(calls) <= 4


@pytest.mark.parametrize(
    "url", ["s3://user:pass@bucket/a", "https://host/a?X-Amz-Signature=abc&x=1", "https://host/a?x=1&token=abc"]
)
def test_a_url_with_a_secret_in_it_is_refused_without_repeating_it(tmp_path, url):
    with pytest.raises(ValueError, match="environment"):
        file_system(url)
    assert not {"user:pass", "abc"} & set(without_secrets(url).replace("&", "=").split("="))
    (tmp_path / "c.json").write_text(
        json.dumps({"seed": "s", "sources": [{**SOURCES[0], "paths": [url]}], "scans": url})
    )
    done = audit("run", tmp_path / "c.json", "--out", tmp_path / "o", check=2)
    assert "pass@" not in done.stderr
    assert "abc" not in done.stderr


def test_a_missing_driver_is_said_with_the_command_that_installs_it(tmp_path):
    Corpus(tmp_path, tmp_path / "c.json").write(scans="s3://bucket/scans")
    sources = [{**SOURCES[0], "paths": ["s3://bucket/*.jsonl"]}]
    (tmp_path / "d").mkdir()
    Corpus(tmp_path / "d", tmp_path / "d" / "c.json").write(sources=sources)
    for config in (tmp_path / "c.json", tmp_path / "d" / "c.json"):
        without = "import sys; sys.modules['s3fs'] = None; from pipeline.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", without, "run", str(config), "--out", str(tmp_path / "o")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "pip install 'corpus-audit[s3]'" in done.stderr
