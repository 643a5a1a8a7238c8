"""Reads Excel workbooks (.xlsx) as text, and says which cells a spreadsheet has made something else of.

The reader unpacks a sheet into a dense grid, so that one cell in the last corner would ask for 17 billion: the extent of
each sheet is read from its XML first. The same pass finds the error values (#N/A), which the reader gives as nothing.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers import expat

from schemas.loading import DocumentError

MAX_UNPACKED = 256 << 20  # bytes of a workbook: far above any keyword table, far below what a zip bomb becomes
MAX_CELLS = 10_000_000  # of a sheet between its first and last cell, empty ones too; all rows of Excel with 9 columns
EXACT = 10**15  # from here on Excel has replaced the last digits of a number by zeros

_REFERENCE = re.compile(r"([A-Za-z]{1,9})([0-9]{1,18})")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Line:
    """A row of a table: its number from 1, its cells as text, and by column why a cell is not the text typed into it."""

    number: int
    cells: list[str]
    altered: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sheet:
    """The lines that hold something, and the vertically merged cells: first line, last line, column."""

    lines: list[Line]
    merged: list[tuple[int, int, int]] = field(default_factory=list)


class _UnreadableError(ValueError):
    """A part of a workbook is not what it should be."""


def read_workbook(path: Path, exact: bool = False) -> dict[str, Sheet]:
    """The worksheets by name; `exact` keeps the blanks around a cell's text.

    Raises DocumentError where it is no workbook or too large, OSError where it cannot be opened.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise DocumentError(str(path), [f"{path}: 解压后过大 / unpacks to more than {MAX_UNPACKED >> 20} MB"])
            extents = _extents(packed)
        for name, extent in extents.items():
            if extent.area > MAX_CELLS:
                raise DocumentError(
                    str(path),
                    [
                        f"{path}[{name}]: 首尾单元格之间有 {extent.area:,} 格，上限 {MAX_CELLS:,}；删除远处的单元格（{extent.last}） / "
                        f"{extent.area:,} cells between the first and the last, {MAX_CELLS:,} at most: delete the "
                        f"cells far away ({extent.last})"
                    ],
                )
        book = CalamineWorkbook.from_path(str(path))
        pages = [page.name for page in book.sheets_metadata if page.typ == SheetTypeEnum.WorkSheet]
        missing = [name for name in pages if name not in extents]
        if missing:
            raise _UnreadableError(f"no part for sheet {missing[0]}")
        return {name: _sheet(book.get_sheet_by_name(name), extents[name], exact) for name in pages}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        CalamineError,
        expat.ExpatError,
        ElementTree.ParseError,
        LookupError,  # an encoding nobody knows
        _UnreadableError,
    ) as error:
        raise DocumentError(
            str(path), [f"{path}: 不是可读的 Excel 工作簿 / not a readable .xlsx workbook: {error}"]
        ) from None


def _sheet(sheet: Any, extent: "_Extent", exact: bool) -> Sheet:
    """A sheet of the reader, whose rows begin with the first row of the sheet and with its first used column."""
    first = sheet.start[1] if sheet.start else 0
    lines = []
    for number, row in enumerate(sheet.iter_rows(), start=1):
        cells = [cell if exact and isinstance(cell, str) else _text(cell) for cell in row]
        altered = {column: reason for column, cell in enumerate(row) if (reason := _altered(cell))}
        for column, shown in extent.errors.get(number, {}).items():
            if 0 <= column - first < len(cells):
                cells[column - first] = shown
                altered[column - first] = "错误值 / an error value"
        if any(cells):
            lines.append(Line(number, cells, altered))
    merged = [
        (top + 1, bottom + 1, left - first)
        for (top, left), (bottom, _) in sheet.merged_cell_ranges or ()
        if bottom > top and left >= first
    ]
    if sum(bottom - top for top, bottom, _ in merged) > MAX_CELLS:
        raise _UnreadableError("too many merged cells")
    return Sheet(lines, merged)


