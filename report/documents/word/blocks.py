"""The blocks of the outline as elements of a Word document. What is too wide for the page is marked for a turned one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from report.documents import lists
from report.documents.outline import Block, Concluded, Drawn, Facts, Grid, Part, Said, Signing
from report.documents.shown import Shower, number, rounding, shower, split_languages, visible
from report.documents.widths import Piece, pieces
from report.documents.word.elements import GREY, Cell, Element, Line, Look, Shape, element, paragraph, raw, run, table
from report.documents.word.pieces import (
    COLORS,
    HEAD_FILL,
    LABEL_FILL,
    LONG,
    SMALL,
    SMALLER,
    TIGHT,
    TINY,
    cell,
    gap,
    languages,
    line,
    reason,
    said,
)
from report.model import PASS, Both, Evidence, Report, Table, Verdict

WIDE = "{urn:corpus-audit:report}wide"  # attribute of an element that belongs on a turned page; taken off again
HEADING = "{urn:corpus-audit:report}heading"
MOST_ROWS = 300  # of a table; the workbook has all
_TOGETHER = 14  # paragraphs of a clause, rows of a table that stay on one page


@dataclass(frozen=True)
class Page:
    """A page's text area in twentieths of a point, upright and turned."""

    width: int
    turned: int

    def across(self, turned: bool) -> int:
        """Its width."""
        return self.turned if turned else self.width

    def high(self, turned: bool) -> int:
        """The height a picture may take, with room left for its title and a heading; margins are taken to be alike."""
        return (self.width if turned else self.turned) * 4 // 5

    def room(self, turned: bool, size: int) -> int:
        """Half ems that fit beside each other in letters of a size in half points."""
        return self.across(turned) // (size * 5)


@dataclass(frozen=True)
class Layout:
    """How a table stands: its pieces and their letters."""

    pieces: tuple[Piece, ...]
    size: int
    turned: bool


