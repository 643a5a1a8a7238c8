"""The report as one HTML file: no script, no network, charts inside; Chinese first with the English beside it."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from report.documents import lists
from report.documents.outline import Grid, Part, outline
from report.documents.shown import NOTHING, Shower, number, rounding, shower, split_languages, visible
from report.documents.widths import characters
from report.model import CUSTOM, FAIL, MISSING, PASS, PEOPLE, Both, Column, Report, Row, Table
from report.tables.pictures import Chart

_FIRST = 200  # rows of a table that are shown at once
_LONG = 40  # characters of half an em
_CLASSES = {PASS: "fine", FAIL: "bad", MISSING: "watch", PEOPLE: "watch", CUSTOM: "watch"}
_TEXT = Column("", Both("", ""), "text")


class _Shown(str):
    """A text that was made visible already."""


def page(report: Report, charts: Sequence[Chart] = ()) -> str:
    """The page; equal reports give equal bytes."""
    environment = Environment(
        loader=FunctionLoader(_file),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finished,
    )
    style = _file("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    parts = outline(report, charts)
    organisation, model = report.cover["organisation"] or {}, report.cover["model"] or {}
    return environment.get_template("report.html").render(
        report=report,
        parts=parts,
        numbers=dict(_numbers(parts)),
        organisation=organisation.get("name") or lists.UNDECLARED,
        model=" ".join(str(model[name]) for name in ("name", "version") if model.get(name)) or lists.UNDECLARED,
        signers=[(title, *map(_Shown, rest)) for title, *rest in lists.signers(report)],
        style=Markup(style),
        style_hash=Markup(digest),
        first=_FIRST,
        empty=lists.EMPTY,
        classes=_CLASSES,
        t=_two,
        both=lambda zh, en: _two(Both(zh, en)),
        cell=_cell,
        only=_only,
        number=lambda value: _Shown(number(value)),
        modality=lists.modality,
        pair=lists.both,
        shower=_shower,
        rounding=rounding,
        wants=_wants,
        kind_of=lambda block: type(block).__name__,
        svg=lambda chart: Markup(chart.svg),
        rest=lambda count: _two(Both(f"另有 {count:,} 行", f"{count:,} more rows")),
    )


def _file(name: str) -> str:
    return resources.files("report.documents").joinpath("templates", name).read_text(encoding="utf-8")


def _finished(value: Any) -> Any:
    """Any text that is put in is made visible first."""
    return value if isinstance(value, Markup | _Shown) or not isinstance(value, str) else visible(value)


def _two(text: Both) -> Markup:
    zh, en = visible(text.zh), visible(text.en)
    if not en:
        return Markup("{}").format(zh)
    return Markup('{} <span class="en" lang="en">{}</span>').format(zh, en)


def _shower(block: Grid) -> Shower:
    return shower(block.table, block.whole_digests)


def _wants(table: Table, column: Column) -> str:
    """The classes of a column's cells: `long` where texts would make tall cells of a narrow column."""
    if column.kind != "text":
        return column.kind
    longest = max((characters(visible(row.values.get(column.name) or "")) for row in table.rows[:_FIRST]), default=0)
    return "text long" if longest > _LONG else "text"


def _cell(how: Shower, column: Column, row: Row) -> Markup:
    value = row.values.get(column.name)
    text = how.cell(column, value)
    if column.kind == "text":
        zh, en = split_languages(text)
        return Markup('{}<span class="en" lang="en"> / {}</span>').format(zh, en) if en else Markup("{}").format(zh)
    if column.kind == "verdict" and text in _CLASSES:
        return Markup('<span class="chip {}">{}</span>').format(_CLASSES[text], text)
    return Markup("{}").format(text)


def _only(row: Row, how: Shower) -> Markup:
    told = next((value for value in row.values.values() if value is not None), NOTHING)
    return _cell(how, _TEXT, Row("", {"": told}))


def _numbers(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    counts = [0, 0, 0]
    for part in parts:
        if not part.numbered:
            yield part.name, ""
            continue
        counts[part.level - 1] += 1
        counts[part.level :] = [0] * (3 - part.level)
        yield part.name, ".".join(map(str, counts[: part.level]))
