"""Turns a figure into a chart: PNG for Word, and SVG that can stand inside any page. The same figure gives the same bytes.

Glyphs are drawn as outlines, so a text in a chart is never markup; the SVG has no script, link, style sheet or comment,
and its ids begin with that of the chart.
"""

import io
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

from report.documents.shown import one_line
from report.model import Both
from report.tables.pictures import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 150.0  # mm, what a page of Word takes
DPI = 200
BLUE, PALE, RED, AMBER, GREEN, GREY = "#2f6f9f", "#c9dcea", "#b3261e", "#b26a00", "#8aa05a", "#888888"
_FONT = "Noto Sans SC"
_RC: Any = {
    "font.family": _FONT,
    "font.size": 8.0,
    "axes.unicode_minus": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "corpus-audit",
    "text.parse_math": False,
    "text.usetex": False,
    "path.simplify": False,
}
_MISSING = "□"
_DROPPED = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_STYLE = re.compile(r' style="([^"]*)"')
_NAMED = re.compile(r'( id="|href="#|url\(#)')


def draw(id: str, title: Both, height: float, fill: Callable[["Axes"], None]) -> Chart:
    """The chart that `fill` draws on one pair of axes, `height` in mm."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    _register()
    with rc_context(_RC):
        figure = Figure(figsize=(WIDTH / 25.4, height / 25.4), layout="constrained")
        fill(figure.add_subplot())
        png, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Chart(id, title, png.getvalue(), _inline(id, title, svg.getvalue().decode()), WIDTH)


def nothing(axes: "Axes", text: str) -> None:
    """Says in place of a chart why there is none."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, label(text, 100), ha="center", va="center", transform=axes.transAxes, color=GREY)


def label(text: object, cells: int) -> str:
    """A text that can be drawn: harmless, on one line, at most so many half-width cells, what the font lacks as □."""
    known = _glyphs()
    shown = "".join(one if one == " " or ord(one) in known else _MISSING for one in one_line(text))
    if sum(map(_cells, shown)) <= cells:
        return shown
    kept, used = [], 1
    for one in shown:
        used += _cells(one)
        if used > cells:
            break
        kept.append(one)
    return "".join(kept) + "…"


def _cells(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1


@lru_cache(maxsize=1)
def _register() -> None:
    from matplotlib import font_manager
    from pylopdf_fonts_zh_cn import sans_path

    font_manager.fontManager.addfont(sans_path())


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """The code points the font can draw."""
    from matplotlib.ft2font import FT2Font
    from pylopdf_fonts_zh_cn import sans_path

    return frozenset(FT2Font(sans_path()).get_charmap())


def _inline(id: str, title: Both, svg: str) -> str:
    """The SVG for use inside a page: styles as attributes, for pages may forbid styles on elements."""
    bare = _STYLE.sub(_attributes, _DROPPED.sub("", svg))
    named = _NAMED.sub(lambda found: f"{found[1]}{id}-", bare)
    root = f'<svg role="img" aria-label="{escape(str(title))}" stroke-linejoin="round" stroke-linecap="butt" '
    return re.sub(r"\n\s*", "\n", named).strip().replace("<svg ", root, 1) + "\n"


def _attributes(found: re.Match[str]) -> str:
    pairs = (part.split(":", 1) for part in found[1].split(";") if ":" in part)
    return "".join(f' {name.strip()}="{value.strip()}"' for name, value in pairs)
