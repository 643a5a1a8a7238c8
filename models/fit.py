"""Fitting one multi-label fastText model over the tokens the classifier reads."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from models.rows import Row
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch
from transforms.windows import spelled, tokens, windows

# `thread` and `seed` make it repeatable; bucket × dim × 4 bytes is most of the model's size (docs/adr/0015).
PARAMETERS: dict[str, str | int | float] = {
    "loss": "ova", "dim": 8, "wordNgrams": 2, "bucket": 270_000, "minCount": 4, "minn": 0, "maxn": 0, "epoch": 5,
    "lr": 0.3, "seed": 7, "thread": 1, "verbose": 0,
}  # fmt: skip

LINE = 300  # tokens of a line of training

_PROGRAM = (
    "import fasttext, json, sys; "
    "fasttext.train_supervised(sys.argv[1], **json.loads(sys.argv[3])).save_model(sys.argv[2])"
)


class TrainingError(ValueError):
    """fastText did not finish; the text holds what it said."""


def batches(texts: Sequence[str]) -> Iterator[TextBatch]:
    """The texts as batches of the size the stages like."""
    for begin in range(0, len(texts), 512):
        yield TextBatch(pa.record_batch([pa.array(texts[begin : begin + 512], pa.large_string())], names=["text"]))


def tokenise(texts: Sequence[str]) -> list[list[str]]:
    """The tokens of each text as lines for training, a blank behind each token.

    Lines are longer than the classifier's windows: the label of a long text, a dialogue for example, need not be true of
    each of its parts.
    """
    result: list[list[str]] = []
    for batch in batches(texts):
        for normalised in normalised_blocks(batch):
            found = tokens(normalised)
            lines: list[list[str]] = [[] for _ in range(len(found.starts) - 1)]
            for document, low, high in zip(*windows(found.starts, LINE), strict=True):
                lines[document].append(spelled(found, low, high))
            result += lines
    return result


def fit(rows: Sequence[Row], model: Path, parameters: dict[str, str | int | float] = PARAMETERS) -> None:
    """Trains on the rows, in an order that depends on the texts only: equal rows give equal bytes.

    fastText 0.9.3 and forks that share its source fill a part of their matrices from uninitialised memory and then
    stop with "Encountered NaN". A fresh process that takes its memory straight from the system reads zeros there.

    Raises:
        TrainingError: with what fastText said.
    """
    lines = {
        (" ".join([*(f"__label__{label}" for label in sorted(row.labels)), line]), turn)
        for row, texts in zip(rows, tokenise([row.text for row in rows]), strict=True)
        for line in texts
        for turn in range(row.repeat)
    }
    with tempfile.TemporaryDirectory() as folder:
        training = Path(folder) / "train.txt"
        ordered = sorted(lines, key=lambda line: hashlib.sha256(f"{line[1]}{line[0]}".encode()).digest())
        training.write_text("".join(line + "\n" for line, _ in ordered), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, str(training), str(model), json.dumps(parameters)],
            env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise TrainingError(f"fastText 训练失败 / fastText failed: {said[-1]}")
