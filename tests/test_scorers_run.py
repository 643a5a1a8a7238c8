"""Whole runs with a confirming scorer: who is asked, what answers decide, what is kept, and what happens without answers."""

import json
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import load_config
from pipeline.errors import RunFailed
from pipeline.origins.assess import assess
from pipeline.run import Options, Outcome, run
from tests.audits import Corpus, audit, contents, events, jsonl, result, sql
from tests.guard_server import Fault, GuardServer, guarding
from tests.onnx_files import onnx_model

KEY = "sk-test-5f3a9c1e77"

MARKS, BAD = range(0, 60, 4), range(0, 60, 12)
MARKED = "来说待审词甲"  # a term of the review tier in the tests' library
LIBRARY_FILE = "term\trisks\ttier\trequires\texcludes\tnote\tsince\n待审词甲\tA1-h\treview\t\t\t\t2026-11\n"


SOURCES = [
    {"id": name, "name": name, "kind": "open", "region": "domestic", "paths": [f"{name}/*.jsonl"]}
    for name in ("plain", "walks")
]


def judge(text: str) -> list[str]:
    """The model of the tests: gambling is A1-h, whatever the text says about itself."""
    return ["A1-h"] if "百家乐" in text else []


@pytest.fixture
def guard() -> Iterator[GuardServer]:
    with guarding(judge) as server:
        yield server


def cascade_corpus(folder: Path, url: str, **confirm: Any) -> Corpus:
    """Two sources; 15 documents of `plain` carry a review term, and of these the guard finds five bad."""
    stories = [
        {
            "id": f"c{i}",
            "text": f"第{i}个故事，{MARKED if i in MARKS else '平平常常'}{'，百家乐' if i in BAD else ''}。",
        }
        for i in range(120)
    ]
    walks = [{"text": f"第{i}次散步，天气很好，公园里人不多，湖边有{i * 7 % 101}只水鸟。"} for i in range(200)]
    for name, rows in (("plain", stories), ("walks", walks)):
        (folder / name).mkdir(parents=True)
        (folder / name / "c.jsonl").write_bytes(jsonl(rows))
    (folder / "own.tsv").write_text(LIBRARY_FILE, encoding="utf-8")
    corpus = Corpus(folder, folder / "config.json")
    configure(corpus, url, **confirm)
    return corpus


def configure(corpus: Corpus, url: str, **confirm: Any) -> None:
    base = {"kind": "endpoint", "url": url, "model": "guard-1", "retries": 1, "backoff": 0, "timeout": 5.0}
    nominate = {"score": None, "terms": ["review"]}
    settings = base | {"give_up_after": 3, "nominate": nominate} | confirm
    corpus.write(
        sources=SOURCES, classifier={"confirm": settings}, lexicons=["own.tsv"], policy=by_terms(corpus, settings)
    )


def by_terms(corpus: Corpus, settings: dict[str, Any]) -> str | None:
    """The cascade for candidates found by terms alone: it wants no score confirmed. For other scopes the bundled policy."""
    if settings.get("scope", "candidates") != "candidates":
        return None
    content = yaml.safe_load(resources.files("schemas").joinpath("policies", "cascade.yaml").read_text("utf-8"))
    content["rules"] = [rule for rule in content["rules"] if rule["name"] != "classifier-confirmed"]
    (corpus.folder / "terms.json").write_text(json.dumps(content), encoding="utf-8")
    return "terms.json"


def again(corpus: Corpus, out: Path) -> Outcome:
    """A run in this process."""
    return run(load_config(corpus.config, out), Options())


