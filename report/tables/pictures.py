"""A chart as the documents take it."""

from dataclasses import dataclass

from report.model import Both


@dataclass(frozen=True)
class Chart:
    """One chart: a PNG for Word, the same as SVG without script or links for HTML."""

    id: str
    title: Both
    png: bytes
    svg: str
    width_mm: float = 150.0
