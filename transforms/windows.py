"""What the classifier reads: the tokens of the folded text, in windows.

A token is one character, but Latin letters that stand together are one: 赌 博 are two tokens, `casino` is one. Chinese
needs no segmentation that way, English is read by words, and code, whose names are long, costs little.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.normalise import Normalised
from transforms.text import CodePoints, Offsets

TOKENISER_VERSION = 2  # a model is read only by the tokeniser it was trained with

WINDOW = 80  # tokens: about a paragraph, so that a bad one in a long page is not drowned
MAX_WINDOWS = 120
LONGEST_WORD = 20  # letters; what is longer is cut, for it is no word

_SPACE = 0x20


@dataclass(frozen=True)
class Tokens:
    """The tokens of a block: token `t` is `[first[t], last[t]]` of the folded block, both included.

    Document `i` holds the tokens `starts[i]` to `starts[i + 1]`.
    """

    codes: CodePoints  # of the folded block
    first: Offsets
    last: Offsets
    starts: Offsets


_NOTHING, _CHARACTER, _LETTER = range(3)


@lru_cache(maxsize=1)
def _token_table() -> npt.NDArray[np.uint8]:
    """Which folded code points are tokens, and which of them are Latin letters, that make words.

    Punctuation and blanks lie in the first planes; what lies behind is kept.
    """
    table = np.full(0x110000, _CHARACTER, dtype=np.uint8)
    for code in (*range(0x3100), *range(0xFE00, 0x10000)):
        if unicodedata.category(chr(code))[0] in "PZC":
            table[code] = _NOTHING
    table[ord("a") : ord("z") + 1] = _LETTER
    table.flags.writeable = False
    return table


def tokens(normalised: Normalised) -> Tokens:
    """The tokens of a folded block: letters, digits and symbols (emoji among them), no blanks and no punctuation."""
    codes, documents = normalised.codes, normalised.starts
    kinds = _token_table().take(codes)
    letter = kinds == _LETTER
    together = letter[1:] & letter[:-1]  # a letter and the one before it
    together[documents[(documents > 0) & (documents < len(codes))] - 1] = False
    opens = kinds != _NOTHING
    closes = opens.copy()
    opens[1:] &= ~together
    closes[:-1] &= ~together
    first, last = np.flatnonzero(opens), np.flatnonzero(closes)
    if len(first) and (last - first).max() >= LONGEST_WORD:
        first, last = _cut(first, last)
    return Tokens(codes, first, last, np.searchsorted(first, documents).astype(np.int64))


def _cut(first: Offsets, last: Offsets) -> tuple[Offsets, Offsets]:
    """Words in parts of at most `LONGEST_WORD` letters."""
    parts = (last - first) // LONGEST_WORD + 1
    begin = np.cumsum(parts) - parts
    low = np.repeat(first - LONGEST_WORD * begin, parts) + LONGEST_WORD * np.arange(int(parts.sum()))
    return low, np.minimum(low + LONGEST_WORD - 1, np.repeat(last, parts))


def spelled(found: Tokens, low: int, high: int) -> str:
    """The tokens `low` to `high` with a blank behind each: the line fastText is trained on."""
    first, last = found.first[low:high], found.last[low:high]
    length = last - first + 1
    place = np.cumsum(length + 1) - length - 1  # of each token in the line
    inside = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
    line = np.full(int(length.sum()) + len(first), _SPACE, dtype=np.uint32)
    line[np.repeat(place, length) + inside] = found.codes[np.repeat(first, length) + inside]
    return line.tobytes().decode("utf-32-le")


def windows(starts: Offsets, window: int = WINDOW, most: int = MAX_WINDOWS) -> tuple[Offsets, Offsets, Offsets]:
    """The windows of each document of a block, as document number, first token and the one behind the last.

    A document is cut into equal windows of at most `window` tokens; an empty one has none. A document too long for `most`
    gets so many full ones with gaps between; the first begins and the last ends with the document.
    """
    length = np.diff(starts)
    number = np.minimum(-(-length // window), most)
    document = np.repeat(np.arange(len(length)), number)
    ordinal = np.arange(len(document)) - np.repeat(np.cumsum(number) - number, number)
    length, number, begin = length[document], number[document], starts[document]
    whole = length <= window * most
    low = np.where(whole, ordinal * length // number, ordinal * (length - window) // np.maximum(number - 1, 1))
    high = np.where(whole, (ordinal + 1) * length // number, low + window)
    return document, begin + low, begin + high
