"""Throughput and memory of the full audit beside the naive script and its tuned forms, all in the same run.

The audit is `pipeline.run.run` with one worker in a process of its own, from its start to publication. The naive
script (see naive.py) audits a sample of the same corpus; its imports and models are not on its clock. All processes are
pinned to one core, one after another, and rates are per second of CPU, so that neighbours on the machine weigh less.
The audit runs before and after the script, and the slower run counts.

    python -m benchmarks.bench [--corpus DIR] [--lexicon-size 60000] [--check] [--json FILE]
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import audit
from benchmarks.corpus import Corpus, from_demo, in_folder, write_config, write_library
from benchmarks.figures import Figures
from benchmarks.naive import STAGES as NAIVE_STAGES
from benchmarks.naive import Form
from pipeline.detectors import LIBRARIES

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
CHINESE = ("zh_news", "zh_law", "zh_qa", "zh_forum", "zh_tech_blog")  # what `benchmarks.stages` reads
TARGETS = {Form.NAIVE: 10.0, Form.TUNED: 5.0}  # times per core
MEMORY = 1.5e9  # bytes a worker
TITLES = {
    Form.NAIVE: "naive script",
    Form.TUNED: "tuned: Rust segmenter, xxHash shingles",
    Form.BATCHED: "tuned further: update_batch",
}


@dataclass(frozen=True)
class Comparison:
    """The audit's figures and those of the forms of the naive script."""

    audit: Figures
    naive: dict[Form, Figures]

    def ratio(self, form: Form) -> float:
        """How many times the script's text the audit gets through in a second of CPU, process start included."""
        return self.audit.per_core / self.naive[form].per_core

    @property
    def passes(self) -> bool:
        fast = all(self.ratio(form) >= target for form, target in TARGETS.items())
        return fast and self.audit.peak_bytes < MEMORY


def compare(corpus: Corpus, library: Path, naive_mb: float, folder: Path, twice: bool = True) -> Comparison:
    """Runs the processes one after another: the audit twice, around the script, and the slower one counts."""
    first = run_audit(corpus, library, folder / "first")
    naive = {}
    for form in Form:
        say(TITLES[form])
        options = ["--form", form, "--corpus", str(corpus.folder), "--lexicon", str(library)]
        options += ["--limit-mb", str(naive_mb), "--figures", str(folder / "figures.json")]
        naive[form] = measured(folder / "figures.json", "benchmarks.naive", *options)
    again = run_audit(corpus, library, folder / "again") if twice else first
    return Comparison(min(first, again, key=lambda figures: figures.per_core), naive)


def run_audit(corpus: Corpus, library: Path, folder: Path) -> Figures:
    say("full audit")
    config, figures = write_config(corpus, library, folder), folder / "figures.json"
    return measured(figures, "benchmarks.audit", str(config), str(figures), str(time.time()))


def run_stages(corpus: Corpus, library: Path, folder: Path, megabytes: float, repetitions: int) -> dict[str, float]:
    """What `benchmarks.stages` measures on the Chinese sources, with the library of this run."""
    say("stages on Chinese text")
    file = folder / "stages.json"
    options = ["--data", str(corpus.folder), "--lexicon", str(library), "--mb", str(megabytes)]
    execute("benchmarks.stages", *options, "--repetitions", str(repetitions), "--json", str(file))
    took: dict[str, float] = json.loads(file.read_bytes())
    return took


def measured(figures: Path, module: str, *arguments: str) -> Figures:
    """Runs a module that leaves its figures."""
    execute(module, *arguments)
    return Figures.read(figures)


