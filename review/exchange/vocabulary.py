"""The words of an answer, as files show them and as people write them back."""

import re
from decimal import Decimal, InvalidOperation

from rounds.tables import PERSONAL, QUALIFIED, UNCLEAR, UNQUALIFIED
from schemas.risks import groups, risks

VERDICT_NAMES = {QUALIFIED: "合格", UNQUALIFIED: "不合格", UNCLEAR: "无法判定"}
PERSONAL_NAMES = dict(zip(PERSONAL, ("一般个人信息", "敏感个人信息", "生物识别信息"), strict=True))
SHARES = ("100%", "75%", "50%", "25%")  # proposed; any other share may be written

YES, NO = "是 yes", "否 no"
_YES = frozenset({"是", "有", "yes", "y", "true", "1", "x", "√", "✓", "✔", YES})
_NO = frozenset({"否", "无", "no", "n", "false", "0", NO})

_RISK = re.compile(r"[Aa][1-5]-[A-Za-z]")
_BETWEEN = re.compile(r"[;,；，、/\s]+")


def verdict_label(verdict: str) -> str:
    """A verdict in both languages."""
    return f"{VERDICT_NAMES[verdict]} {verdict}"


def personal_label(kind: str) -> str:
    """A kind of personal information in both languages."""
    return f"{PERSONAL_NAMES[kind]} {kind}"


def risk_label(risk: str) -> str:
    """A risk by its id, in the wording of the standard."""
    return f"{risk} {risks()[risk].zh}"


def group_label(group: str) -> str:
    """A class of risks by its id."""
    return f"{group} {groups()[group].zh}"


def verdict_of(written: str) -> str | None:
    """The verdict somebody wrote: its word in either language or both; None where it is no verdict."""
    return _word(written, VERDICT_NAMES)


def personal_of(written: str) -> str | None:
    """The kind of personal information somebody wrote."""
    return _word(written, PERSONAL_NAMES)


def risks_of(written: str) -> tuple[list[str], list[str]]:
    """The risk ids in a cell, and what of it is none: a label as shown, or ids with anything usual between them."""
    given = written.strip()
    first, _, rest = given.partition(" ")
    if rest and first in risks() and rest.strip() == risks()[first].zh:
        return [first], []
    found: list[str] = []
    unknown: list[str] = []
    for part in filter(None, _BETWEEN.split(given)):
        risk = part[0].upper() + part[1:].lower() if _RISK.fullmatch(part) else part
        (found if risk in risks() else unknown).append(risk)
    return found, unknown


def yes_or_no(written: str) -> bool | None:
    """Whether somebody ticked; False where nothing is written, None where it is neither."""
    word = written.strip().casefold()
    return True if word in _YES else False if not word or word in _NO else None


def share_of(written: str) -> float | None:
    """A share between 0 and 1, written as `0.6` or `60%`; None where it is none."""
    word = written.strip().replace("％", "%")
    try:
        share = Decimal(word[:-1].strip()) / 100 if word.endswith("%") else Decimal(word)
    except InvalidOperation:
        return None
    return float(share) if share.is_finite() and 0 <= share <= 1 else None


def seconds_of(written: str) -> float | None:
    """Seconds from 0 to a day; 0 where nothing is written, None where it is no such number."""
    try:
        seconds = Decimal(written.strip() or "0")
    except InvalidOperation:
        return None
    return round(float(seconds), 3) if seconds.is_finite() and 0 <= seconds <= 86_400 else None


def _word(written: str, names: dict[str, str]) -> str | None:
    given = " ".join(written.split()).casefold()
    return next((word for word, name in names.items() if given in (word, name, f"{name} {word}")), None)
