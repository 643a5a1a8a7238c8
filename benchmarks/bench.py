"""Speed and memory: every figure with its target, from commands anybody can run again.

    python -m benchmarks.bench [--part rates …] [--full] [--quick] [--corpus DIR] [--folder DIR]
                               [--check] [--json FILE] [--markdown FILE]

Parts, all by default, about twenty minutes on two quiet cores:

- rates: the whole audit (`pipeline.run.run`, one worker, from process start to publication) on the corpus repeated until
  a run lasts minutes, beside the naive script and its tuned forms (naive.py) on a sample of it. The script's imports and
  models are not on its clock. The audit runs before and after the script, and the slower run counts.
- long: the audit on the corpus joined to documents of 2 KB (inputs.py).
- workers: two workers beside one, by the slope between two sizes of input. `--full`: 1 and 3 GB.
- memory: peaks of the parent and every worker. `--full`: from 100 MB to 5 GB.
- nightly: what a run costs where little or nothing changed (nightly.py).
- stages: the stages of matching alone, on Chinese text (stages.py).

Processes run one after another. Rates are per second of CPU, so that neighbours on the machine weigh less; `workers` and
`nightly` go by the clock and want a machine of their own.
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import audit
from benchmarks.corpus import CHINESE, CORPUS, Corpus, from_demo, in_folder, write_library
from benchmarks.figures import Figures
from benchmarks.inputs import joined, repeated, text_bytes
from benchmarks.machine import described
from benchmarks.naive import STAGES as NAIVE_STAGES
from benchmarks.nightly import nights
from benchmarks.rates import TITLES, compare, long_documents, rate_table, run_audit, run_stages
from benchmarks.scaling import Scaling
from benchmarks.targets import Line, as_markdown, as_text, stage_table

PARTS = ("rates", "long", "workers", "memory", "nightly", "stages")


@dataclass(frozen=True)
class Sizes:
    """How much each part works on: MB of text, times the corpus, GB."""

    audit_mb: float
    naive_mb: float
    workers_gb: tuple[float, float]
    memory_gb: list[float]
    nights: tuple[int, int]


USUAL = Sizes(440, 8, (0.22, 0.66), [0.1, 0.22, 0.66], (1, 3))
FULL = Sizes(440, 8, (1, 3), [0.1, 0.5, 1, 3, 5], (3, 9))
QUICK = Sizes(0, 0.1, (0.004, 0.008), [0.004], (1, 3))


@dataclass
class Bench:
    """One benchmark and what it found."""

    corpus: Corpus
    library: Path
    folder: Path
    sizes: Sizes
    quick: bool
    lines: list[Line] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    figures: dict[str, Figures] = field(default_factory=dict)
    chinese: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.size = text_bytes(self.corpus)
        self.scaling = Scaling(self.corpus, self.size, self.library, self.folder)

    def _repeated(self, corpus: Corpus, name: str, size: int) -> Corpus:
        return repeated(corpus, max(1, round(self.sizes.audit_mb * 1e6 / size)), self.folder / name)

    def rates(self) -> None:
        corpus = self._repeated(self.corpus, "copies", self.size)
        naive_mb = self.sizes.naive_mb
        found = compare(corpus, self.corpus, self.library, naive_mb, self.folder, twice=not self.quick)
        self.lines += found.lines()
        self.figures |= {"audit": found.audit} | {form.value: own for form, own in found.naive.items()}
        named = {TITLES[form]: figures for form, figures in found.naive.items()}
        self.tables.append(rate_table({"full audit, process start to publication": found.audit} | named))
        self.tables.append(_stages({"audit": found.audit}, audit.STAGES))
        self.tables.append(_stages({form.value: own for form, own in found.naive.items()}, NAIVE_STAGES))

    def long(self) -> None:
        small = joined(self.corpus, self.folder / "joined")
        corpus = self._repeated(small, "joined-copies", self.size)
        found = run_audit(corpus, self.library, self.folder / "long")
        self.lines += long_documents(found)
        self.figures["long"] = found
        self.tables.append(rate_table({"full audit, documents of 2 KB": found}))
        self.tables.append(_stages({"audit, 2 KB": found}, audit.STAGES))

    def workers(self) -> None:
        self.lines += self.scaling.speed_up(*self.sizes.workers_gb)

    def memory(self) -> None:
        self.lines += self.scaling.memory(self.sizes.memory_gb)

    def nightly(self) -> None:
        lines, table = nights(self.corpus, self.size, self.library, self.folder, self.sizes.nights)
        self.lines += lines
        self.tables.append(table)

    def stages(self) -> None:
        if set(CHINESE) & set(self.corpus.sources):
            few = (0.05, 1) if self.quick else (1.0, 3)
            self.chinese = run_stages(self.corpus, self.library, self.folder, *few)
            rows = (f"  {name:28}{value:9.2f}" for name, value in self.chinese.items())
            self.tables.append("\n".join(["stages alone, µs of CPU per KB of Chinese text, or of code", *rows]))

    def all_tables(self) -> list[str]:
        """The tables in the order of the parts."""
        return [*self.tables, *([self.scaling.table()] if self.scaling.points else [])]


def _stages(columns: dict[str, Figures], stages: tuple[str, ...], markdown: bool = False) -> str:
    costs = {name: {s: own.microseconds_per_kb(s) for s in stages} for name, own in columns.items()}
    return stage_table(costs, markdown)


def _markdown(bench: Bench, about: dict[str, str]) -> str:
    columns = {name: bench.figures[name] for name in ("audit", "long") if name in bench.figures}
    parts = [as_markdown(bench.lines, about)]
    if columns:
        parts.append(_stages(columns, audit.STAGES, markdown=True))
    return "\n\n".join(parts) + "\n"


def _content(bench: Bench, about: dict[str, str]) -> dict[str, Any]:
    lines = [asdict(line) | {"passed": line.passed} for line in bench.lines]
    points = [asdict(point) for point in bench.scaling.points.values()]
    figures = {name: asdict(own) for name, own in bench.figures.items()}
    return {"about": about, "lines": lines, "runs": points, "chinese": bench.chinese, **figures}


def _corpus(given: Path | None, quick: bool, folder: Path) -> Corpus:
    if quick:
        return from_demo(folder / "corpus", enough=0)
    here = given or (CORPUS if CORPUS.is_dir() else None)
    chosen = in_folder(here) if here is not None else from_demo(folder / "corpus")
    if not chosen.sources:
        sys.exit(f"{chosen.folder}: no sub-folder holds .jsonl, .jsonl.zst, .jsonl.gz or .parquet files")
    return chosen


def main(
    *,
    part: Annotated[list[str] | None, typer.Option(help=f"only these: {', '.join(PARTS)}")] = None,
    corpus: Annotated[Path | None, typer.Option(help="a folder of sources with records that hold `text`")] = None,
    folder: Annotated[Path | None, typer.Option(help="where input and output go for the time being")] = None,
    lexicon_size: Annotated[int, typer.Option(help="make the library up to this many terms; 0: as bundled")] = 60_000,
    audit_mb: Annotated[float | None, typer.Option(help="how much text the audited corpus is repeated to")] = None,
    naive_mb: Annotated[float | None, typer.Option(help="how much text the naive script gets")] = None,
    full: Annotated[bool, typer.Option("--full", help="1 and 3 GB for the workers, 5 GB for memory: hours")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="a small run on the demo corpus: does it work at all")] = False,
    check: Annotated[bool, typer.Option("--check", help="exit 1 where a target is missed")] = False,
    to: Annotated[Path | None, typer.Option("--json", help="write the figures to a file")] = None,
    markdown: Annotated[Path | None, typer.Option(help="write the tables for the documentation; - for stdout")] = None,
) -> None:
    chosen = part or (("rates", "stages") if quick else PARTS)
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"--part: {', '.join(sorted(unknown))}: no such part; there are {', '.join(PARTS)}")
    sizes = QUICK if quick else FULL if full else USUAL
    sizes = Sizes(**vars(sizes) | {k: v for k, v in (("audit_mb", audit_mb), ("naive_mb", naive_mb)) if v is not None})
    with tempfile.TemporaryDirectory(prefix="corpus-audit-bench-", dir=folder) as name:
        place = Path(name)
        found = _corpus(corpus, quick, place)
        about = described()
        about["corpus"] = f"{found.title}: {len(found.sources)} sources, {sum(map(len, found.sources.values()))} files"
        about["library"] = f"{write_library(found, lexicon_size, place / 'library.tsv'):,} terms"
        print("\n".join(f"{key:9}{value}" for key, value in about.items()), flush=True)
        bench = Bench(found, place / "library.tsv", place, sizes, quick)
        for own in (own for own in PARTS if own in chosen):
            getattr(bench, own)()
    print("\n" + "\n\n".join([*bench.all_tables(), as_text(bench.lines)]))
    if markdown is not None:
        text = _markdown(bench, about)
        print(f"\n{text}") if str(markdown) == "-" else markdown.write_text(text, encoding="utf-8")
    if to is not None:
        to.write_text(json.dumps(_content(bench, about), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if check and not all(line.passed for line in bench.lines):
        sys.exit(1)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    typer.run(main)
