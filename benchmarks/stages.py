"""What matching costs on Chinese text, stage by stage: CPU time for 1,000 bytes of text, medians of repetitions.

The texts are the first megabytes of the Chinese sources, in batches as the scan forms them. What a stage shares with
others (code points, folded text) is made before its clock starts.

    python -m benchmarks.stages [--data DIR] [--lexicon-size 60000] [--repetitions 5] [--mb 2] [--json FILE]

`benchmarks.bench` runs it too and shows the figures beside those of a whole audit.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from benchmarks.corpus import CHINESE, CORPUS, in_folder, write_library
from benchmarks.machine import processor
from benchmarks.naive import texts
from lexicon.library import load_library
from models import STARTER_MODEL
from schemas.lexicon import Library
from transforms import words
from transforms.classifier import Classifier
from transforms.keywords import PINYIN, SPLIT, Keywords
from transforms.normalise import normalised_blocks
from transforms.pii import PersonalInformation
from transforms.pinyin import package_version
from transforms.text import TextBatch

CODE = ("code",)
DOCUMENTS = 1024  # of a batch, as in the scan
TARGET = 17.0  # µs per KB: normalise and keywords together
PII_TARGETS = {"personal information": 20.0, "personal information, code": 60.0}


@dataclass(frozen=True)
class Texts:
    """Texts in batches, and how many bytes they are."""

    batches: list[list[str]]
    size: int


def read(folder: Path, megabytes: float, chosen: tuple[str, ...] = CHINESE) -> Texts:
    """The beginning of each of some sources of a folder."""
    sources = in_folder(folder).sources
    batches: list[list[str]] = []
    total = 0
    for source in chosen:
        own: list[str] = []
        size = 0
        for text in (text for path in sources.get(source, ()) for text in texts(path)):
            if size >= megabytes * 1e6:
                break
            own.append(text)
            size += len(text.encode())
        total += size
        batches += [own[first : first + DOCUMENTS] for first in range(0, len(own), DOCUMENTS)]
    return Texts(batches, total)


def measure(
    found: Texts, repetitions: int, before: Callable[[TextBatch], Any], run: Callable[[TextBatch], Any]
) -> float:
    """µs of CPU for 1,000 bytes; what `before` does is not on the clock. The first pass warms up and does not count."""
    took = []
    for _ in range(repetitions + 1):
        spent = 0.0
        for strings in found.batches:
            batch = TextBatch(pa.record_batch({"text": pa.array(strings, pa.large_string())}))
            before(batch)
            start = time.process_time()
            run(batch)
            spent += time.process_time() - start
        took.append(spent)
    return statistics.median(took[1:]) * 1e9 / found.size


def segmenting(found: Texts, stage: Keywords) -> tuple[float, float, float]:
    """Of asking whether hits cut words: µs for 1,000 bytes, questions and segmented windows for 1,000,000 bytes."""
    import transforms.keywords as module

    tokenizer: Any = words._tokenizer()
    asked = cut = 0
    spent = 0.0
    straddles, segment = module.straddles, tokenizer.cut

    def timed(*arguments: Any) -> bool:
        nonlocal asked, spent
        asked += 1
        start = time.process_time()
        try:
            return straddles(*arguments)
        finally:
            spent += time.process_time() - start

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal cut
        cut += 1
        return segment(*arguments, **options)

    module.straddles, tokenizer.cut = timed, counted
    try:
        for strings in found.batches:
            stage(TextBatch(pa.record_batch({"text": pa.array(strings, pa.large_string())})))
    finally:
        module.straddles = straddles
        del tokenizer.cut
    return spent * 1e9 / found.size, asked * 1e6 / found.size, cut * 1e6 / found.size


def personal(prose: Texts, code: Texts, repetitions: int) -> dict[str, float]:
    """Of personal information, gate and shadow check included: Chinese prose (`CHINESE`) and program code (`CODE`)."""
    stage = PersonalInformation(bytes(32))
    took = {}
    for name, found in zip(PII_TARGETS, (prose, code), strict=True):
        if found.batches:
            took[name] = measure(found, repetitions, lambda batch: batch.strings, stage)
    return took


def figures(found: Texts, library: Library, repetitions: int) -> dict[str, float]:
    """µs of CPU per KB by stage; what jieba costs is part of the keywords."""
    plain = Keywords(library)
    took = {
        "normalise": measure(found, repetitions, lambda batch: batch.blocks, normalised_blocks),
        "keywords": measure(found, repetitions, normalised_blocks, plain),
    }
    for variant in (SPLIT, *([PINYIN] if package_version() else [])):
        stage = Keywords(library, frozenset({variant}))
        took[f"keywords, {variant}"] = measure(found, repetitions, normalised_blocks, stage)
    took["classifier"] = measure(found, 1, normalised_blocks, Classifier(Path(str(STARTER_MODEL))))
    took["jieba, in keywords"], took["its questions per MB"], took["its windows per MB"] = segmenting(found, plain)
    return took


def main(
    *,
    data: Annotated[Path, typer.Option(help="a folder of sources with records that hold `text`")] = CORPUS,
    lexicon_size: Annotated[int, typer.Option(help="make the library up to this many terms; 0: as bundled")] = 60_000,
    lexicon: Annotated[Path | None, typer.Option(help="this library instead, as a file")] = None,
    repetitions: Annotated[int, typer.Option(min=1)] = 5,
    mb: Annotated[float, typer.Option(help="megabytes of each source")] = 2.0,
    to: Annotated[Path | None, typer.Option("--json", help="write the figures to a file")] = None,
) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found = read(data, mb)
    if not found.batches:
        sys.exit(f"{data}: holds none of {', '.join(CHINESE)}")
    with tempfile.TemporaryDirectory(prefix="corpus-audit-bench-") as folder:
        file = lexicon or Path(folder) / "library.tsv"
        if lexicon is None:
            write_library(in_folder(data), lexicon_size, file)
        library = load_library([file])
    terms = len(library.entries)
    print(f"{found.size / 1e6:.1f} MB of Chinese text, {terms:,} terms, {processor()}, load {os.getloadavg()[0]:.1f}")
    took = figures(found, library, repetitions) | personal(found, read(data, mb, CODE), repetitions)
    show(took)
    both = took["normalise"] + took["keywords"]
    print(f"  {'normalise and keywords':26}{both:9.2f}  target {TARGET:g}: {'PASS' if both <= TARGET else 'SHORT'}")
    for name, target in PII_TARGETS.items():
        if name in took:
            print(f"  {name:26}{took[name]:9.2f}  target {target:g}: {'PASS' if took[name] <= target else 'SHORT'}")
    if to is not None:
        to.write_text(json.dumps(took, indent=1) + "\n")


def show(took: dict[str, float]) -> None:
    print("µs of CPU per KB of Chinese text, of code where it says so")
    for name, value in took.items():
        print(f"  {name:26}{value:9.2f}")


if __name__ == "__main__":
    typer.run(main)
