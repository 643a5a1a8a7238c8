"""Encodings in which a byte 0x0A need not be a line feed, recoded to UTF-8 as a stream."""

import codecs
import functools

from pipeline.readers.compression import Readable

_BAD = "\udcff"  # no codec yields it: in UTF-8 it stays what it is, invalid


def splits_lines(encoding: str) -> bool:
    """Whether text in the encoding can be cut at every byte 0x0A, from whatever place on."""
    name = codecs.lookup(encoding).name
    return not name.startswith(("iso2022", "hz", "utf-7")) and "\n{".encode(name) == b"\n{"


class Recoded:
    """Reads what a stream holds in `encoding` as UTF-8. Bytes that are not of the encoding become invalid UTF-8."""

    def __init__(self, stream: Readable, encoding: str) -> None:
        _mark_bad()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("corpus-audit-mark")
        self._begun = False
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises what the stream raises."""
        while not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
            if text and not self._begun:
                self._begun = True
                text = text.removeprefix("\ufeff")
            if text:
                return text.encode("utf-8", "surrogatepass")
        return b""


@functools.cache
def _mark_bad() -> None:
    def mark(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        return _BAD, error.end

    codecs.register_error("corpus-audit-mark", mark)
