"""What a run is doing or left behind, read from its folder alone: nothing here fails, whatever state that is in."""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.begun import RUN_NOTE
from pipeline.events import read_progress
from pipeline.processes import alive
from pipeline.store.output import Output

RUNNING, INTERRUPTED, IN_USE, IDLE = "running", "interrupted", "in_use", "idle"
# by the latest event, what is being done behind it
_PHASES = {
    "run_started": "scan",
    "work_planned": "scan",
    "documents_grouped": "sample",
    "sample_judged": "sample",
    "samples_drawn": "publish",
    "run_finished": "publish",
}


@dataclass
class Progress:
    """How far a run is. `state` is running, interrupted, in_use (another command, or an emit) or idle; bytes are of text.

    `units_left` had layers to scan when the run began; `seconds_left` is None where it cannot be told.
    """

    state: str
    run_id: str | None = None
    phase: str | None = None
    started_at: str | None = None
    pid: int | None = None
    pid_alive: bool | None = None
    published: bool = False
    units: int | None = None
    units_to_scan: int | None = None
    units_scanned: int = 0
    units_decided: int = 0
    documents: int = 0
    bytes: int = 0
    bytes_to_scan: int | None = None
    seconds: float | None = None
    bytes_per_second: float | None = None
    seconds_left: float | None = None
    retried: int = 0
    quarantined: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For schedulers."""
        return asdict(self)


def look(output: Output, now: datetime | None = None) -> Progress:
    """The progress of the run going on in an output folder, or what is known of one that was broken off."""
    held, note = output.is_held(), _note(output)
    if note is None:
        return Progress(IN_USE if held else IDLE)
    found = Progress(
        RUNNING if held else INTERRUPTED, run_id=_text(note, "run_id"), started_at=_text(note, "started_at")
    )
    found.pid = note["pid"] if isinstance(note.get("pid"), int) else None
    if found.pid is not None and note.get("host", socket.gethostname()) == socket.gethostname():
        found.pid_alive = alive(found.pid)
    with contextlib.suppress(OSError):
        found.published = found.run_id in output.published
    found.documents, found.bytes = read_progress(output.building)
    _count(found, output.building / "events.ndjson")
    if found.published:
        found.phase = "finish"
    if found.state == RUNNING:
        _speed(found, now or datetime.now(UTC))
    return found


def _note(output: Output) -> dict[str, Any] | None:
    for path in (output.note, output.building / RUN_NOTE):
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(path.read_bytes())
            if isinstance(content, dict):
                return content
    return {} if output.building.is_dir() else None


def _count(found: Progress, events: Path) -> None:
    scanned, decided = set(), set()
    for event in _lines(events):
        name, unit = event.get("event"), str(event.get("unit"))
        found.phase = _PHASES.get(str(name), found.phase)
        if name == "run_started":
            found.units = _number(event, "units")
        elif name == "work_planned":
            found.units_to_scan, found.bytes_to_scan = _number(event, "units_to_scan"), _number(event, "bytes_to_scan")
        elif name == "unit_scanned":
            scanned.add(unit)
        elif name == "unit_decided":
            decided.add(unit)
        elif name == "shard_retried":
            found.retried += 1
        elif name == "shard_quarantined":
            shard = {key: str(event.get(key)) for key in ("source", "shard", "reason")}
            if shard not in found.quarantined:
                found.quarantined.append(shard)
    found.units_scanned, found.units_decided = len(scanned), len(decided)


def _speed(found: Progress, now: datetime) -> None:
    """By the clock on the wall, as the run is another process: where it was set back meanwhile, nothing is said."""
    with contextlib.suppress(ValueError, TypeError):
        begun = datetime.fromisoformat(found.started_at or "")
        seconds = (now - begun).total_seconds()
        if seconds > 0:
            found.seconds = round(seconds, 1)
            found.bytes_per_second = round(found.bytes / seconds, 1)
            if found.phase == "scan" and found.bytes and found.bytes_to_scan is not None:
                left = max(0, found.bytes_to_scan - found.bytes)
                found.seconds_left = round(left * seconds / found.bytes, 1)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError:
        return
    for line in content.split(b"\n"):
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                yield event


def _number(event: dict[str, Any], key: str) -> int | None:
    value = event.get(key)
    return value if isinstance(value, int) else None


def _text(note: dict[str, Any], key: str) -> str | None:
    value = note.get(key)
    return value if isinstance(value, str) else None
