"""Who reads what: leases, the order people take items in, items handed out to other tools.

A lease keeps an item for one person in one reading. One that has run out is given to whoever asks next; until then its
holder may still decide.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from review.events import append, iso
from review.people import ROLE_OF, Person, find_person
from review.planted import earlier
from review.refusal import NOT_ALLOWED, TAKEN, WRONG, Refused, refused_rows
from rounds.tables import ADJUDICATION, FIRST, REPEAT, SECOND


class Orders:
    """The orders second readers take items in: by sha256(seed, item, person), fixed before anybody has judged."""

    def __init__(self, seed: str, items: Sequence[int]) -> None:
        self._seed = seed
        self._items = items  # those read by two
        self._made: dict[str, list[int]] = {}

    def of(self, person: str) -> list[int]:
        """All items read by two in the order of that person."""
        if person not in self._made:
            self._made[person] = sorted(self._items, key=lambda item: self._key(item, person))
        return self._made[person]

    def _key(self, item: int, person: str) -> bytes:
        return hashlib.sha256(f"{self._seed}\n{item}\n{person}".encode()).digest()


@dataclass(frozen=True)
class Leased:
    """An item somebody holds, with what is shown to them; `earlier` are the blind readings an adjudicator sees, nameless."""

    item_no: int
    reading: str
    bucket: str
    stage: str | None
    chars: int
    text: str
    content_hash: str
    lease_until: str
    earlier: tuple[dict[str, Any], ...] = field(default=())


def lease(
    connection: sqlite3.Connection, now: float, seconds: float, orders: Orders, person: Person, reading: str
) -> Leased | None:
    """The item the person still holds in that reading, else the next one for them; None where nothing is left."""
    must_judge(person, reading, now)
    connection.execute(  # one that ran out, and whose item they decided in another reading or looked at since
        "DELETE FROM leases WHERE person = :person AND reading = :reading AND EXISTS "
        "(SELECT 1 FROM readings r WHERE r.item_no = leases.item_no AND r.person = :person "
        "UNION ALL SELECT 1 FROM looks l WHERE l.item_no = leases.item_no AND l.person = :person)",
        {"person": person.name, "reading": reading},
    )
    held = connection.execute(
        "SELECT item_no FROM leases WHERE person = ? AND reading = ? AND reserved = 0", (person.name, reading)
    ).fetchone()
    if held is not None:
        connection.execute(
            "UPDATE leases SET until = ? WHERE item_no = ? AND reading = ?", (now + seconds, held["item_no"], reading)
        )
        return shown_to(connection, held["item_no"], reading, now + seconds)
    item_no = next(candidates(connection, now, orders, person, reading), None)
    if item_no is None:
        return None
    give(connection, now, now + seconds, person.name, reading, item_no)
    return shown_to(connection, item_no, reading, now + seconds)


def renew(
    connection: sqlite3.Connection, now: float, seconds: float, person: Person, reading: str, item_no: int
) -> str:
    """Makes a lease last on; how long is returned. Raises Refused where somebody else has the item by now."""
    must_judge(person, reading, now)
    done = connection.execute(
        "UPDATE leases SET until = max(until, ?) WHERE item_no = ? AND reading = ? AND person = ?",
        (now + seconds, item_no, reading, person.name),
    )
    if not done.rowcount:
        raise not_held(item_no)
    return iso(now + seconds)


def release(connection: sqlite3.Connection, now: float, person: str, reading: str, items: Sequence[int]) -> None:
    """Puts items back. They come to this person again when all others are done; the log has it. Raises Refused."""
    for item_no in items:
        gone = connection.execute(
            "DELETE FROM leases WHERE item_no = ? AND reading = ? AND person = ?", (item_no, reading, person)
        )
        if not gone.rowcount:
            raise not_held(item_no)
        event = append(connection, now, "released", person=person, item_no=item_no, reading=reading)
        connection.execute("INSERT OR REPLACE INTO skips VALUES (?, ?, ?, ?)", (person, reading, item_no, event["seq"]))


def reserve(
    connection: sqlite3.Connection,
    now: float,
    until: float,
    orders: Orders,
    person: Person,
    reading: str,
    by: str,
    items: Sequence[int] | None = None,
    count: int | None = None,
) -> list[Leased]:
    """Hands out many items until a given time: those named, all of them or none, or the next `count`. Raises Refused.

    Only first readings are handed out by number: who reads an item after a verdict on it goes by hash, not by choice.
    """
    must_judge(person, reading, now)
    if items is not None and reading != FIRST:
        raise Refused(
            "复判与裁决的条目按哈希预先定下，不能点名，请给条数",
            "second readings and adjudications go by hash, fixed beforehand: give a count, not items",
            NOT_ALLOWED,
        )
    if until <= now:
        raise Refused("期限已过", "the time it lasts until is past", WRONG)
    if items is None:
        chosen = list(islice(candidates(connection, now, orders, person, reading), count or 0))
    else:
        chosen = list(dict.fromkeys(items))
        text = "现在不能交给此人 / cannot be handed to this person now"
        wrong = [
            (place, f"{item_no}: {text}")
            for place, item_no in enumerate(chosen)
            if not _free(connection, now, person.name, reading, item_no)
        ]
        if wrong:
            raise refused_rows(wrong)
    for item_no in chosen:
        give(connection, now, until, person.name, reading, item_no, reserved=True)
    append(connection, now, "reserved", person=person.name, reading=reading, items=chosen, until=iso(until), by=by)
    return [shown_to(connection, item_no, reading, until) for item_no in chosen]


def give(
    connection: sqlite3.Connection,
    now: float,
    until: float,
    person: str,
    reading: str,
    item_no: int,
    reserved: bool = False,
) -> None:
    """Writes a lease over one that has run out."""
    connection.execute(
        "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?)", (item_no, reading, person, now, until, int(reserved))
    )


def shown_to(connection: sqlite3.Connection, item_no: int, reading: str, until: float) -> Leased:
    """What the holder of an item sees of it: nothing of where it is from, what kind it is, what the machine says."""
    row = connection.execute(
        "SELECT bucket, stage, chars, text, content_hash FROM items JOIN texts USING (item_no) WHERE item_no = ?",
        (item_no,),
    ).fetchone()
    beside = earlier(connection, item_no) if reading == ADJUDICATION else ()
    return Leased(item_no, reading, **dict(row), lease_until=iso(until), earlier=beside)


def candidates(
    connection: sqlite3.Connection, now: float, orders: Orders, person: Person, reading: str
) -> Iterator[int]:
    """Items the person may have in that reading, in the person's order; what they put back comes last."""
    skipped = {
        row["item_no"]: row["seq"]
        for row in connection.execute(
            "SELECT item_no, seq FROM skips WHERE person = ? AND reading = ?", (person.name, reading)
        )
    }
    later: list[int] = []
    for item_no in _in_order(connection, now, orders, person, reading):
        if item_no in skipped:
            later.append(item_no)
        elif _free(connection, now, person.name, reading, item_no):
            yield item_no
    for item_no in sorted(later, key=skipped.__getitem__):
        if _free(connection, now, person.name, reading, item_no):
            yield item_no


