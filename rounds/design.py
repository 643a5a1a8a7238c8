"""What a round asks for: sizes of its samples, shares read twice, and the public value its seed is made of."""

import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipeline.errors import UsageError
from rounds.value_form import must_be_precise

LONGEST_SEED = 200  # characters, as the contract says of seeds
_SHARE = re.compile(r"0|1|0?\.\d{1,6}|[01]\.0{1,6}")
_TEXT = 500  # characters of what people write into the register


@dataclass(frozen=True)
class Design:
    """Sizes of samples, each at most: manual of all admitted, stage of each, positive and negative of each source.

    Manual and source samples are of ordinary stages (rounds/apart.py). `second` and `repeat` are shares of the items judged, exact decimals; `known` counts known-answer texts.
    """

    manual: int = 4000
    stage: int = 300
    positive: int = 60
    negative: int = 300
    second: str = "1"
    known: int = 40
    repeat: str = "0.05"
    sources: tuple[str, ...] | None = None  # those with an assessment sample; None: all

    def __post_init__(self) -> None:
        problems = []
        if self.sources is not None:
            object.__setattr__(self, "sources", tuple(sorted(set(self.sources))))
            if not self.sources or not self.positive:
                problems.append("--source-sample: 没有来源要抽 / names no source to sample")
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
        kind, _, rest = sample.partition(":")
        if kind != "source":
            return int(getattr(self, kind))
        source, _, stratum = rest.rpartition(":")
        return int(getattr(self, stratum)) if self.sources is None or source in self.sources else 0

    def stated(self) -> dict[str, Any]:
        """As the register holds it."""
        return asdict(self) | {"sources": list(self.sources) if self.sources is not None else None}


def part_of(share: str, count: int) -> int:
    """⌈share · count⌉, exactly."""
    return math.ceil(Fraction(Decimal(share)) * count)


@dataclass(frozen=True)
class PublicValue:
    """A value nobody can know yet: what it is, where it will be published, and when at the earliest."""

    name: str
    source: str
    expected_at: str  # ISO 8601, UTC
    form: str  # a regular expression of one spelling (rounds/value_form.py)

    def __post_init__(self) -> None:
        must_be_precise(self.form)

    @classmethod
    def named(cls, name: str, source: str, expected: str, form: str) -> "PublicValue":
        """From what a person gives. Raises UsageError."""
        named, where = plain("--value-name", name), plain("--value-source", source)
        return cls(named, where, moment(expected), plain("--value-form", form))


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
    seed = f"{round_name}/{value}"
    if not value.strip():
        raise UsageError("--value: 不能为空 / cannot be empty")
    if len(seed) > LONGEST_SEED:
        raise UsageError(
            f"--value: 过长，种子至多 {LONGEST_SEED} 字符 / too long: a seed has at most {LONGEST_SEED} characters"
        )
    if not _clean(seed):
        raise UsageError("--value: 不得含控制字符 / must not contain control characters")
    return seed


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
