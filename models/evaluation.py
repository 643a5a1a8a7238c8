"""How well a model does: figures by risk and set, false alarms by bucket, and with one set left out of training."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.fit import batches
from models.rows import Row
from transforms.bucket import Bucket
from transforms.classifier import Classifier, Evidence, Labels, known_risks, read_labels

RATES = (0.005, 0.01, 0.02, 0.05)  # false-alarm rates at which recall is read off
_BINS = 10

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """A label on a number of texts; a share of nothing is None."""

    positives: int
    found: int  # of the positives
    flagged: int  # of all

    @property
    def precision(self) -> float | None:
        """Share of the flagged texts that have the label."""
        return round(self.found / self.flagged, 4) if self.flagged else None

    @property
    def recall(self) -> float | None:
        """Share of the texts with the label that are flagged."""
        return round(self.found / self.positives, 4) if self.positives else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        whole = self.flagged + self.positives
        return round(2 * self.found / whole, 4) if whole else None


@dataclass(frozen=True)
class SetFigures:
    """One labelled set: how much of what is risky and of what is harmless is flagged with any risk."""

    risky: int
    found: int
    harmless: int
    alarms: int
    at_rates: tuple[float | None, ...] = ()  # recall where the harmless rows allow RATES; not tied to the thresholds

    @property
    def recall(self) -> float | None:
        """Share of the risky texts flagged."""
        return round(self.found / self.risky, 4) if self.risky else None

    @property
    def false_alarms(self) -> float | None:
        """Share of the harmless texts flagged."""
        return round(self.alarms / self.harmless, 4) if self.harmless else None


@dataclass(frozen=True)
class Bin:
    """Scores between two bounds: how many, their mean, and the share of them that was right."""

    low: float
    high: float
    scores: int
    mean: float
    right: float


@dataclass(frozen=True)
class Outcome:
    """Scores of a model on rows (texts by labels) and what follows from them."""

    rows: Sequence[Row]
    labels: tuple[str, ...]
    thresholds: Matrix
    scores: Matrix

    @cached_property
    def flagged(self) -> Flags:
        """Which text is flagged with which label."""
        return self.scores >= self.thresholds

    @cached_property
    def right(self) -> Flags:
        """Which text has which label."""
        return np.array([[label in row.labels for label in self.labels] for row in self.rows], dtype=np.bool_).reshape(
            len(self.rows), len(self.labels)
        )

    def _of(self, source: str) -> Flags:
        return np.array([row.source == source for row in self.rows], dtype=np.bool_)

    @property
    def sources(self) -> list[str]:
        """The sets and kinds of ordinary text."""
        return sorted({row.source for row in self.rows})

    def by_label(self, source: str | None = None) -> dict[str, Figures]:
        """The figures of each label, on all rows or on those of one set."""
        chosen = np.ones(len(self.rows), dtype=np.bool_) if source is None else self._of(source)
        flagged, right = self.flagged[chosen], self.right[chosen]
        return {
            label: Figures(int(right[:, i].sum()), int((right & flagged)[:, i].sum()), int(flagged[:, i].sum()))
            for i, label in enumerate(self.labels)
        }

    def by_set(self) -> dict[str, SetFigures]:
        """Recall and false alarms of each set, with any label."""
        harmless = np.array([row.harmless for row in self.rows], dtype=np.bool_)
        any_label: Flags = np.any(self.flagged, axis=1)
        margin = _margin(self.scores, self.thresholds)
        result = {}
        for source in self.sources:
            risky, benign = self._of(source) & ~harmless, self._of(source) & harmless
            result[source] = SetFigures(
                int(risky.sum()),
                int(any_label[risky].sum()),
                int(benign.sum()),
                int(any_label[benign].sum()),
                recall_at(margin[risky], margin[benign]),
            )
        return result

    def alarms_by_bucket(self) -> dict[str, tuple[int, int]]:
        """Harmless texts and how many of them are flagged, by bucket (zh, en, code, other)."""
        harmless = [i for i, row in enumerate(self.rows) if row.harmless]
        any_label: Flags = np.any(self.flagged, axis=1)
        result: dict[str, tuple[int, int]] = {}
        for index, bucket in zip(harmless, buckets([self.rows[i].text for i in harmless]), strict=True):
            texts, alarms = result.get(bucket, (0, 0))
            result[bucket] = texts + 1, alarms + int(any_label[index])
        return dict(sorted(result.items()))

    def calibration(self) -> list[Bin]:
        """Of scores in each tenth, the mean and the share that was right, all labels together."""
        kept = self.scores > 0
        score, right = self.scores[kept], self.right[kept]
        place = np.minimum((score * _BINS).astype(int), _BINS - 1)
        return [
            Bin(
                i / _BINS,
                (i + 1) / _BINS,
                int((place == i).sum()),
                float(score[place == i].mean()),
                float(right[place == i].mean()),
            )
            for i in range(_BINS)
            if (place == i).any()
        ]


def _margin(scores: Matrix, thresholds: Matrix) -> npt.NDArray[np.float64]:
    """The best label's distance from its threshold, in log odds, so that labels can be compared."""
    if not scores.size:
        return np.zeros(len(scores))
    odds = np.log(np.clip(scores, 1e-4, 1 - 1e-4) / (1 - np.clip(scores, 1e-4, 1 - 1e-4)))
    needed = np.clip(thresholds, 1e-4, 1 - 1e-4)
    best: npt.NDArray[np.float64] = (odds - np.log(needed / (1 - needed))).max(axis=1)
    return best


