"""Scores documents for the safety risks with a fastText model over single characters.

A document is read in windows of 600 tokens, the letters and digits of the folded text: the first window, and for longer
documents more, spread evenly so that the last one ends with the document. Each label keeps its best window. What a
score means (the threshold) is policy and stays outside: the model's `labels.json` proposes thresholds, this stage only
drops what lies below `FLOOR`.
"""

import hashlib
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas import layers
from transforms import normalise
from transforms.normalise import Normalised, normalised_blocks
from transforms.text import Offsets, TextBatch

VERSION = 1
TOKENISER_VERSION = 1  # of `space` below; a model is read only by the tokeniser it was trained with

WINDOW = 600  # tokens
MAX_WINDOWS = 16
FLOOR = 0.05
NONE = "none"

MODEL_FILE = "risk.bin"
LABELS_FILE = "labels.json"

_PREFIX = "__label__"
_NONE_LABEL = _PREFIX + NONE
_MAGIC = (793712314).to_bytes(4, "little")  # first bytes of every fastText model
_SPACE = 0x20

# lines, number of labels (-1: all), least probability, treatment of broken UTF-8 -> labels and probabilities by line
Predict = Callable[[list[str], int, float, str], tuple[list[list[str]], list[npt.NDArray[np.float32]]]]


class ModelError(ValueError):
    """A model folder cannot be used: which file, what is wrong with it, what to do."""


