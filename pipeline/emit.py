"""Writes the admitted corpus: one Parquet file a shard, in the layout of the sources, with a manifest that says what it is.

Texts are read again from the shards and each is checked against the hash its decision was made on. A corpus is built
beside the one in use and takes its place by a rename and a link, so that `current` is whole at any moment. Files whose
documents, decisions and place did not change since the last time are linked, not written again.
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import __version__
from pipeline.config import Config, Limits
from pipeline.database import connect, parquet_list, quoted, result_files
from pipeline.errors import RunFailed, UsageError
from pipeline.events import EventLog
from pipeline.execution import Engine, execute
from pipeline.output import Output, Run, locked, write_json
from pipeline.plan import Plan, Unit, deal
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.scans import sha256_file
from schemas.chain import append_to_chain
from schemas.results import EMITTED
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

VERSION = 1
MARKER = ".corpus-audit-emit"
MANIFEST = "manifest.json"
COPIES = "emitted"  # folder of the output with the manifest of every corpus that was emitted
CHAIN = "events.ndjson"

GROUP_ROWS = 16384  # a row group ends at so many documents, or behind the document that makes it so many bytes of text
GROUP_BYTES = 32 << 20

_BUILDING, _WORK = ".building", ".work"
_RESERVED = frozenset(
    {"runs", "scans", "current", "blacklist", "rounds", "review", "training", "assessments", COPIES, "report"}
)
_FACTS = ["doc_id", "shard", "url", "bucket", "language", "content_hash", "admitted"]


@dataclass(frozen=True)
class Piece:
    """A unit and the file of the decisions on it, row by row."""

    unit: Unit
    documents: str


@dataclass(frozen=True)
class Bundle:
    """What one step writes: the shards packed into a unit, or all parts of one shard.

    `targets` maps shard names to paths below the corpus; `key` changes with anything that can change the files;
    `previous` are the entries of the corpus in use that were written under the same key.
    """

    pieces: tuple[Piece, ...]
    targets: dict[str, str]
    key: str
    previous: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        """Name of the first unit."""
        return self.pieces[0].unit.name

    @property
    def weight(self) -> int:
        """Estimated bytes of text."""
        return sum(piece.unit.weight for piece in self.pieces)


@dataclass(frozen=True)
class Job:
    """Everything the graph is built from."""

    hands: tuple[tuple[Bundle, ...], ...]
    folder: str
    limits: Limits


def prepare(config: Config, plan: Plan) -> None:
    """Makes the configured folder, or makes sure that it is ours to write in. Raises UsageError."""
    folder = config.emit
    if folder is None:
        return
    place, output = Path(os.path.realpath(folder)), Path(os.path.realpath(config.output))
    inside = place.relative_to(output).parts if place.is_relative_to(output) else None
    if output.is_relative_to(place) or (inside and inside[0] in _RESERVED):
        raise UsageError(f"emit: {folder}: 与输出文件夹重叠 / overlaps with the output folder: name another one")
    for unit in plan.units:
        for member in unit.members:
            if "://" not in member.shard.url and Path(os.path.realpath(member.shard.url)).is_relative_to(place):
                raise UsageError(
                    f"emit: {folder}: 是来源 {unit.source.id} 的路径 / source {unit.source.id} is read from there "
                    f"({member.shard.name}): name a folder outside the sources"
                )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"emit: {folder}: 是一个文件 / is a file: name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker = folder / MARKER
        if not marker.exists():
            if any(folder.iterdir()):
                raise UsageError(
                    f"emit: {folder}: 文件夹里有别的内容，不会在其中写入 / the folder holds something else and is left alone: name an "
                    f"empty or new one"
                )
            marker.write_text("corpus emitted by corpus-audit, layout 1\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"emit: {folder}: 无法写入 / cannot be written: {error.strerror}") from error


def emit_run(config: Config, run: Run, units: Sequence[Unit], engine: Engine) -> Path | None:
    """Writes the corpus of a published run unless it is there already, and makes it the current one.

    Always on this machine, with the engine's number of workers. Raises RunFailed; the run stays published.
    """
    folder = config.emit
    if folder is None:
        return None
    run_id = run.folder.name
    target = folder / run_id
    try:
        with _held(folder):
            for name in (_BUILDING, _WORK):
                shutil.rmtree(folder / name, ignore_errors=True)
            if not (target / MANIFEST).exists():
                try:
                    _build(config, run, units, folder, engine)
                    (folder / _BUILDING).rename(target)
                finally:
                    for name in (_BUILDING, _WORK):
                        shutil.rmtree(folder / name, ignore_errors=True)
            _record(Output(config.output), run_id, target / MANIFEST)
            link = folder / ".current.tmp"
            link.unlink(missing_ok=True)
            link.symlink_to(run_id)
            link.replace(folder / "current")
    except (OSError, pa.ArrowException, duckdb.Error, RunFailed) as error:
        free = shutil.disk_usage(folder).free if folder.exists() else 0
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RunFailed(
            f"emit: {folder}: 写出失败（{cause}），剩余空间 {free / 1e9:.1f} GB；运行 {run_id} 已发布，原有语料不受影响，排除后重新运行即可 / "
            f"writing failed ({cause}), {free / 1e9:.1f} GB free; run {run_id} is published and the corpus in use untouched: "
            f"mend it and run again"
        ) from error
    return target


def _build(config: Config, run: Run, units: Sequence[Unit], folder: Path, engine: Engine) -> None:
    """Writes the whole corpus below `.building`."""
    building, work = folder / _BUILDING, folder / _WORK
    building.mkdir()
    (work / "entries").mkdir(parents=True)
    bundles = _bundles(config, run, units, folder)
    hands = deal(bundles, engine.workers)
    job = Job(tuple(tuple(hand) for hand in hands), str(folder), config.limits)
    if bundles:
        execute(
            job, Engine(workers=engine.workers), work, sum(bundle.weight for bundle in bundles), build, "写出 / emit"
        )
    entries = [entry for file in (work / "entries").iterdir() for entry in json.loads(file.read_bytes())]
    entries.sort(key=lambda entry: str(entry["path"]))
    documents = result_files(run.folder, "documents")
    _must_be_whole(entries, documents)
    totals = {unit: sum(entry[unit] for entry in entries) for unit in ("documents", "bytes", "file_bytes")}
    content = {
        "layout": VERSION,
        "run_id": run.folder.name,
        "run_manifest_sha256": sha256_file(run.folder / MANIFEST),
        "software_version": __version__,
        "columns": EMITTED.names,
        "totals": {"files": len(entries), **totals},
        "frame_sha256": frame_digest(documents, work / "spill"),
        "files": entries,
    }
    write_json(building / MANIFEST, content)
    (building / MANIFEST).chmod(0o444)


def build(pipeline: beam.Pipeline, job: Job) -> None:
    """Wires the graph: bundles are independent of one another."""
    (
        pipeline
        | "Bundles" >> beam.Create(job.hands)
        | beam.Reshuffle()
        | "One by one" >> beam.FlatMap(list)
        | "Emit" >> beam.ParDo(EmitBundles(job.folder, job.limits))
    )


class EmitBundles(beam.DoFn):  # type: ignore[misc]
    """Writes the files of a bundle and leaves their entries for the manifest. May be repeated."""

    def __init__(self, folder: str, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits

    def setup(self) -> None:
        """Opens the log of progress."""
        self.events = EventLog(str(Path(self.folder) / _WORK / CHAIN))

    def process(self, bundle: Bundle) -> Iterator[str]:
        """Yields the bundle's name."""
        folder = Path(self.folder)
        entries = _linked(bundle, folder)
        if entries is None:
            entries = _written(bundle, folder / _BUILDING, self.limits, self.events)
            self.events.flush()
        write_json(folder / _WORK / "entries" / f"{bundle.name}.json", entries)
        yield bundle.name


