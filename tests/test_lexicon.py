"""Importing, exporting, checking and pruning keyword libraries."""

import csv
import datetime
import subprocess
import sys
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicon import checking, decoding, exporting, pruning
from lexicon.exporting import workbook_of
from lexicon.importing import Imported, Mapping, Target, import_words, library_content, load_mapping
from lexicon.library import load_library
from lexicon.reading import Foreign, read_foreign
from lexicon.rows import Row, parse_rows, read_rows, written_rows
from lexicon.tables import Listed, Options, read_table
from lexicon.workbook import MAX_UNPACKED, read_workbook
from schemas.lexicon import Entry, Library
from schemas.loading import DocumentError
from schemas.profile import load_profile
from transforms.text import TextBatch

HEADER = "term\trisks\ttier\trequires\texcludes\tnote\tsince\n"
WANTED = load_profile("tc260-003").keywords


def workbook(path: Path, *rows: tuple[object, ...], sheet: str = "词库") -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        page = book.add_worksheet(sheet)
        for line, row in enumerate(rows):
            for column, cell in enumerate(row):
                page.write(line, column, cell)
    return path


def table(path: Path, options: Options | None = None) -> list[Listed]:
    return read_table(path, options or Options(), [])


def taken(listed: list[Listed], mapping: Mapping, *own: Row) -> Imported:
    return import_words(own, listed, mapping, "review", "2026-11")


