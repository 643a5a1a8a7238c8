"""Events of workers that share no files with the caller: none is lost, none stays behind, and none ends a run."""

import json
import threading
from pathlib import Path

import pytest

from pipeline.engine.posted import PostedEvents, brought_in
from pipeline.events import EventLog, read_progress
from pipeline.store.scans import ScanStore
from pipeline.store.storage import file_system
from tests.object_store import Server, s3_server

__all__ = ["s3_server"]


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ScanStore:
    if request.param == "folder":
        return ScanStore(str(tmp_path / "scans"))
    server: Server = request.getfixturevalue("s3_server")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.client().mkdir(tmp_path.name.replace("_", "-"))
    return ScanStore(f"s3://{tmp_path.name.replace('_', '-')}/scans")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_of_many_workers_come_in_once_with_their_progress(store: ScanStore, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    own = EventLog(str(path))

    def work(number: int) -> None:
        posted = PostedEvents(store, "handover/a")
        for unit in range(5):
            posted.progress("u", 10, 1000)
            posted.progress("u", 1, 100)
            posted.write("unit_scanned", unit=f"来源-{number}-{unit}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    with brought_in(store, "handover/a", str(path)):
        own.write("work_planned")
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    told = lines(path)
    assert sorted(str(event["unit"]) for event in told if event["event"] == "unit_scanned") == sorted(
        f"来源-{number}-{unit}" for number in range(4) for unit in range(5)
    )
    assert len(told) == 21
    assert read_progress(tmp_path) == (220, 22000)
    fs, inner = file_system(f"{store.location}/handover/a")
    assert fs.find(inner) == []
    with brought_in(store, "handover/a", str(path)):
        pass
    assert len(lines(path)) == 21


def test_workers_that_say_nothing_and_a_store_that_is_silent_end_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.ndjson"
    with brought_in(ScanStore(str(tmp_path / "scans")), "handover/a", str(path)):
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with brought_in(ScanStore("s3://nowhere/scans"), "handover/a", str(path)):
        pass
    assert not path.exists()
