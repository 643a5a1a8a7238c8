"""Keyword hits: every term of the library found in the normalised text, with its place in the original.

A hit is evidence, not a verdict. The text is matched as it folds, and again as `readings` and the variants asked for
understand it; of hits inside one another the longest count, but never instead of a stronger one.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pii.fingerprint import rules_digest
from schemas import layers
from schemas.lexicon import TIERS, Library
from transforms import normalise, readings
from transforms.excerpt import excerpts
from transforms.matching import BETWEEN, Found, Matcher, joined_ranges
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

VERSION = 5
PINYIN, SPLIT = "pinyin", "split"
VARIANTS = (PINYIN, SPLIT)
SHORTEST_SPLIT = 3  # characters: halves of characters are characters, and shorter terms arise from them by chance
EXAMINED_OCCURRENCES = 20  # of one term in one document are examined for cutting through a word
_STRENGTH = {tier: strength for strength, tier in enumerate(reversed(TIERS))}  # context is 0
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
        """Changes with the library, the folding rules, what is read as what, what quotations hide, the variants and VERSION."""
        asked = [f"{PINYIN} {package_version()}" if name == PINYIN else name for name in sorted(self.variants)]
        parts = [f"keywords/{VERSION}", normalise.fingerprint(), readings.fingerprint(), rules_digest()]
        return hashlib.sha256("/".join([*parts, self.library.sha256, *asked]).encode()).hexdigest()

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
    def _examined(self) -> npt.NDArray[np.bool_]:
        """Terms whose hits may be demoted: context terms count no more than demoted ones anyway."""
        return self._short & (self._strength > _STRENGTH["context"])

    @cached_property
    def _strength(self) -> Offsets:
        return np.array([_STRENGTH[entry.tier] for entry in self.library.entries], dtype=np.int64)

    @cached_property
    def _risks(self) -> tuple[Offsets, Offsets]:
        """Numbers of the risks of all entries, one entry behind the other, and where those of each begin."""
        numbers: dict[str, int] = {}
        own = [[numbers.setdefault(risk, len(numbers)) for risk in entry.risks] for entry in self.library.entries]
        return np.array([number for row in own for number in row], dtype=np.int64), np.cumsum([0, *map(len, own)])

    @cached_property
    def _conditions(self) -> tuple[list[str], Matcher]:
        """The different terms of all conditions."""
        terms = sorted({term for entry in self.library.entries for term in (*entry.requires, *entry.excludes)})
        return terms, Matcher(terms)

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
        return self._longest(folded, hits)

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
        there = text.in_text(found)
        good = text.whole(there, documents)
        asked = np.flatnonzero(good & self._short[found.entry])
        document = np.searchsorted(documents, there.low[asked], side="right") - 1
        first, end = text.bounds(found.low[asked])
        verdicts: dict[int, list[bool]] = {}
        for place, key, begin, stop in zip(
            asked.tolist(),
            (document * len(self.library.entries) + found.entry[asked]).tolist(),
            first.tolist(),
            end.tolist(),
            strict=True,
        ):
            examined = verdicts.setdefault(key, [])
            if len(examined) < EXAMINED_OCCURRENCES:
                low, high = int(found.low[place]), int(found.high[place])
                examined.append(not straddles(text.codes[begin:stop], low - begin, high - begin))
                good[place] = examined[-1]
            else:  # as any of those examined
                good[place] = any(examined)
        return there.where(good)

    def _in_context(self, folded: Normalised, hits: _Hits) -> npt.NDArray[np.bool_]:
        """Which hits have their required context in the document, and not their excluding context."""
        good = np.ones(len(hits.entry), dtype=np.bool_)
        conditional = np.flatnonzero(self._conditional[hits.entry])
        document = np.searchsorted(folded.starts, hits.low[conditional], side="right") - 1
        present = self._present(folded, np.unique(document))
        size = len(self.library.entries)
        keys, own = np.unique(document * size + hits.entry[conditional], return_inverse=True)
        judged = [self._holds(key % size, present.get(key // size, frozenset())) for key in keys.tolist()]
        good[conditional] = np.array(judged, dtype=np.bool_)[own]
        return good

    def _present(self, folded: Normalised, documents: Offsets) -> dict[int, frozenset[str]]:
        """Which terms of conditions stand in these documents of a block."""
        codes, _ = joined_ranges(folded.codes, folded.starts[documents], folded.starts[documents + 1])
        behind = np.flatnonzero(codes == BETWEEN)
        starts = np.append(0, behind + 1)
        terms, matcher = self._conditions
        found = matcher.find(codes, starts)
        which = documents[np.searchsorted(starts, found.low, side="right") - 1]
        present: dict[int, set[str]] = {}
        for key in np.unique(which * len(terms) + found.entry).tolist():
            present.setdefault(key // len(terms), set()).add(terms[key % len(terms)])
        return {document: frozenset(own) for document, own in present.items()}

    def _holds(self, index: int, present: frozenset[str]) -> bool:
        entry = self.library.entries[index]
        return (not entry.requires or not present.isdisjoint(entry.requires)) and present.isdisjoint(entry.excludes)

    def _longest(self, folded: Normalised, hits: _Hits) -> _Hits:
        """Without the hits that lie inside a longer one (网站 in 赌博网站): one wording is one piece of evidence.

        A hit goes only if of each of its risks a longer one says at least as much: of the same tier or a stronger one,
        where one that cuts through a word is context, and not hidden where the shorter is plain.
        """
        if len(hits.high) == 0:
            return hits
        inside = _reached(hits.high, hits.high)
        if not inside.any():
            return hits
        strength = self._strength[hits.entry]
        strength[self._cutting(folded, hits)] = 0
        numbers, starts = self._risks
        first, risks = starts[hits.entry], np.diff(starts)[hits.entry]
        hit = np.repeat(np.arange(len(risks)), risks)  # a row for each risk of each hit
        risk = numbers[np.repeat(first - np.cumsum(risks) + risks, risks) + np.arange(len(hit))]
        order = np.lexsort((hit, risk))
        hit, risk = hit[order], risk[order]
        high = hits.high[hit] + risk * (len(folded.codes) + 1)  # so that no risk reaches into the next
        covered = np.zeros(len(hit), dtype=np.bool_)
        for least in range(len(TIERS)):
            for hidden in (False, True):
                able = (strength[hit] >= least) & (hidden | ~hits.hidden[hit])
                mine = (strength[hit] == least) & (hits.hidden[hit] == hidden)
                covered[mine] = _reached(high, np.where(able, high, 0))[mine]
        stays = np.zeros(len(hits.entry), dtype=np.bool_)
        stays[hit[~covered]] = True
        return hits.where(stays)

    def _cutting(self, folded: Normalised, hits: _Hits) -> Offsets:
        """The hits that cut through a word, among those that may be demoted and hold another hit.

        Of a term's occurrences in a document the first are examined; the others count as cutting, and swallow nothing.
        """
        later = np.minimum.accumulate(hits.high[::-1])[::-1]  # the least end of this hit and those that begin later
        holds = np.append(later[1:] <= hits.high[:-1], False)
        asked = np.flatnonzero(holds & ~hits.hidden & self._examined[hits.entry])
        document = np.searchsorted(folded.starts, hits.low[asked], side="right") - 1
        seen: dict[tuple[int, int], int] = {}
        cutting = []
        for place, own, entry in zip(asked.tolist(), document.tolist(), hits.entry[asked].tolist(), strict=True):
            seen[own, entry] = seen.get((own, entry), 0) + 1
            begin, end = int(folded.starts[own]), int(folded.starts[own + 1])
            low, high = int(hits.low[place]) - begin, int(hits.high[place]) - begin
            if seen[own, entry] > EXAMINED_OCCURRENCES or straddles(folded.codes[begin:end], low, high):
                cutting.append(place)
        return np.array(cutting, dtype=np.int64)

    def _describe(self, batch: TextBatch, block: Block, folded: Normalised, hits: _Hits, rows: "_Rows") -> None:
        """Adds the terms of each document of a block. The occurrence shown is the first that does not cut a word."""
        document = np.searchsorted(folded.starts, hits.low, side="right") - 1
        size = len(self.library.entries)
        order = np.argsort(document * size + hits.entry, kind="stable")
        begins = np.flatnonzero(np.diff((document * size + hits.entry)[order], prepend=-1))
        counts = np.diff(begins, append=len(order))
        terms = np.argsort(order[begins])  # by their first hits, which stand in order of the text
        begins, counts = begins[terms], counts[terms]
        shown = order[begins]
        straddling = self._examined[hits.entry[shown]]
        for number in np.flatnonzero(straddling).tolist():
            begin = int(begins[number])
            for place in order[begin : begin + min(int(counts[number]), EXAMINED_OCCURRENCES)].tolist():
                first, end = folded.starts[document[place] : document[place] + 2].tolist()
                low, high = int(hits.low[place]) - first, int(hits.high[place]) - first
                if hits.hidden[place] or not straddles(folded.codes[first:end], low, high):
                    shown[number], straddling[number] = place, False
                    break
        own = document[shown]
        starts = folded.origin[hits.low[shown]] - block.starts[own]
        ends = folded.origin[hits.high[shown] - 1] + 1 - block.starts[own]
        own += block.first
        quoted = _quotations(batch.strings, own, starts, ends)
        rows.add(own, (hits.entry[shown], counts, starts, ends, quoted, straddling))


def _quotations(texts: Sequence[str], rows: Offsets, starts: Offsets, ends: Offsets) -> list[str]:
    """An excerpt for each hit, those of a document one behind another; empty beyond `EXCERPTED_TERMS` of one."""
    number = np.arange(len(rows)) - np.searchsorted(rows, rows)
    quoted = np.flatnonzero(number < EXCERPTED_TERMS)
    shown = [""] * len(rows)
    hits = zip(*(column[quoted].tolist() for column in (rows, starts, ends)), strict=True)
    for place, text in zip(quoted.tolist(), excerpts([(texts[row], *span) for row, *span in hits]), strict=True):
        shown[place] = text
    return shown


class _Rows:
    """The column of the layer while it grows."""

    def __init__(self) -> None:
        self._documents: list[Offsets] = []
        self._hits: list[Sequence[Any]] = []

    def add(self, documents: Offsets, hits: Sequence[Any]) -> None:
        """Hits by the rows of their documents, in order, and their fields, in the order of the layer's."""
        self._documents.append(documents)
        self._hits.append(hits)

    def column(self, rows: int) -> pa.Array:
        """The column for so many documents."""
        counts = np.bincount(np.concatenate([np.zeros(0, dtype=np.int64), *self._documents]), minlength=rows)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        kinds = list(layers.KEYWORD_HITS.value_type)
        columns = [
            pa.concat_arrays([pa.array(hits[place], kind.type) for hits in self._hits] or [pa.array([], kind.type)])
            for place, kind in enumerate(kinds)
        ]
        values = pa.StructArray.from_arrays(columns, fields=kinds)
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=layers.KEYWORD_HITS, mask=pa.array(counts == 0))


def _places(folded: Normalised, plain: Reading | None, look: Callable[[CodePoints], Offsets]) -> Iterator[Reading]:
    """The text as written around what `look` finds, and the reading `plain` if it finds anything there."""
    near = around(folded, look(folded.codes))
    if near is not None:
        yield near
    if plain is not None and len(look(plain.codes)):
        yield plain


def _reached(high: Offsets, reach: Offsets) -> npt.NDArray[np.bool_]:
    """Which hits, in order of their start and the longer first, end no later than an earlier one reaches."""
    return np.append(False, high[1:] <= np.maximum.accumulate(reach)[:-1])
