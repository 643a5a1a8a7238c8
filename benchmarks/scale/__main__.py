"""Runs everything behind the scan on synthetic documents: combine → decide → cut-offs → sample → DuckDB.

    python -m benchmarks.scale --rows 1e9 --domains 50e6 --memory 8GB [--workers 2] [--folder DIR] [--every 16]

`pipeline.run.run` is run as it is, with three things given to it: the plan, the committed layers, and passes that call the
steps of the graph one after another without an engine (passes.py). What is synthetic and what is shared:

- Every row has an id, URL, domain and content hash of its own, and is ranked and grouped by them. Hashes differ in 40
  bits and URLs do not name their domain, so that the files are a third of real ones; in memory they are as wide.
- One unit in `--every` is decided, counted and decided again by the pipeline; the others take over its decisions. The
  findings of units that do so are one file under several names.
- There are no texts: nothing is scanned, and the manual sample holds none. There are no fingerprints, and near copies are
  not looked for.

An interrupted simulation goes on where it was if it is given the same `--folder`; without one, all files are removed.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from benchmarks.machine import described
from benchmarks.scale.fold import Folder
from benchmarks.scale.gauge import Gauge, limit_memory
from benchmarks.scale.units import Scene, plan

SOURCES = 12
_BYTES_A_ROW = 65  # on disk, all files together
# What `pipeline.run` does behind the passes, and where it is found.
STEPS = (
    ("look for layers", "pipeline.run", "_missing_layers"),
    ("known answers", "pipeline.run", "committed_rows"),
    ("collect files, check digests", "pipeline.run", "_Builder._collect_files"),
    ("books balance", "pipeline.accounting.books", "must_balance"),
    ("samples", "pipeline.drawing.samples", "finish"),
    ("record verdicts", "pipeline.run", "_Builder._record_verdicts"),
    ("distinct texts, repeated ids", "pipeline.run", "distinct_counts"),
    ("provenance tables", "pipeline.run", "provenance_tables"),
    ("lawful bases", "pipeline.run", "basis_rows"),
    ("not looked into", "pipeline.run", "not_looked_into"),
    ("copies and overlap", "pipeline.run", "copy_facts"),
    ("audit.duckdb", "pipeline.run", "build_database"),
    ("result.json", "pipeline.accounting.books", "result"),
    ("digests of all files", "pipeline.run", "file_digests"),
    ("publish", "pipeline.store.output", "Output.publish"),
)


def simulate(scene: Scene, folder: Path, workers: int) -> tuple[Gauge, dict[str, Any]]:
    """Runs it in `folder`; returns the readings and the content of result.json."""
    from pipeline.engine.execution import quiet_logging

    quiet_logging()
    from benchmarks.scale.passes import simulated
    from pipeline import run
    from pipeline.config import load_config

    gauge = Gauge(scene.units * scene.unit_rows)
    for name, module, attribute in STEPS:
        gauge.around(name, module, attribute)
    kept = Folder(folder / "kept", workers, gauge)
    kept.path.mkdir(exist_ok=True)

    def passes(work: Any, _engine: Any, spill: Path, _weight: int, _events: Any) -> Any:
        return simulated(work, scene, kept, spill, gauge)

    given: dict[str, Any] = {"make_plan": lambda config, _allowed=False: plan(config, scene), "run_passes": passes}
    for name, function in given.items():
        assert hasattr(run, name), f"pipeline.run has no {name}"
        setattr(run, name, function)
    with gauge.step("all"):
        # room on disk was looked at above: files here are a third of real ones
        outcome = run.run(load_config(_config(folder)), run.Options(ignore_space=True))
    result: dict[str, Any] = json.loads((outcome.folder / "result.json").read_bytes())
    return gauge, result


def _config(folder: Path) -> Path:
    sources = [
        {"id": f"s{number:02d}", "name": f"s{number:02d}", "kind": "open", "region": "domestic", "paths": ["none/*"]}
        | {"evidence": {"licence": "unknown"}}
        for number in range(SOURCES)
    ]
    policy = yaml.safe_load(resources.files("schemas").joinpath("policies/starter.yaml").read_text(encoding="utf-8"))
    policy |= {"id": "scale", "duplicates": {"exact": "report", "near": "off"}}
    content = {"seed": "scale", "output": "out", "policy": "policy.yaml", "sources": sources}
    for name, written in (("policy", policy), ("config", content)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
    return folder / "config.yaml"


def bytes_of(text: str) -> int:
    """8GB, 500MB or a number."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6)):
        if text.upper().endswith(unit):
            return int(float(text[:-2]) * factor)
    return int(float(text))


