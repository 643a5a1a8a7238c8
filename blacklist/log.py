"""The log of blacklist decisions: append-only, each line carrying the hash of the line before.

The present state is what replaying the log gives. A changed, removed or inserted line breaks the chain.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.chain import GENESIS, append_to_chain, cut_torn_line, read_chain

EVENTS = "events.ndjson"
STATE = "blacklist.csv"
SCOPES = ("suspended", "source", "domain")
ENDING = ("lifted", "dismissed")  # events that take an entry off; all others (blacklisted, confirmed) leave it in force
# what spreadsheets take for the beginning of a formula, or skip on their way to one
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
COLUMNS = (
    "source_key",
    "scope",
    "reason",
    "rate",
    "threshold",
    "documents",
    "run_id",
    "decided_at",
    "decided_by",
    "active",
)


class ChainBroken(Exception):  # noqa: N818 - a state of the log
    """The log was changed after it was written; the message names the line."""


@dataclass(frozen=True)
class Entry:
    """The present state of one source or domain on the blacklist."""

    source_key: str
    scope: str
    reason: str
    rate: float | None
    threshold: str | None
    documents: int | None
    violations: int | None
    run_id: str | None
    decided_at: str
    decided_by: str
    active: bool
    source_version: str | None = None
    ruleset_sha256: str | None = None


class BlacklistLog:
    """The log in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / EVENTS

    def events(self) -> list[dict[str, Any]]:
        """All events, their chain checked. Raises ChainBroken."""
        events, problems = read_chain(self.path)
        if problems:
            raise ChainBroken("\n".join(problems))
        return events

    def head(self) -> str:
        """Hash of the last event."""
        events = self.events()
        return str(events[-1]["sha256"]) if events else GENESIS

    def append(self, new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Appends events (without seq, time and hashes), rewrites the state file, and returns what was written."""
        cut_torn_line(self.path)
        count = len(self.events())
        now = datetime.now(UTC).isoformat(timespec="seconds")
        numbered = [{"seq": count + number, "time": now, **event} for number, event in enumerate(new, start=1)]
        written = append_to_chain(self.path, numbered)
        if written:
            self.write_state()
        return written

    def entries(self) -> list[Entry]:
        """The present state: the latest word on every key, in order of key."""
        return replay(self.events())

    def write_state(self) -> None:
        """Writes blacklist.csv, for people with a spreadsheet."""
        made = self.folder / f".{STATE}.tmp"
        made.write_text(state_csv(self.entries()), encoding="utf-8-sig", newline="")
        made.replace(self.folder / STATE)


def replay(events: Iterable[dict[str, Any]]) -> list[Entry]:
    """The state after these events."""
    state: dict[tuple[str, bool], Entry] = {}
    for event in events:
        evidence = event.get("evidence") or {}
        state[event["source_key"], event["scope"] == "domain"] = Entry(
            source_key=event["source_key"],
            scope=event["scope"],
            reason=event["reason"],
            rate=evidence.get("rate"),
            threshold=evidence.get("threshold"),
            documents=evidence.get("documents"),
            violations=evidence.get("violations"),
            run_id=evidence.get("run_id"),
            decided_at=event["time"],
            decided_by=event["by"],
            active=event["event"] not in ENDING,
            source_version=evidence.get("source_version"),
            ruleset_sha256=evidence.get("ruleset_sha256"),
        )
    return [state[key] for key in sorted(state)]


def state_csv(entries: Iterable[Entry]) -> str:
    """The state as CSV. Cells that a spreadsheet would take for formulas are quoted with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for entry in entries:
        values = [getattr(entry, column) for column in COLUMNS]
        writer.writerow(["" if value is None else _harmless(value) for value in values])
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
