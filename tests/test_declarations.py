"""Declarations: what is refused and how it is told, what the rows hold, and that the template round-trips."""

import copy
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.store.output import Output
from report.declared.declarations import Declared, load_declarations
from report.declared.files import digest_of
from report.declared.parts import MARKER
from report.declared.tables import tables
from report.declared.template import initial, quoted
from report.evidence import layout
from rounds.register import find_round
from schemas.profile import load_profile
from schemas.risks import risks
from tests.test_round_closing import BAD, Verdict, audited, close, draw, judge, lenient  # noqa: F401 - a fixture

CODE = "91350100M000100Y43"
FILES = ("policy.pdf", "appointment.pdf", "report.pdf", "agreement.pdf", "disposal.pdf", "consent.pdf", "card.pdf")
PERSON = {"name": "张三", "post": "总经理"}


def whole(**changes: Any) -> dict[str, Any]:
    """A complete declaration; each test changes what it is about."""
    content: dict[str, Any] = {
        "organisation": {"name": "某公司", "credit_code": CODE, "service": "某服务", "day": "2026-11-22"},
        "model": {"name": "某模型", "version": "1.0", "base": {"own": False, "name": "某基座", "record": "某备案号"}},
        "training": ["final", {"name": "tuning", "stage": "sft"}],
        "signers": {
            "legal_person": PERSON,
            "security_lead": {"name": "李四", "post": "安全总监"},
            "legality_lead": {"name": "王五", "post": "法务总监"},
        },
        "service_type": {"special": False, "reason": "通用对话"},
        "policies": {
            "blacklist": {
                "title": "黑名单管理办法",
                "file": {"file": "policy.pdf", "attach": True},
                "owner": "数据部",
                "effective": "2026-01-01",
                "version": 2,
            }
        },
        "intellectual_property": {
            "owner": {"name": "赵六", "appointed": "2026-01-01", "file": "appointment.pdf"},
            "identification": {
                "file": "report.pdf",
                "by": "法务部",
                "date": "2026-03-01",
                "found": 3,
                "open": 1,
                "sources": [
                    {"source_id": "a", "found": 2, "open": 1, "disposition": "正在下架"},
                    {"source_id": "b", "found": 1, "open": 0, "disposition": "已剔除"},
                ],
            },
            "complaint": {"channel": "https://example.com/complaints"},
            "agreement": {"file": "agreement.pdf", "page": 7},
            "updates": [{"date": "2026-06-01", "change": "增加台账", "by": "法务部"}],
        },
        "blocked_lists": [
            {"name": "清单一", "source": "主管部门", "updated_at": "2026-10-01", "disposal": "disposal.pdf"}
        ],
        "source_mix": {"explanation": "以境内为主", "by": "数据部"},
        "consents": [
            {
                "source_id": "a",
                "level": "sensitive",
                "form": "separate_consent",
                "persons": 10,
                "file": {"file": "consent.pdf", "date": "2026-01-01", "expires": "2027-01-01"},
            }
        ],
        "commitments": [
            {"source_id": "b", "supplier": "某供方", "commits": ["safety", "source"], "file": "policy.pdf"}
        ],
        "keyword_library": {
            "updates": [{"date": "2026-11-01", "version": "v3", "added": 5, "removed": 0, "by": "安全部"}]
        },
        "classifier": {"development": "own", "note": "自研", "file": "card.pdf"},
        "remediation": [
            {
                "round": "R0001",
                "item_no": 5,
                "action": "removed",
                "by": "甲",
                "date": "2026-11-01",
                "recheck": "passed",
                "recheck_by": "乙",
                "recheck_date": "2026-11-02",
            }
        ],
        "annotation": {"none": True, "reason": "只用预训练语料"},
        "judgements": [
            {
                "clause": "K.IP.COMPLAINT",
                "verdict": "符合",
                "reason": "渠道已公布",
                "by": "王五",
                "role": "法务总监",
                "at": "2026-11-20",
                "evidence": ["policy.pdf"],
            }
        ],
        "evidence": [{"clause": "K.TRACE.SELF", "title": "采集说明", "file": "card.pdf"}],
    }
    return copy.deepcopy(content | changes)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a declaration with the files it names, and returns its path."""
    for name in FILES:
        (tmp_path / name).write_bytes(f"content of {name}".encode())

    def written(content: Any) -> Path:
        path = tmp_path / "declarations.yaml"
        text = content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return path

    return written


def changed(place: str, value: Any) -> dict[str, Any]:
    """The complete declaration with one value changed; `...` removes it."""
    content = whole()
    *parents, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    target: Any = content
    for part in parents:
        target = target[part]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return content


def refusals(path: Path) -> list[str]:
    with pytest.raises(UsageError) as raised:
        load_declarations(path)
    return raised.value.problems


def test_a_complete_declaration_loads_and_leaves_no_problem(write: Callable[..., Path]) -> None:
    declared = load_declarations(write(whole()))
    assert declared.problems == () and declared.rows()["problems"] == []


def test_rows_have_exactly_the_columns_of_their_tables(write: Callable[..., Path]) -> None:
    rows = load_declarations(write(whole())).rows()
    assert list(rows) == list(tables()["declared"])
    for name, table in tables()["declared"].items():
        for row in rows[name]:
            assert list(row) == [column.name for column in table.columns], name
            for column in table.columns:
                assert isinstance(row[column.name], _PYTHON[str(column.type)] | None), (name, column.name)


_PYTHON: dict[str, Any] = {"VARCHAR": str, "VARCHAR[]": list, "BIGINT": int, "DOUBLE": float | int, "BOOLEAN": bool}


def test_what_the_rows_hold(write: Callable[..., Path]) -> None:
    path = write(whole())
    rows = load_declarations(path).rows()
    policy = hashlib.sha256((path.parent / "policy.pdf").read_bytes()).hexdigest()
    assert rows["organisation"] == [
        {"name": "某公司", "credit_code": CODE, "service": "某服务", "contact": None, "day": "2026-11-22"}
    ]
    assert rows["model"][0]["training"] == ["final", "tuning"]
    assert rows["policies"][0] | {"title": ""} == {
        "key": "blacklist",
        "clause_key": "K.SRC.BLACKLIST",
        "title": "",
        "file": "policy.pdf",
        "sha256": policy,
        "owner": "数据部",
        "approved_by": None,
        "effective": "2026-01-01",
        "version": "2",
    }
    assert (rows["ip"][0]["found"], rows["ip"][0]["open"], rows["ip"][0]["agreement_page"]) == (3, 1, "7")
    assert [row["open"] for row in rows["ip_sources"]] == [1, 0]
    assert (
        rows["contracts"][0]["commits"] == ["safety", "source"] and rows["contracts"][0]["commitment_sha256"] == policy
    )
    assert rows["consents"][0]["expires"] == "2027-01-01"
    assert rows["remediation"][0]["recheck"] == "passed"
    assert rows["judgements"][0]["evidence"] == ["policy.pdf"]
    by_clause = {(row["clause_key"], row["file"]) for row in rows["evidence"]}
    assert {
        ("K.SRC.BLACKLIST", "policy.pdf"),
        ("K.IP.COMPLAINT", "policy.pdf"),
        ("K.PI.SENSITIVE", "consent.pdf"),
        ("K.TRACE.SELF", "card.pdf"),
        ("K.BLOCKED", "disposal.pdf"),
        ("K.CLS", "card.pdf"),
        ("K.TRACE.COMM", "policy.pdf"),
    } <= by_clause
    assert [(row["file"], row["attach"]) for row in rows["files"]] == [(n, n == "policy.pdf") for n in sorted(FILES)]


def test_nothing_declared_is_no_row(write: Callable[..., Path]) -> None:
    content = {key: whole()[key] for key in ("organisation", "model")}
    rows = load_declarations(write(content)).rows()
    assert {name for name, found in rows.items() if found} == {"organisation", "model"}


def test_the_same_declaration_gives_the_same_rows(write: Callable[..., Path]) -> None:
    path = write(whole())
    first = json.dumps(load_declarations(path).rows())
    assert json.dumps(load_declarations(path).rows()) == first


WRONG = [
    ("organisation.credit_code", "91350100M000100Y44", "校验位不符"),
    ("organisation.credit_code", "123", "格式不符"),
    ("organisation.day", 20261122, "应为日期"),
    ("organisation.day", "2026-13-01", "不是日期"),
    ("organisation.day", "2026-10-15", "报告日期 2026-10-15 之后"),
    ("organisation.name", "", "不能为空"),
    ("organisation.name", "a\u202eb", "不可打印字符 U+202E"),
    ("organisation.phone", "1", "未知的键"),
    ("model.base.record", ..., "须写 name 与备案号"),
    ("model.base", {"own": True, "record": "x"}, "没有他人的备案号"),
    ("training", ["a", "a"], "name 重复"),
    ("signers.legality_lead.name", "张三", "兼任两项签字"),
    ("signers.legality_lead", ..., "缺少必填项"),
    ("service_type", {"special": True}, "须列 kinds"),
    ("service_type", {"special": False}, "须写 reason"),
    ("policies.blacklist.owner", ..., "缺少必填项"),
    ("policies.blacklist.effective", "2026-12-01", "之后"),
    ("policies.other", {}, "未知的键"),
    ("intellectual_property.identification.open", 4, "多于 found"),
    ("intellectual_property.identification.found", 5, "之和 3 与总数 5 不符"),
    ("intellectual_property.identification.found", "3", "应为整数"),
    ("intellectual_property.public", {"url": "javascript:alert(1)", "date": "2026-01-01"}, "格式不符"),
    ("consents.0.form", "consent", "不足以处理该级别"),
    ("consents.0.form", "单独同意", "separate_consent"),
    ("consents.0.file", {"file": "consent.pdf", "date": "2026-02-01", "expires": "2026-01-01"}, "早于日期"),
    ("consents.0.source_id", "a b", "格式不符"),
    ("commitments.0.commits", [], "at least 1"),
    ("classifier.supplier", "某厂", "须写 supplier"),
    ("remediation.0.recheck_by", "甲", "不能复检自己的处置"),
    ("remediation.0.recheck", "open", "待复检的不写"),
    ("remediation.0.recheck_date", "2026-10-30", "早于处置日期"),
    ("annotation", {"none": True}, "没有标注须写 reason"),
    ("annotation", {"none": True, "reason": "无", "internal": 3}, "请删去其余各项"),
    ("annotation", {"none": False}, "须写标注日志 log"),
    ("judgements.0.evidence", [], "至少一份 evidence"),
    ("judgements.0.verdict", "待人工", "取值不在允许范围"),
    ("judgements.0.equivalent", "全量人工检查", "同有同无"),
    ("judgements.0.clause", "5.1a", "格式不符"),
    ("evidence.0.file", "gone.pdf", "没有这个文件"),
    ("evidence.0.file", "empty.pdf", "文件是空的"),
    ("evidence.0.file", "folder", "文件夹里没有内容"),
    ("evidence.0.file", "a\x00b", "不可打印字符"),
]


@pytest.mark.parametrize(("place", "value", "told"), WRONG, ids=[f"{place}-{told}" for place, _, told in WRONG])
def test_what_is_refused_is_told_with_file_and_line(
    write: Callable[..., Path], place: str, value: Any, told: str
) -> None:
    path = write(changed(place, value))
    (path.parent / "empty.pdf").touch()
    (path.parent / "folder").mkdir()
    problems = refusals(path)
    assert any(told in problem for problem in problems), problems
    assert all(re.match(rf"{re.escape(str(path))}: 第 \d+ 行 / line \d+: ", problem) for problem in problems)


def test_every_problem_is_told_at_once_in_the_order_of_the_file(write: Callable[..., Path]) -> None:
    content = changed("organisation.credit_code", "x")
    content["evidence"][0]["file"] = "gone.pdf"
    content["judgements"][0]["reason"] = f"{MARKER}理由"
    problems = refusals(write(content))
    assert [problem.split(": ")[2] for problem in problems] == [
        "organisation.credit_code",
        "judgements[0].reason",
        "evidence[0].file",
    ]


@pytest.mark.parametrize("left", [f"{MARKER}填这里", f"前文{MARKER}", "待填", "TODO", " tbd ", "xxx"])
def test_a_placeholder_never_counts(write: Callable[..., Path], left: str) -> None:
    content = changed("intellectual_property.complaint.channel", left)
    (problem,) = refusals(write(content))
    assert "intellectual_property.complaint.channel: 尚未填写 / still to be filled in" in problem
    declared = load_declarations(write(content), strict=False)
    assert declared.rows()["ip"][0]["complaint_url"] is None
    assert [(row["kind"], row["place"]) for row in declared.rows()["problems"]] == [
        ("placeholder", "intellectual_property.complaint.channel")
    ]


def test_for_the_gap_list_what_is_wrong_is_left_out_and_the_rest_stands(write: Callable[..., Path]) -> None:
    content = changed("policies.blacklist.file", "gone.pdf")
    content["judgements"] += [{**content["judgements"][0], "clause": f"K.IP.{n}"} for n in ("OWNER", "UPDATE")]
    content["judgements"][0]["evidence"] = ["missing.pdf"]
    content["judgements"][1]["verdict"] = "大概符合"
    content["consents"][0]["form"] = MARKER
    content["signers"]["legality_lead"]["post"] = f"{MARKER}职务"
    declared = load_declarations(write(content), strict=False)
    rows = declared.rows()
    assert rows["policies"] == [] and rows["consents"] == [] and rows["signers"] == []
    assert [row["clause_key"] for row in rows["judgements"]] == ["K.IP.UPDATE"]
    assert {(row["kind"], row["place"]) for row in rows["problems"]} == {
        ("no_file", "policies.blacklist.file"),
        ("no_file", "judgements[0].evidence[0]"),
        ("invalid", "judgements[1].verdict"),
        ("placeholder", "consents[0].form"),
        ("placeholder", "signers.legality_lead.post"),
    }
    assert len(rows["ip_sources"]) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", "不是合法的 YAML"),
        ("organisation: 1\norganisation: 2", "is given twice"),
        ("- 1", "应为映射"),
        ("", "应为映射"),
        ("a: &a [*a]", "自引用"),
        ("organisation:\nmodel:\n", "缺少必填项"),
        ("{}", "缺少必填项"),
    ],
)
def test_files_that_are_no_declarations(write: Callable[..., Path], text: str, told: str) -> None:
    assert any(told in problem for problem in refusals(write(text)))


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    assert "report --init" in refusals(tmp_path / "none.yaml")[0]
    (tmp_path / "gbk.yaml").write_bytes("organisation: 某公司".encode("gb18030"))
    assert "不是 UTF-8" in refusals(tmp_path / "gbk.yaml")[0]
    assert "读不了" in refusals(tmp_path)[0]


def test_a_folder_is_known_by_the_digests_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    (folder / "in").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(b"a")
    (folder / "in" / "b.pdf").write_bytes(b"b")
    before = digest_of(tmp_path, "papers")
    (folder / ".hidden").write_bytes(b"x")
    assert digest_of(tmp_path, "papers") == before
    (folder / "in" / "b.pdf").write_bytes(b"c")
    after = digest_of(tmp_path, "papers")
    assert after != before
    (folder / "in" / "b.pdf").write_bytes(b"b")
    (folder / "a.pdf").rename(folder / "c.pdf")
    assert digest_of(tmp_path, "papers") not in (before, after)


def test_declared_files_that_change_later_are_found(write: Callable[..., Path]) -> None:
    path = write(whole())
    declared = load_declarations(path)
    assert declared.changed() == []
    (path.parent / "card.pdf").write_bytes(b"other")
    (path.parent / "report.pdf").unlink()
    assert [line.split(": ")[0].rpartition("/")[2] for line in declared.changed()] == ["card.pdf", "report.pdf"]


def test_sources_and_clauses_there_are_none_of(write: Callable[..., Path], closed_round: Path) -> None:
    run = Output(closed_round).current
    content = whole(evidence=[{"clause": "K.NONE", "title": "x", "file": "card.pdf"}])
    content["consents"][0]["form"] = MARKER  # read for the gap list, an entry before the others is gone
    content["consents"] += [whole()["consents"][0] | {"source_id": "plain"}, whole()["consents"][0]]
    rows, _ = load_declarations(write(content), strict=False).evidence_rows(run)
    assert [(row["place"], row["kind"]) for row in rows["problems"]] == [
        ("consents[0].form", "placeholder"),
        ("intellectual_property.identification.sources[0].source_id", "invalid"),
        ("intellectual_property.identification.sources[1].source_id", "invalid"),
        ("consents[2].source_id", "invalid"),
        ("commitments[0].source_id", "invalid"),
        ("evidence[0].clause", "invalid"),
    ]
    with pytest.raises(UsageError, match=r"line \d+: commitments\[0\].source_id: 没有这个"):
        load_declarations(write(whole())).evidence_rows(run)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"internal": 2}, "申报 2 人，台账 1 人"),
        ({"external": 1}, "申报 1 人，台账 0 人"),
        ({"internal": 1, "external": 0}, None),
        ({}, None),
    ],
)
def test_head_counts_are_those_of_the_staff_list(
    write: Callable[..., Path], tmp_path: Path, changes: dict[str, int], told: str | None
) -> None:
    (tmp_path / "log.csv").write_text("time,task,batch,item,kind,role,person\n2026-11-22,t,b,i,safety,annotate,p1\n")
    (tmp_path / "staff.csv").write_text("person,employment,roles,qualified_from\np1,internal,annotate,2026-01-01\n")
    path = write(whole(annotation={"none": False, "log": "log.csv", "staff": "staff.csv", **changes}))
    if told is None:
        load_declarations(path).evidence_rows()
    else:
        with pytest.raises(UsageError, match=told):
            load_declarations(path).evidence_rows()
    (tmp_path / "log.csv").write_text("time,task,batch,item,kind,role,person\n2026-11-23,t,b,i,safety,annotate,p1\n")
    with pytest.raises(UsageError, match="报告日期之后的事件"):
        load_declarations(path).evidence_rows()


def test_one_person_may_sign_in_two_parts_if_it_is_told_why(write: Callable[..., Path]) -> None:
    content = changed("signers.security_lead", PERSON)
    content["signers"]["note"] = "公司规模小"
    rows = load_declarations(write(content)).rows()["signers"]
    assert [(row["signer"], row["also"], row["note"]) for row in rows] == [
        ("legal_person", ["security_lead"], "公司规模小"),
        ("security_lead", ["legal_person"], "公司规模小"),
        ("legality_lead", [], None),
    ]


def test_annotation_rules_and_the_risks_they_cover(write: Callable[..., Path]) -> None:
    rules = {
        "functional": {"goal": 1, "format": "2", "method": "3", "quality": "4"},
        "safety": {"goal": "1", "risks": dict.fromkeys(list(risks())[:30], "5.1")},
    }
    annotation = {"none": False, "log": "policy.pdf", "staff": "card.pdf", "internal": 3, "external": 0, "rules": rules}
    content = whole(annotation=annotation)
    content["policies"]["annotation_functional"] = content["policies"]["blacklist"]
    rows = load_declarations(write(content)).rows()
    functional, safety = rows["annotation_rules"]
    assert (functional["goal"], functional["covers"], safety["method"]) == ("1", ["annotate", "review"], None)
    assert functional["sha256"] == rows["policies"][0]["sha256"] and safety["sha256"] is None
    assert len(rows["annotation_risks"]) == 30
    assert rows["annotation"][0]["log_sha256"] == rows["policies"][0]["sha256"]
    content["annotation"]["rules"]["safety"]["risks"] = {"A9-z": "1"}
    assert any("A9-z" in problem for problem in refusals(write(content)))


def test_a_log_that_cannot_be_read_is_told_with_its_rows(write: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("time,task,batch,item,kind,role,person\nyesterday,t,b,i,safety,annotate,p1\n")
    (tmp_path / "staff.csv").write_text("person,employment,roles,qualified_from\np1,internal,annotate,2026-01-01\n")
    content = whole(annotation={"none": False, "log": "log.csv", "staff": "staff.csv"})
    with pytest.raises(UsageError, match="line 2: time 不是时间"):
        load_declarations(write(content)).annotation_rows()
    with pytest.raises(UsageError, match="line 2"):
        load_declarations(write(content)).evidence_rows()
    declared, annotation = load_declarations(write(content), strict=False).evidence_rows()
    assert [(row["kind"], row["place"]) for row in declared["problems"]] == [("annotation", "annotation.log")]
    assert not any(annotation.values())
    assert set(load_declarations(write(whole())).annotation_rows()) == set(tables()["annotation"])


# the template


_NUMBERS = itertools.count(1)  # so that no two people have one name


def filled(text: str, folder: Path) -> str:
    """The template with every placeholder replaced by something plausible, as its user would."""
    lines = []
    for line in text.split("\n"):
        key = line.strip().lstrip("- ").partition(":")[0]
        if MARKER in line and not line.startswith("#") and (key == "record" or line.startswith("  supplier")):
            continue  # "remove the line if it is your own"
        lines.append(
            re.sub(rf'([\w-]+): "{MARKER}([^"]*)"', lambda found: f"{found[1]}: {_answer(found, folder)}", line)
        )
    return "\n".join(lines)


def _answer(found: re.Match[str], folder: Path) -> str:
    key, hint = found[1], found[2]
    answers = {
        "credit_code": CODE,
        "special": "false",
        "own": "true",
        "none": "false",
        "safety_isolated": "true",
        "action": "removed",
        "recheck": "passed",
        "recheck_by": "乙",
        "development": "own",
        "form": "written_consent",
        "channel": "https://example.com",
        "version": '"1"',
    }
    if key in answers:
        return answers[key]
    if key in ("day", "date", "effective", "appointed", "updated_at", "recheck_date"):
        return "2026-11-22"
    if key in ("found", "open", "added", "removed", "internal", "external", "training_hours", "training_attendances"):
        return "0"
    if re.fullmatch(r"[\w./-]+\.(pdf|csv|txt|xlsx)", hint):
        (folder / hint).parent.mkdir(parents=True, exist_ok=True)
        (folder / hint).write_bytes(b"content")
        return hint
    return f"填写的第 {next(_NUMBERS)} 项"


def some_fail(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
    return BAD if "manual" in item["samples"] and item["item_no"] % 40 == 0 else lenient(item, machine)


@pytest.fixture(scope="module")
def closed_round(audited: Path) -> Path:  # noqa: F811
    """An output with a closed round in which some items failed."""
    draw(audited)
    judge(audited, some_fail)
    close(audited)
    return audited


def template_of(out: Path, with_round: bool) -> str:
    run = Output(out).current
    assert run is not None
    return initial(run, find_round(Output(out)) if with_round else None, load_profile("tc260-003"))


@pytest.mark.parametrize("with_round", [False, True])
def test_the_template_loads_but_for_what_is_to_be_filled_in(
    closed_round: Path, tmp_path: Path, with_round: bool
) -> None:
    text = template_of(closed_round, with_round)
    assert text == template_of(closed_round, with_round)
    path = tmp_path / "declarations.yaml"
    path.write_text(text, encoding="utf-8")
    problems = refusals(path)
    marks = [line for line in text.split("\n") if not line.startswith("#")]
    assert len(problems) == sum(line.count(f'"{MARKER}') for line in marks) > 50
    assert all("尚未填写 / still to be filled in" in problem for problem in problems)
    declared = load_declarations(path, strict=False)
    assert {problem.kind for problem in declared.problems} == {"placeholder"}
    rows = declared.rows()
    assert not any(rows[name] for name in rows if name != "problems")


def test_the_template_filled_in_is_a_declaration(closed_round: Path, tmp_path: Path) -> None:
    path = tmp_path / "declarations.yaml"
    path.write_text(filled(template_of(closed_round, True), tmp_path), encoding="utf-8")
    declared: Declared = load_declarations(path)
    rows = declared.rows()
    assert {row["source_id"] for row in rows["ip_sources"]} >= {"plain", "packed", "table", "bad"}
    assert [row["source_id"] for row in rows["contracts"]] == ["table"]
    failed = [row["item_no"] for row in rows["remediation"]]
    assert failed and all(number % 40 == 0 for number in failed)
    assert {row["risk_id"] for row in rows["annotation_risks"]} == set(risks())
    assert len(rows["policies"]) == 6 and len(rows["signers"]) == 3


def test_the_template_speaks_of_what_the_run_knows(closed_round: Path) -> None:
    text = template_of(closed_round, True)
    for told in ("R0001", "tc260-003", "K.EVAL.MANUAL", "pretrain", "条 / documents"):
        assert told in text, told


@pytest.mark.parametrize("name", ['a"b', "a\nb: c", "a\u2028b", "a\x00b\x85", "{{ x }}", "# x", "a\\b", "=1+1"])
def test_texts_of_the_run_stay_texts_in_the_template(name: str) -> None:
    assert yaml.safe_load(f"a: {quoted(name)}") == {"a": name}
    assert "\n" not in quoted(name)


def test_days_in_the_future_are_refused_only_where_they_tell_of_the_past(write: Callable[..., Path]) -> None:
    content = changed("consents.0.file.expires", (date(2026, 11, 22) + timedelta(days=1)).isoformat())
    assert load_declarations(write(content)).problems == ()


@pytest.mark.parametrize("page", ["declarations.md", "declarations.zh-CN.md", "annotation.md", "annotation.zh-CN.md"])
def test_the_examples_of_the_documentation_are_declarations(write: Callable[..., Path], page: str) -> None:
    text = (Path(__file__).parent.parent / "docs" / page).read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        content = {key: whole()[key] for key in ("organisation", "model")} | yaml.safe_load(example)
        declared = load_declarations(write(content), strict=False)
        assert {problem.kind for problem in declared.problems} == {"no_file"}, declared.problems


# laws


def leaves(content: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(content, dict):
        return [leaf for key, value in content.items() for leaf in leaves(value, (*place, key))]
    if isinstance(content, list):
        return [leaf for index, value in enumerate(content) for leaf in leaves(value, (*place, index))]
    return [place]


def put(content: Any, place: tuple[Any, ...], value: Any) -> None:
    for part in place[:-1]:
        content = content[part]
    content[place[-1]] = value


_LEAVES = leaves(whole())
_RUBBISH = st.sampled_from(
    [None, "", 0, -1, 1.5, True, [], {}, [1], {"a": 1}, "x\x07", "2026-99-99", "K.X", "a" * 5000]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.sets(st.sampled_from(_LEAVES), min_size=1))
def test_no_placeholder_ever_becomes_a_row(write: Callable[..., Path], places: set[tuple[Any, ...]]) -> None:
    content = whole()
    for place in places:
        put(content, place, f"{MARKER}这里")
    path = write(content)
    assert len([problem for problem in refusals(path) if "尚未填写" in problem]) == len(places)
    rows = load_declarations(path, strict=False).rows()
    assert len([row for row in rows.pop("problems") if row["kind"] == "placeholder"]) == len(places)
    assert MARKER not in json.dumps(rows, ensure_ascii=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(_LEAVES), _RUBBISH, min_size=1, max_size=6))
def test_whatever_stands_there_it_is_read_or_refused(
    write: Callable[..., Path], changes: dict[tuple[Any, ...], Any]
) -> None:
    content = whole()
    for place, value in changes.items():
        put(content, place, value)
    path = write(content)
    left = load_declarations(path, strict=False)
    left.rows()
    if left.problems:
        assert len(refusals(path)) == len(left.problems)
    else:
        load_declarations(path)


def test_the_rows_fit_the_tables_of_the_evidence(write: Callable[..., Path]) -> None:
    columns = layout.columns()["declared"]
    for name, rows in load_declarations(write(whole())).rows().items():
        schema = pa.schema([(column, layout.arrow_type(kind)) for column, kind in columns[name].items()])
        assert pa.Table.from_pylist(rows, schema=schema).to_pylist() == rows
