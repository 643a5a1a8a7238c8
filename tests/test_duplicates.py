"""Copies are found across sources and units, the first stays, near copies are near, and increments change nothing."""

import random
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.planted import jaccard, plant, shingles
from pipeline.database import connect, over_files, parquet_list
from pipeline.duplicates import tables
from pipeline.duplicates.bands import BANDS, band_values, bands_path, signatures_of
from pipeline.duplicates.copies import find_copies
from pipeline.duplicates.diversity import diversity_basis, diversity_rows, merged_sources, mostly_copies
from pipeline.duplicates.groups import join_empty, join_groups, write_groups
from pipeline.duplicates.report import told_by_documents
from pipeline.duplicates.search import search
from pipeline.duplicates.tables import duplicate_rows, find_repeated, group_rows, load_copies, overlap_rows
from pipeline.store.scans import ScanStore
from schemas.profile import Diversity
from schemas.results import DOCUMENTS
from schemas.sources import SourceRecord
from transforms.fingerprint import Fingerprint, content_hashes, rehydrate
from transforms.text import TextBatch

TERMS = Diversity(clause="5.1b", minimum=2, merge=(1, 2), floor=(1, 1000), share=(1, 100))
EMPTY = b"\xff" * 256


@dataclass
class Site:
    """A store with units of documents, as a run leaves them."""

    folder: Path
    documents: list[Path] = field(default_factory=list)
    hashes: list[Path] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    texts: list[list[str]] = field(default_factory=list)

    @property
    def store(self) -> ScanStore:
        return ScanStore(str(self.folder / "scans"))

    def add(self, source: str, texts: list[str], admitted: list[bool] | None = None) -> "Site":
        """Another unit behind the others."""
        batch = TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))
        name, rows = f"{source}-{len(self.keys)}", len(texts)
        table = pa.table(
            {
                "source_id": pa.array([source] * rows, pa.string()),
                "domain": pa.nulls(rows, pa.string()),
                "shard": pa.array([name] * rows, pa.string()),
                "row": pa.array(range(rows), pa.int64()),
                "doc_id": pa.array([f"{name}#{row}" for row in range(rows)], pa.string()),
                "content_hash": pa.array([digest.hex() for digest in content_hashes(batch).to_pylist()], pa.string()),
                "admitted": pa.array(admitted or [True] * rows, pa.bool_()),
            }
        )
        self.folder.mkdir(exist_ok=True)
        self.documents.append(self.folder / f"{name}.parquet")
        pq.write_table(table, self.documents[-1])
        halves = [[int(digest[at : at + 16], 16) for digest in table["content_hash"].to_pylist()] for at in (0, 16)]
        self.hashes.append(self.folder / f"{name}-hashes.parquet")
        columns = [pa.array(half, pa.uint64()) for half in halves]
        pq.write_table(pa.table(columns, names=["text_high", "text_low"]), self.hashes[-1])
        self.keys.append(f"{len(self.keys):064x}")
        layer = Path(self.store.path("fingerprint", self.keys[-1]))
        layer.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_batches([Fingerprint()(batch)]), layer)
        self.texts.append(texts)
        return self


Edge = tuple[int, int, int, int]
Member = tuple[int, int, float]


def searched(site: Site, units: Sequence[int], threshold: float = 0.8) -> tuple[str, list[Edge], list[Member]]:
    """How those units were searched, the edges and the members of groups."""
    with connect() as sql:
        how = search(sql, [site.keys[unit] for unit in units], threshold, site.store, site.folder)
        join_groups(sql)
        edges = sql.execute("SELECT a, b, same, bands FROM edges ORDER BY ALL").fetchall()
        return how, edges, sql.execute("SELECT n, root, similarity FROM members ORDER BY n").fetchall()


def copies(site: Site, near: float | None, without: tuple[frozenset[str], frozenset[str]] | None = None) -> list[str]:
    """The copies left out, as unit#row."""
    with connect() as sql:
        if near is not None:
            search(sql, site.keys, near, site.store, site.folder)
            join_groups(sql)
        found = find_copies(sql, site.documents, site.hashes, near is not None, without or (frozenset(), frozenset()))
    return [f"{unit}#{row}" for unit, rows in sorted(found.items()) for row in rows]


def story(seed: int, words: int = 300) -> list[str]:
    draw = random.Random(seed)
    return [
        "".join(draw.choices("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳", k=3))
        for _ in range(words)
    ]


def changed(words: list[str], places: int, seed: int = 0) -> str:
    draw = random.Random(seed)
    words = words.copy()
    for place in draw.sample(range(len(words)), places):
        words[place] = f"改{draw.randrange(10**6)}"
    return "".join(words)


