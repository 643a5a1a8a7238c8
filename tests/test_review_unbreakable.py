"""Ten people at once, and a server that is killed: no decision is lost, doubled, or given to two."""

import random
import statistics
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from review.store import ReviewStore
from tests.reviews import Client, Server, draw_round, judgement, opinion, plain, served

PEOPLE = [f"审核{number}" for number in range(10)]


class Worker(threading.Thread):
    """One person who judges until nothing is left, and tries again when the server does not answer."""

    def __init__(self, url: str, name: str, secret: str, patient: bool) -> None:
        super().__init__(daemon=True)
        self.client = Client(url, name, secret)
        self.patient = patient
        self.acknowledged: list[tuple[int, str, int, str]] = []
        self.times: list[float] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        """First readings and second readings, as they come."""
        try:
            while self.turn("first") | self.turn("second"):
                pass
        except BaseException as error:  # shown by the test
            self.failure = error

    def turn(self, reading: str) -> bool:
        """One item; False where nothing is left in that reading."""
        begun = time.perf_counter()
        given = self.call("next", {"reading": reading})["item"]
        if given is None:
            return False
        verdict = opinion(self.client.name, given["item_no"])
        receipt = self.call("decide", judgement(given, verdict))
        self.times.append(time.perf_counter() - begun)
        self.acknowledged.append((given["item_no"], reading, receipt["seq"], receipt["sha256"]))
        return True

    def call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST until there is an answer."""
        end = time.monotonic() + 60
        while True:
            try:
                answer = self.client.post(path, body)
                assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
                found: dict[str, Any] = answer.json()
                return found
            except httpx.TransportError:
                if not self.patient or time.monotonic() > end:
                    raise
                time.sleep(0.05)


def work(server: Server, secrets: dict[str, str], patient: bool = False) -> list[Worker]:
    workers = [Worker(server.url, name, secret, patient) for name, secret in secrets.items()]
    for worker in workers:
        worker.start()
    return workers


def finish(workers: list[Worker]) -> None:
    for worker in workers:
        worker.join(600)
        assert not worker.is_alive()
        if worker.failure is not None:
            raise worker.failure


def staffed(store: ReviewStore) -> dict[str, str]:
    """Ten people who may do both readings: the review itself must keep them from doing both of an item."""
    return {name: store.add_person(name, ["annotator", "second"], by="主管") for name in PEOPLE}


def check_books(store: ReviewStore, workers: list[Worker], items: int) -> None:
    assert store.check() == []
    acknowledged = {entry for worker in workers for entry in worker.acknowledged}
    assert len(acknowledged) == sum(len(worker.acknowledged) for worker in workers)
    log = {
        (event["item_no"], event["reading"], event["seq"], event["sha256"]): event
        for event in store.log()
        if event["event"] == "decided"
    }
    assert acknowledged == set(log), "what was acknowledged is what the log has"
    rows = store.readings().to_pylist()
    assert Counter(row["reading"] for row in rows) == {"first": items, "second": items}
    readers: dict[int, set[str]] = {}
    for row in rows:
        readers.setdefault(row["item_no"], set()).add(row["person"])
        assert row["verdict"] == opinion(row["person"], row["item_no"])
    assert {len(people) for people in readers.values()} == {2}, "nobody holds two readings of an item"
    verdicts = {number: {row["verdict"] for row in rows if row["item_no"] == number} for number in readers}
    differing = {number for number, said in verdicts.items() if len(said) > 1}
    assert store.progress()["adjudication"]["total"] == len(differing) > 0
    assert len(store.finals()) == items - len(differing)


def judge_all(tmp_path: Path, items: int) -> list[float]:
    output, round_ = draw_round(tmp_path / "out", plain(items, second=True))
    store = ReviewStore.open(output, round_)
    try:
        secrets = staffed(store)
        with served(tmp_path / "out", tmp_path / "log") as server:
            workers = work(server, secrets)
            begun = time.perf_counter()
            finish(workers)
            lasted = time.perf_counter() - begun
            check_books(store, workers, items)
        times = sorted(one for worker in workers for one in worker.times)
        print(
            f"\n{len(times)} decisions in {lasted:.1f} s; next + decide p50 {1000 * statistics.median(times):.0f} ms, "
            f"p99 {1000 * times[int(len(times) * 0.99)]:.0f} ms"
        )
        return times
    finally:
        store.shut()


def test_ten_people_make_a_thousand_decisions_and_none_is_lost_doubled_or_shared(tmp_path: Path) -> None:
    assert len(judge_all(tmp_path, 500)) == 1000


@pytest.mark.slow
def test_ten_people_make_eight_thousand_decisions_and_none_is_lost_doubled_or_shared(tmp_path: Path) -> None:
    assert len(judge_all(tmp_path, 4000)) == 8000


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_a_server_killed_at_any_moment_loses_no_acknowledged_decision_and_goes_on(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    output, round_ = draw_round(tmp_path / "out", plain(700, second=True))
    store = ReviewStore.open(output, round_)
    secrets = staffed(store)
    store.shut()
    server = Server(tmp_path / "out", tmp_path / "log")
    try:
        workers = work(server, secrets, patient=True)
        kills = 0
        while kills < 4 and any(worker.is_alive() for worker in workers):
            time.sleep(moments.uniform(0.1, 0.5))
            before = {entry for worker in workers for entry in list(worker.acknowledged)}
            server.kill()
            kills += 1
            store = ReviewStore.open(output, round_)  # the file as the killed process left it
            log = {event["seq"]: event["sha256"] for event in store.log()}
            assert all(log.get(seq) == sha256 for _, _, seq, sha256 in before)
            assert store.check() == []
            store.shut()
            server.start()
        assert kills == 4, "the work was done before the kills: they proved nothing"
        finish(workers)
        store = ReviewStore.open(output, round_)
        check_books(store, workers, 700)
        store.shut()
    finally:
        server.stop()
