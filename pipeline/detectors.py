"""The detectors of a run: the scan's stages and the decider, loaded from what the configuration names."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from lexicon.library import load_library
from models import STARTER_MODEL
from pipeline.config import Config
from pipeline.errors import UsageError
from pipeline.scan import Base
from schemas.loading import DocumentError
from transforms.classifier import Classifier, ModelError, read_labels
from transforms.decide import Decider
from transforms.fingerprint import Fingerprint
from transforms.keywords import Keywords
from transforms.pii import PersonalInformation
from transforms.text import Stage
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
_MEASURES = frozenset({"tokens"})


@dataclass
class Detectors:
    """Stages by the layer they fill, and the decider. Picklable: models stay behind and load where they are used."""

    stages: dict[str, Stage]
    decider: Decider

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all stages that can decide, and of the rules."""
        content = [
            sorted((name, stage.fingerprint()) for name, stage in self.stages.items() if name not in _MEASURES),
            self.decider.fingerprint(),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def versions(self) -> dict[str, Any]:
        """What the run was computed with."""
        return {
            "stages": {name: stage.fingerprint() for name, stage in sorted(self.stages.items())},
            "decider": self.decider.fingerprint(),
            "lexicon_sha256": self.decider.library.sha256,
            "lexicon_terms": len(self.decider.library.entries),
            "libraries": {name: metadata.version(name) for name in LIBRARIES},
        }


def load_detectors(config: Config) -> Detectors:
    """Loads and checks everything, so that no run starts with half a library. Raises UsageError."""
    problems: list[str] = []
    library, classifier = None, None
    try:
        library = load_library(config.lexicons)
    except DocumentError as error:
        problems += error.problems
    try:
        classifier = Classifier(config.classifier_model or Path(str(STARTER_MODEL)))
        thresholds = read_labels(classifier.model_dir).labels
        classifier.fingerprint()
    except ModelError as error:
        problems.append(str(error))
    tokens = Tokens(config.tokenizer, config.tokenizer_share) if config.tokenizer else None
    if tokens is not None:
        try:
            tokens.check()
        except TokenizerError as error:
            problems.append(f"tokenizer: {error}")
    if library is None or classifier is None or problems:
        raise UsageError(problems)
    stages: dict[str, Stage] = {
        "base": Base(),
        "keywords": Keywords(library),
        "classifier": classifier,
        "pii": PersonalInformation(),
        "fingerprint": Fingerprint(),
    }
    if tokens is not None:
        stages["tokens"] = tokens
    return Detectors(stages, Decider(config.policy, config.profile, library, thresholds))
