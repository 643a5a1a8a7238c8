"""Writes a library as the workbook a filing attaches: 关键词｜一级分类｜二级分类, and a second sheet nothing is lost in."""

from collections.abc import Sequence
from pathlib import Path

from lexicon.rows import COLUMNS, Row
from schemas.risks import groups, risks

ATTACHED = ("关键词", "一级分类", "二级分类")
ATTACHED_SHEET, FULL_SHEET = "关键词", "corpus-audit"


def export_workbook(rows: Sequence[Row], path: Path) -> None:
    """Writes the workbook: a row a term and risk on the first sheet, the library's own columns on the second.

    Cells are written as text, so that no spreadsheet takes a term for a formula.
    """
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": "关键词库", "comments": "corpus-audit"})
        bold = book.add_format({"bold": True})
        attached = [(row.written, groups()[risk[:2]].zh, risks()[risk].zh) for row in rows for risk in row.risks]
        full = [
            (
                row.written,
                ",".join(row.risks),
                row.tier,
                "|".join(row.requires),
                "|".join(row.excludes),
                row.note,
                row.since,
            )
            for row in rows
        ]
        for name, header, lines in ((ATTACHED_SHEET, ATTACHED, attached), (FULL_SHEET, COLUMNS, full)):
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, 0, 24)
            sheet.set_column(1, len(header) - 1, 30)
            for number, line in enumerate((header, *lines)):
                for column, cell in enumerate(line):
                    sheet.write_string(number, column, cell, bold if number == 0 else None)
