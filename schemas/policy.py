"""Policies: the rules by which evidence on a document becomes a decision, as data."""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, model_validator

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.personal_information import LEVELS, Level


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Tier = Literal["block", "review", "context"]


class Conditions(_Model):
    """What must all hold for a rule to decide: so many different terms of a tier, so high a score.

    `score` is the first-line classifier's, `confirmed` that of the scorer configured as `classifier.confirm`.
    """

    block: int = 0
    review: int = 0
    context: int = 0
    score: float | Literal["threshold"] | None = None
    confirmed: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _some(self) -> "Conditions":
        if not (self.block or self.review or self.context or self.scored):
            raise ValueError("规则没有任何条件 / the rule has no condition: it would decide every document")
        if min(self.block, self.review, self.context) < 0:
            raise ValueError("条数不能为负 / a number of terms cannot be negative")
        if isinstance(self.score, float) and not 0.05 <= self.score <= 1:
            raise ValueError("score 应在 0.05 与 1 之间 / score must lie between 0.05 (the stored floor) and 1")
        return self

    @property
    def nominated(self) -> bool:
        """Whether the first line has a say, in a rule that wants confirmation."""
        return self.confirmed is not None and bool(self.tiers or self.score is not None)

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """The tiers it wants terms of."""
        wanted: dict[Tier, int] = {"block": self.block, "review": self.review, "context": self.context}
        return tuple(tier for tier, number in wanted.items() if number)

    @property
    def scored(self) -> bool:
        """Whether the rule rests on the score of a model."""
        return self.score is not None or self.confirmed is not None


class Rule(_Model):
    """One rule: conditions, and what they make of the document for assessment and for filtering."""

    name: str
    when: Conditions
    assess: Literal["violation", "candidate"]
    filter: bool


class TechnicalPolicy(_Model):
    """What a confirming scorer limited to the technical sample must say of a document for it not to be qualified."""

    confirmed: float = Field(default=0.5, gt=0, le=1)


def _levels(value: Any) -> Any:
    """One level may stand without brackets."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple | set | frozenset):
        raise ValueError(
            f"应为级别的列表，不因此剔除任何语料则写 [] / should be a list of levels, [] to exclude nothing: {', '.join(LEVELS)}"
        )
    return listed


class PersonalInformationPolicy(_Model):
    """Which levels of personal information exclude a document that no declared lawful basis covers."""

    exclude: Annotated[frozenset[Level], BeforeValidator(_levels), PlainSerializer(sorted, return_type=list[str])] = (
        frozenset({"sensitive"})
    )

    @property
    def excluded(self) -> frozenset[Level]:
        """The levels as they are applied: with each those above it."""
        lowest = min(map(LEVELS.index, self.exclude), default=len(LEVELS))
        return frozenset(LEVELS[lowest:])


Bar = Literal["no_legality_proof", "terms_forbid_training", "robots_denied", "withdrawn", "not_authorised"]


class ProvenancePolicy(_Model):
    """Which declared bars keep documents out (clause 5.1 c). What is merely not declared never does."""

    exclude: tuple[Bar, ...] = (
        "no_legality_proof",
        "terms_forbid_training",
        "robots_denied",
        "withdrawn",
        "not_authorised",
    )


def _switch(value: Any) -> Any:
    """YAML reads the word off as a boolean."""
    return "off" if value is False else value


class DuplicatePolicy(_Model):
    """What becomes of copies: only reported, or all but the first of a group left out of the corpus.

    Near copies are documents linked by a MinHash similarity of at least `similarity`; keeping one of them keeps one of
    exact copies too. `near: off` does not look for them.
    """

    exact: Literal["report", "keep_one"] = "report"
    near: Annotated[Literal["off", "report", "keep_one"], BeforeValidator(_switch)] = "report"
    similarity: float = Field(default=0.8, ge=0.5, le=1)


class Policy(_Model):
    """All rules, in the order in which they are tried."""

    id: str
    version: int
    rules: tuple[Rule, ...]
    personal_information: PersonalInformationPolicy = PersonalInformationPolicy()
    provenance: ProvenancePolicy = ProvenancePolicy()
    duplicates: DuplicatePolicy = DuplicatePolicy()
    technical: TechnicalPolicy = TechnicalPolicy()
    sha256: str = ""

    @model_validator(mode="after")
    def _unique(self) -> "Policy":
        if not any(rule.assess == "violation" for rule in self.rules):
            raise ValueError(
                "没有一条规则判定违规，任何来源都会通过 / no rule decides a violation: every source would pass"
            )
        names = [rule.name for rule in self.rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"规则重名 / rule names given twice: {', '.join(repeated)}")
        return self

    @property
    def confirms(self) -> tuple[str, ...]:
        """The rules that rest on a confirming scorer."""
        return tuple(rule.name for rule in self.rules if rule.when.confirmed is not None)


BUNDLED = ("starter", "cascade")  # without, and with a confirming scorer


def is_bundled(policy: Policy) -> bool:
    """Whether the policy is one that ships with the project, unchanged."""
    return any(hashlib.sha256(_shipped(name).encode()).hexdigest() == policy.sha256 for name in BUNDLED)


def _shipped(name: str) -> str:
    return resources.files("schemas").joinpath("policies", f"{name}.yaml").read_text(encoding="utf-8")


def load_policy(path: Path | None, bundled: str = "starter") -> Policy:
    """The policy in that file, or the bundled one of that name. Raises DocumentError."""
    if path is None:
        text, file = _shipped(bundled), f"{bundled}.yaml"
    else:
        try:
            text, file = path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise DocumentError(str(path), [f"policy 读不了 / cannot read the policy: {error}"]) from None
    content, root = parse_yaml(text, file)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise DocumentError(file, validation_problems(error, root)) from None
    return policy.model_copy(update={"sha256": hashlib.sha256(text.encode()).hexdigest()})
