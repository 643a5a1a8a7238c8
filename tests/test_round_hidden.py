"""Ways to hide what became of a round: taking its run away, pruning what recorded it, another version's texts, a new folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from blacklist.log import BlacklistLog
from pipeline.nights import history
from pipeline.nights.prune import prune
from pipeline.store.output import Output
from review.store import ReviewStore
from rounds.opening import abandon_round
from rounds.register import find_round
from rounds.tables import QUALIFIED
from rounds.verification import checks, unproved
from schemas.chain import append_to_chain, read_chain
from tests.audits import Corpus, audit, make_corpus
from tests.round_runs import Clock, audited, copied, events_of, night, own, ready
from tests.test_round_closing import by_machine, close, draw, judge, reseal

__all__ = ["audited", "own", "ready"]


def told(out: Path, quick: bool) -> str:
    """Everything `verify` says of rounds."""
    return "\n".join(problem for _, problems in checks(Output(out), quick) for problem in problems)


def open_lines(out: Path) -> str:
    return "\n".join(unproved(Output(out)))


def without_run(out: Path) -> str:
    """The round's run recorded as pruned and removed, with a whole history; its id."""
    run_id = find_round(Output(out)).run_id
    history.record_pruned(Output(out), [run_id])
    shutil.rmtree(out / "runs" / run_id)
    return run_id


def later_night(corpus: Corpus, out: Path, seed: str) -> str:
    """Another run of the same corpus."""
    content = json.loads(corpus.config.read_text())
    try:
        corpus.config.write_text(json.dumps({**content, "seed": seed}, ensure_ascii=False))
        return night(corpus, out)
    finally:
        corpus.config.write_text(json.dumps(content, ensure_ascii=False))


@pytest.mark.parametrize("quick", [True, False])
def test_a_round_whose_run_was_taken_away_is_missed_until_it_is_given_up(own: Path, quick: bool) -> None:
    run_id = without_run(own)
    assert f"runs/{run_id}: 本轮所依据的运行不在此处" in told(own, quick)
    abandon_round(Output(own), "李主管", "运行丢失", clock=Clock("2026-12-02T00:00:00+00:00"))
    assert told(own, quick) == ""
    assert run_id in open_lines(own)


