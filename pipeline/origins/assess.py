"""Assessment of a source before it is taken in (采集前评估): rate and interval of a candidate, on record.

Reads the candidate once to draw the documents, or all of them, and runs the detectors and the policy of the
configuration over what was drawn. What comes out is a record in `assessments/events.ndjson` of the output folder, a
hash chain; the source's own record names it later as `pre_assessment`. A machine rate is only as good as the detectors:
the record says so, and people judge (docs/provenance.md).
"""

import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from blacklist.rule import exceeds
from pipeline.accounting.statistics import rate, wilson
from pipeline.config import Config
from pipeline.detectors import Detectors, load_detectors
from pipeline.drawing.sampling import keys_of
from pipeline.errors import RunFailed, UsageError
from pipeline.plan import Unit, make_plan
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.store.output import Output
from schemas.chain import append_to_chain, cut_torn_line, read_chain
from schemas.sources import SourceRecord
from transforms.decide import Admission, Origin
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

FOLDER = "assessments"
EVENTS = "events.ndjson"


@dataclass(frozen=True)
class Assessment:
    """What an assessment found. `record` is its entry in the register."""

    record: dict[str, Any]


def assess(config: Config, source_id: str, paths: tuple[str, ...], sample: int | None) -> Assessment:
    """Assesses one source of the configuration, or what `paths` name in its place, and puts the result on record.

    With `sample`, so many documents are drawn by the configuration's seed; otherwise all are looked at. Raises
    UsageError for an unknown source, or where there is nothing to read.
    """
    source = _source(config, source_id)
    if paths:
        source = source.model_copy(update={"paths": list(paths)})
    narrowed = config.model_copy(update={"sources": (source,)})
    detectors = load_detectors(narrowed)
    units = make_plan(narrowed).units
    output = Output(config.output)
    output.prepare()
    with output.held():
        chosen = _draw(narrowed, units, sample) if sample is not None else None
        counted = _Counts()
        for unit in units:
            counted.add(*_judge(unit, narrowed, detectors, chosen))
        if not counted.documents:
            raise UsageError(f"{source_id}: 没有可评估的语料 / nothing to assess: {', '.join(source.paths)}")
        record = _record(narrowed, source, units, detectors, counted, sample)
        path = output.folder / FOLDER / EVENTS
        cut_torn_line(path)
        return Assessment(append_to_chain(path, [record])[0])


def register(output: Output) -> dict[str, dict[str, Any]]:
    """All assessments on record, by their names."""
    return {str(record["assessment"]): record for record in read_chain(output.folder / FOLDER / EVENTS)[0]}


def must_be_on_record(config: Config, output: Output) -> None:
    """Raises UsageError for a source that points to an assessment there is none of, or to one of another source."""
    known = register(output)
    wrong = [
        f"{source.id}.pre_assessment: {source.pre_assessment}: 没有该来源的这份评估 / no such assessment of this source; on record: "
        f"{', '.join(sorted(name for name, record in known.items() if record['source_id'] == source.id)) or '(none)'}"
        for source in config.sources
        if source.pre_assessment is not None and known.get(source.pre_assessment, {}).get("source_id") != source.id
    ]
    if wrong:
        raise UsageError(wrong)


def _source(config: Config, source_id: str) -> SourceRecord:
    known = {source.id: source for source in (*config.sources, *config.candidates)}
    if source_id not in known:
        raise UsageError(
            f"--source: {source_id}: 配置中没有这个来源 / not in the configuration; there are: {', '.join(known)}"
        )
    return known[source_id]


@dataclass
class _Counts:
    """Documents looked at, and how many of them violate or might."""

    documents: int = 0
    bytes: int = 0
    violations: int = 0
    with_candidates: int = 0
    rejected: int = 0

    def add(self, documents: pa.Table, rejected: int) -> None:
        self.documents += documents.num_rows
        self.rejected += rejected
        for row in documents.select(["bytes", "illegal_unhealthy", "candidate_risks"]).to_pylist():
            self.bytes += row["bytes"]
            self.violations += row["illegal_unhealthy"]
            self.with_candidates += row["illegal_unhealthy"] or bool(row["candidate_risks"])


_Place = tuple[str, int, int]  # unit, member, row


def _read(unit: Unit, config: Config, tray: Tray) -> Iterator[pa.RecordBatch]:
    return read_unit(unit, tray, config.limits)


