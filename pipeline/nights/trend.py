"""Draws the history: a panel a source with its rate over the runs, its interval, and where it crossed the maximum.

One SVG file without script, font or address in it, so that any browser shows it offline.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from blacklist.rule import exceeds
from pipeline.accounting.statistics import wilson
from pipeline.nights import history
from pipeline.store.output import Output

FILE = "trend.svg"
RUNS = 366  # runs drawn, the last ones
PANELS = 60  # sources drawn, those with the highest last rate; the rest are in `query history`
_COLUMNS, _WIDTH, _HEIGHT = 3, 400, 178  # of a panel, pixels
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 52, 14, 24  # margins in a panel
_HEAD = 92
_DOTS = 60  # with more runs their dots would touch
_STYLE = (
    "text{font:12px 'Noto Sans SC','Noto Sans CJK SC','PingFang SC','Microsoft YaHei','WenQuanYi Zen Hei',sans-serif;fill:#222}"
    ".h{font-size:17px;font-weight:600}.s{font-size:11px;fill:#666}.n{font-weight:600}.r{text-anchor:end}"
    ".m{stroke:#c62828;stroke-dasharray:5 3}.a{stroke:#ccc}.l{fill:none;stroke:#1565c0;stroke-width:1.8}"
    ".b{fill:#1565c0;fill-opacity:.16}.d{fill:#1565c0}.u{fill:#c62828}.o{fill:#fff;stroke:#2e7d32;stroke-width:2}.k{fill:#c62828}"
)


@dataclass(frozen=True)
class Point:
    """A source in one run: `run` counts from 0, `above` is whether the rule of that run's profile held."""

    run: int
    rate: float
    low: float
    high: float
    above: bool
    blacklisted: bool


def series(records: Sequence[dict[str, Any]]) -> dict[str, list[Point]]:
    """The points of every source that had documents, by source; the highest last rate first."""
    found: dict[str, list[Point]] = {}
    for run, record in enumerate(records):
        for row in record["sources"]:
            if row["documents"]:
                black = row["status"] == "blacklisted"
                found.setdefault(row["source_id"], []).append(_point(run, row, record["maximum"], black))
    return dict(sorted(found.items(), key=lambda item: (-item[1][-1].rate, item[0])))


def crossings(points: Sequence[Point]) -> list[Point]:
    """Where the source crossed the maximum, or began above it."""
    before = [False, *(point.above for point in points)]
    return [point for point, above in zip(points, before, strict=False) if point.above != above]


def draw_trend(output: Output) -> None:
    """Draws the history of an output into its folder, replacing the drawing there."""
    made = output.folder / f".{FILE}.tmp"
    made.write_text(svg(history.runs(output)), encoding="utf-8")
    made.replace(output.folder / FILE)


