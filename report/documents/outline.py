"""What stands where in the report, for all forms of document: parts with headings, and blocks of a few kinds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from report.documents import lists
from report.model import Both, Report, Table, Verdict
from report.tables.pictures import Chart


@dataclass(frozen=True)
class Said:
    """A paragraph. kind: text | note | warning | strong | item"""

    text: Both
    kind: str = "text"


@dataclass(frozen=True)
class Facts:
    """Names and values, a line each."""

    rows: tuple[tuple[Both, str], ...]


@dataclass(frozen=True)
class Grid:
    """A table."""

    table: Table
    whole_digests: bool = False


@dataclass(frozen=True)
class Concluded:
    """The verdict on one clause."""

    verdict: Verdict


@dataclass(frozen=True)
class Drawn:
    """A chart."""

    chart: Chart


@dataclass(frozen=True)
class Signing:
    """The lines for the three who sign."""


Block = Said | Facts | Grid | Concluded | Drawn | Signing


@dataclass(frozen=True)
class Part:
    """A part of the report with its heading."""

    name: str
    level: int
    title: Both
    blocks: tuple[Block, ...]
    numbered: bool = True


def outline(report: Report, charts: Sequence[Chart] = ()) -> tuple[Part, ...]:
    """The parts of a report that hold something, in order."""
    content = _content()
    filler = _Filler(report, {chart.id: chart for chart in charts}, content["texts"], _placed(content))
    parts = [
        Part(
            told["name"],
            told["level"],
            Both(*told["title"]),
            tuple(filler.blocks(told["blocks"])),
            told.get("numbered", True),
        )
        for told in content["parts"]
    ]
    return tuple(part for place, part in enumerate(parts) if _holds(part) or _belongs(parts, place))


def part_names() -> tuple[str, ...]:
    """The names of all parts, as a template may ask for them."""
    return tuple(told["name"] for told in _content()["parts"])


@dataclass(frozen=True)
class _Filler:
    report: Report
    charts: dict[str, Chart]
    texts: dict[str, list[list[str]]]
    placed: frozenset[str]

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        tables = {table.id: table for table in self.report.tables}
        for name in names:
            kind, _, what = name.partition(" ")
            if kind == "text":
                yield from (Said(Both(*text)) for text in self.texts[what])
            elif kind == "table":
                yield from (Grid(tables[what]) for _ in (0,) if what in tables)
            elif kind == "chart":
                yield from (Drawn(self.charts[what]) for _ in (0,) if what in self.charts)
            elif kind == "rest":
                yield from (Grid(table) for table in self.report.tables if f"table {table.id}" not in self.placed)
                yield from (Drawn(chart) for chart in self.charts.values() if f"chart {chart.id}" not in self.placed)
            else:
                yield from _BLOCKS[kind](self.report)


def _holds(part: Part) -> bool:
    return any(not isinstance(block, Said) or block.kind != "text" for block in part.blocks)


def _belongs(parts: Sequence[Part], place: int) -> bool:
    """Whether a part is the head of one below it that holds something."""
    for below in parts[place + 1 :]:
        if below.level <= parts[place].level:
            return False
        if _holds(below):
            return True
    return False


def _conclusion(report: Report) -> Iterator[Block]:
    for text, kind in lists.conclusion(report):
        yield Said(text, kind)


def _notices(report: Report) -> Iterator[Block]:
    for text in lists.notices(report):
        yield Said(text, "warning")


def _items(lines: Sequence[Both], nothing: Both) -> Iterator[Block]:
    yield from (Said(line, "item") for line in lines)
    if not lines:
        yield Said(nothing, "note")


_NO_LINES = Both("没有。", "None.")
_BLOCKS: dict[str, Callable[[Report], Iterator[Block]]] = {
    "conclusion": _conclusion,
    "notices": _notices,
    "counts": lambda report: iter((Grid(lists.verdict_counts(report)),)),
    "facts": lambda report: iter((Facts(lists.facts(report)),)),
    "seed": lambda report: iter((Facts(lists.seed(report)),)),
    "verdicts": lambda report: (Concluded(verdict) for verdict in report.verdicts),
    "signatures": lambda report: iter((Signing(),)),
    "gaps": lambda report: iter((Grid(lists.gap_table(report)),)),
    "unproved": lambda report: _items([lists.both(line) for line in report.unproved], _NO_LINES),
    "unverified": lambda report: _items([lists.both(line) for line in report.cover["unverified"]], _NO_LINES),
    "evidence": lambda report: iter((Grid(lists.evidence_table(report), whole_digests=True),)),
}


def _placed(content: dict[str, Any]) -> frozenset[str]:
    return frozenset(name for told in content["parts"] for name in told["blocks"])


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(
        resources.files("report.documents").joinpath("outline.yaml").read_text(encoding="utf-8")
    )
    return found
