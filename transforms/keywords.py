"""Keyword hits: every term of the library found in the normalised text, with its place in the original.

A hit is evidence, not a verdict. The text is matched as it folds, and again as `readings` and the variants asked for
understand it; of all hits the longest count.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import layers
from schemas.lexicon import Library
from transforms import normalise, readings
from transforms.excerpt import excerpt
from transforms.matching import Found, Matcher
from transforms.normalise import Normalised, normalised_blocks
from transforms.pinyin import PACKAGE, Pinyin, package_version
from transforms.readings import (
    LONGEST,
    Reading,
    Triples,
    around,
    collapsed,
    composed,
    disguises,
    repeats,
    splits,
    undisguised,
)
from transforms.text import Block, CodePoints, Offsets, TextBatch
from transforms.words import is_short_han, straddles

VERSION = 2
PINYIN, SPLIT = "pinyin", "split"
VARIANTS = (PINYIN, SPLIT)
SHORTEST_SPLIT = 3  # characters: halves of characters are characters, and shorter terms arise from them by chance
EXAMINED_OCCURRENCES = 20  # of one term in one document are examined for cutting through a word
EXCERPTED_TERMS = 200  # different terms of one document that are quoted; the rest are stored without a quotation


class VariantError(ValueError):
    """A variant is asked for that is unknown, or whose package is missing."""


@dataclass(frozen=True)
class _Hits:
    """Occurrences in a block, in order of their start, the longer first: library entry and range of the folded text.

    `hidden` are those that only a second reading found.
    """

    entry: Offsets
    low: Offsets
    high: Offsets
    hidden: npt.NDArray[np.bool_]

    def where(self, chosen: npt.NDArray[Any]) -> "_Hits":
        return _Hits(self.entry[chosen], self.low[chosen], self.high[chosen], self.hidden[chosen])


class Keywords:
    """The stage that looks for the terms of a library.

    `variants` says which spellings are looked for besides: `pinyin` (du博网站) and `split` (贝者博网站). Raises VariantError.
    """

    name: ClassVar[str] = "keywords"
    schema: ClassVar[pa.Schema] = layers.KEYWORDS

    def __init__(self, library: Library, variants: frozenset[str] = frozenset()) -> None:
        unknown = variants - set(VARIANTS)
        if unknown:
            raise VariantError(f"unknown variants {sorted(unknown)}: expected {', '.join(VARIANTS)}")
        if PINYIN in variants and package_version() is None:
            raise VariantError(
                f"拼音变体需要 {PACKAGE}：pip install 'corpus-audit[pinyin]' / the variant pinyin needs the package {PACKAGE}: "
                "pip install 'corpus-audit[pinyin]'"
            )
        self.library = library
        self.variants = variants

    def __getstate__(self) -> dict[str, Any]:
        """The automata stay behind: each process builds its own."""
        return {"library": self.library, "variants": self.variants}

    def fingerprint(self) -> str:
        """Changes with the library, the folding rules, what is read as what, the variants and VERSION."""
        asked = [f"{PINYIN} {package_version()}" if name == PINYIN else name for name in sorted(self.variants)]
        parts = [f"keywords/{VERSION}", normalise.fingerprint(), readings.fingerprint(), self.library.sha256, *asked]
        return hashlib.sha256("/".join(parts).encode()).hexdigest()

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher([entry.term for entry in self.library.entries])

    @cached_property
    def _pinyin(self) -> Pinyin:
        return Pinyin([entry.term for entry in self.library.entries])

    @cached_property
    def _undoubled(self) -> npt.NDArray[np.bool_]:
        """Terms without a doubled character: 人人贷 is not 人贷 with a repeat."""
        terms = (entry.term for entry in self.library.entries)
        return np.array([all(a != b for a, b in pairwise(term)) for term in terms], dtype=np.bool_)

    @cached_property
    def _triples(self) -> Triples:
        terms = (entry.term for entry in self.library.entries)
        return Triples(
            [term for term, single in zip(terms, self._undoubled, strict=True) if single and len(term) <= LONGEST]
        )

    @cached_property
    def _short(self) -> npt.NDArray[np.bool_]:
        return np.array([is_short_han(entry.term) for entry in self.library.entries], dtype=np.bool_)

    @cached_property
    def _examined(self) -> list[bool]:
        """Terms whose hits may be demoted: context terms count no more than demoted ones anyway."""
        return [entry.tier != "context" and is_short_han(entry.term) for entry in self.library.entries]

    @cached_property
    def _conditional(self) -> npt.NDArray[np.bool_]:
        return np.array([bool(entry.requires or entry.excludes) for entry in self.library.entries], dtype=np.bool_)

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Per document its distinct terms in order of first occurrence, or NULL."""
        rows = _Rows()
        for block, folded in zip(batch.blocks, normalised_blocks(batch), strict=True):
            hits = self._hits(folded)
            if len(hits.entry):
                self._describe(batch, block, folded, hits, rows)
        return pa.record_batch([rows.column(len(batch))], schema=self.schema)

    def _hits(self, folded: Normalised) -> _Hits:
        """The longest hits whose context is as their terms want it."""
        written = self._matcher.find(folded.codes, folded.starts)
        found = [written, *self._hidden(folded)]
        entry, low, high = (
            np.concatenate([getattr(part, name) for part in found]) for name in ("entry", "low", "high")
        )
        hidden = np.arange(len(entry)) >= len(written)
        order = np.lexsort((entry, hidden, -high, low))
        hits = _Hits(entry[order], low[order], high[order], hidden[order])
        if len(order) and self._conditional[hits.entry].any():
            hits = hits.where(self._in_context(folded, hits))
        return _longest(hits)

    def _hidden(self, folded: Normalised) -> Iterator[Found]:
        """What second readings of the text hold besides."""
        near = around(folded, disguises(folded.codes))
        plain = None if near is None else undisguised(near)
        if plain is not None:
            yield self._reread(plain, folded.starts)
        for text in _places(folded, plain, lambda codes: repeats(codes, self._triples)):
            yield self._reread(collapsed(text), folded.starts, self._undoubled)
        if SPLIT in self.variants:
            for text in _places(folded, plain, splits):
                yield self._reread(composed(text), folded.starts, self._matcher.lengths >= SHORTEST_SPLIT)
        if PINYIN in self.variants:
            yield self._pinyin.find(folded)

    def _reread(self, text: Reading, documents: Offsets, eligible: npt.NDArray[np.bool_] | None = None) -> Found:
        """The new occurrences in a reading, as ranges of the folded text; short ones that cut a word are none."""
        if not text.departs:
            return Found.none()
        found = self._matcher.find(text.codes, text.starts, text.altered, LONGEST)
        if len(found) == 0:
            return found
        good = text.crosses(found)
        if eligible is not None:
            good &= eligible[found.entry]
        found = found.where(good)
        good = text.whole(text.in_text(found), documents)
        for place in np.flatnonzero(good & self._short[found.entry]).tolist():
            low, high = int(found.low[place]), int(found.high[place])
            first, end = text.piece(low)
            good[place] = not straddles(text.codes[first:end], low - first, high - first)
        return text.in_text(found.where(good))

    def _in_context(self, folded: Normalised, hits: _Hits) -> npt.NDArray[np.bool_]:
        """Which hits have their required context in the document, and not their excluding context."""
        good = np.ones(len(hits.entry), dtype=np.bool_)
        conditional = np.flatnonzero(self._conditional[hits.entry])
        document = np.searchsorted(folded.starts, hits.low[conditional], side="right") - 1
        texts: dict[int, str] = {}
        judged: dict[tuple[int, int], bool] = {}
        for place, key in zip(
            conditional.tolist(), zip(document.tolist(), hits.entry[conditional].tolist(), strict=True), strict=True
        ):
            local, index = key
            if local not in texts:
                texts[local] = _decoded(folded.codes[folded.starts[local] : folded.starts[local + 1]])
            if key not in judged:
                entry, text = self.library.entries[index], texts[local]
                judged[key] = (not entry.requires or any(term in text for term in entry.requires)) and not any(
                    term in text for term in entry.excludes
                )
            good[place] = judged[key]
        return good

    def _describe(self, batch: TextBatch, block: Block, folded: Normalised, hits: _Hits, rows: "_Rows") -> None:
        """Adds the terms of each document of a block. The occurrence shown is the first that does not cut a word."""
        document = np.searchsorted(folded.starts, hits.low, side="right") - 1
        begins = np.flatnonzero(np.diff(document, prepend=-1))
        own = document[begins].tolist()
        entries, lows, highs, hidden = (part.tolist() for part in (hits.entry, hits.low, hits.high, hits.hidden))
        starts = (folded.origin[hits.low] - block.starts[document]).tolist()
        ends = (folded.origin[hits.high - 1] + 1 - block.starts[document]).tolist()
        bounds = [*begins.tolist(), len(entries)]
        for local, begin, end in zip(own, bounds[:-1], bounds[1:], strict=True):
            first = int(folded.starts[local])
            codes = folded.codes[first : int(folded.starts[local + 1])]
            terms: dict[int, _Term] = {}
            for place in range(begin, end):
                entry = entries[place]
                term = terms.get(entry)
                if term is None:
                    term = terms[entry] = _Term(place, straddles=self._examined[entry])
                term.count += 1
                if (
                    term.straddles
                    and term.count <= EXAMINED_OCCURRENCES
                    and (hidden[place] or not straddles(codes, lows[place] - first, highs[place] - first))
                ):
                    term.place, term.straddles = place, False
            row = block.first + local
            text = batch.strings[row]
            rows.begin(row, len(terms))
            for number, (entry, term) in enumerate(terms.items()):
                where = starts[term.place], ends[term.place]
                quoted = excerpt(text, *where) if number < EXCERPTED_TERMS else ""
                rows.add(entry, term.count, *where, quoted, term.straddles)


