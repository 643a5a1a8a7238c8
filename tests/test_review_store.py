"""The store of a review: leases, orders, rules of a decision, undo, repeats, adjudication, the chain, closing."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output
from review.assignments import Leased
from review.decisions import Decision, wrong
from review.filling import gap_of
from review.refusal import Refused
from review.store import ReviewStore
from rounds.criteria import criteria_version
from rounds.register import Register, find_round
from rounds.tables import FINALS, READINGS
from schemas.chain import digest
from tests.reviews import draw_round, known, plain, repeat
from tests.small_round import item

LEASE = 900.0


@dataclass
class Clock:
    """A clock that goes when told."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """A store with its clock and folder."""

    store: ReviewStore
    clock: Clock
    out: Path

    def take(self, person: str, reading: str = "first") -> Leased:
        leased = self.store.lease(person, reading)
        assert leased is not None
        return leased

    def judge(self, person: str, reading: str = "first", verdict: str = "qualified") -> int:
        leased = self.take(person, reading)
        self.store.decide(person, said(leased, verdict))
        return leased.item_no


def said(leased: Leased, verdict: str = "qualified", **changes: Any) -> Decision:
    risks = ("A1-f",) if verdict == "unqualified" else ()
    given = Decision(
        leased.item_no, leased.reading, verdict, risks, (), "", 1.0, 9.0, leased.content_hash, criteria_version()
    )
    return replace(given, **changes)


ROLES = {"甲": ["annotator"], "乙": ["annotator", "second"], "丙": ["second"], "裁": ["adjudicator"], "主": ["lead"], "审": ["auditor"]}  # fmt: skip


def make_bench(tmp_path: Path, items: Sequence[dict[str, Any]], people: Sequence[str] = ("甲", "乙")) -> Bench:
    output, round_ = draw_round(tmp_path / "out", items)
    clock = Clock()
    store = ReviewStore.open(output, round_, clock, LEASE)
    for name in people:
        store.add_person(name, ROLES[name], by="test")
    return Bench(store, clock, tmp_path / "out")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round of six items read twice, with an account for every role: hashing their secrets takes its time."""
    folder = tmp_path_factory.mktemp("prepared")
    make_bench(folder, plain(6, second=True), list(ROLES)).store.shut()
    return folder / "out"


@pytest.fixture
def bench(prepared: Path, tmp_path: Path) -> Iterator[Bench]:
    shutil.copytree(prepared, tmp_path / "out")
    output, clock = Output(tmp_path / "out"), Clock()
    made = Bench(ReviewStore.open(output, find_round(output), clock, LEASE), clock, tmp_path / "out")
    yield made
    made.store.shut()


