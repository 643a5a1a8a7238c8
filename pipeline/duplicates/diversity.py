"""How many independent sources each language and type of corpus has (clause 5.1 b), after merging sources that overlap.

Two sources are one where the share of documents they have in common reaches the profile's `merge` in either; merged
sources go on merging. A cell below the profile's `floor` of the corpus is noise; in it, a source below `share` does not
count. Facts: whether the corpus is mixed sensibly, people judge.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipeline.accounting.statistics import rate
from schemas.profile import Diversity
from schemas.sources import SourceRecord

Query = Callable[[str], list[tuple[Any, ...]]]


def at_least(part: int, whole: int, fraction: tuple[int, int]) -> bool:
    """Whether part / whole reaches the fraction, in whole numbers; nothing reaches it where there is nothing."""
    numerator, denominator = fraction
    return part > 0 and part * denominator >= numerator * whole


def shared_documents(row: Mapping[str, Any]) -> int:
    """What a row of `source_overlap` says two sources share: similar documents where they were looked for."""
    return int(row["exact_documents"] if row["near_documents"] is None else row["near_documents"])


def mostly_copies(
    overlap: Iterable[Mapping[str, Any]], documents: Mapping[str, int], terms: Diversity
) -> frozenset[str]:
    """Sources most of which is found in one other source: perhaps that source under another name (疑似改名)."""
    return frozenset(
        row["source_id"] for row in overlap if at_least(shared_documents(row), documents[row["source_id"]], terms.merge)
    )


def merged_sources(
    overlap: Iterable[Mapping[str, Any]], documents: Mapping[str, int], terms: Diversity
) -> dict[str, str]:
    """Each source with the one that stands for it: itself, or the first of those it is merged with."""
    stands = {source: source for source in documents}

    def standing(source: str) -> str:
        while stands[source] != source:
            source = stands[source]
        return source

    for row in overlap:
        if at_least(shared_documents(row), documents[row["source_id"]], terms.merge):
            first, second = sorted((standing(row["source_id"]), standing(row["other_source_id"])))
            stands[second] = first
    return {source: standing(source) for source in stands}


def cell_counts(query: Query, documents: str, weight: str = "1") -> dict[tuple[str, str], dict[str, int]]:
    """Admitted documents by bucket and language, and by source. A row stands for `weight` documents."""
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for bucket, language, source, count in query(
        f"SELECT bucket, language, source_id, sum({weight}) FROM {documents} WHERE admitted GROUP BY ALL ORDER BY ALL"
    ):
        cells.setdefault((bucket, language), {})[source] = int(count)
    return cells


def diversity_rows(
    cells: Mapping[tuple[str, str], Mapping[str, int]],
    stands: Mapping[str, str],
    sources: Iterable[SourceRecord],
    terms: Diversity,
) -> list[dict[str, Any]]:
    """Rows of `source_diversity`, one a language and bucket above the noise floor."""
    regions = {source.id: source.region for source in sources}
    total = sum(sum(counts.values()) for counts in cells.values())
    rows = []
    for (bucket, language), counts in sorted(cells.items()):
        documents = sum(counts.values())
        if not at_least(documents, total, terms.floor):
            continue
        counted = sorted(source for source, count in counts.items() if at_least(count, documents, terms.share))
        groups: dict[str, list[str]] = {}
        for source in counted:
            groups.setdefault(stands[source], []).append(source)
        rows.append(
            {
                "bucket": bucket,
                "language": language,
                "documents": documents,
                "share": rate(documents, total),
                "sources": len(counts),
                "counted_sources": len(counted),
                "independent_sources": len(groups),
                "required": terms.minimum,
                "enough": len(groups) >= terms.minimum,
                "independent": [" = ".join(group) for group in sorted(groups.values())],
                "overseas_sources": sum(regions[source] == "overseas" for source in counted),
            }
        )
    return rows


def diversity_basis(rows: Iterable[Mapping[str, Any]], near: bool, terms: Diversity) -> tuple[str, str]:
    """Verdict and basis of the clause: facts only, people conclude."""
    listed = list(rows)
    few = [f"{row['bucket']}/{row['language']} {row['independent_sources']}" for row in listed if not row["enough"]]
    numerator, denominator = terms.merge
    told = f"；不足者 / short of it: {', '.join(few[:20])}{', …' if len(few) > 20 else ''}" if few else ""
    how = (
        "近重复与相同文档 / similar documents"
        if near
        else "相同文档（未查近重复） / equal documents, similar ones were not looked for"
    )
    return (
        "待补充",
        f"按语言与类型共 {len(listed)} 格，合并重合达 {numerator}/{denominator} 的来源（{how}）后，{len(listed) - len(few)} 格有至少 {terms.minimum} "
        f"个独立来源{told}；境内外搭配的合理性待人工说明 / {len(listed) - len(few)} of {len(listed)} languages and types have at least "
        f"{terms.minimum} independent sources after merging those that overlap; people explain the mix of domestic and overseas "
        f"sources (source_diversity, source_overlap)",
    )
