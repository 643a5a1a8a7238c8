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


@lru_cache(maxsize=1)
def _token_table() -> npt.NDArray[np.bool_]:
    """Which code points are tokens. Punctuation and blanks lie in the first planes; what lies behind is kept."""
    table = np.ones(0x110000, dtype=np.bool_)
    for code in (*range(0x3100), *range(0xFE00, 0x10000)):
        table[code] = unicodedata.category(chr(code))[0] not in "PZC"
    table.flags.writeable = False
    return table


def tokens(normalised: Normalised) -> Tokens:
    """The tokens of a folded block: letters, digits and symbols (emoji among them), no blanks and no punctuation."""
    codes = normalised.codes
    visible = np.flatnonzero(_token_table().take(codes))
    letter = (codes - ord("a") < 26)[
        visible
    ]  # unsigned: what lies before wraps round; the text is folded to lower case
    opens = np.ones(len(visible), dtype=np.bool_)
    opens[1:] = ~(letter[1:] & letter[:-1] & (np.diff(visible) == 1))
    documents = np.searchsorted(visible, normalised.starts)
    opens[documents[documents < len(visible)]] = True
    begin = np.flatnonzero(opens)
    end = np.append(begin[1:], len(visible))[: len(begin)]
    if len(begin) and (end - begin).max() > LONGEST_WORD:
        inside = np.arange(len(visible)) - np.repeat(begin, end - begin)
        begin = np.flatnonzero(inside % LONGEST_WORD == 0)
        end = np.append(begin[1:], len(visible))
    starts = np.searchsorted(begin, documents).astype(np.int64)
    return Tokens(codes, visible[begin], visible[end - 1], starts)


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
