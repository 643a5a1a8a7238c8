"""Makes the corpus of an evidence folder wider: many sources of every origin, language and stage, with rounds to compare.

Counts of all tables stay consistent, so that sums agree; names are as unpleasant as names get.
"""

from typing import Any

from report.evidence.workspace import Workspace

HOSTILE = (
    '<script>alert("x")</script>来源',
    '=HYPERLINK("http://x","点击")',
    "中\u202e文\u0007控制\x00字符",
    "$\\frac{1}{0}$ %s {name} 语料" + "很长的名称" * 30,
    "'; DROP TABLE audit.sources; --",
)
_KINDS = ("open", "self_collected", "commercial", "user_input")
_REGIONS = ("domestic", "overseas", "hk_mo_tw")
_TONGUES = (
    ("zh", "zh"),
    ("en", "en"),
    ("code", "en"),
    *(("other", f"l{number:02d}") for number in range(25)),
    ("other", None),
)
_STAGES = ("pretrain", "pretrain", "sft", "pretrain", "preference", "safety")


def widen(workspace: Workspace, count: int, tokens: str = "exact") -> None:
    """Gives the workspace `count` sources. `tokens`: exact, sampled (an estimate by source and type), or none."""
    rows = [row for number in range(count) for row in _cells(number)]
    workspace.replace("audit.sources", [_source(number) for number in range(count)])
    workspace.replace("record.source_details", [_details(number) for number in range(count)])
    workspace.replace("audit.composition", [row | _counted(row, tokens) for row in rows])
    workspace.replace("audit.bucket_stats", _buckets(rows, tokens))
    workspace.replace("audit.source_stats", [_stats(number, rows) for number in range(count)])
    workspace.replace("audit.region_stats", _regions(rows))
    workspace.replace("audit.funnel", _funnel(rows))
    workspace.replace("audit.exclusions", _exclusions(rows))
    workspace.replace("audit.ledger", [_shard(number, rows) for number in range(count)])
    workspace.replace("audit.rejects", [])
    workspace.replace("round.source_results", [_result(number, rows) for number in range(count)])
    admitted = [row for row in rows if row["admitted"]]
    facts = {
        "documents": _sum(rows, "documents"),
        "bytes": _sum(rows, "bytes"),
        "admitted_documents": _sum(admitted, "documents"),
        "admitted_bytes": _sum(admitted, "bytes"),
        "rejected": 0,
    }
    told = ", ".join(f"{name} = {value}" for name, value in facts.items())
    tokenizer = "NULL" if tokens == "none" else "'tok.json'"
    workspace.connection.execute(f"UPDATE record.facts SET {told}, tokenizer = {tokenizer}")


def add_rounds(workspace: Workspace, count: int) -> None:
    """Rounds before the one reported on: failed, abandoned and undrawn ones."""
    states = ("closed", "abandoned", "frozen", "closed")
    rows = []
    for number in range(count):
        closed = states[number % 4] == "closed"
        rows.append(
            {
                "number": number - count,
                "round": f"A{number:04d}",
                "state": states[number % 4],
                "opened_at": f"2025-{1 + number % 12:02d}-01T00:00:00",
                "by": "主管",
            }
            | {
                "frame_documents": 9000,
                "draw_failures": number % 2,
                "changes": "剔除 <b>来源</b>",
                "from_verdicts": True,
            }
            | (
                {"manual_judged": 4000, "manual_failures": 400 - 15 * number, "manual_allowed": 160, "passed": False}
                if closed
                else {}
            )
        )
    workspace.replace("record.rounds", [*rows, *workspace.rows("FROM record.rounds")])


def _name(number: int) -> str:
    return HOSTILE[number % 7] if number % 7 < len(HOSTILE) else f"来源 {number}（2018–2022 年公开评论）"


def _source(number: int) -> dict[str, Any]:
    kind = _KINDS[number % 4]
    return {
        "source_id": f"s{number:03d}",
        "name": _name(number),
        "kind": kind,
        "treated_as": "self_collected" if kind == "open" and number % 3 == 2 else kind,
        "region": _region(number),
        "stage": _STAGES[number % 6],
        "licence": "CC-BY-4.0" if kind == "open" else None,
        "missing_evidence": [],
    }


