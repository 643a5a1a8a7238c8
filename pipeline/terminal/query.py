"""Named queries for auditors, run read-only on the current run's database."""

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

from blacklist.log import FORMULA
from pipeline.errors import UsageError
from pipeline.store.output import Run
from pipeline.terminal.opening import LOGS, open_audit

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "csv", "json", "xlsx")
_CELL = 32_000  # characters an Excel cell takes
_ROWS = 1_048_575  # rows of an Excel sheet below its header
_EXACT = 10**15  # whole numbers beyond lose digits in a spreadsheet


@dataclass(frozen=True)
class Named:
    """A named query; title and explanation are Chinese, " / ", English. `brief`: the columns a table has, if not all."""

    name: str
    title: str
    about: str
    sql: str
    brief: tuple[str, ...] = ()

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
    brief: tuple[str, ...] = ()


def named_queries() -> dict[str, Named]:
    """All queries by name."""
    found = {}
    folder = resources.files("pipeline.terminal").joinpath("queries")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            text = entry.read_text(encoding="utf-8")
            notes = dict(re.findall(r"^-- (title|about|table): (.*)$", text, re.MULTILINE))
            name, brief = entry.name.removesuffix(".sql"), tuple(notes.get("table", "").split())
            found[name] = Named(name, notes["title"], notes["about"], re.sub(r"^(-- .*\n)+", "", text), brief)
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
            answers.append(Answer(named.name, named.title, columns, cursor.fetchall(), named.brief))
    return answers


def form_of(form: str | None, to: Path | None) -> str:
    """The form that was asked for, or that the name of the file says. Raises UsageError where the two differ."""
    if form is not None and form not in FORMATS:
        raise UsageError(f"--format: {form}: 应为 / should be one of {', '.join(FORMATS)}")
    if to is None:
        return form or "table"
    named = to.suffix.lower().removeprefix(".")
    wanted = form or named
    if wanted not in FORMATS[1:]:
        raise UsageError(
            f"--to: {to}: 文件名须以 .csv、.xlsx 或 .json 结尾（表格只供屏幕） / should end in .csv, .xlsx or .json; tables are for the screen"
        )
    if named != wanted:
        raise UsageError(
            f"--to: {to}: 与 --format {form} 不符，应以 .{form} 结尾 / should end in .{form} like --format"
        )
    return wanted


def render(answers: Sequence[Answer], form: str, to: Path | None) -> None:
    """Writes answers to stdout, or to a file whose name is printed then."""
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
        print(to)


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
        shown = [place for place, name in enumerate(answer.columns) if name in answer.brief or not answer.brief]
        columns = [answer.columns[place] for place in shown]
        text.write(table_of(columns, [[row[place] for place in shown] for row in answer.rows]))
        if len(columns) < len(answer.columns):
            every = len(answer.columns)
            console.print(
                Text(f"{len(columns)} / {every} 列，全部用 --format csv / columns; --format csv has all {every}")
            )
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
