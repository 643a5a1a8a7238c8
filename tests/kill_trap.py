"""Kills the process it is armed in at a chosen durable operation, as a power cut or the kernel would: no clean-up runs.

Operations are what leaves a mark on disk: renames, links, removals, folders made, files opened for writing, syncs. They
are counted by Python's own audit events, so the code under test is what users run.
"""

import itertools
import json
import os
import signal
import sys
from typing import Any

VARIABLE = "CORPUS_AUDIT_TEST_TRAP"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def kind_of(event: str, path: str, root: str) -> str:
    """An operation without what is random in its path: `rename scans/base`, `open runs/.building`."""
    parts = path[len(root) :].strip("/").split("/")
    keep = 3 if parts[:1] == ["runs"] or parts[1:2] == ["runs"] else 2
    named = [part for part in parts[:keep] if not any(c.isdigit() for c in part)]
    return f"{event.removeprefix('os.')} {'/'.join(named)}"


def _path(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The path an operation changes; None where it changes nothing."""
    if event == "open":
        path, _, flags = arguments
        return os.fsdecode(path) if isinstance(path, str | bytes) and (flags or 0) & _WRITING else None
    if event in ("os.rename", "os.link", "os.symlink"):
        return os.fsdecode(arguments[1])
    if event in ("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate"):
        return os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else None
    return None


def arm(root: str, at: int | None = None, kind: str | None = None, nth: int = 1, trace: str | None = None) -> None:
    """Dies before operation number `at`, or before the `nth` of a kind; `trace` names a file to list operations in."""
    count, of_kind = itertools.count(1), itertools.count(1)
    listing = os.open(trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if trace else None

    def happened(name: str) -> None:
        if listing is not None:
            os.write(listing, f"{name}\n".encode())
        if next(count) == at or (name == kind and next(of_kind) == nth):
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        path = _path(event, arguments)
        if path is None:
            return
        if path.startswith(root):
            happened(kind_of(event, path, root))
        elif not path.startswith("/") and event in ("os.remove", "os.rmdir"):  # a step of rmtree, relative to a folder
            happened(f"{event.removeprefix('os.')} of a tree")

    sync = os.fsync

    def fsync(handle: int) -> None:
        happened("before fsync")
        sync(handle)
        happened("after fsync")

    os.fsync = fsync
    sys.addaudithook(hook)


def arm_from_environment() -> None:
    """In worker processes, which start on their own; only the first that takes the token dies."""
    given = os.environ.get(VARIABLE)
    if given and "pipeline.engine.local_worker" in " ".join(sys.orig_argv):
        settings = json.loads(given)
        token = settings.pop("token")
        try:
            os.close(os.open(token, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        arm(**settings)
