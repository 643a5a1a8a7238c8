"""The register of assessment rounds: every step of every round as a line of a hash chain, and the state they come to.

`OUT/rounds/register.ndjson` is append-only. A step is on disk before anybody is told of it, and a step that does not
follow from the ones before is refused whoever asks for it (assessment.md).
"""

import contextlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import RunFailed, UsageError
from pipeline.store.output import Output, locked
from schemas.chain import GENESIS, append_to_chain, cut_torn_line, read_chain

FOLDER = "rounds"
FILE = "register.ndjson"
OPENED, VALUED, FAILED, DRAWN, CLOSED, ABANDONED = "opened", "valued", "draw_failed", "drawn", "closed", "abandoned"
OPEN, OVER = ("open", "drawn"), ("closed", "abandoned")  # states of a round that goes on, and of one that ended

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Round:
    """What the register says of one round; each event as it was written, None where the step was not taken."""

    id: str
    folder: Path
    opened: dict[str, Any]
    drawn: dict[str, Any] | None = None
    closed: dict[str, Any] | None = None
    abandoned: dict[str, Any] | None = None
    valued: dict[str, Any] | None = None  # the public value, on record before anything is drawn from it
    failures: tuple[dict[str, Any], ...] = ()  # draws that could not be completed
    repeated: str | None = None  # since when another round names the same public value

    @property
    def state(self) -> str:
        """open | drawn | closed | abandoned."""
        if self.abandoned is not None:
            return "abandoned"
        if self.closed is not None:
            return "closed"
        return "open" if self.drawn is None else "drawn"

    @property
    def knowable(self) -> bool:
        """Whether anybody could know its sample: the rule is public, so the value suffices, recorded here or not."""
        if self.valued is not None or self.drawn is not None:
            return True
        return self.abandoned is not None and self.knowable_since is not None

    @property
    def knowable_since(self) -> str | None:
        """The time from which anybody could compute its sample (ISO 8601, UTC); None where it was given up before.

        A value that another round names too was not given up with the round: whoever knows it knows both samples.
        """
        known, expected = self.valued or self.drawn, self.opened.get("public_value", {}).get("expected_at", "")
        if known is not None:
            return str(known["time"])
        return str(expected) if self.abandoned is None or self.abandoned["time"] >= expected else self.repeated

    @property
    def run_id(self) -> str:
        """The run the round was frozen from."""
        return str(self.opened["run_id"])


