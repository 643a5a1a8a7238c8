"""Events of workers that share no files with their caller: each a small file of the store, brought in by the caller.

A file holds what an events file and a progress file would have got in one go. The caller adds it to its own files and
removes it, so that there are never more of them than a few seconds' worth.
"""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.events import EventLog, append_event, append_progress
from pipeline.store.scans import ScanStore
from pipeline.store.storage import file_system, store_errors

_FOLDER = "events"  # below the handover
_SECONDS = 2.0  # between two looks at the store


class PostedEvents(EventLog):
    """In a worker. Progress goes along with the next event: a file of its own several times a second would be many."""

    def __init__(self, store: ScanStore, handover: str) -> None:
        super().__init__(None)
        self._store = store
        self._folder = f"{store.location}/{handover}/{_FOLDER}"

    def put(self, event: dict[str, Any]) -> None:
        """Leaves the event, and what was scanned since the last. Names sort by time; no two are the same."""
        posted = {"event": event, "documents": self.documents, "bytes": self.bytes}
        self.documents = self.bytes = 0
        content = json.dumps(posted, ensure_ascii=False, sort_keys=True).encode("utf-8", "backslashreplace")
        self._store.commit_bytes(content, f"{self._folder}/{time.time_ns():020}-{secrets.token_hex(4)}.json")

    def flush(self) -> None:
        """Nothing: progress waits for an event."""


@contextlib.contextmanager
def brought_in(store: ScanStore, handover: str, events: str) -> Iterator[None]:
    """In the caller: adds what workers post to the events file `events` and the progress beside it, now and then.

    That is for people who watch. A store that does not answer ends no run here; whatever needs it says so.
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SECONDS):
            _bring(store, handover, Path(events))

    thread = threading.Thread(target=watch, name="corpus-audit events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _bring(store, handover, Path(events))


def _bring(store: ScanStore, handover: str, events: Path) -> None:
    place = f"{store.location}/{handover}/{_FOLDER}"
    with contextlib.suppress(FileNotFoundError, StoreError), store_errors(place):
        fs, inner = file_system(place)
        for path in sorted(fs.find(inner)):
            posted = json.loads(fs.cat_file(path))
            append_event(events, posted["event"])
            append_progress(events, posted["documents"], posted["bytes"])
            fs.rm_file(path)
