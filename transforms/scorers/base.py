"""What a confirming scorer is: texts in, an answer for each out; and the windows in which long documents are read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

DECIMALS = 4  # to which scores are rounded before they are kept

FAILED = "scorer_failed"
BUDGET, GIVEN_UP = "budget_reached", "endpoint_given_up"
NOT_ASKED = frozenset({BUDGET, GIVEN_UP})  # the text itself had no part in it

_MARGIN = 64  # code points around a place that are read with it, less where windows are small

Place = tuple[int, int]  # start and end of what was found, in code points of the text


class ScorerError(ValueError):
    """A scorer cannot be used: which file or setting, what is wrong with it, what to do."""


@dataclass(frozen=True)
class Answer:
    """What a scorer says of one text: scores from 0 to 1 by risk id, or why there are none.

    `requests`, `tokens` and `cost` are what the answer took, also where none came.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    unscored: str | None = None
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0


class Scorer(Protocol):
    """A model that judges texts. Picklable: what is heavy is loaded where it is first used, once a process."""

    def fingerprint(self) -> str:
        """Digest of everything that can change an answer: model, files, prompt. Never of keys, limits or addresses."""
        ...

    def check(self) -> None:
        """Loads and tries what can be tried without asking anybody. Raises ScorerError."""
        ...

    def score(self, texts: Sequence[str], again: bool = False) -> list[Answer]:
        """One answer a text, in the order of the texts. A text that fails costs no other text its answer.

        `again`: these texts failed in an earlier run. That they fail says nothing about the others.
        """
        ...

    def shared_among(self, workers: int) -> "Scorer":
        """The scorer as each of so many workers uses it, with its part of rate limit and budget."""
        ...


@dataclass(frozen=True)
class Reading:
    """The windows in which a text is read, in order, and whether every place, and the whole text, lies in them."""

    windows: tuple[tuple[int, int], ...]
    places: bool = True
    whole: bool = True

    def share(self, length: int) -> float:
        """The part of the text that is read, from 0 to 1."""
        read = end = 0
        for start, stop in self.windows:
            read += max(stop - max(start, end), 0)
            end = max(end, stop)
        return read / length if length else 1.0


def reading(length: int, places: Sequence[Place], size: int, limit: int, whole: bool) -> Reading:
    """At most `limit` windows of at most `size` code points of a text of `length`.

    A text that fits is one window. Of a longer one the windows around `places` are taken, the first place first: a place
    is read where all of it lies in a window with a margin, one longer than a window where overlapping windows hold it.
    With `whole`, or without places, windows are spread over the text: over all of it where `limit` allows.
    """
    if length <= size:
        return Reading(((0, length),))
    margin = min(_MARGIN, size // 8)
    number = -(-(length - margin) // (size - margin))  # overlapping by the margin, so that nothing is cut through
    spread = whole or not places
    chosen = _spread(length, size, number) if spread and number <= limit else []
    complete = bool(chosen)
    parts = [part for place in places for part in _parts(place, length, size, margin)]
    missed = False
    for low, high in parts:
        if any(start <= low and high <= start + size for start in chosen):
            continue
        if len(chosen) >= limit:
            missed = True
            continue
        start = min(low, max(low + margin - size // 4, high - size))
        chosen.append(min(max(start, 0), length - size))
    if spread and not complete:
        chosen = chosen or _spread(length, size, limit)
        while len(chosen) < limit:
            ends = [0, *(start + size for start in sorted(chosen))]
            gaps = zip(ends, [*sorted(chosen), length], strict=True)
            low, high = max(gaps, key=lambda gap: gap[1] - gap[0])
            if high <= low:
                break
            chosen.append(min(max((low + high - size) // 2, 0), length - size))
    return Reading(tuple((start, start + size) for start in sorted(set(chosen))), not missed, complete)


def _spread(length: int, size: int, number: int) -> list[int]:
    """Starts of so many windows, the first at the start and the last at the end of the text."""
    return [index * (length - size) // max(number - 1, 1) for index in range(number)]


def _parts(place: Place, length: int, size: int, margin: int) -> list[tuple[int, int]]:
    """A place with its margin, within the text; in overlapping parts where it is longer than a window."""
    low, high = max(place[0] - margin, 0), min(place[1] + margin, length)
    step = size - margin
    starts = range(low, max(high - margin, low + 1), step)
    return [(start, min(start + size, high)) for start in starts]


def strict_json(content: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is not valid, or where a key stands twice or a number is none."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def no_number(name: str) -> Any:
        raise ValueError(f"{name} is no number")

    return json.loads(content, object_pairs_hook=unique, parse_constant=no_number)
