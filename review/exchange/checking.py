"""Checks what came back against what was handed out: nothing is taken on the word of a file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from review.decisions import Decision, wrong
from review.exchange.answers import Answer, Header, Place, Refused, Returned
from review.exchange.shown import harmless
from review.exchange.vocabulary import personal_of, risks_of, seconds_of, share_of, verdict_of

_PRIVATE = frozenset({"text", "note"})  # columns whose content is never repeated in a message


@dataclass(frozen=True)
class Exported:
    """An export as the log of the review knows it."""

    reading: str
    person: str
    criteria: str
    items: frozenset[int]


@dataclass(frozen=True)
class Known:
    """What a file is checked against."""

    round: str
    criteria: str  # of the round
    hashes: Mapping[int, str]  # content hash by item
    exports: Mapping[str, Exported]  # by digest


@dataclass(frozen=True)
class Judged:
    """One answer that is in order."""

    place: Place
    person: str
    decision: Decision


@dataclass
class Checked:
    """All that was found out about a file."""

    judged: list[Judged] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unanswered: dict[int, Place] = field(default_factory=dict)  # items without an answer; row 0: without a row


def check(returned: Returned, known: Known, person: str | None = None) -> Checked:
    """Every row in order, or why not; `person` is whose answers they should be, if that was said."""
    checked = Checked()
    exports = _exports(returned, known, person, checked)
    _check_listed(returned, known, checked)
    seen: dict[int, Place] = {}
    answered: set[int] = set()
    for answer in returned.answers:
        export = exports.get(answer.header)
        if export is None:
            continue  # its header is refused, once for all rows
        row = _Row(answer)
        number = row.item(known, export)
        if number is not None:
            first = seen.setdefault(number, answer.place)
            if first is not answer.place:
                row.refuse("item_no", answer.item_no, f"与第 {first.row} 行重复", f"the same item as row {first.row}")
        if number is not None and not answer.empty:
            answered.add(number)
            judged = row.judged(number, export)
            if judged is not None:
                checked.judged.append(judged)
        checked.refused += row.problems
    handed = {number for export in exports.values() if export for number in export.items}
    checked.unanswered = {number: seen.get(number, Place("", 0)) for number in sorted(handed - answered)}
    return checked


def _exports(returned: Returned, known: Known, person: str | None, checked: Checked) -> dict[Header, Exported | None]:
    """What the log knows of each header; one refusal a header that is not as it was written."""
    found: dict[Header, Exported | None] = {}
    for answer in returned.answers:
        header = answer.header
        if header in found:
            continue
        problem = _header_problem(header, known, person)
        found[header] = None if problem else known.exports[header.export]
        if problem:
            column, value, zh, en = problem
            rows = sum(other.header == header for other in returned.answers)
            more = (f"；共 {rows} 行", f"; {rows} rows") if rows > 1 else ("", "")
            checked.refused.append(Refused(answer.place, column, harmless(value), zh + more[0], en + more[1]))
    return found


def _header_problem(header: Header, known: Known, person: str | None) -> tuple[str, str, str, str] | None:
    """Column, value and reason of what is wrong with what a file says of itself."""
    export = known.exports.get(header.export)
    if header.round != known.round:
        return "round", header.round, f"不是本轮 {known.round}", f"of another round than {known.round}"
    if export is None:
        return "export", header.export, "本轮没有这次导出的记录", "the log of this round has no such export"
    if header.criteria != known.criteria:
        return "criteria", header.criteria, f"判据版本应为 {known.criteria}", f"criteria should be {known.criteria}"
    if header.reading != export.reading:
        return "reading", header.reading, "与导出时不符", "not what it was exported for"
    if header.person != export.person:
        return "person", header.person, "不是导出时的人", "not who it was exported for"
    if person is not None and person != export.person:
        return "person", header.person, f"不是 --person {person}", f"not --person {person}"
    return None


def _check_listed(returned: Returned, known: Known, checked: Checked) -> None:
    """The items a hidden sheet lists are those of the export, with their hashes."""
    export = known.exports.get(returned.answers[0].header.export) if returned.answers and returned.listed else None
    if export is None:
        return
    for place, number, digest in returned.listed:
        item = _number(number)
        if item is None or item not in export.items or known.hashes.get(item) != digest:
            checked.refused.append(
                Refused(place, "item_no", harmless(number), "隐藏表被改动", "the hidden sheet was changed")
            )
    if len(returned.listed) != len(export.items):
        place = returned.listed[-1][0]
        checked.refused.append(
            Refused(place, "item_no", "", "隐藏表的条目数被改动", "items were added or removed there")
        )


class _Row:
    """One row and what is wrong with it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.problems: list[Refused] = []
        for column, value, zh, en in answer.broken:
            self.refuse(column, value, zh, en)

    def refuse(self, column: str, value: str, zh: str, en: str) -> None:
        """Notes a problem, one a column; texts and notes are not repeated."""
        if any(problem.column == column for problem in self.problems):
            return
        shown = f"({len(value):,})" if column in _PRIVATE else harmless(value)
        self.problems.append(Refused(self.answer.place, column, shown, zh, en, harmless(self.answer.item_no)))

    def item(self, known: Known, export: Exported) -> int | None:
        """The item of the row, its id, hash and text checked; None where it is none of the export."""
        answer = self.answer
        number = _number(answer.item_no)
        if number is None or number not in export.items:
            self.refuse("item_no", answer.item_no, "导出时没有这一条", "no item of this export")
            return None
        if answer.content_hash != known.hashes[number]:
            self.refuse("content_hash", answer.content_hash, "校验值与条目不符", "not the content hash of this item")
        elif hashlib.sha256(answer.text.encode("utf-8", "surrogatepass")).hexdigest() != answer.content_hash:
            self.refuse("text", answer.text, "正文与导出时不同", "the text is not what was exported")
        return number

    def judged(self, number: int, export: Exported) -> Judged | None:
        """The answer, if nothing is wrong with the row: every part can be read, and they agree."""
        answer = self.answer
        verdict, share = verdict_of(answer.verdict), share_of(answer.read_share)
        seconds = seconds_of(answer.seconds)
        risks, personal = self._risks(), self._personal()
        if not answer.verdict:
            self.refuse("verdict", "", "缺少结论", "the verdict is missing")
        elif verdict is None:
            self.refuse("verdict", answer.verdict, "未知的结论", "no such verdict")
        if not answer.read_share:
            self.refuse("read_share", "", "缺少已读比例", "the share read is missing")
        elif share is None:
            self.refuse("read_share", answer.read_share, "应为 0–100% 或 0–1", "should be 0–100% or 0–1")
        if seconds is None:
            self.refuse("seconds", answer.seconds, "应为 0–86400", "should be between 0 and 86400")
        if verdict is None or share is None or seconds is None or risks is None or personal is None or self.problems:
            return None
        problem = wrong(verdict, risks, personal, answer.note)
        if problem is not None:
            self.refuse("verdict", answer.verdict, *problem)
            return None
        decision = Decision(
            item_no=number,
            reading=export.reading,
            verdict=verdict,
            risks=risks,
            personal=personal,
            note=answer.note,
            read_share=share,
            seconds=seconds,
            content_hash=answer.content_hash,
            criteria=export.criteria,
            via="import",
        )
        return Judged(answer.place, export.person, decision)

    def _risks(self) -> tuple[str, ...] | None:
        found: set[str] = set()
        unknown: list[str] = []
        for cell in self.answer.risks:
            known, odd = risks_of(cell)
            found.update(known)
            unknown += odd
        if unknown:
            self.refuse("risks", "; ".join(unknown), "未知的风险编号", "no such risk id")
            return None
        return tuple(sorted(found))

    def _personal(self) -> tuple[str, ...] | None:
        found = {written: personal_of(written) for written in self.answer.personal}
        unknown = [written for written, kind in found.items() if kind is None]
        if unknown:
            self.refuse("personal", "; ".join(unknown), "未知的个人信息类别", "no such kind of personal information")
            return None
        return tuple(sorted({kind for kind in found.values() if kind is not None}))


def _number(written: str) -> int | None:
    """An item number; nothing but ASCII digits, so that no two spellings are of one item."""
    plain = written.isascii() and written.isdecimal() and len(written) < 10 and not written.startswith("0")
    return int(written) if plain else None
