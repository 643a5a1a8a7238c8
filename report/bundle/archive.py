"""Bundles as zip files of one form: stored, sorted, without times, so that the same files give the same bytes.

What is read may come from anybody. A bundle is unpacked only if its very bytes are those this module writes of its
members: no other names, sizes, links, duplicates, comments or bytes behind it can be in it.
"""

import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.errors import UsageError
from pipeline.store.scans import sha256_file

_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o444) << 16
_MEMBERS, _BYTES = 20_000, 64 << 30  # of a bundle that is unpacked
_PART, _PIECE = 255, 1 << 20  # longest part of a name, in bytes; bytes read at a time
_NAMED = 20  # members a refusal names


def pack(path: Path, files: Mapping[str, Path | bytes]) -> None:
    """Writes a bundle of these files by name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            content = files[name]
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            with archive.open(_entry(name, size), "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as target:
                for piece in _pieces(content):
                    target.write(piece)


def _entry(name: str, size: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3  # Unix, wherever it is written
    entry.external_attr = _MODE
    entry.file_size = size
    return entry


def _pieces(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as handle:
        while piece := handle.read(_PIECE):
            yield piece


def unpack(path: Path, folder: Path) -> list[str]:
    """Unpacks a bundle into an empty folder and returns the names of its members.

    Raises UsageError for what is no bundle: damaged, not of this form, or made to do harm.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _must_be_safe(path, entries)
            for entry in entries:
                _write(archive, entry, folder / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise UsageError(f"{path}: 不是完好的证据包 / is no sound evidence bundle: {error}") from None
    except OSError as error:
        raise UsageError(f"{path}: 读不了 / cannot be read: {error.strerror or error}") from None
    names = [entry.filename for entry in entries]
    _must_be_ours(path, {name: folder / name for name in names}, folder.with_name("packed-again.zip"))
    return names


def _must_be_safe(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    """Nothing is unpacked unless every member is a plain stored file in the folder, each name once."""
    size = path.stat().st_size
    wrong = []
    if len(entries) > _MEMBERS or sum(entry.file_size for entry in entries) > min(size, _BYTES):
        wrong.append("成员过多或大小不实 / too many members, or sizes that are not true")
    seen: set[str] = set()
    for entry in entries:
        reason = _unsafe(entry)
        if reason is None and entry.filename.casefold() in seen:
            reason = "名称重复 / occurs twice"
        if reason is not None:
            wrong.append(f"{entry.filename[:_PART]}: {reason}")
        seen.add(entry.filename.casefold())
    folders = {str(parent).casefold() for entry in entries for parent in PurePosixPath(entry.filename).parents}
    wrong += [f"{name}: 既是文件又是文件夹 / is file and folder" for name in sorted(seen & folders)]
    if wrong:
        raise UsageError([f"{path}: 拒绝解开 / is not unpacked: {one}" for one in wrong[:_NAMED]])


def _unsafe(entry: zipfile.ZipInfo) -> str | None:
    name, mode = entry.filename, entry.external_attr >> 16
    parts = name.split("/")
    if entry.orig_filename != name or "\\" in name or any(part in ("", ".", "..") for part in parts):
        return "名称不可用（越出文件夹） / a name that leaves the folder"
    if any(len(part.encode("utf-8", "replace")) > _PART for part in parts) or not name.isprintable() or ":" in parts[0]:
        return "名称不可用 / a name that cannot be used"
    if not stat.S_ISREG(mode):
        return "不是普通文件（如链接） / is no plain file, such as a link"
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size or entry.flag_bits & 1:
        return "压缩或加密过，证据包从不如此 / is compressed or encrypted, as no bundle is"
    return None


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, target.open("xb") as handle:
        while piece := source.read(_PIECE):
            handle.write(piece)


def _must_be_ours(path: Path, files: Mapping[str, Path], again: Path) -> None:
    """Raises UsageError unless the same members packed again are the file, to the byte."""
    try:
        pack(again, files)
        if sha256_file(again) != sha256_file(path):
            raise UsageError(
                f"{path}: 证据包被改动：成员之外另有字节，或并非 corpus-audit 所写 / was changed: it holds bytes beside its members, or was not written by "
                f"corpus-audit"
            )
    finally:
        again.unlink(missing_ok=True)
