"""Known answers in the queue of the adjudicators: which of them go there, and what is shown beside them.

An adjudicator is given what two readers dispute. A known answer that both found would stand out there, so one of the two
answers is shown, and beside it one made up that says the opposite: whoever follows it, or never looks, is seen.
"""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from rounds.known import planted, takes_a_third
from rounds.tables import FIRST, KNOWN, QUALIFIED, REPEAT, SECOND

_OPPOSITE = {"verdict": QUALIFIED, "risks": [], "personal": [], "note": ""}
_LISTS = ("risks", "personal")


def planted_items(connection: sqlite3.Connection) -> frozenset[int]:
    """The known answers that an adjudicator reads whatever was said, in a review that is filled."""
    seed = connection.execute("SELECT value FROM meta WHERE key = 'seed'").fetchone()["value"]
    rows = connection.execute("SELECT item_no, content_hash FROM items WHERE kind = ? AND second = 1", (KNOWN,))
    return planted(seed, [(row["item_no"], row["content_hash"]) for row in rows])


def needs_adjudication(connection: sqlite3.Connection, item: sqlite3.Row) -> bool:
    """Whether the readings of an item that are in leave it to an adjudicator. Repeats measure readers alone."""
    if item["kind"] == REPEAT:
        return False
    item_no = item["item_no"]
    pair = connection.execute(
        "SELECT verdict, after_findings FROM readings WHERE item_no = ? AND reading IN (?, ?)", (item_no, FIRST, SECOND)
    ).fetchall()
    is_planted = item["kind"] == KNOWN and item_no in planted_items(connection)
    return takes_a_third(pair, 1 + item["second"], is_planted)


def shown_readings(connection: sqlite3.Connection, item_no: int) -> list[sqlite3.Row]:
    """The blind readings an adjudicator sees, by hash, so that nobody knows which was the first.

    Two that agree are adjudicated only where a known answer was planted: of them one is shown.
    """
    rows = _blind_rows(connection, item_no)
    return rows[:1] if _agree(rows) else rows


def earlier(connection: sqlite3.Connection, item_no: int) -> tuple[dict[str, Any], ...]:
    """What stands beside an item as A and B, without names."""
    rows = shown_readings(connection, item_no)
    told = [
        {name: json.loads(row[name]) if name in _LISTS else row[name] for name in ("verdict", *_LISTS, "note")}
        for row in rows
    ]
    if _agree(_blind_rows(connection, item_no)):
        told.insert(int(rows[0]["sha256"], 16) % 2, dict(_OPPOSITE))  # A or B, as it happens
    return tuple(told)


def _agree(rows: Sequence[sqlite3.Row]) -> bool:
    return len(rows) > 1 and rows[0]["verdict"] == rows[1]["verdict"]


def _blind_rows(connection: sqlite3.Connection, item_no: int) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT seq, verdict, risks, personal, note, sha256 FROM readings "
        "WHERE item_no = ? AND reading IN (?, ?) AND NOT after_findings ORDER BY sha256",
        (item_no, FIRST, SECOND),
    ).fetchall()
