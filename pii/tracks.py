"""Tracks: three or more places of one sequence, each with its time, are where somebody went."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from pii.rule import fold
from pii.waypoints import POINT_AND_TIME, POINTS_APART, STOP, STOPS_APART, TIME_AND_POINT

if TYPE_CHECKING:
    from pii.detector import Found

POINTS = frozenset({"PRECISE_LOCATION", "CN_PLATE", "CN_ADDRESS"})
ENOUGH = 3  # points that make a track
GAP = 60  # characters between one point and the next
SAME = 12  # characters between two findings of different types that are one point
REACH = 24  # characters before the first point and behind the last in which its time may stand
_TIME = re.compile(
    r"(?<![0-9])(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?![0-9])|(?<![0-9])[0-9]{1,2} ?[点时](?!间|代)|[一二三四五六七八九十两]{1,3}点(?![一-鿿]{0,1}(?:都|也))"
    r"|(?<![0-9])(?:19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}(?![0-9])|(?<![0-9])[0-9]{1,2}月[0-9]{1,2}[日号]"
    r"|(?<![0-9])1[0-9]{9}(?:[0-9]{3})?(?![0-9])"
)

_MORE = re.compile(f"{STOPS_APART}{STOP}|{POINTS_APART}(?:{TIME_AND_POINT}|{POINT_AND_TIME})")


def compose(text: str, findings: Sequence["Found"]) -> list["Found"]:
    """Puts a TRACK in the place of each sequence of points that is one; findings in order, never overlapping.

    The points must count, be at most GAP characters apart with no other finding that counts between them, and each must
    have a time or date before it, or each behind it. Weak findings inside a track go with it. A TRACK that a rule began
    goes on as long as stops follow.
    """
    findings = _lengthened(text, findings)
    counted = [found for found in findings if found.grade != "weak"]
    if sum(found.type in POINTS for found in counted) < ENOUGH:
        return list(findings)
    folded = fold(text)
    tracks = [track for sequence in _sequences(counted) for track in _tracks(folded, sequence)]
    if not tracks:
        return list(findings)
    spans = [(track[0].start, track[-1].end) for track in tracks]
    outside = [found for found in findings if not any(low <= found.start and found.end <= high for low, high in spans)]
    composed = [track[0]._replace(type="TRACK", end=track[-1].end, grade="contextual") for track in tracks]
    return sorted([*outside, *composed], key=lambda found: found.start)


def _lengthened(text: str, findings: Sequence["Found"]) -> Sequence["Found"]:
    """The findings with every TRACK as long as its stops, and without what stands in it."""
    if not any(found.type == "TRACK" for found in findings):
        return findings
    folded = fold(text)
    kept: list[Found] = []
    end = 0
    for found in findings:
        if found.start < end:
            continue
        if found.type != "TRACK":
            kept.append(found)
            continue
        end = found.end
        while more := _MORE.match(folded, end):
            end = more.end()
        kept.append(found._replace(end=end))
    return kept


def _sequences(counted: Sequence["Found"]) -> Iterator[list["Found"]]:
    """Points that follow one another with small gaps."""
    sequence: list[Found] = []
    for found in counted:
        point = found.type in POINTS
        if sequence and not (point and found.start - sequence[-1].end <= GAP):
            yield sequence
            sequence = []
        if point:
            sequence.append(found)
    yield sequence


def _tracks(text: str, sequence: list["Found"]) -> list[list["Found"]]:
    """The parts of a sequence that are tracks, by the times before their points or else by those behind them."""
    gaps = [text[one.end : other.start] for one, other in pairwise(sequence)]
    stops: list[list[Found]] = [sequence[:1]] if sequence else []
    for gap, found in zip(gaps, sequence[1:], strict=True):
        if len(gap) <= SAME and found.type != stops[-1][-1].type and not _TIME.search(gap):
            stops[-1].append(found)  # a plate and coordinates, an address and coordinates: one point
        else:
            stops.append([found])
    if len(stops) < ENOUGH:
        return []
    between = [bool(_TIME.search(text[one[-1].end : other[0].start])) for one, other in pairwise(stops)]
    first, last = stops[0][0].start, stops[-1][-1].end
    before = [bool(_TIME.search(text[max(0, first - REACH) : first])), *between]
    behind = [*between, bool(_TIME.search(text[last : last + REACH]))]
    return _runs(stops, before) or _runs(stops, behind)


def _runs(stops: list[list["Found"]], timed: list[bool]) -> list[list["Found"]]:
    """Unbroken runs of enough timed points, each as the findings it is made of."""
    runs = (
        list(run) for has_time, run in groupby(zip(stops, timed, strict=True), key=lambda pair: pair[1]) if has_time
    )
    return [[found for stop, _ in run for found in stop] for run in runs if len(run) >= ENOUGH]
