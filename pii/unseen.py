"""Text without the characters that cannot be seen, and the way back to the text as it is.

A zero-width space parts no number for the reader, so it may part none for the rules.
"""

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pii.windows import INVISIBLE

_INVISIBLE = re.compile(INVISIBLE)


class Seen(NamedTuple):
    """What can be seen of a text, and where each character of it stands in the text; None where all can be seen."""

    text: str
    places: npt.NDArray[np.int64] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the text that a span of what is seen covers. It must not be empty."""
        return (start, end) if self.places is None else (int(self.places[start]), int(self.places[end - 1]) + 1)

    def visible(self, start: int, end: int) -> tuple[int, int]:
        """The span of what is seen that a span of the text covers."""
        if self.places is None:
            return start, end
        low, high = np.searchsorted(self.places, (start, end)).tolist()
        return low, high


def seen(text: str) -> Seen:
    """What can be seen of a text."""
    unseen = [] if text.isascii() else [found.start() for found in _INVISIBLE.finditer(text)]
    if not unseen:
        return Seen(text, None)
    return Seen(without_unseen(text), np.delete(np.arange(len(text)), unseen))


def without_unseen(text: str) -> str:
    """The same without the places."""
    return _INVISIBLE.sub("", text)
