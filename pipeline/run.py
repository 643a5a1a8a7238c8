"""One run from configuration to publication: plan → scan → decide → combine → blacklist → sample → store → publish."""

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from blacklist.blocked import load_blocked
from blacklist.log import BlacklistLog, ChainBroken
from blacklist.rule import Standing, corpus_version
from pipeline import __version__
from pipeline.accounting import books
from pipeline.accounting.accounts import Item
from pipeline.accounting.distinct import LAYER as DISTINCT
from pipeline.accounting.distinct import distinct_counts, distinct_keys
from pipeline.accounting.domains import domain_query
from pipeline.accounting.instruments import classifier_rows, keyword_rows, shortfall
from pipeline.accounting.known_answers import LAYER as KNOWN
from pipeline.accounting.known_answers import answers_key, committed_rows
from pipeline.accounting.review import apart_sources
from pipeline.accounting.statistics import clause_rows, funnel_rows, grouped_rows, pii_rows, rights_rows, source_rows
from pipeline.accounting.summaries import GROUPED, GROUPS, HASHED, summary_file
from pipeline.accounting.tokens import bucket_rows, counting, with_stage
from pipeline.begun import RUN_NOTE, Begun, begin, finish
from pipeline.config import Config
from pipeline.database import Before, build_database, over_files, quoted
from pipeline.detectors import MEASURES, Detectors, load_detectors
from pipeline.drawing import samples
from pipeline.drawing.draw import Draw
from pipeline.duplicates.report import copy_facts, told_by_summaries
from pipeline.emission.emit import emit_run
from pipeline.emission.emit import prepare as prepare_emit
from pipeline.engine.engines import check_places
from pipeline.engine.execution import ENGINE_LOG, Engine, check_engine
from pipeline.errors import WITHDRAWN, FileDamaged, RunFailed, StoreError, UsageError, tells_of_disk
from pipeline.events import PROGRESS, EventLog
from pipeline.jobs import Gate, Workshop
from pipeline.libraries import LAYER as LIBRARY
from pipeline.libraries import keep_library
from pipeline.nights import history
from pipeline.nights.references import FILE as REFERENCES
from pipeline.nights.references import location_in_manifest, write_references
from pipeline.nights.trend import draw_trend
from pipeline.origins.assess import must_be_on_record
from pipeline.origins.evidence import changed_files
from pipeline.origins.held import KEY as LISTED
from pipeline.origins.held import listing
from pipeline.origins.lawful_basis import Grounds, basis_rows, clause_facts, not_looked_into, with_record
from pipeline.origins.renames import following
from pipeline.origins.sourcing import examine_all, examined_digest, provenance_tables
from pipeline.passes import Results, Work, run_passes
from pipeline.plan import Plan, Unit, make_plan
from pipeline.processes import lead
from pipeline.readers.base import BATCH_BYTES, BATCH_DOCUMENTS
from pipeline.scan import Settings, layer_keys
from pipeline.store.output import Output, Run, file_digests, write_json
from pipeline.store.salt import SALT, read_salt
from pipeline.store.scans import ScanStore, TableFile, sha256_file
from pipeline.store.space import Amount, must_have_room, needs, room_left
from pipeline.store.storage import is_remote
from review.beginning import live_heads
from rounds.register import Register
from schemas.database import SCHEMA_VERSION
from schemas.evidence import Facts
from schemas.known_answers import load_known_answers
from schemas.loading import DocumentError
from schemas.results import DOCUMENTS, REJECTS
from transforms.confirm import Usage
from transforms.decide import Blocked
from transforms.permits import Permits
from transforms.personal import reference_year

