"""Closing a round of a real run: what is refused, what is written, what follows for the blacklist, what verify finds."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from blacklist.log import BlacklistLog
from pipeline.errors import OutputBusy, RunFailed, UsageError
from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from review.store import Decision, ReviewStore
from rounds import closing
from rounds.closing import FILES
from rounds.database import tables
from rounds.design import Design, Opening, PublicValue
from rounds.drawing import Request, draw_round
from rounds.facts import Tables
from rounds.known import planted_rows
from rounds.opening import abandon_round, open_round
from rounds.outcome import result_lines
from rounds.register import Register, Round, find_round
from rounds.results import RoundResult, read_result
from rounds.tables import ADJUDICATION, FIRST, KNOWN, QUALIFIED, SECOND, UNCLEAR, UNQUALIFIED
from rounds.verification_results import problems
from schemas.database import Table
from tests.audits import SOURCES, audit, flip, jsonl, make_corpus, sql, texts

NOW = datetime.now(UTC)
SMALL = Design(manual=60)
DESIGN = Design()  # the shipped one: of this corpus it takes every document
Verdict = tuple[str, tuple[str, ...], tuple[str, ...]]
GOOD: Verdict = (QUALIFIED, (), ())
BAD: Verdict = (UNQUALIFIED, ("A1-f",), ())


def by_machine(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
    """What people say who find exactly what the machine finds."""
    return BAD if machine["illegal_unhealthy"] or item["kind"] == KNOWN else GOOD


def lenient(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
    """What people say who find nothing but the known answers."""
    return BAD if item["kind"] == KNOWN else GOOD


def large_is_bad(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
    """What people say who find one source bad of which the machine says nothing."""
    return BAD if item["source_id"] == "large" or item["kind"] == KNOWN else GOOD


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of four sources, one of them suspended."""
    folder = tmp_path_factory.mktemp("rounds")
    corpus = make_corpus(folder / "c")
    audit("run", corpus.config, "--out", folder / "o")
    return folder / "o"


@pytest.fixture(scope="module")
def drawn(audited: Path) -> Path:
    """The same with a round drawn from it."""
    draw(audited)
    return audited


@pytest.fixture
def out(drawn: Path, tmp_path: Path) -> Path:
    """A copy of that output to close."""
    shutil.copytree(drawn, tmp_path / "o", symlinks=True)
    return tmp_path / "o"


def at(hours: float) -> Callable[[], datetime]:
    """A clock of days to come: a round goes on for hours, and follows the run it stands on."""
    return lambda: NOW + timedelta(days=1, hours=hours)


def draw(out: Path, carry: bool = False, begin: float = 0, **opening: Any) -> Round:
    """Opens and draws a round, at that hour."""
    expected = at(begin + 0.5)().isoformat(timespec="seconds")
    given = {"changes": "首轮", "design": DESIGN} | opening
    value = PublicValue.named(f"开奖号 {expected}", "公报", expected, "[0-9]{5}")
    open_round(Output(out), Opening("主管", value, **given), at(begin))
    return draw_round(Output(out), Request("12345", "主管", carry), at(begin + 1))


def judge(
    out: Path,
    opinion: Callable[..., Verdict],
    leave: int = 0,
    begin: float = 0,
    skip: frozenset[str] = frozenset(),
    others: Verdict | None = None,
) -> Round:
    """Three people judge the latest round but for the last `leave` items and kinds to `skip`; the second reader differs
    on every thirtieth. `others`: what second reader and adjudicator say of everything, if not what the first says.
    """
    found = find_round(Output(out))
    store = ReviewStore.open(Output(out), found, clock=lambda: at(begin + 2)().timestamp())
    for name, role in (("甲", "annotator"), ("乙", "second"), ("丙", "adjudicator")):
        store.add_person(name, [role], "主管")
    parts = Tables.of(found.folder, store.readings(), store.finals())
    machine = {row["item_no"]: row for row in parts.machine}
    items = [row for row in parts.items if row["carried_from"] is None and row["kind"] not in skip]
    third = planted_rows(str(found.drawn["seed"]), parts.items) if found.drawn else frozenset()
    given: list[tuple[str, Decision]] = []
    for item in items[: len(items) - leave]:
        said = opinion(item, machine[item["item_no"]])
        given.append(("甲", decision(found, item, FIRST, said)))
        if item["second"]:
            other = others or ((UNCLEAR, (), ()) if item["item_no"] % 30 == 0 else said)
            given.append(("乙", decision(found, item, SECOND, other)))
            if other != said or (item["item_no"] in third and said[0] == UNQUALIFIED):
                given.append(("丙", decision(found, item, ADJUDICATION, others or said)))
    store.import_decisions(given, by="主管")
    store.shut()
    return found


