"""The gate: which rules have to read which stretches of a text, by their anchors.

Few documents hold anything, and asking every rule about every character would cost more than the rest of the audit. RE2
looks for all anchors at once and tells which it saw: first in several short texts together, then in each text, in blocks
of it, and in chunks of the blocks that held any. The rules of these anchors read a window around the chunk.

Nothing is lost on the way. Whatever a rule finds has the rule's anchor within the match, or `LOOK_BEHIND` before or
`LOOK_AHEAD` behind it. Stretches overlap by `LONGEST_ANCHOR`, so an anchor lies whole in one of them, and a cut may add
anchors but hide none, for they hold no look-around. A window leaves room for the match, for what its grade reads, and for
a match beyond that the cut at the edge may have spoilt: such findings are dropped, none of them can be the anchor's own.
Tests prove the parts and compare the whole with reading everything; runs check a share of what they skipped.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from pii.rule import Rule

LONGEST_ANCHOR = 96  # characters
INVISIBLE = "[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]"  # soft hyphen, zero-width and direction marks, for RE2 and Python
BLOCK, CHUNK = 4096, 256  # characters
TOGETHER = 1024  # bytes of neighbouring texts looked at together
MEMORY = (
    128 << 20
)  # bytes for the states of RE2's automaton, which are made as texts need them; some tens of MB are usual


class Window(NamedTuple):
    """A stretch of a text, in code points, that one rule has to read; the rule by its position."""

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
    def _owners(self) -> list[list[int]]:
        return [*self.anchors.values(), []]

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
            if self._match(content[ends[first] : ends[row]]):
                one = row - first == 1
                found |= {at for at in range(first, row) if one or self._match(content[ends[at] : ends[at + 1]])}
            first = row
        return found

    def windows(self, text: str) -> list[Window]:
        """What has to be read; windows of one rule in order and apart. The text holds no surrogates."""
        open_: dict[int, Window] = {}
        found: list[Window] = []
        for low, high, seen in self._chunks(text):
            for owners in seen:
                for number in self._owners[owners]:
                    margin = self.rules[number].margin
                    start, end = max(0, low - margin), min(len(text), high + margin)
                    last = open_.get(number)
                    if last is not None and start <= last.high:
                        start = last.low
                    elif last is not None:
                        found.append(last)
                    open_[number] = Window(number, start, end)
        return found + list(open_.values())

    def _chunks(self, text: str) -> Iterator[tuple[int, int, list[int]]]:
        """Chunks that hold anchors, in order, and the numbers of these anchors."""
        for low, high in stretches(0, len(text), BLOCK):
            if self._seen(text[low:high]):
                for start, end in stretches(low, high, CHUNK):
                    if seen := self._seen(text[start:end]):
                        yield start, end, seen

    def _seen(self, text: str) -> list[int]:
        return self._match(text.encode()) if self.anchors else []


def stretches(low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    """Parts of a span, at most `size` long, that overlap by `LONGEST_ANCHOR`."""
    while low + size < high:
        yield low, low + size
        low += size - LONGEST_ANCHOR
    yield low, high
