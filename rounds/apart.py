"""Stages listed apart: what violates by design is no part of the ordinary samples and rates, and is never passed over.

The rule is schemas/sources.py's `APART`. Documents of such stages are in no manual and no source sample; each stage has its
supplementary sample, and their counts stand beside every conclusion they are not part of (assessment.md, Counting).
"""

from typing import Any

import duckdb

from pipeline.database import quoted
from pipeline.store.output import Run
from rounds.facts import RunFacts
from schemas.sources import APART, APART_RULE

NOTHING_APART: dict[str, Any] = {"rule": APART_RULE, "stages": []}
_LISTED = ", ".join(quoted(stage) for stage in sorted(APART))
ORDINARY = f"stage NOT IN ({_LISTED})"  # of a row of `documents`
# What a stage's sample is of: all collected of one listed apart, for a filter that does its work leaves little of it.
OF_STAGE = f"(admitted OR NOT {ORDINARY})"


def ordinary_sources(run: Run) -> list[str]:
    """The declared sources of a run that hold ordinary documents: those with an assessment sample."""
    sources = run.manifest["config"]["sources"]
    return [str(source["id"]) for source in sources if source.get("stage") not in APART]


def set_apart(sql: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The rule, and the documents it sets apart by stage: sources, collected, admitted. `sql` is `documents_of` a run."""
    rows = sql.execute(
        "SELECT stage, list(DISTINCT source_id ORDER BY source_id), count(*), count(*) FILTER (admitted) FROM documents "
        f"WHERE NOT {ORDINARY} GROUP BY stage ORDER BY stage"
    ).fetchall()
    stages = [
        {"stage": stage, "sources": sources, "collected": collected, "admitted": admitted}
        for stage, sources, collected, admitted in rows
    ]
    return {"rule": APART_RULE, "stages": stages}


def apart_sources(facts: RunFacts) -> list[str]:
    """The sources listed apart that are admitted: nobody assessed their rate."""
    return sorted(name for name, one in facts.sources.items() if one.apart and one.admitted and one.documents)


def note(facts: RunFacts) -> str:
    """What a basis says of sources listed apart; nothing where there are none."""
    named = apart_sources(facts)
    if not named:
        return ""
    documents = sum(facts.sources[name].documents for name in named)
    return (
        f"；单列、未计入：{', '.join(named)}（{documents} 条，规则 {APART_RULE}），其阶段须由人核实 / listed apart and not counted: "
        f"{len(named)} sources, {documents} documents; people have to confirm their stage"
    )
