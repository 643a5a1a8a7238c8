"""What stands by the log of the review alone, and which of its events break a rule of the review."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from review.decisions import wrong
from review.events import Event
from review.people import ROLE_OF
from review.planted import planted_items
from review.undoing import UNDO_DECISIONS, UNDO_SECONDS
from rounds.known import takes_a_third
from rounds.tables import ADJUDICATION, FIRST, REPEAT, SECOND

Key = tuple[int, str]  # item and reading
Row = Mapping[str, Any]


@dataclass
class Replay:
    """The state the events so far have led to."""

    items: dict[int, Row]  # as the review keeps them
    criteria: str
    planted: frozenset[int]  # known answers an adjudicator reads whatever was said
    standing: dict[Key, Event] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)  # what is wrong, a line each
    closed: bool = False
    roles: dict[str, list[str]] = field(default_factory=dict)
    readers: dict[tuple[int, str], str] = field(default_factory=dict)  # (item, person) -> reading
    seen: set[tuple[int, str]] = field(default_factory=set)  # (item, person): decided on it once, standing or not
    looked: set[tuple[int, str]] = field(default_factory=set)  # (item, person): looked at it, or at its text elsewhere
    decided: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))  # person -> events

    @classmethod
    def of(cls, connection: sqlite3.Connection, events: Iterable[Event]) -> "Replay":
        """All events taken, in order."""
        rows = connection.execute("SELECT item_no, kind, content_hash, second FROM items")
        items: dict[int, Row] = {row["item_no"]: dict(row) for row in rows}
        criteria = connection.execute("SELECT value FROM meta WHERE key = 'criteria'").fetchone()["value"]
        replay = cls(items, criteria, planted_items(connection))
        for event in events:
            replay.take(event)
        return replay

    def take(self, event: Event) -> None:
        """One more event."""
        match event["event"]:
            case "person_added" | "roles_set" | "person_off":
                self.roles[event["name"]] = event.get("roles", [])
            case "review_closed":
                self.closed = True
            case "looked":
                self._looked(event)
            case "decided":
                self._decided(event)
            case "undone":
                self._undone(event)

    def _decided(self, event: Event) -> None:
        item, person, reading = event["item_no"], event["person"], event["reading"]
        seen = (item, person) in self.seen
        broken = (
            self.closed
            or (item, reading) in self.standing
            or (item, person) in self.readers
            or ROLE_OF.get(reading) not in self.roles.get(person, [])
            or wrong(event["verdict"], event["risks"], event["personal"], event["note"]) is not None
            or item not in self.items
            or (self.items[item]["content_hash"], self.criteria) != (event["content_hash"], event["criteria"])
            or event["after_findings"] is not seen
            or (item, person) in self.looked
            or (reading == ADJUDICATION and (seen or not self._takes_a_third(item)))
        )
        if broken:
            self.found.append(f"events {event['seq']}: 违反判读规则 / breaks a rule of the review")
        self.standing[item, reading], self.readers[item, person] = event, reading
        self.seen.add((item, person))
        self.decided[person].append(event["seq"])

    def _looked(self, event: Event) -> None:
        """Whoever looks at an item sees its text judged: no copy of it is theirs to read any more."""
        person, text = event["person"], self.items.get(event["item_no"], {}).get("content_hash")
        copies = {item for item, row in self.items.items() if row["content_hash"] == text}
        self.looked |= {(item, person) for item in copies if (item, person) not in self.readers}

    def _undone(self, event: Event) -> None:
        item, person = event["item_no"], event["person"]
        taken, read = self.standing.pop((item, event["reading"]), None), self.readers.pop((item, person), None)
        broken = (
            self.closed
            or taken is None
            or taken["seq"] != event["undoes"]
            or read != event["reading"]
            or read == ADJUDICATION
            or any(number == item and other["seq"] > taken["seq"] for (number, _), other in self.standing.items())
            or sum(seq > taken["seq"] for seq in self.decided[person]) >= UNDO_DECISIONS
            or _seconds(taken, event) > UNDO_SECONDS
        )
        if broken:
            self.found.append(f"events {event['seq']}: 不能如此撤销 / takes back what it cannot")

    def _takes_a_third(self, item: int) -> bool:
        """Whether the readings of an item that are in leave it to an adjudicator."""
        row = self.items[item]
        pair = [self.standing[item, reading] for reading in (FIRST, SECOND) if (item, reading) in self.standing]
        is_due = takes_a_third(pair, 1 + row["second"], item in self.planted)
        return is_due and row["kind"] != REPEAT and len(pair) == 1 + row["second"]


def _seconds(before: Event, after: Event) -> float:
    return (datetime.fromisoformat(after["at"]) - datetime.fromisoformat(before["at"])).total_seconds()