def refused(status: int, step: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        step()
    assert caught.value.status == status
    return caught.value


def test_the_file_is_the_owners_alone_and_is_made_once(bench: Bench) -> None:
    path = bench.store.folder / "review.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    again = ReviewStore.open(bench.store.output, find_round(bench.store.output), bench.clock)
    assert again.head() == bench.store.head()
    again.shut()


def test_items_that_are_not_those_of_the_register_are_not_judged(tmp_path: Path) -> None:
    output, round_ = draw_round(tmp_path / "out", plain(3))
    path = round_.folder / "items.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RunFailed, match=r"items\.parquet"):
        ReviewStore.open(output, round_)


def test_a_round_that_is_not_drawn_has_no_review(tmp_path: Path) -> None:
    output, _ = draw_round(tmp_path / "out", plain(1))
    Register(output).append({"event": "abandoned", "round": "R0001", "by": "x", "reason": "y"})
    Register(output).append(
        {
            "event": "opened",
            "round": "R0002",
            "by": "x",
            "run_id": "r",
            "profile": "tc260-003",
            "criteria": criteria_version(),
        }
    )
    with pytest.raises(UsageError, match="R0002"):
        ReviewStore.open(output, find_round(output))


def test_two_people_are_given_different_items_and_each_keeps_theirs(bench: Bench) -> None:
    first, other = bench.take("甲"), bench.take("乙")
    assert (first.item_no, other.item_no) == (1, 2)
    assert bench.take("甲").item_no == 1


def test_a_lease_that_ran_out_goes_to_whoever_asks_and_its_holder_may_decide_until_then(bench: Bench) -> None:
    kept, lost = bench.take("甲"), None
    bench.clock.now += LEASE + 1
    bench.store.decide("甲", said(kept))  # nobody asked for it meanwhile
    lost = bench.take("甲")
    bench.clock.now += LEASE + 1
    assert bench.take("乙").item_no == lost.item_no
    refused(409, lambda: bench.store.decide("甲", said(lost)))
    refused(409, lambda: bench.store.renew("甲", "first", lost.item_no))
    bench.store.decide("乙", said(lost))
    assert [row["person"] for row in bench.store.readings().to_pylist()] == ["甲", "乙"]


def test_renewing_makes_a_lease_last(bench: Bench) -> None:
    kept = bench.take("甲")
    for _ in range(5):
        bench.clock.now += LEASE - 1
        until = bench.store.renew("甲", "first", kept.item_no)
        assert bench.take("乙").item_no != kept.item_no
    assert until > kept.lease_until


def test_what_somebody_puts_back_comes_to_others_at_once_and_to_them_last(bench: Bench) -> None:
    put_back = bench.take("甲")
    bench.store.release("甲", "first", [put_back.item_no])
    assert bench.take("乙").item_no == put_back.item_no
    bench.store.release("乙", "first", [put_back.item_no])
    order = [bench.judge("甲") for _ in range(6)]
    assert order[-1] == put_back.item_no
    assert [event["event"] for event in bench.store.log()].count("released") == 2


def test_nobody_reads_an_item_twice_whatever_their_roles(bench: Bench) -> None:
    firsts = {bench.judge("乙") for _ in range(3)}
    seconds = set()
    while (leased := bench.store.lease("乙", "second")) is not None:
        seconds.add(leased.item_no)
        bench.store.decide("乙", said(leased))
    assert seconds == {1, 2, 3, 4, 5, 6} - firsts
    assert bench.store.lease("乙", "first") is None, "the rest are their own second readings"
    assert bench.store.progress_of("乙", "first")["left"] == 0


def test_holding_an_item_in_one_reading_bars_it_in_the_other(bench: Bench) -> None:
    held = {bench.take("乙", "first").item_no}
    for _ in range(5):
        held.add(bench.judge("乙", "second"))
    assert bench.store.lease("乙", "second") is None
    assert len(held) == 6


def test_second_readers_take_items_in_an_order_fixed_by_hash(bench: Bench) -> None:
    expected = sorted(range(1, 7), key=lambda n: hashlib.sha256(f"R0001/12345\n{n}\n丙".encode()).digest())
    assert [bench.judge("丙", "second") for _ in range(6)] == expected


RULES: list[tuple[str, dict[str, Any], int]] = [
    ("unknown verdict", {"verdict": "fine"}, 422),
    ("unqualified without a risk", {"verdict": "unqualified", "risks": ()}, 422),
    ("qualified with a risk", {"risks": ("A1-a",)}, 422),
    ("a risk that is none", {"verdict": "unqualified", "risks": ("A9-z",)}, 422),
    ("a risk twice", {"verdict": "unqualified", "risks": ("A1-a", "A1-a")}, 422),
    ("personal information that is none", {"personal": ("secret",)}, 422),
    ("personal information twice", {"personal": ("general", "general")}, 422),
    ("a long note", {"note": "长" * 2001}, 422),
    ("a control character", {"note": "a\x1bb"}, 422),
    ("half a character", {"note": "a\ud800b"}, 422),
    ("more than all was read", {"read_share": 1.01}, 422),
    ("no number", {"read_share": float("nan")}, 422),
    ("time that ran back", {"seconds": -1.0}, 422),
    ("another text", {"content_hash": "0" * 64}, 409),
    ("other criteria", {"criteria": "criteria-1:000000000000"}, 409),
    ("an item that is none", {"item_no": 99}, 404),
    ("an item of nobody", {"item_no": 5}, 409),
    ("another way in", {"via": "letter"}, 422),
    ("another reading", {"reading": "second"}, 403),
    ("a reading that is none", {"reading": "third"}, 422),
    ("adjudication", {"reading": "adjudication"}, 403),
]


@pytest.mark.parametrize(("changes", "status"), [case[1:] for case in RULES], ids=[case[0] for case in RULES])
def test_a_decision_that_breaks_a_rule_is_refused_and_leaves_nothing(
    bench: Bench, changes: dict[str, Any], status: int
) -> None:
    leased = bench.take("甲")
    before = bench.store.head()
    if changes.get("item_no") == 5:
        changes = {**changes, "content_hash": hashlib.sha256(plain(6)[4]["text"].encode()).hexdigest()}
    error = refused(status, lambda: bench.store.decide("甲", replace(said(leased), **changes)))
    assert error.zh and error.en
    assert bench.store.head() == before
    bench.store.decide("甲", said(leased))


def test_unclear_may_name_risks_and_answers_are_kept_in_the_order_of_the_standard(bench: Bench) -> None:
    leased = bench.take("甲")
    bench.store.decide(
        "甲", said(leased, "unclear", risks=("A3-a", "A1-b"), personal=("biometric", "general"), note="行\n二")
    )
    (row,) = bench.store.readings().to_pylist()
    assert (row["risks"], row["personal"], row["note"]) == (["A1-b", "A3-a"], ["general", "biometric"], "行\n二")
    assert wrong("unclear", (), ()) is None


def test_each_decision_is_an_event_that_says_what_was_shown(bench: Bench) -> None:
    leased = bench.take("甲")
    bench.clock.now += 20
    receipt = bench.store.decide("甲", said(leased, "unqualified", note="理由"))
    event = list(bench.store.log())[-1]
    assert (event["seq"], event["sha256"]) == (receipt.seq, receipt.sha256)
    assert event["sha256"] == digest(event)
    shown = {
        "person": "甲",
        "item_no": 1,
        "reading": "first",
        "verdict": "unqualified",
        "risks": ["A1-f"],
        "note": "理由",
    }
    shown |= {"content_hash": leased.content_hash, "criteria": criteria_version(), "held_seconds": 20.0, "seconds": 9.0}
    assert shown.items() <= event.items()


def test_a_decision_is_synced_to_the_disk_and_a_lease_is_not(bench: Bench) -> None:
    writer = bench.store.database._writer
    leased = bench.take("甲")
    assert writer.execute("PRAGMA synchronous").fetchone()[0] == 1  # NORMAL
    bench.store.decide("甲", said(leased))
    assert writer.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_the_same_decision_sent_again_has_the_same_receipt_and_another_is_refused(bench: Bench) -> None:
    leased = bench.take("甲")
    receipt = bench.store.decide("甲", said(leased))
    head = bench.store.head()
    assert bench.store.decide("甲", said(leased, seconds=11.0)) == receipt
    assert bench.store.head() == head
    refused(409, lambda: bench.store.decide("甲", said(leased, "unqualified")))


def test_undo_is_a_further_event_and_gives_the_item_back(bench: Bench) -> None:
    number = bench.judge("甲", verdict="unqualified")
    leased, was = bench.store.undo("甲")
    assert (leased.item_no, was["verdict"], was["risks"]) == (number, "unqualified", ["A1-f"])
    assert bench.store.readings().num_rows == 0
    bench.store.decide("甲", said(leased))
    assert [event["event"] for event in bench.store.log()][-3:] == ["decided", "undone", "decided"]
    assert list(bench.store.log())[-1]["after_findings"] is True
    assert [flag["kind"] for flag in bench.store.dashboard()["flags"]] == ["after_findings"]
    assert bench.store.check() == []


def test_undo_goes_back_one_by_one_and_ends(bench: Bench) -> None:
    done = [bench.judge("甲") for _ in range(3)]
    assert [bench.store.undo("甲")[0].item_no for _ in range(3)] == done[::-1]
    refused(409, lambda: bench.store.undo("甲"))
    assert bench.store.check() == []


def differ(bench: Bench) -> int:
    """An item whose two readers differ."""
    number = bench.judge("丙", "second", "unqualified")
    while bench.judge("甲") != number:
        pass
    return number


def test_differing_verdicts_are_adjudicated_by_a_third_who_sees_both_nameless(bench: Bench) -> None:
    number = differ(bench)
    leased = bench.take("裁", "adjudication")
    assert leased.item_no == number
    assert sorted(one["verdict"] for one in leased.earlier) == ["qualified", "unqualified"]
    assert all(set(one) == {"verdict", "risks", "personal", "note"} for one in leased.earlier)
    assert bench.store.finals().num_rows == 0
    bench.store.decide("裁", said(leased, "unclear"))
    (final,) = bench.store.finals().to_pylist()
    assert (final["verdict"], final["how"]) == ("unclear", "adjudicated")
    log = {event["seq"]: event for event in bench.store.log()}
    shown = list(log.values())[-1]["readings_shown"]
    assert sorted(log[seq]["verdict"] for seq in shown) == ["qualified", "unqualified"]


def test_one_of_the_two_readers_never_adjudicates(bench: Bench) -> None:
    differ(bench)
    bench.store.set_roles("丙", ["second", "adjudicator"], by="test")
    assert bench.store.lease("丙", "adjudication") is None
    assert bench.store.progress_of("丙", "adjudication")["left"] == 0
    assert bench.store.lease("裁", "adjudication") is not None


def test_a_reading_is_not_undone_once_an_adjudicator_sees_it(bench: Bench) -> None:
    differ(bench)
    leased = bench.take("裁", "adjudication")
    refused(409, lambda: bench.store.undo("甲"))
    bench.store.release("裁", "adjudication", [leased.item_no])
    bench.store.undo("甲")
    assert bench.store.lease("裁", "adjudication") is None
    refused(409, lambda: bench.store.decide("裁", said(leased, "qualified")))
    assert bench.store.check() == []


def test_what_two_agree_on_is_unqualified_for_the_risks_of_either(bench: Bench) -> None:
    leased = bench.take("丙", "second")
    bench.store.decide("丙", said(leased, "unqualified", risks=("A3-a",), personal=("sensitive",)))
    while (own := bench.take("甲")).item_no != leased.item_no:
        bench.store.decide("甲", said(own))
    bench.store.decide("甲", said(own, "unqualified", risks=("A1-f",), personal=("general",)))
    (final,) = bench.store.finals().to_pylist()
    assert final == {
        "item_no": leased.item_no, "verdict": "unqualified", "risks": ["A1-f", "A3-a"], "personal": ["general", "sensitive"], "how": "agreed",
    }  # fmt: skip


def test_tables_have_the_forms_of_the_round(bench: Bench) -> None:
    bench.judge("甲")
    assert bench.store.readings().schema == READINGS
    assert bench.store.finals().schema == FINALS


def test_items_not_read_twice_are_decided_by_one(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, plain(2), ["甲", "丙"])
    assert bench.store.lease("丙", "second") is None
    bench.judge("甲", verdict="unqualified")
    assert [row["how"] for row in bench.store.finals().to_pylist()] == ["single"]
    bench.store.shut()


def test_a_repeat_comes_to_its_reader_later_and_shows_nothing_of_being_one(tmp_path: Path) -> None:
    items = plain(100)
    items.append(repeat(101, items[0]))
    bench = make_bench(tmp_path, items)
    order = [bench.judge("甲")]
    for _ in range(5):
        assert bench.judge("乙") != 101
    while 101 not in order:
        order.append(bench.judge("甲"))
    assert len(order) - 2 == gap_of("R0001/12345", 101), "so many decisions lie between"
    original, again = (bench.store.look("甲", number)["item"] for number in (1, 101))
    assert {**again, "item_no": 1} == original
    bench.store.shut()


def test_a_repeat_comes_at_the_end_where_there_are_few_items(tmp_path: Path) -> None:
    items = plain(3)
    bench = make_bench(tmp_path, [*items, repeat(4, items[0])])
    assert [bench.judge("甲") for _ in range(4)] == [1, 2, 3, 4]
    bench.store.shut()


def test_a_repeat_goes_to_anyone_once_its_reader_cannot_judge(tmp_path: Path) -> None:
    items = plain(2)
    bench = make_bench(tmp_path, [*items, repeat(3, items[0])])
    assert (bench.judge("甲"), bench.judge("乙")) == (1, 2)
    assert bench.store.lease("乙", "first") is None
    bench.store.deactivate("甲", by="test")
    assert bench.judge("乙") == 3
    bench.store.shut()


def test_known_answers_and_repeats_count_for_people_only(tmp_path: Path) -> None:
    items = plain(6)
    knowns = [known(7 + n, f"已知文本{n}") for n in range(6)]
    bench = make_bench(tmp_path, [*items, *knowns, repeat(13, items[0])])
    shown = [bench.take("甲")]
    for _ in range(13):
        bench.store.decide("甲", said(shown[-1]))
        shown += [leased] if (leased := bench.store.lease("甲", "first")) else []
    assert {type(leased.stage) for leased in shown} == {str}
    board = bench.store.dashboard()
    assert (board["manual"]["judged"], board["manual"]["failures"]) == (6, 0)
    (person,) = board["people"]
    assert (person["known"], person["repeats"]) == ({"right": 0, "of": 6}, {"same": 1, "of": 1})
    assert "known" in {flag["kind"] for flag in board["flags"]}
    assert bench.store.finals().num_rows == 6
    bench.store.shut()


def test_verdicts_carried_over_are_never_shown_and_are_final(tmp_path: Path) -> None:
    output, first = draw_round(tmp_path / "out", plain(3))
    register = Register(output)
    finals = [
        {"item_no": n, "verdict": v, "risks": r, "personal": [], "how": "single"}
        for n, v, r in ((1, "qualified", []), (2, "unqualified", ["A1-f"]))
    ]
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(finals, FINALS), first.folder / "finals.parquet")
    digest = hashlib.sha256((first.folder / "finals.parquet").read_bytes()).hexdigest()
    register.append({"event": "closed", "round": "R0001", "by": "x", "finals_sha256": digest})
    bench = make_bench(tmp_path, [{**row, "carried_from": "R0001"} if row["item_no"] < 3 else row for row in plain(3)])
    assert bench.judge("甲") == 3
    assert bench.store.lease("甲", "first") is None
    told = [(row["item_no"], row["verdict"], row["how"]) for row in bench.store.finals().to_pylist()]
    assert told == [(1, "qualified", "carried"), (2, "unqualified", "carried"), (3, "qualified", "single")]
    bench.store.close(by="主")
    bench.store.shut()


