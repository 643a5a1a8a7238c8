"""All that a run says of copies, made in one place for the run and for `verify`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.accounts import Item, Tally
from pipeline.database import parquet_list
from pipeline.duplicates.diversity import (
    cell_counts,
    diversity_basis,
    diversity_rows,
    merged_sources,
    mostly_copies,
)
from pipeline.duplicates.tables import Query, duplicate_rows, group_rows, load_copies, overlap_rows
from schemas.profile import Profile
from schemas.sources import SourceRecord

NEAR = "duplicates/near.parquet"  # in a run's folder; not there where similar documents were not looked for


@dataclass(frozen=True)
class CopyFacts:
    """Rows by table, the sources that may be others under a new name, and what is said of the diversity clause."""

    tables: Mapping[str, list[dict[str, Any]]]
    renamed: frozenset[str]
    clause: Mapping[str, tuple[str, str]]


def copy_facts(
    query: Query, documents: str, run: Path, near: bool, tally: Tally, sources: Sequence[SourceRecord], profile: Profile
) -> CopyFacts:
    """Counts copies. `query` runs SQL, `documents` is the relation of all documents, `run` the folder with the groups."""
    counts = {source.id: tally[Item("source", source.id, "", "collected", "documents")] for source in sources}
    load_copies(query, documents, parquet_list([run / NEAR]) if near else None)
    overlap = overlap_rows(query, counts, near)
    stands = merged_sources(overlap, counts, profile.diversity)
    cells = diversity_rows(cell_counts(query, documents), stands, sources, profile.diversity)
    return CopyFacts(
        {
            "duplicate_stats": duplicate_rows(query, counts, near),
            "source_overlap": overlap,
            "duplicate_groups": group_rows(query),
            "source_diversity": cells,
        },
        mostly_copies(overlap, counts, profile.diversity),
        {profile.diversity.clause: diversity_basis(cells, near, profile.diversity)},
    )