def execute(module: str, *arguments: str) -> None:
    """What a module prints is shown only where it fails."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stdout}{done.stderr}")


def say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def show_machine(corpus: Corpus, terms: int) -> None:
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = (f"{name} {metadata.version(name)}" for name in (*LIBRARIES, "numpy", "rjieba", "xxhash"))
    print(f"date     {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print(f"machine  {processor()}, {os.cpu_count()} cores, pinned to one; load average before {load}")
    print(f"python   {platform.python_version()}, {platform.system()} {platform.release()}")
    print(f"with     {', '.join(versions)}")
    print(f"corpus   {corpus.title}: {len(corpus.sources)} sources, {sum(map(len, corpus.sources.values()))} files")
    print(f"library  {terms:,} terms\n")


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def show_rates(found: Comparison) -> None:
    print(f"{'':42}{'MB':>7}{'docs':>9}{'KB/doc':>8}{'CPU s':>8}{'MB/s core':>11}{'MB/s wall':>11}{'peak MB':>9}")
    own = found.audit
    loaded = f"{own.per_core_loaded:11.2f}{'':>11}{'':>9}"
    show_rate("full audit, process start to publication", own)
    print(f"{'  the same once everything is loaded':42}{'':24}{own.cpu_seconds - own.loading_seconds:8.2f}{loaded}")
    for form, figures in found.naive.items():
        show_rate(TITLES[form], figures)
    print()


def show_rate(title: str, figures: Figures) -> None:
    size, per_document = figures.bytes_of_text / 1e6, figures.bytes_of_text / figures.documents / 1e3
    print(
        f"{title:42}{size:7.1f}{figures.documents:9,}{per_document:8.2f}{figures.cpu_seconds:8.2f}"
        f"{figures.per_core:11.2f}{size / figures.wall_seconds:11.2f}{figures.peak_bytes / 1e6:9,.0f}"
    )


def show_ratios(found: Comparison) -> None:
    for form, figures in found.naive.items():
        target, ratio = TARGETS.get(form), found.ratio(form)
        aim = "no target" if target is None else f"at least {target:g} ×: {verdict(ratio >= target)}"
        loaded = found.audit.per_core_loaded / figures.per_core
        print(f"audit / {TITLES[form]:42}{ratio:8.1f} × per core  {aim}; {loaded:.1f} × once loaded")
    peak, aim = found.audit.peak_bytes, f"under {MEMORY / 1e6:,.0f}"
    print(f"{'peak memory of the audit':50}{peak / 1e6:8,.0f} MB          {aim}: {verdict(peak < MEMORY)}\n")


def verdict(passed: bool) -> str:
    return "PASS" if passed else "SHORT"


def show_stages(found: Comparison) -> None:
    print("µs of CPU per KB of text")
    for stage in audit.STAGES:
        share = found.audit.stages[stage] / found.audit.cpu_seconds
        print(f"  {stage:26}{found.audit.microseconds_per_kb(stage):9.2f}{share:8.1%}")
    print(f"  {'full audit':26}{1e3 / found.audit.per_core:9.2f}\n")
    print(f"  {'':26}" + "".join(f"{form:>10}" for form in found.naive))
    for stage in NAIVE_STAGES:
        print(
            f"  {stage:26}" + "".join(f"{figures.microseconds_per_kb(stage):10.1f}" for figures in found.naive.values())
        )
    print(f"  {'script':26}" + "".join(f"{1e3 / figures.per_core:10.1f}" for figures in found.naive.values()))


def show_chinese(took: dict[str, float]) -> None:
    """Medians of repetitions of one stage alone: other texts and another clock than in the table of the full audit."""
    print("\nstages, µs of CPU per KB of Chinese text, or of code (python -m benchmarks.stages)")
    for name, value in took.items():
        print(f"  {name:26}{value:9.2f}")


def main(
    *,
    corpus: Annotated[Path | None, typer.Option(help="a folder of sources with records that hold `text`")] = None,
    lexicon_size: Annotated[int, typer.Option(help="make the library up to this many terms; 0: as bundled")] = 0,
    naive_mb: Annotated[float, typer.Option(help="how much text the naive script gets, in MB")] = 8.0,
    quick: Annotated[bool, typer.Option("--quick", help="a small run on the demo corpus: does it work at all")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 where a target is missed")] = False,
    to: Annotated[Path | None, typer.Option("--json", help="write the figures to a file")] = None,
) -> None:
    if hasattr(os, "sched_setaffinity"):  # inherited by the processes that are measured
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="corpus-audit-bench-") as name:
        folder = Path(name)
        if quick:
            chosen, naive_mb = from_demo(folder / "corpus", enough=0), 0.1
        elif corpus is not None or CORPUS.is_dir():
            chosen = in_folder(corpus or CORPUS)
        else:
            chosen = from_demo(folder / "corpus")
        if not chosen.sources:
            sys.exit(f"{chosen.folder}: no sub-folder holds .jsonl, .jsonl.zst, .jsonl.gz or .parquet files")
        library = folder / "library.tsv"
        show_machine(chosen, write_library(chosen, lexicon_size, library))
        found = compare(chosen, library, naive_mb, folder, twice=not quick)
        took = {}
        if set(CHINESE) & set(chosen.sources):
            took = run_stages(chosen, library, folder, megabytes=0.05 if quick else 1.0, repetitions=1 if quick else 3)
    show_rates(found)
    show_ratios(found)
    show_stages(found)
    if took:
        show_chinese(took)
    if to is not None:
        content = (
            {"audit": asdict(found.audit)}
            | {form: asdict(own) for form, own in found.naive.items()}
            | {"chinese": took}
        )
        to.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if check and not found.passes:
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