def test_who_is_no_longer_qualified_cannot_judge(bench: Bench) -> None:
    leased = bench.take("甲")
    today = "2027-01-15"  # of the clock
    bench.store.set_roles("甲", ["annotator"], by="test", qualified_until=today)
    bench.clock.now += 3600
    bench.store.renew("甲", "first", leased.item_no)
    bench.clock.now += 86_400
    for step in (
        lambda: bench.store.decide("甲", said(leased)),
        lambda: bench.store.lease("甲", "first"),
        lambda: bench.store.renew("甲", "first", leased.item_no),
    ):
        assert "到期" in refused(403, step).zh
    bench.store.set_roles("甲", ["annotator"], by="test", qualified_until="2028-01-01")
    bench.store.decide("甲", said(leased))


NAMES: list[tuple[str, list[str], str | None, int]] = [
    ("甲", ["annotator"], None, 409),
    ("　甲　", ["annotator"], None, 409),
    ("", ["annotator"], None, 422),
    ("a\x1bb", ["annotator"], None, 422),
    ("a\u202eb", ["annotator"], None, 422),
    ("长" * 65, ["annotator"], None, 422),
    ("丁", [], None, 422),
    ("丁", ["boss"], None, 422),
    ("丁", ["auditor", "lead"], None, 422),
    ("丁", ["annotator"], "2027-02-30", 422),
]


