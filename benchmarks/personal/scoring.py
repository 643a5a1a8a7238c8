"""What is found against what is there, to the code point.

A finding is right if it has the type of a gold span (or one that is no mistake there) and its very bounds, brackets,
quotes and blanks around it left aside. Where a value begins and ends is a matter of convention for LOOSE types: there
any overlap counts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.personal.templates import Document, Span

VALIDATED = ("CN_ID_CARD", "BANK_CARD", "CN_MOBILE", "EMAIL", "CN_USCC", "IMEI", "IP_ADDRESS")
OLD_ID = "CN_ID_CARD (15)"  # has no check digit: a contextual type of its own
TARGETS = {"validated": (0.99, 0.98), "contextual": (0.90, 0.85)}  # precision, recall
LOOSE = frozenset({"TRACK", "PRECISE_LOCATION"})
# What may be found inside a longer value without being a mistake.
_WITHIN = {"TRACK": frozenset({"PRECISE_LOCATION", "CN_ADDRESS"}), "ALIPAY": frozenset({"EMAIL", "CN_MOBILE"})}
_EDGE = " \t\n()（）[]【】「」《》<>\"'“”‘’"


@dataclass(frozen=True)
class Found:
    """What a detector counts in a text: code points, end exclusive. `mask` and `grade` are empty where it has none."""

    type: str
    start: int
    end: int
    mask: str = ""
    grade: str = ""


Detector = Callable[[str], Sequence[Found]]


@dataclass
class Score:
    """Counts of one type."""

    right: int = 0  # gold spans found
    touched: int = 0  # gold spans that overlap a finding of an accepted type
    missed: int = 0
    wrong: int = 0  # findings without gold

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.right + other.right, self.touched + other.touched, self.missed + other.missed, self.wrong + other.wrong
        )

    @property
    def gold(self) -> int:
        return self.right + self.missed

    @property
    def precision(self) -> float | None:
        """None where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        """None where nothing is to be found."""
        return self.right / self.gold if self.gold else None

    @property
    def f1(self) -> float | None:
        if not self.gold:
            return None
        return 2 * self.right / (2 * self.right + self.wrong + self.missed)


@dataclass
class Result:
    """Scores by type, errors by template, and for every document which of its spans were found."""

    scores: dict[str, Score] = field(default_factory=dict)
    missed: Counter[tuple[str, str]] = field(default_factory=Counter)  # (template id, type)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    apart: Counter[tuple[str, str]] = field(default_factory=Counter)  # (kind, type) of templates that do not score
    flags: list[tuple[bool, ...]] = field(default_factory=list)

    def of(self, row: str) -> Score:
        return self.scores.setdefault(row, Score())


def class_of(row: str) -> str:
    return "validated" if row in VALIDATED else "contextual"


def row_of(kind: str, value: str) -> str:
    """The row a value counts in: its type, the old form of the ID number apart."""
    return OLD_ID if kind == "CN_ID_CARD" and sum(char.isdigit() for char in value) <= 15 else kind


def bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Without brackets, quotes and blanks at either end."""
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    return start, end


def _accepts(span: Span, found: Found) -> bool:
    return found.type == span.type or found.type in span.also


def _overlap(span: Span, found: Found) -> bool:
    return found.start < span.end and span.start < found.end


def _same(text: str, span: Span, found: Found) -> bool:
    if span.type in LOOSE:
        return _overlap(span, found)
    return bounds(text, span.start, span.end) == bounds(text, found.start, found.end)


def _excused(span: Span, found: Found) -> bool:
    within = span.start <= found.start and found.end <= span.end
    return within and found.type in _WITHIN.get(span.type, ())


def judge(document: Document, found: Sequence[Found], result: Result) -> None:
    """Adds what was found in a document to the result."""
    flags = []
    template, text = document.template, document.text
    for span in document.spans:
        own = [one for one in found if _accepts(span, one)]
        row = row_of(span.type, text[span.start : span.end])
        score = result.of(row)
        hit = any(_same(text, span, one) for one in own)
        flags.append(hit)
        score.right += hit
        score.missed += not hit
        score.touched += any(_overlap(span, one) for one in own)
        if not hit:
            result.missed[template.id, row] += 1
    result.flags.append(tuple(flags))
    for one in found:
        right = any((_accepts(span, one) and _same(text, span, one)) or _excused(span, one) for span in document.spans)
        if right or (one.type in template.accepted and not template.apart):
            continue
        row = row_of(one.type, text[one.start : one.end])
        if template.apart:
            result.apart[template.about, row] += 1
        else:
            result.of(row).wrong += 1
            result.wrong[template.id, row] += 1


def evaluate(documents: Iterable[Document], find: Detector) -> Result:
    """Finds and judges."""
    result = Result()
    for document in documents:
        judge(document, find(document.text), result)
    return result


def total(result: Result, name: str) -> Score:
    """The sum over the types of a class."""
    return sum((score for row, score in result.scores.items() if class_of(row) == name), Score())


def passes(score: Score, name: str) -> bool | None:
    """Whether a row reaches the targets of its class; None where it has no gold."""
    if not score.gold:
        return None
    precision, recall = TARGETS[name]
    return (score.precision or 0.0) >= precision and (score.recall or 0.0) >= recall
