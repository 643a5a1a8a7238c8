"""Names, addresses and contact data in sets that others labelled: of evidence for what the templates cannot show.

Not every labelled name is personal information (ministers, authors, heroes of novels), so the share of names found is
no recall to be driven to one; the share of what is found that is a name is a precision.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.detection import lines
from benchmarks.personal.scoring import Detector, Found, bounds

Row = dict[str, Any]
PHONES = frozenset({"CN_MOBILE", "CN_LANDLINE", "CN_HOTLINE", "INTL_PHONE"})
# Set, its label, the types of ours it stands for.
MAPPED = (
    ("ner_resume_zh", "NAME", frozenset({"PERSON"})),
    ("ner_cluener", "name", frozenset({"PERSON"})),
    ("ner_boson", "person_name", frozenset({"PERSON"})),
    ("ner_cluener", "address", frozenset({"CN_ADDRESS"})),
    ("ner_boson", "location", frozenset({"CN_ADDRESS"})),
    ("pii_presidio_synth_en", "EMAIL_ADDRESS", frozenset({"EMAIL"})),
    ("pii_presidio_synth_en", "CREDIT_CARD", frozenset({"BANK_CARD"})),
    ("pii_presidio_synth_en", "PHONE_NUMBER", PHONES),
    ("pii_presidio_synth_en", "IP_ADDRESS", frozenset({"IP_ADDRESS"})),
)


@dataclass
class Agreement:
    """How the findings of some types and the spans of a label agree."""

    set: str
    label: str
    documents: int = 0
    spans: int = 0
    spans_touched: int = 0  # by a finding
    spans_equal: int = 0
    found: int = 0
    found_touching: int = 0  # a span


def agreements(data: Path, find: Detector) -> Iterator[Agreement]:
    """One for each set and label, as far as the sets are there."""
    known: dict[str, list[tuple[Row, list[Found]]]] = {}
    for name, label, types in MAPPED:
        path = data / "pii" / f"{name}.jsonl.zst"
        if not path.is_file():
            continue
        if name not in known:
            known[name] = [(row, list(find(row["text"]))) for row in lines(path)]
        yield _agreement(name, label, types, known[name])


def _agreement(name: str, label: str, types: frozenset[str], rows: list[tuple[Row, list[Found]]]) -> Agreement:
    total = Agreement(name, label)
    for row, found in rows:
        text = row["text"]
        spans = [(span["start"], span["end"]) for span in row["spans"] if span["type"] == label]
        own = [(one.start, one.end) for one in found if one.type in types]
        total.documents += 1
        total.spans += len(spans)
        total.found += len(own)
        total.spans_touched += sum(any(s < end and start < e for s, e in own) for start, end in spans)
        total.found_touching += sum(any(s < end and start < e for s, e in spans) for start, end in own)
        exact = {bounds(text, *one) for one in own}
        total.spans_equal += sum(bounds(text, *one) in exact for one in spans)
    return total
