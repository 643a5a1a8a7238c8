"""Reads keyword libraries and compiles them: every term once, in normalised form, with its risks and tier.

The file format is described in README.md beside this module.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path

from schemas.lexicon import TIERS, Entry, Library
from schemas.loading import DocumentError
from schemas.risks import risks
from transforms.normalise import normalise_terms

COLUMNS = ("term", "risks", "tier", "requires", "excludes", "note", "since")


def load_library(paths: Sequence[Path]) -> Library:
    """The terms of all files together, or the bundled starter library. Raises DocumentError naming file and line."""
    files: list[tuple[str, bytes]] = []
    problems: list[str] = []
    if not paths:
        files.append(("starter.tsv", resources.files("lexicon").joinpath("starter.tsv").read_bytes()))
    for path in paths:
        try:
            files.append((str(path), path.read_bytes()))
        except OSError as error:
            problems.append(f"{path}: 词库读不了 / cannot read the library: {error.strerror}")
    entries: dict[str, tuple[Entry, str]] = {}
    for name, content in files:
        for place, entry in _parse(name, content, problems):
            known = entries.get(entry.term)
            if known is None:
                entries[entry.term] = (entry, place)
            elif (known[0].tier, known[0].requires, known[0].excludes) != (entry.tier, entry.requires, entry.excludes):
                problems.append(
                    f"{place}: 与 {known[1]} 归一化后为同一个词 {entry.term!r} 但级别或条件不同 / same term after normalisation as "
                    f"{known[1]}, but another tier or context: keep one"
                )
            else:
                joined = tuple(sorted({*known[0].risks, *entry.risks}))
                entries[entry.term] = (Entry(entry.term, joined, entry.tier, entry.requires, entry.excludes), known[1])
    if problems:
        raise DocumentError("lexicons", problems)
    if not entries:
        raise DocumentError("lexicons", ["词库里没有一个词 / the library holds no term at all"])
    return Library(tuple(entry for _, (entry, _) in sorted(entries.items())))


def _parse(name: str, content: bytes, problems: list[str]) -> Iterable[tuple[str, Entry]]:
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
        wrong = _wrong(term, row, of)
        if wrong:
            problems.extend(f"{place}: {item}" for item in wrong)
            continue
        yield place, Entry(term, of, row["tier"], _terms(row.get("requires")), _terms(row.get("excludes")))


def _wrong(term: str, row: dict[str, str], of: tuple[str, ...]) -> list[str]:
    """What is wrong with a row, each with what to do."""
    unknown = [risk for risk in of if risk not in risks()]
    wrong = []
    if not term:
        wrong.append(f"词 {row['term']!r} 归一化后为空，永远不会命中 / nothing of the term stays after normalisation")
    if not of or unknown:
        wrong.append(
            f"风险编号缺失或未知 / risk ids missing or unknown: {', '.join(unknown) or '(none)'}; expected A1-a … A5-b"
        )
    if row.get("tier") not in TIERS:
        wrong.append(
            f"级别 {row.get('tier')!r} 应为 block、review 或 context / tier should be block, review or context"
        )
    return wrong


@lru_cache(maxsize=4096)
def _terms(field: str | None) -> tuple[str, ...]:
    """A cell of context terms, separated by bars."""
    return tuple(sorted({term for term in normalise_terms((field or "").split("|")) if term}))
