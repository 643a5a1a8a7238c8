"""JSON Lines, plain or compressed. A large plain file can be read in byte ranges: a range holds the lines that begin in it."""

import codecs
import itertools
from collections.abc import Iterator

import orjson
import pyarrow as pa

from pipeline.readers.base import Picker, RawFile, Tray, opened, previous_byte
from pipeline.readers.compression import CorruptArchive, Decompressed, Readable

_CHUNK = 1 << 20


def segments(size: int, unit_bytes: int) -> list[tuple[int, int, None]]:
    """Equal byte ranges of at most `unit_bytes`."""
    count = max(1, -(-size // unit_bytes))
    cuts = [size * index // count for index in range(count + 1)]
    return [(start, stop, None) for start, stop in itertools.pairwise(cuts)]


def read(
    member: int,
    url: str,
    start: int,
    stop: int,
    compression: str | None,
    encoding: str,
    picker: Picker,
    tray: Tray,
    line_bytes: int,
) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches. What cannot be read becomes rejects in the tray.

    Raises ShardUnreadable where the store fails, as opposed to the content.
    """
    ledger = tray.begin(member)
    with opened(member, url) as handle:
        begins_line = start == 0 or previous_byte(member, handle, start) == b"\n"
        raw = RawFile(member, handle, start, stop)
        stream: Readable = raw if compression is None else Decompressed(raw, compression)
        try:
            for offset, line in _lines(stream, start, line_bytes, begins_line):
                if compression is None and offset >= stop:
                    break
                if line is None:
                    tray.reject("oversized", f"a line of more than {line_bytes} bytes", offset)
                else:
                    _record(line, offset, encoding, picker, tray)
                yield from tray.take()
        except CorruptArchive as error:
            tray.reject_stretch("truncated_or_corrupt", f"the archive breaks off or is damaged: {error}", None)
        ledger.sha256 = raw.finish()


def _lines(stream: Readable, origin: int, line_bytes: int, begins_line: bool) -> Iterator[tuple[int, bytes | None]]:
    """Lines, without their line feed, with the offset of their first byte; None for a line over the limit.

    Unless `begins_line`, all up to the first line feed belongs to the range before.
    """
    position = origin
    held: list[bytes] = []  # the current line so far
    length = 0
    skipping = not begins_line
    while chunk := stream.read(_CHUNK):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            length += len(piece)
            if not skipping:
                yield position, None if length > line_bytes else b"".join([*held, piece])
            position += length + 1
            skipping, length, held = False, 0, []
        length += len(rest)
        if skipping or length > line_bytes:
            held = []
        elif rest:
            held.append(rest)
    if length and not skipping:
        yield position, None if length > line_bytes else b"".join(held)


def _record(line: bytes, offset: int, encoding: str, picker: Picker, tray: Tray) -> None:
    if offset == 0 and line.startswith(codecs.BOM_UTF8):
        line = line[3:]
    if not line or line.isspace():
        return  # a blank line is no record
    try:
        record = orjson.loads(line if encoding == "utf-8" else _decoded(line, encoding, offset))
    except UnicodeDecodeError as error:
        tray.reject("invalid_encoding", f"not {encoding} at byte {error.start} of the line", offset)
        return
    except orjson.JSONDecodeError as error:
        tray.reject(*_diagnose(line, encoding, error), offset)
        return
    picker.pick(record, tray, offset)


def _decoded(line: bytes, encoding: str, offset: int) -> str:
    text = line.decode(encoding)
    return text.removeprefix("\ufeff") if offset == 0 else text


def _diagnose(line: bytes, encoding: str, error: orjson.JSONDecodeError) -> tuple[str, str]:
    """Tells a line in the wrong encoding from a line that is no JSON."""
    if encoding == "utf-8":
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as wrong:
            return "invalid_encoding", f"not utf-8 at byte {wrong.start} of the line"
    return "broken_json", f"{error.msg} at character {error.pos} of the line"
