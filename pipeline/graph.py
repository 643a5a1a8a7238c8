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
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsDict, AsSingleton
from apache_beam.utils.shared import Shared

from blacklist.rule import Standing, Verdict, judge
from pipeline.accounts import Item, SumTallies, Tally, tally_documents, tally_findings
from pipeline.confirming import confirm_unit
from pipeline.decisions import DecidedUnit, decide_unit
from pipeline.detectors import Detectors
from pipeline.draw import Border, draw_manual, draw_technical, rank_unit
from pipeline.events import EventLog
from pipeline.judging import judge_part
from pipeline.plan import Unit
from pipeline.sampling import Cut, MergeRankings, Ranking, cut_of
from pipeline.scan import ScannedUnit, Settings, scan_unit, without_shards
from pipeline.scans import ScanStore
from transforms.confirm import Usage
from transforms.decide import Admission, Blocked
from transforms.permits import Permits

Counts = dict[tuple[str, str], dict[int, int | None]]  # (source, shard) to the records of its parts, None where unknown

_COLLECTOR = (100_000, 20, 50)  # the collector walks the heap of models and libraries at every full round


@dataclass(frozen=True)
class Workshop:
    """What every step needs: where committed files are, how units are read, where events go.

    `events` is the events file of the run where workers share the caller's file system; `handover` the folder below the
    store in which results are left for the caller.
    """

    settings: Settings
    handover: str
    events: str | None


@dataclass(frozen=True)
class DecisionJob:
    """What the first graph is built from. Each step takes along only what it uses."""

    hands: tuple[tuple[Unit, ...], ...]
    workshop: Workshop
    detectors: Detectors
    gate: "Gate"


