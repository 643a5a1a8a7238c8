"""The passes of a run over the synthetic units: what `pipeline.passes.run_passes` does, without an engine.

The steps are those of the graph (`TallyUnits`, `RankUnits`, the combiners, `judge_sources`, `cut_of`, `draw_technical`);
an engine would only carry them to the workers. Results of every chunk are kept, so an interrupted simulation goes on.
"""

import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.figures import peak_memory
from benchmarks.scale import units
from benchmarks.scale.fold import Folder, Reading
from benchmarks.scale.gauge import Gauge, Step, fresh_peak
from benchmarks.scale.units import Chunk, Scene
from pipeline.accounting.accounts import SumTallies, Tally
from pipeline.decisions import DecidedUnit
from pipeline.drawing.draw import MANUAL, MANUAL_PART, Draw, draw_technical
from pipeline.drawing.sampling import Cut, MergeRankings, Ranking, cut_of, key_of
from pipeline.engine.execution import quiet_logging
from pipeline.graph import RankUnits, TallyUnits, hand_over, judge_sources
from pipeline.grouping import group
from pipeline.jobs import Drawn, Gate, Grouped, Workshop
from pipeline.passes import Results, Work
from pipeline.store.scans import ScanStore, TableFile
from transforms.confirm import Usage
from transforms.decide import Decider

_HANDOVER = "handover-simulated"  # kept between attempts; a run clears its own


@dataclass
class _Process:
    """What a worker process is set up with."""

    scene: Scene
    shop: Workshop
    decider: Decider
    gate: Gate
    draw: Draw
    bad: str
    cut: Cut | None = None

    def __post_init__(self) -> None:
        self.store = ScanStore(self.shop.settings.store)


_HERE: list[_Process] = []


def _set_up(*arguments: Any) -> None:
    quiet_logging()
    _HERE[:] = [_Process(*arguments)]


@dataclass
class _Steps:
    """Readings of one job, a unit at a time."""

    rows: int
    found: dict[str, Step] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        fresh_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        took = Step(time.perf_counter() - wall, time.process_time() - cpu, self.rows, peak_memory())
        self.found.setdefault(name, Step()).add(took)


@dataclass
class Decided:
    """What deciding comes to: all units, and their sums."""

    units: list[DecidedUnit] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def add(self, other: "Decided") -> "Decided":
        """Adds a chunk."""
        self.units += other.units
        self.tally = SumTallies().add_input(self.tally, other.tally)
        return self


@dataclass
class Ranked(Decided):
    """The same after grouping, and the ranking of all."""

    ranking: Ranking = field(default_factory=lambda: Ranking(0))

    def add(self, other: Decided) -> "Ranked":
        """Adds a chunk."""
        super().add(other)
        assert isinstance(other, Ranked)
        self.ranking = MergeRankings(self.ranking.limit).add_input(self.ranking, other.ranking)
        return self


def decide_chunk(chunk: Chunk) -> Reading:
    """Makes and decides the units of a chunk, and sums each up."""
    here, steps, found = _HERE[0], _Steps(_HERE[0].scene.unit_rows), Decided()
    bad = chunk.units[0].source.id == here.bad
    for index, unit in enumerate(chunk.units):
        rows = here.scene.unit_rows
        scanned, first = units.scanned(unit, bad, rows), chunk.first + index * rows
        if not found.units:
            units.commit_base(scanned, first, chunk.pool, here.store)
            with steps.step("decide"):
                admission = here.gate.admission(unit.source.id)
                decided = units.decide(scanned, here.decider, admission, here.store)
        else:
            with steps.step("(making synthetic units)"):
                decided = units.derive(found.units[0], scanned, first, chunk.pool, here.store)
        with steps.step("summarise"):
            tally = _tally(decided)
        found.add(Decided([decided], tally))
    return Reading(found, steps.found)


def rank_chunk(grouped: tuple[Grouped, ...]) -> Reading:
    """Decides the first unit again where grouping found something, counts, and ranks every unit."""
    here, steps = _HERE[0], _Steps(_HERE[0].scene.unit_rows)
    found = Ranked(ranking=Ranking(here.draw.manual))
    ranks = RankUnits(here.shop, here.draw)
    ranks.setup()
    for index, unit in enumerate(grouped):
        decided = unit.decided
        if index == 0 and unit.changed:
            with steps.step("decide again"):
                admission = here.gate.admission(decided.source_id, unit)
                decided = units.decide(decided.scanned, here.decider, admission, here.store)
        with steps.step("tally"):
            tally = _tally(decided)
        with steps.step("rank"):
            ranking = MergeRankings(here.draw.manual).merge_accumulators(ranks.process(decided))
        found.add(Ranked([decided], tally, ranking))
    return Reading(found, steps.found)


