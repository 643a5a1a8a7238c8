"""The review of one round: who may judge what, what was decided, and the log of it. OUT/review/<round>/review.sqlite.

Every method is one transaction, safe from any thread and beside other processes. Time comes from the clock given.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import UsageError
from pipeline.store.output import Output, Run
from review import assignments, decisions, events, looks, people, progress, standing, undoing
from review.assignments import Leased, Orders
from review.beginning import must_be_the_one, must_be_there, path_of
from review.database import Database
from review.decisions import Decision, Receipt
from review.filling import checked_file
from review.machine import NOTHING, Machine
from review.people import Person
from review.refusal import TAKEN, WRONG, Refused
from rounds.register import CLOSED, DRAWN, OVER, Register, Round, find_round
from schemas.profile import Profile, load_profile
from schemas.profile_parts import ManualCheck

__all__ = ["Clock", "Decision", "Leased", "Person", "Receipt", "ReviewStore"]

Clock = Callable[[], float]

LEASE_SECONDS = 15 * 60.0


class ReviewStore:
    """The façade over the parts of the review; raises Refused for what is not allowed, with the reason."""

    def __init__(self, output: Output, round_: Round, clock: Clock = time.time, lease_seconds: float = LEASE_SECONDS):
        if round_.drawn is None:
            raise UsageError(
                f"{round_.id}: 尚未抽取，无可判读 / is not drawn yet: corpus-audit round draw {output.folder} …"
            )
        must_be_there(output, round_)
        path = path_of(output, round_.id)
        self.folder = path.parent
        self.output = output
        self.round_id = round_.id
        self.criteria = str(round_.opened["criteria"])
        self.profile = str(round_.opened["profile"])
        self.run_id = round_.run_id
        self.lease_seconds = lease_seconds
        self.clock = clock
        checked_file(round_.folder / "items.parquet", round_.drawn["items_sha256"])
        self.database = Database(path)
        with self.database.read() as connection:
            must_be_the_one(path, round_, connection)
            twice = [row["item_no"] for row in connection.execute("SELECT item_no FROM items WHERE second = 1")]
            self._copies = looks.copies(connection)
        self._orders = Orders(str(round_.drawn["seed"]), twice)
        self.machine = Machine(round_.folder / "machine.parquet", round_.drawn["machine_sha256"])
        self._items = round_.folder / "items.parquet"
        self._register = Register(output).path
        self._state = (self._stamp(), round_.state)

    @classmethod
    def open(
        cls, output: Output, round_: Round, clock: Clock = time.time, lease_seconds: float = LEASE_SECONDS
    ) -> "ReviewStore":
        """Opens the review of a round that was drawn. Raises RunFailed where its file is gone, or another one."""
        return cls(output, round_, clock, lease_seconds)

    @staticmethod
    def path_of(output: Output, round_: Round) -> Path:
        """Where the review of a round is kept."""
        return path_of(output, round_.id)

    def shut(self) -> None:
        """Lets go of the file."""
        self.database.close()

    # people

    def add_person(self, name: str, roles: Sequence[str], by: str, qualified_until: str | None = None) -> str:
        """Makes an account and returns its secret, which is kept nowhere."""
        with self.database.write() as connection:
            return people.add_person(connection, self.clock(), name, roles, by, qualified_until)

    def copy_people(self, earlier: "ReviewStore", by: str) -> list[str]:
        """Takes over the active accounts of another round; their names."""
        with earlier.database.read() as source, self.database.write() as connection:
            return people.copy_people(connection, self.clock(), source, earlier.round_id, by)

    def set_roles(self, name: str, roles: Sequence[str], by: str, qualified_until: str | None = None) -> None:
        """Other roles, and another end of the qualification where given; the account is active again."""
        with self.database.write() as connection:
            people.set_roles(connection, self.clock(), name, roles, by, qualified_until)

    def deactivate(self, name: str, by: str) -> None:
        """Switches an account off."""
        with self.database.write() as connection:
            people.deactivate(connection, self.clock(), name, by)

    def renew_secret(self, name: str, by: str) -> str:
        """A new secret for an account."""
        with self.database.write() as connection:
            return people.renew_secret(connection, self.clock(), name, by)

    def people(self) -> list[Person]:
        """All accounts, by name."""
        with self.database.read() as connection:
            return people.people(connection)

    # judging

    def lease(self, person: str, reading: str) -> Leased | None:
        """The item the person holds in that reading, else the next; None where nothing is left for them."""
        with self.database.write(durable=False) as connection:
            self._must_be_open(connection)
            who = people.find_person(connection, person)
            return assignments.lease(connection, self.clock(), self.lease_seconds, self._orders, who, reading)

    def renew(self, person: str, reading: str, item_no: int) -> str:
        """Makes a lease last on; until when is returned."""
        with self.database.write(durable=False) as connection:
            self._must_be_open(connection)
            who = people.find_person(connection, person)
            return assignments.renew(connection, self.clock(), self.lease_seconds, who, reading, item_no)

    def release(self, person: str, reading: str, items: Sequence[int]) -> None:
        """Puts items back."""
        with self.database.write() as connection:
            assignments.release(connection, self.clock(), person, reading, items)

    def reserve(
        self,
        person: str,
        reading: str,
        *,
        by: str,
        until: str,
        items: Sequence[int] | None = None,
        count: int | None = None,
    ) -> list[Leased]:
        """Hands out many items, for another tool, until a time (ISO 8601, UTC): those named, or the next `count`."""
        try:
            end = datetime.fromisoformat(until).timestamp()
        except ValueError:
            raise Refused(f"{until!r}: 不是 ISO 8601 时间", f"{until!r}: not a time of ISO 8601", WRONG) from None
        with self.database.write() as connection:
            self._must_be_open(connection)
            who = people.find_person(connection, person)
            return assignments.reserve(connection, self.clock(), end, self._orders, who, reading, by, items, count)

    def decide(self, person: str, decision: Decision) -> Receipt:
        """Writes a decision down; once this returns it is on disk."""
        with self.database.write() as connection:
            self._must_be_open(connection)
            who = people.find_person(connection, person)
            return decisions.decide(connection, self.clock(), self.criteria, who, decision)

    def import_decisions(self, given: Sequence[tuple[str, Decision]], *, by: str) -> list[Receipt]:
        """Takes all decisions, each with the name of its person, or none of them."""
        with self.database.write() as connection:
            self._must_be_open(connection)
            return decisions.decide_all(connection, self.clock(), self.criteria, given, by)

    def undo(self, person: str) -> tuple[Leased, dict[str, Any]]:
        """Takes the person's last decision back; they hold the item again. What was said is returned beside it."""
        with self.database.write() as connection:
            self._must_be_open(connection)
            who = people.find_person(connection, person)
            return undoing.undo(connection, self.clock(), self.lease_seconds, who)

    def look(self, person: str, item_no: int) -> dict[str, Any]:
        """An item outside of judging, with its readings and what the machine says."""
        with self.database.write() as connection:
            who = people.find_person(connection, person)
            seen = looks.look(connection, self.clock(), who, item_no)
        oversees = bool({people.LEAD, people.AUDITOR} & set(who.roles))
        return {**seen, "machine": self.machine.of(item_no) if oversees else self.findings(item_no)}

    def findings(self, item_no: int) -> dict[str, Any]:
        """What the machine says, for one who has judged the item; of a text that is there more than once, nothing before the end."""
        withheld = item_no in self._copies and self.state == "open"
        return NOTHING if withheld else self.machine.of(item_no)

    def record(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Writes an event of another part (an export, an import) into the log; `event` is its kind."""
        content = {
            name: value for name, value in event.items() if name not in ("event", "seq", "at", "sha256", "previous")
        }
        kind = str(event["event"])
        if kind in ("decided", "undone", "review_closed"):
            raise ValueError(kind)
        with self.database.write() as connection:
            return events.append(connection, self.clock(), kind, **content)

    # what stands

    def readings(self) -> pa.Table:
        """READINGS: judgements that stand, of all kinds of items."""
        with self.database.read() as connection:
            return standing.readings_table(connection)

    def finals(self) -> pa.Table:
        """FINALS: sample items decided for good, verdicts carried over among them."""
        with self.database.read() as connection:
            return standing.finals_table(connection)

    def head(self) -> str:
        """Hash of the last event."""
        with self.database.read() as connection:
            return events.head(connection)

    def log(self) -> Iterator[dict[str, Any]]:
        """All events in order."""
        with self.database.read() as connection:
            return iter(list(events.read_events(connection)))

    def check(self) -> list[str]:
        """What is wrong with the log, with what is kept beside it and with the items; nothing, as a rule."""
        with self.database.read() as connection:
            return standing.problems(connection, self._items)

    def progress(self) -> dict[str, Any]:
        """Per reading total and decided; `left`: open readings a close waits for."""
        with self.database.read() as connection:
            return {**progress.completion(connection), "left": progress.left(connection)}

    def progress_of(self, person: str, reading: str) -> dict[str, int]:
        """What a person sees beside an item: mine, left, total, decided."""
        with self.database.read() as connection:
            return progress.progress_of(connection, people.find_person(connection, person), reading)

    @cached_property
    def manual_check(self) -> ManualCheck:
        """What the profile of the round's run asks of the manual check; that of the shipped one where the run is gone."""
        run = Run(self.output.runs / self.run_id)
        if (run.folder / "manifest.json").is_file():
            return Profile.model_validate(run.manifest["profile"]).manual
        return load_profile(self.profile).manual

    def dashboard(self) -> dict[str, Any]:
        """Everything the lead and the auditor see."""
        from review.dashboard import dashboard  # with scipy behind it: slow to import

        passing = self.manual_check.passing
        with self.database.read() as connection:
            return dashboard(connection, self.machine.expected(), passing, self.clock())

    def close(self, by: str) -> str:
        """Closes the review for good and returns the head of its log; once closed it only returns that.

        Raises Refused while a sample item is not decided.
        """
        with self.database.write() as connection:
            if not self._is_closed(connection):
                left = progress.undecided(connection)
                if left:
                    raise Refused(
                        f"还有 {left} 次判读未完成，不能关闭", f"{left} readings are open: it cannot be closed", TAKEN
                    )
                events.append(connection, self.clock(), "review_closed", by=by)
                connection.execute("INSERT INTO meta VALUES ('closed', '1')")
                connection.execute("DELETE FROM leases")
            return events.head(connection)

    @property
    def state(self) -> str:
        """open, closed or abandoned; a command that ends the round meanwhile is noticed."""
        with self.database.read() as connection:
            if self._is_closed(connection):
                return CLOSED
        told = self._round_state()
        return "open" if told == DRAWN else told

    def _must_be_open(self, connection: Any) -> None:
        if self._is_closed(connection) or self._round_state() in OVER:
            raise Refused(
                f"{self.round_id} 已结束，不再接受判读", f"{self.round_id} is over: nothing is judged any more", TAKEN
            )

    @staticmethod
    def _is_closed(connection: Any) -> bool:
        return connection.execute("SELECT 1 FROM meta WHERE key = 'closed'").fetchone() is not None

    def _round_state(self) -> str:
        """The state of the round by the register, read again when that has changed."""
        stamp = self._stamp()
        if stamp != self._state[0]:
            self._state = (stamp, find_round(self.output, self.round_id).state)
        return self._state[1]

    def _stamp(self) -> tuple[int, int]:
        found = self._register.stat()
        return found.st_mtime_ns, found.st_size
