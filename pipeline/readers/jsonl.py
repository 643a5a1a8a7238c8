"""JSON Lines, plain or compressed. A large plain file can be read in byte ranges: a range holds the lines that begin in it."""

import codecs
from collections.abc import Iterator

import orjson
import pyarrow as pa

from pipeline.config import Limits
from pipeline.readers.base import Part, Picker, Tray
from pipeline.readers.lines import read_each


def read(part: Part, picker: Picker, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches. What cannot be read becomes rejects in the tray.

    Raises ShardUnreadable where the store fails, as opposed to the content.
    """

    def take(line: bytes, first: bool, offset: int | None, encoding: str) -> None:
        _record(line, first, offset, encoding, part.encoding, picker, tray)

    yield from read_each(part, tray, limits, take)


def _record(
    line: bytes, first: bool, offset: int | None, encoding: str, declared: str, picker: Picker, tray: Tray
) -> None:
    if first and line.startswith(codecs.BOM_UTF8):
        line = line[3:]
    if not line or line.isspace():
        return  # a blank line is no record
    try:
        record = orjson.loads(line if encoding == "utf-8" else _decoded(line, encoding, first))
    except UnicodeDecodeError as error:
        tray.reject("invalid_encoding", _remedy(declared, error.start), offset)
        return
    except orjson.JSONDecodeError as error:
        tray.reject(*_diagnose(line, encoding, declared, error), offset)
        return
    picker.pick(record, tray, offset)


def _decoded(line: bytes, encoding: str, first: bool) -> str:
    text = line.decode(encoding)
    return text.removeprefix("\ufeff") if first else text


def _diagnose(line: bytes, encoding: str, declared: str, error: orjson.JSONDecodeError) -> tuple[str, str]:
    """Tells a line in the wrong encoding from a line that is no JSON."""
    if encoding == "utf-8":
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as wrong:
            return "invalid_encoding", _remedy(declared, wrong.start)
    return "broken_json", f"{error.msg} at character {error.pos} of the line"


def _remedy(declared: str, place: int) -> str:
    return f"not {declared} at byte {place} of the line: set the source's `encoding` if the file is in another"
