"""Compiles keyword libraries: every term once, in normalised form, with its risks and tier."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lexicon.rows import Row, parse_rows, read_rows
from schemas.lexicon import Entry, Library
from schemas.loading import DocumentError


def load_library(paths: Sequence[Path]) -> Library:
    """The terms of all files together, or the bundled starter library. Raises DocumentError naming file and line."""
    problems: list[str] = []
    return _sound(compile_library(read_rows(paths, problems), problems), problems)


def library_of(files: Sequence[tuple[str, bytes]]) -> Library:
    """The terms of files with these names and contents. Raises DocumentError naming file and line."""
    problems: list[str] = []
    rows = (row for name, content in files for row in parse_rows(name, content, problems))
    return _sound(compile_library(rows, problems), problems)


def _sound(library: Library, problems: list[str]) -> Library:
    if problems:
        raise DocumentError("lexicons", problems)
    if not library.entries:
        raise DocumentError("lexicons", ["词库里没有一个词 / the library holds no term at all"])
    return library


def compile_library(rows: Iterable[Row], problems: list[str]) -> Library:
    """The rows as a library; terms that contradict each other are added to `problems`."""
    entries: dict[str, tuple[Entry, str]] = {}
    for row in rows:
        known = entries.get(row.term)
        if known is None:
            entries[row.term] = (Entry(row.term, row.risks, row.tier, row.requires, row.excludes), row.place)
        elif (known[0].tier, known[0].requires, known[0].excludes) != (row.tier, row.requires, row.excludes):
            problems.append(
                f"{row.place}: 与 {known[1]} 归一化后为同一个词 {row.term!r} 但级别或条件不同 / same term after normalisation as "
                f"{known[1]}, but another tier or context: keep one"
            )
        else:
            joined = tuple(sorted({*known[0].risks, *row.risks}))
            entries[row.term] = (Entry(row.term, joined, row.tier, row.requires, row.excludes), known[1])
    return Library(tuple(entry for _, (entry, _) in sorted(entries.items())))
