"""What only all documents together tell: domains above 5 %, copies left out by policy, and assessments before a run."""

import json
from pathlib import Path

import pytest

from tests.audits import BAD_WORDING, Corpus, audit, contents, events, jsonl, make_corpus, sql


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
