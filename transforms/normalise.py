"""Folds the spellings of a text onto one: width, case, traditional forms, separators, invisible characters.

One table over all code points does the work: NFKC of the single character, case folding, traditional to simplified,
or nothing for characters that carry no meaning. Characters map one to one or vanish, so the positions that stayed are
the offset map back into the original; only a ligature becomes several characters, all from one place. Blanks and
separating marks vanish only between Han characters (法 轮 功, 法*轮*功), and so does a single line break; between words they
are the word boundary, and blanks in a row are one. Two line breaks are the border of a paragraph and stay.
"""

import hashlib
import itertools
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from transforms.composition import MARKS, WIDEST, Compositions, compositions, ligatures, widened
from transforms.text import Block, CodePoints, Offsets, TextBatch

VERSION = 3

_TABLE_SIZE = 0x110000
_DROP = np.uint32(0xFFFFFFFF)
_VANISHING = frozenset({"Cf", "Mn", "Me", "Cn"})  # general categories: format, marks, unassigned
_CODE, _KIND_SHIFT, _DROPPED = np.uint32(0x1FFFFF), np.uint32(24), 0xFF
_LIGATURE, _COMBINING = 0xFD, 0xFE  # as kinds, where a character needs a second look

# Kinds of characters, one byte a code point. What may stand in a gap between two others comes last.
OTHER, HAN, LETTER, DIGIT, KANA_HANGUL, SEPARATOR, BREAK = range(7)
# Marks people put between the characters of a word to hide it. Sentence punctuation is not among them: a match
# that runs across a full stop is no match.
_SEPARATORS = " \t\u00a0\u3000*_-~^+=|/\\.·•・‧∙°'`\"#@&$%<>[]{}()（）【】「」『』〔〕《》〈〉…—–‐‑─━"
_EDGES = "".join(char for char in _SEPARATORS if char not in "+=$%&")  # at the ends of a term these say something
_BLANK, _TAB = 0x20, 0x09  # the blanks that are left once folded
_BREAKS = "\n\r\x85\u2028"
# Scripts with letters that are not written in words with blanks between: Thai to Tibetan, Myanmar, Khmer, Tai; CJK; Yi,
# Javanese to Tai Viet; Tangut, Nüshu.
_UNSPACED = (
    (0x0E00, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0x2E80, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xA980, 0xAADF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFFDC),
    (0x16FE0, 0x1B2FF),
)


@dataclass(frozen=True)
class Normalised:
    """A block after folding.

    `codes[p]` came from `origin[p]` of the block's own `codes`; document `i` is `codes[starts[i]:starts[i + 1]]`.
    A hit on `[p, q)` of the folded text covers `[origin[p], origin[q - 1] + 1)` of the original.
    """

    codes: CodePoints
    origin: npt.NDArray[np.int32]
    starts: Offsets


@lru_cache(maxsize=1)
def fold_table() -> CodePoints:
    """For each code point the one it folds to, or 0xFFFFFFFF where it vanishes."""
    from opencc import OpenCC

    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    chars = table.tobytes().decode("utf-32-le", "surrogatepass")
    vanishes = np.fromiter(map(_VANISHING.__contains__, map(unicodedata.category, chars)), np.bool_, _TABLE_SIZE)
    vanishes[0xE0000:0xF0000] = True
    vanishes[:0x80] = vanishes[0xD800:0xE000] = False  # surrogates stay
    table[vanishes] = _DROP
    kept = table != _DROP
    _fold(table, np.flatnonzero(kept[0x80:]) + 0x80, lambda some: map(partial(unicodedata.normalize, "NFKC"), some))
    _fold(table, np.flatnonzero(kept & (table < 0x1F000)), lambda some: map(str.casefold, some))
    # traditional to simplified, a character at a time: phrases must not shift offsets
    convert = OpenCC("t2s").convert
    han = [code for code in np.flatnonzero(kept).tolist() if _is_han(int(table[code]))]
    source = "\n".join(chr(int(table[code])) for code in han)
    for code, simplified in zip(han, convert(source).split("\n"), strict=True):
        if len(simplified) == 1:
            table[code] = ord(simplified)
    for code in (*range(0x20), 0x7F):
        if chr(code) not in "\t\n\r\x0b\x0c":
            table[code] = _DROP
    live = np.flatnonzero(table != _DROP)
    table[live] = table[table[live]]  # 薴 → 苧 → 苎: all spellings must end on the same character
    table.flags.writeable = False
    return table


