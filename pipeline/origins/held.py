"""What sources on the blacklist ever held, carried from run to run: shards, a sample of texts, sites, the data set.

Neither pruning nor taking a source out for a while loses it. Content hashes are uniform, so the smallest of them are a
uniform sample of a source's different texts; samples merge by keeping the smallest again.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from blacklist.log import replay
from pipeline.database import BOUNDED, connect, parquet_list, result_files
from pipeline.store.output import Output, Run
from schemas.chain import GENESIS, read_chain
from schemas.sources import SourceRecord

KEY = "listed"  # in a manifest
BY = "rule:suspected_rename"  # who decided, in the blacklist log
TEXTS = 512  # sampled of a listed source
_RANGE = 2**64  # of the first 16 digits of a content hash

Query = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Held:
    """What a listed source was ever seen with; `beside` are the sources of the last run that had it."""

    version: str = ""
    shards: tuple[str, ...] = ()  # sha256 of shards or their parts
    texts: tuple[str, ...] = ()  # the smallest content hashes
    sites: tuple[str, ...] = ()  # domains most of it came from, at that version
    dataset: str | None = None  # where its evidence says it was published
    beside: tuple[str, ...] = ()

    @property
    def documents(self) -> int:
        """How many different texts it held, by the largest of the sampled ones where there are more than those."""
        if len(self.texts) < TEXTS:
            return len(self.texts)
        return (TEXTS - 1) * _RANGE // max(1, int(self.texts[-1][:16], 16))


@dataclass(frozen=True)
class Listing:
    """What is known before a run: what listed sources held, the sources that the run `before` had, and those of now."""

    merge: tuple[int, int]  # the share of either from which two sources are one (schemas/profile.py)
    held: Mapping[str, Held] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # of sources listed by this rule: the one they were before
    head: str = GENESIS  # of the blacklist log then
    before: str | None = None
    earlier: frozenset[str] = frozenset()
    datasets: Mapping[str, str | None] = field(default_factory=dict)  # of the sources configured now

    def stated(self) -> dict[str, Any]:
        """For the manifest."""
        sources = {name: asdict(held) for name, held in sorted(self.held.items())}
        return {"before": self.before, "blacklist_head": self.head, "sources": sources}

    def likened(self, name: str) -> frozenset[str]:
        """Sources that came since a listed one, which is configured no more: those its site or data set may show."""
        if name in self.datasets:
            return frozenset()
        return frozenset(self.datasets) - set(self.held[name].beside)


def listing(
    output: Output,
    events: Sequence[dict[str, Any]],
    run: Run | None,
    sources: Iterable[SourceRecord],
    merge: tuple[int, int],
) -> Listing:
    """What is known before the run of these sources that follows `run`, these being the events of the blacklist log."""
    stated = run.manifest.get(KEY, {}).get("sources", {}) if run is not None else {}
    held = {name: _held(output, run, name, _as_held(stated.get(name)), merge) for name in active_sources(events)}
    before = run.folder.name if run is not None else None
    head = str(events[-1]["sha256"]) if events else GENESIS
    datasets = {source.id: dataset_of(source) for source in sources}
    return Listing(merge, held, former_names(events), head, before, frozenset(_ids(run)), datasets)


def as_stated(
    stated: Mapping[str, Any],
    events: Sequence[dict[str, Any]],
    earlier: frozenset[str],
    sources: Iterable[SourceRecord],
    merge: tuple[int, int],
) -> Listing:
    """What a manifest says was known; `events` are those of the log up to the head it names."""
    held = {name: _as_held(told) or Held() for name, told in stated["sources"].items()}
    datasets = {source.id: dataset_of(source) for source in sources}
    head, before = stated["blacklist_head"], stated["before"]
    return Listing(merge, held, former_names(events), head, before, earlier, datasets)


def active_sources(events: Iterable[dict[str, Any]]) -> list[str]:
    """The sources on the blacklist after these events."""
    return sorted(entry.source_key for entry in replay(events) if entry.active and entry.scope != "domain")


def former_names(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Of sources listed by this rule: which source each was before."""
    latest = {event["source_key"]: event for event in events if event["scope"] != "domain"}
    return {name: event["evidence"]["renamed_from"] for name, event in latest.items() if event["by"] == BY}


