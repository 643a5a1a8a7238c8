"""The gate: which rules have to read which stretches of a text, by their anchors.

Few documents hold anything, and asking every rule about every character would cost more than the rest of the audit. RE2
looks for all anchors at once and tells which it saw: first in several short texts together, then in each text, then in
blocks of it. In the blocks that held any these anchors are looked for one by one, and the rules read around them.

Nothing is lost on the way. Whatever a rule finds has the rule's anchor within the match, or `LOOK_BEHIND` before or
`LOOK_AHEAD` behind it. Stretches overlap by `LONGEST_ANCHOR`, so an anchor lies whole in one of them, and a cut may add
anchors but hide none, for they hold no look-around. A window is where the matches may begin whose anchor begins at a
place; reading goes on as far as they reach. Tests prove the parts and compare the whole with reading everything; runs
check a share of what they skipped.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from pii.rule import LOOK_BEHIND, Rule

LONGEST_ANCHOR = 96  # characters
INVISIBLE = (
    "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"  # soft hyphen, zero-width and direction marks, for RE2 and Python
)
BLOCK = 2048  # characters
SKIP = 32  # bytes behind an anchor in which no other is looked for; twice as many behind each that follows in a block
TOGETHER = 1024  # bytes of neighbouring texts looked at together
MEMORY = (
    128 << 20
)  # bytes for the states of RE2's automaton, which are made as texts need them; some tens of MB are usual
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
    def _match(self) -> Callable[[bytes | memoryview], list[int]]:
        """A set, not one pattern of all: that would fall back to slow matching where many states are met."""
        import re2

        options = re2.Options()
        options.max_mem = MEMORY
        automaton = re2.Set.SearchSet(options)
        for anchor in self.anchors:
            automaton.Add(anchor)
        automaton.Add(INVISIBLE)  # without such characters an anchor may appear
        automaton.Compile()
        return lambda content: automaton.Match(content) or []

    @cached_property
    def _each(self) -> list[Any]:
        """The anchors one by one; they are compiled as texts need them."""
        return [None for _ in self.anchors]

    @cached_property
    def _owners(self) -> list[tuple[str, list[int]]]:
        return list(self.anchors.items())

    def passing(self, texts: pa.LargeStringArray) -> set[int]:
        """Rows of the texts that may hold anything; the others have no windows."""
        if not self.anchors:
            return set()
        _, offsets, data = texts.buffers()
        ends = memoryview(offsets).cast("q")[texts.offset : texts.offset + len(texts) + 1].tolist()
        content = memoryview(data) if data is not None else memoryview(b"")
        found: set[int] = set()
        first = 0
        for row in range(1, len(texts) + 1):
            if row < len(texts) and ends[row + 1] - ends[first] <= TOGETHER:
                continue
            if seen := self._match(content[ends[first] : ends[row]]):
                if row - first > 1:
                    found |= {at for at in range(first, row) if self._passes(content[ends[at] : ends[at + 1]])}
                elif self._holds(seen, content[ends[first] : ends[row]]):
                    found.add(first)
            first = row
        return found

    def _passes(self, content: memoryview) -> bool:
        return self._holds(self._match(content), content)

    def _holds(self, seen: list[int], content: memoryview) -> bool:
        """Whether there are anchors in a text in which they, or invisible characters, were seen."""
        unseen = len(self.anchors)
        if unseen not in seen or len(seen) > 1:
            return bool(seen)
        return bool(self._match(_INVISIBLE.sub("", bytes(content).decode()).encode()))

    def windows(self, text: str) -> list[Window]:
        """What has to be read; windows of one rule in order and apart. The text holds no surrogates."""
        open_: dict[int, Window] = {}
        found: list[Window] = []
        for anchor, low, high in self._places(text):
            for number in self._owners[anchor][1]:
                rule = self.rules[number]
                start = max(0, low - (rule.reach if rule.lead is None else rule.lead))
                end = min(len(text), high + LOOK_BEHIND)
                last = open_.get(number)
                if last is not None and start <= last.high + rule.reach:  # as far as one reads for the last window
                    start, end = last.low, max(end, last.high)
                elif last is not None:
                    found.append(last)
                open_[number] = Window(number, start, end)
        return found + list(open_.values())

    def _places(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Where anchors begin: the number of the anchor and a span, those of one anchor in order of their starts."""
        if not self.anchors:
            return
        for low, high in stretches(0, len(text), BLOCK):
            content = text[low:high].encode()
            for anchor in self._match(content):
                if anchor < len(self.anchors):
                    yield from ((anchor, low + start, low + end) for start, end in self._starts(anchor, content))

    def _starts(self, anchor: int, content: bytes) -> Iterator[tuple[int, int]]:
        """Spans, in characters, in which an anchor begins all its occurrences in a block."""
        pattern = self._each[anchor]
        if pattern is None:
            import re2

            pattern = self._each[anchor] = re2.compile(self._owners[anchor][0].encode())
        begin = done = characters = 0
        skip = SKIP
        while match := pattern.search(content, begin):
            at = match.start()
            characters += len(content[done:at].decode())
            begin, done = at + skip, at
            yield characters, characters + len(content[at:begin].decode(errors="ignore")) + 1
            skip *= 2


def stretches(low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    """Parts of a span, at most `size` long, that overlap by `LONGEST_ANCHOR`."""
    while low + size < high:
        yield low, low + size
        low += size - LONGEST_ANCHOR
    yield low, high
