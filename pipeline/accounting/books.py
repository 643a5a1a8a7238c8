"""The books of a run: every record read is audited or rejected, by shard and in total, or the run fails."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.accounting.accounts import Item, Tally
from pipeline.accounting.profile_standing import KEY, standing
from pipeline.accounting.review import undecided_sources
from pipeline.accounting.statistics import below_floor, rate
from pipeline.database import count_rows, result_files
from pipeline.decisions import DecidedUnit
from pipeline.drawing.samples import sizes
from pipeline.errors import RunFailed
from pipeline.scan import Quarantined
from pipeline.store.scans import sha256_file
from schemas.database import SCHEMA_VERSION
from schemas.policy import Policy, is_bundled
from schemas.profile import Profile, may_pass
from schemas.scorers import ConfirmSettings
from schemas.sources import SourceRecord
from transforms.confirm import Usage


def ledger(units: Sequence[DecidedUnit]) -> list[dict[str, Any]]:
    """One row a shard: the sums over its parts. A shard that was set aside is incomplete."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}

    def row(source_id: str, shard: str) -> dict[str, Any]:
        empty = {"records_read": 0, "audited": 0, "rejected": 0, "complete": True, "sha256": None}
        return rows.setdefault((source_id, shard), {"source_id": source_id, "shard": shard, **empty})

    for decided in units:
        scanned = decided.scanned
        for member, book in zip(scanned.unit.members, scanned.ledgers, strict=True):
            entry = row(scanned.unit.source.id, member.shard.name)
            entry["records_read"] += book.records_read
            entry["audited"] += book.audited
            entry["rejected"] += book.rejected
            entry["complete"] &= book.complete
            if member.parts == 1:
                entry["sha256"] = book.sha256
        for shard in scanned.quarantined:
            row(shard.source_id, shard.shard)["complete"] = False
    return [rows[key] for key in sorted(rows)]


def quarantined(units: Sequence[DecidedUnit]) -> list[Quarantined]:
    """The shards that were set aside, each once, with what went wrong first."""
    found: dict[tuple[str, str], Quarantined] = {}
    for shard in sorted(
        (shard for decided in units for shard in decided.scanned.quarantined),
        key=lambda shard: (
            shard.reason == "incomplete_shard",
            shard.source_id,
            shard.shard,
            shard.reason,
            shard.detail,
        ),
    ):
        found.setdefault((shard.source_id, shard.shard), shard)
    return [found[key] for key in sorted(found)]


