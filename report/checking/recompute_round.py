"""From an evidence folder alone: the draw of the round, and its results from what people read, made again."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blacklist.log import replay
from report.checking.comparison import brief, table_differences
from report.checking.recompute_records import Records
from report.checking.recompute_sources import largest_key, wrong_keys
from report.evidence import layout
from report.evidence.workspace import Workspace
from rounds.agreement import Row
from rounds.checks import contradictions, undecided
from rounds.database import arrow_table, database_rows
from rounds.database import tables as database_tables
from rounds.design import Design, seed_of
from rounds.facts import UNANSWERED, RunFacts, SourceFacts, Tables
from rounds.history import DOMAIN, listed_but_admitted, restated
from rounds.items import choose_known, number_items, strata_of
from rounds.register import Round
from rounds.results import result_of
from rounds.samples import Document
from rounds.tables import KNOWN, SAMPLE
from rounds.value_form import has_form
from schemas.chain import GENESIS
from schemas.known_answers import load_known_answers
from schemas.sources import APART

_FEW = 20
_LEFT_OUT = {"items_drawn": ("text",), "readings": ("note",)}  # of round.duckdb: not in the evidence
_BY_TEXT = ("machine", "left_out")  # of a result: rest on texts where verdicts trained the run's model
_COMPARED = ("item_no", "kind", "content_hash", "second", "repeat_of", "carried_from")


@dataclass(frozen=True)
class _Length:
    """The text of an item, of which the evidence tells how long it is."""

    chars: int

    def __len__(self) -> int:
        return self.chars


@dataclass(frozen=True)
class _Known:
    """A known answer of a version of the software that is not this one: its digest stands for it."""

    content_hash: str
    text: str = ""


def tables_of(workspace: Workspace) -> Tables:
    """The four tables of the round as far as the evidence has them."""
    machine: list[Row] = [*workspace.rows("FROM round.machine ORDER BY item_no")]
    chars = {row["item_no"]: row["chars"] for row in machine}
    items = workspace.rows("FROM round.items_drawn ORDER BY item_no")
    return Tables(
        [{**row, "text": _Length(chars.get(row["item_no"]) or 0)} for row in items],
        machine,
        [{**row, "note": None} for row in workspace.rows("FROM round.readings ORDER BY item_no, seq")],
        [*workspace.rows("FROM round.finals ORDER BY item_no")],
    )


def facts_of(records: Records, workspace: Workspace) -> RunFacts:
    """What results need of the run."""
    (facts,) = workspace.rows("FROM record.facts")
    versions = records.manifest["source_versions"]
    personal = workspace.connection.execute(
        "SELECT level, sum(documents)::BIGINT FROM audit.pii_basis WHERE phase = 'collected' GROUP BY level"
    ).fetchall()
    return RunFacts(
        run_id=records.manifest["run_id"],
        profile=records.profile,
        ruleset_sha256=records.manifest["ruleset_sha256"],
        sources={
            row["source_id"]: SourceFacts(
                admitted=row["status"] == "admitted",
                documents=row["documents"],
                machine_violations=row["violations"],
                version=versions.get(row["source_id"], ""),
                open_reasons=tuple(reason for reason in row["review_reasons"] if reason in UNANSWERED),
                apart=row["stage"] in APART,
            )
            for row in workspace.rows("FROM audit.source_stats ORDER BY source_id")
        },
        personal=dict(personal),
        unlooked=facts["personal_failed"],
        folder=Path(workspace.folder / "record" / "no-model"),
    )


def draw(records: Records, workspace: Workspace) -> Iterator[str]:
    """The seed from the public value, sizes of samples, keys, order, second readings and repeats."""
    found = records.round
    if found is None or found.drawn is None:
        return
    drawn, opened = found.drawn, found.opened
    if (
        drawn["seed"] != seed_of(found.id, drawn["value"])
        or found.valued is None
        or found.valued["value"] != drawn["value"]
    ):
        yield f"{found.id}: 种子不是由轮次与登记的公开值得出 / the seed is not made of round and value on record"
    if not has_form(drawn["value"], opened["public_value"]["form"]):
        yield f"{found.id}: 公开值不是约定的写法 / the value is not written as was said beforehand"
    if opened["time"] >= opened["public_value"]["expected_at"]:
        yield f"{found.id}: 冻结不早于公布 / was frozen when the value was to be known already"
    design, strata = Design(**opened["design"]), drawn["strata"]
    if drawn["strata"] != opened["strata"]:
        yield f"{found.id}: 各层大小前后不一 / sizes of strata differ between opening and draw"
    for name, size in strata_of(strata, design).items():
        where = f"kind = '{SAMPLE}' AND list_contains(samples, '{name.replace(chr(39), chr(39) * 2)}')"
        count = workspace.value(f"SELECT count(*) FROM round.items_drawn WHERE {where}")
        if count != size:
            yield f"round.items_drawn: {name}: {count} 条，应为 / items, should be {size}"
        if size and largest_key(size, strata[name]) is not None:
            yield from wrong_keys(workspace, "round.items_drawn", drawn["seed"], 1, size, strata[name], where)
    yield from _numbering(records, workspace, found, design)


def _numbering(records: Records, workspace: Workspace, found: Round, design: Design) -> Iterator[str]:
    """Which items are read by two or shown again, and in which order, goes by hash."""
    assert found.drawn is not None
    rows = workspace.rows("FROM round.items_drawn ORDER BY item_no")
    sampled = [row for row in rows if row["kind"] == SAMPLE]
    fields = Document.__dataclass_fields__
    chosen = {Document(**{name: row[name] for name in fields}): tuple(row["samples"]) for row in sampled}
    carried = {Document(**{name: row[name] for name in fields}) for row in sampled if row["carried_from"] is not None}
    texts, seed = load_known_answers(), found.drawn["seed"]
    there = {row["content_hash"] for row in rows if row["kind"] == KNOWN}
    known: list[Any] = [_Known(digest) for digest in sorted(there)]
    if found.drawn.get("known_answers_sha256") == texts.sha256:
        known = list(choose_known(seed, texts, records.profile.counted_risks, design.known))
        if {one.content_hash for one in known} != there:
            yield f"{found.id}: 已知答案不是种子所选 / known answers are not those the seed chooses"
            return
    items = number_items(seed, chosen, design, known, carried, found.drawn["carried"]["from"])
    wrong = [
        row["item_no"]
        for row, item in zip(rows, items, strict=False)
        if any(row[name] != getattr(item, name) for name in _COMPARED)
    ]
    if wrong or len(rows) != len(items):
        yield f"round.items_drawn: {len(wrong)} 条与重排不符，如 / items are not numbered as the seed has it, e.g. {wrong[:3]}"


def results(records: Records, workspace: Workspace) -> Iterator[str]:
    """Finals from readings, every figure of the result from both, and each table of the round from the result."""
    found = records.round
    if found is None:
        for name in ("items_drawn", "readings", "finals", "manual_result", "source_results"):
            if workspace.value(f"SELECT count(*) FROM round.{name}"):
                yield f"round.{name}: 没有轮次而有内容 / holds rows, and there is no round"
        return
    assert found.closed is not None
    parts, facts = tables_of(workspace), facts_of(records, workspace)
    missing = undecided(parts)
    if missing:
        yield f"round.finals: 条目没有终判 / items without a final verdict: {missing}"
        return
    yield from contradictions(found, parts, facts)
    stated = workspace.record("round_result")
    yield from _blacklist(records, found, facts, stated)
    again = result_of(found, parts, facts, restated(found, records.chains["register"], stated))
    trained = workspace.value("SELECT trained_model FROM record.facts")
    for name in sorted(again.content.keys() | stated.keys()):
        if trained and name in _BY_TEXT:
            continue
        made, told = again.content.get(name), stated.get(name)
        if _one_form(made) != _one_form(told):
            yield f"round_result.json {name}: {'; '.join(_differences(name, made, told))}"
    if not trained and (found.closed["passed"], found.closed["outcome"]) != (again.passed, again.outcome):
        yield f"{found.id}: 登记的结果与重算不符 / the outcome on record is not what its tables come to"
    yield from _database(records, found, workspace, stated, parts)


def _blacklist(records: Records, found: Round, facts: RunFacts, stated: Mapping[str, Any]) -> Iterator[str]:
    """The blacklist the result rests on is the log's, not from before the round was opened, and lists these sources."""
    events, told = records.chains["blacklist"], stated["blacklist"]
    places = {GENESIS: 0} | {event["sha256"]: place for place, event in enumerate(events, start=1)}
    if places.get(told["head"], -1) < places.get(found.opened.get("blacklist_opened", GENESIS), 0):
        yield f"{found.id}: 结果所依据的黑名单不是当时的 / the blacklist the result rests on was not the one in force: {told['head']}"
        return
    listed = listed_but_admitted(
        replay(events[: places[told["head"]]]), facts
    )  # of sources: its documents are not here
    if [row for row in told["listed"] if row["scope"] != DOMAIN] != listed:
        yield f"{found.id}: 列入黑名单而仍准入的来源与记录不符 / sources listed and yet admitted are not those of the log"


