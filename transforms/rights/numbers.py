"""Check digits of the numbers that works, periodicals and patents bear. All functions take digits without separators."""

import re

_PATENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_KINDS = "12389"  # of Chinese applications: invention, utility model, design; 8 and 9 came by the PCT
_SEPARATORS = re.compile(r"[^0-9Xx]")


def digits_of(text: str) -> str:
    """The digits and X of a number as it is printed."""
    return _SEPARATORS.sub("", text).upper()


def is_isbn(digits: str) -> bool:
    """Whether this is an ISBN of 10 or 13 digits (ISO 2108)."""
    if re.fullmatch(r"97[89][0-9]{10}", digits):
        return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(digits)) % 10 == 0
    return re.fullmatch(r"[0-9]{9}[0-9X]", digits) is not None and _eleven(digits, range(10, 0, -1))


def is_issn(digits: str) -> bool:
    """Whether this is an ISSN (ISO 3297)."""
    return re.fullmatch(r"[0-9]{7}[0-9X]", digits) is not None and _eleven(digits, range(8, 0, -1))


def is_chinese_patent(digits: str) -> bool:
    """Whether this may be the number of a Chinese application or patent: with its check digit (ZC 0006-2003) or without.

    Twelve digits since October 2003, of which the first four are the year; eight before, of which two are.
    """
    if re.fullmatch(r"(?:19|20)[0-9]{10}[0-9X]?", digits):
        return digits[4] in _KINDS and (len(digits) == 12 or _patent_check(digits))
    if re.fullmatch(r"(?:8[5-9]|9[0-9]|0[0-3])[0-9]{6}[0-9X]?", digits):
        return digits[2] in _KINDS and (len(digits) == 8 or _patent_check(digits))
    return False


def _patent_check(digits: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(digits[:-1], _PATENT_WEIGHTS, strict=False))
    return "0123456789X"[total % 11] == digits[-1]


def _eleven(digits: str, weights: range) -> bool:
    """Whether the weighted sum is a multiple of 11; X, which may stand at the end, is 10."""
    values = (10 if digit == "X" else int(digit) for digit in digits)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11 == 0