def _fold(table: CodePoints, codes: Offsets, fold: Callable[[list[str]], Iterable[str]]) -> None:
    """Takes a step further what these code points fold to, where one character becomes one."""
    for code, folded in zip(codes.tolist(), fold(list(map(chr, table[codes].tolist()))), strict=True):
        if len(folded) == 1:
            table[code] = ord(folded)


def _is_han(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x323AF
        or 0xF900 <= code <= 0xFAFF
        or code == 0x3007
    )


@lru_cache(maxsize=1)
def kind_table() -> npt.NDArray[np.uint8]:
    """For each (folded) code point its kind: Han, letter, digit, kana or hangul, separator, line break, other.

    Letters and digits are those of all scripts that are written in words.
    """
    kinds = np.full(_TABLE_SIZE, OTHER, dtype=np.uint8)
    for code in range(0x20000):
        category = unicodedata.category(chr(code))
        if category[0] == "L" or category == "Mc":
            kinds[code] = LETTER
        elif category == "Nd":
            kinds[code] = DIGIT
    for low, high in _UNSPACED:
        kinds[low : high + 1] = OTHER
    for low, high in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x323AF), (0xF900, 0xFAFF), (0x3007, 0x3007)):
        kinds[low : high + 1] = HAN
    for low, high in ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D), (0x1100, 0x11FF), (0xAC00, 0xD7A3)):
        kinds[low : high + 1] = KANA_HANGUL
    for char in _SEPARATORS:
        kinds[ord(char)] = SEPARATOR
    for char in _BREAKS:
        kinds[ord(char)] = BREAK
    kinds.flags.writeable = False
    return kinds


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Digest of the folding rules, the Unicode and conversion tables included."""
    digest = hashlib.sha256(f"normalise/{VERSION}".encode())
    digest.update(fold_table().tobytes())
    digest.update(kind_table().tobytes())
    digest.update(_compositions().pairs.tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _compositions() -> Compositions:
    return compositions(fold_table())


@lru_cache(maxsize=1)
def _ligatures() -> tuple[Offsets, CodePoints]:
    """The code points of ligatures, in order, and the letters of each, filled up with zeros."""
    spelt = sorted(ligatures().items())
    letters = np.zeros((len(spelt), WIDEST), dtype=np.uint32)
    for row, (_, meant) in enumerate(spelt):
        letters[row, : len(meant)] = [ord(char) for char in meant]
    return np.array([code for code, _ in spelt], dtype=np.int64), letters


@lru_cache(maxsize=1)
def _packed_table() -> CodePoints:
    """Both tables in one, so that a character is looked up once: what it folds to, and that one's kind above bit 24."""
    table = fold_table()
    kept = table != _DROP
    packed = table.copy()
    packed[kept] |= kind_table()[table[kept]].astype(np.uint32) << _KIND_SHIFT
    marks = set(_compositions().marks)
    for code in (*marks, 0x340, 0x341, 0x343, 0xFF9E, 0xFF9F):  # the last five are other spellings of such marks
        mark = ord(unicodedata.normalize("NFKC", chr(code)))
        if mark in marks and table[code] == _DROP:
            packed[code] = _as(_COMBINING, mark)
    for code in _ligatures()[0].tolist():
        packed[code] = _as(_LIGATURE, code)
    packed.flags.writeable = False
    return packed


def _as(kind: int, code: int) -> np.uint32:
    return np.uint32(kind << int(_KIND_SHIFT) | code)


