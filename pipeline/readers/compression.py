"""Compressed shards as streams: all before the point of damage is given up, and no archive outgrows memory.

What a decoder may hand out at once is bounded: zlib, bz2 and lzma by their own `max_length`; zstd, which has no such
bound, by feeding it so little that its densest block cannot give more than 8 MiB.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import zstandard

_OUTPUT = 1 << 20  # what one call hands out at most
_PIECE = 4096  # what is lost around a damaged byte is at most what one piece holds
_ZSTD_PIECE = 256  # 4 bytes of it can mean 128 KiB
_WINDOW = 1 << 27  # memory a zstd frame may ask for; `zstd --long=27`
_DICTIONARY = 96 << 20  # memory an xz stream may ask for; `xz -9` takes 65 MiB
_UNSUSPECTED = 16 << 20  # decoded bytes below which no ratio is a bomb
_FRAME_HELD = 4 << 20  # of a frame, to look for the next one in should it be damaged
_TRIALS = 10_000  # places in a shard at which a frame is looked for behind damage

_START: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_DICTIONARY),
}
_MAGIC = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}
_DAMAGE = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, ValueError, EOFError, MemoryError)


class CorruptArchive(Exception):  # noqa: N818 - a state of the file
    """The archive ends early, or does not decode from here on."""

    reason = "truncated_or_corrupt"
    resumable = True


class Bomb(CorruptArchive):
    """The archive holds more for its size than any corpus would."""

    reason = "bomb"
    resumable = False


class Readable(Protocol):
    """Anything with a `read`."""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; nothing at the end."""
        ...


class Decompressed:
    """Reads through one or more compressed frames, as `cat a.gz b.gz` makes them.

    `expansion` is how many times its size an archive may hold. With `resync`, the first bytes a frame of interest
    decodes to, reading can go on behind damage: see `resume`.
    """

    def __init__(self, raw: Readable, compression: str, expansion: int, resync: bytes | None = None) -> None:
        self._raw = raw
        self._compression = compression
        self._expansion = expansion
        self._resync = resync if compression in _MAGIC else None
        self._piece = _ZSTD_PIECE if compression == "zstd" else _PIECE
        self._bounded = compression != "zstd"
        self._frame: Any = None
        self._held = b""  # read, not yet fed
        self._position = 0  # in it
        self._since = bytearray()  # what the current frame was fed
        self._fed = 0
        self._decoded = 0
        self._trials = 0

    def read(self, size: int = -1) -> bytes:
        """The next decoded bytes, at most 8 MiB whatever `size` is. Raises CorruptArchive."""
        while True:
            data = self._more()
            try:
                if self._frame is None:
                    if not data:
                        return b""
                    self._frame = _START[self._compression]()
                output: bytes = self._frame.decompress(data, _OUTPUT) if self._bounded else self._frame.decompress(data)
            except _DAMAGE as error:
                raise CorruptArchive(str(error) or type(error).__name__) from error
            if self._frame.eof:
                self._back(len(self._frame.unused_data))
                self._frame = None
                self._since.clear()
            self._decoded += len(output)
            if self._decoded > _UNSUSPECTED and self._decoded > self._expansion * self._fed:
                raise Bomb(
                    f"{self._fed} bytes hold more than {self._expansion} times as much: if that is no attack, raise "
                    "limits.expansion"
                )
            if output:
                return output

    @property
    def fed(self) -> int:
        """Stored bytes the decoder took in for what it gave so far."""
        return self._fed

    def resume(self) -> bool:
        """Goes on at the next frame that begins like what is looked for. False, and the end, where there is none."""
        if self._resync is None:
            return False
        magic = _MAGIC[self._compression]
        rest, place = bytes(self._since[1:]) + self._held[self._position :], 0
        self._frame = None
        self._since.clear()
        while True:
            place = rest.find(magic, place)
            if place < 0 or len(rest) - place < _PIECE:
                rest = rest[place if place >= 0 else 1 - len(magic) :]
                place = 0
                if more := self._raw.read(1 << 16):
                    rest += more
                    continue
                place = rest.find(magic)
            if place < 0 or self._trials >= _TRIALS:
                self._held, self._position = b"", 0
                return False
            self._trials += 1
            if self._begins(rest[place : place + _PIECE]):
                self._held, self._position = rest[place:], 0
                return True
            place += 1

    def _begins(self, data: bytes) -> bool:
        assert self._resync is not None
        output = b""
        frame = _START[self._compression]()
        try:
            for start in range(0, len(data), _ZSTD_PIECE):
                output += frame.decompress(data[start : start + _ZSTD_PIECE])
                if len(output) >= len(self._resync) or frame.eof:
                    break
        except _DAMAGE:
            return False
        return output.startswith(self._resync)

    def _more(self) -> bytes:
        """The next piece for the decoder; nothing where it still has input, or at the end between two frames."""
        if self._frame is not None:
            if self._compression == "gzip":
                tail: bytes = self._frame.unconsumed_tail
                if tail:
                    return tail
            elif self._bounded and not self._frame.needs_input:
                return b""
        if self._position >= len(self._held):
            self._held, self._position = self._raw.read(1 << 16), 0
            if self._compression == "xz" and self._frame is None and not self._held.strip(b"\0"):
                self._held = b""  # padding behind the last stream
        data = self._held[self._position : self._position + self._piece]
        if not data and self._frame is not None:
            raise CorruptArchive("it ends before its last frame does")
        self._position += len(data)
        self._fed += len(data)
        if self._resync is not None and len(self._since) < _FRAME_HELD:
            self._since += data
        return data

    def _back(self, unused: int) -> None:
        """Takes back what the decoder did not use; it is the end of what it was fed."""
        self._position -= unused
        self._fed -= unused
        if self._compression == "xz" and not self._held[self._position :].strip(b"\0"):
            self._position = len(self._held)
