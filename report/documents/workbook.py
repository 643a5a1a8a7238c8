"""The report as an Excel workbook: a sheet a table, the ledger, the keyword attachment, sample lists, clauses and gaps.

Text is written as text whatever it spells, and nothing in it is a formula or a link. Equal reports give equal bytes.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from report.documents import lists
from report.documents.shown import NOTHING, Shower, number, plain, shower, split_languages, visible
from report.documents.widths import characters
from report.model import Both, Column, Report, Row, Table
from schemas.risks import groups, risks

_EXACT = 10**15  # whole numbers beyond lose digits in a spreadsheet
_ROWS = 1_000_000  # of a sheet, below the rows Excel takes
_WIDEST = 48
_LINE, _TALLEST = 14.0, 405.0  # points; Excel shows no taller row
_LOOKED_AT = 3_000  # characters: more than the tallest row shows
_LONGEST = 15_000  # characters: a cell holds 32,767 units of UTF-16, two of which some take
_NAME = re.compile(r"[\[\]:*?/\\]")
_NUMBERS = {"count": "#,##0", "tokens": "#,##0", "gigabytes": "0.000000000", "share": "0.00%"}
_ID = "编号 id"


def workbook(
    report: Report,
    library: Sequence[Mapping[str, Any]] = (),
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> bytes:
    """The workbook. `library`: rows of record.keywords; `samples`: rows by title of their sheet."""
    import xlsxwriter

    from report.documents.document import packed

    content = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"title": "语料安全评估报告", "created": datetime(2000, 1, 1)})
        writer = _Writer(book)
        writer.facts(report)
        writer.table("条款结论", clause_table(report))
        writer.table("差距清单", lists.gap_table(report))
        for table in report.tables:
            writer.table(sheet_title(table), table)
        writer.table("关键词附件", keyword_table(library, report))
        for title, rows in (samples or {}).items():
            writer.table(title, sample_table(title, rows))
        writer.table("证明材料索引", lists.evidence_table(report))
    content.seek(0)
    return packed(content)


def sheet_title(table: Table) -> str:
    """The name of a table's sheet: its number, and what of its title fits."""
    return table.title.zh.removeprefix("表 ")


def clause_table(report: Report) -> Table:
    """A row a clause: verdict, numbers with their ids, evidence, reasons."""
    columns = (
        Column("clause", Both("条款", "clause"), "text"),
        Column("key", Both("条款键", "key"), "text"),
        Column("title", Both("要求", "requirement"), "text"),
        Column("modality", Both("应/宜", "modality"), "text"),
        Column("verdict", Both("结论", "verdict"), "verdict"),
        Column("reasons", Both("原因或理由", "reasons"), "text"),
        Column("basis", Both("数据依据（编号：值）", "basis"), "text"),
        Column("evidence", Both("证明材料", "evidence"), "text"),
        Column("explanation", Both("说明", "note"), "text"),
        Column("unverified", Both("未经标准原文核对", "not checked"), "text"),
    )
    rows = [
        Row(
            one.clause,
            {
                "clause": one.clause,
                "key": one.key,
                "title": one.title,
                "modality": str(lists.modality(one.modality)),
                "verdict": one.verdict,
                "reasons": "\n".join(
                    f"【{reason.verdict}】{reason.text.zh}" + (f"：{'、'.join(reason.found)}" if reason.found else "")
                    for reason in one.reasons
                ),
                "basis": "\n".join(f"{told.id}：{number(told.value)}" for told in one.basis),
                "evidence": "\n".join(f"{piece.title.zh} {piece.file} {piece.sha256}" for piece in one.evidence),
                "explanation": one.explanation,
                "unverified": "\n".join(split_languages(line)[0] for line in one.unverified),
            },
        )
        for one in report.verdicts
    ]
    return Table("clauses", Both("条款结论", "Verdicts"), (), columns, tuple(rows), "")


