"""Who is kept out by evidence and blacklist, and the two samples, drawn again."""

from collections.abc import Iterator
from decimal import Decimal

from blacklist.log import replay
from blacklist.rule import corpus_version, exceeds
from pipeline.accounting.accounts import Item
from pipeline.accounting.domains import domains_above, without
from pipeline.accounting.review import apart_sources
from pipeline.database import quoted
from pipeline.drawing.sampling import technical_size
from pipeline.origins.evidence import declared_bars
from pipeline.origins.sourcing import wrongly_admitted
from pipeline.verification.recomputation import Recomputation


def provenance(data: Recomputation) -> Iterator[str]:
    """Nothing is admitted that the evidence keeps out; the digests are those of the configuration."""
    barred = {source.id: declared_bars(source) for source in data.sources}
    yield from wrongly_admitted(data.sources, data.policy, barred, data.rows, "documents")
    stated = data.manifest["config"]["evidence"]
    for source, facts in data.facts.items():
        if {fact.key: fact.sha256 for fact in facts.files} != stated.get(source):
            yield f"{source}: manifest 中的材料摘要不一致 / the digests of its evidence contradict each other"


def blacklist(data: Recomputation) -> Iterator[str]:
    """Whoever exceeds the maximum is on the list or lifted for this very content, and nobody on it is admitted."""
    head = data.manifest["blacklist_head"]
    until = next((i + 1 for i, event in enumerate(data.events) if event["sha256"] == head), 0)
    replayed = replay(data.events[:until])
    entries = {entry.source_key: entry for entry in replayed if entry.scope != "domain"}
    stored = {(row["source_key"], row["scope"], row["active"]) for row in data.stored("blacklist")}
    if stored != {(entry.source_key, entry.scope, entry.active) for entry in replayed}:
        yield "blacklist: 数据库与记录重放不符 / the database differs from the replayed log"
    versions, ruleset = data.manifest["source_versions"], data.manifest["ruleset_sha256"]
    apart = apart_sources(data.sources)
    for source in data.sources:
        violations = data.tally[Item("source", source.id, "", "collected", "violations")]
        documents = data.tally[Item("source", source.id, "", "collected", "documents")]
        entry = entries.get(source.id)
        above = source.id not in apart and exceeds(violations, documents, data.profile.source_rate.maximum)
        lifted = (
            entry is not None
            and not entry.active
            and (entry.source_version, entry.ruleset_sha256) == (versions.get(source.id), ruleset)
        )
        if above and not lifted and (entry is None or not entry.active):
            yield f"{source.id}: {violations}/{documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"
        admitted = data.tally[Item("source", source.id, "", "admitted", "documents")]
        if entry is not None and entry.active and admitted:
            yield f"{source.id}: 已列入黑名单，仍有 {admitted} 条进入训练 / blacklisted, yet documents are admitted"
    domains = {entry.source_key: entry for entry in replayed if entry.scope == "domain"}
    for verdict in domains_above(data.rows, without("documents", apart), data.profile.source_rate.maximum):
        entry = domains.get(verdict.domain)
        lifted = (
            entry is not None
            and not entry.active
            and (entry.source_version, entry.ruleset_sha256) == (corpus_version(versions), ruleset)
        )
        if not lifted and (entry is None or not entry.active):
            yield f"{verdict.domain}: {verdict.violations}/{verdict.documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"
    active = "[" + ", ".join(quoted(key) for key, entry in sorted(domains.items()) if entry.active) + "]"
    yield from data.examples(
        f"SELECT doc_id FROM documents WHERE admitted AND list_contains({active}::VARCHAR[], domain)",
        "域名已列入黑名单，仍进入训练 / its domain is blacklisted, yet it is admitted",
    )


def samples(data: Recomputation) -> Iterator[str]:
    """Both samples, drawn again in SQL from the admitted documents."""
    seed = quoted(data.manifest["seed"] + "\n")
    sampling = data.manifest["sampling"]
    population = data.rows("SELECT count(*) FROM documents WHERE admitted")[0][0]
    size = technical_size(population, Decimal(sampling["technical"]))
    digest = f"sha256({seed} || doc_id || chr(10) || content_hash)"
    for name, start, wanted in (("manual_sample", 1, int(sampling["manual"])), ("technical_sample", 17, size)):
        data.sql.execute(
            f"""CREATE OR REPLACE TEMP TABLE drawn AS
            SELECT doc_id, source_id, shard, "row", bucket, content_hash, substr({digest}, {start}, 16) AS key
            FROM documents WHERE admitted ORDER BY key, doc_id, shard, "row" LIMIT {wanted}"""
        )
        columns = 'doc_id, source_id, shard, "row", bucket, content_hash'
        missing = data.rows(
            f"SELECT count(*) FROM (SELECT {columns} FROM drawn EXCEPT ALL SELECT {columns} FROM {name})"
        )[0][0]
        extra = data.rows(
            f"SELECT count(*) FROM (SELECT {columns} FROM {name} EXCEPT ALL SELECT {columns} FROM drawn)"
        )[0][0]
        if missing or extra:
            yield f"{name}: 与重抽不符 / differs from a new draw: {missing} 缺 / missing, {extra} 多 / too many"
        if name == "manual_sample":
            wrong = data.rows(
                'SELECT count(*) FROM (SELECT doc_id, row_number() OVER (ORDER BY key, doc_id, shard, "row") AS no FROM drawn) d '
                "FULL JOIN manual_sample s ON s.sample_no = d.no WHERE s.doc_id IS DISTINCT FROM d.doc_id"
            )[0][0]
            if wrong:
                yield f"manual_sample: {wrong} 个序号不符 / numbers out of order"
    bad = data.rows("SELECT count(*) FROM manual_sample WHERE sha256(text) <> content_hash")[0][0]
    if bad:
        yield f"manual_sample: {bad} 条正文与哈希不符 / texts do not match their hashes"
    technical = data.rows("SELECT count(*) FROM technical_sample")[0][0]
    if 10 * technical < population:
        yield f"technical_sample: {technical} 不足 {population} 的十分之一 / less than a tenth"
    wrong = data.rows(
        'SELECT count(*) FROM technical_sample t JOIN documents d USING (source_id, shard, "row") WHERE '
        "t.keyword_risks <> d.keyword_risks OR t.classifier_risks <> d.classifier_risks "
        "OR t.qualified <> (len(d.keyword_risks) = 0 AND len(d.classifier_risks) = 0 "
        "AND t.unscored IS NULL AND coalesce(len(t.confirmed_risks), 0) = 0)"
    )[0][0]
    if wrong:
        yield f"technical_sample: {wrong} 条判定与文档不符 / differ from the documents"
    confirm = data.manifest["config"]["confirm"]
    limited = confirm is not None and confirm["scope"] == "technical_sample"
    answered = "(confirmed_risks IS NULL) = (unscored IS NOT NULL)" if limited else "confirmed_risks IS NULL"
    wrong = data.rows(f"SELECT count(*) FROM technical_sample WHERE NOT ({answered})")[0][0]
    if wrong:
        yield f"technical_sample: {wrong} 条复核与配置不符 / confirmed otherwise than configured"
