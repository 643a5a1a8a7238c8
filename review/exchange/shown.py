"""Texts as other tools can keep and show them, and the way back.

Spreadsheets and databases lose or act on control characters, and a reader is deceived by signs that turn the direction
of writing: each of them is shown as its code, `\\u202E`. What the text itself spells that way gets its backslash coded,
so that `original(shown(text)) == text` for every text and the content hash can be checked on what comes back.
"""

import re

from blacklist.log import FORMULA

MAX_CELL = 32_767  # UTF-16 units a cell of Excel holds; a longer one is cut by it without a word

# C0 and C1 controls but tab and line feed; line and paragraph separators; what turns the direction of writing; a mark
# of byte order; what no XML can hold. Joiners stay: emoji and several scripts are spelled with them.
_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
)
# what the text spells as a code itself, and what spreadsheets read as theirs (_x000D_)
_CODED = re.compile(rf"[{_UNSAFE}]|\\(?=u[0-9A-F]{{4}})|_(?=x[0-9A-Fa-f]{{4}}_)")
_CODE = re.compile(r"\\u([0-9A-F]{4})")


def shown(text: str) -> str:
    """The text with every unsafe character as its code."""
    return _CODED.sub(lambda found: _code(found.group()), text)


def shown_in_cell(text: str) -> str:
    """`shown`, and never the beginning of a formula: for tables that are read as text, such as CSV."""
    safe = shown(text)
    return _code(safe[0]) + safe[1:] if safe.startswith(FORMULA) else safe


def original(text: str) -> str:
    """The text that was shown so."""
    return _CODE.sub(lambda found: chr(int(found.group(1), 16)), text)


def fits(text: str) -> bool:
    """Whether a cell of Excel holds all of it."""
    return len(text.encode("utf-16-le", "surrogatepass")) <= 2 * MAX_CELL


def harmless(value: object, most: int = 60) -> str:
    """A value from a file for messages and reports: on one line, short, nothing in it acted upon."""
    text = shown_in_cell(str(value)[: most + 1]).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= most else text[: most - 1] + "…"


def _code(char: str) -> str:
    return f"\\u{ord(char):04X}"
