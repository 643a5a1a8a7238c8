"""What a run published, opened to be made again: Parquet files as views, its database read-only, its manifest."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from blacklist.log import EVENTS
from pipeline.accounting.accounts import Item, Tally
from pipeline.database import connect, parquet_list, quoted, result_files
from pipeline.store.output import Output, Run
from schemas.chain import read_chain
from schemas.database import tables
from schemas.evidence import Facts
from schemas.policy import Policy
from schemas.profile import Profile
from schemas.sources import SourceRecord

_FEW = 3  # differences told of a table
PERSONAL_OR_NOT = "list_concat(pii_types, other_types)"


class Recomputation:
    """The run's Parquet files as views, its database attached read-only, and its manifest.

    Shares no code with the accumulators that made the numbers, apart from row layouts.
    """

    def __init__(self, output: Output, run: Run) -> None:
        self.output = output
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
        evidence = self.manifest["evidence"]
        self.audit_date = date.fromisoformat(evidence["audit_date"])
        self.facts = {source: Facts.model_validate(facts) for source, facts in evidence["sources"].items()}
        self.parts = {(shard["source_id"], shard["shard"]): shard["parts"] for shard in self.manifest["shards"]}
        self.tally = self._tally()
        self.source_rows: list[dict[str, Any]] = []
        self.diversity: dict[str, tuple[str, str]] = {}
        self.renamed: frozenset[str] = frozenset()

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

    def relation_difference(self, name: str, expected: str) -> Iterator[str]:
        """Rows of a table, which may be long, that are not those of a query: the first few of either, by name."""
        columns = ", ".join(f'"{column.name}"' for column in tables()[name].columns)
        self.sql.execute(f"CREATE OR REPLACE TEMP TABLE expected AS SELECT {columns} FROM ({expected})")
        stored = f"(SELECT {columns} FROM audit.{name})"
        for said, one, other in (("记载 / stated", stored, "expected"), ("重算 / recomputed", "expected", stored)):
            for row in self.rows(f"FROM {one} EXCEPT ALL FROM {other} ORDER BY ALL LIMIT {_FEW}"):
                yield f"{name}: {said} {json.dumps(row, ensure_ascii=False, default=str)[:300]}"
        self.sql.execute("DROP TABLE expected")

    def examples(self, query: str, message: str) -> Iterator[str]:
        """One line with a count and an id where the query names any document; `query` has one column, `doc_id`."""
        rows = self.rows(f"SELECT any_value(doc_id), count(*) FROM ({query}) AS found(doc_id)")
        example, count = rows[0]
        if count:
            yield f"{message}: {count} 条 / documents, 例如 / e.g. {example}"

    def _tally(self) -> Tally:
        """The accounts, by SQL."""
        tally: Tally = Counter()
        for phase, where in (("collected", "true"), ("admitted", "admitted")):
            units = (
                "documents",
                "bytes",
                "chars",
                "violations",
                "risk31",
                "with_candidates",
                "pii",
                "pii_checked",
                "unscored",
                "undecided",
            )
            for source, *values in self.rows(
                f"""
                SELECT source_id, count(*), sum(bytes), sum(chars), count(*) FILTER (illegal_unhealthy),
                       count(*) FILTER (len(risks) > 0),
                       count(*) FILTER (illegal_unhealthy OR len(candidate_risks) > 0 OR unscored IS NOT NULL),
                       count(*) FILTER (pii_level <> 'none'), count(*) FILTER (pii_checked), count(*) FILTER (unscored IS NOT NULL),
                       count(*) FILTER (unscored IS NOT NULL AND NOT illegal_unhealthy)
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
            held = ("documents", "findings", "bytes")
            for source, indicator, *values in self.rows(
                f"""
                SELECT source_id, indicator, count(*), coalesce(sum(found), 0), sum(bytes)
                FROM (SELECT source_id, bytes, unnest(rights_indicators) AS indicator, unnest(rights_counts) AS found
                      FROM documents WHERE {where}) WHERE indicator IS NOT NULL GROUP BY ALL
                """
            ):
                tally.update(
                    {Item("rights", source, indicator, phase, u): int(v) for u, v in zip(held, values, strict=True)}
                )
            for table, listed, column in (("risk", "risks", "risk_id"), ("pii", PERSONAL_OR_NOT, "pii_type")):
                for source, group, count in self.rows(
                    f"SELECT source_id, item, count(*) FROM (SELECT source_id, unnest({listed}) AS item FROM documents "
                    f"WHERE {where}) GROUP BY ALL"
                ):
                    tally[Item(table, source, group, phase, "documents")] += count
                for source, group, count in self.rows(
                    f"SELECT source_id, {column}, count(*) FROM findings WHERE {where} AND {column} IS NOT NULL "
                    f"AND verdict IN ('violation', 'personal_information', 'organisation', 'credential') GROUP BY ALL"
                ):
                    tally[Item(table, source, group, phase, "findings")] += count
        for source, reason, count, size in self.rows(
            "SELECT source_id, exclusion_reason, count(*), sum(bytes) FROM documents WHERE NOT admitted GROUP BY ALL"
        ):
            tally[Item("excluded", source, str(reason), "collected", "documents")] += count
            tally[Item("excluded", source, str(reason), "collected", "bytes")] += int(size)
        return tally


def difference(name: str, expected: list[dict[str, Any]], stored: list[dict[str, Any]]) -> Iterator[str]:
    """Rows that are not the same, the first few by name."""
    texts = [
        Counter(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str) for row in rows)
        for rows in (expected, stored)
    ]
    missing, extra = texts[0] - texts[1], texts[1] - texts[0]
    for text in sorted(extra)[:_FEW]:
        yield f"{name}: 记载 / stated {text[:300]}"
    for text in sorted(missing)[:_FEW]:
        yield f"{name}: 重算 / recomputed {text[:300]}"


def mapping_difference(name: str, expected: dict[str, Any], stored: dict[str, Any]) -> Iterator[str]:
    """The keys of which the values are not the same."""
    for key in sorted(expected.keys() | stored.keys()):
        wanted, found = (json.dumps(side.get(key), sort_keys=True, ensure_ascii=False) for side in (expected, stored))
        if wanted != found:
            yield f"{name} {key}: 记载 / stated {found[:200]}，重算 / recomputed {wanted[:200]}"
