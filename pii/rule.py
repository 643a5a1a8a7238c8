"""What a rule is: a pattern, the anchor that gives it away, a check that grades it, and the words that speak for it.

Rules run on text folded 1:1 to ASCII width (`FOLD`), so offsets stay those of the original. They must stay *local*, the
windows of pii/windows.py depend on it: a match is at most `longest` characters, what its grade reads lies within
`LOOK_BEHIND` and `LOOK_AHEAD` characters of it, what stands `beside` it within `BESIDE`, and two matches of one rule
never overlap whatever the text around them. Patterns use ASCII look-arounds and `[0-9]`, for `\\b` and `\\d` fail beside
Han, and every quantifier is bounded.

Patterns are run by the package regex: it is several times faster than `re` and knows a time limit. What they mean is
what they mean to `re`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from string import ascii_letters, digits
from typing import Any

import numpy as np
import regex

# Scores as Presidio understands them; 0 is its own word for a match that failed validation.
REJECTED, WEAK, UNSURE, CONTEXTUAL, VALIDATED = 0.0, 0.2, 0.3, 0.6, 1.0
LOOK_BEHIND, LOOK_AHEAD = 24, 12
BESIDE = 24  # characters between what supports one another
TIMEOUT = 5.0  # seconds of CPU a rule may take for one piece of text; milliseconds are usual
LONGER = 12  # times as long it may take when it is asked once more: all threads of the process spend the same seconds

FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
FOLD.update({ord(char): ord(" ") for char in "\u00a0\u3000"})
FOLD.update({ord(char): ord("-") for char in "\u2010\u2011\u2012\u2013\u2212"})
_FOLDED = np.arange(0x110000, dtype="<u4")
_FOLDED[list(FOLD)] = list(FOLD.values())


def fold(text: str) -> str:
    """The text as rules read it, character by character."""
    if text.isascii():
        return text
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded: str = _FOLDED[codes].tobytes().decode("utf-32-le", "surrogatepass")
    return folded


def wide(chars: str) -> str:
    """A character class (Python and RE2) of all that folds onto one of `chars`: anchors match the text as it is."""
    members = set(chars) | {chr(code) for code, folded in FOLD.items() if chr(folded) in chars}
    return "[" + "".join(re.escape(char) for char in sorted(members)) + "]"


# Building blocks of anchors.
DIGIT, HEX, WORD = wide(digits), wide(digits + "abcdefABCDEF"), wide(digits + ascii_letters + "_")
SPACE, DOT, COLON = wide(" -"), wide("."), wide(":")


class RuleTimeoutError(Exception):
    """A rule took longer than `TIMEOUT`, and then `LONGER` times that. What else it would have found is unknown, so nothing may be made of the rest."""


Check = Callable[[str, int, int], float]


@dataclass(frozen=True)
class Rule:
    """One way in which one type of identifier is written.

    `pattern` runs on folded text; its group `value`, or else the whole match, is the identifier. `anchor` runs on the raw
    text, in RE2 and in Python: wherever the rule finds something, the anchor matches within the match, `LOOK_BEHIND`
    before it or `LOOK_AHEAD` behind it. `check` scores the value `text[start:end]`. A word of `context` nearby, or a
    counted finding of a type in `beside`, lifts UNSURE to CONTEXTUAL; with `mandatory`, what is still UNSURE then is no
    finding. A rule without an anchor of its own finds nothing but beside others. `lead` is how many characters after the
    beginning of the match its anchor begins, at most, where the rule knows; the less, the less is read.
    """

    name: str
    entity: str
    pattern: str
    anchor: str
    check: Check
    context: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()
    mandatory: bool = False
    longest: int = 48
    lead: int | None = None

    @cached_property
    def regex(self) -> Any:
        """The compiled pattern."""
        return regex.compile(self.pattern, regex.VERSION0)

    @cached_property
    def _group(self) -> str | int:
        return "value" if "value" in self.regex.groupindex else 0

    @property
    def reach(self) -> int:
        """Characters from the beginning of a match to the end of what is read for it: a value may be looked ahead at."""
        return self.longest + 2 * LOOK_AHEAD

    @cached_property
    def words(self) -> re.Pattern[str]:
        """The compiled context words."""
        return context_words(self.context)

    def findings(
        self, text: str, low: int = 0, high: int | None = None, earlier: int = 0
    ) -> list[tuple[int, int, float]]:
        """Where values stand in folded text whose matches begin in `text[low:high]`, and their scores.

        A match before `low` may reach beyond it and keep others from beginning there: they are left out if reading begins
        so many characters `earlier`, the longest match. What is rejected is left out, and so is what is UNSURE where a
        context is mandatory and nothing beside can help. What takes longer than TIMEOUT is read once more with LONGER
        times that. Raises RuleTimeoutError.
        """
        high = len(text) if high is None else high
        for seconds in (TIMEOUT, TIMEOUT * LONGER):
            try:
                return self._findings(text, low, high, earlier, seconds)
            except TimeoutError:
                continue
        raise RuleTimeoutError(f"rule {self.name} took longer than {TIMEOUT * LONGER:g} s")

    def _findings(self, text: str, low: int, high: int, earlier: int, seconds: float) -> list[tuple[int, int, float]]:
        found = []
        stop = min(len(text), high + self.reach)
        for match in self.regex.finditer(text, max(0, low - earlier), stop, timeout=seconds):
            begin = match.start()
            if begin >= high:
                break
            if begin < low:
                continue
            start, end = match.span(self._group)
            score = self.check(text, start, end)
            if score == UNSURE and self.in_context(text, start, end):
                score = CONTEXTUAL
            if score > REJECTED and not (score == UNSURE and self.mandatory and not self.beside):
                found.append((start, end, score))
        return found

    def in_context(self, text: str, start: int, end: int) -> bool:
        """Whether a word of the context stands near the value."""
        if not self.context:
            return False
        before = self.words.search(text[max(0, start - LOOK_BEHIND) : start])
        return bool(before or self.words.search(text[end : end + LOOK_AHEAD]))


def context_words(words: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern of all the words: Han anywhere, ASCII between ASCII boundaries, the tel of hotel is none."""
    bounded = [re.escape(word) if not word.isascii() else rf"(?<![A-Za-z])(?ai:{word})(?![A-Za-z])" for word in words]
    return re.compile("|".join(bounded) or r"(?!)")


@dataclass(frozen=True)
class always:  # noqa: N801 - reads as the function it is, and unlike a closure can be pickled
    """A check that has nothing to check."""

    score: float

    def __call__(self, text: str, start: int, end: int) -> float:  # noqa: D102
        return self.score


def grade(score: float) -> str:
    """The word the layer stores for a score."""
    return "validated" if score >= VALIDATED else "contextual" if score >= CONTEXTUAL else "weak"