@pytest.mark.parametrize(("name", "roles", "until", "status"), NAMES)
def test_accounts_that_cannot_be_made(
    bench: Bench, name: str, roles: list[str], until: str | None, status: int
) -> None:
    refused(status, lambda: bench.store.add_person(name, roles, "test", until))


def test_secrets_are_kept_as_scrypt_alone(bench: Bench) -> None:
    secret = bench.store.add_person("丁", ["annotator"], by="test")
    assert len(secret.replace("-", "")) == 25
    for path in bench.store.folder.iterdir():
        content = path.read_bytes()
        assert secret.encode() not in content and secret.replace("-", "").encode() not in content
    assert b"scrypt$" in b"".join(path.read_bytes() for path in bench.store.folder.iterdir())
    assert all(secret not in str(event) and "scrypt" not in str(event) for event in bench.store.log())


def test_an_import_is_all_or_nothing_and_names_every_reason(bench: Bench) -> None:
    hashes = {row["item_no"]: row["content_hash"] for row in plain(6)}
    good = Decision(1, "first", "qualified", (), (), "", 1.0, 0.0, hashes[1], criteria_version(), "import")
    given = [
        ("甲", good),
        ("甲", replace(good, item_no=2)),
        ("无人", replace(good, item_no=3, content_hash=hashes[3])),
        ("丙", replace(good, item_no=4, content_hash=hashes[4])),
        ("甲", good),
    ]
    head = bench.store.head()
    error = refused(422, lambda: bench.store.import_decisions(given, by="主"))
    assert [place for place, _ in error.reasons] == [1, 2, 3, 4]
    assert all(" / " in text for _, text in error.reasons)
    assert (bench.store.head(), bench.store.readings().num_rows) == (head, 0)
    receipts = bench.store.import_decisions(
        [given[0], ("甲", replace(good, item_no=2, content_hash=hashes[2]))], by="主"
    )
    assert len({receipt.sha256 for receipt in receipts}) == 2
    assert bench.store.check() == []


