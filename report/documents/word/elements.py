"""WordprocessingML by hand: runs, paragraphs and tables. Text goes in as text, never as markup."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from report.documents.shown import visible

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
Element = Any  # lxml has no types

GREY, RED, GREEN, AMBER = "767B82", "B3261E", "2E7D4F", "9A5B00"


def element(tag: str, attributes: Mapping[str, object] | None = None, *children: Element) -> Element:
    """An element of the namespace w, its attributes in it too."""
    made = etree.Element(f"{{{W}}}{tag}", nsmap={"w": W})
    for name, value in (attributes or {}).items():
        made.set(f"{{{W}}}{name}", str(value))
    made.extend(child for child in children if child is not None)
    return made


@dataclass(frozen=True)
class Look:
    """How a run looks; `size` in half points, None as the style says."""

    size: int | None = None
    bold: bool = False
    color: str | None = None


PLAIN = Look()


def run(text: str, look: Look = PLAIN) -> Element:
    """A run of text that was made visible; line feeds and tabs become breaks and tabs."""
    made = element("r", None, _run_properties(look))
    for place, line in enumerate(text.split("\n")):
        if place:
            made.append(element("br"))
        for number, piece in enumerate(line.split("\t")):
            if number:
                made.append(element("tab"))
            if piece:
                written = element("t")
                written.text = piece
                written.set(_XML_SPACE, "preserve")
                made.append(written)
    return made


def raw(text: object, look: Look = PLAIN) -> Element:
    """A run of any text."""
    return run(visible(text), look)


def _run_properties(look: Look) -> Element:
    parts = []
    if look.bold:
        parts += [element("b"), element("bCs")]
    if look.color:
        parts.append(element("color", {"val": look.color}))
    if look.size:
        parts += [element("sz", {"val": look.size}), element("szCs", {"val": look.size})]
    return element("rPr", None, *parts) if parts else None


@dataclass(frozen=True)
class Shape:
    """How a paragraph stands. Lengths in twentieths of a point; `indent` None leaves it to the style."""

    style: str | None = None
    align: str | None = None
    keep_next: bool = False
    before: int | None = None
    after: int | None = None
    tight: bool = False  # single-spaced, without the style's first-line indent
    left: int = 0
    hanging: int = 0
    level: int | None = None  # of an outline, from 0
    unnumbered: bool = False  # though its style counts


def paragraph(runs: Iterable[Element], shape: Shape = Shape()) -> Element:
    """A paragraph."""
    parts = [
        element("pStyle", {"val": shape.style}) if shape.style else None,
        element("keepNext") if shape.keep_next else None,
        element("numPr", None, element("ilvl", {"val": 0}), element("numId", {"val": 0})) if shape.unnumbered else None,
        _spacing(shape),
        _indent(shape),
        element("jc", {"val": shape.align}) if shape.align else None,
        element("outlineLvl", {"val": shape.level}) if shape.level is not None else None,
    ]
    return element("p", None, element("pPr", None, *parts), *runs)


def _spacing(shape: Shape) -> Element:
    told: dict[str, object] = {}
    if shape.before is not None or shape.tight:
        told["before"] = shape.before or 0
    if shape.after is not None or shape.tight:
        told["after"] = shape.after or 0
    if shape.tight:
        told |= {"line": 240, "lineRule": "auto"}
    return element("spacing", told) if told else None


def _indent(shape: Shape) -> Element:
    if not (shape.tight or shape.left or shape.hanging):
        return None
    told: dict[str, object] = {"left": shape.left, "leftChars": 0, "firstLineChars": 0}
    return element("ind", told | ({"hanging": shape.hanging} if shape.hanging else {"firstLine": 0}))


@dataclass(frozen=True)
class Cell:
    """A cell: its paragraphs, and the colour behind them."""

    paragraphs: tuple[Element, ...]
    fill: str | None = None
    span: int = 1


@dataclass(frozen=True)
class Line:
    """A row of a table; `whole`: never split between pages; `header`: repeated on each."""

    cells: tuple[Cell, ...]
    whole: bool = True
    header: bool = False


def table(widths: Sequence[int], lines: Iterable[Line]) -> Element:
    """A table with borders and fixed columns; widths in twentieths of a point."""
    borders = element(
        "tblBorders",
        None,
        *(
            element(side, {"val": "single", "sz": 4, "space": 0, "color": "8A9099"})
            for side in ("top", "left", "bottom", "right", "insideH", "insideV")
        ),
    )
    margins = element(
        "tblCellMar",
        None,
        *(
            element(side, {"w": wide, "type": "dxa"})
            for side, wide in (("top", 20), ("left", 60), ("bottom", 20), ("right", 60))
        ),
    )
    made = element(
        "tbl",
        None,
        element(
            "tblPr",
            None,
            element("tblW", {"w": sum(widths), "type": "dxa"}),
            element("jc", {"val": "center"}),
            borders,
            element("tblLayout", {"type": "fixed"}),
            margins,
        ),
        element("tblGrid", None, *(element("gridCol", {"w": width}) for width in widths)),
    )
    made.extend(_row(line, widths) for line in lines)
    return made


def _row(line: Line, widths: Sequence[int]) -> Element:
    told = element(
        "trPr", None, element("cantSplit") if line.whole else None, element("tblHeader") if line.header else None
    )
    made = element("tr", None, told if len(told) else None)
    place = 0
    for cell in line.cells:
        width = sum(widths[place : place + cell.span])
        place += cell.span
        made.append(
            element(
                "tc",
                None,
                element(
                    "tcPr",
                    None,
                    element("tcW", {"w": width, "type": "dxa"}),
                    element("gridSpan", {"val": cell.span}) if cell.span > 1 else None,
                    element("shd", {"val": "clear", "color": "auto", "fill": cell.fill}) if cell.fill else None,
                    element("vAlign", {"val": "center"}),
                ),
                *cell.paragraphs,
            )
        )
    return made


def field(code: str, cached: str, look: Look = PLAIN) -> list[Element]:
    """Runs of a field with what is shown until it is updated."""
    instruction = element("instrText")
    instruction.text = f" {code} "
    instruction.set(_XML_SPACE, "preserve")
    before = [
        element("fldChar", {"fldCharType": "begin"}),
        instruction,
        element("fldChar", {"fldCharType": "separate"}),
    ]
    parts = [element("r", None, _run_properties(look), one) for one in before]
    end = element("r", None, _run_properties(look), element("fldChar", {"fldCharType": "end"}))
    return [*parts, run(cached, look), end]
