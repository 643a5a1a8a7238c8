"""Items out to Excel, Label Studio, CSV and JSON Lines, and the answers back; every reason to refuse a row."""

import csv
import hashlib
import io
import json
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import lexicon.workbook
from blacklist.log import FORMULA
from pipeline.errors import UsageError
from pipeline.store.output import Output
from pipeline.terminal import review_exchange_commands as commands
from pipeline.terminal.review_commands import review_app
from review.exchange import excel, exporting, vocabulary
from review.exchange.answers import Batch, Earlier, Place, Task
from review.exchange.answers import Refused as RefusedRow
from review.exchange.exporting import Handed, Request, export_items
from review.exchange.guide import guide_lines, rule_lines
from review.exchange.importing import Imported, RowsRefused, import_answers, read_answers
from review.exchange.label_studio import labelling_config
from review.exchange.refusals import refusal_lines, report_bytes
from review.exchange.shown import MAX_CELL, fits, harmless, original, shown, shown_in_cell
from review.refusal import Refused
from review.store import ReviewStore
from rounds.criteria import criteria_version, load_criteria
from rounds.register import Round, find_round
from rounds.tables import KNOWN
from schemas.risks import risks
from tests.small_round import CRITERIA, SOURCE, close, draw, final, item

FORMS = {"xlsx": ".xlsx", "label-studio": ".json", "csv": ".csv", "jsonl": ".jsonl"}
LONG = "长文本" * 13_400  # 40,200 characters: more than a cell holds
HOSTILE = [
    '=HYPERLINK("http://evil.example/","点我")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "＝1+1",
    'DDE ("cmd";"/C calc";"__DdeLink_60_870516294")',
    "\t=1+1",
    "\u202e文本反转\u202c \u2066isolate\u2069 \u200fشלום\u200e",
    "a\x00b\x01c\x1b[31md\x7f\x85",
    "line one\rline two\r\nline three\n\n",
    "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 𠮷𡈽 👍🏽",
    "مرحبا بالعالم " * 5,
    "literal \\u0041 \\\\u202E _x000D_ _x005F_x0041_",
    "  leading and trailing  \n",
    "<script>alert(1)</script>&amp;<!-- --> ]]>",
    "\ufeffmark \ufffe\uffff \ufff9 \u2028 \u2029",
    '"quoted",comma;semicolon\ttab',
    "'=apostrophe",
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with a round of the hostile texts, a long one and a known answer, and five accounts."""
    out = tmp_path_factory.mktemp("made") / "out"
    texts = [*HOSTILE, LONG]
    items = [item(number, text, second=number <= 3) for number, text in enumerate(texts, start=1)]
    items.append(item(len(items) + 1, "已知答案的文本", kind=KNOWN))
    store, _ = opened(out, items)
    store.shut()
    return out


@pytest.fixture
def drawn(made: Path, tmp_path: Path) -> Iterator[tuple[ReviewStore, Round]]:
    """That output for one test."""
    shutil.copytree(made, tmp_path / "out")
    output = Output(tmp_path / "out")
    round = find_round(output)
    store = ReviewStore.open(output, round)
    yield store, round
    store.shut()


def opened(out: Path, items: list[dict[str, Any]]) -> tuple[ReviewStore, Round]:
    output, round = draw(out, items)
    store = ReviewStore.open(output, round)
    for name, role in (
        ("主管", "lead"),
        ("张三", "annotator"),
        ("赵六", "annotator"),
        ("李四", "second"),
        ("王五", "adjudicator"),
    ):
        store.add_person(name, [role], by="主管")
    return store, round


def hand_out(
    drawn: tuple[ReviewStore, Round], form: str, to: Path, items: list[int] | None = None, **changes: Any
) -> Handed:
    if items is None and "count" not in changes:
        items = list(range(1, len(HOSTILE) + 1))
    return export_items(*drawn, form, to, replace(Request("张三", "first", "主管", items), **changes))


Edit = Callable[[list[dict[str, Any]]], None]


def answer(path: Path, edit: Edit | None = None) -> None:
    """Answers a file as people do in its tool: odd items qualified, even ones not, with risks and ticks."""
    rows = [
        {"verdict": "qualified", "risks": [], "personal": [], "read_share": 1}
        if number % 2
        else {"verdict": "unqualified", "risks": ["A3-e", "A2-d"], "personal": ["sensitive"], "read_share": 0.5}
        for number in range(1, count_of(path) + 1)
    ]
    for row in rows:
        row["note"] = "备注 =1+1"
    if edit is not None:
        edit(rows)
    {".xlsx": fill_xlsx, ".json": fill_tasks, ".csv": fill_csv, ".jsonl": fill_jsonl}[path.suffix](path, rows)


def count_of(path: Path) -> int:
    return len(read_answers(path).answers)


def fill_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    records = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    for record, row in zip(records, rows, strict=True):
        record.update(row)
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


def fill_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """As a spreadsheet program saves it: quotes everything, CRLF, words instead of ids where people use them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = list(csv.DictReader(file))
    for record, row in zip(records, rows, strict=True):
        joined = {key: "; ".join(value) if isinstance(value, list) else str(value) for key, value in row.items()}
        record.update(joined)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)
    path.write_text(text.getvalue(), encoding="utf-8-sig", newline="")


