"""Ranks the admitted documents of a unit, and takes out of it what the samples ask for.

What may be asked for depends on the seed and on the unit alone: the smallest manual keys, and the technical keys up to
a little beyond the share. Both are committed with the ranking, so that a unit that did not change is not read again.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import Limits
from pipeline.decisions import DecidedUnit
from pipeline.drawing.sampling import BIN_HEX, Cut, Keys, Ranking, bins_of, key_of, numbers_of, reach_of
from pipeline.errors import FileDamaged, RunFailed
from pipeline.readers.base import Tray
from pipeline.scan import patiently, read_unit
from pipeline.store.scans import ScanStore, TableFile, with_digest, without_digest
from schemas.results import MANUAL_SAMPLE, TECHNICAL_SAMPLE
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

RANKED, TECHNICAL, MANUAL = "ranked-1", "technical-1", "manual-1"  # the number is that of their form

ORDER = ("technical_key", "doc_id", "shard", "row")
Border = tuple[str, str, str, int]  # a document by which the technical sample ends, in this order

# The technical sample of one unit, with the key that orders the bin in which the cut falls.
TECHNICAL_PART = TECHNICAL_SAMPLE.append(pa.field("technical_key", pa.string(), nullable=False))

# The manual sample of one unit: the sample's columns, and the key that orders it instead of its number. Of candidates,
# and of documents whose text the caller has, the text is NULL.
MANUAL_PART = (
    MANUAL_SAMPLE.remove(0)
    .append(pa.field("manual_key", pa.string(), nullable=False))
    .set(MANUAL_SAMPLE.get_field_index("text") - 1, pa.field("text", pa.large_string()))
)
_READ = [
    *("doc_id", "source_id", "shard", "row", "bucket", "content_hash"),
    *("risks", "candidate_risks", "keyword_risks", "classifier_risks", "admitted"),
]


@dataclass(frozen=True)
class Draw:
    """What the samples are asked for: the seed, the size of the manual sample, the share of the technical one."""

    seed: str
    manual: int
    share: Decimal

    def key(self, decided: DecidedUnit) -> str:
        """The key of what this draw may take out of a unit."""
        content = [decided.key, self.seed, self.manual, str(self.share)]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def rank_unit(decided: DecidedUnit, draw: Draw, store: ScanStore) -> Ranking:
    """How the unit's admitted documents rank. Commits that, and what the samples may take, unless it is there."""
    key = draw.key(decided)
    ranked = store.path(RANKED, key, ".npz")
    if all(store.exists(path) for path in (ranked, store.path(TECHNICAL, key), store.path(MANUAL, key))):
        found = _unpacked(store.read_bytes(ranked), draw.manual)
        if found is not None:
            return found
    ranking, reach = Ranking(draw.manual), reach_of(draw.share)
    lowest: list[pa.RecordBatch] = []
    with store.workspace() as folder:
        part = TableFile(folder / "technical.parquet", TECHNICAL_PART)
        for batch in _admitted(decided, store):
            manual, technical = _keys(batch, draw.seed)
            ranking.add(manual, technical)
            lowest.append(_candidates(batch, manual, ranking))
            part.write(_technical(batch, technical, reach))
        part.close({"rows": part.rows})
        candidates = TableFile(folder / "manual.parquet", MANUAL_PART)
        for batch in _smallest(lowest, draw.manual):
            candidates.write(batch)
        candidates.close({"rows": candidates.rows})
        store.commit(part.path, store.path(TECHNICAL, key))
        store.commit(candidates.path, store.path(MANUAL, key))
    packed = io.BytesIO()
    np.savez_compressed(packed, population=np.int64(ranking.population), bins=ranking.bins, manual=ranking.manual)
    store.commit_bytes(with_digest(packed.getvalue()), ranked)
    return ranking


def _unpacked(data: bytes, limit: int) -> Ranking | None:
    """A committed ranking; None where the file is damaged, so that it is made anew."""
    content = without_digest(data)
    if content is None:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return Ranking(limit, int(file["population"]), file["bins"], file["manual"])


@contextmanager
def opened(store: ScanStore, path: str, schema: pa.Schema) -> Iterator[pq.ParquetFile]:
    """A part of a sample. Raises FileDamaged, also where damage gave it other columns; the file is withdrawn then."""
    with store.open(path) as file:
        if not file.schema_arrow.equals(schema):
            store.withdraw(path)
            raise FileDamaged(path)
        yield file


