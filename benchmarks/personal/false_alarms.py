"""What a detector counts in ordinary text, by source, bucket and type.

News, statutes, encyclopaedia, poetry and code hold nearly no personal information of private people, so what is found
there is nearly always wrong: what nobody judged otherwise (adjudication.py) is a false alarm. Forums, questions and
advertisements hold real contact data: their rates are only shown.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from benchmarks.personal.adjudication import FALSE, Judgement, Judgements, digest
from benchmarks.personal.scoring import Detector, Found
from pipeline.terminal.texts import batches_of
from schemas.sources import Fields
from transforms.bucket import Bucket
from transforms.text import TextBatch

LIMITS = {
    "zh_news": 2.0, "zh_law": 2.0, "zh_encyclopedia": 2.0, "zh_poetry": 2.0, "zh_classical_modern": 2.0, "code": 20.0,
}  # fmt: skip
ORGANISATION = frozenset({"CN_HOTLINE", "CN_USCC"})  # right or wrong, no personal information: not in the rate
CONTEXT = 40  # characters shown on either side of a listed finding
LIST_NOTE = (
    "# 含语料原文：只留在本机，不得提交或外传 / raw text of the corpus: keep it on this machine, never commit it"
)
_SPACE = 2**64


@dataclass
class Alarms:
    """Characters read, documents, and counted findings."""

    share: float
    characters: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, bucket)
    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (source, bucket, type)
    judged: Counter[tuple[str, str, str, Judgement]] = field(default_factory=Counter)  # those of them that are listed

    def false(self) -> Counter[tuple[str, str, str]]:
        """Of `found` what nobody judged right."""
        right: Counter[tuple[str, str, str]] = Counter()
        for (source, bucket, kind, judgement), count in self.judged.items():
            if judgement.verdict != FALSE:
                right[source, bucket, kind] += count
        return self.found - right


def sampled(text: str, share: float) -> bool:
    """Whether a document is in the sample: by its text alone, so that every run and detector reads the same."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * _SPACE


def texts(data: Path, share: float) -> Iterator[tuple[str, str, str, str]]:
    """Source, bucket, id and text of the sampled documents of the corpus."""
    bucket = Bucket()
    for folder in sorted(path for path in (data / "corpus").iterdir() if path.is_dir()):
        for batch in batches_of([str(folder)], Fields()):
            chosen = [row for row, text in enumerate(batch.strings) if sampled(text, share)]
            part = TextBatch(batch.records.take(pa.array(chosen, pa.int64())))
            names = bucket(part).column("bucket").to_pylist()
            ids = part.records.column("native_id").to_pylist()
            yield from (
                (folder.name, name, str(key), text) for name, key, text in zip(names, ids, part.strings, strict=True)
            )


def read(
    data: Path, find: Detector, share: float, judgements: Judgements | None = None, listed: TextIO | None = None
) -> Alarms:
    """Counts the findings; those in sources with a limit are written to `listed` for who is to judge them."""
    alarms = Alarms(share)
    judgements = judgements or {}
    if listed is not None:
        listed.write(LIST_NOTE + "\n")
    for source, bucket, key, text in texts(data, share):
        alarms.characters[source, bucket] += len(text)
        alarms.documents[source, bucket] += 1
        found = find(text)
        document = digest(text) if found else ""
        for one in found:
            alarms.found[source, bucket, one.type] += 1
            judgement = judgements.get((document, one.start, one.end, one.type))
            if judgement is not None:
                alarms.judged[source, bucket, one.type, judgement] += 1
            if listed is not None and source in LIMITS and one.type not in ORGANISATION:
                row = {"document": document, "source": source, "id": key, **_listed(text, one)}
                row["verdict"] = judgement.verdict if judgement else ""
                listed.write(json.dumps(row, ensure_ascii=False) + "\n")
    return alarms


def _listed(text: str, found: Found) -> dict[str, str | int]:
    """A finding with its mask and what is around it, as it stands in the text."""
    return {
        "type": found.type,
        "start": found.start,
        "end": found.end,
        "grade": found.grade,
        "before": text[max(0, found.start - CONTEXT) : found.start],
        "mask": found.mask,
        "after": text[found.end : found.end + CONTEXT],
    }
