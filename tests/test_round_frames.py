"""What stands beside a round's numbers: stages nobody confirmed, sources not read, the blacklist, earlier rounds, its value."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blacklist.log import BlacklistLog
from pipeline.errors import UsageError
from pipeline.store.output import Output
from pipeline.verification.verify import unproved, verify
from rounds.carrying import round_before
from rounds.design import PublicValue
from rounds.doubts import APART, REDRAWN, UNREAD
from rounds.history import ALONE, History, earlier_rounds, history_as_closed, history_of
from rounds.opening import abandon_round
from rounds.outcome import result_lines
from rounds.register import Register, Round, rounds_until
from rounds.summary import facts_of as told_of
from rounds.summary import lines_of
from schemas.chain import GENESIS, append_to_chain
from schemas.sources import APART_RULE
from tests.audits import SOURCES, Corpus, make_corpus, sql
from tests.made_rounds import bad, facts_of, good, result
from tests.round_runs import (
    FORM,
    Clock,
    audited,
    closed,
    drawn,
    events_of,
    fresh,
    later,
    night,
    opened,
    own,
    ready,
    write,
)

__all__ = ["audited", "fresh", "own", "ready"]
STRATA = {"manual": 5000, "source:a:positive": 0, "source:a:negative": 3000}
ITEMS = [good(4000, "manual"), good(3000, "source:a:negative")]


def clauses(facts: Any, specs: Any = ITEMS, strata: Any = STRATA, history: History = ALONE) -> dict[str, Any]:
    """Verdict and basis by clause, and whether the round passed."""
    content = result(specs, strata, facts, history=history).content
    told = {row["clause"]: (row["verdict"], row["basis"]) for row in content["clauses"]}
    return {
        **told,
        "passed": content["passed"],
        "doubts": [row["about"] for row in content["doubts"]],
        "content": content,
    }


def with_source(name: str, **changes: Any) -> Any:
    """Facts of a run of two sources, one of them changed."""
    facts = facts_of(["a", name])
    return replace(facts, sources={**facts.sources, name: replace(facts.sources[name], **changes)})


def test_the_same_round_passes_where_nothing_stands_beside_it() -> None:
    told = clauses(facts_of(["a"]))
    assert (told["8.2a"][0], told["5.1a2"][0], told["passed"], told["doubts"]) == ("符合", "符合", True, [])


# -- stages listed apart


def test_what_is_admitted_unseen_as_a_stage_leaves_the_check_to_people() -> None:
    strata = {**STRATA, "stage:safety": 1644}
    told = clauses(with_source("prompts", apart=True, documents=1644), [*ITEMS, bad(300, "stage:safety")], strata)
    verdict, basis = told["8.2a"]
    assert (verdict, told["passed"], told["doubts"]) == ("待人工", False, [APART])
    assert "safety 300 / 300" in basis and APART_RULE in basis
    assert told["5.1a2"][0] == "待人工"
    assert clauses(with_source("prompts", apart=True, admitted=False))["8.2a"][0] == "符合", "kept out"


def test_a_small_corpus_checked_in_full_is_no_equivalent_measure_beside_a_stage_nobody_saw() -> None:
    strata = {"manual": 30, "stage:safety": 9}
    told = clauses(with_source("prompts", apart=True), [good(30, "manual"), bad(9, "stage:safety")], strata)
    assert told["8.2a"][0] == "不符合" and "不足以作为等效措施" in told["8.2a"][1]


# -- sources that were not read


@pytest.mark.parametrize("changes", [{"documents": 0}, {"open_reasons": ("books_incomplete",)}])
def test_a_source_that_was_not_read_is_left_to_people(changes: dict[str, Any]) -> None:
    told = clauses(with_source("broken", **changes))
    assert (told["8.2a"][0], told["5.1a2"][0], told["passed"]) == ("待人工", "待人工", False)
    assert told["doubts"] == [UNREAD] and "broken" in told["8.2a"][1] and "broken" in told["5.1a2"][1]
    assert all(verdict == "待人工" for key, (verdict, _) in clause_items(told) if key.startswith("5.2c"))
    assert clauses(with_source("broken", admitted=False, **changes))["8.2a"][0] == "符合", "kept out: not trained on"


def clause_items(told: dict[str, Any]) -> list[tuple[str, tuple[str, str]]]:
    return [(key, value) for key, value in told.items() if isinstance(value, tuple)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four sources; of one every shard is noise."""
    made = make_corpus(tmp_path_factory.mktemp("unread") / "c")
    noise = random.Random(7)
    for path in sorted((made.config.parent / "plain").iterdir()):
        path.write_bytes(bytes(noise.randrange(256) for _ in range(4000)).replace(b"\n", b" "))
    made.sources = list(SOURCES)
    write(made)
    return made


