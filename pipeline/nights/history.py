"""The history of an output: what each run came to, source by source, kept when the runs themselves are pruned.

`history.ndjson` is a hash chain with one record a published run, made of its manifest and result.json, and one a
pruned run. A run's record also says where rounds and reviews stood (the heads of their chains) when it was published. Each manifest names the head the chain had before (`history_head`), and each record the sha256 of its
manifest, so a record that is rewritten, left out or put in shows against the publications, the runs still there, or
the manifests of later ones.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.decisions import DecidedUnit
from pipeline.errors import RunFailed
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from schemas.chain import GENESIS, append_to_chain, cut_torn_line, read_chain

FILE = "history.ndjson"
RUN, PRUNED = "run", "pruned"
_TOTALS = (
    "sources",
    "shards",
    "records_read",
    "rejected",
    "quarantined_shards",
    "documents",
    "bytes",
    "violations",
    "admitted_documents",
    "admitted_violations",
)
_SOURCE = (
    "source_id",
    "documents",
    "violations",
    "violation_rate",
    "candidate_rate",
    "rate_low",
    "rate_high",
    "status",
    "needs_review",
    "admitted_documents",
)
_HEADS = ("rounds_head", "review_heads")  # of a manifest: where the rounds and their reviews stood at its publication
_WORK = ("units", "units_scanned", "documents_scanned", "units_decided", "records_read", "rejected")


@dataclass(frozen=True)
class Heads:
    """Where the register of rounds, and the log of each review that went on, stood when a run was published."""

    run_id: str
    rounds: str
    reviews: Mapping[str, str]


def work(units: Iterable[DecidedUnit]) -> dict[str, dict[str, int]]:
    """For the manifest, by source: its records, and how much of it the run had to scan and decide anew."""
    sources: dict[str, dict[str, int]] = {}
    for decided in units:
        scanned = decided.scanned
        counts = sources.setdefault(decided.source_id, dict.fromkeys(_WORK, 0))
        counts["units"] += 1
        counts["units_scanned"] += bool(scanned.built)
        counts["documents_scanned"] += scanned.rows if scanned.built else 0
        counts["units_decided"] += decided.built
        counts["records_read"] += sum(ledger.records_read for ledger in scanned.ledgers)
        counts["rejected"] += sum(ledger.rejected for ledger in scanned.ledgers)
    return sources


def head(output: Output) -> str:
    """Hash of the last record."""
    records, _ = read_chain(output.folder / FILE)
    return str(records[-1].get("sha256")) if records else GENESIS


def catch_up(output: Output) -> None:
    """Appends the records of published runs that have none yet. The caller holds the folder. Raises RunFailed."""
    path = output.folder / FILE
    cut_torn_line(path)
    records, broken = read_chain(path)
    if broken:
        raise RunFailed("历史记录被改动，不再写入 / the history was changed; nothing is written:\n" + "\n".join(broken))
    append_to_chain(path, _missing(output, records))


def record_pruned(output: Output, run_ids: Sequence[str]) -> None:
    """Records, before they are removed, that these runs are. The caller holds the folder."""
    append_to_chain(output.folder / FILE, [{"event": PRUNED, "run_id": run_id} for run_id in run_ids])


def pruned(output: Output) -> frozenset[str]:
    """The runs on record as pruned."""
    return frozenset(
        str(record.get("run_id")) for record in read_chain(output.folder / FILE)[0] if record.get("event") == PRUNED
    )


def runs(output: Output) -> list[dict[str, Any]]:
    """The records of all published runs, oldest first, also where one is not written yet."""
    records, _ = read_chain(output.folder / FILE)
    return [record for record in (*records, *_missing(output, records)) if record.get("event") == RUN]


def heads(output: Output) -> list[Heads]:
    """Of every run that was published with rounds, also of those that were pruned: by its manifest and by its record."""
    found = [record for record in read_chain(output.folder / FILE)[0] if record.get("event") == RUN]
    for folder in sorted(output.runs.glob("[!.]*")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # a damaged run: told with its files
            found.append({"run_id": folder.name, **_heads(Run(folder).manifest)})
    told = [(record, record.get("rounds_head", GENESIS), record.get("review_heads", {})) for record in found]
    return [
        Heads(str(record.get("run_id")), str(register), reviews if isinstance(reviews, dict) else {})
        for record, register, reviews in told
        if register != GENESIS or reviews
    ]


def problems(output: Output) -> list[str]:
    """Every contradiction between the history, the publications and the runs still there."""
    path = output.folder / FILE
    records, found = read_chain(path)
    published = {record["run_id"]: record for record in read_chain(output.publications)[0]}
    gone = {record.get("run_id") for record in records if record.get("event") == PRUNED}
    told: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        run_id = str(record.get("run_id"))
        if run_id not in published:
            found.append(f"{path}:{number}: {run_id}: 没有发布过这个运行 / no such run was published")
        elif record.get("event") == RUN:
            if run_id in told or record.get("manifest_sha256") != published[run_id]["manifest_sha256"]:
                found.append(f"{path}:{number}: {run_id}: 与发布记录不符 / differs from its publication")
            told[run_id] = number
    heads = {GENESIS: 0} | {str(record.get("sha256")): number for number, record in enumerate(records, start=1)}
    for run_id in published:
        there = (output.runs / run_id).is_dir()
        if not there and run_id not in gone:
            found.append(
                f"{run_id}: 运行文件夹缺失，也未记为已清理 / the folder of the run is gone, and not on record as pruned"
            )
        if run_id not in told and (not there or run_id in gone):
            found.append(f"{path}: {run_id}: 缺少这个运行的记录 / the record of this run is missing")
        if there and run_id not in gone:
            found += _against_run(Run(output.runs / run_id), records, told.get(run_id), heads)
    return found


def _against_run(run: Run, records: list[dict[str, Any]], number: int | None, heads: dict[str, int]) -> list[str]:
    """What the record of a run still there contradicts, and whether the chain holds what was its head then."""
    run_id, found = run.folder.name, []
    try:
        if number is not None and _content(records[number - 1]) not in _entries(run):
            found.append(f"{FILE}:{number}: {run_id}: 与该运行的结果不符 / differs from what the run came to")
        before = run.manifest.get("history_head")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return [f"{run_id}: 读不了 / cannot be read: {type(error).__name__}: {error}"]
    if before is not None and heads.get(before, len(records) + 1) >= (number or len(records) + 1):
        found.append(
            f"{FILE}: {run_id}: 缺少该运行发布前的最后一条记录 / the record that was last before this run is missing"
        )
    return found


def entry(run: Run) -> dict[str, Any]:
    """The record of a published run: its numbers, and what computing them took."""
    manifest, result = run.manifest, run.result
    spent = manifest.get("work", {})
    return {
        "event": RUN,
        "run_id": run.folder.name,
        "manifest_sha256": sha256_file(run.folder / "manifest.json"),
        "started_at": manifest["started_at"],
        "finished_at": manifest["finished_at"],
        "software_version": manifest["software_version"],
        "ruleset_sha256": manifest["ruleset_sha256"],
        "profile": manifest["profile"]["id"],
        "maximum": manifest["profile"]["source_rate"]["maximum"],
        **_heads(manifest),
        "totals": {key: result["totals"][key] for key in _TOTALS},
        "sources": [
            {key: row[key] for key in _SOURCE} | {key: spent.get(row["source_id"], {}).get(key) for key in _WORK}
            for row in result["sources"]
        ],
    }


def _heads(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """For the record, which outlives the run: a roll-back would be hidden by pruning it. Nothing without rounds."""
    told = {key: manifest[key] for key in _HEADS if key in manifest}
    return told if told.get("rounds_head", GENESIS) != GENESIS or told.get("review_heads") else {}


def _entries(run: Run) -> tuple[dict[str, Any], ...]:
    """The records a run may have: earlier versions left out where the rounds stood, which its manifest tells as well."""
    full = entry(run)
    return full, {key: value for key, value in full.items() if key not in _HEADS}


def _missing(output: Output, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    told = {record.get("run_id") for record in records}
    made = []
    for record in read_chain(output.publications)[0]:
        if record["run_id"] not in told and (output.runs / record["run_id"]).is_dir():
            with contextlib.suppress(OSError, ValueError, LookupError):  # a damaged run: `verify` names its files
                made.append(entry(Run(output.runs / record["run_id"])))
    return made


def _content(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("previous", "sha256")}
