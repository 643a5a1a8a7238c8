"""`verify` makes rounds again, and names what was forged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from blacklist.log import BlacklistLog
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from pipeline.verification.verify import unproved, verify
from rounds.drawing import write_rows
from rounds.register import find_round
from rounds.tables import ITEMS, SAMPLE
from schemas.chain import append_to_chain
from tests.audits import Corpus, flip
from tests.round_runs import (
    DESIGN,
    audited,
    copied,
    events_of,
    night,
    own,
    ready,
    writable,
)

__all__ = ["audited", "own", "ready"]


def _problems(out: Path, quick: bool = False) -> str:
    return "\n".join(f"{check.title}: {problem}" for check in verify(Output(out), quick) for problem in check.problems)


def test_verify_finds_nothing_wrong_with_a_round_drawn_rightly(ready: Path) -> None:
    assert _problems(ready) == ""
    assert any("公开值" in line for line in unproved(Output(ready)))


def _flip_items(out: Path) -> None:
    flip(writable(out / "rounds" / "R0001" / "items.parquet"), 0.7)


def _flip_machine(out: Path) -> None:
    flip(writable(out / "rounds" / "R0001" / "machine.parquet"), 0.7)


def _flip_register(out: Path) -> None:
    flip(out / "rounds" / "register.ndjson", 0.5)


def _rechained(out: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """The register written anew, as somebody would who covers up a change."""

    path = out / "rounds" / "register.ndjson"
    kept = [{k: v for k, v in event.items() if k not in ("sha256", "previous")} for event in events_of(out)]
    path.unlink()
    append_to_chain(path, change(kept))


def _changed(**changes: Any) -> Callable[[Path], None]:
    """A value in the events of that kind changed, with a fresh chain: `opened__by` is `by` of `opened`."""

    def forge(out: Path) -> None:
        def change(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            for name, value in changes.items():
                kind, _, key = name.partition("__")
                for event in events:
                    if event["event"] == kind:
                        assert event[key] != value
                        event[key] = value
            return events

        _rechained(out, change)

    return forge


def _another_manual_sample(out: Path) -> None:
    """Items that pass put in place of others, with digests to match."""

    folder = out / "rounds" / "R0001"
    rows = pq.read_table(folder / "items.parquet").to_pylist()
    chosen = [row for row in rows if row["kind"] == SAMPLE]
    for name in ("doc_id", "source_id", "shard", "row", "bucket", "content_hash", "text"):
        chosen[3][name] = chosen[8][name]
    (folder / "items.parquet").unlink()
    write_rows(folder / "items.parquet", ITEMS, rows, {})
    _changed(drawn__items_sha256=sha256_file(folder / "items.parquet"))(out)


def _without_draw(out: Path) -> None:
    _rechained(out, lambda events: events[:1])
    (out / "rounds" / "R0001").rename(out / "rounds" / "R0002")


@pytest.mark.parametrize(
    ("forge", "told", "quick"),
    [
        (_flip_items, "items.parquet: 内容已改变", True),
        (_flip_machine, "machine.parquet: 内容已改变", True),
        (_flip_register, "register.ndjson", True),
        (lambda out: shutil.rmtree(out / "rounds" / "R0001"), "文件缺失", True),
        (_changed(valued__time="2026-11-30T02:00:00+00:00"), "早于预定", True),
        (_changed(opened__time="2026-12-01T07:00:00+00:00"), "不早于公布", True),
        (_changed(drawn__seed="R0001/1"), "种子", True),
        (_changed(valued__value="1"), "不是登记的值", True),
        (_changed(drawn__value="8 1"), "约定的写法", True),
        (_changed(opened__time="2020-01-01T00:00:00+00:00"), "运行完成之前", False),
        (lambda out: _rechained(out, lambda events: [events[0], events[2]]), "没有登记公开值", True),
        (_without_draw, "登记簿中没有这次抽取", True),
        (_changed(opened__frame={"documents": 1, "sha256": "0" * 64}), "frame: 记载", False),
        (_changed(opened__collected={"documents": 1, "sha256": "0" * 64}), "collected: 记载", False),
        (_changed(opened__design={**DESIGN.stated(), "manual": 100}), "与重抽不符", False),
        (_changed(drawn__second=0), "second: 记载", False),
        (_changed(drawn__strata={"manual": 4}), "各层大小", False),
        (_another_manual_sample, "与重抽不符", False),
    ],
)
def test_verify_names_what_was_forged(own: Path, forge: Callable[[Path], None], told: str, quick: bool) -> None:
    forge(own)
    assert told in _problems(own, quick)


def test_a_register_cut_behind_a_later_run_is_missed(audited: tuple[Corpus, Path], tmp_path: Path, ready: Path) -> None:
    corpus, out = audited[0], copied(ready, tmp_path / "o")
    content = json.loads(corpus.config.read_text())
    try:
        corpus.config.write_text(json.dumps({**content, "seed": "later"}, ensure_ascii=False))
        night(corpus, out)
    finally:
        corpus.config.write_text(json.dumps(content, ensure_ascii=False))
    assert "register.ndjson" not in _problems(out, quick=True)
    begun = find_round(Output(out)).drawn["review_begun"]  # type: ignore[index]
    assert json.loads((out / "current" / "manifest.json").read_text())["review_heads"] == {"R0001": begun}
    shutil.rmtree(out / "rounds")
    assert "缺少运行" in _problems(out, quick=True)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "dismissed", "by": "round:R0099", "evidence": {"round": "R0099"}},
        {"event": "dismissed", "by": "round:R0001", "evidence": {"round": "R0001"}},  # drawn, but never closed
        {"event": "lifted", "by": "甲 + 乙", "evidence": {"round": "R0099"}},
    ],
)
@pytest.mark.parametrize("rounds", [True, False])
def test_a_decision_that_cites_a_round_nobody_closed_is_found(own: Path, event: dict[str, Any], rounds: bool) -> None:
    BlacklistLog(own / "blacklist").append([{**event, "source_key": "bad", "scope": "source", "reason": "x"}])
    if not rounds:
        shutil.rmtree(own / "rounds")
    assert f"cites {event['evidence']['round']}, which was never closed" in _problems(own, quick=True)
