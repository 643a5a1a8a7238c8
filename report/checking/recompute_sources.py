"""From an evidence folder alone: whether its counts agree with each other, the 5 % decisions, and whose keys samples have.

The documents are not in it, so that counts agree is all that can be told; and a sample picked by hand would show, for the
keys of documents nobody chose lie evenly, and those drawn are the smallest of a population of known size.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from blacklist.log import replay
from blacklist.rule import corpus_version, exceeds
from pipeline.accounting.statistics import wilson
from pipeline.database import quoted
from pipeline.drawing.sampling import technical_size
from report.checking.recompute_records import Records
from report.evidence.workspace import Workspace
from schemas.sources import APART

_EACH = {  # documents of a source, each table its own way; NULL and 0 are the same
    "ledger": "SELECT source_id, sum(audited), NULL FROM audit.ledger GROUP BY ALL",
    "exclusions": "SELECT source_id, sum(documents), sum(documents) FILTER (exclusion_reason IS NULL) FROM audit.exclusions GROUP BY ALL",
    "composition": "SELECT source_id, sum(documents), sum(documents) FILTER (admitted) FROM audit.composition GROUP BY ALL",
    "url_stats": "SELECT source_id, sum(documents), sum(documents) FILTER (admitted) FROM audit.url_stats GROUP BY ALL",
    "risk_documents": "SELECT source_id, sum(documents), sum(documents) FILTER (admitted) FROM audit.risk_documents GROUP BY ALL",
    "bucket_stats": "SELECT source_id, sum(documents) FILTER (phase = 'collected'), sum(documents) FILTER (phase = 'admitted') "
    "FROM audit.bucket_stats GROUP BY ALL",
    "funnel": "SELECT source_id, max(documents) FILTER (step = 'collected'), min(documents) FILTER (step = 'admitted') "
    "FROM audit.funnel GROUP BY ALL",
}
_SLACK = 8  # standard deviations a key may lie beyond what is expected; and a few documents


def counts(records: Records, workspace: Workspace) -> Iterator[str]:
    """Ledger, sources, funnel, composition and totals say the same of every source."""
    for row in workspace.rows("FROM audit.ledger WHERE complete AND records_read <> audited + rejected"):
        yield f"audit.ledger: {row['source_id']}/{row['shard']}: 账目不平 / records_read ≠ audited + rejected"
    sources = {row["source_id"]: row for row in workspace.rows("FROM audit.source_stats")}
    for table, sql in _EACH.items():
        told = {source: (int(all_ or 0), kept) for source, all_, kept in workspace.connection.execute(sql).fetchall()}
        for source, row in sources.items():
            documents, admitted = told.get(source, (0, 0))
            if documents != row["documents"]:
                yield f"audit.{table} {source}: {documents} 条，来源表 / documents, source_stats {row['documents']}"
            if table != "ledger" and (admitted or 0) != row["admitted_documents"]:
                yield f"audit.{table} {source}: 准入 {admitted or 0} 条，来源表 / admitted, source_stats {row['admitted_documents']}"
    (facts,) = workspace.rows("FROM record.facts")
    for fact, column in (("documents", "documents"), ("bytes", "bytes"), ("admitted_documents", "admitted_documents")):
        total = sum(row[column] for row in sources.values())
        if facts[fact] != total:
            yield f"record.facts {fact}: 记载 / stated {facts[fact]}，各来源合计 / sum of sources {total}"
    declared = {source["id"] for source in records.manifest["config"]["sources"]}
    if declared != set(sources):
        yield f"audit.source_stats: 来源与配置不符 / are not the sources of the configuration: {sorted(declared ^ set(sources))[:5]}"


def decisions(records: Records, workspace: Workspace) -> Iterator[str]:
    """The literal rule on every source and domain, against the blacklist as it was when the run was decided (5.1 a 2)."""
    versions, ruleset = records.manifest["source_versions"], records.manifest["ruleset_sha256"]
    maximum = records.profile.source_rate.maximum
    entries = _entries(records)
    found = dict(
        workspace.connection.execute(
            "SELECT source_id, sum(illegal_unhealthy)::BIGINT FROM audit.risk_documents GROUP BY ALL"
        ).fetchall()
    )
    for row in workspace.rows("FROM audit.source_stats ORDER BY source_id"):
        source, violations, documents = row["source_id"], row["violations"], row["documents"]
        if violations != (found.get(source) or 0):
            yield f"{source}: 违规 {violations} 条，risk_documents {found.get(source)} / violations differ"
        yield from _rates(row)
        entry = entries.get((source, False))
        lifted = entry is not None and not entry.active
        lifted = lifted and (entry.source_version, entry.ruleset_sha256) == (versions.get(source), ruleset)  # type: ignore[union-attr]
        above = row["stage"] not in APART and exceeds(violations, documents, maximum)
        listed = entry is not None and entry.active
        if above and not lifted and not listed:
            yield f"{source}: {violations}/{documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"
        if listed != (row["status"] == "blacklisted"):
            yield f"{source}: status {row['status']} 与黑名单记录不符 / contradicts the log of the blacklist"
        if listed and row["admitted_documents"]:
            yield f"{source}: 已列入黑名单，仍有 {row['admitted_documents']} 条准入 / blacklisted, yet documents are admitted"
    yield from _domains(records, workspace, entries)


def _rates(row: Mapping[str, Any]) -> Iterator[str]:
    low, high = wilson(row["violations"], row["documents"])
    rate = round(row["violations"] / row["documents"], 6) if row["documents"] else None
    for name, value in (("rate_low", low), ("rate_high", high), ("violation_rate", rate)):
        if (row[name] is None) != (value is None) or (value is not None and abs(row[name] - value) > 1e-6):
            yield f"{row['source_id']}: {name} 记载 / stated {row[name]}，重算 / recomputed {value}"


def _domains(records: Records, workspace: Workspace, entries: Mapping[tuple[str, bool], Any]) -> Iterator[str]:
    """Judged domains above the maximum over all ordinary sources are on the list, or lifted for this very corpus."""
    version = corpus_version(dict(records.manifest["source_versions"]))
    apart = ", ".join(quoted(stage) for stage in sorted(APART))
    query = (
        'SELECT d."domain", sum(d.violations)::BIGINT, sum(d.documents)::BIGINT FROM audit.domain_stats d '
        f"JOIN audit.source_stats s USING (source_id) WHERE d.judged AND s.stage NOT IN ({apart}) GROUP BY ALL ORDER BY ALL"
    )
    for domain, violations, documents in workspace.connection.execute(query).fetchall():
        entry = entries.get((domain, True))
        ruleset = records.manifest["ruleset_sha256"]
        held = entry is not None and (
            entry.active or (entry.source_version, entry.ruleset_sha256) == (version, ruleset)
        )
        if exceeds(violations, documents, records.profile.source_rate.maximum) and not held:
            yield f"{domain}: {violations}/{documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"


def _entries(records: Records) -> dict[tuple[str, bool], Any]:
    """The blacklist as the run was decided by it: entries by key, and whether it is a domain's."""
    events, head = records.chains["blacklist"], records.manifest["blacklist_head"]
    until = next((number for number, event in enumerate(events, start=1) if event["sha256"] == head), 0)
    return {(entry.source_key, entry.scope == "domain"): entry for entry in replay(events[:until])}


