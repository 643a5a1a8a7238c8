"""Byte streams as lines, and in byte ranges: a range holds the lines that begin in it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from pipeline.config import Limits
from pipeline.readers.base import Part, RawFile, Tray, unpacked
from pipeline.readers.compression import CorruptArchive, Decompressed, Readable
from pipeline.readers.recoding import Recoded, splits_lines

_CHUNK = 1 << 20

Line = tuple[int, bytes | None]


def segments(size: int, unit_bytes: int) -> list[tuple[int, int, None]]:
    """Equal byte ranges of at most `unit_bytes`."""
    count = max(1, -(-size // unit_bytes))
    cuts = [size * index // count for index in range(count + 1)]
    return [(start, stop, None) for start, stop in itertools.pairwise(cuts)]


def read_each(
    part: Part, tray: Tray, limits: Limits, take: Callable[[bytes, bool, int | None, str], None]
) -> Iterator[pa.RecordBatch]:
    """Hands every line of a part to `take`, which fills the tray, and the tray's full batches on.

    `take` is given the line, whether it is the first of the shard, its byte offset (None where it has none) and its
    encoding. Lines over the limit and damaged archives become rejects. Raises ShardUnreadable where the store fails.
    """
    ledger = tray.begin(part.member)
    with lines_of(part, limits.line_bytes, limits.expansion) as (raw, lines, encoding):
        located = encoding == part.encoding
        try:
            for place, line in lines:
                offset = place if located else None
                if line is None:
                    tray.reject("oversized", f"a line of more than {limits.line_bytes} bytes", offset)
                else:
                    take(line, place == 0, offset, encoding)
                if tray.ready:
                    yield from tray.take()
        except CorruptArchive as error:
            tray.reject_stretch(error.reason, f"the archive breaks off or is damaged: {error}", None)
        ledger.sha256 = raw.finish()


@contextmanager
def lines_of(part: Part, line_bytes: int, expansion: int) -> Iterator[tuple[RawFile, Iterator[Line], str]]:
    """The bytes of a part as stored, the lines that begin in it, and the encoding they are in.

    A line comes without its line feed, with the offset of its first byte in what the shard holds; None stands for a
    line over the limit. Lines of an encoding that hides line feeds in other characters come as UTF-8.
    """
    with unpacked(part, expansion) as (raw, unpacked_stream):
        stream, encoding = unpacked_stream, part.encoding
        if part.sliced and isinstance(stream, Decompressed):
            yield raw, _slice(stream, part, line_bytes), encoding
            return
        if not splits_lines(encoding):
            stream, encoding = Recoded(stream, encoding), "utf-8"
        found = _lines(stream, part.start, line_bytes, raw.before in (b"", b"\n"))
        if stream is raw:
            found = itertools.takewhile(lambda line: line[0] < part.stop, found)
        yield raw, found, encoding


def _slice(stream: Decompressed, part: Part, line_bytes: int) -> Iterator[Line]:
    """The lines of a part of a compressed shard; offsets are of what the whole shard holds."""
    cut = _Cut(stream, part.start, None if part.stop == part.shard_bytes else part.stop)
    cut.skip()
    for line in _lines(cut, cut.origin, line_bytes, cut.before in (b"", b"\n")):
        if cut.end is not None and line[0] >= cut.end:
            return
        yield line


class _Cut:
    """What a compressed shard holds from a place on, told by stored bytes.

    A chunk belongs behind a place where the decoder had been fed so much before it gave the chunk. That depends on the
    shard alone, so that neighbours agree on their border.
    """

    def __init__(self, stream: Decompressed, start: int, stop: int | None) -> None:
        self._stream = stream
        self._start = start
        self._stop = stop
        self.origin = 0  # decoded bytes before the part
        self.before = b""  # the last of them
        self.end: int | None = None  # decoded bytes up to the end of the part, once known
        self._position = 0

    def skip(self) -> None:
        """Decodes up to the part. Raises CorruptArchive."""
        while self._stream.fed < self._start:
            chunk = self._stream.read(_CHUNK)
            if not chunk:
                break
            self.origin += len(chunk)
            self.before = chunk[-1:]
        self._position = self.origin

    def read(self, size: int = -1) -> bytes:
        """The next decoded bytes. Raises CorruptArchive."""
        if self.end is None and self._stop is not None and self._stream.fed >= self._stop:
            self.end = self._position
        chunk = self._stream.read(size)
        self._position += len(chunk)
        return chunk


def _lines(stream: Readable, origin: int, line_bytes: int, begins_line: bool) -> Iterator[Line]:
    """Unless `begins_line`, all up to the first line feed belongs to the range before."""
    position = origin
    held: list[bytes] = []  # the current line so far
    length = 0
    skipping = not begins_line
    while chunk := stream.read(_CHUNK):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            length += len(piece)
            if not skipping:
                yield position, None if length > line_bytes else b"".join([*held, piece]) if held else piece
            position += length + 1
            skipping, length, held = False, 0, []
        length += len(rest)
        if skipping or length > line_bytes:
            held = []
        elif rest:
            held.append(rest)
    if length and not skipping:
        yield position, None if length > line_bytes else b"".join(held)
