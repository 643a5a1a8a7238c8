"""What a round's results need besides its own tables: facts of the published run it stands on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.database import connect, parquet_list, quoted, result_files
from pipeline.errors import RunFailed
from pipeline.origins.lawful_basis import not_looked_into
from pipeline.store.output import Run
from rounds.agreement import Row
from rounds.tables import SAMPLE
from schemas.profile import Profile
from schemas.sources import APART
from transforms.classifier import TRAINED_ON_FILE

# reasons for review that judging a sample of the source does not answer: its frame or its identity is in doubt
UNANSWERED = frozenset({"copies_change_the_rate", "books_incomplete", "suspected_rename"})


@dataclass(frozen=True)
class SourceFacts:
    """A source in the run: whether it is admitted, its documents before filtering, and reasons that stay open."""

    admitted: bool
    documents: int
    machine_violations: int
    version: str
    open_reasons: tuple[str, ...]
    apart: bool = False  # of a stage listed apart (schemas/sources.py)


@dataclass(frozen=True)
class RunFacts:
    """The run a round was frozen from."""

    run_id: str
    profile: Profile
    ruleset_sha256: str
    sources: dict[str, SourceFacts]
    personal: dict[str, int]  # documents by the level the machine gave them, of everything collected
    unlooked: int  # documents the detector of personal information failed on
    folder: Path


@dataclass(frozen=True)
class Tables:
    """The four tables of a round as rows, in order (rounds/tables.py)."""

    items: list[Row]
    machine: list[Row]
    readings: list[Row]
    finals: list[Row]

    @classmethod
    def of(cls, folder: Path, readings: pa.Table, finals: pa.Table) -> "Tables":
        """What was drawn, from the round's folder, with the judgements given."""
        items, machine = _rows(folder / "items.parquet"), _rows(folder / "machine.parquet")
        return cls(items, machine, readings.to_pylist(), finals.to_pylist())

    @classmethod
    def of_closed(cls, folder: Path) -> "Tables":
        """All four from the folder of a closed round."""
        return cls(*(_rows(folder / f"{name}.parquet") for name in ("items", "machine", "readings", "finals")))


def run_facts(run: Run) -> RunFacts:
    """Reads the run's manifest and database. Raises RunFailed where the run is gone."""
    if not (run.folder / "audit.duckdb").is_file():
        raise RunFailed(
            f"{run.folder}: 轮次所依据的运行不在了，无法计算 / the run this round stands on is gone, nothing can be computed: restore it from "
            f"a copy"
        )
    manifest = run.manifest
    versions = manifest["source_versions"]
    with connect() as database:
        database.execute(f"ATTACH {quoted(str(run.folder / 'audit.duckdb'))} AS audit (READ_ONLY)")
        sources = database.execute(
            "SELECT source_id, status, documents, violations, review_reasons, stage FROM audit.source_stats ORDER BY source_id"
        ).fetchall()
        personal = database.execute(
            "SELECT level, sum(documents)::BIGINT FROM audit.pii_basis WHERE phase = 'collected' GROUP BY level"
        ).fetchall()
        files = result_files(run.folder, "documents")
        unlooked = (
            not_looked_into(lambda query: database.execute(query).fetchall(), parquet_list(files)) if files else 0
        )
    return RunFacts(
        run_id=manifest["run_id"],
        profile=Profile.model_validate(manifest["profile"]),
        ruleset_sha256=manifest["ruleset_sha256"],
        sources={
            name: SourceFacts(
                admitted=status == "admitted",
                documents=documents,
                machine_violations=violations,
                version=versions.get(name, ""),
                open_reasons=tuple(reason for reason in reasons if reason in UNANSWERED),
                apart=stage in APART,
            )
            for name, status, documents, violations, reasons, stage in sources
        },
        personal=dict(personal),
        unlooked=unlooked,
        folder=run.folder,
    )


def trained_items(run: Path, items: Sequence[Row]) -> frozenset[int]:
    """The items whose text had a part in training a model of the run, by the file that run published about it."""
    if not (run / TRAINED_ON_FILE).is_file():
        return frozenset()
    from models.from_review import without_trained  # with the classifier's tokeniser: slow to import
    from models.rows import Row as Labelled

    sampled = [row for row in items if row["kind"] == SAMPLE]
    texts = [Labelled("", "", frozenset(), row["text"], id=str(row["item_no"])) for row in sampled]
    return frozenset(row["item_no"] for row in sampled) - {int(row.id) for row in without_trained(run, texts)}


def _rows(path: Path) -> list[Row]:
    rows: list[Row] = pq.read_table(path, page_checksum_verification=True).to_pylist()
    return rows
