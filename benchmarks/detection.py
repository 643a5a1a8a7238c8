"""How well the default library, classifier and policy detect: on labelled documents, and on ordinary text.

Only documents count (`form` = content): a prompt is no document. The labelled sets are not part of the project.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard

from benchmarks.sources import Flags, Pool
from lexicon.library import load_library
from models import STARTER_MODEL
from models.evaluation import strengths
from models.seeding import SEEDS, load_seeds
from pipeline.accounting.known_answers import known_answer_rows
from pipeline.accounting.statistics import wilson
from pipeline.detectors import Detectors
from pipeline.terminal.texts import batches_of
from schemas.policy import load_policy
from schemas.profile import load_profile
from schemas.risks import risks
from schemas.sources import Fields
from transforms.classifier import Classifier, read_labels
from transforms.decide import Decider, Verdict
from transforms.keywords import Keywords
from transforms.text import TextBatch

MAX_ORDINARY = 0.005  # of the documents of every source of ordinary text
_BATCH = 1024
# Families of the source-level experiment: sets, and the risks of theirs that belong to the family.
FAMILIES = {
    "歧视与辱骂 / abuse and discrimination": (("cold", "swsr", "hed_cold"), "A2"),
    "电话诈骗 / fraud dialogues": (("teleantifraud_dialog",), "A1-h"),
    "诈骗、赌博、色情、黑产信息 / fraud, gambling, porn, grey-market messages": (
        ("chineseharm", "fbs_spam_sms"),
        "A1-f A1-h A3-e",
    ),
}
MESSAGES = ("chineseharm", "fbs_spam_sms")
MESSAGE_RISKS = ("A1-f", "A1-h", "A3-e")


@dataclass(frozen=True)
class Labelled:
    """A labelled document: its set, the upstream label, the risk (`none` where harmless, None where unmapped)."""

    set: str
    group: str  # shippable | eval_only
    label: str
    risk: str | None
    text: str


@dataclass
class Judged:
    """Documents with what was decided of each."""

    documents: list[Labelled] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def where(self, wanted: Iterable[bool]) -> "Judged":
        """The documents for which `wanted` holds."""
        kept = [i for i, keep in enumerate(wanted) if keep]
        return Judged([self.documents[i] for i in kept], [self.verdicts[i] for i in kept])

    @property
    def flags(self) -> Flags:
        """A row a document: a violation, a violation or candidate."""
        rows = [(bool(v.risks), bool(v.risks or v.candidates)) for v in self.verdicts]
        return np.array(rows, dtype=np.bool_).reshape(-1, 2)


class DefaultDetectors:
    """What a run uses when the configuration names nothing."""

    @cached_property
    def detectors(self) -> Detectors:
        library = load_library([])
        labels = read_labels(STARTER_MODEL).labels
        decider = Decider(load_policy(None), load_profile("tc260-003"), library, labels)
        return Detectors({"keywords": Keywords(library), "classifier": Classifier(STARTER_MODEL)}, decider)

    def judge(self, texts: Sequence[str]) -> list[Verdict]:
        """What is decided of each text."""
        found: list[Verdict] = []
        for start in range(0, len(texts), _BATCH):
            column = pa.array(texts[start : start + _BATCH], pa.large_string())
            found += self.detectors.decide_texts(TextBatch(pa.record_batch([column], names=["text"])))
        return found


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a compressed JSON Lines file."""
    with path.open("rb") as handle, zstandard.ZstdDecompressor().stream_reader(handle) as stream:
        for line in stream.read().split(b"\n"):
            if line:
                yield json.loads(line)


def judged_sets(detectors: DefaultDetectors, data: Path) -> dict[str, Judged]:
    """The dev documents of every labelled set, judged."""
    found = {}
    for group in ("shippable", "eval_only"):
        for path in sorted((data / "labelled" / group).glob("*.jsonl.zst")):
            name = path.name.partition(".")[0]
            rows = [row for row in lines(path) if row["split"] == "dev" and row["form"] == "content"]
            documents = [Labelled(name, group, str(row["label"]), row["risk"], row["text"]) for row in rows]
            if documents:
                found[name] = Judged(documents, detectors.judge([one.text for one in documents]))
    return found


def _share(flags: Flags, column: int = 0) -> str:
    """A share with its two-sided 95 % interval."""
    if not len(flags):
        return "—"
    found = int(flags[:, column].sum())
    low, high = wilson(found, len(flags))
    return f"{found / len(flags):.1%} ({low:.1%}–{high:.1%})"


def show_sets(judged: dict[str, Judged]) -> None:
    """One row a set: what is flagged of its risky and of its harmless documents."""
    print("\nlabelled sets, dev split, documents only; library, classifier and policy as they ship; 95 % intervals")
    print(f"{'set':34}{'risky':>7}{'flagged':>22}{'+ candidates':>14}{'harmless':>10}{'flagged':>22}")
    for name, own in judged.items():
        risky = own.where(one.risk not in (None, "none") for one in own.documents).flags
        harmless = own.where(one.risk == "none" for one in own.documents).flags
        if len(risky) or len(harmless):
            seen = f"{risky[:, 1].mean():.1%}" if len(risky) else "—"
            group = own.documents[0].group
            print(
                f"{f'{group}/{name}':34}{len(risky):>7,}{_share(risky):>22}{seen:>14}{len(harmless):>10,}{_share(harmless):>22}"
            )


