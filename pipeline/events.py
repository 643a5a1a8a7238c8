"""What happens in a run, as NDJSON: for schedulers and for people who ask why. Never any corpus text."""

import contextlib
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROGRESS = "progress.ndjson"
_INTERVAL = 0.5  # seconds between two lines of progress of one worker


class EventLog:
    """Appends events to a file. One short write an event, so that workers can share the file; None writes nothing."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.documents = 0  # scanned, and not yet written down
        self.bytes = 0
        self._last = 0.0

    def write(self, event: str, **details: Any) -> None:
        """One event with its details."""
        self.flush()
        self.put({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details})

    def put(self, event: dict[str, Any]) -> None:
        """Writes an event down."""
        if self.path is not None:
            append_event(Path(self.path), event)

    def progress(self, unit: str, documents: int, size: int) -> None:
        """Documents and bytes of text just scanned; written down now and then."""
        self.documents += documents
        self.bytes += size
        if time.monotonic() - self._last >= _INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Writes down progress not yet written."""
        self._last = time.monotonic()
        if self.path is not None:
            append_progress(Path(self.path), self.documents, self.bytes)
        self.documents = self.bytes = 0


def append_event(events: Path, event: dict[str, Any]) -> None:
    """Adds an event to an events file."""
    _append(events, event)


def append_progress(events: Path, documents: int, size: int) -> None:
    """Adds what was scanned to the file of progress beside an events file; nothing where it is nothing."""
    if documents:
        _append(events.with_name(PROGRESS), {"documents": documents, "bytes": size})


def _append(path: Path, content: dict[str, Any]) -> None:
    line = json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode("utf-8", "backslashreplace"))
    finally:
        os.close(handle)


def read_progress(folder: Path) -> tuple[int, int]:
    """Documents and bytes of text scanned so far by the run in `folder`."""
    documents = size = 0
    try:
        lines = (folder / PROGRESS).read_bytes().split(b"\n")
    except OSError:
        return 0, 0
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # torn where a disk was full
            entry = json.loads(line)
            documents, size = documents + entry["documents"], size + entry["bytes"]
    return documents, size
