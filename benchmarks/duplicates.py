"""How well near duplicates are found, and what that costs: `python -m benchmarks.duplicates [quality|corpus|scale]`.

quality: pairs planted at a true Jaccard of 0.7, 0.8 and 0.9, and thousands of texts on one boilerplate; corpus: how
similar what is linked in a real corpus truly is; scale: seconds of CPU and memory for a million documents and for ten,
from the search to the tables of copies.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer

from benchmarks.corpus import CORPUS, in_folder
from benchmarks.figures import peak_memory
from benchmarks.machine import described
from benchmarks.naive import texts
from benchmarks.planted import KINDS, LENGTHS, Planted, Writer, jaccard, plant, shingles
from pipeline.database import BOUNDED, connect, over_files, parquet_list, quoted
from pipeline.duplicates.bands import bands_path, signatures_of
from pipeline.duplicates.groups import join_empty, join_groups, write_groups
from pipeline.duplicates.report import told_by_summaries
from pipeline.duplicates.search import search
from pipeline.duplicates.tables import duplicate_rows, group_rows, load_copies, overlap_rows
from pipeline.store.scans import ScanStore
from schemas.layers import FINGERPRINT, MINHASH_PERMUTATIONS
from transforms.fingerprint import Fingerprint
from transforms.text import TextBatch

app = typer.Typer(add_completion=False)
WANTED = (0.7, 0.8, 0.9)
THRESHOLDS = (0.7, 0.75, 0.8)
UNIT = 100_000  # documents of a unit
_BATCH = 1024


def commit_signatures(store: ScanStore, key: int, batches: Iterable[pa.RecordBatch]) -> str:
    """Puts signatures into a store as the layer of a unit; returns its key."""
    name = f"{key:064x}"
    with store.workspace() as folder:
        made = folder / "made.parquet"
        with pq.ParquetWriter(
            made, FINGERPRINT, compression="zstd", compression_level=1, write_page_checksum=True
        ) as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=16384)
        store.commit(made, store.path("fingerprint", name))
    return name


def sketched(documents: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The MinHash signatures of texts."""
    stage = Fingerprint()
    for start in range(0, len(documents), _BATCH):
        column = pa.array(documents[start : start + _BATCH], pa.large_string())
        yield stage(TextBatch(pa.record_batch([column], names=["text"])))


def edges_of(documents: Sequence[str], threshold: float, folder: Path) -> list[tuple[int, int, int]]:
    """The similar pairs found among texts, by their positions, and of how many values they are equal."""
    store = ScanStore(str(folder / "scans"))
    key = commit_signatures(store, 0, sketched(documents))
    with connect(memory=BOUNDED) as sql:
        sql.execute(f"SET temp_directory = {quoted(str(folder / 'spill'))}")
        search(sql, [key], threshold, store, folder)
        return sql.execute("SELECT a, b, same FROM edges ORDER BY a, b").fetchall()


