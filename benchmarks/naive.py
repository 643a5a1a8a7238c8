"""The yardstick: the same audit as a competent person would first write it.

One process, one document after another, the packages' own calls in the order their documentation shows them: no
Beam, no gates, no batching. `tuned` is the next afternoon's work: the Rust port of jieba, shingles hashed by xxHash.
`batched` goes one step on and hands datasketch all shingles of a document in one call. All ask of each document what
our scan asks, but fold no traditional characters, keep no positions or excerpts and write nothing: what is left out is
in their favour.

    python -m benchmarks.naive --corpus DIR [--form tuned] [--limit-mb 10]
"""

import gzip
import hashlib
import io
import math
import tempfile
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import ahocorasick
import datasketch
import fasttext
import orjson
import pyarrow.parquet as pq
import typer
import zstandard

from benchmarks.figures import Figures, peak_memory
from benchmarks.plain_recognizers import plain_analyzer
from lexicon.library import load_library
from models import LANGUAGE_MODEL, STARTER_MODEL
from schemas.layers import MINHASH_PERMUTATIONS
from transforms.fingerprint import SHINGLE

STAGES = ("read", "hash", "language", "normalise", "keywords", "segment", "classify", "pii", "minhash", "count")
LEXICON = Path(__file__).resolve().parent.parent / "lexicon" / "starter.tsv"

Paths = Iterable[tuple[str, Path]]  # source and file
WARM_UP = "联系人张三，电话13800138000，邮箱zhangsan@example.com。A short English sentence follows the Chinese one."


class Form(StrEnum):
    """How far the script was tuned; each form holds what the one before it has."""

    NAIVE = "naive"
    TUNED = "tuned"  # rjieba and xxHash instead of jieba and SHA-1
    BATCHED = "batched"  # shingles in one call


@dataclass(frozen=True)
class Result:
    """What a run took. Stages are timed in CPU seconds, so that neighbours on a shared machine weigh less."""

    bytes_of_text: int
    documents: int
    cpu_seconds: float
    wall_seconds: float
    per_stage_seconds: dict[str, float]
    counters: dict[str, Counter[str]]  # per source: what the audit found

    @property
    def megabytes_per_cpu_second(self) -> float:
        return self.bytes_of_text / 1e6 / self.cpu_seconds