def fill_tasks(path: Path, rows: list[dict[str, Any]]) -> None:
    tasks = json.loads(path.read_bytes())
    for number, (task, row) in enumerate(zip(tasks, rows, strict=True), start=1):
        results = [
            result("verdict", "choices", [vocabulary.verdict_label(row["verdict"])]),
            result("read_share", "choices", [f"{100 * row['read_share']:g}%"]),
            result("note", "text", [row["note"]], kind="textarea"),
        ]
        if row["risks"]:
            paths = [[vocabulary.group_label(risk[:2]), vocabulary.risk_label(risk)] for risk in row["risks"]]
            results.append(result("risks", "taxonomy", paths))
        if row["personal"]:
            results.append(result("personal", "choices", [vocabulary.personal_label(kind) for kind in row["personal"]]))
        made = {"id": number, "completed_by": 7, "result": results, "was_cancelled": False, "lead_time": 12.5}
        task.update({"id": number, "annotations": [made], "drafts": [], "predictions": [], "inner_id": number})
    path.write_text(json.dumps(tasks), encoding="utf-8")


def result(name: str, key: str, value: Any, kind: str | None = None) -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": kind or key, "origin": "manual", "value": {key: value}}


def fill_xlsx(path: Path, rows: list[dict[str, Any]]) -> None:
    cells = {}
    for number, row in enumerate(rows, start=2):
        written = {"verdict": vocabulary.verdict_label(row["verdict"]), "note": row["note"]}
        written["read_share"] = f"{100 * row['read_share']:g}%"
        written |= {f"risk_{place}": vocabulary.risk_label(risk) for place, risk in enumerate(row["risks"], start=1)}
        written |= dict.fromkeys(row["personal"], vocabulary.YES)
        cells |= {f"{column(key)}{number}": value for key, value in written.items()}
    write_cells(path, 1, cells)


def column(key: str) -> str:
    return chr(65 + [name for name, *_ in excel._COLUMNS].index(key))


def write_cells(path: Path, sheet: int, cells: dict[str, str]) -> None:
    """Types texts into cells of a workbook, as a spreadsheet program would save them."""

    def typed(part: str) -> str:
        for place, value in cells.items():
            cell = rf'<c r="{place}"([^>]*?)(?: t="[^"]*")?(?:/>|>.*?</c>)'
            text = escape(value)
            filled = rf'<c r="{place}"\1 t="inlineStr"><is><t xml:space="preserve">{{}}</t></is></c>'.format(
                text.replace("\\", r"\\")
            )
            part, count = re.subn(cell, filled, part, count=1, flags=re.DOTALL)
            assert count == 1, place
        return part

    change_part(path, f"xl/worksheets/sheet{sheet}.xml", typed)


def change_part(path: Path, name: str, change: Callable[[str], str]) -> None:
    with zipfile.ZipFile(path) as packed:
        parts = {entry: packed.read(entry) for entry in packed.namelist()}
    parts[name] = change(parts[name].decode()).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry, content in parts.items():
            packed.writestr(entry, content)


def give_back(drawn: tuple[ReviewStore, Round], path: Path, **options: Any) -> Imported:
    return import_answers(*drawn, path, **options)


# texts as other tools can keep them


@given(st.text())
def test_what_is_shown_can_be_undone(text: str) -> None:
    assert original(shown(text)) == text
    assert original(shown_in_cell(text)) == text


