"""Makes report/documents/templates/report.docx, the template that ships: `python -m report.documents.make_template`. Run it again after a change here.

Staff edit a copy of the document, not this file (docs/report-template.md).
"""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from report.documents.outline import part_names
from report.documents.word.elements import Element, W, element

TARGET = Path(__file__).parent / "templates" / "report.docx"
_SONG, _HEI, _LATIN = "宋体", "黑体", "Times New Roman"
_NS = {"w": W}


def make() -> bytes:
    """The template's bytes."""
    from docx import Document

    word = Document()
    _styles(word)
    _numbering(word)
    _settings(word)
    _cover(word)
    _body(word)
    _header_and_footer(word)
    _without_picture(word)
    properties = word.core_properties
    properties.author, properties.last_modified_by, properties.comments = "corpus-audit", "corpus-audit", ""
    properties.title = "语料安全评估报告"
    properties.created = properties.modified = datetime(2026, 1, 1, tzinfo=UTC)
    made = io.BytesIO()
    word.save(made)
    return _packed(made)


def _without_picture(word: Any) -> None:
    """Takes away the picture of an empty page that python-docx brings along."""
    relations = word.part.package.rels
    for name in [name for name, one in relations.items() if one.reltype.endswith("/thumbnail")]:
        del relations[name]


def _packed(made: io.BytesIO) -> bytes:
    from report.documents.document import packed

    return packed(made)


def _styles(word: Any) -> None:
    from docx.enum.text import WD_LINE_SPACING
    from docx.shared import Pt, RGBColor

    normal = word.styles["Normal"]
    _fonts(normal, _SONG)
    normal.font.size = Pt(12)  # 小四
    normal.paragraph_format.line_spacing_rule = WD_LINE_SPACING.ONE_POINT_FIVE
    normal.paragraph_format.space_after = Pt(0)
    for level, size in ((1, 16), (2, 14), (3, 12)):
        style = word.styles[f"Heading {level}"]
        _fonts(style, _HEI)
        style.font.size, style.font.bold, style.font.italic = Pt(size), level < 3, False
        style.font.color.rgb = RGBColor(0, 0, 0)
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(14 if level == 1 else 10), Pt(6)
        style.paragraph_format.keep_with_next = True
    defaults = word.styles.element.find("w:docDefaults/w:rPrDefault/w:rPr", _NS)
    language = defaults.find("w:lang", _NS)
    if language is None:
        language = element("lang")
        defaults.append(language)
    language.set(f"{{{W}}}val", "en-US")
    language.set(f"{{{W}}}eastAsia", "zh-CN")


def _fonts(style: Any, east: str) -> None:
    """Names of the fonts, those of the theme taken away."""
    properties = style.element.get_or_add_rPr()
    fonts = properties.find("w:rFonts", _NS)
    if fonts is not None:
        properties.remove(fonts)
    told = {"ascii": _LATIN, "hAnsi": _LATIN, "cs": _LATIN, "eastAsia": east}
    properties.insert(0, element("rFonts", told))


def _numbering(word: Any) -> None:
    """1, 1.1, 1.1.1 before the headings."""
    numbering = word.part.numbering_part.element
    for old in list(numbering):
        numbering.remove(old)
    levels = [
        element(
            "lvl",
            {"ilvl": place},
            element("start", {"val": 1}),
            element("numFmt", {"val": "decimal"}),
            element("pStyle", {"val": f"Heading{place + 1}"}),
            element("suff", {"val": "space"}),
            element("lvlText", {"val": ".".join(f"%{number}" for number in range(1, place + 2)) + " "}),
            element("lvlJc", {"val": "left"}),
            element("pPr", None, element("ind", {"left": 0, "firstLine": 0})),
        )
        for place in range(3)
    ]
    numbering.append(
        element("abstractNum", {"abstractNumId": 0}, element("multiLevelType", {"val": "multilevel"}), *levels)
    )
    numbering.append(element("num", {"numId": 1}, element("abstractNumId", {"val": 0})))
    for place in range(3):
        properties = word.styles[f"Heading {place + 1}"].element.get_or_add_pPr()
        told = element("numPr", None, element("ilvl", {"val": place}), element("numId", {"val": 1}))
        before = [
            one for one in properties if one.tag in {f"{{{W}}}{name}" for name in ("pStyle", "keepNext", "keepLines")}
        ]
        properties.insert(len(before), told)


