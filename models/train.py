"""Trains the starter risk classifier: `python -m models.train --data DIR --out DIR`.

DIR is laid out like the project's data folder (`labelled/shippable/*.jsonl.zst`, `corpus/<source>/`). Only texts whose
licence allows a model to be shipped are trained on: models/starter/NOTICE.md. The other corpus sources are looked at
once, for the false alarms in the model card. Equal data and an equal fastText give equal bytes.
"""

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from models import card
from transforms.classifier import LABELS_FILE, MODEL_FILE, NONE, TOKENISER_VERSION, Classifier, space, windows
from transforms.normalise import normalised_blocks
from transforms.text import TextBatch

VERSION = 1  # of the recipe, written to labels.json

# Ordinary text for the label `none`; the corpus sources with a licence that allows it.
ORDINARY = ("zh_law", "zh_poetry", "zh_classical_modern", "zh_encyclopedia")
ORDINARY_PIECES = 4000  # at most, a source: ordinary text must not drown the risks
PIECE = (300, 800)  # characters
HELD_BACK = 0.25  # of the ordinary documents, for the thresholds
# Looked at for false alarms, never trained on and never used to choose anything.
EVALUATED = ("zh_news", "zh_tech_blog", "zh_qa", "en_text", "code")

# What is left out of the shippable sets, and why; the reasons are printed in the card.
LEFT_OUT_SETS = {"cbbq_probe": "CC-BY-SA-4.0 would bind the model to share alike; templates, not documents"}
LEFT_OUT_RISKS = {
    "A5-a": "wrong answers and invented news are shown by knowledge, not by style",
    "A4-c": "Chinese examples too few (174 sentences); the English ones are coarse tweets, not defamation",
}
BENIGN_ONLY = {"davidson_en": "its risky rows taught the model to see `A2-i` in source code and tweets of any content"}

PARAMETERS = {
    "loss": "ova", "dim": 16, "wordNgrams": 2, "bucket": 100_000, "minCount": 2, "minn": 0, "maxn": 0, "epoch": 5,
    "lr": 0.2, "seed": 7, "thread": 1, "verbose": 0,
}  # fmt: skip

MIN_THRESHOLD = 0.5  # below one half the model itself says "rather not"
MIN_PRECISION = 0.8  # of a label on the dev split
MAX_BENIGN_ALARMS = 0.01  # of a label, on rows labelled benign: sharp comments on touchy subjects
MAX_ORDINARY_ALARMS = 0.002  # of all labels together, on held-back ordinary text


@dataclass(frozen=True)
class Row:
    """One text with its labels. `source` is a labelled set or a corpus source."""

    source: str
    split: str  # train | dev
    labels: frozenset[str]
    text: str


