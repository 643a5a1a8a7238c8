"""The passes of a run: decide every unit, group all documents, then admit, count and draw."""

import contextlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from blacklist.rule import Verdict
from pipeline.accounting.accounts import Tally
from pipeline.accounting.domains import DomainVerdict
from pipeline.decisions import DecidedUnit
from pipeline.detectors import Detectors
from pipeline.drawing.draw import RANKED, Draw, border
from pipeline.drawing.sampling import Cut
from pipeline.engine.execution import ENGINE_LOG, Engine, execute
from pipeline.engine.job_server import served
from pipeline.engine.posted import brought_in
from pipeline.engine.shipping import Packed, Shipped, Toolbox, pack, ship
from pipeline.events import EventLog
from pipeline.grouping import group
from pipeline.jobs import (
    DecisionJob,
    Drawn,
    Gate,
    Grouped,
    JudgeJob,
    SampleJob,
    Workshop,
    judged_path,
    results_path,
)
from pipeline.origins.held import Listing
from pipeline.origins.renames import Rename
from pipeline.plan import Unit, deal
from pipeline.store.scans import ScanStore
from schemas.policy import DuplicatePolicy
from transforms.confirm import Usage

PACKED = ".detectors.pickle"  # in the folder of the run while it is built
_LIGHTER = 8  # times faster than scanning: deciding, counting and ranking


@dataclass(frozen=True)
class Work:
    """What the passes work on and with."""

    units: Sequence[Unit]
    workshop: Workshop
    detectors: Detectors
    gate: Gate
    duplicates: DuplicatePolicy
    draw: Draw
    listed: Listing  # what listed sources held, whatever they were called
    known: frozenset[str] = frozenset()  # content hashes of texts the caller has
    ruled: bool = False  # the run before was made by the same rules: units that are not new are decided already

    @property
    def spread(self) -> bool:
        """Whether work is spread however little it is: on a first run, and where limits are divided among workers."""
        return not self.ruled or self.detectors.confirm is not None


@dataclass(frozen=True)
class Results:
    """What the passes come to: units as decided last, verdicts of the 5 % rule, renames, sums, and where the samples end."""

    units: tuple[DecidedUnit, ...]
    verdicts: tuple[Verdict, ...]
    domains: tuple[DomainVerdict, ...]
    renames: tuple[Rename, ...]
    tally: Tally
    cut: Cut
    drawn: tuple[Drawn, ...]
    usage: Usage  # what the confirming scorer took
    replaced: tuple[str, ...] = ()  # keys of decisions the first pass made and the second replaced
    similar: tuple[tuple[str, str], ...] = ()  # what else the next run begins with: kind and key


def run_passes(work: Work, engine: Engine, folder: Path, weight: int, events: EventLog) -> Results:
    """Runs all passes. `folder` takes logs and temporary files, `weight` is how much there is to scan."""
    packed = folder / PACKED
    try:
        tools = Toolbox(work.detectors, _sent(work, engine, packed))
        return _served(work, tools, engine, folder, weight, events)
    finally:
        packed.unlink(missing_ok=True)  # also where the run was broken off and had written one


def _served(work: Work, tools: Toolbox, engine: Engine, folder: Path, weight: int, events: EventLog) -> Results:
    with served(engine, folder / ENGINE_LOG) as serving, _listening(work, events):
        return _run(work, tools, serving, folder, weight, events)


def _listening(work: Work, events: EventLog) -> contextlib.AbstractContextManager[None]:
    """Brings in the events of workers that do not see the events file."""
    if work.workshop.events or not events.path:
        return contextlib.nullcontext()
    return brought_in(ScanStore(work.workshop.settings.store), work.workshop.handover, events.path)


def _sent(work: Work, engine: Engine, packed: Path) -> Packed | Shipped | None:
    """The detectors for processes other than this one."""
    if engine.in_process:
        return None
    if engine.shares_files:
        return pack(work.detectors, packed)
    store = ScanStore(work.workshop.settings.store)
    shards = {(member.shard.url, member.shard.size) for unit in work.units for member in unit.members}
    return ship(work.detectors, store, work.workshop.handover, shards)


