"""What all readers share: opening shards, picking fields out of records, and collecting documents into batches."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import ShardUnreadable, StoreSilent
from pipeline.readers.compression import Decompressed, Readable
from pipeline.store.listing import etag_of
from pipeline.store.storage import file_system, is_local, open_file, store_errors
from schemas.evidence import user_hash

BATCH_DOCUMENTS = 1024
BATCH_BYTES = 8 << 20
_NAMED_REJECTS = 10_000  # a member's rejects beyond these are summed up by reason: a wrong encoding can mean millions

RECORDS = pa.schema(
    [
        pa.field("member", pa.int32(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("offset", pa.int64()),
        pa.field("native_id", pa.large_string()),
        pa.field("url", pa.large_string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("user_hash", pa.binary(32)),  # of who wrote it; the user's own id is never kept
    ]
)


@dataclass(frozen=True)
class Part:
    """What a reader is given: a shard, or the part of one that begins in the bytes from `start` to `stop`.

    `member` is its number in the unit. Of a compressed shard the bytes are the stored ones, and `shard_bytes` is how many
    it has in all; None means that the part is the whole.
    """

    member: int
    url: str
    start: int
    stop: int
    compression: str | None = None
    encoding: str = "utf-8"
    shard_bytes: int | None = None

    @property
    def sliced(self) -> bool:
        """Whether this is a part of a compressed shard, and not the whole of it."""
        return self.compression is not None and self.shard_bytes not in (None, self.stop - self.start)


@dataclass(frozen=True)
class Reject:
    """A record, or a stretch of records, that could not be read.

    `row` and `offset` are NULL where the place is unknown, `records` where the number of lost records is.
    """

    member: int
    row: int | None
    offset: int | None
    reason: str
    detail: str
    records: int | None = 1


@dataclass
class MemberLedger:
    """The books of one member: what was read of it, and whether that is known to be all."""

    records_read: int = 0
    audited: int = 0
    rejected: int = 0
    complete: bool = True
    sha256: str | None = None


@dataclass
class Tray:
    """Collects the documents of a unit and hands them on in batches; keeps the books of the current member.

    Full batches wait in `ready`. How many documents a batch holds never shows in what is stored.
    """

    document_bytes: int
    batch_documents: int = BATCH_DOCUMENTS
    batch_bytes: int = BATCH_BYTES
    rejects: list[Reject] = field(default_factory=list)
    ledgers: list[MemberLedger] = field(default_factory=list)
    ready: list[pa.RecordBatch] = field(default_factory=list)
    _columns: tuple[list[Any], ...] = field(default_factory=lambda: tuple([] for _ in RECORDS))
    _bytes: int = 0
    _named: int = 0
    _summed: dict[str, int] = field(default_factory=dict)

    def begin(self, member: int) -> MemberLedger:
        """Opens the books of the next member."""
        assert member == len(self.ledgers)
        self.ledgers.append(MemberLedger())
        self._named = 0
        self._summed = {}
        return self.ledgers[member]

    @property
    def row(self) -> int:
        """Ordinal of the next record of the current member."""
        return self.ledgers[-1].records_read

    def add(
        self, text: str, native_id: str | None, url: str | None, offset: int | None, user: str | None = None
    ) -> None:
        """Takes in a record whose fields are good; rejects it where its text is empty or too large."""
        size = len(text) if text.isascii() else len(text.encode())
        if size == 0:
            self.reject("empty_text", "the text is empty", offset)
            return
        if size > self.document_bytes:
            self.reject("oversized", f"{size} bytes of text, the limit is {self.document_bytes}", offset)
            return
        if self._bytes and self._bytes + size > self.batch_bytes:
            self.flush()
        ledger = self.ledgers[-1]
        members, rows, offsets, ids, urls, texts, users = self._columns
        members.append(len(self.ledgers) - 1)
        rows.append(ledger.records_read)
        offsets.append(offset)
        ids.append(native_id)
        urls.append(url)
        texts.append(text)
        users.append(None if user is None else user_hash(user))
        ledger.records_read += 1
        ledger.audited += 1
        self._bytes += size
        if len(self._columns[0]) >= self.batch_documents or self._bytes >= self.batch_bytes:
            self.flush()

    def reject(self, reason: str, detail: str, offset: int | None) -> None:
        """Books one record that could not be read."""
        self.reject_stretch(reason, detail, 1, offset)

    def reject_stretch(self, reason: str, detail: str, records: int | None, offset: int | None = None) -> None:
        """Books records lost together: their number if known, otherwise the member's books stay incomplete."""
        ledger = self.ledgers[-1]
        member, row = len(self.ledgers) - 1, ledger.records_read
        if records is None:
            ledger.complete = False
        else:
            ledger.records_read += records
            ledger.rejected += records
        if self._named < _NAMED_REJECTS or records is None:
            self._named += 1
            self.rejects.append(Reject(member, row, offset, reason, detail, records))
        elif reason in self._summed:
            place = self._summed[reason]
            summed = self.rejects[place]
            self.rejects[place] = replace(summed, records=(summed.records or 0) + records)
        else:
            self._summed[reason] = len(self.rejects)
            detail = f"more than {_NAMED_REJECTS} rejects in this shard: the others of this kind together"
            self.rejects.append(Reject(member, row, offset, reason, detail, records))

    def flush(self) -> None:
        """Closes the current batch."""
        if self._columns[0]:
            self.ready.append(
                pa.record_batch(
                    [pa.array(column, type=f.type) for column, f in zip(self._columns, RECORDS, strict=True)],
                    schema=RECORDS,
                )
            )
            self._columns = tuple([] for _ in RECORDS)
            self._bytes = 0

    def take(self) -> Iterator[pa.RecordBatch]:
        """The batches that are full."""
        while self.ready:
            yield self.ready.pop(0)