@dataclass(slots=True)
class _Term:
    """What is known of one term in one document: the hit shown, and whether all that were examined cut a word."""

    place: int
    straddles: bool
    count: int = 0


class _Rows:
    """The column of the layer while it grows."""

    def __init__(self) -> None:
        self._documents: list[int] = []
        self._sizes: list[int] = []
        self._hits: list[tuple[int, int, int, int, str, bool]] = []

    def begin(self, row: int, terms: int) -> None:
        """So many hits of this document follow."""
        self._documents.append(row)
        self._sizes.append(terms)

    def add(self, entry: int, count: int, start: int, end: int, quoted: str, cuts: bool) -> None:
        """One hit, its fields in the order of the layer's."""
        self._hits.append((entry, count, start, end, quoted, cuts))

    def column(self, rows: int) -> pa.Array:
        """The column for so many documents."""
        counts = np.zeros(rows, dtype=np.int64)
        counts[self._documents] = self._sizes
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        kinds = list(layers.KEYWORD_HITS.value_type)
        columns = zip(*self._hits, strict=True) if self._hits else [()] * len(kinds)
        values = pa.StructArray.from_arrays(
            [pa.array(column, kind.type) for column, kind in zip(columns, kinds, strict=True)], fields=kinds
        )
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=layers.KEYWORD_HITS, mask=pa.array(counts == 0))


def _places(folded: Normalised, plain: Reading | None, look: Callable[[CodePoints], Offsets]) -> Iterator[Reading]:
    """The text as written around what `look` finds, and the reading `plain` if it finds anything there."""
    near = around(folded, look(folded.codes))
    if near is not None:
        yield near
    if plain is not None and len(look(plain.codes)):
        yield plain


def _longest(hits: _Hits) -> _Hits:
    """Without the hits that lie inside a longer one (网站 in 赌博网站): one wording is one piece of evidence."""
    if len(hits.high) == 0:
        return hits
    reached = np.maximum.accumulate(hits.high)
    return hits.where(np.concatenate([[True], hits.high[1:] > reached[:-1]]))


def _decoded(codes: CodePoints) -> str:
    return codes.tobytes().decode("utf-32-le")
