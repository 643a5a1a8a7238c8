"""The two samples: functions of the seed, the document ids and the content hashes, and of nothing else.

`digest = sha256(seed + "\n" + doc_id + "\n" + content_hash)` in hex; the manual key is its first 16 characters, the
technical key the next 16. The manual sample is the `manual` smallest manual keys of the admitted documents, the
technical sample the ⌈N·share⌉ smallest technical keys; ties by doc_id, shard, row. No order of work enters.

Neither needs the corpus in one place: merged in any order, the smallest manual keys tell where the first ends; for the
second a histogram of keys tells in which bin the cut falls, everything up to that bin is taken, and only the bin itself
is ranked.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

BIN_HEX = 3
BINS: int = 16**BIN_HEX


Keys = npt.NDArray[np.uint64]


def keys_of(seed: str, doc_ids: Iterable[str], content_hashes: Iterable[str]) -> list[str]:
    """The 64-character digests of documents, in their order."""
    return [digest.hex() for digest in _digests(seed, doc_ids, content_hashes)]


def numbers_of(seed: str, doc_ids: Iterable[str], content_hashes: Iterable[str]) -> tuple[Keys, Keys]:
    """The manual and the technical keys of documents, in their order, as numbers: they rank as their hex forms do."""
    joined = b"".join(_digests(seed, doc_ids, content_hashes))
    numbers = np.frombuffer(joined, dtype=">u8").reshape(-1, 4).astype(np.uint64)
    return numbers[:, 0], numbers[:, 1]


def key_of(number: int) -> str:
    """A key as it is published."""
    return f"{number:016x}"


def _digests(seed: str, doc_ids: Iterable[str], content_hashes: Iterable[str]) -> Iterator[bytes]:
    prefix = hashlib.sha256(f"{seed}\n".encode())
    for doc_id, content_hash in zip(doc_ids, content_hashes, strict=True):
        state = prefix.copy()
        state.update(f"{doc_id}\n{content_hash}".encode())
        yield state.digest()


def technical_size(population: int, share: Decimal) -> int:
    """⌈population · share⌉, exactly."""
    return math.ceil(Fraction(share) * population)


@dataclass
class Ranking:
    """How the admitted documents rank: their number, the histogram of technical keys, the smallest manual keys.

    `manual` holds at most `limit` keys in ascending order, equal ones each.
    """

    limit: int
    population: int = 0
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    manual: Keys = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    def add(self, manual: Keys, technical: Keys) -> None:
        """Takes in documents by their keys."""
        self.population += len(technical)
        self.bins += np.bincount(bins_of(technical), minlength=BINS)
        self.manual = np.sort(np.concatenate([self.manual, manual]))[: self.limit]

    def merge(self, other: "Ranking") -> None:
        """Takes in another ranking."""
        self.population += other.population
        self.bins = self.bins + other.bins
        self.manual = np.sort(np.concatenate([self.manual, other.manual]))[: self.limit]


def bins_of(technical: Keys) -> npt.NDArray[np.int64]:
    """The bin of each technical key."""
    return (technical >> np.uint64(64 - 4 * BIN_HEX)).astype(np.int64)


class MergeRankings:
    """Merges rankings of disjoint sets of documents, with the methods of a CombineFn."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def create_accumulator(self) -> Ranking:
        """Nothing ranked yet."""
        return Ranking(self.limit)

    def add_input(self, accumulator: Ranking, element: Ranking) -> Ranking:
        """Merges one ranking."""
        accumulator.merge(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Ranking]) -> Ranking:
        """Merges all rankings."""
        total = Ranking(self.limit)
        for accumulator in accumulators:
            total.merge(accumulator)
        return total

    def extract_output(self, accumulator: Ranking) -> Ranking:
        """The ranking of all."""
        return accumulator


@dataclass(frozen=True)
class Cut:
    """Where the samples end: the last key of the manual sample, and the bin of technical keys in which the cut falls.

    `population` admitted documents, `technical` of them sampled, `bin` the last bin that holds any of the sample and
    `within` how many of that bin's documents belong to it. `manual` documents are in the manual sample, none with a
    greater key than `last`; several documents may have that very key.
    """

    population: int
    technical: int
    bin: int
    within: int
    manual: int
    last: int


def cut_of(ranking: Ranking, share: Decimal) -> Cut:
    """The cut for a complete ranking."""
    size = technical_size(ranking.population, share)
    cumulative = np.cumsum(ranking.bins)
    bin_ = int(np.searchsorted(cumulative, size)) if size else -1
    below = int(cumulative[bin_ - 1]) if bin_ > 0 else 0
    manual = len(ranking.manual)
    return Cut(ranking.population, size, bin_, size - below, manual, int(ranking.manual[-1]) if manual else 0)


def reach_of(share: Decimal) -> int:
    """How many bins hold the technical sample of any large corpus, with room to spare."""
    return min(BINS, math.ceil(BINS * Fraction(share) * Fraction(104, 100)) + 8)