def _one_form(value: Any) -> str:
    """A value as JSON has it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _differences(place: str, made: Any, told: Any) -> list[str]:
    found = [
        f"{where}: 记载 / stated {brief(old)}，重算 / recomputed {brief(new)}"
        for where, new, old in _walk(place, made, told)
    ]
    return found[:_FEW]


def _walk(place: str, made: Any, told: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(made, Mapping) and isinstance(told, Mapping):
        for key in sorted(made.keys() | told.keys()):
            yield from _walk(f"{place}.{key}", made.get(key), told.get(key))
    elif isinstance(made, list) and isinstance(told, list) and len(made) == len(told):
        for number, (one, other) in enumerate(zip(made, told, strict=True)):
            yield from _walk(f"{place}[{number}]", one, other)
    elif made != told:
        yield place, made, told


def _database(
    records: Records, found: Round, workspace: Workspace, stated: Mapping[str, Any], parts: Tables
) -> Iterator[str]:
    """The rows of every table of round.duckdb that is in the evidence."""
    assert found.closed is not None
    closed = found.closed
    digests = {name: closed[name] for name in ("readings_sha256", "finals_sha256", "result_sha256", "review_head")}
    before = [event for event in records.chains["register"] if event["seq"] < closed["seq"]]
    plain = Tables([{**row, "text": None} for row in parts.items], parts.machine, parts.readings, parts.finals)
    rows = database_rows(found, stated, plain, before, digests)
    for name in layout.evidence()["round"]:
        table = database_tables()[name]
        left_out = _LEFT_OUT.get(name, ())
        columns = [column.name for column in table.columns if column.name not in left_out]
        made = arrow_table(table, rows[name]).select(columns)
        listed = ", ".join(f'"{column}"' for column in columns)
        there = workspace.connection.sql(f'SELECT {listed} FROM round."{name}" ORDER BY ALL').to_arrow_table()
        ordered = workspace.connection.from_arrow(made).order(listed).to_arrow_table()
        yield from (f"round.{name}: {told}" for told in table_differences(there, ordered))


def unproved(workspace: Workspace) -> list[str]:
    """What of the round the evidence cannot show."""
    lines = [
        "按域名列入或解除而其后仍准入者：逐条语料不在证据中 / domains listed or lifted, and yet admitted: documents are not in the evidence"
    ]
    if workspace.value("SELECT trained_model FROM record.facts"):
        lines.append(
            "机器的查准率与漏检率：模型用过人工判定，剔除哪些条目须看原文 / precision and misses of the machine: its model was trained on verdicts, and texts tell which items that leaves out"
        )
    carried: dict[str, int] = defaultdict(int)
    for row in workspace.rows("SELECT carried_from FROM round.items_drawn WHERE carried_from IS NOT NULL"):
        carried[row["carried_from"]] += 1
    for name, count in sorted(carried.items()):
        lines.append(
            f"沿用 {name} 的 {count} 条判定：该轮的判读不在证据中 / {count} verdicts carried over from {name}, whose readings are not in the evidence"
        )
    return lines