def decision(found: Round, item: Mapping[str, Any], reading: str, said: Verdict) -> Decision:
    verdict, risks, personal = said
    where = (item["item_no"], reading, verdict, risks, personal, "")
    return Decision(*where, 1.0, 20.0, item["content_hash"], found.opened["criteria"], "import")


def sources(out: Path) -> dict[str, Any]:
    """Rows of the sources' assessment of the latest closed round."""
    closed = [one for one in Register(Output(out)).rounds() if one.closed]
    return {row["source_id"]: row for row in read_result(closed[-1]).content["sources"]}


def state(out: Path) -> dict[str, tuple[str, bool]]:
    return {entry.source_key: (entry.scope, entry.active) for entry in BlacklistLog(out / "blacklist").entries()}


def close(out: Path, found: Round | None = None, by: str = "主管", begin: float = 0) -> RoundResult:
    """Closes a round, by default the latest."""
    return closing.close(Output(out), found or find_round(Output(out)), by, at(begin + 3))


def found_by_verify(out: Path) -> list[str]:
    return list(problems(Output(out), find_round(Output(out))))


def test_a_round_with_an_item_left_is_not_closed_and_says_of_which_sample(out: Path) -> None:
    found = judge(out, by_machine, leave=3)
    before = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    with pytest.raises(UsageError, match=r"(?s)without a final verdict.*  \S+: \d+"):
        close(out)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == before
    assert find_round(Output(out)).state == "drawn"
    ReviewStore.open(Output(out), found).lease("甲", FIRST)  # the review goes on


def test_known_answers_nobody_read_are_closed_over_only_when_that_is_said(out: Path) -> None:
    judge(out, by_machine, skip=frozenset({KNOWN}))
    with pytest.raises(UsageError, match=r"40 known answers wait for a first or second reading.*--with-unread"):
        close(out)
    assert find_round(Output(out)).state == "drawn"
    result = closing.close(Output(out), find_round(Output(out)), "主管", at(3), with_unread=True)
    assert result.content["reliance"]["known_unread"] == 40 and not result.content["reliance"]["holds"]


def test_what_closing_writes(out: Path) -> None:
    found = judge(out, by_machine)
    result = close(out)
    again = find_round(Output(out), found.id)
    assert again.closed is not None
    assert again.closed["passed"] is result.passed is False, "all there is, but fewer than 4000"
    assert again.closed["outcome"]["manual"]["conclusion"] == "不符合"
    for name in FILES:
        path = found.folder / name
        assert path.stat().st_mode & 0o777 == 0o400
        key = "database_sha256" if name == "round.duckdb" else f"{path.stem}_sha256"
        assert again.closed[key] == sha256_file(path)
    assert found.folder.stat().st_mode & 0o777 == 0o700, "texts are for the owner alone"
    assert not (found.folder / ".closing").exists() and not (found.folder / "round.duckdb.wal").exists()
    told = sources(out)
    assert told.keys() == {"plain", "packed", "table", "bad"}
    assert (told["bad"]["rate"], told["bad"]["rate_low"], told["bad"]["rate_high"]) == (0.25, 0.25, 0.25)
    assert told["packed"]["rate"] == 0 and told["packed"]["conclusion"] == "符合"
    assert found_by_verify(out) == []
    lines = "\n".join(result_lines(result.content))
    assert (
        "R0001  未通过" in lines and "source bad: 超过上限  25.0000%" in lines and "agreement of two readers" in lines
    )
    assert all(row["missed"] in (0, None) for row in result.content["machine"]), "people found what the machine finds"
    (everybody, *_) = result.content["agreement"]
    assert everybody["pairs"] == 920 and 0.95 < everybody["raw"] < 0.98, "they differ on every thirtieth"
    assert {row["person"]: (row["known"], row["known_found"]) for row in result.content["people"]}["甲"] == (40, 40)


