"""Keyword libraries as compiled for a run: every term once, in normalised form, with its risks and tier."""

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

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

    def __reduce__(self) -> tuple[Callable[[bytes, str], "Library"], tuple[bytes, str]]:
        """Travels to the workers as one compressed blob: a library of 60 000 terms pickles a hundred times faster so."""
        return PackedLibrary, (self.packed, self.sha256)

    def __eq__(self, other: object) -> bool:
        """Whether all that matters to matching and deciding is the same."""
        return isinstance(other, Library) and self.sha256 == other.sha256

    def __hash__(self) -> int:
        return hash(self.sha256)

    @cached_property
    def packed(self) -> bytes:
        """All entries, compressed."""
        rows = [[e.term, e.risks, e.tier, e.requires, e.excludes] for e in self.entries]
        return zlib.compress(json.dumps(rows, ensure_ascii=False).encode(), level=1)

    @cached_property
    def sha256(self) -> str:
        """Digest of all that matters to matching and deciding; notes and dates do not."""
        rows = [[e.term, list(e.risks), e.tier, list(e.requires), list(e.excludes)] for e in self.entries]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()


class PackedLibrary(Library):
    """A library that is unpacked where somebody first asks for its entries; its digest is known."""

    def __init__(self, packed: bytes, sha256: str) -> None:
        vars(self).update(packed=packed, sha256=sha256)

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """As packed."""
        return _unpacked(self.packed)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> tuple[Entry, ...]:
    rows = json.loads(zlib.decompress(packed))
    return tuple(Entry(t, tuple(r), tier, tuple(q), tuple(x)) for t, r, tier, q, x in rows)
