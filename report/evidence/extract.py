"""Copies what a report stands on from a run, a closed round, the chains and the declarations into an evidence folder.

The tables and columns are in evidence.yaml and declared_tables.yaml. The same run, round, chains and declarations give
the same bytes; chains that grew since are cut where `heads` says, so that a report can be extracted again later.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.database import connect, quoted
from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, Run, write_json
from pipeline.store.scans import ROWS_PER_GROUP
from pipeline.terminal.opening import open_audit
from report.evidence import layout
from report.evidence.chains import CHAINS, Chains, heads_of, read_chains
from report.evidence.records import Sources, record_rows
from rounds.drawing import ITEMS_FILE, MACHINE_FILE
from rounds.register import Round
from rounds.results import read_result
from schemas.lexicon import Library

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
EVIDENCE = "evidence"


def extract(
    output: Output,
    run: Run,
    round_: Round | None,
    declared: Rows,
    annotation: Rows,
    folder: Path,
    heads: Mapping[str, int] | None = None,
    library: Library | None = None,
) -> None:
    """Writes the evidence folder anew. `round_` is a closed round of this very run; without one it is a rehearsal.

    `heads` are the lengths of the chains to read (record/heads.json of an earlier report). `library` is the run's keyword
    library where it does not lie in the store of scans. Raises UsageError and RunFailed.
    """
    if round_ is not None and (round_.closed is None or round_.run_id != run.folder.name):
        raise UsageError(
            f"{round_.id}: 未关闭，或依据的不是运行 {run.folder.name} / is not closed, or stands on another run than {run.folder.name}"
        )
    if folder.exists():
        shutil.rmtree(folder)
    for schema in layout.SCHEMAS:
        (folder / schema).mkdir(parents=True)
    chains = read_chains(output, heads)
    try:
        _copy(Sources(output, run, round_, chains, library), declared, annotation, folder)
    except (duckdb.Error, OSError, pa.ArrowException) as error:
        raise RunFailed(
            f"{run.folder}: 运行或轮次的文件缺失或损坏，未作报告 / a file of the run or the round is missing or damaged, no report was made: "
            f"corpus-audit verify {output.folder}（{error}）"
        ) from error


def _copy(of: Sources, declared: Rows, annotation: Rows, folder: Path) -> None:
    _copy_audit(of.run, folder)
    _copy_round(of.round, folder)
    rows = record_rows(of)
    _write_rows(folder, "record", layout.columns()["record"], rows)
    for schema, given in (("declared", declared), ("annotation", annotation)):
        _write_rows(folder, schema, layout.columns()[schema], given)
    _copy_records(of.run, of.round, of.chains, folder / "record")


def _copy_audit(run: Run, folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix=".spill-", dir=folder.parent) as spill,
        open_audit(run, ["source_regions"]) as sql,
    ):
        sql.execute(f"SET temp_directory = {quoted(spill)}")
        for name, told in layout.evidence()["audit"].items():
            query = _answerable(sql, "audit", name, layout.query(name, told))
            if "at_most" in told and _count(sql, query) > told["at_most"]:
                query = layout.empty("audit", name)  # its digest is in record.samples
            write_table(folder / "audit" / f"{name}.parquet", sql.sql(f"{query} ORDER BY ALL").to_arrow_table())


def _answerable(sql: duckdb.DuckDBPyConnection, schema: str, name: str, query: str) -> str:
    """The query, or one without rows where an earlier version built the database without that table or column."""
    try:
        sql.execute(f"DESCRIBE {query}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return layout.empty(schema, name)
    return query


def _copy_round(round_: Round | None, folder: Path) -> None:
    told = layout.evidence()
    path = ":memory:" if round_ is None else str(round_.folder / "round.duckdb")
    with connect(path, read_only=round_ is not None) as sql:
        if round_ is None:
            layout.make_empty_round(sql)
        for name, part in told["round"].items():
            query = _answerable(sql, "round", name, layout.query(name, part))
            table = sql.sql(f"{query} ORDER BY ALL").to_arrow_table()
            write_table(folder / "round" / f"{name}.parquet", table)
    content = {} if round_ is None else read_result(round_).content
    rows = {name: content.get(name, []) for name in told["result"]}
    listed = {name: [value] if isinstance(value, dict) else value for name, value in rows.items()}
    listed["machine"] = [] if round_ is None else _machine_rows(round_)
    columns = {name: part["columns"] for group in ("result", "drawn") for name, part in told[group].items()}
    _write_rows(folder, "round", columns, listed)


def _machine_rows(round_: Round) -> list[dict[str, Any]]:
    """What the machine said of each item, and how long its text is; no findings, which tell where in the text."""
    items = pq.read_table(round_.folder / ITEMS_FILE, columns=["item_no", "text"], use_threads=False)
    chars = dict(zip(items["item_no"].to_pylist(), pc.utf8_length(items["text"]).to_pylist(), strict=True))
    rows = pq.read_table(round_.folder / MACHINE_FILE, use_threads=False).to_pylist()
    return [{**row, "chars": chars[row["item_no"]]} for row in rows]


def _copy_records(run: Run, round_: Round | None, chains: Chains, folder: Path) -> None:
    """Manifest, profile, policy, the round's result and the chains, as they are."""
    shutil.copyfile(run.folder / "manifest.json", folder / "manifest.json")
    for name in ("profile", "policy"):
        write_json(folder / f"{name}.json", run.manifest[name])
    if round_ is not None:
        shutil.copyfile(round_.folder / "result.json", folder / "round_result.json")
    for name in CHAINS:
        (folder / f"{name}.ndjson").write_bytes(chains.lines(name))
    write_json(folder / "heads.json", heads_of(chains))


def _count(sql: duckdb.DuckDBPyConnection, query: str) -> int:
    (row,) = sql.execute(f"SELECT count(*) FROM ({query})").fetchall()
    return int(row[0])


def _write_rows(folder: Path, schema: str, columns: Mapping[str, Mapping[str, str]], rows: Rows) -> None:
    """Rows of tables with these columns; a table nobody gave rows of is empty."""
    for name, types in columns.items():
        write_table(folder / schema / f"{name}.parquet", table_of(types, rows.get(name, ())))


def table_of(types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table with these columns, in order of all of them."""
    given = [{column: row.get(column) for column in types} for row in rows]
    ordered = sorted(given, key=lambda row: json.dumps(row, ensure_ascii=False))
    schema = pa.schema([(column, layout.arrow_type(kind)) for column, kind in types.items()])
    return pa.Table.from_pylist(ordered, schema)


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a table in groups of a fixed size: the same rows, the same bytes."""
    pq.write_table(
        table.combine_chunks(), path, row_group_size=ROWS_PER_GROUP, compression="zstd", write_page_checksum=True
    )


def evidence_files(folder: Path) -> Iterable[Path]:
    """All files of an evidence folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_heads(folder: Path) -> dict[str, int]:
    """The lengths of the chains an evidence folder was made from."""
    content = json.loads((folder / "record" / "heads.json").read_bytes())
    return {name: int(head["lines"]) for name, head in content.items()}
