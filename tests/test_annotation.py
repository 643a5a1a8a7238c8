"""Annotation: what each check finds, what is refused of a log, the look-up of voided batches, and laws of the whole."""

import csv
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.store.output import Output, Run
from report.annotation import BadLog, annotation_rows
from report.annotation.checks import CHECKS
from report.annotation.limits import FLOOR_SECONDS, HOURS_A_DAY, RETRAIN_DAYS
from report.annotation.reading import LISTED
from report.declared.tables import tables
from tests.audits import Corpus, audit, jsonl, texts

COLUMNS = ("time", "task", "batch", "item", "kind", "role", "person", "result", "seconds")
Event = tuple[str, ...]
STAFF: list[dict[str, str]] = [
    {"person": "a1", "employment": "internal", "roles": "annotate", "qualified_from": "2026-01-01", "hours": "8"},
    {
        "person": "a2",
        "employment": "external",
        "roles": "annotate;review",
        "qualified_from": "2026-01-01",
        "hours": "4.5",
    },
    {"person": "r1", "employment": "内部", "roles": "审核", "qualified_from": "2026-01-01", "hours": "8"},
]


def event(minute: int, item: str, kind: str, role: str, person: str, result: str = "", **changes: str) -> Event:
    """An event of task T, batch B, some minutes after nine on a day of March."""
    row = {
        "time": (datetime(2026, 3, 2, 9) + timedelta(minutes=minute)).isoformat(sep=" "),
        "task": "T",
        "batch": "B",
        "item": item,
        "kind": kind,
        "role": role,
        "person": person,
        "result": result,
        "seconds": "30",
    }
    return tuple((row | changes)[name] for name in COLUMNS)


def functional(minute: int, item: str, role: str, person: str, result: str = "", **changes: str) -> Event:
    return event(minute, item, "functional", role, person, result, **changes)


def safety(minute: int, item: str, role: str, person: str, result: str = "", **changes: str) -> Event:
    return event(minute, item, "safety", role, person, result, **changes)


GOOD = [
    functional(0, "s:1", "annotate", "a1"),
    functional(1, "s:2", "annotate", "a1"),
    functional(2, "s:2", "spot_check", "r1", "passed"),
    safety(3, "s:3", "annotate", "a1", batch="C"),
    safety(4, "s:3", "review", "r1", "passed", batch="C"),
]


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def rows_of(
    folder: Path, events: Sequence[Event], staff: Sequence[dict[str, str]] = STAFF, run: Run | None = None
) -> dict[str, list[dict[str, Any]]]:
    log = write_csv(folder / "log.csv", COLUMNS, events)
    names = sorted({name for entry in staff for name in entry})
    people = write_csv(folder / "staff.csv", names, [[entry.get(name, "") for name in names] for entry in staff])
    about = {"file": "x", "sha256": "0"}
    return annotation_rows(log, people, about, about, run)


def problems(rows: dict[str, list[dict[str, Any]]]) -> dict[str, int | None]:
    """What checks found that is not as it should be."""
    return {row["check"]: row["problems"] for row in rows["checks"] if row["problems"] != 0}


def test_a_good_log_has_no_problem_and_every_check_was_made(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, GOOD)
    assert problems(rows) == {} and rows["problems"] == []
    assert all(row["examined"] > 0 for row in rows["checks"])


def test_rows_have_exactly_the_columns_of_their_tables(tmp_path: Path) -> None:
    voided = functional(9, "", "void", "r1", batch="D")
    rows = rows_of(tmp_path, [*GOOD, functional(5, "s:9", "annotate", "a1", batch="D"), voided])
    assert set(rows) == set(tables()["annotation"])
    for name, table in tables()["annotation"].items():
        if name != "problems":
            assert rows[name], name
        for row in rows[name]:
            assert set(row) == {column.name for column in table.columns}, name
            for column in table.columns:
                assert isinstance(row[column.name], _PYTHON[str(column.type)] | None), (name, column.name)


_PYTHON: dict[str, Any] = {"VARCHAR": str, "VARCHAR[]": list, "BIGINT": int, "DOUBLE": float | int, "BOOLEAN": bool}