def confirmed(out: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((out / "current" / "manifest.json").read_text())
    told: dict[str, Any] = manifest["confirm"]
    return told


DECIDED = (
    "SELECT doc_id, risks, candidate_risks, exclusion_reason FROM documents WHERE doc_id LIKE 'plain:c%' ORDER BY row"
)


def asked_about(guard: GuardServer) -> list[str]:
    """The story numbers asked about; anything else as it is."""
    return sorted(text[1 : text.index("个")] if "个故事" in text else text for text in guard.texts)


CANDIDATES = sorted(map(str, MARKS))


def test_only_candidates_are_asked_and_answers_decide(
    tmp_path: Path, guard: GuardServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUARD_KEY", KEY)
    corpus, out = cascade_corpus(tmp_path / "c", guard.url, api_key_env="GUARD_KEY"), tmp_path / "out"
    done = audit("run", corpus.config, "--out", out)
    assert asked_about(guard) == CANDIDATES
    assert set(guard.keys) == {f"Bearer {KEY}"}
    for doc_id, risks, candidates, reason in sql(out, DECIDED):
        number = int(doc_id.removeprefix("plain:c"))
        assert risks == (["A1-h"] if number in BAD else [])
        assert ("A1-h" in candidates) == (number in MARKS and number not in BAD)
        assert reason == ("filtered" if number in BAD else None)
    found = sql(
        out, "SELECT DISTINCT doc_id, score, \"start\", verdict, rule FROM findings WHERE detector = 'confirm@1'"
    )
    assert sorted(found)[0] == ("plain:c0", 1.0, 0, "violation", "review-term-confirmed")
    assert len(found) == 5
    told = confirmed(out)
    assert (told["asked"], told["cached"], told["requests"], told["unscored"]) == (15, 0, 15, {})
    assert result(out)["confirm"] == {"kind": "endpoint", "scope": "candidates", "asked": 15, "unscored": 0}
    assert result(out)["custom_policy"]
    assert sum(e["asked"] for e in events(out) if e["event"] == "unit_confirmed") == 15
    assert "复核 / confirming" in done.stdout
    audit("verify", out)
    for path in [*out.rglob("*"), *(out / "current").resolve().rglob("*")]:
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_answers_are_kept_so_that_reruns_ask_nothing(tmp_path: Path, guard: GuardServer) -> None:
    corpus, out = cascade_corpus(tmp_path / "c", guard.url), tmp_path / "out"
    again(corpus, out)
    first = contents(out)
    assert again(corpus, out).unchanged
    os.utime(corpus.folder / "plain" / "c.jsonl", (1, 1))  # scanned anew, but no text has changed
    again(corpus, out)
    assert len(guard.requests) == 15
    assert (confirmed(out)["asked"], confirmed(out)["cached"]) == (15, 15)
    assert contents(out) == first
    configure(corpus, guard.url, nominate={"score": None, "terms": ["review", "block"]})
    again(corpus, out)
    assert len(guard.requests) == 15  # other candidates, the same texts
    configure(corpus, guard.url, model="guard-2")
    again(corpus, out)
    assert len(guard.requests) == 30


def test_texts_that_are_always_refused_do_not_keep_others_from_being_asked(tmp_path: Path, guard: GuardServer) -> None:
    stories = {number: f"第{number}个" for number in (0, 4, 8, 12)}
    guard.faulty = lambda text: Fault(403) if text.startswith(tuple(stories.values())) else None
    corpus, out = cascade_corpus(tmp_path / "c", guard.url, concurrency=1), tmp_path / "out"
    asked = []
    for _ in range(3):
        again(corpus, out)
        asked.append(sum(confirmed(out)["unscored"].values()))
    assert asked[-1] == len(stories)  # all others have their answer
    left = sql(out, "SELECT doc_id FROM documents WHERE unscored IS NOT NULL ORDER BY row")
    assert left == [(f"plain:c{number}",) for number in stories]


def test_two_workers_say_the_same(tmp_path: Path, guard: GuardServer) -> None:
    corpus = cascade_corpus(tmp_path / "c", guard.url)
    again(corpus, tmp_path / "one")
    audit("run", corpus.config, "--out", tmp_path / "two", "--workers", 2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert asked_about(guard) == sorted(CANDIDATES * 2)


def test_a_server_that_is_down_leaves_documents_unscored_and_the_next_run_asks_only_what_is_missing(
    tmp_path: Path,
) -> None:
    with guarding(judge) as guard:
        port = guard.port
        corpus, out = cascade_corpus(tmp_path / "c", guard.url, concurrency=1), tmp_path / "out"
        configure(corpus, guard.url, concurrency=1, max_requests=6)
        again(corpus, out)
        assert confirmed(out)["unscored"] == {"budget_reached": 9}
        assert len(guard.requests) == 6
    configure(corpus, guard.url, concurrency=1)
    done = audit("run", corpus.config, "--out", out)  # nobody listens
    assert sql(out, "SELECT unscored, count(*) FROM documents WHERE unscored IS NOT NULL GROUP BY 1 ORDER BY 1") == [
        ("endpoint_given_up", 6),
        ("unreachable", 3),
    ]
    assert "unscored 9" in done.stdout
    assert confirmed(out)["unscored"] == {"endpoint_given_up": 6, "unreachable": 3}
    reasons = dict(sql(out, "SELECT coalesce(exclusion_reason, 'in'), count(*) FROM documents GROUP BY 1"))
    assert reasons["unscored"] == 9
    assert sql(out, "SELECT count(*) FROM documents WHERE exclusion_reason = 'unscored' AND admitted") == [(0,)]
    assert sql(out, "SELECT documents FROM funnel WHERE step = 'after_unscored' AND source_id = 'plain'") == [
        (120 - 2 - 9,)
    ]
    assert result(out)["confirm"]["unscored"] == 9
    audit("verify", out)
    with guarding(judge, port) as guard:
        again(corpus, out)
        assert len(guard.requests) == 9
        assert (confirmed(out)["asked"], confirmed(out)["cached"], confirmed(out)["unscored"]) == (15, 6, {})
        assert again(corpus, out).unchanged
        again(corpus, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")  # how a run came about does not show


def test_the_technical_sample_alone_is_judged(tmp_path: Path, guard: GuardServer) -> None:
    corpus, out = cascade_corpus(tmp_path / "c", guard.url, scope="technical_sample"), tmp_path / "out"
    guard.judge = lambda text: ["A1-h"] if "故事" in text else ["A9-z"] if text.startswith("第1") else []
    again(corpus, out)
    sampled = sql(out, "SELECT doc_id, qualified, confirmed_risks, unscored FROM technical_sample")
    assert len(guard.requests) == len(sampled) == confirmed(out)["asked"]
    told = {(d.startswith("plain:c"), q, None if r is None else tuple(r), u) for d, q, r, u in sampled}
    assert told == {
        (False, True, (), None),
        (False, False, None, "malformed_answer"),
        (True, False, ("A1-h",), None),
    }
    assert sql(out, "SELECT count(*) FROM documents WHERE exclusion_reason = 'unscored'") == [(0,)]
    qualified = sum(row[1] for row in sampled)
    assert result(out)["samples"]["technical"]["qualified"] == qualified < len(sampled)
    before, failed = len(guard.requests), sum(row[3] is not None for row in sampled)
    guard.judge = judge
    again(corpus, out)  # asks again for what had no answer, and only for that
    assert len(guard.requests) - before == failed > 0
    assert confirmed(out)["unscored"] == {}
    audit("verify", out)


def test_an_onnx_model_confirms_in_a_whole_run(tmp_path: Path) -> None:
    corpus, out = cascade_corpus(tmp_path / "c", "http://127.0.0.1:1"), tmp_path / "out"
    onnx_model(corpus.folder / "guard", [None, "A1-h"])
    nominate = {"score": None, "terms": ["review"]}
    confirm = {"kind": "onnx", "folder": "guard", "nominate": nominate}
    policy = by_terms(corpus, confirm)
    corpus.write(sources=SOURCES, classifier={"confirm": confirm}, lexicons=["own.tsv"], policy=policy)
    again(corpus, out)
    assert confirmed(out)["asked"] == 15
    assert sql(out, "SELECT count(*) FROM documents WHERE len(risks) > 0 AND doc_id LIKE 'plain:c%'") == [(0,)]
    corpus.write(sources=SOURCES, classifier={"confirm": {**confirm, "scope": "all"}}, lexicons=["own.tsv"])
    again(corpus, out)
    assert confirmed(out)["asked"] == 320
    audit("verify", out)


def test_an_assessment_without_answers_is_not_put_on_record(tmp_path: Path) -> None:
    with guarding(judge) as guard:
        corpus, out = cascade_corpus(tmp_path / "c", guard.url), tmp_path / "out"
        guard.fault = Fault(500)
        with pytest.raises(RunFailed, match="run again"):
            assess(load_config(corpus.config, out), "plain", (), None)
        guard.fault = None
        assert assess(load_config(corpus.config, out), "plain", (), None).record["violations"] == 5


def test_known_answers_go_through_the_cascade_and_count_towards_the_budget(tmp_path: Path) -> None:
    with guarding(judge) as guard:
        everything = {"score": 0.05, "terms": ["block", "review", "context"]}
        corpus, out = cascade_corpus(tmp_path / "c", guard.url, nominate=everything, max_requests=20), tmp_path / "out"
        guard.judge = lambda text: []
        again(corpus, out)
        told = confirmed(out)
        assert told["known_answers"]["asked"] > 0
        assert len(guard.requests) == told["requests"] <= 20