class Picker:
    """Picks id, URL, user and text out of a record by the paths a source declares."""

    def __init__(self, text: tuple[str, ...], native_id: str | None, url: str | None, user: str | None = None) -> None:
        self._text = [_steps(path) for path in text]
        self._plain = text[0] if len(text) == 1 else None
        self._id = _steps(native_id) if native_id else None
        self._url = _steps(url) if url else None
        self._user = _steps(user) if user else None

    def pick(self, record: Any, tray: Tray, offset: int | None) -> None:
        """Adds the record to the tray, or rejects it with what is wrong."""
        if not isinstance(record, dict):
            tray.reject("not_an_object", f"the record is a {type(record).__name__}, expected an object", offset)
            return
        text = record.get(self._plain) if self._plain is not None else None
        if type(text) is not str:
            text = self._joined(record, tray, offset)
            if text is None:
                return
        native_id = _value(record, self._id) if self._id else None
        if native_id is not None and not isinstance(native_id, str):
            if isinstance(native_id, bool) or not isinstance(native_id, int | float):
                tray.reject(
                    "wrong_type", f"the id is a {type(native_id).__name__}, expected a string or number", offset
                )
                return
            native_id = str(native_id)
        url = _value(record, self._url) if self._url else None
        user = _value(record, self._user) if self._user else None
        if isinstance(user, bool) or not isinstance(user, str | int):
            user = None
        tray.add(
            text,
            native_id or None,
            url if isinstance(url, str) and url else None,
            offset,
            None if user is None or user == "" else str(user),
        )

    def _joined(self, record: dict[str, Any], tray: Tray, offset: int | None) -> str | None:
        parts: list[str] = []
        for steps in self._text:
            for value in _values(record, steps):
                if isinstance(value, str):
                    parts.append(value)
                elif value is not None:
                    tray.reject(
                        "wrong_type", f"field {_spelled(steps)} is a {type(value).__name__}, expected a string", offset
                    )
                    return None
        if not parts:
            tray.reject(
                "missing_text", f"no text in field {', '.join(_spelled(steps) for steps in self._text)}", offset
            )
            return None
        return "\n".join(parts) if any(parts) else ""


