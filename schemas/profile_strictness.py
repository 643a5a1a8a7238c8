"""In which respects a profile is looser than the shipped one it rests on: any one of them, and nothing passes under it."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from schemas.personal_information import LEVELS, catalogue
from schemas.profile_basis import shown, stated
from schemas.profile_parts import GRADES, PersonalInformationLevels

if TYPE_CHECKING:
    from schemas.profile import Profile

# Fewer asked for is looser.
_AT_LEAST = frozenset(
    {
        "manual.minimum", "manual.pass", "technical.minimum_share", "technical.pass", "keywords.minimum",
        "keywords.per_risk", "classifier.risks_required", "diversity.minimum", "diversity.share",
    }
)  # fmt: skip
# More allowed is looser, and no limit is the most.
_AT_MOST = frozenset(
    {
        "source_rate.maximum", "keywords.max_han", "keywords.max_words", "keywords.max_update_days", "diversity.merge",
        "diversity.floor", "advisory.overseas_share",
    }
)  # fmt: skip
_ALL_OF = frozenset({"illegal_unhealthy", "source_rate.stages"})  # none of these may be gone
_NONE_BUT = frozenset({"not_applicable"})  # none may be added
_BY_TYPE = frozenset(
    {"personal_information.standard", "personal_information.levels"}
)  # held against one another by type
_MODALITY, _WRITTEN = "keywords.modality", "personal_information.written_consent_biometric"


def looser(profile: "Profile", base: "Profile") -> tuple[str, ...]:
    """Each respect in which `profile` asks for less than `base`, as `field: what / what`; empty where there is none."""
    rules = (_values, _levels, _clauses, _places, _grades)
    return tuple(respect for rule in rules for respect in rule(profile, base))


def _values(profile: "Profile", base: "Profile") -> Iterator[str]:
    own, shipped = stated(profile), stated(base)
    for field in dict.fromkeys([*shipped, *own]):
        before, after = shipped.get(field), own.get(field)
        if field not in _BY_TYPE and before != after and _is_looser(field, before, after):
            yield (
                f"{field}: {shown(after)}，宽于随附口径的 {shown(before)} / {shown(after)} is looser than the shipped "
                f"{shown(before)}"
            )


def _is_looser(field: str, before: Any, after: Any) -> bool:
    """Whether `after` asks for less. A field no rule here speaks of may not be changed at all."""
    rule = "keywords.per_risk" if field.startswith("keywords.per_risk.") else field
    if rule in _AT_LEAST:
        return before is not None and (after is None or _size(after) < _size(before))
    if rule in _AT_MOST:
        return before is not None and (after is None or _size(after) > _size(before))
    if rule in _ALL_OF:
        return not set(before) <= set(after)
    if rule in _NONE_BUT:
        return not set(after) <= set(before)
    if rule == _MODALITY:
        return bool(after == "should")
    if rule == _WRITTEN:
        return not after
    return True


def _size(value: Any) -> Fraction:
    return Fraction(*value) if isinstance(value, list) else Fraction(value)


def _levels(profile: "Profile", base: "Profile") -> Iterator[str]:
    """Types of a lower level, and combinations that are sensitive no more."""
    own, shipped = profile.personal_information, base.personal_information
    lower = [name for name in catalogue().types if _rank(own, name) < _rank(shipped, name)]
    if lower:
        yield (
            f"personal_information: 级别低于随附口径的类型 / types of a lower level than in the shipped profile: {', '.join(lower)}"
        )
    kept = {rule.name for rule in catalogue().combinations(own.standard)}
    gone = [rule.name for rule in catalogue().combinations(shipped.standard) if rule.name not in kept]
    if gone:
        yield f"personal_information.standard: 不再从严的组合 / combinations sensitive no more: {', '.join(gone)}"


def _rank(levels: PersonalInformationLevels, kind: str) -> int:
    return LEVELS.index(levels.level_of(kind))


def _clauses(profile: "Profile", base: "Profile") -> Iterator[str]:
    for clause in base.clauses:
        own = profile.clause_of(clause.key) if clause.key else None
        if own is None:
            yield f"clauses: 缺少 {clause.key}（{clause.id}） / {clause.key} ({clause.id}) is missing"
            continue
        if (clause.modality, own.modality) == ("shall", "should"):
            yield f"clauses {clause.key}: “应”改成了“宜” / shall became should"
        if clause.confidence == "A" and (own.id, own.title) != (clause.id, clause.title):
            yield (
                f"clauses {clause.key}: 编号或文字与标准原文不符，请照随附口径 / number or wording differ from the standard's text, keep "
                f"those of the shipped profile"
            )


def _places(profile: "Profile", base: "Profile") -> Iterator[str]:
    """Checks whose result would stand under another clause than the one that asks for it."""
    own, shipped = _named(profile), _named(base)
    for place, before in shipped.items():
        if own.get(place) != before:
            yield f"{place}: 所指条款应为 {before} / should name the clause {before}, not {own.get(place)}"
    for place in own.keys() - shipped.keys():
        if own[place] in {clause.key for clause in base.clauses if not (clause.key or "").startswith("K.PI.")}:
            yield f"{place}: {own[place]} 与个人信息无关 / is not about personal information"


def _named(profile: "Profile") -> dict[str, str]:
    """By field the key of the clause it names; its number where that is none of the profile's list."""
    keys = {clause.id: clause.key or clause.id for clause in profile.clauses}
    named = {f"{check}.clause": getattr(profile, check).clause for check in ("source_rate", "manual", "technical")}
    named |= {"keywords.clause": profile.keywords.clause, "diversity.clause": profile.diversity.clause}
    named |= {f"personal_information.clauses.{k}": v for k, v in profile.personal_information.clauses.items()}
    if profile.instruments is not None:
        named["instruments"] = profile.instruments
    return {place: keys.get(clause, clause) for place, clause in named.items()}


def _grades(profile: "Profile", base: "Profile") -> Iterator[str]:
    """Values said to be surer than shipped by nobody: who read the text says where."""
    sure = list(GRADES)
    for field, before in base.basis.items():
        after = profile.basis.get(field)
        if after and after.source == before.source and sure.index(after.confidence) < sure.index(before.confidence):
            yield (
                f"basis.{field}: 把握提高而出处未改，请在 source 写明核对所据 / surer than shipped with the same source: say in source what "
                f"it was checked against"
            )
