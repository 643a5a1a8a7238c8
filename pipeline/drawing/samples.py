"""Puts the units' parts of the samples together: numbered by rank, and cut exactly."""

import contextlib
import hashlib
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.drawing.draw import MANUAL_PART, ORDER, TECHNICAL_PART, border, opened, taken
from pipeline.drawing.sampling import Cut
from pipeline.errors import FileDamaged, RunFailed
from pipeline.passes import Results
from pipeline.store.output import Run
from pipeline.store.scans import ScanStore, TableFile
from schemas.results import MANUAL_SAMPLE, TECHNICAL_SAMPLE


def known_texts(run: Run | None) -> frozenset[str]:
    """The content hashes of the texts in a run's manual sample that are what they are said to be."""
    return frozenset(_texts(run, None)) if run is not None else frozenset()


def finish(store: ScanStore, handover: str, results: Results, before: Run | None, folder: Path) -> None:
    """Writes samples/manual.parquet, in order of rank, and samples/technical.parquet, in order of the corpus.

    Texts that were not read again come from the manual sample of the run `before`.
    """
    folder.mkdir()
    base = f"{store.location}/{handover}"
    manual = [f"{base}/manual/{part.unit}.parquet" for part in results.drawn if part.manual]
    _manual(store, manual, results.cut, before, folder)
    _technical(store, [part.technical for part in results.drawn], results.cut, folder)


def _manual(store: ScanStore, parts: list[str], cut: Cut, before: Run | None, folder: Path) -> None:
    rows: list[pa.Table] = []
    for part in parts:
        with store.open(part) as file:
            rows.append(file.read(use_threads=False))
    order = [("manual_key", "ascending"), *((name, "ascending") for name in ORDER[1:])]
    table = pa.concat_tables([MANUAL_PART.empty_table(), *rows]).sort_by(order).slice(0, cut.manual)
    table = _with_texts(table, before)
    found = table.num_rows
    if found != cut.manual:
        raise RunFailed(f"人工样本不全 / the manual sample holds {found} of {cut.manual} documents: run again")
    file = TableFile(folder / "manual.parquet", MANUAL_SAMPLE)
    numbered = table.drop_columns("manual_key").add_column(
        0, MANUAL_SAMPLE.field(0), pa.array(range(1, found + 1), pa.int64())
    )
    for batch in numbered.cast(MANUAL_SAMPLE).combine_chunks().to_batches():
        file.write(batch)
    file.close({"rows": file.rows})


def _with_texts(table: pa.Table, before: Run | None) -> pa.Table:
    """The rows with the texts that were not read again; those that cannot be found are left out."""
    hashes = table.column("content_hash").to_pylist()
    wanted = {own for own, text in zip(hashes, table.column("text"), strict=True) if not text.is_valid}
    if not wanted or before is None:
        return table.filter(pc.is_valid(table.column("text")))
    texts = _texts(before, wanted)
    index = table.schema.get_field_index("text")
    known = pa.array([texts.get(own) for own in hashes], pa.large_string())
    filled = table.set_column(index, "text", pc.coalesce(table.column("text"), known))
    return filled.filter(pc.is_valid(filled.column("text")))


def _texts(run: Run, wanted: Collection[str] | None) -> dict[str, str]:
    """Of a run's manual sample the wanted texts by their hashes, or all with nothing in place of the texts."""
    path = run.folder / "samples" / "manual.parquet"
    found: dict[str, str] = {}
    with (
        contextlib.suppress(OSError, ValueError, pa.ArrowException),  # damaged: the texts are read from the shards
        pq.ParquetFile(path, page_checksum_verification=True) as file,
    ):
        for batch in file.iter_batches(batch_size=64, columns=["content_hash", "text"], use_threads=False):
            for own, text in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if (wanted is None or own in wanted) and hashlib.sha256(text.encode()).hexdigest() == own:
                    found[own] = "" if wanted is None else text
    return found


def _technical(store: ScanStore, parts: list[str], cut: Cut, folder: Path) -> None:
    """Everything below the bin of the cut, and of the bin its smallest keys."""
    last = border(store, parts, cut)
    target = TableFile(folder / "technical.parquet", TECHNICAL_SAMPLE)
    for part in parts:
        with opened(store, part, TECHNICAL_PART) as file:
            for batch in file.iter_batches(use_threads=False):
                chosen = batch.filter(taken(batch, cut, last))
                target.write(
                    pa.record_batch([chosen.column(name) for name in TECHNICAL_SAMPLE.names], schema=TECHNICAL_SAMPLE)
                )
    target.close({"rows": target.rows})
    if target.rows != cut.technical:
        for part in parts:
            store.withdraw(part)
        raise FileDamaged(f"技术样本数目不符 / the technical sample holds {target.rows} of {cut.technical} documents")


def sizes(folder: Path) -> tuple[tuple[int, int], int]:
    """((qualified, technical), manual)."""
    technical = qualified = 0
    with pq.ParquetFile(folder / "technical.parquet") as file:
        for batch in file.iter_batches(columns=["qualified"]):
            technical += batch.num_rows
            qualified += int(pc.sum(batch.column("qualified")).as_py() or 0)
    return (qualified, technical), pq.read_metadata(folder / "manual.parquet").num_rows


assert TECHNICAL_PART.names[:-1] == TECHNICAL_SAMPLE.names
