"""Reads the texts of chosen documents again from their shards, each shard once, and checks them against their hashes.

What was read lies in a scratch database until the round is drawn, so a draw that was killed goes on behind the last
shard it finished. Texts are kept as bytes: whatever they hold, nothing on the way reads them.
"""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.config import Limits
from pipeline.errors import RunFailed, StoreError
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import layout_of, segments
from pipeline.readers.base import Tray
from pipeline.scan import patiently, read_unit
from pipeline.store.output import Run
from rounds.samples import Document
from schemas.sources import SourceRecord
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Missing:
    """A chosen document whose text cannot be had."""

    document: Document
    reason: str


class Scratch:
    """Texts read so far, by their place, in a file of their own; a damaged one is begun anew."""

    def __init__(self, path: Path) -> None:
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError:
            path.unlink()
            self._database = _opened(path)

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def sound(self, wanted: Iterable[Document]) -> set[tuple[str, str, int]]:
        """The places of those documents whose texts are there, and are what they should be."""
        hashes = {document.place: document.content_hash for document in wanted}
        rows = self._database.execute("SELECT source, shard, line, text FROM texts")
        return {tuple(row[:3]) for row in rows if hashes.get(tuple(row[:3])) == hashlib.sha256(row[3]).hexdigest()}

    def put(self, texts: Iterable[tuple[Document, str]]) -> None:
        """Takes texts in, all or none of them."""
        self._database.execute("BEGIN")
        try:
            self._database.executemany(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?)",
                ((*document.place, text.encode()) for document, text in texts),
            )
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def text(self, document: Document) -> str:
        """The text of a document that was read."""
        with closing(
            self._database.execute("SELECT text FROM texts WHERE source = ? AND shard = ? AND line = ?", document.place)
        ) as rows:
            content: bytes = next(rows)[0]
        return content.decode()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute(
            "CREATE TABLE IF NOT EXISTS texts (source TEXT, shard TEXT, line INTEGER, text BLOB, PRIMARY KEY (source, shard, line))"
        )
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def read_texts(
    run: Run, wanted: Iterable[Document], scratch: Scratch, progress: Progress = lambda done, of: None
) -> list[Missing]:
    """Brings the texts that are not there yet into the scratch; returns those that cannot be had, in order."""
    documents = list(wanted)
    there = scratch.sound(documents)
    shards: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for document in documents:
        if document.place not in there:
            shards[document.source_id, document.shard].append(document)
    sources = {source["id"]: source for source in run.manifest["config"]["sources"]}
    entries = {(entry["source_id"], entry["shard"]): entry for entry in run.manifest["shards"]}
    limits = Limits.model_validate(run.manifest["config"]["limits"])
    missing: list[Missing] = []
    for number, (key, own) in enumerate(sorted(shards.items()), start=1):
        try:
            unit = shard_unit(SourceRecord.model_validate(sources[key[0]]), entries[key], limits)
            missing += patiently(lambda: _read(unit, own, limits, scratch))  # noqa: B023 - called at once
        except (RunFailed, StoreError, OSError) as error:
            missing += [Missing(document, str(error).splitlines()[0]) for document in own]
        progress(number, len(shards))
    return sorted(missing, key=lambda one: one.document)


def shard_unit(source: SourceRecord, entry: Mapping[str, Any], limits: Limits) -> Unit:
    """A whole shard as a unit, cut in the parts the run read it in: behind damage only these number rows alike."""
    layout = layout_of(entry["shard"], source.format, source.records, source.encoding)
    if layout is None:
        raise RunFailed(f"{source.id}/{entry['shard']}: 格式未知 / of unknown format")
    shard = Shard(entry["shard"], entry["url"], entry["bytes"], entry["version"], layout)
    parts = [(part["start"], part["stop"]) for part in entry["parts"]]
    if len(parts) == 1:
        return Unit(source, 0, (Member(shard, *parts[0]),))
    cuts = segments(shard.url, shard.size, layout, limits.unit_bytes)
    if sorted(parts) != [(start, stop) for start, stop, _ in cuts]:
        raise RunFailed(
            f"{source.id}/{shard.name}: 分片已变，切分不同 / the shard changed: it is cut in other parts now"
        )
    members = (Member(shard, *cut, ordinal, len(cuts)) for ordinal, cut in enumerate(cuts))
    return Unit(source, 0, tuple(members))


def _read(unit: Unit, documents: Sequence[Document], limits: Limits, scratch: Scratch) -> list[Missing]:
    wanted = {document.row: document for document in documents}
    found: dict[int, bool] = {}
    scratch.put(_texts(unit, wanted, limits, found))
    return [
        Missing(
            document,
            "内容与审计时不同 / is not the text that was audited"
            if row in found
            else "分片中没有这一行 / the shard has no such row",
        )
        for row, document in wanted.items()
        if not found.get(row)
    ]


def _texts(
    unit: Unit, wanted: Mapping[int, Document], limits: Limits, found: dict[int, bool]
) -> Iterator[tuple[Document, str]]:
    """The texts that are what was audited; `found` is told of every wanted row that is there, and whether it is."""
    tray = Tray(limits.document_bytes)
    for records in read_unit(unit, tray, limits):
        bases = _row_bases(tray)
        members, rows = records.column("member").to_pylist(), records.column("row").to_pylist()
        places = [bases[member] + row for member, row in zip(members, rows, strict=True)]
        chosen = [index for index, row in enumerate(places) if row in wanted]
        if not chosen:
            continue
        batch = TextBatch(records.take(pa.array(chosen)))
        for index, text, digest in zip(chosen, batch.strings, content_hashes(batch).to_pylist(), strict=True):
            document = wanted[places[index]]
            found[document.row] = digest.hex() == document.content_hash
            if found[document.row]:
                yield document, text
        if len(found) == len(wanted):
            return


def _row_bases(tray: Tray) -> list[int]:
    """How many records of the shard stand before each part read so far."""
    bases, total = [], 0
    for ledger in tray.ledgers:
        bases.append(total)
        total += ledger.records_read
    return bases
