"""The table `pii_basis` and what the clauses on personal information rest on (5.2 c): which documents a basis covers.

By SQL over the documents; `verify` makes both again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.origins.examination import examine
from schemas.evidence import Facts
from schemas.personal_information import LEVELS, Level
from schemas.profile import Profile
from schemas.sources import BASIS_RECORD, SourceRecord

Query = Callable[[str], list[tuple[Any, ...]]]


def basis_rows(
    sources: Sequence[SourceRecord], query: Query, documents: str, weight: str = "1"
) -> list[dict[str, Any]]:
    """Rows of `pii_basis`; `documents` is a relation for the query, of which a row stands for `weight` documents."""
    declared = {source.id: source for source in sources}
    rows = []
    for source_id, level, under_14, covered, *counts in query(
        f"SELECT source_id, pii_level, pii_under_14, pii_covered, sum({weight}), "
        f"coalesce(sum({weight}) FILTER (admitted), 0) FROM {documents} "
        "WHERE pii_level <> 'none' GROUP BY ALL ORDER BY ALL"
    ):
        source = declared[source_id]
        row = {
            "source_id": source_id,
            "level": level,
            "under_14": under_14,
            "basis": ", ".join(source.personal_info.bases) or None,
            "covered": covered,
            "stage": source.stage,
        }
        rows += [
            row | {"phase": phase, "documents": int(n)}
            for phase, n in zip(("collected", "admitted"), counts, strict=True)
        ]
    return rows


@dataclass(frozen=True)
class Grounds:
    """What the clauses rest on: rows of `pii_basis`, sources whose record shows their basis, documents not looked into."""

    rows: Sequence[Mapping[str, Any]]
    shown: Collection[str]
    failed: int = 0


def with_record(sources: Sequence[SourceRecord], facts: Mapping[str, Facts], today: date) -> frozenset[str]:
    """The sources whose record of the lawful basis is there and not empty, as the table `evidence` says."""
    return frozenset(
        source.id
        for source in sources
        for item in examine(source, facts[source.id], today).items
        if item.key == BASIS_RECORD and item.status == "ok"
    )


def not_looked_into(query: Query, documents: str, weight: str = "1") -> int:
    """Documents the detector of personal information failed on: nothing is known of them."""
    counted = query(f"SELECT sum({weight}) FROM {documents} WHERE contains(unscored, 'personal information: ')")
    return int(counted[0][0] or 0)


def clause_facts(profile: Profile, grounds: Grounds) -> dict[str, tuple[str, str]]:
    """Verdict and basis of each clause on personal information.

    A clause speaks of its level and those above. Never 符合, and never 不适用: that takes people who find none either.
    """
    facts = {
        clause: _facts(
            level, [row for row in grounds.rows if LEVELS.index(row["level"]) >= LEVELS.index(level)], grounds.shown
        )
        for level, clause in profile.personal_information.clauses.items()
    }
    if not grounds.failed:
        return facts
    note = f"；未能检测 {grounds.failed} 条 / the detectors failed on {grounds.failed} documents (documents.unscored)"
    return {clause: (verdict, text + note) for clause, (verdict, text) in facts.items()}


def _facts(level: Level, rows: Sequence[Mapping[str, Any]], shown: Collection[str]) -> tuple[str, str]:
    def count(phase: str, **wanted: Any) -> int:
        return sum(
            row["documents"]
            for row in rows
            if row["phase"] == phase and all(row[key] == value for key, value in wanted.items())
        )

    found, trained = count("collected"), count("admitted", covered=False)
    if not found:
        seen = (
            "检测器在文本中不识别人脸等生物特征，机器未检出 / the detectors see no faces or other biometrics in text; none found by machine"
            if level == "biometric"
            else "机器未检出 / none found by machine"
        )
        return (
            "待人工",
            f"{seen}；须人工亦未检出方为不适用 / not applicable only where people find none either (pii_basis)",
        )
    covered = {row["source_id"] for row in rows if row["covered"]}
    without = sorted(covered - set(shown))
    text = (
        f"检出 {found} 条，处理依据覆盖 {count('collected', covered=True)} 条，未覆盖 {count('collected', covered=False)} 条，其中进入训练 "
        f"{trained} 条 / {found} documents found, {count('collected', covered=True)} covered by a declared basis, "
        f"{count('collected', covered=False)} not, of these {trained} admitted"
    )
    if children := count("collected", under_14=True):
        bare = count("collected", under_14=True, covered=False)
        text += f"；不满十四周岁 {children} 条，未覆盖 {bare} 条 / of children under 14 {children}, not covered {bare}"
    if without:
        text += f"；申报依据而无证明材料（或材料为空）的来源 / bases declared without a record, or with an empty one: {', '.join(without)}"
    return "待补充" if trained or without else "待人工", f"{text} (pii_basis)"
