"""Training: rows in, a model folder out (`risk.bin`, `labels.json`, `card.md`), the same bytes for the same rows.

The rows of split `train` are fitted, those of `held` calibrate the scores and choose the thresholds, those of `dev` give
the figures of the card and nothing else.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models import card
from models.evaluation import Outcome, evidence_matrix, measure
from models.fit import fit, tokenise
from models.rows import CONTENT, REAL, WEAK_FORMS, Row, settle, uniform
from models.thresholds import FALSE_ALARMS, SET_ALARMS, calibrate, choose, false_alarms_found, scores_of
from schemas.loading import DocumentError
from transforms.classifier import (
    LABELS_FILE,
    MODEL_FILE,
    NONE,
    RECIPE_VERSION,
    SILENT,
    Calibration,
    Classifier,
    Evidence,
    Labels,
    known_risks,
)
from transforms.windows import TOKENISER_VERSION

HELD = 0.15  # of the training rows; ordinary text brings its own split

Log = Callable[[str], None]


@dataclass(frozen=True)
class About:
    """What a card says about a model beside its figures. `notes` are paragraphs of Markdown."""

    name: str
    licence: str = ""
    licences: tuple[tuple[str, str], ...] = ()  # by set
    command: str = ""
    data: str = ""  # where the rows were read, for messages
    notes: tuple[str, ...] = ()
    trained_on: str | None = None  # sha256 of trained_on.json where verdicts of reviews are among the rows


def prepare(rows: Sequence[Row]) -> list[Row]:
    """Each text once, and a part of the training rows held back for calibration and thresholds.

    Rows of one group are held back together, whatever set they are of; `dev` is kept as the sets split it.
    """
    return [
        replace(row, split="held")
        if row.split == "train" and not row.fixed and uniform(f"held/{row.group}") < HELD
        else row
        for row in settled(rows)
    ]


def settled(rows: Sequence[Row]) -> list[Row]:
    """Each text once and of one split; texts are the same if the classifier reads them alike."""
    return settle(rows, [" ".join(lines) for lines in tokenise([row.text for row in rows])])


def check_trainable(rows: Sequence[Row], place: str) -> None:
    """Raises DocumentError where the rows cannot train anything."""
    training = [row for row in rows if row.split in ("", "train")]
    labels = {label for row in training for label in row.labels}
    if not training:
        raise DocumentError(place, ["没有可训练的文本 / no text to train on; give labelled JSON Lines"])
    if len(labels) < 2:
        only = ", ".join(labels)
        raise DocumentError(
            place, [f"只有一个标签 / only one label: {only}; a classifier needs risky and harmless texts (labels: [])"]
        )
    if NONE not in labels:
        raise DocumentError(place, ["没有无害文本 / no harmless text: add rows with `labels: []`, or --ordinary"])


def build(
    rows: Sequence[Row],
    out: Path,
    about: About,
    false_alarms: float = FALSE_ALARMS,
    set_alarms: float = SET_ALARMS,
) -> Labels:
    """Fits, calibrates and chooses thresholds on prepared rows; writes `risk.bin` and `labels.json`."""
    training = [row for row in rows if row.split == "train"]
    held = [row for row in rows if row.split == "held"]
    labels = sorted({label for row in training for label in row.labels} - {NONE})
    out.mkdir(parents=True, exist_ok=True)
    model = out / MODEL_FILE
    fit(training, model)
    draft = Labels(
        version=RECIPE_VERSION,
        tokeniser=TOKENISER_VERSION,
        labels=dict.fromkeys(labels, SILENT),
        name=about.name,
        licence=about.licence,
        untrained=sorted(known_risks() - set(labels)),
        bytes=model.stat().st_size,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        trained_on=about.trained_on,
    )
    write_labels(out, draft)
    evidence = evidence_matrix(Classifier(out), [row.text for row in held])
    calibrations = [
        calibrate(evidence[:, column], np.array([label in row.labels for row in held]))
        if np.isfinite(evidence[:, column]).any()
        else Calibration()
        for column, label in enumerate(labels)
    ]
    thresholds = choose(held, scores_of(evidence, calibrations), labels, false_alarms, set_alarms)
    final = draft.model_copy(update={"labels": thresholds, "calibration": dict(zip(labels, calibrations, strict=True))})
    write_labels(out, final)
    return final


def train(
    rows: Sequence[Row],
    out: Path,
    about: About,
    false_alarms: float = FALSE_ALARMS,
    log: Log = lambda _: None,
    set_alarms: float = SET_ALARMS,
) -> Outcome:
    """Builds a model from rows as read, measures it on `dev` and writes its card. Returns what was measured.

    Raises:
        DocumentError: there is nothing to train on, or only one label.
        TrainingError: fastText did not finish.
    """
    check_trainable(rows, about.data or about.name)
    ready = prepare(rows)
    check_trainable(ready, about.data or about.name)
    log(f"训练 / fitting: {sum(row.split == 'train' for row in ready):,} texts")
    labels = build(ready, out, about, false_alarms, set_alarms)
    log("评测 / measuring")
    dev = [row for row in ready if row.split == "dev"]
    outcome = measure(out, dev)
    ordinary = [row.form == "ordinary" for row in dev]
    if not any(ordinary):
        ordinary = [row.harmless for row in dev]
    flagged = int(np.any(outcome.flagged[np.array(ordinary, dtype=np.bool_)], axis=1).sum())
    labels = labels.model_copy(
        update={
            "evidence": {label: _evidence(label, ready, outcome) for label in labels.labels},
            "false_alarms": false_alarms_found(false_alarms, sum(ordinary), flagged),
        }
    )
    write_labels(out, labels)
    (out / "card.md").write_text(card.render(labels, ready, outcome, about), encoding="utf-8")
    return outcome


def _evidence(label: str, rows: Sequence[Row], outcome: Outcome) -> Evidence:
    """How strong the evidence for a label is: its training texts, and the figures on dev."""
    own = [row for row in rows if label in row.labels and row.split == "train"]
    real = [row for row in own if row.form == CONTENT]
    figures = outcome.by_label()[label]
    return Evidence(
        strength="real" if len(real) >= REAL else "weak" if own else "none",
        documents=len(real),
        approximate=sum(row.approximate for row in real),
        weak=sum(row.form in WEAK_FORMS for row in own),
        held_back=figures.positives,
        precision=figures.precision,
        recall=figures.recall,
    )


def write_labels(out: Path, labels: Labels) -> None:
    """Writes `labels.json`."""
    content = json.dumps(labels.model_dump(exclude_none=True), indent=2, ensure_ascii=False)
    (out / LABELS_FILE).write_text(content + "\n", encoding="utf-8")
