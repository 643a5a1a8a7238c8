"""What a round that is over came to, as the dashboard shows it: counts by the literal rule, then interval and why."""

from typing import Any

from pipeline.store.output import Output
from rounds.register import Round, find_round

Row = dict[str, Any]


def ending_of(output: Output, round_id: str) -> Row | None:
    """How the round ended; None while it goes on. Raises RunFailed where its result is not the file on record."""
    round_ = find_round(output, round_id)
    if round_.abandoned is not None:
        event = round_.abandoned
        return {"state": "abandoned", "by": event["by"], "time": event["time"], "reason": event.get("reason", "")}
    return _closed(round_) if round_.closed is not None else None


def _closed(round_: Round) -> Row:
    from rounds.results import read_result  # slow to import

    assert round_.closed is not None
    content = read_result(round_).content
    manual = content["manual"]
    above = [row["source_id"] for row in content["sources"] if row["admitted"] and row["above"]]
    kept = ("clause", "judged", "failures", "allowed", "minimum", "enough", "passes", "carried", "conclusion", "basis")
    intervals = ("qualified_share", "wilson_low", "wilson_high", "exact_low", "exact_high")
    return {
        "state": "closed",
        "by": round_.closed["by"],
        "time": round_.closed["time"],
        "passed": content["passed"],
        "sources_above": above,
        "doubts": content["reliance"]["reasons"],  # why a pass of the round is none; in both languages
        "manual": {name: manual[name] for name in (*kept, *intervals)}
        | {"literal": manual["judged"] > 0 and manual["failures"] <= manual["allowed"]},
    }
