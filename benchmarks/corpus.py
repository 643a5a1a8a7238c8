"""What is measured: a folder of sources, or the demo corpus repeated; configuration and library for both sides."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import yaml
import zstandard

from benchmarks.naive import texts
from demo import CONFIG
from lexicon.library import load_library
from pipeline.config import load_config
from pipeline.plan import make_plan
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from transforms.normalise import normalise_term

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
CHINESE = ("zh_news", "zh_law", "zh_qa", "zh_forum", "zh_tech_blog")  # what `benchmarks.stages` reads
SUFFIXES = (".jsonl", ".jsonl.zst", ".jsonl.gz", ".parquet")
ENOUGH = 20_000_000  # bytes of text the demo corpus is repeated to
TERM_LENGTHS = (2, 3, 3, 4, 4, 4, 5, 6)
FREQUENT = 1500  # characters that synthetic terms are made of


@dataclass(frozen=True)
class Corpus:
    """Sources by id, with their files; every record holds its text under `text`."""

    title: str
    folder: Path
    sources: dict[str, list[Path]]


def in_folder(folder: Path) -> Corpus:
    """The sub-folders that hold JSON lines or Parquet; others are left out."""
    sources: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*/*")):
        if path.is_file() and path.name.endswith(SUFFIXES):
            sources.setdefault(path.parent.name, []).append(path)
    return Corpus(str(folder), folder, sources)


def from_demo(folder: Path, enough: int = ENOUGH) -> Corpus:
    """The demo corpus, its texts written to `folder` as often as it takes to have `enough` bytes."""
    config = load_config(CONFIG, folder / "none")
    found: dict[str, list[str]] = {}
    for unit in make_plan(config).units:
        for batch in read_unit(unit, Tray(config.limits.document_bytes), config.limits):
            found.setdefault(unit.source.id, []).extend(batch.column("text").to_pylist())
    size = sum(len(text.encode()) for own in found.values() for text in own)
    times = max(1, -(-enough // size))
    for source, own in found.items():
        (folder / source).mkdir(parents=True)
        lines = b"".join(orjson.dumps({"text": text}) + b"\n" for text in own)
        (folder / source / "part-00.jsonl.zst").write_bytes(zstandard.compress(lines * times))
    return Corpus(f"the bundled demo corpus, repeated {times} ×", folder, in_folder(folder).sources)


def write_config(corpus: Corpus, library: Path, folder: Path, **settings: Any) -> Path:
    """A configuration that audits the corpus into `folder`, which is made; further settings as they are written.

    Documents are named by their places, for the files of a corpus may repeat one another.
    """
    folder.mkdir(exist_ok=True)
    sources = [
        {
            "id": source,
            "name": source,
            "kind": "open",
            "region": "domestic",
            "evidence": {"licence": "unknown"},
            "fields": {"text": "text", "id": None},
            "paths": [str(path.resolve()) for path in files],
        }
        for source, files in corpus.sources.items()
    ]
    content = {"seed": "benchmark", "output": str(folder / "out"), "lexicons": [str(library)], "sources": sources}
    content |= settings
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def write_library(corpus: Corpus, terms: int, target: Path) -> int:
    """The starter library, made up to `terms` with synthetic terms of the corpus' own characters; returns its size."""
    starter = resources.files("lexicon").joinpath("starter.tsv").read_text(encoding="utf-8")
    known = {entry.term for entry in load_library([]).entries}
    made: set[str] = set()
    if terms > len(known):
        draw = random.Random(terms)
        chars = _frequent_han(corpus)
        while len(known) + len(made) < terms:
            term = "".join(draw.choices(chars, k=draw.choice(TERM_LENGTHS)))
            if term not in known:
                made.add(term)
    rows = "".join(f"{term}\tA1-a\tcontext\t\t\tsynthetic\t2026-11\n" for term in sorted(made))
    target.write_text(starter.rstrip("\n") + "\n" + rows, encoding="utf-8")
    return len(known) + len(made)


def _frequent_han(corpus: Corpus) -> list[str]:
    """The commonest Han characters that fold to themselves."""
    counter: Counter[str] = Counter()
    for text in _some(corpus.sources.values()):
        counter.update(text)
    han = (char for char, _ in counter.most_common() if "一" <= char <= "鿿" and normalise_term(char) == char)
    return list(islice(han, FREQUENT))


def _some(files: Iterable[list[Path]]) -> Iterator[str]:
    for own in files:
        yield from islice(texts(own[0]), 2000)
