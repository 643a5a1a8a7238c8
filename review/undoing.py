"""Taking one's last decision back: for slips noticed at once, and never where somebody already relies on it.

Whoever has decided sees what the machine says, so what they say afterwards is no blind reading. It stays on record as
`after_findings` and decides nothing alone: an adjudicator who saw no findings does (docs/rounds.md).
"""

import json
import sqlite3
from datetime import datetime

from review.assignments import Leased, give, must_judge, shown_to
from review.events import append
from review.people import Person
from review.refusal import TAKEN, Refused
from rounds.tables import ADJUDICATION

UNDO_DECISIONS = 10  # how many of one's latest decisions can be taken back
UNDO_SECONDS = 15 * 60.0  # and for how long
LIMITS = {"decisions": UNDO_DECISIONS, "minutes": round(UNDO_SECONDS / 60)}


def undo(
    connection: sqlite3.Connection, now: float, seconds: float, person: Person
) -> tuple[Leased, dict[str, object]]:
    """Takes the person's last decision back by a further event, and gives them the item again. Raises Refused.

    What was said is returned beside it.
    """
    last = connection.execute(
        "SELECT * FROM readings WHERE person = ? ORDER BY seq DESC LIMIT 1", (person.name,)
    ).fetchone()
    if last is None:
        raise Refused("没有可撤销的判读", "there is nothing to take back", TAKEN)
    item_no, reading = last["item_no"], last["reading"]
    must_judge(person, reading, now)
    _must_be_fresh(connection, now, last)
    _must_not_be_used(connection, now, last)
    for table in ("open", "leases"):  # there is nothing to adjudicate any more
        connection.execute(f"DELETE FROM {table} WHERE reading = ? AND item_no = ?", (ADJUDICATION, item_no))
    append(connection, now, "undone", person=person.name, item_no=item_no, reading=reading, undoes=last["seq"])
    connection.execute("DELETE FROM readings WHERE item_no = ? AND reading = ?", (item_no, reading))
    connection.execute("INSERT INTO open VALUES (?, ?)", (reading, item_no))
    connection.execute("DELETE FROM leases WHERE person = ? AND reading = ? AND reserved = 0", (person.name, reading))
    give(connection, now, now + seconds, person.name, reading, item_no)
    said = {key: json.loads(last[key]) for key in ("risks", "personal")}
    said |= {key: last[key] for key in ("verdict", "note")}
    return shown_to(connection, item_no, reading, now + seconds), said


def _must_be_fresh(connection: sqlite3.Connection, now: float, last: sqlite3.Row) -> None:
    """Raises Refused for a decision that is too long ago, in time or in decisions made since, those taken back too."""
    since = connection.execute(
        "SELECT count(*) FROM events WHERE seq > ? AND person = ? AND event = 'decided'", (last["seq"], last["person"])
    ).fetchone()[0]
    age = now - datetime.fromisoformat(last["decided_at"]).timestamp()
    if since >= UNDO_DECISIONS or age > UNDO_SECONDS:
        raise Refused(
            f"第 {last['item_no']} 条不能撤销：只能撤销最近 {LIMITS['decisions']} 次判定，且在 {LIMITS['minutes']} 分钟之内；有疑问请告知负责人",
            f"item {last['item_no']} stays as it is: only the latest {LIMITS['decisions']} decisions can be taken back, and "
            f"within {LIMITS['minutes']} minutes; tell the lead if it is wrong",
            TAKEN,
        )


def _must_not_be_used(connection: sqlite3.Connection, now: float, last: sqlite3.Row) -> None:
    """Raises Refused where another reader's verdict was set beside it, or an adjudicator has it; an adjudication is final."""
    item_no = last["item_no"]
    if last["reading"] == ADJUDICATION:
        raise Refused(
            f"第 {item_no} 条的裁决是终局，不能撤销：裁决之后已看过机器结论",
            f"the adjudication of item {item_no} is final: its adjudicator has seen what the machine says since",
        )
    adjudicated = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM readings WHERE item_no = :item AND reading = :kind) OR "
        "EXISTS (SELECT 1 FROM leases WHERE item_no = :item AND reading = :kind AND until > :now)",
        {"item": item_no, "kind": ADJUDICATION, "now": now},
    ).fetchone()[0]
    if adjudicated:
        raise Refused(f"第 {item_no} 条已进入裁决，不能撤销", f"item {item_no} is being adjudicated and stays as it is")
    later = connection.execute("SELECT 1 FROM readings WHERE item_no = ? AND seq > ?", (item_no, last["seq"]))
    if later.fetchone() is not None:
        raise Refused(
            f"第 {item_no} 条此后已由另一人判读，不能撤销",
            f"somebody else has read item {item_no} since: it stays as it is",
        )