RULES: list[tuple[str, list[Event], dict[str, int | None]]] = [
    (
        "one person annotates and reviews in a task",
        [safety(5, "s:4", "annotate", "a2", batch="C"), safety(6, "s:4", "review", "a2", "passed", batch="C")],
        {"K.ANN.STAFF.ROLES": 1, "K.ANN.ACC.SAFE": 1},
    ),
    (
        "the same in two tasks is allowed",
        [
            safety(5, "s:4", "annotate", "a2", batch="C"),
            safety(6, "s:4", "review", "r1", "passed", batch="C"),
            safety(7, "s:5", "annotate", "a1", task="U"),
            safety(8, "s:5", "review", "a2", "passed", task="U"),
        ],
        {},
    ),
    ("safety without a review", [safety(5, "s:4", "annotate", "a1", batch="C")], {"K.ANN.ACC.SAFE": 1}),
    (
        "safety that a review did not pass",
        [safety(5, "s:4", "annotate", "a1", batch="C"), safety(6, "s:4", "review", "r1", "inaccurate", batch="C")],
        {"K.ANN.ACC.SAFE": 1},
    ),
    (
        "safety passed before it was labelled again",
        [
            safety(5, "s:4", "annotate", "a1", batch="C"),
            safety(6, "s:4", "review", "r1", "passed", batch="C"),
            safety(7, "s:4", "relabel", "a1", batch="C"),
        ],
        {"K.ANN.ACC.SAFE": 1},
    ),
    (
        "safety labelled again and passed then",
        [
            safety(5, "s:4", "annotate", "a1", batch="C"),
            safety(6, "s:4", "review", "r1", "inaccurate", batch="C"),
            safety(7, "s:4", "relabel", "a1", batch="C"),
            safety(8, "s:4", "review", "r1", "passed", batch="C"),
        ],
        {},
    ),
    (
        "safety passed and then contradicted",
        [safety(6, "s:3", "spot_check", "r1", "illegal", batch="C")],
        {"K.ANN.ACC.SAFE": 1},
    ),
    (
        "a batch nobody spot-checked",
        [functional(5, "s:5", "annotate", "a1", batch="D")],
        {"K.ANN.ACC.FUNC.SPOT": 1},
    ),
    (
        "a spot check before anything was annotated",
        [
            functional(5, "s:5", "spot_check", "r1", "passed", batch="D"),
            functional(6, "s:5", "annotate", "a1", batch="D"),
        ],
        {"K.ANN.ACC.FUNC.SPOT": 1},
    ),
    (
        "a spot check by the annotator does not count",
        [
            functional(5, "s:5", "annotate", "a2", task="U"),
            functional(6, "s:5", "spot_check", "a2", "passed", task="U"),
        ],
        {"K.ANN.ACC.FUNC.SPOT": 1, "K.ANN.STAFF.ROLES": 1},
    ),
    (
        "a spot check of something the batch does not hold",
        [
            functional(5, "s:5", "annotate", "a1", batch="D"),
            functional(6, "s:6", "spot_check", "r1", "passed", batch="D"),
        ],
        {"K.ANN.ACC.FUNC.SPOT": 1, "K.ANN.LOG.COMPLETE": 1},
    ),
    (
        "found wrong and not labelled again",
        [functional(5, "s:1", "spot_check", "r1", "inaccurate")],
        {"K.ANN.ACC.FUNC.RELABELLED": 1},
    ),
    (
        "found wrong and labelled again",
        [functional(5, "s:1", "spot_check", "r1", "不准确"), functional(6, "s:1", "relabel", "a1")],
        {},
    ),
    (
        "labelled again before it was found wrong",
        [functional(5, "s:1", "spot_check", "r1", "inaccurate"), functional(4, "s:1", "relabel", "a1")],
        {"K.ANN.ACC.FUNC.RELABELLED": 1},
    ),
    (
        "illegal content in a batch that stands",
        [functional(5, "s:1", "spot_check", "r1", "违法不良")],
        {"K.ANN.ACC.FUNC.VOIDED": 1},
    ),
    (
        "illegal content noted under the other kind",
        [safety(5, "s:1", "spot_check", "r1", "illegal")],
        {"K.ANN.ACC.FUNC.VOIDED": 1, "K.ANN.KINDS": 1},
    ),
    (
        "a voided batch that nobody looked up",
        [functional(5, "s:1", "spot_check", "r1", "illegal"), functional(6, "", "void", "r1")],
        {"K.ANN.ACC.FUNC.ABSENT": None},
    ),
    (
        "a voided batch of safety annotation that nobody looked up",
        [safety(5, "s:4", "annotate", "a1", batch="D"), safety(6, "", "void", "r1", batch="D")],
        {"K.ANN.ACC.SAFE": None, "K.ANN.ACC.FUNC.ABSENT": None},
    ),
    (
        "a voided batch of safety annotation that was reviewed",
        [safety(6, "", "void", "r1", batch="C")],
        {"K.ANN.ACC.FUNC.ABSENT": None},
    ),
    (
        "illegal safety prompts void nothing",
        [safety(5, "s:4", "annotate", "a1", batch="C"), safety(6, "s:4", "review", "r1", "illegal", batch="C")],
        {"K.ANN.ACC.SAFE": 1},
    ),
    (
        "somebody who is not on the list",
        [functional(5, "s:7", "annotate", "x9")],
        {"K.ANN.STAFF.QUALIFIED": 1, "K.ANN.STAFF.RETRAINED": 1},
    ),
    (
        "a reviewer who may only annotate",
        [
            functional(5, "s:7", "annotate", "a2", task="U"),
            functional(6, "s:7", "spot_check", "a1", "passed", task="U"),
        ],
        {"K.ANN.STAFF.QUALIFIED": 1},
    ),
    (
        "before the qualification began",
        [functional(5, "s:7", "annotate", "a1", time="2025-12-31 23:59:59")],
        {"K.ANN.STAFF.QUALIFIED": 1, "K.ANN.STAFF.RETRAINED": 1},
    ),
    (
        "the day is told in Beijing",
        [functional(5, "s:7", "annotate", "a1", time="2025-12-31T16:00:00Z")],
        {},
    ),
    (
        "too long after the last training",
        [functional(5, "s:7", "annotate", "a1", time=f"{datetime(2026, 1, 1) + timedelta(days=RETRAIN_DAYS + 1)}")],
        {"K.ANN.STAFF.RETRAINED": 1},
    ),
    (
        "faster than anybody can work",
        [functional(5, "s:7", "annotate", "a1", seconds=str(FLOOR_SECONDS - 0.5))],
        {"K.ANN.STAFF.TIME": 1},
    ),
    (
        "a day longer than it may be",
        [functional(5 + n, f"s:{n}", "annotate", "a1", seconds="3600") for n in range(10, 10 + HOURS_A_DAY)],
        {"K.ANN.STAFF.HOURS": 1},
    ),
    (
        "durations nobody recorded",
        [functional(5, f"s:{n}", "annotate", "a1", seconds="") for n in range(10, 12)],
        {"K.ANN.STAFF.TIME": None, "K.ANN.STAFF.HOURS": None},
    ),
    (
        "a task that nobody verifies",
        [safety(5, "s:8", "annotate", "a1", task="U")],
        {"K.ANN.STAFF.DIVIDED": 1, "K.ANN.ACC.SAFE": 1},
    ),
]


