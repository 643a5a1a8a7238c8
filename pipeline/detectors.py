"""The detectors of a run: the scan's stages and the decider, loaded from what the configuration names."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from models import STARTER_MODEL
from pipeline.config import Config
from pipeline.confirmation.answers import AnswerStore
from pipeline.errors import UsageError
from pipeline.libraries import find_library
from pipeline.scan import Base
from schemas.loading import DocumentError
from transforms.classifier import LABELS_FILE, Classifier, Labels, ModelError, read_labels, trained_on_file
from transforms.confirm import Confirm
from transforms.decide import NOT_ASKED, Decider, Verdict
from transforms.fingerprint import Fingerprint
from transforms.keywords import Keywords, VariantError
from transforms.pii import PersonalInformation
from transforms.rights import Rights
from transforms.scorers import ScorerError, make_scorer
from transforms.text import Stage, TextBatch
from transforms.tokens import TokenizerError, Tokens

# Libraries whose version can change what a detector finds; recorded with every run.
LIBRARIES = (
    "apache-beam",
    "pyarrow",
    "duckdb",
    "fasttext-community",
    "pyahocorasick",
    "datasketch",
    "presidio-analyzer",
    "jieba",
    "opencc",
    "tldextract",
    "protego",
    "tokenizers",
)


# Stages that measure and decide nothing: a lift, bound to the rules, outlives a change of the tokenizer.
MEASURES = frozenset({"tokens", "rights"})


@dataclass
class Detectors:
    """Stages by the layer they fill, and the decider. Picklable: models stay behind and load where they are used."""

    stages: dict[str, Stage]
    decider: Decider
    confirm: Confirm | None = None
    library_key: str = ""  # under which the compiled library is committed; empty where it cannot be

    @property
    def confirming(self) -> Confirm | None:
        """The confirming scorer where decisions rest on it, as opposed to the technical sample alone."""
        confirm = self.confirm
        return confirm if confirm is not None and confirm.settings.scope != "technical_sample" else None

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all stages that can decide, and of the rules: a lift holds for them, so the source rate is one."""
        content = [
            sorted((name, stage.fingerprint()) for name, stage in self.stages.items() if name not in MEASURES),
            self.decider.fingerprint(),
            self.decider.profile.source_rate.maximum,
            *([self.confirm.fingerprint()] if self.confirm else ()),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def _optional(self) -> tuple[str, ...]:
        return ("onnxruntime",) if self.confirm is not None and self.confirm.settings.kind == "onnx" else ()

    @property
    def labels(self) -> Labels:
        """What the model folder says of the classifier's labels."""
        classifier = self.stages["classifier"]
        assert isinstance(classifier, Classifier)
        return read_labels(classifier.model_dir)

    @property
    def trained_on(self) -> Path | None:
        """The file that lists the verdicts which trained the classifier, if any did."""
        classifier = self.stages["classifier"]
        assert isinstance(classifier, Classifier)
        return trained_on_file(classifier.model_dir)

    @property
    def _labels_sha256(self) -> str:
        """Digest of the model's labels.json: what it says of evidence enters no fingerprint."""
        classifier = self.stages["classifier"]
        assert isinstance(classifier, Classifier)
        return hashlib.sha256((classifier.model_dir / LABELS_FILE).read_bytes()).hexdigest()

    def versions(self) -> dict[str, Any]:
        """What the run was computed with."""
        confirm = {"confirm": self.confirm.fingerprint()} if self.confirm else {}
        return {
            "stages": {name: stage.fingerprint() for name, stage in sorted(self.stages.items())} | confirm,
            "salt": self.salt_id,
            "decider": self.decider.fingerprint(),
            "lexicon_sha256": self.decider.library.sha256,
            "lexicon_terms": len(self.decider.library.entries),
            "thresholds": dict(sorted(self.decider.thresholds.items())),
            "labels_sha256": self._labels_sha256,
            "libraries": {name: metadata.version(name) for name in (*LIBRARIES, *self._optional)},
        }

    @property
    def salt_id(self) -> str:
        """Which salt digests of personal information are made under, empty without one; no digest of the rules has it."""
        stage = self.stages["pii"]
        assert isinstance(stage, PersonalInformation)
        return stage.variant

    def salted(self, salt: bytes) -> "Detectors":
        """With digests of personal information made under this salt, that of the output folder."""
        return replace(self, stages=self.stages | {"pii": PersonalInformation(salt)})

    def shared_among(self, workers: int) -> "Detectors":
        """As each of so many workers uses them: limits of the confirming scorer are divided. Raises UsageError."""
        try:
            return replace(self, confirm=self.confirm.shared_among(workers)) if self.confirm else self
        except ScorerError as error:
            raise UsageError(str(error)) from None

    def facts(self, batch: TextBatch) -> dict[str, pa.RecordBatch]:
        """The layers decisions are made from, of documents held in memory."""
        facts = {name: stage(batch) for name, stage in self.stages.items() if name != "fingerprint"}
        if self.confirming is not None:
            facts["confirm"] = self.confirming(batch, facts["keywords"], facts["classifier"])
        return facts

    def decide_texts(self, batch: TextBatch) -> list[Verdict]:
        """What is decided of texts that stand for themselves, without source and place."""
        return self.judge_texts(batch)[0]

    def judge_texts(self, batch: TextBatch) -> tuple[list[Verdict], list[str | None]]:
        """The same, with the reason for each text the confirming scorer gave no answer for."""
        facts = {name: self.stages[name](batch) for name in ("keywords", "classifier")}
        columns = [facts["keywords"].column("hits"), facts["classifier"].column("scores")]
        unscored: list[str | None] = [None] * len(batch)
        if self.confirming is not None:
            confirmed = self.confirming(batch, facts["keywords"], facts["classifier"])
            columns.append(confirmed.column("scores"))
            unscored = confirmed.column("unscored").to_pylist()
            columns.append(confirmed.column("asked"))
        verdicts = []
        for row, (hits, scores, *rest) in enumerate(zip(*(column.to_pylist() for column in columns), strict=True)):
            said, asked = rest or (None, False)
            verdict = self.decider.judge(hits or [], scores or [], said or (), asked)
            if verdict.not_asked:
                unscored[row] = unscored[row] or NOT_ASKED
            verdicts.append(verdict)
        return verdicts, unscored


def load_detectors(config: Config) -> Detectors:
    """Loads and checks everything, so that no run starts with half a library. Raises UsageError."""
    problems: list[str] = []
    keywords, classifier, key = None, None, ""
    try:
        library, key = find_library(config.lexicons, config.scans)
        keywords = Keywords(library, config.matching.variants)
    except DocumentError as error:
        problems += error.problems
    except VariantError as error:
        problems.append(f"matching.variants: {error}")
    try:
        classifier = Classifier(config.classifier_model or Path(str(STARTER_MODEL)))
        thresholds = read_labels(classifier.model_dir).labels
        classifier.fingerprint()
        trained_on_file(classifier.model_dir)
    except ModelError as error:
        problems.append(str(error))
    tokens = Tokens(config.tokenizer, config.tokenizer_share) if config.tokenizer else None
    if tokens is not None:
        try:
            tokens.check()
        except TokenizerError as error:
            problems.append(f"tokenizer: {error}")
    scorer = None
    if config.confirm is not None:
        try:
            scorer = make_scorer(config.confirm)
            scorer.fingerprint()
        except ScorerError as error:
            problems += str(error).splitlines()
    if keywords is None or classifier is None or problems:
        raise UsageError(problems)
    stages: dict[str, Stage] = {
        "base": Base(),
        "keywords": keywords,
        "classifier": classifier,
        "pii": PersonalInformation(),
        "fingerprint": Fingerprint(),
        "rights": Rights(),
    }
    if tokens is not None:
        stages["tokens"] = tokens
    decider = Decider(config.policy, config.profile, keywords.library, thresholds)
    if config.confirm is None or scorer is None:
        return Detectors(stages, decider, library_key=key)
    first_line = f"{stages['keywords'].fingerprint()}/{stages['classifier'].fingerprint()}"
    answers = AnswerStore(config.scans, scorer.fingerprint())
    return Detectors(stages, decider, Confirm(config.confirm, scorer, keywords.library, first_line, answers), key)
