"""The text of tables in unknown encodings: UTF-8, UTF-16 with a mark, or GB 18030 where that reads as Chinese."""

import codecs
import unicodedata
from pathlib import Path

from schemas.loading import DocumentError
from transforms.normalise import normalise_term

PLAUSIBLE = 0.75  # share of characters among the 6,763 of GB 2312; see `is_plausible`


def read_text(path: Path, encoding: str | None, notices: list[str]) -> str:
    """The text of a file; in which encoding is added to `notices` where it was neither given nor UTF-8.

    Raises:
        DocumentError: the file is not in the encoding given, or in none that can be told with some certainty.
    """
    content = path.read_bytes()
    if encoding is not None:
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except (LookupError, UnicodeError):
            told = (
                f"{path}: 不能按 --encoding {encoding} 读取 / cannot be read in the encoding given: give the right one"
            )
            raise DocumentError(str(path), [told]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    assumed = "utf-16" if marked else "gb18030"
    try:
        text = content.decode(assumed)
    except UnicodeDecodeError:
        told = f"{path}: 既非 UTF-8 也非 GB 18030 / neither UTF-8 nor GB 18030: save it as UTF-8, or give --encoding"
        raise DocumentError(str(path), [told]) from None
    if not is_plausible(text):
        told = (
            f"{path}: 不是 UTF-8，按 GB 18030 读出的多为生僻字，编码可能不对；另存为 UTF-8，或用 --encoding 指明（如 big5） / not UTF-8, "
            "and mostly rare characters when read as GB 18030: save it as UTF-8, or give --encoding (such as big5)"
        )
        raise DocumentError(str(path), [told])
    notices.append(
        f"{path}: 不是 UTF-8，按 {assumed} 读取 / not UTF-8, read as {assumed}; --encoding 可另行指定 / gives another"
    )
    return text


def is_plausible(text: str) -> bool:
    """Whether a text that was read as Chinese is likely to be.

    Folded to simplified characters, words of libraries and dictionaries are at least 88 % characters of GB 2312 from
    three words on; Big5 read as GB 18030 is at most 71 %, a third as a rule. Of one or two words nobody can tell.
    """
    folded = normalise_term(text)
    told = [char for char in folded if not char.isascii() and unicodedata.category(char)[0] not in "PZ"]
    return sum(_is_common(char) for char in told) >= PLAUSIBLE * len(told)


def _is_common(char: str) -> bool:
    try:
        return char.encode("gb2312")[0] >= 0xB0  # rows below are signs, kana, Greek and Cyrillic
    except UnicodeEncodeError:
        return False
