"""Closes a round: freezes what people decided, computes what it comes to, and puts both on record.

The order is: review closed, files in place, line in the register, then what follows for the blacklist. Each step can be
done again, so that the same command goes on wherever it was killed; until the line is in the register nothing is claimed.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, Run, synced, write_json
from pipeline.store.scans import sha256_file
from review.store import ReviewStore
from rounds import consequences
from rounds.checks import carried_otherwise, contradictions, known_unread, undecided
from rounds.database import build_database, database_rows
from rounds.design import plain
from rounds.drawing import PRIVATE_FILE, PRIVATE_FOLDER, write_rows
from rounds.facts import RunFacts, Tables, run_facts
from rounds.frame import must_be_sound
from rounds.history import history_of
from rounds.register import CLOSED, DRAWN, Clock, Register, Round, find_round, utc_now
from rounds.results import RESULT_FILE, RoundResult, read_result, result_of
from rounds.tables import FINALS, READINGS

READINGS_FILE, FINALS_FILE, DATABASE_FILE = "readings.parquet", "finals.parquet", "round.duckdb"
FILES = (READINGS_FILE, FINALS_FILE, RESULT_FILE, DATABASE_FILE)
_MAKING = ".closing"
_NAMED = 20


def close(output: Output, round_: Round, by: str, clock: Clock = utc_now, with_unread: bool = False) -> RoundResult:
    """Closes a round whose items are all decided, and returns what it comes to.

    Known answers nobody read would count as not found, for good: that takes `with_unread`. A round closed before is not touched; only what follows from it is made up for. Raises UsageError while verdicts are
    missing, RunFailed where tables, register and review contradict each other, OutputBusy where another command is at work
    on the rounds, or a run holds the output (the round is then closed and the command can be repeated).
    """
    by = plain("--by", by)
    register = Register(output, clock)
    with register.held():
        found = find_round(output, round_.id)
        if found.state not in (CLOSED, DRAWN):
            raise UsageError(
                f"{found.id}: 状态为 {found.state}，不能关闭 / is {found.state}: only a round that was drawn can be closed"
            )
        if found.closed is None:
            _close(output, register, found, by, with_unread)
            found = find_round(output, found.id)
        result = read_result(found)
    profile = run_facts(Run(output.runs / found.run_id)).profile
    consequences.follow(output, found, result, profile)
    return result


def _close(output: Output, register: Register, found: Round, by: str, with_unread: bool) -> None:
    _must_be_drawn_so(found)
    run = Run(output.runs / found.run_id)
    facts = _sound_facts(output, run, found)
    with _review(output, found) as store:
        _must_be_decided(found, store, with_unread)
        _must_fit(found, store, facts)  # before it is closed for good, while it can be put right
        head = store.close(by)
        tables, judged = _must_fit(found, store, facts)
    made = found.folder / _MAKING
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=PRIVATE_FOLDER)
    result = result_of(found, tables, facts, history_of(output, found, facts))
    _write(made, found, result, tables, register, judged, head)
    for name in FILES:
        (made / name).replace(found.folder / name)
    made.rmdir()
    synced(found.folder)
    register.append(
        {
            "event": CLOSED,
            "round": found.id,
            "by": by,
            **{f"{Path(name).stem}_sha256": sha256_file(found.folder / name) for name in FILES[:3]},
            "database_sha256": sha256_file(found.folder / DATABASE_FILE),
            "review_head": head,
            "passed": result.passed,
            "outcome": result.outcome,
        }
    )


def _sound_facts(output: Output, run: Run, found: Round) -> RunFacts:
    """The facts of the run. Raises RunFailed unless it is there as it was when the round was frozen from it."""
    facts = run_facts(run)
    must_be_sound(output, run)
    if sha256_file(run.folder / "manifest.json") != found.opened["manifest_sha256"]:
        raise RunFailed(f"{run.folder}: 与冻结时不同 / is not the run that was frozen: restore it from a copy")
    return facts


@contextlib.contextmanager
def _review(output: Output, found: Round) -> Iterator[ReviewStore]:
    store = ReviewStore.open(output, found)
    try:
        yield store
    finally:
        store.shut()


def _must_be_drawn_so(found: Round) -> None:
    """Raises RunFailed unless items and machine's opinions are the files that were drawn."""
    assert found.drawn is not None
    for name in ("items", "machine"):
        path = found.folder / f"{name}.parquet"
        if not path.is_file() or sha256_file(path) != found.drawn[f"{name}_sha256"]:
            raise RunFailed(
                f"{path}: 缺失或与登记不符 / missing or not what was drawn: restore it from a copy; nothing was closed"
            )


def _must_be_decided(found: Round, store: ReviewStore, with_unread: bool) -> None:
    """Raises UsageError naming how many items of which sample are not decided, or how many known answers wait for a reading."""
    assert found.drawn is not None
    tables = Tables.of(found.folder, store.readings(), store.finals())
    missing = undecided(tables)
    if missing:
        raise UsageError(
            f"{found.id}: 尚有条目没有终判，不能关闭 / items without a final verdict, the round cannot be closed:\n"
            + "\n".join(f"  {name}: {count}" for name, count in missing.items())
        )
    unread = 0 if with_unread else known_unread(tables, str(found.drawn["seed"]))
    if unread:
        raise UsageError(
            f"{found.id}: 尚有 {unread} 条已知答案未判完（初判、复判或裁决），关闭后一律按未判出计 / {unread} known answers wait for a first or second reading or "
            f"an adjudication, and would count as not found: go on judging, or close --with-unread"
        )


def _must_fit(found: Round, store: ReviewStore, facts: RunFacts) -> tuple[Tables, tuple[pa.Table, pa.Table]]:
    """What was judged, with the round's tables. Raises RunFailed where it contradicts itself or what was drawn."""
    judged = store.readings(), store.finals()
    tables = Tables.of(found.folder, *judged)
    problems = [*store.check(), *contradictions(found, tables, facts), *carried_otherwise(found, tables)]
    if problems:
        raise RunFailed(
            f"{found.id}: 判读记录与抽样矛盾，未关闭 / what was judged contradicts what was drawn, nothing was closed:\n"
            + "\n".join(problems[:_NAMED])
        )
    return tables, judged


def _write(
    made: Path,
    found: Round,
    result: RoundResult,
    tables: Tables,
    register: Register,
    judged: tuple[pa.Table, pa.Table],
    head: str,
) -> None:
    """All four files, synced, read-only and their owner's alone, in a folder that is nobody's yet."""
    for name, schema, table in ((READINGS_FILE, READINGS, judged[0]), (FINALS_FILE, FINALS, judged[1])):
        write_rows(made / name, schema, table.to_pylist(), {"round": found.id})
    write_json(made / RESULT_FILE, result.content)
    digests: Mapping[str, str] = {f"{Path(name).stem}_sha256": sha256_file(made / name) for name in FILES[:3]}
    rows = database_rows(found, result.content, tables, register.events(), {**digests, "review_head": head})
    build_database(made / DATABASE_FILE, rows)
    for name in FILES:
        (made / name).chmod(PRIVATE_FILE)
        synced(made / name)
