"""Verdicts: what one has to say, who may give it, how it is written down. Taking back: review/undoing.py."""

import json
import math
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from review.assignments import decided_by, has_seen_findings, must_judge, not_held
from review.events import append
from review.people import Person, find_person
from review.planted import needs_adjudication, shown_readings
from review.refusal import NOT_ALLOWED, NOT_FOUND, TAKEN, WRONG, Refused, refused_rows
from rounds.tables import ADJUDICATION, PERSONAL, QUALIFIED, UNQUALIFIED, VERDICTS
from schemas.risks import risks as all_risks

PAGE, IMPORT = "page", "import"
_NOTE = 2000
_DAY = 86_400.0


@dataclass(frozen=True)
class Decision:
    """One judgement of an item as it comes in; `read_share` 0 … 1, `seconds` on the screen, `via` page or import."""

    item_no: int
    reading: str
    verdict: str
    risks: tuple[str, ...]
    personal: tuple[str, ...]
    note: str
    read_share: float
    seconds: float
    content_hash: str
    criteria: str
    via: str = PAGE


@dataclass(frozen=True)
class Receipt:
    """The event a decision became; it is on disk."""

    seq: int
    sha256: str


def wrong(verdict: str, risks: Sequence[str], personal: Sequence[str], note: str = "") -> tuple[str, str] | None:
    """What is wrong with an answer, in Chinese and English; None where nothing is."""
    if verdict not in VERDICTS:
        return f"结论应为 {'、'.join(VERDICTS)}", f"a verdict is one of {', '.join(VERDICTS)}"
    if len(set(risks)) < len(risks) or not set(risks) <= all_risks().keys():
        return "风险编号应为 A1-a … A5-b，各一次", "risks are ids A1-a … A5-b, each once"
    if verdict == UNQUALIFIED and not risks:
        return "不合格须指明至少一项风险", "unqualified names at least one risk"
    if verdict == QUALIFIED and risks:
        return "合格不带风险", "qualified has no risks"
    if len(set(personal)) < len(personal) or not set(personal) <= set(PERSONAL):
        return (
            f"个人信息应为 {'、'.join(PERSONAL)}，各一次",
            f"personal information is {', '.join(PERSONAL)}, each once",
        )
    if len(note) > _NOTE or any(unicodedata.category(char) in ("Cc", "Cs") and char != "\n" for char in note):
        return f"备注至多 {_NOTE} 字，不含控制字符", f"a note has at most {_NOTE} characters and no control characters"
    return None


def decide(connection: sqlite3.Connection, now: float, criteria: str, person: Person, decision: Decision) -> Receipt:
    """Writes a decision down within the caller's transaction. Raises Refused."""
    must_judge(person, decision.reading, now)
    item = connection.execute("SELECT * FROM items WHERE item_no = ?", (decision.item_no,)).fetchone()
    if item is None:
        raise Refused(f"没有第 {decision.item_no} 条", f"there is no item {decision.item_no}", NOT_FOUND)
    _check_content(decision, item["content_hash"], criteria)
    again = _sent_again(connection, person.name, decision)
    if again is not None:
        return again
    held = _check_holder(connection, now, person, decision)
    risks = [risk for risk in all_risks() if risk in decision.risks]
    personal = [kind for kind in PERSONAL if kind in decision.personal]
    share, seconds = round(float(decision.read_share), 4), round(float(decision.seconds), 3)
    after_findings = has_seen_findings(connection, person.name, decision.item_no)
    event = append(
        connection,
        now,
        "decided",
        person=person.name,
        item_no=decision.item_no,
        reading=decision.reading,
        verdict=decision.verdict,
        risks=risks,
        personal=personal,
        note=decision.note,
        read_share=share,
        seconds=seconds,
        held_seconds=held,
        content_hash=decision.content_hash,
        criteria=decision.criteria,
        via=decision.via,
        after_findings=after_findings,
        readings_shown=_shown(connection, decision),
    )
    connection.execute(
        f"INSERT INTO readings VALUES ({', '.join('?' * 16)})",
        (
            decision.item_no,
            decision.reading,
            person.name,
            event["seq"],
            decided_by(connection, person.name) + 1,
            decision.verdict,
            json.dumps(risks),
            json.dumps(personal),
            decision.note,
            share,
            seconds,
            event["at"],
            decision.criteria,
            decision.via,
            int(after_findings),
            event["sha256"],
        ),
    )
    where = (decision.reading, decision.item_no)
    connection.execute("DELETE FROM open WHERE reading = ? AND item_no = ?", where)
    connection.execute("DELETE FROM leases WHERE reading = ? AND item_no = ?", where)
    if decision.reading != ADJUDICATION and needs_adjudication(connection, item):
        connection.execute("INSERT INTO open VALUES (?, ?)", (ADJUDICATION, decision.item_no))
    return Receipt(event["seq"], event["sha256"])


