"""Frames and draws of assessment rounds made again from the run a round names, for `verify`.

Samples are taken here by aggregates over all of the run's documents, not by the bounds they were drawn with.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.database import quoted
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from rounds.apart import NOTHING_APART, OF_STAGE, ORDINARY, ordinary_sources, set_apart
from rounds.carrying import NOTHING, carried
from rounds.design import Design
from rounds.drawing import ITEMS_FILE, MACHINE_FILE
from rounds.frame import documents_of, frame, strata
from rounds.items import Item, KnownText, choose_known, number_items
from rounds.machine import machine_rows, opinions
from rounds.register import Round
from rounds.samples import Chosen, Document, key_sql
from rounds.tables import KNOWN
from schemas.known_answers import load_known_answers
from schemas.profile import Profile

_COLUMNS = ("doc_id", "shard", "row", "source_id", "bucket", "stage", "content_hash")
_COMPARED = (
    *("item_no", "kind", "doc_id", "source_id", "shard", "row", "bucket", "stage", "content_hash"),
    *("samples", "second", "repeat_of", "carried_from"),
)
_FEW = 3  # items told of a difference


def wrong_texts(one: Round) -> Iterator[str]:
    """Every text is what its content hash says."""
    wrong = []
    with pq.ParquetFile(one.folder / ITEMS_FILE) as file:
        for batch in file.iter_batches(batch_size=64, columns=["item_no", "content_hash", "text"], use_threads=False):
            for row in batch.to_pylist():
                if hashlib.sha256(row["text"].encode()).hexdigest() != row["content_hash"]:
                    wrong.append(row["item_no"])
    if wrong:
        yield f"{one.id}/{ITEMS_FILE}: {len(wrong)} 条文本与哈希不符 / texts differ from their hashes: {wrong[:_FEW]}"


def run_of(output: Output, one: Round) -> Run:
    """The run a round was frozen from, there or not."""
    return Run(output.runs / one.run_id)


def reframed(output: Output, one: Round) -> Iterator[str]:
    """The frames of a round made again, while its run is there."""
    run = run_of(output, one)
    if run.folder.is_dir():
        with tempfile.TemporaryDirectory() as spill, documents_of(run, Path(spill)) as sql:
            yield from _frames(run, one, sql)


def _frames(run: Run, one: Round, sql: duckdb.DuckDBPyConnection) -> Iterator[str]:
    if sha256_file(run.folder / "manifest.json") != one.opened["manifest_sha256"]:
        yield f"{one.id}: 运行 {one.run_id} 的 manifest 不是冻结时的 / its run's manifest is not the one that was frozen"
    if one.opened["time"] < run.manifest["finished_at"]:
        yield f"{one.id}: 冻结于运行完成之前 / was frozen before its run was finished: {one.opened['time']}"
    for name, admitted in (("frame", True), ("collected", False)):
        found = vars(frame(sql, admitted))
        if found != one.opened[name]:
            yield f"{one.id}: {name}: 记载 / stated {one.opened[name]}，重算 / recomputed {found}"
    sizes, apart = strata(sql, ordinary_sources(run)), set_apart(sql)
    if one.opened.get("apart", NOTHING_APART) != apart:
        yield f"{one.id}: 单列的阶段与重算不符 / what is listed apart differs from what is recomputed"
    for event in (one.opened, one.drawn or {}):
        if event.get("strata", sizes) != sizes:
            yield f"{one.id}: 各层大小与重算不符 / sizes of strata differ from the recomputed ones ({event['event']})"


def redrawn(output: Output, one: Round, rounds: list[Round]) -> Iterator[str]:
    """The frame, the items in their order and what the machine said of them, made again while the run is there."""
    run = run_of(output, one)
    if not run.folder.is_dir():
        return
    assert one.drawn is not None
    with tempfile.TemporaryDirectory() as spill, documents_of(run, Path(spill)) as sql:
        wrong = [*_frames(run, one, sql)]
        yield from wrong
        if wrong:
            return
        design, seed = Design(**one.opened["design"]), one.drawn["seed"]
        chosen = _ranked(sql, seed, design)
        holding = carried(rounds, one, sql) if one.drawn["carried"]["from"] is not None else NOTHING
        known, surplus = _known(one, run, seed, design)
        yield from surplus
        items = number_items(seed, chosen, design, known, holding.among(chosen), holding.source)
        yield from _difference(one, ITEMS_FILE, list(map(_row, items)), _COMPARED)
        rows = list(machine_rows(items, opinions(sql, chosen)))
        yield from _difference(one, MACHINE_FILE, rows, tuple(rows[0]) if rows else ())
    yield from _counts(one, items)


def _ranked(sql: duckdb.DuckDBPyConnection, seed: str, design: Design) -> Chosen:
    """The documents of all samples; aggregates keep no more of a population than its sample."""
    columns = ", ".join(f'"{name}" := "{name}"' for name in _COLUMNS)
    found: dict[Document, list[str]] = {}
    assessed = ORDINARY
    if design.sources is not None:
        assessed += f" AND source_id IN ({', '.join(map(quoted, design.sources))})"
    for name, where, wanted in (
        ("'manual'", f"admitted AND {ORDINARY}", design.manual),
        ("'stage:' || stage", OF_STAGE, design.stage),
        ("'source:' || source_id || ':positive'", f"positive AND {assessed}", design.positive),
        ("'source:' || source_id || ':negative'", f"NOT positive AND {assessed}", design.negative),
    ):
        if not wanted:
            continue
        least = f"min(struct_pack(key := {key_sql(seed)}, {columns}), {wanted})"
        query = f"SELECT sample, unnest({least}) FROM (SELECT *, {name} AS sample FROM documents WHERE {where}) GROUP BY sample"
        for sample, one in sql.execute(query).fetchall():
            document = Document(**{column: one[column] for column in _COLUMNS})
            found.setdefault(document, []).append(sample)
    return {document: tuple(sorted(samples)) for document, samples in found.items()}


def _known(one: Round, run: Run, seed: str, design: Design) -> tuple[list[KnownText], list[str]]:
    """The known answers of the round; chosen again where this version ships the texts of then, else as they lie there."""
    assert one.drawn is not None
    expected = dict(zip(*_read(one, MACHINE_FILE, ["item_no", "expected"]).to_pydict().values(), strict=True))
    table = _read(one, ITEMS_FILE, ["item_no", "kind", "text"])
    table = table.filter(pc.equal(table.column("kind"), KNOWN))
    there = [KnownText(expected[row["item_no"]][0], row["text"]) for row in table.to_pylist()]
    texts = load_known_answers()
    if one.drawn.get("known_answers_sha256") != texts.sha256:
        return there, []
    counted = Profile.model_validate(run.manifest["profile"]).counted_risks
    chosen = choose_known(seed, texts, counted, design.known)
    if set(chosen) == set(there):
        return there, []
    return there, [f"{one.id}: 已知答案不是种子所选 / known answers are not those the seed chooses"]


def _row(item: Item) -> dict[str, Any]:
    document = vars(item.document) if item.document is not None else {}
    own = {name: getattr(item, name, None) for name in _COMPARED}
    return {
        **own,
        **{name: document.get(name) for name in ("doc_id", "source_id", "shard", "row")},
        "samples": list(item.samples),
    }


def _difference(one: Round, name: str, expected: list[dict[str, Any]], columns: tuple[str, ...]) -> Iterator[str]:
    stored = _read(one, name, list(columns)).to_pylist()
    if len(stored) != len(expected):
        yield f"{one.id}/{name}: {len(stored)} 条，重算得 / rows, recomputed {len(expected)}"
    wrong = [
        row["item_no"]
        for row, other in zip(stored, expected, strict=False)
        if any(row[column] != other[column] for column in columns)
    ]
    if wrong:
        yield f"{one.id}/{name}: {len(wrong)} 条与重抽不符，如 / items differ from a new draw, e.g. {wrong[:_FEW]}"


def _counts(one: Round, items: list[Item]) -> Iterator[str]:
    assert one.drawn is not None
    found = {
        "items": len(items),
        "second": sum(item.second for item in items),
        "known": sum(item.known is not None for item in items),
        "repeat": sum(item.repeat_of is not None for item in items),
    }
    held = sum(item.carried_from is not None for item in items)
    for name, count in [*found.items(), ("carried", held)]:
        stated = one.drawn["carried"]["items"] if name == "carried" else one.drawn[name]
        if stated != count:
            yield f"{one.id}: {name}: 记载 / stated {stated}，重算 / recomputed {count}"


def _read(one: Round, name: str, columns: list[str]) -> pa.Table:
    return pq.read_table(one.folder / name, columns=columns, use_threads=False)
