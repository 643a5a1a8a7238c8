"""The log of the review: who did what, when, and what they saw; append-only, each event carrying the last one's hash."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from schemas.chain import GENESIS, as_line, digest

Event = dict[str, Any]


def iso(moment: float) -> str:
    """A time of the clock as ISO 8601, UTC, with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def append(connection: sqlite3.Connection, now: float, event: str, **content: Any) -> Event:
    """Adds an event behind the last, within the caller's transaction, and returns it as written."""
    last = connection.execute("SELECT seq, sha256 FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last["seq"], last["sha256"]) if last else (0, GENESIS)
    record: Event = {"seq": seq + 1, "at": iso(now), "event": event, **content, "previous": previous}
    record["sha256"] = digest(record)
    connection.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            record["seq"],
            event,
            record.get("person"),
            record.get("item_no"),
            as_line(record).decode(),
            previous,
            record["sha256"],
        ),
    )
    return record


def head(connection: sqlite3.Connection) -> str:
    """Hash of the last event."""
    last = connection.execute("SELECT sha256 FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return str(last["sha256"]) if last else GENESIS


def read_events(connection: sqlite3.Connection) -> Iterator[Event]:
    """All events in order, as they were written; the chain is not looked at."""
    for row in connection.execute("SELECT line FROM events ORDER BY seq"):
        yield json.loads(row["line"])


def chain_problems(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the chain, a line each."""
    problems: list[str] = []
    previous = GENESIS
    for number, row in enumerate(connection.execute("SELECT * FROM events ORDER BY seq"), start=1):
        try:
            record = json.loads(row["line"])
            told = (record["seq"], record["event"], record.get("person"), record.get("item_no"), record["sha256"])
            kept = (row["seq"], row["event"], row["person"], row["item_no"], row["sha256"])
            intact = (
                told == kept
                and record["seq"] == number
                and record["previous"] == row["previous"] == previous
                and digest(record) == record["sha256"]
                and row["line"] == as_line(record).decode()
            )
            previous = record["sha256"]
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(f"events {row['seq']}: 不是完整的记录 / not a whole record")
            continue
        if not intact:
            problems.append(
                f"events {row['seq']}: 哈希链断开，此条或前一条被改动 / the chain breaks: this event or the one before changed"
            )
    return problems
