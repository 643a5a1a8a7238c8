"""What a confirming scorer is: texts in, an answer for each out; and the windows in which long documents are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

DECIMALS = 4  # to which scores are rounded before they are kept


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

    def score(self, texts: Sequence[str]) -> list[Answer]:
        """One answer a text, in the order of the texts. A text that fails costs no other text its answer."""
        ...

    def shared_among(self, workers: int) -> "Scorer":
        """The scorer as each of so many workers uses it, with its part of rate limit and budget."""
        ...


def windows(length: int, places: Sequence[int], size: int, limit: int) -> list[tuple[int, int]]:
    """At most `limit` windows of at most `size` code points of a text of `length`, as (start, end), in order.

    A text that fits is one window. Of a longer one those around `places` are taken, the first place first; without
    places they are spread evenly, the first at the start and the last at the end of the text.
    """
    if length <= size:
        return [(0, length)]
    chosen: list[int] = []
    for place in places:
        if len(chosen) == limit:
            break
        if not any(start <= place < start + size for start in chosen):
            chosen.append(min(max(place - size // 4, 0), length - size))
    if not chosen:
        number = min(limit, -(-length // size))
        chosen = [index * (length - size) // max(number - 1, 1) for index in range(number)]
    return [(start, start + size) for start in sorted(set(chosen))]
