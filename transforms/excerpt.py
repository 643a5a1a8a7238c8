"""Short quotations that are safe to store: one line, no control characters, every identifier masked."""

import re
import unicodedata

CONTEXT = 24  # code points quoted on either side of a hit

# Wide on purpose: any run that could be an identifier is masked, whatever the detectors think of it.
_ADDRESS = re.compile(r"[^\s@<>（）()，。；：、]{1,64}[@＠][0-9A-Za-z.\-]+")
_NUMBER = re.compile(r"[0-9０-９](?:[ \-_.·,，]?[0-9０-９Xx]){4,}")
_TOKEN = re.compile(r"(?=[0-9A-Za-z_\-]*[0-9])(?=[0-9A-Za-z_\-]*[A-Za-z])[0-9A-Za-z_\-]{8,}")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff")


def mask_identifiers(text: str) -> str:
    """Replaces all but the ends of addresses, long numbers and tokens by asterisks, keeping the length."""
    text = _ADDRESS.sub(lambda found: _stars(found.group(), 1, 0), text)
    text = _NUMBER.sub(lambda found: _stars(found.group(), 2, 0), text)
    return _TOKEN.sub(lambda found: _stars(found.group(), 2, 0), text)


def _stars(text: str, head: int, tail: int) -> str:
    return text[:head] + "*" * (len(text) - head - tail) + (text[-tail:] if tail else "")


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
