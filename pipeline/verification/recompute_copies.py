"""Which documents are copies, again: groups as they are published hold together, and who is left out follows from them.

That two texts are similar is not made again: fingerprints are not published, only what they come to.
"""

from collections.abc import Iterator

from pipeline.database import parquet_list
from pipeline.duplicates.report import NEAR
from pipeline.verification.recomputation import Recomputation
from schemas.layers import MINHASH_PERMUTATIONS

_PLACE = 'source_id, shard, "row"'
_NAMED = """coalesce(doc_id, source_id || '/' || shard || '#' || "row")"""


def copies(data: Recomputation) -> Iterator[str]:
    """Groups agree with the documents, and where the policy keeps one of a group the first stays and no other does."""
    policy = data.policy.duplicates
    near = policy.near != "off"
    if (data.run.folder / NEAR).exists() != near:
        yield f"{NEAR}: 与策略不符 / is there, or missing, against the policy"
        return
    if near:
        data.sql.execute(f"CREATE OR REPLACE TEMP VIEW near_groups AS FROM {parquet_list([data.run.folder / NEAR])}")
        data.sql.execute(
            f"""CREATE OR REPLACE TEMP TABLE near_copies AS
            SELECT s.*, doc_id, content_hash FROM near_groups s LEFT JOIN documents d USING ({_PLACE})"""
        )
        yield from _groups(data)
    if "keep_one" not in (policy.exact, policy.near):
        yield from data.examples(
            "SELECT doc_id FROM documents WHERE exclusion_reason = 'duplicate'",
            "策略未要求去重 / no copy is to be left out",
        )
        return
    yield from _left_out(data, by_group=policy.near == "keep_one")


def _groups(data: Recomputation) -> Iterator[str]:
    """The published groups: of documents there are, two or more, no one twice, with all copies of a text, in order."""
    yield from data.examples(
        f"""SELECT {_NAMED} FROM near_copies
        WHERE content_hash IS NULL OR text <> ('0x' || content_hash[:16])::UBIGINT""",
        f"{NEAR}: 与文档不符 / is no document of the run",
    )
    yield from data.examples(
        f"SELECT any_value(doc_id) FROM near_copies GROUP BY {_PLACE} HAVING count(*) > 1",
        f"{NEAR}: 同一文档出现两次 / the same document twice",
    )
    yield from data.examples(
        "SELECT any_value(doc_id) FROM near_copies GROUP BY group_no HAVING count(*) = 1",
        f"{NEAR}: 组内仅一份 / alone in a group",
    )
    yield from data.examples(
        f"""SELECT any_value(d.doc_id) FROM documents d LEFT JOIN near_groups s USING ({_PLACE})
        GROUP BY d.content_hash HAVING count(*) > 1 AND count(s.group_no) < count(*)""",
        f"{NEAR}: 缺少正文相同的文档 / a document of the same text is missing",
    )
    yield from data.examples(
        "SELECT any_value(doc_id) FROM near_copies GROUP BY content_hash HAVING count(DISTINCT group_no) > 1",
        f"{NEAR}: 正文相同而分属两组 / equal texts in two groups",
    )
    yield from data.examples(
        f"""SELECT doc_id FROM near_copies WHERE similarity NOT BETWEEN {data.policy.duplicates.similarity} AND 1
        OR similarity * {MINHASH_PERMUTATIONS} <> round(similarity * {MINHASH_PERMUTATIONS})
        UNION ALL SELECT any_value(doc_id) FROM near_copies GROUP BY content_hash HAVING count(*) > 1 AND min(similarity) < 1""",
        f"{NEAR}: 相似度不可能 / an impossible similarity",
    )
    yield from data.examples(
        f"""WITH first AS (SELECT group_no, min(({_PLACE})) AS place, any_value(doc_id) AS doc_id FROM near_copies GROUP BY group_no)
        SELECT doc_id FROM (SELECT *, row_number() OVER (ORDER BY place) AS number FROM first) WHERE number <> group_no""",
        f"{NEAR}: 组号不按首份次序 / groups are not numbered by their first document",
    )


def _left_out(data: Recomputation, by_group: bool) -> Iterator[str]:
    """Of what would be admitted the first of each text, and of each group where these count, and nothing else."""
    group = f"LEFT JOIN near_copies s USING ({_PLACE})" if by_group else ""
    number = "s.group_no" if by_group else "NULL::BIGINT"
    data.sql.execute(
        f"""CREATE OR REPLACE TEMP TABLE standing AS
        SELECT d.doc_id, d.admitted,
               row_number() OVER (PARTITION BY d.content_hash ORDER BY {_PLACE}) > 1
               OR ({number} IS NOT NULL AND row_number() OVER (PARTITION BY {number} ORDER BY {_PLACE}) > 1) AS copy
        FROM documents d {group} WHERE d.admitted OR d.exclusion_reason = 'duplicate'"""
    )
    yield from data.examples(
        "SELECT doc_id FROM standing WHERE copy AND admitted", "副本仍进入训练 / a copy is admitted beside its original"
    )
    yield from data.examples(
        "SELECT doc_id FROM standing WHERE NOT copy AND NOT admitted",
        "作为副本剔除但没有原件 / left out as a copy of nothing",
    )
