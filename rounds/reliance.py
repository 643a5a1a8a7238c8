"""Whether a round can carry a conclusion at all: its design beside the shipped one, and whether its people find what is there.

A company chooses its own design and its own people, so a pass under a weaker design, or by people who miss what was
planted among the items, is none: the round then says 待人工 with the reasons, nothing is carried over from it, and no
source is cleared by it. What speaks against a corpus stands all the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from rounds.design import Design
from rounds.facts import Tables
from rounds.items import strata_of
from rounds.tables import KNOWN, REPEAT, UNQUALIFIED
from schemas.profile import Profile

# Of the known answers drawn, at least this share must have been called unqualified (assessment.md: below the floor, no
# 符合). They are plain by construction. Of 40, people who find 95 % of such texts reach 32 always but for one round in
# thousands, those who find 90 % in 98 of 100 rounds, those who find 60 % in fewer than one of 100.
KNOWN_FLOOR = (4, 5)
# What tells of a design whether its verdicts can be relied on, with the option: read by two, known answers, repeats.
PROTECTING = ("second", "known", "repeat")
_SIZES = ("manual", "stage", "positive", "negative")
_OPTIONS = {"stage": "stage-sample"}  # where the option is called otherwise


@dataclass(frozen=True)
class Reliance:
    """Known answers and repeats as they were read, and each reason why the round concludes nothing in favour."""

    known: int
    known_read: int
    known_found: int
    repeats: int
    repeats_read: int
    design: Design
    least: Design
    reasons: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether a pass of this round is one."""
        return not self.reasons

    def stated(self) -> dict[str, Any]:
        """As `result.json` and `round.duckdb` have it."""
        return {
            "holds": self.holds,
            "known": self.known,
            "known_read": self.known_read,
            "known_unread": self.known - self.known_read,
            "known_found": self.known_found,
            "known_floor": "{}/{}".format(*KNOWN_FLOOR),
            "repeats": self.repeats,
            "repeats_unread": self.repeats - self.repeats_read,
            **{f"design_{name}": str(getattr(self.design, name)) for name in (*_SIZES, *PROTECTING)},
            **{f"least_{name}": str(getattr(self.least, name)) for name in (*_SIZES, *PROTECTING)},
            "reasons": list(self.reasons),
        }


def reliance(design: Design, strata: Mapping[str, int], tables: Tables, profile: Profile) -> Reliance:
    """How far a round whose populations have these sizes can be relied on."""
    kinds = {row["item_no"]: row["kind"] for row in tables.items}
    read = {row["item_no"] for row in tables.readings}
    found = {row["item_no"] for row in tables.readings if row["verdict"] == UNQUALIFIED}
    known, repeats = ({number for number in kinds if kinds[number] == kind} for kind in (KNOWN, REPEAT))
    counts = (len(known), len(known & read), len(known & found))
    reasons = (*weak_design(design, strata, profile), *_missed(*counts))
    return Reliance(*counts, len(repeats), len(repeats & read), design, least_design(profile), reasons)


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


def _missed(known: int, read: int, found: int) -> Iterator[str]:
    numerator, denominator = KNOWN_FLOOR
    if not known:
        yield "没有已知答案，无从知道判读是否可靠 / no known answers: nothing tells whether people find what is there"
    elif found * denominator < numerator * known:
        yield (
            f"已知答案 {known} 条只判出 {found} 条（未读 {known - read} 条，算未判出），少于 {numerator}/{denominator} / people found {found} of {known} "
            f"known answers, fewer than {numerator}/{denominator}; {known - read} were not read and count as not found"
        )
