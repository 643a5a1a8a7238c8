"""From an evidence folder alone: chains, and every table of `record` that follows from them and the manifest, made again."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.store.scans import sha256_file
from report.checking.comparison import brief, table_differences
from report.evidence import layout
from report.evidence.chains import CHAINS, Chains, heads_of
from report.evidence.extract import table_of
from report.evidence.library import keyword_rows, library_of_rows
from report.evidence.records import derived_rows
from report.evidence.round_rows import rounds_of
from report.evidence.workspace import Workspace
from rounds.register import Round
from schemas.chain import read_chain
from schemas.profile import Profile, may_pass

_FACTS = ("run_id", "seed", "software_version", "ruleset_sha256", "config_sha256", "started_at", "finished_at")
_COUNTS = ("documents", "bytes", "admitted", "masked", "not_admitted", "unmatched", "unread")
_SAMPLES = {"manual": "samples/manual.parquet", "technical": "samples/technical.parquet"}


class Records:
    """Manifest, profile and chains of an evidence folder."""

    def __init__(self, evidence: Path) -> None:
        self.folder = evidence / "record"
        self.manifest: Mapping[str, Any] = json.loads((self.folder / "manifest.json").read_bytes())
        self.profile = Profile.model_validate(self.manifest["profile"])
        read = {name: read_chain(self.folder / f"{name}.ndjson") for name in CHAINS}
        self.chains = Chains({name: records for name, (records, _) in read.items()})
        self.problems = [problem for _, problems in read.values() for problem in problems]

    @property
    def round(self) -> Round | None:
        """The round reported on, as the register tells; None for a rehearsal."""
        path = self.folder / "round_result.json"
        if not path.is_file():
            return None
        name = json.loads(path.read_bytes())["round"]
        return next(one for one in rounds_of(self.chains["register"]) if one.id == name)


def chains(records: Records) -> Iterator[str]:
    """The chains, their heads, and the digests they hold of what lies beside them."""
    yield from records.problems
    if json.loads((records.folder / "heads.json").read_bytes()) != heads_of(records.chains):
        yield "heads.json: 不是各链的末端 / are not the heads of the chains"
    digest, run_id = sha256_file(records.folder / "manifest.json"), records.manifest["run_id"]
    published = {one["run_id"]: one["manifest_sha256"] for one in records.chains["publications"]}
    if published.get(run_id) != digest:
        yield f"manifest.json: 不是运行 {run_id} 发布时的 / is not the one run {run_id} was published with"
    for name in ("profile", "policy"):
        if json.loads((records.folder / f"{name}.json").read_bytes()) != records.manifest[name]:
            yield f"{name}.json: 与 manifest 不符 / differs from the manifest"
    found = records.round
    if found is None:
        return
    assert found.closed is not None, found.id
    if sha256_file(records.folder / "round_result.json") != found.closed["result_sha256"]:
        yield f"{found.id}: 结果不是登记的 / its result is not the one on record"
    if (found.run_id, found.opened["manifest_sha256"]) != (run_id, digest):
        yield f"{found.id}: 依据的不是这次运行 / stands on another run"


def tables(records: Records, workspace: Workspace) -> Iterator[str]:
    """Tables of `record`, row by row."""
    for name, rows in derived_rows(records.manifest, records.profile, records.chains).items():
        yield from _difference(workspace, name, rows)
    yield from _facts(records, workspace)
    rows = workspace.rows("FROM record.keywords")
    library, stated = library_of_rows(rows), records.manifest["versions"]["lexicon_sha256"]
    if library is not None and library.sha256 != stated:
        yield f"record.keywords: 不是本次运行的关键词库 / is not the library of the run: {stated[:12]}…"
    if library is not None:
        yield from _difference(workspace, "keywords", keyword_rows(library, records.profile))
    files = {row["file"]: row["sha256"] for row in workspace.rows("FROM record.files WHERE \"of\" = 'run'")}
    if files != {name: told["sha256"] for name, told in records.manifest["files"].items()}:
        yield "record.files: 与 manifest 不符 / differ from the manifest"
    for row in workspace.rows("FROM record.samples"):
        if row["sha256"] != records.manifest["files"].get(_SAMPLES[row["sample"]], {}).get("sha256"):
            yield f"record.samples: {row['sample']} 的摘要不是 manifest 所记 / its digest is not that of the manifest"
    yield from _training(records, workspace)


def _facts(records: Records, workspace: Workspace) -> Iterator[str]:
    manifest, profile, found = records.manifest, records.profile, records.round
    expected = {
        **{name: manifest[name] for name in _FACTS},
        "round": found.id if found is not None else None,
        "rehearsal": found is None,
        "may_pass": may_pass(profile),
        "profile": profile.id,
        "profile_sha256": profile.sha256,
        "policy": manifest["policy"]["id"],
        "policy_sha256": manifest["policy"]["sha256"],
        "manifest_sha256": sha256_file(records.folder / "manifest.json"),
        "lexicon_sha256": manifest["versions"]["lexicon_sha256"],
        "day": manifest["evidence"]["audit_date"],
        "blocked_lists": len(manifest["config"]["blocked"]),
        "quarantined_shards": len(manifest["quarantined"]),
    }
    rows = workspace.rows("FROM record.facts")
    if len(rows) != 1:
        yield f"record.facts: {len(rows)} 行，应为一行 / rows, should be one"
        return
    for name, value in expected.items():
        if rows[0][name] != value:
            yield f"record.facts {name}: 记载 / stated {brief(rows[0][name])}，重算 / recomputed {brief(value)}"


def _training(records: Records, workspace: Workspace) -> Iterator[str]:
    """Training manifests on record, their totals the sums of their files."""
    known = {str(one["sha256_of_file"]) for one in records.chains["training"]}
    sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in _COUNTS)
    counted = {
        row["name"]: row for row in workspace.rows(f"SELECT name, {sums} FROM record.training_files GROUP BY name")
    }
    for row in workspace.rows("FROM record.training"):
        if row["sha256"] not in known:
            yield f"record.training: {row['name']} 不在训练清单的登记中 / is not on record"
        own = counted.get(row["name"], {})
        for name in _COUNTS:
            if (row[name] or 0) != (own.get(name) or 0):
                yield f"record.training {row['name']}, {name}: 记载 / stated {row[name]}，各文件合计 / sum of its files {own.get(name)}"


def _difference(workspace: Workspace, name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    types = layout.columns()["record"][name]
    given = table_of(types, workspace.rows(f'FROM record."{name}"'))
    yield from (f"record.{name}: {told}" for told in table_differences(given, table_of(types, rows)))
