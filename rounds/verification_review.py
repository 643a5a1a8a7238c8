"""What `verify` says of the reviews of rounds: there, the ones that were begun at the draw, whole, and not rolled back."""

import sqlite3
from collections.abc import Iterator, Sequence

from pipeline.errors import RunFailed
from pipeline.nights.history import heads
from pipeline.store.output import Output
from review.store import ReviewStore
from rounds.facts import Tables
from rounds.register import Round


def missing(output: Output, one: Round) -> Iterator[str]:
    """A drawn round without its review: the register has the first event of it, and of a closed round the last.

    A round that was given up needs none; `unproved` says that it is gone.
    """
    if one.drawn is not None and one.abandoned is None and not _is_there(output, one):
        yield (
            f"review/{one.id}/review.sqlite: 文件缺失，判定出自谁、如何作出无从核对：从备份恢复 / missing, so nothing shows who judged and how: restore it "
            f"from a backup"
        )


def gone(output: Output, rounds: Sequence[Round]) -> Iterator[str]:
    """What rounds that were given up leave open: who judged before that."""
    for one in rounds:
        if one.drawn is not None and one.abandoned is not None and not _is_there(output, one):
            yield (
                f"{one.id} 放弃前判了什么：审核日志不在此处 / what was judged of {one.id} before it was given up: the log of its review is not here"
            )


def problems(output: Output, one: Round) -> Iterator[str]:
    """What is wrong with the log of a drawn round, and where a closed round's tables are not what it says."""
    if one.drawn is None or not _is_there(output, one):
        return  # told by `missing`
    place = f"review/{one.id}"
    try:
        store = ReviewStore.open(output, one)
    except RunFailed as error:
        yield f"{place}: {error}"
        return
    try:
        yield from (f"{place}: {problem}" for problem in store.check())
        yield from _otherwise(one, store)
    except (sqlite3.Error, RunFailed) as error:
        yield f"{place}: 读不了 / cannot be read: {error}"
    finally:
        store.shut()


def _otherwise(one: Round, store: ReviewStore) -> Iterator[str]:
    """The log of a closed round holds the event it was closed at and says what was read."""
    if one.closed is None:
        return
    parts = Tables.of_closed(one.folder)
    if one.closed["review_head"] not in {event["sha256"] for event in store.log()}:
        yield f"review/{one.id}: 缺少关闭时的最后一条 / the event that was last when the round was closed is missing"
    for name, table in (("readings", store.readings()), ("finals", store.finals())):
        if table.to_pylist() != list(getattr(parts, name)):
            yield f"{one.id}/{name}.parquet: 与审核日志不符 / is not what the log of the review says"


def rolled_back(output: Output, one: Round) -> Iterator[str]:
    """Events that were the last of the log when a run was published, and are not in it any more."""
    told = {run.run_id: run.reviews[one.id] for run in heads(output) if one.id in run.reviews}
    if one.drawn is None or not told or not _is_there(output, one):
        return
    store = ReviewStore.open(output, one)
    try:
        known = {event["sha256"] for event in store.log()}
    finally:
        store.shut()
    for run_id, head in told.items():
        if head not in known:
            yield (
                f"review/{one.id}: 缺少运行 {run_id} 发布时的最后一条，判读被退回到较早的状态 / the event that was last when run {run_id} was published "
                f"is missing: the review was taken back to an earlier state"
            )


def _is_there(output: Output, one: Round) -> bool:
    return ReviewStore.path_of(output, one).is_file()
