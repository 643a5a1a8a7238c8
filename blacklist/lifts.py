"""Who may take an entry off the blacklist, and events of the log that did so without.

A source is lifted by two people in two roles on a closed round's blind sample from before filtering; a domain, which no
round samples, by two people in two roles on a file; a suspension is dismissed by a round alone (assessment.md).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

BETWEEN = " + "  # the names of two who decided together
BY_ROUND = "round:"  # who decided, where a closed round did
_DIGEST = re.compile(r"[0-9a-f]{64}")
_EMPTY = hashlib.sha256(b"").hexdigest()


def are_two(names: Sequence[str]) -> bool:
    """Whether these are two, all of them different: case and blanks around them tell nobody apart."""
    plain = {name.strip().casefold() for name in names}
    return len(names) == len(plain) == 2 and "" not in plain


def unfounded(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Events that take an entry off without what that takes, a line each."""
    for event in events:
        told = event.get("evidence") or {}
        missing = {"lifted": _lifted, "dismissed": _dismissed}.get(str(event.get("event")), _fine)(event, told)
        for what in missing:
            yield (
                f"blacklist/events.ndjson: 第 {event.get('seq')} 条 {event.get('event')}（{event.get('source_key')}）没有 / event "
                f"{event.get('seq')} lacks: {what}"
            )


def by_file_alone(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The lifts of domains that hold: the last word on each, in order of the names. No round samples a domain."""
    last = {event.get("source_key"): event for event in events if event.get("scope") == "domain"}
    return [last[key] for key in sorted(last, key=str) if last[key].get("event") == "lifted"]


def _lifted(event: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    if not are_two(str(event.get("by", "")).split(BETWEEN)):
        yield "两名不同的决定者 / two different people"
    roles = told.get("roles")
    if not (isinstance(roles, list) and are_two([str(role) for role in roles])):
        yield "两种不同的职责 / two different roles"
    if event.get("scope") != "domain" and not told.get("round"):
        yield "评估轮次的来源样本 / an assessment round's sample of the source"
    if (event.get("scope") == "domain" or "file" in told) and not _is_digest(told.get("sha256")):
        yield "非空的证明文件 / a file of evidence that is not empty"


def _dismissed(event: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    if not told.get("round") or event.get("by") != f"{BY_ROUND}{told['round']}":
        yield "作出撤销的评估轮次：暂停只由轮次撤销 / the round that dismissed it: nobody else does"


def _fine(_event: Mapping[str, Any], _told: Mapping[str, Any]) -> Iterator[str]:
    return iter(())


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None and value != _EMPTY
