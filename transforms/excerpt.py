"""Short quotations that are safe to store: one line, no control characters, every identifier masked."""

import re
import unicodedata

CONTEXT = 24  # code points quoted on either side of a hit

# Wide on purpose: any run that could be an identifier is masked, whatever the detectors think of it.
# The patterns run on text of one width, each with how many characters of a run stay readable.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_NARROW |= dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2009\u202f\u3000"), ord(" "))
_NARROW |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), ord("-"))
_ADDRESS = re.compile(r"[^\s@<>（）()，。,;；:：、]{1,64}@[0-9A-Za-z.\-]+")
_NUMBER = re.compile(r"\d(?:[ \-_.·,，。、/|~*+()\[\]\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff]{0,3}[\dXx]){4,}")
_GROUPS = re.compile(
    r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}|(?<![0-9A-Za-z])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,}(?:\.[0-9.]+)?"
)
_TOKEN = re.compile(r"(?=[0-9A-Za-z_\-]*[0-9])(?=[0-9A-Za-z_\-]*[A-Za-z])[0-9A-Za-z_\-]{8,}")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff")


def mask_identifiers(text: str) -> str:
    """Replaces all but the ends of addresses, long numbers and tokens by asterisks, keeping the length."""
    for pattern, head in ((_ADDRESS, 1), (_NUMBER, 2), (_GROUPS, 2), (_TOKEN, 2)):
        pieces, done = [], 0
        for found in pattern.finditer(text.translate(_NARROW)):  # one character for one: positions stay
            low, high = found.span()
            pieces += [text[done : low + head], "*" * (high - low - head)]
            done = high
        text = "".join([*pieces, text[done:]])
    return text


def excerpt(text: str, start: int, end: int) -> str:
    """The hit `text[start:end]` with its surroundings, masked and on one line. Long hits are cut in the middle."""
    # masked before cutting: half an identifier at the edge must not escape the patterns
    low, high = max(0, start - 2 * CONTEXT - 64), min(len(text), end + 2 * CONTEXT + 64)
    window = mask_identifiers(text[low:high])[max(0, start - CONTEXT - low) : end + CONTEXT - low]
    if len(window) > 4 * CONTEXT + 64:
        window = window[: 2 * CONTEXT + 30] + "…" + window[-2 * CONTEXT - 30 :]
    return "".join(_visible(char) for char in window)


def _visible(char: str) -> str:
    if char in _BIDI or unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs"):
        return " "
    return char
