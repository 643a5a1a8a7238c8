"""How wide the columns of a table want to be, and how a wide table is divided over a page."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from report.documents.lists import EMPTY
from report.documents.shown import Shower, split_languages
from report.model import Column, Table

_LEAST, _TEXT, _LONG, _MOST = 5, 16, 40, 90  # characters of half an em; a Chinese character takes two
_HEAD = 8  # of a title, which may break
_EASY = 28  # of a column of texts
_TOGETHER = 20  # of a short text in both languages, which stays on one line
_LOOKED_AT = 400  # rows
_DIGEST = 34  # half a digest on a line


@dataclass(frozen=True)
class Piece:
    """Some columns of a table, with their widths in characters of half an em."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    squeezed: bool  # whether a text has less room than it reads well in


def characters(text: str) -> int:
    """The width of a text's longest line in characters of half an em."""
    return max(map(_characters, text.split("\n")))


def _characters(line: str) -> int:
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in line)


def pieces(table: Table, shower: Shower, room: int) -> tuple[Piece, ...]:
    """The table's columns in as few pieces as fit into `room` characters, each led by the table's first columns."""
    widths = {column.name: _wanted(table, column, shower) for column in table.columns}
    least = {
        column.name: min(width, _TEXT) if column.kind == "text" else width
        for column, width in zip(table.columns, widths.values(), strict=True)
    }
    if sum(least.values()) <= room:
        return (_piece(table.columns, widths, room),)
    lead = _lead(table)
    found: list[list[Column]] = [[]]
    used = start = sum(least[column.name] for column in lead)
    for column in table.columns[len(lead) :]:
        if found[-1] and used + widths[column.name] > room:
            found.append([])
            used = start
        found[-1].append(column)
        used += widths[column.name]
    return tuple(_piece((*lead, *rest), widths, room) for rest in found)


def _lead(table: Table) -> tuple[Column, ...]:
    """The columns that tell rows apart: up to the first of text."""
    first = next((place for place, column in enumerate(table.columns) if column.kind == "text"), 0)
    return table.columns[: first + 1]


def _piece(columns: Sequence[Column], widths: dict[str, int], room: int) -> Piece:
    """Widths scaled to fill the room; what is short keeps what it needs, texts share the rest."""
    wanted = [widths[column.name] for column in columns]
    texts = [place for place, column in enumerate(columns) if column.kind == "text"]
    spare = room - sum(wanted)
    if spare < 0 and texts:
        pool = sum(max(wanted[place] - _TEXT, 0) for place in texts)
        for place in texts:
            wanted[place] += int(spare * max(wanted[place] - _TEXT, 0) / pool) if pool else 0
    elif spare > 0 and texts:
        pool = sum(wanted[place] for place in texts)
        for place in texts:
            wanted[place] += spare * wanted[place] // pool
    squeezed = any(wanted[place] < min(widths[columns[place].name], _EASY) for place in texts)
    return Piece(tuple(columns), tuple(wanted), squeezed)


def _wanted(table: Table, column: Column, shower: Shower) -> int:
    cells = [
        _cell(column, shower.cell(column, row.values.get(column.name)))
        for row in table.rows[:_LOOKED_AT]
        if row.key != EMPTY
    ]
    longest = max(cells, default=0)
    if column.kind == "digest":
        longest = min(longest, _DIGEST)
    elif longest > _LONG:
        longest = min(_LONG + (longest - _LONG) // 6, _MOST)
    return max(longest, min(characters(column.title.zh), _HEAD), _LEAST) + 2


def _cell(column: Column, text: str) -> int:
    """The width a cell wants; the English behind a Chinese text stands small and may break."""
    zh, en = split_languages(text) if column.kind == "text" else (text, "")
    both = characters(zh) + (3 * characters(en) + 9) // 4 if en else characters(zh)
    return both if both <= _TOGETHER else max(characters(zh), min(characters(en) // 2, _TEXT))
