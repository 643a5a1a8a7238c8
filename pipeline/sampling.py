"""The two samples: functions of the seed, the document ids and the content hashes, and of nothing else.

`digest = sha256(seed + "\n" + doc_id + "\n" + content_hash)` in hex; the manual key is its first 16 characters, the
technical key the next 16. The manual sample is the `manual` smallest manual keys of the admitted documents, the
technical sample the ⌈N·share⌉ smallest technical keys; ties by doc_id, shard, row. No order of work enters.

Neither needs the corpus in one place: a bounded heap gives the first; for the second a histogram of keys tells in which
bin the cut falls, the draw takes everything up to that bin, and only the bin itself is ranked.
"""

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt

BIN_HEX = 3
BINS = 16**BIN_HEX


class Ranked(NamedTuple):
    """A document and its key, in the order of the sample: key, then the ties."""

    key: str
    doc_id: str
    shard: str
    row: int
    unit: str


def keys_of(seed: str, doc_ids: Iterable[str], content_hashes: Iterable[str]) -> list[str]:
    """The 64-character digests of documents, in their order."""
    prefix = hashlib.sha256(f"{seed}\n".encode())
    digests = []
    for doc_id, content_hash in zip(doc_ids, content_hashes, strict=True):
        state = prefix.copy()
        state.update(f"{doc_id}\n{content_hash}".encode())
        digests.append(state.hexdigest())
    return digests


def technical_size(population: int, share: Decimal) -> int:
    """⌈population · share⌉, exactly."""
    return -(-population * Fraction(share) // 1).__int__() if population else 0


@dataclass
class Ranking:
    """How the admitted documents rank: their number, the histogram of technical keys, the smallest manual keys."""

    limit: int
    population: int = 0
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    manual: list[Ranked] = field(default_factory=list)

    def add(self, documents: list[Ranked], digests: list[str]) -> None:
        """Takes in documents (ranked by manual key) and their full digests."""
        self.population += len(digests)
        if digests:
            self.bins += np.bincount([int(digest[16 : 16 + BIN_HEX], 16) for digest in digests], minlength=BINS)
        self.manual = heapq.nsmallest(self.limit, [*self.manual, *documents])

    def merge(self, other: "Ranking") -> None:
        """Takes in another ranking."""
        self.population += other.population
        self.bins = self.bins + other.bins
        self.manual = heapq.nsmallest(self.limit, [*self.manual, *other.manual])


class MergeRankings(beam.CombineFn):  # type: ignore[misc]
    """Merges rankings of disjoint sets of documents."""

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
    """Where the samples end: who is in the manual sample, and the bin of technical keys in which the cut falls.

    `population` admitted documents, `technical` of them sampled, `bin` the last bin that holds any of the sample and
    `within` how many of that bin's documents belong to it.
    """

    population: int
    technical: int
    bin: int
    within: int
    manual: tuple[Ranked, ...]


def cut_of(ranking: Ranking, share: Decimal) -> Cut:
    """The cut for a complete ranking."""
    size = technical_size(ranking.population, share)
    cumulative = np.cumsum(ranking.bins)
    last = int(np.searchsorted(cumulative, size)) if size else -1
    below = int(cumulative[last - 1]) if last > 0 else 0
    return Cut(ranking.population, size, last, size - below, tuple(sorted(ranking.manual)))
