"""Importing, exporting, checking and pruning keyword libraries."""

import csv
import subprocess
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter

from lexicon import checking, pruning
from lexicon.exporting import export_workbook
from lexicon.importing import Mapping, Target, import_words, load_mapping
from lexicon.library import load_library
from lexicon.reading import read_foreign
from lexicon.rows import read_rows, write_rows
from lexicon.tables import MAX_UNPACKED, Listed, read_table, sheets
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
    assert [(one.word, one.category) for one in read_table(tmp_path / name)] == expected


def test_a_table_in_gb18030_is_read(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_bytes("賭博網站\n".encode("gb18030"))
    assert [one.word for one in read_table(tmp_path / "w.txt", "赌博")] == ["賭博網站"]


def test_a_workbook_is_read_below_its_title_and_numbers_stay_whole(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "w.xlsx",
        ("某公司关键词库",),
        ("序号", "关键词", "一级分类", "二级分类"),
        (1, "词甲", "政治", "反动"),
        (2, 110, "广告", ""),
    )
    assert list(read_table(path)) == [
        Listed(f"{path}[词库]:3", "词甲", "政治", "反动"),
        Listed(f"{path}[词库]:4", "110", "广告", ""),
    ]


def test_an_empty_sheet_is_passed_over(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        book.add_worksheet("空")
        page = book.add_worksheet("词")
        page.write_row(0, 0, ["关键词"])
        page.write_row(1, 0, ["词甲"])
    assert [one.word for one in read_table(tmp_path / "w.xlsx")] == ["词甲"]


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
        list(read_table(tmp_path / name))


def test_a_workbook_without_a_column_of_keywords_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no header found"):
        list(read_table(workbook(tmp_path / "w.xlsx", ("甲", "乙"), ("丙", "丁"))))


def test_a_workbook_that_unpacks_to_gigabytes_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (MAX_UNPACKED + 1))
    with pytest.raises(DocumentError, match="unpacks to more than"):
        sheets(path)


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
    rows = import_words(listed, mapping, "review", "2026-11").rows
    assert {row.written: (row.risks, row.tier) for row in rows} == {
        "词甲": (("A1-b",), "block"),
        "词乙": (("A1-a",), "context"),
        "词丙": (("A2-d",), "review"),
        "词丁": (("A1-h",), "review"),
    }


def test_categories_nobody_mapped_stop_the_import_and_are_all_named() -> None:
    with pytest.raises(DocumentError) as told:
        import_words(words(("词甲", "政治", ""), ("词乙", "广告", ""), ("词丙", "政治", "")), Mapping({}), "review", "")
    assert [line.split(":")[0] for line in told.value.problems[1:]] == ["政治", "广告"]


def test_what_is_left_out_is_kept_with_its_reason() -> None:
    mapping = Mapping({"旧": None, "政治": Target(risks=("A1-a",))})
    found = import_words(words(("词甲", "旧", ""), ("\u200b", "政治", ""), ("#词", "政治", "")), mapping, "review", "")
    assert not found.rows
    assert [one.reason.split(" / ")[1] for one in found.rejected] == [
        "its category is mapped to skip",
        "nothing stays after normalisation",
        "holds a tab or line end, or begins with #",
    ]


def test_spellings_that_fold_to_one_are_one_term_with_all_risks_and_the_milder_tier() -> None:
    mapping = Mapping({"甲": Target(risks=("A1-a",), tier="block"), "乙": Target(risks=("A1-b",), tier="review")})
    found = import_words(words(("賭博 網站", "甲", ""), ("赌博网站", "乙", "")), mapping, "review", "")
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
    problems: list[str] = []
    export_workbook(list(read_rows([own], problems)), tmp_path / "a.xlsx")
    rows, listed = read_foreign([tmp_path / "a.xlsx"])
    write_rows(rows, tmp_path / "back.tsv")
    assert not problems and not listed
    assert load_library([tmp_path / "back.tsv"]) == load_library([own])
    assert (tmp_path / "back.tsv").read_text("utf-8").splitlines() == own.read_text("utf-8").splitlines()


def test_the_first_sheet_is_what_a_filing_attaches(tmp_path: Path) -> None:
    own = library_file(tmp_path / "own.tsv", "词甲\tA1-a,A2-d\treview")
    export_workbook(list(read_rows([own], [])), tmp_path / "a.xlsx")
    assert next(iter(sheets(tmp_path / "a.xlsx").items())) == (
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
    ],
)
def test_doubtful_terms_are_pointed_out(tmp_path: Path, row: str, kind: str) -> None:
    report = checking.check([library_file(tmp_path / "l.tsv", row)], WANTED)
    assert [remark.kind.split(" / ")[1] for remark in report.remarks] == [kind]
    assert report.remarks[0].place.endswith("l.tsv:2")


@pytest.mark.parametrize("row", ["代开发票联系\tA1-h\tblock", "银行\tA1-h\tcontext", "银行\tA1-h\treview\t钓鱼"])
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
    [("一二三四五六七八九十", 0), ("一二三四五六七八九十甲", 1), ("a b c d e", 0), ("a b c d e f", 1)],
)
def test_length_is_a_recommendation(tmp_path: Path, term: str, overlong: int) -> None:
    report = checking.check([library_file(tmp_path / "l.tsv", f"{term}\tA1-h\tblock")], WANTED)
    last = report.requirements[-1]
    assert (last.found, last.must) == (overlong, False)


@pytest.mark.parametrize(
    ("tier", "documents", "of", "proposed"),
    [
        ("block", 1, 10, "block"),  # a single document proves nothing
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
    limits = pruning.Limits(Fraction(1, 10), Fraction(1, 2), Fraction(1))
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
    assert "block → drop" in done.stdout and (tmp_path / "new.tsv").read_text("utf-8") == HEADER
    done = command("export", "own.tsv", "--to", "a.xlsx", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "a.xlsx").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import", "nothing.xlsx", "--to", "x.tsv"), "nothing.xlsx: 读不了"),
        (("import", "bad.tsv", "--to", "x.tsv"), "bad.tsv:2: 风险编号缺失或未知"),
        (("import", "good.tsv", "--to", "good.tsv"), "is there already"),
        (("check", "--profile", "nope"), "no such profile"),
        (("export", "bad.tsv", "--to", "a.xlsx"), "bad.tsv:2"),
        (("export", "--to", "a.txt"), "should be an .xlsx"),
        (("prune", "good.tsv", "--against", "nowhere"), "matches no file"),
        (("prune", "good.tsv", "--against", "good.tsv", "--to", "good.tsv"), "never overwritten"),
        (("prune", "good.tsv", "--against", "bad.tsv", "--block", "x"), "should be decimals"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    library_file(tmp_path / "good.tsv", "代开发票\tA1-h\tblock")
    library_file(tmp_path / "bad.tsv", "代开发票\tA9-h\tblock")
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
