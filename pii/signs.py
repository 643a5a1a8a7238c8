"""What an anchor begins with, character by character: signs, short sequences of sets of characters.

Wherever an anchor matches, one of its signs does. The first `EXACT` characters are followed through all alternatives;
beyond them, and where that makes too many signs, a set holds all that may stand at that place in any of them.

Anchors are read by the parser of `re`, which the standard library does not document but has had under this name since
Python 3.11; a test compares signs with anchors.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np
import numpy.typing as npt

DEPTH = 8  # characters of a sign
EXACT = 4  # of them those in which alternatives are kept apart
MOST = 256  # signs of one anchor, about: what it holds beyond is united
EDGE = "\uffff"  # stands between texts, where `^` matches
BASIC = 0x10000  # characters of the basic plane
_CHARACTERS = 0x110000
_BEGINS = {codes.AT_BEGINNING, codes.AT_BEGINNING_STRING}
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}

Sign = tuple[int, ...]  # DEPTH sets of characters, as bits of an alphabet
_Node = tuple[Any, Any]  # of the parser's tree: what it is, and of what
_Places = list[int]  # what may stand at each of the first DEPTH places
_Spans = tuple[tuple[int, int], ...]  # of code points, in order and apart


@dataclass(frozen=True)
class Alphabet:
    """Spans of characters that all sets take as a whole or not at all; a set is the bits of its spans."""

    bounds: tuple[int, ...]

    @cached_property
    def _number(self) -> dict[int, int]:
        return {bound: number for number, bound in enumerate(self.bounds)}

    @property
    def everything(self) -> int:
        """The set of all characters."""
        return (1 << len(self.bounds) - 1) - 1

    def bits(self, spans: _Spans) -> int:
        """The set of these spans, of which the alphabet was made."""
        return sum((1 << self._number[high]) - (1 << self._number[low]) for low, high in spans)

    def members(self, sets: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Which span of the alphabet is in which set: a row a set, a column a span."""
        size = len(self.bounds) // 8 + 1
        packed = np.frombuffer(b"".join(held.to_bytes(size, "little") for held in sets), np.uint8).reshape(-1, size)
        return np.unpackbits(packed, axis=1, bitorder="little")[:, : len(self.bounds) - 1].astype(bool)


def signs_of(anchors: Iterable[str]) -> tuple[Alphabet, list[list[Sign]]]:
    """The signs of each anchor, and the alphabet they are written in."""
    trees = [tuple(_parsed(anchor)) for anchor in anchors]
    spans = {_spans(node) for tree in trees for node in _characters(tree)} | {_span_of(EDGE)}
    bounds = {0, BASIC, _CHARACTERS, *(bound for held in spans for span in held for bound in span)}
    reader = _Reader(Alphabet(tuple(sorted(bounds))))
    return reader.alphabet, [reader.signs(tree) for tree in trees]


