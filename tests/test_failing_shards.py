"""Shards that fail, change or go while they are read: tried again, set aside with the reason, audited when they are back."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from pipeline import scan
from pipeline.config import load_config
from pipeline.errors import RunFailed
from pipeline.run import Options, Outcome, run
from tests.audits import audit, contents, events, give_salt, jsonl, sql, texts
from tests.breaking_server import serving


class Flaky(LocalFileSystem):
    """Local files that fail in the middle, or change while they are read: `acts` are done at the next reads."""

    protocol = "flaky"
    cachable = False
    acts: list[Callable[[Path], None]] = []  # noqa: RUF012 - one list for all instances is what it is for

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return LocalFileSystem._strip_protocol(str(path).removeprefix("flaky://"))

    def unstrip_protocol(self, name: str) -> str:
        return f"flaky://{name}"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        told = LocalFileSystem().info(self._strip_protocol(path))
        return {**told, "ETag": f"{told['mtime']}"}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        return Halting(Path(path))


class Halting:
    """An open file: the first read gives half, the second does what is to happen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.half = path.stat().st_size // 2
        self.handle = path.open("rb")
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        if self.handle.tell() >= self.half and Flaky.acts:
            Flaky.acts.pop(0)(self.path)
        left = self.half - self.handle.tell()
        return self.handle.read(min(size, left) if left > 0 and size > 0 else left if left > 0 else size)

    def seek(self, *place: int) -> int:
        return self.handle.seek(*place)

    def tell(self) -> int:
        return self.handle.tell()

    def close(self) -> None:
        self.handle.close()


