"""Finds short literal anchors in texts, all of them in one pass, for so little that every document can afford it.

The bytes of UTF-8 are taken two at a time: an anchor of three bytes or more holds a whole such pair wherever it begins, so
half of all places are looked at, in one table of all pairs that is made before any text is read. Where a pair says that
an anchor may stand, its bytes are compared. What is found depends on the text alone, not on what stands beside it.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

WIDTH = 16  # bytes of an anchor that are compared; what reads on there sees the rest
PART = 1 << 16  # pairs looked up at a time, so that what is made of them stays in cache
PORTION = 1 << 16  # candidates told apart at a time: of a text made of nothing else they would fill the memory
_PAD = 16  # bytes before the first text
_ALONE = 2  # times a pair costs that has none behind it
_CLASSES = 8  # of anchors; the last is of those too short to have two pairs wherever they begin
_DIGITS, _SPACES = b"0123456789", b" \t\r\n"
# Pairs of letters by how often they occur in English, about.
_COMMON = (
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne "
    "ea ra ce li ch ll be ma si om ur ca el ta la ns di fo ho pe ec pr no ct us ac ot il tr ly nc et ut ss so rs un lo wa "
    "ge ie wh ee wi em ad ol rt po we na ul ni ts mo ow pa im mi ai sh ir su id os iv ia am fi ci vi pl ig tu ev ld ry mp "
    "fe bl ab gh ty op wo sa ay ex ke ui fr oo ag if bo ap av"
)
_RANK = {pair: rank for rank, pair in enumerate(_COMMON.split())}
_ANY = bytes(range(256))

Numbers = npt.NDArray[np.int64]
_Pairs = npt.NDArray[np.uint16]


class Anchors:
    """Some anchors. In one, a lower-case letter stands for both cases, `#` for a digit, a space for white space."""

    def __init__(self, anchors: Sequence[str]) -> None:
        held = [_sets(anchor) for anchor in anchors]
        self.lengths = [len(sets) for sets in held]  # bytes an anchor must have of its text
        by_pair: dict[int, list[tuple[int, int]]] = {}
        self._second = np.zeros(1 << 16, dtype=np.uint8)  # of which classes of anchors the pair behind may be
        self._first = np.zeros(1 << 16, dtype=np.uint8)
        for number, sets in enumerate(held):
            for parity in (0, 1):
                shift = _rarest(sets, parity)
                kind = 1 << (_CLASSES - 1 if shift + 3 >= len(sets) else number % (_CLASSES - 1))
                self._second[_pairs(sets, shift + 2)] |= kind
                for pair in _pairs(sets, shift):
                    self._first[pair] |= kind
                    by_pair.setdefault(pair, []).append((number, shift))
        self._holds = self._first != 0
        groups = sorted({tuple(members) for members in by_pair.values()})
        places = {group: place for place, group in enumerate(groups)}
        self._group = np.zeros(1 << 16, dtype=np.int64)
        for pair, members in by_pair.items():
            self._group[pair] = places[tuple(members)]
        self._sizes = np.array([len(group) for group in groups], dtype=np.int64)
        self._begins = np.cumsum(self._sizes) - self._sizes
        listed = [member for group in groups for member in group]
        self._anchor, self._shift = (np.array(column, dtype=np.int64) for column in zip(*listed, strict=True))
        self._allowed = np.zeros((len(anchors), WIDTH, 256), dtype=np.bool_)
        for number, sets in enumerate(held):
            for place in range(WIDTH):
                self._allowed[number, place, list(_at(sets, place))] = True

    def find(self, content: npt.NDArray[np.uint8]) -> Iterator[tuple[Numbers, Numbers]]:
        """Where anchors begin in texts, and which: part by part, in order. The texts are bytes directly behind one another.

        Places are in bytes from the beginning of the first text. An anchor may reach from one text into the next.
        """
        padded = np.zeros((_PAD + len(content) + 2 * WIDTH + 1) & ~1, dtype=np.uint8)
        padded[_PAD : _PAD + len(content)] = content
        pairs = padded.view("<u2")
        at = anchor = np.zeros(0, dtype=np.int64)
        for done, candidates in self._candidates(pairs):
            new_at, new_anchor = self._compared(padded, *self._told(pairs, candidates))
            at, anchor = np.concatenate([at, new_at]), np.concatenate([anchor, new_anchor])
            order = np.lexsort((anchor, at))
            at, anchor = at[order], anchor[order]
            ready = int(np.searchsorted(at, 2 * done - WIDTH)) if done < len(pairs) else len(at)
            yield at[:ready] - _PAD, anchor[:ready]
            at, anchor = at[ready:], anchor[ready:]

    def _candidates(self, pairs: _Pairs) -> Iterator[tuple[int, Numbers]]:
        """The places of pairs that may stand in an anchor, so many at a time, and how far they were looked for."""
        places: list[Numbers] = []
        for low in range(0, len(pairs), PART):
            done = low + PART
            found = np.flatnonzero(self._holds.take(pairs[low:done], mode="clip")) + low
            kinds = self._first.take(pairs.take(found)) & self._second.take(pairs.take(found + 1, mode="clip"))
            places.append(found[kinds != 0])
            if done >= len(pairs) or sum(map(len, places)) >= PORTION:
                yield done, np.concatenate(places)
                places = []

    def _told(self, pairs: _Pairs, places: Numbers) -> tuple[Numbers, Numbers]:
        """Where anchors may begin, and which, for pairs that may stand in them."""
        groups = self._group.take(pairs.take(places))
        sizes = self._sizes.take(groups)
        begins = np.cumsum(sizes) - sizes
        member = np.arange(int(sizes.sum())) + np.repeat(self._begins.take(groups) - begins, sizes)
        at = np.repeat(2 * places, sizes) - self._shift.take(member)
        inside = at >= _PAD
        return at[inside], self._anchor.take(member)[inside]

    def _compared(self, padded: npt.NDArray[np.uint8], at: Numbers, anchor: Numbers) -> tuple[Numbers, Numbers]:
        """Those that do."""
        allowed = self._allowed.ravel()
        for place in range(WIDTH):
            if not len(at):
                break
            same = allowed.take((anchor * WIDTH + place) * 256 + padded.take(at + place))
            at, anchor = at[same], anchor[same]
        return at, anchor


def _sets(anchor: str) -> list[bytes]:
    """The bytes that may stand at each place of an anchor."""
    sets: list[bytes] = []
    for char in anchor:
        if char == "#":
            sets.append(_DIGITS)
        elif char == " ":
            sets.append(_SPACES)
        elif "a" <= char <= "z":
            sets.append((char + char.upper()).encode())
        else:
            sets += [bytes([byte]) for byte in char.encode()]
    return sets[:WIDTH]


def _at(sets: list[bytes], place: int) -> bytes:
    return sets[place] if 0 <= place < len(sets) else _ANY


def _pairs(sets: list[bytes], place: int) -> list[int]:
    """The pairs that may stand at a place of an anchor, as numbers."""
    return [low | high << 8 for low, high in product(_at(sets, place), _at(sets, place + 1))]


def _rarest(sets: list[bytes], parity: int) -> int:
    """Where the pair stands that occurs least in ordinary text, among those at an even or odd distance from the beginning.

    One with another whole pair behind it is worth more: that one is looked at next.
    """

    def costs(shift: int) -> tuple[float, int]:
        alone = shift + 3 >= len(sets)
        return _often(_at(sets, shift), _at(sets, shift + 1)) * (_ALONE if alone else 1), shift

    return min(list(range(parity, len(sets) - 1, 2)) or [-1], key=costs)


def _often(first: bytes, second: bytes) -> float:
    """How often such a pair occurs in text, about; only the speed depends on it."""
    return sum(_weight(low, high) for low, high in product(first, second))


def _weight(low: int, high: int) -> float:
    pair = chr(low) + chr(high)
    if pair in _RANK:
        return 1 / (20 + _RANK[pair])
    if " " in pair or "\n" in pair:
        return 1 / 60
    if 0xE4 <= low <= 0xE9 or 0xE4 <= high <= 0xE9:  # the first byte of a Han character
        return 1 / 50
    return 1 / 800
