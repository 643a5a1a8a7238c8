"""Scores documents for the safety risks with a fastText model over single characters and words.

A document is read in windows (transforms/windows.py); each label keeps its best. A label's evidence in a window is how
much the model holds it for the likelier reading than `none`, the difference of their log odds, and its score that
evidence calibrated: about the share of texts so scored that show the risk, in the mixture the model was calibrated on.
Which score counts (the threshold) is policy and stays outside: the model's `labels.json` proposes thresholds, this stage
only drops what lies below `FLOOR`.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas import layers
from schemas.risks import risks
from transforms import normalise
from transforms.linear import LARGEST_MODEL, LinearModel
from transforms.normalise import normalised_blocks
from transforms.text import Offsets, TextBatch
from transforms.windows import MAX_WINDOWS, TOKENISER_VERSION, WINDOW, tokens, windows

VERSION = 2

GATE = 0.2  # of the model's own probability; below it a label is not considered, however unlikely `none` is too
FLOOR = 0.05  # of a score; below it a label is not stored
NONE = "none"
SILENT = 1.01  # the threshold of a label that is never raised: scores are rounded and reach 1
RECIPE_VERSION = 2  # of models/train.py; another one's thresholds and calibration mean something else

MODEL_FILE = "risk.bin"
LABELS_FILE = "labels.json"
TRAINED_ON_FILE = "trained_on.json"  # of a model that verdicts of reviews trained (models/from_review.py)
LARGEST_LABELS = 1 << 20  # bytes of labels.json

_LEAST_LOG_ODDS = math.log(FLOOR / (1 - FLOOR))
_LEAST_OWN = math.log(GATE / (1 - GATE))

Scores = npt.NDArray[np.float64]


class ModelError(ValueError):
    """A model folder cannot be used: which file, what is wrong with it, what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


_Count = Annotated[int, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Threshold = Annotated[float, Field(gt=0, le=SILENT)]


class Calibration(_Part):
    """A label's score is 1 / (1 + exp(-(slope * evidence + offset)))."""

    slope: Annotated[float, Field(gt=0)] = 1.0  # more evidence is never a lower score
    offset: float = 0.0


class Evidence(_Part):
    """What a label was learnt from, and how it does on texts held back."""

    strength: Literal["real", "weak", "none"]  # weak: from too few documents, or none at all
    documents: _Count = 0  # documents in real use
    approximate: _Count = 0  # of these: labelled by an interpretation of another scheme
    weak: _Count = 0  # texts written by the project, or made from templates
    held_back: _Count = 0  # texts the next two were measured on
    precision: _Share | None = None
    recall: _Share | None = None


class FalseAlarms(_Part):
    """Ordinary texts flagged with any label at the thresholds: the stated rate and what was found."""

    stated: _Share
    texts: _Count
    flagged: _Count
    low: _Share  # of the 95 % interval of the rate
    high: _Share


class Labels(_Part):
    """`labels.json` of a model folder."""

    version: Annotated[int, Field(ge=RECIPE_VERSION, le=RECIPE_VERSION)]
    tokeniser: int
    labels: dict[str, _Threshold]  # risk id to the threshold proposed for its score, SILENT: never
    name: str = ""
    licence: str = ""
    calibration: dict[str, Calibration] = {}
    evidence: dict[str, Evidence] = {}
    untrained: list[str] = []  # risks the model has no label for
    false_alarms: FalseAlarms | None = None
    bytes: _Count | None = None  # of the model file
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    trained_on: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None  # sha256 of trained_on.json, of verdicts


@lru_cache(maxsize=1)
def known_risks() -> frozenset[str]:
    """The risk ids of schemas/risks.yaml."""
    return frozenset(risks())


def read_labels(model_dir: Path) -> Labels:
    """The labels and proposed thresholds of a model folder, checked.

    Raises:
        ModelError: the file is missing, malformed, made by another recipe or for another tokeniser, names an unknown risk,
            or holds a number out of bounds (one message for all keys).
    """
    path = model_dir / LABELS_FILE
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LABELS + 1)
        if len(content) > LARGEST_LABELS:
            raise ModelError(f"{path}: 文件过大 / too large for a label file ({LARGEST_LABELS:,} bytes at most)")
        labels = Labels.model_validate_json(content)
    except OSError as error:
        raise ModelError(
            f"{path}: 无法读取 / cannot be read ({error.strerror}); a model folder holds it, see `classifier train`"
        ) from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ModelError(
            f"{path}: 标签文件有误，请复制原件或重新训练 / not a valid label file, copy or train it again: {problems}"
        ) from error
    if labels.tokeniser != TOKENISER_VERSION:
        raise ModelError(
            f"{path}: 分词版本不符，请重新训练 / made for tokeniser {labels.tokeniser}, this version has"
            f" {TOKENISER_VERSION}; train again"
        )
    _check_known(path, {*labels.labels, *labels.calibration, *labels.evidence, *labels.untrained})
    return labels


