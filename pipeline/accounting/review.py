"""Sources nobody can clear: what is unscored could put them above the maximum, or their stage is listed apart."""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.sources import APART, SourceRecord

UNDECIDED = "unscored_would_cross"  # the reason for review
STAGE_APART = "stage_listed_apart"  # the reason where the 5 % rule was not applied: people confirm the declared stage


def apart_sources(sources: Iterable[SourceRecord]) -> frozenset[str]:
    """The sources whose stage violates by design: listed apart, never blacklisted by their rate, never passed over."""
    return frozenset(source.id for source in sources if source.stage in APART)


def undecided_sources(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The sources that unscored documents could put above the maximum (rows of `source_stats`)."""
    return sorted(row["source_id"] for row in rows if UNDECIDED in row["review_reasons"])
