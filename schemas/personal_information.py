"""Types of personal information, their levels by standard, what aggregates, and lawful bases: personal_information.yaml."""

import difflib
import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.loading import parse_yaml

Level = Literal["general", "sensitive", "biometric"]
Class = Literal["personal", "organisation", "credential"]
LEVELS: tuple[Level, ...] = ("general", "sensitive", "biometric")  # each says more than the one before
CLASSES: tuple[Class, ...] = ("personal", "organisation", "credential")
MAX_WITHIN = 200


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Standard(_Model):
    """A standard that tells sensitive from general personal information."""

    title: str


class Named(_Model):
    """A name in two languages."""

    zh: str
    en: str


class Kind(Named):
    """A type of finding. `levels` by standard, only of the class `personal`."""

    class_: Class = Field(alias="class")
    group: str
    levels: dict[str, Level] = {}


class Combination(_Model):
    """Types that are sensitive together: one of each part, no two more than `within` characters apart."""

    name: str
    standards: tuple[str, ...]
    within: int = Field(ge=0, le=MAX_WITHIN)
    of: tuple[frozenset[str], ...] = Field(min_length=2)


class Minors(_Model):
    """Until the end of which year of life, by years alone, a person counts as a child."""

    until: int


class Basis(Named):
    """A lawful basis: the levels it covers, whether of adults and of children under 14, and whether it is a consent."""

    levels: frozenset[Level]
    adults: bool
    minors: bool
    consent: bool = False


class Catalogue(_Model):
    """All of personal_information.yaml."""

    standards: dict[str, Standard]
    groups: dict[str, Named]
    types: dict[str, Kind]
    aggregation: tuple[Combination, ...]
    minors: Minors
    bases: dict[str, Basis]
    sha256: str = ""

    @model_validator(mode="before")
    @classmethod
    def _sets_resolved(cls, value: dict[str, Any]) -> dict[str, Any]:
        """`sets` are names for several types, used in combinations only."""
        sets = value.pop("sets", {})
        for rule in value["aggregation"]:
            rule["of"] = [frozenset(sets.get(part, [part])) for part in rule["of"]]
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Catalogue":
        for name, kind in self.types.items():
            wanted = self.standards.keys() if kind.class_ == "personal" else set()
            if kind.levels.keys() != wanted or kind.group not in self.groups:
                raise ValueError(f"{name}: levels or group do not fit its class")
        personal = {name for name, kind in self.types.items() if kind.class_ == "personal"}
        for rule in self.aggregation:
            if not frozenset().union(*rule.of) <= personal or not set(rule.standards) <= self.standards.keys():
                raise ValueError(f"{rule.name}: unknown type or standard")
            if len(frozenset().union(*rule.of)) != sum(map(len, rule.of)):
                raise ValueError(f"{rule.name}: a type stands in two parts")
        return self

    @cached_property
    def titles(self) -> dict[str, str]:
        """Standards by the number people write: GB/T 35273-2020."""
        return {" ".join(standard.title.split()[:2]): name for name, standard in self.standards.items()}

    def class_of(self, kind: str) -> Class:
        """The class of a type. One that is not known counts as personal: nothing passes for being unknown."""
        known = self.types.get(kind)
        return "personal" if known is None else known.class_

    def combinations(self, standard: str) -> tuple[Combination, ...]:
        """What aggregates under a standard."""
        return tuple(rule for rule in self.aggregation if standard in rule.standards)

    def covers(self, bases: Collection[str], level: str, minors: bool) -> bool:
        """Whether one of these bases covers information of that level, of children under 14 where `minors`, else of adults.

        A consent covers children where their guardian's stands beside it.
        """
        declared = [self.bases[name] for name in bases]
        guarded = any(basis.consent and basis.minors for basis in declared)
        return any(
            level in basis.levels and (basis.minors or (basis.consent and guarded) if minors else basis.adults)
            for basis in declared
        )


_NEARLY = 0.75  # of two Chinese names that may be meant for one another; 同意 alone is none of 单独同意, 书面同意


def unknown_names(given: Iterable[str], known: Collection[str], spoken: Mapping[str, str] | None = None) -> list[str]:
    """The names that are not known, each with the one that may have been meant; `spoken`: other words for known ones."""
    words = spoken or {}
    found = []
    for name in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(name, known, 1)
        near = near or [words[word] for word in difflib.get_close_matches(name, words, 1, _NEARLY)]
        found.append(f"{name} (? {near[0]})" if near else name)
    return found


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The catalogue that ships with the project."""
    file = resources.files("schemas").joinpath("personal_information.yaml")
    text = file.read_text(encoding="utf-8")
    content, _ = parse_yaml(text, file.name)
    return Catalogue.model_validate(content).model_copy(update={"sha256": hashlib.sha256(text.encode()).hexdigest()})
