"""An Excel workbook to judge in: texts as text, lists to choose from, everything else locked; and its way back.

What identifies the export stands on a sheet that is hidden even from the list of hidden sheets. Protection only keeps
people from slips: on import everything is checked against the log of the review.
"""

import io
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lexicon.workbook import MAX_UNPACKED, Line, read_workbook
from pipeline.errors import UsageError
from review.exchange.answers import Answer, Batch, Header, Place, Returned, Task
from review.exchange.guide import guide_lines, rule_lines
from review.exchange.shown import original, shown
from review.exchange.vocabulary import (
    NO,
    PERSONAL_NAMES,
    SHARES,
    VERDICT_NAMES,
    YES,
    personal_label,
    risk_label,
    verdict_label,
    yes_or_no,
)
from schemas.loading import DocumentError
from schemas.risks import risks

REVIEW, GUIDE, RISKS, LEFT, HIDDEN = "审核 review", "说明 guide", "风险 risks", "未导出 left out", "_export"
_CHOSEN = ("risk_1", "risk_2", "risk_3")
# key, header, width, whether people write there
_COLUMNS: tuple[tuple[str, str, float, bool], ...] = (
    ("item_no", "编号 item_no", 9, False),
    ("text", "正文 text", 90, False),
    ("earlier", "先前结论 earlier", 24, False),
    ("verdict", "结论 verdict", 18, True),
    *((key, f"风险 {key}", 26, True) for key in _CHOSEN),
    ("more_risks", "其他风险编号 more_risks", 16, True),
    *((kind, f"{name} {kind}", 14, True) for kind, name in PERSONAL_NAMES.items()),
    ("read_share", "已读比例 read_share", 12, True),
    ("note", "备注 note", 30, True),
    ("bucket", "类型 bucket", 9, False),
    ("stage", "阶段 stage", 11, False),
    ("chars", "字数 chars", 9, False),
    ("content_hash", "校验 content_hash", 12, False),
)
_AT = {key: column for column, (key, *_) in enumerate(_COLUMNS)}
_ABOUT = ("round", "criteria", "reading", "person", "until", "export")
_LINE, _TALLEST = 15.0, 405.0  # points; Excel shows no taller row
_LOOKED_AT = 3_000  # characters: more than the tallest row shows


def workbook(batch: Batch, left: Sequence[tuple[int, int]]) -> bytes:
    """The batch as a workbook; `left` are items (number, characters) that are not in it and are judged on the page.

    Raises:
        UsageError: the workbook would be too large to be read back.
    """
    import xlsxwriter

    texts = [shown(task.text) for task in batch.tasks]
    if sum(len(text.encode()) for text in texts) > MAX_UNPACKED // 2:
        raise UsageError("工作簿过大：请减少条数 / the workbook would be too large: hand out fewer items at a time")
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"title": "审核 review", "created": datetime(2000, 1, 1)})  # equal items, equal bytes
        _write_review(book, batch, texts)
        guide = [*guide_lines(batch.reading), *rule_lines(batch.criteria)]
        _write_lines(book, GUIDE, [[line] for line in guide], [110])
        _write_lines(book, RISKS, [[risk_label(risk), found.en] for risk, found in risks().items()], [60, 80])
        if left:
            head = [
                "编号 item_no",
                "字数 characters",
                "正文过长，请在网页上审核 / too long for a cell: judged on the page",
            ]
            _write_lines(book, LEFT, [head, *([str(n), f"{chars:,}", ""] for n, chars in left)], [16, 18, 60])
        listed = [[str(task.item_no), task.content_hash] for task in batch.tasks]
        about = vars(batch.header) | {"until": batch.until}
        hidden = _write_lines(book, HIDDEN, [*([key, shown(about[key])] for key in _ABOUT), *listed], [12, 70])
        hidden.very_hidden()
    return content.getvalue()


def _write_review(book: Any, batch: Batch, texts: Sequence[str]) -> None:
    sheet = book.add_worksheet(REVIEW)
    look = {"text_wrap": True, "valign": "top", "num_format": "@"}
    head = book.add_format({**look, "bold": True, "bg_color": "#1F4E78", "font_color": "#FFFFFF"})
    locked, free = book.add_format(look), book.add_format({**look, "locked": False, "bg_color": "#FFF9E5", "border": 4})
    for column, (key, title, width, _) in enumerate(_COLUMNS):
        unused = key == "content_hash" or (key == "earlier" and batch.reading != "adjudication")
        sheet.set_column(column, column, width, None, {"hidden": True} if unused else {})
        _text(sheet, 0, column, title, head)
    for row, (task, text) in enumerate(zip(batch.tasks, texts, strict=True), start=1):
        sheet.set_row(row, _height(text))
        cells = _cells(task, text)
        for column, (key, _, _, written) in enumerate(_COLUMNS):
            if written:
                sheet.write_blank(row, column, None, free)
            else:
                _text(sheet, row, column, cells[key], locked)
    last = max(len(batch.tasks), 1)
    _lists(sheet, last)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{chr(64 + len(_COLUMNS))}{last + 1}"})
    sheet.freeze_panes(1, 1)
    sheet.protect("", {"format_columns": True, "format_rows": True})
    sheet.activate()


