"""Known-answer texts: what every audit must be able to find, or its technical check proves nothing (assessment.md).

Written by the project apart from all training texts. They do not measure how much of a corpus is found; they show that
library, classifier and policy as configured react to each risk at all.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.profile import Fraction
from schemas.risks import risks

FILE = "known_answers.yaml"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    floor: Fraction
    texts: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class KnownAnswers:
    """Texts by risk, and the share of each risk's texts that must be found, as an exact fraction."""

    floor: tuple[int, int]
    texts: dict[str, tuple[str, ...]]
    sha256: str

    def reached(self, found: int, of: int) -> bool:
        """Whether so many found texts are at or above the floor; exactly at it is enough."""
        numerator, denominator = self.floor
        return found * denominator >= numerator * of


@lru_cache(maxsize=1)
def load_known_answers() -> KnownAnswers:
    """The texts that ship with the project."""
    text = resources.files("schemas").joinpath(FILE).read_text(encoding="utf-8")
    return parse_known_answers(text)


def parse_known_answers(text: str) -> KnownAnswers:
    """Known-answer texts from YAML. Raises DocumentError: unknown or missing risks, a text that is given twice."""
    content, root = parse_yaml(text, FILE)
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise DocumentError(FILE, validation_problems(error, root)) from None
    problems = [f"未知的风险编号 / unknown risk id: {risk}" for risk in sorted(file.texts.keys() - risks().keys())]
    problems += [f"{risk}: 没有文本 / has no text" for risk in risks() if not file.texts.get(risk)]
    every = [one for texts in file.texts.values() for one in texts]
    problems += [
        f"文本重复 / given twice: {one[:30]}" for one in sorted({one for one in every if every.count(one) > 1})
    ]
    if problems:
        raise DocumentError(FILE, problems)
    return KnownAnswers(file.floor, file.texts, hashlib.sha256(text.encode()).hexdigest())
