"""Builds round.duckdb once, when a round is closed: its tables, what they come to, and the register so far."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from pipeline.database import connect, quoted
from rounds.agreement import Row
from rounds.facts import Tables
from rounds.history import DOMAIN
from rounds.register import Round
from rounds.tables import MANUAL
from schemas.database import Column, Table

_TYPES = {
    "VARCHAR": pa.string(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
# Chinese names for those who read the tables by hand
_VIEWS = {
    "v_抽检结果": (
        "人工抽检与各阶段补充样本 / manual check and stages",
        "SELECT '人工抽检' AS 样本, population AS 总体, judged AS 抽检, failures AS 不合格, unclear AS 其中无法判定, allowed AS 至多可有, "
        "qualified_share AS 合格率, wilson_low AS 双侧95下端, wilson_high AS 双侧95上端, exact_low AS 单侧95下限, carried AS 沿用, conclusion AS 结论 "
        "FROM manual_result UNION ALL SELECT '阶段 ' || stage, population, judged, failures, unclear, allowed, qualified_share, wilson_low, "
        "wilson_high, exact_low, carried, NULL FROM stage_results",
    ),
    "v_来源评估": (
        "各来源的违法不良率及单侧 95 % 上下限 / sources by rate",
        "SELECT source_id AS 来源, documents AS 过滤前条数, positive_judged + negative_judged AS 判定, rate AS 估计, rate_low AS 下限, rate_high AS 上限, "
        "positive_unclear + negative_unclear AS 无法判定, conclusion AS 结论 FROM source_results ORDER BY rate DESC NULLS LAST, source_id",
    ),
    "v_一致性": (
        "独立两读的一致性 / agreement",
        "SELECT coalesce(first_reader || ' × ' || second_reader, '全部') AS 人员, pairs AS 条数, raw AS 一致率, kappa AS \"Cohen κ\", ac1 AS \"Gwet AC1\", "
        "positive AS 不合格一致率 FROM agreement",
    ),
    "v_终判": (
        "人工抽检样本逐条终判 / final verdicts of the manual sample",
        "SELECT item_no AS 条目, doc_id AS 语料, source_id AS 来源, verdict AS 终判, f.risks AS 风险, f.personal AS 个人信息, how AS 方式, text AS 正文 "
        f"FROM items_drawn JOIN finals f USING (item_no) WHERE list_contains(samples, '{MANUAL}') ORDER BY item_no",
    ),
}


@lru_cache(maxsize=1)
def tables() -> dict[str, Table]:
    """The tables of round.duckdb by name, from database.yaml."""
    content = yaml.safe_load(resources.files("rounds").joinpath("database.yaml").read_text(encoding="utf-8"))
    judged = {name: value for name, value in content["manual_result"]["columns"].items() if name != "clause"}
    for name in ("minimum", "enough", "conclusion", "basis"):
        del judged[name]
    content["stage_results"]["columns"] |= judged  # the same counts and intervals
    return {
        name: Table(
            name, table["comment"], tuple(Column(column, *told) for column, told in table["columns"].items()), False
        )
        for name, table in content.items()
    }


def database_rows(
    round_: Round, content: Mapping[str, Any], tables_: Tables, register: Sequence[Row], digests: Mapping[str, str]
) -> dict[str, list[Row]]:
    """The rows of every table. `digests` are those of the round's files and the head of the review's log."""
    assert round_.drawn is not None
    about = {
        "public_value": round_.drawn["value"],
        "seed": round_.drawn["seed"],
        "items_sha256": round_.drawn["items_sha256"],
        "machine_sha256": round_.drawn["machine_sha256"],
    }
    named = ("round", "schema_version", "run_id", "profile", "criteria", "ruleset_sha256", "passed")
    return {
        "round_info": [{name: content[name] for name in named} | about | dict(digests)],
        "items_drawn": [{**row, "text": row["text"] if MANUAL in row["samples"] else None} for row in tables_.items],
        "readings": tables_.readings,
        "finals": tables_.finals,
        "manual_result": [content["manual"]],
        "reliance": [content["reliance"]],
        "doubts": content["doubts"],
        "earlier_rounds": content["earlier"],
        "blacklist_standing": blacklist_rows(content["blacklist"]),
        "stage_results": content["stages"],
        "source_results": content["sources"],
        "machine_results": content["machine"],
        "risk_results": content["risks"],
        "personal_results": content["personal"],
        "agreement": content["agreement"],
        "people": content["people"],
        "operating_curve": content["operating_curve"],
        "clauses": content["clauses"],
        "register": [register_row(event) for event in register],
    }


def blacklist_rows(told: Mapping[str, Any]) -> list[Row]:
    """What of the blacklist stands against a run, as rows."""
    listed = [{**row, "standing": "listed", "documents": None} for row in told["listed"]]
    return listed + [
        {"source_key": row["domain"], "scope": DOMAIN, "standing": "lifted_on_file", "documents": row["documents"]}
        for row in told["lifted_domains"]
    ]


def register_row(event: Row) -> Row:
    """An event of the register as a row; what the event does not say is NULL."""
    carried = event.get("carried") or {}
    return {
        **{name: event.get(name) for name in ("seq", "time", "event", "round", "by", "run_id", "changes")},
        **{name: event.get(name) for name in ("from_verdicts", "value", "seed", "items", "passed", "reason", "sha256")},
        "frame_sha256": (event.get("frame") or {}).get("sha256"),
        "design": _json(event.get("design")),
        "carried_from": carried.get("from"),
        "carried_items": carried.get("items"),
        "outcome": _json(event.get("outcome")),
    }


def build_database(target: Path, rows: Mapping[str, Iterable[Row]]) -> None:
    """Writes the database: tables, views and comments, closed, checkpointed and read-only."""
    with connect(str(target)) as connection:
        for table in tables().values():
            connection.register("given", arrow_table(table, rows[table.name]))
            definition = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            connection.execute(f'CREATE TABLE "{table.name}" ({definition})')
            connection.execute(f'INSERT INTO "{table.name}" FROM given')
            connection.unregister("given")
            connection.execute(f'COMMENT ON TABLE "{table.name}" IS {quoted(table.comment)}')
            for column in table.columns:
                connection.execute(f'COMMENT ON COLUMN "{table.name}"."{column.name}" IS {quoted(column.comment)}')
        for name, (comment, query) in _VIEWS.items():
            connection.execute(f'CREATE VIEW "{name}" AS {query}')
            connection.execute(f'COMMENT ON VIEW "{name}" IS {quoted(comment)}')
        connection.execute("CHECKPOINT")
    target.chmod(0o444)


def arrow_table(table: Table, rows: Iterable[Row]) -> pa.Table:
    """Rows in the columns of a table."""
    schema = pa.schema([pa.field(column.name, _TYPES[str(column.type)]) for column in table.columns])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
