"""CSV and TSV. The first row names the fields; cells may hold line breaks between quotes."""

import codecs
import csv
from collections.abc import Iterator

import pyarrow as pa

from pipeline.config import Limits
from pipeline.readers.base import Part, Picker, Tray
from pipeline.readers.compression import CorruptArchive
from pipeline.readers.lines import Line, lines_of


def read(part: Part, delimiter: str, picker: Picker, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches. A bad row costs only itself, however it is quoted.

    Raises ShardUnreadable where the store fails.
    """
    ledger = tray.begin(part.member)
    with lines_of(part, limits.line_bytes, limits.expansion) as (raw, lines, encoding):
        source = _Lines(lines, encoding, limits.line_bytes)
        located = encoding == part.encoding
        header: list[str] | None = None
        try:
            for cells in _rows(source, delimiter):
                offset = source.offset if located else None
                if cells is None:
                    tray.reject(source.reason, source.detail, offset)
                elif source.undecoded is not None:
                    where = "header" if header is None else f"row at line {source.number}"
                    detail = (
                        f"not {part.encoding} in the {where}: set the source's `encoding` if the file is in another"
                    )
                    tray.reject("invalid_encoding", detail, offset)
                    if header is None:
                        header = cells
                elif header is None:
                    header = cells
                elif len(cells) != len(header):
                    detail = f"{len(cells)} cells, the header has {len(header)} (line {source.number})"
                    tray.reject("wrong_columns", detail, offset)
                else:
                    picker.pick(dict(zip(reversed(header), reversed(cells), strict=True)), tray, offset)
                yield from tray.take()
        except CorruptArchive as error:
            tray.reject_stretch(error.reason, f"the archive breaks off or is damaged: {error}", None)
        ledger.sha256 = raw.finish()


class _Lines:
    """Physical lines for the CSV parser, kept until the row they belong to is done: a broken row gives them back."""

    def __init__(self, lines: Iterator[Line], encoding: str, line_bytes: int) -> None:
        self._lines = lines
        self._encoding = encoding
        self._limit = line_bytes
        self._again: list[tuple[int, bytes]] = []  # last first
        self._patience = 4 * line_bytes  # bytes that may be parsed a second time
        self._row: list[tuple[int, bytes]] = []
        self._size = 0
        self._count = 0
        self.offset = 0
        self.number = 0  # of the row's first line, from 1
        self.undecoded: int | None = None
        self.reason = self.detail = ""

    def begin(self) -> None:
        """The lines from here on are of a new row."""
        self._count += len(self._row)
        self._row, self._size, self.undecoded = [], 0, None
        self.number = self._count + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            place, line = self._again.pop()
        else:
            place, found = next(self._lines)
            if found is None:
                self._row.append((place, b""))
                raise _Broken("oversized", f"a line of more than {self._limit} bytes")
            line = found
        if not self._row:
            self.offset = place
        self._row.append((place, line))
        self._size += len(line) + 1
        if self._size > self._limit:
            raise _Broken("oversized", f"a row of more than {self._limit} bytes: is a quote never closed?")
        return self._decoded(line, place == 0) + "\n"

    def _decoded(self, line: bytes, first: bool) -> str:
        if first and self._encoding == "utf-8":
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:
            self.undecoded = error.start
            text = line.decode(self._encoding, "replace")
        return text.removeprefix("\ufeff") if first else text

    def break_off(self, reason: str, detail: str) -> None:
        """Gives up the row's first line and takes back the others, as long as there is patience for it."""
        self.reason, self.detail = reason, f"{detail} (line {self.number})"
        given_back = self._row[1:]
        size = sum(len(line) for _, line in given_back)
        if given_back and self._patience >= size:
            self._patience -= size
            self._again.extend(reversed(given_back))
            self._row = self._row[:1]

    @property
    def open(self) -> bool:
        """Whether lines were taken in for the current row."""
        return bool(self._row)


class _Broken(Exception):  # noqa: N818 - a state of the row
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _rows(source: _Lines, delimiter: str) -> Iterator[list[str] | None]:
    """The rows that are not blank; None for one that is broken."""
    csv.field_size_limit(max(csv.field_size_limit(), source._limit))
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _Broken as error:
            source.break_off(error.reason, str(error))
        except csv.Error as error:
            if not source.open:
                return
            source.break_off("broken_csv", str(error))
        else:
            if cells:
                yield cells
            continue
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        yield None
