"""What a round asks for: sizes of its samples, shares read twice, and the public value its seed is made of."""

import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipeline.errors import UsageError

LONGEST_SEED = 200  # characters, as the contract says of seeds
DIGITS = "[0-9]+"
_SHARE = re.compile(r"0|1|0?\.\d{1,6}|[01]\.0{1,6}")
_TEXT = 500  # characters of what people write into the register


@dataclass(frozen=True)
class Design:
    """Sizes of samples, each at most: manual of all admitted, stage of each, positive and negative of each source.

    `second` and `repeat` are shares of the items judged, exact decimals; `known` counts known-answer texts.
    """

    manual: int = 4000
    stage: int = 300
    positive: int = 60
    negative: int = 300
    second: str = "1"
    known: int = 40
    repeat: str = "0.05"

    def __post_init__(self) -> None:
        problems = []
        for name in ("second", "repeat"):
            value = getattr(self, name)
            if not _SHARE.fullmatch(value):
                problems.append(f"--{name}: {value}: 应为 0 到 1 的小数 / should be a decimal from 0 to 1")
        for name in ("stage", "positive", "negative", "known"):
            if getattr(self, name) < 0:
                problems.append(f"--{name}: {getattr(self, name)}: 不能为负 / cannot be negative")
        if self.manual < 1:
            problems.append(f"--manual: {self.manual}: 至少为 1 / at least 1")
        if bool(self.positive) != bool(self.negative):
            problems.append(
                "--positive, --negative: 来源评估样本两层都要抽，或都为 0 / both strata of a source are sampled, or neither: one alone "
                "estimates nothing"
            )
        if problems:
            raise UsageError(problems)

    def of(self, sample: str) -> int:
        """How many documents the sample of that name asks for."""
        kind = sample.partition(":")[0]
        return int(getattr(self, sample.rpartition(":")[2] if kind == "source" else kind))

    def stated(self) -> dict[str, Any]:
        """As the register holds it."""
        return asdict(self)


def part_of(share: str, count: int) -> int:
    """⌈share · count⌉, exactly."""
    return math.ceil(Fraction(Decimal(share)) * count)


@dataclass(frozen=True)
class PublicValue:
    """A value nobody can know yet: what it is, where it will be published, and when at the earliest."""

    name: str
    source: str
    expected_at: str  # ISO 8601, UTC
    form: str = DIGITS  # a regular expression: who may choose among spellings of a value may choose among samples

    @classmethod
    def named(cls, name: str, source: str, expected: str, form: str = DIGITS) -> "PublicValue":
        """From what a person gives. Raises UsageError."""
        form = plain("--value-form", form)
        try:
            re.compile(form)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(f"--value-form: {form}: 不是正则表达式 / is no regular expression: {error}") from None
        return cls(plain("--value-name", name), plain("--value-source", source), moment(expected), form)


@dataclass(frozen=True)
class Opening:
    """What a person says who opens a round.

    `changes`: what was changed since the round before; `from_verdicts`: whether any of it was derived from what people
    decided there, None where they did not say; `quarantined`: whether shards set aside are accepted.
    """

    by: str
    value: PublicValue
    changes: str
    design: Design = Design()
    from_verdicts: bool | None = None
    quarantined: bool = False


def seed_of(round_name: str, value: str) -> str:
    """The seed `<round>/<value>`. Raises UsageError where it would be none under the contract's rules."""
    value = value.strip()
    seed = f"{round_name}/{value}"
    if not value:
        raise UsageError("--value: 不能为空 / cannot be empty")
    if len(seed) > LONGEST_SEED:
        raise UsageError(
            f"--value: 过长，种子至多 {LONGEST_SEED} 字符 / too long: a seed has at most {LONGEST_SEED} characters"
        )
    if not _clean(seed):
        raise UsageError("--value: 不得含控制字符 / must not contain control characters")
    return seed


def must_have_form(value: str, form: str) -> None:
    """Raises UsageError for a value that is not written as was said beforehand."""
    if not re.fullmatch(form, value.strip()):
        raise UsageError(
            f"--value: {value.strip()}: 与开启时约定的写法 {form} 不符（默认只写数字，照公布的次序，不加分隔） / is not written as was said when "
            f"the round was opened: {form}; by default digits alone, in the order published, without separators"
        )


def plain(name: str, text: str) -> str:
    """A text for the register, without blanks around it. Raises UsageError where it is empty, long or not plain."""
    text = text.strip()
    if not text:
        raise UsageError(f"{name}: 不能为空 / cannot be empty")
    if len(text) > _TEXT:
        raise UsageError(f"{name}: 至多 {_TEXT} 字符 / at most {_TEXT} characters")
    if not _clean(text) or not text.isprintable():
        raise UsageError(f"{name}: 不得含控制字符或换行 / must not contain control characters or line breaks")
    return text


def moment(text: str) -> str:
    """A time with its offset as UTC, to the second. Raises UsageError: without one nobody knows which hour is meant."""
    try:
        found = datetime.fromisoformat(text.strip())
        known = found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        known = None
    if known is None:
        raise UsageError(
            f"--value-expected: {text}: 应为带时区的时间，如 2026-11-25T15:00+08:00 / should be a time with its offset, such as "
            f"2026-11-25T15:00+08:00"
        )
    return known.isoformat(timespec="seconds")


def _clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text)
