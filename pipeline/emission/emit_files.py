"""Writes the files of an emitted corpus: one Parquet file a shard, of the documents that were admitted.

Texts are read again from the shards and each is checked against the hash its decision was made on. Files whose
documents, decisions and place did not change since the last time are linked, not written again.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import Limits
from pipeline.emission.emit_bundles import Bundle, Piece
from pipeline.emission.masking import TYPES, Masked, Masker, found_types
from pipeline.errors import RunFailed
from pipeline.events import EventLog
from pipeline.processes import follow
from pipeline.readers.base import Tray
from pipeline.scan import patiently, read_unit
from pipeline.store.output import write_json
from pipeline.store.scans import sha256_file
from schemas.results import EMITTED
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

BUILDING, WORK = ".building", ".work"
ENTRIES, EVENTS = "entries", "events.ndjson"  # of the folder of work
GROUP_ROWS = 16384  # a row group ends at so many documents, or behind the document that makes it so many bytes of text
GROUP_BYTES = 32 << 20

_FACTS = ["doc_id", "shard", "url", "bucket", "language", "content_hash", "admitted", *TYPES]


@dataclass(frozen=True)
class Job:
    """Everything the graph is built from."""

    hands: tuple[tuple[Bundle, ...], ...]
    folder: str
    limits: Limits
    masker: Masker | None


class EmitBundles:
    """The step that writes the files of a bundle and leaves their entries for the manifest. May be repeated."""

    def __init__(self, folder: str, limits: Limits, masker: Masker | None) -> None:
        self.folder = folder
        self.limits = limits
        self.masker = masker

    def setup(self) -> None:
        """Opens the log of progress."""
        follow()
        self.events = EventLog(str(Path(self.folder) / WORK / EVENTS))

    def process(self, bundle: Bundle) -> Iterator[str]:
        """Yields the bundle's name."""
        folder = Path(self.folder)
        entries = _linked(bundle, folder)
        if entries is None:
            entries = patiently(lambda: self._written(bundle, folder / BUILDING))
            self.events.flush()
        write_json(folder / WORK / ENTRIES / f"{bundle.name}.json", entries)
        yield bundle.name

    def _written(self, bundle: Bundle, building: Path) -> list[dict[str, Any]]:
        files: dict[str, ShardFile] = {}
        for piece in bundle.pieces:
            for shard, rows, types in _admitted(piece, self.limits):
                if shard not in files:
                    files[shard] = ShardFile(building / bundle.targets[shard])
                size = _text_bytes(rows)
                files[shard].audited_bytes += size
                files[shard].write(self.masker(rows, types, files[shard].masked) if self.masker else rows)
                self.events.progress(piece.unit.name, rows.num_rows, size)
        entries = []
        for shard, file in files.items():
            file.close()
            place = {"path": bundle.targets[shard], "source_id": bundle.pieces[0].unit.source.id, "shard": shard}
            entry = {**place, **file.counts(), "sha256": sha256_file(file.path), "key": bundle.key}
            if self.masker is not None:
                entry["masked"] = file.masked.entry()
            entries.append(entry)
        return entries


def _linked(bundle: Bundle, folder: Path) -> list[dict[str, Any]] | None:
    """Takes the files over from the corpus in use; None where there are none, or one is not what it was."""
    if not bundle.previous:
        return None
    for entry in bundle.previous:
        made, target = folder / "current" / entry["path"], folder / BUILDING / entry["path"]
        try:
            if sha256_file(made) != entry["sha256"]:
                return None
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(made, target)
        except OSError:
            return None
    return list(bundle.previous)


