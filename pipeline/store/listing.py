"""Which files a path, folder or glob of the configuration names, on disk or on any fsspec location."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsspec.utils import glob_translate

from pipeline.store.storage import bucket_url, file_system, is_local, missing_bucket, store_errors

_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Found:
    """A file: its name below the fixed part of the path, where it is, and what tells its version and identity, and
    its real place.

    `size` is None where a link leads nowhere.
    """

    name: str
    location: str
    size: int | None
    version: str
    identity: str
    origin: str


def list_files(pattern: str, base: Path) -> list[Found]:
    """Files a path, folder or glob names, in code-point order of their names; hidden ones and `_*` are left out.

    `base` is the folder relative paths start from; its own name is never taken for a glob. The name of a file is its
    path below the glob's fixed part, or below its folder. Links to folders are followed, but not in circles. Raises
    StoreError where a remote location does not answer or has no such bucket.
    """
    if "://" in pattern:
        fs, path = file_system(pattern, quick=True)
        if is_local(fs):
            found = _local(Path("/"), path.lstrip("/"))
        else:
            with store_errors(pattern):
                found = _remote(fs, path, pattern)
    elif Path(pattern).is_absolute():
        found = _local(Path("/"), pattern.lstrip("/"))
    else:
        found = _local(base, pattern)
    return sorted((file for file in found if not _hidden(file.name)), key=lambda file: file.name)


def _local(base: Path, pattern: str) -> list[Found]:
    root = str(base).rstrip("/") + "/"
    path = root + pattern
    if not _MAGIC & set(pattern) and Path(path).is_dir():
        pattern = pattern.rstrip("/") + "/**"
        path = root + pattern
    if not _MAGIC & set(pattern) or (os.path.lexists(path) and not Path(path).is_dir()):
        return [_on_disk(path, path.rpartition("/")[0] + "/")] if os.path.lexists(path) else []
    fixed = root + _fixed_part(pattern)
    matches = re.compile(glob_translate(pattern)).match
    return [
        _on_disk(place, fixed)
        for place in _walk(fixed)
        if matches(place[len(root) :]) and not _hidden(place[len(fixed) :].lstrip("/"))
    ]


def _remote(fs: Any, path: str, url: str) -> list[Found]:
    if not _MAGIC & set(path) and fs.isdir(path):
        path = path.rstrip("/") + "/**"
    literal = not _MAGIC & set(path)
    fixed = path.rpartition("/")[0] + "/" if literal else _fixed_part(path)
    entries = ({path: fs.info(path)} if fs.exists(path) else {}) if literal else fs.glob(path, detail=True)
    if not entries:
        _must_have_bucket(fs, url)
    scheme = url.split("://", maxsplit=1)[0]
    return [
        Found(
            place[len(fixed) :],
            fs.unstrip_protocol(place),
            int(info["size"]),
            etag_of(fs, place, info),
            f"{scheme}://{place}",
            f"{scheme}://{place}",
        )
        for place, info in entries.items()
        if info.get("type") != "directory"
    ]


def _must_have_bucket(fs: Any, url: str) -> None:
    """Raises StoreError where a URL matches nothing because its bucket is not there."""
    bucket = bucket_url(url)
    if bucket is not None:
        try:
            fs.info(bucket)
        except FileNotFoundError:
            raise missing_bucket(url) from None
        except PermissionError:
            return  # who may list a folder only cannot ask for the bucket


def etag_of(fs: Any, place: str, info: dict[str, Any]) -> str:
    """What tells the version of a file in an object store."""
    return str(info.get("ETag") or info.get("etag") or info.get("LastModified") or fs.ukey(place)).strip('"')


def _on_disk(location: str, fixed: str) -> Found:
    path = Path(location)
    name = location[len(fixed) :].lstrip("/")
    try:
        status = path.stat()
    except FileNotFoundError:
        return Found(name, location, None, "", location, location)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{location}: 不是普通文件 / not a regular file (a pipe, a device or a socket): leave it out")
    identity = f"{status.st_dev}:{status.st_ino}"  # one file under two names, linked either way, is one file
    return Found(name, location, status.st_size, f"{status.st_mtime_ns}", identity, os.path.realpath(location))


def _walk(folder: str) -> Iterator[str]:
    """Files below a folder, links to folders followed unless they lead back to where one came from."""
    for base, folders, files in os.walk(folder, followlinks=True):
        above = {os.path.realpath(parent) for parent in (base, *map(str, Path(base).parents))}
        folders[:] = [name for name in folders if not _hidden(name) and os.path.realpath(f"{base}/{name}") not in above]
        yield from (f"{base.rstrip('/')}/{name}" for name in files)


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _fixed_part(path: str) -> str:
    """The folder above the first component with a glob character."""
    parts = path.split("/")
    first = next(index for index, part in enumerate(parts) if _MAGIC & set(part))
    return "/".join(parts[:first]) + "/" if first else ""
