"""The rows of the tables `annotation.*`: aggregates, checks and examples of what is wrong; persons as ids, no texts.

The log is streamed into a temporary database and everything is said of it there, so memory does not grow with it. The
same events and staff entries give the same rows in whatever order they stand, and equal ones count once.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.database import BOUNDED, connect, quoted
from pipeline.store.output import Run
from report.annotation.checks import CHECKS, Check, wrong_counted
from report.annotation.derived import DERIVED
from report.annotation.events import EVENTS, STAFF, read_events, read_staff
from report.annotation.limits import LIMITS
from report.annotation.lookup import look_up
from report.annotation.queries import QUERIES
from report.annotation.reading import BadLog, Refusals
from report.declared.wording import shown

Row = dict[str, Any]
EXAMPLES = 20


def annotation_rows(
    log: Path, staff: Path, about_log: Mapping[str, str], about_staff: Mapping[str, str], run: Run | None
) -> dict[str, list[Row]]:
    """The rows of every table of schema `annotation`. `about_…` give `file` (as declared) and `sha256`.

    Voided items are looked up in `run`; without one that check has no result. Raises BadLog with every refused row.
    """
    with tempfile.TemporaryDirectory(prefix="corpus-audit-annotation-") as name:
        folder = Path(name)
        with connect(str(folder / "annotation.duckdb"), memory=BOUNDED) as connection:
            connection.execute(f"SET temp_directory = {quoted(str(folder / 'spill'))}")
            connection.execute("SET preserve_insertion_order = false")
            read = _load(connection, log, staff)
            connection.execute(DERIVED)
            covered = look_up(connection, run, folder)
            rows = {table: _rows(connection, query) for table, query in QUERIES.items()}
            rows["checks"] = [_checked(connection, check) for check in CHECKS]
            rows["problems"] = [row for check in CHECKS for row in _examples(connection, check)]
    head = rows["log"][0]
    head |= {"file": about_log["file"], "sha256": about_log["sha256"], "repeated": read - head["events"]}
    head |= {"staff_file": about_staff["file"], "staff_sha256": about_staff["sha256"]}
    head |= {"run_id": run.manifest["run_id"] if run is not None else None, **covered}
    rows["limits"] = [{"name": limit.name, "value": float(limit.value), "meaning": limit.meaning} for limit in LIMITS]
    return rows


def _load(connection: duckdb.DuckDBPyConnection, log: Path, staff: Path) -> int:
    """Streams both files into the database; all or nothing. Returns how many events there are, equal ones each."""
    refused = [Refusals(staff), Refusals(log)]
    connection.execute(_create("staff_list", STAFF))
    connection.execute(_create("log", EVENTS))
    entries = _insert(connection, "staff_list", read_staff, staff, refused[0])
    events = _insert(connection, "log", read_events, log, refused[1])
    for refusals, count in zip(refused, (entries, events), strict=True):
        if not count and not refusals.count:
            refusals.add(None, "一行都没有 / holds no row at all")
    if problems := [problem for refusals in refused for problem in refusals.problems]:
        raise BadLog(problems)
    return events


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    read: Callable[[Path, Refusals], Iterator[pa.RecordBatch]],
    path: Path,
    refusals: Refusals,
) -> int:
    count = 0
    for batch in read(path, refusals):
        count += batch.num_rows
        if refusals.count:
            continue  # the rest is only read to name what else is refused
        connection.register("given", batch)
        connection.execute(f"INSERT INTO {table} FROM given")
        connection.unregister("given")
    return count


_SQL_TYPES = {pa.timestamp("us"): "TIMESTAMP", pa.int64(): "BIGINT", pa.date32(): "DATE", pa.string(): "VARCHAR"}


def _create(name: str, schema: pa.Schema) -> str:
    columns = ", ".join(f"{field.name} {_SQL_TYPES.get(field.type, 'VARCHAR[]')}" for field in schema)
    return f"CREATE TABLE {name} ({columns})"


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _checked(connection: duckdb.DuckDBPyConnection, check: Check) -> Row:
    wrong = _value(connection, wrong_counted(check))
    return {
        "check": check.id,
        "clause_key": check.clause_key,
        "title": check.title,
        "examined": _value(connection, check.examined),
        "problems": wrong if wrong or _value(connection, check.possible) else None,  # what was found stands
        "remedy": check.remedy,
    }


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    (row,) = connection.execute(query).fetchall()
    return row[0]


def _examples(connection: duckdb.DuckDBPyConnection, check: Check) -> list[Row]:
    columns = "task, batch, item, person, strftime(day::DATE, '%Y-%m-%d') AS day, detail"
    found = _rows(
        connection,
        f"SELECT {columns} FROM ({check.wrong}) ORDER BY task, batch, item, person, day, detail LIMIT {EXAMPLES}",
    )
    return [
        {"check": check.id, **{name: value if value is None else shown(value) for name, value in row.items()}}
        for row in found
    ]