DECIDED = {"documents": "documents", "findings": "findings", "published_rejects": "rejects"}
_MENDED = 20  # damaged files a run goes on without; more of them say that the disk fails


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes a result."""

    engine: Engine = field(default_factory=Engine)
    allow_missing: bool = False
    ignore_space: bool = False  # starts though the disk seems too small
    batch_documents: int = BATCH_DOCUMENTS
    batch_bytes: int = BATCH_BYTES


@dataclass(frozen=True)
class Outcome:
    """What a run came to; `folder` is the published run, also where an earlier one was found to hold still."""

    folder: Path
    unchanged: bool
    quarantined: int
    warnings: tuple[str, ...]
    seconds: float
    emitted: Path | None = None


@dataclass(frozen=True)
class Preview:
    """What a run would do."""

    plan: Plan
    to_scan: dict[str, list[str]]
    weight: int


def preview(config: Config, options: Options) -> Preview:
    """Plans without writing anything (`--dry-run`)."""
    detectors = load_detectors(config)
    salt = read_salt(config.output)
    if salt is not None:
        detectors = detectors.salted(salt[0])
    plan = make_plan(config, options.allow_missing)
    try:
        missing = _missing_layers(plan.units, detectors, config)
    except (StoreError, ValueError) as error:
        raise UsageError(f"scans: {error}") from None
    return Preview(plan, missing, sum(unit.weight for unit in plan.units if unit.name in missing))


def run(config: Config, options: Options) -> Outcome:
    """Runs and publishes, or finds that nothing changed. Raises AuditError with the contract's exit codes."""
    started, clock = datetime.now(UTC), time.monotonic()
    check_engine(options.engine)
    check_places(options.engine, config.scans, config.output)
    detectors = load_detectors(config)
    blocked = _blocked(config)
    _check_store(config)
    plan = make_plan(config, options.allow_missing)
    output = Output(config.output)
    output.prepare()
    prepare_emit(config, plan)
    with output.held(), _disk_errors(config):
        output.tidy()
        history.catch_up(output)
        must_be_on_record(config, output)
        log = _log(output)
        lead()
        detectors, current = detectors.salted(output.salt()), output.readable
        inputs = _Inputs(config, detectors, plan, blocked, config.audit_date or started.date())
        if (
            current is not None
            and current.manifest.get("run_key") == inputs.key(_active(log))
            and not current.manifest["quarantined"]
            and not books.unanswered(current.manifest)
        ):
            output.clear_building()
            if output.note.exists():  # the last run was killed behind its publication; the note goes last
                draw_trend(output)
            finish(output, ScanStore(config.scans))
            emitted = emit_run(config, current, plan.units, options.engine)
            warnings = (*plan.warnings, *emitted.warnings)
            return Outcome(current.folder, True, 0, warnings, time.monotonic() - clock, emitted.folder)
        outcome = _mending(config, options, inputs, output, log, started)
        return replace(outcome, seconds=time.monotonic() - clock)


def _mending(
    config: Config, options: Options, inputs: "_Inputs", output: Output, log: BlacklistLog, started: datetime
) -> Outcome:
    """Builds a run. Where a committed file turns out to be damaged it was withdrawn, and the run goes on without it."""
    plan, resalted = inputs.plan, _resalted(output.readable, inputs.detectors)
    damaged: list[str] = []
    while True:
        begun = begin(output, ScanStore(config.scans), inputs.key(frozenset()), started)
        events = EventLog(str(output.building / "events.ndjson"))
        events.write("run_started", run_id=begun.run_id, units=len(plan.units), shards=plan.shards)
        for problem in damaged:
            events.write("damaged_file_withdrawn", problem=problem)
        if resalted:
            events.write("salt_changed", salt=inputs.detectors.salt_id)
        try:
            outcome = _Builder(config, options, inputs, output, log, events, begun, started).build()
            return replace(outcome, warnings=(*resalted, *damaged, *outcome.warnings))
        except RunFailed as error:
            if WITHDRAWN not in str(error) or str(error) in damaged or len(damaged) == _MENDED:
                raise
            damaged.append(str(error))