class Labels(BaseModel):
    """`labels.json` of a model folder."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int
    tokeniser: int
    labels: dict[str, float]  # risk id to the threshold proposed for it
    sha256: str | None = None  # of the model file


@dataclass(frozen=True)
class Spaced:
    """The tokens of a block, a blank behind each: what fastText reads.

    Document `i` is `text[2 * starts[i]:2 * starts[i + 1]]`; token `p` is character `places[p]` of the folded block.
    """

    text: str
    places: npt.NDArray[np.int64]
    starts: Offsets


@lru_cache(maxsize=1)
def _token_table() -> npt.NDArray[np.bool_]:
    """Which code points are tokens. Punctuation and blanks lie in the first planes; what lies behind is kept."""
    table = np.ones(0x110000, dtype=np.bool_)
    for code in (*range(0x3100), *range(0xFE00, 0x10000)):
        table[code] = unicodedata.category(chr(code))[0] not in "PZC"
    table.flags.writeable = False
    return table


def space(normalised: Normalised) -> Spaced:
    """The tokens of a folded block: letters, digits and symbols (emoji among them), no blanks and no punctuation.

    fastText would split or stop at blanks; punctuation costs an eighth of the time and tells nothing of the risks.
    """
    visible = np.flatnonzero(_token_table()[normalised.codes])
    interleaved = np.full(2 * len(visible), _SPACE, dtype=np.uint32)
    interleaved[::2] = normalised.codes[visible]
    starts = np.searchsorted(visible, normalised.starts).astype(np.int64)
    return Spaced(interleaved.tobytes().decode("utf-32-le"), visible, starts)


class Score(NamedTuple):
    """The best score of a label in a document and the window of the original text it was given for."""

    score: float
    start: int
    end: int


def windows(starts: Offsets) -> tuple[Offsets, Offsets, Offsets]:
    """The windows of each document of a block, as document number, first token and the one behind the last.

    An empty document has none, a long one `MAX_WINDOWS`. They overlap or leave gaps, whichever makes the first begin
    and the last end with the document.
    """
    length = np.diff(starts)
    number = np.minimum(-(-length // WINDOW), MAX_WINDOWS)
    document = np.repeat(np.arange(len(length)), number)
    ordinal = np.arange(len(document)) - np.repeat(np.cumsum(number) - number, number)
    slack = np.maximum(length - WINDOW, 0)[document]
    low = starts[document] + ordinal * slack // np.maximum(number - 1, 1)[document]
    return document, low, np.minimum(low + WINDOW, starts[document + 1])


@lru_cache(maxsize=1)
def known_risks() -> frozenset[str]:
    """The risk ids of schemas/risks.yaml."""
    path = Path(layers.__file__).with_name("risks.yaml")
    return frozenset(risk["id"] for risk in yaml.safe_load(path.read_text(encoding="utf-8")))


def read_labels(model_dir: Path) -> Labels:
    """The labels and proposed thresholds of a model folder, checked.

    Raises:
        ModelError: the file is missing, malformed, made for another tokeniser, or names an unknown risk.
    """
    path = model_dir / LABELS_FILE
    try:
        labels = Labels.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); a model folder holds it, see models/train.py"
        ) from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise ModelError(f"{path}: not a valid label file: {problems}") from error
    if labels.tokeniser != TOKENISER_VERSION:
        raise ModelError(
            f"{path}: made for tokeniser {labels.tokeniser}, this version has {TOKENISER_VERSION}; train again"
        )
    _check_known(path, set(labels.labels))
    return labels


def _check_known(path: Path, labels: set[str]) -> None:
    unknown = sorted(labels - known_risks() - {NONE})
    if unknown:
        raise ModelError(
            f"{path}: unknown risk ids {', '.join(unknown)}; use the ids of schemas/risks.yaml and `{NONE}`"
        )


def _model_digest(path: Path) -> str:
    try:
        stat = path.stat()
        return _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); give a model folder with {MODEL_FILE} and {LABELS_FILE}"
        ) from error


@lru_cache(maxsize=8)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=2)
def _load(path: Path, _digest: str) -> Any:
    """The fastText model, once a process: the digest is part of the key so that a changed file is read again."""
    import fasttext

    with path.open("rb") as file:
        magic = file.read(len(_MAGIC))
    try:
        if magic != _MAGIC:
            raise ValueError("wrong first bytes")
        # not fasttext.load_model: some distributions print a warning there
        model = fasttext.FastText._FastText(model_path=str(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path}: not a readable fastText model ({error}); copy or train it again") from error
    _check_known(path, {label.removeprefix(_PREFIX) for label in model.get_labels()})
    return model


class Classifier:
    """Stage: the risk scores of each document, by the model in a folder with `risk.bin` and `labels.json`."""

    name: ClassVar[str] = "classifier"
    schema: ClassVar[pa.Schema] = layers.CLASSIFIER

    def __init__(self, model_dir: Path) -> None:
        self.model_dir = Path(model_dir)

    def fingerprint(self) -> str:
        """Digest of this stage, the folding rules and the model file; the file is read again only when it changed."""
        model = _model_digest(self.model_dir / MODEL_FILE)
        parts = f"classifier/{VERSION}/{TOKENISER_VERSION}/{normalise.fingerprint()}/{model}"
        return hashlib.sha256(parts.encode()).hexdigest()

    @cached_property
    def _predict(self) -> Predict:
        labels = read_labels(self.model_dir)
        path = self.model_dir / MODEL_FILE
        digest = _model_digest(path)
        if labels.sha256 not in (None, digest):
            raise ModelError(f"{path}: does not match the sha256 in {LABELS_FILE}; copy or train the model again")
        predict: Predict = _load(path, digest).f.multilinePredict
        return predict

    def __getstate__(self) -> dict[str, Any]:
        return {"model_dir": self.model_dir}

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """One row a document; `scores` is NULL where no label reaches the floor."""
        best: dict[tuple[int, str], Score] = {}
        for block, normalised in zip(batch.blocks, normalised_blocks(batch), strict=True):
            spaced = space(normalised)
            document, low, high = windows(spaced.starts)
            row = block.first + document
            start = normalised.origin[spaced.places[low]] - block.starts[document]
            end = normalised.origin[spaced.places[high - 1]] + 1 - block.starts[document]
            # the line end is part of what the model was trained on
            lines = [spaced.text[2 * a : 2 * z] + "\n" for a, z in zip(low.tolist(), high.tolist(), strict=True)]
            labels, raw = self._predict(lines, -1, FLOOR / 2, "strict")
            for window, found in enumerate(labels):
                if len(found) == 1 and found[0] == _NONE_LABEL:
                    continue
                for label, probability in zip(found, raw[window].tolist(), strict=True):
                    score = round(min(probability, 1.0), 4)  # fastText adds 1e-5 to each
                    if label == _NONE_LABEL or score < FLOOR:
                        continue
                    key = int(row[window]), label.removeprefix(_PREFIX)
                    if key not in best or score > best[key].score:
                        best[key] = Score(score, int(start[window]), int(end[window]))
        return _records(len(batch), best)


def _records(rows: int, best: dict[tuple[int, str], Score]) -> pa.RecordBatch:
    """The scores as the layer's columns, best first, then by label."""
    ordered = sorted(best.items(), key=lambda item: (item[0][0], -item[1].score, item[0][1]))
    counts = np.bincount(np.array([row for (row, _), _ in ordered], dtype=np.int64), minlength=rows)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = pa.StructArray.from_arrays(
        [
            pa.array([label for (_, label), _ in ordered], pa.string()),
            pa.array([score.score for _, score in ordered], pa.float32()),
            pa.array([score.start for _, score in ordered], pa.int64()),
            pa.array([score.end for _, score in ordered], pa.int64()),
        ],
        fields=list(layers.CLASSIFIER_SCORES.value_type),
    )
    scores = pa.ListArray.from_arrays(
        pa.array(offsets), values, type=layers.CLASSIFIER_SCORES, mask=pa.array(counts == 0)
    )
    return pa.RecordBatch.from_arrays([scores, pa.nulls(rows, pa.string())], schema=layers.CLASSIFIER)
