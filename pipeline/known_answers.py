"""Runs the known-answer texts through the detectors of an audit: does what is configured react to each risk at all?"""

from typing import Any

import pyarrow as pa

from pipeline.detectors import Detectors
from schemas.known_answers import KnownAnswers, load_known_answers
from transforms.text import TextBatch


def known_answer_rows(detectors: Detectors, known: KnownAnswers | None = None) -> list[dict[str, Any]]:
    """Rows of `known_answers`: by risk how many texts there are, how many were found, and by what.

    A text counts as found where the assessment policy decides a violation of the risk it was written for. Risks the
    profile does not count are not asked for.
    """
    known = known or load_known_answers()
    counted = [risk for risk in known.texts if risk in detectors.decider.profile.counted_risks]
    texts = [(risk, text) for risk in counted for text in known.texts[risk]]
    batch = TextBatch(pa.record_batch([pa.array([text for _, text in texts], pa.large_string())], names=["text"]))
    decided = detectors.decide_texts(batch)
    rows = []
    for risk in counted:
        own = [verdict for (of, _), verdict in zip(texts, decided, strict=True) if of == risk]
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
            }
        )
    return rows