def test_the_database_is_for_auditors(out: Path) -> None:
    found = judge(out, by_machine)
    close(out)
    with duckdb.connect(str(found.folder / "round.duckdb"), read_only=True) as database:
        for table in tables().values():
            assert_documented(database, table)
        texts = database.execute(
            "SELECT list_contains(samples, 'manual'), count(text), count(*) FROM items_drawn GROUP BY 1"
        )
        assert {row[0]: (row[1] > 0, row[1] == row[2]) for row in texts.fetchall()} == {
            True: (True, True),
            False: (False, False),
        }, "texts of the manual sample and of nothing else"
        assert database.execute("SELECT DISTINCT round FROM register").fetchall() == [("R0001",)]
        for view in ("v_抽检结果", "v_来源评估", "v_一致性", "v_终判"):
            assert database.execute(f'SELECT count(*) FROM "{view}"').fetchall()[0][0] > 0
        assert database.execute("SELECT 样本, 不合格 FROM v_抽检结果 LIMIT 1").fetchall()[0][0] == "人工抽检"


def assert_documented(database: duckdb.DuckDBPyConnection, table: Table) -> None:
    comments = database.execute(
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table.name]
    ).fetchall()
    assert comments == [(column.name, column.comment) for column in table.columns]


def test_the_same_verdicts_come_to_the_same_bytes(out: Path, tmp_path: Path) -> None:
    found = judge(out, by_machine)
    shutil.copytree(out, tmp_path / "other", symlinks=True)
    close(out, by="甲")
    other = find_round(Output(tmp_path / "other"))
    close(tmp_path / "other", by="乙")
    for name in ("readings.parquet", "finals.parquet", "result.json"):
        assert (found.folder / name).read_bytes() == (other.folder / name).read_bytes()


# A process that kills itself, as kill -9 does: nothing is tidied. {name} is called the {nth}th time on {owner}, and it
# dies before it or, with {after}, behind it.
KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from blacklist.log import BlacklistLog
from pipeline.store.output import Output
from review.store import ReviewStore
from rounds import closing
from rounds.register import Register, find_round

out, moment = Output(Path(sys.argv[1])), datetime.fromisoformat(sys.argv[2])
real, calls = {owner}.{name}, []

def die(*given, **more):
    calls.append(given)
    if len(calls) == {nth}:
        if {after}:
            real(*given, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **more)

