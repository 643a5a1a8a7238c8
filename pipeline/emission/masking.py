"""Masks personal information and credentials in documents that are written out, and keeps count of it.

Only documents in which the audit found something are looked into, but these anew: what overlaps a finding may
show only when that is masked, and a copy must miss none.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pii import Detector
from pii.redaction import Redacted, redact
from pipeline.errors import RunFailed
from schemas.personal_information import catalogue
from transforms.pii import PersonalInformation

TYPES = ("pii_types", "other_types")  # what the audit found, by document


@dataclass
class Masked:
    """How much was masked; `uncovered` are findings that showed only when others were masked."""

    documents: int = 0
    findings: int = 0
    uncovered: int = 0
    documents_by_type: Counter[str] = field(default_factory=Counter)
    findings_by_type: Counter[str] = field(default_factory=Counter)

    def add(self, redacted: Redacted) -> None:
        """Counts one document."""
        kinds = Counter(entity.type for entity in redacted.masked)
        self.documents += 1
        self.findings += len(redacted.masked)
        self.uncovered += len(redacted.uncovered)
        self.documents_by_type.update(kinds.keys())
        self.findings_by_type.update(kinds)

    def entry(self) -> dict[str, Any]:
        """As a manifest states it."""
        by_type = {
            kind: {"documents": self.documents_by_type[kind], "findings": count}
            for kind, count in sorted(self.findings_by_type.items())
        }
        return {
            "documents": self.documents,
            "findings": self.findings,
            "uncovered": self.uncovered,
            "by_type": by_type,
        }


def total(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """The sum of such entries."""
    sums = Masked()
    for entry in entries:
        sums.documents += entry["documents"]
        sums.findings += entry["findings"]
        sums.uncovered += entry["uncovered"]
        for kind, counts in entry["by_type"].items():
            sums.documents_by_type[kind] += counts["documents"]
            sums.findings_by_type[kind] += counts["findings"]
    return sums.entry()


class Masker:
    """Masks all findings that count, but for those that are an organisation's."""

    def __init__(self) -> None:
        self.kept = frozenset(name for name, kind in catalogue().types.items() if kind.class_ == "organisation")

    @cached_property
    def _detector(self) -> Detector:
        return Detector()

    @staticmethod
    def fingerprint() -> str:
        """Changes with anything that can change what is masked, and how."""
        return hashlib.sha256(f"{PersonalInformation().fingerprint()}/{catalogue().sha256}".encode()).hexdigest()

    def __call__(self, rows: pa.RecordBatch, types: list[set[str]], masked: Masked) -> pa.RecordBatch:
        """The rows with texts masked where the audit found any of `types`, and their `text_sha256`.

        Raises RunFailed where something else is found than was audited.
        """
        chosen = [row for row, found in enumerate(types) if found - self.kept]
        if not chosen:
            return rows
        texts, digests = [], []
        for row in chosen:
            redacted = self._redacted(rows.column("doc_id")[row].as_py(), rows.column("text")[row].as_py())
            if {entity.type for entity in redacted.masked} != types[row] - self.kept:
                raise RunFailed(
                    f"{rows.column('doc_id')[row].as_py()}: 待脱敏的内容与审计所见不符 / what is to be masked is not what the audit found: "
                    f"{', '.join(sorted(types[row] ^ {entity.type for entity in redacted.masked}))}"
                )
            masked.add(redacted)
            texts.append(redacted.text)
            digests.append(hashlib.sha256(redacted.text.encode()).hexdigest())
        replaced = {"text": _replaced(rows.column("text"), chosen, texts)}
        replaced["text_sha256"] = _replaced(rows.column("text_sha256"), chosen, digests)
        return pa.record_batch([replaced.get(f.name, rows.column(f.name)) for f in rows.schema], schema=rows.schema)

    def _redacted(self, doc_id: str, text: str) -> Redacted:
        try:
            return redact(text, self._detector, self.kept)
        except Exception as error:  # its message, and the errors it came from, may quote the text
            raise RunFailed(f"{doc_id}: 脱敏失败 / masking failed: {type(error).__name__}") from None


def found_types(facts: pa.RecordBatch) -> list[set[str]]:
    """What the audit found in each document, by the columns `TYPES`."""
    columns = (facts.column(name).to_pylist() for name in TYPES)
    return [{*personal, *other} for personal, other in zip(*columns, strict=True)]


def _replaced(column: pa.Array, rows: list[int], values: list[str]) -> pa.Array:
    where = pc.is_in(pa.array(range(len(column))), value_set=pa.array(rows))
    return pc.replace_with_mask(column, where, pa.array(values, column.type))
