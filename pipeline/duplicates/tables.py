"""What auditors are told of copies: per source, between sources, and the largest groups. Facts before filtering.

Exact copies are counted from digests of the texts, similar ones from the groups a run has written; a group holds its
exact copies too. Only numbers are grouped: of the documents themselves the places of the listed groups are read.
"""

from collections.abc import Callable
from typing import Any

from pipeline.accounting.statistics import rate

Query = Callable[[str], list[tuple[Any, ...]]]

GROUPS = 1000  # the largest ones are listed
HIGH = "('0x' || content_hash[:16])::UBIGINT"  # the first 64 bits of a document's content hash
_SOURCES = 10  # named of each
_AT_A_TIME = 8_000_000  # values counted in one pass


def find_repeated(query: Query, column: str, relation: str, rows: int) -> None:
    """Makes the table `repeated` (h) of the values that stand more than once in a column of so many rows.

    Values are counted a bounded number at a time: what a single count of a billion spills would fill a disk.
    """
    query("CREATE OR REPLACE TEMP TABLE repeated (h UBIGINT)")
    passes = max(1, -(-rows // _AT_A_TIME))
    for number in range(passes):
        query(
            f"""INSERT INTO repeated SELECT {column} AS h FROM {relation}
            WHERE hash({column}) % {passes} = {number} GROUP BY h HAVING count(*) > 1"""
        )


def load_copies(query: Query, texts: str, groups: str | None, rows: int) -> None:
    """Makes the tables `exact` and, where similar documents were looked for, `near`: copies counted by source.

    `texts` is a relation of all documents (source_id, high, low), of which the last two are equal for equal texts and
    high is the first 64 bits of the content hash; it has so many `rows`. `groups` is one of the members of groups, None where near copies were not looked for. A row of the tables is a text or
    a group in a source (high, low, source_id, documents, sources), `sources` in how many it is.
    """
    find_repeated(query, "high", texts, rows)
    counted = (
        f"SELECT high, low, source_id, count(*) AS documents FROM {texts} WHERE high IN (FROM repeated) GROUP BY ALL"
    )
    query(f"CREATE OR REPLACE TEMP TABLE exact AS {_with_sources(counted)}")
    query("DROP TABLE repeated")
    if groups is not None:
        counted = f"SELECT group_no AS high, 0 AS low, source_id, count(*) AS documents FROM {groups} GROUP BY ALL"
        query(f"CREATE OR REPLACE TEMP TABLE near AS {_with_sources(counted)}")


def _with_sources(counted: str) -> str:
    return f"SELECT *, count(*) OVER (PARTITION BY high, low) AS sources FROM ({counted})"


def duplicate_rows(query: Query, documents: dict[str, int], near: bool) -> list[dict[str, Any]]:
    """Rows of `duplicate_stats` from the tables of copies; `documents` counts those of each source."""
    counted = {
        name: {
            source: (int(within), int(others or 0))
            for source, within, others in query(
                f"SELECT source_id, sum(documents - 1), sum(documents) FILTER (sources > 1) FROM {name} GROUP BY source_id"
            )
        }
        for name in _tables(near)
    }
    rows = []
    for source, total in documents.items():
        row: dict[str, Any] = {"source_id": source, "documents": total}
        for name in ("exact", "near"):
            within, others = counted[name].get(source, (0, 0)) if name in counted else (None, None)
            row |= {
                f"{name}_within": within,
                f"{name}_within_share": None if within is None else rate(within, total),
                f"{name}_others": others,
                f"{name}_others_share": None if others is None else rate(others, total),
            }
        rows.append(row)
    return rows


def overlap_rows(query: Query, documents: dict[str, int], near: bool) -> list[dict[str, Any]]:
    """Rows of `source_overlap`: for each ordered pair of sources that have anything in common."""
    shared: dict[tuple[str, str], dict[str, int]] = {}
    for name in _tables(near):
        for source, other, count in query(
            f"""WITH shared AS (FROM {name} WHERE sources > 1)
            SELECT l.source_id, r.source_id, sum(l.documents) FROM shared l JOIN shared r
            ON l.high = r.high AND l.low = r.low AND l.source_id <> r.source_id GROUP BY ALL"""
        ):
            shared.setdefault((source, other), {})[name] = int(count)
    return [
        {
            "source_id": source,
            "other_source_id": other,
            "exact_documents": found.get("exact", 0),
            "exact_share": rate(found.get("exact", 0), documents[source]),
            "near_documents": found.get("near", 0) if near else None,
            "near_share": rate(found.get("near", 0), documents[source]) if near else None,
        }
        for (source, other), found in sorted(shared.items())
    ]


def group_rows(query: Query, documents: str, groups: str | None) -> list[dict[str, Any]]:
    """Rows of `duplicate_groups`: the largest groups, by size and then by their first document.

    `documents` are all documents; where `groups` is None, groups are those of equal texts.
    """
    if groups is None:
        query(f"CREATE OR REPLACE TEMP TABLE equal AS {_equal(documents)}")
        groups = "equal"
    query(
        f"""CREATE OR REPLACE TEMP TABLE largest AS
        WITH top AS (SELECT group_no FROM {groups} GROUP BY group_no ORDER BY count(*) DESC, group_no LIMIT {GROUPS})
        SELECT group_no, count(*) AS documents, count(DISTINCT text) AS texts, count(DISTINCT source_id) AS sources,
               list_sort(list(DISTINCT source_id))[:{_SOURCES}] AS names, min(similarity) AS similarity,
               min((source_id, shard, "row")) AS place
        FROM {groups} WHERE group_no IN (FROM top) GROUP BY group_no HAVING documents > 1"""
    )
    found = query(
        f"""WITH first AS (SELECT *, place[1] AS source_id, place[2] AS shard, place[3] AS "row" FROM largest)
        SELECT f.documents, texts, sources, names, similarity, doc_id FROM first f
        JOIN (SELECT source_id, shard, "row", doc_id FROM {documents}) USING (source_id, shard, "row")
        ORDER BY f.documents DESC, group_no"""
    )
    return [
        {
            "group_no": number,
            "kind": "exact" if texts == 1 else "near",
            "documents": documents,
            "texts": texts,
            "sources": sources,
            "source_ids": list(names),
            "similarity": round(similarity, 6),
            "example_doc_id": example,
        }
        for number, (documents, texts, sources, names, similarity, example) in enumerate(found, start=1)
    ]


def _equal(documents: str) -> str:
    """Copies of texts as groups, numbered by the first document; the table `exact` tells which texts have any."""
    return f"""WITH copies AS (
            SELECT source_id, shard, "row", content_hash AS text, min((source_id, shard, "row")) OVER (PARTITION BY content_hash) AS first
            FROM {documents} WHERE {HIGH} IN (SELECT high FROM exact))
        SELECT dense_rank() OVER (ORDER BY first) AS group_no, source_id, shard, "row", text, 1.0::DOUBLE AS similarity FROM copies"""


def _tables(near: bool) -> tuple[str, ...]:
    return ("exact", "near") if near else ("exact",)