def recall_at(
    risky: npt.NDArray[np.float64], harmless: npt.NDArray[np.float64], rates: Sequence[float] = RATES
) -> tuple[float | None, ...]:
    """Share of the risky above a bound that at most the given share of the harmless is above."""
    if not len(risky) or not len(harmless):
        return tuple(None for _ in rates)
    ordered = np.sort(harmless)[::-1]
    return tuple(
        round(float((risky > ordered[min(int(rate * len(ordered)), len(ordered) - 1)]).mean()), 4) for rate in rates
    )


def buckets(texts: Sequence[str]) -> list[str]:
    """The bucket each text would be audited in."""
    bucket = Bucket()
    return [name for batch in batches(texts) for name in bucket(batch).column("bucket").to_pylist()]


def evidence_matrix(classifier: Classifier, texts: Sequence[str]) -> Matrix:
    """The best uncalibrated evidence of each of the classifier's labels (columns) in each text (rows)."""
    parts = [classifier.evidence(batch) for batch in batches(texts)]
    return np.concatenate(parts) if parts else np.zeros((0, len(classifier.labels)))


def score_matrix(classifier: Classifier, texts: Sequence[str], labels: Sequence[str]) -> Matrix:
    """The scores as the stage stores them (texts by labels), 0 where it stores none."""
    place = {label: i for i, label in enumerate(labels)}
    matrix = np.zeros((len(texts), len(labels)))
    row = 0
    for batch in batches(texts):
        for found in classifier(batch).column("scores").to_pylist():
            for entry in found or ():
                matrix[row, place[entry["label"]]] = round(entry["score"], 4)
            row += 1
    return matrix


def measure(model: Path, rows: Sequence[Row]) -> Outcome:
    """A model's scores on rows, at its own thresholds. Raises ModelError."""
    thresholds = read_labels(model).labels
    labels = tuple(thresholds)
    scores = score_matrix(Classifier(model), [row.text for row in rows], labels)
    return Outcome(rows, labels, np.array(list(thresholds.values())), scores)


def strengths(labels: Labels) -> dict[str, Evidence]:
    """For each of the risks how strong the evidence for a model's answer is; `none` where the model cannot answer."""
    nothing = Evidence(strength="none")
    return {risk: labels.evidence.get(risk, nothing) for risk in sorted(known_risks())}


def in_domain(model: Path, rows: Sequence[Row]) -> dict[str, SetFigures]:
    """Figures of each set on the dev rows of a model that was trained on the sets' training rows."""
    return measure(model, [row for row in rows if row.split == "dev"]).by_set()


def leave_one_out(
    rows: Sequence[Row],
    build: Callable[[Sequence[Row], Path], object],
    families: Sequence[frozenset[str]] = (),
    sources: Sequence[str] = (),
) -> dict[str, SetFigures]:
    """Figures of each set on its dev rows, by a model that saw no row of it nor of its family (sets made from it).

    `rows` are prepared, `build` trains on rows into a folder, `sources` are the sets to leave out in turn; without
    them all that hold labelled documents.
    """
    wanted = sources or sorted({row.source for row in rows if row.form not in ("ordinary", "seed", "template")})
    result = {}
    for source in wanted:
        family = next((group for group in families if source in group), frozenset({source}))
        with tempfile.TemporaryDirectory() as folder:
            build([row for row in rows if row.source not in family], Path(folder))
            dev = [row for row in rows if row.source == source and row.split == "dev"]
            result[source] = measure(Path(folder), dev).by_set()[source]
    return result