def fails(path: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def denied(path: Path) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def grows(path: Path) -> None:
    with path.open("ab") as handle:
        handle.write(jsonl([{"id": "late", "text": "后来加的"}]))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def replaced(path: Path) -> None:
    made = path.with_name("_made")
    made.write_bytes(path.read_bytes().replace("好".encode(), "坏".encode()))
    made.replace(path)


def deleted(path: Path) -> None:
    path.unlink()


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two shards in one unit, on the file system that fails; pauses are short."""
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(scan.patiently, "__defaults__", ((0.01, 0.02),))
    monkeypatch.setattr(scan.Settings, "pauses", (0.01, 0.02))
    monkeypatch.setattr(scan.Settings.__init__, "__defaults__", ((0.01, 0.02),))
    monkeypatch.setattr(Flaky, "acts", [])
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        rows = [{"id": f"{name}{i}", "text": text} for i, text in enumerate(texts(name, 60))]
        (tmp_path / "data" / f"{name}.jsonl").write_bytes(jsonl(rows))
    config = tmp_path / "c.json"
    source = {"id": "s", "name": "来源", "kind": "open", "region": "domestic"}
    paths = [f"flaky://{tmp_path}/data/{name}.jsonl" for name in ("a", "b")]
    config.write_text(json.dumps({"seed": "1", "sources": [{**source, "paths": paths}], "sampling": {"manual": 5}}))
    return config


def audited(config: Path, out: Path) -> Outcome:
    give_salt(out)
    return run(load_config(config, out), Options())


def test_a_read_error_that_passes_leaves_no_trace_in_the_results(flaky: Path, tmp_path: Path) -> None:
    audited(flaky, tmp_path / "whole")
    Flaky.acts[:] = [fails, fails]
    assert audited(flaky, tmp_path / "o").quarantined == 0
    assert Flaky.acts == []
    retried = [event for event in events(tmp_path / "o") if event["event"] == "shard_retried"]
    assert [event["shard"] for event in retried] == ["a.jsonl", "a.jsonl"]
    assert "Input/output error" in retried[0]["reason"]
    assert contents(tmp_path / "o") == contents(tmp_path / "whole")


def test_a_read_error_while_samples_are_drawn_is_tried_again_or_named(flaky: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    audited(flaky, out)
    content = json.loads(flaky.read_text())
    flaky.write_text(json.dumps({**content, "seed": "2"}))
    Flaky.acts[:] = [fails]
    audited(flaky, out)
    assert Flaky.acts == []
    flaky.write_text(json.dumps({**content, "seed": "3"}))
    Flaky.acts[:] = [fails] * 3
    with pytest.raises(RunFailed, match=r"s/[ab]\.jsonl: .*Input/output error"):
        audited(flaky, out)
    audited(flaky, out)
    audit("verify", out)


@pytest.mark.parametrize(
    ("act", "times", "reason", "retries"),
    [
        (fails, 3, "unreadable", 2),
        (denied, 1, "unreadable", 0),
        (grows, 1, "changed", 0),
        (truncated, 1, "changed", 0),
        (replaced, 1, "changed", 0),
        (deleted, 1, "unreadable", 2),
    ],
)
def test_what_does_not_pass_is_set_aside_with_its_reason_and_tried_again_the_next_night(
    flaky: Path, tmp_path: Path, act: Callable[[Path], None], times: int, reason: str, retries: int
) -> None:
    out, shard = tmp_path / "o", tmp_path / "data" / "a.jsonl"
    good = shard.read_bytes()
    Flaky.acts[:] = [act] * times
    assert audited(flaky, out).quarantined == 1
    assert sql(out, "SELECT shard, complete FROM ledger ORDER BY 1") == [("a.jsonl", False), ("b.jsonl", True)]
    assert sql(out, "SELECT shard, reason, records FROM rejects") == [("a.jsonl", reason, None)]
    assert sql(out, "SELECT count(*) FROM documents") == [(60,)]
    assert len([event for event in events(out) if event["event"] == "shard_retried"]) == retries
    status = audit("status", out).stdout
    assert f"s/a.jsonl: {reason}" in status and "the next run tries again" in status
    shard.write_bytes(good)
    assert audited(flaky, out).quarantined == 0
    assert sql(out, "SELECT count(*) FROM documents") == [(120,)]


def test_a_connection_that_breaks_off_is_tried_again_and_a_shard_that_always_does_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        rows = [{"id": f"{name}{i}", "text": text} for i, text in enumerate(texts(name, 400))]
        (tmp_path / "data" / f"{name}.jsonl").write_bytes(jsonl(rows))
    out, config = tmp_path / "o", tmp_path / "c.json"
    with serving(tmp_path / "data") as server:
        source = {"id": "s", "name": "来源", "kind": "open", "region": "domestic"}
        paths = [server.url("a.jsonl"), server.url("b.jsonl")]
        config.write_text(json.dumps({"seed": "1", "sources": [{**source, "paths": paths}], "sampling": {"manual": 5}}))
        server.breaks["a.jsonl"] = 1000
        give_salt(out)
        done = audit("run", config, "--out", out, "--workers", "2", check=5)
        assert "set aside" in done.stdout
        assert sql(out, "SELECT shard, reason FROM rejects") == [("a.jsonl", "unreadable")]
        assert len([event for event in events(out) if event["event"] == "shard_retried"]) == 2
        server.breaks["a.jsonl"] = 1
        audit("run", config, "--out", out)
        assert server.broken > 1
        assert [event["shard"] for event in events(out) if event["event"] == "shard_retried"] == ["a.jsonl"]
        assert sql(out, "SELECT count(*) FROM documents") == [(800,)]
        audit("run", config, "--out", tmp_path / "whole")
        assert contents(out) == contents(tmp_path / "whole")


def test_other_content_under_the_same_size_and_time_is_found_when_a_layer_is_added(tmp_path: Path) -> None:
    shard, out, config = tmp_path / "a.jsonl", tmp_path / "o", tmp_path / "c.json"
    source = {"id": "s", "name": "来源", "kind": "open", "region": "domestic", "paths": ["a.jsonl"]}
    content = {"seed": "1", "sources": [source], "sampling": {"manual": 5}}
    shard.write_bytes(jsonl([{"id": i, "text": f"第{i}篇好文章"} for i in range(30)]))
    os.utime(shard, (10**9, 10**9))
    config.write_text(json.dumps(content))
    audited(config, out)
    shard.write_bytes(shard.read_bytes().replace(b"}\n{", b" \n{", 1))  # one broken line, one document less
    os.utime(shard, (10**9, 10**9))
    (tmp_path / "own.tsv").write_text("term\trisks\ttier\n好文章\tA1-h\tblock\n", encoding="utf-8")
    config.write_text(json.dumps({**content, "lexicons": ["own.tsv"]}))
    audited(config, out)
    audited(config, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")
    assert sql(out, "SELECT count(*) FROM documents") == [(28,)] or sql(out, "SELECT count(*) FROM rejects") != [(0,)]
