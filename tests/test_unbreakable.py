"""Whatever happens to a run, the next one goes on: kills, full disks, damage, two at once, clocks, older versions."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audits import SCRIPT, audit, jsonl, sql, texts
from tests.kill_harness import Bench, Shot, bench, differences, left_over, must, observed, prepared, scenario, session

POINTS = 50


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    with bench(tmp_path_factory.mktemp("kill"), seed) as made:
        yield made


def until(made: Bench, points: int, workers: int = 1) -> None:
    made.workers = workers
    try:
        killed = number = 0
        while killed < points:
            number += 1
            killed += scenario(made, number, points - killed)
    finally:
        made.workers = 1


def test_a_run_killed_anywhere_goes_on_to_the_same_bytes(made: Bench) -> None:
    until(made, POINTS)


@pytest.mark.slow
def test_a_run_with_two_workers_killed_anywhere_goes_on_to_the_same_bytes(made: Bench) -> None:
    until(made, 20, workers=2)


def test_killed_twice_while_the_trend_is_drawn_nothing_lies_about(made: Bench) -> None:
    out = prepared(made.folder / "trend" / "out")
    for _ in range(2):
        assert made.run(out, Shot({"kind": "rename out/trend.svg"})).code is None
    must(made.run(out))
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []


@pytest.mark.parametrize("whom", ["parent", "worker"])
@pytest.mark.parametrize("moment", ["loading", "working"])
def test_workers_and_their_run_do_not_outlive_one_another(made: Bench, whom: str, moment: str) -> None:
    out = prepared(made.folder / f"orphans-{whom}-{moment}" / "out")
    leader: list[int] = []
    start = made.context.Process.start

    def noted(process: Any) -> None:
        start(process)
        leader.append(process.pid)

    made.context.Process.start = noted
    try:
        delay = 60.0 if moment == "loading" else made.seconds + 2.5
        ended = made.run(out, Shot(delay=delay, whom=whom, workers=2, at_start=moment == "loading"))
    finally:
        made.context.Process.start = start
    deadline = time.monotonic() + 20
    while session(leader[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert session(leader[0]) == [], ended
    must(made.run(out))
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def _wrong(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), path)


@pytest.mark.parametrize(
    ("layer", "damage"),
    [
        ("base", _empty),
        ("base", _flip),
        ("keywords", _cut),
        ("classifier", _wrong),
        ("rejects", _empty),
        ("rejects", Path.unlink),
        ("documents", _cut),
        ("documents", Path.unlink),
        ("findings", _empty),
        ("decided", _empty),
    ],
)
def test_damaged_files_of_the_store_are_withdrawn_and_made_anew_in_the_same_run(
    made: Bench, layer: str, damage: Callable[[Path], None]
) -> None:
    """The night before left them; this night's run meets them, and comes to what an undamaged one comes to."""
    name = f"{layer}-{damage.__name__}"
    shutil.copytree(made.folder / "before", made.folder / name, symlinks=True)
    out = made.folder / name / "out"
    for path in (out / "scans" / layer).rglob("*.*"):
        if "t" in path.stem[:2] or path.stem < "8":
            path.chmod(0o644)
            damage(path)
    ended = made.run(out)
    must(ended)
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []
    shutil.rmtree(out.parent)


_DERIVED = (
    *("bands-1", "distinct-1", "documents", "domains-1", "findings", "fingerprint", "groups-1", "hashes-1", "known-1"),
    *("manual-1", "published_rejects", "ranked-1", "similar", "summaries-1", "technical-1"),
)


