"""Where a number of the report comes from: its query, the evidence it reads with digests, and the value computed again."""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from report.documents.shown import one_line
from report.evidence.extract import EVIDENCE
from report.evidence.workspace import Workspace, open_workspace
from report.model import Row, Table, Verdict
from report.tables.filling import VERDICTS, fill_table, load_tables
from report.verdicts.concluding import conclude, conclude_clause
from report.verdicts.rules import load_rules

_NEAREST = 5
_SEVERAL = 100  # rows of a table that are printed when a whole table is asked for


@dataclass(frozen=True)
class _Said:
    """What a file of the report says of an id; `known` is false where the file is there and the id is not in it."""

    file: str
    there: bool
    known: bool = False
    value: Any = None

    def part(self, *keys: Any) -> "_Said":
        """What it says of a part of the value, by keys one below the other."""
        value = self.value
        for key in keys:
            if not self.known or key not in value:
                return _Said(self.file, self.there)
            value = value[key]
        return _Said(self.file, self.there, self.known, value)


def trace(folder: Path, id: str) -> list[str]:
    """What is told of an id: a cell `C-3/total/zh`, a row, a table, a number `K.EVAL.MANUAL/judged`, or a clause.

    `folder` is that of a report. Raises UsageError for an id there is none of, with the nearest ones.
    """
    evidence = folder / EVIDENCE
    if not evidence.is_dir():
        raise UsageError(
            f"{folder}: 没有报告的证据 / holds no evidence of a report: make one with `corpus-audit report OUT`"
        )
    name, _, rest = id.strip().partition("/")
    with open_workspace(evidence) as workspace:
        if name in load_tables():
            return _of_table(workspace, folder, name, rest)
        return _of_clause(workspace, folder, name, rest)


def _of_table(workspace: Workspace, folder: Path, name: str, rest: str) -> list[str]:
    table = fill_table(workspace, name)
    rows = {row.key: row for row in table.rows}
    stored = _stored_table(folder, name)
    if not rest:
        told = [f"{table.id}/{row.key}: {_shown(list(row.values.values()))}" for row in table.rows[:_SEVERAL]]
        more = [f"… {len(table.rows)}"] if len(table.rows) > _SEVERAL else []
        computed = {row.key: dict(row.values) for row in table.rows}
        return [*_head(table), *_query(workspace, table.sql), *told, *more, _same(computed, stored)]
    key, _, column = rest.partition("/")
    if not column and key in rows:
        return _of_row(workspace, table, rows[key], stored)
    found = next((one for one in table.columns if one.name == column), None)
    if key not in rows or found is None:
        raise _unknown(f"{name}/{rest}", _cells(table))
    value = rows[key].values[column]
    return [
        f"编号 / id: {name}/{rest}",
        *_head(table),
        f"行 / row: {key}（{_label(table, rows[key])}）",
        f"列 / column: {column}（{found.title}）",
        *_query(workspace, table.sql),
        *_through(table),
        f"重算 / computed again: {_shown(value)}",
        _same(value, stored.part(key, column)),
    ]


def _of_row(workspace: Workspace, table: Table, row: Row, stored: _Said) -> list[str]:
    told = [
        f"{table.id}/{row.key}/{column.name}（{column.title}）: {_shown(row.values[column.name])}"
        for column in table.columns
    ]
    computed = dict(row.values)
    return [
        *_head(table),
        *_query(workspace, table.sql),
        *_through(table),
        *told,
        _same(computed, stored.part(row.key)),
    ]


def _of_clause(workspace: Workspace, folder: Path, name: str, rest: str) -> list[str]:
    clauses = workspace.rows('FROM record.clauses ORDER BY "order"')
    clause = next((one for one in clauses if name and name in (one["key"], one["clause"])), None)
    if clause is None:
        raise _unknown(name, [*load_tables(), *(str(one[of]) for one in clauses for of in ("key", "clause"))])
    verdict = _concluded(workspace, clause)
    stored = _stored_verdict(folder, verdict)
    if not rest:
        return _of_verdict(workspace, verdict, stored)
    number = next((one for one in verdict.basis if one.id == f"{verdict.key}/{rest}"), None)
    if number is None:
        raise _unknown(f"{name}/{rest}", [one.id for one in verdict.basis])
    return [
        f"编号 / id: {number.id}",
        f"条款 / clause: {verdict.clause} {verdict.title}",
        f"数字 / number: {number.title}",
        *_query(workspace, number.sql),
        f"重算 / computed again: {_shown(number.value)}",
        _same(number.value, stored.part("numbers", number.id)),
    ]


