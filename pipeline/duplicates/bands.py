"""Band values of a unit's MinHash signatures, committed beside its layers: two documents that meet in one are compared.

16 bands of 4 of the 64 values: documents of similarity s share a band with probability 1 - (1 - s^4)^16, which is
0.988 at 0.7 and 0.9998 at 0.8 (Leskovec et al., Mining of Massive Datasets, 3.4). A 17th column is of the whole
signature. 136 bytes a document instead of 256, read a column at a time.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.scans import ScanStore
from schemas.layers import MINHASH_PERMUTATIONS

VERSION = 1
BANDS = 16
WHOLE = "whole"
LAYER = f"bands-{VERSION}"  # under the key of the fingerprint layer, so that whoever keeps the one keeps the other
VALUES = MINHASH_PERMUTATIONS // BANDS

# NULL: a text of which nothing stays when it is folded; it is like no other
COLUMNS = (*(f"b{band}" for band in range(BANDS)), WHOLE)
SCHEMA = pa.schema([pa.field(name, pa.uint64()) for name in COLUMNS])

_ROWS = 1 << 16  # a row group; 17 MB of signatures
_BYTES = 4 * MINHASH_PERMUTATIONS
_EMPTY = np.uint32(0xFFFFFFFF)
_HANDS = min(2, os.cpu_count() or 1)  # each holds some 50 MB

Signatures = npt.NDArray[np.uint32]
Values = npt.NDArray[np.uint64]


def band_values(signatures: Signatures) -> Values:
    """Shape (n, 64) to (n, 17): a 64-bit hash of each band, and one of the whole signature."""
    pairs = np.ascontiguousarray(signatures, dtype="<u4").view("<u8").reshape(len(signatures), BANDS, VALUES // 2)
    values = np.empty((len(signatures), BANDS + 1), dtype=np.uint64)
    values[:, :BANDS] = _folded(pairs)
    values[:, BANDS] = _folded(values[:, :BANDS])
    return values


def _folded(parts: Values) -> Values:
    """One value of the numbers along the last axis, mixed as in splitmix64."""
    total = np.zeros(parts.shape[:-1], dtype=np.uint64)
    for place in range(parts.shape[-1]):
        total += parts[..., place]
        total *= np.uint64(0xBF58476D1CE4E5B9)
        total ^= total >> np.uint64(29)
        total *= np.uint64(0x94D049BB133111EB)
        total ^= total >> np.uint64(32)
    return total


def signatures_of(column: pa.Array) -> Signatures:
    """A column of stored signatures as numbers, shape (n, 64), without copying. Raises ValueError where one is missing."""
    try:
        fixed = column.cast(pa.binary(_BYTES))
    except pa.ArrowInvalid:
        fixed = None
    if fixed is None or fixed.null_count:
        raise ValueError("fingerprint layer without 64 values a document")
    values, start = fixed.buffers()[1], _BYTES * fixed.offset
    count = len(fixed) * MINHASH_PERMUTATIONS
    stored = np.frombuffer(values, dtype="<u4", offset=start, count=count) if count else np.empty(0, dtype=np.uint32)
    return stored.reshape(-1, MINHASH_PERMUTATIONS)


def bands_path(store: ScanStore, fingerprint_key: str) -> str:
    """Where the band file of a fingerprint layer is, or would be."""
    return store.path(LAYER, fingerprint_key)


def commit_bands(store: ScanStore, fingerprint_keys: Iterable[str]) -> int:
    """Makes the band files that are not there yet; how many those were."""
    paths = {bands_path(store, key): key for key in fingerprint_keys}
    missing = [paths[path] for path in sorted(store.missing(paths.keys()))]
    with ThreadPoolExecutor(_HANDS) as hands:  # numpy and Parquet work beside the interpreter
        for _ in hands.map(partial(_commit, store), missing):
            pass
    return len(missing)


def _commit(store: ScanStore, fingerprint_key: str) -> None:
    with store.workspace() as folder, store.open(store.path("fingerprint", fingerprint_key)) as layer:
        made = folder / "bands.parquet"
        _write(layer, made)
        store.commit(made, bands_path(store, fingerprint_key))


def _write(layer: pq.ParquetFile, target: Path) -> None:
    # values are random: nothing to compress, no use for dictionaries or bounds
    settings: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with pq.ParquetWriter(target, SCHEMA, write_page_checksum=True, **settings) as writer:
        for batch in layer.iter_batches(batch_size=_ROWS, columns=["minhash"], use_threads=False):
            signatures = signatures_of(batch.column(0))
            nothing = (signatures == _EMPTY).all(axis=1)
            values = band_values(signatures)
            arrays = [pa.array(np.ascontiguousarray(values[:, place]), mask=nothing) for place in range(BANDS + 1)]
            writer.write_batch(pa.record_batch(arrays, schema=SCHEMA), row_group_size=_ROWS)
