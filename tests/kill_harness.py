"""Kills real audits again and again, lets them go on, and compares what they come to with an undisturbed run.

    python -m tests.kill_harness --points 500 [--seed N] [--workers 2]

A scenario begins with an empty output folder or with that of the night before, is killed several times, each time at an
operation chosen by chance or after a time, and in the end left alone. Then everything published must be what an
undisturbed run publishes, the books and chains must be sound, and nothing may lie about.
"""

import argparse
import contextlib
import csv
import gzip
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.audits import BAD_WORDING, contents, give_salt, jsonl, texts
from tests.kill_trap import VARIABLE, arm

SITE = Path(__file__).parent / "kill_site"
PATIENCE = 300.0  # seconds after which a run hangs
# of a manifest: times and ids, where things lie, and what this very attempt had to do
_OF_THE_RUN = (
    "run_id",
    "started_at",
    "finished_at",
    "blacklist_head",
    "listed",
    "config_sha256",
    "run_key",
    "history_head",
    "scans",
    "work",
)
_KILLS = 6  # in one scenario, at most


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, or None where it was killed; what it said; how long it took."""

    code: int | None
    said: str
    seconds: float


@dataclass
class Shot:
    """What kills a run: itself at an operation (settings of `arm`), or somebody else after a time."""

    trap: dict[str, Any] | None = None
    delay: float | None = None
    whom: str = "all"  # all, parent (orphans live on), worker
    workers: int = 1
    at_start: bool = False  # as soon as a worker process is there, while it loads

    def __str__(self) -> str:
        how = f"after {self.delay:.2f} s" if self.delay is not None else f"at {self.trap}"
        return f"{self.whom} of {self.workers} {how}"


@dataclass
class Bench:
    """A corpus, an undisturbed run of it, and places for the others."""

    folder: Path
    config: Path
    rng: random.Random
    workers: int = 1
    kinds: list[str] = field(default_factory=list)
    operations: int = 0
    seconds: float = 0.0
    expected: dict[str, Any] = field(default_factory=dict)
    context: Any = None

    def config_for(self, out: Path) -> Path:
        """The configuration with a folder of its own for the emitted corpus."""
        own = self.config.with_name(f"{out.parent.name}.json")
        if not own.exists():
            content = json.loads(self.config.read_text(encoding="utf-8"))
            own.write_text(json.dumps(content | {"emit": str(out / "copies")}, ensure_ascii=False), encoding="utf-8")
        return own

    def run(
        self, out: Path, shot: Shot | None = None, trace: Path | None = None, arguments: list[str] | None = None
    ) -> Ended:
        """One run to its end, or to the one that `shot` means for it."""
        workers = shot.workers if shot else self.workers
        arguments = arguments or ["run", str(self.config_for(out)), "--out", str(out), "--workers", str(workers)]
        said = self.folder / "said.txt"
        said.write_bytes(b"")
        trap = dict(shot.trap, root=str(out.parent)) if shot and shot.trap else None
        if trace:
            trap = {"root": str(out.parent), "trace": str(trace)}
        token = self.folder / "token"
        token.unlink(missing_ok=True)
        in_worker = bool(shot and shot.trap and shot.whom == "worker")
        process = self.context.Process(
            target=_child, args=(arguments, str(said), trap, str(token) if in_worker else None)
        )
        begun = time.monotonic()
        process.start()
        if shot and shot.delay is not None:
            deadline = begun + shot.delay
            while process.is_alive() and time.monotonic() < deadline:
                process.join(0.02 if shot.at_start else deadline - time.monotonic())
                if shot.at_start and _workers(process.pid):
                    break
            if process.is_alive():
                _shoot(process.pid, shot.whom)
        process.join(PATIENCE)
        if process.is_alive():
            members = [f"{pid}: {Path(f'/proc/{pid}/cmdline').read_bytes()[:80]!r}" for pid in session(process.pid)]
            _shoot(process.pid, "all")
            raise AssertionError(f"hangs: {shot}, {members}\n{said.read_text(errors='replace')}")
        code = None if process.exitcode == -signal.SIGKILL else process.exitcode
        if shot and shot.whom == "all":
            _shoot(process.pid, "all")
        return Ended(code, said.read_text(errors="replace"), time.monotonic() - begun)


@contextlib.contextmanager
def bench(folder: Path, seed: int) -> Iterator[Bench]:
    """Makes the corpus, the night before and the undisturbed run."""
    config = write_corpus(folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.kill_warm"])
    made = Bench(folder, config, random.Random(seed), context=context)
    held = [config.parent / "plain" / "b.jsonl", config.parent / "table" / "two.parquet"]
    for path in held:
        path.rename(folder / path.name)
    must(made.run(prepared(folder / "before" / "out")))
    for path in held:
        (folder / path.name).rename(path)
    trace = folder / "trace.txt"
    ended = made.run(prepared(folder / "whole" / "out"), trace=trace)
    must(ended)
    made.seconds = ended.seconds
    made.kinds = trace.read_text().splitlines()
    made.operations = len(made.kinds)
    made.expected = observed(folder / "whole" / "out")
    try:
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_corpus(folder: Path) -> Path:
    """A split shard, packs, two formats, rejects, copies, a bad source and a bad domain; the corpus is emitted."""
    base = folder / "corpus"
    for name in ("plain", "table", "bad", "sites"):
        (base / name).mkdir(parents=True)
    rows = [{"id": f"p{i}", "text": text} for i, text in enumerate(texts("plain", 60, every=50))]
    rows[5]["text"] += " 联系电话13800138000，邮箱zhang@mail.com.cn"
    lines = jsonl(rows).splitlines(keepends=True)
    lines[20:20] = [b'{"id": "broken", "text": \n', b'{"id": "none"}\n', b'{"text": "\xff\xfe"}\n']
    (base / "plain" / "a.jsonl").write_bytes(b"".join(lines))
    (base / "plain" / "b.jsonl").write_bytes(jsonl([{"text": text} for text in texts("无编号", 30)]))
    table = pa.table({"text": texts("table", 80), "id": [f"t{i}" for i in range(80)]})
    for name in ("one", "two"):
        pq.write_table(table, base / "table" / f"{name}.parquet", row_group_size=32)
    bad = [{"id": f"b{i}", "text": text} for i, text in enumerate(texts("bad", 40, every=4))]
    (base / "bad" / "x.jsonl.gz").write_bytes(gzip.compress(jsonl(bad), mtime=0))
    site = "https://www.good.cn/"
    rows = [{"id": f"s{i}", "text": f"第{i}帖" + "好天气，去散步。" * 30, "url": f"{site}{i}"} for i in range(240)]
    rows += [
        {"id": f"d{i}", "text": f"第{i}帖" + (BAD_WORDING if i % 5 == 0 else "闲聊"), "url": f"http://b.bad.com.cn/{i}"}
        for i in range(40)
    ]
    (base / "sites" / "a.jsonl").write_bytes(jsonl([*rows, {**rows[3], "id": "copy"}]))
    policy = (Path(__file__).parents[1] / "schemas" / "policies" / "starter.yaml").read_text(encoding="utf-8")
    policy = policy.replace("exact: report", "exact: keep_one").replace("near: report", "near: keep_one")
    (base / "policy.yaml").write_text(policy, encoding="utf-8")
    terms = "".join(f"{term}\tA1-h\tblock\n" for term in ("百家乐开户", "代开发票"))
    (base / "own.tsv").write_text(f"term\trisks\ttier\n{terms}", encoding="utf-8")
    common = {"name": "来源", "kind": "open", "region": "domestic"}
    content = {
        "seed": "test-1",
        "sources": [{**common, "id": name, "paths": [f"{name}/*"]} for name in ("plain", "table", "bad", "sites")],
        "sampling": {"manual": 60},
        "policy": "policy.yaml",
        "lexicons": ["own.tsv"],
        "limits": {"unit_bytes": 65536},
    }
    (base / "config.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return base / "config.json"


def prepared(out: Path) -> Path:
    """A new output folder with the salt all runs share."""
    give_salt(out)
    return out


def must(ended: Ended, code: int = 0) -> None:
    """Raises AssertionError unless the run ended with this code."""
    if ended.code != code:
        raise AssertionError(f"exit {ended.code} instead of {code}\n{ended.said}")


def _child(arguments: list[str], said: str, trap: dict[str, Any] | None, token: str | None) -> None:
    """In a process forked from the warm one: what `corpus-audit` does, with a trap set."""
    os.setsid()
    log = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from pipeline.cli import main

    sys.argv = ["corpus-audit", *arguments]
    if trap is not None and token is not None:
        os.environ[VARIABLE] = json.dumps({**trap, "token": token})
        os.environ["PYTHONPATH"] = os.pathsep.join([str(SITE), str(SITE.parents[1])])
    elif trap is not None:
        arm(**trap)
    main()


def session(leader: int) -> list[int]:
    """Living processes of the session that a run leads, its orphans among them."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader and fields[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def _workers(leader: int) -> list[int]:
    commands = {pid: _command(pid) for pid in session(leader)}
    return [
        p for p, line in commands.items() if b"pipeline.engine.local_worker" in line and not line.startswith(b"/bin/sh")
    ]


