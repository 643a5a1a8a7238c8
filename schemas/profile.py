"""Profiles: thresholds, numerators and clauses of one edition of the standard, as data.

A profile of one's own may rest on a shipped one (`extends`); it passes only where it asks for no less.
"""

import hashlib
import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, ValidationError, ValidationInfo, field_validator

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.personal_information import unknown_names
from schemas.profile_basis import Doubtful, doubtful, stated
from schemas.profile_parts import (
    Advisory,
    Basis,
    ClassifierModel,
    Clause,
    Diversity,
    Edition,
    Fraction,
    KeywordLibrary,
    ManualCheck,
    Part,
    PersonalInformationLevels,
    SourceRate,
    TechnicalCheck,
)
from schemas.profile_strictness import looser
from schemas.risks import risks

__all__ = [
    "Clause",
    "Diversity",
    "Doubtful",
    "Edition",
    "Fraction",
    "KeywordLibrary",
    "PersonalInformationLevels",
    "Profile",
    "is_shipped",
    "load_profile",
    "may_pass",
    "shipped_profiles",
]

# written in order: a set comes out in another one in every process
Names = Annotated[frozenset[str], PlainSerializer(sorted, return_type=list[str])]


class Profile(Part):
    """One edition of the standard. `extends`: the shipped profile it rests on."""

    id: str
    title: str
    extends: str | None = None
    source_rate: SourceRate
    manual: ManualCheck
    technical: TechnicalCheck
    illegal_unhealthy: Names
    not_applicable: Names
    keywords: KeywordLibrary = KeywordLibrary(
        clause="9.1", minimum=10_000, per_risk={"A1": 200, "A2": 100}, max_han=10, max_words=5
    )
    classifier: ClassifierModel = ClassifierModel()
    diversity: Diversity = Diversity(clause="5.1b", minimum=2, merge=(1, 2), floor=(1, 1000), share=(1, 100))
    advisory: Advisory = Advisory()
    clauses: tuple[Clause, ...]
    instruments: str | None = None  # the clause that asks for a library and a classifier fit for the check
    personal_information: PersonalInformationLevels  # behind the others, for its clauses are held against theirs
    edition: Edition | None = None
    basis: dict[str, Basis] = Field(default={})  # by dotted field
    sha256: str = ""

    @field_validator("clauses")
    @classmethod
    def _once(cls, clauses: tuple[Clause, ...]) -> tuple[Clause, ...]:
        named = [*(clause.id for clause in clauses), *(clause.key for clause in clauses if clause.key)]
        if repeated := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"条款的编号与键各只能有一次 / a number or key given twice: {', '.join(repeated)}")
        return clauses

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

    @property
    def decisive_sha256(self) -> str:
        """Digest of what decisions on documents depend on. Titles, clauses, thresholds and sources are not among it."""
        personal = self.personal_information
        content = [sorted(self.illegal_unhealthy), sorted(self.counted_risks), personal.standard, personal.levels]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def clause_of(self, key: str) -> Clause | None:
        """The clause of that key, which is the same in every edition; None where the edition has none."""
        return next((clause for clause in self.clauses if clause.key == key), None)

    @property
    def unverified(self) -> tuple[Doubtful, ...]:
        """The values that were not read in the standard's own text; `standing` tells secondary from unverified."""
        return doubtful(self)

    @property
    def unverified_clauses(self) -> tuple[Clause, ...]:
        """The clauses whose number or wording was not read in the standard's own text."""
        return tuple(clause for clause in self.clauses if clause.confidence != "A")

    @property
    def looser(self) -> tuple[str, ...]:
        """In which respects it asks for less than the shipped profile it rests on; empty where it rests on none."""
        base = _shipped(self.extends) if self.extends else None
        return () if base is None else looser(self, base)


def is_shipped(profile: Profile) -> bool:
    """Whether the profile says it is one of ours, unchanged: by id and digest."""
    shipped = _shipped(profile.id)
    return shipped is not None and shipped.sha256 == profile.sha256


