"""Rounds: what is frozen and what is drawn from it, compared with a plain recomputation."""

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RunFailed
from pipeline.store.output import Output
from rounds.criteria import criteria_version, load_criteria, parse_criteria
from rounds.design import Design, part_of
from rounds.frame import frame
from rounds.items import choose_known, number_items
from rounds.register import find_round
from rounds.samples import Document, choose
from rounds.tables import ITEMS, KNOWN, MACHINE, REPEAT, SAMPLE
from schemas.known_answers import load_known_answers
from schemas.loading import DocumentError
from schemas.risks import risks
from tests.audits import Corpus, sql
from tests.round_runs import (
    HOSTILE,
    VALUE,
    Clock,
    audited,
    drawn,
    items_of,
    night,
    opened,
    ready,
)

__all__ = ["audited", "ready"]


def _documents(out: Path) -> list[dict[str, Any]]:
    names = ["doc_id", "source_id", "shard", "row", "bucket", "stage", "content_hash", "admitted"]
    names += ["illegal_unhealthy", "candidate_risks", "risks", "pii_level"]
    columns = ", ".join(f'"{name}"' for name in names)
    return [dict(zip(names, row, strict=True)) for row in sql(out, f"SELECT {columns} FROM documents")]


def _positive(row: dict[str, Any]) -> bool:
    unhealthy = {"A4-a", "A4-b", "A4-c", "A4-d", "A4-e", "A4-g"}
    return bool(row["illegal_unhealthy"]) or any(
        risk in unhealthy or risk[:2] in ("A1", "A2") for risk in row["candidate_risks"]
    )


