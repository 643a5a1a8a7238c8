"""Profiles: thresholds, numerators and clauses of one edition of the standard, as data."""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.personal_information import Level, catalogue, unknown_names
from schemas.risks import risks

# written in order: a set comes out in another one in every process
Names = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


def _proper(value: tuple[int, int]) -> tuple[int, int]:
    numerator, denominator = value
    if not 0 <= numerator <= denominator or denominator == 0:
        raise ValueError(
            "应为 0 与 1 之间的分数 [分子, 分母] / should be a fraction between 0 and 1: [numerator, denominator]"
        )
    return value


Fraction = Annotated[tuple[int, int], AfterValidator(_proper)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRate(_Model):
    """The 5 % rule; `maximum` is an exact fraction (numerator, denominator)."""

    clause: str
    maximum: Fraction

    def exceeded(self, violations: int, documents: int) -> bool:
        """Whether the rate is above the maximum, in whole numbers: exactly at it is not above."""
        numerator, denominator = self.maximum
        return violations * denominator > numerator * documents


class ManualCheck(_Model):
    """The check by people: at least `minimum` items, of which the fraction `pass` must qualify."""

    clause: str
    minimum: int = Field(ge=1)
    passing: Fraction = Field(alias="pass")


class TechnicalCheck(_Model):
    """The check by keywords and classifier: at least `minimum_share` of all items, `pass` of them qualified."""

    clause: str
    minimum_share: Fraction
    passing: Fraction = Field(alias="pass")


class PersonalInformationLevels(_Model):
    """The standard that tells sensitive personal information, types it is told otherwise of, and the clauses by level."""

    standard: str
    levels: dict[str, Level] = {}
    clauses: dict[Level, str] = {}

    @field_validator("standard")
    @classmethod
    def _known_standard(cls, name: str) -> str:
        known = catalogue()
        name = known.titles.get(name, name)  # as profiles named it before
        if name not in known.standards:
            raise ValueError(
                f"未知的标准，应为其一 / unknown standard: {name}; one of {', '.join(known.standards)}（{', '.join(known.titles)}）"
            )
        return name

    @field_validator("levels")
    @classmethod
    def _known_types(cls, levels: dict[str, Level]) -> dict[str, Level]:
        types = catalogue().types
        personal = [name for name, kind in types.items() if kind.class_ == "personal"]
        if unknown := unknown_names(levels.keys() - types.keys(), personal):
            raise ValueError(
                f"未知的个人信息类型，请改正拼写或删除 / unknown types, correct or remove them: {', '.join(unknown)}; known: {', '.join(personal)}"
            )
        if other := sorted(levels.keys() - set(personal)):
            raise ValueError(
                f"组织机构标识与安全凭证不属个人信息，没有级别，请删除 / identifiers of organisations and credentials are no personal "
                f"information and have no level, remove them: {', '.join(other)}"
            )
        return levels

    @field_validator("clauses")
    @classmethod
    def _distinct(cls, clauses: dict[Level, str]) -> dict[Level, str]:
        named = list(clauses.values())
        if repeated := sorted({clause for clause in named if named.count(clause) > 1}):
            raise ValueError(
                f"一项条款只能对应一个级别，请只留最低一级（条款也涵盖其上各级） / one clause for several levels: keep the lowest, a clause speaks of "
                f"the levels above it too: {', '.join(repeated)}"
            )
        return clauses

    def level_of(self, kind: str) -> Level:
        """The level of a personal type by itself; one the catalogue gives none is general."""
        known = catalogue().types.get(kind)
        return self.levels.get(kind) or (known.levels.get(self.standard, "general") if known else "general")


class KeywordLibrary(_Model):
    """What a keyword library must be: terms in all, terms for each risk of a class, and how long one may be as a rule."""

    clause: str
    minimum: int = Field(ge=1)
    per_risk: dict[str, int]  # by class of Appendix A: A1, A2
    max_han: int = Field(ge=1)
    max_words: int = Field(ge=1)


class Diversity(_Model):
    """What counts as several sources (多个来源): so many independent ones for each language and type of corpus.

    Two sources are merged where they share at least `merge` of the documents of either. A language and type with less
    than `floor` of the corpus is noise; in it, a source counts from `share` of its documents upward.
    """

    clause: str
    minimum: int = Field(ge=1)
    merge: Fraction
    floor: Fraction
    share: Fraction


class Clause(_Model):
    """A clause of the standard that speaks of the corpus."""

    id: str
    title: str


class Profile(_Model):
    """One edition of the standard."""

    id: str
    title: str
    source_rate: SourceRate
    manual: ManualCheck
    technical: TechnicalCheck
    illegal_unhealthy: Names
    not_applicable: Names
    keywords: KeywordLibrary = KeywordLibrary(
        clause="9.1", minimum=10_000, per_risk={"A1": 200, "A2": 100}, max_han=10, max_words=5
    )
    diversity: Diversity = Diversity(clause="5.1b", minimum=2, merge=(1, 2), floor=(1, 1000), share=(1, 100))
    clauses: tuple[Clause, ...]
    instruments: str | None = None  # the clause that asks for a library and a classifier fit for the check
    personal_information: PersonalInformationLevels  # behind the others, for its clauses are held against theirs
    sha256: str = ""

    @field_validator("personal_information")
    @classmethod
    def _clauses_of_its_own(cls, value: PersonalInformationLevels, info: ValidationInfo) -> PersonalInformationLevels:
        others = {
            info.data[key].clause for key in ("source_rate", "manual", "technical", "keywords") if key in info.data
        }
        others.add(info.data.get("instruments"))
        known = {clause.id for clause in info.data.get("clauses", ())}
        taken = sorted(others & set(value.clauses.values()))
        unknown = unknown_names(value.clauses.values(), known) if known else []
        if taken:
            raise ValueError(
                f"clauses: 条款已另有所指，请改用个人信息条款的编号 / these clauses are about something else, name those on personal information: "
                f"{', '.join(taken)}"
            )
        if unknown:
            raise ValueError(
                f"clauses: 本口径没有这些条款，请改正或列入 clauses / the profile has no such clause, correct it or list it under clauses: "
                f"{', '.join(unknown)}"
            )
        return value

    @field_validator("illegal_unhealthy", "not_applicable")
    @classmethod
    def _known(cls, ids: frozenset[str]) -> frozenset[str]:
        unknown = sorted(ids - risks().keys())
        if unknown:
            raise ValueError(f"未知的风险编号 / unknown risk ids: {', '.join(unknown)}")
        return ids

    @property
    def counted_risks(self) -> frozenset[str]:
        """The risks that make an item unqualified: all 31 but those declared not applicable."""
        return frozenset(risks()) - self.not_applicable


def is_shipped(profile: Profile) -> bool:
    """Whether the profile is one of ours, unchanged. Any other may be looser than the standard and never passes."""
    shipped = resources.files("schemas").joinpath("profiles", f"{profile.id}.yaml")
    return shipped.is_file() and hashlib.sha256(shipped.read_bytes()).hexdigest() == profile.sha256


def load_profile(name: str) -> Profile:
    """The shipped profile of that name, or the file it names. Raises DocumentError."""
    shipped = resources.files("schemas").joinpath("profiles", f"{name}.yaml")
    if shipped.is_file():
        text, file = shipped.read_text(encoding="utf-8"), f"{name}.yaml"
    elif Path(name).is_file():
        try:
            text, file = Path(name).read_text(encoding="utf-8"), name
        except (OSError, UnicodeDecodeError) as error:
            raise DocumentError(name, [f"profile 读不了 / cannot read the profile: {error}"]) from None
    else:
        names = sorted(
            entry.name.removesuffix(".yaml") for entry in resources.files("schemas").joinpath("profiles").iterdir()
        )
        raise DocumentError(
            name, [f"没有这个 profile / no such profile; available: {', '.join(names)}, or the path of a file"]
        )
    content, root = parse_yaml(text, file)
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise DocumentError(file, validation_problems(error, root)) from None
    return profile.model_copy(update={"sha256": hashlib.sha256(text.encode()).hexdigest()})