def may_pass(profile: Profile) -> bool:
    """Whether 符合 may be said under it: one of ours as it is, or one that rests on ours and is in no respect looser.

    By content: what a file or a manifest claims of itself counts for nothing.
    """
    if is_shipped(profile):
        return profile == _shipped(profile.id)
    return bool(profile.extends) and _shipped(str(profile.extends)) is not None and not profile.looser


def shipped_profiles() -> tuple[str, ...]:
    """The ids of the profiles that ship with the project."""
    folder = resources.files("schemas").joinpath("profiles")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_profile(name: str) -> Profile:
    """The shipped profile of that name, or the file it names. Raises DocumentError."""
    return _shipped(name) or _load(Path(name), name, ())


@lru_cache
def _shipped(name: str) -> Profile | None:
    if name not in shipped_profiles():
        return None
    text = resources.files("schemas").joinpath("profiles", f"{name}.yaml").read_text(encoding="utf-8")
    content, root = parse_yaml(text, f"{name}.yaml")
    return _validated(content, root, f"{name}.yaml", _digest(text))


def _load(path: Path, name: str, through: tuple[Path, ...]) -> Profile:
    """A file, on top of what it extends. `through`: the files that led to it."""
    if not _is_file(path):
        raise DocumentError(name, [_missing()])
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(name, [f"profile 读不了 / cannot read the profile: {error}"]) from None
    content, root = parse_yaml(text, name)
    if not isinstance(content, dict) or content.get("extends") is None:
        return _validated(content, root, name, _digest(text))
    base = _base(content, path, name, (*through, path.resolve()))
    merged = _merged(base.model_dump(mode="json", by_alias=True), content)
    merged["extends"] = base.id if is_shipped(base) else base.extends
    profile = _validated(merged, root, name, _digest(text + base.sha256))
    return _own_basis(profile, base, content.get("basis"))


def _base(content: dict[str, Any], path: Path, name: str, through: tuple[Path, ...]) -> Profile:
    """What a file extends: a shipped profile by name, or another file, from the folder the first is in."""
    extends, id_ = content["extends"], content.get("id")
    if not isinstance(extends, str):
        raise DocumentError(
            name, ["extends: 应为随附口径的名称或文件 / should be the name of a shipped profile, or a file"]
        )
    if not isinstance(id_, str) or id_ in shipped_profiles():
        raise DocumentError(
            name, ["id: 请另取名称，不与随附的口径相同 / give it a name of its own, not that of a shipped profile"]
        )
    if shipped := _shipped(extends):
        return shipped
    file = path.parent / extends
    if not _is_file(file):
        raise DocumentError(name, [f"extends: {extends!r}: {_missing()}"])
    if file.resolve() in through:
        raise DocumentError(name, [f"extends: 循环引用 / goes round in a circle: {extends}"])
    return _load(file, str(file), through)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name no file can have
        return False


def _missing() -> str:
    names = ", ".join(shipped_profiles())
    return f"没有这个 profile / no such profile; available: {names}, or the path of a file"


def _merged(base: Any, own: Any) -> Any:
    """Mappings merged key by key; anything else, lists too, is replaced."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    return base | {key: _merged(base[key], value) if key in base else value for key, value in own.items()}


def _own_basis(profile: Profile, base: Profile, given: Any) -> Profile:
    """Without the sources of values that were changed and given none: what says 4000 does not say 5000."""
    before, after = stated(base), stated(profile)
    changed = {field for field in profile.basis if before.get(field) != after.get(field)} - set(given or ())
    kept = {field: basis for field, basis in profile.basis.items() if field not in changed}
    return profile.model_copy(update={"basis": kept})


def _validated(content: Any, root: Any, file: str, sha256: str) -> Profile:
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise DocumentError(file, validation_problems(error, root)) from None
    if unknown := unknown_names(profile.basis, stated(profile).keys()):
        raise DocumentError(
            file, [f"basis: 没有这些项，请改正或删除 / no such fields, correct or remove them: {', '.join(unknown)}"]
        )
    return profile.model_copy(update={"sha256": sha256})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
