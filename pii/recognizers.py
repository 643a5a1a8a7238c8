"""Presidio recognizers that run the rules, one for each, and an analyzer that holds them all.

Presidio ships no Chinese recognizer, and its own for addresses and cards rely on `\\b`, which fails next to Han, so ours
replace them all. Importing it takes most of a second, hence only inside functions.
"""

import copy
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any

from pii.rule import BESIDE, CONTEXTUAL, UNSURE, Rule
from pii.rules import all_rules


@lru_cache(maxsize=1)
def recognizer_class() -> type[Any]:
    """The class of our recognizers, an EntityRecognizer of Presidio."""
    from presidio_analyzer import LocalRecognizer, RecognizerResult

    class RuleRecognizer(LocalRecognizer):  # type: ignore[misc]
        """Not a PatternRecognizer: that drops a pattern that timed out, and its validators see no surroundings."""

        def __init__(self, rule: Rule) -> None:
            self.rule = rule
            super().__init__(
                supported_entities=[rule.entity],
                supported_language="zh",
                name=rule.name,
                context=list(rule.context) or None,
            )

        def load(self) -> None: ...

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
            """Findings with their scores, the words around them included."""
            return self.results(self.rule.findings(text))

        def results(self, findings: Iterable[tuple[int, int, float]]) -> list[Any]:
            """The findings of the rule as Presidio passes them around."""
            metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: self.name}
            metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] = self.id
            return [
                RecognizerResult(self.rule.entity, start, end, score, recognition_metadata=metadata)
                for start, end, score in findings
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
            rule, kept = self.rule, []
            support = _Support(other_raw_recognizer_results, rule.beside)
            for result in raw_recognizer_results:
                unsure = result.score == UNSURE and rule.beside
                if unsure and support.stands_beside(result):
                    lifted = copy.copy(result)
                    lifted.score = CONTEXTUAL
                    kept.append(lifted)
                elif not (unsure and rule.mandatory):
                    kept.append(result)
            return kept

    return RuleRecognizer


class _Support:
    """Findings that count by themselves, of types that support others, where they can be looked up by position."""

    def __init__(self, results: Iterable[Any], wanted: frozenset[str]) -> None:
        counted = (other for other in results if other.entity_type in wanted and other.score >= CONTEXTUAL)
        spans = sorted((other.start, other.end) for other in counted)
        self.starts = [start for start, _ in spans]
        self.ends = list(accumulate((end for _, end in spans), max))  # the farthest end so far

    def stands_beside(self, result: Any) -> bool:
        """Whether one of them stands within BESIDE characters."""
        before = bisect_right(self.starts, result.end + BESIDE)
        return before > 0 and self.ends[before - 1] >= result.start - BESIDE


def recognizers(rules: Iterable[Rule] | None = None) -> list[Any]:
    """Our recognizers, to be added to a registry of your own."""
    return [recognizer_class()(rule) for rule in (all_rules() if rules is None else rules)]


def build_analyzer() -> Any:
    """A Presidio AnalyzerEngine with our rules alone: no language model, no download, no default recognizers."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    engine, enhancer = _stand_ins()
    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=recognizers(), supported_languages=["zh"]),
        nlp_engine=engine(),
        supported_languages=["zh"],
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

    return NoLanguageModel, NoContext