def svg(records: Sequence[dict[str, Any]]) -> str:
    """The drawing of these runs, oldest first."""
    records = records[-RUNS:]
    sources = series(records)
    totals = [
        _point(run, r["totals"], r["maximum"], False) for run, r in enumerate(records) if r["totals"]["documents"]
    ]
    panels = [("全部来源 / all sources", totals)] if totals else []
    panels += list(sources.items())[:PANELS]
    columns = max(2, min(_COLUMNS, len(panels)))
    width, height = columns * _WIDTH + 20, _HEAD + -(-len(panels) // columns) * _HEIGHT + 10
    limit = records[-1]["maximum"][0] / records[-1]["maximum"][1] if records else 0.05
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        *_header(records, limit, len(sources)),
    ]
    for number, (name, points) in enumerate(panels):
        x, y = 10 + number % columns * _WIDTH, _HEAD + number // columns * _HEIGHT
        lines += [f'<g transform="translate({x} {y})">', *_panel(name, points, records, limit), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _header(records: Sequence[dict[str, Any]], limit: float, sources: int) -> Iterator[str]:
    yield '<text class="h" x="16" y="28">违规率走势（过滤前） / Rate of illegal or unhealthy items, before filtering</text>'
    span = f"{_day(records[0])} – {_day(records[-1])} UTC" if records else ""
    rest = (
        f"；另有 {sources - PANELS} 个来源未画 / {sources - PANELS} more sources not drawn" if sources > PANELS else ""
    )
    yield f'<text class="s" x="16" y="50">{len(records)} 次运行 / runs   {span}{rest}</text>'
    yield '<line class="l" x1="16" x2="40" y1="68" y2="68"/><rect class="b" x="16" y="62" width="24" height="12"/>'
    yield '<text class="s" x="46" y="72">违规率与 Wilson 95 % 区间 / rate and interval</text>'
    yield f'<line class="m" x1="296" x2="322" y1="68" y2="68"/><text class="s" x="328" y="72">{100 * limit:.3g} % 门槛 / maximum</text>'
    yield '<circle class="u" cx="446" cy="68" r="5"/><text class="s" x="456" y="72">越过 / above</text>'
    yield '<circle class="o" cx="536" cy="68" r="4"/><text class="s" x="546" y="72">回落 / below again</text>'
    yield '<rect class="k" x="656" y="66" width="22" height="4"/><text class="s" x="684" y="72">黑名单 / blacklisted</text>'


def _panel(name: str, points: Sequence[Point], records: Sequence[dict[str, Any]], limit: float) -> Iterator[str]:
    top = min(1.0, max(2 * limit, 1.15 * max(point.rate for point in points)))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(run: int) -> float:
        return round(_LEFT + (right - _LEFT) * (run / (len(records) - 1) if len(records) > 1 else 0.5), 1)

    def y(rate: float) -> float:
        return round(bottom - (bottom - _TOP) * min(rate, top) / top, 1)

    last = points[-1]
    now = f"{last.rate:.2%} [{last.low:.2%}, {last.high:.2%}]" if last.run == len(records) - 1 else "已无 / gone"
    yield f'<text class="n" x="8" y="18">{escape(_short(name, 46))}<title>{escape(_plain(name))}</title></text>'
    yield f'<text class="s" x="8" y="34">{now}{"  黑名单 / blacklisted" if last.blacklisted else ""}</text>'
    for rate, text in ((0.0, "0"), (top, f"{100 * top:.3g} %")):
        yield f'<line class="a" x1="{_LEFT}" x2="{right}" y1="{y(rate)}" y2="{y(rate)}"/>'
        yield f'<text class="s r" x="{_LEFT - 5}" y="{y(rate) + 4}">{text}</text>'
    yield f'<line class="m" x1="{_LEFT}" x2="{right}" y1="{y(limit)}" y2="{y(limit)}"/>'
    yield f'<text class="s r" x="{_LEFT - 5}" y="{y(limit) + 4}">{100 * limit:.3g} %</text>'
    yield f'<text class="s" x="{_LEFT}" y="{_HEIGHT - 8}">{_day(records[0])}</text>'
    yield f'<text class="s r" x="{right}" y="{_HEIGHT - 8}">{_day(records[-1]) if len(records) > 1 else ""}</text>'
    for part in _unbroken(points):
        band = [(x(p.run), y(p.high)) for p in part] + [(x(p.run), y(p.low)) for p in reversed(part)]
        if len(part) > 1:
            yield f'<polygon class="b" points="{_joined(band)}"/>'
            yield f'<polyline class="l" points="{_joined([(x(p.run), y(p.rate)) for p in part])}"/>'
        if len(part) == 1:
            yield f'<line class="b" stroke="#1565c0" stroke-opacity=".4" stroke-width="6" x1="{x(part[0].run)}" x2="{x(part[0].run)}" y1="{y(part[0].low)}" y2="{y(part[0].high)}"/>'
        for p in part if len(records) <= _DOTS or len(part) == 1 else ():
            yield f'<circle class="d" cx="{x(p.run)}" cy="{y(p.rate)}" r="2.4"/>'
    half = max(1.5, (right - _LEFT) / max(1, len(records) - 1) / 2)
    for p in points:
        if p.blacklisted:
            begin, end = max(_LEFT, x(p.run) - half), min(right, x(p.run) + half)
            yield f'<rect class="k" x="{begin:.1f}" y="{bottom - 2}" width="{end - begin:.1f}" height="4"/>'
    for p in crossings(points):
        kind, said = ("u", "越过 / above") if p.above else ("o", "回落 / below again")
        yield f'<circle class="{kind}" cx="{x(p.run)}" cy="{y(p.rate)}" r="4.5"><title>{_day(records[p.run])} {p.rate:.2%} {said}</title></circle>'


def _point(run: int, row: dict[str, Any], maximum: Sequence[int], blacklisted: bool) -> Point:
    violations, documents = row["violations"], row["documents"]
    low, high = wilson(violations, documents)
    above = exceeds(violations, documents, (maximum[0], maximum[1]))
    return Point(run, violations / documents, low, high, above, blacklisted)


def _unbroken(points: Sequence[Point]) -> list[list[Point]]:
    """Runs of points without a run between them that lacks the source."""
    parts: list[list[Point]] = []
    for point in points:
        if parts and parts[-1][-1].run == point.run - 1:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _day(record: dict[str, Any]) -> str:
    return escape(_plain(str(record["started_at"])[:10]))


def _plain(text: str) -> str:
    """Without characters that XML or a reader cannot take."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _short(text: str, width: int) -> str:
    """Cut to a width in columns; wide characters take two."""
    shown, used = "", 0
    for char in _plain(text):
        used += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used > width:
            return shown + "…"
        shown += char
    return shown
