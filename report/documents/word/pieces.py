"""Small pieces of a Word document: paragraphs, rows and cells with the looks they have in common."""

from collections.abc import Iterable, Iterator, Sequence

from report.documents import lists
from report.documents.outline import Said
from report.documents.shown import NOTHING, Shower, split_languages, visible
from report.documents.word.elements import (
    AMBER,
    GREEN,
    GREY,
    RED,
    Cell,
    Element,
    Line,
    Look,
    Shape,
    paragraph,
    raw,
    run,
)
from report.model import CUSTOM, FAIL, MISSING, PASS, PEOPLE, Both, Column, Reason, Row

COLORS = {PASS: GREEN, FAIL: RED, MISSING: AMBER, PEOPLE: AMBER, CUSTOM: AMBER}
HEAD_FILL, LABEL_FILL, _TOTAL_FILL = "E3E9EF", "F2F4F6", "F2F4F6"
SMALL, SMALLER, TINY = 18, 15, 13  # half points: 小五, 六号, smaller
TIGHT = Shape(tight=True)
LONG = 600  # characters of a cell from which its row may be split
_NUMERIC = ("count", "gigabytes", "tokens", "share")
_TEXT = Column("", Both("", ""), "text")


def said(block: Said) -> Element:
    """A paragraph by its kind."""
    text = block.text.zh
    match block.kind:
        case "note":
            return paragraph([raw(text, Look(size=SMALL, color=GREY))], TIGHT)
        case "warning":
            return paragraph([raw(text, Look(bold=True, color=RED))])
        case "strong":
            return paragraph([raw(text, Look(bold=True))])
        case "item":
            return paragraph([raw(f"•\t{text}", Look(size=21))], Shape(tight=True, left=360, hanging=360, after=60))
        case _:
            return paragraph([raw(text)])


def line(row: Row, columns: Sequence[Column], how: Shower, size: int, keep: bool = False) -> Line:
    """A row; that of a table without rows says why across all columns. `keep`: on one page with the row after it."""
    cells, longest = [], 0
    if row.key == lists.EMPTY:
        return Line((cell(languages(_only(row, how), size), span=len(columns)),))
    for column in columns:
        text = how.cell(column, row.values.get(column.name))
        longest = max(longest, len(text))
        align = "right" if column.kind in _NUMERIC else "center" if column.kind == "verdict" else None
        color = COLORS.get(text) if column.kind == "verdict" else GREY if text == NOTHING else None
        bold = row.total or bool(column.kind == "verdict" and color)
        runs = (
            languages(text, size, bold)
            if column.kind == "text"
            else [run(text, Look(size=size, bold=bold, color=color))]
        )
        cells.append(cell(runs, fill=_TOTAL_FILL if row.total else None, align=align, keep=keep))
    return Line(tuple(cells), whole=longest < LONG)


def _only(row: Row, how: Shower) -> str:
    """What the one row of a table without rows says."""
    told = next((value for value in row.values.values() if value is not None), NOTHING)
    return how.cell(_TEXT, told)


def languages(text: str, size: int, bold: bool = False) -> list[Element]:
    """A visible text; the English behind a Chinese one stands small and grey."""
    zh, en = split_languages(text)
    runs = [run(zh, Look(size=size, bold=bold))]
    return [*runs, run(f" / {en}", Look(size=max(size - 3, TINY), color=GREY))] if en else runs


def reason(told: Reason) -> Iterator[list[Element]]:
    """A condition that holds: what stands in the way, and who mends it how."""
    look, small = Look(size=SMALL), Look(size=SMALLER, color=GREY)
    found = "、".join(visible(one) for one in told.found)
    settled = f"（已由{visible(told.settled_by)}判断）" if told.settled_by else ""
    yield [
        raw(f"【{told.verdict}】", Look(size=SMALL, color=COLORS.get(told.verdict))),
        raw(told.text.zh, look),
        run(f"：{found}" if found else "", look),
        run(settled, look),
    ]
    if told.remedy.zh and not settled:
        yield [raw(f"处理：{told.remedy.zh}（{told.who.zh}）", small)]


def cell(
    runs: Iterable[Element], fill: str | None = None, align: str | None = None, span: int = 1, keep: bool = False
) -> Cell:
    """A cell of one paragraph."""
    return Cell((paragraph(runs, Shape(tight=True, align=align, keep_next=keep)),), fill, span)


def gap() -> Element:
    """What stands behind a table."""
    return paragraph([run("", Look(size=TINY))], Shape(tight=True, after=60))
