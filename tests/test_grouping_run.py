"""What only all documents together tell: domains above 5 %, copies left out by policy, and assessments before a run."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.accounting import domains
from pipeline.database import connect
from pipeline.store.output import Output
from pipeline.verification.verify import verify
from tests.audits import BAD_WORDING, Corpus, audit, contents, events, jsonl, make_corpus, reseal, sql


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A source with two sites, one of them bad, and copies across sources."""
    made = make_corpus(tmp_path / "c")
    rows = [{"id": f"g{i}", "text": f"正常的第{i}篇文章", "url": f"https://www.good.cn/{i}"} for i in range(700)]
    rows += [
        {
            "id": f"b{i}",
            "text": f"第{i}帖" + (BAD_WORDING if i % 4 == 0 else "闲聊"),
            "url": f"http://bbs.bad.com.cn/{i}",
        }
        for i in range(40)
    ]
    rows += [
        {"id": f"t{i}", "text": f"小站{i}" + (BAD_WORDING if i == 0 else ""), "url": f"http://s{i}.cn/"}
        for i in range(30)
    ]
    rows += [{"id": "copy", "text": "正常的第3篇文章", "url": "https://www.good.cn/copy"}]
    (made.folder / "sites").mkdir()
    (made.folder / "sites" / "a.jsonl").write_bytes(jsonl(rows))
    (made.folder / "mirror").mkdir()
    (made.folder / "mirror" / "a.jsonl").write_bytes(jsonl([{"id": i, "text": f"正常的第{i}篇文章"} for i in range(5)]))
    source = {"kind": "open", "region": "domestic", "name": "x"}
    made.sources = [
        {**source, "id": "sites", "paths": ["sites/*.jsonl"]},
        {**source, "id": "zmirror", "paths": ["mirror/*.jsonl"]},
    ]
    made.write(sources=made.sources)
    return made


