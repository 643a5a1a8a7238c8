"""The Beam graphs, on one page: plan → scan → confirm → decide → combine → 5 % rule, and admit → combine → samples.

Between the two stands what needs all documents grouped by many keys (domains, copies), which is DuckDB's work over
committed files (pipeline/grouping.py). Only small things cross from stage to stage: units, tallies, rankings.
Documents leave as committed files with deterministic names. Every step is idempotent, so an engine may retry or repeat
it. The graphs have no Read transforms, no tagged outputs, no `finish_bundle` output and one leaf each, which keeps them
portable between engines.
"""

import gc
import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton

from blacklist.rule import Standing, Verdict, judge
from pipeline.accounting.accounts import Item, SumTallies, Tally
from pipeline.accounting.summaries import summarise
from pipeline.confirmation.confirming import confirm_unit
from pipeline.confirmation.judging import judge_part
from pipeline.decisions import DecidedUnit, decide_unit
from pipeline.detectors import Detectors
from pipeline.drawing.draw import Border, Draw, draw_manual, draw_technical, rank_unit
from pipeline.drawing.sampling import Cut, MergeRankings, Ranking, cut_of
from pipeline.engine.posted import PostedEvents
from pipeline.engine.shipping import Toolbox
from pipeline.events import EventLog
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
from pipeline.plan import Unit
from pipeline.processes import follow
from pipeline.scan import ScannedUnit, scan_unit, without_shards
from pipeline.store.scans import ScanStore
from transforms.confirm import Usage

Counts = dict[tuple[str, str], dict[int, int | None]]  # (source, shard) to the records of its parts, None where unknown

_COLLECTOR = (100_000, 20, 50)  # the collector walks the heap of models and libraries at every full round


def build_decisions(pipeline: beam.Pipeline, job: DecisionJob) -> None:
    """Plan → scan → decide → combine → 5 % rule. Hands over `units` and `verdicts`."""
    shop, tools = job.workshop, job.tools
    units = pipeline | "Plan" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    scanned = units | "Scan" >> beam.ParDo(ScanUnits(shop, tools))
    counts = scanned | "Count records" >> beam.FlatMap(split_counts) | "Per shard" >> beam.GroupByKey()
    bases = AsDict(counts | "Row bases" >> beam.Map(lambda shard: (shard[0], dict(shard[1]))))

    decided = scanned | "Decide" >> beam.ParDo(DecideUnits(shop, tools, job.gate), bases)
    violations = decided | "Tally violations" >> beam.ParDo(TallyUnits(shop))
    rates = violations | "Combine rates" >> beam.CombineGlobally(Added(SumTallies()))
    verdicts = rates | "5 % rule" >> beam.Map(judge_sources, job.gate.standing)
    _leave(shop, {"units": decided, "verdicts": verdicts})


def build_samples(pipeline: beam.Pipeline, job: SampleJob) -> None:
    """Admit → combine → rank → cut → draw. Hands over `units`, `tally`, `cut` and `drawn`."""
    shop, draw = job.workshop, job.draw
    units = pipeline | "Decided" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    admitted = units | "Admit" >> beam.ParDo(AdmitUnits(shop, job.tools, job.gate))
    tally = admitted | "Tally" >> beam.ParDo(TallyUnits(shop)) | "Combine" >> beam.CombineGlobally(Added(SumTallies()))
    ranks = admitted | "Rank" >> beam.ParDo(RankUnits(shop, draw))
    merged = ranks | "Merge ranks" >> beam.CombineGlobally(Added(MergeRankings(draw.manual)))
    cut = merged | "Cut" >> beam.Map(cut_of, draw.share)
    drawn = admitted | "Draw" >> beam.ParDo(DrawUnits(shop, draw, job.known), AsSingleton(cut))
    _leave(shop, {"units": admitted, "tally": tally, "cut": cut, "drawn": drawn})


def build_judging(pipeline: beam.Pipeline, job: JudgeJob) -> None:
    """Only where a scorer is limited to the technical sample. Hands over `judged`."""
    units = pipeline | "Sampled" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    judged = units | "Judge" >> beam.ParDo(JudgeSample(job.workshop, job.tools, job.cut, job.last))
    _leave(job.workshop, {"judged": judged})


def _leave(shop: Workshop, results: dict[str, beam.PCollection[Any]]) -> None:
    """Leaves all results in one committed file: the graph's only leaf."""
    named = [
        items | f"Name {kind}" >> beam.Map(lambda item, kind=kind: (kind, item)) for kind, items in results.items()
    ]
    (
        named
        | beam.Flatten()
        | "Together" >> beam.CombineGlobally(Collect())
        | "Hand over" >> beam.Map(hand_over, shop.settings.store, shop.handover)
    )


