"""Reads files of rows, CSV or JSON lines, as all or nothing: every refused row is named with file, line and reason."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

LISTED = 1000  # refused rows that are named; of the others the number is told
_CSV, _LINES = (".csv",), (".jsonl", ".ndjson")
_CELL = 1 << 20  # bytes a cell may have; an id that long is a broken quote


class BadLog(ValueError):  # noqa: N818 - reads as what it is
    """A log or staff list that cannot be used; `problems` holds one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Refusals:
    """The rows of a file that were refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._lines: list[str] = []

    def add(self, line: int | None, reason: str) -> None:
        """Notes a refused row; `line` is 1-based, None for the file as a whole."""
        self.count += 1
        if self.count <= LISTED:
            place = f"第 {line} 行 / line {line}: " if line is not None else ""
            self._lines.append(f"{self.path}: {place}{reason}")

    @property
    def problems(self) -> list[str]:
        """What was refused, a line each; beyond LISTED lines their number."""
        more = self.count - len(self._lines)
        rest = [f"{self.path}: 另有 {more} 行被拒 / {more} more rows are refused"] if more else []
        return [*self._lines, *rest]


def read_rows(
    path: Path, columns: Mapping[str, str], needed: frozenset[str], refusals: Refusals
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file with their lines, by canonical names. `columns` maps every name a column may have to its own.

    Values of CSV are texts, empty cells left out. What is wrong goes to `refusals`.
    """
    kind = path.suffix.lower()
    read: Callable[..., Iterator[tuple[int, dict[str, Any]]]]
    if kind in _CSV:
        read = _csv_rows
    elif kind in _LINES:
        read = _json_rows
    else:
        refusals.add(None, "应为 .csv 或 .jsonl / should be .csv or .jsonl: save it as one of them")
        return
    try:
        yield from read(path, columns, needed, refusals)
    except UnicodeDecodeError:
        refusals.add(None, "不是 UTF-8，请另存为“CSV UTF-8” / not UTF-8: save it as “CSV UTF-8”")
    except OSError as error:
        refusals.add(None, f"读不了 / cannot be read: {error.strerror}")


def _csv_rows(
    path: Path, columns: Mapping[str, str], needed: frozenset[str], refusals: Refusals
) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = _header(next(reader, []), columns, needed, refusals)
            if header is None:
                return
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    refusals.add(
                        reader.line_num,
                        f"应有 {len(header)} 个单元格，实有 {len(cells)} / {len(cells)} cells instead of {len(header)}",
                    )
                    continue
                yield reader.line_num, {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
        except csv.Error as error:
            refusals.add(
                reader.line_num, f"不是合法的 CSV（引号是否成对） / not valid CSV, look at its quotes: {error}"
            )


def _header(
    names: list[str], columns: Mapping[str, str], needed: frozenset[str], refusals: Refusals
) -> list[str] | None:
    """The canonical names of a header; None where it is refused."""
    header = [columns.get(name.strip().lower(), "") for name in names]
    unknown = [name for name, known in zip(names, header, strict=True) if not known]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    absent = sorted(needed - set(header))
    for wrong, text in (
        (unknown, "未知的列，请删除或改名 / unknown columns, remove or rename them"),
        (twice, "同一列出现两次 / a column is there twice"),
        (absent, "缺少列 / columns are missing"),
    ):
        if wrong:
            refusals.add(1, f"{text}: {', '.join(map(repr, wrong))}")
    return None if unknown or twice or absent else header


def _json_rows(
    path: Path, columns: Mapping[str, str], needed: frozenset[str], refusals: Refusals
) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                refusals.add(number, f"不是 JSON / not JSON: {error}")
                continue
            if not isinstance(row, dict):
                refusals.add(number, "应为对象 / should be an object")
                continue
            if unknown := sorted(name for name in row if name.strip().lower() not in columns):
                refusals.add(number, f"未知的键 / unknown keys: {', '.join(map(repr, unknown))}")
                continue
            yield (
                number,
                {columns[name.strip().lower()]: value for name, value in row.items() if value not in (None, "")},
            )
