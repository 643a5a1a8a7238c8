"""A text classifier in ONNX form, run on this machine's processor.

`labels.json` beside the model says what its outputs mean: `{"activation": "softmax", "labels": [null, "A1-a", …]}`, one
entry an output in the model's order: a risk id, a list of them, or null for an output that speaks of none.
A text longer than the model reads at a time is scored in pieces, and each risk keeps its highest score. Pieces go in one
at a time, so that no text's score depends on its neighbours.
"""

import hashlib
import json
import mmap
import os
import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from schemas.risks import risks
from schemas.scorers import OnnxSettings
from transforms.scorers.base import DECIMALS, Answer, ScorerError
from transforms.scorers.base import FAILED as SCORER_FAILED

VERSION = 2

FLOOR = 0.05  # scores below are not kept, as with the first-line classifier
FAILED = "model_failed"
NO_TOKENS = "no_tokens"

_SAMPLE = "今天天气很好。 A sample text."
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_ROUNDING = 1e-4  # by which a probability may lie outside of 0 to 1
# a key and value of a tensor's external data, as protocol buffers write it: the name of the file follows its length
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")


class Labels(BaseModel):
    """What the outputs of a model mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    activation: Literal["softmax", "sigmoid", "none"]
    labels: tuple[tuple[str, ...], ...]

    @field_validator("labels", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, list) or not value:
            raise ValueError("should be a list with one entry for each output of the model")
        return [[] if entry is None else [entry] if isinstance(entry, str) else entry for entry in value]

    @field_validator("labels")
    @classmethod
    def _known(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        unknown = sorted({risk for means in value for risk in means} - risks().keys())
        if unknown:
            raise ValueError(f"unknown risk ids {', '.join(unknown)}: use those of schemas/risks.yaml, or null")
        if not any(value):
            raise ValueError("no output means a risk")
        return value


class OnnxClassifier:
    """An ONNX model, its tokenizer and its labels."""

    def __init__(self, settings: OnnxSettings) -> None:
        self.settings = settings

    def __getstate__(self) -> dict[str, Any]:
        """Without session and tokenizer, which every process loads for itself."""
        return {"settings": self.settings}

    def fingerprint(self) -> str:
        """Digest of the three files, of all that is kept beside the model, and of the length of pieces."""
        model = self.settings.file("model")
        files = [model, self.settings.file("tokenizer"), self.settings.file("labels")]
        beside = [(str(file.relative_to(model.parent)), _digest_of(file)) for file in model_files(model)]
        parts = ["onnx", VERSION, self.settings.max_tokens, *(_digest_of(file) for file in files), beside]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def shared_among(self, workers: int) -> "OnnxClassifier":
        """The same: there is nothing to share."""
        return self

    def check(self) -> None:
        """Loads everything and scores a sentence, so that files that do not go together are found before the run."""
        for name in ("model", "tokenizer", "labels"):
            file = self.settings.file(name)
            if not file.is_file():
                raise ScorerError(f"{file}: 没有这个文件 / no such file (classifier.confirm, {name})")
        for given in self._session.get_inputs():
            length = _fixed_length(given)
            if 0 < length < self.settings.max_tokens:
                raise ScorerError(
                    f"{self.settings.file('model')}: 输入固定为 {length} 个词元 / the input {given.name} is {length} tokens long: "
                    f"write max_tokens: {length} or less (classifier.confirm)"
                )
        self._scores(_SAMPLE)

    def score(self, texts: Sequence[str], again: bool = False) -> list[Answer]:
        """One answer a text."""
        return [self._answer(text) for text in texts]

    def _answer(self, text: str) -> Answer:
        try:
            scores = self._scores(text)
        except ScorerError:  # a text on which tokenizer or model fail must not cost the others
            return Answer(unscored=FAILED)
        except Exception:
            return Answer(unscored=SCORER_FAILED)
        return Answer(unscored=NO_TOKENS) if scores is None else Answer(scores)

    @cached_property
    def _labels(self) -> Labels:
        path = self.settings.file("labels")
        try:
            return Labels.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ScorerError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
            raise ScorerError(f"{path}: 不是可用的标签文件 / not a usable label file: {said}") from None

    @cached_property
    def _tokenizer(self) -> Any:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the run has its own workers, a core each
        from tokenizers import Tokenizer

        path = self.settings.file("tokenizer")
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            tokenizer.no_padding()
            tokenizer.enable_truncation(self.settings.max_tokens)  # what is cut off follows as pieces of its own
        except Exception as error:  # the library raises plain Exception
            raise ScorerError(
                f"{path}: 不是可用的 tokenizer.json / not a usable tokenizer.json: {_brief(error)}"
            ) from None
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError:
            raise ScorerError(
                "classifier.confirm: 缺少 onnxruntime / onnxruntime is missing: pip install 'corpus-audit[onnx]'"
            ) from None
        path = self.settings.file("model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # the run has its own workers, a core each
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises classes of its own, derived from Exception
            raise ScorerError(f"{path}: 不是可用的 ONNX 模型 / not a usable ONNX model: {_brief(error)}") from None
        unknown = sorted({given.name for given in session.get_inputs()} - set(_INPUTS))
        if unknown:
            raise ScorerError(
                f"{path}: 模型要求未知的输入 / the model wants unknown inputs {', '.join(unknown)}: export it as a text "
                f"classifier with {', '.join(_INPUTS)}"
            )
        return session

    def _scores(self, text: str) -> dict[str, float] | None:
        """Scores by risk id; None where the tokenizer leaves nothing of a text that is not blank."""
        labels = self._labels
        try:
            encoding = self._tokenizer.encode(text)
        except ScorerError:
            raise
        except Exception as error:
            raise ScorerError(
                f"{self.settings.file('tokenizer')}: 分词失败 / the tokenizer fails on a text: {_brief(error)}"
            ) from None
        if text.strip() and all(encoding.special_tokens_mask):
            return None
        best = np.zeros(len(labels.labels))
        for piece in (encoding, *encoding.overflowing):
            if piece.ids:
                best = np.maximum(best, _activated(self._run(piece), labels.activation))
        scores: dict[str, float] = {}
        for means, score in zip(labels.labels, best.tolist(), strict=True):
            for risk in means:
                scores[risk] = max(round(score, DECIMALS), scores.get(risk, 0.0))
        return {risk: score for risk, score in scores.items() if score >= FLOOR}

    def _run(self, piece: Any) -> npt.NDArray[np.float64]:
        path, session = self.settings.file("model"), self._session
        columns = {"input_ids": piece.ids, "attention_mask": piece.attention_mask, "token_type_ids": piece.type_ids}
        feed = {}
        for wanted in session.get_inputs():
            values = np.array([columns[wanted.name]], dtype=np.int32 if "int32" in wanted.type else np.int64)
            feed[wanted.name] = np.pad(values, ((0, 0), (0, max(0, _fixed_length(wanted) - values.shape[1]))))
        try:
            output = np.asarray(session.run([session.get_outputs()[0].name], feed)[0], dtype=np.float64)
        except Exception as error:
            raise ScorerError(f"{path}: 模型运行失败 / the model fails: {_brief(error)}") from None
        if output.shape != (1, len(self._labels.labels)):
            raise ScorerError(
                f"{path}: 输出形状 {output.shape}，而标签有 {len(self._labels.labels)} 个 / output of shape {output.shape} for "
                f"{len(self._labels.labels)} labels: {self.settings.file('labels')} must have one entry an output"
            )
        if not np.isfinite(output).all():
            raise ScorerError(f"{path}: 输出不是数 / the output is not a number")
        if self._labels.activation == "none" and (output.min() < -_ROUNDING or output.max() > 1 + _ROUNDING):
            raise ScorerError(
                f"{path}: 输出不是 0 到 1 的概率 / the output is no probability between 0 and 1: write activation softmax or sigmoid in "
                f"{self.settings.file('labels')}"
            )
        scores: npt.NDArray[np.float64] = output[0]
        return scores


def _activated(output: npt.NDArray[np.float64], activation: str) -> npt.NDArray[np.float64]:
    if activation == "softmax":
        powers = np.exp(output - output.max())
        return np.asarray(powers / powers.sum())
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(output, -60, 60))))
    return np.clip(output, 0, 1)


def _fixed_length(given: Any) -> int:
    """Tokens an input always takes; 0 where it takes any number."""
    return given.shape[1] if len(given.shape) == 2 and isinstance(given.shape[1], int) else 0


def model_files(model: Path) -> list[Path]:
    """Every file in the model's folder, and those below it that the model names as the place of its weights."""
    folder = model.parent
    try:
        files = {file for file in folder.iterdir() if file.is_file()}
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for found in _LOCATION.finditer(content):
                length = found[1][0] & 0x7F | (found[1][1] << 7 if len(found[1]) == 2 else 0)
                named = folder / os.fsdecode(content[found.end() : found.end() + length])
                if "\0" not in str(named) and named.is_relative_to(folder) and named.is_file():
                    files.add(named)
    except (OSError, ValueError) as error:
        raise ScorerError(f"{model}: 读不了 / cannot be read: {error}") from None
    return sorted(files)


def _digest_of(path: Path) -> str:
    try:
        stat = path.stat()
        return _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise ScorerError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None


@lru_cache(maxsize=1024)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