def test_a_run_that_is_there_but_recorded_as_pruned_is_named(own: Path) -> None:
    history.record_pruned(Output(own), [find_round(Output(own)).run_id])  # its files would not be looked at
    assert "记为已清理" in told(own, quick=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with a closed round, in which people found what the machine found."""
    folder = tmp_path_factory.mktemp("hidden")
    audit("run", make_corpus(folder / "c").config, "--out", folder / "o")
    draw(folder / "o")
    close(folder / "o", judge(folder / "o", by_machine))
    return folder / "o"


def all_qualified(out: Path) -> None:
    """Every verdict turned into one in favour, with a result and fresh digests to match."""
    found = find_round(Output(out))
    for name in ("finals", "readings"):
        path = found.folder / f"{name}.parquet"
        table = pq.read_table(path)
        rows = [row | {"verdict": QUALIFIED, "risks": []} for row in table.to_pylist()]
        path.chmod(0o600)
        pq.write_table(table.from_pylist(rows, schema=table.schema), path)
        reseal(out, path.name)
    content = json.loads((found.folder / "result.json").read_text())
    content["manual"] |= {"failures": 0, "conclusion": "符合"}
    content["passed"] = True
    reseal(out, "result.json", json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2).encode())


@pytest.mark.parametrize("gone", [True, False])
def test_verdicts_that_were_made_up_are_found_with_and_without_the_run(
    finished: Path, tmp_path: Path, gone: bool
) -> None:
    out = copied(finished, tmp_path / "o")
    assert told(out, quick=False) == ""
    all_qualified(out)
    if gone:
        without_run(out)
    said = told(out, quick=False)
    assert "R0001/finals.parquet: 与审核日志不符" in said and "R0001/readings.parquet: 与审核日志不符" in said
    assert ("本轮所依据的运行不在此处" in said) is gone


@pytest.mark.parametrize("gone", [True, False])
def test_a_lift_that_was_made_up_is_found_with_and_without_the_run(finished: Path, tmp_path: Path, gone: bool) -> None:
    out = copied(finished, tmp_path / "o")
    proof = {"round": "R0001", "roles": ["法务", "安全"], "rate_high": 0.0, "judged": 9000}
    event = {"event": "lifted", "source_key": "bad", "scope": "source", "by": "李 + 王", "reason": "x"}
    BlacklistLog(out / "blacklist").append([{**event, "evidence": proof}])
    if gone:
        without_run(out)
    assert "cites other numbers than its own" in told(out, quick=False)


def test_a_roll_back_is_not_hidden_by_pruning_the_run_that_recorded_it(audited: tuple[Corpus, Path], own: Path) -> None:
    corpus, out = audited[0], Output(own)
    copied(own / "review", own / "kept")
    store = ReviewStore.open(out, find_round(out))
    store.add_person("甲", ["annotator"], by="主管")
    head = store.head()
    store.shut()
    recorded = later_night(corpus, own, "second")
    assert told(own, quick=True) == ""
    shutil.rmtree(own / "review")
    (own / "kept").rename(own / "review")
    assert recorded in told(own, quick=True)
    later_night(corpus, own, "third")
    assert prune(out, 1).runs == [recorded]
    assert f"缺少运行 {recorded} 发布时的最后一条" in told(own, quick=True)
    record = next(row for row in history.runs(out) if row["run_id"] == recorded)
    assert record["review_heads"] == {"R0001": head} and record["rounds_head"] == events_of(own)[-1]["sha256"]
    assert "differs from" not in audit("verify", own, "--quick", check=3).stdout.partition("评估轮次")[0]


def test_a_register_that_was_cut_is_not_hidden_by_pruning_the_run_that_recorded_it(
    audited: tuple[Corpus, Path], own: Path
) -> None:
    recorded = later_night(audited[0], own, "second")
    shutil.rmtree(own / "rounds")
    shutil.rmtree(own / "review")
    first, last = find_first(own), later_night(audited[0], own, "third")
    assert {first, recorded} == set(prune(Output(own), 1).runs) and last not in (first, recorded)
    assert f"缺少运行 {recorded} 发布时的最后一条" in told(own, quick=True)


def find_first(out: Path) -> str:
    """The run published first."""
    return str(read_chain(out / "publications.ndjson")[0][0]["run_id"])


def test_records_of_an_earlier_version_say_nothing_of_rounds_and_are_sound(own: Path) -> None:
    path = own / history.FILE
    kept = [
        {key: value for key, value in row.items() if key not in ("sha256", "previous", "rounds_head", "review_heads")}
        for row in read_chain(path)[0]
    ]
    path.unlink()
    append_to_chain(path, kept)
    assert history.problems(Output(own)) == []


def rewritten(out: Path, kind: str, **changes: Any) -> None:
    """The register with those changes in its events of that kind, and a whole chain."""
    path = out / "rounds" / "register.ndjson"
    kept = [{k: v for k, v in event.items() if k not in ("sha256", "previous")} for event in events_of(out)]
    path.unlink()
    append_to_chain(path, [event | changes if event["event"] == kind else event for event in kept])


@pytest.mark.parametrize(
    ("kind", "changes", "line"),
    [
        ("drawn", {"known_answers_sha256": "0" * 64}, "R0001 的已知答案：不是此版本自带的文本"),
        ("opened", {"criteria": "criteria-1:000000000000"}, "R0001 的判定标准 criteria-1:000000000000"),
    ],
)
def test_texts_and_rules_of_another_version_are_said_to_be_unproved(
    own: Path, kind: str, changes: dict[str, str], line: str
) -> None:
    assert line not in open_lines(own)
    rewritten(own, kind, **changes)
    assert line in open_lines(own)


def test_the_lift_of_a_domain_is_said_to_rest_on_a_file(ready: Path, own: Path) -> None:
    log = BlacklistLog(own / "blacklist")
    event = {"source_key": "news1.example.com", "scope": "domain", "reason": "x", "by": "李 + 王"}
    proof = {"file": "one-byte.txt", "sha256": "1" * 64, "roles": ["法务", "安全"]}
    line = "域名 news1.example.com 的解除是否成立：只凭一个文件（one-byte.txt）"
    log.append([{**event, "event": "blacklisted", "evidence": {}}])
    assert line not in open_lines(own)
    log.append([{**event, "event": "lifted", "evidence": proof}])
    assert line in open_lines(own)
    log.append([{**event, "event": "blacklisted", "evidence": {}}])
    assert line not in open_lines(own), "it is listed again"


def test_a_new_folder_is_said_to_tell_nothing_of_others(fresh_output: Path, own: Path) -> None:
    for out in (fresh_output, own):
        assert "同一语料是否另有输出目录" in open_lines(out)


@pytest.fixture
def fresh_output(audited: tuple[Corpus, Path], tmp_path: Path) -> Path:
    """An output without rounds."""
    return copied(audited[1], tmp_path / "fresh")