@dataclass(frozen=True)
class Maker:
    """Makes elements for one document: its page, the ids of its heading styles, and its package for pictures."""

    page: Page
    headings: dict[int, str]
    part: Any  # docx's part of the document, which pictures are put into
    report: Report

    def part_of(self, told: Part) -> list[Element]:
        """Heading and content of a part; all of it on turned pages where a table does not fit upright.

        A chart too tall for a turned page stays upright, with what stands before it.
        """
        turned = self._turned(told.blocks)
        tall = [place for place, one in enumerate(told.blocks) if isinstance(one, Drawn) and not self._fits(one, True)]
        upright = max(tall, default=-1) + 1 if turned else 0
        made = _marked([self.heading(told)], turned and not upright)
        for place, block in enumerate(told.blocks):
            here = turned and place >= upright
            made += _marked(self.block(block, here), here)
        return made

    def alone(self, block: Block) -> list[Element]:
        """One block that stands outside of its part."""
        turned = self._turned((block,))
        return _marked(self.block(block, turned), turned)

    def _turned(self, blocks: Sequence[Block]) -> bool:
        grids = (block for block in blocks if isinstance(block, Grid))
        return any(len(self._layout(grid, False).pieces) > 1 for grid in grids)

    def _layout(self, grid: Grid, turned: bool) -> Layout:
        """The largest letters in which all columns stand beside each other with ease; else the smallest, in pieces if need be."""
        how = _shower(grid)
        for size in (SMALL, SMALLER):
            found = pieces(grid.table, how, self.page.room(turned, size))
            if len(found) == 1 and not found[0].squeezed:
                break
        return Layout(found, size, turned)

    def heading(self, told: Part) -> Element:
        """A heading in the template's own style, or bold with an outline level where it has none."""
        style = self.headings.get(told.level)
        level = None if style else told.level - 1
        shape = Shape(style=style, keep_next=True, level=level, unnumbered=not told.numbered)
        made = paragraph([raw(told.title.zh, Look() if style else Look(bold=True, size=32 - 2 * told.level))], shape)
        made.set(HEADING, str(told.level))
        return made

    def block(self, block: Block, turned: bool = False) -> list[Element]:
        """The elements of one block, on an upright page or a turned one."""
        match block:
            case Said():
                return [said(block)]
            case Facts():
                return [self.facts(block.rows), gap()]
            case Grid():
                return list(self.grid(block, turned))
            case Concluded():
                return [self.verdict(block.verdict), gap()]
            case Drawn():
                return self.chart(block, turned)
            case Signing():
                return [self.signatures(), gap()]

    def facts(self, rows: Sequence[tuple[Both, str]]) -> Element:
        """Names and values in two columns; values are visible texts already."""
        widths = self._shared((30, 100))
        look = Look(size=SMALL)
        lines = (
            Line((cell([run(name.zh, look)], fill=LABEL_FILL), cell([run(value, look)])), whole=len(value) < LONG)
            for name, value in rows
        )
        return table(widths, lines)

    def grid(self, block: Grid, turned: bool) -> Iterator[Element]:
        """A table with its title above and its notes below; in pieces where it is wider than the page."""
        layout, told = self._layout(block, turned), block.table
        for place, piece in enumerate(layout.pieces, start=1):
            suffix = f"（{place}/{len(layout.pieces)}）" if len(layout.pieces) > 1 else ""
            yield paragraph([raw(f"{told.title.zh}{suffix}", Look(bold=True, size=21))], _TITLE)
            yield self._piece(block, piece, layout)
        rounded = rounding(told, _shower(block))
        for note in (*told.notes, *([rounded] if rounded else ())):
            yield paragraph([raw(f"注：{note.zh}", _NOTE)], TIGHT)
        if len(told.rows) > MOST_ROWS:
            text = f"共 {len(told.rows):,} 行，此处列前 {MOST_ROWS:,} 行；全部见工作簿同名工作表。"
            yield paragraph([raw(text, Look(size=SMALLER, bold=True))], TIGHT)
        yield from self._ids(told)
        yield gap()

    def _ids(self, told: Table) -> Iterator[Element]:
        """How the numbers of the table are called, for `report trace`."""
        if not told.sql:
            return
        columns = "、".join(str(column.name) for column in told.columns)
        rows = "、".join(row.key for row in told.rows) if len(told.rows) <= 12 else "见工作簿“编号”列"
        text = visible(f"编号：{told.id}/<行>/<列>；行 {rows}；列 {columns}")
        yield paragraph([run(text, Look(size=TINY, color=GREY))], TIGHT)

    def _piece(self, block: Grid, piece: Piece, layout: Layout) -> Element:
        how, look = _shower(block), Look(size=layout.size, bold=True)
        total = max(sum(piece.widths), self.page.room(layout.turned, layout.size))
        widths = [self.page.across(layout.turned) * width // total for width in piece.widths]
        head = Line(
            tuple(cell([raw(one.title.zh, look)], fill=HEAD_FILL, align="center") for one in piece.columns), header=True
        )
        rows = block.table.rows[:MOST_ROWS]
        together = len(rows) <= _TOGETHER
        lines = (line(row, piece.columns, how, layout.size, together and row is not rows[-1]) for row in rows)
        return table(widths, [head, *lines])

    def verdict(self, told: Verdict) -> Element:
        """The conclusion on one clause: verdict, numbers with their ids, evidence, reasons."""
        look, small = Look(size=SMALL), Look(size=SMALLER, color=GREY)
        head = [raw(f"{told.clause}　", Look(size=SMALL, bold=True)), raw(told.title, look)]
        meta = f"　{told.key}，{lists.modality(told.modality).zh}"
        lines = [Line((cell([*head, raw(meta, small)], fill=HEAD_FILL, span=2, keep=True),))]
        verdict = [raw(told.verdict, Look(size=SMALL, bold=True, color=COLORS.get(told.verdict)))]
        rows: list[tuple[str, list[list[Element]]]] = [("结论", [verdict])]
        rows.append(
            (
                "数据依据",
                [
                    [raw(one.title.zh, look), run(f"：{number(one.value)}　", look), raw(one.id, small)]
                    for one in told.basis
                ],
            )
        )
        rows.append(
            (
                "证明材料",
                [[*_named(one), raw(f"　{one.sha256[:16]}", small)] for one in told.evidence],
            )
        )
        rows.append(
            ("理由" if told.verdict == PASS else "原因", [runs for one in told.reasons for runs in reason(one)])
        )
        rows.append(("说明", [languages(visible(told.explanation), SMALL)] if told.explanation else []))
        rows.append(("未核对", [[raw(split_languages(line)[0], small)] for line in told.unverified]))
        told_rows = [(name, paragraphs) for name, paragraphs in rows if paragraphs]
        short = sum(len(paragraphs) for _, paragraphs in told_rows) <= _TOGETHER
        for name, paragraphs in told_rows:
            keep = name == "结论" or (short and name != told_rows[-1][0])
            content = Cell(tuple(paragraph(runs, Shape(tight=True, keep_next=keep)) for runs in paragraphs))
            label = cell([run(name, look)], fill=LABEL_FILL, keep=keep)
            lines.append(Line((label, content), whole=len(paragraphs) < 6))
        return table(self._shared((16, 114)), lines)

    def chart(self, block: Drawn, turned: bool) -> list[Element]:
        """A picture with its title below, as wide as it is made for or as the page has room."""
        from docx.shared import Mm, Twips

        chart = block.chart
        inline = self.part.new_pic_inline(BytesIO(chart.png), width=Mm(chart.width_mm))
        room = (Twips(self.page.across(turned)), Twips(self.page.high(turned)))
        extent = inline.extent
        scale = min(1.0, room[0] / extent.cx, room[1] / extent.cy)
        extent.cx, extent.cy = int(extent.cx * scale), int(extent.cy * scale)
        size = inline.graphic.graphicData.pic.spPr
        size.cx, size.cy = extent.cx, extent.cy
        inline.docPr.set("descr", visible(chart.title.zh))
        inline.docPr.set("name", f"chart {chart.id}")
        drawing = element("r", None, element("drawing", None, inline))
        picture = paragraph([drawing], Shape(align="center", keep_next=True, tight=True, before=80))
        title = paragraph(
            [raw(f"图　{chart.title.zh}", Look(size=SMALL))], Shape(align="center", tight=True, after=160)
        )
        return [picture, title]

    def _fits(self, block: Drawn, turned: bool) -> bool:
        """Whether a chart in its own size fits the page's height."""
        from docx.image.image import Image
        from docx.shared import Mm, Twips

        image = Image.from_blob(block.chart.png)
        high = Mm(block.chart.width_mm) * image.px_height / image.px_width
        return bool(high <= Twips(self.page.high(turned)))

    def signatures(self) -> Element:
        """The lines for those who sign."""
        look = Look(size=21)
        head = Line(
            tuple(cell([run(text, Look(size=21, bold=True))], fill=HEAD_FILL, align="center") for text in _SIGNING),
            header=True,
        )
        lines = [head]
        for title, name, post, note in lists.signers(self.report):
            about = paragraph([run(title.zh, look)], Shape(tight=True, before=160, after=160))
            noted = [paragraph([run(f"兼任说明：{note}", Look(size=SMALLER, color=GREY))], TIGHT)] if note else []
            cells = (Cell((about, *noted)), *(cell([run(text, look)]) for text in (name, post, "", "　　年　月　日")))
            lines.append(Line(cells))
        return table(self._shared((36, 20, 24, 28, 26)), lines)

    def _shared(self, parts: Sequence[int]) -> list[int]:
        return [self.page.width * part // sum(parts) for part in parts]


_NOTE = Look(size=SMALLER, color=GREY)
_SIGNING = ("签字人", "姓名", "职务", "签字", "日期")
_TITLE = Shape(align="center", keep_next=True, tight=True, before=160, after=60)


def _named(one: Evidence) -> list[Element]:
    """The title of a piece of evidence and its file, which may be its title."""
    title = languages(visible(one.title), SMALL)
    return title if str(one.title) == one.file else [*title, raw(f"　{one.file}", Look(size=SMALLER, color=GREY))]


def _shower(grid: Grid) -> Shower:
    return shower(grid.table, grid.whole_digests, english=False)


def _marked(elements: Iterable[Element], wide: bool) -> list[Element]:
    made = list(elements)
    if wide:
        for one in made:
            one.set(WIDE, "1")
    return made
