"""The note of the run that was begun last: under which id it goes on after an interruption, and what it leaves to clear.

It stands beside the folder of the run being built, is written before anything else and goes last of all, so that
whatever a killed run left is found by the next one, whether it was published or not.
"""

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.nights.references import FILE as REFERENCES
from pipeline.nights.references import Register
from pipeline.store.output import Output, write_json
from pipeline.store.scans import ScanStore

RUN_NOTE = "run.json"  # the same note in the folder of the run, for who looks there


@dataclass(frozen=True)
class Begun:
    """What the note says. `handover` is the folder below the scans in which this attempt's workers leave results."""

    run_id: str
    inputs: str
    handover: str
    started_at: str
    pid: int
    host: str


def begin(output: Output, scans: ScanStore, inputs: str, started: datetime) -> Begun:
    """Clears what an interrupted run left; the same work goes on under the same id.

    Each attempt has a handover of its own: workers that outlive a killed run can leave nothing for the next.
    """
    left, published = _left(output), output.published
    run_id = str(left.get("run_id")) if left.get("inputs") == inputs else ""
    if not run_id or run_id in published or "/" in run_id:
        run_id = _free_id(f"{started:%Y%m%dT%H%M%SZ}-{inputs[:8]}", output, published)
    finish(output, scans)
    output.clear_building()
    Register(scans).begin(run_id, output.folder, [left["run_id"]] if left else [])
    handover = f"handover/{run_id}-{secrets.token_hex(4)}"
    begun = Begun(
        run_id,
        inputs,
        handover,
        started.astimezone(UTC).isoformat(timespec="seconds"),
        os.getpid(),
        socket.gethostname(),
    )
    made = output.note.with_suffix(".tmp")
    write_json(made, asdict(begun))
    made.replace(output.note)
    output.building.mkdir()
    write_json(output.building / RUN_NOTE, asdict(begun))
    scans.sweep()
    return begun


def finish(output: Output, scans: ScanStore) -> bool:
    """Removes what only a run in the making needs, and the note last; False where there was none. May be repeated."""
    left = _left(output)
    if not left:
        return False
    run_id = left["run_id"]
    references = output.runs / run_id / REFERENCES
    if run_id in output.published:
        if references.is_file():
            Register(scans).keep(run_id, references)
        Register(scans).end(run_id)
    scans.discard(left.get("handover") or f"handover/{run_id}")
    scans.sweep()
    output.note.unlink(missing_ok=True)
    return True


def _left(output: Output) -> dict[str, str]:
    """The note of an earlier attempt, of any version; empty without one that can be read."""
    for path in (output.note, output.building / RUN_NOTE):
        with contextlib.suppress(OSError, ValueError):
            content = json.loads(path.read_bytes())
            if isinstance(content, dict) and _is_name(content.get("run_id")):
                return {name: value for name, value in content.items() if _is_name(value)}
    return {}


def _is_name(value: object) -> bool:
    """Whether a value of the note may be part of a path below the scans."""
    return isinstance(value, str) and bool(value) and ".." not in Path(value).parts and not value.startswith("/")


def _free_id(run_id: str, output: Output, published: Collection[str]) -> str:
    """An id no run has or had, also where the clock went back or two runs begin in the same second."""
    while run_id in published or os.path.lexists(output.runs / run_id):
        run_id += "a"
    return run_id