def _region(number: int) -> str:
    return _REGIONS[number // 4 % 2]


def _details(number: int) -> dict[str, Any]:
    return {
        "source_id": f"s{number:03d}",
        "produced": number % 8 == 1,
        "mixed_regions": number % 5 == 0,
        "lawful_basis": [],
    }


def _cells(number: int) -> list[dict[str, Any]]:
    """Rows of audit.composition: the languages of a source, some of them left out by the filter."""
    source = f"s{number:03d}"
    rows = []
    for place in range(1 + number % 5):
        bucket, language = _TONGUES[(7 * number + place) % len(_TONGUES)]
        region = _REGIONS[(number + place) % 3] if number % 5 == 0 else _region(number)
        for admitted in (True, False):
            documents = (100 + 13 * number + place) if admitted else (number + place) % 4
            if documents:
                rows.append(
                    {"source_id": source, "stage": _STAGES[number % 6], "region": region, "bucket": bucket}
                    | {
                        "language": language,
                        "admitted": admitted,
                        "documents": documents,
                        "bytes": 1_000_003 * documents + number,
                    }
                    | {"chars": documents * 500_001}
                )
    return rows


def _counted(row: dict[str, Any], tokens: str) -> dict[str, Any]:
    counted = {"exact": row["documents"], "sampled": row["documents"] // 10, "none": 0}[tokens]
    return {"tokens_counted": counted * 301 if counted else None, "tokens_counted_documents": counted}


def _buckets(rows: list[dict[str, Any]], tokens: str) -> list[dict[str, Any]]:
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for row in rows:
        for phase in ("collected", "admitted") if row["admitted"] else ("collected",):
            key = (row["source_id"], row["bucket"], phase, row["stage"])
            one = found.setdefault(key, dict.fromkeys(("documents", "bytes", "chars"), 0))
            for name in one:
                one[name] += row[name]
    names = ("source_id", "bucket", "phase", "stage")
    return [dict(zip(names, key, strict=True)) | one | _tokens(one["documents"], tokens) for key, one in found.items()]


def _tokens(documents: int, tokens: str) -> dict[str, Any]:
    if tokens == "none":
        return {}
    if tokens == "exact":
        return {"tokens": documents * 301, "tokens_sampled_documents": documents}
    return {"tokens": documents * 301 + 7, "tokens_sampled_documents": documents // 10, "tokens_error": 1000}


def _of(rows: list[dict[str, Any]], number: int) -> tuple[int, int, int]:
    own = [row for row in rows if row["source_id"] == f"s{number:03d}"]
    return _sum(own, "documents"), _sum(own, "bytes"), _sum([row for row in own if row["admitted"]], "documents")


def _stats(number: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    documents, size, admitted = _of(rows, number)
    rate = (number % 9) / 150
    return {
        "source_id": f"s{number:03d}",
        "documents": documents,
        "bytes": size,
        "admitted_documents": admitted,
        "violations": int(documents * rate),
        "violation_rate": rate,
        "candidate_rate": rate,
        "rate_low": rate / 2,
        "rate_high": rate * 2,
        "distinct_documents": documents,
        "distinct_violations": int(documents * rate),
        "status": "admitted",
        "stage": _STAGES[number % 6],
        "review_reasons": [],
    }


def _result(number: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    rate = (number % 11) / 140
    return {
        "source_id": f"s{number:03d}",
        "documents": _of(rows, number)[0],
        "positive_judged": 60,
        "negative_judged": 300,
        "positive_violations": 9,
        "negative_violations": 1,
        "positive_unclear": 0,
        "negative_unclear": 1,
        "rate": rate,
        "rate_low": rate / 2,
        "rate_high": rate * 1.6 + 0.004,
        "carried": 0,
        "conclusion": "待人工",
    }


def _regions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("source_id", "region", "documents", "bytes")
    return [{name: row[name] for name in names} | {"phase": "admitted"} for row in rows if row["admitted"]]


def _funnel(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    steps = {"collected": rows, "after_filtered": [row for row in rows if row["admitted"]]}
    steps["admitted"] = steps["after_filtered"]
    names = ("source_id", "stage", "documents", "bytes")
    return [{"step": step} | {name: row[name] for name in names} for step, left in steps.items() for row in left]


def _exclusions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("source_id", "stage", "documents", "bytes")
    return [
        {name: row[name] for name in names} | {"exclusion_reason": None if row["admitted"] else "filtered"}
        for row in rows
    ]


def _shard(number: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    documents = _of(rows, number)[0]
    return {
        "source_id": f"s{number:03d}",
        "shard": "a.jsonl",
        "records_read": documents,
        "audited": documents,
        "rejected": 0,
        "complete": True,
    }


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(int(row[name]) for row in rows)