@pytest.mark.parametrize(("events", "found"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_what_the_checks_find(tmp_path: Path, events: list[Event], found: dict[str, int | None]) -> None:
    rows = rows_of(tmp_path, [*GOOD, *events])
    assert problems(rows) == found
    assert {row["check"] for row in rows["problems"]} == {check for check, count in found.items() if count}


def test_every_check_can_find_something() -> None:
    assert {check.id for check in CHECKS} <= {check for _, _, found in RULES for check in found}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([{"qualified_from": "2026-01-01", "qualified_to": "2026-03-01"}], {"K.ANN.STAFF.QUALIFIED": 1}),
        ([{"qualified_from": "2026-01-01", "qualified_to": "2026-03-02"}], {}),
        ([{"qualified_from": "2025-01-01"}], {"K.ANN.STAFF.RETRAINED": 1}),
        ([{"qualified_from": "2025-01-01", "trained_at": "2026-02-01"}], {}),
        ([{"qualified_from": "2025-01-01", "trained_at": "2026-04-01"}], {"K.ANN.STAFF.RETRAINED": 1}),
        ([{"qualified_from": "2025-01-01"}, {"qualified_from": "2026-02-01"}], {}),
        (
            [{"qualified_from": "2026-01-01", "qualified_to": "2026-02-01"}, {"qualified_from": "2026-03-03"}],
            {"K.ANN.STAFF.QUALIFIED": 1},
        ),
    ],
)
def test_qualifications_and_training_on_the_day(
    tmp_path: Path, entries: list[dict[str, str]], found: dict[str, int]
) -> None:
    staff = [*STAFF, *({"person": "z1", "employment": "external", "roles": "annotate", **entry} for entry in entries)]
    rows = rows_of(tmp_path, [*GOOD, functional(5, "s:7", "annotate", "z1")], staff)
    assert problems(rows) == found
    (person,) = [row for row in rows["staff"] if row["person"] == "z1"]
    assert person["without_qualification"] == found.get("K.ANN.STAFF.QUALIFIED", 0)


