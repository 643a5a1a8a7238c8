"""What makes a document the same as another: SHA-256 of its bytes, and a MinHash of its text for near-duplicates.

The MinHash values are those of `datasketch.MinHash(num_perm=64, seed=1, scheme="affine32")` over the character
5-shingles of the normalised text, so everything datasketch offers works on them. Only the arithmetic is ours: all
shingles of many documents pass through a permutation at once, some fifty times faster than a sketch at a time.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.layers import FINGERPRINT, MINHASH_PERMUTATIONS
from transforms import normalise
from transforms.text import CodePoints, Offsets, TextBatch

if TYPE_CHECKING:
    from datasketch import MinHash

VERSION = 1

SHINGLE = 5  # code points of normalised text
SEED = 1
SCHEME = "affine32"
# Shingles permuted at a time: enough to drown the cost of a numpy call, few enough to stay in the second-level cache.
RUN = 64 * 1024

_EMPTY = np.uint32(0xFFFFFFFF)  # what datasketch holds for the set without elements

Hashes = npt.NDArray[np.uint32]


class Fingerprint:
    """One MinHash a document; two documents share about the part of its values that is their Jaccard similarity.

    A document of fewer than five normalised code points has a single shingle, all there is of it; one that normalises
    to nothing has none, and every value is 0xFFFFFFFF.
    """

    name: ClassVar[str] = "fingerprint"
    schema: ClassVar[pa.Schema] = FINGERPRINT

    def fingerprint(self) -> str:
        """Version of the shingle hash, digest of the normalisation, number of permutations."""
        return f"{VERSION}/{normalise.fingerprint()}/{MINHASH_PERMUTATIONS}"

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """Column `minhash`: 64 values a document, little-endian uint32."""
        values = np.full((len(batch), MINHASH_PERMUTATIONS), _EMPTY, dtype=np.uint32)
        first = 0
        for codes, starts in _joined(normalise.normalised_blocks(batch)):
            documents = values[first : first + len(starts) - 1]
            for run in _runs(codes, starts):
                _permute(run, documents)
            first += len(documents)
        minhash = _fixed_binary(values.astype("<u4", copy=False).tobytes(), 4 * MINHASH_PERMUTATIONS, len(batch))
        return pa.RecordBatch.from_arrays([minhash], schema=FINGERPRINT)


def content_hashes(batch: TextBatch) -> pa.FixedSizeBinaryArray:
    """SHA-256 of each text's UTF-8 bytes, as read: equal only for equal documents."""
    text = batch.text
    if len(text) == 0:
        return _fixed_binary(b"", 32, 0)
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1].tolist()
    utf8 = memoryview(data) if data is not None else memoryview(b"")
    digests = (hashlib.sha256(utf8[start:end]).digest() for start, end in pairwise(ends))
    return _fixed_binary(b"".join(digests), 32, len(text))


def rehydrate(value: bytes) -> "MinHash":
    """The stored value of one document as a datasketch object: for `jaccard`, `merge`, an LSH index."""
    from datasketch import MinHash

    return MinHash(seed=SEED, scheme=SCHEME, hashvalues=np.frombuffer(value, dtype="<u4"), permutations=permutations())


@lru_cache(maxsize=1)
def permutations() -> Hashes:
    """Multipliers and summands of the permutations, as datasketch draws them: shape (2, 64)."""
    from datasketch import MinHash

    drawn: Hashes = MinHash(num_perm=MINHASH_PERMUTATIONS, seed=SEED, scheme=SCHEME).permutations
    return drawn


def shingle_hashes(codes: CodePoints) -> Hashes:
    """A 32-bit hash of every five neighbouring code points; `len(codes) - 4` of them."""
    mixed = _mix(codes)
    count = max(0, len(codes) - SHINGLE + 1)
    return _combine([mixed[place : place + count] for place in range(SHINGLE)])


