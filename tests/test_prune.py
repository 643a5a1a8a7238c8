"""Pruning: what nobody refers to goes, what anybody does stays, and broken off anywhere it does no harm."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.errors import OutputBusy, UsageError
from pipeline.nights import history
from pipeline.nights.prune import prune
from pipeline.nights.references import Register, keys_in
from pipeline.run import Options, run
from pipeline.store.output import Output
from pipeline.store.scans import ScanStore
from tests.audits import Corpus, audit, contents, events, give_salt, jsonl, make_corpus, texts
from tests.object_store import Server, s3_server

__all__ = ["s3_server"]


def night(corpus: Corpus, out: Path) -> str:
    """A run in this process; its id."""
    give_salt(out)
    return run(load_config(corpus.config, out), Options()).folder.name


def lexicon(corpus: Corpus, term: str) -> dict[str, list[str]]:
    (corpus.config.parent / "own.tsv").write_text(f"term\trisks\ttier\n{term}\tA1-h\treview\n", encoding="utf-8")
    return {"lexicons": ["own.tsv"]}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Path, list[str]]:
    """Three nights: with a lexicon of its own, without it, and with a new shard."""
    folder = tmp_path_factory.mktemp("three")
    corpus, out = make_corpus(folder / "c"), folder / "o"
    corpus.write(**lexicon(corpus, "公园散步"))
    runs = [night(corpus, out)]
    corpus.write()
    runs.append(night(corpus, out))
    (corpus.folder / "plain" / "c.jsonl").write_bytes(jsonl([{"text": text} for text in texts("丙", 20)]))
    return corpus, out, [*runs, night(corpus, out)]


@pytest.fixture
def copied(three: tuple[Corpus, Path, list[str]], tmp_path: Path) -> tuple[Corpus, Path, list[str]]:
    """A copy of that output in which links between runs and scans hold, as in the original."""
    corpus, out, runs = three
    subprocess.run(["cp", "-a", str(out), str(tmp_path / "o")], check=True)
    return corpus, tmp_path / "o", runs


def files(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}


def keyed(scans: Path) -> set[str]:
    """Keys of all committed layers and decisions."""
    return {path.stem for path in scans.rglob("??/*") if len(path.stem) == 64}


def test_old_runs_go_with_what_only_they_referred_to(copied: tuple[Corpus, Path, list[str]]) -> None:
    corpus, out, runs = copied
    before = contents(out)
    wanted = {key.hex() for key in keys_in(out / "runs" / runs[2] / "scans.parquet")}
    assert keyed(out / "scans") > wanted
    done = audit("prune", out, "--keep", 1)
    assert runs[0] in done.stdout
    assert [path.name for path in (out / "runs").iterdir() if path.name[0] != "."] == runs[2:]
    assert keyed(out / "scans") == wanted
    assert Register(ScanStore(str(out / "scans"))).kept() == runs[2:]
    assert contents(out) == before
    audit("verify", out)
    corpus.write()
    assert "none was built" in audit("run", corpus.config, "--out", out).stdout
    corpus.write(seed="other")
    try:
        night(corpus, out)
    finally:
        corpus.write()
    assert not [e for e in events(out) if e["event"] == "unit_scanned" and e["layers_built"]], "all layers are there"
    assert not [e for e in events(out) if e["event"] == "unit_decided" and e["built"]], "and all decisions"
    assert len((out / "publications.ndjson").read_text().splitlines()) == 4


def test_what_is_said_to_be_freed_is_freed(copied: tuple[Corpus, Path, list[str]]) -> None:
    _, out, _ = copied

    def held() -> int:
        told = {(s.st_dev, s.st_ino): s.st_size for s in (p.stat() for p in out.rglob("*") if p.is_file())}
        return sum(told.values())

    before, ours = held(), sum(files(out).get(name, 0) for name in (history.FILE,))
    said = prune(Output(out), 1)
    references = 0  # their files in the store are small change, not counted
    freed = before - held() + (out / history.FILE).stat().st_size - ours
    assert said.bytes > 0
    assert said.stores[0].files > 0
    assert 0 <= freed - (said.bytes + said.stores[0].bytes) - references < 20_000


def test_a_dry_run_says_the_same_and_changes_nothing(copied: tuple[Corpus, Path, list[str]]) -> None:
    _, out, _ = copied
    before = files(out)
    would = prune(Output(out), 1, dry_run=True)
    assert files(out) == before
    did = prune(Output(out), 1)
    assert (would.runs, would.bytes, would.stores) == (did.runs, did.bytes, did.stores)


@pytest.mark.parametrize(("keep", "left"), [(1, 1), (2, 2), (3, 3), (99, 3)])
def test_so_many_stay_as_are_asked_for(copied: tuple[Corpus, Path, list[str]], keep: int, left: int) -> None:
    _, out, runs = copied
    assert list(prune(Output(out), keep).kept) == runs[3 - left :]
    assert prune(Output(out), keep).runs == [], "and again"
    audit("verify", out, "--quick")


@pytest.mark.parametrize(
    "name",
    ["rounds/r-2026/round.json", "rounds/events.ndjson", "review/verdicts.csv", "runs/{0}/report/manifest.json"],
)
def test_what_a_round_a_review_or_a_report_stands_on_stays(copied: tuple[Corpus, Path, list[str]], name: str) -> None:
    _, out, runs = copied
    place = out / name.format(runs[0])
    place.parent.mkdir(parents=True)
    place.write_text(f'{{"run": "{runs[0]}"}}\n')
    result = prune(Output(out), 1)
    assert result.runs == [runs[1]]
    assert "named by" in result.kept[runs[0]]
    left = {key.hex() for run_id in (runs[0], runs[2]) for key in keys_in(out / "runs" / run_id / "scans.parquet")}
    assert keyed(out / "scans") == left


@pytest.mark.parametrize("arguments", [("--keep", 0), ("--keep", "x"), ()])
def test_how_many_stay_must_be_said(copied: tuple[Corpus, Path, list[str]], arguments: tuple[object, ...]) -> None:
    _, out, _ = copied
    audit("prune", out, *arguments, check=2)
    assert len(list((out / "runs").glob("2*"))) == 3


def test_no_output_no_pruning(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an output folder"):
        prune(Output(tmp_path), 1)


def test_while_a_run_goes_on_nothing_is_pruned(copied: tuple[Corpus, Path, list[str]]) -> None:
    _, out, _ = copied
    with Output(out).held():
        audit("prune", out, "--keep", 1, check=4)
    assert len(list((out / "runs").glob("2*"))) == 3


def test_what_an_interrupted_run_committed_stays(three: tuple[Corpus, Path, list[str]], tmp_path: Path) -> None:
    """A run killed after its layers were committed goes on from them, also when something was pruned in between."""
    corpus, out, _ = three
    subprocess.run(["cp", "-a", str(out), str(tmp_path / "o")], check=True)
    own = Corpus(corpus.folder, tmp_path / "config.json")
    changes = lexicon(own, "讨论")
    (tmp_path / "config.json").write_text(corpus.config.read_text())
    sources = [{**s, "paths": [str(corpus.folder / p) for p in s["paths"]]} for s in load_raw(corpus)]
    own.write(sources=sources, **changes)
    killed = _killed_at("pipeline.run.samples.finish", "run", own.config, "--out", tmp_path / "o")
    assert killed.returncode == -signal.SIGKILL
    audit("prune", tmp_path / "o", "--keep", 1)
    night(own, tmp_path / "o")
    assert not [e for e in events(tmp_path / "o") if e["event"] == "unit_scanned" and e["layers_built"]]
    audit("verify", tmp_path / "o")


def load_raw(corpus: Corpus) -> list[dict[str, object]]:
    content: list[dict[str, object]] = json.loads(corpus.config.read_text())["sources"]
    return content


def _killed_at(place: str, *arguments: object, after: int = 1) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own that is killed by SIGKILL when it calls `place` so many times."""
    module, _, name = place.rpartition(".")
    code = f"""
import os, signal, sys
from pipeline.terminal.commands import app
import pipeline.run, pipeline.nights.prune, pipeline.store.output
owner = {module}
inner, calls = owner.{name}, [0]
def trap(*given, **named):
    calls[0] += 1
    if calls[0] == {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    return inner(*given, **named)
owner.{name} = trap
from pipeline.cli import main
main()
"""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )


KILLS = [
    ("pipeline.nights.prune.history.record_pruned", 1),
    ("pipeline.nights.prune._drop", 1),
    ("pipeline.nights.prune._drop", 2),
    ("pipeline.nights.prune.shutil.rmtree", 2),
    ("pipeline.nights.prune.Register.drop", 2),
    ("pipeline.nights.prune.Path.unlink", 1),
    ("pipeline.nights.prune.Path.unlink", 4),
    ("pipeline.nights.prune.Path.unlink", 9),
]


@pytest.mark.parametrize(("place", "after"), KILLS)
def test_killed_anywhere_it_does_no_harm(copied: tuple[Corpus, Path, list[str]], place: str, after: int) -> None:
    _, out, runs = copied
    before = contents(out)
    done = _killed_at(place, "prune", out, "--keep", 1, after=after)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert contents(out) == before
    assert history.problems(Output(out)) == []
    audit("verify", out, "--quick")
    result = prune(Output(out), 1)
    assert list(result.kept) == runs[2:]
    wanted = {key.hex() for key in keys_in(out / "runs" / runs[2] / "scans.parquet")}
    assert keyed(out / "scans") == wanted, "what was begun is finished"
    assert [path for path in (out / "runs").iterdir() if path.name.startswith(".pruned")] == []
    audit("verify", out, "--quick")