@dataclass(frozen=True)
class _Inputs:
    """Everything that decides what a run says."""

    config: Config
    detectors: Detectors
    plan: Plan
    blocked: Blocked
    audit_date: date

    @property
    def facts(self) -> dict[str, Facts]:
        """What the evidence files of each source say."""
        return {source: gathered.facts for source, gathered in self.config.evidence.items()}

    @property
    def permits(self) -> dict[str, Permits]:
        """What the evidence of each source lets in."""
        config = self.config
        return {source.id: config.evidence[source.id].permits(source, config.policy) for source in config.sources}

    @property
    def years(self) -> dict[str, int]:
        """By source the year by which ages of persons are told."""
        facts, year = self.facts, self.audit_date.year
        return {source.id: reference_year(source, facts[source.id], year) for source in self.config.sources}

    def key(self, active: frozenset[tuple[str, str]]) -> str:
        """Digest of all inputs and of the blacklist in force; equal keys mean equal results."""
        content = [
            SCHEMA_VERSION,
            __version__,
            self.config.sha256,
            self.detectors.fingerprint,
            self.detectors.salt_id,
            [stage.fingerprint() for name, stage in self.detectors.stages.items() if name in MEASURES],
            load_known_answers().sha256,
            sorted(active),
            examined_digest(examine_all(self.config.sources, self.facts, self.audit_date)),
            sorted(self.years.items()),
            [[unit.name, unit.key(self.config.limits)] for unit in self.plan.units],
        ]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def versions_by_source(self) -> dict[str, str]:
        """What each source holds, as a digest of its shards' fingerprints: a lift holds for this version only."""
        versions: dict[str, str] = {}
        for source in self.config.sources:
            shards = sorted(
                {
                    (m.shard.name, m.shard.origin, m.shard.size, m.shard.version)
                    for u in self.plan.units
                    if u.source.id == source.id
                    for m in u.members
                }
            )
            versions[source.id] = hashlib.sha256(json.dumps(shards).encode()).hexdigest()
        return versions


