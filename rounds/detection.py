"""How right the machine was, told from the samples of the sources: its precision and what it missed.

Only these samples identify it: they are stratified by what the machine said, and from before filtering. The manual
sample holds admitted documents alone.
"""

from collections.abc import Collection, Mapping
from typing import Any

from rounds import estimates
from rounds.judged import NEGATIVE, POSITIVE, JudgedItem, Samples, of_source, said_of, source_strata

DECIDED, FLAGGED = "decided", "flagged"  # what the machine calls a violation; that and candidates for one


def machine_rows(
    samples: Samples, populations: Mapping[str, int], numerator: Collection[str], left_out: Collection[int]
) -> list[dict[str, Any]]:
    """Precision and missed share of illegal and unhealthy content, by source and over all assessed sources together.

    `left_out` are items a model of the run was trained on: the figures are of the documents that are not among them (a
    domain of the sample, so weights stay as drawn).
    """
    strata = source_strata(populations)
    groups: list[tuple[str | None, list[str]]] = [(source, [source]) for source in strata]
    if len(strata) > 1:
        groups.append((None, list(strata)))
    return [
        _row(samples, {name: strata[name] for name in names}, source, call, numerator, left_out)
        for source, names in groups
        for call in (DECIDED, FLAGGED)
    ]


def _row(
    samples: Samples,
    strata: Mapping[str, Mapping[str, int]],
    source: str | None,
    call: str,
    numerator: Collection[str],
    left_out: Collection[int],
) -> dict[str, Any]:
    found, gone, precision, judged, dropped = [], [], estimates.UNKNOWN, 0, 0
    for name, sizes in strata.items():
        for part, size in sizes.items():
            items = of_source(samples, name, part)
            kept = [item for item in items if item.row["item_no"] not in left_out]
            own = [item for item in kept if _called(item, part, call)]
            judged, dropped = judged + len(items), dropped + len(items) - len(kept)
            if part == POSITIVE:
                found.append(said_of(own, size, len(items), numerator))
                said = said_of(own, len(own), len(own), numerator)
                precision = estimates.precision(len(own), int(said.sure), int(said.unclear), len(items) >= size)
            if part == NEGATIVE or call == DECIDED:
                other = [item for item in kept if not _called(item, part, call)]
                gone.append(said_of(other, size, len(items), numerator))
    return {
        "source_id": source,
        "call": call,
        "judged": judged,
        "left_out": dropped,
        **(precision if source is not None else estimates.UNKNOWN).row("precision"),  # no simple sample over sources
        **estimates.missed(found, gone).row("missed"),
    }


def _called(item: JudgedItem, part: str, call: str) -> bool:
    """All the machine calls lies in the positive stratum."""
    return part == POSITIVE and (call == FLAGGED or bool(item.machine["illegal_unhealthy"]))
