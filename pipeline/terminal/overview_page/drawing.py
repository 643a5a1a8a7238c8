"""Small inline drawings: a cell of a table each. They hold numbers only, so that no text of a corpus reaches them.

Colours are classes of the style sheet; attributes give places, for the content security policy allows no style on elements.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 380, 20
_MARGIN = 8
_TICKS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def svg(width: int, height: int, label: str, content: str) -> Markup:
    """A drawing with a label for those who cannot see it."""
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{content}</svg>"
    )


@dataclass(frozen=True)
class Scale:
    """A scale of rates from 0 to `top`, by square roots: what is near the limit and what is far above are both seen."""

    top: float

    def x(self, rate: float) -> float:
        """The place of a rate, in pixels."""
        return round(_MARGIN + (WIDTH - 2 * _MARGIN) * math.sqrt(min(max(rate, 0.0), self.top) / self.top), 1)


def scale_of(rates: Sequence[float], limit: float) -> Scale:
    """A scale that holds these rates and the limit."""
    highest = max([2 * limit, *rates])
    return Scale(min(1.0, next((tick for tick in _TICKS if tick >= highest), 1.0)))


def rate_axis(scale: Scale, limit: float) -> Markup:
    """The head of a column of rates."""
    ticks = [tick for tick in _TICKS if tick <= scale.top and tick != limit]
    marks = "".join(_tick(scale, tick, "ax") for tick in ticks if abs(scale.x(tick) - scale.x(limit)) > 20)
    return svg(WIDTH, 18, "刻度 / scale", marks + _tick(scale, limit, "ax lim"))


def _tick(scale: Scale, rate: float, kind: str) -> str:
    place = scale.x(rate)
    anchor = "end" if place > WIDTH - 20 else "start" if place < 20 else "middle"
    return f'<text class="{kind}" x="{place}" y="13" text-anchor="{anchor}">{100 * rate:g}%</text>'


@dataclass(frozen=True)
class Rate:
    """A rate with its interval, and beside it the rate with candidates."""

    rate: float
    low: float
    high: float
    candidates: float
    kind: str  # bad, watch or fine: a class of the style sheet


def rate_cell(rate: Rate, scale: Scale, limit: float) -> Markup:
    """A dot with its interval before the line of the limit; a hollow diamond where candidates would move it."""
    middle, line, dot = HEIGHT / 2, scale.x(limit), scale.x(rate.rate)
    parts = [f'<line class="lim" x1="{line}" x2="{line}" y1="{-HEIGHT}" y2="{2 * HEIGHT}"/>']
    low, high = scale.x(rate.low), scale.x(rate.high)
    parts.append(f'<line class="iv {rate.kind}" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>')
    place = scale.x(rate.candidates)
    if abs(place - dot) > 3:
        points = f"{place},{middle - 5} {place + 5},{middle} {place},{middle + 5} {place - 5},{middle}"
        parts.append(f'<polygon class="cand" points="{points}"/>')
    parts.append(f'<circle class="dot {rate.kind}" cx="{dot}" cy="{middle}" r="4.5"/>')
    label = f"{rate.rate:.2%} [{rate.low:.2%}, {rate.high:.2%}], +candidates {rate.candidates:.2%}"
    return svg(WIDTH, HEIGHT, label, "".join(parts))


def strip(rates: Sequence[Rate], scale: Scale, limit: float) -> Markup:
    """A dot a rate, stacked where they are alike: hundreds of sources at one look. The scale is drawn at twice its width."""
    step, base = 8, 150
    stacks: dict[int, list[Rate]] = {}
    for rate in rates:
        stacks.setdefault(round(2 * scale.x(rate.rate) / step), []).append(rate)
    rise = min(step, (base - 12) / max(map(len, stacks.values()), default=1))
    line = 2 * scale.x(limit)
    parts = [f'<line class="lim" x1="{line}" x2="{line}" y1="0" y2="{base + 4}"/>']
    for column, stack in sorted(stacks.items()):
        for height, rate in enumerate(sorted(stack, key=lambda rate: rate.kind != "bad")):
            parts.append(
                f'<circle class="dot {rate.kind}" cx="{step * column}" cy="{round(base - 5 - rise * height, 1)}" r="3.4"/>'
            )
    for tick in _TICKS:
        if tick <= scale.top:
            kind = "ax lim" if tick == limit else "ax"
            parts.append(
                f'<text class="{kind}" x="{2 * scale.x(tick)}" y="{base + 16}" text-anchor="middle">{100 * tick:g}%</text>'
            )
    return svg(2 * WIDTH, base + 20, f"{len(rates)} 个来源 / sources", "".join(parts))


def bar_cell(inner: int, outer: int, most: int, width: int = WIDTH) -> Markup:
    """Two numbers as bars one in the other: what was admitted of what was collected."""
    parts = [
        f'<rect class="{kind}" x="0" y="{y}" width="{_length(value, most, width)}" height="{height}" rx="2"/>'
        for kind, value, y, height in (("outer", outer, 3, 14), ("inner", inner, 6, 8))
        if value
    ]
    return svg(width, HEIGHT, f"{inner:,} / {outer:,}", "".join(parts))


def loss_bar(left: int, before: int, most: int, width: int = WIDTH) -> Markup:
    """What is left of a step, and what the step took away."""
    kept, gone = _length(left, most, width), _length(before, most, width)
    parts = f'<rect class="inner" x="0" y="3" width="{kept}" height="14" rx="2"/>'
    if before > left:
        parts += f'<rect class="gone" x="{kept}" y="3" width="{max(1.5, round(gone - kept, 1))}" height="14"/>'
    return svg(width + 4, HEIGHT, f"{left:,} / {before:,}", parts)


def stack_bar(values: Sequence[tuple[str, int]], most: int, width: int = WIDTH) -> Markup:
    """Parts of a whole, each with its class; the longest bar of a table stands for `most`."""
    total = sum(value for _, value in values)
    place, parts = 0.0, ""
    for kind, value in values:
        length = _length(value, most, width)
        if value:
            parts += f'<rect class="{kind}" x="{round(place, 1)}" y="3" width="{length}" height="14"/>'
        place += length
    label = ", ".join(f"{kind} {value / total:.1%}" for kind, value in values if value)
    return svg(width, HEIGHT, label, parts)


def share_cell(expected: float, drawn: float, most: float, width: int = 260) -> Markup:
    """The share of the corpus as a bar, the share of the sample as a mark on it."""
    bar = round(width * expected / most, 1) if most else 0.0
    mark = round(width * drawn / most, 1) if most else 0.0
    parts = f'<rect class="outer" x="0" y="4" width="{bar}" height="12" rx="2"/>'
    parts += f'<line class="mark" x1="{mark}" x2="{mark}" y1="1" y2="{HEIGHT - 1}"/>'
    return svg(width + 3, HEIGHT, f"{expected:.2f}% → {drawn:.2f}%", parts)


def gauge(share: float, limit: float, width: int = 560) -> Markup:
    """A share of 100 % from 90 % on, with the line it has to reach."""
    begin = min(0.9, math.floor(share * 10) / 10)

    def x(value: float) -> float:
        return round(width * (value - begin) / (1 - begin), 1)

    kind = "fine" if share >= limit else "bad"
    parts = f'<rect class="track" x="0" y="6" width="{width}" height="12" rx="6"/>'
    parts += f'<rect class="fill {kind}" x="0" y="6" width="{max(2.0, x(share))}" height="12" rx="6"/>'
    parts += f'<line class="lim" x1="{x(limit)}" x2="{x(limit)}" y1="0" y2="24"/>'
    for value, anchor in ((begin, "start"), (limit, "middle"), (1.0, "end")):
        parts += f'<text class="ax" x="{x(value)}" y="36" text-anchor="{anchor}">{100 * value:g}%</text>'
    return svg(width, 40, f"{share:.2%}", parts)


def _length(value: int, most: int, width: int) -> float:
    return max(1.5, round(width * value / most, 1)) if value and most else 0.0