@given(st.text(st.sampled_from("\\u0041_x00D5Fabc\x00\u202e=\n\t ＝'")))
def test_what_looks_like_a_code_can_be_undone_too(text: str) -> None:
    assert original(shown(text)) == text
    assert original(shown_in_cell(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_shown_acts_on_anything(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]", shown(text))
    assert not shown_in_cell(text).startswith(FORMULA)
    assert not harmless(text).startswith(FORMULA)
    assert "\n" not in harmless(text)


def test_joined_emoji_stay_readable() -> None:
    assert shown("👩\u200d👧") == "👩\u200d👧"


def test_a_cell_is_measured_as_excel_does() -> None:
    assert fits("𠮷" * (MAX_CELL // 2))
    assert not fits("𠮷" * (MAX_CELL // 2 + 1))


# round trips


@pytest.mark.parametrize("form", FORMS)
def test_every_form_brings_hostile_texts_and_answers_back(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"work{FORMS[form]}"
    handed = hand_out(drawn, form, path)
    assert [task.text for task in handed.batch.tasks] == HOSTILE
    if form == "label-studio":
        export_as_tasks(path)
    assert [answer.text for answer in read_answers(path).answers] == HOSTILE
    answer(path)
    assert give_back(drawn, path) == Imported(len(HOSTILE), 0, 0)
    readings = drawn[0].readings().to_pylist()
    assert [row["item_no"] for row in readings] == list(range(1, len(HOSTILE) + 1))
    first, second = readings[:2]
    assert (first["verdict"], first["risks"], first["personal"], first["read_share"]) == ("qualified", [], [], 1.0)
    assert (second["verdict"], second["risks"]) == ("unqualified", ["A2-d", "A3-e"])
    assert (second["personal"], second["read_share"], second["note"]) == (["sensitive"], 0.5, "备注 =1+1")
    assert {(row["person"], row["via"], row["criteria"]) for row in readings} == {("张三", "import", CRITERIA)}
    assert drawn[0].check() == []
    log = list(drawn[0].log())
    assert [event["by"] for event in log if event["event"] in ("exported", "imported")] == ["主管", "张三"]
    assert give_back(drawn, path) == Imported(0, len(HOSTILE), 0)
    assert len(list(drawn[0].log())) == len(log), "the same file again leaves no trace"


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_from_any_form(tmp_path: Path, texts: list[str]) -> None:
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    tasks = tuple(Task(n, "zh", text, hashes[n - 1]) for n, text in enumerate(texts, start=1))
    batch = Batch("R0001", CRITERIA, "first", "张三", "2026-12-01T00:00:00+00:00", tasks)
    for form, ending in FORMS.items():
        path = tmp_path / f"any{ending}"
        path.write_bytes(exporting._contents(form, batch, [])[0])
        if form == "label-studio":
            export_as_tasks(path)
        returned = read_answers(path).answers
        assert [answer.text for answer in returned] == texts, form
        assert {answer.header for answer in returned} == {batch.header}
        assert all(answer.empty for answer in returned)


def export_as_tasks(path: Path) -> None:
    """The tasks as Label Studio exports them before anybody has worked on them."""
    tasks = json.loads(path.read_bytes())
    path.write_text(json.dumps([{**task, "annotations": []} for task in tasks]), encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_equal_items_give_equal_bytes_and_nothing_but_the_owner_reads_them(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"work{FORMS[form]}"
    handed = hand_out(drawn, form, path)
    assert exporting._contents(form, handed.batch, handed.left)[0] == path.read_bytes()
    assert [stat.S_IMODE(file.stat().st_mode) for file in handed.files] == [0o600] * len(handed.files)
    assert not list(tmp_path.glob(".*.part"))
    if form == "xlsx":
        with zipfile.ZipFile(path) as packed:
            assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert "2000-01-01" in packed.read("docProps/core.xml").decode()


@pytest.mark.parametrize("form", FORMS)
def test_an_export_is_blind(tmp_path: Path, form: str) -> None:
    items = [item(1, "一篇正文", samples=["source:very_secret_source:positive"]), item(2, "已知", kind=KNOWN)]
    store, round = opened(tmp_path / "out", items)
    path = tmp_path / f"work{FORMS[form]}"
    hand_out((store, round), form, path, count=5)
    content = "".join(everything(file) for file in tmp_path.glob("work*"))
    assert "一篇正文" in content
    for told in (SOURCE, "positive", "secret_detector", "illegal_unhealthy", "known", "李四", "赵六"):
        assert told not in content, told
    store.shut()


def everything(path: Path) -> str:
    if path.suffix != ".xlsx":
        return path.read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as packed:
        return "".join(packed.read(name).decode() for name in packed.namelist())


def test_a_workbook_holds_texts_and_never_formulas_or_links(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    hand_out(drawn, "xlsx", tmp_path / "work.xlsx")
    with zipfile.ZipFile(tmp_path / "work.xlsx") as packed:
        sheets = {name: packed.read(name) for name in packed.namelist() if name.startswith("xl/worksheets/sheet")}
        assert not [name for name in packed.namelist() if "rels" in name and "sheet" in name]
        assert not [name for name in packed.namelist() if "externalLink" in name or "vba" in name]
        hidden = packed.read("xl/workbook.xml").decode()
    assert len(sheets) == 4
    for content in sheets.values():
        tags = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(content).iter()]
        assert "f" not in tags
        assert "hyperlink" not in tags
        assert "sheetProtection" in tags
    cells = [
        cell for cell in ElementTree.fromstring(sheets["xl/worksheets/sheet1.xml"]).iter() if cell.tag.endswith("}c")
    ]
    assert {cell.get("t") for cell in cells if len(cell)} == {"s"}
    assert re.search(r'name="_export"[^>]*state="veryHidden"', hidden)


def test_a_workbook_holds_the_rules_people_judge_by(tmp_path: Path) -> None:
    batch = Batch("R0001", criteria_version(), "first", "张三", "2026-12-01T00:00:00+00:00", ())
    (tmp_path / "work.xlsx").write_bytes(excel.workbook(batch, []))
    guide = [line.cells[0] for line in lexicon.workbook.read_workbook(tmp_path / "work.xlsx")[excel.GUIDE].lines]
    assert set(load_criteria().zh.splitlines()) | set(load_criteria().en.splitlines()) < set(guide)
    (tmp_path / "work.xlsx").write_bytes(excel.workbook(replace(batch, criteria=CRITERIA), []))
    assert any(
        CRITERIA in line.cells[0] for line in lexicon.workbook.read_workbook(tmp_path / "work.xlsx")[excel.GUIDE].lines
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_file_names_the_stage_as_the_page_does(tmp_path: Path, form: str) -> None:
    store, round = opened(tmp_path / "out", [item(1, "问答", stage="sft"), item(2, "无阶段", stage=None)])
    path = tmp_path / f"work{FORMS[form]}"
    hand_out((store, round), form, path, [1, 2])
    store.shut()
    assert stages(path) == ["sft", ""]


def stages(path: Path) -> list[str]:
    if path.suffix == ".xlsx":
        titles, *rows = lexicon.workbook.read_workbook(path)[excel.REVIEW].lines
        return [row.cells[titles.cells.index("阶段 stage")] for row in rows]
    if path.suffix == ".csv":
        return [row["stage"] for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))]
    if path.suffix == ".jsonl":
        return [json.loads(line)["stage"] for line in path.read_bytes().splitlines()]
    tasks = [task["data"] for task in json.loads(path.read_bytes())]
    assert all(task["stage"] in task["about"] for task in tasks)
    return [task["stage"] for task in tasks]


def test_a_workbook_offers_lists(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    hand_out(drawn, "xlsx", tmp_path / "work.xlsx")
    with zipfile.ZipFile(tmp_path / "work.xlsx") as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert "合格 qualified,不合格 unqualified,无法判定 unclear" in sheet
    assert "'风险 risks'!$A$1:$A$31" in sheet
    assert 'state="frozen"' in sheet


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_a_text_too_long_for_a_cell_is_left_to_the_page(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"work{FORMS[form]}"
    number = len(HOSTILE) + 1
    handed = hand_out(drawn, form, path, [1, number])
    assert handed.left == [(number, len(LONG))]
    assert [row.item_no for row in read_answers(path).answers] == ["1"]
    assert LONG[:100] not in everything(path)
    assert drawn[0].reserve("赵六", "first", by="主管", until=handed.batch.until, items=[number])


@pytest.mark.parametrize("form", ["jsonl", "label-studio"])
def test_other_forms_take_long_texts(drawn: tuple[ReviewStore, Round], tmp_path: Path, form: str) -> None:
    handed = hand_out(drawn, form, tmp_path / f"work{FORMS[form]}", [len(HOSTILE) + 1])
    assert handed.left == []
    assert LONG in everything(handed.files[0])


def test_where_every_text_is_too_long_nothing_is_written_or_kept(tmp_path: Path) -> None:
    store, round = opened(tmp_path / "out", [item(1, LONG)])
    with pytest.raises(UsageError, match="judge them on the page"):
        hand_out((store, round), "xlsx", tmp_path / "work.xlsx", [1])
    assert not (tmp_path / "work.xlsx").exists()
    assert store.lease("赵六", "first") is not None
    store.shut()


# what is handed out


def test_what_is_handed_out_is_given_to_nobody_else(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    hand_out(drawn, "jsonl", tmp_path / "work.jsonl", count=len(HOSTILE) + 1)
    leased = drawn[0].lease("赵六", "first")
    assert leased is not None
    assert leased.item_no == len(HOSTILE) + 2
    with pytest.raises(Refused):
        hand_out(drawn, "csv", tmp_path / "other.csv", [1], person="赵六")
    assert not (tmp_path / "other.csv").exists()


def test_a_write_that_fails_gives_the_items_back(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    (tmp_path / ".work.jsonl.part").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        hand_out(drawn, "jsonl", tmp_path / "work.jsonl", [1, 2])
    assert len(drawn[0].reserve("赵六", "first", by="主管", until="2999-01-01T00:00:00+00:00", items=[1, 2])) == 2
    assert "exported" not in {event["event"] for event in drawn[0].log()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"by": "张三"}, "only a lead"),
        ({"by": "无此人"}, "only a lead"),
        ({"person": "李四"}, "角色"),
        ({"person": "无此人"}, "no such account"),
        ({"reading": "third"}, "--reading"),
        ({"items": None}, "either --items or --count"),
        ({"count": 3}, "either --items or --count"),
        ({"items": [999]}, "999"),
    ],
)
def test_what_is_not_handed_out(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    request = replace(Request("张三", "first", "主管", [1]), **changes)
    with pytest.raises((UsageError, Refused), match=said):
        export_items(*drawn, "jsonl", tmp_path / "work.jsonl", request)
    assert not list(tmp_path.glob("*work*"))


def test_files_are_never_overwritten_or_misnamed(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    (tmp_path / "work.jsonl").write_text("mine", encoding="utf-8")
    for form, name in (("jsonl", "work.jsonl"), ("xlsx", "work.csv"), ("csv", "nowhere/work.csv"), ("pdf", "work.pdf")):
        with pytest.raises(UsageError):
            hand_out(drawn, form, tmp_path / name, [1])
    assert (tmp_path / "work.jsonl").read_text(encoding="utf-8") == "mine"


def test_adjudicators_see_earlier_verdicts_without_names(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    hand_out(drawn, "jsonl", tmp_path / "first.jsonl", [2])
    answer(tmp_path / "first.jsonl", lambda rows: rows[0].update({"verdict": "qualified", "risks": []}))
    hand_out(
        drawn, "jsonl", tmp_path / "second.jsonl", count=3, person="李四", reading="second"
    )  # the items read by two
    answer(tmp_path / "second.jsonl", lambda rows: rows[1].update({"verdict": "unqualified", "risks": ["A3-e"]}))
    for reading in ("first", "second"):
        give_back(drawn, tmp_path / f"{reading}.jsonl")
    for form, ending in FORMS.items():
        path = tmp_path / f"裁决{ending}"
        handed = hand_out(drawn, form, path, count=9, person="王五", reading="adjudication")
        assert {earlier.verdict for earlier in handed.batch.tasks[0].earlier} == {"qualified", "unqualified"}
        content = everything(path)
        assert "A3-e" in content
        assert "张三" not in content
        assert "李四" not in content
        drawn[0].release("王五", "adjudication", [2])


# rows that are refused


def changed(key: str, value: Any, row: int = 1) -> Edit:
    return lambda rows: rows[row].update({key: value})


ITEM_ITSELF = ("round", "criteria", "reading", "person", "export")  # told once for all rows of a file
FIRST_ITEM = {"item_no": 1, "text": HOSTILE[0], "content_hash": hashlib.sha256(HOSTILE[0].encode()).hexdigest()}
REFUSED: list[tuple[str, Edit, str, str]] = [
    ("no verdict", changed("verdict", None), "verdict", "the verdict is missing"),
    ("unknown verdict", changed("verdict", "fine"), "verdict", "no such verdict"),
    ("formula as verdict", changed("verdict", "=1+1"), "verdict", "no such verdict"),
    ("unknown risk", changed("risks", ["A9-z"]), "risks", "no such risk id"),
    ("risks of what is qualified", changed("verdict", "qualified"), "verdict", "qualified has no risks"),
    ("unqualified without a risk", changed("risks", []), "verdict", "names at least one risk"),
    ("unknown personal information", changed("personal", ["name"]), "personal", "no such kind"),
    ("no share", changed("read_share", None), "read_share", "share read is missing"),
    ("share above one", changed("read_share", 2), "read_share", "should be 0–100%"),
    ("share that is no number", changed("read_share", "nan"), "read_share", "should be 0–100%"),
    ("negative seconds", changed("seconds", -1), "seconds", "should be between"),
    ("a list for a word", changed("verdict", ["qualified"]), "verdict", "a string or a number"),
    ("a word for a list", changed("risks", "A3-e"), "risks", "a list of strings"),
    ("control characters in a note", changed("note", "a\x00b"), "verdict", "note"),
    ("a note too long", changed("note", "长" * 2_001), "verdict", "note"),
    ("an item of nobody", changed("item_no", 999), "item_no", "no item of this export"),
    ("an item not handed out", changed("item_no", len(HOSTILE) + 1), "item_no", "no item of this export"),
    ("another spelling of a number", changed("item_no", "٢"), "item_no", "no item of this export"),
    ("an item twice", lambda rows: rows[1].update(FIRST_ITEM), "item_no", "same item as row 1"),
    ("another content hash", changed("content_hash", "0" * 64), "content_hash", "not the content hash"),
    ("another text", changed("text", "改过的正文"), "text", "not what was exported"),
    ("another round", changed("round", "R0002"), "round", "another round"),
    ("other criteria", changed("criteria", "criteria-2:000000000000"), "criteria", "criteria should be"),
    ("another reading", changed("reading", "second"), "reading", "not what it was exported for"),
    ("another person", changed("person", "赵六"), "person", "not who it was exported for"),
    ("an export nobody made", changed("export", "f" * 64), "export", "no such export"),
    ("an unfinished row", lambda rows: rows[1].update(dict.fromkeys(rows[1])), "verdict", "no answer yet"),
]


@pytest.mark.parametrize(("name", "edit", "place", "said"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_row_is_refused_by_name_and_nothing_is_stored(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, name: str, edit: Edit, place: str, said: str
) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path)
    answer(path, edit)
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    found = [one for one in refused.value.refused if one.place.row == 2]
    assert [one.column for one in found] == [place]
    assert said in found[0].en
    assert found[0].zh
    item = "1" if name == "an item twice" else "" if place in ITEM_ITSELF else "2"
    named = f" 第 {item} 条 / item {item}:" if item and place != "item_no" else ""
    assert f"{path} 第 2 行 / row 2:{named} {place}" in str(refused.value)
    assert drawn[0].readings().num_rows == 0
    report = csv.reader(io.StringIO(report_bytes(path, refused.value.refused).decode("utf-8-sig")))
    row = next(row for row in report if row[2] == "2")
    assert row[0] == "work.jsonl"
    assert row[3] == found[0].item
    assert not row[5].startswith(FORMULA)


def test_texts_and_notes_are_never_repeated_in_messages(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1])
    answer(path, changed("text", "身份证 11010519491231002X", row=0))
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    assert "11010519491231002X" not in str(refused.value) + report_bytes(path, refused.value.refused).decode()


def test_all_wrong_rows_are_named_at_once(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path)
    answer(path, lambda rows: [row.update(verdict="?", read_share="?") for row in rows] and None)
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    assert len(refused.value.refused) == 2 * len(HOSTILE)
    every = f"{path} 第 1–{len(HOSTILE)} 行 / row 1–{len(HOSTILE)}: 第 1–{len(HOSTILE)} 条 / item 1–{len(HOSTILE)}: "
    assert [line.partition(": 未知")[0] for line in str(refused.value).splitlines()] == [
        f"{every}read_share '?': 应为 0–100% 或 0–1 / should be 0–100% or 0–1",
        f"{every}verdict '?'",
    ]


RUNS: list[tuple[str, list[tuple[int, str, str]], list[str]]] = [
    ("one row", [(2, "7", "a")], [" 第 2 行 / row 2: 第 7 条 / item 7: verdict: a / a"]),
    (
        "rows that follow each other",
        [(2, "7", "a"), (3, "9", "a"), (4, "10", "a")],
        [" 第 2–4 行 / row 2–4: 第 7, 9–10 条 / item 7, 9–10: verdict: a / a"],
    ),
    (
        "a gap, and another reason",
        [(2, "1", "a"), (4, "2", "a"), (5, "3", "b")],
        [
            " 第 2 行 / row 2: 第 1 条 / item 1: verdict: a / a",
            " 第 4 行 / row 4: 第 2 条 / item 2: verdict: a / a",
            " 第 5 行 / row 5: 第 3 条 / item 3: verdict: b / b",
        ],
    ),
    ("rows that are gone", [(0, "5", "a"), (0, "8", "a")], [": 第 5, 8 条 / item 5, 8: verdict: a / a"]),
    ("no number", [(1, "x\\u202E", "a")], [" 第 1 行 / row 1: 第 x\\u202E 条 / item x\\u202E: verdict: a / a"]),
    (
        "many apart",
        [(row, str(2 * row), "a") for row in range(1, 21)],
        [
            " 第 1–20 行 / row 1–20: 第 2, 4, 6, 8, 10, 12, 14, 16 … (20) 条 / item 2, 4, 6, 8, 10, 12, 14, 16 … (20): verdict: a / a"
        ],
    ),
]


@pytest.mark.parametrize(("name", "rows", "said"), RUNS, ids=[case[0] for case in RUNS])
def test_rows_next_to_each_other_are_told_in_one_line(
    name: str, rows: list[tuple[int, str, str]], said: list[str]
) -> None:
    refused = [RefusedRow(Place("", row), "verdict", "", why, why, item) for row, item, why in rows]
    assert refusal_lines(Path("f.csv"), refused[::-1]) == [f"f.csv{line}" for line in said]
    report = list(csv.reader(io.StringIO(report_bytes(Path("f.csv"), refused).decode("utf-8-sig"))))
    assert [row[3] for row in report[1:]] == [item for _, item, _ in rows]


def test_an_unfinished_file_is_taken_when_that_is_said(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path)
    answer(path, lambda rows: rows[3].update(dict.fromkeys(rows[3])))
    assert give_back(drawn, path, partial=True) == Imported(len(HOSTILE) - 1, 0, 1)
    answer(path)
    assert give_back(drawn, path) == Imported(1, len(HOSTILE) - 1, 0)


def test_a_row_that_was_removed_is_missed(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path)
    answer(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(RowsRefused, match="no answer yet"):
        give_back(drawn, path)
    assert drawn[0].readings().num_rows == 0


def test_another_verdict_than_the_one_that_stands_is_refused(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1, 3])
    answer(path)
    give_back(drawn, path)
    answer(path, changed("verdict", "unclear", row=0))
    with pytest.raises(RowsRefused, match="another verdict stands"):
        give_back(drawn, path)


def test_an_item_somebody_else_decided_meanwhile_is_refused(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    store = drawn[0]
    hand_out(drawn, "jsonl", tmp_path / "work.jsonl", [1, 2])
    answer(tmp_path / "work.jsonl")
    store.release("张三", "first", [1])
    hand_out(drawn, "jsonl", tmp_path / "other.jsonl", [1], person="赵六")
    with pytest.raises(RowsRefused, match="not with you"):
        give_back(drawn, tmp_path / "work.jsonl")
    answer(tmp_path / "other.jsonl")
    give_back(drawn, tmp_path / "other.jsonl")
    with pytest.raises(RowsRefused, match="somebody else has decided"):
        give_back(drawn, tmp_path / "work.jsonl")
    assert store.readings().num_rows == 1


def test_a_role_that_was_taken_away_counts(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1])
    answer(path)
    drawn[0].set_roles("张三", ["second"], by="主管")
    with pytest.raises(RowsRefused, match="not a role of yours"):
        give_back(drawn, path)


def test_the_person_named_must_be_the_one(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1])
    answer(path)
    with pytest.raises(RowsRefused, match="not --person 赵六"):
        give_back(drawn, path, person="赵六")
    assert give_back(drawn, path, person="张三").stored == 1


def test_only_the_person_or_a_lead_imports(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1])
    answer(path)
    with pytest.raises(UsageError, match="only the person or a lead"):
        give_back(drawn, path, by="赵六")
    assert drawn[0].readings().num_rows == 0
    assert give_back(drawn, path, by="主管").stored == 1


def test_a_round_that_is_over_takes_nothing(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    store, round = drawn
    path = tmp_path / "work.jsonl"
    hand_out(drawn, "jsonl", path, [1])
    answer(path)
    over = close(store.output, round, [final(1, "qualified")])
    with pytest.raises(UsageError, match="not being reviewed"):
        give_back((store, over), path)


# each form's own traps


def test_cells_sorted_apart_from_their_ids_are_noticed(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.xlsx"
    hand_out(drawn, "xlsx", path, [1, 2])
    answer(path)
    write_cells(path, 1, {f"{column('text')}2": shown(HOSTILE[1]), f"{column('text')}3": shown(HOSTILE[0])})
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    assert [(one.place.sheet, one.place.row, one.column) for one in refused.value.refused] == [
        (excel.REVIEW, 2, "text"),
        (excel.REVIEW, 3, "text"),
    ]


@pytest.mark.parametrize(
    ("cell", "value", "said"),
    [
        ("B1", "R0002", "another round"),
        ("B2", "criteria-9:0", "criteria should be"),
        ("B3", "second", "not what it was exported for"),
        ("B4", "赵六", "not who it was exported for"),
        ("B6", "0" * 64, "no such export"),
        ("A7", "2", "the hidden sheet was changed"),
        ("B7", "0" * 64, "the hidden sheet was changed"),
        ("A1", "runde", "the hidden sheet was changed"),
    ],
)
def test_a_hidden_sheet_that_was_changed_is_refused(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, cell: str, value: str, said: str
) -> None:
    path = tmp_path / "work.xlsx"
    hand_out(drawn, "xlsx", path, [1])
    answer(path)
    write_cells(path, 4, {cell: value})
    with pytest.raises(UsageError, match=said):
        give_back(drawn, path)
    assert drawn[0].readings().num_rows == 0


def test_wrong_cells_of_a_workbook_are_named(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.xlsx"
    hand_out(drawn, "xlsx", path, [1, 2])
    answer(path)
    write_cells(
        path,
        1,
        {f"{column('verdict')}3": "也许", f"{column('general')}3": "maybe", f"{column('more_risks')}3": "A1-a、B"},
    )
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    assert {one.place.row for one in refused.value.refused} == {3}
    assert [one.column for one in refused.value.refused] == ["一般个人信息 general", "risks", "verdict"]


@pytest.mark.parametrize("bound", ["MAX_UNPACKED", "MAX_CELLS"])
def test_a_workbook_that_unpacks_to_too_much_is_refused(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    path = tmp_path / "work.xlsx"
    hand_out(drawn, "xlsx", path, [1])
    monkeypatch.setattr(lexicon.workbook, bound, 1_000 if bound == "MAX_UNPACKED" else 10)
    with pytest.raises(UsageError, match="work.xlsx"):
        give_back(drawn, path)


def test_a_cell_in_the_last_corner_is_refused(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.xlsx"
    hand_out(drawn, "xlsx", path, [1])
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    change_part(path, "xl/worksheets/sheet1.xml", lambda part: part.replace("</sheetData>", far))
    with pytest.raises(UsageError, match="XFD1048576"):
        give_back(drawn, path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", b"PK nothing"),
        ("a.csv", b"item_no,text\n1,x\n"),
        ("a.csv", "编号".encode("gb18030")),
        ("a.csv", b""),
        ("a.jsonl", b"{"),
        ("a.jsonl", b"[1]\n"),
        ("a.jsonl", b'{"item_no": 1}\n'),
        ("a.jsonl", b"\n"),
        ("a.json", b"{}"),
        ("a.json", b'[{"item_no": 1, "verdict": "qualified"}]'),
        ("a.json", b"[" * 100_000),
        ("a.txt", b"x"),
        ("missing.csv", None),
    ],
)
def test_files_of_another_kind_are_one_clear_error(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_answers(tmp_path / name)
    assert name in str(error.value)


def test_csv_with_semicolons_and_chinese_words_is_read(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.csv"
    hand_out(drawn, "csv", path, [1, 2])
    answer(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0] |= {"verdict": "合格", "read_share": "100％"}
    rows[1] |= {"verdict": "不合格", "risks": "a3-E，A2-d", "personal": "敏感个人信息;生物识别信息 biometric"}
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    give_back(drawn, path)
    readings = drawn[0].readings().to_pylist()
    assert [row["verdict"] for row in readings] == ["qualified", "unqualified"]
    assert (readings[1]["risks"], readings[1]["personal"]) == (["A2-d", "A3-e"], ["sensitive", "biometric"])


def test_a_csv_that_lost_characters_is_refused(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.csv"
    hand_out(drawn, "csv", path)
    answer(path)
    path.write_text(path.read_text(encoding="utf-8-sig").replace("🏽", "?"), encoding="utf-8", newline="")
    with pytest.raises(RowsRefused, match="text is not what was exported"):
        give_back(drawn, path)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        (lambda task: task["annotations"].append(task["annotations"][0]), "annotations", "one annotation"),
        (lambda task: task["annotations"][0].update(was_cancelled=True), "verdict", "no answer yet"),
        (lambda task: task["annotations"][0].update(completed_by={"id": 8}), "completed_by", "several people"),
        (
            lambda task: task["annotations"][0]["result"].append({"from_name": "boxes", "value": {}}),
            "result",
            "not a result",
        ),
        (
            lambda task: task["annotations"][0]["result"].append(result("verdict", "choices", ["合格"])),
            "verdict",
            "one choice",
        ),
        (lambda task: task["data"].pop("content_hash"), "data.content_hash", "missing"),
        (lambda task: task["data"].update(text="改"), "text", "not what was exported"),
    ],
)
def test_tasks_that_are_refused(
    drawn: tuple[ReviewStore, Round], tmp_path: Path, change: Change, column: str, said: str
) -> None:
    path = tmp_path / "work.json"
    hand_out(drawn, "label-studio", path, [1, 2])
    export_as_tasks(path)
    answer(path)
    tasks = json.loads(path.read_bytes())
    change(tasks[1])
    path.write_text(json.dumps(tasks), encoding="utf-8")
    with pytest.raises(RowsRefused) as refused:
        give_back(drawn, path)
    mine = [one for one in refused.value.refused if one.place.row == 2]
    assert column in {one.column for one in mine}
    assert any(said in one.en for one in mine)
    assert drawn[0].readings().num_rows == 0


def test_the_time_a_tool_measured_is_kept(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    path = tmp_path / "work.json"
    hand_out(drawn, "label-studio", path, [1])
    export_as_tasks(path)
    answer(path)
    give_back(drawn, path)
    assert drawn[0].readings().column("seconds").to_pylist() == [12.5]


@pytest.mark.parametrize("reading", ["first", "adjudication"])
def test_the_labelling_configuration_offers_all_that_can_be_answered(reading: str) -> None:
    root = ElementTree.fromstring(labelling_config(reading, criteria_version()))
    headers = [element.get("value") for element in root if element.tag == "Header"]
    assert headers == [*guide_lines(reading, cells=False), "$about"]
    assert [element.get("value") for element in root.findall("Collapse/Panel/Header")] == rule_lines(criteria_version())
    assert set(guide_lines(reading, cells=False)) < set(guide_lines(reading))
    taxonomy = next(element for element in root if element.tag == "Taxonomy")
    leaves = [leaf.get("value", "") for group in taxonomy for leaf in group]
    assert [vocabulary.risks_of(leaf) for leaf in leaves] == [([risk], []) for risk in risks()]
    choices = {e.get("name"): [c.get("value", "") for c in e] for e in root if e.tag == "Choices"}
    assert [vocabulary.verdict_of(choice) for choice in choices["verdict"]] == ["qualified", "unqualified", "unclear"]
    assert [vocabulary.personal_of(c) for c in choices["personal"]] == ["general", "sensitive", "biometric"]
    assert [vocabulary.share_of(choice) for choice in choices["read_share"]] == [1, 0.75, 0.5, 0.25]
    assert ("earlier" in {element.get("name") for element in root}) == (reading == "adjudication")


def test_a_changed_item_set_is_another_export() -> None:
    task = Task(1, "zh", "正文", hashlib.sha256("正文".encode()).hexdigest(), (Earlier("qualified", (), (), ""),))
    batch = Batch("R0001", CRITERIA, "first", "张三", "2026-12-01T00:00:00+00:00", (task,))
    other = [
        replace(batch, person="李四"),
        replace(batch, reading="second"),
        replace(batch, tasks=()),
        replace(batch, tasks=(replace(task, item_no=2),)),
        replace(batch, tasks=(replace(task, content_hash="0" * 64),)),
    ]
    assert len({batch.digest, *(one.digest for one in other)}) == 6


# the commands


def test_the_commands_hand_out_and_take_back(drawn: tuple[ReviewStore, Round], tmp_path: Path) -> None:
    out, path = tmp_path / "out", tmp_path / "work.csv"
    words = ["--form", "csv", "--reading", "first", "--person", "张三", "--by", "主管", "--items", "1-2,19"]
    done = CliRunner().invoke(review_app, ["export", str(out), *words, "--to", str(path)])
    assert done.exit_code == 0, done.output
    assert "too long for a cell, left for the page: 1 (19)" in done.output
    answer(path, changed("verdict", "?"))
    done = CliRunner().invoke(review_app, ["import", str(out), str(path)])
    assert isinstance(done.exception, UsageError)
    assert "no such verdict" in str(done.exception)
    assert "no such verdict" in (tmp_path / "work.csv.refused.csv").read_text(encoding="utf-8-sig")
    answer(path)
    other = tmp_path / "mine.csv"
    other.write_text("a list of mine\n")
    done = CliRunner().invoke(review_app, ["import", str(out), str(path), "--report", str(other)])
    assert done.exit_code == 0, done.output
    assert "stored 2" in done.output
    assert other.exists()  # only a report is removed
    done = CliRunner().invoke(review_app, ["import", str(out), str(path)])
    assert "there already 2" in done.output
    assert not (tmp_path / "work.csv.refused.csv").exists()


@pytest.mark.parametrize("written", ["", "a", "3-1", "1-", "-1", "1-9999999999", "١"])
def test_item_numbers_that_are_none(written: str) -> None:
    with pytest.raises(UsageError, match="--items"):
        commands._numbers(written)


def test_item_numbers() -> None:
    assert commands._numbers("3, 1-2,2") == [1, 2, 3]
