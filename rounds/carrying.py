"""Verdicts that hold in a later round: only where the protocol allows it, and otherwise a reason why none does.

Only the round before counts, only if it was closed and passed, for the same document, text, criteria, rules, policy and
profile, by a design that protects verdicts at least as well, and only if nothing was changed because of its verdicts.
That last is not merely asked: where a document that failed is gone from the frame it failed in, the frame was changed
by verdicts or looks as if, and nothing is carried.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import RunFailed, UsageError
from pipeline.store.scans import sha256_file
from rounds.design import Design
from rounds.register import Round
from rounds.reliance import weaknesses
from rounds.samples import Chosen, Document
from rounds.tables import QUALIFIED, SAMPLE
from schemas.sources import APART

_SAME = {
    "ruleset_sha256": "检测规则已变 / the rules changed",
    "policy_sha256": "策略已变 / the policy changed",
    "profile_sha256": "口径已变 / the profile changed",
    "criteria": "判定标准已变 / the criteria changed",
}
_FAILED = pa.schema(
    [pa.field("doc_id", pa.string()), pa.field("content_hash", pa.string()), pa.field("was_admitted", pa.bool_())]
)
_ITEM = ["item_no", "kind", "doc_id", "content_hash", "samples"]
_DECIDED = ["item_no", "verdict", "risks", "personal"]
FROM_ALL = ("source:", *(f"stage:{stage}" for stage in sorted(APART)))  # samples of everything collected
Text = tuple[str, str]  # doc_id and content hash


@dataclass(frozen=True)
class Final:
    """What was decided of a document of a closed round, and the samples it was in."""

    text: Text
    samples: tuple[str, ...]
    verdict: str
    risks: tuple[str, ...]
    personal: tuple[str, ...]

    @property
    def of_the_admitted(self) -> bool:
        """Whether it was drawn from what was admitted, as opposed to everything collected."""
        return any(not sample.startswith(FROM_ALL) for sample in self.samples)


@dataclass(frozen=True)
class Carried:
    """Verdicts that hold: the round they are from, and the texts they are about."""

    source: str | None = None
    texts: frozenset[Text] = field(default_factory=frozenset)

    def among(self, chosen: Chosen) -> frozenset[Document]:
        """The chosen documents nobody judges again."""
        return frozenset(one for one in chosen if (one.doc_id, one.content_hash) in self.texts)


NOTHING = Carried()


def carried(rounds: Sequence[Round], into: Round, sql: duckdb.DuckDBPyConnection) -> Carried:
    """What holds in a round. `sql` is `documents_of` its run. Raises UsageError with every reason why nothing may."""
    before = round_before(rounds, into)
    reasons = [*why_not(rounds, into)]
    if before is not None and not reasons:
        finals = _finals(before)
        reasons += _gone(finals, before, sql)
        if not reasons:
            return Carried(before.id, _agreed(finals) - _disputed(before))
    raise UsageError([f"--carry: {reason}" for reason in reasons])


def round_before(rounds: Sequence[Round], into: Round) -> Round | None:
    """The last earlier round whose sample anybody could know; one given up before its value was out says nothing."""
    earlier = [one for one in rounds if one.opened["seq"] < into.opened["seq"] and _knowable(one, into)]
    return earlier[-1] if earlier else None


def _knowable(one: Round, into: Round) -> bool:
    """Whether the earlier round's sample could be known when the other was opened."""
    return one.knowable and str(one.knowable_since) <= into.opened["time"]


def why_not(rounds: Sequence[Round], into: Round) -> Iterator[str]:
    """Reasons the register alone gives."""
    before = round_before(rounds, into)
    if before is None:
        yield "此前没有抽取过的轮次 / no earlier round was drawn"
        return
    if before.closed is None:
        yield f"{before.id} 未完成（{before.state}），视同未通过 / was not completed ({before.state}) and counts as failed"
    elif before.closed["passed"] is not True:
        yield f"{before.id} 未通过：此后一律重新判定 / did not pass: everything is judged anew after that"
    since = [one for one in rounds if before.opened["seq"] < one.opened["seq"] <= into.opened["seq"]]
    if any(one.opened["from_verdicts"] for one in since):
        yield f"{before.id} 之后有依据判定作出的改动 / something was changed because of verdicts since {before.id}"
    for name, reason in _SAME.items():
        if before.opened.get(name) != into.opened.get(name):
            yield f"{before.id}: {reason}"
    weaker = weaknesses(Design(**before.opened["design"]), Design(**into.opened["design"]))
    yield from (f"{before.id} 判得不如本轮严 / was judged less strictly than this round: {reason}" for reason in weaker)