def _bundles(config: Config, run: Run, units: Sequence[Unit], folder: Path) -> list[Bundle]:
    """All bundles, without units that admit nothing and so need not be read."""
    digests = run.manifest["files"]
    previous: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with contextlib.suppress(OSError, ValueError, KeyError):
        for entry in json.loads((folder / "current" / MANIFEST).read_bytes())["files"]:
            previous[entry["key"]].append(entry)
    targets = target_names(units)
    grouped: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    for unit in units:
        first = unit.members[0] if unit.members else None
        split = first is not None and first.parts > 1
        name = f"documents/{unit.name}.parquet"
        piece = Piece(unit, str(run.folder / name))
        if first is not None:
            grouped[unit.source.id, first.shard.name if split else f"/{unit.name}"].append(piece)
    bundles = []
    for pieces in grouped.values():
        own = {m.shard.name: targets[p.unit.source.id, m.shard.name] for p in pieces for m in p.unit.members}
        content = [
            VERSION,
            [[p.unit.key(config.limits), digests[f"documents/{p.unit.name}.parquet"]["sha256"]] for p in pieces],
            sorted(own.items()),
        ]
        key = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
        bundles.append(Bundle(tuple(pieces), own, key, tuple(previous.get(key, ()))))
    return bundles


def target_names(units: Sequence[Unit]) -> dict[tuple[str, str], str]:
    """Where each shard goes: source and shard name without its suffixes. Where that clashes, a source keeps the suffixes."""
    shards = {(u.source.id, m.shard.name): m.shard.layout for u in units for m in u.members}
    names: dict[str, dict[str, str]] = defaultdict(dict)
    for source, shard in shards:
        names[source][shard] = without_suffixes(shard)
    clashing = {source for source, own in names.items() if max(Counter(own.values()).values()) > 1}
    return {
        (source, shard): f"{source}/{shard if source in clashing else names[source][shard]}.parquet"
        for source, shard in shards
    }


