"""Looking at items outside of judging: one's own decided ones; for lead and auditor any, on record."""

import json
import sqlite3
from typing import Any

from review.events import append
from review.people import AUDITOR, LEAD, Person
from review.refusal import NOT_ALLOWED, NOT_FOUND, Refused
from rounds.tables import REPEAT


def copies(connection: sqlite3.Connection) -> frozenset[int]:
    """The items whose text more than one item besides repeats has: whoever read one is given the others too."""
    rows = connection.execute(
        "SELECT item_no FROM items WHERE content_hash IN "
        "(SELECT content_hash FROM items WHERE kind <> ? GROUP BY content_hash HAVING count(*) > 1)",
        (REPEAT,),
    )
    return frozenset(row["item_no"] for row in rows)


def look(connection: sqlite3.Connection, now: float, person: Person, item_no: int) -> dict[str, Any]:
    """The item and its readings: one's own, or all of them with names for lead and auditor. Raises Refused.

    Who looked is no longer blind: neither this item nor another with the same text is given to them.
    """
    item = connection.execute(
        "SELECT item_no, bucket, stage, chars, text, content_hash FROM items JOIN texts USING (item_no) WHERE item_no = ?",
        (item_no,),
    ).fetchone()
    oversees = bool({LEAD, AUDITOR} & set(person.roles))
    own = [dict(row) for row in connection.execute("SELECT * FROM readings WHERE item_no = ? ORDER BY seq", (item_no,))]
    judged = any(row["person"] == person.name for row in own)
    if item is None and oversees:
        raise Refused(f"没有第 {item_no} 条", f"there is no item {item_no}", NOT_FOUND)
    if item is None or not (judged or oversees):  # whether there is such an item is not told either
        raise Refused("只能查看自己判过的条目", "only items you have judged yourself are shown", NOT_ALLOWED)
    if oversees:
        append(connection, now, "looked", person=person.name, item_no=item_no)
        connection.execute(
            "INSERT OR IGNORE INTO looks SELECT item_no, :person FROM items WHERE content_hash = :text "
            "AND item_no NOT IN (SELECT item_no FROM readings WHERE person = :person)",
            {"person": person.name, "text": item["content_hash"]},
        )
    shown = [row for row in own if oversees or row["person"] == person.name]
    return {"item": dict(item), "readings": [_told(row, named=oversees) for row in shown]}


def _told(row: dict[str, Any], named: bool) -> dict[str, Any]:
    told = {key: row[key] for key in ("reading", "verdict", "note")}
    told |= {key: json.loads(row[key]) for key in ("risks", "personal")} | {"at": row["decided_at"]}
    return told | ({"person": row["person"]} if named else {})
