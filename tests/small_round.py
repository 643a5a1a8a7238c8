"""A drawn round made by hand in an output folder: a few items whose texts the test chooses, real files, a real register."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.output import Output
from pipeline.store.scans import sha256_file
from review.beginning import begin
from rounds.register import Register, Round, find_round
from rounds.tables import FINALS, ITEMS, KNOWN, MACHINE, SAMPLE

CRITERIA = "criteria-1:0123456789ab"
SOURCE = "very_secret_source"


def item(number: int, text: str, **changes: Any) -> dict[str, Any]:
    """A row of items.parquet: in the manual sample, read once."""
    row = {
        "item_no": number,
        "kind": SAMPLE,
        "doc_id": f"{SOURCE}:{number}",
        "source_id": SOURCE,
        "shard": "a.jsonl",
        "row": number,
        "bucket": "zh",
        "stage": "pretrain",
        "content_hash": hashlib.sha256(text.encode()).hexdigest(),
        "samples": ["manual"],
        "second": False,
        "repeat_of": None,
        "carried_from": None,
        "text": text,
    }
    if changes.get("kind") == KNOWN:
        row |= {"doc_id": None, "source_id": None, "shard": None, "row": None, "stage": None, "samples": []}
    return row | changes


def machine_of(row: dict[str, Any]) -> dict[str, Any]:
    """What the machine says of an item: something, which nobody is to see before judging."""
    found = {"detector": "secret_detector", "risk_id": "A3-e", "pii_type": None, "start": 0, "end": 1, "score": None}
    return {
        "item_no": row["item_no"],
        "risks": ["A3-e"],
        "candidate_risks": [],
        "illegal_unhealthy": True,
        "pii_level": "none",
        "pii_types": [],
        "findings": [{**found, "verdict": "violation"}],
        "expected": [],
    }


def draw(
    out: Path,
    items: Sequence[dict[str, Any]],
    machine: Callable[[dict[str, Any]], dict[str, Any]] = machine_of,
    criteria: str = CRITERIA,
) -> tuple[Output, Round]:
    """Opens and draws the next round of the folder, which is made if need be."""
    output = Output(out)
    output.prepare()
    register = Register(output)
    name = f"R{len(register.rounds()) + 1:04d}"
    folder = out / "rounds" / name
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(items), ITEMS), folder / "items.parquet")
    pq.write_table(pa.Table.from_pylist(list(map(machine, items)), MACHINE), folder / "machine.parquet")
    about = {"by": "主管", "run_id": f"run-{name}", "profile": "tc260-003", "criteria": criteria}
    register.append({"event": "opened", "round": name, **about})
    register.append({"event": "valued", "round": name, "value": "12345"})
    digests = {f"{part}_sha256": sha256_file(folder / f"{part}.parquet") for part in ("items", "machine")}
    drawn = {"event": "drawn", "round": name, "value": "12345", "seed": f"{name}/12345", **digests}
    begun = begin(output, find_round(output, name), drawn, register.now().timestamp())
    register.append({**drawn, "review_begun": begun})
    return output, find_round(output, name)


def close(output: Output, round: Round, finals: Sequence[dict[str, Any]]) -> Round:
    """Writes the finals and closes the round in the register."""
    path = round.folder / "finals.parquet"
    pq.write_table(pa.Table.from_pylist(list(finals), FINALS), path)
    Register(output).append({"event": "closed", "round": round.id, "by": "主管", "finals_sha256": sha256_file(path)})
    return find_round(output, round.id)


def final(number: int, verdict: str, *risks: str) -> dict[str, Any]:
    """A row of finals.parquet."""
    return {"item_no": number, "verdict": verdict, "risks": list(risks), "personal": [], "how": "single"}