class _UnitFn(beam.DoFn):  # type: ignore[misc]
    """Base of the steps that work on units."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop

    def setup(self) -> None:
        """Opens the store and the events."""
        follow()
        self.store = ScanStore(self.shop.settings.store)
        shop = self.shop
        self.events = EventLog(shop.events) if shop.events else PostedEvents(self.store, shop.handover)


class _DetectorFn(_UnitFn):
    """Base of the steps that use the detectors; they are loaded once a process, however many steps share them."""

    def __init__(self, shop: Workshop, tools: Toolbox) -> None:
        super().__init__(shop)
        self._box = tools

    def setup(self) -> None:
        """Takes the process's detectors, and tells the collector that what is loaded now stays."""
        super().setup()
        self.tools = self._box.open()
        self.detectors: Detectors = self.tools.detectors
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTOR)

    def confirmed(self, scanned: ScannedUnit) -> ScannedUnit:
        """The unit with its candidates confirmed, where a scorer is configured for that."""
        confirm = self.detectors.confirming
        if confirm is None:
            return scanned
        unit = scanned.unit.name

        def progress(usage: Usage) -> None:
            self.events.write("confirming", unit=unit, **vars(usage))

        with self.tools.lock:
            scanned = confirm_unit(scanned, confirm, self.shop.settings.limits, self.store, progress)
        self.events.write("unit_confirmed", unit=unit, **vars(scanned.confirmed))
        return scanned


class ScanUnits(_DetectorFn):
    """Commits the missing layers of a unit."""

    def process(self, unit: Unit) -> Iterator[ScannedUnit]:
        """Yields the unit with the keys of its layers and its books."""

        def retrying(shard: str, reason: str) -> None:
            self.events.write("shard_retried", source=unit.source.id, shard=shard, reason=reason)

        with self.tools.lock:
            scanned = scan_unit(unit, self.detectors.stages, self.shop.settings, self.events.progress, retrying)
        gc.collect()  # what was read hangs in a few cycles: too few to set the collector off, many megabytes in all
        self.events.write("unit_scanned", unit=unit.name, documents=scanned.rows, layers_built=list(scanned.built))
        for shard in scanned.quarantined:
            self.events.write("shard_quarantined", source=shard.source_id, shard=shard.shard, reason=shard.reason)
        yield self.confirmed(scanned)


class DecideUnits(_DetectorFn):
    """Commits the decisions on a unit, by the blacklist as it stood before this run."""

    def __init__(self, shop: Workshop, tools: Toolbox, gate: Gate) -> None:
        super().__init__(shop, tools)
        self.gate = gate

    def process(self, scanned: ScannedUnit, bases: Counts) -> Iterator[DecidedUnit]:
        """Yields the unit with the key of its decisions; row bases come from the books of the parts before.

        Where another part of a shard was set aside the whole shard is: its rows could not be numbered.
        """
        torn = torn_shards(scanned, bases)
        if torn:
            with self.tools.lock:
                scanned = self.confirmed(without_shards(scanned, torn, self.detectors.stages, self.shop.settings))
        admission = self.gate.admission(scanned.unit.source.id)
        with self.tools.lock:
            decided = decide_unit(scanned, row_bases(scanned, bases), self.detectors.decider, admission, self.store)
        self.events.write("unit_decided", unit=scanned.unit.name, built=decided.built)
        yield decided


class AdmitUnits(_DetectorFn):
    """Decides again the units for which grouping found something; for all others the decisions stand."""

    def __init__(self, shop: Workshop, tools: Toolbox, gate: Gate) -> None:
        super().__init__(shop, tools)
        self.gate = gate

    def process(self, grouped: Grouped) -> Iterator[DecidedUnit]:
        """Yields every unit, with the decisions that hold."""
        decided = grouped.decided
        if grouped.changed:
            admission = self.gate.admission(decided.source_id, grouped)
            unit = decided.scanned.unit.name
            with self.tools.lock:
                decided = decide_unit(decided.scanned, decided.row_bases, self.detectors.decider, admission, self.store)
            self.events.write("unit_decided", unit=unit, built=decided.built, again=True)
        yield decided


class TallyUnits(_UnitFn):
    """Counts the decisions on a unit."""

    def process(self, decided: DecidedUnit) -> Iterator[Tally]:
        """Yields one tally."""
        yield summarise(decided, self.store)


class RankUnits(_UnitFn):
    """Ranks the admitted documents of a unit."""

    def __init__(self, shop: Workshop, draw: Draw) -> None:
        super().__init__(shop)
        self.draw = draw

    def process(self, decided: DecidedUnit) -> Iterator[Ranking]:
        """Yields one ranking."""
        yield rank_unit(decided, self.draw, self.store)


