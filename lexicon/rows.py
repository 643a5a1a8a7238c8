"""The rows of library files, as written and as matched. The format is described in README.md beside this module."""

import csv
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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(f"{name}: 不是 UTF-8 / not UTF-8 at byte {error.start}: save the file as UTF-8")
        return
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    header = next(lines, [])
    if header[:3] != list(COLUMNS[:3]) or not set(header) <= set(COLUMNS):
        problems.append(f"{name}:1: 表头应为 / the header should be: {' | '.join(COLUMNS)}, separated by tabs")
        return
    rows = [
        (f"{name}:{lines.line_num}", fields)
        for fields in lines
        if any(field.strip() for field in fields) and not fields[0].startswith("#")
    ]
    terms = normalise_terms([fields[0] for _, fields in rows])
    for term, (place, fields) in zip(terms, rows, strict=True):
        if len(fields) > len(header):
            problems.append(f"{place}: 列数过多 / {len(fields)} columns, the header has {len(header)}")
            continue
        row = dict(zip(header, fields, strict=False))
        of = tuple(sorted({risk.strip() for risk in row.get("risks", "").split(",") if risk.strip()}))
        wrong = list(_wrong(term, row, of))
        if wrong:
            problems.extend(f"{place}: {item}" for item in wrong)
            continue
        requires, excludes = _terms(row.get("requires")), _terms(row.get("excludes"))
        note, since = row.get("note", "").strip(), row.get("since", "").strip()
        yield Row(place, row["term"], term, of, row["tier"], requires, excludes, note, since)


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Writes a library file. Raises DocumentError where a cell would break the format."""
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        cells = [
            row.written, ",".join(row.risks), row.tier, "|".join(row.requires), "|".join(row.excludes), row.note, row.since,
        ]  # fmt: skip
        broken = [cell for cell in cells if any(char in cell for char in "\t\r\n")]
        if broken or row.written.startswith("#"):
            raise DocumentError(
                str(path), [f"{row.place}: 含制表符、换行，或以 # 开头 / holds a tab or a line end, or begins with #"]
            )
        lines.append("\t".join(cells).rstrip("\t"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


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
