"""The rules of the verdicts as data: conditions/*.yaml and clauses.yaml, and how their queries become whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import yaml

from pipeline.database import quoted
from report.evidence.statements import tables_of
from report.model import Both

_BRACED = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Condition:
    """Something that stands in the way of 符合 where its query finds rows."""

    id: str
    verdict: str
    query: str
    text: Both
    who: Both
    remedy: Both
    judgement: str | None  # the verdict by which a declared judgement settles it
    derived: bool  # it repeats what other clauses say
    equivalent: Both | None  # the equivalent measure that stands beside a 不符合


@dataclass(frozen=True)
class BasisRule:
    """A number shown with a verdict."""

    name: str
    title: Both
    sql: str


@dataclass(frozen=True)
class ClauseRule:
    """What the verdict on a clause rests on."""

    key: str
    conditions: tuple[Condition, ...]
    terms: Mapping[str, str]  # what stands for the names in braces
    evidence: tuple[str, ...]
    basis: tuple[BasisRule, ...]
    thresholds: tuple[str, ...]
    after: int


@dataclass(frozen=True)
class Rules:
    """All rules."""

    conditions: Mapping[str, Condition]
    clauses: Mapping[str, ClauseRule]
    common: Mapping[str, str]

    def whole(self, query: str, terms: Mapping[str, str]) -> str:
        """The query with its terms, and with the common queries it names before it."""
        filled = _filled(query, terms)
        named: dict[str, str] = {}
        self._name(filled, terms, named)
        before = ", ".join(f"{name} AS ({text})" for name, text in named.items())
        return f"WITH {before} {filled}" if named else filled

    def _name(self, query: str, terms: Mapping[str, str], named: dict[str, str]) -> None:
        for schema, name in tables_of(query):
            if not schema and name in self.common and name not in named:
                text = _filled(self.common[name], terms)
                self._name(text, terms, named)
                named[name] = text


@lru_cache(maxsize=1)
def load_rules() -> Rules:
    """The rules as they ship."""
    told, clauses = _read("conditions/common.yaml"), _read("clauses.yaml")
    people = {name: Both(**who) for name, who in told["who"].items()}
    conditions = {
        name: _condition(name, one, people)
        for file in told["files"]
        for name, one in _read(f"conditions/{file}.yaml").items()
    }
    return Rules(
        conditions,
        {key: _clause(key, one, clauses, conditions) for key, one in clauses["clauses"].items()},
        told["common"],
    )


def _condition(name: str, told: Mapping[str, Any], people: Mapping[str, Both]) -> Condition:
    equivalent = told.get("equivalent")
    return Condition(
        id=name,
        verdict=told["verdict"],
        query=told["query"],
        text=Both(told["zh"], told["en"]),
        who=people[told["who"]],
        remedy=Both(**told["remedy"]),
        judgement=told.get("judgement"),
        derived=told.get("derived", False),
        equivalent=Both(**equivalent) if equivalent else None,
    )


def _clause(
    key: str, told: Mapping[str, Any], content: Mapping[str, Any], conditions: Mapping[str, Condition]
) -> ClauseRule:
    lists = [content["use"][name] for name in ("everywhere", *told.get("use", ()))]
    names = dict.fromkeys(name for part in [*lists, told.get("conditions", [])] for name in part)
    numbers = [*told.get("basis", ()), *(one for name in told.get("numbers", ()) for one in content["numbers"][name])]
    return ClauseRule(
        key=key,
        conditions=tuple(conditions[name] for name in names),
        terms={"key": quoted(key), **told.get("with", {})},
        evidence=tuple(told["evidence"]),
        basis=tuple(BasisRule(one["name"], Both(one["zh"], one["en"]), one["sql"]) for one in numbers),
        thresholds=tuple(told["thresholds"]),
        after=told.get("after", 0),
    )


def _filled(query: str, terms: Mapping[str, str]) -> str:
    return _BRACED.sub(lambda match: terms[match[1]], query)


def _read(name: str) -> Any:
    return yaml.safe_load(resources.files("report.verdicts").joinpath(name).read_text(encoding="utf-8"))