def test_what_the_tables_say(tmp_path: Path) -> None:
    wrong = functional(5, "s:1", "spot_check", "r1", "inaccurate")
    rows = rows_of(tmp_path, [*GOOD, wrong, functional(6, "s:1", "relabel", "a1", seconds="90"), GOOD[0]])
    assert rows["log"][0] | {"file": "", "sha256": "", "staff_file": "", "staff_sha256": ""} == {
        "file": "",
        "sha256": "",
        "staff_file": "",
        "staff_sha256": "",
        "events": 7,
        "repeated": 1,
        "tasks": 1,
        "batches": 2,
        "items": 3,
        "persons": 2,
        "first_day": "2026-03-02",
        "last_day": "2026-03-02",
        "run_id": None,
        "known_items": None,
        "stage_documents": None,
        "stage_documents_logged": None,
    }
    of_function, of_safety = rows["kinds"]
    assert of_function == {
        "kind": "functional",
        "items": 2,
        "voided_items": 0,
        "annotators": 1,
        "reviewers": 1,
        "batches": 1,
        "voided_batches": 0,
        "checked_items": 2,
        "checked_share": 1.0,
        "qualified_items": 1,
        "qualified_share": 0.5,
        "seconds": 150.0,
        "median_seconds": 30.0,
    }
    assert (of_safety["checked_share"], of_safety["qualified_share"]) == (1.0, 1.0)
    (batch,) = [row for row in rows["batches"] if row["batch"] == "B"]
    assert (batch["inaccurate"], batch["not_relabelled"], batch["qualified_rate"]) == (1, 0, 0.5)
    assert [(row["person"], row["employment"], row["training_hours"], row["checked"]) for row in rows["staff"]] == [
        ("a1", "internal", 8.0, 0),
        ("a2", "external", 4.5, 0),
        ("r1", "internal", 8.0, 3),
    ]


# the look-up in a run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A real run of two sources: one admitted, and one whose terms forbid training, with five texts of the other."""
    folder = tmp_path_factory.mktemp("annotated")
    corpus = Corpus(folder, folder / "config.json")
    kept = texts("对话", 40)
    for source, found in (("kept", kept), ("barred", kept[:5] + texts("作废", 5))):
        (folder / source).mkdir()
        rows = [{"id": f"{source}-{number}", "text": text} for number, text in enumerate(found)]
        (folder / source / "a.jsonl").write_bytes(jsonl(rows))
    shared = {"kind": "self_collected", "region": "domestic", "stage": "sft"}
    barred = {"evidence": {"terms_allow_training": "no"}}
    corpus.write(
        sources=[
            {"id": "kept", "name": "对话", "paths": ["kept/*.jsonl"], **shared},
            {"id": "barred", "name": "作废", "paths": ["barred/*.jsonl"], **shared, **barred},
        ]
    )
    audit("run", corpus.config, "--out", folder / "o")
    found_run = Output(folder / "o").current
    assert found_run is not None
    return found_run


KEPT = [f"kept:kept-{number}" for number in range(5, 40)]
BARRED = [f"barred:barred-{number}" for number in range(5, 10)]  # of texts no other source has
COPIED = "barred:barred-0"  # kept out, and its text admitted as kept:kept-0


def annotated(batch: str, items: Sequence[str]) -> list[Event]:
    return [functional(n, item, "annotate", "a1", batch=batch) for n, item in enumerate(items)] + [
        functional(500, items[0], "spot_check", "r1", "passed", batch=batch)
    ]


