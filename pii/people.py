"""Whose information it is: the year of birth a value tells, and whether the words around speak of a child."""

import re

from pii.rule import LOOK_AHEAD, LOOK_BEHIND

_CARDS = frozenset(
    {"CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE", "CN_DRIVING_LICENCE", "CN_SOCIAL_SECURITY"}
)
_CENTURY = 30  # 29 is 2029, 30 is 1930, where a year is given by two digits
_HAN_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}|[0-9]{2}(?=年)")
_CHILD = re.compile(
    r"幼儿园(?!教师|老师|园长|教育)|小学(?![历教老校文毕肄程同学])|托儿所|学前班|婴幼?儿(?![车床用])|新生儿|幼儿(?![园教师])|小朋友|[患女男]童|患儿|"
    r"[一二三四五六]年级(?!组)|未满(?:14|十四)|不满(?:14|十四)|"
    r"(?<![0-9.-])(?:[1-9]|1[0-3]) ?周?岁(?![0-9以])|(?<![一二三四五六七八九十几])(?:[一二三四五六七八九]|十[一二三]?)周?岁(?!以上)"
)


def year_of_birth(kind: str, value: str) -> int | None:
    """The year of birth in an identity number or a date of birth, given in folded text; None where it holds none."""
    if kind == "BIRTH_DATE":
        found = _YEAR.match(value.translate(_HAN_DIGITS))
        if found is None:
            return None
        year = int(found[0])
        return year if year >= 100 else year + (2000 if year < _CENTURY else 1900)
    if kind not in _CARDS:
        return None
    digits = re.sub(r"[^0-9]", "", value)
    if len(digits) in {17, 18}:
        year = int(digits[6:10])
        return year if 1850 <= year < 2100 else None
    return 1900 + int(digits[6:8]) if kind == "CN_ID_CARD" and len(digits) == 15 else None


def is_about_a_child(text: str, start: int, end: int) -> bool:
    """Whether words near the value speak of a child under 14: a kindergarten, primary school, an age."""
    near = text[max(0, start - LOOK_BEHIND) : start], text[end : end + LOOK_AHEAD]
    return any(_CHILD.search(part) for part in near)