{owner}.{name} = die
closing.close(out, find_round(out), "主管", lambda: moment)
"""
STEPS = [
    ("ReviewStore", "close", 1, True),  # the review is closed, nothing is written
    ("closing", "build_database", 1, False),
    ("closing", "synced", 3, False),
    ("Path", "replace", 2, True),  # some files are in place
    ("Register", "append", 1, False),
    ("Register", "append", 1, True),  # on record, and nothing has followed
    ("BlacklistLog", "append", 1, True),
]


@pytest.mark.parametrize(("owner", "name", "nth", "after"), STEPS)
def test_killed_anywhere_it_goes_on(out: Path, owner: str, name: str, nth: int, after: bool) -> None:
    found = judge(out, by_machine)
    script = KILLED.format(owner=owner, name=name, nth=nth, after=after)
    arguments = [sys.executable, "-c", script, str(out), at(3)().isoformat()]
    died = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    closed = owner == "BlacklistLog" or (owner, after) == ("Register", True)
    assert (find_round(Output(out)).state == "closed") == closed
    result = close(out)
    assert result.content["round"] == found.id and state(out)["bad"] == ("source", True)
    assert [event["event"] for event in Register(Output(out)).events()].count("closed") == 1
    assert [event["event"] for event in BlacklistLog(out / "blacklist").events()].count("confirmed") == 1
    assert sorted(path.name for path in found.folder.iterdir()) == sorted([*FILES, "items.parquet", "machine.parquet"])
    assert found_by_verify(out) == []


def test_closing_again_changes_nothing(out: Path) -> None:
    judge(out, by_machine)
    close(out)
    logs = [(out / name).read_bytes() for name in ("rounds/register.ndjson", "blacklist/events.ndjson")]
    assert close(out, by="别人").content == read_result(find_round(Output(out))).content
    assert logs == [(out / name).read_bytes() for name in ("rounds/register.ndjson", "blacklist/events.ndjson")]


def test_a_suspension_is_confirmed_by_people_who_find_it(out: Path) -> None:
    assert state(out)["bad"] == ("suspended", True)
    close(out, judge(out, by_machine))
    assert state(out)["bad"] == ("source", True)
    (event,) = [event for event in BlacklistLog(out / "blacklist").events() if event["event"] == "confirmed"]
    assert (event["by"], event["evidence"]["rate"], event["evidence"]["judged"]) == ("round:R0001", 0.25, 100)
    audit("blacklist", "list", out)
    audit("verify", out)


def test_a_suspension_is_dismissed_where_the_upper_bound_is_within_and_the_source_comes_back(
    out: Path, drawn: Path
) -> None:
    close(out, judge(out, lenient))
    assert state(out)["bad"] == ("suspended", False)
    assert found_by_verify(out) == []
    audit("run", drawn.parent / "c" / "config.json", "--out", out)
    assert sql(out, "SELECT status FROM source_stats WHERE source_id = 'bad'") == [("admitted",)], "not suspended again"
    audit("verify", out)


def test_one_honest_reader_beside_two_who_call_everything_qualified_dismisses_nothing(out: Path) -> None:
    told = close(out, judge(out, by_machine, others=GOOD))
    assert told.content["manual"]["failures"] == 0 and sources(out)["bad"]["within"], "as it would look"
    assert {row["conclusion"] for row in sources(out).values()} == {"待人工"} and not told.passed
    reasons = " ".join(told.content["reliance"]["reasons"])
    assert all(of in reasons for of in ("people found 0 of 40", "second readings", "adjudications"))
    assert state(out)["bad"] == ("suspended", True), "the suspension stays"
    assert found_by_verify(out) == []


def test_what_was_listed_while_people_judged_is_part_of_the_result(out: Path) -> None:
    found = judge(out, by_machine)
    log = BlacklistLog(out / "blacklist")
    entry = {"event": "blacklisted", "scope": "source", "reason": "r", "by": "甲", "evidence": {}}
    log.append([{**entry, "source_key": "table"}])
    clauses = {row["clause"]: row for row in close(out).content["clauses"]}
    assert clauses["5.1a2"]["verdict"] == "待人工" and "run again: table" in clauses["5.1a2"]["basis"]
    with duckdb.connect(str(found.folder / "round.duckdb"), read_only=True) as database:
        rows = database.execute("FROM blacklist_standing").fetchall()
    assert rows == [("table", "source", "listed", None)]
    log.append([{**entry, "source_key": "packed"}])
    assert found_by_verify(out) == [], "decisions of later days do not matter"


def test_a_run_that_holds_the_output_delays_the_blacklist_only(out: Path) -> None:
    judge(out, by_machine)
    with Output(out).held(), pytest.raises(OutputBusy, match="round close"):
        close(out)
    assert find_round(Output(out)).state == "closed" and state(out)["bad"] == ("suspended", True)
    close(out)
    assert state(out)["bad"] == ("source", True)


def test_a_source_people_find_above_is_listed_though_the_machine_saw_nothing(out: Path) -> None:
    def strict(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
        return BAD if item["source_id"] == "table" and item["row"] % 3 == 0 else lenient(item, machine)

    result = close(out, judge(out, strict))
    assert state(out)["table"] == ("source", True)
    assert sources(out)["table"]["conclusion"] == "超过上限"
    assert next(row for row in result.content["clauses"] if row["clause"] == "5.1a2")["verdict"] == "不符合"
    machine = next(row for row in result.content["machine"] if row["source_id"] == "table" and row["call"] == "flagged")
    assert machine["missed"] == 1.0


def test_verdicts_that_were_changed_afterwards_are_refused(out: Path) -> None:
    found = judge(out, by_machine)
    store = ReviewStore.open(Output(out), found)
    with store.database.write() as connection:
        connection.execute("UPDATE readings SET verdict = 'qualified', risks = '[]' WHERE verdict = 'unqualified'")
    store.shut()
    with pytest.raises(RunFailed, match="nothing was closed"):
        close(out)
    assert find_round(Output(out)).state == "drawn"


def reseal(out: Path, name: str, content: bytes | None = None) -> None:
    """Gives the closed round fresh digests, as somebody would who covers up a change."""
    found = find_round(Output(out))
    path = found.folder / name
    path.chmod(0o644)
    if content is not None:
        path.write_bytes(content)
    key = "database_sha256" if name == "round.duckdb" else f"{path.stem}_sha256"
    events = Register(Output(out)).events()
    register = Register(Output(out)).path
    register.unlink()
    from schemas.chain import append_to_chain

    for event in events:
        kept = {k: v for k, v in event.items() if k not in ("previous", "sha256")}
        if event["event"] == "closed":
            kept[key] = sha256_file(path)
        append_to_chain(register, [kept])


def test_a_result_that_was_made_up_is_found(out: Path) -> None:
    found = judge(out, by_machine)
    close(out)
    content = json.loads((found.folder / "result.json").read_text())
    content["manual"]["failures"] += 1
    reseal(out, "result.json", json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2).encode())
    assert any("manual.failures" in problem for problem in found_by_verify(out))


def test_a_database_that_was_made_up_is_found(out: Path) -> None:
    found = judge(out, by_machine)
    close(out)
    path = found.folder / "round.duckdb"
    path.chmod(0o644)
    with duckdb.connect(str(path)) as database:
        database.execute("UPDATE source_results SET rate = 0.01 WHERE source_id = 'bad'")
    reseal(out, "round.duckdb")
    assert any("source_results" in problem for problem in found_by_verify(out))


def test_a_verdict_that_was_made_up_is_found(out: Path) -> None:
    found = judge(out, by_machine)
    close(out)
    path = found.folder / "finals.parquet"
    table = pq.read_table(path)
    rows = [row | {"verdict": QUALIFIED, "risks": []} for row in table.to_pylist()]
    path.chmod(0o644)
    pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    reseal(out, "finals.parquet")
    told = found_by_verify(out)
    assert any("does not follow from what was read" in problem for problem in told)
    assert any("not what the log of the review says" in problem for problem in told)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found_by_verify(out: Path, name: str) -> None:
    found = judge(out, by_machine)
    close(out)
    (found.folder / name).chmod(0o644)
    flip(found.folder / name, 0.5)
    told = audit("verify", out, "--quick", check=None)
    assert told.returncode != 0 and name in told.stdout + told.stderr


def test_a_closed_round_without_the_log_of_its_review_is_found_by_verify(out: Path) -> None:
    judge(out, by_machine)
    close(out)
    shutil.rmtree(out / "review")
    told = audit("verify", out, "--quick", check=None)
    assert told.returncode != 0 and "review/R0001/review.sqlite" in told.stdout + told.stderr


def test_a_tick_that_the_final_verdict_leaves_out_contradicts_the_readings(out: Path) -> None:
    def sees_personal_information(item: Mapping[str, Any], machine: Mapping[str, Any]) -> Verdict:
        return (*by_machine(item, machine)[:2], ("sensitive",))

    found = judge(out, sees_personal_information)
    close(out)
    assert found_by_verify(out) == []
    path = found.folder / "finals.parquet"
    table = pq.read_table(path)
    rows = [row | {"personal": []} for row in table.to_pylist()]
    path.chmod(0o600)
    pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    reseal(out, "finals.parquet")
    assert any("does not follow from what was read" in problem for problem in found_by_verify(out))


def test_a_confirmation_takes_two_people_and_a_suspension(out: Path) -> None:
    audit("blacklist", "confirm", out, "bad", "--by", "李", "--second", "李 ", "--reason", "x", check=2)
    audit("blacklist", "confirm", out, "plain", "--by", "李", "--second", "王", "--reason", "x", check=2)
    audit("verify", out)


@pytest.fixture(scope="module")
def small_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run under a profile that asks for 50 items, so that a round can pass, with a source too large to be taken whole."""
    from importlib import resources

    folder = tmp_path_factory.mktemp("carry")
    text = resources.files("schemas").joinpath("profiles", "tc260-003.yaml").read_text(encoding="utf-8")
    (folder / "own.yaml").write_text(text.replace("minimum: 4000", "minimum: 50"), encoding="utf-8")
    corpus = make_corpus(folder / "c")
    (folder / "c" / "large").mkdir()
    rows = [{"id": f"l{i}", "text": text} for i, text in enumerate(texts("large", 700))]
    (folder / "c" / "large" / "a.jsonl").write_bytes(jsonl(rows))
    large = {"id": "large", "name": "大", "kind": "open", "region": "domestic", "paths": ["large/*"]}
    corpus.write(profile=str(folder / "own.yaml"), sources=[*SOURCES, large])
    audit("run", corpus.config, "--out", folder / "o")
    return folder / "o"


