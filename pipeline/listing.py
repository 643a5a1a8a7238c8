"""Which files a path, folder or glob of the configuration names, on disk or on any fsspec location."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
from fsspec.utils import glob_translate

_MAGIC = frozenset("*?[")


@dataclass(frozen=True)
class Found:
    """A file: its name below the fixed part of the path, where it is, and what tells its version and identity.

    `size` is None where a link leads nowhere.
    """

    name: str
    location: str
    size: int | None
    version: str
    identity: str


def list_files(url: str) -> list[Found]:
    """Files a path names, in code-point order of their names; hidden ones and `_*` are left out.

    The name of a file is its path below the glob's fixed part, or below its folder. Links to folders are followed,
    but not in circles. Raises OSError where the location does not answer.
    """
    fs, path = fsspec.core.url_to_fs(url)
    local = is_local(fs)
    if not _MAGIC & set(path) and fs.isdir(path):
        path = path.rstrip("/") + "/**"
    literal = not _MAGIC & set(path) or (local and os.path.lexists(path) and not Path(path).is_dir())
    fixed = path.rpartition("/")[0] + "/" if literal else _fixed_part(path)
    if local:
        locations = [path] if literal else list(_walk(fixed, re.compile(glob_translate(path))))
        found = [_on_disk(location, fixed) for location in locations if os.path.lexists(location)]
    else:
        entries = (
            {path: fs.info(path)} if literal and fs.exists(path) else {} if literal else fs.glob(path, detail=True)
        )
        scheme = url.split("://", maxsplit=1)[0]
        found = [
            Found(
                place[len(fixed) :],
                fs.unstrip_protocol(place),
                int(info["size"]),
                etag_of(fs, place, info),
                f"{scheme}://{place}",
            )
            for place, info in entries.items()
            if info.get("type") != "directory"
        ]
    return sorted((file for file in found if not _hidden(file.name)), key=lambda file: file.name)


def is_local(fs: Any) -> bool:
    """Whether a file system is this machine's own."""
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,))


def etag_of(fs: Any, place: str, info: dict[str, Any]) -> str:
    """What tells the version of a file in an object store."""
    return str(info.get("ETag") or info.get("etag") or info.get("LastModified") or fs.ukey(place)).strip('"')


def _on_disk(location: str, fixed: str) -> Found:
    path = Path(location)
    try:
        status = path.stat()
        size, version = status.st_size, f"{status.st_mtime_ns}"
    except FileNotFoundError:
        size, version = None, ""
    return Found(location[len(fixed) :].lstrip("/"), location, size, version, os.path.realpath(location))


def _walk(folder: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Files below a folder whose path matches, links to folders followed unless they lead back to where one came from."""
    for base, folders, files in os.walk(folder or ".", followlinks=True):
        above = {os.path.realpath(parent) for parent in (base, *map(str, Path(base).parents))}
        folders[:] = sorted(
            name for name in folders if not _hidden(name) and os.path.realpath(f"{base}/{name}") not in above
        )
        yield from (location for name in files if pattern.match(location := f"{base.rstrip('/')}/{name}"))


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _fixed_part(path: str) -> str:
    """The folder above the first component with a glob character."""
    parts = path.split("/")
    first = next(index for index, part in enumerate(parts) if _MAGIC & set(part))
    return "/".join(parts[:first]) + "/" if first else ""