def _run(work: Work, tools: Toolbox, engine: Engine, folder: Path, weight: int, events: EventLog) -> Results:
    from pipeline.graph import build_decisions, build_samples  # imports the engine

    scanning = engine if work.spread else engine.for_work(weight)
    hands = tuple(map(tuple, deal(work.units, scanning.hands(len(work.units)))))
    deciding = DecisionJob(hands, work.workshop, tools, work.gate)
    execute(deciding, scanning, folder, weight, build_decisions, "扫描 / scanning")
    first = _handed_over(work)
    units = sorted(first.get("units", []), key=lambda decided: decided.scanned.unit.name)
    verdicts = first["verdicts"][0]
    store = ScanStore(work.workshop.settings.store)
    grouping = group(units, verdicts, work.gate.standing, work.listed, work.duplicates, store, folder)
    again = sum(unit.changed for unit in grouping.units)
    events.write("documents_grouped", units_to_admit_again=again, searched=grouping.searched, near=grouping.near)
    counting = engine if work.spread else engine.for_work(_unread(work, grouping.units, store) // _LIGHTER)
    admitting = _dealt(grouping.units, counting)
    sampling = SampleJob(admitting, work.workshop, tools, work.gate, work.draw, work.known)
    execute(sampling, counting, folder, 0, build_samples, "抽样 / sampling")
    second = _handed_over(work)
    cut, drawn = second["cut"][0], tuple(sorted(second.get("drawn", []), key=lambda drawn: drawn.unit))
    usage = Usage()
    for decided in second.get("units", []):
        usage.add(decided.scanned.confirmed)
    judging = work.detectors.confirm is not None and work.detectors.confirming is None
    if judging:
        usage = _judge_sample(work, tools, second.get("units", []), drawn, cut, engine, folder)
        drawn = tuple(replace(part, technical=judged_path(work.workshop, part.unit)) for part in drawn)
    return Results(
        units=tuple(sorted(second.get("units", []), key=lambda decided: decided.scanned.unit.name)),
        verdicts=tuple(verdicts),
        domains=grouping.domains,
        renames=grouping.renames,
        tally=second["tally"][0],
        cut=cut,
        drawn=drawn,
        usage=usage,
        replaced=tuple(unit.decided.key for unit in grouping.units if unit.changed),
        similar=(*grouping.similar, *((RANKED, work.draw.key(unit)) for unit in second.get("units", []))),
    )


def _unread(work: Work, units: Sequence[Grouped], store: ScanStore) -> int:
    """Bytes of the units whose documents have to be decided again, counted or ranked."""
    ranked = {store.path(RANKED, work.draw.key(unit.decided), ".npz"): unit for unit in units}
    missing = store.missing(set(ranked))
    return sum(unit.decided.scanned.unit.weight for path, unit in ranked.items() if unit.changed or path in missing)


def _judge_sample(
    work: Work,
    tools: Toolbox,
    units: Sequence[DecidedUnit],
    drawn: Sequence[Drawn],
    cut: Cut,
    engine: Engine,
    folder: Path,
) -> Usage:
    """Has the drawn technical sample judged by the scorer that is limited to it."""
    from pipeline.graph import build_judging

    store = ScanStore(work.workshop.settings.store)
    parts = {part.unit: part.technical for part in drawn}
    named = {decided.scanned.unit.name: (decided, parts[decided.scanned.unit.name]) for decided in units}
    last = border(store, list(parts.values()), cut)
    hands = deal([decided.scanned.unit for decided in units], engine.hands(len(units)))
    dealt = tuple(tuple(named[unit.name] for unit in hand) for hand in hands)
    job = JudgeJob(dealt, work.workshop, tools, cut, last)
    execute(job, engine, folder, 0, build_judging, "复核样本 / judging the sample")
    usage = Usage()
    for took in _handed_over(work).get("judged", []):
        usage.add(took)
    return usage


def _dealt(units: Sequence[Grouped], engine: Engine) -> tuple[tuple[Grouped, ...], ...]:
    """Grouped units in as many hands as the plan's units, by the same weights."""
    named = {unit.decided.scanned.unit.name: unit for unit in units}
    hands = deal([unit.decided.scanned.unit for unit in units], engine.hands(len(units)))
    return tuple(tuple(named[unit.name] for unit in hand) for hand in hands)


def _handed_over(work: Work) -> dict[str, list[Any]]:
    """What a graph left, by kind."""
    store = ScanStore(work.workshop.settings.store)
    path = results_path(work.workshop.settings.store, work.workshop.handover)
    results: dict[str, list[Any]] = pickle.loads(store.read_bytes(path))
    store.discard_file(path)
    return results
