"""Whether a short Chinese hit cuts through a word (和服 in 和服务), told by jieba on a few characters around it.

Segmenting every text would cost ten times the whole scan. Only hits of short terms are looked at, and segmented only if
the dictionary holds a word that reaches across one of their ends: without one there is nothing to cut through.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.normalise import HAN, kind_table

MAX_HAN = 3  # longer terms hardly ever arise by chance across words
_CONTEXT = 8  # characters on either side that are segmented along


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    """jieba with its own dictionary, loaded without the cache file it would leave in the shared temporary folder."""
    import jieba

    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as dictionary:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(dictionary)
    tokenizer.initialized = True
    return tokenizer


def is_short_han(term: str) -> bool:
    """Whether hits of the term are worth a look."""
    return len(term) <= MAX_HAN and all(kind_table()[ord(char)] == HAN for char in term)


def word_frequency(word: str) -> int:
    """How often jieba's dictionary counts a word; 0 where it does not know it."""
    return int(_tokenizer().FREQ.get(word, 0))


def straddles(codes: npt.NDArray[np.uint32], low: int, high: int) -> bool:
    """Whether a word begins or ends inside `codes[low:high]` and reaches beyond it. `codes` is one folded document."""
    first = max(0, low - _CONTEXT)
    window = codes[first : high + _CONTEXT].tobytes().decode("utf-32-le")
    start, end = low - first, high - first
    if not (_may_cross(window, start) or _may_cross(window, end)):
        return False
    position = 0
    for word in _tokenizer().cut(window, HMM=False):
        begin, position = position, position + len(word)
        if begin < start < position or begin < end < position:
            return True
        if position >= end:
            return False
    return False


def _may_cross(window: str, border: int) -> bool:
    """Whether some word of the dictionary, or a run of letters or digits, reaches across a place of the text.

    Without its guesses at unknown words jieba's words are those of the dictionary, runs of letters and digits, and
    single characters.
    """
    if not 0 < border < len(window):
        return False
    if not (_is_han(window[border - 1]) and _is_han(window[border])):
        return True
    known = _tokenizer().FREQ  # holds the beginnings of words too, with frequency 0
    for begin in range(border - 1, -1, -1):
        for end in range(begin + 1, len(window) + 1):
            frequency = known.get(window[begin:end])
            if frequency is None:
                break
            if frequency and end > border:
                return True
    return False


def _is_han(char: str) -> bool:
    return int(kind_table()[ord(char)]) == HAN