def keyword_table(library: Sequence[Mapping[str, Any]], report: Report) -> Table:
    """The attachment in the customary columns; where the evidence has no library, a row that says so."""
    columns = (
        Column("term", Both("关键词", "term"), "text"),
        Column("group", Both("一级分类", "group"), "text"),
        Column("risk", Both("二级分类", "risk"), "text"),
        Column("tier", Both("处置级别", "tier"), "text"),
        Column("counted", Both("计入标准数量", "counted"), "text"),
    )
    rows = tuple(_keyword_rows(library))
    if not rows:
        terms = report.cover["facts"].get("lexicon_terms")
        reason = f"证据中没有词库全文，词条数 {plain(terms)}；各类数量见表 C-8 / the evidence holds no library; counts are in table C-8"
        rows = (Row(lists.EMPTY, {"term": reason}),)
    return Table("keywords", Both("拦截关键词列表", "Keywords"), (), columns, rows, "")


def _keyword_rows(library: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    known, above = risks(), groups()
    place = 0
    for entry in library:
        for risk in entry["risks"]:
            place += 1
            group = above.get(str(risk)[:2])
            yield Row(
                str(place),
                {
                    "term": entry["term"],
                    "group": group.zh if group else None,
                    "risk": f"{risk} {known[risk].zh}" if risk in known else risk,
                    "tier": entry["tier"],
                    "counted": "是" if entry["counted"] else "否",
                },
            )


def sample_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A list of a sample's items: ids and digests, no texts."""
    names = list(rows[0]) if rows else ["doc_id"]
    columns = tuple(Column(name, Both(name, ""), "text") for name in names)
    nothing = Row(lists.EMPTY, {names[0]: "没有样本 / no sample"})
    listed = tuple(Row(str(place), dict(row)) for place, row in enumerate(rows, start=1))
    return Table(title, Both(title, ""), (), columns, listed or (nothing,), "")


class _Writer:
    """Writes sheets with one set of formats."""

    def __init__(self, book: Any) -> None:
        wrapped = {"text_wrap": True, "valign": "top", "border": 1, "border_color": "#C8CDD3", "font_size": 10}
        self._book, self._names, self._plain = book, set[str](), Shower(3, whole_digests=True)
        self._title = book.add_format({"bold": True, "font_size": 13})
        self._note = book.add_format({"font_color": "#646B75", "font_size": 9})
        self._head = book.add_format(
            {**wrapped, "bold": True, "bg_color": "#1F4E78", "font_color": "#FFFFFF", "valign": "vcenter"}
        )
        self._key = book.add_format({**wrapped, "font_color": "#8A9099", "font_size": 8, "num_format": "@"})
        self._name = book.add_format(
            {**wrapped, "font_color": "#8A9099", "font_size": 8, "bg_color": "#E8EDF2", "num_format": "@"}
        )
        kinds = {**_NUMBERS, "text": "@"}
        self._formats = {
            (kind, total): book.add_format(
                {**wrapped, "num_format": form, "bold": total, **({"bg_color": "#EEF1F4"} if total else {})}
            )
            for kind, form in kinds.items()
            for total in (False, True)
        }

    def facts(self, report: Report) -> None:
        """The first sheet: conclusion, notices and what the report stands on."""
        sheet = self._sheet("概况")
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 90)
        self._text(sheet, 0, 0, "大模型安全评估报告：语料安全评估", self._title)
        lines = [("结论", text.zh) for text, _ in lists.conclusion(report)] + [
            ("须知", text.zh) for text in lists.notices(report)
        ]
        lines += [(name.zh, value) for name, value in lists.facts(report)]
        lines += [("尚未证明", lists.both(line).zh) for line in report.unproved]
        lines += [("未经标准原文核对", lists.both(line).zh) for line in report.cover["unverified"]]
        for row, (name, value) in enumerate(lines, start=2):
            self._text(sheet, row, 0, name, self._formats["text", True])
            self._text(sheet, row, 1, value, self._formats["text", False])
            sheet.set_row(row, _height([value], [90]))
        self._paper(sheet, False)

    def table(self, title: str, table: Table) -> None:
        """A table on its own sheet: title, notes, headers that stay, rows, the ids of numbers at the right."""
        sheet, ids = self._sheet(title), [table.id] if table.sql else []
        self._text(sheet, 0, 0, table.title.zh, self._title)
        for line, note in enumerate(table.notes, start=1):
            self._text(sheet, line, 0, str(note), self._note)
        top, last = len(table.notes) + 2, len(table.columns) - 1 + len(ids)
        widths = [_width(table, told) for told in table.columns]
        for column, told in enumerate(table.columns):
            sheet.set_column(column, column, widths[column])
            self._text(sheet, top, column, str(told.title), self._head)
        for _ in ids:
            sheet.set_column(last, last, 18)
            self._text(sheet, top, last, _ID, self._head)
        sheet.set_row(top, _height([str(told.title) for told in table.columns], widths))
        for column, told in enumerate(table.columns):
            self._text(sheet, top + 1, column, str(told.name), self._name)
        for name in ids:
            self._text(sheet, top + 1, last, f"{name}/<行>/<列>", self._name)
        shown = table.rows[:_ROWS]
        for place, row in enumerate(shown, start=top + 2):
            texts = [self._cell(sheet, place, column, told, row) for column, told in enumerate(table.columns)]
            for _ in ids:
                self._text(sheet, place, last, row.key, self._key)
            sheet.set_row(place, _height(texts, widths))
        sheet.freeze_panes(top + 2, _frozen(table))
        if len(shown) > 1:
            sheet.autofilter(top + 1, 0, top + 1 + len(shown), len(table.columns) - 1)
        sheet.repeat_rows(top)
        sheet.print_area(0, 0, top + 1 + len(shown), last)
        self._paper(sheet, len(table.columns) > 6)

    def _cell(self, sheet: Any, place: int, column: int, told: Column, row: Row) -> str:
        """A number as a number where a spreadsheet keeps it exactly, all else as text. Returns the text to make room for."""
        value = row.values.get(told.name)
        if told.kind in _NUMBERS and isinstance(value, int | float | Decimal) and -_EXACT < value < _EXACT:
            written = value / 10**9 if told.kind == "gigabytes" else value
            sheet.write_number(place, column, float(written), self._formats[told.kind, row.total])
            return ""
        text = NOTHING if value is None else self._plain.cell(told, value)
        self._text(sheet, place, column, text, self._formats["text", row.total], ready=True)
        return text

    def _sheet(self, title: str) -> Any:
        """A sheet whose name Excel takes: 31 characters, none of its own, told apart without regard to case."""
        base = _NAME.sub("-", visible(title)).strip("'")[:31] or "表"
        name, number_ = base, 2
        while name.lower() in self._names:
            name = f"{base[: 30 - len(str(number_))]}~{number_}"
            number_ += 1
        self._names.add(name.lower())
        sheet = self._book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        return sheet

    def _text(self, sheet: Any, row: int, column: int, text: str, form: Any, ready: bool = False) -> None:
        """A cell that is text whatever it spells; `ready`: it was made visible before."""
        sheet.write_string(row, column, text if ready else visible(text, _LONGEST), form)

    def _paper(self, sheet: Any, landscape: bool) -> None:
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&C&P / &N")


def _frozen(table: Table) -> int:
    """Columns that stay at the left: those that tell rows apart, where there are many."""
    return (
        0
        if len(table.columns) < 8
        else 1 + next((place for place, one in enumerate(table.columns) if one.kind == "text"), 0)
    )


def _height(texts: Iterable[str], widths: Iterable[float]) -> float:
    """Points a row needs to show its texts, as far as a row may be tall."""
    lines = (
        sum(1 + max(characters(line) - 1, 0) // max(int(width * 1.05), 1) for line in text[:_LOOKED_AT].split("\n"))
        for text, width in zip(texts, widths, strict=True)
    )
    return min(_TALLEST, 3 + _LINE * max(lines, default=1))


def _width(table: Table, told: Column) -> float:
    how = shower(table, whole_digests=True)
    cells: Iterable[str] = (how.cell(told, row.values.get(told.name)) for row in table.rows[:400])
    return min(_WIDEST, max([9, *(characters(cell) for cell in cells), min(characters(told.title.zh), 24)]) + 2)
