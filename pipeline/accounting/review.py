"""Sources nobody can clear: what is unscored could put them above the maximum."""

from collections.abc import Iterable, Mapping
from typing import Any

UNDECIDED = "unscored_would_cross"  # the reason for review


def undecided_sources(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The sources that unscored documents could put above the maximum (rows of `source_stats`)."""
    return sorted(row["source_id"] for row in rows if UNDECIDED in row["review_reasons"])
