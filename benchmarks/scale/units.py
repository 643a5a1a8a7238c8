"""The units of the simulation: their layers, and their decisions, made by the pipeline or derived from such.

In every run of `every` units of a source the first is decided by `decide_unit` from committed layers. The others take
over its decisions row by row, with identities of their own, and are committed in the same form: deciding is the same
work for every unit, while grouping, ranking and counting need rows that differ.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from benchmarks.scale import synthetic
from pipeline.config import Config
from pipeline.decisions import DecidedUnit, decide_unit, origin_of
from pipeline.plan import Member, Plan, Shard, Unit
from pipeline.readers import Layout
from pipeline.readers.base import MemberLedger
from pipeline.scan import REJECTS, ScannedUnit
from pipeline.store.scans import ROWS_PER_GROUP, ScanStore, TableFile, sha256_file
from schemas.layers import LAYERS
from schemas.lexicon import Library
from schemas.results import DOCUMENTS
from transforms.decide import Admission, Decider, _identity

_SHARD_BYTES = 64 << 20


@dataclass(frozen=True)
class Scene:
    """How much there is: rows and domains; of `every` units of `unit_rows` one is decided from its layers."""

    rows: int
    domains: int
    every: int
    unit_rows: int

    @property
    def units(self) -> int:
        """Number of units."""
        return max(1, round(self.rows / self.unit_rows))


@dataclass(frozen=True)
class Chunk:
    """Neighbouring units of one source, the number of the first row, and the domains of the source."""

    units: tuple[Unit, ...]
    first: int
    pool: synthetic.Pool


def plan(config: Config, scene: Scene) -> Plan:
    """Units of the sources of the configuration, in the plan's order; the last source has a fiftieth of them."""
    sources = config.sources
    few = max(1, scene.units // 50)
    counts = [max(1, (scene.units - few) // (len(sources) - 1))] * (len(sources) - 1) + [few]
    counts[0] += max(0, scene.units - sum(counts))
    units = []
    for source, count in zip(sources, counts, strict=True):
        for ordinal in range(count):
            name = f"part-{ordinal:06d}.jsonl.zst"
            shard = Shard(name, f"/synthetic/{source.id}/{name}", _SHARD_BYTES, "1", Layout("jsonl", "zstd"))
            units.append(Unit(source, ordinal, (Member(shard, 0, _SHARD_BYTES),)))
    return Plan(tuple(units))


def chunks(units: Sequence[Unit], scene: Scene) -> list[Chunk]:
    """All units in groups, each of one source."""
    found: list[Chunk] = []
    first = 0
    for _, own in groupby(units, key=lambda unit: unit.source.id):
        of_source = tuple(own)
        begin, end = (place * scene.domains // len(units) for place in (first, first + len(of_source)))
        pool = synthetic.Pool(begin, max(1, end - begin), scene.domains)
        for start in range(0, len(of_source), scene.every):
            group = of_source[start : start + scene.every]
            found.append(Chunk(group, (first + start) * scene.unit_rows, pool))
        first += len(of_source)
    return found


def commit_evidence(store: ScanStore, library: Library, rows: int) -> None:
    """The layers of findings, which units share: one set for ordinary sources, one for the bad one."""
    for often in (False, True):
        for name, batch in synthetic.evidence(rows, library, often).items():
            _commit(store, store.path(name, _shared_key(name, often)), [batch], LAYERS[name])


def scanned(unit: Unit, bad: bool, rows: int) -> ScannedUnit:
    """The unit as the scan would hand it on."""
    layers = {name: _shared_key(name, bad) for name in ("keywords", "classifier", "pii")} | {"base": _key(unit)}
    ledger = MemberLedger(rows, rows, 0, True, _key(unit))
    return ScannedUnit(unit, layers, (ledger,), rows, ())


def commit_base(unit: ScannedUnit, first: int, pool: synthetic.Pool, store: ScanStore) -> None:
    """The base layer of a unit and its rejects, of which there are none."""
    key = unit.layers["base"]
    _commit(store, store.path("rejects", key), [], REJECTS)
    _commit(store, store.path("base", key), [synthetic.base(first, unit.rows, pool)], LAYERS["base"])


def decide(unit: ScannedUnit, decider: Decider, admission: Admission, store: ScanStore) -> DecidedUnit:
    """Decided by the pipeline, from committed layers."""
    return decide_unit(unit, (0,), decider, admission, store)


def derive(like: DecidedUnit, unit: ScannedUnit, first: int, pool: synthetic.Pool, store: ScanStore) -> DecidedUnit:
    """Another unit with the same decisions, committed as `decide_unit` commits."""
    derived = DecidedUnit(unit, (0,), hashlib.sha256(f"derived/{unit.layers['base']}".encode()).hexdigest(), True)
    own = _identity(synthetic.base(first, unit.rows, pool), origin_of(unit, (0,)))
    told = _decisions(store.path("documents", like.key))
    columns = [own.get(field.name, told.column(field.name)) for field in DOCUMENTS]
    table = pa.Table.from_arrays([_whole(column) for column in columns], schema=DOCUMENTS)
    mark = json.loads(store.read_bytes(store.path("decided", like.key, ".json")))
    with store.workspace() as folder:
        file = TableFile(folder / "documents.parquet", DOCUMENTS)
        for batch in table.to_batches(max_chunksize=ROWS_PER_GROUP):
            file.write(batch)
        file.close({"rows": file.rows})
        mark["documents"] = {"rows": file.rows, "sha256": sha256_file(file.path)}
        store.commit(file.path, store.path("documents", derived.key))
    for name in ("findings", "published_rejects"):
        target = Path(store.path(name, derived.key))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(store.path(name, like.key), target)
    store.commit_bytes(json.dumps(mark, sort_keys=True).encode(), store.path("decided", derived.key, ".json"))
    return derived


@lru_cache(maxsize=2)
def _decisions(path: str) -> pa.Table:
    with ScanStore(str(Path(path).parents[2])).open(path) as file:
        return file.read(use_threads=False).combine_chunks()


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _key(unit: Unit) -> str:
    return hashlib.sha256(unit.name.encode()).hexdigest()


def _shared_key(layer: str, often: bool) -> str:
    return hashlib.sha256(f"shared/{layer}/{often}".encode()).hexdigest()


def _commit(store: ScanStore, path: str, batches: list[pa.RecordBatch], schema: pa.Schema) -> None:
    with store.workspace() as folder:
        file = TableFile(folder / "layer.parquet", schema)
        for piece in _pieces(batches):
            file.write(piece)
        file.close({"rows": file.rows})
        store.commit(file.path, path)


def _pieces(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS_PER_GROUP):
            yield batch.slice(start, ROWS_PER_GROUP)
