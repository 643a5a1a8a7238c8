"""How far the people of a round can be relied on: agreement of independent readers, known answers, repeats, pace.

Agreement is that of first and second readings before any adjudication. Nothing here changes a figure of the corpus.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median
from typing import Any

from rounds.estimates import shown
from rounds.tables import ADJUDICATION, FIRST, KNOWN, QUALIFIED, REPEAT, SAMPLE, SECOND, UNQUALIFIED, VERDICTS

LEAST_SECONDS = 1.0  # no verdict is made in less
FASTEST = {"zh": 30, "other": 80}  # characters a second of what was on the screen, beyond the fastest skimming
PAGE = "page"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Agreement:
    """Two independent readers: pairs, how many agree, and the measures; None where they are not defined."""

    pairs: int
    agreed: int
    kappa: Fraction | None
    ac1: Fraction | None
    positive: Fraction | None

    def row(self) -> dict[str, Any]:
        """As columns."""
        return {
            "pairs": self.pairs,
            "agreed": self.agreed,
            "raw": shown(Fraction(self.agreed, self.pairs)) if self.pairs else None,
            "kappa": shown(self.kappa),
            "ac1": shown(self.ac1),
            "positive": shown(self.positive),
        }


def agreement(pairs: Sequence[tuple[str, str]]) -> Agreement:
    """Agreement over (first verdict, second verdict), three verdicts a category each.

    Cohen's kappa (1960) and Gwet's AC1 (2008); `positive` is the agreement on not qualified, 2a / (2a + b + c), which
    a great many easy qualified items do not flatter.
    """
    n, agreed = len(pairs), sum(first == second for first, second in pairs)
    if not n:
        return Agreement(0, 0, None, None, None)
    firsts, seconds = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    observed = Fraction(agreed, n)
    chance = sum((Fraction(firsts[v] * seconds[v], n * n) for v in VERDICTS), Fraction(0))
    means = [Fraction(firsts[v] + seconds[v], 2 * n) for v in VERDICTS]
    gwet = sum((mean * (1 - mean) for mean in means), Fraction(0)) / (len(VERDICTS) - 1)
    both = sum(QUALIFIED not in pair for pair in pairs)
    either = sum(pair.count(QUALIFIED) == 1 for pair in pairs)
    return Agreement(
        pairs=n,
        agreed=agreed,
        kappa=None if chance == 1 else (observed - chance) / (1 - chance),
        ac1=(observed - gwet) / (1 - gwet),
        positive=Fraction(2 * both, 2 * both + either) if both + either else None,
    )


def double_read(items: Iterable[Row], readings: Iterable[Row]) -> list[tuple[Row, Row]]:
    """First and second reading of every item of the sample that has both, both blind, in order of items."""
    sampled = {item["item_no"] for item in items if item["kind"] == SAMPLE}
    by_item: dict[int, dict[str, Row]] = defaultdict(dict)
    for reading in readings:
        if not reading["after_findings"]:  # one that followed the machine agrees with nobody independently
            by_item[reading["item_no"]][reading["reading"]] = reading
    return [
        (own[FIRST], own[SECOND])
        for number, own in sorted(by_item.items())
        if number in sampled and FIRST in own and SECOND in own
    ]


def agreement_rows(items: Sequence[Row], readings: Sequence[Row]) -> list[dict[str, Any]]:
    """The agreement of all pairs, and of each two people who read the same items."""
    pairs = double_read(items, readings)
    groups: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for first, second in pairs:
        groups["", ""].append((first["verdict"], second["verdict"]))
        groups[first["person"], second["person"]].append((first["verdict"], second["verdict"]))
    groups.setdefault(("", ""), [])
    return [
        {"first_reader": one or None, "second_reader": other or None, **agreement(own).row()}
        for (one, other), own in sorted(groups.items())
    ]


def after_findings(items: Iterable[Row], readings: Sequence[Row], finals: Iterable[Row]) -> dict[str, Any]:
    """Readings of the sample that were not blind, the items they are of, and the finals that rest on one of them.

    Such an item is decided by its adjudication, so `resting` is empty unless the tables contradict the protocol.
    """
    sampled = {item["item_no"] for item in items if item["kind"] == SAMPLE}
    own = [row for row in readings if row["after_findings"] and row["item_no"] in sampled]
    how = {row["item_no"]: row["how"] for row in finals}
    resting = {
        row["item_no"]
        for row in own
        if row["reading"] == ADJUDICATION or how.get(row["item_no"]) not in (None, "adjudicated")
    }
    return {"readings": len(own), "items": sorted({row["item_no"] for row in own}), "resting": sorted(resting)}


def too_fast(item: Row, reading: Row) -> bool:
    """Whether nobody can have read the shown part of the text in this time. Imported readings carry no time."""
    if reading["via"] != PAGE:
        return False
    pace = FASTEST.get(item["bucket"], FASTEST["other"])
    return bool(reading["seconds"] < max(LEAST_SECONDS, len(item["text"]) * reading["read_share"] / pace))


def fast_readings(items: Mapping[int, Row], readings: Iterable[Row]) -> Counter[str]:
    """How many readings of each person were too fast. A text they had read before, a copy or a repeat, takes no time."""
    before: set[tuple[str, str]] = set()
    counts: Counter[str] = Counter()
    for row in sorted(readings, key=lambda row: row["seq"]):
        item = items[row["item_no"]]
        text = (row["person"], item["content_hash"])
        counts[row["person"]] += text not in before and too_fast(item, row)
        before.add(text)
    return counts


def people_rows(items: Sequence[Row], machine: Iterable[Row], readings: Sequence[Row]) -> list[dict[str, Any]]:
    """One row a person: how much they judged, how fast, and how known answers and repeated items came out."""
    by_number = {item["item_no"]: item for item in items}
    expected = {row["item_no"]: set(row["expected"]) for row in machine}
    own: dict[str, list[Row]] = defaultdict(list)
    for reading in readings:
        own[reading["person"]].append(reading)
    return [
        {"person": person, **_pace(by_number, rows), **_known(by_number, expected, rows), **_repeats(by_number, rows)}
        for person, rows in sorted(own.items())
    ]


def _pace(items: Mapping[int, Row], rows: Sequence[Row]) -> dict[str, Any]:
    timed = [row["seconds"] for row in rows if row["via"] == PAGE]
    return {
        "readings": len(rows),
        **{f"{kind}_readings": sum(row["reading"] == kind for row in rows) for kind in (FIRST, SECOND, ADJUDICATION)},
        "imported": len(rows) - len(timed),
        "median_seconds": round(median(timed), 3) if timed else None,
        "too_fast": fast_readings(items, rows).total(),
        "read_in_part": sum(row["read_share"] < 1 for row in rows),
        "after_findings": sum(row["after_findings"] for row in rows),
        "mean_read_share": round(sum(row["read_share"] for row in rows) / len(rows), 6),
    }


def _known(items: Mapping[int, Row], expected: Mapping[int, set[str]], rows: Sequence[Row]) -> dict[str, int]:
    """Known-answer texts a person judged, how many were called unqualified blind, and with the risk they were written for."""
    known = [row for row in rows if items[row["item_no"]]["kind"] == KNOWN]
    found = [row for row in known if row["verdict"] == UNQUALIFIED and not row["after_findings"]]
    return {
        "known": len(known),
        "known_found": len(found),
        "known_same_risk": sum(bool(expected.get(row["item_no"], set()) & set(row["risks"])) for row in found),
    }


def _repeats(items: Mapping[int, Row], rows: Sequence[Row]) -> dict[str, int]:
    """Items a person judged twice without being told, both times blind, and how many got the same verdict both times."""
    blind = [row for row in rows if row["reading"] != ADJUDICATION and not row["after_findings"]]
    said = {row["item_no"]: row["verdict"] for row in blind}
    twice = [
        (said[number], said[original])
        for number in said
        if items[number]["kind"] == REPEAT and (original := items[number]["repeat_of"]) in said
    ]
    return {"repeats": len(twice), "repeats_same": sum(one == other for one, other in twice)}
