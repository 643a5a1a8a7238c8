"""What is planted among the items looks like everything else: to first and second readers, to adjudicators, in exports.

And a text that is there more than once is read blind each time.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from review.assignments import Leased
from review.decisions import Decision
from review.exchange.exporting import Request, export_items
from review.refusal import Refused
from review.store import ReviewStore
from rounds.criteria import criteria_version
from rounds.known import planted_rows
from rounds.register import find_round
from tests.reviews import Client, draw_round, known, plain, repeat, served
from tests.small_round import item

ROLES = {"甲": "annotator", "乙": "annotator", "丙": "second", "裁": "adjudicator", "主": "lead"}
ITEMS, KNOWN_ITEMS = 8, 6
UNTIL = "2999-01-01T00:00:00+00:00"


def drawn_items() -> list[dict[str, Any]]:
    """Items of the sample, known answers among them and a repeat, as a draw marks them."""
    items = plain(ITEMS, second=True)
    texts = [known(ITEMS + 1 + n, f"第{n}篇：代开发票请联系。" * 5) | {"second": True} for n in range(KNOWN_ITEMS)]
    return [*items, *texts, repeat(ITEMS + KNOWN_ITEMS + 1, items[0])]


def opened(out: Path, items: list[dict[str, Any]]) -> ReviewStore:
    """The review of a round of these items, with its people."""
    output, round_ = draw_round(out, items)
    store = ReviewStore.open(output, round_)
    for name, role in ROLES.items():
        store.add_person(name, [role], by="主")
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReviewStore]:
    found = opened(tmp_path / "o", drawn_items())
    yield found
    found.shut()


def say(store: ReviewStore, person: str, leased: Leased, verdict: str) -> None:
    risks = ("A1-f",) if verdict == "unqualified" else ()
    given = (leased.item_no, leased.reading, verdict, risks, (), "", 1.0, 9.0, leased.content_hash, criteria_version())
    store.decide(person, Decision(*given))


def judge_all(store: ReviewStore, person: str, reading: str, bad: frozenset[int]) -> list[Leased]:
    """Everything there is for somebody, who calls these items unqualified."""
    shown = []
    while (leased := store.lease(person, reading)) is not None:
        say(store, person, leased, "unqualified" if leased.item_no in bad else "qualified")
        shown.append(leased)
    return shown


def planted_in(store: ReviewStore) -> frozenset[int]:
    """Known answers that adjudicators read in any case."""
    return planted_rows("R0001/12345", drawn_items())


TEXTS = frozenset(range(ITEMS + 1, ITEMS + 1 + KNOWN_ITEMS))


def test_first_and_second_exports_hold_the_same_planted_items(store: ReviewStore, tmp_path: Path) -> None:
    handed = {}
    for person, reading in (("甲", "first"), ("丙", "second")):
        request = Request(person, reading, "主", count=100)
        path = tmp_path / f"{reading}.jsonl"
        batch = export_items(store, find_round(store.output), "jsonl", path, request).batch
        handed[reading] = {task.item_no for task in batch.tasks}
        fields = [{name for name, value in vars(task).items() if value} for task in batch.tasks]
        assert fields == fields[:1] * len(fields), "no field that only some of them have"
    assert handed["first"] == handed["second"] == {*range(1, ITEMS + 1), *TEXTS}


def test_pages_and_counters_count_planted_items_as_the_others(store: ReviewStore) -> None:
    total = ITEMS + KNOWN_ITEMS
    assert (store.progress()["second"]["total"], store.progress()["left"]) == (total, 2 * total)
    seen = judge_all(store, "丙", "second", TEXTS)
    assert sorted(leased.item_no for leased in seen) == list(range(1, total + 1))
    assert {frozenset(asdict(leased)) for leased in seen} == {frozenset(asdict(seen[0]))}
    assert {leased.stage for leased in seen} == {"pretrain"}
    assert store.progress_of("丙", "second") == {"mine": total, "left": 0, "total": total, "decided": total}


def test_adjudicators_are_given_known_answers_that_look_like_any_dispute(store: ReviewStore) -> None:
    judge_all(store, "甲", "first", TEXTS | {2, 5})
    judge_all(store, "丙", "second", TEXTS | {5})
    planted = planted_in(store)
    assert len(planted) == KNOWN_ITEMS // 2
    queue = judge_all(store, "裁", "adjudication", frozenset())
    assert {leased.item_no for leased in queue} == planted | {2}, "5 is agreed on, and so are the other known answers"
    for leased in queue:
        assert sorted(one["verdict"] for one in leased.earlier) == ["qualified", "unqualified"]
        assert all(set(one) == {"verdict", "risks", "personal", "note"} for one in leased.earlier)
    assert store.check() == []
    log = list(store.log())
    shown = {event["item_no"]: len(event["readings_shown"]) for event in log if event.get("reading") == "adjudication"}
    assert shown == {leased.item_no: 1 if leased.item_no in planted else 2 for leased in queue}, (
        "the log says what was real"
    )
    assert store.finals().num_rows == ITEMS, "they are in no figure of the corpus"


def test_the_made_up_answer_is_not_always_the_same_letter(tmp_path: Path) -> None:
    items = [*plain(1, second=True), *(known(2 + n, f"代开发票{n}") | {"second": True} for n in range(30))]
    store = opened(tmp_path / "o", items)
    bad = frozenset(range(2, 32))
    judge_all(store, "甲", "first", bad)
    judge_all(store, "丙", "second", bad)
    letters = [leased.earlier[0]["verdict"] for leased in judge_all(store, "裁", "adjudication", bad)]
    assert len(letters) == 15 and set(letters) == {"qualified", "unqualified"}
    store.shut()


def test_known_answers_two_readers_differ_on_are_adjudicated(store: ReviewStore) -> None:
    judge_all(store, "甲", "first", TEXTS)
    judge_all(store, "丙", "second", frozenset())
    assert {leased.item_no for leased in judge_all(store, "裁", "adjudication", frozenset())} == TEXTS
    assert store.check() == []


def test_an_adjudication_nobody_was_to_give_is_found_in_the_log(store: ReviewStore) -> None:
    judge_all(store, "甲", "first", TEXTS)
    judge_all(store, "丙", "second", TEXTS)
    number = min(TEXTS - planted_in(store))
    with store.database.write() as connection:
        connection.execute("INSERT INTO open VALUES ('adjudication', ?)", (number,))
    judge_all(store, "裁", "adjudication", TEXTS)
    assert any("breaks a rule of the review" in line for line in store.check())


@pytest.mark.parametrize("reading", ["second", "adjudication"])
def test_only_first_readings_are_handed_out_by_number(store: ReviewStore, reading: str) -> None:
    judge_all(store, "甲", "first", frozenset({3}))
    person = {"second": "丙", "adjudication": "裁"}[reading]
    with pytest.raises(Refused, match="not items"):
        store.reserve(person, reading, by="主", until=UNTIL, items=[3])
    assert "reserved" not in {event["event"] for event in store.log()}
    assert store.reserve("丙", "second", by="主", until=UNTIL, count=2)


# -- copies


def copied() -> list[dict[str, Any]]:
    """Fourteen copies of one text, and one that is there once."""
    text = "同一篇正文。" * 9
    return [
        *(item(number, text) for number in range(1, 15)),
        item(15, "另一篇正文。"),
        repeat(16, item(15, "另一篇正文。")),
    ]


def test_a_copied_text_is_read_blind_each_time(tmp_path: Path) -> None:
    store = opened(tmp_path / "o", copied())
    for _ in range(14):
        leased = store.lease("甲", "first")
        assert leased is not None
        say(store, "甲", leased, "qualified")
        assert store.findings(leased.item_no) == store.look("甲", leased.item_no)["machine"]
        assert store.findings(leased.item_no)["withheld"] and not store.findings(leased.item_no)["findings"]
    assert store.machine.of(1)["findings"], "there is something that was not shown"
    assert store.findings(15)["findings"] and "withheld" not in store.findings(16)
    store.shut()


def test_a_lead_who_judges_copies_gives_up_the_others_by_looking(tmp_path: Path) -> None:
    store = opened(tmp_path / "o", copied())
    store.set_roles("主", ["lead", "annotator"], by="主")
    first = store.lease("主", "first")
    assert first is not None and first.item_no == 1
    say(store, "主", first, "qualified")
    assert store.look("主", 1)["machine"]["findings"]
    after = store.lease("主", "first")
    assert after is not None and after.item_no == 15, "thirteen copies are not blind any more"
    assert store.check() == []
    store.shut()


def test_the_log_tells_of_a_reading_by_one_who_had_looked_at_a_copy(tmp_path: Path) -> None:
    store = opened(tmp_path / "o", copied())
    store.set_roles("主", ["lead", "annotator"], by="主")
    store.look("主", 1)
    with store.database.write() as connection:
        connection.execute("DELETE FROM looks")
    leased = store.lease("主", "first")
    assert leased is not None
    say(store, "主", leased, "qualified")
    assert any("breaks a rule of the review" in line for line in store.check())
    store.shut()


def test_the_page_is_not_sent_the_findings_of_a_copied_text(tmp_path: Path) -> None:
    store = opened(tmp_path / "o", copied())
    secret = store.renew_secret("甲", by="主")
    store.shut()
    with served(tmp_path / "o", tmp_path / "log") as server:
        client = Client(server.url, "甲", secret)
        told = []
        for _ in range(15):
            leased = client.next()["item"]
            answer = client.decide(leased).json()["machine"]
            assert answer == client.get(f"item/{leased['item_no']}").json()["machine"]
            told.append(bool(answer["findings"]))
    assert told == [False] * 14 + [True]
