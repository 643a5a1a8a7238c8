"""Between the two graphs: what can only be told with all documents side by side, grouped by DuckDB.

Domains above the maximum and copies of documents are found over the committed decisions; each unit learns what
concerns it and is decided again where anything does.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from blacklist.rule import Standing, Verdict
from pipeline.accounting.domains import DomainVerdict, holders, judge_domains
from pipeline.accounting.summaries import GROUPED, HASHED, summary_file
from pipeline.database import BOUNDED, connect, quoted
from pipeline.decisions import DecidedUnit
from pipeline.duplicates.bands import SCHEMA as BANDS
from pipeline.duplicates.bands import WHOLE, bands_path, commit_bands
from pipeline.duplicates.copies import find_copies
from pipeline.duplicates.groups import join_empty, join_groups, write_groups
from pipeline.duplicates.report import NEAR
from pipeline.duplicates.search import LAYER, edges_key, search
from pipeline.errors import tells_of_disk
from pipeline.jobs import Grouped
from pipeline.origins.held import Listing
from pipeline.origins.renames import Rename, renames
from pipeline.store.scans import ScanStore
from schemas.policy import DuplicatePolicy


@dataclass(frozen=True)
class Grouping:
    """Every unit with what concerns it, and the domains to blacklist.

    `searched` says how near copies were searched (`known`, `increment`, `whole`, or `off`),
    `near` how many
    documents are in their groups, `similar` what of the store the next search goes on from: kind and key; `renames` say
    which sources hold what a listed one held.
    """

    units: tuple[Grouped, ...]
    domains: tuple[DomainVerdict, ...]
    searched: str
    near: int
    similar: tuple[tuple[str, str], ...]
    renames: tuple[Rename, ...] = ()


def group(
    units: Sequence[DecidedUnit],
    verdicts: Sequence[Verdict],
    standing: Standing,
    listed: Listing,
    policy: DuplicatePolicy,
    store: ScanStore,
    folder: Path,
) -> Grouping:
    """Groups the documents of all units. `folder` is the run's: groups are written there, and files for the time being."""
    spill = folder / "duckdb-spill"
    units = sorted(units, key=lambda unit: (unit.source_id, unit.scanned.unit.ordinal))  # the order of shards and rows
    decided = [store.path("documents", unit.key) for unit in units]
    with ExitStack() as held:
        held.enter_context(_damage_named(store, decided))
        documents = [held.enter_context(store.on_disk(path, folder)) for path in decided]
        groups = [held.enter_context(summary_file(GROUPED, unit, store, folder)) for unit in units]
        renamed = renames(listed, units, documents, groups)
        above = {verdict.source_id for verdict in verdicts}
        sources = frozenset(above | {one.source_id for one in renamed if one.same}) - standing.lifted
        domains = judge_domains(
            groups, standing.maximum, standing.domains, standing.lifted_domains, spill, standing.apart
        )
        bad = frozenset(verdict.domain for verdict in domains)
        concerned = holders(groups, bad)
        sql = held.enter_context(connect(memory=BOUNDED))
        sql.execute(f"SET temp_directory = {quoted(str(spill))}")
        sql.execute("SET preserve_insertion_order = false")
        hashes = [held.enter_context(summary_file(HASHED, unit, store, folder)) for unit in units]
        searched, near, similar = "off", 0, ""
        if policy.near != "off":
            prints = [unit.scanned.layers["fingerprint"] for unit in units]
            searched, similar = (
                search(sql, prints, policy.similarity, store, folder),
                edges_key(prints, policy.similarity),
            )
            join_groups(sql)
            commit_bands(store, prints)
            paths = [bands_path(store, key) for key in prints]
            bands = [held.enter_context(store.sound_on_disk(path, folder, BANDS, [WHOLE])) for path in paths]
            join_empty(sql, bands, hashes)
            near = write_groups(sql, documents, hashes, folder / NEAR)
        copies: dict[int, list[int]] = {}
        if "keep_one" in (policy.exact, policy.near):
            copies = find_copies(sql, documents, hashes, policy.near == "keep_one", (sources, bad))
    grouped = tuple(
        Grouped(unit, unit.source_id in sources, concerned.get(place, frozenset()), tuple(copies.get(place, ())))
        for place, unit in enumerate(units)
    )
    kinds = ((LAYER, similar),) if similar else ()
    return Grouping(grouped, tuple(domains), searched, near, kinds, tuple(renamed))


@contextmanager
def _damage_named(store: ScanStore, paths: Sequence[str]) -> Iterator[None]:
    """Where DuckDB cannot go on because one of these files is damaged, that one is withdrawn. Raises FileDamaged.

    Damage that DuckDB does not see leads to nothing: the digests of all decisions are compared before a run is published.
    """
    try:
        yield
    except (duckdb.Error, FileNotFoundError) as error:
        if not tells_of_disk(error):
            store.withdraw_damaged(paths)
        raise
