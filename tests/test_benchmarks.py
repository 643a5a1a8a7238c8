"""The benchmarks run and say what they should, and no stage has become slower beside the naive script.

How many seconds anything takes is not a matter for tests.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rjieba")
pytest.importorskip("xxhash")

from benchmarks import guard
from benchmarks.corpus import Corpus, in_folder
from benchmarks.inputs import joined, repeated, text_bytes
from benchmarks.machine import take
from benchmarks.naive import texts
from benchmarks.scale.fold import Folder, Reading
from benchmarks.scale.gauge import Gauge, Step
from benchmarks.targets import Line, as_markdown, as_text

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("normalise", "base", "keywords", "classifier", "pii", "fingerprint")
FLOOR = 20  # times the script, all stages of the scan together: a quarter of what they reach


def module(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, dict]]:
    figures = tmp_path_factory.mktemp("bench") / "figures.json"
    printed = module("benchmarks.bench", "--quick", "--lexicon-size", "12000", "--json", str(figures))
    return printed, json.loads(figures.read_bytes())


@pytest.mark.parametrize(
    "row",
    ["machine", "the bundled demo corpus", "12,000 terms", "full audit", "naive script", "tuned:", "update_batch"],
)
def test_prints(quick: tuple[str, dict[str, dict]], row: str) -> None:
    assert row in quick[0]


@pytest.mark.parametrize("process", ["audit", "naive", "tuned", "batched"])
def test_stages_add_up_to_the_whole(quick: tuple[str, dict[str, dict]], process: str) -> None:
    figures = quick[1][process]
    assert sum(figures["stages"].values()) == pytest.approx(figures["cpu_seconds"], rel=0.02)
    assert figures["documents"] > 0


def test_the_stages_on_chinese_text_are_measured(quick: tuple[str, dict[str, dict]]) -> None:
    took = quick[1]["chinese"]
    assert {"normalise", "keywords", "keywords, split", "classifier", "jieba, in keywords"} <= took.keys()
    assert took["normalise"] > 0 and took["keywords"] > 0
    assert "µs of CPU per KB of Chinese text" in quick[0]


def test_every_stage_of_the_audit_is_on_the_clock(quick: tuple[str, dict[str, dict]]) -> None:
    """A function that was renamed or is called by another name would be booked on `rest` or its caller."""
    assert [stage for stage, seconds in quick[1]["audit"]["stages"].items() if seconds == 0] == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> guard.Bench:
    return guard.prepare(tmp_path_factory.mktemp("guard"))


@pytest.fixture(scope="module")
def ratios(bench: guard.Bench) -> dict[str, float]:
    return bench.ratios()


def test_no_stage_has_become_slower(ratios: dict[str, float]) -> None:
    assert guard.slower(ratios, guard.recorded()) == []


def test_the_scan_is_many_times_as_fast_as_the_script(ratios: dict[str, float]) -> None:
    assert 1 / sum(1 / ratio for ratio in ratios.values()) >= FLOOR


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_takes_three_times_as_long_is_found(
    bench: guard.Bench, ratios: dict[str, float], name: str
) -> None:
    slow = bench.ratios({name: thrice(bench.stages[name])})
    assert [problem.split(":")[0] for problem in guard.slower(ratios | slow, ratios)] == [name]


def thrice(stage: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def slow(batch: Any) -> Any:
        stage(batch)
        stage(batch)
        return stage(batch)

    return slow


def test_a_stage_that_was_never_recorded_is_found() -> None:
    assert guard.slower({"new": 5.0}, {}) == ["new: not in guard.yaml: record it"]


@pytest.fixture
def small(tmp_path: Path) -> Corpus:
    for source, lengths in {"short": [100] * 200, "long": [3000] * 5}.items():
        (tmp_path / "corpus" / source).mkdir(parents=True)
        lines = (json.dumps({"text": chr(97 + i % 26) * length}) + "\n" for i, length in enumerate(lengths))
        (tmp_path / "corpus" / source / "part-00.jsonl").write_text("".join(lines))
    return in_folder(tmp_path / "corpus")


def test_joined_documents_have_the_mean_and_keep_every_text(small: Corpus, tmp_path: Path) -> None:
    found = joined(small, tmp_path / "joined", mean=1000)
    documents = {source: [text for path in own for text in texts(path)] for source, own in found.sources.items()}
    assert [len(text) for text in documents["long"]] == [3000] * 5
    assert "".join(documents["short"]).replace("\n", "") == "".join(
        text for path in small.sources["short"] for text in texts(path)
    )
    assert text_bytes(small) / sum(map(len, documents.values())) == pytest.approx(1000, rel=0.1)


def test_a_repeated_corpus_is_as_large_and_none_of_its_files_another(small: Corpus, tmp_path: Path) -> None:
    found = repeated(small, 3, tmp_path / "copies")
    files = [path for own in found.sources.values() for path in own]
    assert text_bytes(found) == 3 * text_bytes(small)
    assert len({path.stat().st_ino for path in files}) == len(files) == 6


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (Line("a", "fast enough", 30, "×", 30), "PASS"),
        (Line("a", "too slow", 29.9, "×", 30), "SHORT"),
        (Line("a", "small enough", 1.0, "%", 1, at_least=False), "PASS"),
        (Line("a", "too large", 1.1, "%", 1, at_least=False), "SHORT"),
        (Line("a", "as it is", 1.1, "s"), ""),
    ],
)
def test_a_figure_is_told_with_its_target(line: Line, verdict: str) -> None:
    assert line.verdict == verdict
    assert as_text([line]).endswith(verdict)
    assert as_markdown([line], {"date": "d", "machine": "m", "python": "p"}).endswith(f"| {verdict} |")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory of other processes is read from /proc")
def test_the_peaks_of_a_process_and_its_children_are_seen() -> None:
    child = "import time; held = bytearray(200_000_000); time.sleep(1.5)"
    parent = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {child!r}]); time.sleep(0.5)"
    took = take([sys.executable, "-c", parent], 1)
    assert took.parent < 100e6
    assert [200e6 < peak < 260e6 for peak in took.workers] == [True]


def test_an_interrupted_simulation_goes_on(tmp_path: Path) -> None:
    def attempt(jobs: list[int]) -> tuple[int, Gauge]:
        gauge = Gauge(len(jobs))
        total = Folder(tmp_path, 1, gauge).fold("square", square, jobs, (print, ()), 0, lambda total, own: total + own)
        return total, gauge

    assert attempt([1, 2, 3])[0] == 14
    total, gauge = attempt([1, 2, 3, 4, 5])  # the first three are not done again
    assert total == 55
    assert gauge.steps["squared"].rows == 5


def square(number: int) -> Reading:
    return Reading(number * number, {"squared": Step(rows=1)})


@pytest.mark.slow
def test_scale_runs_the_whole_way_and_its_books_balance(tmp_path: Path) -> None:
    figures = tmp_path / "scale.json"
    printed = module(
        "benchmarks.scale", "--rows", "60000", "--unit-rows", "2500", "--workers", "2", "--json", str(figures)
    )
    assert "documents 60,000, admitted" in printed
    steps = json.loads(figures.read_bytes())["steps"]
    assert {"decide", "rank", "draw", "group: domains, copies", "samples", "audit.duckdb"} <= steps.keys()
    assert all(step["peak"] < 1.5e9 for step in steps.values())


@pytest.mark.slow
def test_every_part_of_the_benchmark_runs(tmp_path: Path) -> None:
    parts = [word for part in ("long", "workers", "memory", "nightly") for word in ("--part", part)]
    printed = module("benchmarks.bench", "--quick", "--lexicon-size", "12000", "--markdown", "-", *parts)
    for figure in ("two workers over one", "largest worker", "every unchanged GB", "documents of 2.0 KB"):
        assert figure in printed
