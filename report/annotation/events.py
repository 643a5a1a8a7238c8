"""The log of annotation events and the staff list, row by row: what a row must hold, and the Arrow batches it becomes.

Times without a zone are Beijing time, others are turned into it: what happened on one day is told by the calendar of
the people who did it. Durations are whole milliseconds, so that sums do not depend on the order of rows.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from report.annotation.reading import Refusals, read_rows
from report.declared.wording import shown

EVENTS = pa.schema(
    [
        ("moment", pa.timestamp("us")),
        ("task", pa.string()),
        ("batch", pa.string()),
        ("item", pa.string()),
        ("kind", pa.string()),
        ("role", pa.string()),
        ("person", pa.string()),
        ("result", pa.string()),
        ("ms", pa.int64()),
    ]
)
STAFF = pa.schema(
    [
        ("person", pa.string()),
        ("employment", pa.string()),
        ("roles", pa.list_(pa.string())),
        ("qualified_from", pa.date32()),
        ("qualified_to", pa.date32()),
        ("trained_at", pa.date32()),
        ("minutes", pa.int64()),
    ]
)
KINDS = {"functional": "functional", "功能性": "functional", "safety": "safety", "安全性": "safety"}
ROLES = {
    "annotate": "annotate",
    "标注": "annotate",
    "review": "review",
    "审核": "review",
    "spot_check": "spot_check",
    "抽检": "spot_check",
    "void": "void",
    "作废": "void",
    "relabel": "relabel",
    "重标": "relabel",
}
RESULTS = {
    "passed": "passed",
    "合格": "passed",
    "通过": "passed",
    "inaccurate": "inaccurate",
    "不准确": "inaccurate",
    "不合格": "inaccurate",
    "illegal": "illegal",
    "违法不良": "illegal",
}
WORK = {name: role for name, role in ROLES.items() if role in ("annotate", "review")}
EMPLOYMENT = {
    "internal": "internal",
    "内部": "internal",
    "external": "external",
    "外包": "external",
    "外部": "external",
}
_CHECKS = frozenset({"review", "spot_check"})

_EVENT_COLUMNS = {
    "time": "time", "时间": "time", "task": "task", "任务": "task", "batch": "batch", "批次": "batch",
    "item": "item", "doc_id": "item", "语料编号": "item", "kind": "kind", "类别": "kind", "role": "role", "角色": "role",
    "person": "person", "人员": "person", "人员编号": "person", "result": "result", "结果": "result",
    "seconds": "seconds", "用时": "seconds", "用时（秒）": "seconds", "start": "start", "开始": "start", "end": "end", "结束": "end",
}  # fmt: skip
_STAFF_COLUMNS = {
    "person": "person", "人员": "person", "人员编号": "person", "employment": "employment", "类型": "employment",
    "roles": "roles", "角色": "roles", "qualified_from": "qualified_from", "资质生效": "qualified_from",
    "qualified_to": "qualified_to", "资质到期": "qualified_to", "trained_at": "trained_at", "最近培训": "trained_at",
    "hours": "hours", "培训小时": "hours",
}  # fmt: skip
_BATCH_ROWS = 50_000
_BEIJING = timezone(timedelta(hours=8))
_LONGEST = 24 * 3600
_ID_LENGTH, _ITEM_LENGTH = 100, 2000
_SEVERAL = re.compile(r"[;；、,，|]")
_NAMES_A_PERSON = re.compile(r"1[3-9]\d{9}|\d{17}[\dXx]|.*@.*|[\u4e00-\u9fff·]{2,4}")


def read_events(path: Path, refusals: Refusals) -> Iterator[pa.RecordBatch]:
    """The events of a log. What is refused goes to `refusals`, and then nothing of the log is to be used."""
    needed = frozenset({"task", "batch", "item", "kind", "role", "person"})
    return _batches(read_rows(path, _EVENT_COLUMNS, needed, refusals), _event, EVENTS, refusals)


def read_staff(path: Path, refusals: Refusals) -> Iterator[pa.RecordBatch]:
    """The entries of a staff list: a person has one for each qualification or training."""
    needed = frozenset({"person", "employment", "roles", "qualified_from"})
    employments: dict[str, str] = {}

    def entry(row: dict[str, Any]) -> tuple[Any, ...]:
        values = _staff(row)
        if employments.setdefault(values[0], values[1]) != values[1]:
            raise ValueError(f"{values[0]} 前面记为另一用工类型 / is listed with another employment before")
        return values

    return _batches(read_rows(path, _STAFF_COLUMNS, needed, refusals), entry, STAFF, refusals)


def _batches(
    rows: Iterator[tuple[int, dict[str, Any]]],
    parse: Callable[[dict[str, Any]], tuple[Any, ...]],
    schema: pa.Schema,
    refusals: Refusals,
) -> Iterator[pa.RecordBatch]:
    found: list[tuple[Any, ...]] = []
    for line, row in rows:
        try:
            found.append(parse(row))
        except ValueError as error:
            refusals.add(line, str(error))
        if len(found) == _BATCH_ROWS:
            yield _batch(found, schema)
            found = []
    if found:
        yield _batch(found, schema)


def _batch(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch(list(map(list, zip(*rows, strict=True))), schema=schema)


def _event(row: dict[str, Any]) -> tuple[Any, ...]:
    role = _word(row, "role", ROLES)
    start, end = _time(row, "start"), _time(row, "end")
    at = _time(row, "time") or end or start
    if at is None:
        raise ValueError("缺 time / time is missing")
    item = None if role == "void" else _item(_given(row, "item"))  # a batch is voided as a whole
    result = _word(row, "result", RESULTS) if role in _CHECKS else None
    return (
        at,
        _id(_given(row, "task"), "task"),
        _id(_given(row, "batch"), "batch"),
        item,
        _word(row, "kind", KINDS),
        role,
        _person(_given(row, "person")),
        result,
        _duration(row.get("seconds"), start, end),
    )


def _staff(row: dict[str, Any]) -> tuple[Any, ...]:
    given = row.get("roles", "")
    names = given if isinstance(given, list) else _SEVERAL.split(str(given))
    roles = sorted({_word({"roles": name}, "roles", WORK) for name in names if str(name).strip()})
    if not roles:
        raise ValueError("缺 roles：annotate 标注、review 审核 / roles is missing: annotate, review")
    start, end, trained = (_day(row, name) for name in ("qualified_from", "qualified_to", "trained_at"))
    if start is None:
        raise ValueError("缺 qualified_from / qualified_from is missing")
    if end is not None and end < start:
        raise ValueError(f"资质到期 {end} 早于生效 {start} / the qualification ends before it begins")
    hours = _number(row.get("hours", 0), "hours")
    person = _person(_given(row, "person"))
    return person, _word(row, "employment", EMPLOYMENT), roles, start, end, trained, round(hours * 60)


def _given(row: dict[str, Any], name: str) -> Any:
    if name not in row:
        raise ValueError(f"缺 {name} / {name} is missing")
    return row[name]


def _word(row: dict[str, Any], name: str, known: dict[str, str]) -> str:
    value = str(_given(row, name)).strip()
    word = known.get(value.lower())
    if word is None:
        raise ValueError(
            f"{name} 应为其一 / {name} should be one of {', '.join(sorted(set(known.values())))}: {shown(value)}"
        )
    return word


def _checked_id(value: str, name: str, longest: int, clean: bool) -> str:
    text = value.strip() if clean else value
    if not text or len(text) > longest:
        raise ValueError(f"{name} 应为 1–{longest} 个字符 / {name} should have 1 to {longest} characters")
    bad = next((char for char in text if clean and unicodedata.category(char)[0] == "C"), None)
    if bad is not None:
        raise ValueError(f"{name} 含不可打印字符 U+{ord(bad):04X} / {name} holds an unprintable character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} 不是合法的 Unicode / {name} is not valid Unicode") from None
    return text


_known_id = lru_cache(maxsize=1 << 16)(_checked_id)


def _id(value: Any, name: str) -> str:
    return _known_id(_text(value, name), name, _ID_LENGTH, True)


def _item(value: Any) -> str:
    """A doc_id, kept as it is: the corpus names its documents as it likes."""
    return _checked_id(_text(value, "item"), "item", _ITEM_LENGTH, False)


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{name} 应为字符串 / {name} should be a string")
    return str(value)


def _person(value: Any) -> str:
    person = _id(value, "person")
    if _names_a_person(person):
        raise ValueError(
            "person 应为人员编号，不应是姓名、手机号、邮箱或证件号 / person should be an id, not a name, telephone number, address or document "
            "number: use the ids of your staff list"
        )
    return person


@lru_cache(maxsize=1 << 16)
def _names_a_person(person: str) -> bool:
    return _NAMES_A_PERSON.fullmatch(person) is not None


def _time(row: dict[str, Any], name: str) -> datetime | None:
    if name not in row:
        return None
    value = row[name]
    try:
        time = datetime.fromisoformat(value.strip())
        return time.astimezone(_BEIJING).replace(tzinfo=None) if time.tzinfo is not None else time
    except (ValueError, AttributeError, OverflowError):
        raise ValueError(
            f"{name} 不是时间，应如 2026-11-22 09:30:00 / {name} is not a time such as 2026-11-22 09:30:00: {shown(value)}"
        ) from None


def _day(row: dict[str, Any], name: str) -> date | None:
    if name not in row:
        return None
    try:
        return date.fromisoformat(row[name].strip())
    except (ValueError, AttributeError):
        raise ValueError(
            f"{name} 不是日期，应如 2026-11-22 / {name} is not a day such as 2026-11-22: {shown(row[name])}"
        ) from None


def _duration(seconds: Any, start: datetime | None, end: datetime | None) -> int | None:
    """Milliseconds; None where neither seconds nor start and end are told."""
    if start is not None and end is not None and end < start:
        raise ValueError("end 早于 start / end is before start")
    if seconds is not None:
        return round(_number(seconds, "seconds", _LONGEST) * 1000)
    if start is None or end is None:
        return None
    if (end - start).total_seconds() > _LONGEST:
        raise ValueError(f"用时超过 {_LONGEST} 秒 / lasts more than {_LONGEST} seconds")
    return (end - start) // timedelta(milliseconds=1)


def _number(value: Any, name: str, most: float = 1e6) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (ValueError, TypeError, OverflowError):
        number = math.nan
    if not 0 <= number <= most:  # false of NaN too
        raise ValueError(f"{name} 应为 0–{most:g} 的数 / {name} should be a number from 0 to {most:g}: {shown(value)}")
    return number
