"""What a round comes to: every figure of `result.json`, from its tables, the register and facts of its run.

The same tables give the same result: `verify` makes it again. Holds no times, people's notes or texts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pipeline.accounting.statistics import wilson
from pipeline.errors import RunFailed
from rounds import estimates
from rounds.agreement import after_findings, agreement_rows, people_rows
from rounds.apart import NOTHING_APART, note
from rounds.conclusions import clause_rows, manual_conclusion, source_conclusion
from rounds.design import Design
from rounds.detection import machine_rows
from rounds.doubts import doubts, earlier_note
from rounds.facts import RunFacts, Tables, trained_items
from rounds.history import History
from rounds.judged import STAGE, JudgedItem, Samples, of_source, said_of, sampled_items, source_strata
from rounds.register import Round
from rounds.reliance import Reliance, reliance
from rounds.tables import KNOWN, MANUAL, PERSONAL, REPEAT, SAMPLE, UNCLEAR, UNQUALIFIED
from schemas.risks import risks
from schemas.sources import APART

SCHEMA_VERSION = 1
RESULT_FILE = "result.json"


@dataclass(frozen=True)
class RoundResult:
    """The result of a closed round; `passed` is what later rounds may carry verdicts over from."""

    round: str
    content: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the literal rule is met by enough items with nothing in doubt, and no admitted source is above."""
        return bool(self.content["passed"])

    @property
    def outcome(self) -> dict[str, Any]:
        """The short form for the register."""
        manual = self.content["manual"]
        return {
            "manual": {key: manual[key] for key in ("judged", "failures", "allowed", "conclusion")},
            "stages": {row["stage"]: [row["failures"], row["judged"]] for row in self.content["stages"]},
            "sources": {row["source_id"]: row["conclusion"] for row in self.content["sources"]},
            "carried": self.content["carried"]["items"],
            "known": [self.content["reliance"][key] for key in ("known_found", "known")],
        }


def result_of(round_: Round, tables: Tables, facts: RunFacts, history: History) -> RoundResult:
    """All figures of a round whose items all have a final verdict, with what stood beside it when it was closed."""
    assert round_.drawn is not None
    samples, populations = sampled_items(tables), dict(round_.drawn["strata"])
    numerator, left_out = facts.profile.illegal_unhealthy, trained_items(facts.folder, tables.items)
    design = Design(**round_.opened["design"])
    relied = reliance(design, populations, tables, facts.profile, round_.drawn["seed"])
    stages = stage_rows(samples, populations, facts)
    doubted = doubts(facts, round_.opened, stages, history)
    reasons = [*relied.reasons, *(row["reason"] for row in doubted)]
    manual = manual_result(samples.get(MANUAL, ()), populations.get(MANUAL, 0), facts, reasons)
    manual["basis"] += relied.note + note(facts) + earlier_note(history.earlier)
    sources = source_rows(samples, populations, facts, numerator, relied)
    above = any(row["admitted"] and row["above"] for row in sources)
    passed = manual["passes"] and manual["enough"] and not reasons and not above
    personal = personal_rows(samples)
    content = {
        "schema_version": SCHEMA_VERSION,
        "round": round_.id,
        "run_id": round_.run_id,
        "profile": facts.profile.id,
        "criteria": round_.opened["criteria"],
        "ruleset_sha256": facts.ruleset_sha256,
        "passed": passed,
        "manual": manual,
        "reliance": relied.stated(),
        "doubts": doubted,
        **history.stated(),
        "stages": stages,
        "apart": round_.opened.get("apart", NOTHING_APART),
        "sources": sources,
        "machine": machine_rows(samples, populations, numerator, left_out),
        "risks": risk_rows(samples),
        "personal": personal,
        "agreement": agreement_rows(tables.items, tables.readings),
        "people": people_rows(tables.items, tables.machine, tables.readings),
        "after_findings": after_findings(tables.items, tables.readings, tables.finals),
        "operating_curve": estimates.operating_curve(manual["judged"], manual["allowed"], manual["population"]),
        "carried": _carried(tables, round_.drawn),
        "items": dict(sorted(Counter(row["kind"] for row in tables.items).items())),
        "finals": dict(sorted(Counter(row["how"] for row in tables.finals).items())),
        "left_out": sorted(left_out),
    }
    content["clauses"] = clause_rows(content, facts)
    return RoundResult(round_.id, content)


