"""The few charts a reader looks at: composition by type and origin, funnel, rates of sources, the 31 risks, rounds."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from report.evidence.workspace import Workspace
from report.model import Both, Table
from report.tables.drawing import AMBER, BLUE, GREEN, GREY, PALE, RED, draw, label, nothing
from report.tables.filling import NOTHING
from report.tables.pictures import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_SOURCES, MOST_ROUNDS = 40, 30  # that are drawn; the tables have all
_TYPES = (
    ("zh", "中文 / zh", BLUE),
    ("en", "英文 / en", GREEN),
    ("code", "代码 / code", AMBER),
    ("other", "其他 / other", GREY),
)
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
_NOT_ADMITTED = "没有进入训练的语料 / nothing is admitted"
_NAME, _ID = 26, 14  # half-width cells of a source's name and id
_LINE = 5.2  # mm, a row of a chart

Rows = Sequence[dict[str, Any]]
Fill = Callable[["Axes"], None]


def charts(workspace: Workspace, tables: Iterable[Table]) -> tuple[Chart, ...]:
    """All charts, drawn from the filled tables and the thresholds. A chart without anything to show says so."""
    rows = {table.id: _rows(table) for table in tables}
    limits = workspace.rows("FROM record.thresholds")
    limit = limits[0]["rate_num"] / limits[0]["rate_den"] if limits else None
    allowed = 1 - limits[0]["manual_num"] / limits[0]["manual_den"] if limits else None
    return (
        _types(rows["C-2"]),
        _origins(rows["C-3"]),
        _sources(rows["T05"], limit),
        _funnel(rows["T07"]),
        _risks(rows["T08"]),
        _rounds(rows["T20"], allowed),
    )


def _rows(table: Table) -> Rows:
    return [{"key": row.key, **row.values} for row in table.rows if row.key != NOTHING]


def _types(rows: Rows) -> Chart:
    title = Both("各类型语料的规模与占比（进入训练）", "Size by type, admitted to training")
    found = [row for row in rows if row["key"] in {name for name, _, _ in _TYPES}]
    factor, unit = _unit([row["bytes"] for row in found])

    def fill(axes: "Axes") -> None:
        colours = {name: colour for name, _, colour in _TYPES}
        bars = axes.barh(
            [row["label"] for row in found],
            [row["bytes"] / factor for row in found],
            color=[colours[row["key"]] for row in found],
        )
        axes.bar_label(
            bars, [f"{row['bytes'] / factor:,.1f} {unit}（{row['share'] or 0:.1%}）" for row in found], padding=3
        )
        _horizontal(axes, unit)

    return _chart("types", title, 4, fill, None if any(row["bytes"] for row in found) else _NOT_ADMITTED)


def _origins(rows: Rows) -> Chart:
    title = Both(
        "训练语料来源构成：大类与类型（进入训练）", "Origin of the training corpus by type, admitted to training"
    )
    found = [row for row in rows if row["key"] != "total"]
    factor, unit = _unit([row["all"] for row in found])

    def fill(axes: "Axes") -> None:
        names = [row["label"].replace(" / ", "\n", 1) for row in found]
        left = [0.0] * len(found)
        for name, title, colour in _TYPES:
            values = [row[name] / factor for row in found]
            axes.barh(names, values, left=left, color=colour, label=title)
            left = [before + value for before, value in zip(left, values, strict=True)]
        for place, row in enumerate(found):
            axes.text(left[place], place, f" {row['all'] / factor:,.1f}" if row["all"] else " 0", va="center")
        _horizontal(axes, unit)
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=4)

    absent = None if any(row["all"] for row in found) else _NOT_ADMITTED
    return _chart("origins", title, 2 * len(found) + 1, fill, absent)


def _sources(rows: Rows, limit: float | None) -> Chart:
    title = Both(
        "各来源违法不良信息率：盲评估计与单侧 95 % 上下限（圆点）、机器字面率（竖线）、门槛（虚线）",
        "Rates of sources: blind estimate with one-sided 95 % bounds (dots), machine's literal rate (bars), maximum (dashed)",
    )
    judged = [row for row in rows if row["documents"] and not str(row["conclusion"]).startswith("单列")]
    ordered = sorted(judged, key=lambda row: (-_worst(row), row["key"]))
    found = ordered[:MOST_SOURCES]

    def fill(axes: "Axes") -> None:
        for place, row in enumerate(found):
            _source(axes, place, row, limit)
        if limit is not None:
            axes.axvline(100 * limit, color=RED, linestyle="--", linewidth=0.8, zorder=0)
        axes.set_yticks(range(len(found)), [_named(row) for row in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_xscale("symlog", linthresh=1, linscale=0.6)
        ticks = [0, 0.5, 1, 2, 5, 10, 20, 50, 100]
        most = max([100 * _worst(row) for row in found] + [10])
        axes.set_xticks([tick for tick in ticks if tick <= 2.2 * most], minor=False)
        axes.set_xticks([], minor=True)
        axes.xaxis.set_major_formatter("{x:g} %")
        axes.set_xlim(-0.06, min(115.0, 1.4 * most))
        if len(ordered) > len(found):
            axes.set_xlabel(
                f"率最高的 {len(found)} 个来源，共 {len(ordered)} 个，全部见 T05 / the highest {len(found)} of {len(ordered)}"
            )

    return _chart("sources", title, len(found) + 1, fill, None if found else "没有来源 / no sources")


def _named(row: dict[str, Any]) -> str:
    """A source by its name; one too long to be shown is told apart by its id."""
    name = label(row["name"] or row["key"], _NAME)
    return f"{name} {label(row['key'], _ID)}" if name.endswith("…") else name


def _worst(row: dict[str, Any]) -> float:
    known = (row["blind_high"], row["blind_rate"], row["violation_rate"])
    return max((float(value) for value in known if value is not None), default=0.0)


def _source(axes: "Axes", place: int, row: dict[str, Any], limit: float | None) -> None:
    """One source: interval and estimate of people where there are any, the machine's rate beside it."""
    if row["blind_high"] is not None:
        colour = RED if limit is not None and row["blind_high"] > limit else BLUE
        low, high = 100 * (row["blind_low"] or 0), 100 * row["blind_high"]
        axes.plot([low, high], [place, place], color=colour, alpha=0.4, linewidth=3, solid_capstyle="butt")
        if row["blind_rate"] is not None:
            axes.plot(100 * row["blind_rate"], place, marker="o", color=colour, markersize=4)
    if row["violation_rate"] is not None:
        axes.plot(100 * row["violation_rate"], place, marker="|", color="black", markersize=8, markeredgewidth=1.2)


