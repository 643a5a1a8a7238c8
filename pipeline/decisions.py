"""Decides one unit from its committed layers, and commits documents, findings and rejects.

The three files count as committed once the small file that names their digests is; publishing checks against it.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import FileDamaged
from pipeline.scan import ScannedUnit
from pipeline.store.scans import ROWS_PER_GROUP, ScanStore, TableFile, sha256_file, with_digest, without_digest
from schemas.results import DOCUMENTS, FINDINGS
from schemas.results import REJECTS as PUBLISHED_REJECTS
from transforms.decide import Admission, Decider, Origin

DOMAINS = "domains-1"  # beside the base layer; the number is that of the form
LAYERS_READ = ("base", "keywords", "classifier", "pii", "rights")


@dataclass(frozen=True)
class DecidedUnit:
    """A unit whose decisions are committed under `key`; `built` tells whether this run made them."""

    scanned: ScannedUnit
    row_bases: tuple[int, ...]
    key: str
    built: bool

    @property
    def source_id(self) -> str:
        """The source all documents of the unit belong to."""
        return self.scanned.unit.source.id


def origin_of(scanned: ScannedUnit, row_bases: tuple[int, ...]) -> Origin:
    """Where the unit's documents come from."""
    unit = scanned.unit
    return Origin(
        source_id=unit.source.id,
        shards=tuple(member.shard.name for member in unit.members),
        row_bases=row_bases,
        bases=unit.source.personal_info.bases,
        stage=unit.source.stage,
    )


def layers_read(scanned: ScannedUnit) -> tuple[str, ...]:
    """The layers that decisions are made from; tokens and confirm are there only where they are configured."""
    return (*LAYERS_READ, *(name for name in ("tokens", "confirm") if name in scanned.layers))


def decide_unit(
    scanned: ScannedUnit, row_bases: tuple[int, ...], decider: Decider, admission: Admission, store: ScanStore
) -> DecidedUnit:
    """Commits the decisions on a unit unless they are there already.

    Of the domains on the blacklist only those count that the unit holds: no other unit has to be decided again.
    """
    origin = origin_of(scanned, row_bases)
    admission = replace(admission, domains=held_domains(scanned, admission.domains, store))
    content = [
        [scanned.layers[name] for name in layers_read(scanned)],
        [origin.source_id, origin.shards, origin.row_bases, origin.bases, origin.stage],
        decider.fingerprint(),
        admission.digest(),
        [schema.to_string() for schema in (DOCUMENTS, FINDINGS, PUBLISHED_REJECTS)],
    ]
    key = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
    mark = store.path("decided", key, ".json")
    if store.exists(mark):
        return DecidedUnit(scanned, row_bases, key, built=False)
    with store.workspace() as folder:
        documents = TableFile(folder / "documents.parquet", DOCUMENTS)
        findings = TableFile(folder / "findings.parquet", FINDINGS)
        for batches in _aligned(scanned, store):
            decided, found = decider(batches, origin, admission, documents.rows)
            documents.write(decided)
            findings.write(found)
        rejects = TableFile(folder / "rejects.parquet", PUBLISHED_REJECTS)
        for batch in _rejects(scanned, origin, store):
            rejects.write(batch)
        digests = {}
        for name, file in (("documents", documents), ("findings", findings), ("published_rejects", rejects)):
            file.close({"rows": file.rows})
            digests[name] = {"rows": file.rows, "sha256": sha256_file(file.path)}
            store.commit(file.path, store.path(name, key))
        store.commit_bytes(json.dumps(digests, sort_keys=True).encode(), mark)
    return DecidedUnit(scanned, row_bases, key, built=True)


def held_domains(scanned: ScannedUnit, wanted: frozenset[str], store: ScanStore) -> frozenset[str]:
    """Which of these domains documents of the unit may be from: a function of the unit and of what is wanted.

    Digests of the unit's domains are committed where somebody first asks. They are 64 bits long, so once in a very long
    time a unit is taken to hold a domain that it does not, which changes no decision.
    """
    if not wanted:
        return wanted
    path = store.path(DOMAINS, scanned.layers["base"], ".npy")
    known = _digests_at(path, store)
    if known is None:
        found: set[str] = set()
        with store.open(store.path("base", scanned.layers["base"])) as file:
            for batch in file.iter_batches(columns=["domain"], use_threads=False):
                found.update(domain for domain in batch.column("domain").unique().to_pylist() if domain is not None)
        known = np.sort(_digests(sorted(found)))
        packed = io.BytesIO()
        np.save(packed, known)
        store.commit_bytes(with_digest(packed.getvalue()), path)
    names = sorted(wanted)
    return frozenset(name for name, held in zip(names, np.isin(_digests(names), known).tolist(), strict=True) if held)


def _digests_at(path: str, store: ScanStore) -> npt.NDArray[np.uint64] | None:
    """The committed digests; None where they are not there or damaged."""
    content = without_digest(store.read_bytes(path)) if store.exists(path) else None
    if content is None:
        return None
    digests: npt.NDArray[np.uint64] = np.load(io.BytesIO(content), allow_pickle=False)
    return digests


def _digests(domains: Sequence[str]) -> npt.NDArray[np.uint64]:
    joined = b"".join(hashlib.sha256(domain.encode()).digest()[:8] for domain in domains)
    return np.frombuffer(joined, dtype="<u8")


def _aligned(scanned: ScannedUnit, store: ScanStore) -> Iterator[dict[str, pa.RecordBatch]]:
    """The layers side by side, a row group at a time. Groups have the same number of rows in every layer."""
    paths = {name: store.path(name, scanned.layers[name]) for name in layers_read(scanned)}
    with contextlib.ExitStack() as opened:
        files = {name: opened.enter_context(store.open(path)) for name, path in paths.items()}
        rows = {name: file.metadata.num_rows for name, file in files.items()}
        if len(set(rows.values())) > 1:
            for path in paths.values():
                store.withdraw(path)
            raise FileDamaged(f"{scanned.unit.name}: 各层行数不同 / layers differ in length: {rows}")
        for group in range(files["base"].metadata.num_row_groups):
            yield {name: _one_batch(file, group) for name, file in files.items()}


def _one_batch(file: pq.ParquetFile, group: int) -> pa.RecordBatch:
    table = file.read_row_group(group, use_threads=False).combine_chunks()
    return table.to_batches(max_chunksize=ROWS_PER_GROUP)[0]


def _rejects(scanned: ScannedUnit, origin: Origin, store: ScanStore) -> Iterator[pa.RecordBatch]:
    with store.open(store.path("rejects", scanned.layers["base"])) as file:
        for batch in file.iter_batches(use_threads=False):
            rows = [
                {
                    "source_id": origin.source_id,
                    "shard": origin.shards[reject["member"]],
                    "row": None if reject["row"] is None else reject["row"] + origin.row_bases[reject["member"]],
                    "reason": reject["reason"],
                    "records": reject["records"],
                    "offset": reject["offset"],
                    "detail": reject["detail"],
                }
                for reject in batch.to_pylist()
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=PUBLISHED_REJECTS)
