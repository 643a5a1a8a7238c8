"""Which documents differ between two runs: new, changed, removed, and those whose admission changed.

Runs link to files of decisions that are named by digest in their manifests. Files of one digest in both runs hold the
same documents with the same decisions and are not read; the others are compared by DuckDB, a part of all ids at a
time, so that memory stays bounded however many there are.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from pipeline.database import connect, parquet_list, quoted
from pipeline.store.output import Run

ADMITTED = "admitted"
_PREFIX = "documents/"
_ROWS = 4_000_000  # documents of both runs compared at a time
_MEMORY = "1GB"


@dataclass
class DocumentChanges:
    """Counts by source and kind (`new`, `changed`, `removed`), and by source and change of admission.

    `examples` hold document ids by the same keys, the first in order of id. `files` and `read` count the files of
    documents of both runs and those that had to be read, `rows` the documents in the latter.
    """

    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    flips: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, ...], list[str]] = field(default_factory=lambda: defaultdict(list))
    files: int = 0
    read: int = 0
    rows: int = 0


def compare_documents(before: Run, after: Run, examples: int, rows_at_once: int = _ROWS) -> DocumentChanges:
    """Compares all documents by id and hash of their text; of copies, by how many there are, in order of place.

    A document with the same id and text is the same one wherever it lies now; one with the same id and another text
    was changed; one without an id of its own is named by shard and row, so it is changed where its row holds another
    text now.
    """
    old, new = _differing(before, after)
    found = DocumentChanges(files=_count(before) + _count(after), read=len(old) + len(new))
    found.rows = sum(pq.read_metadata(file).num_rows for file in (*old, *new))
    if not old and not new:
        return found
    parts = 1 + found.rows // rows_at_once
    with tempfile.TemporaryDirectory(prefix="corpus-audit-") as spill, connect(memory=_MEMORY) as connection:
        connection.execute(f"SET temp_directory = {quoted(spill)}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET threads = 2")
        for part in range(parts):
            where = f"hash(doc_id) % {parts} = {part}"
            _join(connection, _side(old, where), _side(new, where))
            _add(connection, found, examples)
    return found


def _differing(before: Run, after: Run) -> tuple[list[Path], list[Path]]:
    """The files of either run that have no file of the same digest in the other, counted with repetition."""
    sides = [_by_digest(run) for run in (before, after)]
    return _beyond(before, sides[0], sides[1]), _beyond(after, sides[1], sides[0])


def _by_digest(run: Run) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, told in run.manifest["files"].items():
        if name.startswith(_PREFIX):
            found[told["sha256"]].append(name)
    return found


def _beyond(run: Run, ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> list[Path]:
    names = (name for digest, names in ours.items() for name in sorted(names)[len(theirs.get(digest, ())) :])
    return [run.folder / name for name in sorted(names)]


def _count(run: Run) -> int:
    return sum(name.startswith(_PREFIX) for name in run.manifest["files"])


def _side(files: Sequence[Path], where: str) -> str:
    """The documents of these files in one part of all ids; copies of one id and text are numbered."""
    if not files:
        return (
            "SELECT NULL::VARCHAR AS source_id, NULL::VARCHAR AS doc_id, NULL::BLOB AS hash, NULL::VARCHAR AS state, "
            "NULL::BIGINT AS copy WHERE false"
        )
    return f"""
        SELECT source_id, doc_id, unhex(content_hash) AS hash,
               CASE WHEN admitted THEN '{ADMITTED}' ELSE exclusion_reason END AS state,
               row_number() OVER (PARTITION BY doc_id, content_hash ORDER BY shard, "row") AS copy
        FROM {parquet_list(files)} WHERE {where}"""


def _join(connection: duckdb.DuckDBPyConnection, before: str, after: str) -> None:
    """Makes `differences`: documents of one side only, and those of both with another admission."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE differences AS
        SELECT coalesce(b.source_id, a.source_id) AS source_id, coalesce(b.doc_id, a.doc_id) AS doc_id,
               b.state AS was, a.state AS is_now
        FROM ({before}) b FULL JOIN ({after}) a
          ON b.doc_id = a.doc_id AND b.hash = a.hash AND b.copy = a.copy
        WHERE b.state IS DISTINCT FROM a.state
        """
    )


def _add(connection: duckdb.DuckDBPyConnection, found: DocumentChanges, examples: int) -> None:
    """Adds one part. Of an id with texts on both sides only, as many as both have are changed, the rest new or removed."""
    kinds = connection.execute(
        f"""
        WITH ids AS (
            SELECT source_id, doc_id, count(*) FILTER (was IS NULL) AS added, count(*) FILTER (is_now IS NULL) AS taken
            FROM differences WHERE was IS NULL OR is_now IS NULL GROUP BY ALL),
        told AS (
            SELECT source_id, doc_id, unnest(['new', 'changed', 'removed']) AS kind,
                   unnest([added - least(added, taken), least(added, taken), taken - least(added, taken)]) AS n FROM ids)
        SELECT source_id, kind, sum(n)::BIGINT, min(doc_id, {max(1, examples)}) FROM told WHERE n > 0 GROUP BY ALL
        """
    ).fetchall()
    flips = connection.execute(
        f"""
        SELECT source_id, was, is_now, count(*), min(doc_id, {max(1, examples)})
        FROM differences WHERE was IS NOT NULL AND is_now IS NOT NULL GROUP BY ALL
        """
    ).fetchall()
    for source, kind, number, ids in kinds:
        found.kinds[source, kind] += number
        found.examples[source, kind] = sorted([*found.examples[source, kind], *ids])[:examples]
    for source, was, now, number, ids in flips:
        found.flips[source, was, now] += number
        found.examples[source, was, now] = sorted([*found.examples[source, was, now], *ids])[:examples]
