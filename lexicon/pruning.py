"""Measures how often each term occurs in ordinary text, and proposes milder tiers for those that occur too often.

Proposes only: whoever keeps the library decides (`lexicon prune` writes a new file where asked, never the old one).

Every term is measured as if it stood alone. An audit counts only the longest of hits that lie in one another; but once
the longer term is dropped, the shorter one hits where the longer did.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import ahocorasick

from lexicon.rows import Row
from schemas.lexicon import TIERS, Library
from transforms.keywords import Keywords
from transforms.text import TextBatch

DROP = "drop"
MIN_DOCUMENTS = 2  # a term seen in a single document is no noise yet
SURE = 0.01  # probability up to which a number of hits counts as impossible for a term that keeps its limit


@dataclass(frozen=True)
class Limits:
    """The share of ordinary documents up to which a term may stay in its tier."""

    block: Fraction = Fraction(1, 100_000)
    review: Fraction = Fraction(1, 2_000)
    context: Fraction = Fraction(1, 10)

    def tier(self, tier: str, documents: int, of: int) -> str:
        """The strictest tier, not above its own, whose limit a term keeps that occurs in `documents` of `of`.

        Where so few documents say nothing of a limit, a term exceeds it only if one that keeps it would hardly ever
        occur so often (SURE).
        """
        for name in TIERS[TIERS.index(tier) :]:
            limit: Fraction = getattr(self, name)
            if documents < MIN_DOCUMENTS or documents <= limit * of:
                return name
            if limit * of < 1 and _tail(documents, of, float(limit)) > SURE:
                return name
        return DROP

    def needed(self, tier: str) -> int:
        """The number of documents from which on a tier's limit can be measured: one hit among them is within it."""
        limit: Fraction = getattr(self, tier)
        return math.ceil(1 / limit) if limit else 0


def _tail(documents: int, of: int, share: float) -> float:
    """How likely a term that occurs in this share of all documents occurs in `documents` or more out of `of`."""
    from scipy.stats import binom

    return float(binom.sf(documents - 1, of, share))


@dataclass
class Frequencies:
    """In how many of the documents each entry of the library counts, and in how many only across words (straddling)."""

    documents: int = 0
    hit: Counter[int] = field(default_factory=Counter)
    straddling: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class Proposal:
    """A term that is noisier than its tier allows, and the tier it should have; `drop` where none fits."""

    term: str
    tier: str
    proposed: str
    documents: int
    straddling: int
    share: float


def measure(batches: Iterable[TextBatch], library: Library) -> Frequencies:
    """The document frequencies of all terms; conditions (`requires`, `excludes`) are kept, as in an audit."""
    stages = [
        (Keywords(Library(tuple(library.entries[index] for index in layer))), layer) for layer in _layers(library)
    ]
    found = Frequencies()
    for batch in batches:
        found.documents += len(batch)
        for stage, layer in stages:
            for hits in stage(batch).column("hits").to_pylist():
                for hit in hits or ():
                    (found.straddling if hit["straddles"] else found.hit)[layer[hit["entry"]]] += 1
    return found


def _layers(library: Library) -> list[list[int]]:
    """The entries in as few parts as there are terms one in another, so that none of a part lies in another of it."""
    if not library.entries:
        return []
    terms = ahocorasick.Automaton()
    for index, entry in enumerate(library.entries):
        terms.add_word(entry.term, index)
    terms.make_automaton()
    depth = [0] * len(library.entries)
    for index in sorted(range(len(depth)), key=lambda index: len(library.entries[index].term)):
        inside = {other for _, other in terms.iter(library.entries[index].term)} - {index}
        depth[index] = max((depth[other] + 1 for other in inside), default=0)
    return [[index for index, own in enumerate(depth) if own == layer] for layer in range(max(depth) + 1)]


def propose(library: Library, found: Frequencies, limits: Limits) -> list[Proposal]:
    """The terms to move, the noisiest first."""
    proposals = []
    for index, entry in enumerate(library.entries):
        documents = found.hit[index]
        proposed = limits.tier(entry.tier, documents, found.documents)
        if proposed != entry.tier:
            share = documents / found.documents
            proposals.append(Proposal(entry.term, entry.tier, proposed, documents, found.straddling[index], share))
    return sorted(proposals, key=lambda proposal: (-proposal.documents, proposal.term))


def apply(rows: Sequence[Row], proposals: Iterable[Proposal]) -> list[Row]:
    """The rows with the proposed tiers; dropped terms are left out."""
    wanted = {proposal.term: proposal.proposed for proposal in proposals}
    return [replace(row, tier=wanted.get(row.term, row.tier)) for row in rows if wanted.get(row.term, row.tier) != DROP]
