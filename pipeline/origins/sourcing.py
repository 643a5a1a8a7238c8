"""The tables that say where the corpus comes from: `sources`, `evidence` and `region_stats`.

Made from the declaration, the facts of the evidence files and SQL over the documents; `verify` makes them again.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.database import quoted
from pipeline.origins.examination import Counts, Examined, evidence_rows, examine, is_complete, missing_titles, settle
from schemas.evidence import Facts
from schemas.policy import Policy
from schemas.sources import SourceRecord
from transforms.personal import reference_year

Query = Callable[[str], list[tuple[Any, ...]]]


def examine_all(sources: Iterable[SourceRecord], facts: Mapping[str, Facts], today: date) -> dict[str, Examined]:
    """What can be said of each source before a document is read."""
    return {source.id: examine(source, facts[source.id], today) for source in sources}


def examined_digest(examined: Mapping[str, Examined]) -> str:
    """Changes with any status, also one that changes because a day passed."""
    content = [
        [source, found.treated_as, [[item.key, item.status, item.detail, item.sha256] for item in found.items]]
        for source, found in sorted(examined.items())
    ]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def provenance_tables(
    sources: Sequence[SourceRecord],
    facts: Mapping[str, Facts],
    today: date,
    query: Query,
    documents: str,
    weight: str = "1",
) -> dict[str, list[dict[str, Any]]]:
    """Rows of `sources`, `evidence` and `region_stats`.

    `documents` is a relation for the query; a row of it stands for `weight` documents with `bytes` together.
    """
    counted = _counts(query, documents, weight)
    examined = {
        source.id: settle(source, before, counted.get(source.id, Counts()))
        for source, before in zip(sources, examine_all(sources, facts, today).values(), strict=True)
    }
    return {
        "sources": [
            _declared_row(source, examined[source.id])
            | {"reference_year": reference_year(source, facts[source.id], today.year)}
            for source in sources
        ],
        "evidence": [row for source in sources for row in evidence_rows(source, examined[source.id])],
        "region_stats": list(_region_rows(sources, query, documents, weight)),
    }


def wrongly_admitted(
    sources: Sequence[SourceRecord], policy: Policy, barred: Mapping[str, frozenset[str]], query: Query, documents: str
) -> Iterator[str]:
    """Documents that a declared bar or a finding keeps out under the policy, and that are admitted all the same."""
    admitted: dict[str, int] = dict(
        query(f"SELECT source_id, count(*) FROM {documents} WHERE admitted GROUP BY source_id")
    )
    for source in sources:
        bars = sorted(barred[source.id] & set(policy.provenance.exclude))
        count = admitted.get(source.id, 0)
        if bars and count:
            yield f"{source.id}: {', '.join(bars)}，仍有 {count} 条进入训练 / declared bar, yet documents are admitted"
    findings = ", ".join(quoted(name) for name in policy.provenance.exclude)
    rows = query(
        f"SELECT source_id, provenance, count(*) FROM {documents} WHERE admitted AND provenance IN ({findings}) "
        "GROUP BY ALL ORDER BY ALL"
    ) if findings else []  # fmt: skip
    for source_id, finding, count in rows:
        yield f"{source_id}: {finding}，仍有 {count} 条进入训练 / yet documents are admitted"


def _counts(query: Query, documents: str, weight: str) -> dict[str, Counts]:
    totals = query(f"SELECT source_id, sum({weight}), sum(bytes) FROM {documents} GROUP BY source_id")
    findings: dict[str, list[tuple[str, int, int]]] = {}
    for source, finding, found, admitted in query(
        f"SELECT source_id, provenance, sum({weight}), coalesce(sum({weight}) FILTER (admitted), 0) FROM {documents} "
        "WHERE provenance IS NOT NULL GROUP BY ALL ORDER BY ALL"
    ):
        findings.setdefault(source, []).append((finding, int(found), int(admitted)))
    return {source: Counts(int(count), int(size), tuple(findings.get(source, ()))) for source, count, size in totals}


def _declared_row(source: SourceRecord, examined: Examined) -> dict[str, Any]:
    return {
        "source_id": source.id,
        "name": source.name,
        "kind": source.kind,
        "region": source.region,
        "stage": source.stage,
        "licence": source.licence,
        "provenance_complete": is_complete(examined),
        "missing_evidence": missing_titles(examined),
        "treated_as": examined.treated_as,
        "region_basis": source.region_basis,
        "pre_assessment": source.pre_assessment,
    }


def _region_rows(
    sources: Sequence[SourceRecord], query: Query, documents: str, weight: str
) -> Iterator[dict[str, Any]]:
    """Mixed sources split by registrable domain; what has no domain of its own has the source's region."""
    whole = ", ".join(f"({quoted(source.id)}, {quoted(source.region)})" for source in sources)
    parts = [(source.id, domain, region) for source in sources for domain, region in sorted(source.regions.items())]
    listed = ", ".join(f"({', '.join(map(quoted, part))})" for part in parts) or "(NULL, NULL, NULL)"
    for source_id, region, found, size, admitted, admitted_size in query(
        f"""
        SELECT d.source_id, coalesce(p.region, w.region) AS region, sum({weight}), sum(d.bytes),
               coalesce(sum({weight}) FILTER (d.admitted), 0), coalesce(sum(d.bytes) FILTER (d.admitted), 0)
        FROM {documents} d
        JOIN (VALUES {whole}) AS w(source_id, region) ON w.source_id = d.source_id
        LEFT JOIN (VALUES {listed}) AS p(source_id, "domain", region)
            ON p.source_id = d.source_id AND p."domain" = d."domain"
        GROUP BY ALL ORDER BY d.source_id, region
        """
    ):
        row = {"source_id": source_id, "region": region}
        yield row | {"phase": "collected", "documents": int(found), "bytes": int(size)}
        if admitted:
            yield row | {"phase": "admitted", "documents": int(admitted), "bytes": int(admitted_size)}