def _concluded(workspace: Workspace, clause: dict[str, Any]) -> Verdict:
    """The verdict on a clause; those that look at others need all of them."""
    rule = load_rules().clauses.get(clause["key"])
    if rule is None or not rule.after:
        return conclude_clause(workspace, clause)
    return next(one for one in conclude(workspace) if one.clause == clause["clause"])


def _of_verdict(workspace: Workspace, verdict: Verdict, stored: _Said) -> list[str]:
    rules = load_rules()
    rule = rules.clauses.get(verdict.key)
    lines = [f"条款 / clause: {verdict.clause} {verdict.title}（{verdict.key}）"]
    for reason in verdict.reasons:
        settled = f"（已由 {one_line(reason.settled_by)} 判定 / settled）" if reason.settled_by else ""
        lines.append(f"{reason.verdict} {reason.id}: {reason.text}{settled}")
        lines += [f"  {one_line(one)}" for one in reason.found]
        query = rules.conditions[reason.id].query
        if query and rule is not None:
            lines += _query(workspace, rules.whole(query, rule.terms))
    lines += [f"{number.id}（{number.title}）: {_shown(number.value)}" for number in verdict.basis]
    lines += [f"证明材料 / evidence: {one_line(one.file)} {one.sha256}" for one in verdict.evidence]
    return [*lines, f"重算 / computed again: {verdict.verdict}", _same(verdict.verdict, stored.part("verdict"))]


def _head(table: Table) -> list[str]:
    return [f"表 / table: {table.title}"]


def _query(workspace: Workspace, sql: str) -> Iterator[str]:
    """A query and the files it reads, with their digests."""
    yield "查询 / query:"
    yield from (f"  {line}" for line in sql.splitlines())
    yield "所读证据 / evidence read:"
    yield from (
        f"  {one.sha256 or '（无文件，按空表 / no file, an empty table）'}  {one.file}"
        for one in workspace.evidence(sql)
    )


def _through(table: Table) -> Iterator[str]:
    """Tables that show verdicts read them from the conclusions, which have evidence of their own."""
    if VERDICTS in table.sql:
        yield "条款结论的依据另见 / for the verdicts on clauses: corpus-audit report trace OUT 条款编号"


def _label(table: Table, row: Row) -> str:
    return _shown(row.values[table.columns[0].name])


def _shown(value: Any) -> str:
    """A value on one line, harmless to a terminal: names of sources are other people's text."""
    return one_line(json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else value)


def _plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=str))


def _same(value: Any, said: _Said) -> str:
    if not said.there:
        return f"报告所载 / in the report: 没有 {said.file}，无从比对 / there is none to compare with"
    if not said.known:
        return f"报告所载 / in the report: {said.file} 没有此编号，不一致 / does not have it: they differ"
    if _plain(value) == said.value:
        return f"报告所载 / in the report: 一致（{said.file}） / the same"
    return f"报告所载 / in the report: 不一致（{said.file}） / differs: {_shown(said.value)}"


def _stored_table(folder: Path, name: str) -> _Said:
    """The rows of a table of tables.json by key."""
    file = folder / "tables.json"
    content = _read(file)
    table = next((one for one in content or () if one["id"] == name), None)
    if table is None:
        return _Said(file.name, content is not None)
    return _Said(file.name, True, True, {row["key"]: row["values"] for row in table["rows"]})


def _stored_verdict(folder: Path, verdict: Verdict) -> _Said:
    """The verdict on a clause of verdicts.json, its numbers by id."""
    file = folder / "verdicts.json"
    content = _read(file)
    found = next((one for one in (content or {}).get("verdicts", ()) if one["clause"] == verdict.clause), None)
    if found is None:
        return _Said(file.name, content is not None)
    numbers = {one["id"]: one["value"] for one in found["basis"]}
    return _Said(file.name, True, True, {"verdict": found["verdict"], "numbers": numbers})


def _read(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise UsageError(f"{path}: 不是 JSON / is no JSON ({error}): run `corpus-audit verify OUT`") from None


def _cells(table: Table) -> Iterable[str]:
    columns = [column.name for column in table.columns]
    return [f"{table.id}/{row.key}/{column}" for row in table.rows[:2000] for column in columns]


def _unknown(id: str, known: Iterable[str]) -> UsageError:
    nearest = difflib.get_close_matches(id, list(known), n=_NEAREST, cutoff=0.3)
    return UsageError(
        f"{one_line(id)}: 没有此编号 / there is no such id; "
        f"相近者 / nearest: {', '.join(nearest) or '—'}；编号为 表号/行/列、条款键/名称 / ids are table/row/column, clause key/name"
    )
