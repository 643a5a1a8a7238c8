"""What auditors are told of copies: per source, between sources, and the largest groups. Facts before filtering.

Exact copies are told from the documents themselves, similar ones from the groups a run has written; a group holds its
exact copies too, and texts without a group are grouped by their hash.
"""

from collections.abc import Callable
from typing import Any

from pipeline.statistics import rate

Query = Callable[[str], list[tuple[Any, ...]]]

GROUPS = 1000  # the largest ones are listed
_SOURCES = 10  # named of each


def load_copies(query: Query, documents: str, groups: str | None) -> None:
    """Makes the table `copies`: every document that is like another (source_id, shard, row, doc_id, text, part, similarity).

    `documents` and `groups` are relations; `groups` is None where near copies were not looked for, and `part`, which is
    equal for similar documents, is then equal for equal ones.
    """
    query(
        f"""CREATE OR REPLACE TEMP TABLE repeated AS
        SELECT hash(content_hash) AS h FROM {documents} GROUP BY h HAVING count(*) > 1"""
    )
    query(
        f"""CREATE OR REPLACE TEMP TABLE copies AS
        SELECT source_id, shard, "row", doc_id, content_hash AS text, content_hash AS part, 1.0::DOUBLE AS similarity
        FROM {documents} WHERE hash(content_hash) IN (FROM repeated)"""
    )
    query("DROP TABLE repeated")
    if groups is not None:
        query(
            f"""CREATE OR REPLACE TEMP TABLE copies AS
            SELECT source_id, shard, "row", doc_id, content_hash AS text, 'g' || group_no AS part, similarity FROM {groups}
            UNION ALL FROM copies ANTI JOIN {groups} USING (source_id, shard, "row")"""
        )


def duplicate_rows(query: Query, documents: dict[str, int], near: bool) -> list[dict[str, Any]]:
    """Rows of `duplicate_stats` from the table `copies`; `documents` counts those of each source."""
    counted = {
        name: {source: (int(within), int(others or 0)) for source, within, others in query(_per_source(column))}
        for name, column in _columns(near).items()
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
    for name, column in _columns(near).items():
        for source, other, count in query(
            f"""WITH {_parts(column)}
            SELECT l.source_id, r.source_id, sum(l.documents) FROM parts l JOIN parts r
            ON l.part = r.part AND l.source_id <> r.source_id GROUP BY ALL"""
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


def group_rows(query: Query) -> list[dict[str, Any]]:
    """Rows of `duplicate_groups`: the largest groups, by size and then by their first document."""
    found = query(
        f"""WITH first AS (SELECT *, row_number() OVER (PARTITION BY part ORDER BY source_id, shard, "row") AS place FROM copies)
        SELECT count(*) AS documents, count(DISTINCT text) AS texts, count(DISTINCT source_id) AS sources,
               list_sort(list(DISTINCT source_id))[:{_SOURCES}], min(similarity),
               any_value(doc_id) FILTER (place = 1) AS example
        FROM first GROUP BY part HAVING documents > 1
        ORDER BY documents DESC, any_value(source_id) FILTER (place = 1), any_value(shard) FILTER (place = 1),
                 any_value("row") FILTER (place = 1) LIMIT {GROUPS}"""
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


def _columns(near: bool) -> dict[str, str]:
    return {"exact": "text", "near": "part"} if near else {"exact": "text"}


def _parts(column: str) -> str:
    """Documents of each text or group and source, where the source or another has more of them."""
    return f"parts AS (SELECT {column} AS part, source_id, count(*) AS documents FROM copies GROUP BY ALL)"


def _per_source(column: str) -> str:
    return f"""WITH {_parts(column)},
        sides AS (SELECT *, count(*) OVER (PARTITION BY part) AS sources FROM parts)
        SELECT source_id, sum(documents - 1), sum(documents) FILTER (sources > 1) FROM sides GROUP BY source_id"""
