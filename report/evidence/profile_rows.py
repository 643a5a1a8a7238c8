"""The profile of a run as rows: every value with where it comes from, the thresholds as numbers, the clauses."""

import json
from collections.abc import Iterator
from typing import Any

from schemas.profile import Profile
from schemas.profile_basis import UNSTATED, stated


def value_rows(profile: Profile) -> Iterator[dict[str, Any]]:
    """Rows of record.profile: values as JSON. Values that state nothing of the standard have no confidence."""
    told = stated(profile)
    content = profile.model_dump(mode="json", by_alias=True)
    for field, value in {**dict(_leaves(content)), **told}.items():
        basis = profile.basis.get(field)
        confidence = None if field not in told else basis.confidence if basis else "M"
        source = None if field not in told else basis.source if basis else UNSTATED
        shown = json.dumps(value, ensure_ascii=False, sort_keys=True)
        yield {"field": field, "value": shown, "confidence": confidence, "source": source}


def _leaves(content: dict[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if name in ("clauses", "basis") and not place:
            continue
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value


def threshold_row(profile: Profile) -> dict[str, Any]:
    """The one row of record.thresholds. NULL: the edition asks for no such thing."""
    rate, manual, technical = profile.source_rate, profile.manual, profile.technical
    keywords, personal = profile.keywords, profile.personal_information
    return {
        "rate_num": rate.maximum[0],
        "rate_den": rate.maximum[1],
        "pre_collection": "pre_collection" in rate.stages,
        "manual_minimum": manual.minimum,
        "manual_num": manual.passing[0],
        "manual_den": manual.passing[1],
        "technical_share_num": technical.minimum_share[0],
        "technical_share_den": technical.minimum_share[1],
        "technical_num": technical.passing[0],
        "technical_den": technical.passing[1],
        "keywords_minimum": keywords.minimum,
        "keywords_shall": keywords.modality == "shall",
        "keywords_max_han": keywords.max_han,
        "keywords_max_words": keywords.max_words,
        "keywords_update_days": keywords.max_update_days,
        "risks_required": profile.classifier.risks_required,
        "diversity_minimum": profile.diversity.minimum,
        "written_consent": personal.written_consent_biometric,
        "special_services_apply": not {"A5-a", "A5-b"} & profile.not_applicable,
        "in_force": profile.edition.in_force if profile.edition else None,
    }


def clause_rows(profile: Profile) -> Iterator[dict[str, Any]]:
    """Rows of record.clauses, in the profile's order."""
    for number, clause in enumerate(profile.clauses, start=1):
        told = {name: getattr(clause, name) for name in ("title", "key", "modality", "confidence")}
        yield {"order": number, "clause": clause.id, **told}