def _funnel(rows: Rows) -> Chart:
    title = Both("从采集到进入训练：每步剩余条数", "From collected to admitted: documents left after each step")
    found = [row for row in rows if row["key"] in ("collected", "admitted") or row["removed"]]

    def fill(axes: "Axes") -> None:
        names = [row["label"].replace("剔除后：", "剔除：").replace(" / ", "\n", 1) for row in found]
        left = [row["documents"] for row in found]
        axes.barh(names, left, color=BLUE)
        axes.barh(names, [row["removed"] for row in found], left=left, color=RED, alpha=0.55)
        for place, row in enumerate(found):
            gone = f"（−{row['removed']:,}）" if row["removed"] else ""
            axes.text(row["documents"] + row["removed"], place, f" {row['documents']:,}{gone}", va="center")
        _horizontal(axes, "条 / documents")

    absent = None if found and found[0]["documents"] else "没有读到语料 / nothing was read"
    return _chart("funnel", title, 2 * len(found) + 1, fill, absent)


def _risks(rows: Rows) -> Chart:
    title = Both(
        "31 种风险：过滤前（浅）、进入训练（深）、人工抽检判出（菱形）",
        "The 31 risks: before filtering (pale), admitted (dark), found by people in the sample (diamonds)",
    )

    def fill(axes: "Axes") -> None:
        places = range(len(rows))
        axes.barh(places, [row["collected"] for row in rows], color=PALE)
        axes.barh(places, [row["admitted"] for row in rows], color=BLUE, height=0.45)
        people = [(place, row["manual"]) for place, row in enumerate(rows) if row["manual"]]
        axes.plot(
            [count for _, count in people],
            [place for place, _ in people],
            "D",
            color=AMBER,
            markersize=4,
            linestyle="none",
        )
        for place, row in enumerate(rows):
            shown = f" {row['collected']:,} → {row['admitted']:,}" if row["collected"] or row["admitted"] else " 0"
            axes.text(
                max(row["collected"], row["admitted"], row["manual"] or 0), place, shown, va="center", fontsize=6.5
            )
        axes.set_yticks(
            places,
            [f"{row['key']} {label(str(row['risk_name']).partition(' / ')[0], 34)}" for row in rows],
            fontsize=6.5,
        )
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xscale("symlog", linthresh=10)
        axes.set_xlim(0, 8 * max([10, *(row["collected"] for row in rows), *(row["manual"] or 0 for row in rows)]))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("条 / documents")

    return _chart("risks", title, 0.8 * len(rows) + 2, fill, None if rows else "没有风险 / no risks")


