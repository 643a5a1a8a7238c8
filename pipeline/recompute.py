"""Makes every number of a run again from its documents, findings, rejects and samples, and names each difference.

SQL over the Parquet files; it shares no code with the accumulators that made the numbers, apart from row layouts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from blacklist.log import EVENTS, replay
from blacklist.rule import corpus_version, exceeds
from pipeline.accounts import Item, Tally
from pipeline.books import Terms, result
from pipeline.database import connect, parquet_list, quoted, result_files
from pipeline.domains import domain_rows, domains_above
from pipeline.evidence import declared_bars
from pipeline.instruments import keyword_requirements, shortfall
from pipeline.output import Output, Run
from pipeline.sampling import technical_size
from pipeline.sourcing import provenance_tables, wrongly_admitted
from pipeline.statistics import (
    Distinct,
    clause_rows,
    funnel_rows,
    grouped_rows,
    source_rows,
)
from pipeline.tokens import EXACT, bucket_rows, counting, with_stage
from schemas.chain import read_chain
from schemas.database import tables
from schemas.evidence import Facts
from schemas.known_answers import load_known_answers
from schemas.policy import BUNDLED, Policy, is_bundled, load_policy
from schemas.profile import Profile, is_shipped, load_profile
from schemas.sources import SourceRecord
from transforms.tokens import share_limit


class Recomputation:
    """The run's Parquet files as views, its database attached read-only, and its manifest."""

    def __init__(self, output: Output, run: Run) -> None:
        self.run = run
        self.manifest = run.manifest
        self.profile = Profile.model_validate(self.manifest["profile"])
        self.policy = Policy.model_validate(self.manifest["policy"])
        self.sources = [SourceRecord.model_validate(source) for source in self.manifest["config"]["sources"]]
        self.events = read_chain(output.blacklist / EVENTS)[0]
        self.sql = connect()
        self.sql.execute(f"ATTACH {quoted(str(run.folder / 'audit.duckdb'))} AS audit (READ_ONLY)")
        for name in ("documents", "findings", "rejects", "manual_sample", "technical_sample"):
            files = result_files(run.folder, name)
            origin = parquet_list(files) if files else f"(SELECT * FROM audit.{name} LIMIT 0)"
            self.sql.execute(f"CREATE VIEW {name} AS SELECT * FROM {origin}")
        self.policy = Policy.model_validate(self.manifest["policy"])
        evidence = self.manifest["evidence"]
        self.audit_date = date.fromisoformat(evidence["audit_date"])
        self.facts = {source: Facts.model_validate(facts) for source, facts in evidence["sources"].items()}
        self.sources_by_id = {source.id: source for source in self.sources}
        self._parts = {(shard["source_id"], shard["shard"]): shard["parts"] for shard in self.manifest["shards"]}
        self.tally = self._tally()
        self._source_rows: list[dict[str, Any]] = []

    def close(self) -> None:
        """Lets the database go."""
        self.sql.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.sql.execute(query).fetchall()

    def stored(self, name: str) -> list[dict[str, Any]]:
        """A table of the database as dictionaries."""
        names = [column.name for column in tables()[name].columns]
        listed = ", ".join(f'"{column}"' for column in names)
        return [dict(zip(names, row, strict=True)) for row in self.rows(f"SELECT {listed} FROM audit.{name}")]

    def documents(self) -> Iterator[str]:
        """Each document's risks are those of its findings, and its flags follow from them."""
        unhealthy = "[" + ", ".join(quoted(risk) for risk in sorted(self.profile.illegal_unhealthy)) + "]"
        yield from self._examples(
            f"SELECT doc_id FROM documents WHERE illegal_unhealthy <> list_has_any(risks, {unhealthy}::VARCHAR[])",
            "illegal_unhealthy 与 risks 不符 / does not follow from risks",
        )
        yield from self._examples(
            "SELECT doc_id FROM documents WHERE admitted <> (exclusion_reason IS NULL)",
            "admitted 与 exclusion_reason 不符 / does not follow from exclusion_reason",
        )
        yield from self._examples(
            """
            WITH decided AS (
                SELECT source_id, shard, "row", list_sort(list(DISTINCT risk_id)) AS risks
                FROM findings WHERE verdict = 'violation' GROUP BY ALL)
            SELECT d.doc_id FROM documents d LEFT JOIN decided f USING (source_id, shard, "row")
            WHERE list_sort(d.risks) <> coalesce(f.risks, [])
            """,
            "risks 与 findings 不符 / risks differ from the findings",
        )
        self.sql.execute("CREATE OR REPLACE TEMP TABLE rules (rule VARCHAR, terms BOOLEAN, score BOOLEAN)")
        for rule in self.policy.rules:
            terms = bool(rule.when.block or rule.when.review or rule.when.context)
            self.sql.execute("INSERT INTO rules VALUES (?, ?, ?)", [rule.name, terms, rule.when.scored])
        yield from self._examples(
            """
            WITH decided AS (
                SELECT source_id, shard, "row",
                       coalesce(list_sort(list(DISTINCT risk_id) FILTER (terms AND detector LIKE 'keywords%')), []) AS k,
                       coalesce(list_sort(list(DISTINCT risk_id) FILTER (r.score)), []) AS c
                FROM findings f JOIN rules r USING (rule) WHERE verdict = 'violation' GROUP BY ALL)
            SELECT d.doc_id FROM documents d LEFT JOIN decided f USING (source_id, shard, "row")
            WHERE list_sort(d.keyword_risks) <> coalesce(f.k, []) OR list_sort(d.classifier_risks) <> coalesce(f.c, [])
            """,
            "keyword_risks 或 classifier_risks 与 findings 不符 / differ from the findings",
        )
        yield from self._examples(
            """
            WITH seen AS (
                SELECT source_id, shard, "row", list_sort(list(DISTINCT risk_id)) AS risks, count(*) AS found
                FROM findings WHERE verdict = 'candidate' AND risk_id IS NOT NULL GROUP BY ALL)
            SELECT d.doc_id FROM documents d LEFT JOIN seen f USING (source_id, shard, "row")
            WHERE list_sort(d.candidate_risks) <> coalesce(f.risks, []) AND coalesce(f.found, 0) < 20
            """,
            "candidate_risks 与 findings 不符 / differ from the findings",
        )
        yield from self._examples(
            "SELECT doc_id FROM documents WHERE length(content_hash) <> 64 OR bytes < chars",
            "content_hash 或计量不合理 / hash or counts are impossible",
        )
        yield from self._examples(
            'SELECT any_value(doc_id) FROM documents GROUP BY source_id, shard, "row" HAVING count(*) > 1',
            "同一行出现两次 / the same row twice",
        )
        how = counting(self.manifest["config"])
        counted = "false" if how is None else "true"
        if how not in (None, EXACT):
            counted = f"substr(sha256(content_hash), 1, 16) < {quoted(share_limit(Decimal(str(how))))}"
        yield from self._examples(
            f"SELECT doc_id FROM documents WHERE (tokens IS NOT NULL) <> ({counted})",
            "计数词元的文档与所声明的份额不符 / tokens are counted of other documents than the stated share",
        )

    def _examples(self, query: str, message: str) -> Iterator[str]:
        rows = self.rows(f"SELECT any_value(doc_id), count(*) FROM ({query}) AS found(doc_id)")
        example, count = rows[0]
        if count:
            yield f"{message}: {count} 条 / documents, 例如 / e.g. {example}"

    def ledger(self) -> Iterator[str]:
        """Audited = documents, rejected = reject rows, read = audited + rejected."""
        counted = {(s, n): c for s, n, c in self.rows("SELECT source_id, shard, count(*) FROM documents GROUP BY ALL")}
        rejected = {
            (s, n): (int(c or 0), bool(unknown))
            for s, n, c, unknown in self.rows(
                "SELECT source_id, shard, sum(records), bool_or(records IS NULL) FROM rejects GROUP BY ALL"
            )
        }
        for row in self.stored("ledger"):
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

    def _tally(self) -> Tally:
        """The accounts, by SQL."""
        tally: Tally = Counter()
        for phase, where in (("collected", "true"), ("admitted", "admitted")):
            units = ("documents", "bytes", "chars", "violations", "risk31", "with_candidates", "pii")
            for source, *values in self.rows(
                f"""
                SELECT source_id, count(*), sum(bytes), sum(chars), count(*) FILTER (illegal_unhealthy),
                       count(*) FILTER (len(risks) > 0),
                       count(*) FILTER (illegal_unhealthy OR len(candidate_risks) > 0),
                       count(*) FILTER (pii_level <> 'none')
                FROM documents WHERE {where} GROUP BY source_id
                """
            ):
                tally.update({Item("source", source, "", phase, u): int(v) for u, v in zip(units, values, strict=True)})
            for source, bucket, *values in self.rows(
                f"SELECT source_id, bucket, count(*), sum(bytes), sum(chars) FROM documents WHERE {where} GROUP BY ALL"
            ):
                tally.update(
                    {Item("bucket", source, bucket, phase, u): int(v) for u, v in zip(units, values, strict=False)}
                )
            sums = ("counted", "tokens", "counted_x", "counted_tt", "counted_tx", "counted_xx")
            for source, bucket, *values in self.rows(
                f"""
                SELECT source_id, bucket, count(*), sum(tokens), sum(bytes), sum(tokens::HUGEINT * tokens),
                       sum(tokens::HUGEINT * bytes), sum(bytes::HUGEINT * bytes)
                FROM documents WHERE {where} AND tokens IS NOT NULL GROUP BY ALL
                """
            ):
                tally.update(
                    {Item("bucket", source, bucket, phase, u): int(v) for u, v in zip(sums, values, strict=True)}
                )
            for table, listed, column in (("risk", "risks", "risk_id"), ("pii", "pii_types", "pii_type")):
                for source, group, count in self.rows(
                    f"SELECT source_id, item, count(*) FROM (SELECT source_id, unnest({listed}) AS item FROM documents "
                    f"WHERE {where}) GROUP BY ALL"
                ):
                    tally[Item(table, source, group, phase, "documents")] += count
                for source, group, count in self.rows(
                    f"SELECT source_id, {column}, count(*) FROM findings WHERE {where} AND {column} IS NOT NULL "
                    f"AND verdict IN ('violation', 'personal_information') GROUP BY ALL"
                ):
                    tally[Item(table, source, group, phase, "findings")] += count
        for source, reason, count, size in self.rows(
            "SELECT source_id, exclusion_reason, count(*), sum(bytes) FROM documents WHERE NOT admitted GROUP BY ALL"
        ):
            tally[Item("excluded", source, str(reason), "collected", "documents")] += count
            tally[Item("excluded", source, str(reason), "collected", "bytes")] += int(size)
        return tally

    def statistics(self) -> Iterator[str]:
        """Every derived table, and the numbers of result.json."""
        distinct = {
            source: Distinct(*counts)
            for source, *counts in self.rows(
                "SELECT source_id, count(DISTINCT content_hash), count(DISTINCT content_hash) FILTER (illegal_unhealthy), "
                "count(*) - count(DISTINCT doc_id), count(*) FILTER (url IS NULL) FROM documents GROUP BY source_id"
            )
        }
        incomplete = frozenset(row["source_id"] for row in self.stored("ledger") if not row["complete"])
        black = frozenset(
            row["source_key"] for row in self.stored("blacklist") if row["active"] and row["scope"] != "domain"
        )
        domains = frozenset(
            row["source_key"] for row in self.stored("blacklist") if row["active"] and row["scope"] == "domain"
        )
        self._source_rows = source_rows(self.sources, self.tally, distinct, black, incomplete, self.profile)
        expected = {
            "source_stats": self._source_rows,
            "bucket_stats": bucket_rows(self.sources, self.tally, counting(self.manifest["config"])),
            "risk_stats": with_stage(
                self.sources, grouped_rows(self.tally, "risk", "risk_id", ("documents", "findings"))
            ),
            "pii_stats": with_stage(
                self.sources, grouped_rows(self.tally, "pii", "pii_type", ("documents", "findings"))
            ),
            "funnel": with_stage(self.sources, funnel_rows(self.sources, self.tally)),
            **provenance_tables(self.sources, self.facts, self.audit_date, self.rows, "documents"),
            "domain_stats": domain_rows(self.rows, "documents", domains),
        }
        for name, rows in expected.items():
            yield from _difference(name, rows, self.stored(name))
        stored = {name: self.stored(name) for name in ("ledger", "blacklist", "clauses", "known_answers")} | expected
        confirm = self.manifest["confirm"]
        terms = Terms(tuple(self.sources), self.profile, self.policy, int(self.manifest["sampling"]["manual"]), confirm)
        recomputed = result(terms, self.tally, stored, self.run.folder, len(self.manifest["quarantined"]))
        yield from _mapping_difference("result.json", recomputed, self.run.result)

    def provenance(self) -> Iterator[str]:
        """Nothing is admitted that the evidence keeps out; the digests are those of the configuration."""
        barred = {source.id: declared_bars(source) for source in self.sources}
        yield from wrongly_admitted(self.sources, self.policy, barred, self.rows, "documents")
        stated = self.manifest["config"]["evidence"]
        for source, facts in self.facts.items():
            if {fact.key: fact.sha256 for fact in facts.files} != stated.get(source):
                yield f"{source}: manifest 中的材料摘要不一致 / the digests of its evidence contradict each other"

    def blacklist(self) -> Iterator[str]:
        """Whoever exceeds the maximum is on the list or lifted for this very content, and nobody on it is admitted."""
        head = self.manifest["blacklist_head"]
        until = next((i + 1 for i, event in enumerate(self.events) if event["sha256"] == head), 0)
        replayed = replay(self.events[:until])
        entries = {entry.source_key: entry for entry in replayed if entry.scope != "domain"}
        stored = {(row["source_key"], row["scope"], row["active"]) for row in self.stored("blacklist")}
        if stored != {(entry.source_key, entry.scope, entry.active) for entry in replayed}:
            yield "blacklist: 数据库与记录重放不符 / the database differs from the replayed log"
        versions, ruleset = self.manifest["source_versions"], self.manifest["ruleset_sha256"]
        for source in self.sources:
            violations = self.tally[Item("source", source.id, "", "collected", "violations")]
            documents = self.tally[Item("source", source.id, "", "collected", "documents")]
            entry = entries.get(source.id)
            above = exceeds(violations, documents, self.profile.source_rate.maximum)
            lifted = (
                entry is not None
                and not entry.active
                and (entry.source_version, entry.ruleset_sha256) == (versions.get(source.id), ruleset)
            )
            if above and not lifted and (entry is None or not entry.active):
                yield f"{source.id}: {violations}/{documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"
            admitted = self.tally[Item("source", source.id, "", "admitted", "documents")]
            if entry is not None and entry.active and admitted:
                yield f"{source.id}: 已列入黑名单，仍有 {admitted} 条进入训练 / blacklisted, yet documents are admitted"
        domains = {entry.source_key: entry for entry in replayed if entry.scope == "domain"}
        for verdict in domains_above(self.rows, "documents", self.profile.source_rate.maximum):
            entry = domains.get(verdict.domain)
            lifted = (
                entry is not None
                and not entry.active
                and (entry.source_version, entry.ruleset_sha256) == (corpus_version(versions), ruleset)
            )
            if not lifted and (entry is None or not entry.active):
                yield f"{verdict.domain}: {verdict.violations}/{verdict.documents} 超过门槛但不在黑名单 / above the maximum but not blacklisted"
        active = "[" + ", ".join(quoted(key) for key, entry in sorted(domains.items()) if entry.active) + "]"
        yield from self._examples(
            f"SELECT doc_id FROM documents WHERE admitted AND list_contains({active}::VARCHAR[], domain)",
            "域名已列入黑名单，仍进入训练 / its domain is blacklisted, yet it is admitted",
        )

    def copies(self) -> Iterator[str]:
        """Where the policy keeps one of exact copies there is one, and only then a copy is left out."""
        policy = self.policy.duplicates
        if "keep_one" in (policy.exact, policy.near):
            yield from self._examples(
                "SELECT any_value(doc_id) FROM documents WHERE admitted GROUP BY content_hash HAVING count(*) > 1",
                "同文多份进入训练 / admitted more than once",
            )
        else:
            yield from self._examples(
                "SELECT doc_id FROM documents WHERE exclusion_reason = 'duplicate'",
                "策略未要求去重 / no copy is to be left out",
            )
        if policy.exact == "keep_one" and policy.near == "report":
            yield from self._examples(
                """SELECT doc_id FROM documents d WHERE exclusion_reason = 'duplicate'
                AND NOT EXISTS (FROM documents o WHERE o.admitted AND o.content_hash = d.content_hash)""",
                "作为副本剔除但没有原件 / left out as a copy of nothing",
            )

    def samples(self) -> Iterator[str]:
        """Both samples, drawn again in SQL from the admitted documents."""
        seed = quoted(self.manifest["seed"] + "\n")
        sampling = self.manifest["sampling"]
        population = self.rows("SELECT count(*) FROM documents WHERE admitted")[0][0]
        size = technical_size(population, Decimal(sampling["technical"]))
        digest = f"sha256({seed} || doc_id || chr(10) || content_hash)"
        for name, start, wanted in (("manual_sample", 1, int(sampling["manual"])), ("technical_sample", 17, size)):
            self.sql.execute(
                f"""CREATE OR REPLACE TEMP TABLE drawn AS
                SELECT doc_id, source_id, shard, "row", bucket, content_hash, substr({digest}, {start}, 16) AS key
                FROM documents WHERE admitted ORDER BY key, doc_id, shard, "row" LIMIT {wanted}"""
            )
            columns = 'doc_id, source_id, shard, "row", bucket, content_hash'
            missing = self.rows(
                f"SELECT count(*) FROM (SELECT {columns} FROM drawn EXCEPT ALL SELECT {columns} FROM {name})"
            )[0][0]
            extra = self.rows(
                f"SELECT count(*) FROM (SELECT {columns} FROM {name} EXCEPT ALL SELECT {columns} FROM drawn)"
            )[0][0]
            if missing or extra:
                yield f"{name}: 与重抽不符 / differs from a new draw: {missing} 缺 / missing, {extra} 多 / too many"
            if name == "manual_sample":
                wrong = self.rows(
                    'SELECT count(*) FROM (SELECT doc_id, row_number() OVER (ORDER BY key, doc_id, shard, "row") AS no FROM drawn) d '
                    "FULL JOIN manual_sample s ON s.sample_no = d.no WHERE s.doc_id IS DISTINCT FROM d.doc_id"
                )[0][0]
                if wrong:
                    yield f"manual_sample: {wrong} 个序号不符 / numbers out of order"
        bad = self.rows("SELECT count(*) FROM manual_sample WHERE sha256(text) <> content_hash")[0][0]
        if bad:
            yield f"manual_sample: {bad} 条正文与哈希不符 / texts do not match their hashes"
        technical = self.rows("SELECT count(*) FROM technical_sample")[0][0]
        if 10 * technical < population:
            yield f"technical_sample: {technical} 不足 {population} 的十分之一 / less than a tenth"
        wrong = self.rows(
            'SELECT count(*) FROM technical_sample t JOIN documents d USING (source_id, shard, "row") WHERE '
            "t.keyword_risks <> d.keyword_risks OR t.classifier_risks <> d.classifier_risks "
            "OR t.qualified <> (len(d.keyword_risks) = 0 AND len(d.classifier_risks) = 0 "
            "AND t.unscored IS NULL AND coalesce(len(t.confirmed_risks), 0) = 0)"
        )[0][0]
        if wrong:
            yield f"technical_sample: {wrong} 条判定与文档不符 / differ from the documents"
        confirm = self.manifest["config"]["confirm"]
        limited = confirm is not None and confirm["scope"] == "technical_sample"
        answered = "(confirmed_risks IS NULL) = (unscored IS NOT NULL)" if limited else "confirmed_risks IS NULL"
        wrong = self.rows(f"SELECT count(*) FROM technical_sample WHERE NOT ({answered})")[0][0]
        if wrong:
            yield f"technical_sample: {wrong} 条复核与配置不符 / confirmed otherwise than configured"

    def database(self) -> Iterator[str]:
        """The tables loaded from Parquet hold what the files hold."""
        views = {name for (name,) in self.rows("SELECT view_name FROM duckdb_views() WHERE database_name = 'audit'")}
        for name, table in tables().items():
            if not table.from_result or name in views:
                continue
            listed = ", ".join(f'"{column.name}"' for column in table.columns)
            query = "SELECT count(*), coalesce(sum(hash(row({0}))::HUGEINT), 0) FROM {1}"
            if self.rows(query.format(listed, name)) != self.rows(query.format(listed, f"audit.{name}")):
                yield f"{name}: 数据库与 Parquet 不符 / the database differs from the Parquet files"
        info = self.stored("run_info")
        expected = {
            **{
                key: self.manifest[key]
                for key in ("run_id", "seed", "ruleset_sha256", "config_sha256", "schema_version")
            },
            "profile": self.profile.id,
            "software_version": self.manifest["software_version"],
        }
        if len(info) != 1 or any(info[0][key] != value for key, value in expected.items()):
            yield "run_info: 与 manifest 不符 / differs from the manifest"
        for row in self.stored("ledger"):
            parts = self._parts.get((row["source_id"], row["shard"]), [])
            if row["sha256"] != (parts[0]["sha256"] if len(parts) == 1 else None):
                yield f"{row['source_id']}/{row['shard']}: 台账与 manifest 的分片摘要不符 / digests in ledger and manifest differ"

    def asked(self) -> Iterator[str]:
        """What the manifest says was asked agrees with itself, and with what ships under the same name."""
        config = self.manifest["config"]
        digest = hashlib.sha256(json.dumps(config, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        if digest != self.manifest["config_sha256"]:
            yield "manifest.json config: 与其摘要不符 / does not have the digest it states"
        for key in ("seed", "sampling"):
            if config[key] != self.manifest[key]:
                yield f"manifest.json {key}: 与配置不符 / differs from the configuration"
        for key, told in (("profile", self.profile.sha256), ("policy", self.policy.sha256)):
            if config[f"{key}_sha256"] != told:
                yield f"manifest.json {key}: 与配置不符 / differs from the configuration"
        if is_shipped(self.profile) and load_profile(self.profile.id) != self.profile:
            yield "manifest.json profile: 与随附的同名口径不符 / differs from the shipped profile of this digest"
        if is_bundled(self.policy) and self.policy not in map(partial(load_policy, None), BUNDLED):
            yield "manifest.json policy: 与随附的策略不符 / differs from the bundled policy of this digest"
        shards = {(row["source_id"], row["shard"]) for row in self.stored("ledger")}
        aside = {(shard["source_id"], shard["shard"]) for shard in self.manifest["quarantined"]}
        if shards != set(self._parts) | aside:
            yield "manifest.json shards: 与台账不符 / differ from the ledger"

    def admission(self) -> Iterator[str]:
        """Who is out, and for which reason, follows from the blacklist, the policy and the findings."""
        self.sql.execute("CREATE OR REPLACE TEMP TABLE filtering (rule VARCHAR)")
        for rule in self.policy.rules:
            if rule.filter:
                self.sql.execute("INSERT INTO filtering VALUES (?)", [rule.name])
        levels = "[" + ", ".join(quoted(level) for level in sorted(self.policy.personal_information.exclude)) + "]"
        declared = [source.id for source in self.sources if source.personal_info.lawful_basis is not None]
        lawful = "[" + ", ".join(map(quoted, declared)) + "]"
        listed = "SELECT source_key FROM audit.blacklist WHERE active AND scope"
        self.sql.execute(
            f"""CREATE OR REPLACE TEMP VIEW judged AS
            SELECT d.doc_id, d.admitted, d.exclusion_reason AS reason,
                   d.source_id IN ({listed} <> 'domain') AS source_out,
                   coalesce(d.domain IN ({listed} = 'domain'), false) AS domain_out,
                   f.doc_id IS NOT NULL AS filtered,
                   list_contains({levels}::VARCHAR[], d.pii_level) AND NOT list_contains({lawful}::VARCHAR[], d.source_id) AS pii_out
            FROM documents d LEFT JOIN (
                SELECT DISTINCT source_id, shard, "row", any_value(doc_id) AS doc_id FROM findings
                WHERE risk_id IS NOT NULL AND rule IN (SELECT rule FROM filtering) GROUP BY ALL
            ) f USING (source_id, shard, "row")"""
        )
        for condition, message in (
            ("source_out <> (reason IS NOT DISTINCT FROM 'source_blacklisted')", "source_blacklisted"),
            (
                "(NOT source_out AND domain_out) <> (reason IS NOT DISTINCT FROM 'domain_blacklisted')",
                "domain_blacklisted",
            ),
            ("reason = 'filtered' AND NOT filtered OR admitted AND filtered", "filtered"),
            ("reason = 'personal_information' AND NOT pii_out OR admitted AND pii_out", "personal_information"),
        ):
            yield from self._examples(
                f"SELECT doc_id FROM judged WHERE {condition}",
                f"准入与规则不符（{message}） / admission does not follow from the rules ({message})",
            )

    def known_answers(self) -> Iterator[str]:
        """Every counted risk was asked for with the texts that ship, the floor decided, and the library was counted."""
        told, stored = self.manifest["known_answers"], self.stored("known_answers")
        numerator, denominator = told["floor"]
        wrong = [
            row["risk_id"]
            for row in stored
            if row["passed"] != (row["found"] * denominator >= numerator * row["texts"])
            or not max(row["by_keywords"], row["by_classifier"]) <= row["found"] <= row["texts"] - row["as_candidate"]
        ]
        asked_for = keyword_requirements(self.profile.keywords)
        shipped = load_known_answers()
        if told["sha256"] == shipped.sha256:
            asked = {risk: len(texts) for risk, texts in shipped.texts.items() if risk in self.profile.counted_risks}
            if asked != {row["risk_id"]: row["texts"] for row in stored} or tuple(told["floor"]) != shipped.floor:
                yield "known_answers: 与随附的文本不符 / differ from the texts that ship"
        for row in self.stored("keyword_library"):
            if row["counted"] != row["block"] + row["review"] or row["required"] != asked_for.get(row["risk_id"]):
                yield f"keyword_library: {row['risk_id']}: 计数或要求不符 / count or requirement do not agree"
        if wrong:
            yield f"known_answers: 计数或下限不符 / counts or floor do not agree: {', '.join(wrong)}"

    def clauses(self) -> Iterator[str]:
        """The verdicts on the clauses follow from the numbers."""
        technical = self.rows("SELECT count(*) FILTER (qualified), count(*) FROM technical_sample")[0]
        manual = self.rows("SELECT count(*) FROM manual_sample")[0][0]
        known, keywords = self.stored("known_answers"), self.stored("keyword_library")
        instruments = shortfall(keywords, self.stored("classifier_evidence"))
        expected = clause_rows(self.profile, technical, manual, self._source_rows, known, instruments)
        yield from _difference("clauses", expected, self.stored("clauses"))
        stated = self.run.result["clauses"]
        if stated != {row["clause"]: row["verdict"] for row in expected}:
            yield "result.json clauses: 与重算不符 / differ from the recomputation"


def _difference(name: str, expected: list[dict[str, Any]], stored: list[dict[str, Any]]) -> Iterator[str]:
    """Rows that are not the same, the first few by name."""
    texts = [
        Counter(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) for row in rows)
        for rows in (expected, stored)
    ]
    missing, extra = texts[0] - texts[1], texts[1] - texts[0]
    for text in sorted(extra)[:3]:
        yield f"{name}: 记载 / stated {text[:300]}"
    for text in sorted(missing)[:3]:
        yield f"{name}: 重算 / recomputed {text[:300]}"


def _mapping_difference(name: str, expected: dict[str, Any], stored: dict[str, Any]) -> Iterator[str]:
    """The keys of which the values are not the same."""
    for key in sorted(expected.keys() | stored.keys()):
        wanted, found = (json.dumps(side.get(key), sort_keys=True, ensure_ascii=False) for side in (expected, stored))
        if wanted != found:
            yield f"{name} {key}: 记载 / stated {found[:200]}，重算 / recomputed {wanted[:200]}"


STEPS: tuple[tuple[str, Callable[[Recomputation], Iterator[str]]], ...] = (
    ("所依配置 / what was asked", Recomputation.asked),
    ("文档与发现一致 / documents agree with findings", Recomputation.documents),
    ("台账 / ledger", Recomputation.ledger),
    ("统计 / statistics", Recomputation.statistics),
    ("溯源 / provenance", Recomputation.provenance),
    ("黑名单 / blacklist", Recomputation.blacklist),
    ("准入 / admission", Recomputation.admission),
    ("副本 / copies", Recomputation.copies),
    ("样本 / samples", Recomputation.samples),
    ("数据库 / database", Recomputation.database),
    ("词库与已知答案 / library and known answers", Recomputation.known_answers),
    ("条款 / clauses", Recomputation.clauses),
)
