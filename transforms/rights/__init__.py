"""Scan stage for the layer `rights`: what in a text indicates intellectual property (K.IP.IDENTIFY of clause 5.2 b).

Copyright notices, ISBN, ISSN and DOI, licence headers, marks of secrecy, numbers of patents and trademarks. They say where
people should look and nothing about infringement: that is for people to judge. The rules are in rules.py.
"""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import schemas.layers
from transforms.rights.anchors import Anchors
from transforms.rights.rules import BEFORE, INDICATORS, NOTICE, REACH, RULES, Rule
from transforms.text import TextBatch

VERSION = 1
MOST = 10_000  # places in one document at which a rule is tried; of what stands behind them nothing is said

_OWNERS = [rule for rule in RULES for _ in rule.anchors]  # by the number of the anchor

__all__ = ["INDICATORS", "MOST", "VERSION", "Rights"]


class Rights:
    """Column `indicators`: those of each document in order of name, with how often each occurs and where first."""

    name: ClassVar[str] = "rights"
    schema: ClassVar[pa.Schema] = schemas.layers.RIGHTS

    def __getstate__(self) -> dict[str, Any]:
        """Without the tables, which are made where they are used."""
        return {key: value for key, value in self.__dict__.items() if key != "_anchors"}

    @cached_property
    def _anchors(self) -> Anchors:
        return Anchors([anchor for rule in RULES for anchor in rule.anchors])

    def fingerprint(self) -> str:
        """Version, limits, and digest of all anchors and patterns."""
        rules = [(rule.indicator, rule.anchors, rule.pattern.pattern) for rule in RULES]
        content = repr((VERSION, MOST, BEFORE, REACH, sorted(NOTICE.items()), rules))
        return f"rights/{VERSION}/{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """The indicators of each document; NULL where there is none."""
        rows: list[list[dict[str, Any]] | None] = [None] * len(batch)
        content, ends = _content(batch.text)
        reading: _Reading | None = None
        for at, number in self._found(content):
            row = bisect_right(ends, at) - 1
            if reading is None or row != reading.row:
                _close(reading, rows)
                reading = _Reading(row, ends[row], content[ends[row] : ends[row + 1]])
            reading.try_at(at, self._anchors.lengths[number], _OWNERS[number])
        _close(reading, rows)
        return pa.record_batch([pa.array(rows, type=self.schema.field(0).type)], schema=self.schema)

    def _found(self, content: npt.NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
        for places, numbers in self._anchors.find(content):
            yield from zip(places.tolist(), numbers.tolist(), strict=True)


class _Reading:
    """One document, its anchors tried in order."""

    def __init__(self, row: int, first: int, content: npt.NDArray[np.uint8]) -> None:
        self.row, self._first, self._content = row, first, content
        self._view = content.data
        self._window = (-1, "", "")  # where an anchor begins, what stands before it, and what from there on
        self._tried: Counter[Rule] = Counter()
        self._last: dict[str, int] = {}  # where the last occurrence ends, in bytes
        self._counts: Counter[str] = Counter()
        self._begins: dict[str, int] = {}

    def try_at(self, at: int, length: int, rule: Rule) -> None:
        """Looks whether the rule holds at a place, given in bytes of the batch."""
        begin = at - self._first
        if begin + length > len(self._view) or self._tried[rule] == MOST:
            return  # in the first case the anchor reaches into the next document
        self._tried[rule] += 1
        head, tail = self._around(begin)
        match = rule.pattern.match(head + tail, len(head))
        if match is None or not rule.check(match):
            return
        kind = rule.indicator
        if kind not in self._last or begin >= self._last[kind] + NOTICE.get(kind, 0):
            self._counts[kind] += 1
        self._begins.setdefault(kind, begin)
        self._last[kind] = max(self._last.get(kind, 0), begin + len(match[0].encode()))

    def indicators(self) -> list[dict[str, Any]]:
        """What was found, in order of name; `start` in code points."""
        return [
            {"indicator": kind, "count": self._counts[kind], "start": self._code_points(self._begins[kind])}
            for kind in sorted(self._counts)
        ]

    def _around(self, begin: int) -> tuple[str, str]:
        if self._window[0] != begin:
            head = self._text(max(0, begin - 4 * BEFORE), begin)[-BEFORE:]
            self._window = (begin, head, self._text(begin, begin + 4 * REACH)[:REACH])
        return self._window[1:]

    def _text(self, low: int, high: int) -> str:
        return str(self._view[low:high], "utf-8", "ignore")  # the edges may cut through a character

    def _code_points(self, end: int) -> int:
        return int(np.count_nonzero((self._content[:end] & 0xC0) != 0x80))


def _close(reading: _Reading | None, rows: list[list[dict[str, Any]] | None]) -> None:
    if reading is not None:
        rows[reading.row] = reading.indicators() or None


def _content(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """The bytes of all texts and the places of their borders among them."""
    _, offsets, data = texts.buffers()
    if len(texts) == 0 or data is None:
        return np.zeros(0, dtype=np.uint8), [0] * (len(texts) + 1)
    borders = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, dtype=np.uint8)[borders[0] : borders[-1]]
    return content, (borders - borders[0]).tolist()
