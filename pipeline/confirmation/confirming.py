"""Confirms the candidates of a unit: reads their texts again, asks the scorer, commits the layer `confirm`.

A layer in which documents are unscored is committed too, for decisions need it, but under a name of its own: the
complete one is still missing, so the next run asks for what has no answer yet.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from pipeline.config import Limits
from pipeline.errors import ShardUnreadable
from pipeline.plan import Unit
from pipeline.readers.base import Tray
from pipeline.scan import ScannedUnit, read_unit
from pipeline.store.scans import ROWS_PER_GROUP, ScanStore, TableFile, layer_key
from transforms.confirm import Candidate, Confirm, Judged, Usage
from transforms.fingerprint import content_hashes
from transforms.scorers.base import Place
from transforms.text import TextBatch

LAYER = "confirm"

_CHANGED, _UNREADABLE = "text_changed", "text_unreadable"
_HELD_CHARS, _HELD_DOCUMENTS = 8 << 20, 2048  # of candidates judged together

Progress = Callable[[Usage], None]


def confirm_key(unit: Unit, confirm: Confirm, limits: Limits) -> str:
    """The key of the complete layer."""
    return layer_key(unit.key(limits), confirm.fingerprint(), confirm.schema)


def confirm_unit(
    scanned: ScannedUnit, confirm: Confirm, limits: Limits, store: ScanStore, progress: Progress = lambda usage: None
) -> ScannedUnit:
    """Commits the layer unless a complete one is there; the unit with its key and what that took."""
    key = confirm_key(scanned.unit, confirm, limits)
    path = store.path(LAYER, key)
    if store.exists(path):
        told = store.metadata(path)
        usage = Usage(asked=told["asked"], cached=told["asked"])
        return replace(scanned, layers={**scanned.layers, LAYER: key}, confirmed=usage)
    nominated, hashes = nominated_rows(scanned, confirm, store)
    judged, usage = judge_rows(scanned.unit, nominated, hashes, confirm, limits, progress)
    with store.workspace() as folder:
        file = TableFile(folder / "confirm.parquet", confirm.schema)
        for start in range(0, scanned.rows, ROWS_PER_GROUP):
            count = min(ROWS_PER_GROUP, scanned.rows - start)
            file.write(confirm.rows(count, {row: judged[row + start] for row in range(count) if row + start in judged}))
        unscored = sum(usage.unscored.values())
        file.close({"layer": LAYER, "rows": file.rows, "asked": usage.asked, "unscored": unscored})
        if unscored:
            said = sorted((row, document.scores, document.unscored) for row, document in judged.items())
            key = hashlib.sha256(f"{key}\n{said}".encode()).hexdigest()
        store.commit(file.path, store.path(LAYER, key))
    return replace(scanned, layers={**scanned.layers, LAYER: key}, confirmed=usage)


def nominated_rows(
    scanned: ScannedUnit, confirm: Confirm, store: ScanStore
) -> tuple[dict[int, tuple[Place, ...]], dict[int, bytes]]:
    """The rows of the unit to judge with the places of their evidence, and the hashes their texts had."""
    nominated: dict[int, tuple[Place, ...]] = {}
    hashes: dict[int, bytes] = {}
    with contextlib.ExitStack() as opened:
        base, keywords, classifier = (
            opened.enter_context(store.open(store.path(name, scanned.layers[name])))
            for name in ("base", "keywords", "classifier")
        )
        first = 0
        for group in range(base.metadata.num_row_groups):
            columns = base.read_row_group(group, columns=["content_hash"], use_threads=False)
            facts = [_one_batch(file.read_row_group(group, use_threads=False)) for file in (keywords, classifier)]
            for row, places in confirm.nominated(*facts).items():
                nominated[first + row] = places
                hashes[first + row] = columns.column(0)[row].as_py()
            first += columns.num_rows
    return nominated, hashes


def judge_rows(
    unit: Unit,
    nominated: Mapping[int, tuple[Place, ...]],
    hashes: Mapping[int, bytes],
    confirm: Confirm,
    limits: Limits,
    progress: Progress = lambda usage: None,
) -> tuple[dict[int, Judged], Usage]:
    """Judges these rows of a unit. A text that cannot be read again, or is another one now, is unscored.

    `progress` is told what the unit took so far, now and then.
    """
    judged: dict[int, Judged] = {}
    usage = Usage()
    held: dict[int, Candidate] = {}

    size = 0

    def flush() -> None:
        documents, took = confirm.judge(list(held.values()))
        judged.update(zip(held, documents, strict=True))
        usage.add(took)
        held.clear()
        progress(usage)

    try:
        for row, text, digest in _texts(unit, nominated, limits) if nominated else ():
            if digest != hashes[row]:
                _without(judged, usage, row, _CHANGED)
                continue
            held[row] = Candidate(text, nominated[row])
            size += len(text)
            if size >= _HELD_CHARS or len(held) >= _HELD_DOCUMENTS:
                flush()
                size = 0
    except ShardUnreadable:
        pass  # the rows behind are named below
    if held:
        flush()
    for row in nominated:
        if row not in judged:
            _without(judged, usage, row, _UNREADABLE)
    return judged, usage


def _without(judged: dict[int, Judged], usage: Usage, row: int, reason: str) -> None:
    judged[row] = Judged(unscored=reason)
    usage.asked += 1
    usage.unscored[reason] = usage.unscored.get(reason, 0) + 1


def _texts(unit: Unit, wanted: Mapping[int, object], limits: Limits) -> Iterator[tuple[int, str, bytes]]:
    """The wanted rows of a unit with their texts and hashes, read again from the shards."""
    last, first = max(wanted), 0
    for records in read_unit(unit, Tray(limits.document_bytes), limits):
        chosen = [index for index in range(records.num_rows) if first + index in wanted]
        if chosen:
            batch = TextBatch(records.take(pa.array(chosen)))
            for index, text, digest in zip(chosen, batch.strings, content_hashes(batch).to_pylist(), strict=True):
                yield first + index, text, digest
        first += records.num_rows
        if first > last:
            return


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches(max_chunksize=ROWS_PER_GROUP)
    return batches[0]