def show(gauge: Gauge, result: dict[str, Any], files: Sequence[tuple[str, int]]) -> None:
    totals = result["totals"]
    print(f"\n{gauge.table()}\n")
    print(f"documents {totals['documents']:,}, admitted {totals['admitted_documents']:,}")
    print(
        f"samples   {result['samples']['technical']['size']:,} technical, {result['samples']['manual']['size']:,} manual"
    )
    print("on disk   " + ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in files))


def _sizes(folder: Path) -> list[tuple[str, int]]:
    """Bytes of the kinds of files; what has several names counts once."""
    seen: set[int] = set()
    sizes: dict[str, int] = {}
    for path in sorted((folder / "out").rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_ino not in seen:
            seen.add(path.stat().st_ino)
            parts = path.relative_to(folder / "out").parts
            kind = parts[2] if parts[0] == "runs" and len(parts) > 2 else "/".join(parts[:2])
            sizes[kind] = sizes.get(kind, 0) + path.stat().st_size
    return sorted(sizes.items(), key=lambda item: -item[1])[:8]


def main(
    *,
    rows: Annotated[float, typer.Option(help="documents, such as 1e9; whole units")] = 1e6,
    domains: Annotated[float, typer.Option(help="registrable domains, such as 50e6")] = 0,
    memory: Annotated[str, typer.Option(help="the run ends where all its processes hold more than this")] = "8GB",
    workers: Annotated[int, typer.Option(min=1, help="processes that decide, rank and draw")] = 1,
    unit_rows: Annotated[int, typer.Option(min=2_000, help="rows of a unit; 62,500 of 1 KB are one of 64 MB")] = 62_500,
    every: Annotated[int, typer.Option(min=1, help="of so many units one is decided from its layers")] = 16,
    folder: Annotated[Path | None, typer.Option(help="work here, and go on with what is here already")] = None,
    to: Annotated[Path | None, typer.Option("--json", help="write the readings to a file")] = None,
) -> None:
    scene = Scene(int(rows), int(domains or max(1, rows / 20)), every, unit_rows)
    with tempfile.TemporaryDirectory(prefix="corpus-audit-scale-") as name:
        place = folder or Path(name)
        place.mkdir(parents=True, exist_ok=True)
        free, needed = shutil.disk_usage(place).free, scene.rows * _BYTES_A_ROW
        if folder is None and free < needed:
            sys.exit(f"{place}: {free / 1e9:.0f} GB are free, {needed / 1e9:.0f} are needed: choose a --folder")
        about = described()
        print("\n".join(f"{key:9}{about[key]}" for key in ("date", "machine", "python")))
        print(f"rows     {scene.units * scene.unit_rows:,} in {scene.units:,} units, {scene.domains:,} domains")
        print(
            f"memory   at most {memory}; {workers} worker(s); one unit in {every} decided from its layers\n", flush=True
        )
        limit_memory(bytes_of(memory))
        gauge, result = simulate(scene, place, workers)
        files = _sizes(place)
        show(gauge, result, files)
    if to is not None:
        steps = {step: asdict(reading) for step, reading in gauge.steps.items()}
        content = {"about": about, "scene": asdict(scene), "workers": workers, "steps": steps, "files": dict(files)}
        to.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
