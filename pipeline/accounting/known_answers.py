"""Runs the known-answer texts through the detectors of an audit: does what is configured react to each risk at all?"""

import hashlib
import json
from typing import Any

import pyarrow as pa

from pipeline import __version__
from pipeline.accounting.summaries import sealed, unsealed
from pipeline.detectors import Detectors
from pipeline.store.scans import ScanStore
from schemas.known_answers import KnownAnswers, load_known_answers
from transforms.decide import NOT_ASKED
from transforms.text import TextBatch

LAYER = "known-1"  # the number is that of the form


def answers_key(detectors: Detectors) -> str | None:
    """Under which the rows are committed; None where a scorer is asked, whose answers may be missing today only."""
    if detectors.confirming is not None:
        return None
    content = [__version__, detectors.fingerprint, load_known_answers().sha256]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def committed_rows(detectors: Detectors, store: ScanStore) -> list[dict[str, Any]]:
    """Rows of `known_answers`, from the store where detectors of the same fingerprint were asked before."""
    key = answers_key(detectors)
    if key is None:
        return known_answer_rows(detectors)
    path = store.path(LAYER, key, ".json")
    found = unsealed(store.read_bytes(path)) if store.exists(path) else None
    if found is None:
        found = {"rows": known_answer_rows(detectors)}
        store.commit_bytes(sealed(found), path)
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def known_answer_rows(detectors: Detectors, known: KnownAnswers | None = None) -> list[dict[str, Any]]:
    """Rows of `known_answers`: by risk how many texts there are, how many were found, and by what.

    A text counts as found where the assessment policy decides a violation of the risk it was written for. Risks the
    profile does not count are not asked for. `unscored` are those the confirming scorer was asked about in vain.
    """
    known = known or load_known_answers()
    counted = [risk for risk in known.texts if risk in detectors.decider.profile.counted_risks]
    texts = [(risk, text) for risk in counted for text in known.texts[risk]]
    batch = TextBatch(pa.record_batch([pa.array([text for _, text in texts], pa.large_string())], names=["text"]))
    decided = list(zip(*detectors.judge_texts(batch), strict=True))
    rows = []
    for risk in counted:
        judged = [pair for (of, _), pair in zip(texts, decided, strict=True) if of == risk]
        own = [verdict for verdict, _ in judged]
        found = sum(risk in verdict.risks for verdict in own)
        rows.append(
            {
                "risk_id": risk,
                "texts": len(own),
                "found": found,
                "by_keywords": sum(risk in verdict.keyword_risks for verdict in own),
                "by_classifier": sum(risk in verdict.classifier_risks for verdict in own),
                "as_candidate": sum(risk in verdict.candidates for verdict in own),
                "passed": known.reached(found, len(own)),
                "unscored": sum(unscored not in (None, NOT_ASKED) for _, unscored in judged),
            }
        )
    return rows
