"""All that a run says of copies, made in one place for the run and for `verify`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.accounting.accounts import Item, Tally
from pipeline.database import parquet_list, quoted
from pipeline.duplicates.diversity import (
    cell_counts,
    diversity_basis,
    diversity_rows,
    merged_sources,
    mostly_copies,
)
from pipeline.duplicates.tables import HIGH, Query, duplicate_rows, group_rows, load_copies, overlap_rows
from schemas.profile import Profile
from schemas.sources import SourceRecord

NEAR = "duplicates/near.parquet"  # in a run's folder; not there where similar documents were not looked for


@dataclass(frozen=True)
class Copied:
    """What copies are counted from, as relations.

    `documents` has all documents; `texts` has their source and what is equal for equal texts (source_id, high, low);
    `groups` has them by source, bucket, language and admission, a row for `weight` of them.
    """

    documents: str
    texts: str
    groups: str
    weight: str


@dataclass(frozen=True)
class CopyFacts:
    """Rows by table, the sources that may be others under a new name, and what is said of the diversity clause."""

    tables: Mapping[str, list[dict[str, Any]]]
    renamed: frozenset[str]
    clause: Mapping[str, tuple[str, str]]


def told_by_documents(documents: str) -> Copied:
    """Everything from the documents alone, as `verify` wants it."""
    return Copied(
        documents, f"(SELECT source_id, {HIGH} AS high, content_hash AS low FROM {documents})", documents, "1"
    )


def told_by_summaries(documents: str, units: Sequence[tuple[str, Path]], groups: str) -> Copied:
    """From the source and the digests of texts of each unit, and from the groups of all (pipeline/accounting/summaries.py)."""
    if not units:
        return told_by_documents(documents)
    sources: dict[str, list[Path]] = {}
    for source, hashes in units:
        sources.setdefault(source, []).append(hashes)
    texts = " UNION ALL ".join(
        f"SELECT {quoted(source)} AS source_id, text_high AS high, text_low AS low FROM {parquet_list(hashes)}"
        for source, hashes in sorted(sources.items())
    )
    return Copied(documents, f"({texts})", groups, "n")


def copy_facts(
    query: Query, copied: Copied, run: Path, near: bool, tally: Tally, sources: Sequence[SourceRecord], profile: Profile
) -> CopyFacts:
    """Counts copies. `query` runs SQL, `copied` says from what, `run` is the folder with the groups of similar ones."""
    counts = {source.id: tally[Item("source", source.id, "", "collected", "documents")] for source in sources}
    groups = parquet_list([run / NEAR]) if near else None
    load_copies(query, copied.texts, groups, sum(counts.values()))
    overlap = overlap_rows(query, counts, near)
    stands = merged_sources(overlap, counts, profile.diversity)
    cells = diversity_rows(cell_counts(query, copied.groups, copied.weight), stands, sources, profile.diversity)
    return CopyFacts(
        {
            "duplicate_stats": duplicate_rows(query, counts, near),
            "source_overlap": overlap,
            "duplicate_groups": group_rows(query, copied.documents, groups),
            "source_diversity": cells,
        },
        mostly_copies(overlap, counts, profile.diversity),
        {profile.diversity.clause: diversity_basis(cells, near, profile.diversity)},
    )
