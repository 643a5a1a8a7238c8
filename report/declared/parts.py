"""The small things declarations are made of: texts, days, files that prove something, and placeholders."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Place = tuple[int | str, ...]

MARKER = "〔待填〕"
_UNFILLED = frozenset({"待填", "待补", "待补充", "待定", "todo", "tbd", "fixme", "xx", "xxx", "xxxx", "…", "..."})
_LEFT_ALONE = "\n\t"
_BAD_CATEGORIES = ("Cc", "Cs", "Co", "Cn")
_DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # turn text round on a page
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def placeholder(hint: str) -> str:
    """A value that says what belongs there and never counts as it."""
    return f"{MARKER}{hint}"


def is_placeholder(value: Any) -> bool:
    """Whether a value is still to be filled in: marked anywhere in it, or one of the words people leave for later."""
    return isinstance(value, str) and (MARKER in value or value.strip().lower() in _UNFILLED)


def placeholders(content: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every placeholder of a parsed document with its place; keys are looked at too."""
    if isinstance(content, dict):
        for key, value in content.items():
            if is_placeholder(key):
                yield (*place, str(key)), str(key)
            else:
                yield from placeholders(value, (*place, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from placeholders(value, (*place, index))
    elif is_placeholder(content):
        yield place, content


class Part(BaseModel):
    """A part of the declarations: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _clean(value: str) -> str:
    """A text without surrounding space. Control characters would break the documents it is printed in."""
    stripped = value.strip()
    if not stripped:
        raise ValueError("不能为空 / cannot be empty")
    bad = next((char for char in stripped if _unprintable(char)), None)
    if bad is not None:
        raise ValueError(f"含不可打印字符 U+{ord(bad):04X}，请删去 / holds the unprintable character: remove it")
    return stripped


def _unprintable(char: str) -> bool:
    return (char not in _LEFT_ALONE and unicodedata.category(char) in _BAD_CATEGORIES) or char in _DIRECTIONS


def _as_day(value: Any) -> Any:
    """Only a day as YAML or people write one: pydantic would read whole numbers as seconds since 1970."""
    if isinstance(value, datetime) or not isinstance(value, date | str):
        raise ValueError("应为日期，如 2026-11-22 / should be a day, such as 2026-11-22")
    if isinstance(value, str):
        try:
            if _DAY.fullmatch(value.strip()):
                return date.fromisoformat(value.strip())
        except ValueError:
            pass
        raise ValueError(f"不是日期，应如 2026-11-22 / not a day, such as 2026-11-22: {value!r}")
    return value


def _as_page(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, Field(max_length=4000), AfterValidator(_clean)]
Section = Annotated[Text, BeforeValidator(_as_page)]  # a page or section, which YAML may read as a number
Day = Annotated[date, BeforeValidator(_as_day)]
Count = Annotated[int, Field(ge=0, strict=True)]
SourceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
ClauseKey = Annotated[str, Field(pattern=r"^K(\.[A-Z0-9]+)+$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s<>\"']+$", max_length=2000)]


class Proof(Part):
    """A file, or a folder of them, that shows something; a plain text is its name.

    `file` is relative to the declarations. `attach` puts the file itself into the report's evidence; otherwise its
    digest alone goes there.
    """

    file: Text
    title: Text | None = None
    by: Text | None = None
    date: Day | None = None
    expires: Day | None = None
    attach: bool = False

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _in_order(self) -> "Proof":
        if self.date is not None and self.expires is not None and self.expires < self.date:
            raise ValueError(f"有效期至 {self.expires} 早于日期 {self.date} / expires before its own day")
        return self


def walk(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value in a part with its place, parts and plain values alike."""
    yield place, value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from walk(getattr(value, name), (*place, name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from walk(inner, (*place, key))
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from walk(inner, (*place, index))


def once(names: Sequence[str], key: str) -> None:
    """Raises ValueError for a name given more than once."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{key} 重复 / given more than once: {', '.join(repeated)}")
