"""Named queries for auditors, run read-only on the current run's database, and the text of one document."""

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from blacklist.log import FORMULA
from pipeline.config import Limits
from pipeline.errors import UsageError
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import layout_of
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.store.output import Run
from pipeline.terminal.opening import LOGS, open_audit
from schemas.sources import SourceRecord
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "csv", "json", "xlsx")
_CELL = 32_000  # characters an Excel cell takes
_ROWS = 1_048_575  # rows of an Excel sheet below its header
_EXACT = 10**15  # whole numbers beyond lose digits in a spreadsheet


@dataclass(frozen=True)
class Named:
    """A named query; title and explanation are Chinese, " / ", English."""

    name: str
    title: str
    about: str
    sql: str

    @property
    def logs(self) -> list[str]:
        """The logs beside the run it reads."""
        return [name for name in LOGS if re.search(rf"\b{name}\b", self.sql)]


@dataclass(frozen=True)
class Answer:
    """The columns and rows of a query."""

    name: str
    title: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


def named_queries() -> dict[str, Named]:
    """All queries by name."""
    found = {}
    folder = resources.files("pipeline.terminal").joinpath("queries")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            text = entry.read_text(encoding="utf-8")
            notes = dict(re.findall(r"^-- (title|about): (.*)$", text, re.MULTILINE))
            name = entry.name.removesuffix(".sql")
            found[name] = Named(name, notes["title"], notes["about"], re.sub(r"^(-- .*\n)+", "", text))
    return found


def find_query(name: str) -> Named:
    """The query of this name. Raises UsageError naming those there are."""
    known = named_queries()
    if name not in known:
        raise UsageError(f"没有这个查询 / no such query: {name}; available: {', '.join(known)}")
    return known[name]


def listing() -> Iterator[str]:
    """A line a named query: name and title."""
    for named in named_queries().values():
        yield f"{named.name:26} {named.title}"


def explanation(name: str) -> Iterator[str]:
    """What a named query asks, in both languages, and its SQL. Raises UsageError where there is none of that name."""
    named = find_query(name)
    yield from named.title.split(" / ", 1)
    yield from ("", *named.about.split(" / ", 1), "")
    yield named.sql.rstrip()


def ask(run: Run, names: Sequence[str]) -> list[Answer]:
    """The answers to these queries. Raises UsageError naming the ones there are."""
    queries = [find_query(name) for name in dict.fromkeys(names)]
    answers = []
    for named in queries:
        with open_audit(run, named.logs) as connection:
            cursor = connection.execute(named.sql)
            columns = [column[0] for column in cursor.description or ()]
            answers.append(Answer(named.name, named.title, columns, cursor.fetchall()))
    return answers


def render(answers: Sequence[Answer], form: str, to: Path | None) -> None:
    """Writes answers to stdout, or to a file."""
    if form == "xlsx":
        target = to or Path(f"{answers[0].name}.xlsx")
        if target.is_dir() or not target.parent.is_dir():
            raise UsageError(f"--to: {target}: 应为已有文件夹中的文件 / should be a file in a folder that is there")
        _workbook(answers, target)
        print(target)
        return
    text = {"csv": _csv, "json": _json, "table": _table}[form](answers)
    if to is None:
        sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)
    else:
        try:
            to.write_text(text, encoding="utf-8-sig" if form == "csv" else "utf-8", newline="")
        except OSError as error:
            raise UsageError(f"--to: {to}: 写不了 / cannot be written: {error.strerror}") from None


def _csv(answers: Sequence[Answer]) -> str:
    return "".join(csv_of(answer.columns, answer.rows) for answer in answers)


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], header: bool = True) -> str:
    """Rows as CSV that no spreadsheet takes for formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow([_formula_safe(column) for column in columns])
    writer.writerows([[_formula_safe(_flat(value)) for value in row] for row in rows])
    return text.getvalue()


def _json(answers: Sequence[Answer]) -> str:
    content = {a.name: [dict(zip(a.columns, row, strict=True)) for row in a.rows] for a in answers}
    single = content[answers[0].name] if len(answers) == 1 else content
    return json.dumps(single, ensure_ascii=False, indent=1, default=str) + "\n"


def _table(answers: Sequence[Answer]) -> str:
    from rich.text import Text

    text = io.StringIO()
    console = _console(text)
    for answer in answers:
        console.print(Text(answer.title, style="italic"))  # as a title of the table it would break to the table's width
        text.write(table_of(answer.columns, answer.rows))
    return text.getvalue()


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a table for a terminal: no character of theirs moves anything."""
    from rich.table import Table
    from rich.text import Text

    text = io.StringIO()
    table = Table(show_edge=False)
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float) or row[index] is None for row in rows)
        table.add_column(Text(_visible(column)), justify="right" if numeric and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_visible(_shown(value))) for value in row))
    _console(text).print(table)
    return text.getvalue()