def _keys(batch: pa.RecordBatch, seed: str) -> tuple[Keys, Keys]:
    return numbers_of(seed, batch.column("doc_id").to_pylist(), batch.column("content_hash").to_pylist())


def _candidates(batch: pa.RecordBatch, keys: Keys, ranking: Ranking) -> pa.RecordBatch:
    """The documents of a batch that are among the smallest so far; equal keys count as smaller."""
    chosen = np.flatnonzero(keys <= ranking.manual[-1]) if len(ranking.manual) else np.zeros(0, dtype=np.int64)
    rows = batch.take(pa.array(chosen))
    risks = zip(rows.column("risks").to_pylist(), rows.column("candidate_risks").to_pylist(), strict=True)
    columns = {name: rows.column(name) for name in MANUAL_PART.names if name in rows.schema.names}
    columns |= {
        "text": pa.nulls(len(rows), pa.large_string()),
        "machine_risks": pa.array(
            [sorted({*own, *seen}) for own, seen in risks], MANUAL_PART.field("machine_risks").type
        ),
        "manual_key": pa.array([key_of(key) for key in keys[chosen].tolist()], pa.string()),
    }
    return pa.record_batch([columns[name] for name in MANUAL_PART.names], schema=MANUAL_PART)


def _smallest(found: list[pa.RecordBatch], limit: int) -> list[pa.RecordBatch]:
    table = pa.Table.from_batches(found, schema=MANUAL_PART)
    order = [("manual_key", "ascending"), *((name, "ascending") for name in ORDER[1:])]
    lowest: list[pa.RecordBatch] = table.sort_by(order).slice(0, limit).combine_chunks().to_batches()
    return lowest


def _technical(batch: pa.RecordBatch, keys: Keys, reach: int) -> pa.RecordBatch:
    """The documents of a batch whose technical keys are in the first `reach` bins, as rows of a part."""
    chosen = np.flatnonzero(bins_of(keys) < reach)
    rows = batch.take(pa.array(chosen))
    columns = {name: rows.column(name) for name in TECHNICAL_PART.names if name in rows.schema.names}
    columns |= {
        "qualified": pc.and_(
            pc.equal(pc.list_value_length(rows.column("keyword_risks")), 0),
            pc.equal(pc.list_value_length(rows.column("classifier_risks")), 0),
        ),
        "confirmed_risks": pa.nulls(len(rows), TECHNICAL_PART.field("confirmed_risks").type),
        "unscored": pa.nulls(len(rows), pa.string()),
        "technical_key": pa.array([key_of(key) for key in keys[chosen].tolist()], pa.string()),
    }
    return pa.record_batch([columns[name] for name in TECHNICAL_PART.names], schema=TECHNICAL_PART)


def draw_technical(decided: DecidedUnit, draw: Draw, cut: Cut, store: ScanStore, target: str) -> str:
    """The file with the unit's documents up to and including the bin of the cut, and perhaps some beyond it.

    It is the one committed with the ranking, but where the cut lies beyond: then `target`, which is committed here.
    """
    if cut.bin < reach_of(draw.share):
        return store.path(TECHNICAL, draw.key(decided))
    with store.workspace() as folder:
        part = TableFile(folder / "technical.parquet", TECHNICAL_PART)
        for batch in _admitted(decided, store):
            part.write(_technical(batch, _keys(batch, draw.seed)[1], cut.bin + 1))
        part.close({"rows": part.rows})
        store.commit(part.path, target)
    return target


def border(store: ScanStore, parts: Sequence[str], cut: Cut) -> Border | None:
    """The last document of the technical sample in the bin of the cut, from the units' parts; None without a sample."""
    found: list[pa.Table] = []
    for part in parts:
        with opened(store, part, TECHNICAL_PART) as file:
            for batch in file.iter_batches(columns=list(ORDER), use_threads=False):
                found.append(pa.Table.from_batches([batch.filter(_in_bin(batch, cut.bin))]))
    if not found or cut.within <= 0:
        return None
    ranked = pa.concat_tables(found).sort_by([(name, "ascending") for name in ORDER])
    key, doc_id, shard, row = ranked.slice(cut.within - 1, 1).to_pylist()[0].values()
    return key, doc_id, shard, row


def taken(batch: pa.RecordBatch, cut: Cut, last: Border | None) -> pa.Array:
    """Which documents of a part are in the technical sample."""
    chosen = np.array(pc.less(batch.column("technical_key"), _prefix(cut.bin)))
    if last is not None:
        inside = np.flatnonzero(_in_bin(batch, cut.bin))
        rows = batch.select(list(ORDER)).take(pa.array(inside)).to_pylist()
        chosen[inside] = [tuple(row[name] for name in ORDER) <= last for row in rows]
    return pa.array(chosen)


