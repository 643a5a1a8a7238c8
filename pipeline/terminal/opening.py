"""Opens a run's database for reading: views bound to the run's own files, macros, and the logs beside it as tables."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from blacklist.log import EVENTS
from pipeline.database import VIEWED, connect, parquet_list, quoted, result_files
from pipeline.errors import RunFailed
from pipeline.store.output import Output, Run
from schemas.chain import read_chain
from schemas.database import macros

_ROUND = re.compile(r"R\d{4,}")
_TEXT, _COUNT = pa.string(), pa.int64()
_BLACKLIST = pa.schema(
    [
        ("seq", _COUNT),
        ("time", _TEXT),
        ("event", _TEXT),
        ("source_key", _TEXT),
        ("scope", _TEXT),
        ("reason", _TEXT),
        ("decided_by", _TEXT),
        ("evidence", _TEXT),
        ("sha256", _TEXT),
    ]
)
_ROUNDS = pa.schema(
    [("seq", _COUNT), ("time", _TEXT), ("event", _TEXT), ("round", _TEXT), ("details", _TEXT), ("sha256", _TEXT)]
)
_REGIONS = pa.schema([("source_id", _TEXT), ("domain", _TEXT), ("region", _TEXT)])
LOGS = {
    "blacklist_log": "来源黑名单的全部记录（blacklist/events.ndjson）；evidence 为 JSON / every event of the blacklist",
    "round_log": "评估轮次登记簿（rounds/register.ndjson）；details 为 JSON / the register of assessment rounds",
    "source_regions": "混合来源按域名申报的境内外属性 / regions declared by domain for mixed sources",
}


@dataclass(frozen=True)
class Log:
    """A log as a table, and what is wrong with its chain."""

    table: pa.Table
    problems: list[str] = field(default_factory=list)


def open_audit(run: Run, logs: Collection[str] = ()) -> duckdb.DuckDBPyConnection:
    """The run's database, read-only, with these of LOGS as temporary tables.

    Views over Parquet are bound to where the run lies now, and macros a run built by an earlier version lacks are
    added for the connection. Raises RunFailed where the chain of a log is broken.
    """
    found = {name: read_log(run, name) for name in logs}
    problems = [problem for log in found.values() for problem in log.problems]
    if problems:
        raise RunFailed("记录被改动 / a log was changed:\n" + "\n".join(problems))
    connection = connect(str(run.folder / "audit.duckdb"), read_only=True)
    views = {
        name for (name,) in connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    }
    for name in sorted(views & {*VIEWED}):
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {parquet_list(result_files(run.folder, name))}")
    _add_macros(connection)
    for name, log in found.items():
        add_log(connection, name, log)
    return connection


def files_of_views(connection: duckdb.DuckDBPyConnection, run: Run) -> list[Path]:
    """The Parquet files the database reads from, where tables are views."""
    rows = connection.execute("SELECT DISTINCT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return [file for name in sorted({name for (name,) in rows} & {*VIEWED}) for file in result_files(run.folder, name)]


def read_log(run: Run, name: str) -> Log:
    """One of LOGS, for the output folder the run lies in; empty where there is none yet."""
    output = Output(run.folder.parent.parent)
    if name == "source_regions":
        return Log(pa.Table.from_pylist(_regions(run), schema=_REGIONS))
    if name == "blacklist_log":
        records, problems = read_chain(output.blacklist / EVENTS)
        return Log(pa.Table.from_pylist([_blacklist_row(record) for record in records], schema=_BLACKLIST), problems)
    from rounds.register import Register

    try:
        records, problems = Register(output).events(), []
    except RunFailed as error:
        records, problems = [], [str(error)]
    return Log(pa.Table.from_pylist([_round_row(record) for record in records], schema=_ROUNDS), problems)


def add_log(connection: duckdb.DuckDBPyConnection, name: str, log: Log) -> None:
    """Makes a log a temporary table."""
    connection.register("given", log.table)
    connection.execute(f"CREATE TEMP TABLE {name} AS FROM given")
    connection.unregister("given")
    connection.execute(f"COMMENT ON TABLE temp.{name} IS {quoted(LOGS[name])}")


def round_databases(run: Run) -> dict[str, Path]:
    """The databases of closed rounds by the name they are attached under: r0001 …"""
    folder = run.folder.parent.parent / "rounds"
    return {
        path.parent.name.lower(): path
        for path in sorted(folder.glob("*/round.duckdb"))
        if _ROUND.fullmatch(path.parent.name)
    }


def _add_macros(connection: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE NOT internal"
    there = {name for (name,) in connection.execute(query).fetchall()}
    for macro in macros().values():
        if macro.name not in there:
            connection.execute(macro.create("TEMP"))
            connection.execute(f"COMMENT ON MACRO temp.{macro.name} IS {quoted(macro.comment)}")


def _blacklist_row(record: dict[str, Any]) -> dict[str, Any]:
    plain = {key: record.get(key) for key in ("seq", "time", "event", "source_key", "scope", "reason", "sha256")}
    return plain | {"decided_by": record.get("by"), "evidence": _json(record.get("evidence") or {})}


def _round_row(record: dict[str, Any]) -> dict[str, Any]:
    plain = {key: record.get(key) for key in ("seq", "time", "event", "round", "sha256")}
    rest = {key: value for key, value in record.items() if key not in (*plain, "previous")}
    return plain | {"details": _json(rest)}


def _regions(run: Run) -> list[dict[str, Any]]:
    return [
        {"source_id": source["id"], "domain": domain, "region": region}
        for source in run.manifest["config"]["sources"]
        for domain, region in sorted((source.get("regions") or {}).items())
    ]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