class DrawUnits(_UnitFn):
    """Takes the sampled documents out of a unit."""

    def __init__(self, shop: Workshop, draw: Draw, known: frozenset[str]) -> None:
        super().__init__(shop)
        self.draw = draw
        self.known = known

    def process(self, decided: DecidedUnit, cut: Cut) -> Iterator[Drawn]:
        """Yields where the unit's part of each sample is; what is not committed for good is below the handover folder."""
        unit = decided.scanned.unit.name
        target = f"{self.shop.settings.store}/{self.shop.handover}"
        technical = draw_technical(decided, self.draw, cut, self.store, f"{target}/technical/{unit}.parquet")
        limits, place = self.shop.settings.limits, f"{target}/manual/{unit}.parquet"
        yield Drawn(unit, technical, draw_manual(decided, self.draw, cut, self.known, limits, self.store, place))


class JudgeSample(_DetectorFn):
    """Has the technical sample of a unit judged by the scorer that is limited to it."""

    def __init__(self, shop: Workshop, tools: Toolbox, cut: Cut, last: Border | None) -> None:
        super().__init__(shop, tools)
        self.cut = cut
        self.last = last

    def process(self, sampled: tuple[DecidedUnit, str]) -> Iterator[Usage]:
        """Leaves the judged part of the unit below the handover folder and yields what that took."""
        (decided, part), limits = sampled, self.shop.settings.limits
        unit = decided.scanned.unit.name
        target = judged_path(self.shop, unit)
        with self.tools.lock:
            usage = judge_part(decided, (self.cut, self.last), self.detectors, limits, self.store, part, target)
        self.events.write("sample_judged", unit=unit, **vars(usage))
        yield usage


def split_counts(scanned: ScannedUnit) -> Iterator[tuple[tuple[str, str], tuple[int, int | None]]]:
    """For each part of a split shard how many records it holds; None for one that was set aside."""
    for member, ledger in zip(scanned.unit.members, scanned.ledgers, strict=True):
        if member.parts > 1:
            yield (scanned.unit.source.id, member.shard.name), (member.ordinal, ledger.records_read)
    for shard in scanned.quarantined:
        yield (shard.source_id, shard.shard), (-1, None)


def torn_shards(scanned: ScannedUnit, counts: Counts) -> list[str]:
    """Shards of the unit of which another part was set aside: their rows cannot be numbered."""
    names = {member.shard.name for member in scanned.unit.members}
    return sorted(name for name in names if None in counts.get((scanned.unit.source.id, name), {}).values())


def row_bases(scanned: ScannedUnit, counts: Counts) -> tuple[int, ...]:
    """For each member the number of records of its shard that stand before it."""
    bases = []
    for member in scanned.unit.members:
        before = counts.get((scanned.unit.source.id, member.shard.name), {})
        bases.append(sum(records or 0 for ordinal, records in before.items() if ordinal < member.ordinal))
    return tuple(bases)


def judge_sources(tally: Tally, standing: Standing) -> list[Verdict]:
    """The sources the 5 % rule blacklists, by the tally before filtering."""
    sources = sorted({item.source_id for item in tally})
    counted = {
        source: (
            tally[Item("source", source, "", "collected", "violations")],
            tally[Item("source", source, "", "collected", "documents")],
        )
        for source in sources
    }
    return judge(counted, standing)


class Added(beam.CombineFn):  # type: ignore[misc]
    """One of our accumulators, as the engine wants it: those who use them otherwise need no engine."""

    def __init__(self, sums: SumTallies | MergeRankings) -> None:
        self.sums: Any = sums

    def create_accumulator(self) -> Any:
        """Nothing yet."""
        return self.sums.create_accumulator()

    def add_input(self, accumulator: Any, element: Any) -> Any:
        """Adds one."""
        return self.sums.add_input(accumulator, element)

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        """Adds all."""
        return self.sums.merge_accumulators(accumulators)

    def extract_output(self, accumulator: Any) -> Any:
        """The sum."""
        return self.sums.extract_output(accumulator)


class Collect(beam.CombineFn):  # type: ignore[misc]
    """All named results in one place. They are small: units, sums and cuts, never documents."""

    def create_accumulator(self) -> list[Any]:
        """Nothing yet."""
        return []

    def add_input(self, accumulator: list[Any], element: Any) -> list[Any]:
        """Adds one."""
        accumulator.append(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Adds all."""
        return [element for accumulator in accumulators for element in accumulator]

    def extract_output(self, accumulator: list[Any]) -> list[Any]:
        """The list."""
        return accumulator


def hand_over(results: list[tuple[str, Any]], store: str, handover: str) -> str:
    """Commits the results where the caller finds them, each kind as a list."""
    grouped: dict[str, list[Any]] = {}
    for kind, item in results:
        grouped.setdefault(kind, []).append(item)
    path = results_path(store, handover)
    ScanStore(store).commit_bytes(pickle.dumps(grouped), path)
    return path
