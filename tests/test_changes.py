"""What changed from run to run, the history, and its drawing."""

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import load_config
from pipeline.nights import history, trend
from pipeline.nights.changes import movement, zone
from pipeline.nights.document_changes import compare_documents
from pipeline.run import Options, run
from pipeline.store.output import Output, Run
from schemas.chain import append_to_chain
from schemas.results import DOCUMENTS
from tests.audits import BAD_WORDING, audit, give_salt, jsonl, make_corpus, texts

Row = tuple[str, str, bool]  # id, text, admitted


def fake_run(folder: Path, files: list[list[Row]]) -> Run:
    """A run folder as far as comparing documents needs it."""
    (folder / "documents").mkdir(parents=True)
    told = {}
    for number, rows in enumerate(files):
        path = folder / "documents" / f"s-{number:05d}.parquet"
        content: list[dict[str, Any]] = []
        for place, (doc_id, text, admitted) in enumerate(rows):
            row: dict[str, Any] = {field.name: None for field in DOCUMENTS}
            row |= {field.name: "" for field in DOCUMENTS if pa.types.is_string(field.type) and not field.nullable}
            row |= {field.name: 0 for field in DOCUMENTS if pa.types.is_integer(field.type) and not field.nullable}
            row |= {field.name: False for field in DOCUMENTS if pa.types.is_boolean(field.type) and not field.nullable}
            row |= {field.name: [] for field in DOCUMENTS if pa.types.is_list(field.type)}
            row |= {
                "doc_id": f"s:{doc_id}",
                "source_id": "s",
                "shard": f"f{number}",
                "row": place,
                "admitted": admitted,
            }
            row["content_hash"] = hashlib.sha256(text.encode()).hexdigest()
            row["exclusion_reason"] = None if admitted else "filtered"
            content.append(row)
        pq.write_table(pa.Table.from_pylist(content, schema=DOCUMENTS), path)
        told[f"documents/{path.name}"] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"files": told}))
    return Run(folder)


def expected(before: list[list[Row]], after: list[list[Row]]) -> Counter[str]:
    """New, changed and removed, counted by hand: copies of an id and text cancel, then texts of an id do."""
    old, new = (Counter((doc_id, text) for rows in side for doc_id, text, _ in rows) for side in (before, after))
    added: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for (doc_id, _), count in (new - old).items():
        added[doc_id] += count
    for (doc_id, _), count in (old - new).items():
        taken[doc_id] += count
    both = added & taken
    return Counter(new=(added - both).total(), changed=both.total(), removed=(taken - both).total())


ROWS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("xyz"), st.booleans()), max_size=6)


