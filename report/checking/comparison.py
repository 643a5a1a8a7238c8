"""Names what differs between two evidence folders, or between a report and the same made again: table, clause, number."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from report.build import GAPS, TABLES, VERDICTS, files_of

_FEW = 10  # differences named of one file
_SHOWN = 120  # characters of a value
TEXTS = (TABLES, VERDICTS, "report.md", GAPS)  # the same under any version of the libraries that draw documents


def evidence_differences(stated: Path, again: Path, but: frozenset[str], same_libraries: bool) -> Iterator[str]:
    """Tables and records of an evidence folder that are not those extracted again; files named in `but` are not looked at."""
    one, other = _by_name(stated, but), _by_name(again, but)
    for name in sorted(one.keys() | other.keys()):
        if name not in one or name not in other:
            yield f"evidence/{name}: {'缺失 / missing' if name not in one else '运行与轮次中没有 / is not of run and round'}"
        elif one[name].read_bytes() != other[name].read_bytes():
            found = list(_of_file(one[name], other[name]))
            if found or same_libraries:
                yield from (f"evidence/{name}: {told}" for told in found or ["字节不同 / other bytes"])


def report_differences(stated: Path, again: Mapping[str, bytes], same_libraries: bool) -> Iterator[str]:
    """Files of a report that are not what is built again from its evidence, with the numbers that differ."""
    for name, content in sorted(again.items()):
        path = stated / name
        if not path.is_file():
            yield f"{name}: 文件缺失 / missing"
        elif (same_libraries or name in TEXTS) and path.read_bytes() != content:
            yield from (f"{name}: {told}" for told in _of_document(name, path.read_bytes(), content))


def _by_name(folder: Path, but: frozenset[str]) -> dict[str, Path]:
    files = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    return {name: path for name, path in files.items() if name.partition("/")[0] not in but}


def _of_file(stated: Path, again: Path) -> Iterator[str]:
    if stated.suffix != ".parquet":
        yield "与运行、轮次、登记的原件不符 / is not what run, round and chains hold"
        return
    try:
        one, other = (pq.read_table(path, page_checksum_verification=True) for path in (stated, again))
    except (OSError, pa.ArrowException) as error:
        yield f"读不了 / cannot be read: {str(error).splitlines()[0][:_SHOWN]}"
        return
    yield from table_differences(one, other)


def table_differences(stated: pa.Table, again: pa.Table) -> Iterator[str]:
    """Rows that differ, the first few by column."""
    if stated.schema.names != again.schema.names:
        yield f"列不同 / other columns: {stated.schema.names} ≠ {again.schema.names}"
        return
    if stated.num_rows != again.num_rows:
        yield f"{stated.num_rows} 行，重取得 {again.num_rows} 行 / rows, extracted again"
    told = 0
    for number, (one, other) in enumerate(zip(stated.to_pylist(), again.to_pylist(), strict=False), start=1):
        for column in one:
            if one[column] != other[column] and told < _FEW:
                told += 1
                yield f"第 {number} 行 / row {number}, {column}: {brief(one[column])} ≠ {brief(other[column])}"


def _of_document(name: str, stated: bytes, again: bytes) -> Iterator[str]:
    """The numbers that differ where the file holds numbers by id; else that its bytes are others."""
    found: list[str] = []
    try:
        if name == TABLES:
            found = list(_tables(json.loads(stated), json.loads(again)))
        elif name == VERDICTS:
            found = list(_verdicts(json.loads(stated), json.loads(again)))
        elif name in TEXTS:
            found = list(_lines(stated.decode(), again.decode()))
    except (ValueError, LookupError, TypeError, AttributeError):
        found = ["内容残缺 / is torn"]
    yield from found[:_FEW] or ["与由证据重建者字节不同 / other bytes than what its evidence gives"]
    if len(found) > _FEW:
        yield f"另有 {len(found) - _FEW} 处 / more differences"


def _tables(stated: Any, again: Any) -> Iterator[str]:
    one, other = ({table["id"]: table for table in tables} for tables in (stated, again))
    for table in sorted(one.keys() | other.keys()):
        if table not in one or table not in other:
            yield f"{table}: {'报告中没有 / not in the report' if table not in one else '不应有 / should not be there'}"
            continue
        rows, made = ({row["key"]: row["values"] for row in tables[table]["rows"]} for tables in (one, other))
        for key in sorted(rows.keys() | made.keys()):
            if key not in rows or key not in made:
                yield f"{table}/{key}: {'报告中没有 / not in the report' if key not in rows else '不应有 / should not be there'}"
                continue
            for column in made[key]:
                if rows[key].get(column) != made[key][column]:
                    yield _told(f"{table}/{key}/{column}", rows[key].get(column), made[key][column])


def _verdicts(stated: Any, again: Any) -> Iterator[str]:
    if stated["conclusion"] != again["conclusion"]:
        yield _told("总体结论 / overall conclusion", stated["conclusion"], again["conclusion"])
    one, other = ({verdict["clause"]: verdict for verdict in told["verdicts"]} for told in (stated, again))
    for clause in sorted(one.keys() | other.keys()):
        if clause not in one or clause not in other:
            yield f"{clause}: {'报告中没有 / not in the report' if clause not in one else '不应有 / should not be there'}"
            continue
        numbers = {number["id"]: number["value"] for number in one[clause]["basis"]}
        for number in other[clause]["basis"]:
            if numbers.get(number["id"]) != number["value"]:
                yield _told(number["id"], numbers.get(number["id"]), number["value"])
        for field, value in other[clause].items():
            if field != "basis" and one[clause].get(field) != value:
                yield _told(f"条款 / clause {clause}, {field}", one[clause].get(field), value)


def _lines(stated: str, again: str) -> Iterator[str]:
    for number, (one, other) in enumerate(zip(stated.split("\n"), again.split("\n"), strict=False), start=1):
        if one != other:
            yield _told(f"第 {number} 行 / line {number}", one, other)


def _told(place: str, stated: Any, again: Any) -> str:
    return f"{place}: 报告 / report {brief(stated)}，重算 / recomputed {brief(again)}"


def brief(value: Any) -> str:
    """A value on one line, cut short."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
