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


# The five classes of Appendix A, in the standard's wording.
_GROUPS = (
    Risk("A1", "包含违反社会主义核心价值观的内容", "Content against the core socialist values"),
    Risk("A2", "包含歧视性内容", "Discriminatory content"),
    Risk("A3", "商业违法违规", "Commercial violations"),
    Risk("A4", "侵犯他人合法权益", "Infringement of the lawful rights of others"),
    Risk("A5", "无法满足特定服务类型的安全需求", "Failing the security demands of specific services"),
)


def groups() -> dict[str, Risk]:
    """The classes A1 … A5 by id; a risk belongs to the class its id begins with."""
    return {group.id: group for group in _GROUPS}


@lru_cache(maxsize=1)
def risks() -> dict[str, Risk]:
    """The risks by id, in the standard's order."""
    text = resources.files("schemas").joinpath("risks.yaml").read_text(encoding="utf-8")
    return {entry["id"]: Risk(**entry) for entry in yaml.safe_load(text)}