def test_an_import_takes_nothing_another_person_holds(bench: Bench) -> None:
    leased = bench.take("乙")
    given = [("甲", said(leased, via="import"))]
    refused(422, lambda: bench.store.import_decisions(given, by="主"))
    bench.clock.now += LEASE + 1
    bench.store.import_decisions(given, by="主")


def test_items_handed_out_are_given_to_nobody_else_and_not_to_the_page(bench: Bench) -> None:
    until = "2027-02-01T00:00:00+00:00"
    handed = bench.store.reserve("甲", "first", by="主", until=until, count=4)
    assert [leased.item_no for leased in handed] == [1, 2, 3, 4]
    assert (bench.take("甲").item_no, bench.take("乙").item_no) == (5, 6)
    refused(403, lambda: bench.store.reserve("乙", "second", by="主", until=until, items=[1]))
    refused(422, lambda: bench.store.reserve("乙", "first", by="主", until=until, items=[7, 99]))
    error = refused(422, lambda: bench.store.reserve("乙", "first", by="主", until=until, items=[1, 2]))
    assert [place for place, _ in error.reasons] == [0, 1]
    bench.store.decide("甲", said(handed[2], via="import"))
    bench.store.release("甲", "first", [1])
    bench.store.release("乙", "first", [6])
    assert bench.take("乙").item_no == 1
    refused(422, lambda: bench.store.reserve("甲", "first", by="主", until="2020-01-01T00:00:00+00:00", count=1))