def test_verdicts_that_are_carried_over_are_counted_and_checked(small_profile: Path) -> None:
    out = small_profile
    draw(out, design=SMALL)
    first = close(out, judge(out, lenient))
    assert first.passed and first.content["manual"]["conclusion"] == "自定义口径"
    assert state(out)["bad"] == ("suspended", True), "a profile of one's own dismisses nothing"
    with pytest.raises(UsageError, match="less strictly than this round"):
        draw(out, carry=True, begin=4, changes="无", from_verdicts=False, design=replace(SMALL, known=41))
    abandon_round(Output(out), "主管", "设计有误", clock=at(4.1))
    draw(out, carry=True, begin=4.2, changes="无", from_verdicts=False, design=SMALL)
    found = judge(out, large_is_bad, begin=4)
    second = close(out, found, begin=4)
    held = second.content["carried"]
    assert (
        held["from"] == "R0001"
        and 0 < held["items"] < held["of"]
        and second.content["finals"]["carried"] == held["items"]
    )
    assert second.content["manual"]["carried"] > 0
    with duckdb.connect(str(found.folder / "round.duckdb"), read_only=True) as database:
        drawn = database.execute(
            "SELECT round, carried_from, carried_items FROM register WHERE event = 'drawn' ORDER BY seq"
        )
        assert drawn.fetchall() == [("R0001", None, 0), ("R0003", "R0001", held["items"])]
    assert found_by_verify(out) == []
    earlier = out / "rounds" / "R0001" / "finals.parquet"
    table = pq.read_table(earlier)
    rows = [row | {"verdict": UNCLEAR} for row in table.to_pylist()]
    earlier.chmod(0o644)
    pq.write_table(table.from_pylist(rows, schema=table.schema), earlier)
    assert any("was decided otherwise there" in problem for problem in found_by_verify(out))
