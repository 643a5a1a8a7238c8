"""WARC and WET, as web crawlers write them.

Records are told apart here, and what is in one is read by FastWARC: its own iterator takes a cut record for a whole
one and stops for good at the first bad one (docs/adr/0009).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from fastwarc.warc import WarcRecord
from resiliparse.parse.encoding import detect_mime

from pipeline.config import Limits
from pipeline.readers.base import Part, Tray, unpacked
from pipeline.readers.compression import CorruptArchive, Decompressed, Readable
from pipeline.readers.html import HostileMarkup, Undecodable, decoded, text_of

_MAGIC = b"WARC/"
_CHUNK = 1 << 20
_HEADER_BYTES = 32 << 10
_BEYOND = 1 << 16  # what the headers of a document of the largest size may take
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(rb"^warc-type:[ \t]*([^\s]+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(rb"WARC/\d\.\d+\r?\n(?=[A-Za-z-]+:)")
_ROWS = frozenset({b"response", b"resource", b"conversion"})
_NO_ROWS = frozenset({b"warcinfo", b"request", b"metadata", b"revisit", b"continuation"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_LOOKS_HTML = re.compile(rb"<(?:!doctype html|html|head|body)[\s>]", re.IGNORECASE)
_CODE = frozenset({"text/css", "text/javascript", "text/ecmascript", "text/x-javascript", "text/dns"})


@dataclass(frozen=True)
class _Block:
    """A record of the archive: where it begins, its type, and its bytes, None where they are more than is held."""

    offset: int
    type: bytes
    content: bytes | None


@dataclass(frozen=True)
class _Damage:
    """Bytes that hold no readable record, up to the next block."""

    offset: int
    reason: str
    detail: str


def read(part: Part, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches. Goes on behind damage, at the next record it finds.

    Rows are the response, resource and conversion records. Raises ShardUnreadable where the store fails.
    """
    ledger = tray.begin(part.member)
    with unpacked(part, limits.expansion, resync=_MAGIC) as (raw, stream):
        for found in _Blocks(stream, limits.document_bytes + _BEYOND):
            offset = found.offset
            if isinstance(found, _Damage):
                tray.reject_stretch(found.reason, found.detail, None, offset)
            elif found.type in _ROWS:
                if found.content is None:
                    tray.reject("oversized", f"a record of more than {limits.document_bytes} bytes", offset)
                else:
                    _record(found.content, offset, tray, limits)
            elif found.type not in _NO_ROWS:
                tray.reject("corrupt_warc", f"unknown record type {found.type[:40].decode('ascii', 'replace')}", offset)
            yield from tray.take()
        ledger.sha256 = raw.finish()


class _Blocks:
    """The records of a stream, each held whole if it has at most `hold` bytes, and the damage between them."""

    def __init__(self, stream: Readable, hold: int) -> None:
        self._stream = stream
        self._hold = hold
        self._held = bytearray()
        self._place = 0  # in what is held
        self._origin = 0  # of what is held, in the stream
        self._ended = False
        self._failure: CorruptArchive | None = None

    def __iter__(self) -> Iterator[_Block | _Damage]:
        lost = False
        while True:
            found = self._next()
            if found is None and self._failure is None:
                return
            if isinstance(found, _Block):
                lost = False
                yield found
                continue
            failure, self._failure = self._failure, None
            if failure is not None:
                damage = _Damage(self._offset, failure.reason, f"the archive breaks off or is damaged: {failure}")
                goes_on = self._behind(failure)
            else:
                assert found is not None
                damage, goes_on = found, self._seek()
            if not lost:
                yield damage
            lost = True
            if not goes_on and self._failure is None:
                return

    @property
    def _offset(self) -> int:
        return self._origin + self._place

    def _next(self) -> _Block | _Damage | None:
        """The record that begins here, with what separates it from the next; None at the end, or where the archive failed."""
        while self._more(1) and self._held[self._place] in b"\r\n":
            self._place += 1
        if not self._more(1):
            return None
        offset = self._offset
        self._more(len(_MAGIC))
        if not self._held.startswith(_MAGIC, self._place):
            return self._bad(offset, "no record begins here")
        end = self._header_end()
        if end < 0:
            return self._bad(offset, "a header that does not end")
        header = bytes(self._held[self._place : end])
        length, kind = _LENGTH.search(header), _TYPE.search(header)
        if length is None or kind is None:
            return self._bad(offset, "a record without its length or type")
        if _NEXT.search(header, 1):
            return self._bad(offset, "a header that another record runs into")
        whole = end - self._place + int(length[1])
        if whole > self._hold:
            return self._skip(offset, whole, kind[1].lower())
        if not self._more(whole):
            return self._bad(offset, "the last record is cut, or its length is wrong")
        if not self._ends(len(header), whole):
            return self._bad(offset, "the record is not as long as it says")
        content = bytes(self._held[self._place : self._place + whole])
        self._place += whole
        return _Block(offset, kind[1].lower(), content)

    def _bad(self, offset: int, detail: str) -> _Damage | None:
        if self._failure is not None:
            return None
        if self._offset == offset:
            self._place += 1
        reason = "truncated_or_corrupt" if self._ended and "cut" in detail else "corrupt_warc"
        return _Damage(offset, reason, detail + ": fetch or write the file again")

    def _header_end(self) -> int:
        wanted = 1024
        while True:
            more = self._more(wanted)
            end = self._held.find(b"\r\n\r\n", self._place, self._place + _HEADER_BYTES)
            if end >= 0:
                return end + 4
            if not more or wanted >= _HEADER_BYTES:
                return -1
            wanted *= 2

    def _ends(self, header: int, whole: int) -> bool:
        """Whether a record ends where it says: the next begins behind it, or at least no other within."""
        self._more(whole + 4 + len(_MAGIC))
        behind = bytes(self._held[self._place + whole : self._place + whole + 4 + len(_MAGIC)])
        rest = behind.lstrip(b"\r\n")
        if not rest or (rest != behind and (rest.startswith(_MAGIC) or _MAGIC.startswith(rest))):
            return True
        end = self._place + whole
        return behind.startswith(b"\r\n\r\n") and not _NEXT.search(self._held, self._place + header, end)

    def _skip(self, offset: int, size: int, kind: bytes) -> _Block | _Damage | None:
        """Passes over a record too large to hold. If its length is wrong, the records in it are lost."""
        while size:
            if not self._more(1):
                return self._bad(offset, "the last record is cut, or its length is wrong")
            step = min(size, len(self._held) - self._place)
            self._place += step
            size -= step
        if self._more(1) and self._held[self._place] not in b"\r\n":
            return self._bad(offset, "the record is not as long as it says")
        return _Block(offset, kind, None)

    def _more(self, wanted: int) -> bool:
        """Whether so many bytes from here on are held, after reading on if need be."""
        while len(self._held) - self._place < wanted and not self._ended and self._failure is None:
            if self._place:
                del self._held[: self._place]
                self._origin += self._place
                self._place = 0
            try:
                data = self._stream.read(_CHUNK)
            except CorruptArchive as error:
                self._failure = error
                break
            self._held += data
            self._ended = not data
        return len(self._held) - self._place >= wanted

    def _seek(self) -> bool:
        """Goes to what looks like the beginning of the next record. False at the end."""
        while True:
            found = _NEXT.search(self._held, self._place)
            if found:
                self._place = found.start()
                return True
            self._place = max(self._place, len(self._held) - 64)
            held = len(self._held) - self._place
            if not self._more(held + 1):
                return False

    def _behind(self, failure: CorruptArchive) -> bool:
        """Goes on behind damage of the archive, at the next frame that begins with a record. False where there is none."""
        self._origin += len(self._held)
        self._held.clear()
        self._place = 0
        goes_on = failure.resumable and isinstance(self._stream, Decompressed) and self._stream.resume()
        self._ended = not goes_on
        return goes_on


