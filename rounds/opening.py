"""Opens a round: freezes the frames of the current run and puts on record which public value the seed will be made of."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from review.beginning import forget
from rounds.apart import ordinary_sources, set_apart
from rounds.criteria import criteria_version
from rounds.design import Opening, plain
from rounds.facts import run_facts
from rounds.frame import documents_of, frame, must_be_sound, strata
from rounds.prerequisites import must_be_all_there, must_not_be_listed
from rounds.public_values import must_be_another
from rounds.register import ABANDONED, FOLDER, OPEN, OPENED, Clock, Register, Round, find_round, round_id, utc_now

PIN = ".opening"  # names the run while it is being frozen, so that nobody prunes it meanwhile
WORK = ".work"  # what is being made, below the rounds


def open_round(output: Output, opening: Opening, clock: Clock = utc_now) -> Round:
    """Opens the next round on the current run. Raises UsageError, RunFailed and OutputBusy; nothing is recorded then."""
    output.must_exist()
    register = Register(output, clock)
    by, changes = plain("--by", opening.by), plain("--changes", opening.changes)
    with register.held(), disk_errors(output):
        before = register.rounds()
        from_verdicts = _may_open(before, opening, register)
        shutil.rmtree(output.folder / FOLDER / WORK, ignore_errors=True)  # of commands that were killed
        with _pinned(output) as run, workspace(output) as work:
            manifest = _usable(output, run, register)
            if not from_verdicts:
                _must_not_be_trained(run, before)
            facts = run_facts(run)
            unread = must_be_all_there(run, facts, opening)
            listed = must_not_be_listed(output, run, facts)
            with documents_of(run, work) as sql:
                admitted, collected = frame(sql, admitted=True), frame(sql, admitted=False)
                sizes, apart = strata(sql, ordinary_sources(run)), set_apart(sql)
                _must_be_sources(opening, ordinary_sources(run))
            if not admitted.documents:
                raise UsageError(
                    f"{run.folder.name}: 没有准入的语料，无从抽取 / no document is admitted: nothing can be drawn"
                )
            _must_be_ahead(opening, register)
            name, stages = round_id(len(before) + 1), manifest["versions"]["stages"]
            register.append(
                {
                    "event": OPENED,
                    "round": name,
                    "by": by,
                    "run_id": run.folder.name,
                    "manifest_sha256": sha256_file(run.folder / "manifest.json"),
                    "frame": vars(admitted),
                    "collected": vars(collected),
                    "strata": sizes,
                    "apart": apart,
                    "profile": manifest["profile"]["id"],
                    "profile_sha256": manifest["profile"]["sha256"],
                    "ruleset_sha256": manifest["ruleset_sha256"],
                    "policy_sha256": manifest["policy"]["sha256"],
                    "blacklist_head": manifest["blacklist_head"],
                    "blacklist_opened": listed,
                    "models": [stages[stage] for stage in ("classifier", "confirm") if stage in stages],
                    "quarantined": len(manifest["quarantined"]),
                    "unread": unread,
                    "criteria": criteria_version(),
                    "design": opening.design.stated(),
                    "public_value": vars(opening.value),
                    "changes": changes,
                    "from_verdicts": from_verdicts,
                }
            )
        return find_round(output, name)


def abandon_round(output: Output, by: str, reason: str, wanted: str | None = None, clock: Clock = utc_now) -> Round:
    """Ends a round without a result; it stays in every list. Raises UsageError where none goes on."""
    output.must_exist()
    register = Register(output, clock)
    by, reason = plain("--by", by), plain("--reason", reason)
    with register.held():
        found = find_round(output, wanted)
        if found.state not in OPEN:
            raise UsageError(f"{found.id}: 已结束（{found.state}） / has ended: nothing to abandon")
        register.append({"event": ABANDONED, "round": found.id, "by": by, "reason": reason})
        shutil.rmtree(output.folder / FOLDER / WORK, ignore_errors=True)
        if found.drawn is None:  # a draw killed at its last step leaves it
            shutil.rmtree(found.folder, ignore_errors=True)
            forget(output, found)
        return find_round(output, found.id)


def _may_open(before: list[Round], opening: Opening, register: Register) -> bool:
    """Whether changes are said to come from verdicts. Raises UsageError where no round can be opened now."""
    going = next((one for one in before if one.state in OPEN), None)
    if going is not None:
        raise UsageError(
            f"{going.id}: 上一轮尚未结束（{going.state}） / the round before still goes on: close it, or abandon it with a reason "
            f"(round abandon)"
        )
    _must_be_ahead(opening, register)
    must_be_another(before, opening.value)
    if before and opening.from_verdicts is None:
        raise UsageError(
            "--from-verdicts/--not-from-verdicts: 请申明自上一轮以来的改动是否依据其人工判定作出 / say whether what was changed since the round "
            "before was derived from what people decided there"
        )
    return bool(opening.from_verdicts)


def _must_not_be_trained(run: Run, before: list[Round]) -> None:
    """Raises UsageError where a model of the run was trained on verdicts of this register: that is a change from them."""
    from models.from_review import read_trained_on  # with the classifier's tokeniser: slow to import

    used = read_trained_on(run.folder)
    names = sorted({one.round for one in used.rounds} & {one.id for one in before}) if used is not None else []
    if names:
        raise UsageError(
            f"--not-from-verdicts: {run.folder.name} 的分类模型用 {', '.join(names)} 的判定训练过，即依据判定作出的改动 / the classifier was trained on "
            f"verdicts of {', '.join(names)}, which is a change derived from them: give --from-verdicts"
        )


def _must_be_sources(opening: Opening, known: list[str]) -> None:
    """Raises UsageError where a source to be sampled is none of the run's, or is listed apart."""
    unknown = sorted(set(opening.design.sources or ()) - set(known))
    if unknown:
        raise UsageError(
            f"--source-sample: {', '.join(unknown)}: 该运行没有这些普通来源 / are no sources of the run that are assessed; those are: "
            f"{', '.join(known)}"
        )