@pytest.mark.parametrize("turn", [0, *(pytest.param(turn, marks=pytest.mark.slow) for turn in (1, 2, 3))])
def test_of_every_kind_of_committed_file_one_may_be_damaged_at_once(made: Bench, turn: int) -> None:
    """A night on the same corpus, the last run of which cannot be read, so that everything is made from the store."""
    shutil.copytree(made.folder / "whole", made.folder / "again", symlinks=True)
    out = made.folder / "again" / "out"
    last = (out / "current").resolve()
    chosen = [last / "samples" / "manual.parquet"]
    for kind in _DERIVED:
        files = sorted(path for path in (out / "scans" / kind).rglob("*") if path.is_file())
        chosen.append(random.Random(kind).choice(files))
    for number, path in enumerate(chosen):
        path.chmod(0o644)
        (_empty, _cut, _flip, Path.unlink)[(number + turn) % 4](path)
    (last / "result.json").unlink()
    must(made.run(out))
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []
    events = (out / "current" / "events.ndjson").read_text(encoding="utf-8")
    assert "damaged_file_withdrawn" in events
    shutil.rmtree(out.parent)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "{",
        "[]",
        '{"run_id": 5}',
        '{"run_id": "../../x", "inputs": ""}',
        '{"run_id": "20200101T000000Z-00000000", "inputs": "of another version", "pid": 1}',
    ],
)
def test_what_another_version_left_in_the_making_is_cleared_and_status_never_fails(made: Bench, note: str) -> None:
    out = prepared(made.folder / "left" / "out")
    building = out / "runs" / ".building"
    (building / "documents").mkdir(parents=True)
    (building / "run.json").write_text(note)
    (building / "events.ndjson").write_bytes(b'{"event": "run_started", "units": 3}\n\xff\n[]\n{"event": ')
    (building / "progress.ndjson").write_bytes(b'{"documents": 1, "bytes": 2}\n{"documents"')
    (out / "runs" / "20200101T000000Z-00000000").mkdir()
    (out / "runs" / "dangling").symlink_to("nowhere")
    told = made.run(out, arguments=["status", str(out)])
    must(told)
    assert "interrupted" in told.said
    must(made.run(out, arguments=["status", str(out), "--format", "json"]))
    must(made.run(out))
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []
    shutil.rmtree(out.parent)


def test_status_speaks_whatever_is_broken(made: Bench) -> None:
    shutil.copytree(made.folder / "before", made.folder / "spoilt", symlinks=True)
    out = made.folder / "spoilt" / "out"
    for name in ("result.json", "manifest.json"):
        path = (out / "current").resolve() / name
        path.chmod(0o644)
        path.write_bytes(b"\xff{")
        told = made.run(out, arguments=["status", str(out)])
        must(told)
        assert "cannot be read" in told.said and "verify" in told.said
    must(made.run(out))
    assert differences(made.expected, observed(out)) == [], (
        "a run whose manifest does not parse is followed by a whole one"
    )
    (out / "current").unlink()
    (out / "publications.ndjson").write_bytes(b"{\n")
    must(made.run(out, arguments=["status", str(out)]))
    must(made.run(out, arguments=["status", str(out), "--format", "json"]))


def test_ids_stay_unique_when_the_clock_goes_back_or_two_runs_begin_in_one_second(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from pipeline.begun import begin, finish
    from pipeline.store.output import Output
    from pipeline.store.scans import ScanStore
    from schemas.chain import append_to_chain

    output, store = Output(tmp_path / "o"), ScanStore(str(tmp_path / "scans"))
    output.prepare()
    started = datetime(2026, 1, 1, tzinfo=UTC)
    ids = []
    for _ in range(3):
        begun = begin(output, store, "ab" * 32, started)
        assert begin(output, store, "ab" * 32, started).run_id == begun.run_id, "interrupted: the same work goes on"
        ids.append(begun.run_id)
        append_to_chain(output.publications, [{"run_id": begun.run_id}])  # published, and pruned since
        finish(output, store)
    assert len(set(ids)) == 3
    handovers = {begin(output, store, "cd" * 32, started).handover for _ in range(3)}
    assert len(handovers) == 3, "what is left of one attempt never reaches the next"


def test_files_from_the_future_are_audited_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"id": i, "text": text} for i, text in enumerate(texts("a", 9))]))
    os.utime(tmp_path / "a.jsonl", (4 * 10**9, 4 * 10**9))
    source = {"id": "s", "name": "s", "kind": "open", "region": "domestic", "paths": ["a.jsonl"]}
    (tmp_path / "c.json").write_text(json.dumps({"seed": "1", "sources": [source], "sampling": {"manual": 5}}))
    audit("run", tmp_path / "c.json", "--out", tmp_path / "o")
    assert sql(tmp_path / "o", "SELECT count(*) FROM documents") == [(9,)]


