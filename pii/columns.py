"""Columns of tables written as text: a header line, then rows; separated by commas, tabs, semicolons or bars."""

from string import ascii_letters

from pii.rule import wide

ROWS = 3  # rows below a header that are told by it alone
_FIELD = r"[^,\t|;\n]{0,14}"
_CELL = r"[^,\t|;\n]{0,24}"
_NEXT = r"[,\t|;]"
_RULER = r"(?:[-:| ]{3,60}\n)?"
_START = r"(?m:^)[\"'| ]{0,2}"
_OPEN, _CLOSE = "[\"' (「『【《]{0,2}", "[\"' )」』】》]{0,2}"
LONGEST = 460
_RAW_CELL = "(?:^|\n|" + wide(",\t|;") + ")" + wide("\"'| ") + "{0,4}"
_BLANK = wide(" \t\r\n")
_RAW_NEXT = wide("\"'), ,\t|;") + "*" + wide(",\t|;\r\n")


def pattern(labels: str, value: str, row: int) -> str:
    """What finds `value` in the row-th row below a header that holds one of the labels, in the same of four columns."""
    header = rf"{_START}(?:({_FIELD}{_NEXT})({_FIELD}{_NEXT})?({_FIELD}{_NEXT})?)?[\"' ]{{0,2}}(?:{labels})[\"' ]{{0,2}}(?:{_NEXT}{_FIELD}){{0,7}}\r?\n"
    cells = rf"(?(1){_CELL}{_NEXT})(?(2){_CELL}{_NEXT})(?(3){_CELL}{_NEXT})"
    return rf"{header}{_RULER}(?:[^\n]{{1,60}}\n){{{row}}}{_START}{cells}{_OPEN}(?=(?P<value>{value}){_CLOSE}(?:{_NEXT}|\r?\n|\Z))"


def inserted(labels: str, value: str) -> str:
    """What finds `value` in INSERT INTO t (…, label, …) VALUES (…, value, …), in the same of four columns."""
    column, cell = r"[^,()\n]{1,20},", r"[^,()\n]{0,24},"
    header = rf"\((?:({column})({column})?({column})?)?[\"'` ]{{0,2}}(?:{labels})[\"'` ]{{0,2}}(?:,[^,()\n]{{1,20}}){{0,7}}\)"
    return rf"{header}[ \t\r\n]{{0,2}}(?ai:values?)[ \t\r\n]{{0,2}}\((?(1){cell})(?(2){cell})(?(3){cell}) ?[\"'](?=(?P<value>{value})[\"'])"


def inserted_anchor(labels: str) -> str:
    """The end of the columns that hold a label, in text as it is."""
    return f"(?:{labels}){wide(ascii_letters + '_, ' + chr(34) + chr(39) + chr(96))}*{wide(')')}{_BLANK}*{wide('vV')}"


def anchor(labels: str, whole: bool = False) -> str:
    """The end of a label as headers have it, in text as it is; with `whole` it is all that its cell holds."""
    return f"{_RAW_CELL if whole else ''}(?:{labels}){_RAW_NEXT}"


def raw_letters(words: tuple[str, ...]) -> str:
    """ASCII words of either width, as alternatives."""
    return "|".join("".join(wide(char) if char in ascii_letters + "_" else char for char in word) for word in words)
