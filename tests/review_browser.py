"""A drawn round of texts a test chooses, the real server over it, and a real browser that works it by keyboard."""

import hashlib
import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from review.beginning import begin
from review.store import ReviewStore
from rounds.criteria import criteria_version
from rounds.register import Register, Round, find_round
from rounds.tables import ITEMS, MACHINE, MANUAL, SAMPLE
from tests.audits import SCRIPT

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERVE = [*SCRIPT, "review", "serve"]
STARTS = 60.0  # seconds a server may take to say where it is


@dataclass(frozen=True)
class Text:
    """A text to judge; `found` are (substring, risk or None) the machine marks, the first occurrence each."""

    text: str
    bucket: str = "zh"
    found: Sequence[tuple[str, str | None]] = ()
    second: bool = False

    @property
    def findings(self) -> list[dict[str, Any]]:
        """In the order the page lists them; offsets are code points."""
        rows = []
        for part, risk in self.found:
            start = self.text.index(part)
            rows.append(
                {
                    "detector": "keywords" if risk else "pii",
                    "risk_id": risk,
                    "pii_type": None if risk else "CN_MOBILE",
                    "start": start,
                    "end": start + len(part),
                    "score": 0.9,
                    "verdict": "violation" if risk else "personal_information",
                }
            )
        return sorted(rows, key=lambda row: (row["start"], row["end"]))


def draw(out: Path, texts: Sequence[Text]) -> tuple[Output, Round]:
    """Makes a drawn round of these texts by hand: real tables, a real register, items in the order given."""
    output = Output(out)
    output.prepare()
    folder = out / "rounds" / "R0001"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([_item(*one) for one in enumerate(texts, 1)], ITEMS), folder / "items.parquet")
    machine = [_machine(*one) for one in enumerate(texts, 1)]
    pq.write_table(pa.Table.from_pylist(machine, MACHINE), folder / "machine.parquet")
    register = Register(output)
    about = {"by": "主管", "run_id": "made", "profile": "tc260-003", "criteria": criteria_version()}
    register.append({"event": "opened", "round": "R0001", **about})
    register.append({"event": "valued", "round": "R0001", "value": "12345"})
    digests = {f"{part}_sha256": sha256_file(folder / f"{part}.parquet") for part in ("items", "machine")}
    drawn = {"event": "drawn", "round": "R0001", "value": "12345", "seed": "R0001/12345", **digests}
    begun = begin(output, find_round(output, None), drawn, time.time())
    register.append({**drawn, "review_begun": begun})
    return output, find_round(output, None)


def _item(number: int, text: Text) -> dict[str, Any]:
    return {
        "item_no": number,
        "kind": SAMPLE,
        "doc_id": f"hidden-source:{number}",
        "source_id": "hidden-source",
        "shard": "a.jsonl",
        "row": number,
        "bucket": text.bucket,
        "stage": "pretrain",
        "content_hash": hashlib.sha256(text.text.encode()).hexdigest(),
        "samples": [MANUAL],
        "second": text.second,
        "repeat_of": None,
        "carried_from": None,
        "text": text.text,
    }


def _machine(number: int, text: Text) -> dict[str, Any]:
    risks = sorted({risk for _, risk in text.found if risk})
    kinds = ["CN_MOBILE"] if any(risk is None for _, risk in text.found) else []
    return {
        "item_no": number,
        "risks": risks,
        "candidate_risks": [],
        "illegal_unhealthy": bool(risks),
        "pii_level": "general" if kinds else "none",
        "pii_types": kinds,
        "findings": text.findings,
        "expected": [],
    }


@contextmanager
def store_of(output: Output, clock: Any = None) -> Iterator[ReviewStore]:
    """The review's store beside the server's, as the command line opens it."""
    given = {} if clock is None else {"clock": clock}
    store = ReviewStore.open(output, find_round(output, None), **given)
    try:
        yield store
    finally:
        store.shut()


