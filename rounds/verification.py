"""What `verify` says of assessment rounds: the register, the files it names, and frames and draws made again."""

from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

from blacklist.log import EVENTS
from pipeline.errors import AuditError
from pipeline.nights.history import FILE as HISTORY
from pipeline.nights.history import heads, pruned
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from rounds.design import seed_of
from rounds.drawing import ITEMS_FILE, MACHINE_FILE
from rounds.public_values import used_again
from rounds.redrawing import redrawn, reframed, run_of, wrong_texts
from rounds.register import FILE, FOLDER, Round, take
from rounds.value_form import has_form
from rounds.verification_results import problems as problems_of_results
from rounds.verification_review import missing, rolled_back
from rounds.verification_review import problems as problems_of_review
from rounds.verification_unproved import unproved as open_questions
from schemas.chain import GENESIS, read_chain

_CLOSED = {
    "result.json": "result_sha256",
    "readings.parquet": "readings_sha256",
    "finals.parquet": "finals_sha256",
    "round.duckdb": "database_sha256",
}
_FAULTS = (OSError, ValueError, LookupError, TypeError, ArithmeticError, AuditError, duckdb.Error, pa.ArrowException)
_BY = "round:"  # who decided, where a round did


def checks(output: Output, quick: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles with problems; nothing where the output has no rounds. With `quick`, hashes and chains only."""
    rounds, problems = _replayed(output)
    cited = tuple(_cited(output, rounds))
    if not (output.folder / FOLDER).is_dir() and not heads(output) and not cited:
        return
    yield (
        "评估轮次登记簿 / register of rounds",
        (*problems, *_heads_missing(output), *_strays(output, rounds), *cited, *used_again(rounds)),
    )
    dropped = pruned(output)
    for one in rounds:
        found = _guarded(lambda: [*_times(one), *_files(one)])  # noqa: B023 - called at once
        found += _guarded(lambda: [*missing(output, one), *rolled_back(output, one)])  # noqa: B023
        if not quick and one.drawn is not None and not found:
            found += _guarded(lambda: [*wrong_texts(one), *redrawn(output, one, rounds)])  # noqa: B023
        elif not quick and one.drawn is None:
            found += _guarded(lambda: [*reframed(output, one)])  # noqa: B023
        if not quick and one.closed is not None and not found:
            found += _guarded(lambda: [*problems_of_results(output, one)])  # noqa: B023
        elif not quick and one.closed is None:
            found += _guarded(lambda: [*problems_of_review(output, one)])  # noqa: B023
        found += _without_run(output, one, dropped)
        yield f"评估轮次 / assessment round: {one.id}", tuple(found)


def unproved(output: Output) -> list[str]:
    """What clean checks of rounds leave open."""
    return open_questions(output, _replayed(output)[0])


def _replayed(output: Output) -> tuple[list[Round], list[str]]:
    """The rounds as far as the register tells, and what is wrong with it."""
    path = output.folder / FOLDER / FILE
    events, problems = read_chain(path)
    found: dict[str, Round] = {}
    time = ""
    for number, event in enumerate(events, start=1):
        try:
            if event["seq"] != number or event["time"] < time:
                problems.append(f"{path}: 第 {number} 条序号或时间不连续 / event {number} is out of order")
            time = event["time"]
            take(found, event, path.parent)
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"{path}: {type(error).__name__}: {error}")
    return list(found.values()), problems


def _heads_missing(output: Output) -> Iterator[str]:
    known = {GENESIS} | {event.get("sha256") for event in read_chain(output.folder / FOLDER / FILE)[0]}
    for one in heads(output):
        if one.rounds not in known:
            yield f"{FILE}: 缺少运行 {one.run_id} 发布时的最后一条 / the event that was last when run {one.run_id} was published is missing"


def _without_run(output: Output, one: Round, dropped: frozenset[str]) -> Iterator[str]:
    """A round stands on its run, and `prune` never drops one a round names: only of a round given up it may be gone."""
    if one.abandoned is not None:
        return
    if not run_of(output, one).folder.is_dir():
        yield (
            f"runs/{one.run_id}: 本轮所依据的运行不在此处，prune 不会清理它：从备份恢复 / the run this round stands on is not here, and prune never drops "
            f"one that a round names: restore it from a backup"
        )
    elif one.run_id in dropped:
        yield f"{HISTORY}: {one.run_id}: 本轮所依据的运行被记为已清理 / the run this round stands on is on record as pruned"


def _cited(output: Output, rounds: list[Round]) -> Iterator[str]:
    """Decisions on the blacklist that name a round which is not closed, or say they come from another than they cite."""
    closed = {one.id for one in rounds if one.closed is not None}
    for event in read_chain(output.blacklist / EVENTS)[0]:
        named, by = (event.get("evidence") or {}).get("round"), str(event.get("by", ""))
        told = by.removeprefix(_BY) if by.startswith(_BY) else named
        if told is not None and (told not in closed or named != told):
            yield f"blacklist: 第 {event['seq']} 条所引轮次 {told} 没有关闭的记录 / event {event['seq']} cites {told}, which was never closed"


def _strays(output: Output, rounds: list[Round]) -> Iterator[str]:
    """Folders of rounds and reviews the register does not know: traces of a round that was struck out."""
    drawn = {one.id for one in rounds if one.drawn is not None}
    going = {one.id for one in rounds if one.state == "open"}  # a draw may have been killed at its last step
    for name in (FOLDER, "review"):
        for path in sorted((output.folder / name).glob("R[0-9]*")):
            if path.name not in drawn and path.name not in going:
                yield f"{name}/{path.name}: 登记簿中没有这次抽取 / the register knows no such draw"


def _times(one: Round) -> Iterator[str]:
    """The frame before the value, the value before the draw, and the seed made of it."""
    expected = one.opened["public_value"]["expected_at"]
    if one.opened["time"] >= expected:
        yield f"冻结于 {one.opened['time']}，不早于公布 {expected} / was frozen when the value was to be known already"
    if one.valued is not None and one.valued["time"] < expected:
        yield f"值登记于 {one.valued['time']}，早于预定 {expected} / the value was recorded before it was to be published"
    if one.drawn is None:
        return
    if one.valued is None:
        yield "抽取前没有登记公开值 / drawn without a value on record"
    elif not has_form(one.drawn["value"], one.opened["public_value"]["form"]):
        yield "公开值不是约定的写法 / the value is not written as was said beforehand"
    elif (one.valued["value"], one.valued["seed"]) != (one.drawn["value"], one.drawn["seed"]):
        yield "抽取所用的值不是登记的值 / drawn by another value than the one on record"
    if one.drawn["seed"] != seed_of(one.id, one.drawn["value"]):
        yield "种子不是由轮次与公开值得出 / the seed is not made of round and value"


def _files(one: Round) -> Iterator[str]:
    """Files against their digests in the register."""
    stated: dict[str, str] = {}
    if one.drawn is not None:
        stated |= {ITEMS_FILE: one.drawn["items_sha256"], MACHINE_FILE: one.drawn["machine_sha256"]}
    if one.closed is not None:
        stated |= {name: one.closed[key] for name, key in _CLOSED.items() if one.closed.get(key)}
    for name, digest in stated.items():
        path = one.folder / name
        if not path.is_file():
            yield f"{one.id}/{name}: 文件缺失 / missing"
        elif sha256_file(path) != digest:
            yield f"{one.id}/{name}: 内容已改变 / changed since it was recorded"


def _guarded(step: Callable[[], list[str]]) -> list[str]:
    try:
        return step()
    except _FAULTS as error:
        first = str(error).splitlines()[0][:300] if str(error) else ""
        return [f"无法重算 / cannot be recomputed: {type(error).__name__}: {first}"]