class _Reader:
    """Follows anchors from their beginning."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.edge = alphabet.bits(_span_of(EDGE))
        self._known: dict[int, tuple[_Node, _Places, set[int]]] = {}  # what nodes hold, by their identity
        self._sets: dict[int, tuple[_Node, int]] = {}

    def signs(self, tree: tuple[_Node, ...]) -> list[Sign]:
        """Those with the same exact beginning are united."""
        found: dict[Sign, Sign] = {}
        for begun, rest in self._taken_apart(tree):
            places, ends = self._sequence(rest)
            whole = min(DEPTH, len(begun) + min(ends))  # no match ends before: beyond it anything may stand
            sign = (*begun, *places)[:whole] + (self.alphabet.everything,) * (DEPTH - whole)
            other = found.get(sign[:EXACT], sign)
            found[sign[:EXACT]] = tuple(one | two for one, two in zip(sign, other, strict=True))
        return list(found.values())

    def _taken_apart(self, tree: tuple[_Node, ...]) -> Iterator[tuple[Sign, tuple[_Node, ...]]]:
        """The ways to begin: sets up to EXACT, and the nodes that are left."""
        ways: deque[tuple[Sign, tuple[_Node, ...]]] = deque([((), tree)])
        done = 0
        while ways:
            begun, nodes = ways.popleft()
            if not nodes or len(begun) == EXACT or done + len(ways) >= MOST:
                done += 1
                yield begun, nodes
                continue
            (kind, held), rest = nodes[0], nodes[1:]
            if kind is codes.SUBPATTERN:
                ways.appendleft((begun, (*held[-1], *rest)))
            elif kind is codes.BRANCH:
                ways.extend((begun, (*branch, *rest)) for branch in held[1])
            elif kind in _REPEATS:
                ways.extend((begun, (*way, *rest)) for way in _unrolled(kind, *held))
            elif kind is codes.AT and held not in _BEGINS:
                ways.appendleft((begun, rest))
            else:
                ways.appendleft(((*begun, self._set(nodes[0])), rest))

    def _sequence(self, nodes: Iterable[_Node]) -> tuple[_Places, set[int]]:
        """What may stand at each place of what the nodes match, and the lengths of that up to DEPTH."""
        places, ends = [0] * DEPTH, {0}
        for node in nodes:
            if ends == {DEPTH}:
                break
            ends = self._behind(places, ends, *self._one(node))
        return places, ends

    @staticmethod
    def _behind(places: _Places, ends: set[int], own: _Places, lengths: set[int]) -> set[int]:
        """Puts one behind what may end at so many places, and gives where that may end."""
        for end in ends:
            for place in range(end, DEPTH):
                places[place] |= own[place - end]
        return {min(DEPTH, end + length) for end in ends for length in lengths}

    def _one(self, node: _Node) -> tuple[_Places, set[int]]:
        if id(node) not in self._known:
            self._known[id(node)] = (node, *self._read(node))
        return self._known[id(node)][1:]

    def _read(self, node: _Node) -> tuple[_Places, set[int]]:
        kind, held = node
        if kind is codes.SUBPATTERN:
            return self._sequence(held[-1])
        if kind in _REPEATS:
            return self._repeated(*held)
        places, ends = [0] * DEPTH, set()
        if kind is codes.BRANCH:
            for branch in held[1]:
                own, lengths = self._sequence(branch)
                ends |= self._behind(places, {0}, own, lengths)
            return places, ends
        if kind is codes.AT and held not in _BEGINS:
            return places, {0}
        places[0] = self._set(node)
        return places, {1}

    def _repeated(self, low: int, high: int, nodes: Iterable[_Node]) -> tuple[_Places, set[int]]:
        own, lengths = self._sequence(nodes)
        places, starts, ends = [0] * DEPTH, {0}, set()
        for times in range(min(int(high), DEPTH) + 1):
            if times >= low:
                ends |= starts
            if times < high:
                starts = self._behind(places, starts, own, lengths)
        return places, ends | (starts if high > DEPTH else set())

    def _set(self, node: _Node) -> int:
        if node[0] is codes.AT:
            return self.edge
        if id(node) not in self._sets:
            self._sets[id(node)] = node, self.alphabet.bits(_spans(node))
        return self._sets[id(node)][1]


def _unrolled(kind: Any, low: int, high: int, nodes: Iterable[_Node]) -> list[tuple[_Node, ...]]:
    """A repeat as what it begins with: once more, and where it may end not at all."""
    if high == 0:
        return [()]
    more = high if high is codes.MAXREPEAT else high - 1
    again = ((kind, (max(0, low - 1), more, nodes)),) if more else ()
    return [(*nodes, *again), *([()] if low == 0 else [])]


def _parsed(anchor: str) -> Any:
    tree = parser.parse(anchor)
    if tree.state.flags & ~re.UNICODE:
        raise ValueError(f"anchors may hold no flags: {anchor}")
    return tree


def _characters(nodes: Iterable[_Node]) -> Iterator[_Node]:
    """The nodes that match one character."""
    for kind, held in nodes:
        if kind is codes.SUBPATTERN and not (held[1] or held[2]):
            yield from _characters(held[-1])
        elif kind is codes.BRANCH:
            yield from (node for branch in held[1] for node in _characters(branch))
        elif kind in _REPEATS:
            yield from _characters(held[2])
        elif kind is not codes.AT:
            yield kind, held


def _span_of(char: str) -> _Spans:
    return ((ord(char), ord(char) + 1),)


def _spans(node: _Node) -> _Spans:
    """The characters a node matches. Raises ValueError where it is none that anchors may hold."""
    kind, held = node
    if kind is codes.IN:
        negated, spans = held[0][0] is codes.NEGATE, [_span(*item) for item in held if item[0] is not codes.NEGATE]
    elif kind in {codes.LITERAL, codes.NOT_LITERAL}:
        negated, spans = kind is codes.NOT_LITERAL, [_span(codes.LITERAL, held)]
    else:
        raise ValueError(f"anchors may hold no {kind}")
    apart: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if apart and low <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], high)
        else:
            apart.append((low, high))
    if not negated:
        return tuple(apart)
    bounds = [0, *(bound for span in apart for bound in span), _CHARACTERS]
    return tuple((low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=True) if low < high)


def _span(kind: Any, held: Any) -> tuple[int, int]:
    if kind is codes.LITERAL:
        return held, held + 1
    if kind is codes.RANGE:
        return held[0], held[1] + 1
    raise ValueError(f"anchors may hold no {kind}")