class _Builder:
    """Builds one run in the `building` folder and publishes it."""

    def __init__(
        self,
        config: Config,
        options: Options,
        inputs: _Inputs,
        output: Output,
        log: BlacklistLog,
        events: EventLog,
        begun: Begun,
        started: datetime,
    ) -> None:
        self.config = config
        self.options = options
        self.inputs = inputs
        self.output = output
        self.log = log
        self.events = events
        self.run_id = begun.run_id
        self.started = started
        self.folder = output.building
        self.store = ScanStore(config.scans)
        self.handover = begun.handover
        self.known: list[dict[str, Any]] = []
        merge = config.profile.diversity.merge
        self.listed = listing(output, log.events(), output.readable, config.sources, merge)
        self.digests: dict[str, str] = {}  # of the files of decisions, by their path in the run

    def build(self) -> Outcome:
        """All steps after the plan."""
        detectors = self.inputs.detectors
        keep_library(detectors.decider.library, detectors.library_key, self.store)
        # first: what asking about them costs comes off the budget of a confirming scorer before it is divided
        self.known = committed_rows(self.inputs.detectors, self.store)
        results = self._execute()
        quarantined = books.quarantined(results.units)
        self._collect_files(results)
        ledger = books.ledger(results.units)
        books.must_balance(ledger, results.tally, self.folder)
        samples.finish(self.store, self.handover, results, self.output.current, self.folder / "samples")
        self.events.write("samples_drawn")
        self._evidence_unchanged()
        self._record_verdicts(results)
        rows = self._rows(results, ledger)
        with self.output.at_its_place(self.run_id) as place:  # views name files by the path they will have
            build_database(place, rows, self.config.store.native_rows, self.digests, self._before())
        write_json(
            self.folder / "result.json",
            books.result(self._terms(results), results.tally, rows, self.folder, len(quarantined)),
        )
        if self.config.confirm is not None:
            self.events.write("confirmed", **(self._confirmed(results) or {}))
        self.events.write("run_finished", documents=self._documents(results), quarantined=len(quarantined))
        for name in (PROGRESS, ENGINE_LOG, RUN_NOTE):
            (self.folder / name).unlink(missing_ok=True)
        others = [*results.similar, *((DISTINCT, key) for key in distinct_keys(results.units).values())]
        known = answers_key(self.inputs.detectors)
        others += [] if known is None else [(KNOWN, known)]
        others += [(LIBRARY, detectors.library_key)] if detectors.library_key and self.store.local else []
        write_references(self.folder / REFERENCES, results.units, results.replaced, others)
        if detectors.trained_on is not None:  # rounds leave these verdicts out of what estimates the machine
            shutil.copyfile(detectors.trained_on, self.folder / detectors.trained_on.name)
        write_json(self.folder / "manifest.json", self._manifest(results, quarantined))
        self._evidence_unchanged()
        self.output.publish(self.run_id)
        history.catch_up(self.output)
        draw_trend(self.output)
        finish(self.output, self.store)
        published = Run(self.output.runs / self.run_id)
        units = [decided.scanned.unit for decided in results.units]
        emitted = emit_run(self.config, published, units, self.options.engine)
        warnings = (*self.inputs.plan.warnings, *emitted.warnings)
        return Outcome(published.folder, False, len(quarantined), warnings, 0.0, emitted.folder)

    def _evidence_unchanged(self) -> None:
        """Evidence that changed under the run is published with neither its old nor its new digest."""
        facts, base = self.inputs.facts, self.config.base
        problems = [p for source in self.config.sources for p in changed_files(source, facts[source.id], base)]
        if problems:
            raise RunFailed("\n".join(problems))

    def _execute(self) -> Results:
        config, options, before = self.config, self.options, self.output.readable
        work = Work(
            units=self.inputs.plan.units,
            workshop=Workshop(
                settings=Settings(config.scans, config.limits, options.batch_documents, options.batch_bytes),
                handover=self.handover,
                events=self.events.path if options.engine.shares_files else None,
            ),
            detectors=self.inputs.detectors.shared_among(options.engine.workers),
            gate=Gate(self._standing(), self.inputs.blocked, self.inputs.permits, self.inputs.years),
            duplicates=config.policy.duplicates,
            draw=Draw(config.seed, config.sampling.manual, config.sampling.technical),
            listed=self.listed,
            known=samples.known_texts(self.output.current),
            ruled=before is not None and before.manifest.get("ruleset_sha256") == self.inputs.detectors.fingerprint,
        )
        missing = _missing_layers(self.inputs.plan.units, self.inputs.detectors, config)
        weight = sum(unit.weight for unit in self.inputs.plan.units if unit.name in missing)
        self._must_have_room(weight, len(missing))
        self.events.write("work_planned", units_to_scan=len(missing), bytes_to_scan=weight)
        return run_passes(work, options.engine, self.folder, weight, self.events)

    def _must_have_room(self, to_scan: int, units_to_scan: int) -> None:
        config, units = self.config, self.inputs.plan.units
        amount = Amount(to_scan, sum(unit.weight for unit in units), units_to_scan, len(units))
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, ZeroDivisionError):  # no run before
            totals = self.output.readable.result["totals"] if self.output.readable else {}
            amount = replace(amount, document=totals["bytes"] / totals["documents"])
        emit = config.emit.folder if config.emit else None
        must_have_room(needs(config.output, config.scans, emit, amount), self.options.ignore_space)

    def _standing(self) -> Standing:
        """The blacklist in force, and the lifts that hold for exactly these shards and rules."""
        versions, ruleset = self.inputs.versions_by_source(), self.inputs.detectors.fingerprint
        entries = self.log.entries()
        return Standing(
            maximum=self.config.profile.source_rate.maximum,
            sources=frozenset(e.source_key for e in entries if e.active and e.scope != "domain"),
            domains=frozenset(e.source_key for e in entries if e.active and e.scope == "domain"),
            apart=apart_sources(self.config.sources),
            lifted=frozenset(
                e.source_key
                for e in entries
                if not e.active
                and e.scope != "domain"
                and (e.source_version, e.ruleset_sha256) == (versions.get(e.source_key), ruleset)
            ),
            lifted_domains=frozenset(
                e.source_key
                for e in entries
                if not e.active
                and e.scope == "domain"
                and (e.source_version, e.ruleset_sha256) == (corpus_version(versions), ruleset)
            ),
        )

    def _before(self) -> Before | None:
        """The current run, whose database the next one can go on from."""
        current = self.output.readable
        if current is None or current.manifest.get("schema_version") != SCHEMA_VERSION:
            return None
        return Before(current.folder, {path: told["sha256"] for path, told in current.manifest["files"].items()})

    def _collect_files(self, results: Results) -> None:
        """Brings the committed decisions into the run; each is checked against the digest of its commit."""
        for name in DECIDED.values():
            (self.folder / name).mkdir()
        for decided in results.units:
            mark = self.store.mark(decided.key)
            for name, folder in DECIDED.items():
                target = self.folder / folder / f"{decided.scanned.unit.name}.parquet"
                if name == "published_rejects" and not mark[name]["rows"]:
                    continue
                path, own = self.store.path(name, decided.key), f"{folder}/{target.name}"
                with contextlib.suppress(FileNotFoundError):
                    self.store.fetch(path, target)
                    self.digests[own] = sha256_file(target)
                if self.digests.get(own) != mark[name]["sha256"]:
                    self.store.withdraw(path)
                    raise FileDamaged(path)
        self._quarantine_rejects(results)

    def _quarantine_rejects(self, results: Results) -> None:
        rows = [
            {"source_id": shard.source_id, "shard": shard.shard, "row": None, "reason": shard.reason, "records": None}
            | {"offset": None, "detail": shard.detail}
            for shard in books.quarantined(results.units)
        ]
        if rows:
            file = TableFile(self.folder / "rejects" / "quarantined.parquet", REJECTS)
            file.write(pa.RecordBatch.from_pylist(rows, schema=REJECTS))
            file.close({"rows": file.rows})

    def _record_verdicts(self, results: Results) -> None:
        """Appends what the 5 % rule decided to the log. What is there already is not written again."""
        versions = self.inputs.versions_by_source()
        self.log.append(
            [
                *(
                    self._verdict(v.source_id, "suspended", v.violations, v.documents, versions[v.source_id])
                    for v in results.verdicts
                ),
                *(
                    self._verdict(v.domain, "domain", v.violations, v.documents, corpus_version(versions))
                    for v in results.domains
                ),
            ]
        )
        self.log.append(self._followed(results, versions))
        for verdict in results.verdicts:
            self.events.write("source_blacklisted", source=verdict.source_id)
        for renamed in results.renames:
            self.events.write("suspected_rename", source=renamed.source_id, listed=renamed.listed)
        for domain in results.domains:
            self.events.write("domain_blacklisted", domain=domain.domain)

    def _followed(self, results: Results, versions: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Listings that follow what a listed source held to its new name; the first of several such sources is named."""
        entries = {entry.source_key: entry for entry in self.log.entries() if entry.scope != "domain"}
        done = {name for name, entry in entries.items() if entry.active} | self._standing().lifted
        for renamed in results.renames:
            if renamed.same and renamed.source_id not in done:
                done.add(renamed.source_id)
                about = {"run_id": self.run_id, "profile": self.config.profile.id}
                about |= {"ruleset_sha256": self.inputs.detectors.fingerprint}
                yield following(renamed, entries[renamed.listed], **about, source_version=versions[renamed.source_id])

    def _verdict(self, key: str, scope: str, violations: int, documents: int, version: str) -> dict[str, Any]:
        numerator, denominator = self.config.profile.source_rate.maximum
        limit = f"{numerator}/{denominator}"
        return {
            "event": "blacklisted",
            "source_key": key,
            "scope": scope,
            "reason": f"违法不良信息超过 {limit} / illegal or unhealthy items above {limit}",
            "by": f"rule:{self.config.profile.source_rate.clause}",
            "evidence": {
                "documents": documents,
                "violations": violations,
                "rate": round(violations / documents, 6),
                "threshold": limit,
                "run_id": self.run_id,
                "profile": self.config.profile.id,
                "ruleset_sha256": self.inputs.detectors.fingerprint,
                "source_version": version,
            },
        }

    def _rows(self, results: Results, ledger: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        """The rows of every table that is not loaded from Parquet. Leaves `domain_stats`, which may be long, as a file."""
        config, tally = self.config, results.tally
        entries = self.log.entries()
        blacklisted = frozenset(entry.source_key for entry in entries if entry.active and entry.scope != "domain")
        incomplete = frozenset(row["source_id"] for row in ledger if not row["complete"])
        documents = sorted((self.folder / "documents").glob("*.parquet"))
        listed = frozenset(entry.source_key for entry in entries if entry.active and entry.scope == "domain")
        distinct = distinct_counts(results.units, self.store, self.folder)
        technical, manual = samples.sizes(self.folder / "samples")
        keywords = keyword_rows(self.inputs.detectors.decider.library, config.profile.keywords)
        evidence = classifier_rows(self.inputs.detectors.labels)
        with over_files(self.folder / "duckdb-spill") as (query, relation), contextlib.ExitStack() as held:
            summaries = [summary_file(GROUPED, unit, self.store, self.folder) for unit in results.units]
            groups = relation([held.enter_context(summary) for summary in summaries], GROUPS)
            today = self.inputs.audit_date
            provenance = provenance_tables(config.sources, self.inputs.facts, today, query, groups, "n")
            basis = basis_rows(config.sources, query, groups, "n")
            failed = not_looked_into(query, groups, "n")
            domains = quoted(str(self.folder / "domain_stats.parquet"))
            query(f"COPY ({domain_query(query, groups, listed, 'n')}) TO {domains} (FORMAT parquet)")
            bare = query(f"SELECT source_id, sum(without_url) FROM {groups} GROUP BY source_id")
            distinct |= {source: replace(distinct[source], without_url=int(count)) for source, count in bare}
            near = config.policy.duplicates.near != "off"
            hashed = [
                (u.source_id, held.enter_context(summary_file(HASHED, u, self.store, self.folder)))
                for u in results.units
            ]
            copied = told_by_summaries(relation(documents, DOCUMENTS), hashed, groups)
            copies = copy_facts(query, copied, self.folder, near, tally, config.sources, config.profile)
        renamed = copies.renamed | {one.source_id for one in results.renames}
        stats = source_rows(config.sources, tally, distinct, blacklisted, incomplete, config.profile, renamed)
        shown = with_record(config.sources, self.inputs.facts, self.inputs.audit_date)
        return {
            "run_info": [self._run_info()],
            "ledger": ledger,
            **provenance,
            "source_stats": stats,
            **copies.tables,
            "bucket_stats": bucket_rows(config.sources, tally, counting(config.snapshot())),
            "risk_stats": with_stage(config.sources, grouped_rows(tally, "risk", "risk_id", ("documents", "findings"))),
            "pii_stats": with_stage(config.sources, pii_rows(tally)),
            "rights_stats": with_stage(config.sources, rights_rows(tally)),
            "pii_basis": basis,
            "funnel": with_stage(config.sources, funnel_rows(config.sources, tally)),
            "blacklist": [
                {
                    **{
                        column: getattr(entry, column)
                        for column in ("source_key", "scope", "reason", "rate", "threshold", "documents")
                    },
                    "run_id": entry.run_id,
                    "decided_at": datetime.fromisoformat(entry.decided_at).replace(tzinfo=None),
                    "decided_by": entry.decided_by,
                    "active": entry.active,
                }
                for entry in entries
            ],
            "known_answers": self.known,
            "keyword_library": keywords,
            "classifier_evidence": evidence,
            "clauses": clause_rows(
                config.profile,
                technical,
                manual,
                stats,
                self.known,
                shortfall(keywords, evidence),
                {**copies.clause, **clause_facts(config.profile, Grounds(basis, shown, failed))},
            ),
        }

    def _terms(self, results: Results) -> books.Terms:
        config, confirm = self.config, self._confirmed(results)
        return books.Terms(config.sources, config.profile, config.policy, config.sampling.manual, confirm)

    def _confirmed(self, results: Results) -> dict[str, Any] | None:
        """What confirming took, here for the known answers and in the workers."""
        confirm = self.inputs.detectors.confirm
        return books.confirmed(self.config.confirm, results.usage, confirm.spent if confirm else Usage())

    def _run_info(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "schema_version": SCHEMA_VERSION,
            "profile": self.config.profile.id,
            "seed": self.config.seed,
            "started_at": self.started.replace(tzinfo=None, microsecond=0),
            "finished_at": datetime.now(UTC).replace(tzinfo=None, microsecond=0),
            "software_version": __version__,
            "ruleset_sha256": self.inputs.detectors.fingerprint,
            "config_sha256": self.config.sha256,
        }

    def _documents(self, results: Results) -> int:
        return sum(
            results.tally[Item("source", source.id, "", "collected", "documents")] for source in self.config.sources
        )

    def _manifest(self, results: Results, quarantined: Sequence[Any]) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id,
            "run_key": self.inputs.key(_active(self.log)),
            "started_at": self.started.isoformat(timespec="seconds"),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "software_version": __version__,
            "config": self.config.snapshot(),
            "config_sha256": self.config.sha256,
            "profile": self.config.profile.model_dump(mode="json", by_alias=True),
            "policy": self.config.policy.model_dump(mode="json"),
            "seed": self.config.seed,
            "sampling": self.config.sampling.model_dump(mode="json"),
            "ruleset_sha256": self.inputs.detectors.fingerprint,
            "versions": self.inputs.detectors.versions(),
            "source_versions": self.inputs.versions_by_source(),
            "shards": books.shards(results.units),
            "quarantined": [vars(shard) for shard in quarantined],
            "scans": location_in_manifest(self.config.scans, self.output.folder),
            "history_head": history.head(self.output),
            "work": history.work(results.units),
            "confirm": self._confirmed(results),
            "blacklist_head": self.log.head(),
            LISTED: self.listed.stated(),
            "rounds_head": Register(self.output).head(),
            "review_heads": live_heads(self.output),
            "known_answers": {"sha256": load_known_answers().sha256, "floor": load_known_answers().floor},
            "evidence": {
                "audit_date": self.inputs.audit_date.isoformat(),
                "sources": {source: facts.model_dump(mode="json") for source, facts in self.inputs.facts.items()},
            },
            "files": file_digests(self.folder, self.digests),
        }


def _resalted(current: Run | None, detectors: Detectors) -> tuple[str, ...]:
    """A warning where the current run's digests were made under another salt than those of the next."""
    before = current.manifest["versions"].get("salt") if current is not None else None
    if before is None or before == detectors.salt_id:
        return ()
    return (
        f"{SALT}: 与当前运行所用的盐不同（{before} → {detectors.salt_id}），个人信息重新检测，其摘要（hmac）与此前各次运行不可比 / is not the salt of the "
        f"current run: personal information was scanned again, its digests (hmac) do not compare with those of earlier runs",
    )


def _log(output: Output) -> BlacklistLog:
    """The blacklist log, its chain sound and its state file up to date."""
    log = BlacklistLog(output.blacklist)
    try:
        if log.events():
            log.write_state()
    except ChainBroken as error:
        raise RunFailed(
            f"黑名单记录被改动，不再写入 / the blacklist log was changed; nothing is written:\n{error}"
        ) from None
    return log


def _blocked(config: Config) -> Blocked:
    try:
        return load_blocked(config.blocked)
    except (DocumentError, OSError, UnicodeDecodeError) as error:
        raise UsageError(error.problems if isinstance(error, DocumentError) else f"blocked: {error}") from None


def _check_store(config: Config) -> None:
    """Raises UsageError for a store of scans that cannot be used, before there is anything to lose."""
    try:
        ScanStore(config.scans).check()
    except (StoreError, ValueError) as error:
        raise UsageError(f"scans: {error}") from None


def _active(log: BlacklistLog) -> frozenset[tuple[str, str]]:
    return frozenset((entry.source_key, f"{entry.scope}:{entry.active}") for entry in log.entries())


def _missing_layers(units: Sequence[Unit], detectors: Detectors, config: Config) -> dict[str, list[str]]:
    """Units with layers that are not committed yet, and which."""
    store = ScanStore(config.scans)
    paths = {
        unit.name: {
            name: store.path(name, key) for name, key in layer_keys(unit, detectors.stages, config.limits).items()
        }
        for unit in units
    }
    absent = store.missing({path for layers in paths.values() for path in layers.values()})
    found = {unit: [name for name, path in layers.items() if path in absent] for unit, layers in paths.items()}
    return {unit: layers for unit, layers in found.items() if layers}


@contextlib.contextmanager
def _disk_errors(config: Config) -> Iterator[None]:
    """A full disk or a failing store in one clear sentence; what was published stays usable."""
    try:
        yield
    except StoreError as error:
        raise RunFailed(
            f"{error}\n已发布的结果不受影响，排除后重新运行会接着做 / published results are untouched; run again to go on"
        ) from error
    except (OSError, duckdb.Error) as error:
        if not isinstance(error, OSError | duckdb.IOException) and not tells_of_disk(error):
            raise
        folders = [config.output, *([] if is_remote(config.scans) else [Path(config.scans)])]
        raise RunFailed(
            f"{config.output}: 读写失败（{_cause(error)}）；已发布的结果不受影响，排除后重新运行会接着做 / reading or writing failed "
            f"({_cause(error)}); published results are untouched: mend it and run again to go on. 剩余 / free: {room_left(folders)}"
        ) from error


def _cause(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error).splitlines()[0]
