"""The items of a round by sample, each with its final verdict and what the machine said of it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rounds.agreement import Row
from rounds.estimates import Judged
from rounds.facts import Tables
from rounds.tables import QUALIFIED, SAMPLE, UNQUALIFIED

STAGE, SOURCE = "stage:", "source:"
POSITIVE, NEGATIVE = "positive", "negative"
SURE, OPEN, NONE = "sure", "open", "none"  # whether an item violates: surely, not to be told, surely not


@dataclass(frozen=True)
class JudgedItem:
    """An item of the samples with its final verdict and what the machine said of it."""

    row: Row
    final: Row
    machine: Row
    read: float  # the largest share of the text that anybody had on the screen; 1 where the verdict was carried over
    ticked: frozenset[str]  # personal information that any reading of its text found, whatever became of that

    @property
    def failed(self) -> bool:
        """Not qualified; 无法判定 counts so."""
        return bool(self.final["verdict"] != QUALIFIED)

    def violates(self, of_risks: Collection[str]) -> str:
        """Whether people judged it to hold one of these risks."""
        if self.final["verdict"] == UNQUALIFIED and self.final["risks"]:
            return NONE if set(self.final["risks"]).isdisjoint(of_risks) else SURE
        return NONE if self.final["verdict"] == QUALIFIED else OPEN


Samples = Mapping[str, Sequence[JudgedItem]]


def sampled_items(tables: Tables) -> Samples:
    """The items of every sample by its name; all have a final verdict."""
    finals = {row["item_no"]: row for row in tables.finals}
    machine = {row["item_no"]: row for row in tables.machine}
    read: dict[int, float] = defaultdict(float)
    for reading in tables.readings:
        read[reading["item_no"]] = max(read[reading["item_no"]], reading["read_share"])
    ticked = _ticked(tables)
    samples: dict[str, list[JudgedItem]] = defaultdict(list)
    for row in tables.items:
        if row["kind"] == SAMPLE:
            number = row["item_no"]
            share = 1.0 if row["carried_from"] is not None else read[number]
            told = ticked[number] | set(finals[number]["personal"])
            item = JudgedItem(row, finals[number], machine[number], share, frozenset(told))
            for name in row["samples"]:
                samples[name].append(item)
    return samples


def _ticked(tables: Tables) -> dict[int, set[str]]:
    """Personal information ticked in any reading, by item; a repeated text is that of the item it shows again."""
    shows = {row["item_no"]: row["repeat_of"] or row["item_no"] for row in tables.items}
    found: dict[int, set[str]] = defaultdict(set)
    for reading in tables.readings:
        found[shows[reading["item_no"]]].update(reading["personal"])
    return found


def source_strata(populations: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Sizes of the strata of every source that has a sample: source id to {positive, negative}."""
    found: dict[str, dict[str, int]] = {}
    for name, size in sorted(populations.items()):
        if name.startswith(SOURCE):
            source, _, stratum = name.removeprefix(SOURCE).rpartition(":")
            found.setdefault(source, {POSITIVE: 0, NEGATIVE: 0})[stratum] = size
    return found


def of_source(samples: Samples, source: str, stratum: str) -> Sequence[JudgedItem]:
    """The items drawn from one stratum of a source."""
    return samples.get(f"{SOURCE}{source}:{stratum}", ())


def said_of(items: Sequence[JudgedItem], size: int, judged: int, numerator: Collection[str]) -> Judged:
    """The violations among some of the `judged` items of a stratum of that size."""
    said = Counter(item.violates(numerator) for item in items)
    return Judged(size, judged, said[SURE], said[OPEN])
