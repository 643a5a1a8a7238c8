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
from rounds.register import Register, Round
from rounds.results import RoundResult, read_result, result_of
from rounds.verification_blacklist import problems_of_decisions

_FEW = 20  # differences told of a result


def problems(output: Output, round_: Round) -> Iterator[str]:
    """Every way in which a closed round's result does not follow from its tables, a line each; none of an open round."""
    if round_.closed is None or round_.drawn is None:
        return
    stated = read_result(round_)
    run = Run(output.runs / round_.run_id)
    if not run.folder.is_dir():
        return  # `unproved` says so
    parts, facts = Tables.of_closed(round_.folder), run_facts(run)
    missing = undecided(parts)
    if missing:
        yield f"{round_.id}/finals.parquet: 条目没有终判 / items without a final verdict: {missing}"
        return
    for problem in contradictions(round_, parts, facts):
        yield f"{round_.id}/{problem}"
    again = result_of(round_, parts, facts)
    differences = list(_differences("", json.loads(json.dumps(again.content)), stated.content))
    for place, made, told in differences[:_FEW]:
        yield f"{round_.id}/result.json: {place}: 记载 / stated {_brief(told)}，重算 / recomputed {_brief(made)}"
    if len(differences) > _FEW:
        yield f"{round_.id}/result.json: 另有 {len(differences) - _FEW} 处 / more differences"
    if (round_.closed["passed"], round_.closed["outcome"]) != (again.passed, again.outcome):
        yield f"{round_.id}: 登记的结果与重算不符 / the outcome on record is not what its tables come to"
    yield from _database(output, round_, again, parts)
    yield from carried_otherwise(round_, parts)
    yield from verification_review.problems(output, round_)
    yield from problems_of_decisions(output, round_, again, facts.profile)


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