def _in_bin(batch: pa.RecordBatch, number: int) -> pa.Array:
    return pc.starts_with(batch.column("technical_key"), _prefix(number))


def _prefix(number: int) -> str:
    """What the keys of a bin begin with; keys below it are smaller, as text too."""
    return f"{max(number, 0):0{BIN_HEX}x}"


Place = tuple[str, int]  # shard and row


def draw_manual(
    decided: DecidedUnit, draw: Draw, cut: Cut, known: frozenset[str], limits: Limits, store: ScanStore, target: str
) -> int:
    """Commits the unit's documents up to the last key of the manual sample, if any; returns how many.

    Their texts are read from the shards, but for those whose content hashes are `known` to the caller.
    """
    wanted: dict[Place, dict[str, Any]] = {}
    with opened(store, store.path(MANUAL, draw.key(decided)), MANUAL_PART) as file:
        for batch in file.iter_batches(use_threads=False):
            chosen = batch.filter(pc.less_equal(batch.column("manual_key"), key_of(cut.last)))
            wanted |= {(row["shard"], row["row"]): row for row in chosen.to_pylist()}
            if len(chosen) < len(batch):  # they come in order
                break
    if not wanted or not cut.manual:
        return 0
    told = [row for row in wanted.values() if row["content_hash"] in known]
    unread = {place: row for place, row in wanted.items() if row["content_hash"] not in known}
    return patiently(lambda: _drawn(decided, told, unread, limits, store, target))


def _drawn(
    decided: DecidedUnit,
    told: Sequence[dict[str, Any]],
    unread: Mapping[Place, dict[str, Any]],
    limits: Limits,
    store: ScanStore,
    target: str,
) -> int:
    with store.workspace() as folder:
        part = TableFile(folder / "manual.parquet", MANUAL_PART)
        part.write(pa.RecordBatch.from_pylist(list(told), schema=MANUAL_PART))
        for row in _texts(decided, unread, limits, store):
            part.write(pa.RecordBatch.from_pylist([row], schema=MANUAL_PART))
        part.close({"rows": part.rows})
        store.commit(part.path, target)
    return part.rows


def _texts(
    decided: DecidedUnit, wanted: Mapping[Place, dict[str, Any]], limits: Limits, store: ScanStore
) -> Iterator[dict[str, Any]]:
    """The wanted documents, their texts read again from the shards and checked against their hashes."""
    if not wanted:
        return
    unit = decided.scanned.unit
    shards = [member.shard.name for member in unit.members]
    remaining = set(wanted)
    for records in read_unit(unit, Tray(limits.document_bytes), limits):
        members, rows = records.column("member").to_pylist(), records.column("row").to_pylist()
        places = [(shards[m], r + decided.row_bases[m]) for m, r in zip(members, rows, strict=True)]
        chosen = [index for index, place in enumerate(places) if place in remaining]
        if not chosen:
            continue
        batch = TextBatch(records.take(pa.array(chosen)))
        for index, text, digest in zip(chosen, batch.strings, content_hashes(batch).to_pylist(), strict=True):
            place = places[index]
            if digest.hex() != wanted[place]["content_hash"]:
                _withdraw(decided, store)
                raise RunFailed(
                    f"{unit.source.id}/{place[0]} 第 {place[1]} 行在扫描后变了 / row {place[1]} of {unit.source.id}/{place[0]} "
                    f"changed since it was scanned: run again"
                )
            remaining.discard(place)
            yield {**wanted[place], "text": text}
        if not remaining:
            return
    if remaining:
        _withdraw(decided, store)
        shard, row = min(remaining)
        raise RunFailed(f"抽中的文档不见了 / a sampled document is gone: {unit.source.id}/{shard} row {row}: run again")


def _withdraw(decided: DecidedUnit, store: ScanStore) -> None:
    """Takes back the layers of a unit that no longer say what its shards hold; the next run reads them anew."""
    for name, key in decided.scanned.layers.items():
        store.discard_file(store.path(name, key))


def _admitted(decided: DecidedUnit, store: ScanStore) -> Iterator[pa.RecordBatch]:
    with store.open(store.path("documents", decided.key)) as file:
        for batch in file.iter_batches(batch_size=8192, columns=_READ, use_threads=False):
            yield batch.filter(batch.column("admitted"))
