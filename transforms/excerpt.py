"""Short quotations that are safe to store: one line, no control characters, every identifier masked."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from transforms.text import CodePoints

CONTEXT = 24  # code points quoted on either side of a hit

# Wide on purpose: any run that could be an identifier is masked, whatever the detectors think of it.
# The patterns run on text of one width, each with how many characters of a run stay readable.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_NARROW |= dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2009\u202f\u3000"), ord(" "))
_NARROW |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), ord("-"))
_IN_NUMBER = r" \-_.·,，。、/|~*+()\[\]\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff"
_ADDRESS = re.compile(r"[^\s@<>（）()，。,;；:：、]{1,64}@[0-9A-Za-z.\-]+")
_NUMBER = re.compile(rf"\d(?:[{_IN_NUMBER}]{{0,3}}[\dXx]){{4,}}")
_GROUPS = re.compile(
    r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}|(?<![0-9A-Za-z])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,}(?:\.[0-9.]+)?"
)
_TOKEN = re.compile(r"(?=[0-9A-Za-z_\-]*[0-9])(?=[0-9A-Za-z_\-]*[A-Za-z])[0-9A-Za-z_\-]{8,}")
RULES = ((_ADDRESS, 1), (_NUMBER, 2), (_GROUPS, 2), (_TOKEN, 2))
# control characters, line ends, surrogates, and what turns the direction of text
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]")

# Most excerpts hold nothing to mask, so a pattern is tried only where signs in the text as written, of any width, say that
# it could be found. They may see too much, never too little.
_WIDE = "".join(re.escape(chr(code)) for code, narrow in _NARROW.items() if re.match(f"[{_IN_NUMBER}]", chr(narrow)))
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(rf"\d(?:[{_IN_NUMBER}{_WIDE}]{{0,3}}[\dXxＸｘ]){{4}}")
_COLONS = re.compile("[:：][0-9A-Fa-f０-９Ａ-Ｆａ-ｆ]{0,4}[:：]")
_LETTERS = r"A-Za-z_\-Ａ-Ｚａ-ｚ＿－\u2010-\u2014\u2212"
_MIXED = re.compile(rf"[0-9０-９][{_LETTERS}]|[{_LETTERS}][0-9０-９]")
_RUN = re.compile(rf"[0-9０-９{_LETTERS}]{{8}}")


def mask_identifiers(text: str) -> str:
    """Replaces all but the ends of addresses, long numbers and tokens by asterisks, keeping the length."""
    rules = _rules(text)
    if not rules:
        return text
    narrow = _narrowed(text)  # one character for one: positions stay
    for pattern, head in rules:
        for low, high in [found.span() for found in pattern.finditer(narrow)]:
            stars = "*" * (high - low - head)
            text, narrow = (own[: low + head] + stars + own[high:] for own in (text, narrow))
    return text


def _rules(text: str) -> Sequence[tuple[re.Pattern[str], int]]:
    """The rules that could find something."""
    if "@" in text or "＠" in text:
        return RULES  # all: the asterisks of an address may join the digits around it
    found = []
    digit = _DIGIT.search(text) is not None
    points, colons = text.count(".") + text.count("．"), text.count(":") + text.count("：")
    if digit and _DIGITS.search(text):
        found.append((_NUMBER, 2))
    if (digit and points >= 3) or (colons >= 2 and _COLONS.search(text)):
        found.append((_GROUPS, 2))
    if digit and _RUN.search(text) and _MIXED.search(text):
        found.append((_TOKEN, 2))
    return found


def _narrowed(text: str) -> str:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _narrow_table().take(codes).tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=1)
def _narrow_table() -> CodePoints:
    table = np.arange(0x110000, dtype=np.uint32)
    table[list(_NARROW)] = list(_NARROW.values())
    return table


def excerpt(text: str, start: int, end: int) -> str:
    """The hit `text[start:end]` with its surroundings, masked and on one line. Long hits are cut in the middle."""
    # masked before cutting: half an identifier at the edge must not escape the patterns
    low, high = max(0, start - 2 * CONTEXT - 64), min(len(text), end + 2 * CONTEXT + 64)
    window = mask_identifiers(text[low:high])[max(0, start - CONTEXT - low) : end + CONTEXT - low]
    if len(window) > 4 * CONTEXT + 64:
        window = window[: 2 * CONTEXT + 30] + "…" + window[-2 * CONTEXT - 30 :]
    return window if window.isprintable() else _UNSEEN.sub(" ", window)
