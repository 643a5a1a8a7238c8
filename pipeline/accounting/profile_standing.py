"""What has to be said of the profile wherever its numbers are shown: which edition, and which values nobody read in it."""

from collections.abc import Mapping
from typing import Any

from schemas.profile import Profile, may_pass

KEY = "profile_standing"  # in result.json


def standing(profile: Profile) -> dict[str, Any]:
    """For result.json: edition, whether 符合 may be said under the profile, and what is not grade A in it."""
    return {
        "extends": profile.extends,
        "edition": profile.edition.model_dump(mode="json") if profile.edition else None,
        "may_pass": may_pass(profile),
        "looser": list(profile.looser),
        "unverified": [{**vars(value), "standing": value.standing} for value in profile.unverified],
        "unverified_clauses": [
            {"clause": clause.id, "key": clause.key, "confidence": clause.confidence}
            for clause in profile.unverified_clauses
        ],
    }


def note(result: Mapping[str, Any]) -> tuple[str, str] | None:
    """One line in Chinese and one in English; None where there is nothing to say, and for runs that kept nothing of it."""
    told = result.get(KEY)
    if told is None:
        return None
    zh, en = [], []
    edition = told["edition"]
    if edition is None:
        zh.append("未说明依据哪一版标准")
        en.append("does not say which edition it speaks for")
    elif not edition["in_force"]:
        zh.append(edition["cover"]["zh"])
        en.append(edition["cover"]["en"])
    if told["looser"]:
        zh.append(f"{len(told['looser'])} 处宽于随附口径")
        en.append(f"looser than the shipped profile in {len(told['looser'])} respects")
    values, clauses = len(told["unverified"]), len(told["unverified_clauses"])
    if values or clauses:
        second = sum(value["standing"] == "secondary" for value in told["unverified"])
        zh.append(
            f"{values} 个取值（其中二手 {second} 个）与 {clauses} 项条款未经标准原文核对，见 result.json 的 {KEY}"
        )
        en.append(
            f"{values} values ({second} of them secondary) and {clauses} clauses not checked with the standard's text: {KEY} in result.json"
        )
    return ("；".join(zh), "; ".join(en)) if zh else None
