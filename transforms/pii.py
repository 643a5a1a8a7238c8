"""Finds personal information: identity numbers, mobiles, bank cards, e-mail and IP addresses.

Presidio costs about 300 µs a document, and few documents hold anything for it. A gate of one RE2 pattern over the
whole column picks the documents, a scan for the same anchors picks windows in them, and only those windows are
analysed. Nothing is lost on the way: every rule has its anchor inside whatever it matches, and a window reaches as far
around an anchor as any rule looks. The tests compare the outcome with analysing whole documents.
"""

import hashlib
import re
from collections.abc import Iterator
from string import ascii_letters, digits
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

import schemas.layers
from transforms.pii_recognizers import build_analyzer
from transforms.pii_rules import (
    FOLD,
    LOOK_BEHIND,
    MASKS,
    MAX_EMAIL,
    MAX_IDENTIFIER,
    PRIORITY,
    RULES,
    grade,
    rules_text,
    wide,
)
from transforms.text import TextBatch

VERSION = 1
MAX_ENTITIES = 10_000  # kept of one document; a list of a million numbers needs no full account

# An anchor touches its match somewhere: the window must hold a whole match and what its grade reads, on either side.
MARGIN = MAX_IDENTIFIER + LOOK_BEHIND + 1
# E-mail addresses alone may be longer; they are one unbroken run of these characters.
REACH = MAX_EMAIL + LOOK_BEHIND + 1
PIECE = 32 * 1024  # long windows are analysed in pieces that overlap by REACH

_ANCHOR = "|".join(f"(?:{rule.anchor})" for rule in RULES)
_FIRST = wide(digits + ascii_letters + "_:")  # what anchors begin with: lets `re` skip over Han quickly
_RUN = wide(digits + ascii_letters + "._%+@-") + f"{{0,{REACH}}}"


class Entity(NamedTuple):
    """One finding: where it stands in the original text, how sure we are, and what may be shown of it."""

    type: str
    start: int
    end: int
    grade: str
    mask: str


class PersonalInformation:
    """Scan stage for the layer `pii`: the entities of each document in order, never overlapping.

    Grades: `validated` has a check digit, a listed top-level domain or a public address, or, for mobiles, a segment in
    use and clean edges; `contextual` lacks that but has a word like 手机 nearby; `weak` has neither, or is a
    placeholder or a private address. Pickle it freely: the analyzer is built where it is first needed.
    """

    name: ClassVar[str] = "pii"
    schema: ClassVar[pa.Schema] = schemas.layers.PII

    def __init__(self) -> None:
        self._engine: Any = None
        self._anchors = re.compile(f"(?={_FIRST})(?:{_ANCHOR})")
        self._run = re.compile(_RUN)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_engine": None}

    def fingerprint(self) -> str:
        """Digest of the rules and of what bounds their application."""
        return hashlib.sha256(f"pii/{VERSION}/{MAX_ENTITIES}\n{rules_text()}".encode()).hexdigest()

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Entities per document; NULL where none. A document the analyzer fails on says so in `unscored`."""
        entities: list[list[dict[str, Any]] | None] = [None] * len(batch)
        unscored: list[str | None] = [None] * len(batch)
        passed = pc.indices_nonzero(pc.match_substring_regex(batch.text, _ANCHOR))
        for row, text in zip(passed.to_pylist(), batch.text.take(passed).to_pylist(), strict=True):
            try:
                entities[row] = [entity._asdict() for entity in self.entities(text)] or None
            except Exception as error:  # one document must not cost the batch; the message may quote the text
                unscored[row] = f"analyzer failed: {type(error).__name__}"
        columns = [
            pa.array(entities, self.schema.field("entities").type),
            pa.array(unscored, self.schema.field("unscored").type),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def entities(self, text: str) -> list[Entity]:
        """The entities of one text, the first `MAX_ENTITIES` of them."""
        found: list[Entity] = []
        enough = MAX_ENTITIES + len(PRIORITY) ** 2  # more than an overlap at the end can still change
        checked_at = enough
        for low, high in self.windows(text):
            for start in range(low, high, PIECE):
                found += self._analyse(text, start, min(start + PIECE, high), low, high)
                if len(found) >= checked_at:
                    if len(resolve(found)) >= enough:
                        return resolve(found)[:MAX_ENTITIES]
                    checked_at = 2 * len(found)
        return resolve(found)[:MAX_ENTITIES]

    def windows(self, text: str) -> list[tuple[int, int]]:
        """The stretches of text that hold all entities, in order, apart from one another."""
        anchors = (found.span() for found in self._anchors.finditer(text))
        around = merge((max(0, start - MARGIN), min(len(text), end + MARGIN)) for start, end in anchors)
        return merge(self._to_run_ends(text, low, high) for low, high in around)

    def _to_run_ends(self, text: str, low: int, high: int) -> tuple[int, int]:
        before = self._run.match(text[max(0, low - REACH) : low][::-1])
        after = self._run.match(text, high)
        low -= (before.end() if before else 0) + LOOK_BEHIND
        return max(0, low), after.end() if after else high

    def _analyse(self, text: str, start: int, end: int, low: int, high: int) -> Iterator[Entity]:
        """The findings that begin in `[start, end)`, read with their surroundings inside the window `[low, high)`."""
        if self._engine is None:
            self._engine = build_analyzer()
        origin = max(low, start - REACH)
        piece = text[origin : min(high, end + REACH)].translate(FOLD)
        for result in self._engine.analyze(text=piece, language="zh", entities=PRIORITY):
            if start <= origin + result.start < end:
                mask = MASKS[result.entity_type](piece[result.start : result.end])
                span = origin + result.start, origin + result.end
                yield Entity(result.entity_type, *span, grade(result.score), mask)


def merge(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Unites spans that touch; they must come in order of their starts."""
    merged: list[tuple[int, int]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def resolve(found: list[Entity]) -> list[Entity]:
    """Leaves one of any that overlap, by kind, then the longer, then the earlier; in order of position."""
    kept: list[Entity] = []
    cluster: list[Entity] = []
    reach = 0
    for entity in sorted(found, key=lambda entity: (entity.start, entity.end)):
        if entity.start >= reach:
            kept += _strongest(cluster)
            cluster = []
        cluster.append(entity)
        reach = max(reach, entity.end)
    return kept + _strongest(cluster)


def _strongest(cluster: list[Entity]) -> list[Entity]:
    if len(cluster) < 2:
        return cluster
    kept: list[Entity] = []
    for entity in sorted(cluster, key=_rank):
        if all(entity.end <= other.start or other.end <= entity.start for other in kept):
            kept.append(entity)
    return sorted(kept, key=lambda entity: entity.start)


def _rank(entity: Entity) -> tuple[int, int, int]:
    return PRIORITY.index(entity.type), entity.start - entity.end, entity.start
