"""Presidio recognizers that run the rules, one for each, and an analyzer that holds them all.

Presidio ships no Chinese recognizer, and its own for addresses and cards rely on `\\b`, which fails next to Han, so ours
replace them all. Importing it takes most of a second, hence only inside functions.

What Presidio asks, `analyze` and `enhance_using_context`, is about text as it is; the rest is about folded text without
characters that cannot be seen, as the detector has it.
"""

import copy
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import accumulate
from typing import Any

from pii.rule import BESIDE, CONTEXTUAL, UNSURE, Rule, fold
from pii.rules import all_rules
from pii.unseen import Seen, seen


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
            findings = self.rule.findings(fold(what.text))
            return self.results((*what.original(start, end), score) for start, end, score in findings)

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
            if not self.rule.beside:
                return raw_recognizer_results
            return self.supported(raw_recognizer_results, other_raw_recognizer_results, seen(text))

        def supported(self, results: Iterable[Any], others: Iterable[Any], what: Seen | None = None) -> list[Any]:
            """The same for results in what is seen, or in the text it was seen of."""
            rule, kept = self.rule, []
            place: _Place = _as_they_stand if what is None else what.visible
            support = _Support(others, rule.beside, place)
            for result in results:
                unsure = result.score == UNSURE and rule.beside
                if unsure and support.stands_beside(result):
                    lifted = copy.copy(result)
                    lifted.score = CONTEXTUAL
                    kept.append(lifted)
                elif not (unsure and rule.mandatory):
                    kept.append(result)
            return kept

    return RuleRecognizer


_Place = Callable[[int, int], tuple[int, int]]


def _as_they_stand(start: int, end: int) -> tuple[int, int]:
    return start, end


class _Support:
    """Findings that count by themselves, of types that support others, where they can be looked up by position."""

    def __init__(self, results: Iterable[Any], wanted: frozenset[str], place: _Place) -> None:
        self.place = place
        counted = (other for other in results if other.entity_type in wanted and other.score >= CONTEXTUAL)
        spans = sorted(place(other.start, other.end) for other in counted)
        self.starts = [start for start, _ in spans]
        self.ends = list(accumulate((end for _, end in spans), max))  # the farthest end so far

    def stands_beside(self, result: Any) -> bool:
        """Whether one of them stands within BESIDE characters."""
        start, end = self.place(result.start, result.end)
        before = bisect_right(self.starts, end + BESIDE)
        return before > 0 and self.ends[before - 1] >= start - BESIDE


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
