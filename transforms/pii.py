"""Scan stage for the layer `pii`: what personal information the package pii/ finds, without what it says.

A gate picks the few documents in which anything could be, and where in them; only there the recognizers look. A share
of the documents is read in full all the same, and a difference ends the run.
"""

import hashlib
import zlib
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

import schemas.layers
from pii import Detector
from pii.detector import Entity, Found
from pii.rule import RuleTimeoutError
from transforms.text import TextBatch

VERSION = 2
MAX_ENTITIES = 10_000  # kept of one type in one document; a list of a million numbers needs no full account
CHECKED_SHARE = 1024  # one document in so many is read in full whatever the gate says
# They decide what is an address or a number, and what matches.
_LIBRARIES = ("tldextract", "phonenumbers", "regex", "google-re2")
_EDGE = 64


class GateError(Exception):
    """The gate hid a finding: a defect of this software, and nothing that was skipped can be trusted."""


class PersonalInformation:
    """The entities of each document in order, never overlapping; of each type the first `MAX_ENTITIES`.

    `checked` says that the document was read in full to check the gate, `cut` that not all entities were kept. Without a
    salt entities carry no digest and the layer cannot be committed. Pickle it freely, to where the salt may go.
    """

    name: ClassVar[str] = "pii"
    schema: ClassVar[pa.Schema] = schemas.layers.PII

    def __init__(self, salt: bytes | None = None) -> None:
        self.detector = Detector(salt=salt)
        self.checked_share = CHECKED_SHARE
        self.variant = hashlib.sha256(b"salt of digests\0" + salt).hexdigest()[:16] if salt else ""

    def fingerprint(self) -> str:
        """Digest of the rules, their code and their data, and of what bounds their application."""
        digest = hashlib.sha256(f"pii/{VERSION}/{MAX_ENTITIES}/{self.checked_share}".encode())
        for library in _LIBRARIES:
            digest.update(f"\n{library} {metadata.version(library)}".encode())
        for name, content in sorted(_contents(resources.files("pii"))):
            digest.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
        return digest.hexdigest()

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Entities per document; NULL where none. A document the detector fails on says so in `unscored`.

        Raises GateError.
        """
        count = len(batch)
        entities: list[list[dict[str, Any]] | None] = [None] * count
        unscored: list[str | None] = [None] * count
        checked, cut = [False] * count, [False] * count
        chosen = _chosen(batch.text, self.checked_share)
        passed = self.detector.gate.passing(batch.text)
        for row in sorted(passed | chosen):
            try:
                found, cut[row] = self._found(batch.text[row].as_py(), row in passed, row in chosen)
            except GateError as error:
                raise GateError(f"{error}: {_place(batch, row)}") from None
            except RuleTimeoutError as error:
                unscored[row] = f"personal information: {error}"
                continue
            except Exception as error:  # one document must not cost the batch; the message may quote the text
                unscored[row] = f"personal information: {type(error).__name__}"
                continue
            entities[row] = [entity._asdict() for entity in found] or None
            checked[row] = row in chosen
        columns = {"entities": entities, "unscored": unscored, "checked": checked, "cut": cut}
        return pa.RecordBatch.from_arrays(
            [pa.array(columns[field.name], field.type) for field in self.schema], schema=self.schema
        )

    def _found(self, text: str, passed: bool, chosen: bool) -> tuple[list[Entity], bool]:
        found = self.detector.spans(text) if passed else []
        if chosen:
            whole = self.detector.spans_ungated(text)
            if whole != found:
                kinds = sorted({span.type for span in set(whole) ^ set(found)})
                raise GateError(
                    f"个人信息检测的预筛漏检，结果不可信 / the gate of the personal-information stage hid findings ({', '.join(kinds)})"
                )
        kept = first_of_each(found)
        return self.detector.entities(text, kept), len(kept) < len(found)


def first_of_each(found: list[Found]) -> list[Found]:
    """The first `MAX_ENTITIES` of each type, in order."""
    if len(found) <= MAX_ENTITIES:
        return found
    counts: dict[str, int] = {}
    kept = []
    for span in found:
        counts[span.type] = counts.get(span.type, 0) + 1
        if counts[span.type] <= MAX_ENTITIES:
            kept.append(span)
    return kept


def _chosen(texts: pa.LargeStringArray, share: int) -> set[int]:
    """The documents to read in full: by a hash of their ends and length, the same however they are batched."""
    if len(texts) == 0:
        return set()
    binary = texts.cast(pa.large_binary())
    heads, tails = pc.binary_slice(binary, 0, _EDGE).to_pylist(), pc.binary_slice(binary, -_EDGE).to_pylist()
    lengths = pc.binary_length(binary).to_pylist()
    rows = enumerate(zip(heads, tails, lengths, strict=True))
    return {row for row, (head, tail, size) in rows if zlib.crc32(head + tail, size + 1) % share == 0}


def _place(batch: TextBatch, row: int) -> str:
    names = [name for name in ("member", "row") if name in batch.records.schema.names]
    return ", ".join(f"{name} {batch.records.column(name)[row].as_py()}" for name in names) or f"row {row}"


def _contents(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    """All files of the package by name: code, too, is a rule."""
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _contents(entry, f"{prefix}{entry.name}/") if entry.name != "__pycache__" else []
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found
