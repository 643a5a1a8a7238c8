"""How far the judging is: for everybody, for one person, and how fast that person goes."""

import json
import sqlite3
from statistics import median
from typing import Any

from review.events import iso
from review.people import ROLE_OF, Person
from rounds.tables import REPEAT, SAMPLE

_RECENT = 50  # decisions a pace is taken from
_BREAK = 600.0  # seconds after which somebody was away rather than slow


def completion(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Per reading: how many there are to do in all, and how many are decided. Known answers and repeats are among them."""
    open_ = dict(connection.execute("SELECT reading, count(*) FROM open GROUP BY reading").fetchall())
    done = dict(connection.execute("SELECT reading, count(*) FROM readings GROUP BY reading").fetchall())
    return {
        reading: {"total": open_.get(reading, 0) + done.get(reading, 0), "decided": done.get(reading, 0)}
        for reading in ROLE_OF
    }


def progress_of(connection: sqlite3.Connection, person: Person, reading: str) -> dict[str, int]:
    """What a person sees beside an item: `mine` and `decided` done, `left` that they could still be given, `total`."""
    open_, done, mine = connection.execute(
        "SELECT (SELECT count(*) FROM open WHERE reading = :reading), "
        "(SELECT count(*) FROM readings WHERE reading = :reading), "
        "(SELECT count(*) FROM readings WHERE reading = :reading AND person = :person)",
        {"reading": reading, "person": person.name},
    ).fetchone()
    barred = 0
    if len(person.roles) > 1:  # items they read in another reading are not for them
        barred = connection.execute(
            "SELECT count(*) FROM readings CROSS JOIN open USING (item_no) "
            "WHERE person = :person AND open.reading = :reading",
            {"reading": reading, "person": person.name},
        ).fetchone()[0]
    return {"mine": mine, "left": open_ - barred, "total": open_ + done, "decided": done}


def pace_of(connection: sqlite3.Connection, person: str, now: float) -> dict[str, Any]:
    """How much a person has judged, today and in all, and how fast they were over the last fifty on the page."""
    decided, today = connection.execute(
        "SELECT count(*), coalesce(sum(decided_at >= ?), 0) FROM readings WHERE person = ?", (iso(now)[:10], person)
    ).fetchone()
    seconds = [
        row["seconds"]
        for row in connection.execute(
            "SELECT seconds FROM readings WHERE person = ? AND via = 'page' ORDER BY seq DESC LIMIT ?",
            (person, _RECENT),
        )
    ]
    working = [one for one in seconds if one < _BREAK]
    mean = sum(working) / len(working) if working else 0.0
    return {
        "decided": decided,
        "today": today,
        "median_seconds": round(median(seconds), 1) if seconds else None,
        "per_hour": round(3600 / mean) if mean else None,
    }


def decided_list(connection: sqlite3.Connection, person: str, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The person's readings that stand, newest first; `before` is the `seq` of the last one already shown."""
    rows = connection.execute(
        "SELECT seq, item_no, reading, verdict, risks, personal, note, decided_at AS at, via FROM readings "
        "WHERE person = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        (person, before if before is not None else 2**62, limit),
    )
    return [
        {**dict(row), "risks": json.loads(row["risks"]), "personal": json.loads(row["personal"]), "undone": False}
        for row in rows
    ]


def left(connection: sqlite3.Connection) -> int:
    """How many readings are open that a close waits for: all but those of repeats, so that the count tells nothing apart."""
    row = connection.execute(
        "SELECT count(*) FROM open JOIN items USING (item_no) WHERE kind <> ?", (REPEAT,)
    ).fetchone()
    return int(row[0])


def undecided(connection: sqlite3.Connection) -> int:
    """How many readings of sample items are open; while one is, no round closes."""
    row = connection.execute(
        "SELECT count(*) FROM open JOIN items USING (item_no) WHERE kind = ?", (SAMPLE,)
    ).fetchone()
    return int(row[0])
