"""The books, every derived table, result.json and the clauses, made again in SQL from documents, findings and rejects."""

from collections.abc import Iterator

from pipeline.accounting.books import Terms, result
from pipeline.accounting.domains import domain_query
from pipeline.accounting.instruments import shortfall
from pipeline.accounting.statistics import (
    Distinct,
    clause_rows,
    funnel_rows,
    grouped_rows,
    pii_rows,
    rights_rows,
    source_rows,
)
from pipeline.accounting.tokens import bucket_rows, counting, with_stage
from pipeline.duplicates.report import copy_facts, told_by_documents
from pipeline.origins.lawful_basis import Grounds, basis_rows, clause_facts, not_looked_into, with_record
from pipeline.origins.sourcing import provenance_tables
from pipeline.verification.recomputation import Recomputation, difference, mapping_difference


def ledger(data: Recomputation) -> Iterator[str]:
    """Audited = documents, rejected = reject rows, read = audited + rejected."""
    counted = {(s, n): c for s, n, c in data.rows("SELECT source_id, shard, count(*) FROM documents GROUP BY ALL")}
    rejected = {
        (s, n): (int(c or 0), bool(unknown))
        for s, n, c, unknown in data.rows(
            "SELECT source_id, shard, sum(records), bool_or(records IS NULL) FROM rejects GROUP BY ALL"
        )
    }
    for row in data.stored("ledger"):
        key, name = (row["source_id"], row["shard"]), f"{row['source_id']}/{row['shard']}"
        lost, unknown = rejected.get(key, (0, False))
        if row["audited"] != counted.pop(key, 0):
            yield f"{name}: audited {row['audited']} 与文档数不符 / differs from the documents"
        if row["rejected"] != lost:
            yield f"{name}: rejected {row['rejected']} 与拒收数不符 / differs from the rejects: {lost}"
        if row["records_read"] != row["audited"] + row["rejected"]:
            yield f"{name}: 账目不平 / records_read ≠ audited + rejected"
        if row["complete"] == unknown:
            yield f"{name}: complete={row['complete']} 与拒收记录不符 / contradicts the rejects"
    yield from (f"{source}/{shard}: 不在台账中 / not in the ledger" for source, shard in sorted(counted))


def statistics(data: Recomputation) -> Iterator[str]:
    """Every derived table, and the numbers of result.json."""
    distinct = {
        source: Distinct(*counts)
        for source, *counts in data.rows(
            "SELECT source_id, count(DISTINCT content_hash), count(DISTINCT content_hash) FILTER (illegal_unhealthy), "
            "count(*) - count(DISTINCT doc_id), count(*) FILTER (url IS NULL) FROM documents GROUP BY source_id"
        )
    }
    incomplete = frozenset(row["source_id"] for row in data.stored("ledger") if not row["complete"])
    black = frozenset(
        row["source_key"] for row in data.stored("blacklist") if row["active"] and row["scope"] != "domain"
    )
    domains = frozenset(
        row["source_key"] for row in data.stored("blacklist") if row["active"] and row["scope"] == "domain"
    )
    near = data.policy.duplicates.near != "off"
    copies = copy_facts(
        data.rows, told_by_documents("documents"), data.run.folder, near, data.tally, data.sources, data.profile
    )
    data.diversity = dict(copies.clause)
    renamed = copies.renamed | data.renamed
    data.source_rows = source_rows(data.sources, data.tally, distinct, black, incomplete, data.profile, renamed)
    expected = {
        "source_stats": data.source_rows,
        "bucket_stats": bucket_rows(data.sources, data.tally, counting(data.manifest["config"])),
        "risk_stats": with_stage(data.sources, grouped_rows(data.tally, "risk", "risk_id", ("documents", "findings"))),
        "pii_stats": with_stage(data.sources, pii_rows(data.tally)),
        "rights_stats": with_stage(data.sources, rights_rows(data.tally)),
        "pii_basis": basis_rows(data.sources, data.rows, "documents"),
        "funnel": with_stage(data.sources, funnel_rows(data.sources, data.tally)),
        **provenance_tables(data.sources, data.facts, data.audit_date, data.rows, "documents"),
        **copies.tables,
    }
    for name, rows in expected.items():
        yield from difference(name, rows, data.stored(name))
    yield from data.relation_difference("domain_stats", domain_query(data.rows, "documents", domains))
    stored = {name: data.stored(name) for name in ("ledger", "blacklist", "clauses", "known_answers")} | expected
    confirm = data.manifest["confirm"]
    terms = Terms(tuple(data.sources), data.profile, data.policy, int(data.manifest["sampling"]["manual"]), confirm)
    recomputed = result(terms, data.tally, stored, data.run.folder, len(data.manifest["quarantined"]))
    yield from mapping_difference("result.json", recomputed, data.run.result)


def clauses(data: Recomputation) -> Iterator[str]:
    """The verdicts on the clauses follow from the numbers."""
    technical = data.rows("SELECT count(*) FILTER (qualified), count(*) FROM technical_sample")[0]
    manual = data.rows("SELECT count(*) FROM manual_sample")[0][0]
    known, keywords = data.stored("known_answers"), data.stored("keyword_library")
    instruments = shortfall(keywords, data.stored("classifier_evidence"))
    shown = with_record(data.sources, data.facts, data.audit_date)
    grounds = Grounds(basis_rows(data.sources, data.rows, "documents"), shown, not_looked_into(data.rows, "documents"))
    personal = {**data.diversity, **clause_facts(data.profile, grounds)}
    expected = clause_rows(data.profile, technical, manual, data.source_rows, known, instruments, personal)
    yield from difference("clauses", expected, data.stored("clauses"))
    stated = data.run.result["clauses"]
    if stated != {row["clause"]: row["verdict"] for row in expected}:
        yield "result.json clauses: 与重算不符 / differ from the recomputation"