def _jsonl(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else zstandard.ZstdDecompressor().stream_reader(data).read()
    return [orjson.loads(line) for line in data.split(b"\n") if line]


def documents(folder: Path) -> Iterator[tuple[str, str]]:
    """Id and text of the documents of a corpus source, in a stable order."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            table = pq.read_table(path, columns=["id", "text"])
            yield from zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)
        elif path.suffix == ".txt":
            yield path.stem, path.read_text(encoding="utf-8")
        elif path.suffix in (".gz", ".zst"):
            yield from ((record["id"], record["text"]) for record in _jsonl(path))


def _uniform(key: str) -> float:
    """A number in [0, 1) that depends on nothing but the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def pieces(key: str, text: str) -> Iterator[str]:
    """A document cut into pieces of PIECE characters; a shorter document is one piece, a short rest is left."""
    begin, shortest, longest = 0, *PIECE
    while begin < len(text) and (begin == 0 or len(text) - begin >= shortest):
        length = shortest + int(_uniform(f"{key}/{begin}") * (longest - shortest + 1))
        yield text[begin : begin + length]
        begin += length


def labelled_rows(data: Path) -> list[Row]:
    """The labelled documents that may be trained on. A text found both benign and risky is dropped everywhere."""
    found: list[tuple[str, str, str, str]] = []
    for path in sorted((data / "labelled" / "shippable").glob("*.jsonl.zst")):
        source = path.name.partition(".")[0]
        if source not in LEFT_OUT_SETS:
            found += [
                (source, record["split"], record["risk"], record["text"])
                for record in _jsonl(path)
                if record["form"] == "content" and record["risk"]
            ]
    keys = [" ".join(lines) for lines in tokenise([text for *_, text in found])]
    risks: defaultdict[str, set[str]] = defaultdict(set)
    for key, (_, _, risk, _) in zip(keys, found, strict=True):
        risks[key].add(risk)
    rows, seen = [], set()
    for key, (source, split, risk, text) in zip(keys, found, strict=True):
        contested = NONE in risks[key] and len(risks[key]) > 1
        left_out = risk in LEFT_OUT_RISKS or (source in BENIGN_ONLY and risk != NONE)
        if key and key not in seen and not contested and not left_out:
            seen.add(key)
            rows.append(Row(source, split, frozenset(risks[key] - set(LEFT_OUT_RISKS)), text))
    return rows


def ordinary_rows(data: Path) -> list[Row]:
    """Pieces of ordinary text, split by document."""
    rows = []
    for source in ORDINARY:
        chosen = []
        for key, text in documents(data / "corpus" / source):
            split = "dev" if _uniform(f"split/{key}") < HELD_BACK else "train"
            chosen += [
                (_uniform(f"{key}#{number}"), Row(source, split, frozenset({NONE}), piece))
                for number, piece in enumerate(pieces(key, text))
            ]
        for split in ("train", "dev"):
            kept = sorted((place, row.text, row) for place, row in chosen if row.split == split)
            rows += [row for _, _, row in kept[:ORDINARY_PIECES]]
    return rows


def _batches(texts: Sequence[str]) -> Iterator[TextBatch]:
    for begin in range(0, len(texts), 512):
        yield TextBatch(pa.record_batch([pa.array(texts[begin : begin + 512], pa.large_string())], names=["text"]))


def tokenise(texts: Sequence[str]) -> list[list[str]]:
    """The windows of each text as the classifier reads them."""
    result: list[list[str]] = []
    for batch in _batches(texts):
        for normalised in normalised_blocks(batch):
            spaced = space(normalised)
            lines: list[list[str]] = [[] for _ in range(len(spaced.starts) - 1)]
            for document, low, high in zip(*windows(spaced.starts), strict=True):
                lines[document].append(spaced.text[2 * low : 2 * high])
            result += lines
    return result


def fit(rows: Sequence[Row], model: Path) -> None:
    """Trains on the rows, in an order that depends on the texts only.

    fastText 0.9.3 and forks that share its source fill a part of their matrices from uninitialised memory and then
    stop with "Encountered NaN". A fresh process that takes its memory straight from the system reads zeros there.
    """
    lines = {
        " ".join([*(f"__label__{label}" for label in sorted(row.labels)), line])
        for row, texts in zip(rows, tokenise([row.text for row in rows]), strict=True)
        for line in texts
    }
    with tempfile.TemporaryDirectory() as folder:
        training = Path(folder) / "train.txt"
        ordered = sorted(lines, key=lambda line: hashlib.sha256(line.encode()).digest())
        training.write_text("".join(line + "\n" for line in ordered), encoding="utf-8")
        program = (
            "import fasttext, json, sys; "
            "fasttext.train_supervised(sys.argv[1], **json.loads(sys.argv[3])).save_model(sys.argv[2])"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(training), str(model), json.dumps(PARAMETERS)],
            env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"},
            check=True,
        )


