"""What the run measured with: keyword library, classifier, known answers and the confirming scorer, against what ships."""

import hashlib
from collections.abc import Iterator
from typing import Any

from models import STARTER_MODEL
from pipeline import __version__
from pipeline.accounting.instruments import ALL, classifier_rows, keyword_requirements
from pipeline.verification.recomputation import Recomputation, difference
from schemas.known_answers import load_known_answers
from schemas.risks import risks
from transforms.classifier import LABELS_FILE, Classifier, read_labels
from transforms.decide import NOT_ASKED

# `unscored` also tells of documents nobody was asked about, and of those the detector of personal information failed on
_CONFIRM_REASON = (
    f"unscored IS NOT NULL AND unscored <> '{NOT_ASKED}' AND NOT starts_with(unscored, 'personal information')"
)
_REASON = "split_part(unscored, '; personal information: ', 1)"


def library(data: Recomputation) -> Iterator[str]:
    """The keyword library was counted for all risks, and no risk has more terms than there are."""
    rows = {row["risk_id"]: row for row in data.stored("keyword_library")}
    required = keyword_requirements(data.profile.keywords)
    if list(rows) != list(required) or len(rows) != len(data.stored("keyword_library")):
        yield "keyword_library: 应为 31 种风险与 all 各一行 / should have one row for each of the 31 risks and one for all"
        return
    whole = rows[ALL]
    for risk, row in rows.items():
        tiers = [row[tier] for tier in ("block", "review", "context")]
        if row["counted"] != row["block"] + row["review"] or row["required"] != required[risk] or min(tiers) < 0:
            yield f"keyword_library: {risk}: 计数或要求不符 / count or requirement do not agree"
        if any(row[tier] > whole[tier] for tier in ("block", "review", "context")):
            yield f"keyword_library: {risk}: 多于全库 / more terms than the whole library"
    terms = data.manifest["versions"]["lexicon_terms"]
    if sum(whole[tier] for tier in ("block", "review", "context")) != terms:
        yield f"keyword_library: all: 与 manifest 的词数不符 / differs from the number of terms in the manifest: {terms}"
    for tier in ("block", "review", "context"):
        if sum(row[tier] for risk, row in rows.items() if risk != ALL) < whole[tier]:
            yield f"keyword_library: {tier}: 全库多于各风险之和 / the whole has more terms than all risks together"


def classifier(data: Recomputation) -> Iterator[str]:
    """The evidence for the classifier covers all risks, has the thresholds of the run, and is that of the shipped model."""
    rows = data.stored("classifier_evidence")
    versions = data.manifest["versions"]
    if [row["risk_id"] for row in rows] != list(risks()):
        yield "classifier_evidence: 应为 31 种风险各一行 / should have one row for each of the 31 risks"
        return
    for row in rows:
        if row["threshold"] != versions["thresholds"].get(row["risk_id"]):
            yield f"classifier_evidence: {row['risk_id']}: 阈值与 manifest 不符 / threshold differs from the manifest"
    if shipped_model(data.manifest):
        yield from difference("classifier_evidence", classifier_rows(read_labels(STARTER_MODEL)), rows)


def shipped_model(manifest: dict[str, Any]) -> bool:
    """Whether the run used the model that ships with this version, by its files."""
    versions = manifest["versions"]
    labels = hashlib.sha256((STARTER_MODEL / LABELS_FILE).read_bytes()).hexdigest()
    same_model = Classifier(STARTER_MODEL).fingerprint() == versions["stages"]["classifier"]
    return bool(same_model or labels == versions["labels_sha256"])


