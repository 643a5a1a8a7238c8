"""Steps of a round: their order, the register that proves it, and the runs that rounds stand on."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models.from_review import RoundUsed, TrainedOn
from pipeline.errors import OutputBusy, RunFailed, UsageError
from pipeline.nights.prune import named_runs, prune
from pipeline.store.output import Output
from rounds.design import Design, PublicValue, moment, part_of, seed_of
from rounds.drawing import Request, draw_round
from rounds.opening import PIN, abandon_round
from rounds.register import Register, find_round, rounds_of
from rounds.value_form import must_have_form
from tests.audits import Corpus, audit, flip, reseal
from tests.round_runs import (
    EXPECTED,
    VALUE,
    Clock,
    audited,
    drawn,
    events_of,
    fresh,
    later,
    night,
    opened,
    own,
    ready,
    writable,
)

__all__ = ["audited", "fresh", "own", "ready"]


def _open_again(out: Path, clock: Clock) -> None:
    opened(out, clock)
    opened(out, clock)


def _early(out: Path, clock: Clock) -> None:

    opened(out, clock)
    draw_round(Output(out), Request(VALUE, "李"), clock)


def _second_value(out: Path, clock: Clock) -> None:
    opened(out, clock)
    drawn(out, clock)
    drawn(out, clock, "9" * 13)


def _without_declaration(out: Path, clock: Clock) -> None:
    opened(out, clock)
    abandon_round(Output(out), "李", "写错了", clock=clock)
    opened(out, clock, **later(clock, from_verdicts=None))


def _abandoned(out: Path, clock: Clock) -> None:
    opened(out, clock)
    abandon_round(Output(out), "李", "写错了", clock=clock)
    drawn(out, clock)


def _abandon_nothing(out: Path, clock: Clock) -> None:
    opened(out, clock)
    abandon_round(Output(out), "李", "写错了", clock=clock)
    abandon_round(Output(out), "李", "再来", clock=clock)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        (_open_again, "上一轮尚未结束"),
        (_early, "预定"),
        (_second_value, "一轮只用一个值"),
        (lambda out, clock: (opened(out, clock), drawn(out, clock, "08 12 17")), "登记的写法"),
        (_without_declaration, "--from-verdicts/--not-from-verdicts"),
        (_abandoned, "没有开启的轮次"),
        (_abandon_nothing, "已结束"),
        (lambda out, clock: drawn_without(out), "没有开启的轮次"),
        (lambda out, clock: (clock.pass_to(EXPECTED), opened(out, clock)), "冻结须先于公布"),
        (lambda out, clock: opened(out, clock, by=" "), "--by"),
        (lambda out, clock: opened(out, clock, by="张\n三"), "--by"),
        (lambda out, clock: opened(out, clock, changes=""), "--changes"),
        (lambda out, clock: find_round(Output(out)), "还没有评估轮次"),
        (lambda out, clock: (opened(out, clock), find_round(Output(out), "R0009")), "没有这一轮"),
        (lambda out, clock: (opened(out, clock), drawn(out, clock, "1" * 300)), "过长"),
        (lambda out, clock: (opened(out, clock), drawn(out, clock, "a\x07b")), "控制字符|登记的写法"),
        (lambda out, clock: (opened(out, clock), drawn(out, clock, "  ")), "不能为空"),
    ],
)
def test_steps_out_of_order_are_refused(fresh: Path, steps: Callable[[Path, Clock], Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        steps(fresh, Clock())


def drawn_without(out: Path) -> None:
    """A draw where no round is open."""

    draw_round(Output(out), Request(VALUE, "李"), Clock())


def test_drawing_again_with_the_same_value_changes_nothing(own: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (own / "rounds").rglob("*") if path.is_file()}
    clock = Clock(EXPECTED)
    assert drawn(own, clock).state == "drawn"
    after = {path: path.stat().st_mtime_ns for path in (own / "rounds").rglob("*") if path.is_file()}
    assert {p: t for p, t in after.items() if p.name != ".lock"} == {
        p: t for p, t in before.items() if p.name != ".lock"
    }


def test_the_register_proves_the_order_of_freeze_and_value(ready: Path) -> None:
    first, second, third = events_of(ready)
    assert [one["event"] for one in (first, second, third)] == ["opened", "valued", "drawn"]
    assert first["time"] < EXPECTED <= second["time"] <= third["time"]
    assert third["value_recorded_at"] == second["time"]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda run: flip(writable(next(iter(sorted((run / "documents").glob("*.parquet"))))), 0.5), "运行已损坏"),
        (lambda run: flip(writable(run / "manifest.json"), 0.5), "运行已损坏"),
        (lambda run: next((run / "findings").glob("*.parquet")).unlink(), "运行已损坏"),
    ],
)
def test_no_round_stands_on_a_damaged_run(fresh: Path, harm: Callable[[Path], None], told: str) -> None:
    harm((fresh / "current").resolve())
    with pytest.raises(RunFailed, match=told):
        opened(fresh, Clock())
    assert not rounds_of(Output(fresh))


def test_shards_set_aside_are_accepted_only_where_said(fresh: Path) -> None:
    manifest = (fresh / "current").resolve() / "manifest.json"
    content = json.loads(manifest.read_text())
    content["quarantined"] = [{"source_id": "plain", "shard": "zz.jsonl", "reason": "unreadable", "detail": ""}]
    writable(manifest).write_text(json.dumps(content, ensure_ascii=False))
    reseal(fresh)
    with pytest.raises(UsageError, match="分片未能读取"):
        opened(fresh, Clock())
    assert opened(fresh, Clock(), quarantined=True).opened["quarantined"] == 1


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-25T15:00+08:00", "2026-11-25T07:00:00+00:00"),
        ("2026-11-25T15:00:00Z", "2026-11-25T15:00:00+00:00"),
        ("2026-11-25 15:00+08:00", "2026-11-25T07:00:00+00:00"),
        ("2026-11-25T15:00", None),
        ("2026-11-25", None),
        ("明天下午三点", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_a_time_needs_its_offset(text: str, utc: str | None) -> None:
    if utc is None:
        with pytest.raises(UsageError, match="带时区"):
            moment(text)
    else:
        assert moment(text) == utc


@pytest.mark.parametrize(
    "changes",
    [
        {"manual": 0},
        {"stage": -1},
        {"second": "1.5"},
        {"second": "half"},
        {"repeat": "-0.1"},
        {"known": -1},
        {"positive": 0},
        {"negative": 0},
        {"repeat": "1e-2"},
    ],
)
def test_a_design_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--"):
        Design(**changes)


@pytest.mark.parametrize(("share", "count", "size"), [("0.05", 101, 6), ("1", 7, 7), ("0", 9, 0), ("0.333333", 3, 1)])
def test_shares_are_exact(share: str, count: int, size: int) -> None:
    assert part_of(share, count) == size


@pytest.mark.parametrize(
    "form", ["[0-9]{5}", r"\d{5}", r"[0-9]{4}\.[0-9]{2}", "[0-9a-f]{64}", "SH[0-9][0-9]{5}", "[A-F0-9]{8}"]
)
def test_a_form_of_one_spelling_is_taken(form: str) -> None:
    assert PublicValue.named("a", "b", EXPECTED, form).form == form


@pytest.mark.parametrize(
    "form",
    [
        *(
            "[0-9]+",
            "[0-9]*",
            "[0-9]{5,6}",
            "[0-9]{5,}",
            "0?[0-9]{5}",
            "[0-9]{5}|[0-9]{6}",
            "([0-9]{5})",
            ".{6}",
        ),  # lengths
        *(
            "[0-9A-Fa-f]{8}",
            "[0-9]{4}[A-Z]{4}",
            "[0-9 ]{6}",
            "[0-9.]{6}",
            r"\w{6}",
            "[^a]{6}",
            "[0-9]{5} ?",
            r"\s[0-9]{5}",
        ),
        *("[０-９]{6}", "12345", "(", "a{99999999999999}", "[9-0]{6}", "[0-9]{200}", "", "(?i)[a-f]{8}", "^[0-9]{6}$"),
        *("[0-9]{4}", "[01]{16}", "[0]{6}"),  # too few values
    ],
)
def test_a_form_that_allows_several_spellings_or_few_values_is_refused(form: str) -> None:
    with pytest.raises(UsageError, match="--value-form"):
        PublicValue.named("a", "b", EXPECTED, form)


@pytest.mark.parametrize(
    "value", ["12345", "0012345", "012345 ", " 012345", "０１２３４５", "012345\n", "12345.0", "٠١٢٣٤٥"]
)
def test_a_value_written_otherwise_is_refused_with_both_shown(value: str) -> None:
    for form in ("[0-9]{6}", r"\d{6}"):
        must_have_form("012345", form)
        with pytest.raises(UsageError) as caught:
            must_have_form(value, form)
        assert repr(value) in str(caught.value) and form in str(caught.value)


def test_a_value_written_otherwise_draws_nothing_and_is_not_recorded(fresh: Path) -> None:
    clock = Clock()
    opened(fresh, clock)
    for value in ("0" + VALUE, VALUE + " ", VALUE[:-1]):
        with pytest.raises(UsageError, match="写法"):
            drawn(fresh, clock, value)
    assert [event["event"] for event in events_of(fresh)] == ["opened"]


def test_the_form_of_a_value_is_asked_for(fresh: Path) -> None:
    said = ("--by", "李", "--changes", "首轮", "--value-name", "a", "--value-source", "b", "--value-expected", EXPECTED)
    for forms in ((), ("--value-digits", 6, "--value-form", "[0-9]{6}")):
        assert "--value-digits" in audit("round", "open", fresh, *said, *forms, check=2).stderr


def test_a_seed_keeps_to_the_contract() -> None:
    assert seed_of("R0001", "08 12 17") == "R0001/08 12 17"
    assert len(seed_of("R0001", "x" * 194)) == 200
    for value in ("\ud800", "", " "):
        with pytest.raises(UsageError):
            seed_of("R0001", value)


def test_a_line_cut_off_by_a_crash_was_never_said(own: Path) -> None:
    path = own / "rounds" / "register.ndjson"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "closed", "rou')
    assert find_round(Output(own)).state == "drawn"
    abandon_round(Output(own), "李", "换期", clock=Clock("2026-12-02T00:00:00+00:00"))
    assert path.read_bytes().startswith(whole + b'{"by": ')
    assert find_round(Output(own)).state == "abandoned"


def test_a_changed_register_is_not_used(own: Path) -> None:
    path = own / "rounds" / "register.ndjson"
    path.write_bytes(path.read_bytes().replace("李主管".encode(), "王主管".encode(), 1))
    with pytest.raises(RunFailed, match="登记簿被改动"):
        rounds_of(Output(own))
    with pytest.raises(RunFailed, match="登记簿被改动"):
        Register(Output(own)).append({"event": "abandoned", "round": "R0001"})


@pytest.mark.parametrize(
    "event",
    [
        {"event": "opened", "round": "R0002"},
        {"event": "valued", "round": "R0001"},
        {"event": "drawn", "round": "R0001"},
        {"event": "closed", "round": "R0002"},
        {"event": "forgotten", "round": "R0001"},
        {"event": "closed"},
    ],
)
def test_a_step_that_cannot_follow_is_not_recorded(own: Path, event: dict[str, Any]) -> None:
    before = (own / "rounds" / "register.ndjson").read_bytes()
    with pytest.raises(RunFailed):
        Register(Output(own)).append(event)
    assert (own / "rounds" / "register.ndjson").read_bytes() == before


def test_a_clock_behind_the_last_event_records_nothing(own: Path) -> None:
    with pytest.raises(RunFailed, match="系统时间"):
        abandon_round(Output(own), "李", "换期", clock=Clock("2026-11-30T00:00:00+00:00"))


def test_two_commands_do_not_work_on_the_rounds_at_once(own: Path) -> None:
    with Register(Output(own)).held(), pytest.raises(OutputBusy):
        abandon_round(Output(own), "李", "换期")


def test_a_run_going_on_does_not_keep_rounds_from_theirs(fresh: Path) -> None:
    with Output(fresh).held():
        assert opened(fresh, Clock()).state == "open"


def test_prune_keeps_the_runs_that_rounds_name(audited: tuple[Corpus, Path], fresh: Path) -> None:
    corpus, _ = audited
    first = find_round(Output(fresh)).run_id if rounds_of(Output(fresh)) else opened(fresh, Clock()).run_id
    corpus_config = json.loads(corpus.config.read_text())
    try:
        corpus.config.write_text(json.dumps({**corpus_config, "seed": "another"}, ensure_ascii=False))
        second = night(corpus, fresh)
    finally:
        corpus.config.write_text(json.dumps(corpus_config, ensure_ascii=False))
    kept = prune(Output(fresh), 1).kept
    assert kept == {first: "被引用 / named by rounds/register.ndjson", second: "当前 / current"}
    found = find_round(Output(fresh))
    assert found.run_id == first
    assert drawn(fresh, Clock()).state == "drawn", (
        "a round is drawn from the run it was frozen from, not from a later one"
    )


def test_a_run_is_pinned_while_it_is_being_frozen(fresh: Path) -> None:
    (fresh / "rounds").mkdir()
    run_id = (fresh / "current").resolve().name
    (fresh / "rounds" / PIN).write_text(run_id + "\n")
    assert named_runs(Output(fresh), [run_id]) == {run_id: f"rounds/{PIN}"}


def test_a_round_by_the_command_line(fresh: Path) -> None:
    named = ("--value-name", "开奖号", "--value-source", "公告", "--value-digits", 6, "--value-expected")
    sizes = ("--manual", 30, "--stage-sample", 5, "--positive", 2, "--negative", 3, "--known", 2)
    said = ("--by", "李", "--changes", "首轮")
    assert "还没有" in audit("round", "list", fresh).stdout
    assert "带时区" in audit("round", "open", fresh, *said, *named, "2026-01-01T10:00", check=2).stderr
    audit("round", "status", fresh, check=2)
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=25)  # two commands are to be done before
    done = audit("round", "open", fresh, *said, *named, soon.isoformat(), *sizes)
    assert "R0001" in done.stdout
    assert find_round(Output(fresh)).opened["frame"]["sha256"] in done.stdout
    drawing = ("round", "draw", fresh, "--value", "081217", "--by", "李")
    assert "预定" in audit(*drawing, check=2).stderr
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()))
    assert "R0001/081217" in audit(*drawing).stdout
    told = json.loads(audit("round", "status", fresh, "--format", "json").stdout)
    assert told["rounds"][0]["sizes"]["manual"] == 30
    audit("round", "abandon", fresh, "--by", "李", "--reason", "演示")
    shown = audit("round", "status", fresh).stdout
    assert "已放弃" in shown
    assert "演示" in shown
    assert "traceback" not in shown.lower()
    audit("verify", fresh, "--quick")


def test_a_model_that_verdicts_trained_is_a_change_derived_from_them(own: Path) -> None:
    clock = Clock("2026-12-02T01:00:00+00:00")
    run = (own / "current").resolve()
    used = TrainedOn(rounds=[RoundUsed(round="R0001", run_id=run.name)], content_hashes=[], read_alike=[])
    abandon_round(Output(own), "李", "重来", clock=clock)
    (run / "trained_on.json").write_bytes(used.content())
    with pytest.raises(UsageError, match="R0001"):
        opened(own, clock, **later(clock))
    assert opened(own, clock, **later(clock, from_verdicts=True)).opened["from_verdicts"] is True
