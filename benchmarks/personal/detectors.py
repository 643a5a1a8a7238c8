"""The detectors compared: ours, and the recognizers Presidio brings, as far as they can be used on Chinese."""

from collections.abc import Iterable, Iterator
from typing import Any

import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    PhoneRecognizer,
)

from benchmarks.personal.scoring import Detector, Found

COUNTED = frozenset({"validated", "contextual"})
LANGUAGE = "zh"
_NAMES = {
    "EMAIL_ADDRESS": "EMAIL",
    "CREDIT_CARD": "BANK_CARD",
    "IP_ADDRESS": "IP_ADDRESS",
    "MAC_ADDRESS": "MAC_ADDRESS",
    "CRYPTO": "CRYPTO_WALLET",
}
BUILT_IN_TYPES = frozenset({*_NAMES.values(), "CN_MOBILE", "CN_LANDLINE", "CN_HOTLINE", "INTL_PHONE"})


def ours() -> Detector:
    """The detector of the project; only what it counts."""
    from pii import find

    def counted(text: str) -> list[Found]:
        graded = ((one, str(getattr(one.grade, "value", one.grade))) for one in find(text))
        return [
            Found(str(one.type), one.start, one.end, str(one.mask), grade) for one, grade in graded if grade in COUNTED
        ]

    return counted


class NoLanguage(NlpEngine):  # type: ignore[misc]
    """No model: the recognizers compared need none."""

    def load(self) -> None:
        pass

    def is_loaded(self) -> bool:
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        return NlpArtifacts([], [], [], [], self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        return ((text, self.process_text(text, language)) for text in texts)

    def is_stopword(self, word: str, language: str) -> bool:
        return False

    def is_punct(self, word: str, language: str) -> bool:
        return False

    def get_supported_entities(self) -> list[str]:
        return []

    def get_supported_languages(self) -> list[str]:
        return [LANGUAGE]


class OfflineEmail(EmailRecognizer):  # type: ignore[misc]
    """The built-in one with the list of suffixes that tldextract brings: the original fetches it from the net."""

    _extract = staticmethod(tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None))

    def validate_result(self, pattern_text: str) -> bool:
        return bool(self._extract(pattern_text).fqdn)


def phone_type(number: str) -> str:
    """Presidio knows one kind of phone number: the benefit of the doubt, by its digits."""
    plain = "".join(char for char in number if char.isdigit())
    local = plain.removeprefix("00").removeprefix("86") if number.strip().startswith(("+86", "0086", "86")) else plain
    if len(local) == 11 and local.startswith("1"):
        return "CN_MOBILE"
    if number.strip().startswith("+") and not plain.startswith("86"):
        return "INTL_PHONE"
    return "CN_HOTLINE" if local.startswith(("400", "800")) or len(local) <= 6 else "CN_LANDLINE"


def built_ins() -> Detector:
    """Presidio's own recognizers for `zh`, without a model and without the net."""
    recognizers = [
        OfflineEmail(supported_language=LANGUAGE),
        CreditCardRecognizer(supported_language=LANGUAGE),
        IpRecognizer(supported_language=LANGUAGE),
        MacAddressRecognizer(supported_language=LANGUAGE),
        CryptoRecognizer(supported_language=LANGUAGE),
        PhoneRecognizer(supported_language=LANGUAGE, supported_regions=("CN",)),
    ]
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=[LANGUAGE])
    engine = AnalyzerEngine(registry=registry, nlp_engine=NoLanguage(), supported_languages=[LANGUAGE])

    def counted(text: str) -> list[Found]:
        found = []
        for one in engine.analyze(text, language=LANGUAGE):
            kind = _NAMES.get(one.entity_type) or phone_type(text[one.start : one.end])
            found.append(Found(kind, one.start, one.end))
        return found

    return counted
