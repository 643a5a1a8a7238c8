"""Takes answers back: all rows of a file or none, each checked against what was handed out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipeline.errors import UsageError
from review.exchange import excel, label_studio, lines
from review.exchange.answers import SUFFIXES, Refused, Returned
from review.exchange.checking import Checked, Exported, Judged, Known, check
from review.exchange.exporting import is_lead
from review.exchange.refusals import refusal_lines
from review.exchange.shown import harmless

if TYPE_CHECKING:
    from review.store import ReviewStore
    from rounds.register import Round

MAX_FILE = 256 << 20  # bytes


class RowsRefused(UsageError):  # noqa: N818 - reads as what happened
    """Rows are wrong and nothing was stored; `refused` has every reason."""

    def __init__(self, path: Path, refused: Sequence[Refused]) -> None:
        self.path = path
        self.refused = sorted(refused, key=lambda one: (one.place.sheet, one.place.row))
        super().__init__(refusal_lines(path, self.refused))


@dataclass(frozen=True)
class Imported:
    """How many answers were stored, stood already exactly so, or are still to come."""

    stored: int
    already: int
    unanswered: int


def read_answers(path: Path) -> Returned:
    """The rows of a file that came back, by the ending of its name. Raises UsageError."""
    readers = {".csv": lines.read_csv, ".jsonl": lines.read_jsonl, ".json": label_studio.read_tasks}
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES.values():
        raise UsageError(f"{path}: 应为 / should be {', '.join(sorted(SUFFIXES.values()))}")
    try:
        if path.stat().st_size > MAX_FILE:
            raise UsageError(f"{path}: 文件过大 / larger than {MAX_FILE >> 20} MB")
        returned = excel.read_workbook_answers(path) if suffix == ".xlsx" else readers[suffix](path, path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: 无法读取 / cannot be read: {error.strerror or error}") from None
    if not returned.answers:
        raise UsageError(f"{path}: 没有一行 / there is no row in it")
    return returned


def import_answers(
    store: "ReviewStore",
    round: "Round",
    path: Path,
    person: str | None = None,
    by: str | None = None,
    partial: bool = False,
) -> Imported:
    """Stores the answers of a file in one transaction; the same file again changes nothing.

    `partial` takes a file in which items are still without an answer; they stay reserved.

    Raises:
        RowsRefused: nothing was stored.
        UsageError: the file is none of these forms.
    """
    checked = check(read_answers(path), _known(store, round), person)
    if not partial:
        checked.refused += [
            Refused(
                place,
                "verdict",
                "",
                "尚无答案；先交已完成的请用 --partial",
                "no answer yet: --partial takes the rest",
                str(number),
            )
            for number, place in checked.unanswered.items()
        ]
    new = _not_yet(store, checked)
    if checked.refused:
        raise RowsRefused(path, checked.refused)
    if new:
        if round.state != "drawn":
            raise UsageError(
                f"{round.id}: 本轮未在审核中（{round.state}） / the round is not being reviewed ({round.state})"
            )
        _store(store, path, new, by)
    return Imported(len(new), len(checked.judged) - len(new), len(checked.unanswered))


def _known(store: "ReviewStore", round: "Round") -> Known:
    items = pq.read_table(round.folder / "items.parquet", columns=["item_no", "content_hash"])
    hashes = dict(zip(items.column(0).to_pylist(), items.column(1).to_pylist(), strict=True))
    exports = {
        str(event["sha256_of_export"]): Exported(
            event["reading"], event["person"], event["criteria"], frozenset(event["items"])
        )
        for event in store.log()
        if event["event"] == "exported"
    }
    return Known(round.id, str(round.opened["criteria"]), hashes, exports)


def _not_yet(store: "ReviewStore", checked: Checked) -> list[Judged]:
    """The answers that do not stand already; one that stands otherwise is refused."""
    standing = {(row["item_no"], row["reading"]): row for row in store.readings().to_pylist()}
    new = []
    for judged in checked.judged:
        row = standing.get((judged.decision.item_no, judged.decision.reading))
        if row is None:
            new.append(judged)
        elif row["person"] != judged.person:
            checked.refused.append(_taken(judged, "已由他人判定", "somebody else has decided it"))
        elif _same(row, judged):
            continue
        else:
            checked.refused.append(
                _taken(
                    judged, "已有不同的结论，请在网页上撤销后更改", "another verdict stands: undo it on the page first"
                )
            )
    return new


def _same(row: dict[str, Any], judged: Judged) -> bool:
    own = judged.decision
    mine = (own.verdict, own.risks, own.personal, own.note)
    return (row["verdict"], tuple(sorted(row["risks"])), tuple(sorted(row["personal"])), row["note"] or "") == mine


def _taken(judged: Judged, zh: str, en: str) -> Refused:
    return Refused(judged.place, "item_no", "", zh, en, str(judged.decision.item_no))


def _store(store: "ReviewStore", path: Path, new: Sequence[Judged], by: str | None) -> None:
    from review.refusal import Refused as StoreRefused

    who = by or new[0].person
    if any(judged.person != who for judged in new) and not is_lead(store, who):
        raise UsageError(f"--by: {who}: 只有本人或负责人（lead）可以导入 / only the person or a lead may import")
    try:
        store.import_decisions([(judged.person, judged.decision) for judged in new], by=who)
    except StoreRefused as error:
        refused = []
        for index, reason in error.reasons:
            zh, _, en = reason.partition(" / ")
            refused.append(_taken(new[index], zh, en))
        raise RowsRefused(path, refused) from None
    store.record(
        {
            "event": "imported",
            "by": who,
            "person": new[0].person,
            "reading": new[0].decision.reading,
            "file": harmless(path.name),
            "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "rows": len(new),
        }
    )