def test_a_lead_who_looked_at_an_item_does_not_judge_it(bench: Bench) -> None:
    bench.store.set_roles("主", ["lead", "annotator"], by="test")
    seen = bench.store.look("主", 1)
    assert seen["machine"]["risks"] == ["A3-e"] and seen["item"]["text"]
    assert bench.take("主").item_no == 2
    refused(403, lambda: bench.store.decide("主", replace(said(bench.take("甲")), via="import")))
    looks = [event for event in bench.store.log() if event["event"] == "looked"]
    assert [(event["person"], event["item_no"]) for event in looks] == [("主", 1)]


def test_an_item_held_and_then_looked_at_or_read_otherwise_does_not_come_again(bench: Bench) -> None:
    bench.store.set_roles("主", ["lead", "annotator"], by="test")
    held = bench.take("主").item_no
    bench.store.look("主", held)
    assert bench.take("主").item_no != held
    held = bench.take("乙").item_no
    bench.clock.now += LEASE + 1
    while bench.judge("乙", "second") != held:
        pass
    left = bench.store.lease("乙", "first")
    assert left is None or left.item_no != held


def test_a_full_disk_takes_nothing_and_leaves_the_review_whole(bench: Bench) -> None:
    (pages,) = bench.store.database._writer.execute("PRAGMA page_count").fetchone()
    bench.store.database._writer.execute(f"PRAGMA max_page_count = {pages}")  # the file cannot grow any more
    stored = 0
    with pytest.raises(RunFailed, match="full"):
        while True:
            bench.judge("甲")
            stored += 1
            bench.store.undo("甲")
            stored -= 1
    bench.store.database._writer.execute("PRAGMA max_page_count = 1000000")
    assert bench.store.check() == []
    assert bench.store.readings().num_rows == stored
    bench.judge("乙")
    assert bench.store.check() == []


