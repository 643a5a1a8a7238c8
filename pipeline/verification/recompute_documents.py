"""Each document again from its findings: its risks and flags, and whether it is admitted."""

from collections.abc import Iterator
from decimal import Decimal

from pipeline.accounting.tokens import EXACT, counting
from pipeline.database import quoted
from pipeline.verification.recomputation import Recomputation
from transforms.tokens import share_limit


def documents(data: Recomputation) -> Iterator[str]:
    """Each document's risks are those of its findings, and its flags follow from them."""
    unhealthy = "[" + ", ".join(quoted(risk) for risk in sorted(data.profile.illegal_unhealthy)) + "]"
    yield from data.examples(
        f"SELECT doc_id FROM documents WHERE illegal_unhealthy <> list_has_any(risks, {unhealthy}::VARCHAR[])",
        "illegal_unhealthy 与 risks 不符 / does not follow from risks",
    )
    yield from data.examples(
        "SELECT doc_id FROM documents WHERE admitted <> (exclusion_reason IS NULL)",
        "admitted 与 exclusion_reason 不符 / does not follow from exclusion_reason",
    )
    yield from data.examples(
        """
        WITH decided AS (
            SELECT source_id, shard, "row", list_sort(list(DISTINCT risk_id)) AS risks
            FROM findings WHERE verdict = 'violation' GROUP BY ALL)
        SELECT d.doc_id FROM documents d LEFT JOIN decided f USING (source_id, shard, "row")
        WHERE list_sort(d.risks) <> coalesce(f.risks, [])
        """,
        "risks 与 findings 不符 / risks differ from the findings",
    )
    data.sql.execute("CREATE OR REPLACE TEMP TABLE rules (rule VARCHAR, terms BOOLEAN, score BOOLEAN)")
    for rule in data.policy.rules:
        terms = bool(rule.when.block or rule.when.review or rule.when.context)
        data.sql.execute("INSERT INTO rules VALUES (?, ?, ?)", [rule.name, terms, rule.when.scored])
    yield from data.examples(
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
    yield from data.examples(
        """
        WITH seen AS (
            SELECT source_id, shard, "row", list_sort(list(DISTINCT risk_id)) AS risks, count(*) AS found
            FROM findings WHERE verdict = 'candidate' AND risk_id IS NOT NULL GROUP BY ALL)
        SELECT d.doc_id FROM documents d LEFT JOIN seen f USING (source_id, shard, "row")
        WHERE list_sort(d.candidate_risks) <> coalesce(f.risks, []) AND coalesce(f.found, 0) < 20
        """,
        "candidate_risks 与 findings 不符 / differ from the findings",
    )
    yield from data.examples(
        "SELECT doc_id FROM documents WHERE length(content_hash) <> 64 OR bytes < chars",
        "content_hash 或计量不合理 / hash or counts are impossible",
    )
    yield from data.examples(
        'SELECT any_value(doc_id) FROM documents GROUP BY source_id, shard, "row" HAVING count(*) > 1',
        "同一行出现两次 / the same row twice",
    )
    yield from data.examples(
        """
        SELECT doc_id FROM documents
        WHERE rights_indicators IS NULL OR rights_indicators <> list_sort(list_distinct(rights_indicators))
           OR len(rights_counts) IS DISTINCT FROM len(rights_indicators)
           OR len(rights_starts) IS DISTINCT FROM len(rights_indicators)
           OR list_min(rights_counts) < 1 OR list_min(rights_starts) < 0 OR list_max(rights_starts) >= chars
        """,
        "rights_indicators、rights_counts、rights_starts 互不相符 / do not go together",
    )
    how = counting(data.manifest["config"])
    counted = "false" if how is None else "true"
    if how not in (None, EXACT):
        counted = f"substr(sha256(content_hash), 1, 16) < {quoted(share_limit(Decimal(str(how))))}"
    yield from data.examples(
        f"SELECT doc_id FROM documents WHERE (tokens IS NOT NULL) <> ({counted})",
        "计数词元的文档与所声明的份额不符 / tokens are counted of other documents than the stated share",
    )


def admission(data: Recomputation) -> Iterator[str]:
    """Who is out, and for which reason, follows from the blacklist, the policy and the findings."""
    data.sql.execute("CREATE OR REPLACE TEMP TABLE filtering (rule VARCHAR)")
    for rule in data.policy.rules:
        if rule.filter:
            data.sql.execute("INSERT INTO filtering VALUES (?)", [rule.name])
    levels = "[" + ", ".join(quoted(level) for level in sorted(data.policy.personal_information.excluded)) + "]"
    listed = "SELECT source_key FROM audit.blacklist WHERE active AND scope"
    data.sql.execute(
        f"""CREATE OR REPLACE TEMP VIEW judged AS
        SELECT d.doc_id, d.admitted, d.exclusion_reason AS reason,
               d.source_id IN ({listed} <> 'domain') AS source_out,
               coalesce(d.domain IN ({listed} = 'domain'), false) AS domain_out,
               f.doc_id IS NOT NULL AS filtered, d.unscored IS NOT NULL AS unscored,
               list_contains({levels}::VARCHAR[], d.pii_level) AND NOT d.pii_covered AS pii_out
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
        ("reason = 'unscored' AND NOT unscored OR admitted AND unscored", "unscored"),
        ("reason = 'personal_information' AND NOT pii_out OR admitted AND pii_out", "personal_information"),
    ):
        yield from data.examples(
            f"SELECT doc_id FROM judged WHERE {condition}",
            f"准入与规则不符（{message}） / admission does not follow from the rules ({message})",
        )
