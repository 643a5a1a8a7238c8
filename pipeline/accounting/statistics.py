"""From tallies to the rows auditors read: rates, funnel, gates. Thresholds are compared in whole numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from blacklist.rule import exceeds
from pipeline.accounting.accounts import PHASES, Item, Tally
from pipeline.accounting.review import STAGE_APART, UNDECIDED, undecided_sources
from schemas.personal_information import catalogue
from schemas.profile import Profile
from schemas.profile_basis import caveat
from schemas.sources import APART, APART_RULE, SourceRecord

# The order in which reasons are tried, and so the steps of the funnel.
EXCLUSIONS = (
    "source_blacklisted",
    "domain_blacklisted",
    "blocked",
    "declared_bar",
    "robots_denied",
    "withdrawn",
    "not_authorised",
    "filtered",
    "unscored",
    "personal_information",
    "duplicate",
)
SMALL_SOURCE = 59  # with fewer documents even no violation at all cannot show 5 % at 95 % confidence, one-sided
_Z95 = 1.959963984540054  # two-sided 95 %
_ROUNDS = (
    "；本次运行为演练，以评估轮次为准：query rounds、rounds/<轮次>/round.duckdb / this run is a rehearsal, assessment rounds decide: "
    "query rounds, rounds/<round>/round.duckdb"
)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's two-sided 95 % interval for a proportion (E. B. Wilson, 1927). (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    rate, square = successes / trials, _Z95 * _Z95
    centre = (rate + square / (2 * trials)) / (1 + square / trials)
    half = _Z95 * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials)) / (1 + square / trials)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return round(low, 6), round(high, 6)


@dataclass(frozen=True)
class Distinct:
    """A source counted by different texts: all, and those that violate; and how many ids stand on an earlier document."""

    documents: int
    violations: int
    repeated_ids: int = 0
    without_url: int = 0


def source_rows(
    sources: Iterable[SourceRecord],
    tally: Tally,
    distinct: dict[str, Distinct],
    blacklisted: frozenset[str],
    incomplete: frozenset[str],
    profile: Profile,
    renamed: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Rows of `source_stats`. `renamed` are sources most of which is found in another."""
    return [
        _source_row(source, tally, distinct.get(source.id, Distinct(0, 0)), blacklisted, incomplete, profile, renamed)
        for source in sources
    ]


def _source_row(
    source: SourceRecord,
    tally: Tally,
    distinct: Distinct,
    blacklisted: frozenset[str],
    incomplete: frozenset[str],
    profile: Profile,
    renamed: frozenset[str],
) -> dict[str, Any]:
    source_id = source.id

    def count(unit: str, phase: str = "collected") -> int:
        return tally[Item("source", source_id, "", phase, unit)]

    documents, violations, candidates = count("documents"), count("violations"), count("with_candidates")
    low, high = wilson(violations, documents)
    maximum = profile.source_rate.maximum
    above = exceeds(violations, documents, maximum)
    limit = maximum[0] / maximum[1]
    undecided = count("undecided")
    reasons = {
        "copies_change_the_rate": above != exceeds(distinct.violations, distinct.documents, maximum),
        "candidates_would_cross": not above and exceeds(candidates, documents, maximum),
        UNDECIDED: not above and exceeds(violations + undecided, documents, maximum),
        "interval_straddles_limit": documents > 0 and low <= limit <= high,
        "small_source": documents < SMALL_SOURCE,
        "books_incomplete": source_id in incomplete,
        "suspected_rename": source_id in renamed,
        STAGE_APART: source.stage in APART,
    }
    return {
        "source_id": source_id,
        "documents": documents,
        "bytes": count("bytes"),
        "violations": violations,
        "violation_rate": rate(violations, documents),
        "candidate_rate": rate(candidates, documents),
        "rate_low": low,
        "rate_high": high,
        "distinct_documents": distinct.documents,
        "distinct_violations": distinct.violations,
        "risk31_documents": count("risk31"),
        "pii_documents": count("pii"),
        "admitted_documents": count("documents", "admitted"),
        "admitted_violations": count("violations", "admitted"),
        "status": "blacklisted" if source_id in blacklisted else "admitted",
        "needs_review": any(reasons.values()),
        "review_reasons": [name for name, applies in reasons.items() if applies],
        "repeated_ids": distinct.repeated_ids,
        "without_url": distinct.without_url,
        "unscored": count("unscored"),
        "stage": source.stage,
    }


def rate(part: int, whole: int) -> float | None:
    """part / whole to six decimals, for display; no decision is made on it."""
    return round(part / whole, 6) if whole else None