def _finals(before: Round) -> list[Final]:
    """Decided documents of a closed round. Raises RunFailed where its files are not the recorded ones."""
    assert before.drawn is not None
    assert before.closed is not None
    stated = {"items.parquet": before.drawn["items_sha256"]}
    stated |= {f"{name}.parquet": before.closed[f"{name}_sha256"] for name in ("finals", "readings")}
    for name, digest in stated.items():
        path = before.folder / name
        if not path.is_file() or sha256_file(path) != digest:
            raise RunFailed(
                f"{path}: 缺失或与登记不符，不能沿用 / missing or not the recorded file: nothing can be carried from it"
            )
    decided = {row["item_no"]: row for row in _rows(before.folder / "finals.parquet", _DECIDED)}
    return [
        Final((item["doc_id"], item["content_hash"]), tuple(item["samples"]), *_judgement(decided[item["item_no"]]))
        for item in _rows(before.folder / "items.parquet", _ITEM)
        if item["kind"] == SAMPLE and item["item_no"] in decided
    ]


def _disputed(before: Round) -> frozenset[Text]:
    """Texts in which a reading ticked personal information that the final verdict left out: a tick is not to get lost."""
    finals = {row["item_no"]: set(row["personal"]) for row in _rows(before.folder / "finals.parquet", _DECIDED)}
    readings = _rows(before.folder / "readings.parquet", ["item_no", "personal"])
    lost = {row["item_no"] for row in readings if set(row["personal"]) - finals.get(row["item_no"], set())}
    items = _rows(before.folder / "items.parquet", [*_ITEM, "repeat_of"])
    lost |= {item["repeat_of"] for item in items if item["item_no"] in lost}
    return frozenset((item["doc_id"], item["content_hash"]) for item in items if item["item_no"] in lost)


def _judgement(row: dict[str, Any]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    return row["verdict"], tuple(sorted(row["risks"])), tuple(sorted(row["personal"]))


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path, columns=columns, use_threads=False).to_pylist()
    return rows


def _agreed(finals: Sequence[Final]) -> frozenset[Text]:
    """The texts decided in one way; copies of one that were told differently are judged anew."""
    told: dict[Text, set[tuple[object, ...]]] = defaultdict(set)
    for one in finals:
        told[one.text].add((one.verdict, one.risks, one.personal))
    return frozenset(text for text, ways in told.items() if len(ways) == 1)


def _gone(finals: Sequence[Final], before: Round, sql: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Documents that did not pass have to be where they were: among the admitted, or among the collected."""
    failed = [
        {"doc_id": one.text[0], "content_hash": one.text[1], "was_admitted": one.of_the_admitted}
        for one in finals
        if one.verdict != QUALIFIED
    ]
    sql.register("failed", pa.Table.from_pylist(failed, schema=_FAILED))
    there = "SELECT doc_id, content_hash, bool_or(admitted) AS still FROM documents SEMI JOIN failed USING (doc_id, content_hash) GROUP BY ALL"
    gone = sql.execute(
        f"SELECT count(*) FROM failed LEFT JOIN ({there}) USING (doc_id, content_hash) "
        f"WHERE still IS NULL OR (was_admitted AND NOT still)"
    ).fetchall()[0][0]
    sql.unregister("failed")
    if gone:
        yield (
            f"{before.id} 中判为不合格或无法判定的语料有 {gone} 条已不在总体中：去掉未通过者再沿用通过者会使合格率虚高 / {gone} documents that did not pass "
            f"{before.id} are gone from the frame: carrying over what passed would flatter the rate"
        )