@given(before=st.lists(ROWS, max_size=3), after=st.lists(ROWS, max_size=3), at_once=st.integers(1, 4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_are_counted_as_by_hand_however_they_lie_in_files(
    tmp_path: Path, before: list[list[Row]], after: list[list[Row]], at_once: int
) -> None:
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    runs = fake_run(tmp_path / "runs" / "a", before), fake_run(tmp_path / "runs" / "b", after)
    found = compare_documents(*runs, examples=2, rows_at_once=at_once)
    counted = expected(before, after)
    assert {kind: found.kinds["s", kind] for kind in ("new", "changed", "removed")} == {
        kind: counted[kind] for kind in ("new", "changed", "removed")
    }
    assert all(len(ids) <= 2 for ids in found.examples.values())


def test_files_of_one_digest_are_not_read(tmp_path: Path) -> None:
    same = [("a", "x", True), ("a", "y", True)]
    before = fake_run(tmp_path / "a", [same, [("b", "x", True), ("c", "x", True)]])
    after = fake_run(tmp_path / "b", [same, [("b", "x", False), ("d", "x", True)]])
    (before.folder / "documents" / "s-00000.parquet").write_bytes(b"not to be opened")
    found = compare_documents(before, after, examples=5)
    assert (found.files, found.read, found.rows) == (4, 2, 4)
    assert found.kinds == {("s", "new"): 1, ("s", "removed"): 1}
    assert found.flips == {("s", "admitted", "filtered"): 1}
    assert found.examples["s", "admitted", "filtered"] == ["s:b"]


@pytest.mark.parametrize(
    ("violations", "documents", "expected_zone"),
    [
        (0, 0, ""),
        (0, 10, "below"),
        (39, 1000, "below"),
        (40, 1000, "near"),
        (50, 1000, "near"),
        (51, 1000, "above"),
        (399999999999, 10**13, "below"),
        (4 * 10**11, 10**13, "near"),
        (5 * 10**11 + 1, 10**13, "above"),
    ],
)
def test_the_band_beside_the_maximum_is_counted_in_whole_numbers(
    violations: int, documents: int, expected_zone: str
) -> None:
    assert zone({"violations": violations, "documents": documents}, (1, 20)) == expected_zone


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("", "above", "rose_above"),
        ("below", "above", "rose_above"),
        ("near", "above", "rose_above"),
        ("above", "above", "above"),
        ("above", "near", "fell_to_near"),
        ("above", "below", "fell_below"),
        ("below", "near", "came_near"),
        ("", "near", "came_near"),
        ("near", "near", "near"),
        ("near", "below", "left_near"),
        ("below", "below", ""),
        ("", "below", ""),
        ("above", "", ""),
    ],
)
def test_movements_are_named(was: str, now: str, said: str) -> None:
    assert movement(was, now) == said


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output after two nights: a shard came, one went, one changed, a source crossed, an entry by hand, a new seed."""
    folder = tmp_path_factory.mktemp("nights")
    corpus, out = make_corpus(folder / "c"), folder / "o"
    give_salt(out)
    run(load_config(corpus.config, out), Options())
    shutil.copytree(out, folder / "first", symlinks=True)
    plain = corpus.folder / "plain"
    rows = [{"id": f"n{i}", "text": text} for i, text in enumerate(texts("新", 60, every=3))]
    rows[1]["id"] = rows[0]["id"]  # a repeated id
    (plain / "c.jsonl").write_bytes(jsonl(rows))
    (corpus.folder / "packed" / "deep" / "b.jsonl.zst").unlink()
    lines = (plain / "b.jsonl").read_bytes().splitlines(keepends=True)
    (plain / "b.jsonl").write_bytes(b"".join([jsonl([{"text": f"改过的一条{BAD_WORDING}"}]), *lines[1:]]))
    corpus.write(seed="other")
    audit("blacklist", "add", out, "table", "--by", "Li", "--reason", "合同到期")
    run(load_config(corpus.config, out), Options())
    audit("blacklist", "add", out, "example.com", "--scope", "domain", "--by", "Wang", "--reason", "投诉")
    return out


def asked(out: Path, *arguments: object) -> Any:
    return json.loads(audit("query", out, *arguments, "--format", "json").stdout)


def test_changes_name_documents_sources_shards_decisions_entries_and_inputs(nights: Path) -> None:
    found = asked(nights, "changes")
    assert list(found) == [
        "changes",
        "changes_decisions",
        "changes_rates",
        "changes_shards",
        "changes_blacklist",
        "changes_inputs",
    ]
    counts = {row["source_id"]: (row["new"], row["changed"], row["removed"]) for row in found["changes"]}
    assert counts == {
        "合计 / total": (60, 1, 100),
        "plain": (60, 1, 0),
        "packed": (0, 0, 100),
        "table": (0, 0, 0),
        "bad": (0, 0, 0),
    }
    plain = next(row for row in found["changes"] if row["source_id"] == "plain")
    assert plain["changed_examples"] == ["plain:b.jsonl#0"]
    assert plain["new_examples"][0] == "plain:n0"
    moves = {row["source_id"]: row["movement"] for row in found["changes_rates"]}
    assert moves == {"plain": "rose_above", "bad": "above", "packed": "", "table": ""}
    assert [(row["source_id"], row["change"], row["examples"]) for row in found["changes_shards"]] == [
        ("packed", "gone", ["deep/b.jsonl.zst"]),
        ("plain", "changed", ["b.jsonl"]),
        ("plain", "new", ["c.jsonl"]),
    ]
    flips = {(row["source_id"], row["before"], row["after"]): row["documents"] for row in found["changes_decisions"]}
    assert flips["table", "admitted", "source_blacklisted"] == 240
    assert flips["plain", "admitted", "source_blacklisted"] == 373
    entries = [(row["source_key"], row["scope"], row["in_effect"]) for row in found["changes_blacklist"]]
    run_id = (nights / "current").resolve().name
    assert entries == [
        ("table", "source", run_id),
        ("plain", "suspended", run_id),
        ("example.com", "domain", "下次运行 / next run"),
    ]
    inputs = {row["input"] for row in found["changes_inputs"]}
    assert inputs == {"run_id", "started_at", "seed"}


@pytest.mark.parametrize("form", ["table", "csv"])
def test_changes_never_show_a_text(nights: Path, form: str) -> None:
    shown = audit("query", nights, "changes", "history", "history_runs", "trend", "--format", form).stdout
    assert "plain:n0" in shown
    assert BAD_WORDING[:6] not in shown
    assert "公园散步" not in shown


def test_no_more_examples_than_asked_for(nights: Path, tmp_path: Path) -> None:
    rows = asked(nights, "changes_decisions", "--examples", 2)
    assert {len(row["examples"]) for row in rows} == {2}
    assert {len(row["examples"]) for row in asked(nights, "changes_decisions", "--examples", 0)} == {0}
    audit("query", nights, "changes", "--format", "xlsx", "--to", tmp_path / "c.xlsx")
    assert (tmp_path / "c.xlsx").read_bytes().startswith(b"PK")


def test_a_first_run_has_nothing_to_compare_with_and_says_so(nights: Path) -> None:
    done = audit("query", nights.parent / "first", "changes", "trend")
    assert "the first run published" in done.stderr
    assert "走势" in done.stdout and "变化" not in done.stdout


def test_a_run_to_compare_with_can_be_named(nights: Path) -> None:
    first, last = [record["run_id"] for record in history.runs(Output(nights))]
    assert asked(nights, "changes", "--against", first) == asked(nights, "changes")
    same = asked(nights, "changes", "--against", last)
    assert {(row["new"], row["changed"], row["removed"]) for row in same["changes"]} == {(0, 0, 0)}
    assert "no such run" in audit("query", nights, "changes", "--against", "nobody", check=2).stderr


def test_a_pruned_run_is_no_more_compared_with(nights: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    shutil.copytree(nights, out, symlinks=True)
    first = history.runs(Output(out))[0]["run_id"]
    audit("prune", out, "--keep", 1)
    done = audit("query", out, "changes", "history_runs", "--format", "json")
    assert "were pruned" in done.stderr
    told = [(row["run_id"], row["on_disk"]) for row in json.loads(done.stdout)["history_runs"]]
    assert (told[0], told[1][1]) == ((first, False), True)
    assert "was pruned" in audit("query", out, "changes", "--against", first, check=2).stderr


def test_the_history_holds_every_run_and_source(nights: Path) -> None:
    rows = asked(nights, "history")
    assert len(rows) == 8
    plain = [row for row in rows if row["source_id"] == "plain"]
    assert [(row["documents"], row["status"]) for row in plain] == [(380, "admitted"), (440, "blacklisted")]
    assert [row["scanned"] for row in plain] == [380, 440]
    assert [row["scanned"] for row in rows if row["source_id"] == "table"] == [240, 0]
    assert [row["rejected"] for row in plain] == [4, 4]


def _rewritten(out: Path, change: Any) -> None:
    """Rewrites the history with a sound chain of its own."""
    records = [json.loads(line) for line in (out / history.FILE).read_text().splitlines()]
    change(records)
    (out / history.FILE).unlink()
    append_to_chain(
        out / history.FILE,
        [{key: value for key, value in r.items() if key not in ("previous", "sha256")} for r in records],
    )


def _lower_rate(records: list[dict[str, Any]]) -> None:
    records[0]["sources"][0]["violations"] = 0


@pytest.mark.parametrize(
    ("change", "pruned", "said"),
    [
        pytest.param(_lower_rate, False, "differs from what the run came to", id="numbers of a run still there"),
        pytest.param(_lower_rate, True, "the record that was last before this run is missing", id="of a pruned run"),
        pytest.param(lambda records: records.pop(0), True, "the record of this run is missing", id="left out"),
        pytest.param(lambda records: records.append(records[0]), False, "differs from its publication", id="twice"),
        pytest.param(lambda records: records.clear(), True, "not on record as pruned", id="all gone"),
        pytest.param(
            lambda records: records[0].update(run_id="20200101T000000Z-00000000"), True, "no such run", id="another run"
        ),
    ],
)
def test_a_rewritten_history_shows(nights: Path, tmp_path: Path, change: Any, pruned: bool, said: str) -> None:
    out = tmp_path / "o"
    shutil.copytree(nights, out, symlinks=True)
    if pruned:
        audit("prune", out, "--keep", 1)
    assert history.problems(Output(out)) == []
    _rewritten(out, change)
    assert any(said in problem for problem in history.problems(Output(out))), history.problems(Output(out))
    audit("verify", out, "--quick", check=3)


def test_a_flipped_byte_of_the_history_is_found_and_nothing_is_written_behind_it(nights: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    shutil.copytree(nights, out, symlinks=True)
    content = bytearray((out / history.FILE).read_bytes())
    content[content.index(b'"violations": ') + 14] ^= 1
    (out / history.FILE).write_bytes(content)
    assert "chain breaks" in audit("verify", out, "--quick", check=3).stdout
    assert "the history was changed" in audit("prune", out, "--keep", 1, check=3).stderr
    assert len(list((out / "runs").glob("2*"))) == 2


def test_a_run_killed_before_its_record_gets_it_with_the_next(nights: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    shutil.copytree(nights, out, symlinks=True)
    whole = (out / history.FILE).read_bytes()
    (out / history.FILE).write_bytes(whole[: whole.index(b"\n") + 9])  # a torn second record
    assert len(history.runs(Output(out))) == 2, "shown all the same"
    history.catch_up(Output(out))
    assert (out / history.FILE).read_bytes() == whole


def records(rates: dict[str, list[int | None]]) -> list[dict[str, Any]]:
    """History of sources with 1000 documents and these violations; None where a run lacks the source."""
    found = []
    for number in range(len(next(iter(rates.values())))):
        rows = [
            {
                "source_id": s,
                "documents": 1000,
                "violations": v[number],
                "status": "blacklisted" if v[number] > 90 else "admitted",
            }
            for s, v in rates.items()
            if v[number] is not None
        ]
        totals = {key: sum(row[key] for row in rows) for key in ("documents", "violations")}
        found.append({"started_at": f"2026-11-{number + 1:02d}", "maximum": [1, 20], "sources": rows, "totals": totals})
    return found


def test_crossings_are_where_the_rule_of_the_run_changed_its_mind() -> None:
    points = trend.series(records({"a": [10, 50, 51, 49, None, 60]}))["a"]
    assert [(point.run, point.above) for point in trend.crossings(points)] == [(2, True), (3, False), (5, True)]


HOSTILE = ("<script>alert('x')</script>", "\x00\x1b[31m", "很长的来源名" * 30, "a" * 300, '"&]]>')


@pytest.mark.parametrize("runs", [1, 3, 30, 200])
def test_the_drawing_is_whole_xml_that_loads_nothing(runs: int) -> None:
    rates: dict[str, list[int | None]] = {name: [n * 7 % 100 for n in range(runs)] for name in HOSTILE}
    drawn = trend.svg(records(rates))
    root = ElementTree.fromstring(drawn)
    tags = Counter(element.tag.rpartition("}")[2] for element in root.iter())
    assert not tags.keys() & {"script", "image", "use", "foreignObject", "a"}
    assert "href" not in drawn
    assert drawn.count("http") == 1, "the name of the SVG namespace"
    panels = [element for element in root if element.tag.endswith("}g")]
    assert len(panels) == len(HOSTILE) + 1, "a panel a source, and one for all"


@pytest.mark.parametrize("sources", [2, 12, 60, 75])
def test_the_drawing_has_a_panel_a_source_up_to_its_limit(sources: int) -> None:
    drawn = trend.svg(records({f"s{number:02d}": [number, number] for number in range(sources)}))
    panels = [element for element in ElementTree.fromstring(drawn) if element.tag.endswith("}g")]
    assert len(panels) == min(sources, trend.PANELS) + 1
    assert ("more sources not drawn" in drawn) == (sources > trend.PANELS)


def test_every_run_draws_the_trend_and_the_query_draws_the_same(nights: Path, tmp_path: Path) -> None:
    audit("query", nights, "trend", "--to", tmp_path / "trend.svg")
    assert (tmp_path / "trend.svg").read_bytes() == (nights / trend.FILE).read_bytes()
    assert "only trend" in audit("query", nights, "ledger", "--to", tmp_path / "x.svg", check=2).stderr
    rows = {row["source_id"]: row for row in asked(nights, "trend")}
    assert rows["bad"]["trend"] == "██"
    assert [crossed[0] for crossed in rows["plain"]["crossed"]] == ["↑"]
    by_status = defaultdict(set)
    for source, row in rows.items():
        by_status[row["status"]].add(source)
    assert by_status == {"blacklisted": {"bad", "plain", "table"}, "admitted": {"packed"}}
