"""Short quotations that are safe to store: one line, no control characters, every identifier masked."""

import re

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
# control characters, line ends, surrogates, and what turns the direction of text
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]")


# Most excerpts hold nothing to mask, so each pattern is tried only where a cheaper one, which needs no narrowing, says
# that it could be found.
_AT = re.compile("[@＠]")
_DIGITS = re.compile(r"\d(?:[^\dXxＸｘ]{0,3}[\dXxＸｘ]){3}")
_COLONS = re.compile("[:：][0-9A-Fa-f０-９Ａ-Ｆａ-ｆ]{0,4}[:：]")
_RUN = re.compile(r"[0-9A-Za-z_\-！-～\u2010-\u2014\u2212]{8}")


def mask_identifiers(text: str) -> str:
    """Replaces all but the ends of addresses, long numbers and tokens by asterisks, keeping the length."""
    rules = [(_ADDRESS, 1)] if _AT.search(text) else []
    digits = _DIGITS.search(text)
    if digits:
        rules.append((_NUMBER, 2))
    if digits or _COLONS.search(text):
        rules.append((_GROUPS, 2))
    if _RUN.search(text):
        rules.append((_TOKEN, 2))
    narrow = text.translate(_NARROW) if rules else text  # one character for one: positions stay
    for pattern, head in rules:
        for low, high in [found.span() for found in pattern.finditer(narrow)]:
            stars = "*" * (high - low - head)
            text, narrow = (own[: low + head] + stars + own[high:] for own in (text, narrow))
    return text


def excerpt(text: str, start: int, end: int) -> str:
    """The hit `text[start:end]` with its surroundings, masked and on one line. Long hits are cut in the middle."""
    # masked before cutting: half an identifier at the edge must not escape the patterns
    low, high = max(0, start - 2 * CONTEXT - 64), min(len(text), end + 2 * CONTEXT + 64)
    window = mask_identifiers(text[low:high])[max(0, start - CONTEXT - low) : end + CONTEXT - low]
    if len(window) > 4 * CONTEXT + 64:
        window = window[: 2 * CONTEXT + 30] + "…" + window[-2 * CONTEXT - 30 :]
    return _UNSEEN.sub(" ", window)