def test_a_bad_domain_leaves_a_source_that_passes_as_a_whole(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT source_key, scope FROM blacklist WHERE active") == [("bad.com.cn", "domain")]
    assert sql(out, "SELECT status FROM source_stats WHERE source_id = 'sites'") == [("admitted",)]
    assert sql(out, "SELECT DISTINCT exclusion_reason FROM documents WHERE domain = 'bad.com.cn'") == [
        ("domain_blacklisted",)
    ]
    rows = sql(
        out, "SELECT domain, judged, domains, documents, violations, status FROM domain_stats ORDER BY documents DESC"
    )
    assert rows == [
        ("good.cn", True, 1, 701, 0, "admitted"),
        ("bad.com.cn", True, 1, 40, 10, "blacklisted"),
        ("长尾域名 / tail", False, 30, 30, 1, "people"),
    ]
    assert sql(out, "SELECT source_id, without_url FROM source_stats ORDER BY 1") == [("sites", 0), ("zmirror", 5)]
    audit("verify", out)
    log = (out / "blacklist" / "events.ndjson").read_bytes()
    audit("run", corpus.config, "--out", tmp_path / "two", "--workers", "2")
    assert contents(tmp_path / "two") == contents(out)
    assert "nothing changed" in audit("run", corpus.config, "--out", out).stdout
    assert (out / "blacklist" / "events.ndjson").read_bytes() == log


@pytest.mark.parametrize(("near", "out_of"), [("report", 6), ("keep_one", 6)])
def test_copies_are_left_out_where_the_policy_says_so(corpus: Corpus, tmp_path: Path, near: str, out_of: int) -> None:
    out = tmp_path / "o"
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT count(*) FROM documents WHERE exclusion_reason = 'duplicate'") == [(0,)]
    bundled = Path(__file__).parents[1] / "schemas" / "policies" / "starter.yaml"
    text = (
        bundled.read_text(encoding="utf-8")
        .replace("exact: report", "exact: keep_one")
        .replace("near: report", f"near: {near}")
    )
    (corpus.folder / "policy.yaml").write_text(text, encoding="utf-8")
    corpus.write(sources=corpus.sources, policy="policy.yaml")
    audit("run", corpus.config, "--out", out)
    assert [e for e in events(out) if e["event"] == "unit_scanned" and e["layers_built"]] == []
    left_out = sql(out, "SELECT doc_id FROM documents WHERE exclusion_reason = 'duplicate' ORDER BY 1")
    exact = [("sites:copy",), *((f"zmirror:{i}",) for i in range(5))]
    assert set(exact) <= set(left_out)
    if near == "report":
        assert left_out == exact
    assert sql(out, "SELECT count(*) - count(DISTINCT content_hash) FROM documents WHERE admitted") == [(0,)]
    audit("verify", out)


STORIES = [
    f"第{number}号考察记："
    + "".join(
        f"{place}之行第{number * 31 + step}站，{step * number % 97}里山路，见石碑{step + number}方。"
        for step, place in enumerate("东南西北中上下左右前后内外远近高低" * 3)
    )
    for number in range(12)
]


def policy(corpus: Corpus, exact: str, near: str) -> None:
    """The bundled policy with other words on copies."""
    bundled = Path(__file__).parents[1] / "schemas" / "policies" / "starter.yaml"
    text = bundled.read_text(encoding="utf-8").replace("exact: report", f"exact: {exact}")
    (corpus.folder / "policy.yaml").write_text(text.replace("near: report", f"near: {near}"), encoding="utf-8")
    corpus.write(sources=corpus.sources, policy="policy.yaml")


@pytest.fixture
def mirrored(tmp_path: Path) -> Corpus:
    """Three sources: one, most of it again with a few words changed, and one of its own with two equal texts."""
    made = make_corpus(tmp_path / "m")
    changed = [story.replace("第7站", "第七站").replace("石碑9方", "石碑九方") for story in STORIES]
    own = [f"另有一篇与众不同的文章，说的是{word}。" for word in ("茶", "酒", "盐", "铁", "茶")]
    rows = {"first": STORIES, "mirror": [*changed[:9], STORIES[9], "镜像独有的一篇短文"], "other": own}
    for name, found in rows.items():
        (made.folder / name).mkdir()
        lines = [{"id": f"{n}", "text": text} for n, text in enumerate(found)]
        (made.folder / name / "a.jsonl").write_bytes(jsonl(lines[: len(lines) // 2]))
        (made.folder / name / "b.jsonl").write_bytes(jsonl(lines[len(lines) // 2 :]))
    source = {"kind": "open", "region": "domestic", "name": "x"}
    made.sources = [{**source, "id": name, "paths": [f"{name}/*.jsonl"]} for name in rows]
    made.write(sources=made.sources)
    return made


def near_groups(out: Path) -> bytes:
    return (out / "current" / "duplicates" / "near.parquet").read_bytes()


def test_copies_are_told_by_source_between_sources_and_by_group(mirrored: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    audit("run", mirrored.config, "--out", out)
    stats = sql(
        out, "SELECT source_id, documents, exact_within, exact_others, near_within, near_others FROM duplicate_stats"
    )
    assert sorted(stats) == [("first", 12, 0, 1, 0, 10), ("mirror", 11, 0, 1, 0, 10), ("other", 5, 1, 0, 1, 0)]
    overlap = sql(
        out, "SELECT source_id, other_source_id, exact_documents, near_documents, near_share FROM source_overlap"
    )
    assert sorted(overlap) == [("first", "mirror", 1, 10, 0.833333), ("mirror", "first", 1, 10, 0.909091)]
    groups = sql(out, "SELECT kind, documents, sources, example_doc_id FROM duplicate_groups ORDER BY group_no")
    assert groups[0] == ("near", 2, 2, "first:0")
    assert sorted(kind for kind, *_ in groups) == ["exact", "exact", *["near"] * 9]
    reasons = "SELECT source_id FROM source_stats WHERE list_contains(review_reasons, 'suspected_rename') ORDER BY 1"
    assert sql(out, reasons) == [("first",), ("mirror",)]
    assert sql(out, "SELECT DISTINCT admitted FROM documents") == [(True,)], "what is suspected is still admitted"
    cells = sql(out, "SELECT bucket, counted_sources, independent_sources, independent, enough FROM source_diversity")
    assert cells == [("zh", 3, 2, ["first = mirror", "other"], True)]
    verdict, basis = sql(out, "SELECT verdict, basis FROM clauses WHERE clause = '5.1b'")[0]
    assert verdict == "待补充"
    assert "source_overlap" in basis
    for name in ("duplicates", "overlap", "duplicate_groups", "diversity"):
        assert "first" in audit("query", out, name, "--format", "csv").stdout
    assert "equal texts are told again" in audit("verify", out).stdout
    audit("run", mirrored.config, "--out", tmp_path / "two", "--workers", "2")
    assert contents(tmp_path / "two") == contents(out)
    assert near_groups(tmp_path / "two") == near_groups(out)


@pytest.mark.parametrize(
    ("exact", "near", "out_of"),
    [("keep_one", "off", 2), ("keep_one", "report", 2), ("report", "keep_one", 11), ("report", "off", 0)],
)
def test_of_similar_documents_one_is_kept(mirrored: Corpus, tmp_path: Path, exact: str, near: str, out_of: int) -> None:
    out = tmp_path / "o"
    policy(mirrored, exact, near)
    audit("run", mirrored.config, "--out", out)
    left_out = {name for (name,) in sql(out, "SELECT doc_id FROM documents WHERE exclusion_reason = 'duplicate'")}
    assert len(left_out) == out_of
    assert not any(name.startswith("first:") for name in left_out)
    assert (out / "current" / "duplicates").exists() == (near != "off")
    told = sql(out, "SELECT near_within, exact_within FROM duplicate_stats WHERE source_id = 'other'")
    assert told == [(None if near == "off" else 1, 1)]
    audit("verify", out)


def test_what_was_grouped_is_not_grouped_again(mirrored: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"

    def searched() -> list[str]:
        return [event["searched"] for event in events(out) if event["event"] == "documents_grouped"]

    audit("run", mirrored.config, "--out", out)
    assert searched() == ["whole"]
    policy(mirrored, "keep_one", "report")
    audit("run", mirrored.config, "--out", out)
    assert searched() == ["known"]
    (mirrored.folder / "other" / "c.jsonl").write_bytes(jsonl([{"id": "new", "text": STORIES[11]}]))
    audit("run", mirrored.config, "--out", out)
    fresh = tmp_path / "fresh"
    audit("run", mirrored.config, "--out", fresh)
    assert contents(out) == contents(fresh)
    assert near_groups(out) == near_groups(fresh)
    assert sql(out, "SELECT max(sources) FROM duplicate_groups") == [(2,)]
    assert sql(out, "SELECT exclusion_reason FROM documents WHERE doc_id = 'other:new'") == [("duplicate",)]


FIRST = "source_id = 'first' AND shard LIKE '%a.jsonl' AND row = 0"
FORGERIES = {
    "a document that is not of the run": f"UPDATE t SET row = 99 WHERE {FIRST}",
    "another text": f"UPDATE t SET text = text - 1 WHERE {FIRST}",
    "one taken out of its group": f"DELETE FROM t WHERE {FIRST}",
    "two groups made one": "UPDATE t SET group_no = 1 WHERE group_no = 2",
    "a similarity below the threshold": "UPDATE t SET similarity = 0.5 WHERE group_no = 1",
    "a similarity that 64 values cannot give": "UPDATE t SET similarity = 0.99 WHERE group_no = 1",
    "a document twice": f"INSERT INTO t FROM t WHERE {FIRST}",
    "all groups gone": "DELETE FROM t",
}


TABLE_FORGERIES = (
    "UPDATE duplicate_stats SET near_others = 0 WHERE source_id = 'first'",
    "UPDATE duplicate_stats SET exact_within = 9",
    "DELETE FROM source_overlap",
    "UPDATE duplicate_groups SET documents = 3 WHERE group_no = 1",
    "UPDATE source_diversity SET independent_sources = 3, enough = true",
)


def test_forged_groups_and_tables_are_found(mirrored: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    policy(mirrored, "report", "keep_one")
    audit("run", mirrored.config, "--out", out)
    assert problems(out) == []
    groups, database = out / "current" / "duplicates" / "near.parquet", out / "current" / "audit.duckdb"
    for path, statements in ((groups, FORGERIES.values()), (database, TABLE_FORGERIES)):
        kept = path.read_bytes()
        path.unlink()
        for statement in statements:
            path.write_bytes(kept)
            forge(path, statement)
            reseal(out)
            assert problems(out), statement
            path.unlink()
        path.write_bytes(kept)
    reseal(out)
    assert problems(out) == []


def forge(path: Path, statement: str) -> None:
    """Changes a database, or a Parquet file as the table `t`."""
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path)) as forger:
            forger.execute(statement)
        return
    with duckdb.connect() as forger:
        forger.execute(f"CREATE TABLE t AS FROM '{path}'")
        forger.execute(statement)
        path.unlink()
        forger.execute(f"COPY (FROM t ORDER BY group_no, source_id, shard, row) TO '{path}'")


def problems(out: Path) -> list[str]:
    return [problem for check in verify(Output(out)) for problem in check.problems]


def test_a_candidate_is_assessed_on_record_and_its_source_points_to_it(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "o"
    candidate = {"id": "new", "name": "候选", "kind": "open", "region": "domestic", "paths": ["bad/*.zst"]}
    corpus.write(sources=corpus.sources, candidates=[candidate])
    done = audit("assess", corpus.config, "--source", "new", "--out", out, check=1)
    again = audit("assess", corpus.config, "--source", "new", "--sample", "40", "--out", out, check=1)
    assert "25.00%" in done.stdout
    assert "drawn 40" in again.stdout
    record, drawn = (json.loads(line) for line in (out / "assessments" / "events.ndjson").read_text().splitlines())
    assert (record["documents"], record["violations"], drawn["documents"]) == (100, 25, 40)
    assert drawn["previous"] == record["sha256"]
    taken = {**candidate, "pre_assessment": record["assessment"]}
    corpus.write(sources=[*corpus.sources, taken])
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT pre_assessment FROM sources WHERE source_id = 'new'") == [(record["assessment"],)]
    audit("verify", out)
    corpus.write(sources=[*corpus.sources, {**candidate, "pre_assessment": "made-up"}])
    assert "no such assessment" in audit("run", corpus.config, "--out", out, check=2).stderr
    audit("assess", corpus.config, "--source", "nobody", "--out", out, check=2)


@pytest.mark.parametrize("at_a_time", [1, 2, 100])
def test_domains_are_the_same_however_many_are_grouped_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(domains, "_AT_A_TIME", at_a_time)
    with connect() as sql:
        sql.execute(
            """CREATE TABLE given AS
            SELECT 's' || i % 2 AS source_id, CASE WHEN i % 7 THEN 'd' || i % 5 || '.cn' END AS domain, i % 3 = 0 AS illegal_unhealthy
            FROM range(150) t(i) UNION ALL SELECT 's1', 'rare' || i || '.cn', i = 1 FROM range(4) t(i)"""
        )

        def query(text: str) -> list[tuple[Any, ...]]:
            return sql.execute(text).fetchall()

        above = domains.domains_above(query, "given", (1, 3))
        assert [verdict.domain for verdict in above] == plainly_above(query)
        rows = query(domains.domain_query(query, "given", frozenset({"d1.cn"})))
    assert sum(row[4] for row in rows) == 150 - 22 + 4
    assert [row for row in rows if not row[2]] == [("s1", domains.TAIL, False, 4, 4, 1, 0.25, "people")]
    assert {row[7] for row in rows if row[1] == "d1.cn"} == {"blacklisted"}
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)


def plainly_above(query: Any) -> list[str]:
    return [
        domain
        for (domain,) in query(
            "SELECT domain FROM given WHERE domain IS NOT NULL GROUP BY domain "
            "HAVING count(*) >= 20 AND 3 * count(*) FILTER (illegal_unhealthy) > count(*) ORDER BY domain"
        )
    ]
