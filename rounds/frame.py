"""The frame of a round: which documents a published run holds, as two digests and the sizes of all strata.

A line of a frame is `doc_id TAB content_hash`, with backslash, tab and line feed of an id written as \\\\, \\t and \\n
so that no id can pass for two lines; the digest is the sha256 of all lines, one a copy, each ended by a line feed, in
order of code points. DuckDB sorts and spills; nothing here grows with the corpus.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.database import BOUNDED, connect, parquet_list, quoted, result_files
from pipeline.errors import RunFailed
from pipeline.store.output import Output, Run, file_digests
from pipeline.store.scans import sha256_file
from rounds.apart import OF_STAGE, ORDINARY
from schemas.chain import read_chain
from schemas.profile import Profile
from schemas.results import DOCUMENTS, FINDINGS
from schemas.sources import APART

_ROWS = 65536
_LINE = (
    r"replace(replace(replace(doc_id, '\', '\\'), chr(9), '\t'), chr(10), '\n') || chr(9) || content_hash || chr(10)"
)


@dataclass(frozen=True)
class Frame:
    """A set of documents: how many, and the digest of their lines."""

    documents: int
    sha256: str


@contextmanager
def documents_of(run: Run, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with views `documents`, with a column `positive`, and `findings`; bounded, spilling into `spill`.

    `positive`: the machine says the document is illegal or unhealthy under the run's profile, or a candidate for it.
    """
    unhealthy = sorted(Profile.model_validate(run.manifest["profile"]).illegal_unhealthy)
    listed = ", ".join(quoted(risk) for risk in unhealthy)
    with connect(memory=BOUNDED) as sql:
        sql.execute(f"SET temp_directory = {quoted(str(spill))}")
        sql.execute("SET preserve_insertion_order = false")
        for name, schema in (("documents", DOCUMENTS), ("findings", FINDINGS)):
            files = result_files(run.folder, name)
            if not files:
                sql.register(f"no_{name}", schema.empty_table())
            more = f", illegal_unhealthy OR list_has_any(candidate_risks, [{listed}]::VARCHAR[]) AS positive"
            sql.execute(
                f"CREATE TEMP VIEW {name} AS SELECT *{more if name == 'documents' else ''} "
                f"FROM {parquet_list(files) if files else f'no_{name}'}"
            )
        yield sql


def frame(sql: duckdb.DuckDBPyConnection, admitted: bool) -> Frame:
    """The frame of the admitted documents, or of all that were collected."""
    where = "WHERE admitted" if admitted else ""
    reader = sql.sql(f"SELECT {_LINE} AS line FROM documents {where} ORDER BY line").to_arrow_reader(_ROWS)
    digest, count = hashlib.sha256(), 0
    for batch in reader:
        digest.update(_joined(batch.column(0)))
        count += batch.num_rows
    return Frame(count, digest.hexdigest())


def _joined(lines: pa.Array) -> memoryview:
    """The bytes of all strings one behind the other, as Arrow holds them."""
    column = lines.cast(pa.large_string())
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    data = column.buffers()[2]
    return memoryview(data)[int(offsets[0]) : int(offsets[-1])] if data is not None else memoryview(b"")


def strata(sql: duckdb.DuckDBPyConnection, sources: Sequence[str]) -> dict[str, int]:
    """Sizes of `manual`, of each `stage:…`, and of both strata of each of `sources`, empty ones too.

    Stages listed apart have a sample of all that was collected of them, and are in neither the manual nor source samples.
    """
    sizes = {"manual": 0}
    for stage, count in sql.execute(
        f"SELECT stage, count(*) FROM documents WHERE {OF_STAGE} GROUP BY stage ORDER BY stage"
    ).fetchall():
        sizes["manual"] += count if stage not in APART else 0
        sizes[f"stage:{stage}"] = count
    sizes |= {f"source:{source}:{sign}": 0 for source in sorted(sources) for sign in ("positive", "negative")}
    for source, positive, count in sql.execute(
        f"SELECT source_id, positive, count(*) FROM documents WHERE {ORDINARY} GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        sizes[f"source:{source}:{'positive' if positive else 'negative'}"] = count
    return sizes


def damage(output: Output, run: Run) -> list[str]:
    """What is wrong with a published run: every file is read and compared with what was published."""
    records, problems = read_chain(output.publications)
    stated = {record["run_id"]: record["manifest_sha256"] for record in records}
    try:
        if sha256_file(run.folder / "manifest.json") != stated.get(run.folder.name):
            return [*problems, "manifest.json: 与发布记录的哈希不符 / differs from what was published"]
        files: dict[str, Any] = run.manifest["files"]
    except (OSError, ValueError, KeyError) as error:
        return [*problems, f"manifest.json: 读不了 / cannot be read: {type(error).__name__}"]
    found = file_digests(run.folder)
    changed = [name for name in sorted(files) if found.get(name) != files[name]]
    return [*problems, *(f"{name}: 缺失或已改变 / missing or changed since publication" for name in changed)]


def must_be_sound(output: Output, run: Run) -> None:
    """Raises RunFailed naming what is wrong with the run."""
    problems = damage(output, run)
    if problems:
        raise RunFailed(
            f"{run.folder.name}: 运行已损坏，不能据以评估 / this run is damaged, no round can stand on it: run again, or restore it\n"
            + "\n".join(problems[:20])
        )