def grouped_rows(tally: Tally, table: str, group: str, units: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of `bucket_stats` or `risk_stats`: one for each source, group and phase that occurs."""
    keys = sorted({(i.source_id, i.group, i.phase) for i in tally if i.table == table and i.phase in PHASES})
    return [
        {"source_id": source, group: name, "phase": phase}
        | {unit: tally[Item(table, source, name, phase, unit)] for unit in units}
        for source, name, phase in keys
    ]


def pii_rows(tally: Tally) -> list[dict[str, Any]]:
    """Rows of `pii_stats`."""
    rows = grouped_rows(tally, "pii", "pii_type", ("documents", "findings"))
    return [row | {"class": catalogue().class_of(row["pii_type"])} for row in rows]


def rights_rows(tally: Tally) -> list[dict[str, Any]]:
    """Rows of `rights_stats`."""
    return grouped_rows(tally, "rights", "indicator", ("documents", "findings", "bytes"))


def funnel_rows(sources: Iterable[SourceRecord], tally: Tally) -> list[dict[str, Any]]:
    """Rows of `funnel`: what is left of each source after every reason for exclusion."""
    rows = []
    for source in sources:
        documents = tally[Item("source", source.id, "", "collected", "documents")]
        size = tally[Item("source", source.id, "", "collected", "bytes")]
        rows.append({"source_id": source.id, "step": "collected", "documents": documents, "bytes": size})
        for reason in EXCLUSIONS:
            documents -= tally[Item("excluded", source.id, reason, "collected", "documents")]
            size -= tally[Item("excluded", source.id, reason, "collected", "bytes")]
            rows.append({"source_id": source.id, "step": f"after_{reason}", "documents": documents, "bytes": size})
        rows.append({"source_id": source.id, "step": "admitted", "documents": documents, "bytes": size})
    return rows


def clause_rows(
    profile: Profile,
    technical: tuple[int, int],
    manual: int,
    rows: list[dict[str, Any]],
    known_answers: list[dict[str, Any]],
    instruments: str,
    personal: Mapping[str, tuple[str, str]],
) -> list[dict[str, Any]]:
    """Rows of `clauses`. Nothing is 符合 here: machines give facts, evidence and people are still to come.

    `technical` is (qualified, sampled); `rows` are those of `source_stats`; `instruments` says how library and model stand
    to the requirements; `personal` is what `lawful_basis.clause_facts` says.
    """
    qualified, sampled = technical
    passing, of = profile.technical.passing
    failed = sampled > 0 and qualified * of < passing * sampled
    blacklisted = [row["source_id"] for row in rows if row["status"] == "blacklisted"]
    undecided = ", ".join(undecided_sources(rows))
    apart = ", ".join(row["source_id"] for row in rows if STAGE_APART in row["review_reasons"])
    listed_apart = (
        f"；单列、未按 5 % 规则判定 / listed apart, not judged by the rate ({APART_RULE}): {apart}" if apart else ""
    )
    open_rates = f"；未得答复者过多，尚不能判定 / too much unscored to tell: {undecided}" if undecided else ""
    known: dict[str, tuple[str, str]] = {
        profile.source_rate.clause: (
            "待人工",
            f"已机检 {len(rows)} 个来源，{len(blacklisted)} 个列入黑名单；尚无来源评估样本的人工判定 / {len(rows)} sources audited by "
            f"machine, {len(blacklisted)} blacklisted; no source assessment by people yet (source_stats){open_rates}{listed_apart}{_ROUNDS}",
        ),
        profile.manual.clause: (
            "待人工",
            f"样本 {manual} 条已抽取，尚无人工判定 / {manual} items drawn, none judged by people yet (manual_sample){_ROUNDS}",
        ),
        profile.technical.clause: (
            "不符合" if failed else "待补充",
            f"抽检 {sampled} 条，合格 {qualified} 条；检测器与过滤同源，词库与模型未达要求前不作结论 / {qualified} of {sampled} qualified; no "
            f"conclusion while library and model fall short of the requirements (technical_sample){_unknown(known_answers)}",
        ),
    }
    if profile.instruments is not None:
        known[profile.instruments] = ("待补充", instruments)
    known |= personal
    missing = (
        "待补充",
        "尚无结论：材料逐项核对见 evidence 表，结论待人工 / no conclusion yet: the table evidence lists what was examined, people conclude",
    )
    return [
        {
            "clause": clause.id,
            "title": clause.title,
            "verdict": verdict,
            "basis": basis + caveat(profile, clause),
            "evidence": [],
        }
        for clause in profile.clauses
        for verdict, basis in [known.get(clause.id, missing)]
    ]


def below_floor(known_answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """The risks whose known-answer texts were not found often enough (rows of `known_answers`)."""
    return sorted(row["risk_id"] for row in known_answers if not row["passed"])


def _unknown(known_answers: Iterable[Mapping[str, Any]]) -> str:
    rows = list(known_answers)
    below, unscored = ", ".join(below_floor(rows)), sum(row["unscored"] for row in rows)
    text = f"；已知答案低于下限 / known answers below the floor: {below} (known_answers)" if below else ""
    if unscored:
        text += f"；{unscored} 条已知答案未得复核答复，须重新运行 / {unscored} known answers without the confirming scorer's answer: run again"
    return text
