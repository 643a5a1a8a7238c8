"""The review of a round from its first event: made when the round is drawn, and held against the register ever after.

The register has the hash of that event beside the draw. So a review file that is gone, or was begun anew, is missed: it
would otherwise be a way to judge a sample again until it passes.
"""

import contextlib
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RunFailed
from pipeline.store.output import Output, synced
from review import events
from review.database import Database
from review.filling import fill, is_made
from rounds.register import DRAWN, Round, rounds_of

FILE = "review.sqlite"
FOLDER = "review"
_REMEDY = (
    "从备份恢复，或放弃本轮（round abandon）；不会另建一份 / restore it from a backup, or abandon the round (round abandon); it is "
    "not begun anew"
)


def path_of(output: Output, round_id: str) -> Path:
    """Where the review of a round is kept."""
    return output.folder / FOLDER / round_id / FILE


def begin(output: Output, round_: Round, drawn: Mapping[str, Any], now: float) -> str:
    """Makes the review of a round that is being drawn; the hash of its first event, for the register.

    `drawn` names seed and digests of the items. Given again after a kill it finds what it made. Raises RunFailed where
    somebody has judged already, though no such draw is on record: the register lost its end.
    """
    path = path_of(output, round_.id)
    first = _first_of_nobody(path)
    if first is not None and any(first.get(name) != drawn[name] for name in ("seed", "items_sha256", "machine_sha256")):
        shutil.rmtree(path.parent)  # of a draw that was killed, and asked for otherwise now
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    about = {"round": round_.id, "criteria": str(round_.opened["criteria"])}
    database = Database(path)
    try:
        fill(database, round_.folder, dict(drawn), about, now)
        with database.read() as connection:
            head = events.head(connection)
    finally:
        database.close()
    synced(path.parent)
    synced(path.parent.parent)
    return head


def forget(output: Output, round_: Round) -> None:
    """Takes away the review of a round given up before its draw was on record, unless somebody has judged there."""
    path = path_of(output, round_.id)
    with contextlib.suppress(RunFailed):  # `verify` tells of what is kept
        if path.parent.is_dir():
            _first_of_nobody(path)
            shutil.rmtree(path.parent)


def _first_of_nobody(path: Path) -> dict[str, Any] | None:
    """The first event of a review nobody has touched since; None where there is none yet. Raises RunFailed for others."""
    if not path.is_file():
        return None
    database = Database(path)
    try:
        with database.read() as connection:
            if not is_made(connection):
                return None
            first, *more = events.read_events(connection)
    finally:
        database.close()
    if more:
        raise RunFailed(
            f"{path}: 已有判读，而登记簿中没有这次抽取；未改动 / people were at work on it, and the register knows no such draw; nothing was changed: "
            f"restore rounds/register.ndjson from a backup, or move this folder away"
        )
    return first


def must_be_there(output: Output, round_: Round) -> None:
    """Raises RunFailed where the review of a drawn round is gone."""
    path = path_of(output, round_.id)
    if not path.is_file():
        raise RunFailed(f"{path}: 审核文件不在 / the review of the round is gone: {_REMEDY}")


def must_be_the_one(path: Path, round_: Round, connection: sqlite3.Connection) -> None:
    """Raises RunFailed unless the first event of a review is the one on record."""
    assert round_.drawn is not None
    first = next(events.read_events(connection), {})
    if first.get("sha256") != round_.drawn.get("review_begun"):
        raise RunFailed(
            f"{path}: 不是抽取时建立的那一份 / is not the review that was begun when the round was drawn: {_REMEDY}"
        )


def live_heads(output: Output) -> dict[str, str]:
    """Heads of the logs of reviews that go on, for a run to record: a log cannot show that it was rolled back.

    What is gone or damaged is left out: `verify` and the commands of the review tell of it.
    """
    found: dict[str, str] = {}
    try:
        going = [one for one in rounds_of(output) if one.state == DRAWN]
    except RunFailed:
        return found
    for one in going:
        path = path_of(output, one.id)
        if path.is_file():
            with contextlib.suppress(RunFailed), contextlib.closing(Database(path)) as database, database.read() as log:
                found[one.id] = events.head(log)
    return found
