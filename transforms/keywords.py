"""Keyword hits: every term of the library found in the normalised text, with its place in the original.

A hit is evidence, not a verdict. The automaton runs over the UTF-8 bytes read as latin-1: pyahocorasick looks up a
node's edges one after the other, and 256 possible edges are found fifteen times faster than thousands. UTF-8 never
matches out of step, so byte offsets of hits are character borders; only hits are converted to code points.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import ahocorasick
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import layers
from schemas.lexicon import Library
from transforms import normalise
from transforms.excerpt import excerpt
from transforms.normalise import DIGIT, LETTER, Normalised, kind_table, normalised_blocks
from transforms.text import Block, TextBatch
from transforms.words import is_short_han, straddles

VERSION = 1
EXAMINED_OCCURRENCES = 20  # of one term in one document are examined for cutting through a word
EXCERPTED_TERMS = 200  # different terms of one document that are quoted; the rest are stored without a quotation


@dataclass(frozen=True)
class _Hit:
    """One occurrence in a block: library entry and half-open range of the normalised code points."""

    entry: int
    low: int
    high: int


class Keywords:
    """The stage that looks for the terms of a library."""

    name: ClassVar[str] = "keywords"
    schema: ClassVar[pa.Schema] = layers.KEYWORDS

    def __init__(self, library: Library) -> None:
        self.library = library

    def __getstate__(self) -> dict[str, Any]:
        """The automaton stays behind: each process builds its own."""
        return {"library": self.library}

    def fingerprint(self) -> str:
        """Changes with the library, with the folding rules and with VERSION."""
        return hashlib.sha256(
            f"keywords/{VERSION}/{normalise.fingerprint()}/{self.library.sha256}".encode()
        ).hexdigest()

    @cached_property
    def _automaton(self) -> Any:
        automaton = ahocorasick.Automaton()
        for index, entry in enumerate(self.library.entries):
            automaton.add_word(entry.term.encode().decode("latin-1"), index)
        automaton.make_automaton()
        return automaton

    @cached_property
    def _byte_lengths(self) -> npt.NDArray[np.int64]:
        return np.array([len(entry.term.encode()) for entry in self.library.entries], dtype=np.int64)

    @cached_property
    def _word_edges(self) -> npt.NDArray[np.bool_]:
        """Whether each term begins, and ends, with a letter or digit that must stand at a word border."""
        edges = [[_wordlike(entry.term[0]), _wordlike(entry.term[-1])] for entry in self.library.entries]
        return np.array(edges, dtype=np.bool_)

    @cached_property
    def _short_han(self) -> list[bool]:
        return [is_short_han(entry.term) for entry in self.library.entries]

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Per document its distinct terms in order of first occurrence, or NULL."""
        found: list[list[dict[str, Any]] | None] = [None] * len(batch)
        for block, folded in zip(batch.blocks, normalised_blocks(batch), strict=True):
            hits = self._hits(folded)
            if hits:
                self._describe(batch, block, folded, hits, found)
        return pa.record_batch([pa.array(found, type=layers.KEYWORD_HITS)], schema=self.schema)

    def _hits(self, folded: Normalised) -> list[_Hit]:
        """Occurrences within one document each, at word borders, in order of their start."""
        utf8 = folded.codes.tobytes().decode("utf-32-le").encode()
        raw = list(self._automaton.iter(utf8.decode("latin-1")))
        if not raw:
            return []
        byte_end = np.array([end + 1 for end, _ in raw], dtype=np.int64)
        entry = np.array([index for _, index in raw], dtype=np.int64)
        ends = _utf8_ends(folded.codes)
        low = np.searchsorted(ends, byte_end - self._byte_lengths[entry], side="right")
        high = np.searchsorted(ends, byte_end, side="left") + 1
        document = np.searchsorted(folded.starts, low, side="right") - 1
        good = high <= folded.starts[document + 1]
        word = np.isin(kind_table()[folded.codes], (LETTER, DIGIT))
        before = (low > folded.starts[document]) & word[np.maximum(low - 1, 0)]
        last = np.minimum(high, len(word) - 1)
        after = (high < folded.starts[document + 1]) & word[last]
        good &= ~(self._word_edges[entry, 0] & before) & ~(self._word_edges[entry, 1] & after)
        hits = [_Hit(int(e), int(a), int(b)) for e, a, b in zip(entry[good], low[good], high[good], strict=True)]
        return sorted(hits, key=lambda hit: (hit.low, -hit.high))

    def _describe(
        self,
        batch: TextBatch,
        block: Block,
        folded: Normalised,
        hits: list[_Hit],
        found: list[list[dict[str, Any]] | None],
    ) -> None:
        """Writes the terms of each document of a block into `found`."""
        per_document: dict[int, list[_Hit]] = {}
        for hit in hits:
            per_document.setdefault(int(np.searchsorted(folded.starts, hit.low, side="right")) - 1, []).append(hit)
        for local, own in per_document.items():
            kept = _longest(self._in_context(folded, local, own))
            if kept:
                text, first = batch.strings[block.first + local], int(block.starts[local])
                found[block.first + local] = self._terms(text, first, folded, local, kept)

    def _terms(self, text: str, first: int, folded: Normalised, local: int, hits: list[_Hit]) -> list[dict[str, Any]]:
        """The distinct terms of a document. The occurrence shown is the first that does not cut through a word."""
        low, high = int(folded.starts[local]), int(folded.starts[local + 1])
        codes = folded.codes[low:high]
        terms: dict[int, dict[str, Any]] = {}
        for hit in hits:
            term = terms.setdefault(hit.entry, {"entry": hit.entry, "count": 0, "straddles": True})
            term["count"] += 1
            if not term["straddles"] or term["count"] > EXAMINED_OCCURRENCES:
                continue
            term["straddles"] = self._short_han[hit.entry] and straddles(codes, hit.low - low, hit.high - low)
            if term["count"] == 1 or not term["straddles"]:
                start, end = int(folded.origin[hit.low]) - first, int(folded.origin[hit.high - 1]) + 1 - first
                quoted = excerpt(text, start, end) if len(terms) <= EXCERPTED_TERMS else ""
                term |= {"start": start, "end": end, "excerpt": quoted}
        return list(terms.values())

    def _in_context(self, folded: Normalised, local: int, hits: list[_Hit]) -> list[_Hit]:
        """The hits whose required context stands in the document and whose excluding context does not."""
        entries = self.library.entries
        if not any(entries[hit.entry].requires or entries[hit.entry].excludes for hit in hits):
            return hits
        text = folded.codes[folded.starts[local] : folded.starts[local + 1]].tobytes().decode("utf-32-le")
        judged: dict[int, bool] = {}
        for hit in hits:
            if hit.entry not in judged:
                entry = entries[hit.entry]
                judged[hit.entry] = (not entry.requires or any(term in text for term in entry.requires)) and not any(
                    term in text for term in entry.excludes
                )
        return [hit for hit in hits if judged[hit.entry]]


def _longest(hits: list[_Hit]) -> list[_Hit]:
    """Without the hits that lie inside a longer one (网站 in 赌博网站): one wording is one piece of evidence."""
    kept: list[_Hit] = []
    reach = -1
    for hit in hits:  # by start, the longer first
        if hit.high > reach:
            kept.append(hit)
            reach = hit.high
    return kept


def _utf8_ends(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """For each code point the byte offset behind it in UTF-8."""
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    return np.cumsum(lengths)


def _wordlike(char: str) -> bool:
    return int(kind_table()[ord(char)]) in (LETTER, DIGIT)