def known_answers(data: Recomputation) -> Iterator[str]:
    """Every counted risk was asked for with the texts that ship, and the floor decided.

    A run of another version had other texts; what it says of them is listed as not proved.
    """
    told, stored = data.manifest["known_answers"], data.stored("known_answers")
    shipped = load_known_answers()
    if other_version(data.manifest):
        floor = tuple(told["floor"])
    else:
        floor = shipped.floor
        asked = {risk: len(texts) for risk, texts in shipped.texts.items() if risk in data.profile.counted_risks}
        counts = {row["risk_id"]: row["texts"] for row in stored}
        if told["sha256"] != shipped.sha256 or tuple(told["floor"]) != floor or asked != counts:
            yield "known_answers: 与随附的文本不符 / differ from the texts that ship"
    numerator, denominator = floor
    wrong = [
        row["risk_id"]
        for row in stored
        if row["passed"] != (row["found"] * denominator >= numerator * row["texts"])
        or not max(row["by_keywords"], row["by_classifier"]) <= row["found"] <= row["texts"] - row["as_candidate"]
        or not 0 <= row["unscored"] <= row["texts"]
    ]
    if sorted(row["risk_id"] for row in stored) != sorted(data.profile.counted_risks):
        yield "known_answers: 应为计数的各风险一行 / should have one row for each risk that counts"
    if wrong:
        yield f"known_answers: 计数或下限不符 / counts or floor do not agree: {', '.join(wrong)}"


def other_version(manifest: dict[str, Any]) -> bool:
    """Whether another version of the software made the run, with other known answers than the present one's."""
    told = manifest["known_answers"]
    return bool(told["sha256"] != load_known_answers().sha256 and manifest["software_version"] != __version__)


def confirming(data: Recomputation) -> Iterator[str]:
    """What the confirming scorer was asked and did not answer is what documents and sample say."""
    told, config = data.manifest["confirm"], data.manifest["config"]["confirm"]
    if (told is None) != (config is None):
        yield "manifest.json confirm: 与配置不符 / differs from the configuration"
    answered = data.rows("SELECT count(*) FROM findings WHERE detector LIKE 'confirm@%'")[0][0]
    if told is None or config is None:
        if answered:
            yield "findings: 未配置复核模型却有其得分 / scores of a confirming scorer that is not configured"
        return
    if any(told[key] != config[key] for key in ("kind", "scope")):
        yield "manifest.json confirm: 与配置不符 / differs from the configuration"
    sampled = told["scope"] == "technical_sample"
    if sampled and answered:
        yield "findings: 复核限于样本却见于判定 / confirming is limited to the sample, yet decides"
    table = "technical_sample" if sampled else "documents"
    reasons = dict(data.rows(f"SELECT {_REASON}, count(*) FROM {table} WHERE {_CONFIRM_REASON} GROUP BY 1"))
    if reasons != told["unscored"]:
        yield f"manifest.json confirm: 未得答复 / unscored {told['unscored']}，{table}: {reasons}"
    yield from _asked(data, told, table)


def _asked(data: Recomputation, told: dict[str, Any], table: str) -> Iterator[str]:
    """How many were asked about: all in the scope, or at least those with an answer that decided or without any."""
    known, known_rows = told["known_answers"], data.stored("known_answers")
    unscored = sum(row["unscored"] for row in known_rows)
    if known["unscored"] != unscored or not unscored <= known["asked"] <= sum(row["texts"] for row in known_rows):
        yield "manifest.json confirm: 已知答案的未得答复数不符 / known answers without an answer do not agree"
    if not 0 <= told["cached"] <= told["asked"]:
        yield "manifest.json confirm: cached > asked"
    answered = 'EXISTS (FROM findings f WHERE f.detector LIKE \'confirm@%\' AND f.source_id = d.source_id AND f.shard = d.shard AND f."row" = d."row")'
    where = f"{_CONFIRM_REASON} OR {answered}" if told["scope"] == "candidates" else "true"
    least = data.rows(f"SELECT count(*) FROM {table} d WHERE {where}")[0][0]
    if told["asked"] < least or (told["scope"] != "candidates" and told["asked"] != least):
        yield f"manifest.json confirm: asked {told['asked']}，{table}: {least}"
