"""Puts the units' parts of the samples together: numbered by rank, and cut exactly."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.draw import ORDER, TECHNICAL_PART, border, taken
from pipeline.errors import RunFailed
from pipeline.passes import Results
from pipeline.sampling import Cut
from pipeline.scans import ScanStore, TableFile
from schemas.results import MANUAL_SAMPLE, TECHNICAL_SAMPLE


def finish(store: ScanStore, handover: str, results: Results, folder: Path) -> None:
    """Writes samples/manual.parquet, in order of rank, and samples/technical.parquet, in order of the corpus."""
    folder.mkdir()
    base = f"{store.location}/{handover}"
    _manual(store, [f"{base}/manual/{part.unit}.parquet" for part in results.drawn if part.manual], results.cut, folder)
    _technical(
        store, [f"{base}/{results.technical}/{part.unit}.parquet" for part in results.drawn], results.cut, folder
    )


def _manual(store: ScanStore, parts: list[str], cut: Cut, folder: Path) -> None:
    rows: list[pa.Table] = []
    for part in parts:
        with store.open(part) as file:
            rows.append(file.read(use_threads=False))
    table = (
        pa.concat_tables(rows).sort_by([("manual_key", "ascending"), *((name, "ascending") for name in ORDER[1:])])
        if rows
        else None
    )
    found = table.num_rows if table is not None else 0
    if found != len(cut.manual):
        raise RunFailed(f"人工样本不全 / the manual sample holds {found} of {len(cut.manual)} documents: run again")
    file = TableFile(folder / "manual.parquet", MANUAL_SAMPLE)
    if table is not None:
        numbered = table.drop_columns("manual_key").add_column(
            0, MANUAL_SAMPLE.field(0), pa.array(range(1, found + 1), pa.int64())
        )
        for batch in numbered.cast(MANUAL_SAMPLE).combine_chunks().to_batches():
            file.write(batch)
    file.close({"rows": file.rows})


def _technical(store: ScanStore, parts: list[str], cut: Cut, folder: Path) -> None:
    """Everything below the bin of the cut, and of the bin its smallest keys."""
    last = border(store, parts, cut)
    target = TableFile(folder / "technical.parquet", TECHNICAL_SAMPLE)
    for part in parts:
        with store.open(part) as file:
            for batch in file.iter_batches(use_threads=False):
                chosen = batch.filter(taken(batch, cut, last))
                target.write(
                    pa.record_batch([chosen.column(name) for name in TECHNICAL_SAMPLE.names], schema=TECHNICAL_SAMPLE)
                )
    target.close({"rows": target.rows})
    if target.rows != cut.technical:
        raise RunFailed(
            f"技术样本数目不符 / the technical sample holds {target.rows} of {cut.technical} documents: run again"
        )


def sizes(folder: Path) -> tuple[tuple[int, int], int]:
    """((qualified, technical), manual)."""
    technical = qualified = 0
    with pq.ParquetFile(folder / "technical.parquet") as file:
        for batch in file.iter_batches(columns=["qualified"]):
            technical += batch.num_rows
            qualified += int(pc.sum(batch.column("qualified")).as_py() or 0)
    return (qualified, technical), pq.read_metadata(folder / "manual.parquet").num_rows


assert TECHNICAL_PART.names[:-1] == TECHNICAL_SAMPLE.names
