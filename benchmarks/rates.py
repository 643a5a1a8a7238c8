"""The whole audit on one core beside the naive script, and on documents of 2 KB."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import Corpus, write_config
from benchmarks.figures import Figures
from benchmarks.machine import on_cores
from benchmarks.naive import Form
from benchmarks.targets import Line

TARGETS = {Form.NAIVE: 30.0, Form.TUNED: 14.0}  # times per core
LONG_TARGET = 12.0  # MB/s of a core, documents of 2 KB
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

    def lines(self) -> list[Line]:
        """The ratios, with their targets."""
        ratios = [
            Line("rates", f"audit / {TITLES[form]}, per core", self.ratio(form), "×", TARGETS.get(form))
            for form in self.naive
        ]
        peak = Line("rates", "peak memory of the audit", self.audit.peak_bytes / 1e6, "MB", MEMORY / 1e6, False)
        return [Line("rates", "audit, documents as they are", self.audit.per_core, "MB/s core"), *ratios, peak]


def compare(corpus: Corpus, sampled: Corpus, library: Path, naive_mb: float, folder: Path, twice: bool) -> Comparison:
    """Runs the processes one after another: the audit twice, around the script, and the slower one counts.

    The script gets `naive_mb` of the `sampled` corpus, drawn evenly.
    """
    first = run_audit(corpus, library, folder / "first")
    naive = {}
    for form in Form:
        say(TITLES[form])
        options = ["--form", form, "--corpus", str(sampled.folder), "--lexicon", str(library)]
        options += ["--limit-mb", str(naive_mb), "--figures", str(folder / "figures.json")]
        naive[form] = measured(folder / "figures.json", "benchmarks.naive", *options)
    again = run_audit(corpus, library, folder / "again") if twice else first
    return Comparison(min(first, again, key=lambda figures: figures.per_core), naive)


def long_documents(figures: Figures) -> list[Line]:
    """What the audit of documents of 2 KB comes to."""
    mean = figures.bytes_of_text / figures.documents / 1e3
    return [Line("long", f"audit, documents of {mean:.1f} KB", figures.per_core, "MB/s core", LONG_TARGET)]


def run_audit(corpus: Corpus, library: Path, folder: Path) -> Figures:
    """One audit with the clock on its stages; what it wrote is removed."""
    say(f"full audit: {corpus.title}")
    config, figures = write_config(corpus, library, folder), folder / "figures.json"
    found = measured(figures, "benchmarks.audit", str(config), str(figures), str(time.time()))
    clear(folder)
    return found


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
    """Runs a module on one core. What it prints is shown only where it fails."""
    with on_cores(1):
        done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stdout}{done.stderr}")


def clear(folder: Path) -> None:
    """Removes an output folder, read-only files and all."""
    shutil.rmtree(folder / "out", ignore_errors=True)


def say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def rate_table(rows: dict[str, Figures]) -> str:
    """Text, documents, seconds and rates of every process."""
    head = f"{'':46}{'MB':>8}{'docs':>11}{'KB/doc':>8}{'CPU s':>9}{'MB/s core':>11}{'MB/s wall':>11}{'peak MB':>9}"
    return "\n".join([head, *(_rate_row(title, figures) for title, figures in rows.items())])


def _rate_row(title: str, own: Figures) -> str:
    size = own.bytes_of_text / 1e6
    return (
        f"{title:46}{size:8.1f}{own.documents:11,}{size * 1e3 / own.documents:8.2f}{own.cpu_seconds:9.2f}"
        f"{own.per_core:11.2f}{size / own.wall_seconds:11.2f}{own.peak_bytes / 1e6:9,.0f}"
    )