def _admitted(piece: Piece, limits: Limits) -> Iterator[tuple[str, pa.RecordBatch, list[set[str]]]]:
    """The admitted documents of a unit in row order, some of one shard at a time, with the types found in each.

    The decisions stand in the order in which the unit is read, so the two are walked side by side.
    """
    facts = pq.read_table(piece.documents, columns=_FACTS, use_threads=False, partitioning=None).combine_chunks()
    if not pc.any(facts.column("admitted")).as_py():
        return
    position = 0
    for records in read_unit(piece.unit, Tray(limits.document_bytes), limits):
        beside = facts.slice(position, records.num_rows)
        position += records.num_rows
        if beside.num_rows < records.num_rows:
            raise _changed(piece)
        own = beside.filter(beside.column("admitted")).combine_chunks()
        if own.num_rows == 0:
            continue
        batch = TextBatch(records.filter(beside.column("admitted").combine_chunks()))
        digests = [digest.hex() for digest in content_hashes(batch).to_pylist()]
        if digests != own.column("content_hash").to_pylist():
            raise _changed(piece)
        columns = {name: own.column(name).combine_chunks() for name in own.column_names}
        columns |= {"text": batch.text, "source_id": pa.array([piece.unit.source.id] * len(batch), type=pa.string())}
        columns["text_sha256"] = columns["content_hash"]
        types = found_types(own)
        rows = pa.record_batch([columns[name] for name in EMITTED.names], schema=EMITTED)
        members = np.asarray(batch.records.column("member"))
        borders = [0, *(np.flatnonzero(np.diff(members)) + 1).tolist(), len(members)]
        for start, stop in itertools.pairwise(borders):
            yield piece.unit.members[members[start]].shard.name, rows.slice(start, stop - start), types[start:stop]
    if position != facts.num_rows:
        raise _changed(piece)


def _changed(piece: Piece) -> RunFailed:
    shards = ", ".join(member.shard.name for member in piece.unit.members[:3])
    return RunFailed(
        f"{piece.unit.source.id}/{shards}: 分片在审计后变了 / the shard is not what was audited: run again, so that it is audited anew; "
        f"if that does not help, its content was replaced under the same size and time: touch it"
    )


def _text_bytes(rows: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(rows.column("text"))).as_py())


class ShardFile:
    """A Parquet file whose row groups end at places the documents alone decide, so that its bytes do not tell batches."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.rows = self.bytes = 0
        self.audited_bytes = 0  # of the same texts before anything was masked
        self.masked = Masked()
        self._held: list[pa.RecordBatch] = []
        self._held_rows = self._held_bytes = 0
        self._writer = pq.ParquetWriter(
            path,
            EMITTED,
            compression="zstd",
            compression_level=1,
            use_dictionary=["source_id", "bucket", "language"],
            write_page_checksum=True,
        )

    def write(self, rows: pa.RecordBatch) -> None:
        """Takes the next documents."""
        ends = np.cumsum(np.asarray(pc.binary_length(rows.column("text")), dtype=np.int64))
        start = 0
        while start < rows.num_rows:
            before = int(ends[start - 1]) if start else 0
            full = int(np.searchsorted(ends, before + GROUP_BYTES - self._held_bytes)) + 1
            stop = min(rows.num_rows, full, start + GROUP_ROWS - self._held_rows)
            self._held.append(rows.slice(start, stop - start))
            self._held_rows += stop - start
            self._held_bytes += int(ends[stop - 1]) - before
            if self._held_rows >= GROUP_ROWS or self._held_bytes >= GROUP_BYTES:
                self._spill()
            start = stop
        self.rows += rows.num_rows
        self.bytes += int(ends[-1])

    def _spill(self) -> None:
        if self._held:
            table = pa.Table.from_batches(self._held, schema=EMITTED).combine_chunks()
            self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._held, self._held_rows, self._held_bytes = [], 0, 0

    def counts(self) -> dict[str, int]:
        """What the manifest says of its size; the file must be closed."""
        size = self.path.stat().st_size
        return {"documents": self.rows, "bytes": self.bytes, "audited_bytes": self.audited_bytes, "file_bytes": size}

    def close(self) -> None:
        """Writes what is left; the file is then whole."""
        self._spill()
        self._writer.close()
        with self.path.open("rb") as handle:
            os.fsync(handle.fileno())
        self.path.chmod(0o444)
