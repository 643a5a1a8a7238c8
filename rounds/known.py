"""Known answers as they were read: by the first reader, by the second, by the adjudicator, and what that comes to.

A known-answer text is unqualified by construction and is read as every other item is. What two readers settle never reaches
an adjudicator, so half of those that both of them found go on to one all the same: an adjudicator who calls everything
qualified is seen as a reader is (review/planted.py shows them as any dispute).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rounds.tables import ADJUDICATION, FIRST, KNOWN, SECOND, UNQUALIFIED

READINGS = (FIRST, SECOND, ADJUDICATION)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class KnownAnswers:
    """How the known answers of a round were read: drawn, decided for good, found, and by reading (due, found blind)."""

    drawn: int
    decided: int
    found: int
    by_reading: Mapping[str, tuple[int, int]]


def planted(seed: str, known: Iterable[tuple[int, str]]) -> frozenset[int]:
    """The known answers an adjudicator reads whatever was said: half of those read by two, by the seed.

    `known` are number and content hash of the known-answer items that are read by two.
    """
    ranked = sorted((hashlib.sha256(f"{seed}\nadjudicated\n{digest}".encode()).hexdigest(), no) for no, digest in known)
    return frozenset(no for _, no in ranked[: (len(ranked) + 1) // 2])


def planted_rows(seed: str, items: Iterable[Row]) -> frozenset[int]:
    """The same of rows of items, of any kind."""
    return planted(seed, ((i["item_no"], i["content_hash"]) for i in items if i["kind"] == KNOWN and i["second"]))


def takes_a_third(pair: Sequence[Row], due: int, is_planted: bool) -> bool:
    """Whether an adjudicator decides: the `due` readings differ, or all are in and one was not blind, or it was planted.

    `pair` are the first and second readings that are in.
    """
    if len({row["verdict"] for row in pair}) > 1:
        return True
    if len(pair) < due:
        return False
    return any(row["after_findings"] for row in pair) or (is_planted and pair[0]["verdict"] == UNQUALIFIED)


def known_answers(items: Iterable[Row], readings: Iterable[Row], seed: str) -> KnownAnswers:
    """How the known answers were read. One that is not decided for good was not found; nor by a reading that was not blind."""
    known = [item for item in items if item["kind"] == KNOWN]
    chosen = planted_rows(seed, known)
    own: dict[int, dict[str, Row]] = defaultdict(dict)
    for row in readings:
        own[row["item_no"]][row["reading"]] = row
    due, found, verdicts = dict.fromkeys(READINGS, 0), dict.fromkeys(READINGS, 0), []
    for item in known:
        read = own[item["item_no"]]
        asked = _asked(item, read, item["item_no"] in chosen)
        for name in asked:
            due[name] += 1
            found[name] += _found(read.get(name))
        verdicts.append(read[asked[-1]]["verdict"] if all(name in read for name in asked) else None)
    return KnownAnswers(
        drawn=len(known),
        decided=sum(verdict is not None for verdict in verdicts),
        found=sum(verdict == UNQUALIFIED for verdict in verdicts),
        by_reading={name: (due[name], found[name]) for name in READINGS},
    )


def _asked(item: Row, read: Mapping[str, Row], is_planted: bool) -> tuple[str, ...]:
    """The readings an item takes, as far as those that are in tell; the last of them decides."""
    usual = (FIRST, SECOND)[: 1 + item["second"]]
    pair = [read[name] for name in usual if name in read]
    return (*usual, ADJUDICATION) if takes_a_third(pair, len(usual), is_planted) else usual


def _found(row: Row | None) -> bool:
    return row is not None and row["verdict"] == UNQUALIFIED and not row["after_findings"]