def read_result(round_: Round) -> RoundResult:
    """The result of a closed round. Raises RunFailed where the file is not the one on record."""
    assert round_.closed is not None
    path = round_.folder / RESULT_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunFailed(f"{path}: 读不了 / cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != round_.closed["result_sha256"]:
        raise RunFailed(f"{path}: 与登记不符 / is not the file on record: restore it from a copy")
    return RoundResult(round_.id, json.loads(content))


def judged_row(
    items: Sequence[JudgedItem], population: int, passing: tuple[int, int], minimum: int = 0
) -> dict[str, Any]:
    """Counts and intervals of a simple random sample of `population` documents.

    No interval where the sample is smaller than `minimum`, or is all there is: then the share is known.
    """
    judged, failures = len(items), sum(item.failed for item in items)
    inferred = judged >= max(1, minimum) and judged < population
    low, high = wilson(judged - failures, judged)
    least, most = estimates.qualified_bounds(failures, judged)
    return {
        "population": population,
        "judged": judged,
        "failures": failures,
        "unqualified": sum(item.final["verdict"] == UNQUALIFIED for item in items),
        "unclear": sum(item.final["verdict"] == UNCLEAR for item in items),
        "allowed": estimates.most_failures(judged, passing),
        "passes": estimates.passes(failures, judged, passing),
        "qualified_share": estimates.shown(Fraction(judged - failures, judged)) if judged else None,
        "wilson_low": low if inferred else None,
        "wilson_high": high if inferred else None,
        "exact_low": least if inferred else None,
        "exact_high": most if inferred else None,
        "carried": sum(item.row["carried_from"] is not None for item in items),
        "qualified_read_in_part": sum(not item.failed and item.read < 1 for item in items),
    }


def manual_result(
    items: Sequence[JudgedItem], population: int, facts: RunFacts, doubted: Sequence[str]
) -> dict[str, Any]:
    """The manual check (8.2 a): literal, with intervals beside it and what it concludes. `doubted`: what speaks against a pass."""
    check = facts.profile.manual
    row = judged_row(items, population, check.passing, check.minimum)
    enough = row["judged"] >= check.minimum
    row |= {"clause": check.clause, "minimum": check.minimum, "enough": enough, "passes": row["passes"] and enough}
    verdict, basis = manual_conclusion(row, facts.profile, doubted)
    return row | {"conclusion": verdict, "basis": basis}


def stage_rows(samples: Samples, populations: Mapping[str, int], facts: RunFacts) -> list[dict[str, Any]]:
    """The supplementary sample of each stage of training; it decides nothing."""
    return [
        {
            "stage": name.removeprefix(STAGE),
            "apart": name.removeprefix(STAGE) in APART,
            **judged_row(samples.get(name, ()), population, facts.profile.manual.passing),
        }
        for name, population in sorted(populations.items())
        if name.startswith(STAGE)
    ]


def source_rows(
    samples: Samples, populations: Mapping[str, int], facts: RunFacts, numerator: Collection[str], relied: Reliance
) -> list[dict[str, Any]]:
    """Every source by its blind assessment sample from before filtering: Σ W_h · y_h and one-sided 95 % bounds (5.1 a 2)."""
    rows = []
    for source, sizes in source_strata(populations).items():
        drawn = {name: of_source(samples, source, name) for name in sizes}
        strata = {name: said_of(drawn[name], size, len(drawn[name]), numerator) for name, size in sizes.items()}
        told = estimates.share(list(strata.values()))
        known = facts.sources[source]
        above = estimates.above(told.low, facts.profile.source_rate.maximum)
        row = {
            "source_id": source,
            "admitted": known.admitted,
            "source_version": known.version,
            "documents": sum(sizes.values()),
            **{f"{name}_documents": s.size for name, s in strata.items()},
            **{f"{name}_judged": s.judged for name, s in strata.items()},
            **{f"{name}_violations": int(s.sure) for name, s in strata.items()},
            **{f"{name}_unclear": int(s.unclear) for name, s in strata.items()},
            **told.row("rate"),
            "above": above,
            "estimate_above": estimates.above(told.estimate, facts.profile.source_rate.maximum),
            "within": not estimates.above(told.high, facts.profile.source_rate.maximum),
            "open_reasons": list(known.open_reasons),
            "carried": sum(i.row["carried_from"] is not None for items in drawn.values() for i in items),
        }
        rows.append(row | {"conclusion": source_conclusion(row, facts.profile, relied.holds)})
    return rows


def risk_rows(samples: Samples) -> list[dict[str, Any]]:
    """How many items of each sample people found each risk in."""
    rows = []
    for name, items in sorted(samples.items()):
        found = Counter(risk for item in items for risk in set(item.final["risks"]))
        rows += [{"sample": name, "risk_id": risk, "items": found[risk]} for risk in risks() if found[risk]]
    return rows


def personal_rows(samples: Samples) -> list[dict[str, Any]]:
    """How many items of each sample people ticked each kind of personal information in, none included.

    `items` by the final verdicts, `ticked` by any reading: whoever saw it, it is there until people say otherwise.
    """
    return [
        {
            "sample": name,
            "level": level,
            "items": sum(level in i.final["personal"] for i in items),
            "ticked": sum(level in i.ticked for i in items),
            "judged": len(items),
        }
        for name, items in sorted(samples.items())
        for level in PERSONAL
    ]


def _carried(tables: Tables, drawn: Mapping[str, Any]) -> dict[str, Any]:
    items = [row for row in tables.items if row["kind"] == SAMPLE]
    carried = sum(row["carried_from"] is not None for row in items)
    return {
        "from": drawn["carried"]["from"],
        "items": carried,
        "of": len(items),
        "share": estimates.shown(Fraction(carried, len(items))) if items else None,
        "not_sampled": sum(row["kind"] in (KNOWN, REPEAT) for row in tables.items),
    }
