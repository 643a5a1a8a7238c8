"""The gate: which rules have to read which stretches of a text, by their anchors.

Few documents hold anything, and asking every rule about every character would cost more than the rest of the audit. What
anchors begin with is looked for in many texts at once (pii/automaton.py); where it stands the anchor itself is tried, and
where that matches its rules read around it.

Nothing is lost on the way. Whatever a rule finds has the rule's anchor within the match, or `LOOK_BEHIND` before or
`LOOK_AHEAD` behind it, and one of the signs stands wherever an anchor begins. A window is where the matches may begin
whose anchor begins at a place; reading goes on as far as they reach. Tests prove the parts and compare the whole with
reading everything; runs check a share of what they skipped.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pii.automaton import Automaton
from pii.rule import LOOK_BEHIND, Rule
from pii.signs import DEPTH, EDGE, signs_of

LONGEST_ANCHOR = 96  # characters
INVISIBLE = (
    "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"  # soft hyphen, zero-width and direction marks, for RE2 and Python
)
BLOCK = 2048  # characters over which the next two are counted
SKIP = 16  # characters behind an anchor in which it is not looked for again; twice as many behind each that follows
TRIES = 256  # times an anchor may fail where one of its signs is; what is left is read, so that time stays linear
TOGETHER = 128 * 1024  # characters of neighbouring texts looked at together
MEMORY = 128 << 20  # bytes for the states of an automaton of RE2 that looks for anchors
_INVISIBLE = re.compile(INVISIBLE)


class Window(NamedTuple):
    """Where in a text, in code points, matches of one rule may begin; the rule by its position."""

    rule: int
    low: int
    high: int


class Gate:
    """The windows of texts under a set of rules. A rule without an anchor has none. Pickle it freely."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def __getstate__(self) -> dict[str, Any]:
        return {"rules": self.rules}

    @cached_property
    def anchors(self) -> dict[str, list[int]]:
        """The positions of the rules by their anchor."""
        found: dict[str, list[int]] = {}
        for position, rule in enumerate(self.rules):
            if rule.anchor:
                found.setdefault(rule.anchor, []).append(position)
        return found

    @cached_property
    def _owners(self) -> list[list[int]]:
        return list(self.anchors.values())

    @cached_property
    def _sought(self) -> "_Sought":
        return _sought(tuple(self.anchors))

    def windows(self, text: str) -> list[Window]:
        """What has to be read of a text without characters that cannot be seen; windows of a rule in order and apart."""
        return self.windows_of([text]).get(0, [])

    def windows_of(self, texts: Sequence[str]) -> dict[int, list[Window]]:
        """The same for many texts at once, as they are: by row, of those that have any.

        Windows of a text that holds characters that cannot be seen are places in the text without them.
        """
        if not self.anchors:
            return {}
        found, unseen = self._seen_windows(texts)
        if unseen:
            cleaned, _ = self._seen_windows([_INVISIBLE.sub("", texts[row]) for row in unseen])
            found |= {unseen[place]: windows for place, windows in cleaned.items()}
        return found

    def _seen_windows(self, texts: Sequence[str]) -> tuple[dict[int, list[Window]], list[int]]:
        """The windows by row, and the rows with characters that cannot be seen, of which nothing is said."""
        read: dict[int, _Reading] = {}
        unseen: set[int] = set()
        for row, begun in self._sought.begun(texts):
            if begun is None:
                unseen.add(row)
                continue
            if row not in read:
                read[row] = _Reading(self, texts[row])
            read[row].go_on(begun)
        found = {row: reading.windows() for row, reading in read.items() if row not in unseen}
        return {row: windows for row, windows in found.items() if windows}, sorted(unseen)


_Begun = list[tuple[int, tuple[int, ...]]]  # where in a text signs begin, in order, and those of which anchors


@dataclass(slots=True)
class _Tried:
    """How far an anchor was looked for in a text."""

    block: int  # where counting begins anew
    done: int = 0  # where it is looked for again
    skip: int = 0
    left: int = 0  # times it may yet fail


