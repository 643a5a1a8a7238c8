"""What is known of telephone numbers: segments in use, trunk codes, numbers that are nobody's."""

import re
import traceback
from functools import lru_cache
from importlib import resources

_LETTERS_FOR_DIGITS = str.maketrans("OolI", "0011")
# 2^34 and its neighbour, 6^13 and 7^12 begin like mobiles; 13800138000 recharges prepaid cards and stands in every manual.
_POWERS = frozenset(("17179869183", "17179869184", "13060694016", "13841287201"))
_NOBODYS = frozenset(("13800138000", "13800000000", "13123456789", "15123456789", "18123456789"))


@lru_cache(maxsize=2)
def _numbers(file: str) -> frozenset[str]:
    lines = resources.files("pii").joinpath("data", file).read_text("ascii").splitlines()
    return frozenset(number for line in lines if not line.startswith("#") for number in line.split())


def mobile_digits(value: str) -> str:
    """The eleven digits of a mobile number, given as it is written: country code, groups, letters for 0 and 1."""
    return re.sub(r"[^0-9]", "", value.translate(_LETTERS_FOR_DIGITS))[-11:]


def is_mobile(number: str) -> bool:
    """Whether eleven digits (or the first of them, four at least) lie in a segment in use and are no power."""
    segments = _numbers("mobile_segments.txt")
    return (number[:3] in segments or number[:4] in segments or is_satellite(number)) and number not in _POWERS


def is_satellite(number: str) -> bool:
    """Whether eleven digits are those of a satellite telephone, of which there are few."""
    return number.startswith(("1349", "174"))


def is_placeholder(number: str) -> bool:
    """Whether eleven digits are what manuals print: one digit eight times, or a service number everybody knows."""
    return number in _NOBODYS or len(set(number[3:])) == 1


def landline_digits(value: str) -> str:
    """Trunk code with its 0 and subscriber number, no extension; as much as `value` holds of them."""
    head = re.split(r"转|[A-Za-z#]|分机", value)[0]
    head = re.sub(r"(?<=[0-9]{4})-[0-9]{1,3}\Z|(?<=-[0-9]{7})-[0-9]{1,5}\Z|(?<=-[0-9]{8})-[0-9]{1,5}\Z", "", head)
    number = re.sub(r"[^0-9]", "", re.sub(r"\A\(?(?:\+|00)86|\A\(86|\A86-|\(0\)", "", head))
    return number if number.startswith("0") else "0" + number


def is_landline(number: str) -> bool:
    """Whether digits are a trunk code in use and a subscriber number of a length that goes with it."""
    codes = _numbers("area_codes.txt")
    if number[1:3] in codes:
        return len(number) == 11
    return number[1:4] in codes and len(number) in (11, 12)


def is_foreign(number: str) -> bool:
    """Whether `number`, with + and country code, is a telephone number outside the mainland that could be called."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException as error:
        _let_go(error)
        return False
    return parsed.country_code != 86 and phonenumbers.is_valid_number(parsed)


def _let_go(error: BaseException | None) -> None:
    """Unties an exception from the frame it was raised in, which names it and its traceback.

    The two would hold every frame up to here, and with them the texts at work, until the collector comes round:
    hundreds of megabytes a unit.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error.__traceback__ = None
        error = error.__context__
