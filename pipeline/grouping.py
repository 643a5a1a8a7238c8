"""Between the two graphs: what can only be told with all documents side by side, grouped by DuckDB.

Domains above the maximum and copies of documents are found over the committed decisions; each unit learns what
concerns it and is decided again where anything does.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from blacklist.rule import Standing, Verdict
from pipeline.decisions import DecidedUnit
from pipeline.domains import DomainVerdict, judge_domains
from pipeline.duplicates import UnitFiles, find_copies
from pipeline.graph import Grouped
from pipeline.scans import ScanStore
from schemas.policy import DuplicatePolicy


@dataclass(frozen=True)
class Grouping:
    """Every unit with what concerns it, and the domains to blacklist."""

    units: tuple[Grouped, ...]
    domains: tuple[DomainVerdict, ...]


def group(
    units: Sequence[DecidedUnit],
    verdicts: Sequence[Verdict],
    standing: Standing,
    policy: DuplicatePolicy,
    store: ScanStore,
    folder: Path,
) -> Grouping:
    """Groups the documents of all units. `folder` takes files for the time being."""
    spill = folder / "duckdb-spill"
    sources = frozenset(verdict.source_id for verdict in verdicts)
    with ExitStack() as held:

        def on_disk(unit: DecidedUnit, layer: str) -> Path:
            key = unit.key if layer == "documents" else unit.scanned.layers[layer]
            return held.enter_context(store.on_disk(store.path(layer, key), folder))

        documents = [on_disk(unit, "documents") for unit in units]
        domains = judge_domains(documents, standing.maximum, standing.domains, standing.lifted_domains, spill)
        bad = frozenset(verdict.domain for verdict in domains)
        copies: dict[str, list[int]] = defaultdict(list)
        if "keep_one" in (policy.exact, policy.near):
            near = policy.near == "keep_one"
            files = [
                UnitFiles(unit.scanned.unit.name, path, on_disk(unit, "fingerprint") if near else None)
                for unit, path in zip(units, documents, strict=True)
            ]
            for copy in find_copies(files, policy.similarity if near else None, spill, (sources, bad)):
                copies[copy.unit].append(copy.row)  # an exact copy is the nearest copy there is
    grouped = tuple(
        Grouped(unit, unit.source_id in sources, bad, tuple(copies[unit.scanned.unit.name])) for unit in units
    )
    return Grouping(grouped, tuple(domains))
