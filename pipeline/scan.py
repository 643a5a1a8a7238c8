"""Scans one unit: reads its documents once and commits the layers that are missing.

The layers of a unit have equal row counts and row `i` of each speaks of the same document. A shard that the store does
not give, or that changed while it was read, is set aside (quarantined) and the rest of the unit is audited; nothing is
committed under a name that would hide the gap.
"""

import contextlib
import errno
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pyarrow as pa

from pipeline import readers
from pipeline.config import Limits
from pipeline.errors import RunFailed, ShardUnreadable, StoreError, StoreSilent
from pipeline.plan import Member, Unit
from pipeline.readers.base import MemberLedger, Part, Reject, Tray, version_now
from pipeline.store.scans import ScanStore, TableFile, layer_key
from schemas import layers
from transforms.bucket import Bucket
from transforms.confirm import Usage
from transforms.fingerprint import content_hashes
from transforms.provenance import Provenance
from transforms.text import Stage, TextBatch

_HASH_VERSION = 1
PAUSES = (1.0, 4.0)  # seconds before a unit with an unreadable shard is tried again
_LASTING = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)

REJECTS = pa.schema(
    [
        pa.field("member", pa.int32(), nullable=False),
        pa.field("row", pa.int64()),
        pa.field("offset", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("records", pa.int64()),
    ]
)


class Base:
    """The base layer: where a document is from, how it is bucketed and counted, and the hash of its text."""

    name: ClassVar[str] = "base"
    schema: ClassVar[pa.Schema] = layers.BASE

    def __init__(self) -> None:
        self.provenance = Provenance()
        self.bucket = Bucket()

    def fingerprint(self) -> str:
        """Changes with any of its parts."""
        return f"base/{_HASH_VERSION}/{self.provenance.fingerprint()}/{self.bucket.fingerprint()}"

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """The columns of all parts side by side."""
        origin, bucket = self.provenance(batch), self.bucket(batch)
        columns = {**dict(zip(origin.schema.names, origin.columns, strict=True))}
        columns |= dict(zip(bucket.schema.names, bucket.columns, strict=True))
        columns["content_hash"] = content_hashes(batch)
        return pa.record_batch([columns[name] for name in self.schema.names], schema=self.schema)


@dataclass(frozen=True)
class Quarantined:
    """A shard that could not be read through, and why. The next run tries again."""

    source_id: str
    shard: str
    reason: str
    detail: str


@dataclass(frozen=True)
class ScannedUnit:
    """A unit whose layers are committed: what the later passes need to know of it.

    `layers` maps layer names to keys; `ledgers` are the members' books; `confirmed` is what confirming candidates took.
    """

    unit: Unit
    layers: dict[str, str]
    ledgers: tuple[MemberLedger, ...]
    rows: int
    built: tuple[str, ...]
    quarantined: tuple[Quarantined, ...] = ()
    confirmed: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Settings:
    """What the scan of any unit needs besides the unit."""

    store: str
    limits: Limits
    batch_documents: int
    batch_bytes: int
    pauses: tuple[float, ...] = PAUSES


class _Replaced(Exception):  # noqa: N818
    """A shard is not what the base layer was made of, though its size and time are the same."""


Progress = Callable[[str, int, int], None]
T = TypeVar("T")


def layer_keys(unit: Unit, stages: dict[str, Stage], limits: Limits) -> dict[str, str]:
    """The key of each layer of the unit. A stage's `variant` is what its layer depends on besides its rules."""
    key = unit.key(limits)
    return {
        name: layer_key(key, stage.fingerprint() + getattr(stage, "variant", ""), stage.schema)
        for name, stage in stages.items()
    }


def scan_unit(
    unit: Unit,
    stages: dict[str, Stage],
    settings: Settings,
    progress: Progress = lambda unit, documents, size: None,
    retrying: Callable[[str, str], None] = lambda shard, reason: None,
) -> ScannedUnit:
    """Commits the layers of the unit that are missing. Shards that cannot be read are left out and named.

    A failure that may pass is tried again after each of the pauses, `retrying` being told shard and reason. Pauses are
    the unit's and not the shard's: a thousand shards on a dead disk must not take a thousand times as long.
    """
    store = ScanStore(settings.store)
    quarantined: list[Quarantined] = []
    pauses = iter(settings.pauses)
    while True:
        keys = layer_keys(unit, stages, settings.limits)
        missing = [name for name, key in keys.items() if not store.exists(store.path(name, key))]
        try:
            _still_readable(unit)
            if missing:
                _build(unit, {name: stages[name] for name in missing}, keys, settings, store, progress)
            break
        except ShardUnreadable as error:
            bad = unit.members[error.member].shard.name
            pause = next(pauses, None) if _may_pass(error) else None
            if pause is not None:
                retrying(bad, f"{error.reason}: {error.detail}")
                time.sleep(pause)
                continue
            quarantined.append(Quarantined(unit.source.id, bad, error.reason, error.detail))
            unit = replace(unit, members=tuple(m for m in unit.members if m.shard.name != bad))
        except _Replaced:
            for name, key in keys.items():
                store.withdraw(store.path(name, key))
    description = store.metadata(store.path("base", keys["base"]))
    return ScannedUnit(
        unit=unit,
        layers=keys,
        ledgers=tuple(MemberLedger(**ledger) for ledger in description["members"]),
        rows=description["rows"],
        built=tuple(missing),
        quarantined=tuple(quarantined),
    )


def without_shards(
    scanned: ScannedUnit, shards: Sequence[str], stages: dict[str, Stage], settings: Settings
) -> ScannedUnit:
    """The unit scanned without these shards, which are set aside."""
    unit = scanned.unit
    kept = replace(unit, members=tuple(member for member in unit.members if member.shard.name not in shards))
    reason = "another part of the shard could not be read"
    aside = tuple(Quarantined(unit.source.id, shard, "incomplete_shard", reason) for shard in shards)
    rest = scan_unit(kept, stages, settings)
    return replace(rest, quarantined=(*scanned.quarantined, *rest.quarantined, *aside))


def _may_pass(error: ShardUnreadable) -> bool:
    """Whether reading again may help: not where a shard changed, is denied, or was never there."""
    cause: BaseException | None = error.__cause__
    while isinstance(cause, StoreError) and not isinstance(cause, StoreSilent):
        if cause.__cause__ is None:
            return False
        cause = cause.__cause__
    if error.reason != "unreadable" or isinstance(cause, FileNotFoundError | PermissionError):
        return False
    return not (isinstance(cause, OSError) and cause.errno in _LASTING)


def patiently(work: Callable[[], T], pauses: Sequence[float] = PAUSES) -> T:
    """Does what reads audited shards once more, tried again where a failure may pass. Raises RunFailed."""
    for pause in (*pauses, None):
        try:
            return work()
        except ShardUnreadable as error:
            if pause is None or not _may_pass(error):
                raise RunFailed(
                    f"{error.shard}: 审计后无法再读（{error.reason}: {error.detail}）；请检查该分片后重新运行 / could not be read again after it was "
                    f"audited ({error.reason}: {error.detail}): see to the shard and run again"
                ) from error
            time.sleep(pause)
    raise AssertionError("unreachable")


def _still_readable(unit: Unit) -> None:
    """Raises ShardUnreadable for the first member that is gone, changed since it was planned, or cannot be opened."""
    for index, member in enumerate(unit.members):
        _unchanged(index, member)


def _unchanged(index: int, member: Member) -> None:
    now = version_now(member.shard.url)
    if now is None:
        raise ShardUnreadable(index, "unreadable", "the shard is gone, or the store does not answer")
    if now != (member.shard.size, member.shard.version):
        raise ShardUnreadable(index, "changed", "the shard changed since the run was planned")


def _build(
    unit: Unit, stages: dict[str, Stage], keys: dict[str, str], settings: Settings, store: ScanStore, progress: Progress
) -> None:
    """Reads the unit once and commits the layers of `stages`, the base last: it vouches for the rejects beside it."""
    tray = Tray(settings.limits.document_bytes, settings.batch_documents, settings.batch_bytes)
    with store.workspace() as folder, _files(folder, stages) as files:
        for records in read_unit(unit, tray, settings.limits):
            batch = TextBatch(records)
            for name, stage in stages.items():
                facts = stage(batch)
                if facts.num_rows != len(batch):
                    raise RunFailed(f"stage {name} returned {facts.num_rows} rows for {len(batch)} documents")
                files[name].write(facts)
            progress(unit.name, len(batch), int(batch.utf8_bytes.sum()))
        for index, member in enumerate(unit.members):
            _unchanged(index, member)
        if "base" not in stages:
            _must_be_as_scanned(tray.ledgers, store, keys["base"])
        for name in sorted(stages, key=lambda name: name == "base"):
            description: dict[str, Any] = {"layer": name, "rows": files[name].rows}
            if name == "base":
                _commit_rejects(tray.rejects, folder, store, keys["base"])
                description["members"] = [asdict(ledger) for ledger in tray.ledgers]
                description["rejects"] = len(tray.rejects)
            files[name].close(description)
            store.commit(files[name].path, store.path(name, keys[name]))


def _must_be_as_scanned(ledgers: list[MemberLedger], store: ScanStore, key: str) -> None:
    """Raises _Replaced where other bytes were read than for the base layer: their rows would not be the same documents."""
    before = store.metadata(store.path("base", key))["members"]
    if [asdict(ledger) for ledger in ledgers] != before:
        raise _Replaced


@contextlib.contextmanager
def _files(folder: Path, stages: dict[str, Stage]) -> Iterator[dict[str, TableFile]]:
    files = {name: TableFile(folder / f"{name}.parquet", stage.schema) for name, stage in stages.items()}
    try:
        yield files
    except BaseException:
        for file in files.values():
            file.abandon()
        raise


def _commit_rejects(rejects: list[Reject], folder: Path, store: ScanStore, key: str) -> None:
    file = TableFile(folder / "rejects.parquet", REJECTS)
    for start in range(0, len(rejects), 8192):
        file.write(
            pa.RecordBatch.from_pylist([asdict(reject) for reject in rejects[start : start + 8192]], schema=REJECTS)
        )
    file.close({"layer": "rejects", "rows": file.rows})
    store.commit(file.path, store.path("rejects", key))


def read_unit(unit: Unit, tray: Tray, limits: Limits) -> Iterator[pa.RecordBatch]:
    """The documents of a unit in order, batch by batch; rejects and books gather in the tray."""
    source = unit.source
    for index, member in enumerate(unit.members):
        shard = member.shard
        compression = shard.layout.compression
        part = Part(index, shard.url, member.start, member.stop, compression, source.encoding, shard.size)
        try:
            yield from readers.read(part, shard.layout, member.groups, source.fields, tray, limits)
        except ShardUnreadable as error:
            error.shard = f"{source.id}/{shard.name}"
            raise
    tray.flush()
    yield from tray.take()
