"""Reads documents chosen at random from the corpus again and compares them with what was audited.

Where the shards lie and how they are read is what the verifier's own configuration says; a bundle names no file to open.
"""

import json
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config import load_config
from pipeline.database import quoted
from pipeline.errors import RunFailed
from pipeline.plan import make_plan
from pipeline.store.output import Run, write_json
from pipeline.terminal.opening import open_audit
from report.evidence.workspace import open_workspace
from rounds.samples import Document
from rounds.texts import Missing, Scratch, read_texts

_COLUMNS = ("doc_id", "shard", "row", "source_id", "bucket", "stage", "content_hash")
_LISTED = ", ".join(f'"{name}"' for name in _COLUMNS)
_PLAIN = _LISTED.replace('"stage"', 'NULL AS "stage"')
_SAMPLED = (
    f"SELECT {_LISTED} FROM round.items_drawn WHERE kind = 'sample' UNION SELECT {_PLAIN} FROM audit.manual_sample "
    f"UNION SELECT {_PLAIN} FROM audit.technical_sample"
)


@dataclass(frozen=True)
class Look:
    """A look into the corpus that is wanted: by whose configuration, at how many documents, chosen by which seed."""

    config: Path
    documents: int
    seed: str

    @classmethod
    def of(cls, config: Path, documents: int, seed: str | None) -> "Look":
        """Without a seed one nobody could know beforehand is taken; it is printed, so that the look can be repeated."""
        return cls(config, documents, seed or secrets.token_hex(8))


@dataclass(frozen=True)
class Seen:
    """What a look found: how many documents there are to choose from, how many were read, and each that differs."""

    population: int
    read: int
    seed: str
    differ: tuple[Missing, ...]

    @property
    def told(self) -> str:
        """In a line."""
        agreed = self.read - len(self.differ)
        return (
            f"对照语料抽查 / against the corpus: {self.population:,} 条中随机 {self.read:,} 条，相符 {agreed:,} 条 / {agreed:,} of {self.read:,} "
            f"documents agree（seed {self.seed}）"
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """The documents that differ."""
        return tuple(
            f"{one.document.doc_id}（{one.document.shard}#{one.document.row}）: {one.reason}" for one in self.differ
        )


def look_into_bundle(evidence: Path, look: Look) -> Seen:
    """Documents among the sample ids of an evidence folder. Raises UsageError for a bad configuration."""
    with open_workspace(evidence) as workspace:
        # an id drawn for several samples is one document
        once = f'SELECT DISTINCT ON (source_id, shard, "row", content_hash) * FROM ({_SAMPLED}) ORDER BY ALL'
        population, chosen = _choose(workspace.connection, once, look)
    return _look(json.loads((evidence / "record" / "manifest.json").read_bytes()), population, chosen, look)


def look_into_run(run: Run, look: Look) -> Seen:
    """Documents among all of a run."""
    with open_audit(run) as sql:
        population, chosen = _choose(sql, f"SELECT {_LISTED} FROM documents", look)
    return _look(run.manifest, population, chosen, look)


def _choose(sql: Any, documents: str, look: Look) -> tuple[int, list[Document]]:
    (population,) = sql.execute(f"SELECT count(*) FROM ({documents})").fetchall()[0]
    key = f"sha256({quoted(look.seed)} || chr(10) || doc_id || chr(10) || content_hash)"
    rows = sql.execute(
        f'SELECT {_LISTED} FROM ({documents}) ORDER BY {key}, doc_id, shard, "row" LIMIT {look.documents}'
    ).fetchall()
    return population, [Document(*row) for row in rows]


def _look(manifest: Mapping[str, Any], population: int, chosen: Iterable[Document], look: Look) -> Seen:
    wanted = list(chosen)
    with tempfile.TemporaryDirectory() as scratch:
        run = _run_here(manifest, look, Path(scratch))
        there = {(entry["source_id"], entry["shard"]) for entry in run.manifest["shards"]}
        gone = [one for one in wanted if (one.source_id, one.shard) not in there]
        with Scratch(Path(scratch) / "texts.sqlite") as texts:
            differ = read_texts(run, [one for one in wanted if (one.source_id, one.shard) in there], texts)
    told = f"{look.config} 中没有这个分片 / names no such shard"
    return Seen(
        population, len(wanted), look.seed, tuple(sorted([*differ, *(Missing(one, told) for one in gone)], key=_place))
    )


def _place(one: Missing) -> tuple[str, str, int]:
    return one.document.place


def _run_here(manifest: Mapping[str, Any], look: Look, folder: Path) -> Run:
    """The run's shards where the configuration has them, cut as the run cut them."""
    config = load_config(look.config)
    audited = {(entry["source_id"], entry["shard"]): entry for entry in manifest["shards"]}
    shards = {
        (unit.source.id, member.shard.name): member.shard
        for unit in make_plan(config, allow_missing=True).units
        for member in unit.members
    }
    if not shards.keys() & audited.keys():
        raise RunFailed(
            f"{look.config}: 没有一个分片是审计过的 / none of its shards was audited: is this the configuration of the run?"
        )
    entries = [
        {**audited[key], "url": shard.url, "bytes": shard.size, "version": shard.version}
        for key, shard in sorted(shards.items())
        if key in audited
    ]
    sources = [source.model_dump(mode="json") for source in config.sources]
    content = {"sources": sources, "limits": config.limits.model_dump(mode="json")}
    write_json(folder / "manifest.json", {"config": content, "shards": entries})
    return Run(folder)
