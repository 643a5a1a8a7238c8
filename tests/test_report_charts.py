"""The charts of the report: the same bytes again, harmless in a page, and readable for many sources and for none."""

import re
import warnings
from typing import Any
from xml.etree import ElementTree

from report.evidence.workspace import Workspace
from report.tables.charts import charts
from report.tables.filling import fill_tables
from tests.filled_tables import wide, workspace
from tests.report_base import changed, real_evidence, real_output
from tests.wide_evidence import add_rounds, widen

__all__ = ["real_evidence", "real_output", "wide", "workspace"]  # fixtures


def drawn(workspace: Workspace) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a glyph that is not there would be told by a warning
        return {chart.id: chart for chart in charts(workspace, fill_tables(workspace))}


def test_charts_are_the_same_bytes_again_and_harmless_in_a_page(wide: Workspace) -> None:
    found = drawn(wide)
    assert list(found) == ["types", "origins", "sources", "funnel", "risks", "rounds"]
    assert found == drawn(wide)
    ids: list[str] = []
    for chart in found.values():
        assert chart.png.startswith(b"\x89PNG") and b"tEXt" not in chart.png
        root = ElementTree.fromstring(chart.svg)
        elements = list(root.iter())
        tags = {element.tag.rpartition("}")[2] for element in elements}
        assert tags <= {"svg", "g", "path", "defs", "use", "clipPath", "rect"}, (
            tags
        )  # glyphs are outlines: no text, no script
        attributes = [
            (name.rpartition("}")[2], value) for element in elements for name, value in element.attrib.items()
        ]
        assert not any(name == "style" or name.startswith("on") for name, _ in attributes)
        assert all(value.startswith(f"#{chart.id}-") for name, value in attributes if name == "href")
        own = [value for name, value in attributes if name == "id"]
        ids += own
        assert all(value.startswith(f"{chart.id}-") for value in own)
    assert len(ids) == len(set(ids))


def test_charts_of_many_sources_are_cut_and_those_of_none_say_so(workspace: Workspace) -> None:
    with changed(workspace) as given:
        widen(given, 60, "none")
        add_rounds(given, 40)
        many = drawn(given)
        widen(given, 0, "none")
        none = drawn(given)
    heights = {name: float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', chart.svg)[1]) for name, chart in many.items()}  # type: ignore[index]
    assert max(heights.values()) < 240 / 25.4 * 72  # no chart is taller than a page
    for name in ("types", "origins", "sources", "funnel"):
        height = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', none[name].svg)[1])  # type: ignore[index]
        assert height < 72 and len(none[name].svg) > 1000, name


def test_sources_listed_apart_are_not_drawn_beside_the_maximum(wide: Workspace) -> None:
    with changed(wide, "UPDATE audit.sources SET stage = 'safety'") as given:
        apart = drawn(given)["sources"]
    assert len(apart.svg) < len(drawn(wide)["sources"].svg) / 2
