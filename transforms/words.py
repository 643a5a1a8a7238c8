"""Whether a short Chinese hit cuts through a word (和服 in 和服务), told by jieba on a few characters around it.

Segmenting every text would cost ten times the whole scan; only hits of short terms are looked at, once a document.
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


def straddles(codes: npt.NDArray[np.uint32], low: int, high: int) -> bool:
    """Whether a word begins or ends inside `codes[low:high]` and reaches beyond it. `codes` is one folded document."""
    first = max(0, low - _CONTEXT)
    window = codes[first : high + _CONTEXT].tobytes().decode("utf-32-le")
    start, end = low - first, high - first
    position = 0
    for word in _tokenizer().cut(window, HMM=False):
        begin, position = position, position + len(word)
        if begin < start < position or begin < end < position:
            return True
        if position >= end:
            return False
    return False


def word_frequency(word: str) -> int:
    """How often the word occurs in the text jieba's dictionary was counted on; 0 for what it does not list as a word."""
    return int(_tokenizer().FREQ.get(word, 0))
