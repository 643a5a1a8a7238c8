"""Word, Excel, HTML and Markdown of a report: what is in them, equal bytes, hostile texts, and templates of staff."""

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from lxml import etree
from python_calamine import CalamineWorkbook

from pipeline.errors import UsageError
from report.documents import make_template
from report.documents.document import document
from report.documents.lists import SIGNERS
from report.documents.outline import outline, part_names
from report.documents.page import page
from report.documents.plain import gap_list, plain
from report.documents.shown import LONGEST, gigabytes, share, split_languages, visible
from report.documents.word.elements import W
from report.documents.workbook import workbook
from report.model import Both, Report
from tests.made_reports import HOSTILE, chart, hostile_report, made_report, table
from tests.made_reports import cover as made_cover

NS = {"w": W}


@pytest.fixture(scope="module")
def made() -> Report:
    return made_report()


@pytest.fixture(scope="module")
def word(made: Report) -> Any:
    return Document(io.BytesIO(document(made, (chart(),))))


def texts(content: Any) -> str:
    """All text of a Word document's body, a line a paragraph; breaks and tabs as they are."""
    lines = []
    for paragraph in content.element.body.iter(f"{{{W}}}p"):
        pieces = {f"{{{W}}}t": None, f"{{{W}}}br": "\n", f"{{{W}}}tab": "\t"}
        parts = (one for one in paragraph.iter(*pieces) if one.getparent().tag == f"{{{W}}}r")
        lines.append("".join(pieces[one.tag] or one.text or "" for one in parts))
    return "\n".join(lines)


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_object(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def members(content: bytes) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        yield from ((one, packed.read(one)) for one in packed.infolist())


# ---- values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.05, "5.00 %"),
        (0.0499996, "4.99996 %"),
        (0.05000001, "5.000001 %"),
        (0.96, "96.00 %"),
        (0.959999, "95.9999 %"),
        (1.0, "100.00 %"),
        (0.9999999, "99.99999 %"),
        (0.0, "0.00 %"),
        (0.000001, "0.0001 %"),
        (1 / 3, "33.33 %"),
    ],
)
def test_a_share_never_looks_like_a_whole_per_cent_it_is_not(value: float, text: str) -> None:
    assert share(value) == text


def test_gigabytes_are_powers_of_ten() -> None:
    assert gigabytes(1_234_567_890_123, 3) == "1,234.568"
    assert gigabytes(7, 9) == "0.000000007"


def kept(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "\\_")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_visible_text_holds_nothing_that_acts_and_what_is_printable_stays(text: str) -> None:
    told = visible(text)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]", told
    )
    told.encode()
    assert kept(re.sub(r"\\[uU][0-9A-F]{4,8}", "", told)) == kept(text)


def test_a_long_text_is_cut_and_says_so() -> None:
    told = visible("长" * 5000)
    assert told.startswith("长" * LONGEST)
    assert "5,000" in told


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("中文 / English", ("中文", "English")),
        ("a / b", ("a / b", "")),
        ("中 / 文", ("中 / 文", "")),
        ("中文", ("中文", "")),
    ],
)
def test_only_a_chinese_text_with_an_english_one_is_taken_apart(text: str, parts: tuple[str, str]) -> None:
    assert split_languages(text) == parts


def test_rounded_sizes_say_so_and_where_all_figures_are(made: Report, word: Any) -> None:
    assert "GB 显示到小数点后 3 位" in texts(word)
    assert "GB 显示到小数点后 3 位" in page(made)
    exact = made_report(tables=(table("C-1", {"label": "text", "bytes": "gigabytes"}, [{"label": "x", "bytes": 7}]),))
    assert "0.000000007" in page(exact)
    assert "GB 显示到" not in page(exact)


# ---- order and completeness


def test_parts_stand_in_the_order_of_the_assessment_report(made: Report) -> None:
    names = [part.name for part in outline(made, (chart(),))]
    assert names == [name for name in part_names() if name in names]
    assert names.index("scale") < names.index("annotation") < names.index("clauses") < names.index("gaps")


def test_a_table_nobody_placed_is_not_lost(word: Any) -> None:
    assert "新增的表" in texts(word)


def test_parts_without_content_are_left_out(made: Report) -> None:
    assert "rights" not in [part.name for part in outline(made)]


# ---- Word