def test_voided_batches_are_looked_up_in_the_run(tmp_path: Path, run: Run) -> None:
    void = [functional(600, "", "void", "r1", batch="V")]
    good = rows_of(tmp_path, [*annotated("K", KEPT[:20]), *annotated("V", [*BARRED, "no:where"]), *void], run=run)
    assert problems(good) == {}
    (batch,) = [row for row in good["batches"] if row["voided"]]
    assert (batch["admitted_items"], batch["unknown_items"], batch["voided_day"]) == (0, 1, "2026-03-02")
    assert good["log"][0]["run_id"] == run.manifest["run_id"]
    covered = ("known_items", "stage_documents", "stage_documents_logged")
    assert [good["log"][0][name] for name in covered] == [20, 40, 20]

    still = rows_of(tmp_path, [*annotated("K", KEPT[:20]), *annotated("V", [*BARRED, KEPT[25]]), *void], run=run)
    assert problems(still) == {"K.ANN.ACC.FUNC.ABSENT": 1}
    assert [(row["batch"], row["item"]) for row in still["problems"]] == [("V", KEPT[25])]


def test_a_voided_text_that_came_in_under_another_id_is_found(tmp_path: Path, run: Run) -> None:
    void = functional(600, "", "void", "r1", batch="V")
    rows = rows_of(tmp_path, [*annotated("K", KEPT), *annotated("V", [COPIED]), void], run=run)
    assert problems(rows) == {"K.ANN.ACC.FUNC.ABSENT": 1}


def test_voiding_safety_annotation_takes_the_place_of_its_review_only_where_it_is_not_admitted(
    tmp_path: Path, run: Run
) -> None:
    def voided(item: str) -> dict[str, int | None]:
        events = [safety(0, item, "annotate", "a1", batch="S"), safety(600, "", "void", "r1", batch="S")]
        return problems(rows_of(tmp_path, [*annotated("K", KEPT[:20]), *events], run=run))

    assert voided(BARRED[0]) == {}
    assert voided(KEPT[30]) == {"K.ANN.ACC.SAFE": 1, "K.ANN.ACC.FUNC.ABSENT": 1}


def test_ids_the_run_does_not_know_prove_nothing(tmp_path: Path, run: Run) -> None:
    void = functional(600, "", "void", "r1", batch="V")
    own_ids = rows_of(tmp_path, [*annotated("K", ["1", "2"]), *annotated("V", ["3"]), void], run=run)
    assert problems(own_ids) == {"K.ANN.ACC.FUNC.ABSENT": None}
    all_void = rows_of(tmp_path, [*annotated("V", ["3"]), void], run=run)
    assert problems(all_void) == {"K.ANN.ACC.FUNC.ABSENT": None}


# what is refused

BAD_ROWS = [
    ({"time": "yesterday"}, "time 不是时间"),
    ({"time": ""}, "缺 time"),
    ({"task": ""}, "缺 task"),
    ({"task": "a\x07b"}, "task 含不可打印字符 U+0007"),
    ({"batch": "x" * 101}, "batch 应为 1–100 个字符"),
    ({"item": ""}, "缺 item"),
    ({"kind": "other"}, "kind 应为其一"),
    ({"role": "boss"}, "role 应为其一"),
    ({"person": "张三"}, "不应是姓名"),
    ({"person": "13800138000"}, "不应是姓名、手机号"),
    ({"person": "a@b.cn"}, "不应是姓名"),
    ({"person": "a\u202eb"}, "person 含不可打印字符 U+202E"),
    ({"role": "review", "result": ""}, "缺 result"),
    ({"role": "review", "result": "fine"}, "result 应为其一"),
    ({"seconds": "-1"}, "seconds 应为 0–86400 的数"),
    ({"seconds": "nan"}, "seconds 应为"),
    ({"seconds": "1e9"}, "seconds 应为"),
]


