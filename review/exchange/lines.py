"""CSV and JSON Lines: a row an item, every row with all that identifies it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import UsageError
from review.exchange.answers import Answer, Batch, Header, Place, Returned, Task
from review.exchange.shown import original, shown_in_cell

SHEET = ""
_ANSWER = ("verdict", "risks", "personal", "read_share", "note", "seconds")
_HEADER = ("round", "criteria", "reading", "person", "export")
COLUMNS = ("item_no", "bucket", "stage", "chars", "text", "earlier", *_ANSWER, "content_hash", *_HEADER)
_SHOWN = ("bucket", "stage", "chars", "earlier")  # for people: what stands there when it comes back does not matter


def csv_bytes(batch: Batch) -> bytes:
    """The batch as CSV for spreadsheets (UTF-8 with a mark); several risks are written `A1-a;A2-b`."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for task in batch.tasks:
        row = _record(batch, task) | {
            "text": shown_in_cell(task.text),
            "earlier": shown_in_cell("\n".join(earlier.line for earlier in task.earlier)),
            "person": shown_in_cell(batch.person),
        }
        writer.writerow(["" if row[column] in (None, []) else row[column] for column in COLUMNS])
    return file.getvalue().encode("utf-8-sig")


def jsonl_bytes(batch: Batch) -> bytes:
    """The batch as JSON Lines; texts are exact."""
    return b"".join(orjson.dumps(_record(batch, task)) + b"\n" for task in batch.tasks)


def _record(batch: Batch, task: Task) -> dict[str, Any]:
    header = batch.header
    return {
        "item_no": task.item_no,
        "bucket": task.bucket,
        "stage": task.stage,
        "chars": len(task.text),
        "text": task.text,
        "earlier": [
            {"verdict": e.verdict, "risks": list(e.risks), "personal": list(e.personal), "note": e.note}
            for e in task.earlier
        ],
        **{"verdict": None, "risks": [], "personal": [], "read_share": None, "note": "", "seconds": None},
        "content_hash": task.content_hash,
        **{name: getattr(header, name) for name in _HEADER},
    }


def read_csv(path: Path, content: bytes) -> Returned:
    """The rows of a CSV, numbered as a spreadsheet numbers them. Raises UsageError where it is no such table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(
            f"{path}: 不是 UTF-8；请另存为“CSV UTF-8” / is not UTF-8: save it as “CSV UTF-8”, nothing was taken"
        ) from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}: 不是可读的 CSV / not a readable CSV: {error}") from None
    names = [name.strip() for name in rows[0]] if rows else []
    wrong = [f"缺少列 / column missing: {name}" for name in COLUMNS if name not in names and name not in _SHOWN]
    wrong += [f"重复或未知的列 / column twice or unknown: 第 {n} 列 / column {n}" for n in _odd(names)]
    if wrong:
        raise UsageError([f"{path}: {problem}" for problem in wrong])
    answers = []
    for number, cells in enumerate(rows[1:], start=2):
        if any(cells):
            padded = cells + [""] * (len(names) - len(cells))
            more = [("*", "", "单元格比列多", "more cells than columns")] if any(cells[len(names) :]) else []
            answers.append(_answer(Place(SHEET, number), dict(zip(names, padded, strict=False)), more))
    return Returned(answers)


def _odd(names: list[str]) -> list[int]:
    """Columns, from 1, whose name is none of ours or stands twice; columns without a name are what spreadsheets leave."""
    return [n for n, name in enumerate(names, 1) if name and (name not in COLUMNS or names.index(name) != n - 1)]


def _answer(place: Place, row: dict[str, str], broken: list[tuple[str, str, str, str]]) -> Answer:
    header = {name: row[name].strip() for name in _HEADER} | {"person": original(row["person"].strip())}
    return Answer(
        place,
        Header(**header),
        row["item_no"].strip(),
        row["content_hash"].strip(),
        original(row["text"]),
        row["verdict"].strip(),
        _filled([row["risks"]]),
        _filled(row["personal"].replace("；", ";").split(";")),
        row["read_share"].strip(),
        _note(row["note"]),
        row["seconds"].strip(),
        tuple(broken),
    )


def read_jsonl(path: Path, content: bytes) -> Returned:
    """The rows of JSON Lines, by line. Raises UsageError where a line is no object of this form."""
    answers, problems = [], []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            answers.append(_of_record(Place(SHEET, number), orjson.loads(line)))
        except (orjson.JSONDecodeError, _RowError) as error:
            problems.append(f"{path}:{number}: 不是这种记录 / not a record of this form: {error}")
    if problems:
        raise UsageError(problems)
    return Returned(answers)


class _RowError(ValueError):
    """What is wrong with a record as a whole."""


def _of_record(place: Place, record: Any) -> Answer:
    if not isinstance(record, dict):
        raise _RowError("应为 JSON 对象 / should be a JSON object")
    missing = [name for name in COLUMNS if name not in record and name not in (*_SHOWN, "seconds", "note")]
    unknown = len(set(record) - set(COLUMNS))
    if missing or unknown:
        raise _RowError(f"缺少 / missing: {', '.join(missing) or '—'}; 未知的键 / unknown keys: {unknown}")
    broken: list[tuple[str, str, str, str]] = []
    text = record["text"] if isinstance(record["text"], str) else ""
    return Answer(
        place,
        Header(**{name: _word(record, name, broken) for name in _HEADER}),
        _word(record, "item_no", broken),
        _word(record, "content_hash", broken),
        text,
        _word(record, "verdict", broken),
        _words(record, "risks", broken),
        _words(record, "personal", broken),
        _word(record, "read_share", broken),
        _note(_word(record, "note", broken)),
        _word(record, "seconds", broken),
        tuple(broken),
    )


def _word(record: dict[str, Any], name: str, broken: list[tuple[str, str, str, str]]) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        broken.append((name, str(value), "应为字符串或数", "should be a string or a number"))
        return ""
    return value if name == "note" and isinstance(value, str) else str(value).strip()


def _words(record: dict[str, Any], name: str, broken: list[tuple[str, str, str, str]]) -> tuple[str, ...]:
    value = record.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        broken.append((name, str(value), "应为字符串的列表", "should be a list of strings"))
        return ()
    return _filled(value)


def _filled(values: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(value.strip() for value in values if value.strip())


def _note(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