@dataclass(frozen=True)
class Grouped:
    """A decided unit, and what grouping all documents found for it: who is out since, which rows are copies."""

    decided: DecidedUnit
    source_blacklisted: bool = False
    domains: frozenset[str] = frozenset()
    copies: tuple[int, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the unit has to be decided again."""
        return bool(self.source_blacklisted or self.domains or self.copies)


@dataclass(frozen=True)
class SampleJob:
    """What the second graph is built from."""

    hands: tuple[tuple[Grouped, ...], ...]
    workshop: Workshop
    detectors: Detectors
    gate: "Gate"
    seed: str
    manual: int
    share: Decimal


@dataclass(frozen=True)
class JudgeJob:
    """What the third graph is built from."""

    hands: tuple[tuple[DecidedUnit, ...], ...]
    workshop: Workshop
    detectors: Detectors
    cut: Cut
    last: Border | None


@dataclass(frozen=True)
class Drawn:
    """How many documents of a unit were taken out for each sample; the technical part still holds the bin of the cut."""

    unit: str
    technical: int
    manual: int


def build_decisions(pipeline: beam.Pipeline, job: DecisionJob) -> None:
    """Plan → scan → decide → combine → 5 % rule. Hands over `units` and `verdicts`."""
    shop, detectors = job.workshop, job.detectors
    units = pipeline | "Plan" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    scanned = units | "Scan" >> beam.ParDo(ScanUnits(shop, detectors))
    counts = scanned | "Count records" >> beam.FlatMap(split_counts) | "Per shard" >> beam.GroupByKey()
    bases = AsDict(counts | "Row bases" >> beam.Map(lambda shard: (shard[0], dict(shard[1]))))

    decided = scanned | "Decide" >> beam.ParDo(DecideUnits(shop, detectors, job.gate), bases)
    violations = decided | "Tally violations" >> beam.ParDo(TallyUnits(shop, documents_only=True))
    rates = violations | "Combine rates" >> beam.CombineGlobally(SumTallies())
    verdicts = rates | "5 % rule" >> beam.Map(judge_sources, job.gate.standing)
    _leave(shop, {"units": decided, "verdicts": verdicts})


def build_samples(pipeline: beam.Pipeline, job: SampleJob) -> None:
    """Admit → combine → rank → cut → draw. Hands over `units`, `tally`, `cut` and `drawn`."""
    shop = job.workshop
    units = pipeline | "Decided" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    admitted = units | "Admit" >> beam.ParDo(AdmitUnits(shop, job.detectors, job.gate))
    tally = admitted | "Tally" >> beam.ParDo(TallyUnits(shop)) | "Combine" >> beam.CombineGlobally(SumTallies())
    ranks = admitted | "Rank" >> beam.ParDo(RankUnits(shop, job.seed, job.manual))
    cut = (
        ranks | "Merge ranks" >> beam.CombineGlobally(MergeRankings(job.manual)) | "Cut" >> beam.Map(cut_of, job.share)
    )
    drawn = admitted | "Draw" >> beam.ParDo(DrawUnits(shop, job.seed), AsSingleton(cut))
    _leave(shop, {"units": admitted, "tally": tally, "cut": cut, "drawn": drawn})


def build_judging(pipeline: beam.Pipeline, job: JudgeJob) -> None:
    """Only where a scorer is limited to the technical sample. Hands over `judged`."""
    units = pipeline | "Sampled" >> beam.Create(job.hands) | beam.Reshuffle() | "Units" >> beam.FlatMap(list)
    judged = units | "Judge" >> beam.ParDo(JudgeSample(job.workshop, job.detectors, job.cut, job.last))
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


@dataclass(frozen=True)
class Gate:
    """Who is let in: the blacklist as it stood before the run, what is blocked, and each source's own evidence."""

    standing: Standing
    blocked: Blocked
    permits: dict[str, Permits] = field(default_factory=dict)
    years: dict[str, int] = field(default_factory=dict)  # by source, by which ages of persons are told

    def admission(self, source_id: str, grouped: Grouped | None = None) -> Admission:
        """What applies to the documents of a source, and to a unit of it once all documents are grouped."""
        listed = source_id in self.standing.sources
        permits, year = self.permits.get(source_id, Permits()), self.years.get(source_id)
        if grouped is None:
            return Admission(listed, self.standing.domains, self.blocked, permits, year=year)
        listed |= grouped.source_blacklisted
        domains = self.standing.domains | grouped.domains
        return Admission(listed, domains, self.blocked, permits, grouped.copies, year)


class _UnitFn(beam.DoFn):  # type: ignore[misc]
    """Base of the steps that work on units."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop

    def setup(self) -> None:
        """Opens the store and the events."""
        self.store = ScanStore(self.shop.settings.store)
        self.events = EventLog(self.shop.events)


class _DetectorFn(_UnitFn):
    """Base of the steps that use the detectors; they are loaded once a process, however many steps share them."""

    def __init__(self, shop: Workshop, detectors: Detectors) -> None:
        super().__init__(shop)
        self._given = detectors
        self._shared = Shared()

    def setup(self) -> None:
        """Takes the process's detectors, and tells the collector that what is loaded now stays."""
        super().setup()
        self.detectors: Detectors = self._shared.acquire(lambda: self._given, tag=self._given.fingerprint)
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

        scanned = confirm_unit(scanned, confirm, self.shop.settings.limits, self.store, progress)
        self.events.write("unit_confirmed", unit=unit, **vars(scanned.confirmed))
        return scanned


class ScanUnits(_DetectorFn):
    """Commits the missing layers of a unit."""

    def process(self, unit: Unit) -> Iterator[ScannedUnit]:
        """Yields the unit with the keys of its layers and its books."""
        scanned = scan_unit(unit, self.detectors.stages, self.shop.settings, self.events.progress)
        self.events.write("unit_scanned", unit=unit.name, documents=scanned.rows, layers_built=list(scanned.built))
        for shard in scanned.quarantined:
            self.events.write("shard_quarantined", source=shard.source_id, shard=shard.shard, reason=shard.reason)
        yield self.confirmed(scanned)


class DecideUnits(_DetectorFn):
    """Commits the decisions on a unit, by the blacklist as it stood before this run."""

    def __init__(self, shop: Workshop, detectors: Detectors, gate: Gate) -> None:
        super().__init__(shop, detectors)
        self.gate = gate

    def process(self, scanned: ScannedUnit, bases: Counts) -> Iterator[DecidedUnit]:
        """Yields the unit with the key of its decisions; row bases come from the books of the parts before.

        Where another part of a shard was set aside the whole shard is: its rows could not be numbered.
        """
        torn = torn_shards(scanned, bases)
        if torn:
            scanned = self.confirmed(without_shards(scanned, torn, self.detectors.stages, self.shop.settings))
        admission = self.gate.admission(scanned.unit.source.id)
        decided = decide_unit(scanned, row_bases(scanned, bases), self.detectors.decider, admission, self.store)
        self.events.write("unit_decided", unit=scanned.unit.name, built=decided.built)
        yield decided


class AdmitUnits(_DetectorFn):
    """Decides again the units for which grouping found something; for all others the decisions stand."""

    def __init__(self, shop: Workshop, detectors: Detectors, gate: Gate) -> None:
        super().__init__(shop, detectors)
        self.gate = gate

    def process(self, grouped: Grouped) -> Iterator[DecidedUnit]:
        """Yields every unit, with the decisions that hold."""
        decided = grouped.decided
        if grouped.changed:
            admission = self.gate.admission(decided.source_id, grouped)
            unit = decided.scanned.unit.name
            decided = decide_unit(decided.scanned, decided.row_bases, self.detectors.decider, admission, self.store)
            self.events.write("unit_decided", unit=unit, built=decided.built, again=True)
        yield decided


class TallyUnits(_UnitFn):
    """Counts the decisions on a unit."""

    def __init__(self, shop: Workshop, documents_only: bool = False) -> None:
        super().__init__(shop)
        self.documents_only = documents_only

    def process(self, decided: DecidedUnit) -> Iterator[Tally]:
        """Yields one tally."""
        tally: Tally = Tally()
        with self.store.open(self.store.path("documents", decided.key)) as file:
            for batch in file.iter_batches(use_threads=False):
                tally.update(tally_documents(batch, decided.source_id))
        if not self.documents_only:
            with self.store.open(self.store.path("findings", decided.key)) as file:
                for batch in file.iter_batches(use_threads=False):
                    tally.update(tally_findings(batch, decided.source_id))
        yield tally


class RankUnits(_UnitFn):
    """Ranks the admitted documents of a unit."""

    def __init__(self, shop: Workshop, seed: str, manual: int) -> None:
        super().__init__(shop)
        self.seed = seed
        self.manual = manual

    def process(self, decided: DecidedUnit) -> Iterator[Ranking]:
        """Yields one ranking."""
        yield rank_unit(decided, self.seed, self.manual, self.store)


class DrawUnits(_UnitFn):
    """Takes the sampled documents out of a unit."""

    def __init__(self, shop: Workshop, seed: str) -> None:
        super().__init__(shop)
        self.seed = seed

    def process(self, decided: DecidedUnit, cut: Cut) -> Iterator[Drawn]:
        """Leaves the unit's part of each sample below the handover folder and yields how many they are."""
        unit = decided.scanned.unit.name
        target = f"{self.shop.settings.store}/{self.shop.handover}"
        technical = draw_technical(decided, self.seed, cut, self.store, f"{target}/technical/{unit}.parquet")
        ranked = [item for item in cut.manual if item.unit == unit]
        limits = self.shop.settings.limits
        manual = draw_manual(decided, ranked, limits, self.store, f"{target}/manual/{unit}.parquet") if ranked else 0
        yield Drawn(unit, technical, manual)


class JudgeSample(_DetectorFn):
    """Has the technical sample of a unit judged by the scorer that is limited to it."""

    def __init__(self, shop: Workshop, detectors: Detectors, cut: Cut, last: Border | None) -> None:
        super().__init__(shop, detectors)
        self.cut = cut
        self.last = last

    def process(self, decided: DecidedUnit) -> Iterator[Usage]:
        """Leaves the judged part of the unit below the handover folder and yields what that took."""
        unit = decided.scanned.unit.name
        base, limits = f"{self.shop.settings.store}/{self.shop.handover}", self.shop.settings.limits
        part, target = f"{base}/technical/{unit}.parquet", f"{base}/judged/{unit}.parquet"
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


def results_path(store: str, handover: str) -> str:
    """Where the results of a graph are handed over."""
    return f"{store}/{handover}/results.pickle"
