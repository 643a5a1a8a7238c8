"""The benchmark runs and says what it should. How fast anything is, is not a matter for tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rjieba")
pytest.importorskip("xxhash")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, dict]]:
    figures = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "benchmarks.bench", "--quick", "--lexicon-size", "12000", "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(figures.read_bytes())


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
