"""Ranks the admitted documents of a unit, and takes out of it what the samples ask for."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config import Limits
from pipeline.decisions import DecidedUnit
from pipeline.errors import RunFailed
from pipeline.readers.base import Tray
from pipeline.sampling import BIN_HEX, Cut, Ranked, Ranking, keys_of
from pipeline.scan import read_unit
from pipeline.scans import ScanStore, TableFile
from schemas.results import MANUAL_SAMPLE, TECHNICAL_SAMPLE
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

_IDENTITY = ["doc_id", "content_hash", "shard", "row", "admitted"]

ORDER = ("technical_key", "doc_id", "shard", "row")
Border = tuple[str, str, str, int]  # a document by which the technical sample ends, in this order

# The technical sample of one unit, with the key that orders the bin in which the cut falls.
TECHNICAL_PART = TECHNICAL_SAMPLE.append(pa.field("technical_key", pa.string(), nullable=False))


def rank_unit(decided: DecidedUnit, seed: str, limit: int, store: ScanStore) -> Ranking:
    """How the unit's admitted documents rank."""
    ranking = Ranking(limit)
    unit = decided.scanned.unit.name
    for batch in _admitted(decided, store, _IDENTITY):
        ids = batch.column("doc_id").to_pylist()
        digests = keys_of(seed, ids, batch.column("content_hash").to_pylist())
        worst = ranking.manual[-1].key if len(ranking.manual) >= limit else "g"
        shards, rows = batch.column("shard"), batch.column("row")
        ranking.add(
            [
                Ranked(digest[:16], ids[index], shards[index].as_py(), rows[index].as_py(), unit)
                for index, digest in enumerate(digests)
                if digest[:16] <= worst
            ],
            digests,
        )
    return ranking


def draw_technical(decided: DecidedUnit, seed: str, cut: Cut, store: ScanStore, target: str) -> int:
    """Commits the unit's documents up to and including the bin of the cut; returns how many."""
    with store.workspace() as folder:
        part = TableFile(folder / "technical.parquet", TECHNICAL_PART)
        for batch in _admitted(decided, store, None):
            digests = keys_of(seed, batch.column("doc_id").to_pylist(), batch.column("content_hash").to_pylist())
            keys = [digest[16:32] for digest in digests]
            chosen = [index for index, key in enumerate(keys) if int(key[:BIN_HEX], 16) <= cut.bin]
            rows = batch.take(pa.array(chosen, type=pa.int64()))
            qualified = pc.and_(
                pc.equal(pc.list_value_length(rows.column("keyword_risks")), 0),
                pc.equal(pc.list_value_length(rows.column("classifier_risks")), 0),
            )
            columns = {name: rows.column(name) for name in rows.schema.names}
            nobody = len(rows)
            columns |= {
                "confirmed_risks": pa.nulls(nobody, TECHNICAL_PART.field("confirmed_risks").type),
                "unscored": pa.nulls(nobody, pa.string()),
            }
            columns |= {"qualified": qualified, "technical_key": pa.array([keys[i] for i in chosen], type=pa.string())}
            part.write(pa.record_batch([columns[name] for name in TECHNICAL_PART.names], schema=TECHNICAL_PART))
        part.close({"rows": part.rows})
        store.commit(part.path, target)
    return part.rows


def border(store: ScanStore, parts: Sequence[str], cut: Cut) -> Border | None:
    """The last document of the technical sample in the bin of the cut, from the units' parts; None without a sample."""
    found: list[pa.Table] = []
    for part in parts:
        with store.open(part) as file:
            for batch in file.iter_batches(columns=list(ORDER), use_threads=False):
                found.append(pa.Table.from_batches([batch.filter(_in_bin(batch, cut.bin))]))
    if not found or cut.within <= 0:
        return None
    ranked = pa.concat_tables(found).sort_by([(name, "ascending") for name in ORDER])
    key, doc_id, shard, row = ranked.slice(cut.within - 1, 1).to_pylist()[0].values()
    return key, doc_id, shard, row


