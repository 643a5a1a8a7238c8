"""What `verify` says of assessment rounds: the register, the files it names, and frames and draws made again."""

from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa

from blacklist.log import EVENTS
from pipeline.errors import AuditError
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from rounds.design import seed_of
from rounds.drawing import ITEMS_FILE, MACHINE_FILE
from rounds.redrawing import redrawn, reframed, run_of, wrong_texts
from rounds.register import FILE, FOLDER, Round, take
from rounds.value_form import has_form
from rounds.verification_results import problems as problems_of_results
from rounds.verification_review import gone, missing, rolled_back
from rounds.verification_review import problems as problems_of_review
from schemas.chain import GENESIS, read_chain

_CLOSED = {
    "result.json": "result_sha256",
    "readings.parquet": "readings_sha256",
    "finals.parquet": "finals_sha256",
    "round.duckdb": "database_sha256",
}
_FAULTS = (OSError, ValueError, LookupError, TypeError, ArithmeticError, AuditError, duckdb.Error, pa.ArrowException)
_BY = "round:"  # who decided, where a round did
UNPROVED = (
    "评估轮次的公开值在冻结总体时是否确实未知：登记簿只载本机时间，须由公布者与存证方核实 / whether the public value of a round was unknown when "
    "its frame was frozen: the register has this machine's clock; ask who published it and who keeps the digests",
    "判定是否出于本人、是否如实：只核对流程、一致性与已知答案 / whether people judged themselves, and honestly: only procedure, agreement and "
    "known answers are checked",
    "审核日志退回到较早副本后重新判读，而其间没有发布运行者，此处不可见 / a review that was taken back to an older copy of it and judged anew, where "
    "no run was published in between",
    "登记簿末尾整体删去且此后没有发布运行者，此处不可见 / a register whose end was cut off before any later run was published",
)


def checks(output: Output, quick: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles with problems; nothing where the output has no rounds. With `quick`, hashes and chains only."""
    rounds, problems = _replayed(output)
    cited = tuple(_cited(output, rounds))
    if not (output.folder / FOLDER).is_dir() and not any(_heads(output)) and not cited:
        return
    yield "评估轮次登记簿 / register of rounds", (*problems, *_heads_missing(output), *_strays(output, rounds), *cited)
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
        yield f"评估轮次 / assessment round: {one.id}", tuple(found)


def unproved(output: Output) -> list[str]:
    """What clean checks of rounds leave open."""
    rounds, _ = _replayed(output)
    if not rounds:
        return [*UNPROVED[-1:]]
    lines = list(UNPROVED)
    lines += gone(output, rounds)
    for one in rounds:
        if not run_of(output, one).folder.is_dir():
            lines.append(
                f"{one.id} 的总体、抽样与结果：运行 {one.run_id} 不在此处 / frame, draw and result of {one.id}: its run {one.run_id} is not here"
            )
    return lines


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


def _heads(output: Output) -> Iterator[tuple[str, str]]:
    """Heads of the register that runs still there were published with."""
    for folder in sorted(output.runs.glob("[!.]*")):
        try:
            head = Run(folder).manifest.get("rounds_head", GENESIS)
        except (OSError, ValueError, AttributeError):  # told elsewhere
            continue
        if head != GENESIS:
            yield folder.name, head


def _heads_missing(output: Output) -> Iterator[str]:
    known = {event.get("sha256") for event in read_chain(output.folder / FOLDER / FILE)[0]}
    for run_id, head in _heads(output):
        if head not in known:
            yield f"{FILE}: 缺少运行 {run_id} 发布时的最后一条 / the event that was last when run {run_id} was published is missing"


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