def _must_be_ahead(opening: Opening, register: Register) -> None:
    now, expected = register.now().astimezone(UTC).isoformat(timespec="seconds"), opening.value.expected_at
    if expected <= now:
        raise UsageError(
            f"--value-expected: {expected} 已过（现在 {now}），冻结须先于公布 / is past (it is {now}): the frame has to be frozen before the "
            f"value is published; name a value still to come"
        )


def _usable(output: Output, run: Run, register: Register) -> dict[str, Any]:
    """The manifest of a run a round can stand on. Raises UsageError and RunFailed."""
    must_be_sound(output, run)
    finished = run.manifest["finished_at"]
    if register.now().astimezone(UTC).isoformat(timespec="seconds") < finished:
        raise RunFailed(
            f"{run.folder.name}: 系统时间早于该运行完成的时间 {finished} / the clock of this machine is behind the end of this run: set the clock"
        )
    return run.manifest


@contextmanager
def _pinned(output: Output) -> Iterator[Run]:
    """The current run, named below the rounds before anybody relies on it: `prune` leaves such runs alone."""
    pin = output.folder / FOLDER / PIN
    try:
        for _ in range(10):
            run = output.current
            if run is None:
                raise UsageError(f"{output.folder}: 还没有完成的运行 / no run has been completed yet")
            pin.write_text(run.folder.name + "\n", encoding="utf-8")
            now = output.current
            if now is not None and now.folder == run.folder:
                break
        else:
            raise RunFailed(f"{output.folder}: 当前运行不断更换 / the current run keeps changing: try again")
        yield run
    finally:
        pin.unlink(missing_ok=True)


@contextmanager
def disk_errors(output: Output) -> Iterator[None]:
    """A full or failing disk in one clear sentence. Raises RunFailed."""
    try:
        yield
    except (OSError, duckdb.Error, sqlite3.Error, pa.ArrowException) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunFailed(
            f"{output.folder / FOLDER}: 读写失败（{first}）；已登记的步骤不受影响，排除后再执行同一命令 / reading or writing failed ({first}); what is on "
            f"record stands: mend it and give the same command again"
        ) from error


@contextmanager
def workspace(output: Output) -> Iterator[Path]:
    """An empty folder for what DuckDB spills, removed afterwards; the register is held."""
    folder = output.folder / FOLDER / WORK / f"spill-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # something else is being made there
            folder.parent.rmdir()