def trained_on_file(model_dir: Path) -> Path | None:
    """The file that lists the verdicts a model was trained on; None where `labels.json` names none.

    Raises:
        ModelError: it is missing, not the one `labels.json` names, or there though none is named.
    """
    path, named = model_dir / TRAINED_ON_FILE, read_labels(model_dir).trained_on
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
    except OSError as error:
        raise ModelError(f"{path}: 无法读取 / cannot be read: {error.strerror}") from None
    if digest != named:
        raise ModelError(
            f"{path}: 缺失或与 {LABELS_FILE} 不符，无法得知哪些结论训练过该模型 / missing, or not the one {LABELS_FILE} names: which "
            f"verdicts trained the model cannot be told; restore it, or train again"
        )
    return path if named is not None else None


def _check_known(path: Path, labels: set[str]) -> None:
    unknown = sorted(labels - known_risks() - {NONE})
    if unknown:
        raise ModelError(
            f"{path}: 未知的风险编号 / unknown risk ids {', '.join(unknown)}; use the ids of schemas/risks.yaml and `{NONE}`"
        )


def _model_digest(path: Path, labels: Labels) -> str:
    """The digest of the model file, which must be the one `labels` give where they give one."""
    try:
        stat = path.stat()
        if stat.st_size > LARGEST_MODEL:
            raise ModelError(f"{path}: 文件过大 / too large for a model ({LARGEST_MODEL:,} bytes at most)")
        digest = _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ModelError(
            f"{path}: 无法读取 / cannot be read ({error.strerror}); give a model folder with {MODEL_FILE} and {LABELS_FILE}"
        ) from error
    if labels.sha256 is None:  # fastText itself does not survive a damaged file
        raise ModelError(f"{path}: {LABELS_FILE} 没有 sha256 / has no sha256 of it; copy or train the model again")
    if labels.sha256 != digest:
        raise ModelError(
            f"{path}: 与标签文件不符 / does not match the sha256 in {LABELS_FILE}; copy or train the model again"
        )
    return digest


@lru_cache(maxsize=8)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=2)
def _load(path: Path, _digest: str) -> LinearModel:
    """The model, once a process: the digest is part of the key so that a changed file is read again."""
    try:
        model = LinearModel(path)
    except ValueError as error:
        raise ModelError(
            f"{path}: 不是可读的模型 / not a readable fastText model ({error}); copy or train it again"
        ) from error
    _check_known(path, set(model.labels))
    if NONE not in model.labels or len(model.labels) < 2:
        raise ModelError(
            f"{path}: 缺少标签 none 或风险标签 / needs the label `{NONE}` and at least one risk; train again"
        )
    return model


@dataclass(frozen=True)
class _Loaded:
    """A model with the calibration of its labels; `columns` are theirs in the model's output."""

    model: LinearModel
    labels: tuple[str, ...]
    columns: list[int]
    slope: Scores
    offset: Scores


@dataclass(frozen=True)
class _Evidence:
    """Labels that are considered in windows of a block: row of the document, column of the label, how strong it is.

    `start` and `end` are the window's in the document.
    """

    row: Offsets
    column: Offsets
    strength: Scores
    start: Offsets
    end: Offsets


