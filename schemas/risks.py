"""The 31 risks of Appendix A of the standard, read from risks.yaml."""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml


@dataclass(frozen=True)
class Risk:
    """One risk: the project's stable id and the wording of the standard."""

    id: str
    zh: str
    en: str


@lru_cache(maxsize=1)
def risks() -> dict[str, Risk]:
    """The risks by id, in the standard's order."""
    text = resources.files("schemas").joinpath("risks.yaml").read_text(encoding="utf-8")
    return {entry["id"]: Risk(**entry) for entry in yaml.safe_load(text)}
