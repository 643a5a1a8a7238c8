"""Letters written in parts, and several written as one: e with an accent behind it is é, the ligature ﬃ is ffi."""

import itertools
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.text import CodePoints, Offsets

MARKS = 3  # behind one letter that are looked at: Vietnamese has two
WIDEST = 3  # letters of a ligature


@dataclass(frozen=True)
class Compositions:
    """`pairs` are `letter << 32 | mark` in order, letters as folded; `wholes` what each becomes, folded too."""

    pairs: npt.NDArray[np.uint64]
    wholes: CodePoints

    @property
    def marks(self) -> list[int]:
        """The combining characters that occur."""
        return sorted({pair & 0xFFFFFFFF for pair in self.pairs.tolist()})

    def compose(self, letters: CodePoints, marks: CodePoints) -> CodePoints:
        """What each letter becomes with the mark behind it; itself where Unicode has no such letter."""
        pair = letters.astype(np.uint64) << np.uint64(32) | marks
        at = np.minimum(np.searchsorted(self.pairs, pair), len(self.pairs) - 1)
        return np.where(self.pairs[at] == pair, self.wholes[at], letters)


def compositions(fold: CodePoints) -> Compositions:
    """All that Unicode composes of a letter and marks, in whichever order the marks stand. `fold` is the folding table."""
    found: dict[int, int] = {}
    for code in range(0x80, 0x20000):
        apart = unicodedata.normalize("NFD", chr(code))
        letter, marks = apart[0], apart[1:]
        if not marks or not all(unicodedata.combining(mark) for mark in marks):
            continue
        for order in itertools.permutations(marks):
            before = unicodedata.normalize("NFC", letter + "".join(order[:-1]))
            whole = unicodedata.normalize("NFC", letter + "".join(order))
            if len(before) == len(whole) == 1 and fold[ord(before)] <= 0x10FFFF:
                found[int(fold[ord(before)]) << 32 | ord(order[-1])] = int(fold[ord(whole)])
    pairs = np.array(sorted(found), dtype=np.uint64)
    return Compositions(pairs, np.array([found[pair] for pair in pairs.tolist()], dtype=np.uint32))


def ligatures() -> dict[int, str]:
    """The letters of each code point that stands for several Latin ones."""
    found = {}
    for code in (*range(0x80, 0x250), *range(0xFB00, 0xFB07)):
        letters = unicodedata.normalize("NFKC", chr(code)).lower()
        if 1 < len(letters) <= WIDEST and letters.isascii() and letters.isalpha():
            found[code] = letters
    return found


def widened(origin: Offsets, codes: CodePoints, wide: Offsets, letters: CodePoints) -> tuple[Offsets, CodePoints]:
    """With ligatures spelt out: each place of `wide` in `origin` is there as often as its row of `letters` is long.

    The rows are filled up with zeros.
    """
    widths = np.ones(len(origin), dtype=np.int64)
    rows = np.zeros(len(origin), dtype=np.int64)
    at = np.searchsorted(origin, wide)
    widths[at], rows[at] = (letters > 0).sum(axis=1), np.arange(len(wide))
    source = np.repeat(np.arange(len(origin)), widths)
    within = np.arange(len(source)) - np.repeat(np.cumsum(widths) - widths, widths)
    spelt = codes[source]
    several = np.flatnonzero(widths[source] > 1)
    spelt[several] = letters[rows[source[several]], within[several]]
    return origin[source], spelt
