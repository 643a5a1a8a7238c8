"""The written rules people judge by (clause 5.3 b: aim, format, method, measures of quality, and a rule for each risk)."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rounds.tables import PERSONAL
from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.risks import groups, risks

FILE = "criteria.yaml"
_FORM = 1  # of the file: a reader of another form could not tell what people were shown


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str
    en: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    aim: tuple[_Rule, ...]
    format: tuple[_Rule, ...]
    method: tuple[_Rule, ...]
    quality: tuple[_Rule, ...]
    personal: dict[str, _Rule]
    risks: dict[str, _Rule]


@dataclass(frozen=True)
class Criteria:
    """The rules as shown to people, one a line, in both languages; `version` changes with any character of them."""

    version: str
    zh: str
    en: str
    personal: dict[str, dict[str, str]]
    risks: dict[str, dict[str, str]]


def criteria_version() -> str:
    """`criteria-1:` and the first 12 characters of the sha256 of the file: what verdicts of a round refer to."""
    return load_criteria().version


@lru_cache(maxsize=1)
def load_criteria() -> Criteria:
    """The rules that ship with the project."""
    return parse_criteria(resources.files("rounds").joinpath(FILE).read_text(encoding="utf-8"))


def parse_criteria(text: str) -> Criteria:
    """Rules from YAML. Raises DocumentError: a risk or kind of personal information without a rule, or an unknown one."""
    content, root = parse_yaml(text, FILE)
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise DocumentError(FILE, validation_problems(error, root)) from None
    problems = [
        f"{part}: 缺少或多出 / missing or unknown: {', '.join(sorted(wanted ^ found))}"
        for part, wanted, found in (
            ("risks", set(risks()), set(file.risks)),
            ("personal", set(PERSONAL), set(file.personal)),
        )
        if wanted != found
    ]
    if problems:
        raise DocumentError(FILE, problems)
    version = f"criteria-{_FORM}:{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    told: dict[str, Any] = {language: "\n".join(_lines(file, language)) for language in ("zh", "en")}
    parts = ({name: rule.model_dump() for name, rule in part.items()} for part in (file.personal, file.risks))
    return Criteria(version, told["zh"], told["en"], *parts)


def _lines(file: _File, language: str) -> list[str]:
    """The rules in one language, in the order people read them."""
    sections = (file.aim, file.format, file.method, file.personal.values(), file.quality)
    lines = [getattr(rule, language) for section in sections for rule in section]
    for group in groups().values():
        lines.append(f"{group.id} {getattr(group, language)}")
        for risk in risks().values():
            if risk.id.startswith(group.id):
                lines.append(f"{risk.id} {getattr(risk, language)}: {getattr(file.risks[risk.id], language)}")
    return lines
