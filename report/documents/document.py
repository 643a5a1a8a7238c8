"""The report as a Word document, from a template staff can edit (docs/report-template.md). Equal reports give equal bytes."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from lxml import etree
from markupsafe import Markup, escape

from pipeline.errors import UsageError
from report.documents import lists
from report.documents.outline import Grid, Part, Signing, outline, part_names
from report.documents.shown import plain
from report.documents.word import assembly
from report.documents.word.blocks import Maker, Page
from report.documents.word.elements import Element, W
from report.model import Both, Report
from report.tables.pictures import Chart

_NS = {"w": W}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGEST = 64 << 20  # bytes of a template unpacked


def document(report: Report, charts: Sequence[Chart] = (), template: bytes | None = None) -> bytes:
    """The report in Word, by the template that ships or another one.

    Raises:
        UsageError: the template is no Word document, or asks for something there is not.
    """
    content = _shipped() if template is None else template
    _check(content)
    word = _open(content)
    maker = Maker(_page(word), _heading_styles(word), word.docx.part, report)
    filled = _Filled(maker, outline(report, charts), {chart.id: chart for chart in charts})
    _render(word, filled.context())
    body = word.docx.element.body
    assembly.place_blocks(body, filled.blocks)
    _contents(body, word, maker, filled)
    assembly.turn_pages(body)
    assembly.unmark(body)
    _refuse_marks_elsewhere(word)
    return _saved(word)


def _shipped() -> bytes:
    return resources.files("report.documents").joinpath("templates", "report.docx").read_bytes()


def _check(content: bytes) -> None:
    """Refuses what is no Word document, or becomes too large. Raises UsageError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            known = {one.filename for one in packed.infolist()}
            large = sum(one.file_size for one in packed.infolist()) > _LARGEST
    except (zipfile.BadZipFile, OSError):
        known, large = set(), False
    if "word/document.xml" not in known or large:
        raise UsageError("--template: 不是 Word 文档（.docx）或过大 / not a Word document (.docx), or too large")


def _open(content: bytes) -> Any:
    from docx.opc.exceptions import OpcError
    from docxtpl import DocxTemplate

    word = DocxTemplate(io.BytesIO(content))
    mended = word.fix_tables

    def strictly(xml: str) -> Any:
        """docxtpl would leave out what it cannot read; here nothing is left out."""
        _well_formed(xml)
        return mended(xml)

    word.fix_tables = strictly
    word.render_properties = lambda *_given: None  # the title of the file is set at the end
    try:
        word.init_docx()
    except (KeyError, ValueError, zipfile.BadZipFile, OpcError, etree.XMLSyntaxError) as error:
        raise UsageError(f"--template: 打不开 / cannot be opened: {plain(str(error))}") from None
    return word


def _well_formed(xml: str) -> None:
    try:
        etree.fromstring(xml, etree.XMLParser(huge_tree=True, resolve_entities=False))
    except etree.XMLSyntaxError:
        raise UsageError(
            "--template: 语句的首尾不在同一层（如一头在单元格内、一头在外） / a statement begins and ends in different places, "
            "as inside a cell and outside: docs/report-template.md"
        ) from None


def _render(word: Any, context: Mapping[str, Any]) -> None:
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined, finalize=_written)
    try:
        word.render(dict(context), environment)
    except TemplateError as error:
        raise UsageError(
            f"--template: {error}；可用的占位符见 docs/report-template.md / for what can be asked for see docs/report-template.md"
        ) from None


def _written(value: Any) -> Any:
    """A value in the template: markup is ours alone, any other text is made visible and escaped.

    docxtpl reads `{_{` and the like as escaped braces, so these keep their underline as an entity.
    """
    if isinstance(value, Markup) or hasattr(value, "__html__"):
        return value
    if value is None or value == "":
        return lists.UNDECLARED if value is None else Markup("")
    if not isinstance(value, str | int | float | list | tuple):
        raise UsageError("--template: 占位符不是一个值 / a placeholder names no value: docs/report-template.md")
    text = value if isinstance(value, _Visible) else plain(value)
    made = str(escape(text))
    for brace in ("{_", "_}", "%_", "_%"):
        made = made.replace(brace, brace.replace("_", "&#95;"))
    return Markup(made)


class _Visible(str):
    """A text that was made visible already."""


