"""What a detector counts in ordinary text, by source, bucket and type.

News, statutes, encyclopaedia, poetry and code hold nearly no personal information of private people, so what is found
there is nearly always wrong. Forums, questions and advertisements hold real contact data: their rates are only shown.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pyarrow as pa

from benchmarks.personal.scoring import Detector, Found
from pipeline.texts import batches_of
from schemas.sources import Fields
from transforms.bucket import Bucket
from transforms.text import TextBatch

LIMITS = {
    "zh_news": 2.0, "zh_law": 2.0, "zh_encyclopedia": 2.0, "zh_poetry": 2.0, "zh_classical_modern": 2.0, "code": 20.0,
}  # fmt: skip
ORGANISATION = frozenset({"CN_HOTLINE", "CN_USCC"})  # right or wrong, no personal information: not in the rate
CONTEXT = 24  # characters shown on either side of a listed finding
_MEMBER = re.compile(r"[0-9０-９A-Za-z]")
_SPACE = 2**64


@dataclass
class Alarms:
    """Characters read, documents, and counted findings."""

    share: float
    characters: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, bucket)
    documents: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (source, bucket, type)


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


def read(data: Path, find: Detector, share: float, listed: TextIO | None = None) -> Alarms:
    """Counts the findings; those in sources with a limit are written to `listed`, masked, one JSON object a line."""
    alarms = Alarms(share)
    for source, bucket, key, text in texts(data, share):
        alarms.characters[source, bucket] += len(text)
        alarms.documents[source, bucket] += 1
        for one in find(text):
            alarms.found[source, bucket, one.type] += 1
            if listed is not None and source in LIMITS and one.type not in ORGANISATION:
                row = {"source": source, "id": key, "type": one.type, "start": one.start, "text": masked(text, one)}
                listed.write(json.dumps(row, ensure_ascii=False) + "\n")
    return alarms


def masked(text: str, found: Found) -> str:
    """A finding with its surroundings: its mask, and no digit or letter around it that could be another's."""
    before = _MEMBER.sub("#", text[max(0, found.start - CONTEXT) : found.start])
    after = _MEMBER.sub("#", text[found.end : found.end + CONTEXT])
    return f"{before}⟦{found.mask or found.type}⟧{after}"
