"""Looks the items of the log up in a run's documents: voided batches must not be among what is trained on.

That nothing is found proves something only where the log speaks of the run's documents at all: so most items of batches
that were not voided must be known to the run (limits.LINKED). A voided text that came in under another id is found by
its content.
"""

from pathlib import Path

import duckdb

from pipeline.database import BOUNDED, parquet_list, quoted
from pipeline.store.output import Run
from pipeline.terminal.opening import open_audit
from report.annotation.limits import LINKED

COVERAGE = ("known_items", "stage_documents", "stage_documents_logged")

_ITEMS = """
SELECT l.item, bool_or(v.task IS NOT NULL) AS void, bool_or(v.task IS NULL) AS kept
FROM labelled l LEFT JOIN voided v ON v.task = l.task AND v.batch = l.batch GROUP BY l.item
"""
# By content only where a voided document is in the run and was kept out: its copy may have come in.
_FOUND = """
CREATE TEMP TABLE known AS
SELECT i.item, i.void, i.kept, d.admitted, d.content_hash FROM {items} i JOIN documents d ON d.doc_id = i.item;
CREATE TEMP TABLE copied AS
SELECT DISTINCT k.item FROM known k SEMI JOIN (SELECT content_hash FROM documents WHERE admitted) d USING (content_hash) WHERE k.void;
COPY (SELECT item, bool_or(kept) AS kept, bool_or(void) AS void, bool_or(admitted) OR any_value(c.item) IS NOT NULL AS admitted
      FROM known k LEFT JOIN copied c USING (item) GROUP BY item) TO {found} (FORMAT parquet);
"""
# What the log covers of the run, for people to see: a log of little else proves little of this corpus.
_COVERED = """
SELECT (SELECT count(DISTINCT item) FROM known WHERE kept) AS known_items,
       count(*) AS stage_documents,
       count(*) FILTER (doc_id IN (SELECT item FROM known WHERE kept)) AS stage_documents_logged
FROM documents WHERE admitted AND stage IN ('sft', 'preference', 'safety')
"""
_TAKEN = f"""
CREATE TABLE looked_up AS
SELECT NOT EXISTS (FROM voided)
       OR {LINKED[1]} * (SELECT count(*) FROM found WHERE kept) >= {LINKED[0]} * (SELECT count(*) FROM asked WHERE kept)
          AND EXISTS (FROM asked WHERE kept) AS linked;
CREATE TABLE still_admitted AS
SELECT l.task, l.batch, l.item FROM labelled l SEMI JOIN voided v ON v.task = l.task AND v.batch = l.batch
SEMI JOIN (FROM found WHERE admitted) f ON f.item = l.item;
CREATE TABLE void_counts AS
SELECT l.task, l.batch, count(*) FILTER (f.admitted) AS admitted, count(*) FILTER (f.item IS NULL) AS unknown
FROM labelled l SEMI JOIN voided v ON v.task = l.task AND v.batch = l.batch LEFT JOIN found f ON f.item = l.item GROUP BY ALL;
"""
_NOT_LOOKED = """
CREATE TABLE looked_up AS SELECT NOT EXISTS (FROM voided) AS linked;
CREATE TABLE still_admitted (task VARCHAR, batch VARCHAR, item VARCHAR);
CREATE TABLE void_counts (task VARCHAR, batch VARCHAR, admitted BIGINT, unknown BIGINT);
"""


def look_up(connection: duckdb.DuckDBPyConnection, run: Run | None, folder: Path) -> dict[str, int | None]:
    """Adds the tables looked_up, still_admitted and void_counts; without a run they say that nobody looked.

    `connection` has the derived tables; `folder` takes the ids on their way to the run's database and back. Returns what
    the log covers of the run: known_items, stage_documents, stage_documents_logged.
    """
    if run is None:
        connection.execute(_NOT_LOOKED)
        return dict.fromkeys(COVERAGE)
    items, found = folder / "items.parquet", folder / "found.parquet"
    connection.execute(f"COPY ({_ITEMS}) TO {quoted(str(items))} (FORMAT parquet)")
    with open_audit(run) as audit:
        audit.execute(f"SET memory_limit = '{BOUNDED}'")
        audit.execute(f"SET temp_directory = {quoted(str(folder))}")
        audit.execute(_FOUND.format(items=parquet_list([items]), found=quoted(str(found))))
        (covered,) = audit.execute(_COVERED).fetchall()
    connection.execute(f"CREATE VIEW asked AS FROM {parquet_list([items])}")
    connection.execute(f"CREATE VIEW found AS FROM {parquet_list([found])}")
    connection.execute(_TAKEN)
    return dict(zip(COVERAGE, covered, strict=True))
