"""Reads keyword tables as organisations keep them: Excel (关键词｜一级分类｜二级分类), TXT with a word a line, TSV.

Only reads; what the categories mean is told by a mapping (importing.py).
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexicon.rows import COLUMNS
from schemas.loading import DocumentError

HEADERS = {
    "term": ("关键词", "敏感词", "词", "词语", "关键字", "keyword", "word", "term"),
    "first": ("一级分类", "一级类别", "大类", "分类", "类别", "category"),
    "second": ("二级分类", "二级类别", "小类", "子类", "subcategory"),
}
MAX_UNPACKED = 256 << 20  # bytes of a workbook: far above any keyword table, far below what a zip bomb becomes
_HEADER_ROWS = 10  # among which the header of a sheet is looked for


@dataclass(frozen=True)
class Listed:
    """A keyword of a foreign table with its categories ("" where there is none); `place` is file and line or cell row."""

    place: str
    word: str
    first: str = ""
    second: str = ""

    @property
    def category(self) -> str:
        """Both categories as a mapping names them."""
        return f"{self.first}/{self.second}" if self.second else self.first


def read_table(path: Path, category: str | None = None) -> Iterator[Listed]:
    """The keywords of a file, by its extension. `category` is that of a TXT file; its own name otherwise.

    Raises:
        DocumentError: the file cannot be read, has no column of keywords, or is no text in UTF-8 or GB 18030.
    """
    readers = {".xlsx": _workbook, ".txt": _words, ".tsv": _tsv, ".csv": _csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DocumentError(str(path), [f"{path}: 不认识的格式 / unknown format; give .xlsx, .txt, .tsv or .csv"])
    try:
        if reader is _words:
            yield from _words(path, category or path.stem)
        else:
            yield from reader(path)  # type: ignore[operator]
    except OSError as error:
        raise DocumentError(str(path), [f"{path}: 读不了 / cannot be read: {error.strerror}"]) from None


def _workbook(path: Path) -> Iterator[Listed]:
    """The sheets that have a column of keywords; those with our own columns are preferred by the caller."""
    for sheet, rows in sheets(path).items():
        yield from _table(f"{path}[{sheet}]", rows)


def sheets(path: Path) -> dict[str, list[list[str]]]:
    """The sheets of a workbook, cells as text. Raises DocumentError."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise DocumentError(str(path), [f"{path}: 解压后过大 / unpacks to more than {MAX_UNPACKED >> 20} MB"])
        book = CalamineWorkbook.from_path(str(path))
        return {
            name: [
                [_text(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            ]
            for name in book.sheet_names
        }
    except (zipfile.BadZipFile, CalamineError) as error:
        raise DocumentError(
            str(path), [f"{path}: 不是可读的 Excel 工作簿 / not a readable .xlsx workbook: {error}"]
        ) from None


def _text(cell: Any) -> str:
    """A cell as it shows: 110, not 110.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _table(name: str, rows: list[list[str]]) -> Iterator[Listed]:
    head = next((i for i, row in enumerate(rows[:_HEADER_ROWS]) if _column(row, HEADERS["term"]) is not None), None)
    if head is None:
        if any(cell for row in rows for cell in row):
            wanted = "｜".join(names[0] for names in HEADERS.values())
            raise DocumentError(name, [f"{name}: 找不到表头 / no header found among the first rows; wanted: {wanted}"])
        return
    columns = {what: _column(rows[head], names) for what, names in HEADERS.items()}
    for line, row in enumerate(rows[head + 1 :], start=head + 2):
        cells = {what: row[at] if at is not None and at < len(row) else "" for what, at in columns.items()}
        if cells["term"]:
            yield Listed(f"{name}:{line}", cells["term"], cells["first"], cells["second"])


def _column(row: list[str], names: tuple[str, ...]) -> int | None:
    folded = [cell.strip().lower() for cell in row]
    return next((folded.index(name) for name in names if name in folded), None)


def _words(path: Path, category: str) -> Iterator[Listed]:
    for number, line in enumerate(_decoded(path).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield Listed(f"{path}:{number}", line.strip(), category)


def _tsv(path: Path) -> Iterator[Listed]:
    yield from _delimited(path, "\t")


def _csv(path: Path) -> Iterator[Listed]:
    yield from _delimited(path, ",")


def _delimited(path: Path, delimiter: str) -> Iterator[Listed]:
    """A table with a header, or without one: word, category, subcategory."""
    text = _decoded(path)
    reader = (
        csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if delimiter == "\t"
        else csv.reader(io.StringIO(text, newline=""))
    )
    rows = [[cell.strip() for cell in row] for row in reader]
    if rows and _column(rows[0], HEADERS["term"]) is not None:
        yield from _table(str(path), rows)
        return
    for number, row in enumerate(rows, start=1):
        if row and row[0] and not row[0].startswith("#"):
            word, first, second = (*row, "", "")[:3]
            yield Listed(f"{path}:{number}", word, first, second)


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DocumentError(str(path), [f"{path}: 既非 UTF-8 也非 GB 18030 / neither UTF-8 nor GB 18030: save it as UTF-8"])


def is_own_format(path: Path) -> bool:
    """Whether a TSV file is a library of ours already."""
    if path.suffix.lower() != ".tsv":
        return False
    with path.open("rb") as file:
        head = file.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n").split("\t")
    return head[:3] == list(COLUMNS[:3])