def _record(content: bytes, offset: int, tray: Tray, limits: Limits) -> None:
    try:
        record = WarcRecord.from_bytes(content)
        kind = _media_type(record.headers.get("Content-Type"))
        if kind == "text/dns":
            return
        url, native_id = _bare(record.headers.get("WARC-Target-URI")), _bare(record.record_id)
        status: str | None = None
        if kind == "application/http":
            payload, kind, charset, status = _http(record, content, limits.document_bytes)
        else:
            payload, charset = (
                record.reader.read(limits.document_bytes + 1),
                _charset(record.headers.get("Content-Type")),
            )
    except (OSError, ValueError) as error:
        tray.reject("corrupt_warc", f"the record cannot be read: {error}"[:200], offset)
        return
    if "WARC-Segment-Number" in record.headers:
        tray.reject("segmented", "the record goes on in others: join the segments first", offset)
    elif len(payload) > limits.document_bytes:
        tray.reject("oversized", f"more than {limits.document_bytes} bytes of payload", offset)
    elif not payload:
        tray.reject("empty_text", f"no payload{f' (HTTP {status})' if status else ''}", offset)
    else:
        kind = kind or _media_type(record.headers.get("WARC-Identified-Payload-Type")) or _sniffed(payload)
        _payload(payload, kind, charset, native_id, url, offset, tray)


def _payload(
    payload: bytes, kind: str, charset: str | None, native_id: str | None, url: str | None, offset: int, tray: Tray
) -> None:
    html = kind in _HTML
    if not html and (not kind.startswith("text/") or kind in _CODE):
        tray.reject("not_text", f"the payload is {kind[:80]}", offset)
        return
    try:
        text = decoded(payload, charset, html)
        tray.add(text_of(text) if html else text, native_id, url, offset)
    except Undecodable as error:
        tray.reject("invalid_encoding", str(error), offset)
    except HostileMarkup as error:
        tray.reject("hostile_markup", str(error), offset)


def _http(record: WarcRecord, content: bytes, most: int) -> tuple[bytes, str, str | None, str | None]:
    """Payload, media type, charset and status of an HTTP response.

    Crawlers that store payloads decoded often leave the headers that say how they were encoded: then it is taken as is.
    """
    try:
        record.parse_http(auto_decode="all")
        payload = record.reader.read(most + 1)
    except OSError:
        record = WarcRecord.from_bytes(content)
        record.parse_http(auto_decode="none")
        payload = record.reader.read(most + 1)
    headers = record.http_headers
    if headers is None:
        raise ValueError("it holds no HTTP response")
    status = headers.status_code
    declared = headers.get("Content-Type")
    return payload, _media_type(declared), _charset(declared), None if status is None else str(status)


def _sniffed(payload: bytes) -> str:
    kind = str(detect_mime(payload))
    return "text/html" if kind.startswith("text/") and _LOOKS_HTML.search(payload, 0, 1024) else kind


def _media_type(header: str | None) -> str:
    return (header or "").split(";", maxsplit=1)[0].strip().lower()


def _charset(header: str | None) -> str | None:
    found = re.search(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", header or "", re.IGNORECASE)
    return found[1] if found else None


def _bare(name: str | None) -> str | None:
    """A URI without the brackets some writers put around it, a UUID also without its scheme."""
    return (name or "").strip().removeprefix("<").removesuffix(">").removeprefix("urn:uuid:") or None