@pytest.mark.parametrize(("changes", "told"), BAD_ROWS, ids=[told for _, told in BAD_ROWS])
def test_a_refused_row_is_told_with_file_line_and_reason(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    row = dict(zip(COLUMNS, functional(5, "s:7", "annotate", "a1"), strict=True)) | changes
    with pytest.raises(BadLog) as raised:
        rows_of(tmp_path, [*GOOD, tuple(row.values())])
    (problem,) = raised.value.problems
    assert problem.startswith(f"{tmp_path / 'log.csv'}: 第 7 行 / line 7: ") and told in problem


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"roles": ""}, "缺 roles"),
        ({"roles": "boss"}, "roles 应为其一"),
        ({"employment": "friend"}, "employment 应为其一"),
        ({"employment": "external"}, "前面记为另一用工类型"),
        ({"qualified_from": "2026/1/1"}, "qualified_from 不是日期"),
        ({"qualified_to": "2025-12-31"}, "早于生效"),
        ({"hours": "many"}, "hours 应为"),
    ],
)
def test_a_refused_entry_of_the_staff_list(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(BadLog) as raised:
        rows_of(tmp_path, GOOD, [*STAFF, STAFF[0] | changes])
    (problem,) = raised.value.problems
    assert problem.startswith(f"{tmp_path / 'staff.csv'}: 第 5 行 / line 5: ") and told in problem


def test_every_refused_row_is_told_up_to_a_number(tmp_path: Path) -> None:
    bad = functional(5, "s:7", "annotate", "a1", time="x")
    with pytest.raises(BadLog) as raised:
        rows_of(tmp_path, [*GOOD, *[bad] * (LISTED + 7)])
    assert len(raised.value.problems) == LISTED + 1
    assert "7 more rows are refused" in raised.value.problems[-1]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("log.csv", b"", "缺少列"),
        ("log.csv", b"task,batch,item,kind,role,person,time,mood\n", "未知的列"),
        ("log.csv", b"task,task,batch,item,kind,role,person,time\n", "同一列出现两次"),
        ("log.csv", b"task,batch,item,kind,role,person,time\n", "一行都没有"),
        ("log.csv", b"task,batch,item,kind,role,person,time\na,b\n", "应有 7 个单元格，实有 2"),
        ("log.csv", b'task,batch,item,kind,role,person,time\n"a,b\n', "不是合法的 CSV"),
        ("log.csv", "task,batch,item,kind,role,person,time\n任务".encode("gb18030"), "不是 UTF-8"),
        ("log.txt", b"x", "应为 .csv 或 .jsonl"),
        ("log.jsonl", b"{", "line 1: 不是 JSON"),
        ("log.jsonl", b"\n[1]\n", "line 2: 应为对象"),
        ("log.jsonl", b'{"mood": 1}', "未知的键"),
        ("log.jsonl", b'{"time": 1, "task": "t"}', "缺"),
        ("log.jsonl", b"[" * 100000, "不是 JSON"),
        ("none.csv", None, "读不了"),
    ],
)
def test_logs_that_cannot_be_used(tmp_path: Path, name: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    staff = write_csv(tmp_path / "staff.csv", list(STAFF[0]), [list(STAFF[0].values())])
    with pytest.raises(BadLog) as raised:
        annotation_rows(tmp_path / name, staff, {"file": "", "sha256": ""}, {"file": "", "sha256": ""}, None)
    assert any(told in problem for problem in raised.value.problems), raised.value.problems


def test_json_lines_and_chinese_columns_say_the_same_as_csv(tmp_path: Path) -> None:
    by_csv = rows_of(tmp_path, GOOD)
    names = ("时间", "任务", "批次", "语料编号", "类别", "角色", "人员编号", "结果", "用时")
    lines = [dict(zip(names, row, strict=True)) for row in GOOD]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    about = {"file": "x", "sha256": "0"}
    assert annotation_rows(tmp_path / "log.jsonl", tmp_path / "staff.csv", about, about, None) == by_csv
    write_csv(tmp_path / "zh.csv", names, GOOD)
    assert annotation_rows(tmp_path / "zh.csv", tmp_path / "staff.csv", about, about, None) == by_csv


def test_start_and_end_give_the_duration(tmp_path: Path) -> None:
    line = {"task": "T", "batch": "B", "item": 7, "kind": "safety", "role": "annotate", "person": "a1"}
    spans = [("2026-03-02 09:00:00", "2026-03-02 09:00:12.5"), ("2026-03-02T09:00:00+08:00", "2026-03-02T01:00:12.5Z")]
    (tmp_path / "staff.csv").write_text("person,employment,roles,qualified_from\na1,internal,annotate,2026-01-01\n")
    for start, end in spans:
        (tmp_path / "log.jsonl").write_text(json.dumps({**line, "start": start, "end": end}))
        about = {"file": "x", "sha256": "0"}
        rows = annotation_rows(tmp_path / "log.jsonl", tmp_path / "staff.csv", about, about, None)
        assert rows["events"][0]["seconds"] == 12.5 and rows["log"][0]["first_day"] == "2026-03-02"


def test_hostile_ids_come_out_as_they_are_or_written_out(tmp_path: Path) -> None:
    ids = ['=HYPERLINK("x")', "'; DROP TABLE log; --", "a\x1b[31m\u202eb", "<script>", "{{ 7*7 }}", "行\n尾"]
    rows = rows_of(tmp_path, [*GOOD, *(safety(5, name, "annotate", "a1", batch="=1+1") for name in ids)])
    shown = {row["item"] for row in rows["problems"]}
    assert shown == {*ids[:2], "a\\u001b[31m\\u202eb", "<script>", "{{ 7*7 }}", "行\\u000a尾"}
    assert {row["batch"] for row in rows["problems"]} == {"=1+1"}


# laws

_ITEMS = st.sampled_from(["s:1", "s:2", "s:3"])
_EVENTS = st.lists(
    st.builds(
        event,
        st.integers(0, 600),
        _ITEMS,
        st.sampled_from(["functional", "safety"]),
        st.sampled_from(["annotate", "review", "spot_check", "relabel", "void"]),
        st.sampled_from(["a1", "a2", "r1", "x1"]),
        st.sampled_from(["passed", "inaccurate", "illegal"]),
        batch=st.sampled_from(["B", "C"]),
        seconds=st.sampled_from(["", "0.1", "1.7", "33.333", "7200"]),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_EVENTS, seed=st.integers())
def test_order_and_repetition_do_not_matter(tmp_path: Path, events: list[Event], seed: int) -> None:
    before = rows_of(tmp_path, events)
    other = events * 2
    random.Random(seed).shuffle(other)
    after = rows_of(tmp_path, other, [*STAFF[::-1], STAFF[0]])
    assert after["log"][0].pop("repeated") == before["log"][0].pop("repeated") + len(events)
    assert after == before


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=_EVENTS)
def test_no_event_added_mends_a_person_in_two_roles_or_an_illegal_batch(tmp_path: Path, events: list[Event]) -> None:
    """More of the same work never lessens what was done; only voiding settles illegal content."""
    bad = [safety(0, "s:9", "annotate", "a2", task="U"), safety(1, "s:9", "review", "a2", "passed", task="U")]
    bad += [
        functional(2, "s:8", "annotate", "a1", task="U"),
        functional(3, "s:8", "spot_check", "r1", "illegal", task="U"),
    ]
    found = problems(rows_of(tmp_path, [*events, *bad]))
    assert found["K.ANN.STAFF.ROLES"] and found["K.ANN.ACC.SAFE"] and found["K.ANN.ACC.FUNC.VOIDED"]


_MEASURED = """
import re, sys
from pathlib import Path
from report.annotation import annotation_rows
about = {"file": "x", "sha256": "0"}
rows = annotation_rows(Path(sys.argv[1]), Path(sys.argv[2]), about, about, None)
peak = re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]  # ru_maxrss would count the process it was forked from
print(rows["log"][0]["events"], int(peak) // 1024)
"""


def _long_log(folder: Path, items: int) -> tuple[Path, Path]:
    log, staff = folder / "long.csv", folder / "many.csv"
    with log.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for n in range(items):
            day = datetime(2026, 3, 2, 8) + timedelta(days=n // 20_000, seconds=n % 20_000)
            place = f"{day},T{n // 50_000},B{n // 1000},source:{n},safety"
            file.write(f"{place},annotate,a{n % 400},,{5 + n % 50}\n{place},review,r{n % 300},passed,{5 + n % 50}\n")
    entries = [[f"{work[0]}{n}", "internal", work, "2026-01-01"] for work in ("annotate", "review") for n in range(400)]
    return log, write_csv(staff, ["person", "employment", "roles", "qualified_from"], entries)


def _measured(folder: Path, items: int) -> tuple[int, int]:
    log, staff = _long_log(folder, items)
    told = subprocess.run([sys.executable, "-c", _MEASURED, log, staff], check=True, capture_output=True, text=True)
    events, megabytes = map(int, told.stdout.split())
    return events, megabytes


def test_a_log_is_streamed(tmp_path: Path) -> None:
    events, megabytes = _measured(tmp_path, 20_000)
    assert events == 40_000 and megabytes < 400


@pytest.mark.slow
def test_a_million_events_fit_into_bounded_memory(tmp_path: Path) -> None:
    events, megabytes = _measured(tmp_path, 500_000)
    assert events == 1_000_000 and megabytes < 800