def _mix(codes: CodePoints) -> Hashes:
    """Spreads code points over 32 bits first, so that no pattern of small differences between characters collides."""
    mixed = codes * np.uint32(0x9E3779B1)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x85EBCA77)
    return mixed


def _combine(places: list[Hashes]) -> Hashes:
    """The polynomial hash of mixed code points, given one array for each place of the shingle."""
    combined = places[0].copy()
    for place in places[1:]:
        combined *= np.uint32(0xC2B2AE3D)
        combined += place
    return combined


def _premix(hashes: Hashes) -> Hashes:
    """The MurmurHash3 finaliser, which datasketch applies to an element's hash before it permutes."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    hashes ^= hashes >> np.uint32(16)
    return hashes


@dataclass(frozen=True)
class _Run:
    """Hashes of whole documents or parts of them: `hashes[segments[i]:segments[i + 1]]` are of `documents[i]`."""

    hashes: Hashes
    segments: Offsets
    documents: Offsets


def _joined(blocks: list[normalise.Normalised]) -> Iterator[tuple[CodePoints, Offsets]]:
    """Neighbouring blocks put together up to a run: sixty headlines alone would cost mostly numpy calls."""
    first = 0
    while first < len(blocks):
        last, total = first, 0
        while last < len(blocks) and (last == first or total + len(blocks[last].codes) <= RUN):
            total += len(blocks[last].codes)
            last += 1
        group = blocks[first:last]
        if len(group) == 1:
            yield group[0].codes, group[0].starts
        else:
            lengths = np.concatenate([np.diff(block.starts) for block in group])
            starts = np.zeros(len(lengths) + 1, dtype=np.int64)
            np.cumsum(lengths, out=starts[1:])
            yield np.concatenate([block.codes for block in group]), starts
        first = last


def _runs(codes: CodePoints, starts: Offsets) -> Iterator[_Run]:
    """The shingles of joined documents, none of which straddles two; a large document comes in several runs."""
    begins, ends = starts[:-1], starts[1:]
    for low in range(0, len(codes) - SHINGLE + 1, RUN):
        high = min(low + RUN, len(codes) - SHINGLE + 1)
        counts = np.minimum(ends - SHINGLE + 1, high) - np.maximum(begins, low)
        documents = np.flatnonzero(counts > 0)
        if len(documents) == 0:
            continue
        hashes = shingle_hashes(codes[low : high + SHINGLE - 1])
        border = (ends[:, None] - np.arange(1, SHINGLE)).ravel() - low  # starts too close to the document's end
        border = border[(border >= 0) & (border < len(hashes))]
        if len(border):
            inside = np.ones(len(hashes), dtype=np.bool_)
            inside[border] = False
            hashes = hashes[inside]
        segments = np.cumsum(counts[documents]) - counts[documents]
        yield _Run(hashes, segments, documents)
    short = np.flatnonzero((ends > begins) & (ends - begins < SHINGLE))
    if len(short):
        # filled up with zeros, a character no normalised text contains
        places = begins[short] + np.arange(SHINGLE)[:, None]
        windows = np.where(places < ends[short], codes[np.minimum(places, len(codes) - 1)], np.uint32(0))
        yield _Run(_combine(list(_mix(windows))), np.arange(len(short), dtype=np.int64), short)


def _permute(run: _Run, values: Hashes) -> None:
    """Lowers `values` (one row a document) to the least permuted hash of the run's shingles."""
    hashes = _premix(run.hashes)
    permuted = np.empty_like(hashes)
    least = np.empty((MINHASH_PERMUTATIONS, len(run.documents)), dtype=np.uint32)
    for row, multiplier, summand in zip(least, *permutations(), strict=True):
        np.multiply(hashes, multiplier, out=permuted)
        np.add(permuted, summand, out=permuted)
        np.minimum.reduceat(permuted, run.segments, out=row)
    values[run.documents] = np.minimum(values[run.documents], least.T)


def _fixed_binary(values: bytes, width: int, count: int) -> pa.FixedSizeBinaryArray:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), count, [None, pa.py_buffer(values)])
