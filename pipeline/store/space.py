"""Before a run starts: is there room for what it will write? Estimated from the bytes of text and measured sizes.

Measured on 189 776 documents of 0.58 KB (docs/operations.md). How long documents are is known from the last run, or
taken to be as short as those: an estimate that is too high can be overridden, one that is too low costs a night.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RunFailed, UsageError
from pipeline.store.storage import is_remote

LAYERS = 300  # bytes of committed layers for a document scanned
DECIDED = 110  # of documents and findings; a run links them, or holds a copy where scans are elsewhere
DATABASE = 200  # of the database, samples, and what DuckDB writes meanwhile
SHORT = 580  # bytes of text of a document, where nothing is known yet
EMITTED = 0.5  # of bytes of text: the admitted corpus, compressed
FILES = 16  # made for a unit scanned
_FLOOR = 64 << 20  # bytes any run needs


@dataclass(frozen=True)
class Need:
    """What a run will write into a folder: bytes and number of files."""

    folder: Path
    bytes: int
    files: int


@dataclass(frozen=True)
class Amount:
    """How much there is to do: bytes of text and units, those with layers to scan and all, and bytes of a document."""

    to_scan: int
    whole: int
    units_to_scan: int
    units: int
    document: float = SHORT


def needs(output: Path, scans: str, emit: Path | None, amount: Amount) -> list[Need]:
    """What a run needs where."""
    size = max(1.0, amount.document)
    scanned, documents = amount.to_scan / size, amount.whole / size
    copied = DECIDED if is_remote(scans) else 0
    found = [Need(output, _FLOOR + round((DATABASE + copied) * documents), 64 + 4 * amount.units)]
    if not is_remote(scans):
        files = FILES * amount.units_to_scan + 4 * amount.units
        found.append(Need(Path(scans), round(LAYERS * scanned + DECIDED * documents), files))
    if emit is not None:
        found.append(Need(emit, round(EMITTED * amount.whole), amount.units))
    return found


def must_have_room(wanted: Iterable[Need], ignored: bool = False) -> None:
    """Raises UsageError for a folder that cannot be written to, RunFailed for a file system without enough room."""
    by_system: dict[int, list[Need]] = {}
    for need in wanted:
        there = _existing(need.folder)
        if not os.access(there, os.W_OK):
            read_only = os.statvfs(there).f_flag & os.ST_RDONLY
            why = "只读文件系统 / read-only file system" if read_only else "没有写权限 / no permission to write"
            raise UsageError(f"{need.folder}: 无法写入 / cannot be written: {why}")
        by_system.setdefault(there.stat().st_dev, []).append(need)
    if ignored:
        return
    problems = [problem for together in by_system.values() for problem in _short(together)]
    if problems:
        raise RunFailed(
            "\n".join(problems)
            + "\n未开始，未写入 / nothing was started: 请腾出空间（corpus-audit prune OUT --keep N 删去旧运行），换一个磁盘，或加 "
            "--ignore-space 照常运行 / make room (corpus-audit prune OUT --keep N drops old runs), name another disk, or "
            "run all the same with --ignore-space"
        )


def _short(together: list[Need]) -> list[str]:
    """What a file system lacks for all that goes there."""
    system = os.statvfs(_existing(together[0].folder))
    free, files = system.f_bavail * system.f_frsize, system.f_favail
    size, number = sum(need.bytes for need in together), sum(need.files for need in together)
    places = ", ".join(dict.fromkeys(str(need.folder) for need in together))
    problems = []
    if size > free:
        problems.append(
            f"{places}: 空间不足，约需 {size / 1e9:,.2f} GB，剩余 {free / 1e9:,.2f} GB / not enough room: about "
            f"{size / 1e9:,.2f} GB are needed, {free / 1e9:,.2f} GB are free"
        )
    if system.f_files and number > files:
        problems.append(
            f"{places}: 索引节点不足，约需 {number:,} 个文件，剩余 {files:,} / not enough inodes: about {number:,} files are made, "
            f"{files:,} are free"
        )
    return problems


def room_left(folders: Iterable[Path]) -> str:
    """What is free in each folder, for people who have just been told that something could not be written."""
    told = []
    for folder in dict.fromkeys(folders):
        system = os.statvfs(_existing(folder))
        free = system.f_bavail * system.f_frsize
        size = f"{free / 1e9:,.1f} GB" if free >= 1e8 else f"{free / 1e6:,.1f} MB"
        nodes = f"，索引节点 / inodes {system.f_favail:,}" if system.f_files and system.f_favail < 1000 else ""
        told.append(f"{folder}: {size}{nodes}")
    return "; ".join(told)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder
