"""Terms of which some or all syllables are written in pinyin: du博网站, jia微信, weixin红包.

Text around Latin letters is read as letters, Han characters by their syllable, and searched for the letters of the
terms. A hit then must hold the very characters of the term wherever it holds Han characters: words that merely sound
alike are no hits. Needs the package pypinyin.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import metadata
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from transforms.matching import BETWEEN, Found, Matcher, joined_ranges
from transforms.normalise import DIGIT, HAN, OTHER, SEPARATOR, Normalised, kind_table
from transforms.text import CodePoints, Offsets

PACKAGE = "pypinyin"
SHORTEST, LONGEST = 3, 8  # Han characters of a term: fewer are too little to tell by, more are never written so
LETTERS = 6  # at least so many, where no Han character is left
_REACH = LONGEST + 6  # characters around a letter that are read
_DEPTH = 6


def package_version() -> str | None:
    """The version of pypinyin, None where it is not installed."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class _Spelling:
    """One way a term is pronounced."""

    entry: int
    term: str
    syllables: tuple[str, ...]


@dataclass(frozen=True)
class _Stream:
    """Text as letters. Letter `i` came from the folded character `places[i]`; `han` and `latin` say from what kind."""

    letters: CodePoints
    places: Offsets
    latin: npt.NDArray[np.bool_]


class Pinyin:
    """The terms, by the letters of their syllables."""

    eligible: ClassVar[range] = range(SHORTEST, LONGEST + 1)

    def __init__(self, terms: Sequence[str]) -> None:
        self._terms = terms

    @cached_property
    def _spellings(self) -> dict[str, list[_Spelling]]:
        from pypinyin import lazy_pinyin

        kinds = kind_table()
        spellings: dict[str, list[_Spelling]] = {}
        for entry, term in enumerate(self._terms):
            if len(term) not in self.eligible or any(kinds[ord(char)] != HAN for char in term):
                continue
            together = tuple(lazy_pinyin(term, errors="ignore"))
            alone = tuple(_syllables().get(ord(char), "") for char in term)
            for syllables in {together, alone}:
                letters = "".join(syllables)
                plain = len(syllables) == len(term) and all(syllables) and letters.isascii() and letters.isalpha()
                if plain and len(letters) >= LETTERS:
                    spellings.setdefault(letters, []).append(_Spelling(entry, term, syllables))
        return spellings

    @cached_property
    def _patterns(self) -> list[str]:
        return sorted(self._spellings)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self._patterns, _DEPTH, words=False)

    def find(self, folded: Normalised) -> Found:
        """Occurrences with at least one syllable in Latin letters, as ranges of the folded text."""
        latin = _latin_table().take(folded.codes)
        letters = np.flatnonzero(latin)
        if len(letters) == 0 or not self._patterns:
            return Found.none()
        stream = _stream(folded, latin, letters)
        before = np.concatenate([[0], np.cumsum(stream.latin)]).astype(np.int64)
        found = self._matcher.find(stream.letters, np.array([0, len(stream.letters)]), before, longest=6 * LONGEST)
        found = found.where(before[found.high] > before[found.low])
        rows = [
            (spelling.entry, int(stream.places[low]), int(stream.places[high - 1]) + 1)
            for pattern, low, high in zip(found.entry.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
            for spelling in self._spellings[self._patterns[pattern]]
            if _is_written(spelling, low, high, stream, folded)
        ]
        if not rows:
            return Found.none()
        return Found(*np.array(sorted(set(rows)), dtype=np.int64).T)


def _is_written(spelling: _Spelling, low: int, high: int, stream: _Stream, folded: Normalised) -> bool:
    """Whether each character of the term stands in the text itself or as a syllable written in one piece."""
    places, latin, codes = stream.places, stream.latin, folded.codes
    at = low
    for char, syllable in zip(spelling.term, spelling.syllables, strict=True):
        end = at + len(syllable)
        if latin[at]:
            if not latin[at:end].all() or places[end - 1] - places[at] != len(syllable) - 1:
                return False
        elif (
            codes[places[at]] != ord(char) or places[end - 1] != places[at] or (at > 0 and places[at - 1] == places[at])
        ):
            return False
        at = end
    if at < len(places) and places[at] == places[at - 1]:
        return False
    first, last = int(places[low]), int(places[high - 1])
    begin, end = folded.starts[np.searchsorted(folded.starts, first, side="right") + np.array([-1, 0])].tolist()
    if last >= end:
        return False
    # where the hit begins or ends in Latin letters, that is where the word does
    return not (latin[low] and first > begin and _is_letter(codes[first - 1])) and not (
        latin[high - 1] and last + 1 < end and _is_letter(codes[last + 1])
    )


def _is_letter(code: np.uint32) -> bool:
    return bool(_latin_table()[code])


def _stream(folded: Normalised, latin: CodePoints, letters: Offsets) -> _Stream:
    """The text around Latin letters as letters; separators and tone numbers left out, other characters as zeros."""
    pieces, places = joined_ranges(
        folded.codes, np.maximum(letters - _REACH, 0), np.minimum(letters + _REACH + 1, len(latin))
    )
    apart = np.flatnonzero(pieces == BETWEEN)
    places = np.minimum(places, len(latin) - 1)
    codes, own = folded.codes[places], latin[places]
    kinds = kind_table().take(codes)
    offsets, syllables = _syllable_table()
    spelt = np.minimum(codes, len(offsets) - 2)
    begin = offsets[spelt]
    lengths = np.where(kinds == HAN, offsets[spelt + 1] - begin, 1)
    tone = (kinds == DIGIT) & (np.append(False, own[:-1] > 0))
    lengths[((kinds == SEPARATOR) | tone) & (own == 0)] = 0
    lengths[apart] = 1
    places[apart], own[apart], kinds[apart] = -1, 0, OTHER
    source = np.repeat(np.arange(len(places)), lengths)
    within = np.arange(len(source)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    spoken = (kinds[source] == HAN) & (lengths[source] > 0)
    stream = np.where(spoken, syllables.take(begin[source] + within, mode="clip"), own[source])
    return _Stream(stream.astype(np.uint32), places[source], own[source] > 0)


@lru_cache(maxsize=1)
def _latin_table() -> CodePoints:
    """For each folded code point the plain Latin letter it is with or without a tone mark, or 0."""
    table = np.zeros(len(kind_table()), dtype=np.uint32)
    for code in (*range(ord("a"), ord("z") + 1), *range(0xE0, 0x250), *range(0x1E00, 0x1F00)):
        base = _without_tone(chr(code))
        if len(base) == 1 and base.isascii() and base.isalpha():
            table[code] = ord(base)
    return table


def _without_tone(syllable: str) -> str:
    apart = unicodedata.normalize("NFD", syllable).replace("u\u0308", "v")
    return "".join(char for char in apart if unicodedata.category(char) != "Mn")


@lru_cache(maxsize=1)
def _syllables() -> dict[int, str]:
    """For each Han character its commonest syllable, without tone."""
    from pypinyin.pinyin_dict import pinyin_dict

    return {code: _without_tone(readings.split(",")[0]) for code, readings in pinyin_dict.items()}


@lru_cache(maxsize=1)
def _syllable_table() -> tuple[Offsets, CodePoints]:
    """The letters of all syllables one behind another, and where those of each code point begin."""
    syllables = _syllables()
    lengths = np.zeros(0x30000, dtype=np.int64)
    kept = sorted(code for code in syllables if code < len(lengths) - 1)
    lengths[kept] = [len(syllables[code]) for code in kept]
    letters = np.frombuffer("".join(syllables[code] for code in kept).encode("utf-32-le"), dtype=np.uint32)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), letters