def show_messages(judged: dict[str, Judged]) -> None:
    """The evaluation-only messages by upstream label: which kinds are found, and which are missed."""
    print("\nevaluation-only messages about fraud, gambling, pornography and grey-market goods, by upstream label")
    print(
        f"{'set: label':44}{'risk':6}{'documents':>10}{'flagged':>22}{'+ candidates':>14}{'keywords':>10}{'classifier':>12}"
    )
    every = Judged()
    for name in MESSAGES:
        if name not in judged:
            continue
        own = judged[name].where(one.risk in MESSAGE_RISKS for one in judged[name].documents)
        every.documents += own.documents
        every.verdicts += own.verdicts
        for label in sorted({one.label for one in own.documents}):
            part = own.where(one.label == label for one in own.documents)
            _message_row(f"{name}: {label}", part.documents[0].risk or "", part)
    _message_row("all", "", every)


def _message_row(title: str, risk: str, part: Judged) -> None:
    if part.documents:
        by = [
            np.mean([bool(getattr(v, name)) for v in part.verdicts]) for name in ("keyword_risks", "classifier_risks")
        ]
        print(
            f"{title[:43]:44}{risk:6}{len(part.documents):>10,}{_share(part.flags):>22}{part.flags[:, 1].mean():>14.1%}"
            f"{by[0]:>10.1%}{by[1]:>12.1%}"
        )


def ordinary(detectors: DefaultDetectors, data: Path) -> dict[str, list[Verdict]]:
    """The documents of every source of the corpus that have no gold label, judged."""
    labelled = {row["id"] for row in lines(data / "corpus_gold.jsonl.zst")}
    found: dict[str, list[Verdict]] = {}
    for folder in sorted(path for path in (data / "corpus").iterdir() if path.is_dir()):
        verdicts: list[Verdict] = []
        for batch in batches_of([str(folder)], Fields()):
            ids = batch.records.column("native_id").to_pylist()
            own = detectors.detectors.decide_texts(batch)
            verdicts += [verdict for key, verdict in zip(ids, own, strict=True) if key not in labelled]
        if verdicts:
            found[folder.name] = verdicts
    return found


def show_ordinary(found: dict[str, list[Verdict]]) -> None:
    """One row a source: what is flagged of text nearly all of which is harmless, and for which risks."""
    print(
        f"\nordinary text (corpus without gold-labelled documents); wanted: at most {MAX_ORDINARY:.1%} flagged in every source"
    )
    print(f"{'source':24}{'documents':>10}{'flagged':>22}{'+ candidates':>14}  most often")
    for source, verdicts in found.items():
        flags = Judged(verdicts=verdicts).flags
        often = Counter(risk for verdict in verdicts for risk in verdict.risks).most_common(4)
        mark = " " if flags[:, 0].mean() <= MAX_ORDINARY else "!"
        shown = ", ".join(f"{risk} {count}" for risk, count in often)
        print(f"{source:24}{len(verdicts):>10,}{_share(flags):>22}{flags[:, 1].mean():>14.2%} {mark} {shown}")


def show_risks(detectors: DefaultDetectors, judged: dict[str, Judged]) -> None:
    """One row a risk: how strong the evidence is, and what is found of it where anything can be measured."""
    evidence = strengths(read_labels(STARTER_MODEL))
    known = {row["risk_id"]: row for row in known_answer_rows(detectors.detectors)}
    seeds = load_seeds(SEEDS / "eval")
    verdicts = detectors.judge([seed.text for seed in seeds])
    print(
        "\nby risk: real documents of the dev splits, texts the project wrote for evaluation (weak), known answers of every audit"
    )
    print(
        f"{'risk':6}{'evidence':10}{'real':>7}{'found':>8}{'written':>9}{'found':>8}{'near-misses':>13}{'flagged':>9}{'known':>7}{'found':>8}"
    )
    for risk in risks():
        own = [v for j in judged.values() for d, v in zip(j.documents, j.verdicts, strict=True) if d.risk == risk]
        written = [v for seed, v in zip(seeds, verdicts, strict=True) if seed.label == risk]
        near = [v for seed, v in zip(seeds, verdicts, strict=True) if seed.label == "none" and seed.subject == risk]
        row = known.get(risk)
        cells = [
            f"{len(own):>7,}{_recall(own, risk):>8}",
            f"{len(written):>9,}{_recall(written, risk):>8}",
            f"{len(near):>13,}{_any(near):>9}",
            f"{row['texts']:>7,}{row['found'] / row['texts']:>8.0%}" if row else f"{'—':>7}{'—':>8}",
        ]
        print(f"{risk:6}{evidence[risk].strength:10}{''.join(cells)}")


def _recall(verdicts: Sequence[Verdict], risk: str) -> str:
    return f"{np.mean([risk in verdict.risks for verdict in verdicts]):.0%}" if verdicts else "—"


def _any(verdicts: Sequence[Verdict]) -> str:
    return f"{np.mean([bool(verdict.risks) for verdict in verdicts]):.1%}" if verdicts else "—"


def pools(judged: dict[str, Judged], found: dict[str, list[Verdict]]) -> list[Pool]:
    """For each family two pools: its risky documents among ordinary text, and among harmless rows of its own sets."""
    plain = Judged(verdicts=[v for name in ("zh_news", "zh_qa", "zh_tech_blog") for v in found.get(name, [])]).flags
    result = []
    for title, (sets, wanted) in FAMILIES.items():
        own = [judged[name] for name in sets if name in judged]
        if not own:
            continue
        risky = [j.where((d.risk or "").startswith(tuple(wanted.split())) for d in j.documents).flags for j in own]
        harmless = [j.where(d.risk == "none" for d in j.documents).flags for j in own]
        if len(plain):
            result.append(Pool(f"{title}, among ordinary text", np.concatenate(risky), plain))
        if sum(map(len, harmless)) >= 100:
            pool = Pool(
                f"{title}, among harmless rows of the same sets", np.concatenate(risky), np.concatenate(harmless)
            )
            result.append(pool)
    return result
