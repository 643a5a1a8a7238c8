"""A library as the workbook a filing attaches: 关键词｜一级分类｜二级分类, and a second sheet nothing is lost in."""

import io
from collections.abc import Iterable, Sequence

from lexicon.rows import COLUMNS, Row, cells_of
from schemas.loading import DocumentError
from schemas.risks import groups, risks

ATTACHED = ("关键词", "一级分类", "二级分类")
ATTACHED_SHEET, FULL_SHEET = "关键词", "corpus-audit"
MAX_CELL = 32_767  # UTF-16 units, of Excel
MAX_ROWS = 1_048_576  # of Excel, the header among them


def workbook_of(rows: Sequence[Row], name: str) -> bytes:
    """The workbook: a row a term and risk on the first sheet, the library's own columns on the second.

    Cells are written as text, so that no spreadsheet takes a term for a formula.

    Raises:
        DocumentError: cells or rows that Excel has no room for; nothing is cut.
    """
    import xlsxwriter

    attached = [line for row in rows for line in attached_lines(row)]
    full = [cells_of(row) for row in rows]
    _fits(rows, len(attached), name)
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": "关键词库", "comments": "corpus-audit"})
        bold = book.add_format({"bold": True})
        for title, header, lines in ((ATTACHED_SHEET, ATTACHED, attached), (FULL_SHEET, COLUMNS, full)):
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, 0, 24)
            sheet.set_column(1, len(header) - 1, 30)
            for number, line in enumerate((header, *lines)):
                for column, cell in enumerate(line):
                    if sheet.write_string(number, column, cell, bold if number == 0 else None) != 0:
                        raise DocumentError(
                            name, [f"{name}: 第 {number + 1} 行放不下 / line {number + 1} does not fit"]
                        )
    return content.getvalue()


def attached_lines(row: Row) -> Iterable[tuple[str, str, str]]:
    """What the attached sheet says of a row: a line for each risk."""
    return [(row.written, groups()[risk[:2]].zh, risks()[risk].zh) for risk in row.risks]


def _fits(rows: Sequence[Row], lines: int, name: str) -> None:
    """Raises DocumentError with every row that has a cell too long, or cannot be stored, or where there are too many lines."""
    problems = [
        f"{row.place}: 单元格超过 {MAX_CELL:,} 字，Excel 放不下 / a cell of more than {MAX_CELL:,} characters, too long for Excel: "
        "shorten it"
        for row in rows
        if any(len(cell.encode("utf-16-le")) > 2 * MAX_CELL for cell in cells_of(row))
    ]
    problems += [
        f"{row.place}: 含 U+FFFE 或 U+FFFF，工作簿中不能有 / holds U+FFFE or U+FFFF, which no workbook can hold: remove it"
        for row in rows
        if any(char in cell for cell in cells_of(row) for char in "\ufffe\uffff")
    ]
    if max(lines, len(rows)) + 1 > MAX_ROWS:
        problems.append(
            f"{name}: {lines:,} 行，Excel 至多 {MAX_ROWS:,} 行；分成几个词库导出 / {lines:,} lines, Excel holds {MAX_ROWS:,}: export the "
            "library in parts"
        )
    if problems:
        raise DocumentError(name, problems)
