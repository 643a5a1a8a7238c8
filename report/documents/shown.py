"""Values as the documents show them. Texts of a corpus are hostile: what cannot be seen or acts on a reader is shown as its code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from report.model import Both, Column, Table
from review.exchange.shown import shown

NOTHING = "—"
LONGEST = 2_000  # characters of one value in a document; the evidence has all of it
SHORT_DIGEST = 16
_EVERY_BYTE = 9  # decimals of a gigabyte
_GIGABYTE = Decimal(10**9)
_SURROGATE = re.compile("[\ud800-\udfff]")
# invisible, and unlike joiners in no script's spelling: soft hyphen, zero-width space, word joiner and kin, Hangul fillers, tags
_INVISIBLE = re.compile(
    "[\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\uffa0\U000e0000-\U000e007f]"
)
_NONCHARACTER = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17))
    + "]"
)
_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[A-Za-z]")


def visible(value: object, longest: int = LONGEST) -> str:
    """A text whole and harmless: controls, marks of direction and what cannot be seen as codes; long ones are cut and say so."""
    text = str(value)
    if len(text) <= longest and text.isascii() and text.isprintable() and "\\u" not in text and "_x" not in text:
        return text  # as most ids and digests are
    text = shown(text.replace("\r\n", "\n"))
    for pattern in (_SURROGATE, _INVISIBLE, _NONCHARACTER):
        text = pattern.sub(_code, text)
    if len(text) <= longest:
        return text
    return f"{text[:longest]}…（共 {len(text):,} 字，全文见证据文件 / {len(text):,} characters, all of them in the evidence）"


def one_line(value: object) -> str:
    """`visible` on one line."""
    return visible(value).replace("\n", "\\n").replace("\t", "\\t")


def split_languages(text: str) -> tuple[str, str]:
    """Chinese and English of a text of ours, "中文 / English"; of any other text all and nothing. Joined by " / " it is the text."""
    zh, slash, en = text.rpartition(" / ")
    return (zh, en) if slash and _HAN.search(zh) and _LATIN.search(en) and not _HAN.search(en) else (text, "")


def _code(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


@dataclass(frozen=True)
class Shower:
    """Shows the cells of one table: sizes of a table have the same number of decimals."""

    decimals: int
    whole_digests: bool = False
    english: bool = True  # whether texts in both languages show their English

    def cell(self, column: Column, value: Any) -> str:
        """A cell's value as text."""
        if value is None:
            return NOTHING
        if isinstance(value, Both):
            return visible(value if self.english else value.zh)
        match column.kind:
            case "gigabytes":
                return gigabytes(value, self.decimals)
            case "share":
                return share(value)
            case "digest":
                return digest(value, self.whole_digests)
            case _:
                return plain(value)


def shower(table: Table, whole_digests: bool = False, english: bool = True) -> Shower:
    """How to show a table's cells."""
    sizes = [row.values.get(one.name) for one in table.columns if one.kind == "gigabytes" for row in table.rows]
    return Shower(_decimals([size for size in sizes if size]), whole_digests, english)


def rounding(table: Table, how: Shower) -> Both | None:
    """What is to be said of sizes that are rounded for showing; None where there are none."""
    if how.decimals == _EVERY_BYTE or all(column.kind != "gigabytes" for column in table.columns):
        return None
    return Both(
        f"GB 显示到小数点后 {how.decimals} 位，各行相加可差末位；工作簿载全部位数，合计逐字节相等",
        f"GB are shown to {how.decimals} decimals, so shown sums may differ in the last one; the workbook has all of them",
    )


def _decimals(sizes: Iterable[int]) -> int:
    """3 from a gigabyte on; so many that the largest size has five figures; 9 show every byte."""
    largest = max(sizes, default=10**9)
    return next((places for places, least in ((3, 10**9), (6, 10**6)) if largest >= least), _EVERY_BYTE)


def plain(value: Any) -> str:
    """A value of no special kind."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float | Decimal):
        return f"{value:,.6g}"
    if isinstance(value, list | tuple):
        return "；".join(visible(one) for one in value) or NOTHING
    return visible(value) or NOTHING


def gigabytes(value: int, decimals: int) -> str:
    """Bytes as gigabytes of 10⁹ bytes."""
    return f"{Decimal(value) / _GIGABYTE:,.{decimals}f}"


def share(value: float) -> str:
    """A share as per cent, with so many decimals that it never looks like a whole per cent it is not."""
    text = ""
    for places in range(2, 9):
        text = f"{100 * value:.{places}f}"
        whole = Decimal(text) == int(Decimal(text))
        if not whole or abs(100 * value - round(100 * value)) < 1e-9:
            break
    return f"{text} %"


def digest(value: object, whole: bool = False) -> str:
    """A digest, by default its beginning."""
    text = one_line(value)
    return text if whole or len(text) <= SHORT_DIGEST else f"{text[:SHORT_DIGEST]}…"


def number(value: Any) -> str:
    """A number of a clause's basis: a fraction as per cent, a whole number with separators."""
    return share(value) if isinstance(value, float) and 0 <= value <= 1 else plain(value)