def dataset_of(source: SourceRecord) -> str | None:
    """Where a source's evidence says it was published, without what makes no difference."""
    url = (getattr(source.evidence, "url", None) or "").strip().casefold()
    return url.removeprefix("https://").removeprefix("http://").rstrip("/") or None


def _ids(run: Run | None) -> list[str]:
    return sorted(row["source_id"] for row in run.result["sources"]) if run is not None else []


def _as_held(told: Mapping[str, Any] | None) -> Held | None:
    if told is None:
        return None
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    return Held(**values)


def _held(output: Output, run: Run | None, source: str, carried: Held | None, merge: tuple[int, int]) -> Held:
    """What a listed source held up to a run: what is carried, and what that run has of it if that is something new.

    One listed of which nothing is carried yet is looked for in the runs still there, once.
    """
    if run is not None and source in run.manifest["source_versions"]:
        held = carried
        if held is None or held.version != run.manifest["source_versions"][source]:
            held = _joined(held or Held(), run, source, merge)
        return replace(held, **_declared(run, source))
    if carried is not None:
        return carried
    published = [str(record["run_id"]) for record in read_chain(output.publications)[0]]
    if run is not None and run.folder.name in published:
        published = published[: published.index(run.folder.name)]
    for earlier in (Run(output.runs / name) for name in reversed(published)):
        with suppress(OSError, ValueError, LookupError, TypeError):  # pruned or damaged: `verify` names it
            if source in earlier.manifest["source_versions"]:
                return replace(_joined(Held(), earlier, source, merge), **_declared(earlier, source))
    return Held()


def _joined(before: Held, run: Run, source: str, merge: tuple[int, int]) -> Held:
    own = [shard for shard in run.manifest["shards"] if shard["source_id"] == source]
    shards = {part["sha256"] for shard in own for part in shard["parts"]} - {None}
    texts, sites = _sampled(run, source, merge)
    return replace(
        before,
        version=run.manifest["source_versions"][source],
        shards=tuple(sorted({*before.shards, *shards})),
        texts=tuple(sorted({*before.texts, *texts})[:TEXTS]),
        sites=tuple(sites),
    )


def _declared(run: Run, source: str) -> dict[str, Any]:
    """Its data set, and the sources beside it: what may change though its shards do not."""
    records = [told for told in run.manifest["config"]["sources"] if told["id"] == source]
    dataset = dataset_of(SourceRecord.model_validate(records[0])) if records else None
    return {"dataset": dataset, "beside": tuple(_ids(run))}


def _sampled(run: Run, source: str, merge: tuple[int, int]) -> tuple[list[str], list[str]]:
    """The smallest content hashes of a source, and the domains each of which has most of its documents."""
    name = re.compile(rf"{re.escape(source)}-[0-9]{{5,}}\.parquet")
    files = [path for path in result_files(run.folder, "documents") if name.fullmatch(path.name)]
    if not files:
        return [], []
    own = f"FROM {parquet_list(files)} WHERE source_id = ?"
    with connect(memory=BOUNDED) as sql:
        texts = sql.execute(f"SELECT DISTINCT content_hash {own} ORDER BY ALL LIMIT {TEXTS}", [source]).fetchall()
        domains = sql.execute(f"SELECT domain, count(*) {own} GROUP BY domain ORDER BY ALL", [source]).fetchall()
    total = sum(count for _, count in domains)
    most = [domain for domain, count in domains if domain and count * merge[1] >= merge[0] * total]
    return [text for (text,) in texts], most
