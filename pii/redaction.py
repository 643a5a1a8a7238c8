"""Masked copies of texts: every counted finding replaced by a mask of the same length, so that all offsets stay valid.

What stays readable of a value is a part of what pii/masks.py shows of it, beside the separators of numbers.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from pii.detector import Detector, Entity
from pii.masks import mask
from pii.rule import FOLD
from pii.windows import INVISIBLE

STAR = "*"
SECRET = frozenset({"CREDENTIAL"})  # of which nothing is to be learned from a copy
# values in which punctuation only groups digits, be they hexadecimal ones; that of names and secrets is part of them
_NUMBER = re.compile(r"[0-9A-Fa-fXx .:()/+-]*[0-9][0-9A-Fa-fXx .:()/+-]*")
_INVISIBLE = re.compile(INVISIBLE)
_GROUPING = frozenset(" .:()/+-")
_LINE_ENDS = frozenset("\n\r\u2028\u2029")


class Redacted(NamedTuple):
    """A masked text, the findings that were masked, and those that showed only when others were."""

    text: str
    masked: tuple[Entity, ...]
    uncovered: tuple[Entity, ...]


def redact(text: str, detector: Detector, kept: frozenset[str] = frozenset()) -> Redacted:
    """Masks the counted findings of all types but those `kept`, until the detector finds no more of them.

    What overlaps a finding is not reported beside it and may come to light when that is masked, and what is left of a
    value may look like another: all of this is masked without remainder.
    """
    masked = _wanted(detector.find(text), kept)
    text = _replaced(text, [(entity, masked_value(entity.type, text[entity.start : entity.end])) for entity in masked])
    uncovered: list[Entity] = []
    found = masked
    while found:  # ends, for every round leaves fewer characters to be masked
        found = [
            e for e in _wanted(detector.find(text), kept) if _hidden(text[e.start : e.end]) != text[e.start : e.end]
        ]
        text = _replaced(text, [(entity, _hidden(text[entity.start : entity.end])) for entity in found])
        uncovered += found
    return Redacted(text, tuple(masked), tuple(uncovered))


def masked_value(kind: str, value: str) -> str:
    """The value with asterisks, one character for one. Characters that cannot be seen become asterisks, too."""
    if kind in SECRET:
        return _hidden(value)
    seen = _INVISIBLE.sub("", value)
    if seen == value:
        return _masked(kind, value)
    shown = iter(_masked(kind, seen))
    return "".join(STAR if _INVISIBLE.match(char) else next(shown) for char in value)


def _masked(kind: str, value: str) -> str:
    folded = value.translate(FOLD)
    shown = mask(kind, folded)
    head, tail = _alike(folded, shown), _alike(folded[::-1], shown[::-1])
    if head + tail >= len(value):
        head = 0  # a short value of which the mask shows one end and the other
    if tail >= len(value):
        tail = 0
    separate = _GROUPING if _NUMBER.fullmatch(folded) else frozenset()
    kept = _LINE_ENDS | separate
    middle = [own if plain in kept else STAR for own, plain in zip(value, folded, strict=True)]
    return value[:head] + "".join(middle[head : len(value) - tail]) + value[len(value) - tail :]


def _alike(value: str, shown: str) -> int:
    """How many characters the value and what may be shown of it begin with alike."""
    pairs = zip(value, shown, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].upper() == pair[1].upper() != STAR, pairs))


def _hidden(value: str) -> str:
    return "".join(char if char in _LINE_ENDS else STAR for char in value)


def _wanted(found: Iterable[Entity], kept: frozenset[str]) -> list[Entity]:
    return [entity for entity in found if entity.grade != "weak" and entity.type not in kept]


def _replaced(text: str, replacements: Sequence[tuple[Entity, str]]) -> str:
    parts, behind = [], 0
    for entity, value in replacements:
        parts += [text[behind : entity.start], value]
        behind = entity.end
    return "".join([*parts, text[behind:]])
