"""Whose information it is: the date and year of birth a value tells, and whether the words around speak of a child."""

import re

from pii.rule import LOOK_AHEAD, LOOK_BEHIND

_CARDS = frozenset(
    {"CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE", "CN_DRIVING_LICENCE", "CN_SOCIAL_SECURITY"}
)
_CENTURY = 30  # 29 is 2029, 30 is 1930, where a year is given by two digits
_HAN_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_YEAR = re.compile(r"(?:1[89]|20)[0-9]{2}|[0-9]{2}(?=[年./-][01]?[0-9][月./-])|[0-9]{2}(?=年)")
_LAST_YEAR = re.compile(r"(?:19|20)[0-9]{2}\Z")  # 5 March 1985, 05/03/1985
_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CHILD = re.compile(
    r"幼儿园(?!教师|老师|园长|教育)|小学(?![历教老校文毕肄程同学])|托儿所|学前班|婴幼?儿(?![车床用])|新生儿|幼儿(?![园教师])|小朋友|[患女男]童|患儿|"
    r"[一二三四五六]年级(?!组)|未满(?:14|十四)|不满(?:14|十四)|"
    r"(?<![0-9.-])(?:[1-9]|1[0-3]) ?周?岁(?![0-9以])|(?<![一二三四五六七八九十几])(?:[一二三四五六七八九]|十[一二三]?)周?岁(?!以上)|"
    r"(?:年龄|(?<![A-Za-z])(?ai:age))[\"']?[:= ]{0,3}(?:[0-9]|1[0-3])(?![0-9.])|满月|(?<![0-9])[0-9]{1,2}个月大|"
    r"(?:儿子|女儿|孩子|小孩|外孙女?|孙子|孙女)(?:今年|刚|才|快)?(?:[1-9]|1[0-3])(?![0-9])"
)


def year_of_birth(kind: str, value: str) -> int | None:
    """The year of birth in an identity number or a date of birth, given in folded text; None where it holds none."""
    if kind == "BIRTH_DATE":
        found = _LAST_YEAR.search(value) if re.match("[A-Z]|[0-9]{1,2}[ /].*[0-9]{4}", value) else None
        found = found or _YEAR.match(value.translate(_HAN_DIGITS))
        if found is None:
            return None
        year = int(found[0])
        return year if year >= 100 else year + (2000 if year < _CENTURY else 1900)
    if kind not in _CARDS:
        return None
    digits = re.sub(r"[^0-9]", "", value.upper().replace("O", "0"))  # O for 0: the check digit told
    if len(digits) in {17, 18}:
        year = int(digits[6:10])
        return year if 1850 <= year < 2100 else None
    return 1900 + int(digits[6:8]) if kind == "CN_ID_CARD" and len(digits) == 15 else None


def date_of_birth(value: str) -> str:
    """A date of birth in folded text as 1985-03-05 or 1985-03, however it is written; what is none stays as it is."""
    year = year_of_birth("BIRTH_DATE", value)
    plain = re.sub(r"\s", "", value)
    rest = re.fullmatch(r".{2,4}年(.{1,3})月(?:(.{1,4}?)[日号]?)?", plain)
    if rest:
        parts = [_number(part) for part in rest.groups() if part]
    elif re.fullmatch(r"[0-9]{8}", plain):
        parts = [int(plain[4:6]), int(plain[6:])]
    elif named := re.search("|".join(_ENGLISH), value):
        day = re.search(r"(?<![0-9])[0-9]{1,2}(?![0-9])", value)
        parts = [_ENGLISH.index(named[0]) + 1, int(day[0]) if day else 0]
    elif re.fullmatch(r"[0-9]{2,4}([-./])[0-9]{1,2}(?:\1[0-9]{1,2})?", plain) and not _LAST_YEAR.search(plain):
        parts = [int(part) for part in re.split("[-./]", plain)[1:]]
    else:
        return plain  # 05/03/1985: which of the two is the month is not told
    return plain if year is None else "-".join([str(year), *(f"{part:02d}" for part in parts)])


def _number(numeral: str) -> int:
    """A month or a day in Han numerals or digits."""
    if numeral.isascii():
        return int(numeral) if numeral.isdigit() else 0
    numeral = {"元": "一", "正": "一", "腊": "十二"}.get(numeral, numeral.removeprefix("初"))
    tens, ten, ones = numeral.rpartition("十")
    value = int(ones.translate(_HAN_DIGITS)) if ones else 0
    return value + (10 * int(tens.translate(_HAN_DIGITS) or 1) if ten else 0)


def is_about_a_child(text: str, start: int, end: int) -> bool:
    """Whether words near the value speak of a child under 14: a kindergarten, primary school, an age."""
    near = text[max(0, start - LOOK_BEHIND) : start], text[end : end + LOOK_AHEAD]
    return any(_CHILD.search(part) for part in near)
