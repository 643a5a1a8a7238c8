"""Personal information again, in SQL: the level of each finding, what aggregates, and what follows for its document.

Births and the words about children are not published, so that a finding is one of a child is taken as stated.
"""

from collections.abc import Iterator

from pipeline.database import quoted
from pipeline.verification.recomputation import Recomputation
from schemas.personal_information import CLASSES, LEVELS, Combination, catalogue
from schemas.sources import SourceRecord
from transforms.decide import PII
from transforms.personal import COUNTED_GRADES, UNDER_14, VERDICTS


def personal(data: Recomputation) -> Iterator[str]:
    """Findings follow from type, grade and neighbours; documents from their findings and the declared bases."""
    _tables(data)
    yield from _findings(data)
    yield from _documents(data)


def _tables(data: Recomputation) -> None:
    """`kinds`: types with verdict and level; `lawful`: what the bases of each source cover, by level, of adults and of
    children; `together`: what aggregates."""
    standing = data.profile.personal_information
    sql = data.sql
    sql.execute("CREATE OR REPLACE TEMP TABLE kinds (pii_type VARCHAR, verdict VARCHAR, level INTEGER)")
    for (kind,) in data.rows("SELECT DISTINCT pii_type FROM findings WHERE pii_type IS NOT NULL"):
        class_ = catalogue().class_of(kind)
        own = LEVELS.index(standing.level_of(kind)) if class_ == CLASSES[0] else None
        sql.execute("INSERT INTO kinds VALUES (?, ?, ?)", [kind, VERDICTS[class_], own])
    rows = ", ".join(
        f"({quoted(source.id)}, {_covered(source, minors=False)}, {_covered(source, minors=True)})"
        for source in data.sources
    )
    sql.execute(f"CREATE OR REPLACE TEMP TABLE lawful AS FROM (VALUES {rows}) AS v(source_id, of_adults, of_minors)")
    places = " UNION ".join(map(together, catalogue().combinations(standing.standard)))
    sql.execute(f"CREATE OR REPLACE TEMP TABLE together AS {places}")
    listed = ", ".join(map(quoted, LEVELS))
    sql.execute(
        f"""CREATE OR REPLACE TEMP VIEW identifiers AS
        SELECT f.* EXCLUDE (level), k.verdict AS named, k.level AS own, list_position([{listed}], f.level) - 1 AS level,
               f.level AS level_name, t.doc_id IS NOT NULL AS together
        FROM findings f JOIN kinds k USING (pii_type)
        LEFT JOIN together t USING (source_id, shard, "row", "start")"""
    )


def _covered(source: SourceRecord, minors: bool) -> str:
    """As a list of SQL, one element a level."""
    return str([catalogue().covers(source.personal_info.bases, level, minors) for level in LEVELS])


def together(rule: Combination) -> str:
    """A query for the places of the findings that belong to a combination, each opened by the one that comes first.

    Findings of one document never overlap; an opener has one of each other part begin within reach of its end.
    """
    parts = [", ".join(map(quoted, sorted(part))) for part in rule.of]
    numbered = " ".join(f"WHEN pii_type IN ({names}) THEN {number}" for number, names in enumerate(parts))
    ahead = " AND ".join(f"bool_or(part = {number}) OVER ahead" for number in range(len(parts)))
    within = " OR ".join(
        f'(part <> {number} AND max("end") FILTER (opens AND part = {number}) OVER before + {rule.within} >= "start")'
        for number in range(len(parts))
    )
    document = 'PARTITION BY source_id, shard, "row" ORDER BY "start"'
    return f"""
        SELECT source_id, shard, "row", "start", doc_id FROM (
            SELECT *, opens OR coalesce({within}, false) AS belongs FROM (
                SELECT *, {ahead} AS opens FROM (
                    SELECT source_id, shard, "row", "start", "end", doc_id, CASE {numbered} END AS part
                    FROM findings WHERE verdict = 'personal_information') AS named
                WHERE part IS NOT NULL
                WINDOW ahead AS ({document} RANGE BETWEEN CURRENT ROW AND "end" - "start" + {rule.within} FOLLOWING)
            ) AS opened
            WINDOW before AS ({document} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) AS told WHERE belongs"""


