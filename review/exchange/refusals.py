"""Refused rows as people read them: on the terminal, rows that follow each other in one line; in the report each by itself."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from review.exchange.answers import Refused
from review.exchange.shown import harmless

_REPORT = ("file", "sheet", "row", "item", "column", "value", "reason_zh", "reason_en")
_RANGES = 8  # ranges of numbers a line names before it says how many there are


def refusal_lines(path: Path, refused: Sequence[Refused]) -> list[str]:
    """A line for each run of rows that are refused alike, in the order of the file; no text of a document is in it."""
    runs = sorted(_runs(refused), key=lambda run: (run[0].place.sheet, run[0].place.row, run[0].column))
    return [_line(path, run) for run in runs]


def report_bytes(path: Path, refused: Sequence[Refused]) -> bytes:
    """Every refused row of the file as CSV for spreadsheets."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(_REPORT)
    for one in sorted(refused, key=lambda one: (one.place.sheet, one.place.row)):
        place = one.place
        writer.writerow(
            [harmless(path.name), place.sheet, place.row or "", one.item, one.column, one.value, one.zh, one.en]
        )
    return file.getvalue().encode("utf-8-sig")


def is_report(path: Path) -> bool:
    """Whether that is a file `report_bytes` made, by its first line."""
    head = ",".join(_REPORT).encode("utf-8-sig")
    try:
        with path.open("rb") as file:
            return file.read(len(head)) == head
    except OSError:
        return False


def _runs(refused: Sequence[Refused]) -> Iterator[list[Refused]]:
    """Rows next to each other with the same to say; those without a row, which are missing, all together."""

    def said(one: Refused) -> tuple[str, ...]:
        return one.place.sheet, one.column, one.value, one.zh, one.en

    for _, alike in groupby(sorted(refused, key=lambda one: (said(one), one.place.row)), said):
        run: list[Refused] = []
        for one in alike:
            if run and one.place.row - run[-1].place.row > 1:
                yield run
                run = []
            run.append(one)
        yield run


def _line(path: Path, run: Sequence[Refused]) -> str:
    first, last = run[0], run[-1]
    sheet = f"[{first.place.sheet}]" if first.place.sheet else ""
    row = ""
    if first.place.row:
        rows = f"{first.place.row}–{last.place.row}" if last.place.row > first.place.row else f"{first.place.row}"
        row = f" 第 {rows} 行 / row {rows}"
    item = ""
    if first.column != "item_no" or not first.value:
        named = _ranges([one.item for one in run if one.item])
        item = f" 第 {named} 条 / item {named}:" if named else ""
    value = f" {first.value!r}" if first.value else ""
    return f"{path}{sheet}{row}:{item} {first.column}{value}: {first.zh} / {first.en}"


def _ranges(items: Sequence[str]) -> str:
    """`3–7, 9`; what is no number stands as it is."""
    runs: list[list[str]] = []
    for item in sorted(dict.fromkeys(items), key=lambda item: (int(item) if _is_number(item) else 0, item)):
        if runs and _is_number(item) and _is_number(runs[-1][-1]) and int(item) == int(runs[-1][-1]) + 1:
            runs[-1].append(item)
        else:
            runs.append([item])
    told = [run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    return ", ".join(told[:_RANGES]) + (f" … ({len(items):,})" if len(told) > _RANGES else "")


def _is_number(item: str) -> bool:
    return item.isascii() and item.isdecimal()