def signatures(site: Site) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for unit, key in enumerate(site.keys):
        column = pq.read_table(site.store.path("fingerprint", key)).column("minhash").to_pylist()
        found |= {(unit << 32) + row: value for row, value in enumerate(column)}
    return found


@pytest.mark.parametrize(
    ("units", "left_out"),
    [
        ([("a", ["甲", "乙", "甲"])], ["0#2"]),
        ([("a", ["丙", "甲"]), ("b", ["甲", "乙", "甲"])], ["1#0", "1#2"]),
        ([("a", ["甲"]), ("b", ["乙"])], []),
        ([("a", ["", "\u200b", ""])], ["0#2"]),
        ([("a", [])], []),
    ],
)
def test_the_first_of_equal_texts_stays(
    tmp_path: Path, units: list[tuple[str, list[str]]], left_out: list[str]
) -> None:
    site = Site(tmp_path / "s")
    for source, texts in units:
        site.add(source, texts)
    assert copies(site, None) == left_out
    assert copies(site, 0.9) == left_out, "who keeps one of near copies keeps one of equal ones"


def test_documents_that_are_not_admitted_are_no_originals(tmp_path: Path) -> None:
    words = story(1)
    site = Site(tmp_path / "s").add("a", ["甲", "甲", "甲", "".join(words)], [False, True, True, False])
    site.add("b", [changed(words, 3), changed(words, 4, 1)])
    assert copies(site, None) == ["0#2"]
    assert copies(site, 0.8) == ["0#2", "1#1"], "the first admitted one of a group stays"
    assert copies(site, 0.8, (frozenset({"b"}), frozenset())) == ["0#2"]


def test_near_copies_are_found_from_the_threshold_and_different_texts_are_not(tmp_path: Path) -> None:
    originals = [story(seed) for seed in range(40)]
    site = Site(tmp_path / "s").add("a", ["".join(words) for words in originals])
    site.add("b", [changed(words, 6) for words in originals])
    assert set(copies(site, 0.8)) <= {f"1#{row}" for row in range(40)}
    assert len(copies(site, 0.8)) >= 38
    assert copies(site, None) == []


def test_texts_of_nothing_are_not_near_copies_of_one_another(tmp_path: Path) -> None:
    assert copies(Site(tmp_path / "s").add("a", ["\u200b", "\u200c", "\u200d"]), 0.8) == []


def test_equal_texts_of_nothing_are_a_group_and_others_are_not(tmp_path: Path) -> None:
    site = Site(tmp_path / "s").add("a", ["\u200b", "甲乙丙丁", "\u200c"]).add("b", ["\u200b", "\u200b\u200b"])
    target = tmp_path / "near.parquet"
    with connect() as sql:
        search(sql, site.keys, 0.8, site.store, site.folder)
        join_groups(sql)
        join_empty(sql, [Path(bands_path(site.store, key)) for key in site.keys], site.hashes)
        assert write_groups(sql, site.documents, site.hashes, target) == 2
    rows = pq.read_table(target).to_pylist()
    assert [(row["group_no"], row["source_id"], row["row"], row["similarity"]) for row in rows] == [
        (1, "a", 0, 1.0),
        (1, "b", 0, 1.0),
    ]
    assert len({row["text"] for row in rows}) == 1


def test_nothing_to_compare_is_nothing_found(tmp_path: Path) -> None:
    assert searched(Site(tmp_path / "s"), []) == ("whole", [], [])
    assert copies(Site(tmp_path / "t"), 0.8) == []


def test_every_edge_is_what_datasketch_estimates(tmp_path: Path) -> None:
    site = Site(tmp_path / "s")
    for kind in ("zh", "en", "code"):
        site.add(kind, [t for p in plant(kind, "short", 0.8, 15) for t in (p.original, p.copy)])
    found, stored = searched(site, range(3), 0.5)[1], signatures(site)
    assert len(found) >= 40
    for a, b, same, _ in found:
        assert same / 64 == rehydrate(stored[a]).jaccard(rehydrate(stored[b])) >= 0.5


