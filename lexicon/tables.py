"""Reads keyword tables as organisations keep them: Excel (关键词｜一级分类｜二级分类), TXT with a word a line, TSV.

Only reads; what the categories mean is told by a mapping (importing.py).
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lexicon.decoding import read_text
from lexicon.rows import COLUMNS
from lexicon.workbook import Line, Sheet, read_workbook
from schemas.loading import DocumentError

HEADERS = {
    "term": ("关键词", "敏感词", "词", "词语", "关键字", "keyword", "word", "term"),
    "first": ("一级分类", "一级类别", "大类", "分类", "类别", "category"),
    "second": ("二级分类", "二级类别", "小类", "子类", "subcategory"),
}
_HEADER_ROWS = 10  # among which the header of a sheet is looked for


@dataclass(frozen=True)
class Listed:
    """A keyword of a foreign table with its categories ("" where there is none); `place` is file and line or cell row.

    `altered` says why the cell is not the word that was typed; "" where it is.
    """

    place: str
    word: str
    first: str = ""
    second: str = ""
    altered: str = ""

    @property
    def category(self) -> str:
        """Both categories as a mapping names them."""
        return f"{self.first}/{self.second}" if self.second else self.first


@dataclass(frozen=True)
class Options:
    """How tables are read.

    `category` is that of a TXT file, its own name otherwise; `encoding` that of text files, found out otherwise.
    `fill_down`: an empty category is that of the row above.
    """

    category: str | None = None
    encoding: str | None = None
    fill_down: bool = False


def read_table(path: Path, options: Options, notices: list[str]) -> list[Listed]:
    """The keywords of a file, by its extension. What was assumed or passed over is added to `notices`.

    Raises:
        DocumentError: the file cannot be read, has no column of keywords, or is no text in a known encoding.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".xlsx":
            return words_of(path, read_workbook(path), options, notices)
        if suffix == ".txt":
            return list(_words(path, read_text(path, options.encoding, notices), options.category or path.stem))
        if suffix in (".tsv", ".csv"):
            return _delimited(path, read_text(path, options.encoding, notices), suffix, options)
    except OSError as error:
        raise DocumentError(str(path), [f"{path}: 读不了 / cannot be read: {error.strerror}"]) from None
    raise DocumentError(str(path), [f"{path}: 不认识的格式 / unknown format; give .xlsx, .txt, .tsv or .csv"])


def words_of(path: Path, sheets: dict[str, Sheet], options: Options, notices: list[str]) -> list[Listed]:
    """The keywords of all sheets that have a column of them; others are passed over with a notice.

    Raises DocumentError where no sheet has one.
    """
    filled = {name: sheet for name, sheet in sheets.items() if sheet.lines}
    headless = [name for name, sheet in filled.items() if _header(sheet.lines) is None]
    wanted = "｜".join(names[0] for names in HEADERS.values())
    told = [
        f"{path}[{name}]: 找不到表头，跳过 / no header found among the first rows, passed over; wanted: {wanted}"
        for name in headless
    ]
    if headless and len(headless) == len(filled):
        raise DocumentError(str(path), told)
    notices += told
    return [
        word
        for name, sheet in filled.items()
        if name not in headless
        for word in _table(f"{path}[{name}]", sheet, options)
    ]


def _table(name: str, sheet: Sheet, options: Options) -> Iterator[Listed]:
    """The keywords below the header of a table that has one."""
    head = _header(sheet.lines)
    assert head is not None, name
    columns = {what: _column(sheet.lines[head].cells, names) for what, names in HEADERS.items()}
    body = sheet.lines[head + 1 :]
    _unmerge(sheet, body)
    above = {"first": "", "second": ""}
    for line in body:
        cells = {
            what: line.cells[at] if at is not None and at < len(line.cells) else "" for what, at in columns.items()
        }
        if options.fill_down:
            if not cells["first"] or cells["first"] == above["first"]:
                cells = {**cells, "first": above["first"], "second": cells["second"] or above["second"]}
            above = cells
        if cells["term"]:
            altered = line.altered.get(columns["term"] or 0, "")
            yield Listed(f"{name}:{line.number}", cells["term"], cells["first"], cells["second"], altered)


def _unmerge(sheet: Sheet, body: list[Line]) -> None:
    """Gives every line of a vertically merged cell the text that shows there."""
    lines = {line.number: line for line in body}
    for top, bottom, column in sheet.merged:
        if top not in lines or column >= len(lines[top].cells):
            continue
        for number in range(top + 1, bottom + 1):
            if number in lines and column < len(lines[number].cells):
                lines[number].cells[column] = lines[top].cells[column]
                if column in lines[top].altered:
                    lines[number].altered[column] = lines[top].altered[column]


def _header(lines: list[Line]) -> int | None:
    return next(
        (at for at, line in enumerate(lines[:_HEADER_ROWS]) if _column(line.cells, HEADERS["term"]) is not None), None
    )


def _column(row: list[str], names: tuple[str, ...]) -> int | None:
    folded = [cell.strip().lower() for cell in row]
    return next((folded.index(name) for name in names if name in folded), None)


def _words(path: Path, text: str, category: str) -> Iterator[Listed]:
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if line.strip() and not _is_comment(line.strip()):
            yield Listed(f"{path}:{number}", line.strip(), category)


def _is_comment(line: str) -> bool:
    """Whether a line is a comment: a # alone or with a blank behind it. `#词#` is a word."""
    return line[0] == "#" and not line[1:2].strip()


def _delimited(path: Path, text: str, suffix: str, options: Options) -> list[Listed]:
    """A table with a header, or without one: word, category, subcategory."""
    if suffix == ".tsv":
        rows = [(at, line.split("\t")) for at, line in enumerate(io.StringIO(text, newline=None), start=1)]
    else:
        reader = csv.reader(io.StringIO(text, newline=""))
        try:
            rows = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            told = f"{path}:{reader.line_num}: 不是可读的 CSV / not readable as CSV: {error}"
            raise DocumentError(str(path), [told]) from None
    lines = [Line(at, [cell.strip() for cell in row]) for at, row in rows if any(cell.strip() for cell in row)]
    if lines and _column(lines[0].cells, HEADERS["term"]) is None:
        lines = [line for line in lines if not _is_comment(line.cells[0] or " ")]
        lines.insert(0, Line(0, [names[0] for names in HEADERS.values()]))
    return list(_table(str(path), Sheet(lines), options)) if lines else []


def is_own_format(path: Path) -> bool:
    """Whether a TSV file is a library of ours already."""
    if path.suffix.lower() != ".tsv":
        return False
    with path.open("rb") as file:
        head = file.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n").split("\t")
    return head[:3] == list(COLUMNS[:3])