def test_a_run_that_did_not_read_a_source_carries_no_round_unless_that_is_accepted(corpus: Corpus) -> None:
    out, clock = corpus.config.parent.parent / "o", Clock()
    night(corpus, out)
    assert sql(out, "SELECT documents, status FROM source_stats WHERE source_id = 'plain'") == [(0, "admitted")]
    with pytest.raises(UsageError, match="plain.*--with-quarantined"):
        opened(out, clock)
    assert not (out / "rounds" / "register.ndjson").exists(), "nothing is recorded"
    found = opened(out, clock, quarantined=True)
    assert found.opened["unread"] == ["plain"]
    assert any("plain" in line and "未读全" in line for line in lines_of(told_of(Output(out), found), brief=False))


# -- the blacklist


def listed(out: Path, key: str, scope: str = "source", event: str = "blacklisted", **more: Any) -> None:
    """Puts a source or a domain on the blacklist, or takes it off."""
    told = {"event": event, "source_key": key, "scope": scope, "reason": "r", "by": "甲 + 乙", "evidence": {}, **more}
    BlacklistLog(out / "blacklist").append([told])


LIFT = {"file": "f.txt", "sha256": "5" * 64, "roles": ["安全", "法务"]}


@pytest.mark.parametrize(("key", "scope"), [("table", "source"), ("table", "suspended"), (None, "domain")])
def test_a_run_older_than_the_blacklist_carries_no_round(fresh: Path, key: str | None, scope: str) -> None:
    listed(fresh, key or domain_of(fresh), scope)
    with pytest.raises(UsageError, match="run again first"):
        opened(fresh, Clock())
    assert not (fresh / "rounds" / "register.ndjson").exists()


def domain_of(out: Path) -> str:
    """The domain of which the current run admits most."""
    ((found, _), *_) = sql(
        out,
        "SELECT domain, count(*) FROM documents WHERE admitted AND domain IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1",
    )
    return str(found)


def test_once_it_has_run_again_a_round_is_opened(audited: tuple[Corpus, Path], fresh: Path) -> None:
    listed(fresh, "table")
    night(audited[0], fresh)
    assert opened(fresh, Clock()).opened["blacklist_opened"] == BlacklistLog(fresh / "blacklist").head()


def test_what_is_listed_while_a_round_goes_on_leaves_the_sources_to_people(fresh: Path) -> None:
    clock, output = Clock(), Output(fresh)
    found, domain = opened(fresh, clock), domain_of(fresh)
    listed(fresh, "table")
    listed(fresh, domain, "domain", evidence={"file": "f"})
    listed(fresh, domain, "domain", "lifted", evidence=LIFT)
    facts = run_facts_of(fresh, found)
    history = history_of(output, found, facts)
    assert history.listed == ({"source_key": "table", "scope": "source"},)
    assert [row["domain"] for row in history.lifted] == [domain] and history.lifted[0]["documents"] > 0
    content = {"blacklist": history.stated()["blacklist"]}
    listed(fresh, "packed")
    assert history_as_closed(output, found, facts, content) == history, "decisions of later days do not matter"
    assert found.opened["blacklist_opened"] != GENESIS
    for head in ("f" * 64, GENESIS):  # of no event, and of before the opening
        with pytest.raises(ValueError, match="not the one in force"):
            history_as_closed(output, found, facts, {"blacklist": {**content["blacklist"], "head": head}})


def run_facts_of(out: Path, found: Round) -> Any:
    from pipeline.store.output import Run
    from rounds.facts import run_facts

    return run_facts(Run(Output(out).runs / found.run_id))


def test_entries_and_lifts_on_a_file_are_named_and_left_to_people() -> None:
    for history, name in (
        (replace(ALONE, listed=({"source_key": "a", "scope": "source"},)), "a"),
        (replace(ALONE, listed=({"source_key": "x.example", "scope": "domain"},)), "x.example"),
        (replace(ALONE, lifted=({"domain": "y.example", "documents": 1100},)), "y.example（1100）"),
    ):
        told = clauses(facts_of(["a"]), history=history)
        assert told["5.1a2"][0] == "待人工" and name in told["5.1a2"][1]