def _console(text: io.StringIO) -> "Console":
    from rich.console import Console

    return Console(file=text, highlight=False, width=None if sys.stdout.isatty() else 200)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是 / yes" if value else "否 / no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(_flat(value))


def _flat(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _visible(text: str) -> str:
    """Without what a terminal would act on."""
    return "".join(char if char.isprintable() else " " for char in text)


def harmless(text: str) -> str:
    """A text for a terminal: lines stay, characters a terminal would act on are shown as codes."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in text)


def _formula_safe(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, marked as text; it may skip what it does not show."""
    if not isinstance(value, str):
        return value
    begin = next((place for place, char in enumerate(value) if char.isprintable() and not char.isspace()), 0)
    return f"'{value}" if value.startswith(FORMULA) or value[begin:].startswith(FORMULA) else value


def _workbook(answers: Sequence[Answer], target: Path) -> None:
    import xlsxwriter

    long = [answer.name for answer in answers if len(answer.rows) > _ROWS]
    if long:
        raise UsageError(f"{', '.join(long)}: 超过 Excel 的行数，请用 csv / more rows than Excel takes: use csv")
    try:
        with xlsxwriter.Workbook(str(target), {"constant_memory": True, "in_memory": False}) as book:
            bold = book.add_format({"bold": True})
            for answer in answers:
                sheet = book.add_worksheet(answer.name[:31])
                for index, column in enumerate(answer.columns):
                    sheet.write_string(0, index, _visible(column)[:_CELL], bold)
                for number, row in enumerate(answer.rows, start=1):
                    for index, value in enumerate(row):
                        _write_cell(sheet, number, index, value)
    except xlsxwriter.exceptions.FileCreateError as error:
        raise UsageError(f"--to: {target}: 写不了 / cannot be written: {error}") from None


def _write_cell(sheet: Any, row: int, column: int, value: Any) -> None:
    """A number as a number where a spreadsheet keeps it exactly, all else as text: never as a formula or a link."""
    if isinstance(value, bool) or value is None:
        sheet.write_string(row, column, _shown(value))
    elif isinstance(value, int | float) and math.isfinite(value) and abs(value) < _EXACT:
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, _visible(str(_flat(value)))[:_CELL])


def document_text(run: Run, doc_id: str) -> list[str]:
    """The text of a document, read from its shard and checked against its hash; every copy of a repeated id."""
    with open_audit(run) as connection:
        query = 'SELECT source_id, shard, "row", content_hash FROM documents WHERE doc_id = ? ORDER BY shard, "row"'
        places = connection.execute(query, [doc_id]).fetchall()
    if not places:
        raise UsageError(f"没有这个语料编号 / no document has this id: {doc_id}")
    return [_read(run, *place) for place in places]


def _read(run: Run, source_id: str, shard_name: str, row: int, content_hash: str) -> str:
    source = next(SourceRecord.model_validate(s) for s in run.manifest["config"]["sources"] if s["id"] == source_id)
    entry = next(s for s in run.manifest["shards"] if (s["source_id"], s["shard"]) == (source_id, shard_name))
    layout = layout_of(shard_name, source.format)
    assert layout is not None, shard_name
    limits = Limits.model_validate(run.manifest["config"]["limits"])
    shard = Shard(shard_name, entry["url"], entry["bytes"], entry["version"], layout)
    unit = Unit(source, 0, (Member(shard, 0, shard.size),))
    for records in read_unit(unit, Tray(limits.document_bytes), limits):
        rows = records.column("row").to_pylist()
        if row in rows:
            batch = TextBatch(records.take(pa.array([rows.index(row)])))
            if content_hashes(batch)[0].as_py().hex() == content_hash:
                return batch.strings[0]
            break
    raise UsageError(
        f"{source_id}/{shard_name} 第 {row} 行与审计时不同 / row {row} of {source_id}/{shard_name} is not what was audited: the shard changed"
    )
