"""Finds personal information in a text: windows, rules, overlaps, and what is kept of each finding."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pii.masks import digest, mask
from pii.overlaps import resolve
from pii.people import is_about_a_child, year_of_birth
from pii.rule import BESIDE, CONTEXTUAL, REJECTED, Rule, fold, grade
from pii.rules import all_rules
from pii.support import supported
from pii.tracks import compose
from pii.unseen import seen, without_unseen
from pii.windows import Gate, Window

PIECE = 32 * 1024  # characters; long windows are read in pieces
_SURROGATES = re.compile("[\ud800-\udfff]")


class Entity(NamedTuple):
    """One finding: where it stands in the original text, how sure we are, and what may be shown of it.

    `hmac` is None without a salt; `born` the year of birth where the value tells it; `minor` whether the words around
    speak of a child under 14.
    """

    type: str
    start: int
    end: int
    grade: str
    mask: str
    hmac: bytes | None
    born: int | None
    minor: bool


class Found(NamedTuple):
    """Where something stands in a text, and how sure we are."""

    type: str
    start: int
    end: int
    grade: str


class _Raw(NamedTuple):
    """What a rule found in folded text, before others are asked."""

    entity_type: str
    start: int
    end: int
    score: float


class Detector:
    """Finds by rules of one's choice, else by all there are.

    Pickle it freely: rules of one's choice travel if they can, all others are made anew.
    """

    def __init__(self, rules: Sequence[Rule] | None = None, salt: bytes | None = None) -> None:
        self._chosen = rules
        self.rules = tuple(all_rules() if rules is None else rules)
        self.gate = Gate(self.rules)
        self._salt = salt

    def __reduce__(self) -> tuple[Any, ...]:
        return Detector, (self._chosen, self._salt)

    def find(self, text: str) -> list[Entity]:
        """The findings of one text in order of position, never overlapping. Offsets are code points.

        Raises RuleTimeoutError.
        """
        text = _SURROGATES.sub("\ufffd", text)
        return self.entities(text, self.spans(text))

    def find_ungated(self, text: str) -> list[Entity]:
        """The same by reading the whole text with every rule: what the gate is compared with."""
        text = _SURROGATES.sub("\ufffd", text)
        return self.entities(text, self.spans_ungated(text))

    def spans(self, text: str, windows: Sequence[Window] | None = None) -> list[Found]:
        """Where a text without surrogates holds something, and how sure that is. Raises RuleTimeoutError.

        Characters that cannot be seen are read over: they part no number for the reader. `windows` are those of the text
        where the gate was asked before.
        """
        return _over_the_unseen(text, lambda visible: self._spans(visible, windows))

    def spans_ungated(self, text: str) -> list[Found]:
        """The same without a gate."""
        return _over_the_unseen(text, self._spans_ungated)

    def _spans(self, text: str, windows: Sequence[Window] | None) -> list[Found]:
        windows = self.gate.windows(text) if windows is None else windows
        if not windows:
            return []
        folded = fold(text)
        raw: dict[int, list[_Raw]] = {}
        for number, low, high in windows:
            if results := self._read(folded, number, low, high):
                raw.setdefault(number, []).extend(results)
        if raw:
            self._read_beside(folded, raw)
        return self._found_in(folded, raw)

    def _spans_ungated(self, text: str) -> list[Found]:
        folded = fold(text)
        return self._found_in(folded, {rule: self._read(folded, rule, 0, len(text)) for rule in range(len(self.rules))})

    def entities(self, text: str, spans: Sequence[Found]) -> list[Entity]:
        """What is kept of findings in a text."""
        folded = fold(text) if spans else text
        return [self._entity(folded, span) for span in spans]

    def _found_in(self, text: str, raw: dict[int, list[_Raw]]) -> list[Found]:
        """Of the raw results of the rules in the folded text those that hold, one of any that overlap."""
        everything = [result for results in raw.values() for result in results]
        found = [
            Found(result.entity_type, result.start, result.end, grade(score))
            for number, results in raw.items()
            if results
            for result, score in supported(self.rules[number], results, everything)
            if score > REJECTED
        ]
        return compose(text, resolve(found)) if found else found

    def _read_beside(self, text: str, raw: dict[int, list[_Raw]]) -> None:
        """Adds what rules without an anchor find: they count only beside others that count, so only there they read."""
        counted = [result for results in raw.values() for result in results if result.score >= CONTEXTUAL]
        for number, rule in enumerate(self.rules):
            if rule.anchor or not counted:
                continue
            supporting = sorted(
                (max(0, result.start - BESIDE - rule.reach), min(len(text), result.end + BESIDE + 1))
                for result in counted
                if result.entity_type in rule.beside
            )
            raw[number] = [result for span in _merged(supporting) for result in self._read(text, number, *span)]

    def _read(self, text: str, number: int, low: int, high: int) -> list[_Raw]:
        """The raw results of one rule in the folded text whose matches begin in `text[low:high]`."""
        rule = self.rules[number]
        found: list[tuple[int, int, float]] = []
        for start in range(low, high, PIECE):
            end = min(start + PIECE, high)
            # In a short stretch there is mostly nothing, and nothing more to know; what there is is read again.
            if end - start > 4 * rule.longest or rule.findings(text, start, end):
                found += rule.findings(text, start, end, earlier=rule.longest)
        return [_Raw(rule.entity, start, end, score) for start, end, score in found]

    def _entity(self, text: str, found: Found) -> Entity:
        kind, start, end, _ = found
        value = without_unseen(text[start:end])
        return Entity(
            *found,
            mask(kind, value),
            None if self._salt is None else digest(kind, value, self._salt),
            year_of_birth(kind, value),
            is_about_a_child(text, start, end),
        )


def _over_the_unseen(text: str, find: Callable[[str], list[Found]]) -> list[Found]:
    """What is found in the text without its invisible characters, at its places in the text."""
    what = seen(text)
    found = find(what.text)
    if what.places is None:
        return found
    return [Found(kind, *what.original(start, end), grade) for kind, start, end, grade in found]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Unites spans that touch; they must come in order of their starts."""
    merged: list[tuple[int, int]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged
