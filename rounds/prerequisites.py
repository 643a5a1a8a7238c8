"""What has to be true of a run before a round is opened on it: all of it read, and nothing of it on the blacklist."""

from collections.abc import Sequence

from blacklist.log import replay
from pipeline.errors import UsageError
from pipeline.store.output import Output, Run
from rounds.design import Opening
from rounds.doubts import unread_sources
from rounds.facts import RunFacts
from rounds.history import blacklist_events, listed_but_admitted
from schemas.chain import GENESIS

_NAMED = 20


def must_be_all_there(run: Run, facts: RunFacts, opening: Opening) -> list[str]:
    """The declared sources the run may not have read in full. Raises UsageError unless the opening accepts that."""
    aside, unread = run.manifest["quarantined"], unread_sources(facts)
    if opening.quarantined:
        return unread
    problems = []
    if aside:
        problems.append(
            f"{run.folder.name}: 有 {len(aside)} 个分片未能读取，不在总体之内 / {len(aside)} shards were set aside and are not part of the frame: "
            f"run again, or accept that with --with-quarantined; it is recorded"
        )
    if unread:
        problems.append(
            f"{run.folder.name}: 来源没有语料或未能确知读全：{_some(unread)}；修复分片或撤下来源后重新运行，或以 --with-quarantined 接受，结论则为待人工 / sources "
            f"without any document, or not known to have been read to the end: mend their shards or take the sources out and run again, or accept "
            f"that with --with-quarantined; the round is then left to people"
        )
    if problems:
        raise UsageError(problems)
    return []


def must_not_be_listed(output: Output, run: Run, facts: RunFacts) -> str:
    """The head of the blacklist's log now. Raises UsageError where it holds what the run admits: the run is older."""
    events = blacklist_events(output)
    named = [row["source_key"] for row in listed_but_admitted(replay(events), facts)]
    if named:
        raise UsageError(
            f"{run.folder.name}: 已列入黑名单的来源或域名仍在准入语料内：{_some(named)}；请先再运行一次使黑名单生效，再开轮次 / admits what is on the "
            f"blacklist by now: run again first, so that the blacklist takes effect, then open the round"
        )
    return str(events[-1]["sha256"]) if events else GENESIS


def _some(names: Sequence[str]) -> str:
    more = f" …（共 / in all {len(names)}）" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
