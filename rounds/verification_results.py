"""What `verify` says of the results of closed rounds: everything made again from their tables, each difference named."""

import json
from collections.abc import Iterator
from typing import Any

from pipeline.database import connect, quoted
from pipeline.store.output import Output, Run
from rounds import verification_review
from rounds.checks import carried_otherwise, contradictions, undecided
from rounds.closing import DATABASE_FILE
from rounds.database import arrow_table, database_rows, tables
from rounds.facts import Tables, run_facts
from rounds.history import history_as_closed
from rounds.register import Register, Round
from rounds.results import RoundResult, read_result, result_of
from rounds.verification_blacklist import problems_of_decisions
from schemas.profile import load_profile, shipped_profiles

_FEW = 20  # differences told of a result


def problems(output: Output, round_: Round) -> Iterator[str]:
    """Every way in which a closed round's result does not follow from its tables, a line each; none of an open round."""
    if round_.closed is None or round_.drawn is None:
        return
    stated, parts = read_result(round_), Tables.of_closed(round_.folder)
    yield from verification_review.problems(output, round_)
    missing = undecided(parts)
    if missing:
        yield f"{round_.id}/finals.parquet: 条目没有终判 / items without a final verdict: {missing}"
        return
    run = Run(output.runs / round_.run_id)
    facts = run_facts(run) if run.folder.is_dir() else None  # that a run is gone is told with its round
    for problem in contradictions(round_, parts, facts):
        yield f"{round_.id}/{problem}"
    yield from carried_otherwise(round_, parts)
    if facts is None:
        yield from _decisions(output, round_, stated)
        return
    try:
        history = history_as_closed(output, round_, facts, stated.content)
    except ValueError as error:
        yield f"{round_.id}/result.json: {error}"
        yield from problems_of_decisions(output, round_, stated, facts.profile)
        return
    again = result_of(round_, parts, facts, history)
    yield from _otherwise(round_, again, stated)
    yield from _database(output, round_, again, parts)
    yield from problems_of_decisions(output, round_, again, facts.profile)


def _decisions(output: Output, round_: Round, stated: RoundResult) -> Iterator[str]:
    """Decisions on the blacklist against the result as it lies there, without the run it was made from."""
    name = stated.content["profile"]
    if name in shipped_profiles():
        yield from problems_of_decisions(output, round_, stated, load_profile(name))
    else:
        yield f"blacklist: 口径 {name} 只在已不在的运行中，无法核对 / its profile was in the run that is gone: decisions are not checked"


def _otherwise(round_: Round, again: RoundResult, stated: RoundResult) -> Iterator[str]:
    """Every figure of the result, and what the register says of it, that is not what the tables come to."""
    assert round_.closed is not None
    differences = list(_differences("", json.loads(json.dumps(again.content)), stated.content))
    for place, made, told in differences[:_FEW]:
        yield f"{round_.id}/result.json: {place}: 记载 / stated {_brief(told)}，重算 / recomputed {_brief(made)}"
    if len(differences) > _FEW:
        yield f"{round_.id}/result.json: 另有 {len(differences) - _FEW} 处 / more differences"
    if (round_.closed["passed"], round_.closed["outcome"]) != (again.passed, again.outcome):
        yield f"{round_.id}: 登记的结果与重算不符 / the outcome on record is not what its tables come to"


def _differences(place: str, made: Any, told: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(made, dict) and isinstance(told, dict):
        for key in sorted(made.keys() | told.keys()):
            yield from _differences(f"{place}.{key}".lstrip("."), made.get(key), told.get(key))
    elif isinstance(made, list) and isinstance(told, list) and len(made) == len(told):
        for number, (one, other) in enumerate(zip(made, told, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other)
    elif made != told or isinstance(made, bool) != isinstance(told, bool):
        yield place, made, told


def _brief(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)[:200]


def _database(output: Output, round_: Round, again: RoundResult, parts: Tables) -> Iterator[str]:
    """The rows of every table of round.duckdb."""
    assert round_.closed is not None
    named = ("readings_sha256", "finals_sha256", "result_sha256", "review_head")
    before = [event for event in Register(output).events() if event["seq"] < round_.closed["seq"]]
    rows = database_rows(round_, again.content, parts, before, {name: round_.closed[name] for name in named})
    with connect() as sql:
        sql.execute(f"ATTACH {quoted(str(round_.folder / DATABASE_FILE))} AS round (READ_ONLY)")
        for name, table in tables().items():
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            sql.register("made", arrow_table(table, rows[name]))
            stored, made = f'SELECT {columns} FROM round."{name}"', f"SELECT {columns} FROM made"
            different = sum(
                len(sql.execute(f"({one}) EXCEPT ALL ({other})").fetchall())
                for one, other in ((stored, made), (made, stored))
            )
            if different:
                yield f"{round_.id}/{DATABASE_FILE}: {name}: {different} 行与重算不符 / rows differ"
            sql.unregister("made")
