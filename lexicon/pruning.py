"""Measures how often each term occurs in ordinary text, and proposes milder tiers for those that occur too often.

Proposes only: whoever keeps the library decides (`lexicon prune` writes a new file where asked, never the old one).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from lexicon.rows import Row
from schemas.lexicon import TIERS, Library
from transforms.keywords import Keywords
from transforms.text import TextBatch

DROP = "drop"
MIN_DOCUMENTS = 2  # a term seen in a single document is no noise yet


@dataclass(frozen=True)
class Limits:
    """The share of ordinary documents up to which a term may stay in its tier."""

    block: Fraction = Fraction(1, 100_000)
    review: Fraction = Fraction(1, 2_000)
    context: Fraction = Fraction(1, 10)

    def tier(self, tier: str, documents: int, of: int) -> str:
        """The strictest tier, not above its own, whose limit a term keeps that occurs in `documents` of `of`."""
        for name in TIERS[TIERS.index(tier) :]:
            limit: Fraction = getattr(self, name)
            if documents < MIN_DOCUMENTS or documents <= limit * of:
                return name
        return DROP


@dataclass
class Frequencies:
    """In how many of the documents each entry of the library counts, and in how many only across words (straddling)."""

    documents: int = 0
    hit: Counter[int] = field(default_factory=Counter)
    straddling: Counter[int] = field(default_factory=Counter)

    def add(self, batch: TextBatch, stage: Keywords) -> None:
        """Counts a batch."""
        self.documents += len(batch)
        for hits in stage(batch).column("hits").to_pylist():
            for hit in hits or ():
                (self.straddling if hit["straddles"] else self.hit)[hit["entry"]] += 1


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
    stage, found = Keywords(library), Frequencies()
    for batch in batches:
        found.add(batch, stage)
    return found


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
