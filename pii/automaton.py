"""Finds signs in text, all at once and as fast whatever the text: an automaton that is made whole before it reads.

It begins anew at each character. The first two steps are taken for all characters of a text together, each step behind
for those that are left: few. Automata that make their states as texts need them cost most where texts are mixed.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pii.signs import BASIC, DEPTH, Alphabet, Sign

PART = 64 * 1024  # characters read at a time, so that what is made of them stays in cache
_BITS = 32  # sets told apart at a time
_Numbers = npt.NDArray[np.intp]
_States = npt.NDArray[np.uint16]
_End = tuple[int, ...]  # what is left of a sign: its group, and its sets by number


class Automaton:
    """Which of some groups of signs begin where."""

    def __init__(self, alphabet: Alphabet, groups: Sequence[Sequence[Sign]]) -> None:
        sets = sorted({held for signs in groups for sign in signs for held in sign})
        number = {held: place for place, held in enumerate(sets)}
        ends: list[_End] = [
            (group, *map(number.__getitem__, sign)) for group, signs in enumerate(groups) for sign in signs
        ]
        kinds, self._kind = _kinds(alphabet, sets)
        parting = _Parting(kinds)
        states: list[tuple[_End, ...]] = [(), tuple(ends)]
        self._steps: list[_States] = []  # the next state by state and kind of character, flat
        for _ in range(DEPTH):
            table, states = _step(states, parting)
            self._steps.append(table.ravel())
        self.groups = [tuple(group for (group,) in state) for state in states]  # by what `find` tells
        self._kinds = kinds.shape[1]
        self._row = self._steps[0][self._kinds :].astype(np.intp) * self._kinds

    def find(self, texts: str) -> Iterator[tuple[_Numbers, _Numbers]]:
        """Where signs begin in texts with DEPTH times EDGE behind, and the place in `groups` of which these are: part by part."""
        for low in range(0, len(texts) - DEPTH, PART):
            at, state = self._part(texts[low : low + PART + DEPTH])
            yield at + low, state

    def _part(self, texts: str) -> tuple[_Numbers, _Numbers]:
        kind = self._kind.take(np.frombuffer(texts.encode("utf-32-le"), dtype=np.uint32), mode="clip")
        length = len(kind) - DEPTH
        place = self._row.take(kind[:length])
        place += kind[1 : length + 1]
        at, state = _left(self._steps[1].take(place))
        for step in range(2, DEPTH):
            place = state.astype(np.intp)
            place *= self._kinds
            place += kind.take(at + step)
            left, state = _left(self._steps[step].take(place))
            at = at.take(left)
        return at, state.astype(np.intp)


def _left(state: _States) -> tuple[_Numbers, _States]:
    """Where the state is not that nothing is left, and which it is there. Much faster by way of what is true or false."""
    left = np.flatnonzero(state != 0)
    return left, state.take(left)


def _kinds(alphabet: Alphabet, sets: Sequence[int]) -> tuple[npt.NDArray[np.bool_], _Numbers]:
    """Which set (row) holds which kind of characters (column), and the kind of each character.

    Those beyond the basic plane are of one kind, the last, which any set holds that holds one of them.
    """
    members = alphabet.members(sets)
    last = alphabet.bounds.index(BASIC)
    members[:, last] = members[:, last:].any(axis=1)
    packed = np.packbits(members[:, : last + 1], axis=0)
    kinds, own = np.unique(packed, axis=1, return_inverse=True)
    widths = (*np.diff(alphabet.bounds[: last + 1]), 1)
    return np.unpackbits(kinds, axis=0)[: len(sets)].astype(bool), np.repeat(own.ravel(), widths)


class _Parting:
    """How some sets part the kinds of characters."""

    def __init__(self, kinds: npt.NDArray[np.bool_]) -> None:
        self.kinds = kinds.astype(np.float64)
        self._known: dict[tuple[int, ...], tuple[list[tuple[int, ...]], _Numbers]] = {}

    def __call__(self, sets: tuple[int, ...]) -> tuple[list[tuple[int, ...]], _Numbers]:
        """Which of the sets hold the kinds of each part, and the part of each kind."""
        if sets not in self._known:
            held = self.kinds[list(sets)]
            own, columns = np.zeros(held.shape[1], np.intp), np.zeros(1, np.intp)
            for low in range(0, len(sets), _BITS):
                some = held[low : low + _BITS]
                numbers = own * 2.0**_BITS + np.exp2(np.arange(len(some))) @ some  # exact in a double
                _, columns, own = np.unique(numbers, return_index=True, return_inverse=True)
            members = np.asarray(sets)
            self._known[sets] = [tuple(members[part > 0].tolist()) for part in held[:, columns].T], own
        return self._known[sets]


def _step(states: list[tuple[_End, ...]], parting: _Parting) -> tuple[_States, list[tuple[_End, ...]]]:
    """The next states by state (row) and kind of character (column); the first state is that nothing is left."""
    numbers: dict[tuple[_End, ...], int] = {(): 0}
    table = np.zeros((len(states), parting.kinds.shape[1]), dtype=np.uint16)
    for row, state in enumerate(states):
        by_set: dict[int, list[_End]] = {}
        for group, held, *rest in state:
            by_set.setdefault(held, []).append((group, *rest))
        parts, own = parting(tuple(sorted(by_set)))
        left = [tuple(sorted({end for held in part for end in by_set[held]})) for part in parts]
        table[row] = np.array([numbers.setdefault(ends, len(numbers)) for ends in left])[own]
    if len(numbers) > np.iinfo(np.uint16).max:
        raise ValueError("signs need more states than the automaton can count")
    return table, list(numbers)
