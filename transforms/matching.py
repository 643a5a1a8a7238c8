"""Finds the terms of a library in folded text: pyahocorasick, over the few places where a term can begin.

The automaton runs over the UTF-8 bytes read as latin-1: pyahocorasick looks up a node's edges one after the other, and
256 possible edges are found fifteen times faster than thousands. It still costs thirty times a pass of numpy, so a gate
goes first: a hash of the two characters at each place, then of up to `depth`, says whether a term can begin there and
how long it can be. What is let through is put together and searched. The gate may let through too much, never too
little: it decides about speed alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import ahocorasick
import numpy as np
import numpy.typing as npt

from transforms.normalise import DIGIT, LETTER, kind_table
from transforms.text import CodePoints, Offsets

DEPTH = 4  # characters the gate looks at: hardly a text goes on so far like a term that is none

_PAIR_BITS, _PREFIX_BITS = 20, 22
PREFIXES = 1 << _PREFIX_BITS  # different hashes of beginnings
_SPREAD, _MIX = np.uint32(0x9E3779B1), np.uint32(0x85EBCA77)
_ANY_LENGTH = 0xFF  # as long as that, or longer
BETWEEN = np.uint32(0)  # stands between pieces; no text holds it once folded, so no term does


@dataclass(frozen=True)
class Found:
    """Occurrences in a text: `entry[i]` stands on the half-open range `[low[i], high[i])` of code points."""

    entry: Offsets
    low: Offsets
    high: Offsets

    def __len__(self) -> int:
        return len(self.entry)

    @classmethod
    def none(cls) -> "Found":
        """No occurrence."""
        return cls(*(np.zeros(0, dtype=np.int64) for _ in range(3)))

    def where(self, chosen: npt.NDArray[Any]) -> "Found":
        """The occurrences chosen by a mask or by their places."""
        return Found(self.entry[chosen], self.low[chosen], self.high[chosen])


@dataclass(frozen=True)
class _Gate:
    """What can begin where.

    `pairs` says for the hash of two characters whether a term begins with them. `reach` says, for the hash of the first
    so many characters, how long the longest such term is. `singles` are the terms of one character.
    """

    pairs: npt.NDArray[np.bool_]
    reach: dict[int, npt.NDArray[np.uint8]]
    singles: CodePoints


class Matcher:
    """All occurrences of a set of terms, overlapping ones too. Terms are known by their place in the sequence."""

    def __init__(self, terms: Sequence[str], depth: int = DEPTH, words: bool = True) -> None:
        self._terms = terms
        self._depth = depth
        self._words = words  # whether letters and digits must stand at word borders

    @cached_property
    def _automaton(self) -> Any:
        automaton = ahocorasick.Automaton()
        for index, term in enumerate(self._terms):
            automaton.add_word(term.encode().decode("latin-1"), index)
        automaton.make_automaton()
        return automaton

    @cached_property
    def lengths(self) -> Offsets:
        """Of each term, in code points."""
        return np.array([len(term) for term in self._terms], dtype=np.int64)

    @cached_property
    def _longest(self) -> int:
        return int(self.lengths.max(initial=0))

    @cached_property
    def _word_edges(self) -> npt.NDArray[np.bool_]:
        """Whether each term begins, and ends, with a letter or digit that must stand at a word border."""
        return np.array([[is_wordlike(term[0]), is_wordlike(term[-1])] for term in self._terms], dtype=np.bool_)

    @cached_property
    def _gate(self) -> _Gate:
        heads = np.zeros((len(self._terms), self._depth), dtype=np.uint32)
        for row, term in enumerate(self._terms):
            head = [ord(char) for char in term[: self._depth]]
            heads[row, : len(head)] = head
        known = np.minimum(self.lengths, self._depth)  # so many characters of a term the gate knows
        pairs = np.zeros(1 << _PAIR_BITS, dtype=np.bool_)
        pairs[_pair_hash(heads[known > 1, 0], heads[known > 1, 1])] = True
        reach: dict[int, npt.NDArray[np.uint8]] = {}
        for size in sorted({*known.tolist()} - {1}):
            prefix = prefix_hash(heads[known == size].T[:size])
            lengths = np.minimum(self.lengths[known == size], _ANY_LENGTH).astype(np.uint8)
            reach[size] = np.zeros(PREFIXES, dtype=np.uint8)
            np.maximum.at(reach[size], prefix, lengths)
        singles = heads[known == 1, 0]
        return _Gate(pairs, reach, singles)

    def find(
        self, codes: CodePoints, starts: Offsets, altered: Offsets | None = None, longest: int = _ANY_LENGTH
    ) -> Found:
        """Occurrences within one document each, at word borders. Document `i` is `codes[starts[i]:starts[i + 1]]`.

        With `altered`, a running count with one number more than there are codes, only terms of at most `longest` code
        points count, and only places are searched from where one could reach something counted.
        """
        low, high = self._candidates(codes, starts, altered, longest)
        found = self._search(codes, starts, low, high) if len(low) else Found.none()
        return found if altered is None else found.where(self.lengths[found.entry] <= longest)

    def _candidates(
        self, codes: CodePoints, starts: Offsets, altered: Offsets | None, longest: int
    ) -> tuple[Offsets, Offsets]:
        """Ranges that hold every occurrence, in order."""
        gate = self._gate
        may_begin = gate.pairs.take(_pair_hash(codes[:-1], codes[1:]))
        if self._words:
            may_begin &= ~_within_latin(codes, starts)[:-1]
        low = np.flatnonzero(may_begin)
        if altered is not None:
            low = low[altered[np.minimum(low + longest, len(codes))] > altered[low]]
        reach = np.zeros(len(low), dtype=np.uint8)
        mixed = np.zeros(len(low), dtype=np.uint32)
        for place in range(max(gate.reach, default=0)):
            _mix(mixed, codes.take(low + place, mode="clip"))  # what lies behind the end belongs to no term
            if place + 1 in gate.reach:
                np.maximum(reach, gate.reach[place + 1].take(_prefix(mixed)), out=reach)
        if len(gate.singles):
            alone = np.flatnonzero(np.isin(codes, gate.singles))
            low = np.concatenate([low, alone])
            order = np.argsort(low, kind="stable")
            low = low[order]
            reach = np.concatenate([reach, np.ones(len(alone), dtype=np.uint8)])[order]
        some = np.flatnonzero(reach)
        low, reach = low[some], reach[some].astype(np.int64)
        if self._words:  # inside a word of any script no term begins
            inside = are_wordlike(codes[low]) & are_wordlike(codes[np.maximum(low - 1, 0)]) & ~is_among(low, starts)
            low, reach = low[~inside], reach[~inside]
        high = np.minimum(low + np.where(reach == _ANY_LENGTH, self._longest, reach), len(codes))
        if altered is not None:
            crossing = altered[high] > altered[low]
            low, high = low[crossing], high[crossing]
        return low, high

    def _search(self, codes: CodePoints, starts: Offsets, low: Offsets, high: Offsets) -> Found:
        pieces, places = joined_ranges(codes, low, high)
        ends = self._automaton.iter(pieces.tobytes().decode("utf-32-le").encode().decode("latin-1"))
        # straight into an array: as tuples, millions of occurrences would take gigabytes
        raw = np.fromiter(chain.from_iterable(ends), dtype=np.int64).reshape(-1, 2)
        if len(raw) == 0:
            return Found.none()
        entry = raw[:, 1]
        last = np.searchsorted(_utf8_ends(pieces), raw[:, 0] + 1, side="left")
        high = places[last] + 1
        found = Found(entry, high - self.lengths[entry], high)
        return found.where(self._stands(codes, starts, found))

    def _stands(self, codes: CodePoints, starts: Offsets, found: Found) -> npt.NDArray[np.bool_]:
        """Which occurrences lie in one document and, where they begin or end with letters or digits, at word borders."""
        document = np.searchsorted(starts, found.low, side="right") - 1
        good: npt.NDArray[np.bool_] = found.high <= starts[document + 1]
        edges = self._word_edges[found.entry]
        words = np.flatnonzero(edges.any(axis=1) & self._words)
        if len(words):
            low, high, own = found.low[words], found.high[words], document[words]
            before = (low > starts[own]) & are_wordlike(codes[np.maximum(low - 1, 0)])
            after = (high < starts[own + 1]) & are_wordlike(codes[np.minimum(high, len(codes) - 1)])
            good[words] &= ~(edges[words, 0] & before) & ~(edges[words, 1] & after)
        return good


def is_wordlike(char: str) -> bool:
    """Whether a folded character is a letter or a digit of a script that is written in words."""
    return int(kind_table()[ord(char)]) in (LETTER, DIGIT)


def is_among(values: Offsets, ordered: Offsets) -> npt.NDArray[np.bool_]:
    """Which values occur in an ordered array that is not empty."""
    found: npt.NDArray[np.bool_] = ordered[np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)] == values
    return found


def are_wordlike(codes: CodePoints) -> npt.NDArray[np.bool_]:
    """Which folded characters are letters or digits of a script that is written in words."""
    kinds = kind_table().take(codes)
    words: npt.NDArray[np.bool_] = (kinds == LETTER) | (kinds == DIGIT)
    return words


def _within_latin(codes: CodePoints, starts: Offsets) -> npt.NDArray[np.bool_]:
    """Which folded characters are Latin letters behind another of their document: most of what no term begins with."""
    letter = codes - np.uint32(ord("a")) < np.uint32(26)  # unsigned: what lies before wraps round
    within = np.zeros(len(codes), dtype=np.bool_)
    np.logical_and(letter[1:], letter[:-1], out=within[1:])
    within[starts[starts < len(codes)]] = False
    return within


def _pair_hash(first: CodePoints, second: CodePoints) -> CodePoints:
    mixed = first * _SPREAD
    mixed += second
    mixed *= _MIX
    mixed >>= np.uint32(32 - _PAIR_BITS)
    return mixed


def prefix_hash(columns: Sequence[CodePoints] | npt.NDArray[np.uint32]) -> CodePoints:
    """A number below PREFIXES for characters that stand one after another; `columns[i]` are those at place `i`."""
    mixed = np.zeros(len(columns[0]), dtype=np.uint32)
    for column in columns:
        _mix(mixed, column)
    return _prefix(mixed)


def _mix(mixed: CodePoints, column: CodePoints) -> None:
    """Takes one more character into the state of a hash, in place."""
    mixed += column
    mixed *= _SPREAD
    mixed ^= mixed >> np.uint32(15)


def _prefix(mixed: CodePoints) -> CodePoints:
    return (mixed * _MIX) >> np.uint32(32 - _PREFIX_BITS)


def joined_ranges(codes: CodePoints, low: Offsets, high: Offsets) -> tuple[CodePoints, Offsets]:
    """The ranges, joined where they overlap and parted by a zero where they do not, and where each code came from.

    `low` is in order. The place given for a zero means nothing.
    """
    reached = np.maximum.accumulate(high)
    begins = np.flatnonzero(np.concatenate([[True], low[1:] >= reached[:-1]]))
    first, end = low[begins], reached[np.append(begins[1:], len(low)) - 1]
    sizes = end - first + 1  # one more, for what stands between
    offsets = np.cumsum(sizes) - sizes
    places = np.arange(int(sizes.sum()), dtype=np.int64) + np.repeat(first - offsets, sizes)
    pieces = codes[np.minimum(places, len(codes) - 1)]
    pieces[offsets + sizes - 1] = BETWEEN
    return pieces, places


def _utf8_ends(codes: CodePoints) -> Offsets:
    """For each code point the byte offset behind it in UTF-8."""
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    return np.cumsum(lengths)