def _place(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["source_id"], row["shard"], row["row"]


@pytest.mark.parametrize(("name", "admitted"), [("frame", True), ("collected", False)])
def test_a_frame_is_the_digest_of_sorted_lines(ready: Path, name: str, admitted: bool) -> None:
    found = find_round(Output(ready))
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})
    documents = [row for row in _documents(ready) if row["admitted"] or not admitted]
    lines = sorted(f"{row['doc_id'].translate(escaped)}\t{row['content_hash']}\n".encode() for row in documents)
    assert found.opened[name] == {"documents": len(lines), "sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    assert 0 < len(lines) < sum(1 for _ in _documents(ready)) or not admitted


def test_ids_with_tabs_and_line_feeds_pass_for_no_two_lines(tmp_path: Path) -> None:

    def digest(*rows: tuple[str, str]) -> str:
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE documents (doc_id VARCHAR, content_hash VARCHAR, admitted BOOLEAN)")
            connection.executemany("INSERT INTO documents VALUES (?, ?, true)", rows)
            return frame(connection, admitted=True).sha256

    assert digest(("a\tH\nb", "h"), ("c", "i")) != digest(("a", "H"), ("b\th\nc", "i"))
    assert digest(("x", "1"), ("y", "2")) == digest(("y", "2"), ("x", "1"))
    assert digest(("x", "1"), ("x", "1")) != digest(("x", "1"))


IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(IDS, st.binary(max_size=2), st.booleans()), max_size=40))
def test_a_frame_is_sorted_by_code_points_whatever_ids_hold(rows: list[tuple[str, bytes, bool]]) -> None:
    hashed = [(one, hashlib.sha256(text).hexdigest(), admitted) for one, text, admitted in rows]
    columns = list(zip(*hashed, strict=True)) or [(), (), ()]
    types = [pa.string(), pa.string(), pa.bool_()]
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
    escaped = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})
    lines = sorted(f"{one.translate(escaped)}\t{digest}\n" for one, digest, admitted in hashed if admitted)
    with duckdb.connect() as connection:
        connection.register("documents", pa.table(arrays, names=["doc_id", "content_hash", "admitted"]))
        found = frame(connection, admitted=True)
    assert vars(found) == {"documents": len(lines), "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}


def test_sizes_of_strata_are_those_of_the_run(ready: Path) -> None:
    found = find_round(Output(ready))
    assert found.drawn is not None
    expected: dict[str, int] = {"manual": 0}
    for row in _documents(ready):
        for name in _populations(row):
            expected[name] = expected.get(name, 0) + 1
    stated = {name: size for name, size in found.drawn["strata"].items() if size}
    assert stated == expected
    assert found.opened["strata"] == found.drawn["strata"]
    assert any(name.endswith(":positive") and size for name, size in stated.items())


def _populations(row: dict[str, Any]) -> list[str]:
    own = ["manual", f"stage:{row['stage']}"] if row["admitted"] else []
    return [*own, f"source:{row['source_id']}:{'positive' if _positive(row) else 'negative'}"]


def test_samples_are_the_smallest_keys_of_their_populations(ready: Path) -> None:
    found = find_round(Output(ready))
    assert found.drawn is not None
    seed = found.drawn["seed"]
    assert seed == f"R0001/{VALUE}"
    populations: dict[str, list[tuple[Any, ...]]] = {}
    for row in _documents(ready):
        text = f"{seed}\n{row['doc_id']}\n{row['content_hash']}"
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        for name in _populations(row):
            populations.setdefault(name, []).append((key, row["doc_id"], row["shard"], row["row"], row["source_id"]))
    sizes = {"manual": 120, "stage": 40, "positive": 6, "negative": 15}
    expected: dict[tuple[str, str, int], set[str]] = {}
    for name, rows in populations.items():
        size = sizes[name.rpartition(":")[2] if name.startswith("source:") else name.partition(":")[0]]
        for _, _, shard, number, source in sorted(rows)[:size]:
            expected.setdefault((source, shard, number), set()).add(name)
    items = [row for row in items_of(found) if row["kind"] == SAMPLE]
    assert {_place(row): set(row["samples"]) for row in items} == expected
    assert len(items) == len(expected), "a document in several samples is one item"
    assert any(len(row["samples"]) == 3 for row in items)
    counted = {name: sum(name in row["samples"] for row in items) for name in found.drawn["sizes"]}
    assert counted == found.drawn["sizes"]


def test_auditors_draw_the_manual_sample_again_in_one_query(ready: Path) -> None:
    found = find_round(Output(ready))
    assert found.drawn is not None
    seed = found.drawn["seed"].replace("'", "''")
    query = f"""SELECT source_id, shard, "row" FROM documents WHERE admitted
        ORDER BY substr(sha256('{seed}' || chr(10) || doc_id || chr(10) || content_hash), 1, 16), doc_id, shard, "row" LIMIT 120"""
    drawn_places = {_place(row) for row in items_of(found) if "manual" in row["samples"]}
    assert drawn_places == set(sql(ready, query))
    assert len(drawn_places) == 120


def test_texts_are_what_the_corpus_holds_however_it_is_stored(ready: Path) -> None:
    items = items_of(find_round(Output(ready)))
    wrong = [row["item_no"] for row in items if hashlib.sha256(row["text"].encode()).hexdigest() != row["content_hash"]]
    assert not wrong
    there = {row["source_id"] for row in items if row["kind"] == SAMPLE}
    assert there == {"plain", "packed", "table", "bad", "qa", "lines", "hostile", "long"}, "every format was read"
    assert {"a.jsonl", "b.parquet"} <= {row["shard"] for row in items if row["source_id"] == "long"}
    held = {row["text"].partition(" ")[2] for row in items if row["source_id"] == "hostile"}
    assert held == set(HOSTILE), "scripts, formulas, bidi and control characters come back as they are"


def test_shards_were_cut_in_parts(audited: tuple[Corpus, Path]) -> None:
    manifest = json.loads((audited[1] / "current" / "manifest.json").read_text())
    parts = {shard["shard"]: len(shard["parts"]) for shard in manifest["shards"] if shard["source_id"] == "long"}
    assert parts["a.jsonl"] > 1
    assert parts["b.parquet"] > 1


def test_bounds_that_are_too_low_are_raised_until_the_samples_are_whole() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE documents AS SELECT 's:' || i AS doc_id, 's' AS source_id, 'a' AS shard, i AS "row", 'zh' AS bucket,
            'pretrain' AS stage, sha256(i::VARCHAR) AS content_hash, true AS admitted, i % 7 = 0 AS positive FROM range(3000) t(i)"""
        )
        design = Design(manual=20, stage=5, positive=3, negative=4)
        sizes = {"manual": 3000, "stage:pretrain": 3000, "source:s:positive": 429, "source:s:negative": 2571}
        with pytest.raises(RunFailed, match="各层大小"):
            choose(connection, "R0001/1", design, {**sizes, "source:t:positive": 50})
        far = {name: size * 10**6 for name, size in sizes.items()}  # whose bounds lie too low
        assert choose(connection, "R0001/1", design, far) == choose(connection, "R0001/1", design, sizes)
        ranked = sorted(
            (
                hashlib.sha256(f"R0001/1\ns:{i}\n{hashlib.sha256(str(i).encode()).hexdigest()}".encode()).hexdigest()[
                    :16
                ],
                i,
            )
            for i in range(3000)
        )
        found = choose(connection, "R0001/1", design, sizes)
        assert {one.row for one, names in found.items() if "manual" in names} == {i for _, i in ranked[:20]}
        assert {one.row for one, names in found.items() if "source:s:positive" in names} == {
            i for _, i in [pair for pair in ranked if pair[1] % 7 == 0][:3]
        }


def test_items_are_numbered_mixed_and_read_twice_by_hash(ready: Path) -> None:
    found = find_round(Output(ready))
    assert found.drawn is not None
    items = items_of(found)
    assert [row["item_no"] for row in items] == list(range(1, len(items) + 1))
    kinds = {kind: [row for row in items if row["kind"] == kind] for kind in (SAMPLE, KNOWN, REPEAT)}
    count = len(kinds[SAMPLE])
    told = {name: found.drawn[name] for name in ("items", "second", "known", "repeat")}
    twice = {kind: sum(row["second"] for row in rows) for kind, rows in kinds.items()}
    assert twice == {SAMPLE: math.ceil(count / 2), KNOWN: 5, REPEAT: 0}, (
        "known answers are read twice as the others are"
    )
    assert told == {
        "items": len(items), "second": twice[SAMPLE] + twice[KNOWN], "known": 9, "repeat": math.ceil(count / 20)
    }  # fmt: skip
    assert not any(row["samples"] for row in (*kinds[KNOWN], *kinds[REPEAT]))
    originals = {row["item_no"]: row for row in kinds[SAMPLE]}
    for row in kinds[REPEAT]:
        assert originals[row["repeat_of"]]["text"] == row["text"]
    assert {row["doc_id"] for row in kinds[KNOWN]} == {None}
    assert all(row["stage"] for row in kinds[KNOWN]), "nothing a reader sees gives a known answer away"
    halves = [sum(row["kind"] == SAMPLE and "manual" in row["samples"] for row in part) for part in _halves(items)]
    assert abs(halves[0] - halves[1]) < 40, "samples are mixed over the whole order"


def _halves(items: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    return items[: len(items) // 2], items[len(items) // 2 :]


def test_what_the_machine_said_lies_apart_and_is_the_runs(ready: Path) -> None:
    found = find_round(Output(ready))
    documents = {_place(row): row for row in _documents(ready)}
    columns = 'source_id, shard, "row", detector, risk_id, pii_type, "start", "end", verdict'
    findings: dict[tuple[str, str, int], set[tuple[Any, ...]]] = {}
    for source, shard, row, *values in sql(ready, f"SELECT {columns} FROM findings"):
        findings.setdefault((source, shard, row), set()).add(tuple(values))
    machine = {row["item_no"]: row for row in items_of(found, "machine")}
    assert not {"risks", "findings", "illegal_unhealthy", "pii_level"} & set(ITEMS.names)
    names = ("detector", "risk_id", "pii_type", "start", "end", "verdict")
    for item in items_of(found):
        said = machine[item["item_no"]]
        if item["kind"] == KNOWN:
            assert item["text"] in load_known_answers().texts[said["expected"][0]]
            continue
        own = documents[_place(item)]
        facts = ("risks", "candidate_risks", "illegal_unhealthy", "pii_level")
        assert {name: said[name] for name in facts} == {name: own[name] for name in facts}
        assert {tuple(one[name] for name in names) for one in said["findings"]} == findings.get(_place(item), set())
        assert said["expected"] == []
    assert sum(bool(row["findings"]) for row in machine.values()) > 10
    assert MACHINE.names == list(next(iter(machine.values())))


def test_workers_do_not_show_in_what_is_drawn(audited: tuple[Corpus, Path], ready: Path, tmp_path: Path) -> None:
    corpus, _ = audited
    out, clock = tmp_path / "o", Clock()
    night(corpus, out, workers=2)
    opened(out, clock)
    found = drawn(out, clock)
    for name in ("items.parquet", "machine.parquet"):
        assert (found.folder / name).read_bytes() == (ready / "rounds" / "R0001" / name).read_bytes()


DOCUMENTS = st.builds(
    lambda number, text: Document(f"s:{number}", "a", number, "s", "zh", "pretrain", hashlib.sha256(text).hexdigest()),
    st.integers(0, 500),
    st.binary(max_size=3),
)


@settings(max_examples=60, deadline=None)
@given(
    documents=st.lists(DOCUMENTS, min_size=1, max_size=60, unique_by=lambda one: one.row),
    held=st.integers(0, 60),
    second=st.sampled_from(["0", "0.1", "0.333333", "1"]),
    repeat=st.sampled_from(["0", "0.05", "1"]),
    turned=st.randoms(use_true_random=False),
)
def test_numbering_depends_on_seed_and_documents_alone(
    documents: list[Document], held: int, second: str, repeat: str, turned: Any
) -> None:
    design = Design(second=second, repeat=repeat, known=5)
    known = choose_known("s", load_known_answers(), risks(), 5)
    carried = frozenset(documents[:held])
    items = number_items("s", dict.fromkeys(documents, ("manual",)), design, known, carried, "R0001")
    turned.shuffle(documents)
    assert number_items("s", dict.fromkeys(documents, ("manual",)), design, known, carried, "R0001") == items
    judged = len(documents) - len(carried)
    for kind, count in ((SAMPLE, judged), (KNOWN, 5), (REPEAT, 0)):
        assert sum(one.second for one in items if one.kind == kind) == part_of(second, count)
    assert sum(one.kind == REPEAT for one in items) == part_of(repeat, judged)
    by_number = {one.item_no: one for one in items}
    for one in items:
        assert not (one.carried_from and (one.second or one.kind == REPEAT)), "what is carried is judged by nobody"
        if one.repeat_of is not None:
            assert by_number[one.repeat_of].document == one.document
            assert by_number[one.repeat_of].carried_from is None


def test_known_answers_are_of_every_risk_that_counts_before_any_twice() -> None:
    counted = [risk for risk in risks() if not risk.startswith("A5")]
    few, many = (choose_known("s", load_known_answers(), counted, size) for size in (len(counted), 40))
    assert {one.risk for one in few} == set(counted)
    assert many[: len(few)] == few
    assert len(many) == 40
    assert choose_known("s", load_known_answers(), counted, 10_000) != []
    assert choose_known("other", load_known_answers(), counted, 40) != many


def test_the_criteria_have_a_rule_for_each_risk_and_the_four_parts() -> None:
    found = load_criteria()
    assert set(found.risks) == set(risks())
    assert found.version == criteria_version()
    assert all(word in found.zh for word in ("目标", "数据格式", "合格", "不合格", "无法判定", "质量指标", *risks()))
    assert len(found.zh.splitlines()) == len(found.en.splitlines())


def test_any_change_of_the_criteria_is_another_version() -> None:

    text = resources.files("rounds").joinpath("criteria.yaml").read_text(encoding="utf-8")
    assert parse_criteria(text + "# x\n").version != criteria_version()
    with pytest.raises(DocumentError, match="A3-c"):
        parse_criteria(text.replace("  A3-c:", "  A9-c:"))
