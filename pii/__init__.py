"""Chinese personal information in running text, on its own or through Presidio.

    from pii import find
    find("联系人：张三，电话13812345678")

`find` gives the findings of a text; `recognizers()` the Presidio recognizers for a registry of your own;
`build_analyzer()` an AnalyzerEngine that holds them. Only the grades `validated` and `contextual` count.
"""

from functools import lru_cache

from pii.detector import Detector, Entity
from pii.recognizers import build_analyzer, recognizers

__all__ = ["Detector", "Entity", "build_analyzer", "find", "recognizers"]


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return Detector()


def find(text: str) -> list[Entity]:
    """The findings of one text in order of position, never overlapping. Offsets are code points, ends exclusive."""
    return _detector().find(text)