class Stopwatch:
    """Books the CPU time since the last lap on a stage."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)
        self.last = time.process_time()

    def lap(self, stage: str) -> None:
        now = time.process_time()
        self.spent[stage] += now - self.last
        self.last = now


class Audit:
    """The models and automata, loaded once, and the work on one document."""

    def __init__(self, *, form: Form, lexicon_terms: list[str], classifier_model: Path, lid_model: Path) -> None:
        self.language = fasttext.load_model(str(lid_model))
        self.classifier = fasttext.load_model(str(classifier_model))
        self.automaton = ahocorasick.Automaton()
        for term in lexicon_terms:
            if folded := fold(term):
                self.automaton.add_word(folded, folded)
        self.automaton.make_automaton()
        self.analyzer = plain_analyzer()
        self.segment = jieba_words() if form is Form.NAIVE else rjieba_words()
        self.minhash = minhash(form)
        self.counters: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def document(self, source: str, text: str, watch: Stopwatch) -> int:
        """Audits one document and returns its size in bytes. What it finds is counted, not written."""
        utf8 = text.encode()
        hashlib.sha256(utf8).digest()
        watch.lap("hash")
        line = text.replace("\n", " ")
        (language,), _ = self.language.predict(line)
        watch.lap("language")
        folded = fold(text)
        watch.lap("normalise")
        terms = Counter(term for _, term in self.automaton.iter(folded))
        watch.lap("keywords")
        words = " ".join(self.segment(line))
        watch.lap("segment")
        labels, _ = self.classifier.predict(words, k=3, threshold=0.1)
        watch.lap("classify")
        # eleven plain patterns on the whole text: the audit looks for thirty types
        entities = self.analyzer.analyze(text, language="zh")
        watch.lap("pii")
        self.minhash(folded)
        watch.lap("minhash")
        counter = self.counters[source]
        counter["documents"] += 1
        counter["bytes"] += len(utf8)
        counter[f"language:{language}"] += 1
        counter["documents with terms"] += bool(terms)
        counter["terms"] += terms.total()
        counter.update(f"label:{label}" for label in labels)
        counter.update(f"entity:{entity.entity_type}" for entity in entities)
        watch.lap("count")
        return len(utf8)


def run(
    paths: Paths,
    *,
    form: Form,
    lexicon_terms: list[str],
    classifier_model: Path,
    lid_model: Path,
    limit_bytes: int | None,
) -> Result:
    """Audits the files; with a limit, about that much text, drawn evenly from every source.

    Imports, models and the drawing of the sample are not timed.
    """
    audit = Audit(form=form, lexicon_terms=lexicon_terms, classifier_model=classifier_model, lid_model=lid_model)
    audit.document("", WARM_UP, Stopwatch())
    audit.counters.clear()
    with tempfile.TemporaryDirectory() as folder:
        files = list(paths) if limit_bytes is None else sample(list(paths), limit_bytes, Path(folder))
        size = documents = 0
        wall, cpu, watch = time.perf_counter(), time.process_time(), Stopwatch()
        for source, path in files:
            for text in texts(path):
                watch.lap("read")
                size += audit.document(source, text, watch)
                documents += 1
        watch.lap("read")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Result(size, documents, cpu, wall, watch.spent, dict(audit.counters))


def texts(path: Path) -> Iterator[str]:
    """The texts of a file of JSON lines, plain or compressed, or of a Parquet file; both hold a column `text`."""
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(columns=["text"]):
            yield from batch.column("text").to_pylist()
        return
    with path.open("rb") as raw:
        lines: Iterable[bytes] = raw
        if path.suffix == ".zst":
            lines = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw))
        elif path.suffix == ".gz":
            lines = gzip.GzipFile(fileobj=raw)
        for line in lines:
            yield orjson.loads(line)["text"]


def sample(paths: list[tuple[str, Path]], limit_bytes: int, folder: Path) -> list[tuple[str, Path]]:
    """Writes every k-th document of each source to a file of its own, so that a sample is read like a corpus."""
    total = sum(len(text.encode()) for _, path in paths for text in texts(path))
    step = max(1, math.ceil(total / limit_bytes))
    written: list[tuple[str, Path]] = []
    for source in dict.fromkeys(source for source, _ in paths):
        documents = (text for of, path in paths if of == source for text in texts(path))
        target = folder / f"{len(written)}.jsonl.zst"
        with target.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as out:
            for number, text in enumerate(documents):
                if number % step == 0:
                    out.write(orjson.dumps({"text": text}) + b"\n")
        written.append((source, target))
    return written


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def jieba_words() -> Callable[[str], list[str]]:
    import jieba

    jieba.initialize()
    words: Callable[[str], list[str]] = jieba.lcut
    return words


def rjieba_words() -> Callable[[str], list[str]]:
    import rjieba

    words: Callable[[str], list[str]] = rjieba.cut
    return words


def shingles(text: str) -> Iterator[bytes]:
    for start in range(max(1, len(text) - SHINGLE + 1)):
        yield text[start : start + SHINGLE].encode()


def minhash(form: Form) -> Callable[[str], datasketch.MinHash]:
    options: dict[str, Callable[[bytes], int]] = {}
    if form is not Form.NAIVE:
        from xxhash import xxh32_intdigest

        options = {"hashfunc": xxh32_intdigest}

    def one_by_one(text: str) -> datasketch.MinHash:
        sketch = datasketch.MinHash(num_perm=MINHASH_PERMUTATIONS, **options)
        for shingle in shingles(text):
            sketch.update(shingle)
        return sketch

    def in_one_call(text: str) -> datasketch.MinHash:
        sketch = datasketch.MinHash(num_perm=MINHASH_PERMUTATIONS, **options)
        sketch.update_batch(shingles(text))
        return sketch

    return in_one_call if form is Form.BATCHED else one_by_one


def main(
    *,
    corpus: Annotated[Path, typer.Option(help="a folder of sources, each a folder of .jsonl[.zst|.gz] or .parquet")],
    form: Annotated[Form, typer.Option(help="how far it is tuned")] = Form.NAIVE,
    limit_mb: Annotated[float, typer.Option(help="how much text to draw, in MB of UTF-8; 0 for all")] = 10,
    lexicon: Annotated[Path, typer.Option(help="a library as the audit reads it")] = LEXICON,
    # trained on characters, not words: its labels mean nothing here, its cost is what a model over words costs
    classifier: Annotated[Path, typer.Option(help="a fastText model")] = STARTER_MODEL / "risk.bin",
    lid: Annotated[Path, typer.Option(help="fastText's language identification")] = LANGUAGE_MODEL,
    figures: Annotated[Path | None, typer.Option(help="where to write the figures as JSON")] = None,
) -> None:
    files = [(path.parent.name, path) for path in sorted(corpus.glob("*/*")) if _readable(path)]
    result = run(
        files,
        form=form,
        lexicon_terms=[entry.term for entry in load_library([lexicon]).entries],
        classifier_model=classifier,
        lid_model=lid,
        limit_bytes=round(limit_mb * 1e6) or None,
    )
    size = result.bytes_of_text
    print(f"{form}: {size / 1e6:.2f} MB, {result.documents:,} documents")
    print(
        f"{result.megabytes_per_cpu_second:.3f} MB/s of CPU, {size / 1e6 / result.wall_seconds:.3f} MB/s of wall clock"
    )
    for stage, seconds in result.per_stage_seconds.items():
        print(f"{stage:>10} {seconds * 1e9 / size:9.1f} µs/KB {seconds / result.cpu_seconds:6.1%}")
    if figures is not None:
        Figures(
            bytes_of_text=size,
            documents=result.documents,
            cpu_seconds=result.cpu_seconds,
            loading_seconds=0.0,
            wall_seconds=result.wall_seconds,
            peak_bytes=peak_memory(),
            stages=result.per_stage_seconds,
        ).write(figures)


def _readable(path: Path) -> bool:
    return path.is_file() and path.name.endswith((".jsonl", ".jsonl.zst", ".jsonl.gz", ".parquet"))


if __name__ == "__main__":
    typer.run(main)