@pytest.mark.parametrize(("wanted", "least"), [(0.9, 0.95), (0.8, 0.4)])
def test_planted_pairs_are_linked(tmp_path: Path, wanted: float, least: float) -> None:
    pairs = [p for kind in ("zh", "en", "code") for p in plant(kind, "long", wanted, 20)]
    for pair in pairs:
        assert jaccard(shingles(pair.original), shingles(pair.copy)) == pair.jaccard == pytest.approx(wanted, abs=0.011)
    site = Site(tmp_path / "s").add("a", [text for p in pairs for text in (p.original, p.copy)])
    found = {(a, b) for a, b, _, _ in searched(site, [0])[1]}
    assert sum((2 * n, 2 * n + 1) in found for n in range(len(pairs))) >= least * len(pairs)
    assert all(a // 2 == b // 2 for a, b in found)


def test_a_crowd_on_one_boilerplate_stays_linear_and_loses_no_near_copy(tmp_path: Path) -> None:
    frame, texts = "".join(story(0, 400)), []
    for number in range(600):
        own = story(number + 1, 130)
        texts += [frame + "".join(own), frame + changed(own, 3, number)]
    site = Site(tmp_path / "s").add("a", texts)
    found = {(a, b) for a, b, _, _ in searched(site, [0], 0.8)[1]}
    assert sum((2 * n, 2 * n + 1) in found for n in range(600)) >= 560
    assert len(found) <= 1200 * 16 * 6


def test_ten_thousand_equal_texts_make_a_star(tmp_path: Path) -> None:
    found = searched(
        Site(tmp_path / "s")
        .add("a", ["一样的文章，一个字也不差"] * 5000)
        .add("b", ["一样的文章，一个字也不差"] * 5000),
        [0, 1],
    )
    assert len(found[1]) == 9999
    assert {(root, similarity) for _, root, similarity in found[2]} == {(0, 1.0)}


def small() -> st.SearchStrategy[list[list[int]]]:
    """Units of documents, each a number that stands for a text; texts of equal tens are near copies."""
    return st.lists(st.lists(st.integers(0, 49), max_size=8), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def near_texts() -> list[str]:
    found = []
    for number in range(50):
        words = story(number // 10)
        found.append("".join(words) if number % 10 == 0 else changed(words, 2 * (number % 10), number))
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(units=small())
def test_groups_are_what_brute_force_gives(tmp_path: Path, near_texts: list[str], units: list[list[int]]) -> None:
    """In groups of five or fewer different texts of a band every pair is compared: nothing that meets is missed."""
    site = fresh(tmp_path)
    for number, unit in enumerate(units):
        site.add(f"s{number}", [near_texts[text] for text in unit])
    _, edges, members = searched(site, range(len(units)))
    stored = signatures(site)
    sketches = {n: rehydrate(value) for n, value in stored.items()}
    bands = {n: band_values(signatures_of(pa.array([value])))[0, :BANDS] for n, value in stored.items()}
    similar = {
        (a, b)
        for a, b in combinations(sorted(stored), 2)
        if sketches[a].jaccard(sketches[b]) >= 0.8 and (bands[a] == bands[b]).any()
    }
    assert {(a, b) for a, b, _, _ in edges} <= similar
    groups, expected = partition((n, root) for n, root, _ in members), partition(similar)
    if all(len({stored[n] for n in group}) <= 5 for group in expected):
        assert groups == expected
    for group in groups:
        assert any(group <= whole for whole in expected)
    roots = defaultdict(set)
    for n, root, _ in members:
        roots[root].add(n)
    assert all(root == min(group) for root, group in roots.items())
    by_text: dict[str, list[int]] = defaultdict(list)
    for n in stored:
        by_text[site.texts[n >> 32][n & 0xFFFFFFFF]].append(n)
    exact = {n for numbers in by_text.values() for n in sorted(numbers)[1:]}
    assert {(int(c.split("#")[0]) << 32) + int(c.split("#")[1]) for c in copies(site, None)} == exact
    assert exact <= {n for n, root, _ in members if n != root}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_increment_gives_what_a_search_from_the_start_gives(
    tmp_path: Path, near_texts: list[str], data: st.DataObject
) -> None:
    site = fresh(tmp_path)
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    for number in range(14):
        site.add(f"s{number}", [near_texts[draw.randrange(50)] for _ in range(draw.randrange(1, 6))])
    states = [sorted(set(range(14)) - {data.draw(st.integers(0, 13)), data.draw(st.integers(0, 13))}) for _ in range(3)]
    grown = [searched(site, state) for state in states]
    assert grown[0][0] == "whole"
    assert {how for how, _, _ in grown[1:]} <= {"increment", "known", "whole"}
    for state, found in zip(states, grown, strict=True):
        shutil.rmtree(site.folder / "scans" / "similar")
        assert searched(site, state)[1:] == found[1:]


def test_increments_are_taken_where_little_changed(tmp_path: Path, near_texts: list[str]) -> None:
    site = Site(tmp_path / "s")
    for number in range(10):
        site.add(f"s{number}", near_texts[number * 5 : number * 5 + 5])
    steps = [range(10), range(10), range(9), [0, 1, 2, 3, 4, 5, 6, 7, 9], range(2), [1, 0]]
    assert [searched(site, units)[0] for units in steps] == [
        "whole",
        "known",
        "increment",
        "increment",
        "whole",
        "whole",
    ]
    assert searched(site, range(10), 0.7)[0] == "whole", "another threshold"
    (site.folder / "scans" / "similar" / "latest.json").write_text("{", encoding="utf-8")
    assert searched(site, range(9), 0.7)[0] == "whole", "a damaged note costs time, nothing else"
    Path(bands_path(site.store, site.keys[9])).unlink()
    assert searched(site, range(8), 0.7)[0] == "increment"
    assert searched(site, range(10), 0.7)[0] == "known"
    assert searched(site, range(8), 0.7)[0] == "known"


def test_groups_do_not_depend_on_how_documents_are_packed(tmp_path: Path, near_texts: list[str]) -> None:
    one, many = Site(tmp_path / "one").add("s", near_texts), Site(tmp_path / "many")
    for start in range(0, 50, 7):
        many.add("s", near_texts[start : start + 7])

    def groups(site: Site) -> list[tuple[int, int]]:
        members = searched(site, range(len(site.keys)))[2]
        place = {
            (unit << 32) + row: sum(map(len, site.texts[:unit])) + row
            for unit in range(len(site.keys))
            for row in range(len(site.texts[unit]))
        }
        return sorted((place[n], place[root]) for n, root, _ in members)

    assert groups(one) == groups(many) != []


@settings(max_examples=40, deadline=None)
@given(edges=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(lambda e: e[0] < e[1]), max_size=60))
def test_components_are_those_of_a_plain_union(edges: list[tuple[int, int]]) -> None:
    with connect() as sql:
        table(sql, edges)
        join_groups(sql)
        found = sql.execute("SELECT n, root FROM members").fetchall()
    assert partition(found) == partition(edges)
    assert len(found) == len({n for edge in edges for n in edge})


def test_a_long_chain_is_one_group() -> None:
    order = list(range(3000))
    random.Random(1).shuffle(order)
    with connect() as sql:
        table(sql, [(min(pair), max(pair)) for pair in pairwise(order)])
        join_groups(sql)
        assert sql.execute("SELECT count(*), min(root), max(root) FROM members").fetchall() == [(3000, 0, 0)]


def test_band_values_differ_where_signatures_do() -> None:
    draw = np.random.default_rng(5)
    values = draw.integers(0, 2**32, (2000, 64), dtype=np.uint32)
    changed_one = values.copy()
    changed_one[np.arange(2000), draw.integers(0, 64, 2000)] ^= np.uint32(1)
    before, after = band_values(values), band_values(changed_one)
    assert ((before[:, :BANDS] != after[:, :BANDS]).sum(axis=1) == 1).all()
    assert (before[:, BANDS] != after[:, BANDS]).all()
    assert len(np.unique(before)) == before.size


def test_tables_count_within_and_between_sources(tmp_path: Path) -> None:
    words = story(3)
    site = Site(tmp_path / "s").add("a", ["甲甲甲甲甲甲", "甲甲甲甲甲甲", "".join(words), "独一无二的文章"])
    site.add("b", ["甲甲甲甲甲甲", changed(words, 4), changed(words, 5, 1)]).add("c", ["另一篇没有关系的文章"])
    target = tmp_path / "near.parquet"
    with connect() as sql:
        search(sql, site.keys, 0.8, site.store, site.folder)
        join_groups(sql)
        assert write_groups(sql, site.documents, site.hashes, target) == 6
    counts = {"a": 4, "b": 3, "c": 1}
    with over_files(tmp_path / "spill") as (query, relation_of):
        relation = relation_of(site.documents, DOCUMENTS)
        texts = told_by_documents(relation).texts
        near = parquet_list([target])
        load_copies(query, texts, near, 8)
        stats = {row["source_id"]: row for row in duplicate_rows(query, counts, True)}
        overlap = overlap_rows(query, counts, True)
        groups = group_rows(query, relation, near)
        load_copies(query, texts, None, 8)
        blind = duplicate_rows(query, counts, False)
        assert overlap_rows(query, counts, False)[0]["near_documents"] is None
    assert [stats["a"][key] for key in ("exact_within", "exact_others", "near_within", "near_others")] == [1, 2, 1, 3]
    assert [stats["b"][key] for key in ("exact_within", "exact_others", "near_within", "near_others")] == [0, 1, 1, 3]
    assert [stats["c"][key] for key in ("exact_within", "near_others", "near_others_share")] == [0, 0, 0.0]
    assert [
        (row["source_id"], row["exact_documents"], row["near_documents"], row["near_share"]) for row in overlap
    ] == [
        ("a", 2, 3, 0.75),
        ("b", 1, 3, 1.0),
    ]
    assert [(g["kind"], g["documents"], g["texts"], g["sources"], g["example_doc_id"]) for g in groups] == [
        ("exact", 3, 1, 2, "a-0#0"),
        ("near", 3, 3, 2, "a-0#2"),
    ]
    assert groups[0]["similarity"] == 1 > groups[1]["similarity"] >= 0.8
    assert [row["near_within"] for row in blind] == [None, None, None]
    assert [row["exact_others"] for row in blind] == [2, 1, 0]


def record(name: str, region: str = "domestic") -> SourceRecord:
    return SourceRecord.model_validate({"id": name, "name": name, "kind": "open", "region": region, "paths": ["x"]})


def shared(source: str, other: str, documents: int) -> dict[str, object]:
    return {"source_id": source, "other_source_id": other, "exact_documents": 0, "near_documents": documents}


@pytest.mark.parametrize(
    ("overlap", "renamed", "stands"),
    [
        ([], [], "abc"),
        ([shared("a", "b", 49), shared("b", "a", 49)], [], "abc"),
        ([shared("a", "b", 50), shared("b", "a", 2)], ["a"], "aac"),
        ([shared("c", "b", 60), shared("b", "a", 70)], ["b", "c"], "aaa"),
    ],
)
def test_sources_that_overlap_count_as_one(overlap: list[dict[str, object]], renamed: list[str], stands: str) -> None:
    counts = dict.fromkeys("abc", 100)
    assert sorted(mostly_copies(overlap, counts, TERMS)) == renamed
    assert "".join(merged_sources(overlap, counts, TERMS).values()) == stands


def test_cells_count_independent_sources_above_the_noise() -> None:
    cells = {
        ("zh", "zh"): {"a": 5000, "b": 4000, "c": 10},
        ("en", "en"): {"c": 900, "a": 100},
        ("other", "ja"): {"a": 5},
    }
    stands = {"a": "a", "b": "a", "c": "c"}
    rows = diversity_rows(cells, stands, [record("a"), record("b"), record("c", "overseas")], TERMS)
    told = [(row["bucket"], row["sources"], row["counted_sources"], row["independent"], row["enough"]) for row in rows]
    assert told == [("en", 2, 2, ["a", "c"], True), ("zh", 3, 2, ["a = b"], False)]
    assert [row["overseas_sources"] for row in rows] == [1, 0]
    verdict, basis = diversity_basis(rows, True, TERMS)
    assert verdict == "待补充"
    assert "zh/zh 1" in basis
    assert "未查近重复" in diversity_basis(rows, False, TERMS)[1]


def fresh(folder: Path) -> Site:
    shutil.rmtree(folder / "s", ignore_errors=True)
    return Site(folder / "s")


def table(sql: duckdb.DuckDBPyConnection, edges: Sequence[tuple[int, int]]) -> None:
    sql.execute("CREATE TABLE edges (a UBIGINT, b UBIGINT, same INTEGER, bands INTEGER)")
    for a, b in edges:
        sql.execute("INSERT INTO edges VALUES (?, ?, 64, 1)", [a, b])


def partition(
    edges: Iterator[tuple[int, int]] | Sequence[tuple[int, int]] | set[tuple[int, int]],
) -> set[frozenset[int]]:
    """Connected components of two or more, by hand."""
    groups: dict[int, set[int]] = {}
    for a, b in edges:
        joined = groups.get(a, {a}) | groups.get(b, {b})
        for n in joined:
            groups[n] = joined
    return {frozenset(group) for group in groups.values() if len(group) > 1}


@pytest.mark.parametrize("at_a_time", [1, 3, 7, 100])
def test_repeated_values_are_found_however_many_are_counted_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(tables, "_AT_A_TIME", at_a_time)
    with connect() as sql:
        sql.execute("CREATE TABLE given AS SELECT unnest([5, 9, 5, 1, 2, 18446744073709551615, 2, 5])::UBIGINT AS high")
        find_repeated(lambda text: sql.execute(text).fetchall(), "high", "given", 8)
        assert sql.execute("SELECT h FROM repeated ORDER BY h").fetchall() == [(2,), (5,)]