def samples(records: Records, workspace: Workspace) -> Iterator[str]:
    """Sizes and keys of the run's two samples, and what the technical one comes to."""
    sampling, seed = records.manifest["sampling"], records.manifest["seed"]
    population = int(workspace.value("SELECT sum(admitted_documents) FROM audit.source_stats") or 0)
    technical = technical_size(population, Decimal(sampling["technical"]))
    sizes = {"manual": min(int(sampling["manual"]), population), "technical": technical}
    stated = {row["sample"]: row for row in workspace.rows("FROM record.samples")}
    for name, start in (("manual", 1), ("technical", 17)):
        table = f"audit.{name}_sample"
        size = int(workspace.value(f"SELECT count(*) FROM {table}"))
        if (stated[name]["population"], stated[name]["size"]) != (population, sizes[name]):
            yield f"record.samples {name}: 应为 / should be {sizes[name]} / {population}"
        if not size and sizes[name]:
            continue  # too large to be here; its digest is
        if size != sizes[name]:
            yield f"{table}: {size} 条，应为 / documents, should be {sizes[name]}"
        yield from wrong_keys(workspace, table, seed, start, sizes[name], population)
    order = 'ORDER BY key, doc_id, shard, "row"'
    wrong = workspace.value(
        f"SELECT count(*) FROM (SELECT sample_no, row_number() OVER ({order}) AS n FROM (SELECT *, {key(seed, 1)} AS key FROM "
        "audit.manual_sample)) WHERE sample_no <> n"
    )
    if wrong:
        yield f"audit.manual_sample: {wrong} 个序号不符 / numbers out of order"
    bad = workspace.value(
        "SELECT count(*) FROM audit.technical_sample WHERE qualified <> (len(keyword_risks) = 0 AND len(classifier_risks) = 0 AND "
        "unscored IS NULL AND coalesce(len(confirmed_risks), 0) = 0)"
    )
    if bad:
        yield f"audit.technical_sample: {bad} 条是否合格与其风险矛盾 / contradict their risks"
    qualified = workspace.value("SELECT count(*) FILTER (qualified) FROM audit.technical_sample")
    if qualified != stated["technical"]["qualified"] and workspace.value("SELECT count(*) FROM audit.technical_sample"):
        yield f"record.samples technical: 合格 {stated['technical']['qualified']}，重算 / qualified, recomputed {qualified}"


def key(seed: str, start: int) -> str:
    """The key of a sampled document in SQL, by the contract's rule."""
    return f"substr(sha256({quoted(seed)} || chr(10) || doc_id || chr(10) || content_hash), {start}, 16)"


def wrong_keys(
    workspace: Workspace, table: str, seed: str, start: int, size: int, population: int, where: str = "true"
) -> Iterator[str]:
    """A sample that repeats a document, or whose keys are not the smallest of a population of that size."""
    rows = f'SELECT count(*), count(DISTINCT (source_id, shard, "row")), max({key(seed, start)}) FROM {table} WHERE {where}'
    found, distinct, largest = workspace.connection.execute(rows).fetchall()[0]
    if found != distinct:
        yield f"{table}: {found - distinct} 条重复 / documents occur twice"
    bound = largest_key(size, population)
    if bound is not None and largest is not None and largest > bound:
        yield f"{table}: 最大键 {largest} 不可能是随机所得（至多 {bound}） / the largest key cannot have come by chance: {where}"


def largest_key(size: int, population: int) -> str | None:
    """A key below which so many documents of a population surely have theirs; None where nothing can be told."""
    share = (size + _SLACK * math.sqrt(size) + 4 * _SLACK) / population if population else 1.0
    return f"{int(share * 2**64):016x}" if share < 1 else None
