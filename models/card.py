"""The model card of the starter classifier: what it was trained on, how well it does, what it cannot do."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from transforms.classifier import MODEL_FILE, NONE, known_risks

LICENCES = {
    "chbias_weibo": "MIT",
    "cold": "Apache-2.0",
    "davidson_en": "MIT",
    "edos_en": "CC0-1.0",
    "halluqa": "Apache-2.0",
    "hed_cold": "MIT",
    "jade_db": "MIT",
    "swsr": "MIT",
    "teleantifraud_dialog": "Apache-2.0",
    "uhgeval_news": "Apache-2.0",
    "zh_law": "statutes and judicial documents: no copyright",
    "zh_poetry": "MIT",
    "zh_classical_modern": "MIT",
    "zh_encyclopedia": "Apache-2.0 (KdConv), CC-BY-SA-4.0 (Wikipedia via CMRC 2018)",
}

_LIMITS = """\
## Limits

- **It knows {known} of the 31 risks.** Of the others it says nothing, which is not a score of zero: {unknown}.
- `A1-h` was learnt from telephone dialogues between a fraudster and a called person, written by a language model. Its
  figures on the dev split are those of recognising such dialogues; fraud in advertisements or short messages, gambling
  and forged papers are another kind of text: see "Other kinds of the same risks".
- The discrimination labels were learnt from short posts and comments (Weibo, Zhihu; English only for `A2-e`: Reddit and
  Gab), many found by keyword. They react to the subject as well as to the attitude: condemnation, quotation and satire
  of an insult are flagged too. `A2-a` also holds skin colour and some nationality (`A2-c` has no examples of its own);
  `A2-f` and `A2-i` (appearance) come from rows chosen by keyword, of which many are harmless.
- The ordinary text the thresholds were chosen on (statutes, poems, classics with translation, encyclopaedia) is further
  from the risky posts than the text of the open web. The last rows under "False alarms" show what that costs.
- Characters are the tokens: English is read letter by letter, and obfuscation by homophones is caught only as far as
  the training data show it.
- A starting point for sampling and review, not a verdict: a document is not harmful because it is flagged, a corpus not
  clean because nothing is. For more, train on labelled documents of your own corpus.
"""


@dataclass(frozen=True)
class LabelFigures:
    """How a label does on the dev split at its threshold."""

    threshold: float
    positives: int
    precision: float
    recall: float


@dataclass(frozen=True)
class Alarms:
    """Texts not labelled risky, and how many of them are flagged, by label and under `any`."""

    texts: int
    flagged: Counter[str]


@dataclass(frozen=True)
class Evaluation:
    """The measured part of the card."""

    by_label: Mapping[str, LabelFigures]
    alarms: Mapping[str, Alarms]
    transfer: Mapping[tuple[str, str], Alarms]  # by foreign set and risk: here every text is risky


def render(
    head: Mapping[str, object],
    parameters: Mapping[str, object],
    sizes: Mapping[tuple[str, str, str], int],
    measured: Evaluation,
    left_out: Mapping[str, str],
) -> str:
    """The card as Markdown."""
    labels = list(measured.by_label)
    unknown = sorted(known_risks() - set(labels))
    sections = [
        f"# Starter risk classifier, version {head['version']}",
        "fastText, one against all, over the single characters of the folded text (transforms/classifier.py). A"
        " document is scored in windows of 600 characters. Written by `python -m models.train`, not by hand.",
        f"- `{MODEL_FILE}`: {head['bytes']:,} bytes, sha256 `{head['sha256']}`",
        "- Parameters: " + ", ".join(f"{key} {value}" for key, value in parameters.items()),
        "## On the dev split",
        _table(
            ["label", "threshold", "documents", "precision", "recall"],
            [
                [label, f"{f.threshold:.2f}", f"{f.positives:,}", f"{f.precision:.3f}", f"{f.recall:.3f}"]
                for label, f in measured.by_label.items()
            ],
        ),
        "The thresholds were chosen on this split. Precision counts a document under a wrong risk as wrong and depends"
        " on the share of risky documents, which is far higher here than in a corpus.",
        "## False alarms",
        "Documents flagged at the thresholds above, % of the documents. Rows marked (dev): texts labelled benign, and"
        " held-back pieces of ordinary text. The other rows are whole documents of corpora that were neither trained on"
        " nor used to choose a threshold; documents with a label of their own are left out, so most of what is flagged"
        " there, not all of it, is a false alarm.",
        _table(
            ["source", "documents", "any", *labels],
            [
                [source, f"{alarms.texts:,}", *(_percent(alarms, label) for label in ("any", *labels))]
                for source, alarms in measured.alarms.items()
            ],
        ),
        "## Other kinds of the same risks",
        "Documents of sets that were not trained on, all labelled with the risk: % flagged with any risk, and with this"
        " one. They are other kinds of text (advertisements, short messages): expect no more of new material.",
        _table(
            ["set", "risk", "documents", "flagged", "with this risk"],
            [
                [source, risk, f"{found.texts:,}", _percent(found, "any"), _percent(found, risk)]
                for (source, risk), found in measured.transfer.items()
            ],
        ),
        "## Training data",
        _table(
            ["source", "licence", "train", "dev", "of these benign"],
            [_source_row(source, sizes) for source in sorted({source for source, _, _ in sizes})],
        ),
        "Documents only (`form` content), each text once, telephone dialogues and other long texts as several windows."
        " Texts labelled benign in one place and risky in another are dropped. Notices: NOTICE.md.",
        "Left out:\n" + "\n".join(f"- {name}: {why}" for name, why in left_out.items()),
        _LIMITS.format(known=len(labels), unknown=", ".join(unknown)).rstrip(),
        "## To reproduce",
        "```\npip install fasttext-community==0.11.9\npython -m models.train --data DATA --out models/starter\n```",
        "The same data give the same bytes again on one machine. Another distribution of fastText starts from other"
        " random numbers (docs/adr/0004), and another processor may round differently.",
    ]
    return "\n\n".join(sections) + "\n"


def _source_row(source: str, sizes: Mapping[tuple[str, str, str], int]) -> list[str]:
    def count(split: str | None = None, label: str | None = None) -> str:
        return (
            f"{sum(n for (s, p, x), n in sizes.items() if s == source and p in (split or p) and x == (label or x)):,}"
        )

    return [source, LICENCES[source], count("train"), count("dev"), count(label=NONE)]


def _percent(alarms: Alarms, label: str) -> str:
    return f"{100 * alarms.flagged[label] / alarms.texts:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