def measure_planted(pairs: list[Planted], folder: Path) -> None:
    """Recall by kind, length and similarity; precision over everything that was linked."""
    documents = [text for pair in pairs for text in (pair.original, pair.copy)]
    found: dict[float, set[tuple[int, int]]] = {}
    for threshold in THRESHOLDS:
        place = folder / f"planted-{threshold}"
        found[threshold] = {(a, b) for a, b, _ in edges_of(documents, threshold, place)}
    everything = {(a, b) for a, b, _ in edges_of(documents, 0.5, folder / "planted-met")}
    print(f"planted pairs: {len(pairs):,}; met = put side by side in a band and at least half of the values equal\n")
    print("| kind | length | true Jaccard | pairs | met | " + " | ".join(f"linked from {t}" for t in THRESHOLDS) + " |")
    print("|---|---|--:|--:|--:|" + "--:|" * len(THRESHOLDS))
    groups = {(kind, length, wanted) for kind in KINDS for length in LENGTHS for wanted in WANTED}
    for kind, length, wanted in [*sorted(groups), *(("all", "all", wanted) for wanted in WANTED)]:
        own = [
            (2 * place, 2 * place + 1)
            for place, pair in enumerate(pairs)
            if pair.wanted == wanted and kind in (pair.kind, "all") and length in (pair.length, "all")
        ]
        shares = [sum(pair in some for pair in own) / len(own) for some in (everything, *found.values())]
        print(
            f"| {kind} | {length} | {wanted} | {len(own):,} | " + " | ".join(f"{share:.2%}" for share in shares) + " |"
        )
    for threshold, linked in found.items():
        planted = [pairs[a // 2].jaccard for a, b in linked if b == a + 1 and a % 2 == 0]
        alike = sum(value >= threshold for value in planted)
        close = sum(value >= threshold - 0.1 for value in planted)
        print(
            f"linked from {threshold}: {len(linked):,} pairs, {len(linked) - len(planted)} of them unrelated texts; truly at "
            f"least {threshold}: {alike / len(linked):.1%}, at least {threshold - 0.1:.1f}: {close / len(linked):.1%}"
        )


def measure_boilerplate(count: int, folder: Path) -> None:
    """`count` texts of which 60 % is one and the same, a tenth of them followed by a copy of Jaccard 0.9."""
    writer = Writer("zh", 7)
    frame = "".join(writer.write(1200))
    documents: list[str] = []
    pairs: list[tuple[int, int]] = []
    for number in range(count):
        own = writer.write(400)
        documents.append(frame + "".join(own))
        if number % 10 == 0:
            pairs.append((len(documents) - 1, len(documents)))
            documents.append(frame + "".join([*own[: -len(own) // 5], *writer.write(80)]))
    sample = [jaccard(shingles(documents[a]), shingles(documents[b])) for a, b in pairs[:50]]
    apart = [jaccard(shingles(documents[2 * n]), shingles(documents[2 * n + 40])) for n in range(50)]
    started = time.process_time()
    linked = {(a, b) for a, b, _ in edges_of(documents, 0.8, folder / "boilerplate")}
    took = time.process_time() - started
    values = np.concatenate([signatures_of(batch.column(0)) for batch in sketched(documents)])
    alike = [(a, b) for a, b in pairs if (values[a] == values[b]).mean() >= 0.8]
    hit = sum(pair in linked for pair in alike)
    print(
        f"\nboilerplate: {len(documents):,} texts on one frame (true Jaccard of two of them {np.median(apart):.2f}), {len(pairs):,} of them "
        f"with a copy (true Jaccard {np.median(sample):.2f}); of the {len(alike):,} copies whose signatures agree in 0.8 {hit / len(alike):.2%} "
        f"are linked, {len(linked) - hit:,} other pairs, {took:.1f} s of CPU"
    )


def measure_independent(count: int, folder: Path) -> None:
    """Texts that have nothing to do with one another."""
    for kind in KINDS:
        writer = Writer(kind, 99)
        documents = ["".join(writer.write(LENGTHS["short" if n % 2 else "long"])) for n in range(count)]
        linked = edges_of(documents, 0.8, folder / f"independent-{kind}")
        print(f"independent texts, {kind}: {count:,}, pairs linked from 0.8: {len(linked)}")


@app.command()
def quality(pairs: int = 300, boilerplate: int = 5000, independent: int = 5000) -> None:
    """Recall, precision and false positives on planted texts; `pairs` of each kind, length and similarity."""
    print(_machine())
    with tempfile.TemporaryDirectory() as name:
        planted = [p for k in KINDS for n in LENGTHS for w in WANTED for p in plant(k, n, w, pairs)]
        measure_planted(planted, Path(name))
        measure_boilerplate(boilerplate, Path(name))
        measure_independent(independent, Path(name))


@app.command()
def corpus(folder: Path = CORPUS, threshold: float = 0.8) -> None:
    """What is linked in a real corpus, and how similar that truly is. Shows numbers only."""
    print(_machine())
    if not folder.is_dir():
        print(f"{folder}: not there, nothing to measure")
        return
    documents = [text for files in in_folder(folder).sources.values() for file in files for text in texts(file)]
    with tempfile.TemporaryDirectory() as name:
        linked = edges_of(documents, threshold, Path(name))
    others = [(a, b) for a, b, _ in linked if documents[a] != documents[b]]
    true = [
        jaccard(shingles(documents[a]), shingles(documents[b])) for a, b in others[:: max(1, len(others) // 20_000)]
    ]
    shares = ", ".join(
        f"at least {low}: {np.mean(np.array(true) >= low):.2%}" for low in (0.9, 0.8, 0.7, 0.6, 0.5) if true
    )
    print(
        f"{len(documents):,} documents, pairs linked from {threshold}: {len(linked):,}, of different texts {len(others):,}"
    )
    print(f"true Jaccard of {len(true):,} of those: {shares}")


def synthetic(rows: int, seed: int, shared: int = 20) -> Iterator[pa.RecordBatch]:
    """Random signatures; every `shared`-th document is a near copy (of 58 of 64 values) of one that other units have too."""
    draw = np.random.default_rng(seed)
    for start in range(0, rows, 16384):
        size = min(16384, rows - start)
        values = draw.integers(0, 2**32, (size, MINHASH_PERMUTATIONS), dtype=np.uint32)
        places = np.arange(0, size, shared)
        same = np.random.default_rng(start + seed % 5).integers(0, 2**32, (len(places), 58), dtype=np.uint32)
        values[places, :58] = same
        column = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(4 * MINHASH_PERMUTATIONS), size, [None, pa.py_buffer(values.tobytes())]
        )
        yield pa.RecordBatch.from_arrays([column], schema=FINGERPRINT)


def write_places(folder: Path, unit: int, rows: int) -> None:
    """Place, id and digest of the text of each document of a unit, which is one of ten sources; no two texts are equal."""
    documents = {
        "source_id": pa.array([f"source-{unit % 10}"] * rows),
        "shard": pa.array([f"shard-{unit:05d}.jsonl"] * rows),
        "row": pa.array(np.arange(rows)),
        "doc_id": pa.array([f"source-{unit % 10}:{unit:05d}:{row}" for row in range(rows)]),
    }
    draw = np.random.default_rng(unit)
    halves = [pa.array(draw.integers(0, 2**64, rows, dtype=np.uint64)) for _ in range(2)]
    pq.write_table(pa.table(documents), folder / f"documents-{unit:05d}.parquet")
    pq.write_table(pa.table(halves, names=["text_high", "text_low"]), folder / f"hashes-{unit:05d}.parquet")


def _search(folder: Path, units: int, threads: int) -> dict[str, Any]:
    """All that a run does for near copies, in this process, with its cost."""
    store, keys = ScanStore(str(folder / "scans")), [f"{unit:064x}" for unit in range(units)]
    documents, hashes = (
        [folder / f"{kind}-{unit:05d}.parquet" for unit in range(units)] for kind in ("documents", "hashes")
    )
    started, clock = time.process_time(), time.monotonic()
    with connect(memory=BOUNDED) as sql:
        sql.execute(f"SET threads = {threads}")
        sql.execute(f"SET temp_directory = {quoted(str(folder / 'spill'))}")
        sql.execute("SET preserve_insertion_order = false")
        how = search(sql, keys, 0.8, store, folder)
        searched = time.process_time()
        join_groups(sql)
        join_empty(sql, [Path(bands_path(store, key)) for key in keys], hashes)
        members = write_groups(sql, documents, hashes, folder / "near.parquet")
    written = time.process_time()
    groups = _count_copies(folder, documents, hashes, threads)
    return {
        "how": how,
        "groups": groups,
        "members": members,
        "search": searched - started,
        "write": written - searched,
        "tables": time.process_time() - written,
        "wall": time.monotonic() - clock,
        "peak": peak_memory(),
    }


def _count_copies(folder: Path, documents: Sequence[Path], hashes: Sequence[Path], threads: int) -> int:
    """Makes the tables of copies; how many groups there are."""
    near = parquet_list([folder / "near.parquet"])
    units = [(f"source-{unit % 10}", file) for unit, file in enumerate(hashes)]
    copied = told_by_summaries(parquet_list(documents), units, "")
    with over_files(folder / "spill") as (query, _):
        query(f"SET threads = {threads}")
        rows = int(query(f"SELECT count(*) FROM {copied.texts}")[0][0])
        load_copies(query, copied.texts, near, rows)
        counts = {f"source-{number}": 1 for number in range(10)}
        duplicate_rows(query, counts, True)
        overlap_rows(query, counts, True)
        group_rows(query, copied.documents, near)
        return int(query(f"SELECT max(group_no) FROM {near}")[0][0] or 0)


@app.command()
def scale(
    millions: Annotated[list[float] | None, typer.Argument()] = None, threads: int = 2, folder: Path | None = None
) -> None:
    """Seconds of CPU and memory of a first search, one with a hundredth more documents, and one where nothing changed."""
    print(_machine())
    print("1.6 million documents are 1 GB of short texts (0.6 KB)\n")
    print(
        "| documents | how | groups | in groups | s search | s groups | s tables | s CPU a GB of short texts | s | peak MB |"
    )
    print("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for million in millions or [1, 10]:
        rows = int(million * 1_000_000)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            place = Path(name)
            store = ScanStore(str(place / "scans"))
            units = max(1, rows // UNIT)
            more = max(1, rows // 100)
            for unit, own in enumerate([rows // units] * units + [more]):
                commit_signatures(store, unit, synthetic(own, unit))
                write_places(place, unit, own)
            for count in (units, units + 1, units + 1):
                command = [sys.executable, "-m", "benchmarks.duplicates", "one", name, str(count), str(threads)]
                told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                parts = [told[part] for part in ("search", "write", "tables")]
                print(
                    f"| {rows + (more if count > units else 0):,} | {told['how']} | {told['groups']:,} | {told['members']:,} | "
                    + " | ".join(f"{part:.1f}" for part in parts)
                    + f" | {sum(parts) / rows * 1.6e6:.2f} | {told['wall']:.1f} | {told['peak'] / 1e6:.0f} |",
                    flush=True,
                )


@app.command(hidden=True)
def one(folder: Path, units: int, threads: int) -> None:
    """A search in a process of its own."""
    print(json.dumps(_search(folder, units, threads)))


def _machine() -> str:
    return "; ".join(f"{key}: {value}" for key, value in described().items())


if __name__ == "__main__":
    app()
