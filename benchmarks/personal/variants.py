"""Ways people and machines write the same value: what is found of it must not change."""

from collections.abc import Callable
from random import Random

from benchmarks.personal.numbers import grouped
from benchmarks.personal.templates import Change

Rewrite = Callable[[str, str, Random], str | None]

_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_LETTERS = {"0": "Oo", "1": "lI"}
_LONG = frozenset({"CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_USCC", "BANK_CARD", "IMEI"})
_NUMBERS = _LONG | {
    "CN_PERMANENT_RESIDENCE", "CN_PASSPORT", "CN_TRAVEL_PERMIT", "CN_MILITARY_ID", "CN_DRIVING_LICENCE", "CN_SOCIAL_SECURITY", "CN_MOBILE", "CN_LANDLINE",
    "CN_HOTLINE", "QQ", "CN_PLATE", "MEDICAL_RECORD",
}  # fmt: skip
_PLAIN_DIGITS = frozenset({"CN_MOBILE", "BANK_CARD", "CN_ID_CARD"})


def _groups(value: str, kind: str) -> list[str] | None:
    """3-4-4, 4-4-4-4, 6-8-4; None for a value that is grouped already."""
    if kind not in _PLAIN_DIGITS or not value[:-1].isdigit():
        return None
    if kind == "CN_MOBILE":
        return [value[:3], value[3:7], value[7:]] if len(value) == 11 else None
    if kind == "BANK_CARD":
        return grouped(value).split(" ")
    return [value[:6], value[6:14], value[14:]] if len(value) == 18 else None


def full_width(kind: str, value: str, _: Random) -> str | None:
    wide = value.translate(_FULL_WIDTH)
    return wide if kind in _NUMBERS | {"BIRTH_DATE", "CN_ADDRESS"} and wide != value else None


def spaces(kind: str, value: str, _: Random) -> str | None:
    groups = _groups(value, kind)
    return " ".join(groups) if groups else None


def dashes(kind: str, value: str, _: Random) -> str | None:
    groups = _groups(value, kind)
    return "-".join(groups) if groups else None


def line_break(kind: str, value: str, rng: Random) -> str | None:
    """As a page of a PDF breaks a long number."""
    if kind not in _LONG or not value.isalnum():
        return None
    place = rng.randrange(4, len(value) - 3)
    return f"{value[:place]}\n{value[place:]}"


def zero_width(kind: str, value: str, rng: Random) -> str | None:
    if kind not in _NUMBERS | {"EMAIL"}:
        return None
    place = rng.randrange(2, len(value) - 1)
    return value[:place] + rng.choice("\u200b\u200c\u200d\ufeff") + value[place:]


def letters(kind: str, value: str, rng: Random) -> str | None:
    """O for 0 and l for 1, some of them or all: done to get past filters."""
    places = [place for place, char in enumerate(value) if char in _LETTERS]
    if kind not in {"CN_ID_CARD", "CN_MOBILE", "BANK_CARD", "QQ", "IMEI", "CN_LANDLINE"} or not places:
        return None
    chosen = set(rng.sample(places, rng.randint(1, len(places))))
    return "".join(rng.choice(_LETTERS[char]) if place in chosen else char for place, char in enumerate(value))


def _inside(rewrite: Rewrite) -> Change:
    def change(kind: str, value: str, rng: Random) -> tuple[str, str, str] | None:
        written = rewrite(kind, value, rng)
        return ("", written, "") if written is not None else None

    return change


def brackets(kind: str, value: str, rng: Random) -> tuple[str, str, str] | None:
    if kind == "TRACK" or "\n" in value:
        return None
    left, right = rng.choice(("【】", "（）", "「」", "《》"))
    return left, value, right


VARIANTS: dict[str, Change] = {
    "full-width digits": _inside(full_width),
    "groups with spaces": _inside(spaces),
    "groups with dashes": _inside(dashes),
    "line break inside": _inside(line_break),
    "zero-width character inside": _inside(zero_width),
    "Chinese brackets around": brackets,
}
EVASIONS: dict[str, Change] = {"letters O, l for 0, 1": _inside(letters)}
