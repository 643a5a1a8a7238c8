"""What an audit measured with: the keyword library and the classifier, risk by risk, beside what the standard asks for."""

from collections import Counter
from typing import Any

from schemas.lexicon import TIERS, Library
from schemas.profile import KeywordLibrary
from schemas.risks import risks
from transforms.classifier import SILENT, Evidence, Labels

ALL = "all"

Rows = list[dict[str, Any]]


def keyword_requirements(wanted: KeywordLibrary) -> dict[str, int]:
    """By risk, and for `all`, how many terms the standard asks for; 0 where it asks for none."""
    return {risk: wanted.per_risk.get(risk[:2], 0) for risk in risks()} | {ALL: wanted.minimum}


def keyword_rows(library: Library, wanted: KeywordLibrary) -> Rows:
    """Rows of `keyword_library`: all 31 risks in the standard's order, and `all`, where each term counts once."""
    count = Counter((risk, entry.tier) for entry in library.entries for risk in (*entry.risks, ALL))
    rows = []
    for risk, required in keyword_requirements(wanted).items():
        tiers = {tier: count[risk, tier] for tier in TIERS}
        rows.append({"risk_id": risk, **tiers, "counted": tiers["block"] + tiers["review"], "required": required})
    return rows


def classifier_rows(labels: Labels) -> Rows:
    """Rows of `classifier_evidence`, all 31 risks; what the model has no label for has the strength `none`."""
    rows = []
    for risk in risks():
        told = labels.evidence.get(risk, Evidence(strength="none"))
        kept = {
            name: getattr(told, name) for name in ("strength", "documents", "weak", "held_back", "precision", "recall")
        }
        rows.append({"risk_id": risk, **kept, "threshold": labels.labels.get(risk)})
    return rows


def shortfall(keywords: Rows, classifier: Rows) -> str:
    """How library and model stand to the requirements, in one sentence for the clause; never more than they show."""
    total = next(row for row in keywords if row["risk_id"] == ALL)
    asked = [row for row in keywords if row["required"] and row is not total]
    short = [row["risk_id"] for row in asked if row["counted"] < row["required"]]
    by_strength = {s: [row["risk_id"] for row in classifier if row["strength"] == s] for s in ("real", "weak", "none")}
    silent = [row["risk_id"] for row in classifier if row["threshold"] is not None and row["threshold"] >= SILENT]
    unseen = ", ".join(by_strength["none"]) or "—"
    mute = ", ".join(silent) or "—"
    return (
        f"关键词 {total['counted']} 个（要求 {total['required']}），{len(asked)} 种风险中 {len(asked) - len(short)} 种达到最低数；分类模型：真实语料证据 "
        f"{len(by_strength['real'])} 种，弱证据（真实语料不足 30 条）{len(by_strength['weak'])} 种，无证据 {len(by_strength['none'])} 种：{unseen}；模型不作声 {len(silent)} 种：{mute} / "
        f"{total['counted']} keywords of {total['required']}, {len(asked) - len(short)} of {len(asked)} risks with enough; classifier: real evidence for "
        f"{len(by_strength['real'])} risks, weak for {len(by_strength['weak'])}, none for {len(by_strength['none'])}, silent on {len(silent)} "
        "(keyword_library, classifier_evidence)"
    )
