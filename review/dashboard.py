"""The dashboard: how far the round is, what it comes to so far, how well people agree, what somebody should look at.

Figures so far are of what happens to be decided; only the closed round counts.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from review.people import Person
from review.progress import completion, left, pace_of
from review.standing import final_rows, reading_rows
from rounds import agreement, estimates
from rounds.tables import ADJUDICATION, FIRST, MANUAL, QUALIFIED, SECOND

_SIDE = "单侧各 95% / one-sided 95 % each"
_TRUSTED = 0.8  # a share of known answers or repeats below this is worth a talk
_LEAST = 5  # of so many at least
_WHOLE = 0.9  # a longer text passed with less of it read is flagged
_SKIPS = 20

Row = dict[str, Any]


def own_dashboard(connection: sqlite3.Connection, person: Person, now: float) -> Row:
    """What somebody who judges sees: how far the round is, and their own pace. No figure that would steer them."""
    return {"completion": completion(connection), "pace": pace_of(connection, person.name, now)}


def dashboard(
    connection: sqlite3.Connection, expected: Iterable[Mapping[str, Any]], passing: tuple[int, int], now: float
) -> Row:
    """Everything, for the lead and the auditor. `expected` are the risks known-answer texts were written for."""
    items = [_item(row) for row in connection.execute("SELECT * FROM items ORDER BY item_no")]
    readings = list(reading_rows(connection))
    finals = {row["item_no"]: row for row in final_rows(connection)}
    known = {row["name"]: row for row in _people(items, expected, readings)}
    pairs = [(first["verdict"], second["verdict"]) for first, second in agreement.double_read(items, readings)]
    waiting = connection.execute("SELECT count(*) FROM open WHERE reading = ?", (ADJUDICATION,)).fetchone()[0]
    held = dict(
        connection.execute("SELECT reserved, count(*) FROM leases WHERE until > ? GROUP BY reserved", (now,)).fetchall()
    )
    return {
        "completion": completion(connection) | {"left": left(connection)},
        "manual": _manual(items, finals, passing) | {"pending": waiting},
        "agreement": agreement.agreement(pairs).row(),
        "sources": _sources(items, finals),
        "risks": _risks(finals.values()),
        "people": list(known.values()),
        "queue": {"adjudication": waiting, "leased": held.get(0, 0), "reserved": held.get(1, 0)},
        "flags": _flags(connection, items, readings, known),
    }


def _item(row: sqlite3.Row) -> Row:
    samples = json.loads(row["samples"])
    return {**dict(row), "samples": samples, "text": range(row["chars"])}  # its length is all that is asked for


def _manual(items: Sequence[Row], finals: Mapping[int, Row], passing: tuple[int, int]) -> Row:
    own = [item["item_no"] for item in items if MANUAL in item["samples"]]
    judged, failures = _judged(own, finals)
    low, high = estimates.qualified_bounds(failures, judged) if judged else (None, None)
    return {
        "size": len(own),
        "judged": judged,
        "failures": failures,
        "rate": round((judged - failures) / judged, 6) if judged else None,
        "interval": {"low": low, "high": high, "side": _SIDE, "confidence": estimates.CONFIDENCE},
        "needed": len(own) - judged,
        "limit": estimates.most_failures(len(own), passing),
    }


def _sources(items: Sequence[Row], finals: Mapping[int, Row]) -> list[Row]:
    """Each source by the manual sample and by the two strata of its own blind sample."""
    rows = []
    for source in sorted({item["source_id"] for item in items if item["source_id"] is not None}):
        own = [item for item in items if item["source_id"] == source]
        row: Row = {"source_id": source}
        row["judged"], row["failures"] = _judged((i["item_no"] for i in own if MANUAL in i["samples"]), finals)
        for stratum in ("positive", "negative"):
            drawn = [item["item_no"] for item in own if f"source:{source}:{stratum}" in item["samples"]]
            judged, failures = _judged(drawn, finals)
            row[stratum] = {"items": len(drawn), "judged": judged, "failures": failures}
        rows.append(row)
    return rows


def _judged(items: Iterable[int], finals: Mapping[int, Row]) -> tuple[int, int]:
    """How many are decided for good, and how many of them not qualified: 无法判定 counts among those."""
    decided = [finals[item] for item in items if item in finals]
    return len(decided), sum(final["verdict"] != QUALIFIED for final in decided)


def _risks(finals: Iterable[Row]) -> list[Row]:
    counts = Counter(risk for final in finals for risk in final["risks"])
    return [{"risk_id": risk, "items": count} for risk, count in sorted(counts.items())]


def _people(items: Sequence[Row], expected: Iterable[Mapping[str, Any]], readings: Sequence[Row]) -> list[Row]:
    return [
        {
            "name": row["person"],
            "readings": row["readings"],
            FIRST: row["first_readings"],
            SECOND: row["second_readings"],
            ADJUDICATION: row["adjudication_readings"],
            "median_seconds": row["median_seconds"],
            "fast": row["too_fast"],
            "known": {"right": row["known_found"], "of": row["known"]},
            "repeats": {"same": row["repeats_same"], "of": row["repeats"]},
        }
        for row in agreement.people_rows(items, expected, readings)
    ]


def _flags(
    connection: sqlite3.Connection, items: Sequence[Row], readings: Sequence[Row], people: Mapping[str, Row]
) -> list[Row]:
    flags = []
    for name, row in people.items():
        known, repeats = row["known"], row["repeats"]
        if row["fast"]:
            flags.append(_flag("fast", name, row["fast"], "判得比能读完更快", "faster than the text can be read"))
        if known["of"] >= _LEAST and known["right"] < _TRUSTED * known["of"]:
            flags.append(
                _flag("known", name, known["of"] - known["right"], "已知答案判错", "known answers judged wrongly")
            )
        if repeats["of"] >= _LEAST and repeats["same"] < _TRUSTED * repeats["of"]:
            flags.append(
                _flag(
                    "repeats",
                    name,
                    repeats["of"] - repeats["same"],
                    "重复条目前后不一",
                    "repeated items judged otherwise",
                )
            )
    part = Counter(row["person"] for row in readings if row["verdict"] == QUALIFIED and row["read_share"] < _WHOLE)
    for name, count in sorted(part.items()):
        flags.append(_flag("partly_read", name, count, "未读完即判合格", "qualified though not read to the end"))
    for name, count in connection.execute("SELECT person, count(*) FROM skips GROUP BY person ORDER BY person"):
        if count >= _SKIPS:
            flags.append(_flag("skips", name, count, "放回的条目多", "many items put back"))
    query = (
        "SELECT e.person, count(*) FROM events e JOIN readings r ON r.seq = e.seq "
        "WHERE json_extract(e.line, '$.after_findings') GROUP BY e.person ORDER BY e.person"
    )
    for name, count in connection.execute(query):
        flags.append(
            _flag("after_findings", name, count, "看过机器结论后重判", "judged again after the machine was seen")
        )
    return flags


def _flag(kind: str, name: str | None, count: int, zh: str, en: str) -> Row:
    return {"kind": kind, "name": name, "count": count, "zh": zh, "en": en}
