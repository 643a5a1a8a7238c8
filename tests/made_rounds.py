"""Rounds made in memory for tests of what they come to: items by sample with a verdict each, and facts of a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rounds.design import Design
from rounds.facts import RunFacts, SourceFacts, Tables
from rounds.history import ALONE, History
from rounds.known import planted_rows
from rounds.register import Round
from rounds.results import RoundResult, result_of
from rounds.tables import ADJUDICATION, FIRST, KNOWN, QUALIFIED, REPEAT, SAMPLE, SECOND, UNQUALIFIED
from schemas.profile import Profile, load_profile

CRITERIA = "criteria-1:0123456789ab"
VERSION, RULES = "v" * 64, "r" * 64
SEED = "R0001/12345"
PEOPLE = (("甲", FIRST), ("乙", SECOND), ("丙", ADJUDICATION))  # who reads known answers, and as what
ILLEGAL, COMMERCIAL = "A1-f", "A3-e"  # a risk of the 5 % rule, and one that only counts among the 31
FOUND: dict[str, Any] = {"verdict": UNQUALIFIED, "risks": [ILLEGAL]}


@dataclass(frozen=True)
class Spec:
    """So many items of these samples with one final verdict."""

    count: int
    samples: tuple[str, ...]
    verdict: str = QUALIFIED
    risks: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    decided: bool = False  # whether the machine called it a violation
    carried: str | None = None


def bad(count: int, *samples: str, risk: str = ILLEGAL, **more: Any) -> Spec:
    """Unqualified items."""
    return Spec(count, samples, UNQUALIFIED, (risk,), **more)


def good(count: int, *samples: str, **more: Any) -> Spec:
    """Qualified items."""
    return Spec(count, samples, **more)


def item_row(number: int, spec: Spec, **changes: Any) -> dict[str, Any]:
    """A row of items.parquet."""
    row = {"item_no": number, "kind": SAMPLE, "doc_id": f"s:{number}", "source_id": "s", "shard": "a", "row": number}
    row |= {"bucket": "zh", "stage": "pretrain", "content_hash": f"{number:064x}", "samples": list(spec.samples)}
    row |= {"second": False, "repeat_of": None, "carried_from": spec.carried, "text": f"第{number}篇" * 10}
    return row | changes


def machine_row(number: int, decided: bool = False, expected: Sequence[str] = ()) -> dict[str, Any]:
    """A row of machine.parquet."""
    return {
        "item_no": number,
        "risks": [ILLEGAL] if decided else [],
        "candidate_risks": [],
        "illegal_unhealthy": decided,
        "pii_level": "none",
        "pii_types": [],
        "findings": [],
        "expected": list(expected),
    }


def reading_row(number: int, person: str = "甲", reading: str = "first", **changes: Any) -> dict[str, Any]:
    """A row of readings.parquet."""
    row = {"item_no": number, "seq": number, "reading": reading, "person": person, "verdict": QUALIFIED, "risks": []}
    row |= {"personal": [], "note": "", "read_share": 1.0, "seconds": 20.0, "criteria": CRITERIA, "via": "page"}
    row |= {"after_findings": False}
    return row | {"decided_at": "2026-11-22T10:00:00.000+00:00", "sha256": f"{number:064x}"} | changes


def final_row(number: int, spec: Spec, how: str = "single") -> dict[str, Any]:
    """A row of finals.parquet."""
    how = "carried" if spec.carried else how
    return {
        "item_no": number,
        "verdict": spec.verdict,
        "risks": list(spec.risks),
        "personal": list(spec.personal),
        "how": how,
    }


def tables_of(specs: Sequence[Spec]) -> Tables:
    """The tables of a round with these items, each read once."""
    numbered = [spec for spec in specs for _ in range(spec.count)]
    rows = [(number, spec) for number, spec in enumerate(numbered, start=1)]
    return Tables(
        items=[item_row(number, spec) for number, spec in rows],
        machine=[machine_row(number, spec.decided) for number, spec in rows],
        readings=[
            reading_row(number, verdict=spec.verdict, risks=list(spec.risks), personal=list(spec.personal))
            for number, spec in rows
            if spec.carried is None
        ],
        finals=[final_row(number, spec) for number, spec in rows],
    )


def round_of(
    tables: Tables, strata: Mapping[str, int], folder: Path = Path("R0001"), design: Design | None = None
) -> Round:
    """A drawn round of that many documents by population; sizes are those of the tables."""
    sizes = Counter(name for row in tables.items for name in row["samples"])
    kinds = Counter(row["kind"] for row in tables.items)
    drawn = {
        "event": "drawn",
        "time": "2026-11-22T09:00:00+00:00",
        "value": "12345",
        "seed": SEED,
        "items_sha256": "0" * 64,
        "machine_sha256": "0" * 64,
        "sizes": dict(sizes),
        "strata": dict(strata),
        "carried": {"from": None, "items": sum(row["carried_from"] is not None for row in tables.items)},
        "known": kinds[KNOWN],
        "repeat": kinds[REPEAT],
    }
    opened = {"event": "opened", "seq": 1, "run_id": "run-1", "criteria": CRITERIA, "ruleset_sha256": RULES}
    opened["design"] = (design or Design()).stated()
    return Round("R0001", folder, opened, drawn)


def facts_of(
    sources: Sequence[str] = (), profile: Profile | None = None, folder: Path = Path("gone"), **changes: Any
) -> RunFacts:
    """Facts of a run with these sources, all admitted unless they are named in `kept_out`."""
    kept_out = changes.pop("kept_out", ())
    known = {name: SourceFacts(name not in kept_out, 9, 0, VERSION, ()) for name in sources}
    facts = RunFacts("run-1", profile or load_profile("tc260-003"), RULES, known, {}, 0, folder)
    return replace(facts, **changes)


def with_known(tables: Tables, drawn: int = 40, read: int = 40, found: int = 40) -> Tables:
    """The tables with so many known answers behind the other items, the first of them read by all due, and found by them."""
    numbers = range(len(tables.items) + 1, len(tables.items) + 1 + drawn)
    rows = [
        item_row(number, good(1), kind=KNOWN, doc_id=None, source_id=None, samples=[], second=True)
        for number in numbers
    ]
    third = planted_rows(SEED, rows)
    for place, row in enumerate(rows):
        number, said = row["item_no"], FOUND if place < found else {}
        tables.items.append(row)
        tables.machine.append(machine_row(number, expected=[ILLEGAL]))
        people = PEOPLE if said and number in third else PEOPLE[:2]
        tables.readings.extend(
            reading_row(number, person, reading, seq=3 * number + turn, **said)
            for turn, (person, reading) in enumerate(people)
            if place < read
        )
    return tables


def result(
    specs: Sequence[Spec],
    strata: Mapping[str, int],
    facts: RunFacts | None = None,
    design: Design | None = None,
    history: History = ALONE,
) -> RoundResult:
    """What a round with these items comes to, whose people find all its known answers."""
    tables = with_known(tables_of(specs))
    sources = {name.split(":")[1] for name in strata if name.startswith("source:")}
    return result_of(round_of(tables, strata, design=design), tables, facts or facts_of(sorted(sources)), history)