def test_two_outputs_share_their_scans_while_both_run(made: Bench, tmp_path: Path) -> None:
    outs = [prepared(tmp_path / name / "out") for name in ("one", "two")]
    running = []
    for out in outs:
        config = made.config_for(out)
        content = json.loads(config.read_text(encoding="utf-8"))
        config.write_text(
            json.dumps(content | {"scans": str(tmp_path / "scans")}, ensure_ascii=False), encoding="utf-8"
        )
        command = [*SCRIPT, "run", str(config), "--out", str(out)]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    audit("status", outs[0], check=None)
    audit("run", made.config_for(outs[0]), "--out", outs[0], check=4)
    for process in running:
        _, stderr = process.communicate(timeout=240)
        assert process.returncode == 0, stderr
    for out in outs:
        assert differences(made.expected, observed(out)) == []
        assert left_over(out) == []
        must(made.run(out, arguments=["verify", str(out), "--quick"]))


def test_status_tells_how_far_a_run_with_two_workers_is_and_that_it_was_killed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(
        jsonl([{"id": i, "text": text * 8} for i, text in enumerate(texts("a", 30_000, every=100))])
    )
    source = {"id": "s", "name": "s", "kind": "open", "region": "domestic", "paths": ["a.jsonl"]}
    content = {"seed": "1", "sources": [source], "sampling": {"manual": 5}, "limits": {"unit_bytes": 65536}}
    (tmp_path / "c.json").write_text(json.dumps(content))
    out = tmp_path / "o"
    command = [*SCRIPT, "run", str(tmp_path / "c.json"), "--out", str(out), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    seen: dict[str, Any] = {}
    while time.monotonic() < deadline and process.poll() is None and not seen.get("units_scanned"):
        if (out / ".corpus-audit").exists():
            seen = json.loads(audit("status", out, "--format", "json").stdout)["progress"]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert (seen["state"], seen["phase"], seen["pid"], seen["pid_alive"]) == ("running", "scan", process.pid, True)
    assert 0 < seen["units_scanned"] <= seen["units_to_scan"] == seen["units"]
    assert 0 < seen["bytes"] < seen["bytes_to_scan"]
    assert seen["bytes_per_second"] > 0 and seen["seconds_left"] > 0
    after = json.loads(audit("status", out, "--format", "json").stdout)["progress"]
    assert (after["state"], after["pid_alive"], after["run_id"]) == ("interrupted", False, seen["run_id"])
    assert after["units_scanned"] >= seen["units_scanned"]
    told = audit("status", out).stdout
    assert "run again to go on" in told and "scanning and deciding" in told and "gone" in told


@pytest.mark.parametrize("extent", ["--short", pytest.param("--all", marks=pytest.mark.slow)])
def test_a_disk_that_fills_up_or_seems_too_small_stops_the_run_with_one_message(tmp_path: Path, extent: str) -> None:
    able = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if able.returncode:
        pytest.skip(f"no small disk can be mounted here: {able.stderr.decode().strip()}")
    command = ["unshare", "-rm", sys.executable, "-m", "tests.full_disk", str(tmp_path), extent]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("No space") >= 2, done.stdout


def test_a_folder_that_cannot_be_written_is_named(made: Bench, tmp_path: Path) -> None:
    able = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    if able.returncode:
        pytest.skip("nothing can be mounted here")
    out = prepared(tmp_path / "o" / "out")
    run = " ".join([sys.executable, "-c", "'from pipeline.cli import main; main()'", "run", str(made.config_for(out))])
    script = f"mount -t tmpfs -o ro tmpfs {tmp_path / 'o'} 2>/dev/null; mkdir -p /tmp/x; exec {run} --out {tmp_path / 'o' / 'out'}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Read-only file system" in done.stderr, done.stderr
