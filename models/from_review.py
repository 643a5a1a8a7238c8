"""Verdicts of closed rounds as labelled texts, and what keeps them from ever estimating the model they trained.

A model folder has `trained_on.json`: the rounds, and a digest of every text whose verdict had a part in the model (fitting,
calibration, thresholds or the figures of its card). `labels.json` carries the digest of that file, so that it cannot be
left out; runs publish a copy. What is in it is refused by `classifier eval` and left out of a round's estimates.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.fit import tokenise
from models.rows import Row
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from rounds.register import Round, find_round
from rounds.tables import QUALIFIED, SAMPLE, UNQUALIFIED
from schemas.loading import DocumentError
from transforms.classifier import LABELS_FILE, NONE, ModelError, known_risks, trained_on_file
from transforms.classifier import TRAINED_ON_FILE as FILE

_ROUND = re.compile(r"R[0-9]{4,}")
_COLUMNS = ["item_no", "kind", "doc_id", "content_hash", "text"]

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RoundUsed(BaseModel):
    """A round whose verdicts trained a model, and the run it was frozen from."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    round: str
    run_id: str


class TrainedOn(BaseModel):
    """`trained_on.json`. Two texts the classifier reads alike are one to it, so both kinds of digest are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rounds: list[RoundUsed]
    content_hashes: list[_Digest]  # sha256 of the text, sorted
    read_alike: list[_Digest]  # sha256 of the text as the classifier reads it, sorted

    def content(self) -> bytes:
        """The bytes of the file."""
        return (json.dumps(self.model_dump(), ensure_ascii=False, indent=1) + "\n").encode()

    @property
    def sha256(self) -> str:
        """Digest of the file, which `labels.json` carries."""
        return hashlib.sha256(self.content()).hexdigest()

    def note(self) -> str:
        """A line for the model card."""
        rounds = ", ".join(f"{used.round} (run {used.run_id})" for used in self.rounds)
        return (
            f"Verdicts on {len(self.content_hashes):,} texts of closed rounds had a part in this model: {rounds}. They are listed"
            f" in `{FILE}` and never estimate this model again."
        )


@dataclass(frozen=True)
class Reviewed:
    """The labelled texts of closed rounds, and how many verdicts were left out, by reason."""

    rows: Sequence[Row]
    rounds: Sequence[RoundUsed]
    left_out: Counter[str]

    def trained_on(self) -> TrainedOn:
        """What the model is trained on once these rows are among its data."""
        texts = [row.text for row in self.rows]
        return TrainedOn(
            rounds=list(self.rounds),
            content_hashes=sorted({content_hash(text) for text in texts}),
            read_alike=sorted(set(_alike(texts)) - {""}),
        )


def content_hash(text: str) -> str:
    """sha256 of a text as UTF-8, as documents have it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_reviews(wanted: Iterable[str]) -> Reviewed:
    """The rows of `OUT` (its latest round) or `OUT:R0001`, each closed.

    Raises:
        DocumentError: a round is not closed, or its files are not those the register names.
        UsageError, RunFailed: there is no such output or round, or the register was changed.
    """
    rows: list[Row] = []
    rounds: list[RoundUsed] = []
    left_out: Counter[str] = Counter()
    seen: set[Path] = set()
    for place in wanted:
        folder, number = _split(place)
        output = Output(folder)
        output.must_exist()
        found = find_round(output, number)
        if found.folder.resolve() not in seen:  # named twice, or by number and as the latest
            seen.add(found.folder.resolve())
            rows += _rows(found, left_out)
            rounds.append(RoundUsed(round=found.id, run_id=found.run_id))
    return Reviewed(rows, rounds, left_out)


def _split(place: str) -> tuple[Path, str | None]:
    """The folder and, behind a colon, the round; a colon may also be part of a folder's name."""
    folder, _, number = place.rpartition(":")
    return (Path(folder), number) if folder and _ROUND.fullmatch(number) else (Path(place), None)