def _settings(word: Any) -> None:
    """Word brings the contents up to date when it opens the document, and does not fall into its mode for old files."""
    settings = word.settings.element
    compat = settings.find("w:compat", _NS)
    compat.addprevious(element("updateFields", {"val": "true"}))
    for old in compat.findall("w:compatSetting", _NS):
        compat.remove(old)
    told = {"name": "compatibilityMode", "uri": "http://schemas.microsoft.com/office/word", "val": 15}
    compat.append(element("compatSetting", told))


def _cover(word: Any) -> None:
    from docx.enum.section import WD_SECTION
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    middle = WD_ALIGN_PARAGRAPH.CENTER
    lines: tuple[tuple[str, float, bool, float, str | None], ...] = (
        ("{% if rehearsal %}【演练】{% endif %}", 22, True, 20, "B3261E"),
        ("{{ organisation.name }}", 18, False, 60, None),
        ("{{ model.name }} {{ model.version }}", 18, False, 10, None),
        ("大模型安全评估报告", 30, True, 60, None),
        ("语料安全评估部分", 22, True, 6, None),
        ("依据：{{ edition.document }}", 12, False, 40, None),
        ("{{ edition.notice }}", 12, True, 4, "B3261E"),
        ("{% if rehearsal %}本报告为演练，不得用于备案{% endif %}", 12, True, 4, "B3261E"),
        ("报告日期：{{ day }}", 14, False, 90, None),
        ("证据摘要 sha256：{{ digest }}", 8, False, 12, "767B82"),
    )
    for text, size, bold, before, color in lines:
        _centered(word, text, size, bold, before, color, middle)
    word.add_section(WD_SECTION.NEW_PAGE)
    _titled(word, "签字页")
    word.add_paragraph("本单位对本报告各项评估结论及所附证明材料的真实性负责。")
    word.add_paragraph("{{p signatures }}")
    _titled(word, "目录", new_page=True)
    word.add_paragraph("{{p contents }}")
    word.add_section(WD_SECTION.NEW_PAGE)


def _centered(word: Any, text: str, size: float, bold: bool, before: float, color: str | None, align: Any) -> None:
    from docx.shared import Pt, RGBColor

    line = word.add_paragraph()
    line.alignment, line.paragraph_format.space_before = align, Pt(before)
    written = line.add_run(text)
    written.font.size, written.font.bold = Pt(size), bold
    fonts = {"ascii": _LATIN, "hAnsi": _LATIN, "eastAsia": _HEI if size >= 18 else _SONG}
    written._r.get_or_add_rPr().insert(0, element("rFonts", fonts))
    if color:
        written.font.color.rgb = RGBColor.from_string(color)


def _titled(word: Any, text: str, new_page: bool = False) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    _centered(word, text, 18, True, 6, None, WD_ALIGN_PARAGRAPH.CENTER)
    word.paragraphs[-1].paragraph_format.page_break_before = new_page


def _body(word: Any) -> None:
    for name in part_names():
        word.add_paragraph(f"{{{{p part.{name} }}}}")
    word.add_paragraph("（报告完）")


def _header_and_footer(word: Any) -> None:
    from docx.shared import Mm

    for place, section in enumerate(word.sections):
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(25)
        section.top_margin, section.bottom_margin = Mm(26), Mm(24)
        section.header.is_linked_to_previous = section.footer.is_linked_to_previous = place > 1
        if place == 1:
            _header(section.header.paragraphs[0])
            _footer(section.footer.paragraphs[0])


def _header(line: Any) -> None:
    from docx.shared import Pt

    written = line.add_run(
        "{{ organisation.name }}　语料安全评估报告{% if rehearsal %}（演练）{% endif %}　｜　证据摘要 {{ digest[:16] }}…"
    )
    written.font.size = Pt(9)
    bottom = element("bottom", {"val": "single", "sz": 4, "space": 1, "color": "8A9099"})
    line._p.get_or_add_pPr().append(element("pBdr", None, bottom))


def _footer(line: Any) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    from report.documents.word.elements import Look, field, run

    look = Look(size=18)
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    parts: list[Element] = [
        run("第 ", look),
        *field("PAGE", "1", look),
        run(" 页　共 ", look),
        *field("NUMPAGES", "1", look),
        run(" 页", look),
    ]
    for part in parts:
        line._p.append(part)


if __name__ == "__main__":
    TARGET.write_bytes(make())
