"""Personal information as one would first look for it with Presidio: one pattern a type, over the whole text.

Eleven types by plain patterns, without families of labels, check digits or surroundings: far less than what the audit
looks for, and what a script of an afternoon would have. The yardstick uses these, so that the size of our own catalogue
does not make the script slow and the audit look fast.
"""

from typing import Any

from presidio_analyzer import Pattern, PatternRecognizer

from pii import build_analyzer

PATTERNS = {
    "CN_MOBILE": r"(?<!\d)1[3-9]\d{9}(?!\d)",
    "CN_LANDLINE": r"(?<!\d)0\d{2,3}-?\d{7,8}(?!\d)",
    "CN_ID_CARD": r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)",
    "CN_USCC": r"(?<![0-9A-Z])[159Y][1239][1-9]\d{5}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])",
    "CN_PASSPORT": r"(?<![0-9A-Za-z])[EeGg]\d{8}(?!\d)",
    "CN_PLATE": r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][A-HJ-NP-Z0-9]{5,6}",
    "BANK_CARD": r"(?<!\d)(?:62|4\d|5[1-5])\d{13,17}(?!\d)",
    "EMAIL": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
    "IP_ADDRESS": r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])",
    "MAC_ADDRESS": r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:])",
    "QQ": r"QQ[:：]?\s*[1-9]\d{4,10}",
}


def plain_analyzer() -> Any:
    """A Presidio AnalyzerEngine with these patterns alone and no language model."""
    analyzer = build_analyzer()
    analyzer.registry.recognizers = [
        PatternRecognizer(kind, patterns=[Pattern(kind, pattern, 0.5)], supported_language="zh")
        for kind, pattern in PATTERNS.items()
    ]
    return analyzer