def shards(units: Sequence[DecidedUnit]) -> list[dict[str, Any]]:
    """Fingerprints of all shards for the manifest, with the digest of every part that was read."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for decided in units:
        scanned = decided.scanned
        for member, book in zip(scanned.unit.members, scanned.ledgers, strict=True):
            shard = member.shard
            entry = found.setdefault(
                (scanned.unit.source.id, shard.name),
                {
                    "source_id": scanned.unit.source.id,
                    "shard": shard.name,
                    "url": shard.url,
                    "bytes": shard.size,
                    "version": shard.version,
                    "parts": [],
                },
            )
            entry["parts"].append({"start": member.start, "stop": member.stop, "sha256": book.sha256})
    return [found[key] for key in sorted(found)]


def must_balance(rows: Sequence[dict[str, Any]], tally: Tally, run: Path) -> None:
    """Compares the ledger with itself and with the documents about to be published. Raises RunFailed naming shards.

    By shard they were counted when they were summed up (`tally`), in total they are by the files themselves.
    """
    counted = defaultdict(int, {(i.source_id, i.group): count for i, count in tally.items() if i.table == "shard"})
    wrong = [
        f"{row['source_id']}/{row['shard']}: 读到 / read {row['records_read']}, 审计 / audited {row['audited']}, 拒收 / rejected "
        f"{row['rejected']}, 文档 / documents {counted[row['source_id'], row['shard']]}"
        for row in rows
        if row["records_read"] != row["audited"] + row["rejected"]
        or row["audited"] != counted[row["source_id"], row["shard"]]
    ]
    extra = sorted(set(counted) - {(row["source_id"], row["shard"]) for row in rows})
    wrong += [f"{source}/{shard}: 不在台账中 / not in the ledger" for source, shard in extra]
    published = count_rows(result_files(run, "documents"))
    if published != sum(counted.values()):
        wrong.append(f"文档文件共 / files of documents hold {published}, 计得 / counted {sum(counted.values())}")
    if wrong:
        raise RunFailed("账目不平，未发布 / the books do not balance, nothing was published:\n" + "\n".join(wrong[:20]))


@dataclass(frozen=True)
class Terms:
    """What a run was asked: declared sources, profile, policy, and the size of the manual sample."""

    sources: tuple[SourceRecord, ...]
    profile: Profile
    policy: Policy
    manual: int
    confirm: dict[str, Any] | None = None  # what `confirmed` says of the run

    @property
    def custom(self) -> bool:
        """Whether the run is not one under a profile that may pass with its full sample: such output never passes."""
        return self.manual < self.profile.manual.minimum or not may_pass(self.profile)


def confirmed(settings: ConfirmSettings | None, usage: Usage, known: Usage) -> dict[str, Any] | None:
    """What a confirming scorer was asked and what that took, for the manifest; None where there is none.

    `usage` is of documents, `known` of the known-answer texts; requests, tokens and cost are those of both.
    """
    if settings is None:
        return None
    total = Usage()
    for part in (usage, known):
        total.add(part)
    return {
        "kind": settings.kind,
        "scope": settings.scope,
        "asked": usage.asked,
        "cached": usage.cached,
        "unscored": dict(sorted(usage.unscored.items())),
        "known_answers": {"asked": known.asked, "unscored": sum(known.unscored.values())},
        **{key: vars(total)[key] for key in ("requests", "tokens", "cost")},
    }


def unanswered(manifest: dict[str, Any]) -> int:
    """How many texts the confirming scorer gave a run no answer for: the next run asks again."""
    told = manifest.get("confirm")
    return sum(told["unscored"].values()) + told["known_answers"]["unscored"] if told else 0


def result(
    terms: Terms, tally: Tally, rows: dict[str, list[dict[str, Any]]], run: Path, quarantined: int
) -> dict[str, Any]:
    """The content of result.json: numbers only, equal for equal input, however and wherever it ran."""

    def total(unit: str, phase: str = "collected") -> int:
        return sum(tally[Item("source", source.id, "", phase, unit)] for source in terms.sources)

    books_rows = rows["ledger"]
    (qualified, technical), manual = sizes(run / "samples")
    passing, of = terms.profile.technical.passing
    reject_rows = sum(row["rejected"] for row in books_rows)
    complete = all(row["complete"] for row in books_rows)
    blacklisted = sorted(row["source_id"] for row in rows["source_stats"] if row["status"] == "blacklisted")
    missing = sorted(row["source_id"] for row in rows["sources"] if not row["provenance_complete"])
    open_clauses = sorted(row["clause"] for row in rows["clauses"] if row["verdict"] not in ("符合", "不适用"))
    return {
        "schema_version": SCHEMA_VERSION,
        "profile": terms.profile.id,
        "custom_profile": terms.custom,
        "custom_policy": not is_bundled(terms.policy),
        KEY: standing(terms.profile),
        "totals": {
            "sources": len(terms.sources),
            "shards": len(books_rows),
            "records_read": sum(row["records_read"] for row in books_rows),
            "audited": sum(row["audited"] for row in books_rows),
            "rejected": reject_rows,
            "books_complete": complete,
            "quarantined_shards": quarantined,
            "documents": total("documents"),
            "bytes": total("bytes"),
            "chars": total("chars"),
            "violations": total("violations"),
            "admitted_documents": total("documents", "admitted"),
            "admitted_bytes": total("bytes", "admitted"),
            "admitted_violations": total("violations", "admitted"),
        },
        "confirm": _confirm(terms),
        "sources": rows["source_stats"],
        "buckets": rows["bucket_stats"],
        "risks": rows["risk_stats"],
        "personal_information": rows["pii_stats"],
        "personal_information_basis": rows["pii_basis"],
        "rights_indicators": rows["rights_stats"],
        # documents read in full to check the gate; a finding it hid ends the run, so none was hidden in these
        "personal_information_gate": {"documents": total("documents"), "checked": total("pii_checked")},
        "blacklisted": blacklisted,
        "blacklisted_domains": sorted(
            row["source_key"] for row in rows["blacklist"] if row["active"] and row["scope"] == "domain"
        ),
        "samples": {
            "population": total("documents", "admitted"),
            "manual": {"size": manual, "sha256": sha256_file(run / "samples" / "manual.parquet")},
            "technical": {
                "size": technical,
                "qualified": qualified,
                "qualified_rate": rate(qualified, technical),
                "sha256": sha256_file(run / "samples" / "technical.parquet"),
            },
        },
        "known_answers": {
            "texts": sum(row["texts"] for row in rows["known_answers"]),
            "found": sum(row["found"] for row in rows["known_answers"]),
            "below_floor": below_floor(rows["known_answers"]),
            "unscored": sum(row["unscored"] for row in rows["known_answers"]),
        },
        "clauses": {row["clause"]: row["verdict"] for row in rows["clauses"]},
        "gates": {
            "blacklist": not blacklisted and not undecided_sources(rows["source_stats"]),
            "technical": technical > 0
            and qualified * of >= passing * technical
            and not below_floor(rows["known_answers"]),
            "manual": False,
            "rejects": reject_rows == 0 and complete,
            "provenance": not missing,
            "clauses": not open_clauses,
        },
    }


def _confirm(terms: Terms) -> dict[str, Any] | None:
    """Of confirming what depends neither on earlier runs nor on timing; the rest stands in the manifest."""
    told = terms.confirm
    if told is None:
        return None
    return {**{key: told[key] for key in ("kind", "scope", "asked")}, "unscored": sum(told["unscored"].values())}
