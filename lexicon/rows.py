"""The rows of library files, as written and as matched. The format is described in README.md beside this module."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from schemas.lexicon import TIERS
from schemas.loading import DocumentError
from schemas.risks import risks
from transforms.normalise import normalise_terms

COLUMNS = ("term", "risks", "tier", "requires", "excludes", "note", "since")
STARTER = "starter.tsv"


@dataclass(frozen=True)
class Row:
    """One row of a library file. `term` is as matched, `written` as it stands there, `place` file and line.

    `requires` and `excludes` are normalised terms.
    """

    place: str
    written: str
    term: str
    risks: tuple[str, ...]
    tier: str
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    note: str = ""
    since: str = ""


def read_rows(paths: Sequence[Path], problems: list[str]) -> Iterator[Row]:
    """The sound rows of all files, or of the bundled starter library; what is wrong is added to `problems`."""
    if not paths:
        content = resources.files("lexicon").joinpath(STARTER).read_bytes()
        yield from parse_rows(STARTER, content, problems)
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            problems.append(f"{path}: 词库读不了 / cannot read the library: {error.strerror}")
            continue
        yield from parse_rows(str(path), content, problems)


def parse_rows(name: str, content: bytes, problems: list[str]) -> Iterator[Row]:
    """The sound rows of one file; what is wrong is added to `problems` with file and line."""
    try:
        header, lines = _lines(name, content)
    except DocumentError as error:
        problems += error.problems
        return
    given = [(f"{name}:{number}", fields) for number, fields in lines if not fields[0].startswith("#")]
    yield from sound_rows(header, given, problems)


def require_library(path: Path) -> None:
    """Raises DocumentError where a file cannot be read or is no library at all."""
    try:
        _lines(str(path), path.read_bytes())
    except OSError as error:
        raise DocumentError(str(path), [f"{path}: 词库读不了 / cannot read the library: {error.strerror}"]) from None


def sound_rows(header: Sequence[str], given: Iterable[tuple[str, list[str]]], problems: list[str]) -> Iterator[Row]:
    """The sound rows of a table with the library's columns, from each row's place and fields."""
    rows = [(place, fields) for place, fields in given if any(field.strip() for field in fields)]
    terms = normalise_terms([fields[0] for _, fields in rows])
    for term, (place, fields) in zip(terms, rows, strict=True):
        if len(fields) > len(header):
            problems.append(f"{place}: 列数过多 / {len(fields)} columns, the header has {len(header)}")
            continue
        row = {column: field.strip() for column, field in zip(header, fields, strict=False)}
        of = tuple(sorted({risk.strip() for risk in row.get("risks", "").split(",") if risk.strip()}))
        wrong = list(_wrong(term, row, of))
        if wrong:
            problems.extend(f"{place}: {item}" for item in wrong)
            continue
        requires, excludes = _terms(row.get("requires")), _terms(row.get("excludes"))
        yield Row(
            place, row["term"], term, of, row["tier"], requires, excludes, row.get("note", ""), row.get("since", "")
        )


def _lines(name: str, content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the numbered lines of a library file. Raises DocumentError where it is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = f"{name}: 不是 UTF-8 / not UTF-8 at byte {error.start}: save the file as UTF-8"
        raise DocumentError(name, [told]) from None
    lines = [
        (number, line.rstrip("\n").split("\t")) for number, line in enumerate(io.StringIO(text, newline=None), start=1)
    ]
    header = lines[0][1] if lines else []
    if header[:3] != list(COLUMNS[:3]) or not set(header) <= set(COLUMNS):
        told = f"{name}:1: 表头应为 / the header should be: {' | '.join(COLUMNS)}, separated by tabs"
        raise DocumentError(name, [told])
    return header, lines[1:]


def written_rows(rows: Iterable[Row], name: str) -> bytes:
    """The content of a library file. Raises DocumentError where a cell would break the format."""
    lines, broken = ["\t".join(COLUMNS)], []
    for row in rows:
        cells = cells_of(row)
        if any(char in cell for cell in cells for char in "\t\r\n") or row.written.startswith("#"):
            broken.append(f"{row.place}: 含制表符、换行，或以 # 开头 / holds a tab or a line end, or begins with #")
        lines.append("\t".join(cells).rstrip("\t"))
    if broken:
        raise DocumentError(name, broken)
    return ("\n".join(lines) + "\n").encode()


def cells_of(row: Row) -> tuple[str, ...]:
    """The row as it stands in a file, column by column."""
    return (
        row.written, ",".join(row.risks), row.tier, "|".join(row.requires), "|".join(row.excludes), row.note, row.since,
    )  # fmt: skip


def _wrong(term: str, row: dict[str, str], of: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a row, each with what to do."""
    unknown = [risk for risk in of if risk not in risks()]
    if not term:
        yield f"词 {row['term']!r} 归一化后为空，永远不会命中 / nothing of the term stays after normalisation"
    if not of or unknown:
        yield f"风险编号缺失或未知 / risk ids missing or unknown: {', '.join(unknown) or '(none)'}; expected A1-a … A5-b"
    if row.get("tier") not in TIERS:
        yield f"级别 {row.get('tier')!r} 应为 block、review 或 context / tier should be block, review or context"


@lru_cache(maxsize=4096)
def _terms(field: str | None) -> tuple[str, ...]:
    """A cell of context terms, separated by bars."""
    return tuple(sorted({term for term in normalise_terms((field or "").split("|")) if term}))
