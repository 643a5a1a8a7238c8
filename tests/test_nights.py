"""Night after night over a corpus that changes: the same bytes as from scratch, and nothing read again that did not change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import passes
from pipeline.config import load_config
from pipeline.engine import engines
from pipeline.engine.engines import Engine
from pipeline.run import Options, run
from pipeline.store.output import Output, Run
from pipeline.verification.verify import verify
from tests.audits import BAD_WORDING, SOURCES, Corpus, contents, events, flip, give_salt, jsonl, make_corpus, sql, texts

# What is committed of a unit besides layers and decisions.
DERIVED = ("summaries-1", "groups-1", "hashes-1", "ranked-1", "technical-1", "manual-1", "distinct-1")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return make_corpus(tmp_path / "c")


def night(corpus: Corpus, out: Path) -> Run:
    """One run, in this process."""
    give_salt(out)
    return Run(run(load_config(corpus.config, out), Options()).folder)


def from_scratch(corpus: Corpus, out: Path) -> dict[str, bytes]:
    night(corpus, out)
    return contents(out)


def add_shard(corpus: Corpus) -> None:
    rows = [{"id": f"n{i}", "text": text} for i, text in enumerate(texts("新到", 90, every=40))]
    (corpus.folder / "plain" / "c.jsonl").write_bytes(jsonl([*rows, {"id": "p1", "text": "同一编号，另一文本"}]))


def change_shard(corpus: Corpus) -> None:
    (corpus.folder / "plain" / "b.jsonl").write_bytes(jsonl([{"text": text} for text in texts("改过", 95)]))


def remove_shard(corpus: Corpus) -> None:
    (corpus.folder / "packed" / "a.jsonl.gz").unlink()


def larger_sample(corpus: Corpus) -> None:
    corpus.write(sampling={"manual": 260, "technical": "0.35"})


def other_seed(corpus: Corpus) -> None:
    corpus.write(seed="test-2")


@pytest.mark.parametrize(
    "changes",
    [(add_shard, remove_shard), (change_shard, larger_sample), (remove_shard, other_seed)],
    ids=lambda changes: "-".join(change.__name__ for change in changes),
)
def test_every_night_is_as_if_from_scratch(
    corpus: Corpus, tmp_path: Path, changes: tuple[Callable[[Corpus], None], ...]
) -> None:
    out = tmp_path / "o"
    night(corpus, out)
    for number, change in enumerate(changes):
        change(corpus)
        night(corpus, out)
        assert contents(out) == from_scratch(corpus, tmp_path / f"fresh-{number}")
        assert [check for check in verify(Output(out)) if check.problems] == []


def files(out: Path) -> dict[str, int]:
    """Derived files by path, with the time they were written."""
    scans = out / "scans"
    found = [path for name in DERIVED for path in (scans / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(scans)): path.stat().st_mtime_ns for path in found}


def test_of_a_unit_that_did_not_change_nothing_is_made_again(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    night(corpus, out)
    before = files(out)
    assert {path.split("/")[0] for path in before} == set(DERIVED)
    add_shard(corpus)
    shards = [path for path in corpus.folder.rglob("*") if path.is_file() and "plain" not in path.parts]
    for path in shards:
        path.chmod(0o000)  # read by nobody who is not the superuser; and its texts are in the earlier sample
    try:
        night(corpus, out)
    finally:
        for path in shards:
            path.chmod(0o644)
    assert {path: time for path, time in files(out).items() if path in before} == before


@pytest.mark.parametrize("name", DERIVED)
def test_a_damaged_file_is_made_anew(corpus: Corpus, tmp_path: Path, name: str) -> None:
    out = tmp_path / "o"
    night(corpus, out)
    for path in (out / "scans" / name).rglob("*"):
        if path.is_file():
            flip(path, 1 / 2)
    add_shard(corpus)
    night(corpus, out)
    assert contents(out) == from_scratch(corpus, tmp_path / "fresh")


def test_a_text_of_the_earlier_sample_is_taken_only_if_it_is_what_it_was(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    first = night(corpus, out)
    path = first.folder / "samples" / "manual.parquet"
    path.chmod(0o644)
    flip(path, 1 / 3)
    add_shard(corpus)
    night(corpus, out)
    assert contents(out) == from_scratch(corpus, tmp_path / "fresh")


def test_the_database_that_was_brought_up_to_date_holds_what_a_new_one_would(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    night(corpus, out)
    change_shard(corpus)
    night(corpus, out)
    night(corpus, tmp_path / "fresh")
    for table in ("documents", "findings"):
        query = f"SELECT * FROM {table} ORDER BY ALL"
        assert sql(out, query) == sql(tmp_path / "fresh", query)


def test_only_units_that_hold_a_bad_domain_are_decided_again(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    rows = [{"id": f"g{i}", "text": f"正常的第{i}篇文章", "url": f"https://www.good.cn/{i}"} for i in range(300)]
    rows += [
        {"id": f"b{i}", "text": f"第{i}帖" + BAD_WORDING * (i % 4 == 0), "url": f"http://bbs.bad.com.cn/{i}"}
        for i in range(40)
    ]
    (corpus.folder / "sites").mkdir()
    (corpus.folder / "sites" / "a.jsonl").write_bytes(jsonl(rows))
    sites = {"id": "sites", "name": "x", "kind": "open", "region": "domestic", "paths": ["sites/*.jsonl"]}
    corpus.write(sources=[*SOURCES, sites])
    night(corpus, out)
    again = {event["unit"] for event in events(out) if event["event"] == "unit_decided" and event.get("again")}
    assert again == {"bad-00000", "sites-00000"}  # a source and a domain above 5 %
    add_shard(corpus)
    night(corpus, out)
    made = {event["unit"] for event in events(out) if event["event"] == "unit_decided" and event["built"]}
    assert made == {"plain-00000"}


def test_little_work_of_a_later_night_starts_no_processes(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    night(corpus, out := tmp_path / "o")
    add_shard(corpus)
    used: list[int] = []
    execute = passes.execute

    def counting(job: object, engine: Engine, *rest: Any) -> None:
        used.append(engine.workers)
        execute(job, engine, *rest)

    monkeypatch.setattr(passes, "execute", counting)
    run(load_config(corpus.config, out), Options(Engine(workers=2)))
    assert used == [1, 1]
    monkeypatch.setattr(engines, "SMALL", 10)
    remove_shard(corpus)
    run(load_config(corpus.config, out), Options(Engine(workers=2)))
    assert 2 in used[2:]
    assert contents(out) == from_scratch(corpus, tmp_path / "fresh")


@pytest.mark.parametrize(
    ("engine", "spread"),
    [
        (Engine(workers=2), False),
        (Engine(workers=2, options=("--direct_running_mode=multi_processing",)), True),
        (Engine("FlinkRunner", 2), True),
    ],
)
def test_only_the_workers_of_this_machine_are_done_without(engine: Engine, spread: bool) -> None:
    assert (engine.for_work(1000) == engine) is spread
    assert engine.for_work(1 << 40) == engine