def _findings(data: Recomputation) -> Iterator[str]:
    grades = ", ".join(map(quoted, COUNTED_GRADES))
    sensitive = LEVELS.index("sensitive")
    for condition, message in (
        (f"verdict IS DISTINCT FROM CASE WHEN rule IN ({grades}) THEN named ELSE 'candidate' END", "判定与类型、等级不符 / the verdict is not that of type and grade"),
        (
            "(level_name IS NULL) <> (verdict <> 'personal_information') OR (raised IS NOT NULL AND level_name IS NULL)",
            "级别不合理 / a level where there is none, or none where there is one",
        ),
        ("level_name IS NOT NULL AND level IS NULL OR raised NOT IN ('aggregation', 'under_14')", "未知的级别 / unknown level"),
        (
            f"level <> CASE WHEN raised IS NULL THEN own ELSE greatest(own, {sensitive}) END",
            "级别与类型不符 / the level does not follow from the type",
        ),
        (f"raised = 'aggregation' AND (own >= {sensitive} OR NOT together)", "无可汇聚者 / raised, though nothing aggregates"),
        (f"together AND level < {sensitive}", "汇聚而未提高级别 / aggregates, yet the level was not raised"),
        ("NOT coalesce(regexp_full_match(hmac, '[0-9a-f]{32}'), false)", "hmac 不合理 / hmac is impossible"),
        (
            "NOT coalesce(contains(excerpt, '*') AND NOT regexp_matches(excerpt, '[0-9]{8}'), false)",
            "掩码缺失或露出原文 / no mask, or one that shows the value",
        ),
        (f"score IS NOT NULL OR detector IS DISTINCT FROM {quoted(PII)}", "检测器或得分不合理 / detector or score is impossible"),
    ):  # fmt: skip
        yield from data.examples(f"SELECT doc_id FROM identifiers WHERE {condition}", f"findings: {message}")
    yield from data.examples(
        'SELECT f.doc_id FROM findings f LEFT JOIN documents d USING (source_id, shard, "row") WHERE f.pii_type IS NOT NULL '
        'AND NOT coalesce(f."start" >= 0 AND f."start" < f."end" AND f."end" <= d.chars, false)',
        "findings: 位置不在文档内 / a place outside the document",
    )
    yield from data.examples(
        "SELECT doc_id FROM findings WHERE pii_type IS NULL AND (level IS NOT NULL OR raised IS NOT NULL OR hmac IS NOT NULL)",
        "findings: 非个人信息而有级别 / a level of what is no personal information",
    )


def _documents(data: Recomputation) -> Iterator[str]:
    listed = ", ".join(map(quoted, LEVELS))
    of_child = f"raised = {quoted(UNDER_14)}"
    data.sql.execute(
        f"""CREATE OR REPLACE TEMP VIEW persons AS
        SELECT d.doc_id, d.source_id, d.pii_types, d.other_types, d.pii_level, d.pii_under_14, d.pii_covered,
               coalesce(f.types, []) AS types, coalesce(f.others, []) AS others, coalesce(f.under_14, false) AS under_14, adults, minors,
               CASE WHEN f.level IS NULL THEN 'none' ELSE [{listed}][f.level + 1] END AS level
        FROM documents d LEFT JOIN (
            SELECT source_id, shard, "row", max(level) AS level, bool_or(coalesce({of_child}, false)) AS under_14,
                   max(level) FILTER (NOT coalesce({of_child}, false)) AS adults, max(level) FILTER ({of_child}) AS minors,
                   list_sort(list(DISTINCT pii_type) FILTER (verdict = 'personal_information')) AS types,
                   list_sort(list(DISTINCT pii_type) FILTER (verdict NOT IN ('personal_information', 'candidate'))) AS others
            FROM identifiers GROUP BY ALL) f USING (source_id, shard, "row")"""
    )
    for condition, message in (
        ("list_sort(pii_types) IS DISTINCT FROM types OR list_sort(other_types) IS DISTINCT FROM others", "pii_types 或 other_types 与 findings 不符 / differ from the findings"),
        ("pii_level IS DISTINCT FROM level", "pii_level 与 findings 不符 / pii_level differs from the findings"),
        ("pii_under_14 IS DISTINCT FROM under_14", "pii_under_14 与 findings 不符 / pii_under_14 differs from the findings"),
    ):  # fmt: skip
        yield from data.examples(f"SELECT doc_id FROM persons WHERE {condition}", f"documents: {message}")
    yield from data.examples(
        "SELECT doc_id FROM persons LEFT JOIN lawful USING (source_id) WHERE pii_covered IS DISTINCT FROM CASE WHEN level <> 'none' "
        "THEN (adults IS NULL OR of_adults[adults + 1]) AND (minors IS NULL OR of_minors[minors + 1]) END",
        "documents: pii_covered 与申报的处理依据不符 / pii_covered does not follow from the declared bases",
    )