class Classifier:
    """Stage: the risk scores of each document, by the model in a folder with `risk.bin` and `labels.json`."""

    name: ClassVar[str] = "classifier"
    schema: ClassVar[pa.Schema] = layers.CLASSIFIER

    def __init__(self, model_dir: Path) -> None:
        self.model_dir = Path(model_dir)

    def fingerprint(self) -> str:
        """Digest of this stage, the folding rules, the calibration and the model file, which is read when it changed.

        Raises:
            ModelError: the folder's files cannot be read or do not belong together.
        """
        labels = read_labels(self.model_dir)
        model = _model_digest(self.model_dir / MODEL_FILE, labels)
        calibration = {label: [c.slope, c.offset] for label, c in labels.calibration.items()}
        parts = [VERSION, TOKENISER_VERSION, WINDOW, MAX_WINDOWS, normalise.fingerprint(), calibration, model]
        parts += [labels.trained_on] if labels.trained_on else []  # the same scores, but other verdicts estimate them
        return hashlib.sha256(f"classifier/{json.dumps(parts, sort_keys=True)}".encode()).hexdigest()

    @cached_property
    def _loaded(self) -> _Loaded:
        labels = read_labels(self.model_dir)
        path = self.model_dir / MODEL_FILE
        digest = _model_digest(path, labels)
        model = _load(path, digest)
        trained = tuple(sorted(set(model.labels) - {NONE}))
        odd = sorted(set(labels.labels) ^ set(trained))
        if odd:
            raise ModelError(
                f"{path}: 标签与 {LABELS_FILE} 不一致 / its labels are not those of {LABELS_FILE}: {', '.join(odd)}"
            )
        calibration = [labels.calibration.get(label, Calibration()) for label in trained]
        slope, offset = np.array([c.slope for c in calibration]), np.array([c.offset for c in calibration])
        return _Loaded(model, trained, [model.labels.index(label) for label in trained], slope, offset)

    def check(self) -> None:
        """Reads all files of the folder. Raises ModelError where they cannot be read or do not belong together."""
        _ = self._loaded

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model but `none`, in the order of their ids."""
        return self._loaded.labels

    def __getstate__(self) -> dict[str, Any]:
        return {"model_dir": self.model_dir}

    def _read(self, batch: TextBatch) -> Iterator[_Evidence]:
        """By block, what the model holds likely enough to be considered."""
        loaded = self._loaded
        harmless = loaded.model.labels.index(NONE)
        for block, normalised in zip(batch.blocks, normalised_blocks(batch), strict=True):
            found = tokens(normalised)
            document, low, high = windows(found.starts)
            odds, known = loaded.model.odds(found, low, high)
            own = odds[:, loaded.columns]
            window, column = np.nonzero(own >= _LEAST_OWN)
            # of many windows one stands out by chance: the odds are shared among them
            chances = np.log(np.bincount(document, minlength=1)[document[window]])
            strength = known[window] * (own[window, column] - odds[window, harmless]) - chances
            document, low, high = document[window], low[window], high[window]
            start = normalised.origin[found.first[low]] - block.starts[document]
            end = normalised.origin[found.last[high - 1]] + 1 - block.starts[document]
            yield _Evidence(block.first + document, column, strength, start, end)

    def evidence(self, batch: TextBatch) -> Scores:
        """The best uncalibrated evidence of each label (columns, as `labels` orders them) in each document (rows).

        -inf in a document without tokens. What scores are calibrated on.
        """
        matrix = np.full((len(batch), len(self.labels)), -np.inf)
        for found in self._read(batch):
            np.maximum.at(matrix, (found.row, found.column), found.strength)
        return matrix

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """One row a document; `scores` is NULL where no label reaches the floor."""
        loaded = self._loaded
        blocks = [tuple(np.zeros(0, dtype=kind) for kind in (np.int64, np.int64, np.float64, np.int64, np.int64))]
        for found in self._read(batch):
            odds = loaded.slope[found.column] * found.strength + loaded.offset[found.column]
            kept = np.flatnonzero(odds >= _LEAST_LOG_ODDS)
            scores = [round(1 / (1 + math.exp(-value)), 4) for value in odds[kept].tolist()]
            blocks.append((found.row[kept], found.column[kept], np.array(scores), found.start[kept], found.end[kept]))
        row, column, score, start, end = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        order = np.lexsort((-score, column, row))  # stable: of equal scores the first window's
        best = order[np.append(True, (np.diff(row[order]) > 0) | (np.diff(column[order]) != 0))[: len(order)]]
        best = best[np.lexsort((column[best], -score[best], row[best]))]
        return self._records(len(batch), row[best], column[best], score[best], start[best], end[best])

    def _records(
        self, rows: int, row: Offsets, column: Offsets, score: Scores, start: Offsets, end: Offsets
    ) -> pa.RecordBatch:
        """The scores as the layer's columns, in the order given."""
        counts = np.bincount(row, minlength=rows)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        labels = pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32)), pa.array(self.labels, pa.string()))
        values = pa.StructArray.from_arrays(
            [
                labels.cast(pa.string()),
                pa.array(score, pa.float32()),
                pa.array(start, pa.int64()),
                pa.array(end, pa.int64()),
            ],
            fields=list(layers.CLASSIFIER_SCORES.value_type),
        )
        scores = pa.ListArray.from_arrays(
            pa.array(offsets), values, type=layers.CLASSIFIER_SCORES, mask=pa.array(counts == 0)
        )
        return pa.RecordBatch.from_arrays([scores, pa.nulls(rows, pa.string())], schema=layers.CLASSIFIER)
