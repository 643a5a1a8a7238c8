"""What stood beside a round when it was closed: earlier rounds that did not pass, and the blacklist against its run.

Both are on record, in the register and in the log of the blacklist, so that `verify` makes them again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blacklist.lifts import by_file_alone
from blacklist.log import BlacklistLog, ChainBroken, Entry, replay
from pipeline.database import BOUNDED, connect, parquet_list, result_files
from pipeline.errors import RunFailed
from pipeline.store.output import Output
from rounds.facts import RunFacts
from rounds.register import Register, Round, rounds_until
from schemas.chain import GENESIS

Row = dict[str, Any]
DOMAIN = "domain"  # a scope of the blacklist


@dataclass(frozen=True)
class History:
    """Earlier rounds that did not pass; the head of the blacklist's log, and what it says of what the run admits.

    `listed`: sources and domains in force on the blacklist, though the run is older and admits them. `lifted`: domains
    that two people took off on a file alone, of which no round ever drew a sample.
    """

    earlier: tuple[Row, ...]
    head: str
    listed: tuple[Row, ...]
    lifted: tuple[Row, ...]

    def stated(self) -> dict[str, Any]:
        """As `result.json` has it."""
        told = {"head": self.head, "listed": list(self.listed), "lifted_domains": list(self.lifted)}
        return {"earlier": list(self.earlier), "blacklist": told}


ALONE = History((), GENESIS, (), ())  # the first round, under an empty blacklist


def history_of(output: Output, round_: Round, facts: RunFacts) -> History:
    """What stands beside a round now. Raises RunFailed where the register or the blacklist's log was changed."""
    return _history(round_, facts, Register(output).events(), blacklist_events(output))


def history_as_closed(output: Output, round_: Round, facts: RunFacts, content: Mapping[str, Any]) -> History:
    """The same for a closed round with this result, by the blacklist as it was then. Raises ValueError where it was not so."""
    events, head = blacklist_events(output), str(content.get("blacklist", {}).get("head"))
    places = {GENESIS: 0} | {event["sha256"]: place for place, event in enumerate(events, start=1)}
    if head not in places or places[head] < places.get(round_.opened.get("blacklist_opened", GENESIS), 0):
        raise ValueError(
            f"结果所依据的黑名单不是当时的：没有其最后一条，或早于开启轮次时 / the blacklist the result rests on was not the one in force: its last event is "
            f"not in the log, or is from before the round was opened: {head}"
        )
    return _history(round_, facts, Register(output).events(), events[: places[head]])


def restated(round_: Round, register: Sequence[Row], content: Mapping[str, Any]) -> History:
    """The same where the documents of the run are not at hand: earlier rounds made again, the blacklist as the result has it."""
    told = content["blacklist"]
    return History(
        tuple(earlier_rounds(round_, register)), told["head"], tuple(told["listed"]), tuple(told["lifted_domains"])
    )


def blacklist_events(output: Output) -> list[Row]:
    """The log of the blacklist. Raises RunFailed where it was changed."""
    try:
        return BlacklistLog(output.blacklist).events()
    except ChainBroken as error:
        raise RunFailed(str(error)) from None


def earlier_rounds(round_: Round, register: Sequence[Row]) -> list[Row]:
    """Earlier rounds whose sample anybody could know and which did not pass, in order: also those that were given up."""
    own = (round_.opened.get("frame") or {}).get("sha256")
    rows = []
    for one in rounds_until(register, round_.opened["seq"]):
        if one.id == round_.id or not one.knowable or (one.closed or {}).get("passed"):
            continue
        manual = ((one.closed or {}).get("outcome") or {}).get("manual") or {}
        frame = (one.opened.get("frame") or {}).get("sha256")
        told = {name: manual.get(name) for name in ("judged", "failures", "allowed")}
        rows.append({"round": one.id, "state": one.state, "same_frame": own is not None and frame == own, **told})
    return rows


def listed_but_admitted(entries: Sequence[Entry], facts: RunFacts) -> list[Row]:
    """Sources and domains the blacklist holds, that a run nevertheless admits."""
    held = [entry for entry in entries if entry.active]
    sources = {name for name, source in facts.sources.items() if source.admitted and source.documents}
    found = [entry for entry in held if entry.scope != DOMAIN and entry.source_key in sources]
    domains = admitted_domains(facts.folder, {entry.source_key for entry in held if entry.scope == DOMAIN})
    found += [entry for entry in held if entry.scope == DOMAIN and entry.source_key in domains]
    return [{"source_key": entry.source_key, "scope": entry.scope} for entry in found]


def admitted_domains(run: Path, domains: Collection[str]) -> dict[str, int]:
    """How many documents of these domains a run admits, without those of which it admits none."""
    files = result_files(run, "documents") if domains else []
    if not files:
        return {}
    with connect(memory=BOUNDED) as sql:
        rows = sql.execute(
            f"SELECT domain, count(*) FROM {parquet_list(files)} WHERE admitted AND list_contains(?, domain) GROUP BY domain",
            [sorted(domains)],
        ).fetchall()
    return {domain: int(count) for domain, count in sorted(rows)}


def _history(round_: Round, facts: RunFacts, register: Sequence[Row], events: Sequence[Row]) -> History:
    entries = replay(events)
    off = admitted_domains(facts.folder, {event["source_key"] for event in by_file_alone(events)})
    return History(
        earlier=tuple(earlier_rounds(round_, register)),
        head=str(events[-1]["sha256"]) if events else GENESIS,
        listed=tuple(listed_but_admitted(entries, facts)),
        lifted=tuple({"domain": domain, "documents": count} for domain, count in off.items()),
    )
