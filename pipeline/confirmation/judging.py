"""Has the technical sample of a unit judged by a scorer that is limited to it: what it says enters `qualified`.

The sample is drawn first, by its keys alone; no answer changes who is in it. A sampled document without an answer is
not qualified, and nobody takes its place.
"""

import pyarrow as pa

from pipeline.config import Limits
from pipeline.confirmation.confirming import judge_rows, nominated_rows
from pipeline.decisions import DecidedUnit
from pipeline.detectors import Detectors
from pipeline.drawing.draw import TECHNICAL_PART, Border, taken
from pipeline.drawing.sampling import Cut
from pipeline.store.scans import ScanStore, TableFile
from transforms.confirm import Judged, Usage


def judge_part(
    decided: DecidedUnit,
    ends: tuple[Cut, Border | None],
    detectors: Detectors,
    limits: Limits,
    store: ScanStore,
    part: str,
    target: str,
) -> Usage:
    """Commits the sampled documents of a unit's `part` with what the scorer says of them; returns what that took."""
    confirm = detectors.confirm
    assert confirm is not None
    with store.open(part) as file:
        table = file.read(use_threads=False).combine_chunks()
    sampled = [batch.filter(taken(batch, *ends)) for batch in table.to_batches()]
    wanted = {place for batch in sampled for place in _places(batch)}
    judged: dict[tuple[str, int], Judged] = {}
    usage = Usage()
    if wanted:
        rows = _rows(decided, store, wanted)
        nominated, hashes = nominated_rows(decided.scanned, confirm, store)
        found, usage = judge_rows(
            decided.scanned.unit, {row: nominated[row] for row in sorted(rows)}, hashes, confirm, limits
        )
        judged = {rows[row]: document for row, document in found.items()}
    with store.workspace() as folder:
        out = TableFile(folder / "judged.parquet", TECHNICAL_PART)
        for batch in sampled:
            out.write(_with_verdicts(batch, [judged[place] for place in _places(batch)], detectors))
        out.close({"rows": out.rows})
        store.commit(out.path, target)
    return usage


def _with_verdicts(batch: pa.RecordBatch, judged: list[Judged], detectors: Detectors) -> pa.RecordBatch:
    decider = detectors.decider
    least, counted = decider.policy.technical.confirmed, decider.profile.counted_risks
    risks = [
        None
        if document.unscored is not None
        else sorted(risk for risk, score, _, _ in document.scores if score >= least and risk in counted)
        for document in judged
    ]
    qualified = [before and own == [] for before, own in zip(batch.column("qualified").to_pylist(), risks, strict=True)]
    columns = {name: batch.column(name) for name in batch.schema.names} | {
        "confirmed_risks": pa.array(risks, type=TECHNICAL_PART.field("confirmed_risks").type),
        "unscored": pa.array([document.unscored for document in judged], type=pa.string()),
        "qualified": pa.array(qualified, type=pa.bool_()),
    }
    return pa.record_batch([columns[name] for name in TECHNICAL_PART.names], schema=TECHNICAL_PART)


def _places(batch: pa.RecordBatch) -> list[tuple[str, int]]:
    return list(zip(batch.column("shard").to_pylist(), batch.column("row").to_pylist(), strict=True))


def _rows(decided: DecidedUnit, store: ScanStore, wanted: set[tuple[str, int]]) -> dict[int, tuple[str, int]]:
    """Positions in the unit of the wanted documents, by shard and row."""
    shards = [member.shard.name for member in decided.scanned.unit.members]
    found: dict[int, tuple[str, int]] = {}
    first = 0
    with store.open(store.path("base", decided.scanned.layers["base"])) as file:
        for batch in file.iter_batches(columns=["member", "row"], use_threads=False):
            members, rows = (column.to_pylist() for column in batch.columns)
            for index, (member, row) in enumerate(zip(members, rows, strict=True)):
                place = (shards[member], row + decided.row_bases[member])
                if place in wanted:
                    found[first + index] = place
            first += batch.num_rows
    return found