@pytest.mark.parametrize("place", [0.02, 0.5, 0.7])
def test_a_damaged_page_is_told_in_one_sentence(bench: Bench, place: float) -> None:
    bench.judge("甲")
    bench.store.shut()
    path = bench.store.folder / "review.sqlite"
    content = bytearray(path.read_bytes())
    damaged = range(max(4096, int(place * len(content))), len(content), 3)
    content[damaged.start :: 3] = b"\xff" * len(damaged)
    path.write_bytes(content)
    with pytest.raises(RunFailed, match=r"review\.sqlite: .*cannot be (read|opened)"):
        list(ReviewStore.open(Output(bench.out), find_round(Output(bench.out))).log())


READ_ONLY = """
import os, sys
from pathlib import Path
from pipeline.store.output import Output
from review.store import ReviewStore
from rounds.register import find_round
from schemas.risks import risks
risks()  # before this user can no longer read the libraries
os.setuid(65534)
output = Output(Path(sys.argv[1]))
store = ReviewStore.open(output, find_round(output))
print(store.check(), store.readings().num_rows)
try:
    store.add_person("新", ["lead"], by="x")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_a_review_that_may_only_be_read_can_be_checked(bench: Bench) -> None:
    bench.judge("甲")
    bench.store.shut()
    closed = [path for path in bench.out.parents if not path.stat().st_mode & 0o001]  # pytest's own folders
    modes = {path: path.stat().st_mode for path in [bench.out, *bench.out.rglob("*"), *closed]}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, bench.out], capture_output=True, text=True, timeout=60, check=False
    )
    for path, mode in modes.items():
        path.chmod(mode)
    assert done.stdout == "[] 1\nRunFailed\n", done.stderr
    assert sorted(path.name for path in bench.store.folder.iterdir()) == ["review.sqlite"]


@pytest.mark.parametrize(("person", "status"), [("甲", None), ("乙", 403), ("裁", 403), ("主", None), ("审", None)])
def test_who_may_look_at_an_item_and_see_the_machine(bench: Bench, person: str, status: int | None) -> None:
    bench.judge("甲")
    if status is None:
        seen = bench.store.look(person, 1)
        assert "expected" not in seen["machine"]
        assert [row.get("person") for row in seen["readings"]] == [None if person == "甲" else "甲"]
    else:
        refused(status, lambda: bench.store.look(person, 1))
        refused(status, lambda: bench.store.look(person, 999))


TAMPERING = [
    (
        "a verdict in the log",
        "UPDATE events SET line = replace(line, 'unqualified', 'qualified') WHERE event = 'decided'",
        "哈希链",
    ),
    ("an event removed", "DELETE FROM events WHERE seq = (SELECT max(seq) - 1 FROM events)", "哈希链"),
    ("a person in the log", "UPDATE events SET person = '乙' WHERE event = 'decided'", "哈希链"),
    ("the end cut off", "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "重放"),
    ("a verdict beside the log", "UPDATE readings SET verdict = 'qualified'", "重放"),
    ("a reading removed", "DELETE FROM readings", "重放"),
    ("the person who read", "UPDATE readings SET person = '乙' WHERE person = '甲'", "重放"),
    ("a text", "UPDATE texts SET text = 'x' WHERE item_no = 2", "items 2"),
    ("an item", "DELETE FROM items WHERE item_no = 3", "items 3"),
    ("no longer read twice", "UPDATE items SET second = 0 WHERE item_no = 4", "items 4"),
]


@pytest.mark.parametrize(("statement", "found"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING])
def test_tampering_is_refused_by_the_file_and_found_where_somebody_got_round_that(
    bench: Bench, statement: str, found: str
) -> None:
    bench.judge("甲", verdict="unqualified")
    bench.judge("丙", "second", verdict="unqualified")
    assert bench.store.check() == []
    with sqlite3.connect(bench.store.folder / "review.sqlite") as file:
        if "readings" not in statement:
            with pytest.raises(sqlite3.IntegrityError):
                file.execute(statement)
        for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        file.execute(statement)
    file.close()
    assert any(found in problem for problem in bench.store.check())


def test_an_event_is_only_ever_added_behind_the_last(bench: Bench) -> None:
    with sqlite3.connect(bench.store.folder / "review.sqlite") as file:
        row = file.execute("SELECT * FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        for seq in (row[0], row[0] + 2, row[0] + 1):  # in place of one, with a gap, with a wrong predecessor
            with pytest.raises(sqlite3.IntegrityError):
                file.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", (seq, *row[1:]))
    file.close()


def test_a_forged_event_with_good_hashes_that_breaks_a_rule_is_found(bench: Bench) -> None:
    from review import events

    number = bench.judge("甲")
    last = list(bench.store.log())[-1]
    with bench.store.database.write() as connection:  # as somebody would who has the file and this software
        forged = {k: v for k, v in last.items() if k not in ("seq", "at", "event", "previous", "sha256")}
        events.append(connection, bench.clock.now, "decided", **{**forged, "reading": "second"})
    problems = bench.store.check()
    assert any("规则" in problem for problem in problems) and any(f"readings {number} second" in p for p in problems)


def test_closing_needs_every_sample_item_and_refuses_what_comes_after(tmp_path: Path) -> None:
    items = plain(3)
    bench = make_bench(tmp_path, [*items, known(4, "已知文本"), repeat(5, items[0])])
    bench.judge("甲")
    assert "2" in refused(409, lambda: bench.store.close(by="主")).zh
    bench.judge("甲"), bench.judge("甲")
    leased = bench.take("甲")
    head = bench.store.close(by="主")
    assert bench.store.close(by="主") == head == bench.store.head()
    assert bench.store.state == "closed"
    for step in (
        lambda: bench.store.lease("甲", "first"),
        lambda: bench.store.decide("甲", said(leased)),
        lambda: bench.store.undo("甲"),
        lambda: bench.store.import_decisions([("甲", said(leased, via="import"))], by="主"),
        lambda: bench.store.reserve("甲", "first", by="主", until="2027-02-01T00:00:00+00:00", count=1),
    ):
        refused(409, step)
    assert bench.store.check() == []
    bench.store.shut()


def test_a_round_abandoned_meanwhile_takes_no_decision(bench: Bench) -> None:
    leased = bench.take("甲")
    Register(bench.store.output).append({"event": "abandoned", "round": "R0001", "by": "x", "reason": "y"})
    refused(409, lambda: bench.store.decide("甲", said(leased)))
    assert bench.store.state == "abandoned"


def test_the_dashboard_counts_in_whole_numbers(tmp_path: Path) -> None:
    items = [
        item(
            number,
            f"第{number}篇",
            second=True,
            samples=["manual"] if number <= 8 else [f"source:very_secret_source:{side}"],
        )
        for number, side in ((n, "positive" if n < 11 else "negative") for n in range(1, 13))
    ]
    bench = make_bench(tmp_path, items, ["甲", "丙"])
    for _ in range(12):
        leased = bench.take("甲")
        bench.store.decide("甲", said(leased, "unqualified" if leased.item_no in (1, 9) else "qualified", seconds=0.2))
    for _ in range(12):
        leased = bench.take("丙", "second")
        verdict = {1: "unqualified", 2: "unclear", 9: "unqualified"}.get(leased.item_no, "qualified")
        bench.store.decide("丙", said(leased, verdict, seconds=4.0))
    board = bench.store.dashboard()
    manual = board["manual"]
    assert (
        manual["size"],
        manual["judged"],
        manual["failures"],
        manual["needed"],
        manual["pending"],
        manual["limit"],
    ) == (8, 7, 1, 1, 1, 0)
    assert manual["rate"] == round(6 / 7, 6) and manual["interval"]["low"] < manual["rate"] < manual["interval"]["high"]
    assert (board["agreement"]["pairs"], board["agreement"]["agreed"]) == (12, 11)
    (source,) = board["sources"]
    assert source["positive"] == {"items": 2, "judged": 2, "failures": 1}
    assert source["negative"] == {"items": 2, "judged": 2, "failures": 0}
    assert board["risks"] == [{"risk_id": "A1-f", "items": 2}]
    assert board["queue"] == {"adjudication": 1, "leased": 0, "reserved": 0}
    assert [(flag["kind"], flag["name"], flag["count"]) for flag in board["flags"]] == [("fast", "甲", 12)]