def _rounds(rows: Rows, allowed: float | None) -> Chart:
    title = Both(
        "历次评估轮次：人工抽检不合格率与上限", "Assessment rounds: share of items that failed, and what is allowed"
    )

    found = rows[-MOST_ROUNDS:]

    def fill(axes: "Axes") -> None:
        shares = [100 * row["failures"] / row["judged"] if row["judged"] else 0.0 for row in found]
        passed = [str(row["passed"] or "").startswith("是") for row in found]
        axes.barh(range(len(found)), shares, color=[BLUE if one else RED for one in passed], height=0.6)
        if allowed is not None:
            axes.axvline(100 * allowed, color=RED, linestyle="--", linewidth=0.8, zorder=0)
        for place, row in enumerate(found):
            counts = f"{row['failures']:,}/{row['judged']:,}，" if row["judged"] else ""
            told = f" {counts}{'通过 / passed' if passed[place] else _ended(row)}"
            axes.text(shares[place], place, told, va="center", fontsize=7)
        axes.set_yticks(range(len(found)), [f"{row['key']} {(row['opened'] or '')[:10]}" for row in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.set_xlim(0, 1.5 * max([100 * (allowed or 0.04), *shares]))
        axes.xaxis.set_major_formatter("{x:g} %")
        if len(rows) > len(found):
            axes.set_xlabel(
                f"最近 {len(found)} 轮，共 {len(rows)} 轮，全部见 T20 / the last {len(found)} of {len(rows)}"
            )

    absent = None if rows else "没有开启过评估轮次（演练） / no round was opened (a rehearsal)"
    return _chart("rounds", title, len(found) + 1, fill, absent)


def _ended(row: dict[str, Any]) -> str:
    return "未通过 / failed" if row["judged"] else str(row["state"])


def _chart(id: str, title: Both, lines: float, fill: Fill, absent: str | None) -> Chart:
    """The chart of so many rows, or a line that says why there is none."""
    if absent is None:
        return draw(id, title, 14.0 + _LINE * lines, fill)
    return draw(id, title, 14.0 + _LINE, lambda axes: nothing(axes, absent))


def _horizontal(axes: "Axes", unit: str) -> None:
    """Bars from top to bottom, with room for what stands behind them."""
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * axes.dataLim.x1)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter("{x:,.6g}")


def _unit(sizes: Iterable[int]) -> tuple[float, str]:
    """The unit in which the largest size has at least one digit before the point."""
    most = max(sizes, default=0)
    return next(((factor, unit) for factor, unit in _UNITS if most >= factor), _UNITS[-1])
