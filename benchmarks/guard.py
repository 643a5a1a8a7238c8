"""Is any stage of the scan slower than it was? Told beside the naive script, not in seconds, so machines do not matter.

Each stage alone, warm, on texts of the demo corpus, and the script on a sample of them, in one process. What a stage
costs is told as how many times its cost the script takes for the same text; guard.yaml holds these numbers as last
recorded. A stage that costs more than `SLACK` times what it did has become slower: noise of CPU time stays well below,
and a stage that takes three times as long is found.

    python -m benchmarks.guard [--record]
"""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
import yaml

from benchmarks.corpus import from_demo, write_library
from benchmarks.naive import WARM_UP, Audit, Form, Stopwatch, texts
from lexicon.library import load_library
from models import LANGUAGE_MODEL, STARTER_MODEL
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch

RECORD = Path(__file__).with_name("guard.yaml")
SLACK = 2.0  # times the recorded cost
TERMS = 12_000
_EVERY = 3  # of the demo corpus the stages read every third document, the script every hundredth
_SCRIPT_EVERY = 100
_DOCUMENTS = 1024  # of a batch
_ROUNDS = 3  # the best counts

Stages = Mapping[str, Callable[[TextBatch], Any]]


@dataclass(frozen=True)
class Bench:
    """Texts, the stages, and seconds the script takes for a byte."""

    texts: list[str]
    stages: Stages
    script: float

    def ratios(self, stages: Stages | None = None) -> dict[str, float]:
        """For each stage how many times its cost the script takes."""
        return {name: self.script / self._seconds(stage) for name, stage in (stages or self.stages).items()}

    def _seconds(self, stage: Callable[[TextBatch], Any]) -> float:
        """Of CPU for a byte; what stages share is made before."""
        size = sum(len(text.encode()) for text in self.texts)
        best = float("inf")
        for _ in range(_ROUNDS + 1):  # the first also loads what is loaded at first use
            spent = 0.0
            for start in range(0, len(self.texts), _DOCUMENTS):
                batch = _batch(self.texts[start : start + _DOCUMENTS])
                begun = time.process_time()
                stage(batch)
                spent += time.process_time() - begun
            best = min(best, spent)
        return best / size


def prepare(folder: Path) -> Bench:
    """Loads both sides and times the script."""
    from pipeline.config import load_config
    from pipeline.detectors import load_detectors

    corpus = from_demo(folder / "corpus", enough=0)
    library = folder / "library.tsv"
    write_library(corpus, TERMS, library)
    found = [text for own in corpus.sources.values() for path in own for text in texts(path)]
    detectors = load_detectors(load_config(_config(folder, library))).salted(bytes(32))
    stages: dict[str, Callable[[TextBatch], Any]] = {"normalise": lambda batch: normalised_blocks(_again(batch))}
    stages |= detectors.stages
    return Bench(found[::_EVERY], stages, _script(found[::_SCRIPT_EVERY], library))


def slower(ratios: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """The stages that became slower, with how much."""
    problems = [f"{name}: not in {RECORD.name}: record it" for name in ratios if name not in recorded]
    for name, before in recorded.items():
        now = ratios.get(name)
        if now is not None and now * SLACK < before:
            problems.append(
                f"{name}: costs {before / now:.1f} times what it did ({now:.0f} × the script, {before:.0f} before)"
            )
    return problems


def recorded() -> dict[str, float]:
    """The numbers as last recorded."""
    content: dict[str, float] = yaml.safe_load(RECORD.read_text(encoding="utf-8"))
    return content


def _script(sample: list[str], library: Path) -> float:
    terms = [entry.term for entry in load_library([library]).entries]
    model = STARTER_MODEL / "risk.bin"
    audit = Audit(form=Form.NAIVE, lexicon_terms=terms, classifier_model=Path(str(model)), lid_model=LANGUAGE_MODEL)
    audit.document("", WARM_UP, Stopwatch())
    best = float("inf")
    for _ in range(2):
        begun = time.process_time()
        size = sum(audit.document("demo", text, Stopwatch()) for text in sample)
        best = min(best, (time.process_time() - begun) / size)
    return best


def _config(folder: Path, library: Path) -> Path:
    (folder / "none").mkdir()
    source = {"id": "none", "name": "none", "kind": "open", "region": "domestic", "paths": ["none"]}
    source |= {"evidence": {"licence": "unknown"}}
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"seed": "guard", "lexicons": [str(library)], "sources": [source]}))
    return file


def _batch(strings: list[str]) -> TextBatch:
    """A batch as the scan forms them, with what stages share made already."""
    count = len(strings)
    columns: dict[str, Any] = {
        "member": pa.array([0] * count, pa.int32()),
        "row": pa.array(range(count), pa.int64()),
        "offset": pa.nulls(count, pa.int64()),
        "native_id": pa.nulls(count, pa.large_string()),
        "url": pa.nulls(count, pa.large_string()),
        "user_hash": pa.nulls(count, pa.binary(32)),
        "text": pa.array(strings, pa.large_string()),
    }
    batch = TextBatch(pa.record_batch(columns))
    normalised_blocks(batch)
    return batch


def _again(batch: TextBatch) -> TextBatch:
    """The same texts with their code points, not normalised yet."""
    fresh = TextBatch(batch.records)
    fresh.__dict__["blocks"] = batch.blocks
    return fresh


def main(
    *, record: Annotated[bool, typer.Option("--record", help="keep the numbers as the new measure")] = False
) -> None:
    with tempfile.TemporaryDirectory(prefix="corpus-audit-guard-") as name:
        ratios = prepare(Path(name)).ratios()
    for stage, ratio in ratios.items():
        print(f"  {stage:24}{ratio:9.0f} × the cost of the stage is what the script takes")
    if record:
        RECORD.write_text(
            "# How many times the cost of each stage the naive script takes: python -m benchmarks.guard --record\n"
            + yaml.safe_dump({stage: round(ratio) for stage, ratio in ratios.items()}, sort_keys=False),
            encoding="utf-8",
        )
    elif problems := slower(ratios, recorded()):
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    typer.run(main)