@dataclass
class _Filled:
    """What a template can ask for; blocks are made when their place is known."""

    maker: Maker
    parts: tuple[Part, ...]
    charts: Mapping[str, Chart]
    blocks: dict[int, tuple[str, Callable[[], Sequence[Element]]]] = field(default_factory=dict)

    def context(self) -> dict[str, Any]:
        """Names and values for the template."""
        report, cover = self.maker.report, self.maker.report.cover
        told = {part.name: part for part in self.parts}
        return {
            "organisation": _Row(cover["organisation"]),
            "model": _Row(cover["model"]),
            "edition": _Row({name: _chinese(value) for name, value in cover["edition"].items()}),
            "facts": _Row(cover["facts"]),
            "round": _Row(cover["round"]),
            "rehearsal": cover["rehearsal"],
            "digest": cover["digest"],
            "day": (cover["organisation"] or {}).get("day"),
            "notices": [text.zh for text in lists.notices(report)],
            "conclusion": " ".join(text.zh for text, _ in lists.conclusion(report)),
            "signers": [
                dict(zip(("part", "name", "post", "note"), map(_Visible, (title.zh, *rest)), strict=True))
                for title, *rest in lists.signers(report)
            ],
            "contents": self._block("contents", lambda: [assembly.contents_place()]),
            "body": self._block("body", lambda: [one for part in self.parts for one in self.maker.part_of(part)]),
            "signatures": self._block("signatures", lambda: self.maker.block(Signing())),
            "part": _Named("part", {name: self._part(name, told.get(name)) for name in part_names()}),
            "table": _Named("table", {table.id: self._table(table.id, Grid(table)) for table in report.tables}),
            "chart": _Named("chart", {chart.id: self._chart(chart) for chart in self.charts.values()}),
        }

    def _part(self, name: str, told: Part | None) -> "_Block":
        return self._block(f"part.{name}", lambda: self.maker.part_of(told) if told else [])

    def _table(self, name: str, grid: Grid) -> "_Block":
        return self._block(f'table["{name}"]', lambda: self.maker.alone(grid))

    def _chart(self, chart: Chart) -> "_Block":
        from report.documents.outline import Drawn

        return self._block(f'chart["{chart.id}"]', lambda: self.maker.block(Drawn(chart)))

    def _block(self, name: str, make: Callable[[], Sequence[Element]]) -> "_Block":
        number = len(self.blocks) + 1
        self.blocks[number] = (name, make)
        return _Block(number)


@dataclass(frozen=True)
class _Block:
    number: int

    def __html__(self) -> str:
        return Markup(assembly.marker(self.number))


class _Named:
    """Blocks by name, as `part.scale` or `part["scale"]`. No mapping: its methods would hide parts of their names."""

    def __init__(self, kind: str, blocks: Mapping[str, _Block]) -> None:
        self._kind, self._blocks = kind, blocks

    def __getitem__(self, name: str) -> _Block:
        if name not in self._blocks:
            raise UsageError(
                f"--template: 没有 / there is no {self._kind} {plain(name)}; {', '.join(self._blocks) or '—'}"
            )
        return self._blocks[name]


class _Row:
    """A row of declarations by column; what is not declared, or nothing of it, reads as None."""

    def __init__(self, row: Mapping[str, Any] | None) -> None:
        self._row = row or {}

    def __getitem__(self, name: str) -> Any:
        return self._row.get(name)


def _chinese(value: Any) -> Any:
    return value.zh if isinstance(value, Both) else value


def _page(word: Any) -> Page:
    """The text area of the template's last section."""
    section = word.docx.element.body.find("w:sectPr", _NS)
    if section is None:
        raise UsageError("--template: 没有节属性，请用 Word 重新保存 / no section in it: save it again with Word")
    size, margin = section.find("w:pgSz", _NS), section.find("w:pgMar", _NS)
    if size is None or margin is None:
        return Page(9070, 14000)  # A4 with margins of 25 mm
    wide, high = (int(size.get(f"{{{W}}}{name}")) for name in ("w", "h"))
    sides = sum(int(margin.get(f"{{{W}}}{name}")) for name in ("left", "right"))
    return Page(wide - sides, high - sides)


def _heading_styles(word: Any) -> dict[int, str]:
    """Ids of the heading styles by level; their names are the same in Word of any language."""
    found = {}
    for style in word.docx.styles.element.findall("w:style", _NS):
        name = style.find("w:name", _NS)
        kind, _, level = ("" if name is None else str(name.get(f"{{{W}}}val"))).lower().partition(" ")
        if kind == "heading" and level.isdigit():
            found[int(level)] = str(style.get(f"{{{W}}}styleId"))
    return found


def _contents(body: Element, word: Any, maker: Maker, filled: _Filled) -> None:
    """Fills the contents, which stand before the headings they list."""
    styles = {style: level for level, style in maker.headings.items()}
    numbered = {level for level, style in maker.headings.items() if _numbered(word, style)}
    headings = list(assembly.number_headings(body, styles, numbered))
    for place in list(body.iter(assembly.CONTENTS)):
        for one in assembly.contents(headings, maker.page.width):
            place.addprevious(one)
        place.getparent().remove(place)


def _numbered(word: Any, style: str) -> bool:
    return bool(word.docx.styles.element.xpath(f".//w:style[@w:styleId='{style}']/w:pPr/w:numPr"))


def _refuse_marks_elsewhere(word: Any) -> None:
    """Headers and footers take texts, no blocks."""
    for part in word.docx.part.package.iter_parts():
        edge = "header" in str(part.partname) or "footer" in str(part.partname)
        if edge and assembly.MARK.encode() in part.blob:
            raise UsageError("--template: 页眉页脚只能用文字占位符 / headers and footers take texts only, no blocks")


def _saved(word: Any) -> bytes:
    word.docx.core_properties.title = "语料安全评估报告"
    made = io.BytesIO()
    word.docx.save(made)
    return packed(made)


def packed(made: io.BytesIO) -> bytes:
    """An Office file with its parts in a fixed order and without times."""
    content = io.BytesIO()
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(entry, source.read(name))
    return content.getvalue()
