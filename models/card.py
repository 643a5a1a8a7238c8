"""The model card: what a classifier was trained on, how well it does, what it cannot do."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from models.evaluation import RATES, Outcome, strengths
from models.fit import PARAMETERS
from models.rows import REAL, Row
from models.seeding import Seed
from schemas.risks import risks
from transforms.classifier import MODEL_FILE, NONE, SILENT, Evidence, FalseAlarms, Labels
from transforms.windows import MAX_WINDOWS, WINDOW

if TYPE_CHECKING:
    from models.train import About

_LIMITS = f"""\
- Strength says what a label was learnt from: **real**: at least {REAL} documents in use; **weak**: fewer than {REAL} documents
  (none of many labels), the rest seed texts of the project and templates; **none**: then the model is silent on the risk,
  which is not a score of zero. Figures on weak evidence are mostly figures on texts of the same making.
- The threshold of a label is `silent` where none keeps the limits of false alarms: it is scored, and never raised.
- A document longer than {MAX_WINDOWS * WINDOW:,} tokens is read in {MAX_WINDOWS} windows of {WINDOW} with gaps between them;
  what stands in a gap is not scored.
- A score is calibrated on held-back texts of these sets, where risky texts are far more frequent than in a corpus.
- Characters and words are the tokens: obfuscation by homophones is caught only as far as the training texts show it.
- A starting point for sampling and review, not a verdict: a document is not harmful because it is flagged, a corpus not
  clean because nothing is. For more, train on labelled documents of your own corpus."""


def render(labels: Labels, rows: Sequence[Row], outcome: Outcome, about: "About") -> str:
    """The card as Markdown."""
    sections = [
        f"# Risk classifier “{labels.name}”, recipe {labels.version}",
        "fastText, one against all, over the characters and words of the folded text (transforms/windows.py). A document"
        f" is scored in up to {MAX_WINDOWS} windows of at most {WINDOW} tokens. Written by the training, not by hand.",
        "\n".join(
            [
                f"- `{MODEL_FILE}`: {labels.bytes or 0:,} bytes, sha256 `{labels.sha256}`",
                f"- Licence: {labels.licence or 'not stated'}",
                "- Parameters: " + ", ".join(f"{key} {value}" for key, value in PARAMETERS.items()),
            ]
        ),
        "## What is known of each risk",
        evidence_table(labels),
        "## False alarms",
        _alarms_line(labels.false_alarms),
        table(
            ["bucket", "harmless texts (dev)", "flagged %"],
            [
                [name, f"{texts:,}", percent(alarms, texts)]
                for name, (texts, alarms) in outcome.alarms_by_bucket().items()
            ],
        ),
        "## By set",
        "Dev split, flagged with any risk at the thresholds; the last columns: recall if the thresholds allowed that share"
        " of the set's own harmless rows.",
        set_table(outcome),
        "## Calibration",
        table(
            ["score", "scores", "mean score", "share that was right"],
            [
                [f"{b.low:.1f}–{b.high:.1f}", f"{b.scores:,}", f"{b.mean:.3f}", f"{b.right:.3f}"]
                for b in outcome.calibration()
            ],
        ),
        "## Training data",
        _data_table(rows, dict(about.licences)),
        "Each text once; texts labelled harmless in one place and risky in another are dropped. Copies of a text and rows of"
        " one group are of one split.",
        *about.notes,
        "## Limits",
        _LIMITS,
    ]
    if about.command:
        sections += [
            "## To reproduce",
            f"```\n{about.command}\n```",
            "The same data give the same bytes again on one machine. Another distribution of fastText starts from other"
            " random numbers (docs/adr/0004), and another processor may round differently.",
        ]
    return "\n\n".join(sections) + "\n"


def evidence_table(labels: Labels) -> str:
    """All 31 risks: strength of the evidence, what it consists of, threshold, and the figures on dev."""
    names = risks()
    return table(
        [
            "risk",
            "name",
            "evidence",
            "documents",
            "of these approximate",
            "written",
            "threshold",
            "dev",
            "precision",
            "recall",
        ],
        [_evidence_row(risk, names[risk].zh, found, labels) for risk, found in strengths(labels).items()],
    )


def _evidence_row(risk: str, name: str, found: Evidence, labels: Labels) -> list[str]:
    threshold = labels.labels.get(risk)
    return [
        risk,
        name,
        found.strength,
        f"{found.documents:,}",
        f"{found.approximate:,}",
        f"{found.weak:,}",
        "—" if threshold is None else "silent" if threshold >= SILENT else f"{threshold:.4g}",
        f"{found.held_back:,}",
        _share(found.precision),
        _share(found.recall),
    ]


def set_table(outcome: Outcome) -> str:
    """One row a set: recall and false alarms, and recall at the usual rates."""
    return table(
        ["set", "risky", "found %", "harmless", "flagged %", *(f"recall at {rate:.1%}" for rate in RATES)],
        [
            [
                source,
                f"{figures.risky:,}",
                percent(figures.found, figures.risky),
                f"{figures.harmless:,}",
                percent(figures.alarms, figures.harmless),
                *(_share(value) for value in figures.at_rates),
            ]
            for source, figures in outcome.by_set().items()
        ],
    )


def label_table(outcome: Outcome) -> str:
    """One row a set and label that has texts there or is raised there."""
    body = []
    for source in outcome.sources:
        for label, figures in outcome.by_label(source).items():
            if figures.positives or figures.flagged:
                shares = (figures.precision, figures.recall, figures.f1)
                body.append([source, label, f"{figures.positives:,}", f"{figures.flagged:,}", *map(_share, shares)])
    return table(["set", "risk", "texts", "flagged", "precision", "recall", "F1"], body)


def _alarms_line(found: FalseAlarms | None) -> str:
    if found is None or not found.texts:
        return "No ordinary text was held back: the rate of false alarms is not known."
    return (
        f"Thresholds aim at {found.stated:.2%} of ordinary texts for all labels together. Of {found.texts:,} held-back texts"
        f" {found.flagged:,} are flagged: {found.flagged / found.texts:.3%} (95 % interval {found.low:.3%} to"
        f" {found.high:.3%})."
    )


def _data_table(rows: Sequence[Row], licences: dict[str, str]) -> str:
    sizes = Counter((row.source, row.split) for row in rows)
    harmless = Counter(row.source for row in rows if row.harmless)
    return table(
        ["source", "licence", "train", "held", "dev", "of these harmless"],
        [
            [
                source,
                licences.get(source, "—"),
                *(f"{sizes[source, split]:,}" for split in ("train", "held", "dev")),
                f"{harmless[source]:,}",
            ]
            for source in sorted({row.source for row in rows})
        ],
    )


def seed_table(seeds: Sequence[Seed]) -> str:
    """One row a risk: texts of the seed corpus that show it and texts that only look like it, by who made them."""
    sizes = Counter((seed.subject, seed.label == NONE, seed.by_hand) for seed in seeds)
    sides = [(False, True), (False, False), (True, True), (True, False)]
    body = [
        [subject, *(f"{sizes[subject, harmless, by_hand]:,}" for harmless, by_hand in sides)]
        for subject in sorted({seed.subject for seed in seeds})
    ]
    total = [f"{sum(n for key, n in sizes.items() if key[1:] == side):,}" for side in sides]
    head = ["risk", "risky, by hand", "risky, from patterns", "harmless, by hand", "harmless, from patterns"]
    return table(head, [*body, ["all", *total]])


def percent(part: int, whole: int) -> str:
    """A share in percent, a dash for a share of nothing."""
    return f"{100 * part / whole:.2f}" if whole else "—"


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def table(head: list[str], rows: Sequence[list[str]]) -> str:
    """A Markdown table; the columns behind the first are aligned to the right."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
