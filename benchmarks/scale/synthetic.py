"""Synthetic documents: what makes a row different from others is a function of its number, the rest repeats.

Hashes differ in 5 of their 32 bytes, so that a billion rows fit on a disk; in memory they are as wide as real ones.
Every twentieth text is a copy of an earlier one. Domains follow a power law: the commonest have millions of documents,
the rarest a few. Each source has domains of its own, as crawls of different places have, and one document in ten is of a
domain that all sources share.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import layers
from schemas.lexicon import Library

Numbers = npt.NDArray[np.uint64]

COPIES = 20  # of so many texts one is a copy
_BUCKETS = ("zh", "zh", "zh", "en", "code")
_SCORED = 0.97


def mixed(numbers: Numbers) -> Numbers:
    """Well-mixed 64 bits of each number (Steele et al., splitmix64)."""
    with np.errstate(over="ignore"):
        z = numbers + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


@dataclass(frozen=True)
class Pool:
    """The domains a source draws from: those numbered from `first` on, and the `shared` first of all."""

    first: int
    count: int
    shared: int


def base(first: int, count: int, pool: Pool) -> pa.RecordBatch:
    """The base layer of the `count` documents from number `first` on."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    draws = mixed(numbers)
    place = np.arange(count)
    domain = pc.binary_join_element_wise(pa.scalar("d"), _text(_domains(draws, pool)), pa.scalar(".example"), "")
    url = pc.binary_join_element_wise(
        pa.scalar("https://host.example/"), _text(numbers), ""
    )  # without the domain: space
    size = 400 + 13 * (place % 251)  # the same in every unit: about 2 KB
    bucket = pa.array(_BUCKETS).take(pa.array(place % len(_BUCKETS)))
    columns: dict[str, Any] = {
        "member": np.zeros(count, dtype=np.int32),
        "row": place,
        "offset": place * 2048,
        "native_id": pa.nulls(count, pa.large_string()),
        "url": url.cast(pa.large_string()),
        "domain": domain,
        "language": bucket,
        "content_type": pa.array(["text"]).take(pa.array(np.zeros(count, dtype=np.int8))),
        "bucket": bucket,
        "bytes": size,
        "chars": size // 3,
        "content_hash": _hashes(numbers, draws),
        "user_hash": pa.nulls(count, pa.binary(32)),
    }
    return pa.record_batch([pa.array(columns[f.name], type=f.type) for f in layers.BASE], schema=layers.BASE)


def _domains(draws: Numbers, pool: Pool) -> Numbers:
    uniform = (draws >> np.uint64(11)).astype(np.float64) / 2.0**53
    own = pool.first + (pool.count * uniform**3).astype(np.uint64)
    shared = (pool.shared * uniform**3).astype(np.uint64)
    return np.where(mixed(draws) % np.uint64(10) == 0, shared, own)


def _hashes(numbers: Numbers, draws: Numbers) -> pa.Array:
    """Of the texts: a copy has the hash of an earlier row. An odd factor keeps different numbers apart."""
    earlier = mixed(draws) % np.maximum(numbers, np.uint64(1))
    of = np.where(draws % np.uint64(COPIES) == 0, earlier, numbers)
    wide = np.zeros((len(numbers), 4), dtype=np.uint64)
    with np.errstate(over="ignore"):
        wide[:, 0] = (of * np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFF)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(numbers), [None, pa.py_buffer(wide.tobytes())])


def _text(numbers: Numbers) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def evidence(count: int, library: Library, often: bool) -> dict[str, pa.RecordBatch]:
    """The layers of findings: few documents have any, as in ordinary corpora; `often`: one in twelve violates.

    Otherwise one in 400 violates, one in fifty has a term that proves nothing, one in 200 personal information.
    """
    block, context = (
        next(i for i, entry in enumerate(library.entries) if entry.tier == t) for t in ("block", "context")
    )
    every = 12 if often else 400
    hits = [_hit(block) if i % every == 7 else _hit(context) if i % 50 == 3 else None for i in range(count)]
    scores = [_score() if i % 300 == 11 else None for i in range(count)]
    entities = [_entity() if i % 200 == 5 else None for i in range(count)]
    none = [None] * count
    return {
        "keywords": pa.RecordBatch.from_pydict({"hits": hits}, schema=layers.KEYWORDS),
        "classifier": pa.RecordBatch.from_pydict({"scores": scores, "unscored": none}, schema=layers.CLASSIFIER),
        "pii": pa.RecordBatch.from_pydict(
            {"entities": entities, "unscored": none, "checked": [False] * count, "cut": [False] * count},
            schema=layers.PII,
        ),
    }


def _hit(entry: int) -> list[dict[str, Any]]:
    return [{"entry": entry, "count": 1, "start": 10, "end": 14, "excerpt": "……", "straddles": False}]


def _score() -> list[dict[str, Any]]:
    return [{"label": "A1-a", "score": _SCORED, "start": 0, "end": 100}]


def _entity() -> list[dict[str, Any]]:
    told = {"type": "CN_MOBILE", "start": 20, "end": 31, "grade": "validated", "mask": "138****8000", "hmac": bytes(16)}
    return [{**told, "born": None, "minor": False}]