class _Reading:
    """The windows of one text, made as its signs come in."""

    def __init__(self, gate: Gate, text: str) -> None:
        self.text, self.rules = text, gate.rules
        self._owners, self._sought = gate._owners, gate._sought
        self._tried: dict[int, _Tried] = {}
        self._closed: list[Window] = []
        self._open: dict[int, Window] = {}

    def go_on(self, begun: _Begun) -> None:
        """Tries anchors where signs begin, all of them behind those before."""
        for at, anchors in begun:
            for anchor in anchors:
                end = self._begins(anchor, at)
                if end is not None:
                    for rule in self._owners[anchor]:
                        self._add(rule, at, end)

    def windows(self) -> list[Window]:
        """Those of one rule in order and apart."""
        return self._closed + list(self._open.values())

    def _begins(self, anchor: int, at: int) -> int | None:
        """The end of a span in which an anchor may begin, from here; None where it does not, or not for the first time."""
        own = self._tried.get(anchor)
        if own is None or at >= own.block:
            own = self._tried[anchor] = _Tried(at + BLOCK, own.done if own else 0, SKIP, TRIES)
        if at < own.done:
            return None
        if own.left == 0:
            own.done = own.block
        elif self._sought.matches(anchor, self.text, at):
            own.done = at + own.skip
            own.skip *= 2
        else:
            own.left -= 1
            return None
        return own.done

    def _add(self, number: int, low: int, high: int) -> None:
        rule = self.rules[number]
        start = max(0, low - (rule.reach if rule.lead is None else rule.lead))
        end = min(len(self.text), high + LOOK_BEHIND)
        last = self._open.get(number)
        if last is not None and start <= last.high + rule.reach:  # as far as one reads for the last window
            start, end = last.low, max(end, last.high)
        elif last is not None:
            self._closed.append(last)
        self._open[number] = Window(number, start, end)


class _Sought:
    """Some anchors, and the automaton of their signs."""

    def __init__(self, anchors: tuple[str, ...]) -> None:
        self.anchors = anchors
        self.automaton = Automaton(*signs_of((*anchors, INVISIBLE)))
        unseen = len(anchors)  # among the anchors: without such characters others may appear
        self._unseen = np.array([unseen in groups for groups in self.automaton.groups])
        self._patterns: list[re.Pattern[str] | None] = [None for _ in anchors]  # compiled as texts need them

    def begun(self, texts: Sequence[str]) -> Iterator[tuple[int, _Begun | None]]:
        """The rows in which signs begin, and where; None where there are characters that cannot be seen.

        A row comes again where its text goes on.
        """
        for first, last in _together(texts):
            edges = np.cumsum([0, *(len(text) + 1 for text in texts[first : last - 1])])
            for places, states in self.automaton.find(EDGE + EDGE.join(texts[first:last]) + EDGE * DEPTH):
                if not len(places):
                    continue
                rows = np.searchsorted(edges, places, side="right") - 1
                starts = np.maximum(places - edges[rows] - 1, 0).tolist()  # an edge is the beginning of the text
                unseen = set(rows[self._unseen[states]].tolist())
                groups = [self.automaton.groups[state] for state in states.tolist()]
                for low, high in pairwise([0, *(np.flatnonzero(np.diff(rows)) + 1).tolist(), len(rows)]):
                    row = int(rows[low])
                    signs = None if row in unseen else list(zip(starts[low:high], groups[low:high], strict=True))
                    yield first + row, signs

    def matches(self, anchor: int, text: str, at: int) -> bool:
        """Whether an anchor, by its number, begins at a place."""
        pattern = self._patterns[anchor]
        if pattern is None:
            pattern = self._patterns[anchor] = re.compile(self.anchors[anchor])
        return pattern.match(text, at, at + LONGEST_ANCHOR) is not None


@lru_cache(maxsize=8)
def _sought(anchors: tuple[str, ...]) -> _Sought:
    """Made once a process for the same anchors."""
    return _Sought(anchors)


def _together(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans of neighbouring texts of some size together; a longer one stands alone."""
    first = size = 0
    for row, text in enumerate(texts):
        if row > first and size + len(text) > TOGETHER:
            yield first, row
            first = row
            size = 0
        size += len(text)
    if texts:
        yield first, len(texts)