class Register:
    """The register of one output folder."""

    def __init__(self, output: Output, clock: Clock = utc_now) -> None:
        self.folder = output.folder / FOLDER
        self.path = self.folder / FILE
        self._clock = clock
        self._holding = False

    def now(self) -> datetime:
        """The time events are written with."""
        return self._clock()

    def events(self) -> list[dict[str, Any]]:
        """All events, their chain checked. A line a crash cut off was never acknowledged. Raises RunFailed."""
        events, problems = read_chain(self.path)
        if problems and _is_torn(self.path):
            problems = problems[:-1]
        if problems:
            raise RunFailed(
                "评估轮次登记簿被改动，不再使用 / the register of rounds was changed; nothing is done with it:\n"
                + "\n".join(problems)
            )
        return events

    def head(self) -> str:
        """Hash of the last event, for others to record: a chain cannot show that its own end was cut off."""
        events, _ = read_chain(self.path)
        return str(events[-1].get("sha256")) if events else GENESIS

    def rounds(self) -> list[Round]:
        """The rounds in order. Raises RunFailed for a register that is broken or tells of impossible steps."""
        try:
            return replayed(self.events(), self.folder)
        except (ValueError, KeyError) as error:
            raise RunFailed(f"{self.path}: {error}") from None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds the register against other commands; runs go on meanwhile. Raises OutputBusy."""
        if self._holding:
            yield
            return
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"{self.folder}: 无法写入 / cannot be written: {error.strerror}") from None
        busy = f"{self.folder}: 另一命令正在处理评估轮次 / another command is at work on the rounds: wait for it"
        with locked(self.folder, busy):
            self._holding = True
            try:
                cut_torn_line(self.path)
                yield
            finally:
                self._holding = False

    def append(self, event: dict[str, Any]) -> dict[str, Any]:
        """Writes an event with seq, time and hashes, synced, and returns it. Raises RunFailed where it cannot follow."""
        with self.held():
            events = self.events()
            time = self.now().astimezone(UTC).isoformat(timespec="seconds")
            if events and time < events[-1]["time"]:
                raise RunFailed(
                    f"系统时间 {time} 早于登记簿最后一条 {events[-1]['time']}，未登记 / the clock of this machine is behind the last event, "
                    f"nothing was recorded: set the clock"
                )
            written = {"seq": len(events) + 1, "time": time, **event}
            try:
                replayed([*events, written], self.folder)
            except (ValueError, KeyError) as error:
                raise RunFailed(f"{self.path}: {error}") from None
            return append_to_chain(self.path, [written])[0]


def replayed(events: Iterable[dict[str, Any]], folder: Path) -> list[Round]:
    """The rounds these events tell of. Raises ValueError or KeyError for one that cannot follow."""
    found: dict[str, Round] = {}
    for event in events:
        take(found, event, folder)
    return list(found.values())


def rounds_until(events: Iterable[dict[str, Any]], seq: int) -> list[Round]:
    """The rounds as the register had them at that event."""
    return replayed((event for event in events if event["seq"] <= seq), Path())


def take(found: dict[str, Round], event: dict[str, Any], folder: Path) -> None:
    """Takes one more event into the rounds found so far. Raises ValueError where it cannot follow."""
    kind, name = event["event"], event["round"]
    if kind == OPENED:
        going = next((one.id for one in found.values() if one.state in OPEN), None)
        if going is not None or name != round_id(len(found) + 1):
            raise ValueError(
                f"{name}: 不能开启，{going or '编号不连续'} / cannot be opened: {going or 'numbers do not follow'}"
            )
        alike = [one for one in found.values() if value_name(one.opened) == value_name(event) != ""]
        for one in alike:
            found[one.id] = replace(one, repeated=one.repeated or event["time"])
        found[name] = Round(name, folder / name, event, repeated=event["time"] if alike else None)
        return
    before = found.get(name)
    if before is None or not _may_follow(before, kind):
        raise ValueError(
            f"{name}: 状态 {before.state if before else '无'} 之后不能有 {kind} / {kind} cannot follow "
            f"{before.state if before else 'nothing'}"
        )
    found[name] = _with(before, kind, event)


def _with(before: Round, kind: str, event: dict[str, Any]) -> Round:
    match kind:
        case "valued":
            return replace(before, valued=event)
        case "draw_failed":
            return replace(before, failures=(*before.failures, event))
        case "drawn":
            return replace(before, drawn=event)
        case "closed":
            return replace(before, closed=event)
        case _:
            return replace(before, abandoned=event)


def _may_follow(before: Round, kind: str) -> bool:
    match kind:
        case "valued":
            return before.state == "open" and before.valued is None
        case "drawn":  # `verify` asks for the value before it
            return before.state == "open"
        case "draw_failed":
            return before.state == "open" and before.valued is not None
        case "closed":
            return before.state == "drawn"
        case "abandoned":
            return before.state in OPEN
        case _:
            return False


def value_name(opened: dict[str, Any]) -> str:
    """The name of its public value, where case, width, blanks and punctuation tell nothing apart; empty without one."""
    name = unicodedata.normalize("NFKC", opened.get("public_value", {}).get("name", "")).casefold()
    return "".join(char for char in name if char.isalnum())


def round_id(number: int) -> str:
    """R0001 and so on."""
    return f"R{number:04d}"


def rounds_of(output: Output) -> list[Round]:
    """All rounds of an output, in order. Raises RunFailed where the register was changed."""
    return Register(output).rounds()


def find_round(output: Output, wanted: str | None = None) -> Round:
    """The round of that id; without one the latest that goes on, else the latest. Raises UsageError where there is none."""
    rounds = rounds_of(output)
    if not rounds:
        raise UsageError(
            f"{output.folder}: 还没有评估轮次 / no assessment round yet: corpus-audit round open {output.folder} …"
        )
    if wanted is None:
        return next((one for one in reversed(rounds) if one.state in OPEN), rounds[-1])
    for one in rounds:
        if one.id == wanted:
            return one
    raise UsageError(f"{wanted}: 没有这一轮 / no such round; there are: {', '.join(one.id for one in rounds)}")


def _is_torn(path: Path) -> bool:
    """Whether the last line has no end and is no whole record: its writer was killed."""
    tail = path.read_bytes().rpartition(b"\n")[2]
    try:
        json.JSONDecoder().raw_decode(tail.decode("utf-8", "replace"))
    except ValueError:
        return bool(tail)
    return False
