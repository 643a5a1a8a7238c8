"""Registrable domains within a source: their rates from a minimum of documents upward, the rest pooled as the tail.

A source that passes as a whole may hold a site that does not. Many keys are grouped by DuckDB over the decided
documents, never inside Beam. A domain above the maximum is blacklisted like a source is (scope `domain`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blacklist.rule import exceeds
from pipeline.database import BOUNDED, connect, parquet_list, quoted

MINIMUM = 20  # documents from which a domain is judged by itself (domain_min_documents)
TAIL = "长尾域名 / tail"
_AT_A_TIME = 1_000_000  # domains grouped in one pass

Query = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, order=True)
class DomainVerdict:
    """A domain above the maximum, over all sources that have documents of it."""

    domain: str
    violations: int
    documents: int


def judge_domains(
    files: Sequence[Path],
    maximum: tuple[int, int],
    known: frozenset[str],
    lifted: frozenset[str],
    spill: Path,
    apart: frozenset[str] = frozenset(),
) -> list[DomainVerdict]:
    """The domains to blacklist now: judged by themselves, above the maximum, neither listed nor lifted yet.

    `files` are the groups of all units (pipeline/accounting/summaries.py); documents of the sources `apart` do not count.
    """
    if not files:
        return []
    with connect(memory=BOUNDED) as connection:
        connection.execute(f"SET temp_directory = {quoted(str(spill))}")
        above = domains_above(
            lambda query: connection.execute(query).fetchall(), without(parquet_list(files), apart), maximum, "n"
        )
    return [verdict for verdict in above if verdict.domain not in known and verdict.domain not in lifted]


def without(documents: str, apart: Collection[str]) -> str:
    """The relation without the documents of these sources."""
    if not apart:
        return documents
    return f"(SELECT * FROM {documents} WHERE source_id NOT IN ({', '.join(map(quoted, sorted(apart)))}))"


def holders(files: Sequence[Path], domains: Collection[str]) -> dict[int, frozenset[str]]:
    """Which of the domains each unit holds, by the position of its groups in `files`; units without any are left out."""
    if not files or not domains:
        return {}
    with connect(memory=BOUNDED) as connection:
        found = connection.execute(
            f"SELECT file_index, list(DISTINCT domain) FROM {parquet_list(files)} WHERE list_contains(?, domain) GROUP BY ALL",
            [sorted(domains)],
        ).fetchall()
    return {place: frozenset(held) for place, held in found}


def domains_above(query: Query, documents: str, maximum: tuple[int, int], weight: str = "1") -> list[DomainVerdict]:
    """Every domain with at least MINIMUM documents that is above the maximum. A row stands for `weight` documents."""
    found = []
    for some in _parts(query, documents):
        counted = query(
            f"""
            SELECT domain, coalesce(sum({weight}) FILTER (illegal_unhealthy), 0) AS violations, sum({weight}) AS documents
            FROM {documents} WHERE {some}
            GROUP BY domain HAVING documents >= {MINIMUM} AND violations > 0
            """
        )
        found += [DomainVerdict(domain, int(violations), int(all_)) for domain, violations, all_ in counted]
    return sorted(verdict for verdict in found if exceeds(verdict.violations, verdict.documents, maximum))


def domain_query(query: Query, documents: str, listed: frozenset[str], weight: str = "1") -> str:
    """SQL for `domain_stats`: per source the domains with at least MINIMUM documents in all, and the tail as one.

    There may be millions of them, so they stay with DuckDB, in a temporary table. `documents` is the relation of decided
    documents, of which a row stands for `weight`, and `listed` the domains on the blacklist.
    """
    columns = "source_id VARCHAR, domain VARCHAR, judged BOOLEAN, domains BIGINT, documents BIGINT, violations BIGINT"
    query(f"CREATE OR REPLACE TEMP TABLE of_domains ({columns})")
    for some in _parts(query, documents):
        query(
            f"""
            INSERT INTO of_domains
            WITH of_source AS (
                SELECT source_id, domain, sum({weight}) AS documents,
                       coalesce(sum({weight}) FILTER (illegal_unhealthy), 0) AS violations,
                       sum(sum({weight})) OVER (PARTITION BY domain) >= {MINIMUM} AS judged
                FROM {documents} WHERE {some} GROUP BY source_id, domain)
            SELECT source_id, CASE WHEN judged THEN domain ELSE {quoted(TAIL)} END AS domain, any_value(judged),
                   count(*), sum(documents), sum(violations)
            FROM of_source GROUP BY source_id, CASE WHEN judged THEN domain ELSE {quoted(TAIL)} END"""
        )
    names = ", ".join(quoted(domain) for domain in sorted(listed))
    return f"""
        WITH named AS (
            FROM of_domains WHERE judged
            UNION ALL
            SELECT source_id, domain, judged, sum(domains)::BIGINT, sum(documents)::BIGINT, sum(violations)::BIGINT
            FROM of_domains WHERE NOT judged GROUP BY source_id, domain, judged)
        SELECT *, round(violations / documents, 6) AS violation_rate,
               CASE WHEN list_contains([{names}]::VARCHAR[], domain) THEN 'blacklisted'
                    WHEN judged THEN 'admitted' ELSE 'people' END AS status
        FROM named ORDER BY source_id, domain"""


def _parts(query: Query, documents: str) -> list[str]:
    """Conditions that divide the documents with a domain by it, so that what is grouped at a time is bounded."""
    domains = int(query(f"SELECT approx_count_distinct(domain) FROM {documents}")[0][0])
    parts = max(1, -(-domains // _AT_A_TIME))
    return [f"domain IS NOT NULL AND hash(domain) % {parts} = {part}" for part in range(parts)]
