"""Makes every number of a run again from its documents, findings, rejects and samples, and names each difference.

The steps of `verify`, in order; each yields one line a difference.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from pipeline.config import AHEAD
from pipeline.verification import recompute_documents as documents
from pipeline.verification import recompute_instruments as instruments
from pipeline.verification import recompute_lists as lists
from pipeline.verification import recompute_numbers as numbers
from pipeline.verification.recomputation import Recomputation
from pipeline.verification.recompute_copies import copies
from pipeline.verification.recompute_emitted import emitted
from pipeline.verification.recompute_findings import findings
from pipeline.verification.recompute_personal import personal
from pipeline.verification.recompute_renames import renames
from schemas.database import tables
from schemas.policy import BUNDLED, is_bundled, load_policy
from schemas.profile import is_shipped, load_profile


def asked(data: Recomputation) -> Iterator[str]:
    """What the manifest says was asked agrees with itself, and with what ships under the same name."""
    config = data.manifest["config"]
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    if digest != data.manifest["config_sha256"]:
        yield "manifest.json config: 与其摘要不符 / does not have the digest it states"
    for key in ("seed", "sampling"):
        if config[key] != data.manifest[key]:
            yield f"manifest.json {key}: 与配置不符 / differs from the configuration"
    for key, told in (("profile", data.profile.sha256), ("policy", data.policy.sha256)):
        if config[f"{key}_sha256"] != told:
            yield f"manifest.json {key}: 与配置不符 / differs from the configuration"
    yield from _days(data)
    if is_shipped(data.profile) and load_profile(data.profile.id) != data.profile:
        yield "manifest.json profile: 与随附的同名口径不符 / differs from the shipped profile of this digest"
    if is_bundled(data.policy) and data.policy not in map(partial(load_policy, None), BUNDLED):
        yield "manifest.json policy: 与随附的策略不符 / differs from the bundled policy of this digest"
    shards = {(row["source_id"], row["shard"]) for row in data.stored("ledger")}
    aside = {(shard["source_id"], shard["shard"]) for shard in data.manifest["quarantined"]}
    if shards != set(data.parts) | aside:
        yield "manifest.json shards: 与台账不符 / differ from the ledger"


def _days(data: Recomputation) -> Iterator[str]:
    """The day of the audit is the configured one, or that on which the run began; it is none to come."""
    started, configured = _started(data), data.manifest["config"]["audit_date"]
    if data.audit_date.isoformat() != (configured or started.date().isoformat()):
        yield "manifest.json evidence.audit_date: 与配置或开始日期不符 / is neither the configured day nor that of the start"
    if data.audit_date > (started + timedelta(hours=AHEAD)).date():
        yield "manifest.json evidence.audit_date: 在运行开始之后 / is after the start of the run"


def _started(data: Recomputation) -> datetime:
    return datetime.fromisoformat(data.manifest["started_at"]).astimezone(UTC)


def database(data: Recomputation) -> Iterator[str]:
    """The tables loaded from Parquet hold what the files hold."""
    views = {name for (name,) in data.rows("SELECT view_name FROM duckdb_views() WHERE database_name = 'audit'")}
    for name, table in tables().items():
        if not table.from_result or name in views:
            continue
        listed = ", ".join(f'"{column.name}"' for column in table.columns)
        query = "SELECT count(*), coalesce(sum(hash(row({0}))::HUGEINT), 0) FROM {1}"
        if data.rows(query.format(listed, name)) != data.rows(query.format(listed, f"audit.{name}")):
            yield f"{name}: 数据库与 Parquet 不符 / the database differs from the Parquet files"
    info = data.stored("run_info")
    expected = {
        **{key: data.manifest[key] for key in ("run_id", "seed", "ruleset_sha256", "config_sha256", "schema_version")},
        "profile": data.profile.id,
        "software_version": data.manifest["software_version"],
        "started_at": _started(data).replace(tzinfo=None),
    }
    if len(info) != 1 or any(info[0][key] != value for key, value in expected.items()):
        yield "run_info: 与 manifest 不符 / differs from the manifest"
    for row in data.stored("ledger"):
        parts = data.parts.get((row["source_id"], row["shard"]), [])
        if row["sha256"] != (parts[0]["sha256"] if len(parts) == 1 else None):
            yield f"{row['source_id']}/{row['shard']}: 台账与 manifest 的分片摘要不符 / digests in ledger and manifest differ"


STEPS: tuple[tuple[str, Callable[[Recomputation], Iterator[str]]], ...] = (
    ("所依配置 / what was asked", asked),
    ("文档与发现一致 / documents agree with findings", documents.documents),
    ("台账 / ledger", numbers.ledger),
    ("疑似改名 / suspected renames", renames),  # first: statistics name them
    ("统计 / statistics", numbers.statistics),
    ("溯源 / provenance", lists.provenance),
    ("黑名单 / blacklist", lists.blacklist),
    ("准入 / admission", documents.admission),
    ("副本 / copies", copies),
    ("样本 / samples", lists.samples),
    ("数据库 / database", database),
    ("发现与规则 / findings and rules", findings),
    ("个人信息 / personal information", personal),
    ("写出的语料 / emitted corpora", emitted),
    ("词库 / keyword library", instruments.library),
    ("分类模型 / classifier", instruments.classifier),
    ("已知答案 / known answers", instruments.known_answers),
    ("复核模型 / confirming scorer", instruments.confirming),
    ("条款 / clauses", numbers.clauses),
)