def normalise(block: Block) -> Normalised:
    """Folds a block; what stays is a subsequence of its characters, each folded."""
    packed = _packed_table().take(block.codes)
    kinds = (packed >> _KIND_SHIFT).astype(np.uint8)
    keep = kinds < _COMBINING
    loose = np.flatnonzero(kinds >= SEPARATOR)
    own = kinds[loose]
    wide = loose[own == _LIGATURE]
    if len(wide):
        kinds[wide] = LETTER
        loose, own = loose[own != _LIGATURE], own[own != _LIGATURE]
    marks = loose[own == _COMBINING]
    if len(marks):
        _compose(packed, marks, block.starts)
    gone, blanks = _gaps(packed, kinds, loose, block.starts)
    keep[gone] = False
    keep[blanks] = True
    packed[blanks] = _as(SEPARATOR, _BLANK)
    stayed = np.flatnonzero(keep)
    codes = packed.take(stayed) & _CODE
    if len(wide):
        known, letters = _ligatures()
        stayed, codes = widened(stayed, codes, wide, letters[np.searchsorted(known, block.codes[wide])])
    starts = np.searchsorted(stayed, block.starts).astype(np.int64)
    return Normalised(codes, stayed.astype(np.int32), starts)


def _compose(packed: CodePoints, marks: Offsets, starts: Offsets) -> None:
    """Puts marks onto the letters they stand behind, in place. A letter of another document is none of theirs."""
    begins = np.flatnonzero(np.diff(marks, prepend=-2) > 1)
    lengths = np.diff(begins, append=len(marks))
    for rank in range(MARKS):
        begins, lengths = begins[lengths > rank], lengths[lengths > rank]
        letters = marks[begins] - 1
        mine = np.searchsorted(starts, letters, side="right") == np.searchsorted(
            starts, letters + rank + 1, side="right"
        )
        at, mark = letters[mine & (letters >= 0)], marks[begins + rank][mine & (letters >= 0)]
        composed = _compositions().compose(packed[at] & _CODE, packed[mark] & _CODE)
        changed = composed != packed[at] & _CODE
        packed[at[changed]] = _packed_table()[composed[changed]]


@dataclass(frozen=True)
class _Runs:
    """Runs of neighbouring places: where each begins among them, its length, the places before and behind it.

    `inside` are those with both of these in the same document.
    """

    begins: Offsets
    lengths: Offsets
    before: Offsets
    after: Offsets
    inside: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, places: Offsets, size: int, starts: Offsets) -> "_Runs":
        begins = np.flatnonzero(np.diff(places, prepend=-2) > 1)
        lengths = np.diff(begins, append=len(places))
        before = places[begins] - 1
        after = before + 1 + lengths
        inside = (before >= 0) & (after < size)
        over = np.searchsorted(before, starts) - 1  # the last run that begins before each document
        inside[over[(over >= 0) & (after[over] >= starts)]] = False
        return cls(begins, lengths, before, after, inside)


def _gaps(packed: CodePoints, kinds: npt.NDArray[np.uint8], loose: Offsets, starts: Offsets) -> tuple[Offsets, Offsets]:
    """What vanishes of the gaps between characters, and the places that stay of them, as one blank each.

    Beside a line break only blanks vanish: what marks the next line is an item of a list.
    """
    if len(loose) == 0:
        return loose, loose
    runs = _Runs.of(loose, len(kinds), starts)
    before, after = kinds.take(runs.before, mode="clip"), kinds.take(runs.after, mode="clip")
    han = runs.inside & (before == HAN) & (after == HAN)
    words = runs.inside & ~han & _in_words(before) & _in_words(after)
    single = np.flatnonzero(words & (runs.lengths == 1))
    words[single[packed.take(loose.take(runs.begins.take(single))) == _as(SEPARATOR, _BLANK)]] = (
        False  # one blank is one
    )
    chosen = np.flatnonzero(han | words)
    if len(chosen) == 0:
        return loose[:0], loose[:0]
    lengths = runs.lengths[chosen]
    bounds = np.cumsum(lengths) - lengths
    places = loose[np.repeat(runs.begins[chosen] - bounds, lengths) + np.arange(int(lengths.sum()))]
    own, codes = kinds[places], packed[places] & _CODE
    visible = own < _COMBINING
    mark = (own == SEPARATOR) & (codes != _BLANK) & (codes != _TAB)
    line = own == BREAK
    seen = np.flatnonzero(visible)
    if (codes == ord("\r")).any():
        _join_pairs(line, codes, places, seen)
    lines, marks, seen_in = (_sums(counted, bounds) for counted in (line, mark, visible))
    plain = (lines <= 1) & (marks == 0)
    vanish = han[chosen] & (plain | (lines == 0))
    one = words[chosen] & plain & (seen_in > 0)
    blanks = places[seen[np.searchsorted(seen, bounds[one])]] if one.any() else places[:0]
    return places[np.repeat(vanish | one, lengths)], blanks


