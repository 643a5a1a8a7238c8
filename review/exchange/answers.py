"""What is handed out and what comes back, whatever the form of the file."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

FORMS = ("xlsx", "label-studio", "csv", "jsonl")
SUFFIXES = {"xlsx": ".xlsx", "label-studio": ".json", "csv": ".csv", "jsonl": ".jsonl"}


@dataclass(frozen=True)
class Earlier:
    """A reading that stands already, as an adjudicator sees it: without a name."""

    verdict: str
    risks: tuple[str, ...]
    personal: tuple[str, ...]
    note: str

    @property
    def line(self) -> str:
        """On one line, for forms without structure."""
        parts = (self.verdict, ";".join(self.risks), ";".join(self.personal), self.note)
        return " | ".join(part for part in parts if part)


@dataclass(frozen=True)
class Task:
    """An item as it is handed out: nothing of what the machine says, of samples, of other people."""

    item_no: int
    bucket: str
    text: str
    content_hash: str  # sha256 of the text as UTF-8
    earlier: tuple[Earlier, ...] = ()  # for adjudication alone
    stage: str = ""  # of training, as the page shows it; known-answer texts may have none


@dataclass(frozen=True)
class Header:
    """What a file says of itself; all strings, as read."""

    round: str
    criteria: str
    reading: str
    person: str
    export: str  # digest of what was handed out


@dataclass(frozen=True)
class Batch:
    """Items handed out to one person for one reading."""

    round: str
    criteria: str
    reading: str
    person: str
    until: str  # ISO 8601, UTC: so long nobody else gets these items
    tasks: tuple[Task, ...]

    @cached_property
    def digest(self) -> str:
        """sha256 over all that identifies the export: what comes back is checked against the one in the log."""
        content = [self.round, self.criteria, self.reading, self.person, self.until]
        listed = [[task.item_no, task.content_hash] for task in self.tasks]
        return hashlib.sha256(json.dumps([*content, listed], ensure_ascii=False).encode()).hexdigest()

    @property
    def header(self) -> Header:
        """What the file says of itself."""
        return Header(self.round, self.criteria, self.reading, self.person, self.digest)


@dataclass(frozen=True)
class Place:
    """Where something stands in a file. Rows count from 1 as the tool shows them; lines of JSON Lines, tasks of a list."""

    sheet: str
    row: int


@dataclass(frozen=True)
class Answer:
    """One row as read: strings where the file has strings, so that whatever is wrong can be shown."""

    place: Place
    header: Header
    item_no: str
    content_hash: str
    text: str  # the original: codes are undone
    verdict: str = ""
    risks: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    read_share: str = ""
    note: str = ""
    seconds: str = ""
    broken: tuple[
        tuple[str, str, str, str], ...
    ] = ()  # column, value, reason zh, en: what the reader of the form found

    @property
    def empty(self) -> bool:
        """Whether nobody has answered."""
        return not (self.verdict or self.risks or self.personal or self.read_share or self.note or self.broken)


@dataclass(frozen=True)
class Refused:
    """Why a row, or the file (row 0), is not taken."""

    place: Place
    column: str
    value: str
    zh: str
    en: str
    item: str = ""  # number of the item as the file has it, where the row names one


@dataclass(frozen=True)
class Returned:
    """All rows of a file, and for a form that lists them the items and content hashes it says it was made of."""

    answers: Sequence[Answer]
    listed: Sequence[tuple[Place, str, str]] = field(default=())  # item_no, content_hash