def _text(cell: Any) -> str:
    """A cell as it shows: 110, not 110.0."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _altered(cell: Any) -> str | None:
    """What the spreadsheet has made of what was typed, if anything; a whole number is taken for what was typed."""
    if isinstance(cell, bool):
        return "逻辑值 / a truth value"
    if isinstance(cell, date | time | timedelta):
        return "日期或时间 / a date or time"
    if isinstance(cell, float) and not cell.is_integer():
        return "小数 / a decimal number"
    if isinstance(cell, float | int) and abs(cell) >= EXACT:
        return "超过 15 位的数 / a number of more than 15 digits"
    return None


@dataclass
class _Extent:
    """The rectangle of cells that hold something, and the error values by row (from 1) and column (from 0)."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    last: str = ""
    errors: dict[int, dict[int, str]] = field(default_factory=dict)

    @property
    def area(self) -> int:
        return (self.bottom - self.top + 1) * (self.right - self.left + 1) if self.last else 0

    def add(self, row: int, column: int) -> None:
        """Takes in a cell."""
        if not self.last:
            self.top, self.left = row, column
            self.bottom, self.right = row, column
        elif self.top <= row <= self.bottom and self.left <= column <= self.right:
            return
        self.top, self.bottom = min(self.top, row), max(self.bottom, row)
        self.left, self.right = min(self.left, column), max(self.right, column)
        self.last = f"{_letters(column)}{row}"


def _extents(packed: zipfile.ZipFile) -> dict[str, _Extent]:
    """The extent of every sheet of a workbook, by name."""
    parts = {name.lower(): name for name in packed.namelist()}
    if len(parts) < len(packed.namelist()):
        raise _UnreadableError("parts given twice")

    def opened(name: str) -> IO[bytes]:
        if name.lower() not in parts:
            raise _UnreadableError(f"no {name}")
        return packed.open(parts[name.lower()])

    with opened("xl/_rels/workbook.xml.rels") as file:
        targets = {
            item.get("Id"): posixpath.normpath(posixpath.join("/xl", item.get("Target", ""))).lstrip("/")
            for item in _elements(file, "Relationship")
        }
    extents = {}
    with opened("xl/workbook.xml") as file:
        for item in _elements(file, "sheet"):
            key = next((value for name, value in item.items() if name.endswith("}id")), None)
            part = targets.get(key, "")
            if "chartsheets/" in part or "dialogsheets/" in part:
                continue
            with opened(part) as content:
                extents[item.get("name", "")] = _extent(content)
    return extents


def _elements(file: IO[bytes], name: str) -> Iterable[ElementTree.Element]:
    return [element for element in ElementTree.parse(file).iter() if element.tag.rpartition("}")[2] == name]


def _extent(file: IO[bytes]) -> _Extent:
    """Reads through a sheet's XML. Cells that only have a format are none."""
    extent = _Extent()
    row, column, error = 0, -1, False
    shown: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal row, column, error
        tag = name.rpartition(":")[2]
        if tag == "row":
            row, column = (int(attributes["r"]) if attributes.get("r", "").isdecimal() else row + 1), -1
        elif tag == "c":
            if "r" in attributes:
                place = _REFERENCE.fullmatch(attributes["r"])
                if place is None:
                    raise _UnreadableError(f"a cell {attributes['r'][:20]!r}")
                row, column = int(place[2]), _number(place[1])
            else:
                column += 1
            error = attributes.get("t") == "e"
            shown.clear()
            if "t" in attributes:
                extent.add(row, column)
        elif tag in ("v", "f", "is"):
            extent.add(row, column)
            shown.clear()

    def end(name: str) -> None:
        nonlocal error
        if error and name.rpartition(":")[2] == "v":
            extent.errors.setdefault(row, {})[column] = "".join(shown) or "#ERROR"
            error = False

    def text(content: str) -> None:
        if error:
            shown.append(content)

    def refuse(*_: object) -> None:
        raise _UnreadableError("a document type declaration")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = refuse
    while chunk := file.read(_CHUNK):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return extent


def _number(letters: str) -> int:
    """A column's number from 0: A is 0, AA is 26."""
    value = 0
    for letter in letters.upper():
        value = value * 26 + ord(letter) - ord("A") + 1
    return value - 1


def _letters(number: int) -> str:
    """A column's letters."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
