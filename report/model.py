"""What a report consists of, between the queries that fill it and the documents that show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PASS, FAIL, NONE = "符合", "不符合", "不适用"
MISSING, PEOPLE, CUSTOM = "待补充", "待人工", "自定义口径"
VERDICTS = (FAIL, MISSING, PEOPLE, NONE, CUSTOM, PASS)
# From the verdict that decides against all others to the one that is left when no condition holds.
SEVERITY = (FAIL, MISSING, PEOPLE, NONE)


@dataclass(frozen=True)
class Both:
    """A text in both languages."""

    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.zh} / {self.en}" if self.en else self.zh


@dataclass(frozen=True)
class Column:
    """A column of a form table. `kind` says how a value is shown and summed.

    text | count (条) | gigabytes (value in bytes, shown as 10⁹ bytes) | tokens | share (0–1) | verdict | digest
    """

    name: str
    title: Both
    kind: str


@dataclass(frozen=True)
class Row:
    """A row: its key within the table, and its values by column name. None is 'not known', shown as —."""

    key: str
    values: Mapping[str, Any]
    total: bool = False


@dataclass(frozen=True)
class Table:
    """A filled table: C-1 … C-9 of the form, and what reviewers ask for."""

    id: str
    title: Both
    notes: tuple[Both, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    sql: str

    def number(self, row: Row, column: Column) -> str:
        """The id under which `report trace` knows a cell."""
        return f"{self.id}/{row.key}/{column.name}"


@dataclass(frozen=True)
class Number:
    """A number of a clause's basis, with the query that gives it."""

    id: str
    title: Both
    value: Any
    sql: str


@dataclass(frozen=True)
class Evidence:
    """A piece of evidence: a file with its digest, or a table of the run or round."""

    title: Both
    file: str
    sha256: str


@dataclass(frozen=True)
class Reason:
    """A condition that holds for a clause: what stands in the way, who can mend it, and how.

    `found` are examples the condition's query named, at most a few.
    """

    id: str
    verdict: str
    text: Both
    who: Both
    remedy: Both
    found: tuple[str, ...]
    settled_by: str | None  # the person whose declared judgement settles it, None while it is open


@dataclass(frozen=True)
class Verdict:
    """What is concluded on one clause."""

    clause: str
    key: str
    title: str
    modality: str  # shall | should
    verdict: str
    reasons: tuple[Reason, ...]
    basis: tuple[Number, ...]
    evidence: tuple[Evidence, ...]
    explanation: str  # of 不适用 and of an equivalent measure; declared text of the organisation
    unverified: tuple[str, ...]  # what of the profile, as it bears on the clause, nobody checked in the standard's text


@dataclass(frozen=True)
class Gap:
    """Something to be done before filing; `blocks` are the clauses it keeps from 符合, `rank` orders the list."""

    rank: int
    reason: Reason
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything the documents show."""

    cover: Mapping[str, Any]  # organisation, model, profile, run, round, dates, rehearsal: bool, notices
    conclusion: Both | None  # None while anything is open
    verdicts: tuple[Verdict, ...]
    tables: tuple[Table, ...]
    gaps: tuple[Gap, ...]
    unproved: tuple[str, ...]
    evidence: tuple[Evidence, ...]  # every file of the evidence folder and every declared file