def test_every_clause_stands_in_word_with_verdict_numbers_ids_evidence_and_reasons(made: Report, word: Any) -> None:
    told = texts(word)
    for verdict in made.verdicts:
        assert verdict.key in told
        assert all(number.id in told for number in verdict.basis)
        assert all(reason.text.zh in told for reason in verdict.reasons)
    assert "1,234,567" in told
    assert "4.99996 %" in told  # just below the maximum, and it does not read 5 %
    assert "改用等效措施" in told
    assert "没有此类语料 / none of the kind" in told  # declared texts stay whole
    assert "已由王法务判断" in told
    assert "门槛未核" in told


def test_cover_and_signers_stand_in_word(word: Any) -> None:
    told = texts(word)
    for text in (
        "某某科技有限公司",
        "某某-7B 2.0",
        "征求意见稿口径，非现行版本",
        "2026-11-30",
        "兼任说明：兼任法务负责人",
    ):
        assert text in told, text
    assert all(title.zh in told for title in SIGNERS.values())
    assert told.count("张三") == 2  # the legal representative signs for the lawfulness too
    assert "演练" not in told


def test_a_rehearsal_says_so_on_its_cover_and_header() -> None:
    told = made_cover(rehearsal=True)
    opened = Document(io.BytesIO(document(made_report(cover=told))))
    assert "【演练】" in texts(opened)
    assert "本报告为演练，不得用于备案" in texts(opened)
    assert any("演练" in one.text for section in opened.sections for one in section.header.paragraphs)


def test_what_is_not_declared_reads_as_missing() -> None:
    told = made_cover(organisation=None, model=None, signers={})
    opened = Document(io.BytesIO(document(made_report(cover=told))))
    assert texts(opened).count("（待补充）") >= 4
    assert "None" not in texts(opened)


def test_the_header_names_the_evidence_and_the_footer_the_page(word: Any) -> None:
    section = word.sections[-1]
    assert "0123456789abcdef…" in section.header.paragraphs[0].text
    assert "PAGE" in etree.tostring(section.footer._element).decode()


def test_headers_of_tables_are_repeated_and_rows_stay_whole(word: Any) -> None:
    ledger = [
        one for one in word.tables if "source_001" in (row.cells[1].text for row in one.rows[:2] if len(row.cells) > 1)
    ]
    assert ledger
    for found in ledger:
        assert found.rows[0]._tr.find("w:trPr/w:tblHeader", NS) is not None
        assert all(row._tr.find("w:trPr/w:cantSplit", NS) is not None for row in found.rows)


def test_the_ledger_stands_on_turned_pages_with_all_its_columns(made: Report, word: Any) -> None:
    turned = [one for one in word.sections if one.page_width > one.page_height]
    assert turned
    ledger = next(one for one in made.tables if one.id == "C-4")
    heads = [cell.text for one in word.tables for cell in one.rows[0].cells]
    assert {column.title.zh for column in ledger.columns} <= set(heads)
    for section in word.sections:  # no table is wider than its page
        assert section.left_margin + section.right_margin < section.page_width
    widest = max(sum(int(one.get(f"{{{W}}}w")) for one in found._tbl.tblGrid) for found in word.tables)
    assert widest <= (turned[0].page_width - turned[0].left_margin - turned[0].right_margin) // 635


def test_a_table_without_rows_says_why_across_all_columns(word: Any) -> None:
    cells = [row.cells for one in word.tables for row in one.rows if "不涉及：没有语料标注" in row.cells[0].text]
    assert cells
    assert all(one._tc is cells[0][0]._tc for one in cells[0])


def test_a_very_long_table_is_cut_in_word_and_says_where_all_of_it_is(word: Any) -> None:
    told = texts(word)
    assert "zh_news:300" in told
    assert "zh_news:301" not in told
    assert "共 500 行，此处列前 300 行" in told


def test_fonts_are_chinese_ones_by_name(word: Any) -> None:
    for style, east in (("Normal", "宋体"), ("Heading 1", "黑体")):
        fonts = word.styles[style].element.rPr.rFonts
        assert fonts.get(f"{{{W}}}eastAsia") == east
        assert fonts.get(f"{{{W}}}asciiTheme") is None
    assert word.styles["Normal"].font.size.pt == 12


def test_contents_list_every_heading_with_a_reference_to_its_page(word: Any) -> None:
    body = word.element.body
    headings = [one for one in body.iter(f"{{{W}}}bookmarkStart") if one.get(f"{{{W}}}name").startswith("_Toc")]
    asked = [one.text.split()[1] for one in body.iter(f"{{{W}}}instrText") if "PAGEREF" in one.text]
    assert asked == [one.get(f"{{{W}}}name") for one in headings]
    assert "2.1　文本训练语料规模" in texts(word)
    assert "\n附录一 差距清单" in texts(word)


