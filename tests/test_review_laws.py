"""Whatever people do in whatever order: what stands is what the log says, and no rule of the review is ever broken."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pipeline.store.output import Output
from review.assignments import Leased
from review.decisions import Decision
from review.refusal import Refused
from review.store import ReviewStore
from rounds.criteria import criteria_version
from rounds.register import find_round
from rounds.tables import VERDICTS
from tests.reviews import draw_round, known, plain, repeat

PEOPLE = {
    "甲": ["annotator"],
    "乙": ["annotator", "second"],
    "丙": ["second", "adjudicator"],
    "丁": ["annotator", "second", "adjudicator", "lead"],
}
READINGS = ("first", "second", "adjudication")
ITEMS = [
    *plain(3, second=True),
    known(4, "已知文本") | {"second": True},
]  # planted: found by two, it is adjudicated too
ITEMS.append(repeat(5, ITEMS[0]))


def prepared() -> Path:
    """A drawn round with accounts, made once: hashing secrets takes its time."""
    folder = Path(tempfile.mkdtemp(prefix="review-laws-"))
    output, round_ = draw_round(folder / "out", ITEMS)
    store = ReviewStore.open(output, round_)
    for name, roles in PEOPLE.items():
        store.add_person(name, roles, by="test")
    store.shut()
    return folder


class Review(RuleBasedStateMachine):
    """People who lease, decide, undo, put back, look and go home."""

    made: Path | None = None

    @initialize()
    def begin(self) -> None:
        if Review.made is None:
            Review.made = prepared()
        self.folder = Path(tempfile.mkdtemp(prefix="review-laws-"))
        shutil.copytree(Review.made / "out", self.folder / "out")
        self.now = 1_800_000_000.0
        output = Output(self.folder / "out")
        self.store = ReviewStore.open(output, find_round(output), lambda: self.now, 900.0)
        self.shown: list[tuple[str, Leased]] = []
        self.acknowledged: dict[int, str] = {}
        self.looked: set[tuple[str, int]] = set()
        self.closed = False

    def attempt(self, step: Any) -> Any:
        """What the step gives; None where it is refused."""
        try:
            return step()
        except Refused:
            return None

    @rule(person=st.sampled_from(list(PEOPLE)), reading=st.sampled_from(READINGS))
    def lease(self, person: str, reading: str) -> None:
        leased = self.attempt(lambda: self.store.lease(person, reading))
        if leased is not None:
            assert (person, leased.item_no) not in self.looked
            self.shown.append((person, leased))

    @rule(person=st.sampled_from(list(PEOPLE)), verdicts=st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=5))
    def judge_for_a_while(self, person: str, verdicts: list[str]) -> None:
        for verdict in verdicts:
            for reading in READINGS:
                leased = self.attempt(lambda reading=reading: self.store.lease(person, reading))
                if leased is not None:
                    self.shown.append((person, leased))
                    self.say(person, leased, verdict, "page")

    @precondition(lambda self: self.shown)
    @rule(data=st.data(), verdict=st.sampled_from(VERDICTS), via=st.sampled_from(["page", "import"]))
    def decide(self, data: Any, verdict: str, via: str) -> None:
        person, leased = data.draw(st.sampled_from(self.shown))  # also what was decided or lost long ago
        self.say(person, leased, verdict, via)

    def say(self, person: str, leased: Leased, verdict: str, via: str) -> None:
        """A decision, which may be refused."""
        risks = ("A1-f",) if verdict == "unqualified" else ()
        hashed, criteria = leased.content_hash, criteria_version()
        given = Decision(leased.item_no, leased.reading, verdict, risks, (), "", 1.0, 5.0, hashed, criteria, via)
        receipt = self.attempt(lambda: self.store.decide(person, given))
        if receipt is not None:
            assert not self.closed and (person, leased.item_no) not in self.looked
            self.acknowledged[receipt.seq] = receipt.sha256

    @rule(person=st.sampled_from(list(PEOPLE)))
    def undo(self, person: str) -> None:
        taken = self.attempt(lambda: self.store.undo(person))
        if taken is not None:
            self.shown.append((person, taken[0]))

    @precondition(lambda self: self.shown)
    @rule(data=st.data())
    def put_back(self, data: Any) -> None:
        person, leased = data.draw(st.sampled_from(self.shown))
        self.attempt(lambda: self.store.release(person, leased.reading, [leased.item_no]))

    @rule(item=st.integers(1, len(ITEMS)))
    def look(self, item: int) -> None:
        judged = any((row["person"], row["item_no"]) == ("丁", item) for row in self.store.readings().to_pylist())
        self.store.look("丁", item)
        if not judged:
            self.looked.add(("丁", item))

    @rule(seconds=st.sampled_from([10.0, 899.0, 901.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def close(self) -> None:
        if self.attempt(lambda: self.store.close(by="丁")) is not None:
            assert self.store.finals().num_rows == 3
            self.closed = True

    @invariant()
    def the_log_tells_what_stands(self) -> None:
        if hasattr(self, "store"):
            assert self.store.check() == []
            log = {event["seq"]: event["sha256"] for event in self.store.log()}
            assert self.acknowledged.items() <= log.items()

    @invariant()
    def nobody_reads_twice_and_two_never_hold_the_same(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = self.store.readings().to_pylist()
        assert max(Counter((row["item_no"], row["person"]) for row in rows).values(), default=1) == 1
        with self.store.database.read() as connection:
            held = connection.execute("SELECT item_no, person FROM leases WHERE until > ?", (self.now,)).fetchall()
            assert max(Counter(map(tuple, held)).values(), default=1) == 1
            said = {(row["item_no"], row["person"]) for row in rows}
            assert not said & {tuple(row) for row in held}
            waiting = {row[0] for row in connection.execute("SELECT item_no FROM open WHERE reading = 'adjudication'")}
        by_item = {n: {row["reading"]: row for row in rows if row["item_no"] == n} for n in range(1, 5)}
        both = {n: (own["first"], own["second"]) for n, own in by_item.items() if {"first", "second"} <= own.keys()}
        apart = {
            n
            for n, pair in both.items()
            if pair[0]["verdict"] != pair[1]["verdict"]
            or any(row["after_findings"] for row in pair)
            or (n == 4 and pair[0]["verdict"] == "unqualified")
        }
        assert waiting == {number for number in apart if "adjudication" not in by_item[number]}
        decided_twice = Counter(
            (event["item_no"], event["person"]) for event in self.store.log() if event["event"] == "decided"
        )
        for row in rows:
            assert row["after_findings"] == (decided_twice[row["item_no"], row["person"]] > 1)
            assert not (row["after_findings"] and row["reading"] == "adjudication")
        for final in self.store.finals().to_pylist():
            own = by_item[final["item_no"]]
            assert final["how"] == "adjudicated" or not any(row["after_findings"] for row in own.values())

    @invariant()
    def every_reading_is_either_open_or_done(self) -> None:
        if hasattr(self, "store"):
            told = self.store.progress()
            assert (told["first"]["total"], told["second"]["total"]) == (5, 4)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.shut()
            shutil.rmtree(self.folder)


TestReview = Review.TestCase
TestReview.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def teardown_module() -> None:
    if Review.made is not None:
        shutil.rmtree(Review.made)
