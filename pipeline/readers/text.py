"""Plain text: a file is one document, or every line of it is."""

import codecs
from collections.abc import Iterator

import pyarrow as pa

from pipeline.config import Limits
from pipeline.readers.base import Part, Tray, unpacked
from pipeline.readers.compression import CorruptArchive
from pipeline.readers.lines import read_each

_CHUNK = 1 << 20


def read_file(part: Part, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Reads a shard that is one document. One that breaks off or is in another encoding is no document.

    Raises ShardUnreadable where the store fails.
    """
    ledger = tray.begin(part.member)
    with unpacked(part, limits.expansion) as (raw, stream):
        pieces: list[bytes] = []
        size, most = 0, 2 * limits.document_bytes + 2  # UTF-16 takes more than UTF-8 at most twice, and a BOM
        try:
            while size <= most and (piece := stream.read(_CHUNK)):
                pieces.append(piece)
                size += len(piece)
            if size > most:
                tray.reject("oversized", f"more than {limits.document_bytes} bytes of text", 0)
            else:
                tray.add(b"".join(pieces).decode(part.encoding).removeprefix("\ufeff"), None, None, 0)
        except CorruptArchive as error:
            tray.reject(error.reason, f"the archive breaks off or is damaged: {error}", 0)
        except UnicodeDecodeError as error:
            tray.reject("invalid_encoding", _remedy(part.encoding, error.start, "file"), 0)
        yield from tray.take()
        ledger.sha256 = raw.finish()


def read_lines(part: Part, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Reads a shard whose every line is a document; blank lines are none. Raises ShardUnreadable where the store fails."""

    def take(line: bytes, first: bool, offset: int | None, encoding: str) -> None:
        _line(line, first, offset, encoding, part.encoding, tray)

    yield from read_each(part, tray, limits, take)


def _line(line: bytes, first: bool, offset: int | None, encoding: str, declared: str, tray: Tray) -> None:
    line = line.removesuffix(b"\r")
    if first and encoding == "utf-8":
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as error:
        tray.reject("invalid_encoding", _remedy(declared, error.start, "line"), offset)
        return
    if first:
        text = text.removeprefix("\ufeff")
    if text and not text.isspace():
        tray.add(text, None, None, offset)


def _remedy(declared: str, place: int, where: str) -> str:
    return f"not {declared} at byte {place} of the {where}: set the source's `encoding` if the file is in another"
