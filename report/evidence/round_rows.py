"""All rounds and every draw as rows, from the register up to where a report reads it: also the failed and abandoned ones."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import RunFailed
from rounds.register import Round, take

_KNOWN = ("seq", "time", "event", "round", "by", "run_id", "sha256")


def rounds_of(events: Sequence[dict[str, Any]]) -> list[Round]:
    """The rounds these events tell of. Raises RunFailed for impossible steps."""
    found: dict[str, Round] = {}
    for event in events:
        try:
            take(found, event, Path())
        except (ValueError, KeyError) as error:
            raise RunFailed(f"register.ndjson: {error}") from None
    return list(found.values())


def round_rows(events: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of record.rounds."""
    for number, one in enumerate(rounds_of(events), start=1):
        opened, drawn, valued = one.opened, one.drawn or {}, one.valued or {}
        frame, collected = opened.get("frame") or {}, opened.get("collected") or {}
        public, carried = opened.get("public_value") or {}, drawn.get("carried") or {}
        ended = one.closed or one.abandoned or {}
        manual = (ended.get("outcome") or {}).get("manual") or {}
        yield {
            "number": number,
            "round": one.id,
            "state": one.state,
            "knowable": one.knowable,
            **{name: opened.get(name) for name in ("run_id", "by", "profile", "criteria", "ruleset_sha256")},
            **{name: opened.get(name) for name in ("changes", "from_verdicts")},
            "opened_at": opened["time"],
            "frame_documents": frame.get("documents"),
            "frame_sha256": frame.get("sha256"),
            "collected_documents": collected.get("documents"),
            "collected_sha256": collected.get("sha256"),
            "value_name": public.get("name"),
            "value_source": public.get("source"),
            "value_expected": public.get("expected_at"),
            "valued_at": valued.get("time"),
            "value": valued.get("value", drawn.get("value")),
            "seed": drawn.get("seed"),
            "drawn_at": drawn.get("time"),
            "items": drawn.get("items"),
            "draw_failures": len(one.failures),
            "carried_from": carried.get("from"),
            "carried_items": carried.get("items"),
            "ended_at": ended.get("time"),
            "passed": ended.get("passed"),
            **{f"manual_{name}": manual.get(name) for name in ("judged", "failures", "allowed", "conclusion")},
            "reason": ended.get("reason"),
        }


def register_rows(events: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of record.register: every event, what else it says as JSON."""
    for event in events:
        rest = {name: value for name, value in event.items() if name not in (*_KNOWN, "previous")}
        details = json.dumps(rest, ensure_ascii=False, sort_keys=True)
        yield {name: event.get(name) for name in _KNOWN} | {"details": details}
