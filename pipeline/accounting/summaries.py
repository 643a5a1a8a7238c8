"""What a run needs of a decided unit besides its files, committed beside them: sums, groups and hashes.

A unit that did not change then costs a night no more than reading sums: its documents are not read again. Whatever is
missing is made from the committed decisions, so these files may be lost at any time (docs/adr/0025).
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.accounting.accounts import Item, Tally, tally_documents, tally_findings
from pipeline.decisions import DecidedUnit
from pipeline.errors import FileDamaged
from pipeline.store.scans import ScanStore, TableFile, sha256_file
from schemas.results import DOCUMENTS

SUMMARY, GROUPED, HASHED = "summaries-1", "groups-1", "hashes-1"  # the number is that of their form

# By these a night groups the documents of all units. `n` documents, their `bytes`, and how many of them have no URL.
_KEYS = (
    *("source_id", "domain", "provenance", "admitted", "illegal_unhealthy", "bucket", "language"),
    *("pii_level", "pii_under_14", "pii_covered", "unscored"),
)
_COUNTS = ("n", "bytes", "without_url")
GROUPS = pa.schema([*(DOCUMENTS.field(name) for name in _KEYS), *(pa.field(name, pa.int64()) for name in _COUNTS)])

# One row a document: the first 128 bits of its content hash, 128 bits of a digest of its id.
HASHES = pa.schema(
    [
        *(pa.field(name, pa.uint64(), nullable=False) for name in ("text_high", "text_low", "id_high", "id_low")),
        pa.field("illegal_unhealthy", pa.bool_(), nullable=False),
    ]
)
_READ = [field.name for field in DOCUMENTS if field.name not in ("row", "content_type", "stage", "rights_starts")]


def summarise(decided: DecidedUnit, store: ScanStore) -> Tally:
    """The sums of a unit; makes what is not committed yet. Documents by shard are under the table `shard`."""
    mark = _mark(decided, store)
    if mark is None or not all(store.exists(store.path(layer, decided.key)) for layer in (GROUPED, HASHED)):
        mark = _make(decided, store)
    return Tally({Item(*names): count for *names, count in mark["tally"]})


@contextmanager
def summary_file(layer: str, decided: DecidedUnit, store: ScanStore, folder: Path) -> Iterator[Path]:
    """The groups or hashes of a unit as a file of this machine. Raises FileDamaged, the file being withdrawn then.

    DuckDB, which reads it, knows nothing of page checksums; so the whole file is compared with its digest.
    """
    path, mark = store.path(layer, decided.key), _mark(decided, store)
    with store.on_disk(path, folder) as file:
        if mark is None or sha256_file(file) != mark[layer]:
            store.withdraw(path)
            raise FileDamaged(path)
        yield file


def _mark(decided: DecidedUnit, store: ScanStore) -> dict[str, Any] | None:
    path = store.path(SUMMARY, decided.key, ".json")
    return unsealed(store.read_bytes(path)) if store.exists(path) else None


def sealed(content: dict[str, Any]) -> bytes:
    """A small committed file whose damage shows."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}".encode()


def unsealed(data: bytes) -> dict[str, Any] | None:
    """What was sealed; None where the file is damaged, so that it is made anew."""
    digest, _, text = data.partition(b"\n")
    if hashlib.sha256(text).hexdigest().encode() != digest:
        return None
    content: dict[str, Any] = json.loads(text)
    return content


def _make(decided: DecidedUnit, store: ScanStore) -> dict[str, Any]:
    tally: Tally = Tally()
    with store.workspace() as folder:
        hashes = TableFile(folder / "hashes.parquet", HASHES, dictionary=False)
        found: list[pa.Table] = []
        for batch in _batches(decided, "documents", store, _READ):
            tally.update(tally_documents(batch, decided.source_id))
            for shard in pc.value_counts(batch.column("shard")).to_pylist():
                tally[Item("shard", decided.source_id, shard["values"], "collected", "documents")] += shard["counts"]
            found.append(_grouped(batch))
            hashes.write(_hashed(batch))
        for batch in _batches(decided, "findings", store, ["risk_id", "pii_type", "verdict", "admitted"]):
            tally.update(tally_findings(batch, decided.source_id))
        groups = TableFile(folder / "groups.parquet", GROUPS)
        for batch in _summed(pa.concat_tables([GROUPS.empty_table(), *found])).combine_chunks().to_batches():
            groups.write(batch)
        mark: dict[str, Any] = {"tally": [[*item, count] for item, count in sorted(tally.items())]}
        for layer, file in ((GROUPED, groups), (HASHED, hashes)):
            file.close({"rows": file.rows})
            mark[layer] = sha256_file(file.path)
            store.commit(file.path, store.path(layer, decided.key))
    store.commit_bytes(sealed(mark), store.path(SUMMARY, decided.key, ".json"))
    return mark


def _batches(decided: DecidedUnit, table: str, store: ScanStore, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with store.open(store.path(table, decided.key)) as file:
        yield from file.iter_batches(columns=columns, use_threads=False)


def _grouped(batch: pa.RecordBatch) -> pa.Table:
    columns: dict[str, Any] = {name: batch.column(name) for name in _KEYS}
    columns["n"] = pa.array(np.ones(batch.num_rows, dtype=np.int64))
    columns["bytes"] = batch.column("bytes")
    columns["without_url"] = pc.is_null(batch.column("url")).cast(pa.int64())
    return _summed(pa.table(columns, schema=GROUPS))


def _summed(table: pa.Table) -> pa.Table:
    sums = table.group_by(list(_KEYS), use_threads=False).aggregate([(name, "sum") for name in _COUNTS])
    return pa.table([sums.column(name) for name in (*_KEYS, *(f"{name}_sum" for name in _COUNTS))], schema=GROUPS)


def _hashed(batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = bytes.fromhex("".join(batch.column("content_hash").to_pylist()))
    ids = b"".join(
        hashlib.blake2b(name.encode(), digest_size=16).digest() for name in batch.column("doc_id").to_pylist()
    )
    halves = [*_numbers(texts, 4)[:2], *_numbers(ids, 2)]
    return pa.record_batch([*map(pa.array, halves), batch.column("illegal_unhealthy")], schema=HASHES)


def _numbers(digests: bytes, each: int) -> list[npt.NDArray[np.uint64]]:
    """The digests as so many columns of 64-bit numbers."""
    numbers = np.frombuffer(digests, dtype=">u8").reshape(-1, each).astype(np.uint64)
    return [np.ascontiguousarray(numbers[:, column]) for column in range(each)]