def test_killed_between_files_the_next_run_builds_what_is_missing(copied: tuple[Corpus, Path, list[str]]) -> None:
    """Decisions lose the mark that vouches for them first, so a run never trusts what is half removed."""
    corpus, out, _ = copied
    assert (
        _killed_at("pipeline.nights.prune.Path.unlink", "prune", out, "--keep", 1, after=12).returncode
        == -signal.SIGKILL
    )
    own = Corpus(corpus.folder, out.parent / "config.json")
    own.write(
        sources=[{**s, "paths": [str(corpus.folder / str(p)) for p in s["paths"]]} for s in load_raw(corpus)],
        **lexicon(own, "公园散步"),
    )
    night(own, out)
    audit("verify", out)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Corpus, Path, Path, Path]]:
    """Two outputs of one corpus with one store of scans; the first has two runs, the second one that stands on its first."""
    corpus = make_corpus(tmp_path / "c")
    scans = tmp_path / "scans"
    corpus.write(scans=str(scans), **lexicon(corpus, "公园散步"))
    night(corpus, tmp_path / "a")
    night(corpus, tmp_path / "b")
    corpus.write(scans=str(scans))
    night(corpus, tmp_path / "a")
    yield corpus, tmp_path / "a", tmp_path / "b", scans


def test_what_another_output_refers_to_stays(pair: tuple[Corpus, Path, Path, Path]) -> None:
    corpus, a, b, scans = pair
    referred = {key.hex() for key in keys_in(b / "current" / "scans.parquet")}
    result = prune(Output(a), 1)
    assert (len(result.runs), result.stores[0].other_runs) == (1, 1)
    assert referred <= keyed(scans)
    corpus.write(scans=str(scans), seed="other", **lexicon(corpus, "公园散步"))
    night(corpus, b)
    assert not [e for e in events(b) if e["event"] == "unit_scanned" and e["layers_built"]]
    shutil.rmtree(b)  # its references stay, and with them what they name, until they are removed
    assert prune(Output(a), 1).stores[0].files == 0
    for path in (scans / "references").iterdir():
        if path.stem != (a / "current").resolve().name:
            path.unlink()
    assert prune(Output(a), 1).stores[0].files > 0
    assert keyed(scans) == {key.hex() for key in keys_in(a / "current" / "scans.parquet")}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda told: told, 0, id="interrupted on this machine"),
        pytest.param(lambda told: told.replace(f'"{os.uname().nodename}"', '"elsewhere"'), 4, id="begun elsewhere"),
    ],
)
def test_a_run_of_another_output_is_not_disturbed(
    copied: tuple[Corpus, Path, list[str]], tmp_path: Path, change: Callable[[str], str], code: int
) -> None:
    _, out, _ = copied
    other = Output(tmp_path / "other")
    other.prepare()
    Register(ScanStore(str(out / "scans"))).begin("20990101T000000Z-aaaaaaaa", other.folder)
    note = out / "scans" / "references" / "20990101T000000Z-aaaaaaaa.json"
    note.write_text(change(note.read_text()))
    with other.held(), pytest.raises(OutputBusy, match="20990101T000000Z-aaaaaaaa"):
        prune(Output(out), 1)
    assert len(list((out / "runs").glob("2*"))) == 3
    audit("prune", out, "--keep", 1, check=code)