def test_charts_are_pictures_with_a_description(word: Any) -> None:
    described = [one.get("descr") for one in word.element.body.iter() if str(one.tag).endswith("}docPr")]
    assert described == ["漏斗"]


def test_a_tall_chart_is_made_to_fit_and_stays_upright_before_a_turned_table(made: Report) -> None:
    given = replace(made, tables=(replace(made.tables[2], id="T05"),))
    opened = Document(io.BytesIO(document(given, (chart("sources", 10, 60),))))
    body, kinds = opened.element.body, []
    for one in body.iter(f"{{{W}}}drawing", f"{{{W}}}sectPr", f"{{{W}}}tbl"):
        if one.tag.endswith("sectPr"):
            kinds.append("turned" if one.find("w:pgSz", NS).get(f"{{{W}}}orient") == "landscape" else "upright")
        else:
            kinds.append(one.tag.rpartition("}")[2])
    place = kinds.index("drawing")
    assert kinds[place : place + 4] == ["drawing", "upright", "tbl", "tbl"]
    high = int(next(one for one in body.iter() if str(one.tag).endswith("}extent")).get("cy"))
    section = opened.sections[-1]
    assert high < section.page_height - section.top_margin - section.bottom_margin


def test_turned_pages_begin_and_end_without_an_empty_page(word: Any) -> None:
    """A section ends with its last paragraph, not with one more, which could begin a page."""
    for one in word.element.body.iter(f"{{{W}}}sectPr"):
        paragraph = one.getparent().getparent()
        if paragraph.tag == f"{{{W}}}p" and one.find("w:pgSz", NS).get(f"{{{W}}}orient") == "landscape":
            assert "".join(paragraph.itertext()).strip()


def test_all_parts_in_place_of_each(made: Report) -> None:
    given = texts(Document(io.BytesIO(document(made, (chart(),), template("{{p body }}")))))
    shipped = texts(Document(io.BytesIO(document(made, (chart(),)))))
    tables = [[line for line in one.split("\n") if line.startswith("表 ")] for one in (given, shipped)]
    assert tables[0] == tables[1] != []


def test_the_guide_names_every_part_and_chart() -> None:
    docs = Path(__file__).parent.parent / "docs"
    for name in ("report-template.md", "report-template.zh-CN.md"):
        told = (docs / name).read_text(encoding="utf-8")
        assert [part for part in part_names() if f"`{part}`" not in told] == []


# ---- Excel


def test_the_workbook_has_a_sheet_a_table_with_numbers_as_numbers(made: Report) -> None:
    content = sheets(workbook(made))
    assert list(content)[:3] == ["概况", "条款结论", "差距清单"]
    sizes = content["C-1 文本训练语料规模"]
    row = next(one for one in sizes if str(one[0]).startswith("中文文本"))
    assert row[1] == pytest.approx(1234.567890123)
    assert row[3] == 9_999_999
    assert [one[-1] for one in sizes if one[-1]][-3:] == ["r0", "r1", "r2"]  # the ids of the rows
    assert sum(str(one[1]).startswith("source_0") for one in content["C-4 来源台账"]) == 60
    assert sum(str(one[1]).startswith("zh_news:") for one in content["T09 人工抽检逐条"]) == 500


def test_the_keyword_attachment_has_the_customary_columns(made: Report) -> None:
    library = [
        {"term": "=测试词", "tier": "block", "risks": ["A1-a", "A2-b"], "counted": True},
        {"term": "语境词", "tier": "context", "risks": ["A1-f"], "counted": False},
    ]
    rows = sheets(workbook(made, library))["关键词附件"]
    head = next(place for place, one in enumerate(rows) if str(one[0]).startswith("关键词"))
    assert [str(one).split(" / ")[0] for one in rows[head][:3]] == ["关键词", "一级分类", "二级分类"]
    assert [one[0] for one in rows[head + 2 :]] == ["=测试词", "=测试词", "语境词"]
    assert rows[head + 2][2] == "A1-a 煽动颠覆国家政权、推翻社会主义制度"


def test_without_a_library_the_attachment_says_so(made: Report) -> None:
    rows = sheets(workbook(made))["关键词附件"]
    assert any("证据中没有词库全文" in str(one[0]) and "10,234" in str(one[0]) for one in rows)