def library_file(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(row + "\n" for row in rows), encoding="utf-8")
    return path


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from pipeline.cli import main; main()", "lexicon", *arguments]
    return subprocess.run(program, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("广告.txt", "词甲\n\n# 注释\n 词乙 \n", [("词甲", "广告"), ("词乙", "广告")]),
        ("w.tsv", "词甲\t政治\n词乙\t色情\n", [("词甲", "政治"), ("词乙", "色情")]),
        ("w.tsv", '关键词\t一级分类\t二级分类\n"词甲"\t政治\t反动\n', [('"词甲"', "政治/反动")]),
        ("w.csv", "分类,关键词\n政治,词甲\n", [("词甲", "政治")]),
        ("w.csv", '"词,甲",政治\n', [("词,甲", "政治")]),
    ],
)
def test_text_tables_are_read_with_their_categories(
    tmp_path: Path, name: str, content: str, expected: list[tuple[str, str]]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert [(one.word, one.category) for one in table(tmp_path / name)] == expected


def test_a_table_in_gb18030_is_read(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_bytes("賭博網站\n".encode("gb18030"))
    assert [one.word for one in table(tmp_path / "w.txt", Options(category="赌博"))] == ["賭博網站"]


def test_a_workbook_is_read_below_its_title_and_numbers_stay_whole(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "w.xlsx",
        ("某公司关键词库",),
        ("序号", "关键词", "一级分类", "二级分类"),
        (1, "词甲", "政治", "反动"),
        (2, 110, "广告", ""),
    )
    assert table(path) == [
        Listed(f"{path}[词库]:3", "词甲", "政治", "反动"),
        Listed(f"{path}[词库]:4", "110", "广告", ""),
    ]


def test_an_empty_sheet_is_passed_over(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        book.add_worksheet("空")
        page = book.add_worksheet("词")
        page.write_row(0, 0, ["关键词"])
        page.write_row(1, 0, ["词甲"])
    assert [one.word for one in table(tmp_path / "w.xlsx")] == ["词甲"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("w.xlsx", b"junk", "not a readable .xlsx"),
        ("w.doc", b"x", "unknown format"),
        ("w.txt", b"\xff\xff\xff", "neither UTF-8 nor GB 18030"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DocumentError, match=says):
        table(tmp_path / name)


def test_a_workbook_without_a_column_of_keywords_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no header found"):
        table(workbook(tmp_path / "w.xlsx", ("甲", "乙"), ("丙", "丁")))


def test_a_workbook_that_unpacks_to_gigabytes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (MAX_UNPACKED + 1))
    with pytest.raises(DocumentError, match="unpacks to more than"):
        read_workbook(path)


def words(*given: tuple[str, str, str]) -> list[Listed]:
    return [Listed(f"w:{number}", *one) for number, one in enumerate(given, start=1)]


def test_the_finer_category_wins_and_the_standards_own_wording_needs_no_mapping() -> None:
    mapping = Mapping(
        {"政治": Target(risks=("A1-a",), tier="context"), "政治/反动": Target(risks=("A1-b",), tier="block")}
    )
    listed = words(
        ("词甲", "政治", "反动"),
        ("词乙", "政治", "其他"),
        ("词丙", "包含歧视性内容", "地域歧视内容"),
        ("词丁", "A1-h", ""),
    )
    rows = taken(listed, mapping).rows
    assert {row.written: (row.risks, row.tier) for row in rows} == {
        "词甲": (("A1-b",), "block"),
        "词乙": (("A1-a",), "context"),
        "词丙": (("A2-d",), "review"),
        "词丁": (("A1-h",), "review"),
    }


def test_categories_nobody_mapped_stop_the_import_and_are_all_named() -> None:
    with pytest.raises(DocumentError) as told:
        taken(words(("词甲", "政治", ""), ("词乙", "广告", ""), ("词丙", "政治", "")), Mapping({}))
    assert [line.split(":")[0] for line in told.value.problems[1:]] == ["政治", "广告"]


def test_what_is_left_out_is_kept_with_its_reason() -> None:
    mapping = Mapping({"旧": None, "政治": Target(risks=("A1-a",))})
    found = taken(
        words(("词甲", "旧", ""), ("\u200b", "政治", ""), ("词\t甲", "政治", ""), ("#a", "政治", "")), mapping
    )
    assert not found.rows
    assert [one.reason.split(" / ")[1] for one in found.rejected] == [
        "its category is mapped to skip",
        "nothing stays after normalisation",
        "holds a tab or line end, or begins with #",
        "holds a tab or line end, or begins with #",
    ]


def test_a_word_between_marks_is_taken_as_it_is_matched() -> None:
    found = taken(words(("#六四#", "A1-a", "")), Mapping({}))
    assert [(row.written, row.term) for row in found.rows] == [("六四", "六四")]


def test_spellings_that_fold_to_one_are_one_term_with_all_risks_and_the_milder_tier() -> None:
    mapping = Mapping({"甲": Target(risks=("A1-a",), tier="block"), "乙": Target(risks=("A1-b",), tier="review")})
    found = taken(words(("賭博 網站", "甲", ""), ("赌博网站", "乙", "")), mapping)
    assert [(row.term, row.risks, row.tier) for row in found.rows] == [("赌博网站", ("A1-a", "A1-b"), "review")]
    assert found.merged == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("categories: {政治: {risks: [A9-a]}}", "risk ids missing or unknown: A9-a"),
        ("categories: {政治: {risks: []}}", "risk ids missing or unknown"),
        ("categories: {政治: }", "a category without risks"),
        ("categories: {政治: {risks: [A1-a], tier: blok}}", "line 1"),
        ("kategories: {}", "unknown key"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_file(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DocumentError) as told:
        load_mapping(path)
    assert any(says in problem and str(path) in problem for problem in told.value.problems)


def test_export_and_import_give_the_same_library(tmp_path: Path) -> None:
    own = library_file(
        tmp_path / "own.tsv",
        "=赌博网站\tA1-h\tblock\t加微信|网址\t警方\t备注\t2026-11",
        "词甲\tA1-a,A2-d\treview",
        "loan now\tA3-e\tcontext\t\t\t\t2025-01",
    )
    rows = reimported(own, tmp_path)
    assert written_rows(rows, "back").decode().splitlines() == own.read_text("utf-8").splitlines()


def reimported(own: Path, folder: Path) -> list[Row]:
    """The rows of a library after export and import."""
    problems: list[str] = []
    (folder / "a.xlsx").write_bytes(workbook_of(list(read_rows([own], problems)), "a.xlsx"))
    read = read_foreign([folder / "a.xlsx"], Options())
    assert not problems and not read.listed
    return read.rows


_CELL = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\t\r\n\ufffe\uffff"), max_size=12)
_PARTS = st.lists(_CELL, max_size=3).map("|".join)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(_CELL, _PARTS, _PARTS, _CELL, st.sampled_from(["", "2026-11", "2026-06-04"])), max_size=6))
def test_whatever_a_library_holds_comes_back_from_its_workbook(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("x")
    lines = ["\t".join((f"词{i}{term}", "A1-h", "review", *rest)) for i, (term, *rest) in enumerate(given)]
    first = list(read_rows([library_file(folder / "own.tsv", *lines)], []))
    again = [] if not first else reimported(folder / "own.tsv", folder)
    without_place = [
        [(r.written, r.term, r.risks, r.tier, r.requires, r.excludes, r.note, r.since) for r in rows]
        for rows in (first, again)
    ]
    assert without_place[0] == without_place[1]


def test_the_first_sheet_is_what_a_filing_attaches(tmp_path: Path) -> None:
    own = library_file(tmp_path / "own.tsv", "词甲\tA1-a,A2-d\treview")
    (tmp_path / "a.xlsx").write_bytes(workbook_of(list(read_rows([own], [])), "a.xlsx"))
    name, sheet = next(iter(read_workbook(tmp_path / "a.xlsx").items()))
    assert (name, [line.cells for line in sheet.lines]) == (
        "关键词",
        [
            ["关键词", "一级分类", "二级分类"],
            ["词甲", "包含违反社会主义核心价值观的内容", "煽动颠覆国家政权、推翻社会主义制度"],
            ["词甲", "包含歧视性内容", "地域歧视内容"],
        ],
    )


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("赌\tA1-h\treview", "one character"),
        ("8899\tA1-h\tblock", "no letter in it"),
        ("银行\tA1-h\treview", "common word"),
        ("赌博新闻\tA1-h\treview\t\t新闻", "never matches"),
        ("代开票\tA1-h\treview\t新闻\t新闻", "never matches"),
        ("代开票\tA1-h\tcontext\t开票|发票", "condition always true"),
        ("the\tA1-h\treview", "short Latin word"),
        ("Which\tA1-h\tblock", "short Latin word"),
        ("sim\tA1-h\treview", "short Latin word"),
        ("代开票\tA1-h\treview\t\t\t\t2026-13", "date"),
        ("代开票\tA1-h\treview\t\t\t\t9999-01", "date"),
        ("代开票\tA1-h\treview\t\t\t\t去年", "date"),
    ],
)
def test_doubtful_terms_are_pointed_out(tmp_path: Path, row: str, kind: str) -> None:
    report = checking.check([library_file(tmp_path / "l.tsv", row)], WANTED)
    assert [remark.kind.split(" / ")[1] for remark in report.remarks] == [kind]
    assert report.remarks[0].place.endswith("l.tsv:2")


@pytest.mark.parametrize(
    "row",
    [
        "代开发票联系\tA1-h\tblock",
        "银行\tA1-h\tcontext",
        "银行\tA1-h\treview\t钓鱼",
        "sim\tA1-h\treview\t钓鱼",
        "casino\tA1-h\treview\t\t\t\t2026-06-04",
    ],
)
def test_sound_terms_are_not(tmp_path: Path, row: str) -> None:
    assert not checking.check([library_file(tmp_path / "l.tsv", row)], WANTED).remarks


def test_duplicates_and_conflicts_are_told_apart(tmp_path: Path) -> None:
    path = library_file(
        tmp_path / "l.tsv", "賭博網站\tA1-h\tblock", "赌博网站\tA1-f\tblock", "赌 博 网站\tA1-h\treview"
    )
    report = checking.check([path], WANTED)
    assert [remark.place.rpartition(":")[2] for remark in report.remarks] == ["3", "4"]
    assert len(report.errors) == 1 and "l.tsv:4" in report.errors[0]


def numbered(count: int, risk: str, tier: str = "review") -> list[str]:
    """Terms of four Han characters, all different."""
    return [
        f"{chr(0x4E00 + n // 100)}{chr(0x5000 + n % 100)}词{risk[-1]}{risk[1]}号\t{risk}\t{tier}" for n in range(count)
    ]


def test_the_numbers_of_the_standard_are_checked_one_by_one(tmp_path: Path) -> None:
    path = library_file(
        tmp_path / "l.tsv", *numbered(200, "A1-a"), *numbered(99, "A2-d"), *numbered(300, "A1-b", "context")
    )
    found = {r.title.split(" ")[0]: r for r in checking.check([path], WANTED).requirements}
    assert (found["A1-a"].found, found["A1-a"].met) == (200, True)
    assert (found["A2-d"].found, found["A2-d"].met) == (99, False)
    assert found["A1-b"].found == 0  # context terms do not count
    assert len([name for name in found if name[:2] in ("A1", "A2")]) == 17


@pytest.mark.parametrize(
    ("term", "overlong"),
    [
        ("一二三四五六七八九十", 0),
        ("一二三四五六七八九十甲", 1),
        ("a b c d e", 0),
        ("a b c d e f", 1),
        ("ab-c-d-e f-g", 1),
        ("アイウエオカキクケコサ", 1),
    ],
)
def test_length_is_a_recommendation(tmp_path: Path, term: str, overlong: int) -> None:
    report = checking.check([library_file(tmp_path / "l.tsv", f"{term}\tA1-h\tblock")], WANTED)
    last = report.requirements[-1]
    assert (last.found, last.must) == (overlong, False)


@pytest.mark.parametrize(
    ("tier", "documents", "of", "proposed"),
    [
        ("block", 1, 10, "block"),  # a single document proves nothing
        ("block", 2, 90_000, "block"),  # 0.9 were to be expected: two are no proof
        ("block", 2, 1_000, "review"),  # 0.01 were to be expected: two do not come by chance
        ("review", 3, 3, "drop"),
        ("block", 2, 200_000, "block"),
        ("block", 3, 200_000, "review"),
        ("review", 5, 10_000, "review"),
        ("review", 6, 10_000, "context"),
        ("context", 1_000, 10_000, "context"),
        ("context", 1_001, 10_000, "drop"),
        ("block", 5_000, 10_000, "drop"),
    ],
)
def test_the_tier_follows_the_share_of_documents(tier: str, documents: int, of: int, proposed: str) -> None:
    assert pruning.Limits().tier(tier, documents, of) == proposed


def test_noise_is_measured_by_documents_and_proposed_not_done(tmp_path: Path) -> None:
    path = library_file(tmp_path / "l.tsv", "代开发票\tA1-h\tblock", "开奖结果\tA1-h\treview", "从未出现\tA1-h\tblock")
    before = path.read_bytes()
    texts = ["代开发票代开发票", "请勿代开发票", "开奖结果公布", "开奖结果", "天气", "天气晴"]
    batch = TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))
    library = load_library([path])
    found = pruning.measure([batch], library)
    limits = pruning.Limits(Fraction(1, 6), Fraction(1, 2), Fraction(1))
    proposals = pruning.propose(library, found, limits)
    assert [(p.term, p.tier, p.proposed, p.documents, round(p.share, 3)) for p in proposals] == [
        ("代开发票", "block", "review", 2, 0.333)
    ]
    changed = pruning.apply(list(read_rows([path], [])), proposals)
    assert [(row.written, row.tier) for row in changed] == [
        ("代开发票", "review"),
        ("开奖结果", "review"),
        ("从未出现", "block"),
    ]
    assert path.read_bytes() == before