def must_judge(person: Person, reading: str, now: float) -> None:
    """Raises Refused unless the person may judge in that reading now."""
    if reading not in ROLE_OF:
        raise Refused(f"没有这种判读: {reading!r}", f"there is no such reading: {reading!r}", WRONG)
    why = person.why_not(reading, now)
    if why is not None:
        raise why


def not_held(item_no: int) -> Refused:
    """For an item that is with somebody else, or with nobody, by now."""
    return Refused(
        f"第 {item_no} 条不在你手中，请取下一条", f"item {item_no} is not with you: take the next one", TAKEN
    )


def _in_order(
    connection: sqlite3.Connection, now: float, orders: Orders, person: Person, reading: str
) -> Iterable[int]:
    if reading == SECOND:
        still = {row[0] for row in connection.execute("SELECT item_no FROM open WHERE reading = ?", (SECOND,))}
        return (item_no for item_no in orders.of(person.name) if item_no in still)
    rows = (
        row["item_no"]
        for row in connection.execute(
            "SELECT item_no FROM open CROSS JOIN items USING (item_no) WHERE reading = ? AND kind <> ? ORDER BY item_no",
            (reading, REPEAT),
        )
    )
    return _with_repeats(connection, now, person, rows) if reading == FIRST else rows


def _with_repeats(connection: sqlite3.Connection, now: float, person: Person, ordinary: Iterable[int]) -> Iterator[int]:
    """Repeated texts go to who read the original, some time after it; what nobody can compare goes to anyone, last."""
    rows = connection.execute(
        "SELECT i.item_no, i.gap, r.person, r.nth, o.carried FROM items i JOIN open ON open.item_no = i.item_no "
        "AND open.reading = ? LEFT JOIN items o ON o.item_no = i.repeat_of LEFT JOIN readings r "
        "ON r.item_no = i.repeat_of AND r.reading = ? WHERE i.kind = ? ORDER BY i.item_no",
        (FIRST, FIRST, REPEAT),
    ).fetchall()
    done = decided_by(connection, person.name)
    own = [row for row in rows if row["person"] == person.name]
    yield from (row["item_no"] for row in own if done - row["nth"] >= row["gap"])
    yield from ordinary
    yield from (row["item_no"] for row in own if done - row["nth"] < row["gap"])
    for row in rows:
        gone = row["person"] not in (None, person.name) and FIRST not in find_person(
            connection, row["person"]
        ).readings(now)
        if gone or row["carried"]:
            yield row["item_no"]


def decided_by(connection: sqlite3.Connection, person: str) -> int:
    """How many readings of a person stand."""
    return int(connection.execute("SELECT count(*) FROM readings WHERE person = ?", (person,)).fetchone()[0])


def has_seen_findings(connection: sqlite3.Connection, person: str, item_no: int) -> bool:
    """Whether the person decided on the item before: what the machine says of it was theirs to see from then on."""
    found = connection.execute(
        "SELECT 1 FROM events WHERE item_no = ? AND person = ? AND event = 'decided'", (item_no, person)
    ).fetchone()
    return found is not None


def _free(connection: sqlite3.Connection, now: float, person: str, reading: str, item_no: int) -> bool:
    """Whether the item is open in that reading, with nobody, and the person has had nothing to do with it."""
    found = connection.execute(
        "SELECT 1 FROM open WHERE reading = :reading AND item_no = :item "
        "AND NOT EXISTS (SELECT 1 FROM leases WHERE item_no = :item AND (reading = :reading OR person = :person) "
        "AND until > :now) "
        "AND NOT EXISTS (SELECT 1 FROM readings WHERE item_no = :item AND person = :person) "
        "AND NOT EXISTS (SELECT 1 FROM looks WHERE item_no = :item AND person = :person) "
        "AND NOT (reading = :adjudication AND EXISTS "  # whose own reading was taken back has seen the machine's findings
        "(SELECT 1 FROM events WHERE item_no = :item AND person = :person AND event = 'decided'))",
        {"reading": reading, "item": item_no, "person": person, "now": now, "adjudication": ADJUDICATION},
    ).fetchone()
    return found is not None
