"""Scan stage for the layer `pii`: what personal information the package pii/ finds, without what it says.

A gate picks the few documents in which anything could be, and where in them; only there the rules read. A share of
the documents is read in full all the same, and a difference ends the run.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

import schemas.layers
from pii import Detector
from pii.detector import Entity, Found
from pii.fingerprint import rules_digest
from pii.rule import RuleTimeoutError
from pii.windows import Window
from transforms.text import TextBatch

VERSION = 3
MAX_WEAK = 10_000  # weak findings kept of one type in one document; they decide nothing
MAX_COUNTED = 100_000  # counted findings a document may hold: what more would have to be left out could decide
UNREAD = "personal information: "  # begins the reasons for which nothing is known of a document
CHECKED_SHARE = 2048  # one document in so many is read in full whatever the gate says
_EDGE = 24  # bytes
_PRIME = np.uint64(0x100000001B3)  # of FNV


class GateError(Exception):
    """The gate hid a finding: a defect of this software, and nothing that was skipped can be trusted."""


class TooManyError(Exception):
    """A document holds more than MAX_COUNTED counted findings."""


class PersonalInformation:
    """The entities of each document in order, never overlapping: all that count, and of weak ones the first of each type.

    `checked` says that the document was read in full to check the gate, `cut` that not all entities were kept. Without a
    salt entities carry no digest and the layer cannot be committed. Pickle it freely, to where the salt may go.
    """

    name: ClassVar[str] = "pii"
    schema: ClassVar[pa.Schema] = schemas.layers.PII

    def __init__(self, salt: bytes | None = None) -> None:
        self.detector = Detector(salt=salt)
        self.checked_share = CHECKED_SHARE
        self.variant = salt_id(salt) if salt else ""

    def fingerprint(self) -> str:
        """Digest of the rules, their code and their data, and of what bounds their application."""
        return hashlib.sha256(
            f"pii/{VERSION}/{MAX_WEAK}/{MAX_COUNTED}/{self.checked_share}/{rules_digest()}".encode()
        ).hexdigest()

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Entities per document; NULL where none. A document the detector fails on says so in `unscored`.

        Raises GateError.
        """
        count = len(batch)
        entities: list[list[dict[str, Any]] | None] = [None] * count
        unscored: list[str | None] = [None] * count
        checked, cut = [False] * count, [False] * count
        chosen = _chosen(batch.text, self.checked_share)
        windows = self.detector.gate.windows_of(batch.strings)
        for row in sorted(windows.keys() | chosen):
            try:
                found, cut[row] = self._found(batch.strings[row], windows.get(row), row in chosen)
            except GateError as error:
                raise GateError(f"{error}: {_place(batch, row)}") from None
            except (RuleTimeoutError, TooManyError) as error:
                unscored[row] = f"{UNREAD}{error}"
                continue
            except Exception as error:  # one document must not cost the batch; the message may quote the text
                unscored[row] = f"{UNREAD}{type(error).__name__}"
                continue
            entities[row] = [entity._asdict() for entity in found] or None
            checked[row] = row in chosen
        columns = {"entities": entities, "unscored": unscored, "checked": checked, "cut": cut}
        return pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in self.schema], schema=self.schema
        )

    def _found(self, text: str, windows: Sequence[Window] | None, chosen: bool) -> tuple[list[Entity], bool]:
        found = self.detector.spans(text, windows) if windows else []
        if chosen:
            whole = self.detector.spans_ungated(text)
            if whole != found:
                kinds = sorted({span.type for span in set(whole) ^ set(found)})
                raise GateError(
                    f"个人信息检测的预筛漏检，结果不可信 / the gate of the personal-information stage hid findings ({', '.join(kinds)})"
                )
        kept = kept_of(found)
        return self.detector.entities(text, kept), len(kept) < len(found)


def salt_id(salt: bytes) -> str:
    """What tells salts apart without telling them: of 32 random bytes a digest can be shown."""
    return hashlib.sha256(b"salt of digests\0" + salt).hexdigest()[:16]


def kept_of(found: list[Found]) -> list[Found]:
    """All that count and the first `MAX_WEAK` weak ones of each type, in order. Raises TooManyError."""
    if len(found) <= min(MAX_WEAK, MAX_COUNTED):
        return found
    if sum(span.grade != "weak" for span in found) > MAX_COUNTED:
        raise TooManyError(f"more than {MAX_COUNTED} findings")
    weak: Counter[str] = Counter()
    kept = []
    for span in found:
        if span.grade == "weak":
            weak[span.type] += 1
        if span.grade != "weak" or weak[span.type] <= MAX_WEAK:
            kept.append(span)
    return kept


def _chosen(texts: pa.LargeStringArray, share: int) -> set[int]:
    """The documents to read in full: by a hash of their ends and length, the same however they are batched."""
    _, offsets, data = texts.buffers()
    if len(texts) == 0 or data is None or data.size == 0:
        return set()
    ends = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, dtype=np.uint8)
    first, last = ends[:-1], ends[1:] - 1
    digests = (last - first).astype(np.uint64)
    for place in range(_EDGE):
        for at in (np.minimum(first + place, last), np.maximum(last - place, first)):
            digests = (digests ^ content.take(at, mode="clip")) * _PRIME
    digests[last < first] = 0  # an empty text has no ends
    return set(np.flatnonzero((digests >> np.uint64(32)) % np.uint64(share) == 0).tolist())


def _place(batch: TextBatch, row: int) -> str:
    names = [name for name in ("member", "row") if name in batch.records.schema.names]
    return ", ".join(f"{name} {batch.records.column(name)[row].as_py()}" for name in names) or f"row {row}"
