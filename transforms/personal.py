"""Personal information, from entities to levels: class, level by standard, aggregation, children under 14, lawful basis.

Pure, and over whole batches: what is decided of an entity follows from its type, its grade, its neighbours in the
document and a year of reference. Documents without entities are not touched one by one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.evidence import Facts
from schemas.personal_information import CLASSES, LEVELS, Combination, catalogue
from schemas.profile import PersonalInformationLevels
from schemas.sources import SourceRecord

COUNTED_GRADES = ("validated", "contextual")
VERDICTS = {"personal": "personal_information", "organisation": "organisation", "credential": "credential"}
AGGREGATION, UNDER_14 = "aggregation", "under_14"

_SENSITIVE = LEVELS.index("sensitive")
_NAMES = ("none", *LEVELS)
_NOT_COUNTED = -1
_SPAN = 1 << 40  # above any position in a document: documents laid end to end, far apart

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def reference_year(source: SourceRecord, facts: Facts, audit_year: int) -> int:
    """The year by which ages of persons in a source are told.

    The first of those the source declares of its corpus, when it was collected or obtained, and that of the audit: a
    date to come makes nobody older.
    """
    collected = facts.collection.fetched_from if facts.collection else None
    declared = [day.year for day in (collected, source.evidence.obtained_at) if day is not None]
    return min([*declared, audit_year])


@dataclass(frozen=True)
class Persons:
    """What is decided of the entities of a batch, one element an entity, in order of documents and positions."""

    entities: pa.StructArray
    documents: Numbers  # position of the entity's document in the batch
    count: int  # documents of the batch
    classes: npt.NDArray[np.int8]  # position in CLASSES; -1 for what does not count
    levels: npt.NDArray[np.int8]  # position in LEVELS; -1 for what is no counted personal information
    under_14: Flags
    aggregated: Flags  # raised by what stands beside it

    @cached_property
    def document_levels(self) -> pa.Array:
        """By document `none`, or the highest level."""
        return pa.array(_NAMES, pa.string()).take(pa.array(self._highest(self.levels) + 1))

    def _highest(self, levels: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """By document the highest of these levels of its entities; -1 where there is none."""
        highest = np.full(self.count, -1, dtype=np.int8)
        np.maximum.at(highest, self.documents, levels)
        return highest

    @cached_property
    def document_under_14(self) -> Flags:
        """By document whether it holds information of children under 14."""
        found: Flags = np.zeros(self.count, dtype=np.bool_)
        found[self.documents[self.under_14]] = True
        return found

    def types(self, personal: bool, value_type: pa.DataType) -> pa.Array:
        """By document the sorted types that count as personal information, or those that count as something else."""
        wanted = self.classes == 0 if personal else self.classes > 0
        names = pc.struct_field(self.entities, "type").filter(pa.array(wanted)).dictionary_encode()
        known = sorted(names.dictionary.to_pylist())
        rank = np.array([known.index(name) for name in names.dictionary.to_pylist()], dtype=np.int64)
        pairs = np.unique(self.documents[wanted] * max(len(known), 1) + rank[np.asarray(names.indices, dtype=np.int64)])
        owners, ranks = np.divmod(pairs, max(len(known), 1))
        offsets = np.zeros(self.count + 1, dtype=np.int32)
        np.cumsum(np.bincount(owners, minlength=self.count), out=offsets[1:])
        values = pa.array(known, pa.string()).take(pa.array(ranks))
        return pa.ListArray.from_arrays(pa.array(offsets), values, type=value_type)

    def covered(self, bases: tuple[str, ...]) -> pa.Array:
        """By document whether these bases cover all its personal information; NULL where it has none.

        What is highest of adults and what is highest of children are asked about apart: a basis may cover one alone.
        """
        answers: Flags = np.ones(self.count, dtype=np.bool_)
        for minors in (False, True):
            highest = self._highest(np.where(self.under_14 == minors, self.levels, np.int8(-1)))
            told = np.array([True, *(catalogue().covers(bases, level, minors) for level in LEVELS)])
            answers &= told[highest + 1]
        return pa.array(answers, mask=self._highest(self.levels) < 0)

    def findings(self, detector: str, most_undecided: int) -> dict[str, pa.Array]:
        """Columns of findings with the positions of their documents as `document`; of what does not count, so many."""
        undecided = self.classes == _NOT_COUNTED
        seen = np.cumsum(undecided)
        first = np.searchsorted(self.documents, self.documents)  # documents come in order
        kept = ~undecided | (seen - (seen - undecided)[first] <= most_undecided)
        entities = self.entities.filter(pa.array(kept))
        count = len(entities)
        levels, under_14, aggregated = self.levels[kept], self.under_14[kept], self.aggregated[kept]
        verdicts = pa.array(["candidate", *(VERDICTS[name] for name in CLASSES)], pa.string())
        raised = np.where(under_14, 1, 0)
        return {
            "document": pa.array(self.documents[kept]),
            "detector": pa.array([detector] * count, pa.string()),
            "risk_id": pa.nulls(count, pa.string()),
            "pii_type": pc.struct_field(entities, "type"),
            "start": pc.struct_field(entities, "start"),
            "end": pc.struct_field(entities, "end"),
            "score": pa.nulls(count, pa.float32()),
            "excerpt": pc.struct_field(entities, "mask"),
            "verdict": verdicts.take(pa.array(self.classes[kept] + 1)),
            "rule": pc.struct_field(entities, "grade"),
            "level": pa.array(LEVELS, pa.string()).take(pa.array(levels, mask=levels < 0)),
            "raised": pa.array([AGGREGATION, UNDER_14], pa.string()).take(
                pa.array(raised, mask=~(under_14 | aggregated))
            ),
            "hmac": _hex(pc.struct_field(entities, "hmac")),
        }


def judge_entities(entities: pa.ListArray, standing: PersonalInformationLevels, year: int | None) -> Persons:
    """Decides on the column `entities` of the layer pii. Without a year of reference births tell nothing.

    A level is that of the type, raised to sensitive by neighbours, or for a child under 14. `under_14` is also told
    where the type is sensitive by itself: it is the guardian who has to consent then.
    """
    flat = pc.list_flatten(entities)
    documents = np.asarray(pc.list_parent_indices(entities), dtype=np.int64)
    kinds = pc.struct_field(flat, "type").dictionary_encode()
    names, codes = kinds.dictionary.to_pylist(), np.asarray(kinds.indices, dtype=np.int64)
    counted = np.asarray(pc.is_in(pc.struct_field(flat, "grade"), value_set=pa.array(COUNTED_GRADES)))
    by_name = np.array([CLASSES.index(catalogue().class_of(name)) for name in names], dtype=np.int8)
    classes = np.where(counted, by_name[codes], np.int8(_NOT_COUNTED))
    personal = classes == 0
    own = np.array([LEVELS.index(standing.level_of(name)) for name in names], dtype=np.int8)
    levels = np.where(personal, own[codes], np.int8(-1))
    under_14 = personal & _of_children(flat, year)
    together = np.zeros(len(flat), dtype=np.bool_)
    start, end = (np.asarray(pc.struct_field(flat, name), dtype=np.int64) for name in ("start", "end"))
    chosen = np.flatnonzero(personal)
    for rule in catalogue().combinations(standing.standard):
        if all(not part.isdisjoint(names) for part in rule.of):
            place = documents[chosen] * _SPAN
            found = _together(rule, names, codes[chosen], place + start[chosen], place + end[chosen])
            together[chosen[found]] = True
    aggregated = together & (levels < _SENSITIVE) & ~under_14
    levels = np.where((under_14 | aggregated) & (levels < _SENSITIVE), np.int8(_SENSITIVE), levels)
    return Persons(flat, documents, len(entities), classes, levels, under_14, aggregated)


def _of_children(entities: pa.StructArray, year: int | None) -> Flags:
    children: Flags = np.array(pc.struct_field(entities, "minor"), dtype=np.bool_)
    if year is not None:
        born = pc.struct_field(entities, "born").cast(pa.int64())
        children |= np.asarray(pc.fill_null(pc.less_equal(pc.subtract(year, born), catalogue().minors.until), False))
    return children


def _together(rule: Combination, names: list[str], codes: Numbers, start: Numbers, end: Numbers) -> Flags:
    """The entities that belong to a combination: one of each part, the last beginning within reach of the first's end.

    Entities come in order and never overlap. Whoever opens a combination sees each other part ahead of it; whoever
    follows stands within reach of an opener of another part.
    """
    part = np.full(len(names), -1, dtype=np.int64)
    for number, members in enumerate(rule.of):
        part[[code for code, name in enumerate(names) if name in members]] = number
    chosen = np.flatnonzero(part[codes] >= 0)
    parts, start, end = part[codes[chosen]], start[chosen], end[chosen]
    reach = np.searchsorted(start, end + rule.within, side="right")
    opens = np.ones(len(chosen), dtype=np.bool_)
    for number in range(len(rule.of)):
        own = parts == number
        before = np.concatenate([[0], np.cumsum(own)])
        opens &= own | (before[reach] > before[:-1])
    found = opens.copy()
    for number in range(len(rule.of)):
        last = np.maximum.accumulate(np.where(opens & (parts == number), end, -_SPAN))
        found |= (parts != number) & (last + rule.within >= start)
    result: Flags = np.zeros(len(codes), dtype=np.bool_)
    result[chosen[found]] = True
    return result


def _hex(digests: pa.Array) -> pa.Array:
    """As hexadecimal; NULL where a detector without a salt found the entity."""
    return pa.array([None if digest is None else digest.hex() for digest in digests.to_pylist()], pa.string())