def test_the_commands_work_together(tmp_path: Path) -> None:
    workbook(
        tmp_path / "w.xlsx", ("关键词", "一级分类", "二级分类"), ("代开发票", "违法", ""), ("开奖结果", "旧词", "")
    )
    (tmp_path / "map.yaml").write_text("categories: {违法: {risks: [A1-h], tier: block}, 旧词: skip}", encoding="utf-8")
    (tmp_path / "news.jsonl").write_text(
        '{"text": "代开发票被查"}\n{"text": "代开发票"}\n{"text": "晴"}\n', encoding="utf-8"
    )
    done = command("import", "w.xlsx", "--mapping", "map.yaml", "--to", "own.tsv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read 2 = 写入 / written 1 + 合并的重复 / merged duplicates 0 + 未收 / left out 1" in done.stdout
    with (tmp_path / "own.rejected.tsv").open(encoding="utf-8") as file:
        assert [row["word"] for row in csv.DictReader(file, delimiter="\t")] == ["开奖结果"]
    assert command("check", "own.tsv", cwd=tmp_path).returncode == 1  # far from 10 000
    done = command("prune", "own.tsv", "--against", "news.jsonl", "--to", "new.tsv", cwd=tmp_path)
    assert "block → context" in done.stdout and "block 100,000" in done.stdout
    assert "代开发票\tA1-h\tcontext" in (tmp_path / "new.tsv").read_text("utf-8")
    done = command("export", "own.tsv", "--to", "a.xlsx", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "a.xlsx").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nothing.xlsx", "--to", "x.tsv"), "nothing.xlsx: 读不了"),
        (("import", "bad.tsv", "--to", "x.tsv"), "bad.tsv:2: 风险编号缺失或未知"),
        (("import", "good.tsv", "--to", "good.tsv"), "is an input and never overwritten"),
        (("import", "good.tsv", "--to", "good.tsv", "--overwrite"), "is an input and never overwritten"),
        (("import", "good.tsv", "--to", "bad.tsv"), "is there already"),
        (("import", "good.tsv", "--to", "nodir/x.tsv"), "there is no such folder"),
        (("import", "good.tsv", "--to", "x.tsv", "--since", "2026-13"), "--since: 2026-13"),
        (("check", "nosuch.tsv"), "nosuch.tsv: 词库读不了"),
        (("check", "text.jsonl"), "text.jsonl:1: 表头应为"),
        (("export", "good.tsv", "--to", "old.xlsx"), "is there already"),
        (("export", "good.tsv", "--to", "nodir/a.xlsx"), "there is no such folder"),
        (("export", "good.tsv", "--to", "folder.xlsx"), "is a folder"),
        (("prune", "good.tsv", "--against", "text.jsonl", "--csv", "good.tsv"), "is an input and never overwritten"),
        (
            ("prune", "good.tsv", "--against", "*.jsonl", "--csv", "text.jsonl", "--overwrite"),
            "is an input and never overwritten",
        ),
        (("prune", "good.tsv", "--against", "text.jsonl", "--to", "nodir/p.tsv"), "there is no such folder"),
        (("prune", "good.tsv", "--against", "text.jsonl", "--to", "p.tsv", "--csv", "p.tsv"), "is named twice"),
        (("prune", "good.tsv", "--against", "text.jsonl", "--block", "0.5"), "should be in this order"),
        (("prune", "good.tsv", "--against", "text.jsonl", "--block=-1"), "should be in this order"),
        (("check", "--profile", "nope"), "no such profile"),
        (("export", "bad.tsv", "--to", "a.xlsx"), "bad.tsv:2"),
        (("export", "--to", "a.txt"), "should be an .xlsx"),
        (("prune", "good.tsv", "--against", "nowhere"), "matches no file"),
        (("prune", "good.tsv", "--against", "text.jsonl", "--to", "good.tsv"), "never overwritten"),
        (("prune", "good.tsv", "--against", "bad.tsv", "--block", "x"), "should be decimals"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    library_file(tmp_path / "good.tsv", "代开发票\tA1-h\tblock")
    library_file(tmp_path / "bad.tsv", "代开发票\tA9-h\tblock")
    (tmp_path / "text.jsonl").write_text('{"text": "晴"}\n', encoding="utf-8")
    (tmp_path / "old.xlsx").write_bytes(b"kept")
    (tmp_path / "folder.xlsx").mkdir()
    kept = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == kept


def test_one_cell_in_the_last_corner_is_told_not_unpacked(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        page = book.add_worksheet("词")
        page.write(0, 0, "关键词")
        page.write(1_048_575, 16_383, "x")
    with pytest.raises(DocumentError, match="XFD1048576"):
        read_workbook(tmp_path / "w.xlsx")


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="XFD1048576" t="s"/>',
        '<c r="xfd1048576"><v>1</v></c>',
        '<c r="AAAA1048576"><v>1</v></c>',
        '<c r="A99999999999"><v>1</v></c>',
        '<c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c>',
        '<c r="$A$3"><v>1</v></c>',
        "<!DOCTYPE x><c/>",
        "<c",
    ],
)
def test_no_cell_however_written_makes_a_sheet_unpack(tmp_path: Path, cell: str) -> None:
    whole = workbook(tmp_path / "w.xlsx", ("关键词",), (64,))
    with zipfile.ZipFile(whole) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    changed = parts[sheet].replace(b'<c r="A2"><v>64</v></c>', cell.encode())
    assert changed != parts[sheet]
    with zipfile.ZipFile(whole, "w") as packed:
        for name, part in (parts | {sheet: changed}).items():
            packed.writestr(name, part)
    with pytest.raises(DocumentError, match=r"w\.xlsx"):
        read_workbook(whole)


def test_cells_far_from_the_corner_or_with_nothing_but_a_format_are_no_reason(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        page = book.add_worksheet("词")
        page.write(1_048_000, 16_000, "关键词")
        page.write(1_048_001, 16_000, "词甲")
        page.write_blank(0, 0, None, book.add_format({"bold": True}))
    assert [(one.word, one.place.rpartition(":")[2]) for one in table(tmp_path / "w.xlsx")] == [("词甲", "1048002")]


def test_cells_a_spreadsheet_has_altered_are_left_out_with_the_reason(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        page = book.add_worksheet("词")
        day = book.add_format({"num_format": "m月d日"})
        page.write_row(0, 0, ["序号", "关键词", "分类"])
        page.write_column(1, 2, ["A1-h"] * 6)
        page.write_datetime(1, 1, datetime.datetime(2026, 6, 4), day)
        page.write_boolean(2, 1, True)
        page.write_formula(3, 1, "=NA()", None, "#N/A")
        page.write_number(4, 1, 12345678901234567890)
        page.write_number(5, 1, 0.5)
        page.write_number(6, 1, 64)
    found = taken(table(tmp_path / "w.xlsx"), Mapping({}))
    assert [row.written for row in found.rows] == ["64"]
    assert [(one.listed.word, one.reason.split(" is no text but ")[1].split(",")[0]) for one in found.rejected] == [
        ("2026-06-04", "a date or time"),
        ("TRUE", "a truth value"),
        ("#N/A", "an error value"),
        ("12345678901234569216", "a number of more than 15 digits"),
        ("0.5", "a decimal number"),
    ]


def test_merged_cells_hold_for_all_their_rows_and_a_sheet_without_header_is_passed_over(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        book.add_worksheet("说明").write(0, 0, "本表由安全部维护")
        page = book.add_worksheet("词")
        page.merge_range(0, 0, 0, 2, "某公司关键词库")
        page.write_row(1, 0, ["一级分类", "二级分类", "关键词"])
        page.merge_range(2, 0, 4, 0, "政治")
        page.merge_range(3, 1, 4, 1, "反动")
        page.write_column(2, 2, ["词甲", "词乙", "词丙", "词丁"])
    notices: list[str] = []
    read = read_table(tmp_path / "w.xlsx", Options(), notices)
    assert [(one.word, one.category) for one in read] == [
        ("词甲", "政治"), ("词乙", "政治/反动"), ("词丙", "政治/反动"), ("词丁", ""),
    ]  # fmt: skip
    assert len(notices) == 1 and "[说明]" in notices[0] and "passed over" in notices[0]


def test_empty_categories_are_those_above_where_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text("一级分类,二级分类,关键词\n政治,反动,词甲\n,,词乙\n,其他,词丙\n广告,,词丁\n", encoding="utf-8")
    assert [one.category for one in table(path)] == ["政治/反动", "", "/其他", "广告"]
    filled = [one.category for one in table(path, Options(fill_down=True))]
    assert filled == ["政治/反动", "政治/反动", "政治/其他", "广告"]
    with pytest.raises(DocumentError) as told:
        taken(table(path), Mapping({"政治": None, "广告": None, "/其他": None}))
    assert "--fill-down" in told.value.problems[-1]


def test_only_a_mark_with_a_blank_behind_it_begins_a_comment(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("#六四#\n# 注释\n#\n##\n甲\u2028乙\n", encoding="utf-8")
    assert [one.word for one in table(tmp_path / "w.txt")] == ["#六四#", "##", "甲\u2028乙"]


TRADITIONAL = "賭博網站\n代開發票\n槍支彈藥\n毒品交易\n"


@pytest.mark.parametrize(
    ("content", "encoding", "first"),
    [
        (TRADITIONAL.encode("gb18030"), None, "賭博網站"),
        (TRADITIONAL.encode("utf-16"), None, "賭博網站"),
        (TRADITIONAL.encode("big5"), "big5", "賭博網站"),
        ("\ufeff词甲".encode(), "utf-8", "词甲"),
    ],
)
def test_texts_are_read_in_their_encoding(tmp_path: Path, content: bytes, encoding: str | None, first: str) -> None:
    (tmp_path / "w.txt").write_bytes(content)
    notices: list[str] = []
    read = read_table(tmp_path / "w.txt", Options(encoding=encoding), notices)
    assert read[0].word == first
    assert len(notices) == (encoding is None)


@pytest.mark.parametrize(("encoding", "says"), [(None, "mostly rare characters"), ("no-such", "the encoding given")])
def test_an_encoding_that_cannot_be_told_is_asked_for(tmp_path: Path, encoding: str | None, says: str) -> None:
    (tmp_path / "w.txt").write_bytes(TRADITIONAL.encode("big5"))
    with pytest.raises(DocumentError, match=says):
        table(tmp_path / "w.txt", Options(encoding=encoding))


@pytest.mark.parametrize("text", ["", "loan now", "賭博網站", "、。！", "饕餮 魑魅魍魉 囧"])
def test_chinese_and_ascii_are_plausible(text: str) -> None:
    assert decoding.is_plausible(text)


def edited(path: Path, change: Callable[[dict[str, list[list[str]]]], None]) -> Foreign:
    """What is read of an exported workbook after somebody changed it."""
    pages = {name: [list(line.cells) for line in sheet.lines] for name, sheet in read_workbook(path).items()}
    change(pages)
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        for name, lines in pages.items():
            page = book.add_worksheet(name)
            for number, line in enumerate(lines):
                page.write_row(number, 0, line)
    return read_foreign([path], Options())


def exported(folder: Path) -> Path:
    own = library_file(folder / "own.tsv", "代开发票\tA1-h\tblock", "开奖结果\tA1-h,A3-e\treview")
    (folder / "a.xlsx").write_bytes(workbook_of(list(read_rows([own], [])), "a.xlsx"))
    return folder / "a.xlsx"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda pages: pages["关键词"].append(["新词条", "", ""]), "新词条"),
        (lambda pages: pages["关键词"].pop(1), "代开发票"),
        (lambda pages: pages["corpus-audit"].pop(1), "代开发票"),
        (lambda pages: pages.update({"补充": [["关键词"], ["新词条"]]}), "新词条"),
    ],
)
def test_sheets_that_disagree_stop_the_import(
    tmp_path: Path, change: Callable[[dict[str, list[list[str]]]], None], named: str
) -> None:
    with pytest.raises(DocumentError, match="disagree") as told:
        edited(exported(tmp_path), change)
    assert named in told.value.problems[1]


def test_either_sheet_alone_is_imported(tmp_path: Path) -> None:
    assert len(edited(exported(tmp_path), lambda pages: pages.pop("关键词") and None).rows) == 2
    alone = edited(exported(tmp_path), lambda pages: pages.pop("corpus-audit") and None)
    rows = taken(alone.listed, Mapping({})).rows
    assert {(row.written, row.risks) for row in rows} == {("代开发票", ("A1-h",)), ("开奖结果", ("A1-h", "A3-e"))}


def test_tiers_changed_on_the_full_sheet_are_imported(tmp_path: Path) -> None:
    def change(pages: dict[str, list[list[str]]]) -> None:
        pages["corpus-audit"][1][2] = "context"

    assert edited(exported(tmp_path), change).rows[0].tier == "context"


def test_nothing_is_cut_on_export(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Row("l:2", "词", "词", ("A1-h",), "review", note="长" * 32_768)
    with pytest.raises(DocumentError, match="l:2: .*too long for Excel"):
        workbook_of([long], "a.xlsx")
    with pytest.raises(DocumentError, match="l:2: .*U\\+FFFE"):
        workbook_of([Row("l:2", "词", "词", ("A1-h",), "review", note="\uffff")], "a.xlsx")
    monkeypatch.setattr(exporting, "MAX_ROWS", 3)
    row = Row("l:2", "词", "词", ("A1-f", "A1-h", "A3-e"), "review")
    with pytest.raises(DocumentError, match="3 lines, Excel holds 3"):
        workbook_of([row], "a.xlsx")


def row(place: str, term: str, tier: str, requires: tuple[str, ...] = (), note: str = "", since: str = "") -> Row:
    return Row(place, term, term, ("A1-h",), tier, requires, (), note, since)


def test_own_rows_and_foreign_words_of_one_term_become_one_row_that_loads() -> None:
    own = [
        row("a:2", "词甲", "block", note="旧", since="2025-01"),
        row("a:3", "词甲", "review", note="新", since="2024-05"),
    ]
    found = taken(words(("词 甲", "A3-e", "")), Mapping({}), *own)
    assert found.rows == [Row("a:2", "词甲", "词甲", ("A1-h", "A3-e"), "review", (), (), "旧；新", "2024-05")]
    assert found.merged == 2
    content = library_content(found.rows, "own.tsv")
    assert [one.term for one in parse_rows("own.tsv", content, [])] == ["词甲"]


def test_rows_of_one_term_that_want_different_contexts_are_refused_whatever_their_order() -> None:
    pair = [row("a:2", "词甲", "review", ("加微信",)), row("b:7", "词甲", "block")]
    for own in (pair, pair[::-1]):
        with pytest.raises(DocumentError) as told:
            taken([], Mapping({}), *own)
        assert "a:2" in str(told.value) and "b:7" in str(told.value)


def test_a_term_is_measured_as_if_it_stood_alone() -> None:
    library = Library(
        tuple(Entry(term, ("A1-h",), "review") for term in sorted(["赌博", "赌博网站", "大赌博网站", "网站", "天气"]))
    )
    texts = ["大赌博网站上线", "赌博网站被查", "赌博有害", "天气晴"]
    batch = TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))
    found = pruning.measure([batch], library)
    counted = {entry.term: found.hit[index] + found.straddling[index] for index, entry in enumerate(library.entries)}
    assert counted == {"赌博": 3, "赌博网站": 2, "大赌博网站": 1, "网站": 2, "天气": 1}
    assert found.documents == 4


def test_fields_of_any_length_are_read(tmp_path: Path) -> None:
    path = library_file(tmp_path / "l.tsv", f"词甲\tA1-h\tblock\t\t\t{'长' * 200_000}")
    assert len(load_library([path]).entries) == 1
    (tmp_path / "w.csv").write_text(f"词甲,{'长' * 200_000}\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"w\.csv:\d+: .*not readable as CSV"):
        table(tmp_path / "w.csv")


def test_the_books_of_an_import_balance_and_what_was_assumed_is_told(tmp_path: Path) -> None:
    library_file(tmp_path / "own.tsv", "词甲\tA1-h\tblock", "词 甲\tA1-h\tblock", "词乙\tA1-h\treview")
    (tmp_path / "A1-h.txt").write_bytes("词甲\n#甲乙#\n##\n# 注释\n词丙\n".encode("gb18030"))
    done = command("import", "own.tsv", "A1-h.txt", "--to", "new.tsv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read 7 = 写入 / written 4 + 合并的重复 / merged duplicates 2 + 未收 / left out 1" in done.stdout
    assert "read as gb18030" in done.stderr
    assert {entry.term: entry.tier for entry in load_library([tmp_path / "new.tsv"]).entries} == {
        "词甲": "review",
        "词乙": "review",
        "词丙": "review",
        "甲乙": "review",
    }
