"""Keyword libraries as compiled for a run: every term once, in normalised form, with its risks and tier."""

import hashlib
import json
from dataclasses import dataclass

TIERS = ("block", "review", "context")


@dataclass(frozen=True)
class Entry:
    """A term as it is looked for, and what its occurrence speaks of.

    `requires` and `excludes` are normalised terms of which one must, or none may, occur in the same document.
    """

    term: str
    risks: tuple[str, ...]
    tier: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Library:
    """The compiled library: entries in code-point order of their terms. Hits refer to entries by position."""

    entries: tuple[Entry, ...]

    @property
    def sha256(self) -> str:
        """Digest of all that matters to matching and deciding; notes and dates do not."""
        rows = [[e.term, list(e.risks), e.tier, list(e.requires), list(e.excludes)] for e in self.entries]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
