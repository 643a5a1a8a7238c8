"""Lifts that rest on a closed round, what a round does to the blacklist, and what verify finds of decisions that do not follow."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blacklist.log import BlacklistLog
from pipeline.errors import UsageError
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from rounds.design import Design
from rounds.lifting import assessment, reasons_against
from rounds.opening import abandon_round
from rounds.register import find_round
from schemas.chain import append_to_chain
from tests.audits import audit, jsonl, make_corpus, sql, texts
from tests.made_rounds import round_of, tables_of
from tests.test_round_closing import at, by_machine, close, draw, found_by_verify, judge, lenient, state

DESIGN = Design()
PEOPLE = ("--by", "李", "--second", "王", "--reason", "人工评估")
ROLES = ("--role", "数据安全负责人", "--second-role", "法务")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of four sources; `bad` is suspended by the rule."""
    folder = tmp_path_factory.mktemp("lifts")
    audit("run", make_corpus(folder / "c").config, "--out", folder / "o")
    return folder / "o"


@pytest.fixture(scope="module")
def cleared(audited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a round in which people found nothing, closed when two people had confirmed the suspension."""
    out = tmp_path_factory.mktemp("cleared") / "o"
    shutil.copytree(audited, out, symlinks=True)
    audit("blacklist", "confirm", out, "bad", *PEOPLE)
    draw(out, design=DESIGN)
    close(out, judge(out, lenient))
    assert state(out)["bad"] == ("source", True), "listed by people: a round dismisses suspensions alone"
    return out


@pytest.fixture(scope="module")
def dismissed(audited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a round in which people found nothing, so that the suspension was dismissed."""
    out = tmp_path_factory.mktemp("dismissed") / "o"
    shutil.copytree(audited, out, symlinks=True)
    draw(out, design=DESIGN)
    close(out, judge(out, lenient))
    return out


@pytest.fixture
def own(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy to change."""

    def copy(out: Path) -> Path:
        shutil.copytree(out, tmp_path / "o", symlinks=True)
        return tmp_path / "o"

    return copy


def lift(out: Path, *options: object, check: int = 0, people: tuple[str, ...] = PEOPLE, key: str = "bad") -> str:
    done = audit("blacklist", "lift", out, key, *people, *options, check=check)
    return done.stdout + done.stderr


def last_event(out: Path) -> dict[str, Any]:
    return BlacklistLog(out / "blacklist").events()[-1]


def test_a_source_is_lifted_by_two_people_in_two_roles_on_a_closed_round(
    own: Callable[[Path], Path], cleared: Path, tmp_path: Path
) -> None:
    out, proof, empty = own(cleared), tmp_path / "minutes.pdf", tmp_path / "empty.pdf"
    proof.write_bytes(b"minutes of the meeting")
    empty.touch()
    on_round = ("--round", "R0001")
    before = (out / "blacklist" / "events.ndjson").read_bytes()
    refused = [
        ((), "--role"),
        ((*on_round,), "--role"),
        ((*on_round, "--role", "法务", "--second-role", " 法务 "), "--role"),
        ((*ROLES,), "--round"),
        ((*ROLES, "--evidence", proof), "--round"),  # a file of one's own is no blind sample
        ((*ROLES, *on_round, "--evidence", empty), "empty"),
        ((*ROLES, *on_round, "--evidence", tmp_path / "gone.pdf"), "no such file"),
        ((*ROLES, "--round", "R0009"), "no such round"),
    ]
    for options, told in refused:
        assert told in lift(out, *options, check=2)
    alone = ("--by", "李", "--second", " 李 ", "--reason", "x")
    assert "two different people" in lift(out, *ROLES, *on_round, check=2, people=alone)
    joined = ("--by", "李 + 赵", "--second", "王", "--reason", "x")
    assert "one person each" in lift(out, *ROLES, *on_round, check=2, people=joined)
    assert (out / "blacklist" / "events.ndjson").read_bytes() == before

    lift(out, *ROLES, *on_round, "--evidence", proof)
    assert state(out)["bad"] == ("source", False)
    event = last_event(out)
    assert (event["event"], event["by"], event["evidence"]["roles"]) == (
        "lifted",
        "李 + 王",
        ["数据安全负责人", "法务"],
    )
    assert (event["evidence"]["round"], event["evidence"]["rate_high"]) == ("R0001", 0.0)
    assert (event["evidence"]["file"], event["evidence"]["sha256"]) == ("minutes.pdf", sha256_file(proof))
    assert event["evidence"]["earlier_rounds"] == []
    audit("verify", out)


def test_a_lift_holds_for_this_version_of_the_source_only(tmp_path: Path) -> None:
    import zstandard

    corpus, out = make_corpus(tmp_path / "c"), tmp_path / "o"
    audit("run", corpus.config, "--out", out)
    audit("blacklist", "confirm", out, "bad", *PEOPLE)
    draw(out, design=DESIGN)
    close(out, judge(out, lenient))
    lift(out, "--round", "R0001", *ROLES)
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT status FROM source_stats WHERE source_id = 'bad'") == [("admitted",)]
    audit("verify", out)
    more = [{"id": f"z{i}", "text": text} for i, text in enumerate(texts("新", 20, every=2))]
    (tmp_path / "c" / "bad" / "z.jsonl.zst").write_bytes(zstandard.compress(jsonl(more)))
    audit("run", corpus.config, "--out", out)
    assert sql(out, "SELECT status FROM source_stats WHERE source_id = 'bad'") == [("blacklisted",)]
    assert "source changed" in lift(out, "--round", "R0001", *ROLES, check=2)
    audit("verify", out)


def test_a_domain_is_lifted_by_two_roles_on_a_file(own: Callable[[Path], Path], cleared: Path, tmp_path: Path) -> None:
    out, proof, empty = own(cleared), tmp_path / "blind.csv", tmp_path / "empty.csv"
    proof.write_text("evidence")
    empty.touch()
    audit("blacklist", "add", out, "example.com", "--scope", "domain", "--by", "李", "--reason", "x")
    refused = [
        (("--evidence", proof), "--role"),
        (ROLES, "--evidence"),
        ((*ROLES, "--evidence", empty), "empty"),
        ((*ROLES, "--round", "R0001", "--evidence", proof), "rounds assess sources"),
    ]
    for options, told in refused:
        assert told in lift(out, *options, check=2, key="example.com")
    lift(out, *ROLES, "--evidence", proof, key="example.com")
    assert state(out)["example.com"] == ("domain", False)
    audit("verify", out)


def test_a_later_round_that_sampled_the_source_stands_against_a_lift(
    own: Callable[[Path], Path], cleared: Path
) -> None:
    out = own(cleared)
    draw(out, begin=5, from_verdicts=True, design=DESIGN)
    assert "R0002" in (told := lift(out, "--round", "R0001", *ROLES, check=2)) and "not closed yet" in told
    abandon_round(Output(out), "主管", "结果不好", clock=at(8))
    assert "given up though its sample could be known" in lift(out, "--round", "R0001", *ROLES, check=2)
    draw(out, begin=10, from_verdicts=True, design=DESIGN)
    close(out, judge(out, lenient, begin=10), begin=10)
    assert "R0002" in lift(out, "--round", "R0003", *ROLES)
    assert last_event(out)["evidence"]["earlier_rounds"] == ["R0002"]
    assert found_by_verify(out) == []


def test_a_later_round_that_found_otherwise_stands_against_a_lift(own: Callable[[Path], Path], cleared: Path) -> None:
    out = own(cleared)
    draw(out, begin=5, from_verdicts=True, design=DESIGN)
    close(out, judge(out, by_machine, begin=5), begin=5)
    told = lift(out, "--round", "R0001", *ROLES, check=2)
    assert "the later R0002 sampled it too" in told and "upper bound 25.0000%" in told


@pytest.mark.parametrize(("rate_high", "refused"), [(0.05, False), (0.050001, True), (0.08, True)])
def test_five_percent_holds_whatever_a_profile_of_ones_own_says(rate_high: float, refused: bool) -> None:
    row = {"source_id": "s", "within": True, "rate_high": rate_high, "positive_judged": 1, "negative_judged": 300}
    content = {"reliance": {"holds": True, "reasons": []}, "sources": [row]}
    found = round_of(tables_of([]), {})
    assert bool([*reasons_against(found, content, "s", [found], "2026-12-01T00:00:00+00:00")]) == refused


def test_later_rounds_that_say_nothing_of_the_source_do_not_matter(own: Callable[[Path], Path], cleared: Path) -> None:
    out = own(cleared)
    draw(out, begin=5, from_verdicts=True, design=Design(positive=0, negative=0))
    lift(out, "--round", "R0001", *ROLES)


def misses_known(item: Any, machine: Any) -> Any:
    return ("qualified", (), ())


@pytest.mark.parametrize(
    ("design", "opinion"), [(Design(second="0.5"), lenient), (Design(known=0), lenient), (DESIGN, misses_known)]
)
def test_a_round_that_cannot_be_relied_on_lifts_and_dismisses_nothing(
    own: Callable[[Path], Path], audited: Path, design: Design, opinion: Any
) -> None:
    out = own(audited)
    draw(out, design=design)
    found = judge(out, opinion)
    done = audit("round", "status", out).stdout
    close(out, found)
    assert found.id in done and state(out)["bad"] == ("suspended", True)
    assert "no conclusion in favour" in lift(out, "--round", found.id, *ROLES, check=2)
    assert found_by_verify(out) == []


def test_a_bound_above_the_maximum_lifts_nothing(own: Callable[[Path], Path], audited: Path) -> None:
    out = own(audited)
    draw(out, design=DESIGN)
    assert "not closed" in lift(out, "--round", "R0001", *ROLES, check=2)
    close(out, judge(out, by_machine))
    assert "25.0000%" in lift(out, "--round", "R0001", *ROLES, check=2)


@pytest.mark.parametrize(
    ("changes", "source", "refused"),
    [
        ({}, "table", ""),
        ({"ruleset_sha256": "0" * 64}, "table", "rules changed"),
        ({"source_versions": {"table": "other"}}, "table", "source changed"),
        ({}, "nowhere", "no assessment sample"),
    ],
)
def test_a_round_proves_nothing_of_another_version(
    cleared: Path, changes: dict[str, Any], source: str, refused: str
) -> None:
    manifest = json.loads((cleared / "current" / "manifest.json").read_text()) | changes
    if not refused:
        told = assessment(Output(cleared), "R0001", source, manifest)
        assert told["rate_high"] <= 0.05 and told["source_version"] == manifest["source_versions"][source]
        return
    with pytest.raises(UsageError, match=refused):
        assessment(Output(cleared), "R0001", source, manifest)


def forged(out: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """The blacklist log written anew with a whole chain, as somebody would who covers up a change."""
    log = BlacklistLog(out / "blacklist")
    kept = [{k: v for k, v in event.items() if k not in ("sha256", "previous")} for event in log.events()]
    log.path.unlink()
    append_to_chain(log.path, [{**event, "seq": seq} for seq, event in enumerate(change(kept), start=1)])
    log.write_state()


def edited(kind: str, **changes: Any) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """Events of that kind changed; names of evidence begin with `evidence_`."""

    def change(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for event in events:
            if event["event"] == kind:
                event |= {name: value for name, value in changes.items() if not name.startswith("evidence_")}
                held = {n.removeprefix("evidence_"): v for n, v in changes.items() if n.startswith("evidence_")}
                event["evidence"] |= held
        return events

    return change


def without(kind: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda events: [event for event in events if event["event"] != kind]


def repeated(kind: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda events: [*events, *(event for event in events if event["event"] == kind)]


FOLLOWS = "is not what follows from R0001, which is: "


@pytest.mark.parametrize(
    ("opinion", "change", "told"),
    [
        (by_machine, edited("confirmed", event="dismissed", scope="suspended"), FOLLOWS + "confirmed"),
        (by_machine, edited("confirmed", scope="suspended"), FOLLOWS + "confirmed"),
        (by_machine, edited("confirmed", evidence_rate=0.01), FOLLOWS + "confirmed"),
        (by_machine, edited("confirmed", source_key="table"), FOLLOWS + "nothing"),
        (by_machine, edited("confirmed", by="李"), FOLLOWS + "confirmed"),
        (by_machine, repeated("confirmed"), FOLLOWS + "nothing"),
        (by_machine, without("confirmed"), "what R0001 means for bad is missing"),
        (lenient, without("dismissed"), "what R0001 means for bad is missing"),
        (lenient, edited("dismissed", event="confirmed", scope="source"), FOLLOWS + "dismissed"),
        (lenient, edited("blacklisted", evidence_source_version="other"), FOLLOWS + "nothing"),
    ],
)
def test_what_a_round_means_for_the_blacklist_is_recomputed(
    own: Callable[[Path], Path], audited: Path, dismissed: Path, confirmed: Path, opinion: Any, change: Any, told: str
) -> None:
    out = own(confirmed if opinion is by_machine else dismissed)
    assert found_by_verify(out) == []
    forged(out, change)
    assert told.replace("nothing", "无 / nothing") in "\n".join(found_by_verify(out))


@pytest.fixture(scope="module")
def confirmed(audited: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a round in which people found what the machine found."""
    out = tmp_path_factory.mktemp("confirmed") / "o"
    shutil.copytree(audited, out, symlinks=True)
    draw(out, design=DESIGN)
    close(out, judge(out, by_machine))
    return out


@pytest.fixture(scope="module")
def lifted(cleared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source lifted on the round."""
    out = tmp_path_factory.mktemp("lifted") / "o"
    shutil.copytree(cleared, out, symlinks=True)
    lift(out, "--round", "R0001", *ROLES)
    return out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (edited("lifted", by="李"), "two different people"),
        (edited("lifted", by="李 + 李 "), "two different people"),
        (edited("lifted", evidence_roles=["法务"]), "two different roles"),
        (edited("lifted", evidence_roles=["法务", "法务"]), "two different roles"),
        (edited("lifted", evidence_round=None), "an assessment round's sample"),
        (edited("lifted", evidence_file="x.csv"), "a file of evidence that is not empty"),
        (edited("lifted", event="dismissed"), "the round that dismissed it"),
    ],
)
def test_a_lift_without_what_it_takes_is_found(
    own: Callable[[Path], Path], lifted: Path, change: Any, told: str
) -> None:
    out = own(lifted)
    assert "lacks" not in audit("verify", out, "--quick", check=None).stdout
    forged(out, change)
    done = audit("verify", out, "--quick", check=None)
    assert done.returncode != 0 and told in done.stdout + done.stderr


def test_a_lift_that_cites_other_numbers_is_found(own: Callable[[Path], Path], lifted: Path) -> None:
    out = own(lifted)
    forged(out, edited("lifted", evidence_rate_high=0.04))
    assert "cites other numbers" in "\n".join(found_by_verify(out))


def test_a_lift_on_a_round_that_does_not_carry_it_is_found(own: Callable[[Path], Path], confirmed: Path) -> None:
    out = own(confirmed)

    def add(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        last = events[-1]
        held = {**last["evidence"], "roles": ["甲方", "乙方"]}
        return [*events, {**last, "event": "lifted", "by": "李 + 王", "evidence": held}]

    forged(out, add)
    assert "R0001 does not carry it: " in (told := "\n".join(found_by_verify(out))) and "25.0000%" in told


def test_a_lift_made_while_a_later_round_stood_against_it_is_found(own: Callable[[Path], Path], lifted: Path) -> None:
    out = own(lifted)
    draw(out, begin=5, from_verdicts=True, design=DESIGN)
    first = find_round(Output(out), "R0001")
    assert "does not carry" not in "\n".join(found_by_verify_of(out, first.id)), "drawn after the lift"
    forged(out, edited("lifted", time=at(7)().isoformat(timespec="seconds")))
    assert "R0002 sampled it too" in "\n".join(found_by_verify_of(out, first.id))


def found_by_verify_of(out: Path, name: str) -> list[str]:
    from rounds.verification_results import problems

    return list(problems(Output(out), find_round(Output(out), name)))


def test_closing_says_what_it_did_to_the_blacklist(own: Callable[[Path], Path], audited: Path) -> None:
    out = own(audited)
    draw(out, design=DESIGN)
    close(out, judge(out, by_machine))
    again = audit("round", "close", out, "--by", "主管", "--round", "R0001").stdout
    assert "黑名单 / blacklist bad: 暂停确认为列入" in again


def test_closing_says_what_stays_suspended_and_why(own: Callable[[Path], Path], audited: Path) -> None:
    out = own(audited)
    forged(out, edited("blacklisted", evidence_source_version="other"))
    draw(out, design=DESIGN)
    close(out, judge(out, lenient))
    told = audit("round", "close", out, "--by", "主管", "--round", "R0001").stdout
    assert (
        "bad: 仍暂停 / stays suspended: 暂停时是另一版本的来源" in told and "nothing was changed by this round" in told
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), []),
        (("--second", "0.5", "--negative", "20"), ["--second 0.5", "--negative 20"]),
        (("--source-sample", "bad", "--known", "10"), ["these sources alone", "--known 10"]),
    ],
)
def test_a_design_that_cannot_pass_is_told_when_the_round_is_opened(
    own: Callable[[Path], Path], audited: Path, options: tuple[str, ...], told: list[str]
) -> None:
    out = own(audited)
    value = ("--value-name", "开奖号", "--value-source", "公报", "--value-digits", "6")
    said = ("--by", "主管", "--changes", "首轮", *value, "--value-expected", "2099-01-01T00:00+08:00")
    done = audit("round", "open", out, *said, *options)
    assert "已冻结，待抽取 / frozen, to be drawn" in done.stdout
    shown = [line for line in done.stderr.splitlines() if line.startswith("  ")]
    for part in told:
        assert any(part in line for line in shown), part
    assert any("fewer than 4,000" in line for line in shown) and len(shown) == len(told) + 1