def draw_chunk(decided: tuple[DecidedUnit, ...]) -> Reading:
    """Takes the sampled documents out of every unit. There are no texts, so the manual sample gets none."""
    here, steps, found = _HERE[0], _Steps(_HERE[0].scene.unit_rows), []
    assert here.cut is not None
    base = f"{here.store.location}/{_HANDOVER}"
    for unit in decided:
        name = unit.scanned.unit.name
        with steps.step("draw"):
            drawn = draw_technical(unit, here.draw, here.cut, here.store, f"{base}/technical/{name}.parquet")
        found.append(
            Drawn(name, drawn, _manual(unit, here.draw, here.cut, here.store, f"{base}/manual/{name}.parquet"))
        )
    return Reading(found, steps.found)


def _tally(decided: DecidedUnit) -> Tally:
    counting = TallyUnits(_HERE[0].shop)
    counting.setup()
    return SumTallies().merge_accumulators(counting.process(decided))


def _manual(decided: DecidedUnit, draw: Draw, cut: Cut, store: ScanStore, target: str) -> int:
    """The part of the manual sample as `draw_manual` leaves it, but for texts."""
    with store.open(store.path(MANUAL, draw.key(decided))) as file:
        rows = [row for row in file.read(use_threads=False).to_pylist() if row["manual_key"] <= key_of(cut.last)]
    if rows:
        with store.workspace() as folder:
            part = TableFile(folder / "manual.parquet", MANUAL_PART)
            part.write(pa.RecordBatch.from_pylist([{**row, "text": ""} for row in rows], schema=MANUAL_PART))
            part.close({"rows": part.rows})
            store.commit(part.path, target)
    return len(rows)


def simulated(work: Work, scene: Scene, folder: Folder, spill: Path, gauge: Gauge) -> Results:
    """All passes over the units of the plan."""
    store = ScanStore(work.workshop.settings.store)
    units.commit_evidence(store, work.detectors.decider.library, scene.unit_rows)
    bad = work.units[-1].source.id
    process = (scene, work.workshop, work.detectors.decider, work.gate, work.draw, bad)
    chunks = units.chunks(work.units, scene)
    first = folder.fold("decide", decide_chunk, chunks, (_set_up, process), Decided(), Decided.add)
    with gauge.step("5 % rule"):
        verdicts = judge_sources(first.tally, work.gate.standing)
    with gauge.step("group: domains, copies"):
        grouping = group(first.units, verdicts, work.gate.standing, work.duplicates, store, spill)
    print(f"  {len(grouping.domains):,} domains blacklisted, {_changed(grouping.units):,} units to decide again")
    grouped = _like(chunks, list(grouping.units))
    ranked = folder.fold(
        "rank", rank_chunk, grouped, (_set_up, process), Ranked(ranking=Ranking(work.draw.manual)), Ranked.add
    )
    with gauge.step("cut"):
        cut = cut_of(ranked.ranking, work.draw.share)
    parts: list[Drawn] = []
    drawn = folder.fold("draw", draw_chunk, _like(chunks, ranked.units), (_set_up, (*process, cut)), parts, _joined)
    _link(store, work.workshop.handover)
    results = Results(
        units=tuple(ranked.units),
        verdicts=tuple(verdicts),
        domains=grouping.domains,
        tally=ranked.tally,
        cut=cut,
        drawn=tuple(drawn),
        usage=Usage(),
    )
    with gauge.step("hand over and read back"):
        _carried(work, results)
    return results


def _joined(total: list[Drawn], found: list[Drawn]) -> list[Drawn]:
    return [*total, *found]


def _changed(grouped: tuple[Grouped, ...]) -> int:
    return sum(unit.changed for unit in grouped)


def _like(chunks: list[Chunk], items: list[Any]) -> list[tuple[Any, ...]]:
    """Items, one a unit, in the groups of the chunks."""
    left = iter(items)
    return [tuple(next(left) for _ in chunk.units) for chunk in chunks]


def _carried(work: Work, results: Results) -> None:
    """What crosses from the workers to the caller, there and back."""
    named = [("units", unit) for unit in results.units] + [("tally", results.tally), ("cut", results.cut)]
    named += [("drawn", drawn) for drawn in results.drawn]
    path = hand_over(named, work.workshop.settings.store, f"{_HANDOVER}/carried")
    pickle.loads(ScanStore(work.workshop.settings.store).read_bytes(path))


def _link(store: ScanStore, handover: str) -> None:
    """The drawn parts under the name the run looks for."""
    for kind in ("technical", "manual"):
        target = Path(f"{store.location}/{handover}/{kind}")
        target.mkdir(parents=True, exist_ok=True)
        for part in Path(f"{store.location}/{_HANDOVER}/{kind}").glob("*.parquet"):
            os.link(part, target / part.name)