# -- earlier rounds


def test_a_redraw_of_what_failed_names_it_and_is_left_to_people() -> None:
    row = {"round": "R0002", "state": "closed", "same_frame": True, "judged": 4000, "failures": 426, "allowed": 160}
    told = clauses(facts_of(["a"]), history=replace(ALONE, earlier=(row,)))
    assert (told["8.2a"][0], told["passed"], told["doubts"]) == ("待人工", False, [REDRAWN])
    assert "R0002（426 / 4000，同一总体" in told["8.2a"][1]
    assert any("R0002: 未通过" in line and "426 / 4000" in line for line in result_lines(told["content"]))
    told = clauses(facts_of(["a"]), history=replace(ALONE, earlier=({**row, "same_frame": False},)))
    assert (told["8.2a"][0], told["passed"]) == ("符合", True) and "R0002（426 / 4000）" in told["8.2a"][1]


def test_earlier_rounds_are_those_whose_sample_was_known_and_did_not_pass(own: Path) -> None:
    clock, output = Clock("2026-12-02T00:00:00+00:00"), Output(own)
    closed(own, clock, passed=False)
    opened(own, clock, **later(clock))
    abandon_round(output, "李", "误开", clock=clock)  # nobody could know its sample
    opened(own, clock, **later(clock))
    drawn(own, clock)
    abandon_round(output, "李", "看着不好", clock=clock)
    opened(own, clock, **later(clock))
    drawn(own, clock)
    closed(own, clock)
    found = opened(own, clock, **later(clock))
    rows = earlier_rounds(found, Register(output).events())
    assert [(row["round"], row["state"], row["same_frame"]) for row in rows] == [
        ("R0001", "closed", True),
        ("R0003", "abandoned", True),
    ]


# -- the public value


def value_of(found: Round, **changes: str) -> PublicValue:
    told = found.opened["public_value"]
    return PublicValue(**{name: told[name] for name in ("name", "source", "expected_at", "form")} | changes)


def given_up(out: Path, clock: Clock) -> Round:
    """A first round that was given up before its value was out."""
    opened(out, clock)
    return abandon_round(Output(out), "李", "算过了，不好", clock=clock)


@pytest.mark.parametrize("name", ["双色球开奖号", " 双色球 开奖号", "双色球，开奖号！"])
def test_a_value_serves_one_round(fresh: Path, name: str) -> None:
    clock = Clock()
    before = given_up(fresh, clock)
    with pytest.raises(UsageError, match="R0001"):
        opened(fresh, clock, value=value_of(before, name=name), from_verdicts=False)
    assert [event["event"] for event in events_of(fresh)] == ["opened", "abandoned"]


def test_a_round_given_up_early_counts_as_known_once_its_value_is_named_again(fresh: Path) -> None:
    clock = Clock()
    assert not given_up(fresh, clock).knowable
    clock.tick(hours=1)
    value = PublicValue("双色球开奖号", "别处", "2026-12-01T07:00:01+00:00", FORM)
    second = opened(fresh, clock, value=value, from_verdicts=False)
    first, again = Register(Output(fresh)).rounds()
    assert first.knowable and first.knowable_since == second.opened["time"]
    assert not rounds_until(events_of(fresh), 2)[0].knowable, "as it was before"
    assert [row["round"] for row in earlier_rounds(second, events_of(fresh))] == ["R0001"]
    assert round_before([first, again], again) == first, "nothing is carried over past it"
    assert any("同名" in line and "R0001、R0002" in line for line in unproved(Output(fresh)))
    assert abandon_round(Output(fresh), "李", "不好", clock=clock).knowable


def test_a_register_with_one_value_for_two_rounds_is_found(fresh: Path) -> None:
    clock = Clock()
    given_up(fresh, clock)
    first, ended = events_of(fresh)
    for event in ({**first, "round": "R0002"},):
        told = {key: value for key, value in event.items() if key not in ("sha256", "previous")}
        append_to_chain(fresh / "rounds" / "register.ndjson", [{**told, "seq": 3, "time": ended["time"]}])
    problems = [problem for check in verify(Output(fresh), quick=True) for problem in check.problems]
    assert any("R0002: 公开值与 R0001 相同" in problem for problem in problems)
