"""What `lexicon import` reads: libraries of ours as they are, anything else as words with categories."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lexicon.exporting import FULL_SHEET, attached_lines
from lexicon.rows import COLUMNS, Row, parse_rows, sound_rows
from lexicon.tables import Listed, Options, is_own_format, read_table, words_of
from lexicon.workbook import Line, Sheet, read_workbook
from schemas.loading import DocumentError

_NAMED = 10  # words of a disagreement that are told


@dataclass
class Foreign:
    """Rows that need no mapping, words that do, and what was assumed or passed over."""

    rows: list[Row] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_foreign(files: Sequence[Path], options: Options) -> Foreign:
    """All the files hold. Raises DocumentError with all that is wrong with them."""
    read = Foreign()
    problems: list[str] = []
    for path in files:
        try:
            if is_own_format(path):
                read.rows += parse_rows(str(path), path.read_bytes(), problems)
            elif path.suffix.lower() == ".xlsx":
                _workbook(path, options, read, problems)
            else:
                read.listed += read_table(path, options, read.notices)
        except DocumentError as error:
            problems += error.problems
        except OSError as error:
            problems.append(f"{path}: 读不了 / cannot be read: {error.strerror}")
    if problems:
        raise DocumentError("import", problems)
    return read


def _workbook(path: Path, options: Options, read: Foreign, problems: list[str]) -> None:
    """A workbook this project exported as rows, any other as words."""
    sheets = read_workbook(path)
    full = sheets.pop(FULL_SHEET, None)
    if full is None or not full.lines or tuple(full.lines[0].cells[: len(COLUMNS)]) != COLUMNS:
        if full is not None:
            sheets[FULL_SHEET] = full
        read.listed += words_of(path, sheets, options, read.notices)
        return
    name = f"{path}[{FULL_SHEET}]"
    body = full.lines[1:]
    problems += [
        f"{name}:{line.number}: 词不是文本而是{line.altered[0].replace(' / ', ' / the term is no text but ')}"
        for line in body
        if 0 in line.altered
    ]
    rows = list(sound_rows(COLUMNS, [(f"{name}:{line.number}", _trimmed(line)) for line in body], problems))
    if not problems:
        _compare(path, rows, sheets, options)
    read.rows += rows


def _trimmed(line: Line) -> list[str]:
    """The cells without the empty ones beyond the library's columns."""
    own, beyond = line.cells[: len(COLUMNS)], line.cells[len(COLUMNS) :]
    return line.cells if any(beyond) else own


def _compare(path: Path, rows: Sequence[Row], sheets: dict[str, Sheet], options: Options) -> None:
    """Raises DocumentError where the sheets for people say anything else than the full one, from which rows are read."""
    filled = {name: sheet for name, sheet in sheets.items() if sheet.lines}
    if not filled:
        return
    attached = {(word.word, word.first, word.second) for word in words_of(path, filled, options, [])}
    full = {line for row in rows for line in attached_lines(row)}
    if attached == full:
        return
    only = [
        f"{path}: 只在{where} / only on {english}: {_told(words)}"
        for where, english, words in (
            ("其他工作表", f"the other sheets ({', '.join(filled)})", attached - full),
            (f"工作表 {FULL_SHEET} ", f"the sheet {FULL_SHEET}", full - attached),
        )
        if words
    ]
    head = (
        f"{path}: 工作表 {FULL_SHEET} 与其他工作表内容不一致；在 {FULL_SHEET} 中修改，并删除其他工作表，或删除 {FULL_SHEET} 以只导入其他工作表 / "
        f"the sheet {FULL_SHEET} and the others disagree: make your changes on {FULL_SHEET} and delete the others, or "
        f"delete {FULL_SHEET} to import the others"
    )
    raise DocumentError(str(path), [head, *only])


def _told(lines: set[tuple[str, str, str]]) -> str:
    told = ["｜".join(part for part in line if part) for line in sorted(lines)]
    more = f"… ({len(told):,})" if len(told) > _NAMED else ""
    return "；".join(told[:_NAMED]) + more