def without_suffixes(shard: str) -> str:
    """A shard's name without what tells its format and compression."""
    folder, slash, name = shard.rpartition("/")
    kept = name
    for known in (_COMPRESSIONS, _FORMATS):
        stem, dot, suffix = kept.rpartition(".")
        if dot and stem and suffix.lower() in known:
            kept = stem
    return f"{folder}{slash}{kept}"


_COMPRESSIONS = frozenset({"gz", "zst", "zstd", "bz2", "xz"})
_FORMATS = frozenset(
    {"jsonl", "ndjson", "json", "parquet", "parq", "pq", "warc", "wet", "csv", "tsv", "txt", "text", "md"}
)


def _linked(bundle: Bundle, folder: Path) -> list[dict[str, Any]] | None:
    """Takes the files over from the corpus in use; None where there are none, or one is not what it was."""
    if not bundle.previous:
        return None
    for entry in bundle.previous:
        made, target = folder / "current" / entry["path"], folder / _BUILDING / entry["path"]
        try:
            if sha256_file(made) != entry["sha256"]:
                return None
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(made, target)
        except OSError:
            return None
    return list(bundle.previous)


def _written(bundle: Bundle, building: Path, limits: Limits, events: EventLog) -> list[dict[str, Any]]:
    files: dict[str, _ShardFile] = {}
    for piece in bundle.pieces:
        source = piece.unit.source.id
        for shard, rows in _admitted(piece, limits):
            if shard not in files:
                files[shard] = _ShardFile(building / bundle.targets[shard])
            files[shard].write(rows)
            events.progress(piece.unit.name, rows.num_rows, int(pc.sum(pc.binary_length(rows.column("text"))).as_py()))
    entries = []
    for shard, file in files.items():
        file.close()
        counts = {"documents": file.rows, "bytes": file.bytes, "file_bytes": file.path.stat().st_size}
        place = {"path": bundle.targets[shard], "source_id": source, "shard": shard}
        entries.append({**place, **counts, "sha256": sha256_file(file.path), "key": bundle.key})
    return entries


