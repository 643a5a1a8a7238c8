"""Folds the spellings of a text onto one: width, case, traditional forms, separators, invisible characters.

One table over all code points does the work: NFKC of the single character, case folding, traditional to simplified,
or nothing for characters that carry no meaning. Characters map one to one or vanish, so the positions that stayed are
the offset map back into the original. Blanks and separating marks vanish only between Han characters (法 轮 功, 法*轮*功):
between Latin letters they are the word boundary.
"""

import hashlib
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.text import Block, CodePoints, Offsets, TextBatch

VERSION = 1

_TABLE_SIZE = 0x110000
_DROP = np.uint32(0xFFFFFFFF)
_CODE, _KIND_SHIFT, _DROPPED = np.uint32(0x1FFFFF), np.uint32(24), 0xFF

# Kinds of characters, one byte a code point.
OTHER, HAN, LETTER, DIGIT, SEPARATOR, KANA_HANGUL = range(6)
# Marks people put between the characters of a word to hide it. Sentence punctuation is not among them: a match
# that runs across a full stop is no match.
_SEPARATORS = " \t\u00a0\u3000*_-~^+=|/\\.·•・‧∙°'`\"#@&$%<>[]{}()（）【】「」『』〔〕《》〈〉…—–‐‑─━"


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
    for code in range(0x80, _TABLE_SIZE):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        folded = unicodedata.normalize("NFKC", char)
        if len(folded) == 1 and folded != char:
            table[code] = ord(folded)
        category = unicodedata.category(char)
        if category in ("Cf", "Mn", "Me", "Cn") or 0xE0000 <= code < 0xF0000:
            table[code] = _DROP
    kept = table != _DROP
    # case: only where one character folds to one
    for code in np.flatnonzero(kept).tolist():
        value = int(table[code])
        if value < 0x1F000:
            folded = chr(value).casefold() if not 0xD800 <= value < 0xE000 else ""
            if len(folded) == 1:
                table[code] = ord(folded)
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
    """For each (folded) code point its kind: Han, letter, digit, separator, kana or hangul, other."""
    kinds = np.full(_TABLE_SIZE, OTHER, dtype=np.uint8)
    for low, high in ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x323AF), (0xF900, 0xFAFF), (0x3007, 0x3007)):
        kinds[low : high + 1] = HAN
    for low, high in ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D), (0x1100, 0x11FF), (0xAC00, 0xD7A3)):
        kinds[low : high + 1] = KANA_HANGUL
    for code in range(0x80):
        char = chr(code)
        if char.isalpha():
            kinds[code] = LETTER
        elif char.isdigit():
            kinds[code] = DIGIT
    for low, high in ((0xC0, 0x24F), (0x370, 0x52F)):
        for code in range(low, high + 1):
            if chr(code).isalpha():
                kinds[code] = LETTER
    for char in _SEPARATORS:
        kinds[ord(char)] = SEPARATOR
    kinds.flags.writeable = False
    return kinds


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Digest of the folding rules, the Unicode and conversion tables included."""
    digest = hashlib.sha256(f"normalise/{VERSION}".encode())
    digest.update(fold_table().tobytes())
    digest.update(kind_table().tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _packed_table() -> CodePoints:
    """Both tables in one, so that a character is looked up once: what it folds to, and that one's kind above bit 24."""
    table = fold_table()
    kept = table != _DROP
    packed = table.copy()
    packed[kept] |= kind_table()[table[kept]].astype(np.uint32) << _KIND_SHIFT
    packed.flags.writeable = False
    return packed


def normalise(block: Block) -> Normalised:
    """Folds a block; what stays is a subsequence of its characters, each folded."""
    packed = _packed_table().take(block.codes)
    kinds = (packed >> _KIND_SHIFT).astype(np.uint8)
    keep = kinds != _DROPPED
    loose = np.flatnonzero((kinds == SEPARATOR) | ~keep)
    keep[between_han(kinds, loose, block.starts)] = False
    stayed = np.flatnonzero(keep)
    starts = np.searchsorted(stayed, block.starts).astype(np.int64)
    return Normalised(packed.take(stayed) & _CODE, stayed.astype(np.int32), starts)


def between_han(
    kinds: npt.NDArray[np.uint8], loose: npt.NDArray[np.int64], starts: Offsets, longest: int | None = None
) -> npt.NDArray[np.int64]:
    """Which of the places `loose` stand, alone or in a run, between two Han characters of the same document.

    Of runs of more than `longest` places none does.
    """
    if len(loose) == 0:
        return loose
    begins = np.flatnonzero(np.diff(loose, prepend=-2) > 1)  # of runs of neighbouring places
    lengths = np.diff(begins, append=len(loose))
    before = loose[begins] - 1
    after = before + 1 + lengths
    inside = np.flatnonzero((before >= 0) & (after < len(kinds)))
    inside = inside[(kinds[before[inside]] == HAN) & (kinds[after[inside]] == HAN)]
    same = np.searchsorted(starts, before[inside], side="right") == np.searchsorted(starts, after[inside], side="right")
    between = np.zeros(len(begins), dtype=np.bool_)
    between[inside[same]] = True
    if longest is not None:
        between &= lengths <= longest
    return loose[np.repeat(between, lengths)]


def normalised_blocks(batch: TextBatch) -> list[Normalised]:
    """The folded blocks of a batch, computed once however many stages ask."""
    cached: list[Normalised] | None = batch.__dict__.get("_normalised")
    if cached is None:
        cached = [normalise(block) for block in batch.blocks]
        batch.__dict__["_normalised"] = cached
    return cached


def normalise_terms(terms: Sequence[str]) -> list[str]:
    """Keywords folded like the text they are looked for in. Empty where nothing of one would stay."""
    starts = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum([len(term) for term in terms], out=starts[1:])
    codes = np.frombuffer("".join(terms).encode("utf-32-le"), dtype=np.uint32)
    folded = normalise(Block(0, codes, starts))
    text = folded.codes.tobytes().decode("utf-32-le")
    return [text[low:high].strip() for low, high in itertools.pairwise(folded.starts.tolist())]


def normalise_term(term: str) -> str:
    """One keyword folded."""
    return normalise_terms([term])[0]