def decide_all(
    connection: sqlite3.Connection, now: float, criteria: str, decisions: Sequence[tuple[str, Decision]], by: str
) -> list[Receipt]:
    """Takes all decisions, each with the name of its person, or none. Raises Refused with every reason."""
    receipts: list[Receipt] = []
    reasons: list[tuple[int, str]] = []
    for place, (name, decision) in enumerate(decisions):
        try:
            receipts.append(decide(connection, now, criteria, find_person(connection, name), decision))
        except Refused as refused:
            reasons.append((place, str(refused)))
    if reasons:
        raise refused_rows(reasons)
    append(connection, now, "decisions_imported", by=by, decisions=len(receipts))
    return receipts


def _check_content(decision: Decision, content_hash: str, criteria: str) -> None:
    problem = wrong(decision.verdict, decision.risks, decision.personal, decision.note)
    if problem is None and not (math.isfinite(decision.read_share) and 0 <= decision.read_share <= 1):
        problem = "阅读比例应在 0 与 1 之间", "the share read lies between 0 and 1"
    if problem is None and not (math.isfinite(decision.seconds) and 0 <= decision.seconds <= _DAY):
        problem = "用时应在 0 秒与一天之间", "the time taken lies between 0 seconds and a day"
    if problem is None and decision.via not in (PAGE, IMPORT):
        problem = "来路应为 page 或 import", "a decision comes via page or import"
    if problem is not None:
        raise Refused(*problem, WRONG)
    if decision.content_hash != content_hash:
        raise Refused("文本摘要不符: 判的不是这一文本", "the content hash is not that of the item's text", TAKEN)
    if decision.criteria != criteria:
        raise Refused(f"判据版本应为 {criteria}", f"the criteria of this round are {criteria}", TAKEN)


def _check_holder(connection: sqlite3.Connection, now: float, person: Person, decision: Decision) -> float:
    """How many seconds the person has held the item, -1 where it was not leased. Raises Refused."""
    item = decision.item_no
    had = connection.execute("SELECT reading, person FROM readings WHERE item_no = ?", (item,)).fetchall()
    if any(row["person"] == person.name for row in had):
        raise Refused(
            f"第 {item} 条你已判过，一人一条只判一次", f"you have judged item {item}: one person reads it once"
        )
    if any(row["reading"] == decision.reading for row in had):
        raise Refused(f"第 {item} 条的此项判读已完成", f"that reading of item {item} is done")
    if connection.execute("SELECT 1 FROM looks WHERE item_no = ? AND person = ?", (item, person.name)).fetchone():
        raise Refused(
            f"第 {item} 条你已查看过，不再盲判", f"you have looked at item {item} and are not blind", NOT_ALLOWED
        )
    if decision.reading == ADJUDICATION and has_seen_findings(connection, person.name, item):
        raise Refused(
            f"第 {item} 条你看过机器结论，不能裁决", f"you have seen what the machine says of item {item}", NOT_ALLOWED
        )
    if not connection.execute(
        "SELECT 1 FROM open WHERE reading = ? AND item_no = ?", (decision.reading, item)
    ).fetchone():
        raise Refused(f"第 {item} 条没有此项判读", f"item {item} has no such reading")
    lease = connection.execute(
        "SELECT person, since, until FROM leases WHERE item_no = ? AND reading = ?", (item, decision.reading)
    ).fetchone()
    if lease is not None and lease["person"] == person.name:
        return float(round(max(0.0, now - lease["since"]), 3))
    if decision.via == PAGE or (lease is not None and lease["until"] > now):
        raise not_held(item)
    return -1.0


def _sent_again(connection: sqlite3.Connection, person: str, decision: Decision) -> Receipt | None:
    """The receipt of the same decision, where the page sends it again because the first answer was lost on its way."""
    row = connection.execute(
        "SELECT * FROM readings WHERE item_no = ? AND reading = ? AND person = ? AND via = ?",
        (decision.item_no, decision.reading, person, PAGE),
    ).fetchone()
    if row is None or decision.via != PAGE:
        return None
    stood = (row["verdict"], set(json.loads(row["risks"])), set(json.loads(row["personal"])), row["note"])
    said = (decision.verdict, set(decision.risks), set(decision.personal), decision.note)
    return Receipt(row["seq"], row["sha256"]) if stood == said else None


def _shown(connection: sqlite3.Connection, decision: Decision) -> list[int]:
    """The events of the readings an adjudicator has seen."""
    if decision.reading != ADJUDICATION:
        return []
    return sorted(row["seq"] for row in shown_readings(connection, decision.item_no))
