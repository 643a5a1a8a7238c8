"""The parts of a profile: what each check asks for, the clauses it belongs to, and how sure each value is."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from schemas.personal_information import Level, catalogue, unknown_names

Confidence = Literal["A", "B", "C", "M"]
Modality = Literal["shall", "should"]
Stage = Literal["pre_collection", "post_collection"]
GRADES: dict[Confidence, tuple[str, str]] = {  # the surest first
    "A": ("标准原文", "the standard's own text"),
    "B": ("多个公开的二手来源", "several public secondary sources"),
    "C": ("单一第三方转述", "one third party"),
    "M": ("未核实：记忆或推导", "unverified: memory or derivation"),
}


def _proper(value: tuple[int, int]) -> tuple[int, int]:
    numerator, denominator = value
    if not 0 <= numerator <= denominator or denominator == 0:
        raise ValueError(
            "应为 0 与 1 之间的分数 [分子, 分母] / should be a fraction between 0 and 1: [numerator, denominator]"
        )
    return value


Fraction = Annotated[tuple[int, int], AfterValidator(_proper)]


class Part(BaseModel):
    """Frozen, and no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRate(Part):
    """The 5 % rule; `maximum` is an exact fraction (numerator, denominator). `stages`: when a source is assessed."""

    clause: str
    maximum: Fraction
    stages: tuple[Stage, ...] = Field(default=("post_collection",), min_length=1)

    def exceeded(self, violations: int, documents: int) -> bool:
        """Whether the rate is above the maximum, in whole numbers: exactly at it is not above."""
        numerator, denominator = self.maximum
        return violations * denominator > numerator * documents


class ManualCheck(Part):
    """The check by people: at least `minimum` items, of which the fraction `pass` must qualify."""

    clause: str
    minimum: int = Field(ge=1)
    passing: Fraction = Field(alias="pass")


class TechnicalCheck(Part):
    """The check by keywords and classifier: at least `minimum_share` of all items, `pass` of them qualified."""

    clause: str
    minimum_share: Fraction
    passing: Fraction = Field(alias="pass")


class PersonalInformationLevels(Part):
    """The standard that tells sensitive personal information, types it is told otherwise of, and the clauses by level.

    `written_consent_biometric`: whether biometric information wants consent in writing, by a clause of its own.
    """

    standard: str
    levels: dict[str, Level] = {}
    clauses: dict[Level, str] = {}
    written_consent_biometric: bool = True

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


class KeywordLibrary(Part):
    """What a keyword library must be: terms in all, terms for each risk of a class, and how long one may be as a rule.

    None: the edition asks for no such thing. `modality`: of the numbers of terms.
    """

    clause: str
    minimum: int = Field(ge=1)
    per_risk: dict[str, int]  # by class of Appendix A: A1, A2
    max_han: int | None = Field(ge=1)
    max_words: int | None = Field(ge=1)
    modality: Modality = "shall"
    max_update_days: int | None = Field(default=None, ge=1)


class ClassifierModel(Part):
    """How many of the 31 risks a classifier must cover."""

    risks_required: int = Field(default=31, ge=0, le=31)


class Diversity(Part):
    """What counts as several sources (多个来源): so many independent ones for each language and type of corpus.

    Two sources are merged where they share at least `merge` of the documents of either. A language and type with less
    than `floor` of the corpus is noise; in it, a source counts from `share` of its documents upward.
    """

    clause: str
    minimum: int = Field(ge=1)
    merge: Fraction
    floor: Fraction
    share: Fraction


class Advisory(Part):
    """What the trade asks for and no standard does: it is told and decides nothing."""

    overseas_share: Fraction | None = None  # of open corpora from overseas sites


class Text(Part):
    """A text in two languages."""

    zh: str
    en: str


class Edition(Part):
    """Which text a profile speaks for. `cover` is what the cover of a report says of it; `date`: of publication."""

    document: str
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    status: str
    in_force: bool
    cover: Text


class Basis(Part):
    """Where a value comes from, and how sure that is: see GRADES."""

    source: str = Field(min_length=1)
    confidence: Confidence


class Clause(Part):
    """A clause of the standard that speaks of the corpus. `key` is the same in every edition, `id` is the edition's number.

    `confidence` is that of number and wording. What is not met of a `should` leaves the whole as it is.
    """

    id: str
    title: str
    key: str | None = Field(default=None, pattern=r"^K(\.[A-Z0-9]+)+$")
    modality: Modality = "shall"
    confidence: Confidence = "M"
