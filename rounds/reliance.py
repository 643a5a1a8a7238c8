"""Whether a round can carry a conclusion at all: its design beside the shipped one, and whether its people find what is there.

Known answers measure each kind of reading by itself, blind, and what the readings come to (rounds/known.py); whether anybody
read at all is rounds/attention.py.

A company chooses its own design and its own people, so a pass under a weaker design, or by people who miss what was
planted among the items, is none: the round then says 待人工 with the reasons, nothing is carried over from it, and no
source is cleared by it. What speaks against a corpus stands all the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from rounds.attention import Attention
from rounds.design import Design
from rounds.facts import Tables
from rounds.items import strata_of
from rounds.known import READINGS, KnownAnswers, known_answers
from rounds.tables import ADJUDICATION, FIRST, REPEAT, SECOND
from schemas.profile import Profile

# Of the known answers drawn, at least this share must have been called unqualified (assessment.md: below the floor, no
# 符合). They are plain by construction. Of 40, people who find 95 % of such texts reach 32 always but for one round in
# thousands, those who find 90 % in 98 of 100 rounds, those who find 60 % in fewer than one of 100.
KNOWN_FLOOR = (4, 5)
# An adjudicator is judged by at least so many known answers; a round of the shipped design has twenty and more.
LEAST_ADJUDICATED = 10
# What tells of a design whether its verdicts can be relied on, with the option: read by two, known answers, repeats.
PROTECTING = ("second", "known", "repeat")
_SIZES = ("manual", "stage", "positive", "negative")
_TITLES = {FIRST: "初判 / first readings", SECOND: "复判 / second readings", ADJUDICATION: "裁决 / adjudications"}
_OPTIONS = {"stage": "stage-sample"}  # where the option is called otherwise


@dataclass(frozen=True)
class Reliance:
    """How known answers and repeats were read, with how much attention, and why the round concludes nothing in favour."""

    known: KnownAnswers
    attention: Attention
    repeats: int
    repeats_read: int
    design: Design
    least: Design
    reasons: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether a pass of this round is one."""
        return not self.reasons

    @property
    def note(self) -> str:
        """What a conclusion's basis says beside the reasons."""
        return self.attention.note()

    def stated(self) -> dict[str, Any]:
        """As `result.json` and `round.duckdb` have it."""
        by_reading = self.known.by_reading
        return {
            "holds": self.holds,
            "known": self.known.drawn,
            "known_read": self.known.decided,
            "known_unread": self.known.drawn - self.known.decided,
            "known_found": self.known.found,
            "known_floor": "{}/{}".format(*KNOWN_FLOOR),
            **{f"known_{name}": by_reading[name][0] for name in READINGS},
            **{f"known_{name}_found": by_reading[name][1] for name in READINGS},
            "repeats": self.repeats,
            "repeats_unread": self.repeats - self.repeats_read,
            **self.attention.stated(),
            **{f"design_{name}": str(getattr(self.design, name)) for name in (*_SIZES, *PROTECTING)},
            **{f"least_{name}": str(getattr(self.least, name)) for name in (*_SIZES, *PROTECTING)},
            "reasons": list(self.reasons),
        }


def reliance(design: Design, strata: Mapping[str, int], tables: Tables, profile: Profile, seed: str) -> Reliance:
    """How far a round whose populations have these sizes, drawn by that seed, can be relied on."""
    read = {row["item_no"] for row in tables.readings}
    repeats = {row["item_no"] for row in tables.items if row["kind"] == REPEAT}
    known, attention = known_answers(tables.items, tables.readings, seed), Attention.of(tables)
    adjudicated = any(row["how"] == "adjudicated" for row in tables.finals)
    reasons = (
        *weak_design(design, strata, profile),
        *_missed(known),
        *_missed_by_reading(known, adjudicated),
        *attention.reasons(),
    )
    return Reliance(known, attention, len(repeats), len(repeats & read), design, least_design(profile), reasons)


def weak_design(design: Design, strata: Mapping[str, int], profile: Profile) -> list[str]:
    """Why a round of this design over these populations concludes nothing in favour, whatever people find."""
    least = least_design(profile)
    return [*weaknesses(design, least), *_smaller(design, least, strata)]


def least_design(profile: Profile) -> Design:
    """The shipped design, with as many manual items as the profile asks for."""
    return replace(Design(), manual=profile.manual.minimum)


def weaknesses(design: Design, least: Design) -> Iterator[str]:
    """In what a design protects its verdicts less than another, a reason each."""
    titles = ("双人判读 / read by two", "已知答案 / known answers", "重复条目 / repeats")
    for name, title in zip(PROTECTING, titles, strict=True):
        own, other = getattr(design, name), getattr(least, name)
        if Decimal(own) < Decimal(other):
            yield f"{title}（--{name} {own}），少于 / less than {other}"


def _smaller(design: Design, least: Design, strata: Mapping[str, int]) -> Iterator[str]:
    """Samples smaller than the least design would draw; a population taken whole is as much as there is."""
    least = replace(least, sources=design.sources)  # of a source without a sample its own row says so
    asked, wanted = strata_of(strata, design), strata_of(strata, least)
    short = [name for name in sorted(strata) if asked[name] < wanted[name]]
    for size in _SIZES:
        own = [name for name in short if _size_of(name) == size]
        if own:
            yield (
                f"样本过小（--{_OPTIONS.get(size, size)} {getattr(design, size)}），少于 / samples smaller than {getattr(least, size)}: {own[0]}"
                f"{f' … {len(own)}' if len(own) > 1 else ''}"
            )


def _size_of(sample: str) -> str:
    """The size of a design that a sample goes by."""
    kind = sample.partition(":")[0]
    return sample.rpartition(":")[2] if kind == "source" else kind


def _missed(known: KnownAnswers) -> Iterator[str]:
    numerator, denominator = KNOWN_FLOOR
    unread = known.drawn - known.decided
    if not known.drawn:
        yield "没有已知答案，无从知道判读是否可靠 / no known answers: nothing tells whether people find what is there"
    elif _below_floor(known.drawn, known.found):
        yield (
            f"已知答案 {known.drawn} 条只判出 {known.found} 条（未读完 {unread} 条，算未判出），少于 {numerator}/{denominator} / people found "
            f"{known.found} of {known.drawn} known answers, fewer than {numerator}/{denominator}; {unread} were not read to the end and "
            f"count as not found"
        )


def _missed_by_reading(known: KnownAnswers, adjudicated: bool) -> Iterator[str]:
    """Readers of one kind who miss them, whatever the others make good; `adjudicated`: whether such decided any item."""
    numerator, denominator = KNOWN_FLOOR
    for name, (due, found) in known.by_reading.items():
        few = name == ADJUDICATION and due < LEAST_ADJUDICATED
        if few and adjudicated:
            yield (
                f"裁决只读到 {due} 条已知答案，少于 {LEAST_ADJUDICATED} 条，无从知道裁决是否可靠 / adjudicators were given {due} known answers, fewer "
                f"than {LEAST_ADJUDICATED}: nothing tells whether they find what is there"
            )
        elif not few and _below_floor(due, found):
            yield (
                f"{_TITLES[name]}: 已知答案 {due} 条只盲判出 {found} 条，少于 {numerator}/{denominator} / found {found} of {due} known answers blind, "
                f"fewer than {numerator}/{denominator}"
            )


def _below_floor(due: int, found: int) -> bool:
    numerator, denominator = KNOWN_FLOOR
    return found * denominator < numerator * due