def _rows(round: Round, left_out: Counter[str]) -> list[Row]:
    """One row an item of the corpus that is decided; the text stands for itself, whatever samples it was in."""
    if round.drawn is None or round.closed is None:
        raise DocumentError(
            str(round.folder),
            [
                f"{round.id} 尚未关闭（{round.state}）；先 round close / not closed ({round.state}): verdicts train once it is"
            ],
        )
    files = {"items.parquet": round.drawn["items_sha256"], "finals.parquet": round.closed["finals_sha256"]}
    for name, digest in files.items():
        if not (round.folder / name).is_file() or sha256_file(round.folder / name) != digest:
            raise DocumentError(
                str(round.folder / name),
                ["缺失或与登记簿不符 / missing, or not the file the register names: restore it"],
            )
    finals = {row["item_no"]: row for row in pq.read_table(round.folder / "finals.parquet").to_pylist()}
    rows = []
    with pq.ParquetFile(round.folder / "items.parquet") as items:
        for batch in items.iter_batches(256, columns=_COLUMNS):
            for item in batch.to_pylist():
                final = finals.get(item["item_no"])
                if item["kind"] != SAMPLE or final is None:
                    left_out["不是语料或未判定 / no item of the corpus, or undecided"] += 1
                    continue
                labels = _labels(final["verdict"], final["risks"])
                if labels is None or not item["text"].strip():
                    left_out["无法判定、无风险或空文本 / unclear, without a risk, or empty"] += 1
                    continue
                rows.append(Row(f"review-{round.id}", "", labels, item["text"], id=item["doc_id"] or ""))
    return rows


def _labels(verdict: str, risks: Sequence[str]) -> frozenset[str] | None:
    """The labels a verdict gives; None where it teaches nothing."""
    if verdict == QUALIFIED:
        return frozenset({NONE})
    found = frozenset(risks) & known_risks()
    return found if verdict == UNQUALIFIED and found else None


def trained_on(folder: Path) -> frozenset[str]:
    """Content hashes of the texts whose verdicts trained the model of a model folder, or of a run.

    Raises:
        ModelError: the file is damaged, or is not the one the model's `labels.json` names.
    """
    found = read_trained_on(folder)
    return frozenset(found.content_hashes) if found is not None else frozenset()


def read_trained_on(folder: Path) -> TrainedOn | None:
    """`trained_on.json` of a folder; None for a model that no verdict trained. Raises ModelError."""
    path = folder / FILE
    if (folder / LABELS_FILE).exists():
        trained_on_file(folder)
    try:
        return TrainedOn.model_validate_json(path.read_bytes()) if path.exists() else None
    except OSError as error:
        raise ModelError(f"{path}: 无法读取 / cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise ModelError(f"{path}: 内容有误 / not what it should be: {error.errors()[0]['msg']}; restore it") from None


def write_trained_on(model: Path, used: TrainedOn | None) -> None:
    """Writes `trained_on.json` beside a model that was just trained, or removes that of the model it replaces."""
    if used is None:
        (model / FILE).unlink(missing_ok=True)
    else:
        (model / FILE).write_bytes(used.content())


def without_trained(model: Path, rows: Sequence[Row]) -> list[Row]:
    """The rows whose text had no part in the model, by the text itself or as the classifier reads it. Raises ModelError."""
    found = read_trained_on(model)
    if found is None:
        return list(rows)
    hashes, alike = set(found.content_hashes), set(found.read_alike)
    read = _alike([row.text for row in rows])
    return [
        row for row, key in zip(rows, read, strict=True) if content_hash(row.text) not in hashes and key not in alike
    ]


def _alike(texts: Sequence[str]) -> list[str]:
    """A digest of what the classifier reads of each text; empty where it reads nothing."""
    read = [" ".join(lines) for lines in tokenise(texts)]
    return [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if text else "" for text in read]
