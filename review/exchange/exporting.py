"""Hands out items: reserves them for one person and one reading, writes the file, and says so in the log."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from review.exchange import excel, label_studio, lines
from review.exchange.answers import FORMS, SUFFIXES, Batch, Earlier, Task
from review.exchange.shown import fits, shown_in_cell
from review.people import LEAD
from rounds.tables import ADJUDICATION, FIRST, SECOND

if TYPE_CHECKING:
    from review.store import ReviewStore
    from rounds.register import Round

DAYS = 7  # nobody else gets the items for so long, unless told otherwise
_CELLS = frozenset({"xlsx", "csv"})  # forms whose texts end up in the cells of a spreadsheet


@dataclass(frozen=True)
class Request:
    """What is to be handed out: these items, or the next `count` the person may have."""

    person: str
    reading: str
    by: str  # a lead
    items: Sequence[int] | None = None
    count: int | None = None
    days: int = DAYS


@dataclass(frozen=True)
class Handed:
    """What was handed out; `left` are items (number, characters) too long for the form, free for the page again."""

    batch: Batch
    left: Sequence[tuple[int, int]]
    files: Sequence[Path]


def export_items(store: "ReviewStore", round: "Round", form: str, to: Path, request: Request) -> Handed:
    """Reserves the items, writes them and records both. Nothing of machine findings, samples or other people is in it.

    Raises:
        UsageError: a wrong form, role or target, or nothing to hand out; then nothing is reserved.
    """
    targets = _targets(form, to)
    _check(store, round, request)
    until = (datetime.now(UTC) + timedelta(days=request.days)).isoformat(timespec="seconds")
    leased = store.reserve(
        request.person, request.reading, by=request.by, until=until, items=request.items, count=request.count
    )
    batch, left = _batch(round, request, until, leased, form)
    if left:
        store.release(request.person, request.reading, [number for number, _ in left])
    if not batch.tasks:
        raise UsageError(_nothing(left))
    try:
        _write(targets, _contents(form, batch, left))
        store.record(_event(request, form, batch, left))
    except BaseException:
        for target in targets:
            with contextlib.suppress(OSError):
                _part(target).unlink()
        store.release(request.person, request.reading, [task.item_no for task in batch.tasks])
        raise
    for target in targets:
        _part(target).replace(target)
    return Handed(batch, left, targets)


def is_lead(store: "ReviewStore", name: str) -> bool:
    """Whether that is an active account of a lead."""
    return any(who.name == name and who.active and LEAD in who.roles for who in store.people())


def _targets(form: str, to: Path) -> list[Path]:
    """The files to be written. Raises UsageError where one cannot be."""
    if form not in FORMS:
        raise UsageError(f"--form: {form}: 应为 / should be one of {', '.join(FORMS)}")
    if to.suffix.lower() != SUFFIXES[form]:
        raise UsageError(f"--to: {to}: 应以 {SUFFIXES[form]} 结尾 / should end in {SUFFIXES[form]}")
    targets = [to, to.with_suffix(".label-config.xml")] if form == "label-studio" else [to]
    for target in targets:
        if not target.parent.is_dir():
            raise UsageError(f"--to: {target}: 没有这个文件夹 / there is no such folder: make it, or choose another")
        if target.exists() or target.is_symlink():
            raise UsageError(
                f"--to: {target}: 已存在，不覆盖 / is there already and is not overwritten: choose another name"
            )
    return targets


def _check(store: "ReviewStore", round: "Round", request: Request) -> None:
    if round.state != "drawn":
        raise UsageError(
            f"{round.id}: 本轮未在审核中（{round.state}） / the round is not being reviewed ({round.state})"
        )
    if request.reading not in (FIRST, SECOND, ADJUDICATION):
        raise UsageError(f"--reading: {request.reading}: 应为 / should be {FIRST}, {SECOND} or {ADJUDICATION}")
    if (request.items is None) == (request.count is None):
        raise UsageError("应给 --items 或 --count 之一 / give either --items or --count")
    if not is_lead(store, request.by):
        raise UsageError(f"--by: {request.by}: 只有负责人（lead）可以导出 / only a lead may export")


def _batch(
    round: "Round", request: Request, until: str, leased: Iterable[Any], form: str
) -> tuple[Batch, list[tuple[int, int]]]:
    tasks, left = [], []
    for item in sorted(leased, key=lambda item: int(item.item_no)):
        if form in _CELLS and not fits(shown_in_cell(item.text)):
            left.append((item.item_no, len(item.text)))  # a cut text must not be judged
            continue
        earlier = tuple(
            Earlier(str(e["verdict"]), tuple(e["risks"]), tuple(e["personal"]), e["note"] or "")
            for e in (item.earlier if request.reading == ADJUDICATION else ()) or ()
        )
        tasks.append(Task(item.item_no, item.bucket, item.text, item.content_hash, earlier, item.stage or ""))
    criteria = str(round.opened["criteria"])
    return Batch(round.id, criteria, request.reading, request.person, until, tuple(tasks)), left


def _contents(form: str, batch: Batch, left: Sequence[tuple[int, int]]) -> list[bytes]:
    made: dict[str, Callable[[], list[bytes]]] = {
        "xlsx": lambda: [excel.workbook(batch, left)],
        "csv": lambda: [lines.csv_bytes(batch)],
        "jsonl": lambda: [lines.jsonl_bytes(batch)],
        "label-studio": lambda: [
            label_studio.tasks_bytes(batch),
            label_studio.labelling_config(batch.reading, batch.criteria).encode(),
        ],
    }
    return made[form]()


def _event(request: Request, form: str, batch: Batch, left: Sequence[tuple[int, int]]) -> dict[str, Any]:
    return {
        "event": "exported",
        "by": request.by,
        "person": request.person,
        "reading": request.reading,
        "form": form,
        "criteria": batch.criteria,
        "items": [task.item_no for task in batch.tasks],
        "left_out": [number for number, _ in left],
        "sha256_of_export": batch.digest,
        "until": batch.until,
    }


def _nothing(left: Sequence[tuple[int, int]]) -> str:
    if left:
        return "这些正文都过长，请在网页上审核 / all of these texts are too long for a cell: judge them on the page"
    return "此人此项没有可领的条目 / no item is left for this person in this reading"


def _write(targets: Sequence[Path], contents: Sequence[bytes]) -> None:
    """Writes beside the targets, for the owner alone: the texts hold personal information."""
    for target, content in zip(targets, contents, strict=True):
        try:
            with os.fdopen(os.open(_part(target), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UsageError(f"--to: {target}: 写不了 / cannot be written: {error.strerror}") from None


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")
