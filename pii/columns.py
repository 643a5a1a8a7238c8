"""Columns of tables written as text: a header line, then rows; separated by commas, tabs, semicolons or bars."""

from string import ascii_letters

from pii.rule import wide

ROWS = 3  # rows below a header that are told by it alone
_FIELD = r"[^,\t|;\n]{0,14}"
_NEXT = r"[,\t|;]"
_RULER = r"(?:[-:| ]{3,60}\n)?"
_START = r"(?<![^\n])[\"'| ]{0,2}"
_OPEN, _CLOSE = "[\"' (「『【《]{0,2}", "[\"' )」』】》]{0,2}"
LONGEST = 430
_RAW_NEXT = wide("\"'), ,\t|;") + "*" + wide(",\t|;\n")


def pattern(labels: str, value: str, row: int) -> str:
    """What finds `value` in the row-th row below a header that holds one of the labels, in the same of four columns."""
    header = rf"{_START}(?:({_FIELD}{_NEXT})({_FIELD}{_NEXT})?({_FIELD}{_NEXT})?)?[\"' ]{{0,2}}(?:{labels})[\"' ]{{0,2}}(?:{_NEXT}{_FIELD}){{0,7}}\r?\n"
    cells = rf"(?(1){_FIELD}{_NEXT})(?(2){_FIELD}{_NEXT})(?(3){_FIELD}{_NEXT})"
    return rf"{header}{_RULER}(?:[^\n]{{1,60}}\n){{{row}}}{_START}{cells}{_OPEN}(?=(?P<value>{value}){_CLOSE}(?:{_NEXT}|\r?\n|\Z))"


def anchor(labels: str) -> str:
    """The end of a label as headers have it, in text as it is."""
    return f"(?:{labels}){_RAW_NEXT}"


def raw_letters(words: tuple[str, ...]) -> str:
    """ASCII words of either width, as alternatives."""
    return "|".join("".join(wide(char) if char in ascii_letters + "_" else char for char in word) for word in words)