def _draw(config: Config, units: tuple[Unit, ...], sample: int) -> frozenset[_Place]:
    """The places of the `sample` documents with the smallest keys: the same for any order of reading."""
    best: list[tuple[str, _Place]] = []
    for unit in units:
        for records in _read(unit, config, Tray(config.limits.document_bytes)):
            batch = TextBatch(records)
            hashes = [digest.hex() for digest in content_hashes(batch).to_pylist()]
            members, rows = records.column("member").to_pylist(), records.column("row").to_pylist()
            names = [f"{unit.members[m].shard.name}#{r}" for m, r in zip(members, rows, strict=True)]
            keys = keys_of(config.seed, names, hashes)
            places = [(unit.name, m, r) for m, r in zip(members, rows, strict=True)]
            best = heapq.nsmallest(sample, [*best, *zip(keys, places, strict=True)])
    return frozenset(place for _, place in best)


def _judge(unit: Unit, config: Config, detectors: Detectors, chosen: frozenset[_Place] | None) -> tuple[pa.Table, int]:
    """Decided documents of a unit, and how many records could not be read."""
    tray = Tray(config.limits.document_bytes)
    shards = tuple(member.shard.name for member in unit.members)
    origin = Origin(unit.source.id, shards, tuple(0 for _ in shards))
    decided = []
    for records in _read(unit, config, tray):
        if chosen is not None:
            members, rows = records.column("member").to_pylist(), records.column("row").to_pylist()
            keep = [(unit.name, m, r) in chosen for m, r in zip(members, rows, strict=True)]
            records = records.filter(pa.array(keep, type=pa.bool_()))  # noqa: PLW2901 - the batch, narrowed
        if records.num_rows:
            batch = TextBatch(records)
            facts = detectors.facts(batch)
            if "confirm" in facts and facts["confirm"].column("unscored").null_count < len(batch):
                raise RunFailed(
                    f"{unit.source.id}: 复核模型有未答复的语料，未记录评估；排除故障后重新运行，只补问这些 / the confirming scorer gave no "
                    f"answer for some documents, so nothing is put on record: mend its endpoint and run again, only these are asked"
                )
            decided.append(detectors.decider(facts, origin, Admission())[0])
    rejected = sum(ledger.rejected for ledger in tray.ledgers)
    from schemas.results import DOCUMENTS

    return pa.Table.from_batches(decided, schema=DOCUMENTS), rejected


def _record(
    config: Config,
    source: SourceRecord,
    units: tuple[Unit, ...],
    detectors: Detectors,
    counted: _Counts,
    sample: int | None,
) -> dict[str, Any]:
    low, high = wilson(counted.violations, counted.documents)
    shards = sorted((m.shard.name, m.shard.size, m.shard.version) for unit in units for m in unit.members)
    content = {
        "source_id": source.id,
        "paths": list(source.paths),
        "shards": len(shards),
        "shards_sha256": hashlib.sha256(json.dumps(shards).encode()).hexdigest(),
        "drawn": sample,
        "seed": config.seed if sample is not None else None,
        "documents": counted.documents,
        "bytes": counted.bytes,
        "rejected": counted.rejected,
        "violations": counted.violations,
        "violation_rate": rate(counted.violations, counted.documents),
        "candidate_rate": rate(counted.with_candidates, counted.documents),
        "rate_low": low,
        "rate_high": high,
        "interval": "Wilson, two-sided 95 %",
        "exceeds": exceeds(counted.violations, counted.documents, config.profile.source_rate.maximum),
        "profile": config.profile.id,
        "ruleset_sha256": detectors.fingerprint,
        "method": "machine",
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    time = datetime.now(UTC)
    return {
        "assessment": f"{source.id}-{time:%Y%m%dT%H%M%SZ}-{digest[:8]}",
        "time": time.isoformat(timespec="seconds"),
        **content,
    }


def show(assessment: Assessment) -> None:
    """Prints the result in a few lines."""
    record = assessment.record
    share = "全部 / all" if record["drawn"] is None else f"抽取 / drawn {record['documents']:,}"
    print(
        f"来源 / source {record['source_id']}: {record['documents']:,} 条 / documents（{share}），{record['bytes'] / 1e6:,.1f} MB"
    )
    print(
        f"违规 / violations {record['violations']:,} = {record['violation_rate']:.2%}，Wilson 95 % 双侧 / two-sided "
        f"[{record['rate_low']:.2%}, {record['rate_high']:.2%}]；含候选 / with candidates {record['candidate_rate']:.2%}"
    )
    verdict = (
        "超过门槛，不应采集 / above the maximum: not to be collected"
        if record["exceeds"]
        else "未超过门槛 / not above the maximum"
    )
    print(f"机器判定 / by machine: {verdict}；须经人工确认 / to be confirmed by people")
    print(f"记录 / on record: {record['assessment']}")
    print(f"  在来源记录中写入 / put into the source record: pre_assessment: {record['assessment']}")
