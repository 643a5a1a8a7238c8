"""What stands: readings and final verdicts as tables, and whether they are what replaying the log gives."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from review.events import Event, chain_problems, read_events
from review.filling import item_row, read_items
from review.replaying import Replay
from rounds.tables import ADJUDICATION, FINALS, FIRST, PERSONAL, READINGS, SAMPLE, SECOND
from schemas.risks import risks as all_risks

_SAID = ("verdict", "risks", "personal", "note", "read_share", "seconds", "criteria", "via", "after_findings")
SINGLE, AGREED, ADJUDICATED, CARRIED = "single", "agreed", "adjudicated", "carried"


def reading_rows(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Readings that stand, in order of items, then of events."""
    for row in connection.execute("SELECT * FROM readings ORDER BY item_no, seq"):
        lists = {name: json.loads(row[name]) for name in ("risks", "personal")}
        yield {**dict(row), **lists, "after_findings": bool(row["after_findings"])}


def readings_table(connection: sqlite3.Connection) -> pa.Table:
    """`READINGS` of the round."""
    rows = [{name: row[name] for name in READINGS.names} for row in reading_rows(connection)]
    return pa.Table.from_pylist(rows, schema=READINGS)


def finals_table(connection: sqlite3.Connection) -> pa.Table:
    """`FINALS` of the round: one row a sample item decided for good, verdicts carried over among them."""
    return pa.Table.from_pylist(final_rows(connection), schema=FINALS)


def final_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The rows of `finals_table`. What two readers agree on is unqualified for the risks, and the data, of either.

    A reading made after the machine's findings were seen decides nothing: the item takes an adjudicator.
    """
    read: dict[int, dict[str, dict[str, Any]]] = {}
    for row in reading_rows(connection):
        read.setdefault(row["item_no"], {})[row["reading"]] = row
    carried = {row["item_no"]: row for row in connection.execute("SELECT * FROM carried")}
    finals = []
    for item in connection.execute("SELECT item_no, second FROM items WHERE kind = ? ORDER BY item_no", (SAMPLE,)):
        item_no = item["item_no"]
        if item_no in carried:
            kept = carried[item_no]
            finals.append(
                _final(item_no, CARRIED, kept["verdict"], [json.loads(kept["risks"])], [json.loads(kept["personal"])])
            )
            continue
        own = read.get(item_no, {})
        how, rows = _deciding(own, bool(item["second"]))
        if rows:
            risks, personal = [row["risks"] for row in rows], [row["personal"] for row in rows]
            finals.append(_final(item_no, how, rows[0]["verdict"], risks, personal))
    return finals


def problems(connection: sqlite3.Connection, items: Path) -> list[str]:
    """What is wrong with the log, with what is kept beside it, and with the items, a line each; none is as it should be."""
    found = chain_problems(connection)
    if found:
        return found  # what a broken log says is not worth comparing
    replay = Replay.of(connection, read_events(connection))
    replayed, found = replay.standing, replay.found
    kept = {(row["item_no"], row["reading"]): row for row in reading_rows(connection)}
    for item_no, reading in sorted(kept.keys() | replayed.keys()):
        said, event = kept.get((item_no, reading)), replayed.get((item_no, reading))
        if said is None or event is None or not _same(said, event):
            found.append(f"readings {item_no} {reading}: 与日志重放的结果不同 / is not what replaying the log gives")
    return found + _wrong_items(connection, items)


def _deciding(own: dict[str, dict[str, Any]], second: bool) -> tuple[str, list[dict[str, Any]]]:
    """How an item is decided and the readings that decide it; none while it is not."""
    if ADJUDICATION in own:
        return ADJUDICATED, [own[ADJUDICATION]]
    if any(row["after_findings"] for row in own.values()):
        return ADJUDICATED, []
    if second:
        pair = [own[reading] for reading in (FIRST, SECOND) if reading in own]
        agreed = len(pair) == 2 and pair[0]["verdict"] == pair[1]["verdict"]
        return AGREED, pair if agreed else []
    return SINGLE, [own[FIRST]] if FIRST in own else []


def _final(item_no: int, how: str, verdict: str, risks: list[list[str]], personal: list[list[str]]) -> dict[str, Any]:
    return {
        "item_no": item_no,
        "verdict": verdict,
        "risks": [risk for risk in all_risks() if any(risk in some for some in risks)],
        "personal": [kind for kind in PERSONAL if any(kind in some for some in personal)],
        "how": how,
    }


def _same(said: dict[str, Any], event: Event) -> bool:
    return (
        all(said[name] == event[name] for name in (*_SAID, "person", "seq", "sha256"))
        and said["decided_at"] == event["at"]
    )


def _wrong_items(connection: sqlite3.Connection, path: Path) -> list[str]:
    """Items that differ from those the round drew."""
    seed = connection.execute("SELECT value FROM meta WHERE key = 'seed'").fetchone()["value"]
    kept = {row["item_no"]: row for row in connection.execute("SELECT * FROM items JOIN texts USING (item_no)")}
    found = []
    for row in read_items(path):
        own = kept.pop(row["item_no"], None)
        if own is None or (*item_row(row, seed), row["text"]) != tuple(own):
            found.append(f"items {row['item_no']}: 与抽取的不同 / is not what was drawn")
    return found + [f"items {item_no}: 不在抽取之列 / was not drawn" for item_no in sorted(kept)]
