"""The 5 % rule (clause 5.1 a 2): a source with more than 5 % illegal or unhealthy items is blacklisted.

Literal and in whole numbers, on all documents audited, before any filtering. Exactly 5 % is not more than 5 %.
"""

import hashlib
import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Standing:
    """The blacklist before a run: `sources` and `domains` in force, and sources whose lift holds for what is audited.

    `apart` are sources of stages that violate by design (schemas/sources.py): the rule is for ordinary ones.
    """

    maximum: tuple[int, int]
    sources: frozenset[str] = field(default_factory=frozenset)
    domains: frozenset[str] = field(default_factory=frozenset)
    lifted: frozenset[str] = field(default_factory=frozenset)
    lifted_domains: frozenset[str] = field(default_factory=frozenset)
    apart: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, order=True)
class Verdict:
    """A source above the maximum, with the two numbers that decide it."""

    source_id: str
    violations: int
    documents: int


def exceeds(violations: int, documents: int, maximum: tuple[int, int]) -> bool:
    """Whether violations/documents > maximum, for the 5 % rule `violations * 20 > documents`."""
    numerator, denominator = maximum
    return violations * denominator > documents * numerator


def judge(counted: dict[str, tuple[int, int]], standing: Standing) -> list[Verdict]:
    """The sources to blacklist now: above the maximum, not listed apart or yet, not lifted for this very content.

    `counted` maps source ids to (violations, documents). A falling rate lifts nothing.
    """
    return sorted(
        Verdict(source, violations, documents)
        for source, (violations, documents) in counted.items()
        if exceeds(violations, documents, standing.maximum)
        and source not in standing.sources
        and source not in standing.lifted
        and source not in standing.apart
    )


def corpus_version(source_versions: dict[str, str]) -> str:
    """What all sources together hold, as a digest: the lift of a domain holds for this version only."""
    return hashlib.sha256(json.dumps(sorted(source_versions.items())).encode()).hexdigest()
