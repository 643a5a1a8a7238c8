"""Pairs of texts of a known similarity: generated Chinese, English and code, edited until their true Jaccard is as wanted."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa

from transforms.fingerprint import SHINGLE, Hashes, shingle_hashes
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch

KINDS = ("zh", "en", "code")
LENGTHS = {"short": 200, "long": 2000}  # characters, about
_WORDS = 4000  # of a vocabulary; frequencies fall as in Zipf's law


@dataclass(frozen=True)
class Planted:
    """A text and its edited copy; `jaccard` is of the sets of 5-shingles of what both are folded to."""

    kind: str
    length: str
    wanted: float
    jaccard: float
    original: str
    copy: str


class Writer:
    """Writes texts of one kind, as tokens that are joined without anything between."""

    def __init__(self, kind: str, seed: object) -> None:
        self.draw = random.Random(f"{kind}/{seed}")
        words = random.Random(kind)  # one vocabulary for all seeds
        if kind == "zh":
            self.words = [
                "".join(chr(words.randrange(0x4E00, 0x4E00 + 6000)) for _ in range(words.choice((1, 2, 2, 2, 3))))
                for _ in range(_WORDS)
            ]
        else:
            letters = "etaoinshrdlucmfwypvbgk"
            plain = ["".join(words.choices(letters, k=words.randint(2, 9))) for _ in range(_WORDS)]
            marks = ("{} ",) if kind == "en" else ("{} = ", "{}(", "{}.", "{});\n    ", "return {};\n", "if ({}) {{\n")
            self.words = [words.choice(marks).format(word) for word in plain]
        self.weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))

    def write(self, characters: int) -> list[str]:
        """Tokens of so many characters in all, about."""
        tokens: list[str] = []
        size = 0
        while size < characters:
            tokens += self.draw.choices(self.words, cum_weights=self.weights, k=20)
            size = sum(map(len, tokens))
        return tokens


def shingles(text: str) -> Hashes:
    """The set of a text's 5-shingles after folding."""
    batch = TextBatch(pa.record_batch([pa.array([text], pa.large_string())], names=["text"]))
    codes = np.concatenate([block.codes for block in normalised_blocks(batch)])
    return np.unique(shingle_hashes(np.pad(codes, (0, max(0, SHINGLE - len(codes))))))


def jaccard(one: Hashes, other: Hashes) -> float:
    """Of two sets of shingles."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / max(1, len(one) + len(other) - both)


def plant(kind: str, length: str, wanted: float, count: int, seed: int = 0) -> Iterator[Planted]:
    """Pairs whose similarity is within 0.01 of the wanted one (0.02 for short texts); half edited in places, half at the end."""
    writer = Writer(kind, (seed, length, wanted))
    slack = 0.01 if length == "long" else 0.02
    made = 0
    while made < count:
        tokens = writer.write(LENGTHS[length])
        other = writer.write(LENGTHS[length])
        original = shingles("".join(tokens))
        order = list(range(len(tokens)))
        if made % 2:
            writer.draw.shuffle(order)
        else:
            order.reverse()
        low, high = 0, len(tokens)
        while low < high:  # the fewest tokens to replace so that it is not above
            middle = (low + high) // 2
            if jaccard(original, shingles(_edited(tokens, other, order[:middle]))) > wanted:
                low = middle + 1
            else:
                high = middle
        for replaced in (low, low - 1):
            copy = _edited(tokens, other, order[:replaced])
            found = jaccard(original, shingles(copy))
            if abs(found - wanted) <= slack:
                yield Planted(kind, length, wanted, found, "".join(tokens), copy)
                made += 1
                break


def _edited(tokens: list[str], other: list[str], places: list[int]) -> str:
    changed = tokens.copy()
    for place in places:
        changed[place] = other[place % len(other)]
    return "".join(changed)