def score(classifier: Classifier, texts: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """Scores of the texts (rows) for the labels (columns), as the stage gives them."""
    scores = np.zeros((len(texts), len(labels)))
    row = 0
    for batch in _batches(texts):
        for found in classifier(batch).column("scores").to_pylist():
            for entry in found or ():
                scores[row, labels.index(entry["label"])] = entry["score"]
            row += 1
    return scores


def choose_thresholds(rows: Sequence[Row], scores: npt.NDArray[np.float64], labels: Sequence[str]) -> dict[str, float]:
    """For each label the lowest threshold that keeps the limits at the head of this file.

    A label that cannot keep them at any threshold gets 1.0: it speaks only when it is certain.
    """
    ordinary = np.array([row.source in ORDINARY for row in rows])
    benign = np.array([row.labels == {NONE} for row in rows]) & ~ordinary
    chosen = {}
    for column, label in enumerate(labels):
        right = np.array([label in row.labels for row in rows])
        chosen[label] = 1.0
        for threshold in np.round(np.arange(MIN_THRESHOLD, 1, 0.01), 2):
            flagged = scores[:, column] >= threshold
            if (
                flagged[ordinary].mean() <= MAX_ORDINARY_ALARMS / len(labels)
                and flagged[benign].mean() <= MAX_BENIGN_ALARMS
                and flagged.any()
                and right[flagged].mean() >= MIN_PRECISION
            ):
                chosen[label] = float(threshold)
                break
    return chosen


def evaluate(
    data: Path, rows: Sequence[Row], scores: npt.NDArray[np.float64], thresholds: dict[str, float], model: Path
) -> card.Evaluation:
    """The figures of the model card: the dev split by label, false alarms by source."""
    limits = np.array(list(thresholds.values()))
    flagged = scores >= limits
    by_label = {}
    for column, (label, threshold) in enumerate(thresholds.items()):
        right = np.array([label in row.labels for row in rows])
        hits = flagged[:, column]
        by_label[label] = card.LabelFigures(
            threshold, int(right.sum()), float(right[hits].mean()) if hits.any() else 0.0, float(hits[right].mean())
        )
    alarms = {}
    for source in sorted({row.source for row in rows}):
        chosen = np.array([row.source == source and row.labels == {NONE} for row in rows])
        if chosen.any():
            alarms[f"{source} (dev)"] = card.Alarms(int(chosen.sum()), _counts(flagged[chosen], thresholds))
    gold_file = data / "corpus_gold.jsonl.zst"
    gold = {record["id"] for record in _jsonl(gold_file)} if gold_file.exists() else set()
    for source in EVALUATED:
        texts = [text for key, text in documents(data / "corpus" / source) if key not in gold]
        if texts:
            hits = score(Classifier(model), texts, list(thresholds)) >= limits
            alarms[source] = card.Alarms(len(texts), _counts(hits, thresholds))
    transfer = {}
    for path in sorted((data / "labelled" / "eval_only").glob("*.jsonl.zst")):
        texts_of = defaultdict(list)
        for record in _jsonl(path):
            if record["form"] == "content" and record["risk"] in thresholds:
                texts_of[record["risk"]].append(record["text"])
        for risk, texts in sorted(texts_of.items()):
            hits = score(Classifier(model), texts, list(thresholds)) >= limits
            transfer[path.name.partition(".")[0], risk] = card.Alarms(len(texts), _counts(hits, thresholds))
    return card.Evaluation(by_label, alarms, transfer)


def _counts(flagged: npt.NDArray[np.bool_], labels: dict[str, float]) -> Counter[str]:
    counts = Counter(dict(zip(labels, flagged.sum(axis=0).tolist(), strict=True)))
    counts["any"] = int(flagged.any(axis=1).sum())
    return counts


def train(data: Path, out: Path) -> None:
    """Writes model, labels and card into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    rows = labelled_rows(data) + ordinary_rows(data)
    training = [row for row in rows if row.split == "train"]
    held_back = [row for row in rows if row.split == "dev"]
    labels = sorted({label for row in training for label in row.labels} - {NONE})
    model = out / MODEL_FILE
    fit(training, model)
    head = {
        "version": VERSION,
        "tokeniser": TOKENISER_VERSION,
        "bytes": model.stat().st_size,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "rows": {"train": len(training), "dev": len(held_back)},
    }
    _write_labels(out, head, dict.fromkeys(labels, 1.0))
    scores = score(Classifier(out), [row.text for row in held_back], labels)
    thresholds = choose_thresholds(held_back, scores, labels)
    _write_labels(out, head, thresholds)
    sizes = Counter((row.source, row.split, label) for row in rows for label in row.labels)
    evaluation = evaluate(data, held_back, scores, thresholds, out)
    left_out = LEFT_OUT_SETS | LEFT_OUT_RISKS | BENIGN_ONLY
    text = card.render(head, PARAMETERS, sizes, evaluation, left_out)
    (out / "card.md").write_text(text, encoding="utf-8")


def _write_labels(out: Path, head: dict[str, object], thresholds: dict[str, float]) -> None:
    content = json.dumps(head | {"labels": thresholds}, indent=2, ensure_ascii=False)
    (out / LABELS_FILE).write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="data folder, only read")
    parser.add_argument("--out", type=Path, required=True, help="folder for risk.bin, labels.json and card.md")
    arguments = parser.parse_args()
    train(arguments.data, arguments.out)