def test_sample_lists_stand_in_the_workbook(made: Report) -> None:
    told = sheets(
        workbook(made, (), {"技术抽检样本": [{"doc_id": "=a:1", "row": 3, "content_hash": "f" * 64}], "空样本": []})
    )
    assert ["=a:1", "3", "f" * 64] in [one[:3] for one in told["技术抽检样本"]]
    assert any("没有样本" in str(one[0]) for one in told["空样本"])


def test_names_of_sheets_are_such_as_excel_takes(made: Report) -> None:
    titles = ("同名" * 20, "同名" * 20, "a[b]:*?/\\c", "'quoted'", "", "NAME", "name")
    tables = tuple(table(f"t{place}", {"label": "text"}, [{"label": "x"}]) for place, _ in enumerate(titles))
    tables = tuple(replace(one, title=Both(title, "")) for one, title in zip(tables, titles, strict=True))
    names = list(sheets(workbook(replace(made, tables=tables))))
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    assert len({name.lower() for name in names}) == len(names)


# ---- HTML and Markdown


class _Tags(HTMLParser):
    """Checks that tags are closed, and collects them with text and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.text = ""
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(content: str) -> _Tags:
    tags = _Tags()
    tags.feed(content)
    assert not tags.open
    return tags


def test_the_page_has_an_anchor_for_every_number_and_asks_for_nothing(made: Report) -> None:
    content = page(made, (chart(),))
    tags = parsed(content)
    assert {"C-1/r2/bytes", "K.MADE.5.1a1/documents"} <= set(tags.ids)
    assert len(tags.ids) == len(set(tags.ids))
    assert "script" not in tags.tags
    assert not {"src", "style", "onclick"} & tags.attributes
    assert "default-src 'none'" in content
    assert "svg" in tags.tags
    assert "Size of the training corpus" in tags.text


def test_markdown_has_a_line_a_row_with_its_key(made: Report) -> None:
    lines = plain(made).splitlines()
    assert any(line.startswith("| r2 | 合计 / total |") for line in lines)
    assert any("K.MADE.5.1a1/documents: 1,234,567" in line for line in lines)
    changed = made_report(verdicts=made.verdicts[:1])
    assert set(plain(changed).splitlines()) - set(lines)


def test_the_gap_list_names_what_who_and_which_clauses(made: Report) -> None:
    told = gap_list(made.gaps)
    assert "40. **待补充** 缺少材料 / evidence is missing" in told
    assert "怎么办 / what to do: 补交材料" in told
    assert "没有差距" in gap_list(())


# ---- equal bytes


def test_equal_reports_give_equal_bytes_without_times() -> None:
    made, again = made_report(), made_report()
    assert document(made, (chart(),)) == document(again, (chart(),))
    assert workbook(made) == workbook(again)
    assert page(made, (chart(),)) == page(again, (chart(),))
    assert plain(made) == plain(again)
    for content in (document(made), workbook(made)):
        assert {entry.date_time for entry, _ in members(content)} == {(1980, 1, 1, 0, 0, 0)}


def test_the_template_that_ships_is_the_one_its_script_makes() -> None:
    assert make_template.TARGET.read_bytes() == make_template.make()


# ---- hostile texts


@pytest.fixture(scope="module")
def hostile() -> Report:
    return hostile_report()


def test_word_holds_hostile_texts_as_text_alone(hostile: Report) -> None:
    content = document(hostile, (chart(),))
    for entry, data in members(content):
        if entry.filename.endswith((".xml", ".rels")):
            etree.fromstring(data)  # well-formed, without recovering anything
    told = texts(Document(io.BytesIO(content)))
    for text in HOSTILE:
        assert told.count(visible(text)) >= 4, text
    assert HOSTILE[3] in told.split("大模型安全评估报告")[0]  # braces on the cover as they are
    links = [data for entry, data in members(content) if entry.filename.endswith(".rels")]
    assert not any(b"External" in data for data in links)


def test_excel_holds_hostile_texts_as_text_alone(hostile: Report) -> None:
    library = [{"term": text, "tier": "block", "risks": ["A1-a"], "counted": True} for text in HOSTILE]
    content = workbook(hostile, library, {"样本": [{"doc_id": text} for text in HOSTILE]})
    for entry, data in members(content):
        if entry.filename.endswith((".xml", ".rels")):
            etree.fromstring(data)
        assert b"<f>" not in data
        assert b"hyperlink" not in data
    book = sheets(content)
    for name, column in (("样本", 0), ("关键词附件", 0), ("证明材料索引", 1)):
        found = {str(one[column]) for one in book[name]}
        assert {visible(text) for text in HOSTILE} <= found, name


def test_the_page_holds_hostile_texts_as_text_alone(hostile: Report) -> None:
    tags = parsed(page(hostile, (chart(),)))
    assert not {"script", "img", "a1"} & tags.tags
    assert not {"onerror", "src"} & tags.attributes
    for text in HOSTILE:
        assert visible(text) in tags.text, text


def test_markdown_holds_hostile_texts_as_text_alone(hostile: Report) -> None:
    from markdown_it import MarkdownIt

    shown = MarkdownIt("commonmark").enable("table").render(plain(hostile))
    tags = parsed(shown)
    assert not {"script", "img", "a"} & tags.tags
    for text in HOSTILE:
        told = visible(text).replace("\n", "\\n").replace("\t", "\\t")
        assert told in tags.text, text
    rows = [line for line in plain(hostile).splitlines() if line.startswith("| k")]
    assert len(rows) == len(HOSTILE)


# ---- templates of staff


def template(*lines: str, header: str = "", cell: str = "") -> bytes:
    made = Document()
    for line in lines:
        made.add_paragraph(line)
    if header:
        made.sections[0].header.paragraphs[0].text = header
    if cell:
        made.add_table(1, 1).cell(0, 0).text = cell
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def test_a_template_of_staff_takes_texts_parts_tables_and_charts(made: Report) -> None:
    given = template(
        "{{ organisation.name }}：{{ conclusion }}",
        "{% if rehearsal %}演练{% else %}正式{% endif %}",
        "{%p for signer in signers %}",
        "{{ signer.part }} {{ signer.name }}",
        "{%p endfor %}",
        "{{p contents }}",
        "{{p part.scale }}",
        '{{p table["C-4"] }}',
        '{{p chart["funnel"] }}',
        "{{ facts.run_id }} {{ edition.document }} {{ round.value }} {{ notices[0] }} {{ digest }}",
        cell="{{p signatures }}",
        header="{{ organisation.name }}",
    )
    opened = Document(io.BytesIO(document(made, (chart(),), given)))
    told = texts(opened)
    for text in (
        "某某科技有限公司：尚未形成",
        "正式",
        "整体安全评估负责人 李四",
        "表 C-1 文本训练语料规模",
        "source_060",
        "081217",
        "签字人",
    ):
        assert text in told, text
    assert "{{" not in told
    assert opened.sections[0].header.paragraphs[0].text == "某某科技有限公司"
    assert any(one.page_width > one.page_height for one in opened.sections)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{{ organisatoin.name }}", "organisatoin"),
        ("{{p part.nowhere }}", "nowhere"),
        ('{{p table["C-99"] }}', "C-99"),
        ("{{ organisation.name ", "report-template.md"),
        ("{% for x in y %}", "report-template.md"),
        ("{{ part.scale }}", "part.scale"),
        ("{{ signers.append }}", "report-template.md"),
        ("{{ ''.__class__ }}", "--template"),
    ],
)
def test_a_template_that_asks_for_what_is_not_there_is_refused(made: Report, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        document(made, (), template(line))


def test_a_block_in_a_header_is_refused(made: Report) -> None:
    with pytest.raises(UsageError, match="页眉"):
        document(made, (), template("x", header="{{p part.scale }}"))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_what_is_no_word_document_is_refused(made: Report, content: bytes) -> None:
    with pytest.raises(UsageError, match=r"\.docx"):
        document(made, (), content)


def test_a_word_document_that_is_broken_inside_is_refused(made: Report) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for entry, data in members(template("x")):
            packed.writestr(entry, b"<w:document><w:body>" if entry.filename == "word/document.xml" else data)
    with pytest.raises(UsageError, match="cannot be opened"):
        document(made, (), content.getvalue())


def test_a_statement_that_begins_in_a_cell_and_ends_outside_is_refused(made: Report) -> None:
    opened = Document()
    opened.add_table(1, 1).cell(0, 0).text = "{% if rehearsal %}"
    opened.add_paragraph("{% endif %}")
    content = io.BytesIO()
    opened.save(content)
    with pytest.raises(UsageError, match="首尾"):
        document(made, (), content.getvalue())


# ---- opened by an office program


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed: documents are not converted")
@pytest.mark.parametrize("kind", ["docx", "xlsx"])
def test_an_office_program_opens_it(hostile: Report, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"report.{kind}"
    path.write_bytes(document(hostile, (chart(),)) if kind == "docx" else workbook(hostile))
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf"]
    subprocess.run([*command, "--outdir", str(tmp_path), str(path)], check=True, capture_output=True, timeout=120)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