def _steps(path: str) -> tuple[str, ...]:
    """`messages[*].content` as ("messages", "[*]", "content"); a key may also hold dots, see _values."""
    steps: list[str] = []
    for part in path.split("."):
        name = part
        stars = 0
        while name.endswith("[*]"):
            name, stars = name[:-3], stars + 1
        if name:
            steps.append(name)
        steps.extend(["[*]"] * stars)
    return tuple(steps)


def _spelled(steps: tuple[str, ...]) -> str:
    return ".".join(steps).replace(".[*]", "[*]")


def _values(node: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if not steps:
        yield node
    elif steps[0] == "[*]":
        for item in node if isinstance(node, list) else ():
            yield from _values(item, steps[1:])
    elif isinstance(node, dict):
        whole = ".".join(steps)
        if whole in node:  # a key that itself holds dots
            yield node[whole]
        else:
            yield from _values(node.get(steps[0]), steps[1:])


def _value(record: dict[str, Any], steps: tuple[str, ...]) -> Any:
    return record.get(steps[0]) if len(steps) == 1 else next(_values(record, steps), None)


class RawFile:
    """A shard's bytes from `position` on; hashes those from `start` to `stop`. `before` is the byte in front of them."""

    def __init__(self, member: int, handle: Any, start: int, stop: int, position: int | None = None) -> None:
        self.member = member
        self.handle = handle
        self.start = start
        self.stop = stop
        self.position = start if position is None else position
        self.before = b""
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`. Raises ShardUnreadable where the store fails."""
        try:
            data: bytes = self.handle.read(size)
        except OSError as error:
            raise ShardUnreadable(self.member, "unreadable", _why(error)) from error
        self.digest.update(data[max(0, self.start - self.position) : max(0, self.stop - self.position)])
        self.position += len(data)
        return data

    def finish(self) -> str:
        """Reads what is left before `stop` and returns the sha256 of the range in hex."""
        while self.position < self.stop and self.read(min(1 << 20, self.stop - self.position)):
            pass
        return self.digest.hexdigest()


def _why(error: OSError) -> str:
    return f"{type(error).__name__}: {error.strerror or error}"


@contextmanager
def unpacked(part: Part, expansion: int, resync: bytes | None = None) -> Iterator[tuple[RawFile, Readable]]:
    """A part's bytes as stored, and the stream of what they hold; `resync` as for Decompressed."""
    with opened(part.member, part.url) as handle:
        raw = RawFile(part.member, handle, part.start, part.stop, 0 if part.sliced else None)
        if part.start and not part.sliced:
            raw.before = _previous_byte(part.member, handle, part.start)
        yield raw, raw if part.compression is None else Decompressed(raw, part.compression, expansion, resync)


def _previous_byte(member: int, handle: Any, start: int) -> bytes:
    """The byte before `start`; leaves the handle at `start`."""
    try:
        handle.seek(start - 1)
        return bytes(handle.read(1))
    except OSError as error:
        raise ShardUnreadable(member, "unreadable", _why(error)) from error


@contextmanager
def opened(member: int, url: str, scattered: bool = False) -> Iterator[Any]:
    """The shard opened for reading, `scattered` or from front to back. Raises ShardUnreadable where the store does not give it."""
    try:
        handle = open_file(url, scattered)
    except OSError as error:
        raise ShardUnreadable(member, "unreadable", _why(error)) from error
    try:
        yield handle
    finally:
        handle.close()


def version_now(url: str) -> tuple[int, str] | None:
    """Size and version of the shard at this moment, to compare with the plan's after reading; None where it is gone.

    Raises StoreSilent where a store does not answer: that says nothing about the shard, and without the store there is
    no audit.
    """
    fs, path = file_system(url)
    try:
        if is_local(fs):
            status = Path(path).stat()
            return status.st_size, f"{status.st_mtime_ns}"
        with store_errors(url):
            info = fs.info(path)
    except StoreSilent:
        raise
    except OSError:
        return None
    return int(info["size"]), etag_of(fs, path, info)
