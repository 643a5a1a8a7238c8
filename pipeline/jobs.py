"""What the graphs are built from and what they hand over, without the engine: small things that travel.

An engine takes a second to import, and a run that finds nothing new needs none.
"""

from dataclasses import dataclass, field

from blacklist.rule import Standing
from pipeline.decisions import DecidedUnit
from pipeline.drawing.draw import Border, Draw
from pipeline.drawing.sampling import Cut
from pipeline.engine.shipping import Toolbox
from pipeline.plan import Unit
from pipeline.scan import Settings
from transforms.decide import Admission, Blocked
from transforms.permits import Permits


@dataclass(frozen=True)
class Workshop:
    """What every step needs: where committed files are, how units are read, where events go.

    `events` is the events file of the run where workers share the caller's file system, else None; `handover` the folder
    below the store in which results are left for the caller, and events where there is no such file.
    """

    settings: Settings
    handover: str
    events: str | None


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


@dataclass(frozen=True)
class DecisionJob:
    """What the first graph is built from. Each step takes along only what it uses."""

    hands: tuple[tuple[Unit, ...], ...]
    workshop: Workshop
    tools: Toolbox
    gate: Gate


@dataclass(frozen=True)
class SampleJob:
    """What the second graph is built from."""

    hands: tuple[tuple[Grouped, ...], ...]
    workshop: Workshop
    tools: Toolbox
    gate: Gate
    draw: Draw
    known: frozenset[str] = frozenset()  # content hashes of texts the caller has


@dataclass(frozen=True)
class JudgeJob:
    """What the third graph is built from."""

    hands: tuple[tuple[tuple[DecidedUnit, str], ...], ...]  # units, and where their parts of the technical sample are
    workshop: Workshop
    tools: Toolbox
    cut: Cut
    last: Border | None


@dataclass(frozen=True)
class Drawn:
    """What was taken out of a unit for each sample.

    `technical` is the file with its part of the technical sample, which still holds the bin of the cut and perhaps
    more; `manual` is how many documents it may have in the manual sample.
    """

    unit: str
    technical: str
    manual: int


def judged_path(shop: Workshop, unit: str) -> str:
    """Where the judged part of a unit is left."""
    return f"{shop.settings.store}/{shop.handover}/judged/{unit}.parquet"


def results_path(store: str, handover: str) -> str:
    """Where the results of a graph are handed over."""
    return f"{store}/{handover}/results.pickle"
