"""Presidio recognizers that run the rules, one for each, and an analyzer that holds them all.

Presidio ships no Chinese recognizer, and its own for addresses and cards rely on `\\b`, which fails next to Han, so ours
replace them all. Importing it takes most of a second, hence only inside functions: a scan never does.

They read text as it is and find in it what the detector finds, which runs the same rules without them; a test compares.
"""

import copy
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pii.rule import Rule, fold
from pii.rules import all_rules
from pii.support import supported
from pii.unseen import seen


@lru_cache(maxsize=1)
def recognizer_class() -> type[Any]:
    """The class of our recognizers, an EntityRecognizer of Presidio."""
    from presidio_analyzer import LocalRecognizer, RecognizerResult

    class RuleRecognizer(LocalRecognizer):  # type: ignore[misc]
        """Not a PatternRecognizer: that drops a pattern that timed out, and its validators see no surroundings."""

        def __init__(self, rule: Rule, language: str) -> None:
            self.rule = rule
            super().__init__(
                supported_entities=[rule.entity],
                supported_language=language,
                name=rule.name,
                context=list(rule.context) or None,
            )

        def __reduce__(self) -> tuple[Any, ...]:
            """Rules that ship travel by name, others if they can."""
            state = {name: value for name, value in vars(self).items() if name != "rule"}
            shipped = _shipped().get(self.rule.name) is self.rule
            return _recognizer, (self.rule.name if shipped else self.rule, self.supported_language), state

        def load(self) -> None: ...

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            """Findings in text as it is with their scores, the words around them included. Raises RuleTimeoutError."""
            what = seen(text)
            metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
            metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] = self.id
            return [
                RecognizerResult(self.rule.entity, *what.original(start, end), score, recognition_metadata=metadata)
                for start, end, score in self.rule.findings(fold(what.text))
            ]

        def enhance_using_context(
            self,
            text: str,
            raw_recognizer_results: list[Any],
            other_raw_recognizer_results: list[Any],
            *_: Any,
            **__: Any,
        ) -> list[Any]:
            """Findings that needed others beside them, lifted or dropped. The raw ones stay as they are."""
            if not self.rule.beside:
                return raw_recognizer_results
            kept = []
            others = supported(self.rule, raw_recognizer_results, other_raw_recognizer_results, seen(text).visible)
            for result, score in others:
                lifted = result if score == result.score else copy.copy(result)
                lifted.score = score
                kept.append(lifted)
            return kept

    return RuleRecognizer


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Rule]:
    return {rule.name: rule for rule in all_rules()}


def _recognizer(rule: Rule | str, language: str) -> Any:
    return recognizer_class()(_shipped()[rule] if isinstance(rule, str) else rule, language)


def recognizers(rules: Iterable[Rule] | None = None, language: str = "zh") -> list[Any]:
    """Our recognizers, to be added to a registry of your own; `language` is what Presidio is to ask them for."""
    return [_recognizer(rule, language) for rule in (all_rules() if rules is None else rules)]


def build_analyzer(language: str = "zh") -> Any:
    """A Presidio AnalyzerEngine with our rules alone: no language model, no download, no default recognizers.

    Its results may overlap; `pii.find` leaves one of any that do.
    """
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    engine, enhancer = _stand_ins()
    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=recognizers(language=language), supported_languages=[language]),
        nlp_engine=engine(language),
        supported_languages=[language],
        context_aware_enhancer=enhancer(0, 0, 0, 0),
    )


def _stand_ins() -> tuple[Any, Any]:
    """Classes for what the analyzer insists on and the rules have no use for."""
    from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class NoContext(ContextAwareEnhancer):  # type: ignore[misc]
        """The recognizers look at the characters around their hits themselves; the default needs lemmas."""

        def enhance_using_context(self, text: str, raw_results: list[Any], *_: Any, **__: Any) -> list[Any]:
            return raw_results

    class NoLanguageModel(NlpEngine):  # type: ignore[misc]
        """Answers every text with the same empty analysis."""

        def __init__(self, language: str) -> None:
            self.language = language
            self.nothing = NlpArtifacts([], [], [], [], None, language)

        def load(self) -> None: ...

        def is_loaded(self) -> bool:
            return True

        def process_text(self, text: str, language: str) -> Any:
            return self.nothing

        def process_batch(self, texts: Any, language: str, *_: Any, **__: Any) -> Any:
            return ((text, self.nothing) for text in texts)

        def is_stopword(self, word: str, language: str) -> bool:
            return False

        def is_punct(self, word: str, language: str) -> bool:
            return False

        def get_supported_entities(self) -> list[str]:
            return []

        def get_supported_languages(self) -> list[str]:
            return [self.language]

    return NoLanguageModel, NoContext
