"""Writes the admitted corpus of a run: its folder, its files (pipeline/emission/emit_files.py) and a manifest that says what it is.

A corpus is built beside the one in use and takes its place by a rename and a link, so that `current` is whole at any
moment.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline import __version__
from pipeline.config import Config, Emission
from pipeline.database import connect, parquet_list, quoted, result_files
from pipeline.emission.emit_bundles import MANIFEST, VERSION, make_bundles
from pipeline.emission.emit_files import BUILDING, ENTRIES, WORK, Job
from pipeline.emission.emitted import FOLDER, KEEP, MASK, corpus_name, record, recorded_digest
from pipeline.emission.masking import Masker, total
from pipeline.engine.execution import Engine, execute
from pipeline.errors import RunFailed, UsageError
from pipeline.plan import Plan, Unit, deal
from pipeline.store.output import Output, Run, locked, write_json
from pipeline.store.scans import sha256_file
from schemas.results import EMITTED

MARKER = ".corpus-audit-emit"
REPLACED = ".replaced"

_RESERVED = frozenset(
    {"runs", "scans", "current", "blacklist", "rounds", "review", "training", "assessments", FOLDER, "report"}
)


def prepare(config: Config, plan: Plan) -> None:
    """Makes the configured folder, or makes sure that it is ours to write in. Raises UsageError."""
    if config.emit is None:
        return
    folder = config.emit.folder
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


@dataclass(frozen=True)
class Written:
    """The corpus of a run, where one is asked for, and what to tell people about it."""

    folder: Path | None = None
    warnings: tuple[str, ...] = ()


def emit_run(config: Config, run: Run, units: Sequence[Unit], engine: Engine) -> Written:
    """Writes the corpus of a published run unless it is there already and whole, and makes it the current one.

    Always on this machine, with the engine's number of workers. Raises RunFailed; the run stays published.
    """
    if config.emit is None:
        return Written()
    folder, mode = config.emit.folder, MASK if config.emit.mask else KEEP
    run_id = run.folder.name
    target, output = folder / corpus_name(run_id, mode), Output(config.output)
    warnings: tuple[str, ...] = ()
    try:
        with _held(folder):
            try:
                _clear(folder)
                damaged = _damaged(target, recorded_digest(output, run_id, mode))
                if damaged:
                    _build(config, config.emit, run, units, engine)
                    warnings = _mended(target, damaged)
                    _replace(folder / BUILDING, target, folder / REPLACED)
                record(output, run_id, mode, target, folder / WORK)
            finally:
                _clear(folder)
            link = folder / ".current.tmp"
            link.unlink(missing_ok=True)
            link.symlink_to(target.name)
            link.replace(folder / "current")
    except (OSError, pa.ArrowException, duckdb.Error, RunFailed) as error:
        free = shutil.disk_usage(folder).free if folder.exists() else 0
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RunFailed(
            f"emit: {folder}: 写出失败（{cause}），剩余空间 {free / 1e9:.1f} GB；运行 {run_id} 已发布，原有语料不受影响，排除后重新运行即可 / "
            f"writing failed ({cause}), {free / 1e9:.1f} GB free; run {run_id} is published and the corpus in use untouched: "
            f"mend it and run again"
        ) from error
    return Written(target, warnings)


def _damaged(target: Path, recorded: str | None) -> list[str]:
    """The files of a corpus that are missing or of another size than written; the manifest where it is not the one recorded.

    Sizes only, so that it costs nothing: whether bytes are the same is for `match` to say.
    """
    manifest = target / MANIFEST
    if not manifest.is_file():
        return [MANIFEST]
    if recorded is None or sha256_file(manifest) == recorded:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            entries = json.loads(manifest.read_bytes())["files"]
            return [entry["path"] for entry in entries if _size(target / entry["path"]) != entry["file_bytes"]]
    manifest.unlink()  # what it says of the other files is not to be trusted either: all are written anew
    return [MANIFEST]


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _mended(target: Path, damaged: list[str]) -> tuple[str, ...]:
    if not target.exists():
        return ()
    named = ", ".join(damaged[:5]) + (", …" if len(damaged) > 5 else "")
    return (
        f"emit: {target}: 有 {len(damaged)} 个文件缺失或与写出时不符，已重新写出 / {len(damaged)} files were missing or not as written, and were "
        f"written anew: {named}",
    )


def _replace(made: Path, target: Path, aside: Path) -> None:
    """Puts a whole corpus into the place of a damaged one, or of none."""
    if target.exists():
        target.rename(aside)
    made.rename(target)


def _clear(folder: Path) -> None:
    for name in (BUILDING, WORK, REPLACED):
        shutil.rmtree(folder / name, ignore_errors=True)


def _build(config: Config, emission: Emission, run: Run, units: Sequence[Unit], engine: Engine) -> None:
    """Writes the whole corpus below `.building`."""
    folder = emission.folder
    building, work = folder / BUILDING, folder / WORK
    building.mkdir()
    (work / ENTRIES).mkdir(parents=True)
    masker = Masker() if emission.mask else None
    fingerprint = masker.fingerprint() if masker else None
    bundles = make_bundles(run, units, config.limits, fingerprint, folder / "current")
    hands = deal(bundles, engine.workers)
    job = Job(tuple(tuple(hand) for hand in hands), str(folder), config.limits, masker)
    if bundles:
        from pipeline.emission.emit_graph import build  # imports the engine

        execute(
            job, Engine(workers=engine.workers), work, sum(bundle.weight for bundle in bundles), build, "写出 / emit"
        )
    entries = [entry for file in (work / ENTRIES).iterdir() for entry in json.loads(file.read_bytes())]
    entries.sort(key=lambda entry: str(entry["path"]))
    documents = result_files(run.folder, "documents")
    _must_be_whole(entries, documents)
    units_of_size = ("documents", "bytes", "audited_bytes", "file_bytes")
    totals: dict[str, Any] = {unit: sum(entry[unit] for entry in entries) for unit in units_of_size}
    if masker is not None:
        totals["masked"] = total([entry["masked"] for entry in entries])
    content = {
        "layout": VERSION,
        "run_id": run.folder.name,
        "run_manifest_sha256": sha256_file(run.folder / MANIFEST),
        "software_version": __version__,
        "personal_information": MASK if masker else KEEP,
        "masking": fingerprint,
        "columns": EMITTED.names,
        "totals": {"files": len(entries), **totals},
        "frame_sha256": frame_digest(documents, work / "spill"),
        "files": entries,
    }
    write_json(building / MANIFEST, content)
    (building / MANIFEST).chmod(0o444)


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
    written = {(entry["source_id"], entry["shard"]): (entry["documents"], entry["audited_bytes"]) for entry in entries}
    if written != admitted:
        wrong = sorted(f"{source}/{shard}" for (source, shard), _ in written.items() ^ admitted.items())
        raise RunFailed(f"写出的语料与准入的不符 / what was written is not what was admitted: {', '.join(wrong[:5])}")


def _held(folder: Path) -> AbstractContextManager[None]:
    return locked(
        folder, f"emit: {folder}: 另一个运行正在写入 / another run writes there: wait for it, or name another folder"
    )
