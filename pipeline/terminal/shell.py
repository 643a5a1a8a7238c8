"""`query OUT --shell`: SQL on a run, read-only, with everything outside the run's own files closed.

Two locks, one behind the other. The engine: databases are opened read-only, no file but the run's own can be read,
no extension loaded, no setting changed, memory and spilled bytes are bounded. Before it, only statements that read or make
something temporary are passed on (statements.py). Texts come from a hostile corpus: what a terminal would act on is shown as a code.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TextIO

import duckdb

from pipeline.database import as_pattern, quoted
from pipeline.errors import AuditError, UsageError
from pipeline.store.output import Run
from pipeline.terminal import query
from pipeline.terminal.opening import LOGS, add_log, files_of_views, open_audit, read_log, round_databases
from pipeline.terminal.statements import is_complete, must_read

MEMORY, SPILL = "1GB", "8GB"
SHOWN = 1000  # rows of an answer a terminal gets; `.mode csv` has no limit
_PART = 10_000  # rows fetched at a time
_LONG = 2_000  # characters of a cell of a table
_ENDS = (".quit", ".exit")
_HELP = """\
SQL，以分号结束，可跨行 / SQL, over several lines, ended by a semicolon
.tables            表与说明 / tables and what they hold
.columns TABLE     列与说明 / columns of a table and what they hold
.macros            宏：区间、5 % 规则、抽样键 / macros: intervals, the 5 % rule, keys of the samples
.queries           命名查询 / named queries
.run NAME          运行命名查询 / runs one
.explain NAME      说明与 SQL / what it asks, and its SQL
.mode table|csv    输出形式；csv 不限行数 / form of answers; csv has no limit of rows
.help  .quit       帮助，退出（Ctrl-D）；Ctrl-C 中断查询 / help, end; Ctrl-C interrupts the query
只读：可建 TEMP 表、视图、宏 / read-only; TEMP tables, views and macros can be made
"""


@contextlib.contextmanager
def closed(run: Run) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """A connection on a run that reads nothing but the run, and what was wrong with logs or rounds beside it.

    The databases of closed rounds are attached read-only as r0001 …; LOGS are temporary tables.
    """
    warnings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="corpus-audit-shell-") as spill, open_audit(run) as connection:
        for name in LOGS:
            log = read_log(run, name)
            warnings += log.problems
            add_log(connection, name, log)
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {quoted(spill)}")
        connection.execute(f"SET max_temp_directory_size = '{SPILL}'")
        for name, path in round_databases(run).items():
            try:
                connection.execute(f"ATTACH {quoted(str(path))} AS {name} (READ_ONLY)")
            except duckdb.Error as error:
                warnings.append(f"{path}: 打不开 / cannot be opened: {error}")
        files = [str(file) for file in files_of_views(connection, run)]
        allowed = dict.fromkeys(
            [*files, *map(as_pattern, files)]
        )  # views name files by pattern, and both are asked for
        connection.execute(f"SET allowed_paths = [{', '.join(map(quoted, allowed))}]")
        for setting in (
            "python_enable_replacements = false",  # or names of Python variables would be tables
            "allow_community_extensions = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            connection.execute(f"SET {setting}")
        yield connection, warnings


@dataclass
class Shell:
    """Reads lines and answers them. `terminal` is whether a person sits there: prompts, and errors do not end it."""

    run: Run
    connection: duckdb.DuckDBPyConnection
    terminal: bool
    out: TextIO
    mode: str = "table"
    _worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def serve(self, lines: Callable[[str], str]) -> None:
        """Answers until the end of input; `lines` takes a prompt and raises EOFError at the end."""
        pending = ""
        while True:
            try:
                line = lines("   …> " if pending else "audit> ")
            except EOFError:
                break
            except KeyboardInterrupt:  # drops what was typed so far
                if not self.terminal:
                    raise
                print(file=sys.stderr)
                pending = ""
                continue
            if not pending and line.strip().startswith("."):
                if line.strip() in _ENDS:
                    return
                self._attempt(self._command, line.strip())
                continue
            pending = f"{pending}{line}\n" if pending or line.strip() else ""
            if is_complete(pending):
                sql, pending = pending, ""
                self._attempt(self._answer, sql)
        if pending.strip():
            self._attempt(self._answer, pending)

    def _attempt(self, step: Callable[[str], None], text: str) -> None:
        """Runs a step. A person is told what went wrong and goes on; a script ends with the first error."""
        try:
            step(text)
        except KeyboardInterrupt:
            if not self.terminal:
                raise
            self._note("已中断 / interrupted")
        except (AuditError, duckdb.Error) as error:
            if not self.terminal:
                raise UsageError(query.harmless(str(error))) from None
            self._note(str(error))

    def _note(self, text: str) -> None:
        print(query.harmless(text), file=sys.stderr)

    def _command(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        commands: dict[str, Callable[[str], None]] = {
            ".help": lambda _: self._say(_HELP),
            ".tables": lambda _: self._show(_TABLES),
            ".columns": self._show_columns,
            ".macros": lambda _: self._show(_MACROS),
            ".queries": lambda _: self._say("\n".join(query.listing()) + "\n"),
            ".explain": lambda name: self._say("\n".join(query.explanation(name)) + "\n"),
            ".run": lambda name: self._show(query.find_query(name).sql),
            ".mode": self._set_mode,
        }
        if word not in commands:
            raise UsageError(f"{word}: 没有这个命令 / no such command; .help")
        commands[word](rest.strip().rstrip(";"))

    def _show_columns(self, table: str) -> None:
        """The columns of a table. Raises UsageError where there is none of that name."""
        if not self._call(lambda: self.connection.execute(_COLUMNS, [table]).fetchone()):
            raise UsageError(f".columns {table}: 没有这张表 / no such table; .tables")
        self._show(_COLUMNS, [table])

    def _set_mode(self, mode: str) -> None:
        if mode not in ("table", "csv"):
            raise UsageError(f".mode {mode}: 应为 / should be one of table, csv")
        self.mode = mode

    def _answer(self, sql: str) -> None:
        for statement in must_read(self.connection, sql):
            self._show(statement)

    def _show(self, statement: "str | duckdb.Statement", parameters: list[str] | None = None) -> None:
        """Runs a statement in the worker, so that Ctrl-C can interrupt it, and writes its rows."""
        columns = self._call(lambda: self._columns_of(statement, parameters))
        if self.mode == "csv":
            header = True
            while rows := self._call(lambda: self.connection.fetchmany(_PART)):
                self._write(columns, rows, header)
                header = False
            if header and columns:
                self._write(columns, [], True)
        elif columns:
            rows = self._call(lambda: self.connection.fetchmany(SHOWN + 1))
            self._write(columns, rows[:SHOWN], True)
            if len(rows) > SHOWN:
                self._note(f"只显示前 {SHOWN} 行 / only the first {SHOWN} rows are shown; .mode csv")

    def _columns_of(self, statement: "str | duckdb.Statement", parameters: list[str] | None) -> list[str]:
        return [column[0] for column in self.connection.execute(statement, parameters).description or ()]

    def _call(self, step: Callable[[], Any]) -> Any:
        """What a step of the worker gives; Ctrl-C interrupts the query and is raised once it has stopped."""
        running = self._worker.submit(step)
        interrupted = False
        while True:
            try:
                result = running.result()
            except KeyboardInterrupt:
                interrupted = True
                self.connection.interrupt()
            except duckdb.Error:
                if interrupted:
                    raise KeyboardInterrupt from None
                raise
            else:
                if interrupted:
                    raise KeyboardInterrupt
                return result

    def _write(self, columns: list[str], rows: list[tuple[Any, ...]], header: bool) -> None:
        if self.mode == "csv":
            self._say(query.csv_of(columns, rows, header))
        else:
            self._say(query.table_of(columns, [[_cut(value) for value in row] for row in rows]))

    def _say(self, text: str) -> None:
        self.out.write(query.harmless(text) if self.out.isatty() else text)
        self.out.flush()


def _cut(value: Any) -> Any:
    """A text short enough to be looked at, with its length where it was longer."""
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_LONG]}… ({len(value):,})"
    return value


_TABLES = """
SELECT database_name AS "database", table_name AS "table", any_value(comment) AS comment FROM (
    SELECT database_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
    UNION ALL SELECT database_name, view_name, comment FROM duckdb_views() WHERE NOT internal)
