"""Drawn rounds of any size, a real server process that serves them, and clients that judge through it."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from pipeline.store.output import Output
from rounds.criteria import criteria_version
from rounds.register import Round
from rounds.tables import KNOWN, REPEAT
from tests.small_round import draw, item

COMMAND = """
import sys
from pipeline.errors import AuditError
from pipeline.terminal.review_commands import review_app
try:
    sys.exit(review_app(standalone_mode=False))
except AuditError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
SCRIPT = [sys.executable, "-c", COMMAND]


def known(number: int, text: str) -> dict[str, Any]:
    """A known-answer item."""
    return item(number, text, kind=KNOWN, stage="pretrain")


def repeat(number: int, of: dict[str, Any]) -> dict[str, Any]:
    """An item that shows the text of another once more."""
    kept = {name: of[name] for name in ("doc_id", "source_id", "shard", "row", "bucket", "stage")}
    return item(number, of["text"], kind=REPEAT, samples=[], repeat_of=of["item_no"], **kept)


def plain(count: int, **changes: Any) -> list[dict[str, Any]]:
    """So many items of the manual sample."""
    return [item(number, f"第{number}篇：今天天气很好。" * 5, **changes) for number in range(1, count + 1)]


def machine_row(row: dict[str, Any]) -> dict[str, Any]:
    """What the machine says: a risk, a finding, and for a known answer the risk it was written for."""
    found = {"detector": "keywords", "risk_id": "A3-e", "pii_type": None, "start": 0, "end": 2, "score": 0.5}
    return {
        "item_no": row["item_no"],
        "risks": ["A3-e"],
        "candidate_risks": ["A1-f"],
        "illegal_unhealthy": False,
        "pii_level": "none",
        "pii_types": [],
        "findings": [{**found, "verdict": "violation"}],
        "expected": ["A3-e"] if row["kind"] == KNOWN else [],
    }


def draw_round(out: Path, items: Sequence[dict[str, Any]]) -> tuple[Output, Round]:
    """A round of these items, with the criteria that ship: the server asks for no others."""
    return draw(out, items, machine_row, criteria_version())


class Server:
    """A real process of `review serve`."""

    def __init__(self, out: Path, log: Path, *options: str, port: int = 0) -> None:
        self._arguments = [*SCRIPT, "serve", str(out), *options]
        self._log = log
        self.port = port
        self.start()

    def start(self) -> None:
        """Starts it and waits until it listens."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._arguments, "--port", str(self.port)], stdout=subprocess.PIPE, stderr=log, env={**os.environ}
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        assert "://" in line, self._log.read_text()
        self.round = line.partition(":")[0]
        self.url = line.split()[1].rstrip("/")
        self.port = int(self.url.rpartition(":")[2])
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to end; the exit code. SIGTERM: a process started in the background may be told to ignore SIGINT."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def log(self) -> str:
        """What it wrote to stderr."""
        return self._log.read_text(encoding="utf-8")


@contextlib.contextmanager
def served(out: Path, log: Path, *options: str) -> Iterator[Server]:
    """A server that runs for the block."""
    server = Server(out, log, *options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


class Client:
    """Somebody at the page."""

    def __init__(self, url: str, name: str = "", secret: str = "", **options: Any) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False, **options)
        self.csrf = ""
        self.name = name
        if name:
            self.login(name, secret)

    def login(self, name: str, secret: str) -> httpx.Response:
        """Logs in and keeps the token."""
        answer = self.post("login", {"name": name, "secret": secret})
        if answer.status_code == 200:
            self.csrf = answer.json()["me"]["csrf"]
        return answer

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST /api/<path> with the token."""
        return self.http.post(f"/api/{path}", json=body, headers={"X-CSRF": self.csrf, **headers})

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET /api/<path>."""
        return self.http.get(f"/api/{path}", params=query)

    def next(self, reading: str = "first") -> dict[str, Any]:
        """What /api/next answers."""
        answer = self.post("next", {"reading": reading})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def decide(self, item: dict[str, Any], verdict: str = "qualified", **changes: Any) -> httpx.Response:
        """Decides on an item that `next` gave."""
        return self.post("decide", judgement(item, verdict, **changes))


def judgement(item: dict[str, Any], verdict: str = "qualified", **changes: Any) -> dict[str, Any]:
    """The body of a decision."""
    return {
        "item_no": item["item_no"],
        "reading": item["reading"],
        "verdict": verdict,
        "risks": ["A1-f"] if verdict == "unqualified" else [],
        "personal": [],
        "note": "",
        "read_share": 1.0,
        "seconds": 12.5,
        "content_hash": item["content_hash"],
        **changes,
    }


def opinion(person: str, item_no: int) -> str:
    """What somebody thinks of an item: mostly the same for everybody."""
    number = int(hashlib.sha256(f"{item_no}".encode()).hexdigest(), 16) % 20
    doubt = int(hashlib.sha256(f"{person}{item_no}".encode()).hexdigest(), 16) % 50
    return "unclear" if doubt == 0 else "unqualified" if number == 0 else "qualified"