def _join_pairs(line: npt.NDArray[np.bool_], codes: CodePoints, places: Offsets, visible: Offsets) -> None:
    """Counts a carriage return with its line feed as one break, in place, whatever vanishes between the two."""
    back, feed = visible[:-1], visible[1:]
    together = places[feed] - places[back] == feed - back  # of one run
    line[back[together & (codes[back] == ord("\r")) & (codes[feed] == ord("\n"))]] = False


def _sums(counted: npt.NDArray[np.bool_], bounds: Offsets) -> Offsets:
    """How often each run holds what is counted. `bounds` are where the runs begin."""
    running = np.concatenate([[0], np.cumsum(counted)]).astype(np.int64)
    sums: Offsets = running[np.append(bounds[1:], len(counted))] - running[bounds]
    return sums


def _in_words(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    written: npt.NDArray[np.bool_] = kinds - np.uint8(HAN) <= KANA_HANGUL - HAN  # unsigned: OTHER wraps round
    return written


def between_han(kinds: npt.NDArray[np.uint8], loose: Offsets, starts: Offsets, longest: int) -> Offsets:
    """Which of the places `loose` stand, alone or in a run of at most `longest`, between two Han characters.

    Both are of the same document.
    """
    if len(loose) == 0:
        return loose
    runs = _Runs.of(loose, len(kinds), starts)
    between = runs.inside & (runs.lengths <= longest)
    between &= (kinds[np.maximum(runs.before, 0)] == HAN) & (kinds[np.minimum(runs.after, len(kinds) - 1)] == HAN)
    return loose[np.repeat(between, runs.lengths)]


def normalised_blocks(batch: TextBatch) -> list[Normalised]:
    """The folded blocks of a batch, computed once however many stages ask."""
    cached: list[Normalised] | None = batch.__dict__.get("_normalised")
    if cached is None:
        cached = [normalise(block) for block in batch.blocks]
        batch.__dict__["_normalised"] = cached
    return cached


def normalise_terms(terms: Sequence[str]) -> list[str]:
    """Keywords folded like the text they are looked for in. Empty where nothing of one would stay.

    Marks before or behind a Han character at the ends go too (《禁书》, #六四#): between Han characters the text has none.
    Signs that say something stay: +微信 is not 微信.
    """
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum([len(term) for term in terms], out=starts[1:])
    codes = np.frombuffer("".join(terms).encode("utf-32-le"), dtype=np.uint32)
    folded = normalise(Block(0, codes, starts))
    text = folded.codes.tobytes().decode("utf-32-le")
    return [_bare(text[low:high].strip()) for low, high in itertools.pairwise(folded.starts.tolist())]


def _bare(term: str) -> str:
    inner = term.lstrip(_EDGES)
    if inner and kind_table()[ord(inner[0])] == HAN:
        term = inner
    inner = term.rstrip(_EDGES)
    return inner if inner and kind_table()[ord(inner[-1])] == HAN else term


def normalise_term(term: str) -> str:
    """One keyword folded."""
    return normalise_terms([term])[0]