def test_the_note_of_an_output_that_is_gone_holds_nothing_up(
    copied: tuple[Corpus, Path, list[str]], tmp_path: Path
) -> None:
    _, out, _ = copied
    Register(ScanStore(str(out / "scans"))).begin("20990101T000000Z-aaaaaaaa", tmp_path / "gone")
    assert prune(Output(out), 1).stores[0].interrupted == []
    assert list((out / "scans" / "references").glob("*.json")) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"run_id": 5}'])
def test_a_damaged_note_holds_up_no_run_and_pruning_only_where_it_may_be_of_another_output(
    copied: tuple[Corpus, Path, list[str]], content: bytes
) -> None:
    _, out, runs = copied
    notes = out / "scans" / "references"
    (notes / f"{runs[0]}.json").write_bytes(content)  # of a run that was published since
    (notes / "20990101T000000Z-aaaaaaaa.json").write_bytes(content)
    Register(ScanStore(str(out / "scans"))).begin("20990101T000000Z-bbbbbbbb", out)
    with pytest.raises(OutputBusy, match="20990101T000000Z-aaaaaaaa.json"):
        prune(Output(out), 1)
    (notes / "20990101T000000Z-aaaaaaaa.json").unlink()
    assert prune(Output(out), 1).runs == runs[:2]
    assert [path.stem for path in notes.glob("*.json")] == ["20990101T000000Z-bbbbbbbb"]


@pytest.mark.parametrize("place", ["scans/references/20990101T000000Z-aaaaaaaa.parquet", "current/scans.parquet"])
def test_where_references_are_damaged_no_scans_are_dropped(copied: tuple[Corpus, Path, list[str]], place: str) -> None:
    _, out, _ = copied
    path = out / place
    whole = (out / "current" / "scans.parquet").read_bytes()
    path.unlink(missing_ok=True)
    path.write_bytes(whole[: len(whole) // 2])
    before = keyed(out / "scans")
    told = audit("prune", out, "--keep", 1, check=3)
    assert path.name in told.stderr and "Traceback" not in told.stderr
    assert path.exists() and keyed(out / "scans") == before


def test_answers_of_a_confirming_scorer_are_never_pruned(copied: tuple[Corpus, Path, list[str]]) -> None:
    _, out, _ = copied
    paid = out / "scans" / "answers" / "ab" / f"{'ab' * 32}.parquet"
    paid.parent.mkdir(parents=True)
    paid.write_bytes(b"paid for")
    prune(Output(out), 1)
    assert paid.exists()


def test_scans_in_a_bucket_are_pruned_the_same(
    s3_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    client = s3_server.client()
    client.mkdir("prune-scans")
    corpus = make_corpus(tmp_path / "c")
    corpus.write(scans="s3://prune-scans/scans", **lexicon(corpus, "公园散步"))
    night(corpus, tmp_path / "o")
    corpus.write(scans="s3://prune-scans/scans")
    last = night(corpus, tmp_path / "o")

    def there() -> set[str]:
        return {Path(path).stem for path in client.find("prune-scans/scans") if len(Path(path).stem) == 64}

    wanted = {key.hex() for key in keys_in(tmp_path / "o" / "runs" / last / "scans.parquet")}
    assert there() > wanted
    would = prune(Output(tmp_path / "o"), 1, dry_run=True).stores[0]
    assert there() > wanted
    did = prune(Output(tmp_path / "o"), 1).stores[0]
    assert (would.files, would.bytes) == (did.files, did.bytes)
    assert there() == wanted
    corpus.write(scans="s3://prune-scans/scans", seed="other")
    night(corpus, tmp_path / "o")
    assert not [e for e in events(tmp_path / "o") if e["event"] == "unit_scanned" and e["layers_built"]]
