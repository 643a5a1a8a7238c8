"""Which values of a profile were not read in the standard's own text, and the line that says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from schemas.profile_parts import GRADES, Clause, Confidence

if TYPE_CHECKING:
    from schemas.profile import Profile

_CHECKS = ("source_rate", "manual", "technical", "keywords", "classifier", "diversity", "advisory")
_STATED = ("edition", "illegal_unhealthy", "not_applicable")
_PERSONAL = ("standard", "levels", "written_consent_biometric")
UNSTATED = "未说明出处 / no source given"


@dataclass(frozen=True)
class Doubtful:
    """A value that was not read in the standard's own text."""

    field: str
    value: Any
    source: str
    confidence: Confidence

    @property
    def standing(self) -> Literal["secondary", "unverified"]:
        """B is secondary: several independent texts say so. C and M are unverified: one voice alone, or none at all."""
        return "secondary" if self.confidence == "B" else "unverified"

    @property
    def line(self) -> str:
        """For people, in two languages."""
        zh, en = GRADES[self.confidence]
        source_zh, _, source_en = self.source.partition(" / ")
        value = "—" if self.value is None else shown(self.value)
        said = ("二手", "secondary") if self.standing == "secondary" else ("未经标准原文核对", "unverified")
        return (
            f"{self.field} = {value}：{said[0]}（{self.confidence} {zh}；{source_zh}） / {said[1]} ({self.confidence}: {en}; "
            f"{source_en or source_zh})"
        )


def stated(profile: "Profile") -> dict[str, Any]:
    """Every value that wants a basis, by dotted field as it is written in YAML; fractions as [numerator, denominator].

    What an edition does not ask for (null) wants one too: that it does not is a statement about it.
    """
    content = profile.model_dump(mode="json", by_alias=True)
    fields = {field: value for check in _CHECKS for field, value in _leaves(check, content[check])}
    fields |= {name: content[name] for name in _STATED}
    fields |= {f"personal_information.{name}": content["personal_information"][name] for name in _PERSONAL}
    if not profile.personal_information.levels:
        del fields["personal_information.levels"]
    return fields


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield place, value
        return
    for name, inner in value.items():
        if name != "clause":
            yield from _leaves(f"{place}.{name}", inner)


def doubtful(profile: "Profile") -> tuple[Doubtful, ...]:
    """The values not of grade A, in the profile's order; one nobody gave a source for is of grade M."""
    found = []
    for field, value in stated(profile).items():
        basis = profile.basis.get(field)
        if basis is None:
            found.append(Doubtful(field, value, UNSTATED, "M"))
        elif basis.confidence != "A":
            found.append(Doubtful(field, value, basis.source, basis.confidence))
    return tuple(found)


# By the beginning of a clause's key, the values a verdict on it rests on, by the beginning of their names.
_RESTS_ON = {
    "K.SRC.RATE5": ("source_rate.", "illegal_unhealthy"),
    "K.SRC.DIVERSITY": ("diversity.",),
    "K.FILTER": ("illegal_unhealthy",),
    "K.PI.": ("personal_information.",),
    "K.EVAL.MANUAL": ("manual.", "not_applicable"),
    "K.EVAL.TECH": ("technical.", "not_applicable"),
    "K.EVAL.ASSETS": ("keywords.", "classifier."),
    "K.KW.LEN": ("keywords.max_han", "keywords.max_words"),
    "K.KW.TOTAL": ("keywords.minimum", "keywords.modality"),
    "K.KW.REP": ("keywords.per_risk", "keywords.modality"),
    "K.KW.UPDATE": ("keywords.max_update_days",),
    "K.CLS": ("classifier.",),
}


def caveat(profile: "Profile", clause: Clause) -> str:
    """What of a clause, and of the values a verdict on it rests on, is not grade A: to follow the basis of a verdict."""
    places = [place for key, names in _RESTS_ON.items() if (clause.key or "").startswith(key) for place in names]
    found: list[tuple[str, str, Confidence]] = []
    if clause.confidence != "A":
        found.append(("编号与文字", "number and wording", clause.confidence))
    found += [
        (value.field, value.field, value.confidence)
        for value in doubtful(profile)
        if value.field.startswith(tuple(places))
    ]
    if not found:
        return ""
    zh = "、".join(f"{name}（{grade}）" for name, _, grade in found)
    en = ", ".join(f"{name} ({grade})" for _, name, grade in found)
    return f"；未经标准原文核对：{zh} / not checked with the standard's text: {en}"


def shown(value: Any) -> str:
    """A value as people read it: 96/100, 4000, A1-a、A1-b."""
    if isinstance(value, list | tuple):
        numbers = len(value) == 2 and all(isinstance(part, int) for part in value)
        return f"{value[0]}/{value[1]}" if numbers else "、".join(map(str, value))
    return str(value["document"]) if isinstance(value, dict) and "document" in value else str(value)