def _shoot(leader: int, whom: str) -> None:
    targets = {"all": session(leader), "parent": [leader], "worker": _workers(leader)[:1]}[whom]
    for pid in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def observed(out: Path) -> dict[str, Any]:
    """Everything a run leaves that must be the same however often it was killed; times and ids left out."""
    found: dict[str, Any] = dict(contents(out))
    manifest = json.loads((out / "current" / "manifest.json").read_bytes())
    for name in _OF_THE_RUN:
        manifest.pop(name, None)
    manifest["files"] = sorted(manifest["files"])
    manifest["config"] = {k: v for k, v in manifest["config"].items() if k not in ("output", "scans", "emit")}
    found |= {f"manifest: {name}": value for name, value in manifest.items()}
    with (out / "blacklist" / "blacklist.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in ("run_id", "decided_at")} for row in csv.DictReader(file)]
    found["blacklist"] = rows
    events = (out / "blacklist" / "events.ndjson").read_text().splitlines()
    found["blacklist_events"] = sorted(json.loads(line)["source_key"] for line in events)
    emitted = out / "copies"
    for path in sorted((emitted / "current").resolve().rglob("*")):
        if path.is_file():
            name = str(path.relative_to((emitted / "current").resolve()))
            found[f"emitted/{name}"] = _emitted(path)
    return found


def _emitted(path: Path) -> Any:
    if path.name != "manifest.json":
        return path.read_bytes()
    content = json.loads(path.read_bytes())
    return {name: value for name, value in content.items() if name not in ("run_id", "run_manifest_sha256")}


def left_over(out: Path) -> list[str]:
    """What should not lie about once a run is complete."""
    found = [str(p) for p in out.rglob("*") if p.is_symlink() and not p.exists()]
    found += [str(p) for p in out.rglob("*") if ".tmp" in p.name or p.name in (".building", ".work", ".replaced")]
    for place in ("scans/tmp", "scans/handover"):
        if (out / place).is_dir():
            found += [str(p) for p in (out / place).iterdir()]
    published = {json.loads(line)["run_id"] for line in (out / "publications.ndjson").read_text().splitlines()}
    found += [str(p) for p in (out / "runs").iterdir() if p.name not in published]
    named = {(out / "current").resolve().name}
    found += [f"current is {named}"] if not named <= published else []
    corpora = [p.name for p in (out / "copies").iterdir() if p.is_dir() and not p.is_symlink()]
    found += [f"emitted {name}" for name in corpora if not any(run in name for run in published)]
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The names under which two observations differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def scenario(made: Bench, number: int, points: int, say: Any = print) -> int:
    """One output folder killed up to `points` times, then left alone and examined; returns how often it was killed."""
    place = made.folder / f"s{number}"
    out = place / "out"
    rng = made.rng
    second = rng.random() < 0.5
    if second:
        shutil.copytree(made.folder / "before", place, symlinks=True, copy_function=_keep_links())
    else:
        prepared(out)
    told = []
    killed = 0
    for turn in range(min(points, _KILLS)):
        shot = choose(made, rng, turn)
        ended = made.run(out, shot)
        told.append(f"{shot} -> {ended.code} {ended.seconds:.1f}s")
        if ended.code == 0:
            break
        if ended.code not in (None, 3) or (ended.code == 3 and shot.whom != "worker"):
            raise AssertionError(f"scenario {number}: {told}: exit {ended.code}\n{ended.said}")
        killed += 1
    say(f"scenario {number}: {'; '.join(told)}", flush=True)
    ended = made.run(out)
    where = f"scenario {number}: {'; '.join(told)}\n{ended.said}"
    assert ended.code == 0, where
    differ = differences(made.expected, observed(out))
    assert differ == [], f"{differ}: {where}"
    assert left_over(out) == [], where
    checked = made.run(out, arguments=["verify", str(out)])
    assert checked.code == 0, f"{where}\n{checked.said}"
    if second and killed < points:
        killed += _pruned(made, out, rng)
    shutil.rmtree(place)
    return killed


def _pruned(made: Bench, out: Path, rng: random.Random) -> int:
    """Drops the night before, killed on the way; returns how often it was."""
    command = ["prune", str(out), "--keep", "1"]
    ended = made.run(out, Shot({"at": rng.randint(1, 60)}), arguments=command)
    must(made.run(out, arguments=command))
    again = made.run(out)
    must(again)
    assert "nothing changed" in again.said, again.said
    assert len([path for path in (out / "runs").iterdir() if path.is_dir()]) == 1
    assert differences(made.expected, observed(out)) == []
    assert left_over(out) == []
    must(made.run(out, arguments=["verify", str(out), "--quick"]))
    return int(ended.code is None)


def choose(made: Bench, rng: random.Random, turn: int) -> Shot:
    """Where to kill next: the first time anywhere, later rather in what comes late."""
    if made.workers > 1:
        whom = rng.choice(["all", "parent", "parent", "worker", "worker"])
        if rng.random() < 0.5:
            return Shot(delay=rng.uniform(0.3, made.seconds + 5), whom=whom, workers=made.workers)
        if whom == "worker":
            return Shot({"at": rng.randint(1, max(2, made.operations // 4))}, whom=whom, workers=made.workers)
        return Shot({"at": rng.randint(1, max(2, made.operations // 4))}, whom=whom, workers=made.workers)
    if turn == 0:
        return (
            Shot({"at": rng.randint(1, made.operations * 3 // 4)})
            if rng.random() < 0.7
            else Shot(delay=_some(made, rng))
        )
    if rng.random() < 0.2:
        return Shot(delay=_some(made, rng) / 2)
    if rng.random() < 0.3:
        return Shot({"at": rng.randint(1, 60)})
    return Shot({"kind": rng.choice(sorted(kind for kind in set(made.kinds) if _comes_late(kind))), "nth": 1})


def _some(made: Bench, rng: random.Random) -> float:
    return rng.uniform(0.05, made.seconds)


def _comes_late(kind: str) -> bool:
    """Whether a run that goes on from committed layers still does this."""
    return not kind.endswith("fsync") and not any(place in kind for place in ("scans", "blacklist", "tree"))


def _keep_links() -> Any:
    """A copy function that links again what was one file, so that scans and runs still share theirs."""
    made: dict[int, str] = {}

    def copy(source: str, target: str) -> str:
        number = Path(source).stat().st_ino
        if number in made:
            os.link(made[number], target)
        else:
            shutil.copy2(source, target)
            made[number] = target
        return target

    return copy


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", action="store_true", help="list the operations of an undisturbed run")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    begun = time.monotonic()
    with bench(Path(tempfile.mkdtemp(prefix="kill-")), given.seed) as made:
        made.workers = given.workers
        print(f"an undisturbed run: {made.operations} operations, {made.seconds:.1f} s")
        if given.kinds:
            for kind in sorted(set(made.kinds)):
                print(f"{made.kinds.count(kind):6} {kind}")
        killed = number = 0
        while killed < given.points:
            number += 1
            killed += scenario(made, number, given.points - killed)
    print(f"{killed} kills in {number} scenarios, {time.monotonic() - begun:.0f} s: everything as if undisturbed")


if __name__ == "__main__":
    main()