@contextmanager
def serving(out: Path, port: int = 0, *options: str) -> Iterator["Server"]:
    """The page's server as a process of its own."""
    server = Server(out, port, *options)
    try:
        yield server
    finally:
        server.stop()


class Server:
    """`corpus-audit review serve`; `url` is where it answers."""

    def __init__(self, out: Path, port: int = 0, *options: str) -> None:
        self.process = subprocess.Popen(
            [*SERVE, str(out), "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        said: list[str] = []
        while not said or "://" not in said[-1]:
            try:
                said.append(lines.get(timeout=STARTS))
            except queue.Empty:
                said.append("")
            if not said[-1]:
                self.stop()
                raise AssertionError(f"the server did not start:\n{''.join(said)}")
        self.url = said[-1].split("  ")[0].split(": ", 1)[1].strip().rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        until = time.monotonic() + STARTS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    self.stop()
                    raise
                time.sleep(0.05)

    def _read(self, lines: "queue.Queue[str]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.put(line)
        lines.put("")

    def stop(self, kill: bool = False) -> None:
        """Ends the process, at once where told so."""
        if self.process.poll() is None:
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
        self.process.wait(timeout=30)


@dataclass
class Person:
    """Somebody at the keyboard of a browser of their own."""

    page: Any
    url: str
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def log_in(self, name: str, secret: str) -> None:
        """By keyboard, from the first page."""
        self.page.goto(self.url)
        self.until("document.activeElement.id", "name")
        self.page.keyboard.type(name)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(secret)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".who")

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def phase(self, name: str) -> None:
        """Waits until the page is there."""
        self.page.wait_for_selector(f'body[data-phase="{name}"]')

    def until(self, expression: str, wanted: Any = True) -> None:
        """Waits until JavaScript says that; the page's own policy allows no waiting inside of it."""
        until = time.monotonic() + STARTS
        while (found := self.page.evaluate(expression)) != wanted:
            assert time.monotonic() < until, f"{expression}: {found!r}"
            self.page.wait_for_timeout(50)

    @property
    def item(self) -> int:
        """Number of the item that is shown."""
        digits = "".join(filter(str.isdigit, self.page.inner_text("#item-no")))
        return int(digits)

    @property
    def text(self) -> str:
        """The document as it is in the page, from JavaScript's units back to code points."""
        found: str = self.page.evaluate("document.getElementById('text').textContent")
        return found

    def marked(self, index: int) -> str:
        """What is marked for a finding, by its place in the list."""
        found: str = self.page.evaluate(
            "(index) => [...document.querySelectorAll('#text mark')]"
            ".filter((mark) => mark.dataset.hits.split(' ').includes(String(index)))"
            ".map((mark) => mark.textContent).join('')",
            index,
        )
        return found

    def decide(self, *keys: str) -> int:
        """Gives an answer by keys, submits it, and returns the item's number; the findings are on the screen then."""
        self.phase("judging")
        number = self.item
        self.press(*keys, "Enter")
        self.phase("shown")
        return number

    def must_be_clean(self) -> None:
        """Nothing of a text ran, nothing was refused by the content policy, no script failed."""
        assert self.page.evaluate("window.hacked") is None
        assert not self.violations
        assert not self.errors


_WATCH = "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective))"


@contextmanager
def sitting(browser: Any, url: str, **context: Any) -> Iterator[Person]:
    """A person with a fresh browser profile."""
    made = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "zh-CN", **context})
    made.add_init_script(_WATCH)
    page = made.new_page()
    page.set_default_timeout(20_000)
    person = Person(page, url)
    page.on("console", lambda message: person.violations.append(message.text) if "CSP" in message.text else None)
    page.on("pageerror", lambda error: person.errors.append(str(error)))
    page.on("dialog", lambda dialog: person.errors.append(f"dialog: {dialog.message}") or dialog.dismiss())
    try:
        yield person
    finally:
        made.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()