def _admitted(piece: Piece, limits: Limits) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The admitted documents of a unit in row order, some of one shard at a time.

    The decisions stand in the order in which the unit is read, so the two are walked side by side.
    """
    facts = pq.read_table(piece.documents, columns=_FACTS, use_threads=False, partitioning=None).combine_chunks()
    if not pc.any(facts.column("admitted")).as_py():
        return
    position = 0
    for records in read_unit(piece.unit, Tray(limits.document_bytes), limits):
        beside = facts.slice(position, records.num_rows)
        position += records.num_rows
        if beside.num_rows < records.num_rows:
            raise _changed(piece)
        own = beside.filter(beside.column("admitted")).combine_chunks()
        if own.num_rows == 0:
            continue
        batch = TextBatch(records.filter(beside.column("admitted").combine_chunks()))
        digests = [digest.hex() for digest in content_hashes(batch).to_pylist()]
        if digests != own.column("content_hash").to_pylist():
            raise _changed(piece)
        columns = {name: own.column(name).combine_chunks() for name in own.column_names}
        columns |= {"text": batch.text, "source_id": pa.array([piece.unit.source.id] * len(batch), type=pa.string())}
        rows = pa.record_batch([columns[name] for name in EMITTED.names], schema=EMITTED)
        members = np.asarray(batch.records.column("member"))
        borders = [0, *(np.flatnonzero(np.diff(members)) + 1).tolist(), len(members)]
        for start, stop in itertools.pairwise(borders):
            yield piece.unit.members[members[start]].shard.name, rows.slice(start, stop - start)
    if position != facts.num_rows:
        raise _changed(piece)


def _changed(piece: Piece) -> RunFailed:
    shards = ", ".join(member.shard.name for member in piece.unit.members[:3])
    return RunFailed(
        f"{piece.unit.source.id}/{shards}: 分片在审计后变了 / the shard is not what was audited: run again, so that it is audited anew"
    )


class _ShardFile:
    """A Parquet file whose row groups end at places the documents alone decide, so that its bytes do not tell batches."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.rows = self.bytes = 0
        self._held: list[pa.RecordBatch] = []
        self._held_rows = self._held_bytes = 0
        self._writer = pq.ParquetWriter(
            path,
            EMITTED,
            compression="zstd",
            compression_level=1,
            use_dictionary=["source_id", "bucket", "language"],
            write_page_checksum=True,
        )

    def write(self, rows: pa.RecordBatch) -> None:
        """Takes the next documents."""
        ends = np.cumsum(np.asarray(pc.binary_length(rows.column("text")), dtype=np.int64))
        start = 0
        while start < rows.num_rows:
            before = int(ends[start - 1]) if start else 0
            full = int(np.searchsorted(ends, before + GROUP_BYTES - self._held_bytes)) + 1
            stop = min(rows.num_rows, full, start + GROUP_ROWS - self._held_rows)
            self._held.append(rows.slice(start, stop - start))
            self._held_rows += stop - start
            self._held_bytes += int(ends[stop - 1]) - before
            if self._held_rows >= GROUP_ROWS or self._held_bytes >= GROUP_BYTES:
                self._spill()
            start = stop
        self.rows += rows.num_rows
        self.bytes += int(ends[-1])

    def _spill(self) -> None:
        if self._held:
            table = pa.Table.from_batches(self._held, schema=EMITTED).combine_chunks()
            self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._held, self._held_rows, self._held_bytes = [], 0, 0

    def close(self) -> None:
        """Writes what is left; the file is then whole."""
        self._spill()
        self._writer.close()
        with self.path.open("rb") as handle:
            os.fsync(handle.fileno())
        self.path.chmod(0o444)


def frame_digest(documents: Sequence[Path], spill: Path) -> str:
    """sha256 over `doc_id`, a line feed, `content_hash`, a line feed of every admitted document, sorted by both as bytes."""
    digest = hashlib.sha256()
    if documents:
        with connect() as connection:
            connection.execute(f"SET temp_directory = {quoted(str(spill))}")
            rows = connection.execute(
                f"SELECT doc_id || chr(10) || content_hash || chr(10) FROM {parquet_list(documents)} WHERE admitted "
                "ORDER BY doc_id, content_hash"
            )
            while block := rows.fetchmany(8192):
                digest.update("".join(line for (line,) in block).encode())
    return digest.hexdigest()


def _must_be_whole(entries: list[dict[str, Any]], documents: Sequence[Path]) -> None:
    """Raises RunFailed unless every admitted document was written, shard by shard."""
    admitted: dict[tuple[str, str], tuple[int, int]] = {}
    if documents:
        with connect() as connection:
            query = f"SELECT source_id, shard, count(*), sum(bytes) FROM {parquet_list(documents)} WHERE admitted GROUP BY ALL"
            admitted = {(s, n): (c, int(b)) for s, n, c, b in connection.execute(query).fetchall()}
    written = {(entry["source_id"], entry["shard"]): (entry["documents"], entry["bytes"]) for entry in entries}
    if written != admitted:
        wrong = sorted(f"{source}/{shard}" for (source, shard), _ in written.items() ^ admitted.items())
        raise RunFailed(f"写出的语料与准入的不符 / what was written is not what was admitted: {', '.join(wrong[:5])}")


def _record(output: Output, run_id: str, manifest: Path) -> None:
    """Keeps a copy of the manifest in the output folder, and its digest in a chain: what `match` compares with."""
    copy = output.folder / COPIES / f"{run_id}.json"
    if copy.exists():
        return
    copy.parent.mkdir(exist_ok=True)
    append_to_chain(copy.with_name(CHAIN), [{"run_id": run_id, "manifest_sha256": sha256_file(manifest)}])
    made = copy.with_name(f".{copy.name}.tmp")
    shutil.copyfile(manifest, made)
    made.replace(copy)


def _held(folder: Path) -> AbstractContextManager[None]:
    return locked(
        folder, f"emit: {folder}: 另一个运行正在写入 / another run writes there: wait for it, or name another folder"
    )
