"""Compressed shards as streams that give up everything before the point where an archive breaks off or is damaged."""

import zlib
from collections.abc import Callable
from typing import Any, Protocol

import zstandard

_PIECE = 4096  # what is lost around a damaged byte is at most what one piece holds


class CorruptArchive(Exception):  # noqa: N818 - a state of the file
    """The archive ends early, or does not decode from here on."""


class Readable(Protocol):
    """Anything with a `read`."""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; nothing at the end."""
        ...


class Decompressed:
    """Reads through one or more compressed frames, as `cat a.gz b.gz` makes them."""

    def __init__(self, raw: Readable, compression: str) -> None:
        self._raw = raw
        self._start: Callable[[], Any] = {
            "gzip": lambda: zlib.decompressobj(wbits=31),
            "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj(),
        }[compression]
        self._frame: Any = None
        self._pending = b""

    def read(self, size: int = -1) -> bytes:
        """The next decoded bytes, as many as one piece of the archive gives. Raises CorruptArchive."""
        while True:
            if not self._pending:
                self._pending = self._raw.read(_PIECE)
                if not self._pending:
                    if self._frame is not None:
                        raise CorruptArchive("it ends before its last frame does")
                    return b""
            if self._frame is None:
                self._frame = self._start()
            try:
                output: bytes = self._frame.decompress(self._pending)
            except (zlib.error, zstandard.ZstdError, MemoryError) as error:
                raise CorruptArchive(str(error)) from error
            self._pending = b""
            if self._frame.eof:
                self._pending, self._frame = self._frame.unused_data, None
            if output:
                return output