def taken(batch: pa.RecordBatch, cut: Cut, last: Border | None) -> pa.Array:
    """Which documents of a part are in the technical sample."""
    below = pc.less(_bins(batch), f"{max(cut.bin, 0):0{BIN_HEX}x}")
    if last is None:
        return below
    inside = _in_bin(batch, cut.bin)
    rows = zip(*(batch.column(name).to_pylist() for name in ORDER), strict=True)
    within = pa.array([row <= last for row in rows], type=pa.bool_())
    return pc.or_(below, pc.and_(inside, within))


def _bins(batch: pa.RecordBatch) -> pa.Array:
    return pc.utf8_slice_codeunits(batch.column("technical_key"), 0, BIN_HEX)


def _in_bin(batch: pa.RecordBatch, number: int) -> pa.Array:
    return pc.equal(_bins(batch), f"{max(number, 0):0{BIN_HEX}x}")


# The manual sample of one unit: the sample's columns, and the key that orders it instead of its number.
MANUAL_PART = MANUAL_SAMPLE.remove(0).append(pa.field("manual_key", pa.string(), nullable=False))


def draw_manual(decided: DecidedUnit, ranked: Sequence[Ranked], limits: Limits, store: ScanStore, target: str) -> int:
    """Commits the sampled documents of the unit with their texts; returns how many."""
    with store.workspace() as folder:
        part = TableFile(folder / "manual.parquet", MANUAL_PART)
        for row in _texts(decided, ranked, limits, store):
            part.write(pa.RecordBatch.from_pylist([row], schema=MANUAL_PART))
        part.close({"rows": part.rows})
        store.commit(part.path, target)
    return part.rows


def _texts(
    decided: DecidedUnit, ranked: Sequence[Ranked], limits: Limits, store: ScanStore
) -> Iterator[dict[str, Any]]:
    """The sampled documents, their texts read again from the shards and checked against their hashes."""
    wanted = {(item.shard, item.row): item for item in ranked}
    facts = _facts(decided, wanted, store)
    unit = decided.scanned.unit
    shards = [member.shard.name for member in unit.members]
    remaining = set(wanted)
    tray = Tray(limits.document_bytes)
    for records in read_unit(unit, tray, limits):
        members, rows = records.column("member").to_pylist(), records.column("row").to_pylist()
        places = [(shards[m], r + decided.row_bases[m]) for m, r in zip(members, rows, strict=True)]
        chosen = [index for index, place in enumerate(places) if place in remaining]
        if not chosen:
            continue
        batch = TextBatch(records.take(pa.array(chosen)))
        for index, text, digest in zip(chosen, batch.strings, content_hashes(batch).to_pylist(), strict=True):
            place = places[index]
            bucket, expected, risks = facts[place]
            if digest.hex() != expected:
                _withdraw(decided, store)
                raise RunFailed(
                    f"{unit.source.id}/{place[0]} 第 {place[1]} 行在扫描后变了 / row {place[1]} of {unit.source.id}/{place[0]} "
                    f"changed since it was scanned: run again"
                )
            remaining.discard(place)
            yield {
                "doc_id": wanted[place].doc_id,
                "source_id": unit.source.id,
                "shard": place[0],
                "row": place[1],
                "bucket": bucket,
                "content_hash": expected,
                "text": text,
                "machine_risks": risks,
                "manual_key": wanted[place].key,
            }
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


def _facts(
    decided: DecidedUnit, wanted: dict[tuple[str, int], Ranked], store: ScanStore
) -> dict[tuple[str, int], tuple[str, str, list[str]]]:
    facts: dict[tuple[str, int], tuple[str, str, list[str]]] = {}
    columns = ["doc_id", "shard", "row", "bucket", "content_hash", "risks", "candidate_risks", "admitted"]
    ids = pa.array(sorted({item.doc_id for item in wanted.values()}), type=pa.string())
    for batch in _admitted(decided, store, columns):
        for row in batch.filter(pc.is_in(batch.column("doc_id"), value_set=ids)).to_pylist():
            place = (row["shard"], row["row"])
            if place in wanted:
                machine = sorted({*row["risks"], *row["candidate_risks"]})
                facts[place] = (row["bucket"], row["content_hash"], machine)
    return facts


def _admitted(decided: DecidedUnit, store: ScanStore, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    with store.open(store.path("documents", decided.key)) as file:
        for batch in file.iter_batches(batch_size=8192, columns=columns, use_threads=False):
            yield batch.filter(batch.column("admitted"))
