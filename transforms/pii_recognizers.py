"""The Presidio analyzer that runs the rules of transforms/pii_rules.py.

Presidio ships no Chinese recognizer and its own fail next to Han, so ours replace them all. What is left to it is what
it is for: a registry of recognizers, context, scores, and one way to ask. Importing it takes most of a second, hence
only inside `build_analyzer`.
"""

import re
from typing import Any

from transforms.pii_rules import CONTEXTUAL, LOOK_AHEAD, LOOK_BEHIND, REJECTED, RULES, UNSURE, Rule, context_words


def build_analyzer() -> Any:
    """A Presidio AnalyzerEngine with our rules alone: no language model, no download, no default recognizers."""
    from presidio_analyzer import AnalyzerEngine, LocalRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
    from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

    class RuleRecognizer(LocalRecognizer):  # type: ignore[misc]
        """Not a PatternRecognizer: that drops a pattern that timed out, and its validators see no surroundings."""

        def __init__(self, rule: Rule) -> None:
            self.rule = rule
            self.regex = re.compile(rule.pattern)
            self.words = context_words(rule.context)
            super().__init__(supported_entities=[rule.entity], supported_language="zh", name=rule.name)

        def load(self) -> None: ...

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
            metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] = self.id
            return [
                RecognizerResult(self.rule.entity, *found.span(), score, recognition_metadata=metadata)
                for found in self.regex.finditer(text)
                if (score := self.rule.check(text, *found.span())) > REJECTED
            ]

        def enhance_using_context(self, text: str, raw_recognizer_results: list[Any], *_: Any, **__: Any) -> list[Any]:
            for result in raw_recognizer_results:
                if result.score == UNSURE:
                    after = text[result.end : result.end + LOOK_AHEAD]
                    if self.words.search(text[max(0, result.start - LOOK_BEHIND) : result.start]) or self.words.search(
                        after
                    ):
                        result.score = CONTEXTUAL
            return raw_recognizer_results

    class NoContext(ContextAwareEnhancer):  # type: ignore[misc]
        """The recognizers look at the characters around their hits themselves; the default needs lemmas."""

        def enhance_using_context(self, text: str, raw_results: list[Any], *_: Any, **__: Any) -> list[Any]:
            return raw_results

    class NoLanguageModel(NlpEngine):  # type: ignore[misc]
        """Answers every text with the same empty analysis."""

        def __init__(self) -> None:
            self.nothing = NlpArtifacts([], [], [], [], None, "zh")

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
            return ["zh"]

    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=[RuleRecognizer(rule) for rule in RULES], supported_languages=["zh"]),
        nlp_engine=NoLanguageModel(),
        supported_languages=["zh"],
        context_aware_enhancer=NoContext(0, 0, 0, 0),
    )
