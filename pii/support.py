"""Findings that are sure only beside others: which stand beside what counts by itself."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Protocol, TypeVar

from pii.rule import BESIDE, CONTEXTUAL, UNSURE, Rule

Place = Callable[[int, int], tuple[int, int]]


class Scored(Protocol):
    """What a recognizer of Presidio gives, and what the detector has before it grades."""

    @property
    def entity_type(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102


S = TypeVar("S", bound=Scored)


def as_they_stand(start: int, end: int) -> tuple[int, int]:
    """The place of what is found in text without characters that cannot be seen."""
    return start, end


def supported(
    rule: Rule, results: Iterable[S], others: Iterable[Scored], place: Place = as_they_stand
) -> Iterator[tuple[S, float]]:
    """The results of a rule with their scores, lifted where others stand beside; what needs that and lacks it is dropped.

    `place` says where in the text without characters that cannot be seen a span of the text is.
    """
    support = _Support(others, rule.beside, place)
    for result in results:
        if result.score != UNSURE or not rule.beside:
            yield result, result.score
        elif support.stands_beside(result):
            yield result, CONTEXTUAL
        elif not rule.mandatory:
            yield result, UNSURE


class _Support:
    """Findings that count by themselves, of types that support others, where they can be looked up by position."""

    def __init__(self, results: Iterable[Scored], wanted: frozenset[str], place: Place) -> None:
        self.place = place
        counted = (other for other in results if other.entity_type in wanted and other.score >= CONTEXTUAL)
        spans = sorted(place(other.start, other.end) for other in counted)
        self.starts = [start for start, _ in spans]
        self.ends = list(accumulate((end for _, end in spans), max))  # the farthest end so far

    def stands_beside(self, result: Scored) -> bool:
        """Whether one of them stands within BESIDE characters."""
        start, end = self.place(result.start, result.end)
        before = bisect_right(self.starts, end + BESIDE)
        return before > 0 and self.ends[before - 1] >= start - BESIDE