GROUP BY database_name, table_name ORDER BY database_name <> 'audit', 1, 2
"""
_COLUMNS = f"""
SELECT database_name AS "database", column_name AS "column", data_type AS type, comment FROM duckdb_columns()
WHERE NOT internal AND table_name = ? AND (database_name <> 'temp' OR table_name IN ({", ".join(map(quoted, LOGS))}))
ORDER BY database_name, column_index
"""
_MACROS = """
SELECT function_name AS macro, array_to_string(parameters, ', ') AS parameters, any_value(comment) AS comment
FROM duckdb_functions() WHERE NOT internal GROUP BY function_name, parameters ORDER BY macro
"""


def serve(run: Run) -> int:
    """The shell on stdin and stdout; a person gets prompts, a pipe does not and ends with 2 at the first error."""
    terminal = sys.stdin.isatty()
    with closed(run) as (connection, warnings):
        for warning in warnings:
            print(f"警告 / warning: {query.harmless(warning)}", file=sys.stderr)
        if terminal:
            print(f"{run.folder.name}  只读 / read-only  .help", file=sys.stderr)
        Shell(run, connection, terminal, sys.stdout).serve(_prompted if terminal else _piped)
    return 0


def _prompted(prompt: str) -> str:
    """A line that may be edited; nothing typed is kept, for it may hold personal data."""
    with contextlib.suppress(ImportError):
        import readline

        readline.set_auto_history(False)
    return input(prompt)


def _piped(_prompt: str) -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