def _cells(task: Task, text: str) -> dict[str, str]:
    return {
        "item_no": str(task.item_no),
        "text": text,
        "earlier": shown("\n".join(earlier.line for earlier in task.earlier)),
        "bucket": task.bucket,
        "stage": task.stage,
        "chars": str(len(task.text)),
        "content_hash": task.content_hash,
    }


def _lists(sheet: Any, last: int) -> None:
    """What can be chosen where; a wrong word is refused by the spreadsheet already."""
    lists: dict[str, Any] = {"verdict": [verdict_label(verdict) for verdict in VERDICT_NAMES]}
    lists |= dict.fromkeys(_CHOSEN, f"='{RISKS}'!$A$1:$A${len(risks())}")
    lists |= {kind: [YES, NO] for kind in PERSONAL_NAMES}
    for key, source in lists.items():
        about = {"error_title": "请从列表选择", "error_message": "Choose from the list, or leave the cell empty."}
        sheet.data_validation(1, _AT[key], last, _AT[key], {"validate": "list", "source": source, **about})
    share = {"validate": "list", "source": list(SHARES), "error_type": "information"}
    sheet.data_validation(1, _AT["read_share"], last, _AT["read_share"], share)


def _write_lines(book: Any, name: str, lines: Sequence[Sequence[str]], widths: Sequence[float]) -> Any:
    """A sheet of text, locked."""
    sheet = book.add_worksheet(name)
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    for column, width in enumerate(widths):
        sheet.set_column(column, column, width)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            _text(sheet, row, column, cell, wrapped)
    sheet.protect()
    return sheet


def _text(sheet: Any, row: int, column: int, text: str, look: Any) -> None:
    """A cell that is text whatever it spells."""
    if sheet.write_string(row, column, text, look) != 0:
        raise UsageError(f"第 {row + 1} 行放不下 / row {row + 1} does not fit into a workbook")


def _height(text: str) -> float:
    """Points a row needs to show a text, as far as a row may be tall."""
    width = next(width for key, _, width, _ in _COLUMNS if key == "text")
    lines = 0.0
    for line in text[:_LOOKED_AT].split("\n"):
        lines += 1 + sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line) // width
    return min(_TALLEST, max(2 * _LINE, _LINE * lines))


def read_workbook_answers(path: Path) -> Returned:
    """The rows of the review sheet with what the hidden sheet says of them.

    Raises:
        UsageError: no workbook of this kind, too large, a sheet or column missing.
    """
    try:
        sheets = read_workbook(path, exact=True)
    except DocumentError as error:
        raise UsageError(error.problems) from None
    missing = [name for name in (REVIEW, HIDDEN) if name not in sheets]
    if missing:
        raise UsageError(
            f"{path}: 缺少工作表 / sheet missing: {', '.join(missing)}; 不是导出的工作簿 / not a workbook that was exported"
        )
    about, listed = _hidden(path, sheets[HIDDEN].lines)
    lines = sheets[REVIEW].lines
    titles = [title for _, title, _, _ in _COLUMNS]
    if (
        not lines
        or [cell.strip() for cell in lines[0].cells[: len(titles)]] != titles
        or any(lines[0].cells[len(titles) :])
    ):
        raise UsageError(
            f"{path}[{REVIEW}]: 表头被改动；请用导出的工作簿 / the header row was changed: use the exported one"
        )
    return Returned([_answer(line, about) for line in lines[1:] if any(cell.strip() for cell in line.cells)], listed)


def _hidden(path: Path, lines: Sequence[Line]) -> tuple[Header, list[tuple[Place, str, str]]]:
    rows = [[original(cell) for cell in line.cells] + ["", ""] for line in lines]
    about = {row[0]: row[1] for row in rows[: len(_ABOUT)]}
    if tuple(about) != _ABOUT:
        raise UsageError(f"{path}[{HIDDEN}]: 隐藏表被改动 / the hidden sheet was changed: use the workbook as exported")
    listed = [
        (Place(HIDDEN, line.number), row[0], row[1])
        for line, row in zip(lines[len(_ABOUT) :], rows[len(_ABOUT) :], strict=True)
    ]
    return Header(**{key: about[key] for key in _ABOUT if key != "until"}), listed


def _answer(line: Line, header: Header) -> Answer:
    cells = line.cells + [""] * (len(_COLUMNS) - len(line.cells))
    row = {key: cells[column] for key, column in _AT.items()}
    broken, personal = [], []
    for kind in PERSONAL_NAMES:
        ticked = yes_or_no(row[kind])
        if ticked is None:
            broken.append((personal_label(kind), row[kind], f"应为“{YES}”或“{NO}”", f"should be “{YES}” or “{NO}”"))
        elif ticked:
            personal.append(kind)
    return Answer(
        Place(REVIEW, line.number),
        header,
        row["item_no"].strip(),
        row["content_hash"].strip(),
        original(row["text"]),
        row["verdict"].strip(),
        tuple(value.strip() for key in (*_CHOSEN, "more_risks") if (value := row[key]).strip()),
        tuple(personal),
        row["read_share"].strip(),
        row["note"].replace("\r\n", "\n").strip(),
        broken=tuple(broken),
    )
