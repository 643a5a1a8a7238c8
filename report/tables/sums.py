"""Checks that the tables agree with each other and with the evidence, to the byte.

Rows and columns of C-1, C-2 and C-3 with each other, with the ledger of sources, the funnel, the books and the statistics
of the run; C-7 with items and readings of the round; C-8 with the terms of the library; C-6 with the verdicts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RunFailed
from report.evidence.workspace import Workspace
from report.model import CUSTOM, FAIL, MISSING, NONE, PASS, PEOPLE, Table
from report.tables.filling import NOTHING

BUCKETS = ("zh", "en", "code", "other")
_MEASURES = {"bytes": "C-3", "tokens": "C-3T", "documents": "C-3N"}
_WORST = (FAIL, MISSING, PEOPLE, CUSTOM, PASS, NONE)
# What every table of sizes has to agree with. Admitted: with what stands apart; collected: before filtering.
_ADMITTED = {
    "documents": {
        "record.facts": "SELECT admitted_documents FROM record.facts",
        "audit.bucket_stats": "SELECT sum(documents) FROM audit.bucket_stats WHERE phase = 'admitted'",
        "audit.source_stats": "SELECT sum(admitted_documents) FROM audit.source_stats",
        "audit.region_stats": "SELECT sum(documents) FROM audit.region_stats WHERE phase = 'admitted'",
        "audit.funnel": "SELECT sum(documents) FROM audit.funnel WHERE step = 'admitted'",
        "audit.exclusions": "SELECT sum(documents) FROM audit.exclusions WHERE exclusion_reason IS NULL",
        "audit.composition": "SELECT sum(documents) FROM audit.composition WHERE admitted",
    },
    "bytes": {
        "record.facts": "SELECT admitted_bytes FROM record.facts",
        "audit.bucket_stats": "SELECT sum(bytes) FROM audit.bucket_stats WHERE phase = 'admitted'",
        "audit.region_stats": "SELECT sum(bytes) FROM audit.region_stats WHERE phase = 'admitted'",
        "audit.funnel": "SELECT sum(bytes) FROM audit.funnel WHERE step = 'admitted'",
        "audit.exclusions": "SELECT sum(bytes) FROM audit.exclusions WHERE exclusion_reason IS NULL",
    },
}
_COLLECTED = {
    "record.facts": "SELECT documents FROM record.facts",
    "audit.ledger": "SELECT sum(audited) FROM audit.ledger",
    "audit.source_stats": "SELECT sum(documents) FROM audit.source_stats",
    "audit.exclusions": "SELECT sum(documents) FROM audit.exclusions",
}
_MANUAL = "FROM round.items_drawn JOIN round.finals USING (item_no) WHERE kind = 'sample' AND list_contains(samples, 'manual')"


def check_sums(tables: Iterable[Table], workspace: Workspace) -> list[str]:
    """Every difference, named by the cells and tables it is between; empty where all agrees."""
    sums = _Sums({table.id: table for table in tables}, workspace)
    parts = (_blank, _sizes, _cross, _of_the_run, _ledger, _filtering, _manual, _technical, _keywords, _legality)
    return [problem for part in parts for problem in part(sums)]


def require_sums(tables: Iterable[Table], workspace: Workspace) -> None:
    """Refuses tables that do not agree. Raises RunFailed naming every difference."""
    if problems := check_sums(tables, workspace):
        raise RunFailed("表间合计不符，不作报告 / sums do not agree, no report is made:\n" + "\n".join(problems))


@dataclass(frozen=True)
class _Sums:
    tables: dict[str, Table]
    workspace: Workspace

    def rows(self, table: str) -> dict[str, dict[str, Any]]:
        """The rows of a table by key; none where it says that it has none."""
        return {row.key: dict(row.values) for row in self.tables[table].rows if row.key != NOTHING}

    def cell(self, table: str, row: str, column: str) -> tuple[str, Any]:
        """A cell by id, with its value."""
        return f"{table}/{row}/{column}", self.rows(table).get(row, {}).get(column)

    def added(self, table: str, column: str, rows: Sequence[str]) -> tuple[str, Any]:
        """The sum of cells of a column; not known where one of them is not."""
        found = self.rows(table)
        return f"{table} Σ {column}", _sum(found[row][column] for row in rows if row in found)

    def asked(self, name: str, sql: str) -> tuple[str, Any]:
        """What a table of the evidence says; no rows count as nothing."""
        return name, self.workspace.value(sql) or 0


def _sum(values: Iterable[Any]) -> Any:
    known = list(values)
    return None if any(value is None for value in known) else sum(known)


def _differs(*told: tuple[str, Any]) -> Iterator[str]:
    """One line where what is told is not all the same."""
    if len({value for _, value in told}) > 1:
        yield " ≠ ".join(f"{name} = {value}" for name, value in told)


def _blank(sums: _Sums) -> Iterator[str]:
    for table in sums.tables.values():
        keys = [row.key for row in table.rows]
        if not keys or all(value is None for row in table.rows for value in row.values.values()):
            yield f"{table.id}: 空表 / is blank"
        for key, count in Counter(keys).items():
            if count > 1:
                yield f"{table.id}/{key}: 编号重复 / two rows of one key"


def _sizes(sums: _Sums) -> Iterator[str]:
    """Rows and columns of C-1, C-2 and each part of C-3."""
    for column in _MEASURES:
        yield from _differs(sums.added("C-1", column, ("pretrain", "sft")), sums.cell("C-1", "total", column))
        yield from _differs(sums.added("C-2", column, BUCKETS), sums.cell("C-2", "total", column))
        tongues = [key for key in sums.rows("C-2") if key.startswith("other:")]
        if tongues:
            yield from _differs(sums.added("C-2", column, tongues), sums.cell("C-2", "other", column))
    for table in _MEASURES.values():
        rows = sums.rows(table)
        origins = [key for key in rows if key != "total"]
        for key, row in rows.items():
            yield from _differs((f"{table}/{key} Σ", _sum(row[name] for name in BUCKETS)), sums.cell(table, key, "all"))
        for column in (*BUCKETS, "all") if rows else ():
            yield from _differs(sums.added(table, column, origins), sums.cell(table, "total", column))


def _cross(sums: _Sums) -> Iterator[str]:
    """C-1, C-2, C-3 and C-3A with each other."""
    for measure, table in _MEASURES.items():
        if not sums.rows(table):
            continue
        yield from _differs(
            sums.cell("C-1", "total", measure), sums.cell("C-2", "total", measure), sums.cell(table, "total", "all")
        )
        for bucket in BUCKETS:
            yield from _differs(sums.cell("C-2", bucket, measure), sums.cell(table, "total", bucket))
    for measure in ("bytes", "documents"):
        yield from _differs(
            sums.cell("C-3A", "open_overseas", measure), sums.cell(_MEASURES[measure], "open_overseas", "all")
        )


def _of_the_run(sums: _Sums) -> Iterator[str]:
    """The totals with what the run says, and with the ledger of sources."""
    every = ("total", "preference", "safety")
    for measure, asked in _ADMITTED.items():
        told = [sums.asked(name, sql) for name, sql in asked.items()]
        yield from _differs(
            sums.added("C-1", measure, every), sums.added("C-4", measure, list(sums.rows("C-4"))), *told
        )
    counted = "SELECT CASE WHEN count(tokens) = count(*) THEN sum(tokens) END FROM audit.bucket_stats WHERE phase = 'admitted' AND documents > 0"
    name, tokens = sums.added("C-1", "tokens", every)
    if sums.workspace.value("SELECT tokenizer FROM record.facts") is not None:
        yield from _differs((name, tokens), ("audit.bucket_stats", sums.workspace.value(counted) if tokens else tokens))


def _ledger(sums: _Sums) -> Iterator[str]:
    """The books: read = audited + rejected on every complete shard, and the same in every count of what was collected."""
    wrong = "SELECT source_id || ' ' || shard FROM audit.ledger WHERE complete AND records_read <> audited + rejected ORDER BY ALL"
    for row in sums.workspace.connection.execute(wrong).fetchall():
        yield f"audit.ledger {row[0]}: records_read ≠ audited + rejected"
    for column, of in (("read", "records_read"), ("audited", "audited"), ("rejected", "rejected")):
        listed = [key for key, row in sums.rows("T07L").items() if row["source_id"] != "*"]
        yield from _differs(
            sums.added("T07L", column, listed),
            sums.asked("audit.ledger", f"SELECT sum({of}) FROM audit.ledger"),
            *([sums.cell("T07L", "*", column)] if listed else []),
        )
    yield from _differs(
        sums.added("T05", "documents", list(sums.rows("T05"))),
        *(sums.asked(name, sql) for name, sql in _COLLECTED.items()),
    )
    yield from _differs(
        sums.asked("record.facts.rejected", "SELECT rejected FROM record.facts"),
        sums.asked("audit.ledger.rejected", "SELECT sum(rejected) FROM audit.ledger"),
    )


def _filtering(sums: _Sums) -> Iterator[str]:
    """The funnel: what the steps took away is what was left out, and what remains is what is admitted."""
    steps = sums.rows("T07")
    if not steps:
        return
    _, collected = sums.cell("T07", "collected", "documents")
    _, admitted = sums.cell("T07", "admitted", "documents")
    yield from _differs(
        ("T07 collected − admitted", (collected or 0) - (admitted or 0)),
        sums.added("T07", "removed", list(steps)),
        sums.added("T07S", "documents", list(sums.rows("T07S"))),
    )
    yield from _differs(
        sums.cell("T07", "admitted", "documents"), sums.added("C-1", "documents", ("total", "preference", "safety"))
    )
    yield from _differs(
        sums.cell("T07", "collected", "documents"), sums.asked("record.facts", _COLLECTED["record.facts"])
    )


def _manual(sums: _Sums) -> Iterator[str]:
    """The manual check: result, items, failures and register say the same."""
    if not sums.rows("T09"):
        return
    own = "FROM record.rounds WHERE round = (SELECT round FROM record.facts)"
    yield from _differs(
        sums.cell("C-7", "manual", "judged"),
        ("T09", len(sums.rows("T09"))),
        sums.asked("round.finals", f"SELECT count(*) {_MANUAL}"),
        sums.asked("record.rounds", f"SELECT manual_judged {own}"),
    )
    yield from _differs(
        sums.cell("C-7", "manual", "failures"),
        ("T09D", len(sums.rows("T09D"))),
        sums.asked("round.finals", f"SELECT count(*) {_MANUAL} AND verdict IN ('unqualified', 'unclear')"),
        sums.asked("record.rounds", f"SELECT manual_failures {own}"),
    )
    yield from _differs(
        sums.cell("C-7", "manual", "unclear"),
        sums.asked("round.finals", f"SELECT count(*) {_MANUAL} AND verdict = 'unclear'"),
    )
    drawn = "FROM record.register WHERE event = 'drawn' AND round = (SELECT round FROM record.facts)"
    yield from _differs(
        sums.cell("C-7", "manual", "population"),
        sums.asked("record.register", f"SELECT (details::JSON->'strata'->>'manual')::BIGINT {drawn}"),
    )
    for row in sums.workspace.rows(
        f"SELECT risk, count(*) AS items FROM (SELECT unnest(risks) AS risk {_MANUAL} AND verdict = 'unqualified') GROUP BY risk ORDER BY risk"
    ):
        yield from _differs(sums.cell("T09F", row["risk"], "items"), ("round.finals", row["items"]))


def _technical(sums: _Sums) -> Iterator[str]:
    """The technical check: the sample listed is the sample counted."""
    listed = sums.rows("T10")
    if not listed:
        return
    _, judged = sums.cell("C-7", "technical", "judged")
    _, failures = sums.cell("C-7", "technical", "failures")
    yield from _differs(sums.cell("C-7", "technical", "judged"), sums.added("T10", "items", list(listed)))
    yield from _differs(
        ("C-7/technical judged − failures", (judged or 0) - (failures or 0)),
        sums.added("T10", "qualified", list(listed)),
    )


def _keywords(sums: _Sums) -> Iterator[str]:
    """The library: block and review terms count, and the counts are those of the terms."""
    terms = sums.workspace.value("SELECT count(*) FROM record.keywords")
    for key, row in sums.rows("C-8").items():
        yield from _differs(
            (f"C-8/{key} block + review", row["block"] + row["review"]), sums.cell("C-8", key, "counted")
        )
    if not terms:
        return
    found = sums.workspace.rows(
        "SELECT risk, count(*) AS terms FROM (SELECT unnest(risks) AS risk FROM record.keywords WHERE counted) GROUP BY risk"
    )
    counts = {row["risk"]: row["terms"] for row in found}
    for key in sums.rows("C-8"):
        if key != "all":
            yield from _differs(sums.cell("C-8", key, "counted"), ("record.keywords", counts.get(key, 0)))
    yield from _differs(
        sums.cell("C-8", "all", "counted"),
        sums.asked("record.keywords", "SELECT count(*) FROM record.keywords WHERE counted"),
    )


def _legality(sums: _Sums) -> Iterator[str]:
    """C-6: the conclusion of an item is the worst of its clauses that have to be met."""
    modality = {
        row["clause"]: row["modality"] for row in sums.workspace.rows("SELECT clause, modality FROM record.clauses")
    }
    rows = sums.rows("C-6")
    for key, row in rows.items():
        if ":" in key:
            continue
        told = {
            one["verdict"]
            for name, one in rows.items()
            if name.startswith(f"{key}:") and modality.get(one["clause"]) == "shall"
        }
        worst = next((verdict for verdict in _WORST if verdict in told), MISSING)
        yield from _differs((f"C-6/{key}/verdict", row["verdict"]), (f"C-6/{key}:*", worst))
