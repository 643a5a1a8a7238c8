"""Token totals of `bucket_stats`: exact sums, or estimates with their error where a share of the documents was counted.

For a source, bucket and phase let N documents have X bytes in total, of which n were counted: t_i tokens in x_i bytes.
The share is drawn by content hash and so independent of length, and tokens go with bytes, hence the ratio estimator
(W. G. Cochran, Sampling Techniques, 3rd ed., ch. 6):

    r = Σt_i / Σx_i        tokens = r·X        s² = Σ(t_i − r·x_i)² / (n − 1)
    error = t(0.975; n − 1) · N · √((1 − n/N) · s² / n)        two-sided 95 %, Student's t

Tokens are rounded to the nearest whole number, halves up; the error is rounded up. Below two counted documents neither
can be told and both are NULL. Copies of a text are counted together, so where copies abound the error is too small.
Errors of different rows add up as √Σerror².
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.accounting.accounts import Item, Tally
from pipeline.accounting.statistics import grouped_rows
from schemas.sources import SourceRecord

EXACT = "exact"


def counting(snapshot: Mapping[str, Any]) -> str | None:
    """How a run counts tokens, by the snapshot of its configuration: None not at all, `exact`, or the share."""
    tokenizer = snapshot.get("tokenizer")
    return None if tokenizer is None else str(tokenizer["share"] or EXACT)


def bucket_rows(sources: Iterable[SourceRecord], tally: Tally, how: str | None) -> list[dict[str, Any]]:
    """Rows of `bucket_stats`; `how` is that of `counting`."""
    rows = []
    for row in with_stage(sources, grouped_rows(tally, "bucket", "bucket", ("documents", "bytes", "chars"))):
        tokens: int | None = None
        counted: int | None = None
        error: int | None = None
        if how is not None:
            sums = {
                unit: tally[Item("bucket", row["source_id"], row["bucket"], row["phase"], unit)]
                for unit in ("counted", "tokens", "counted_x", "counted_tt", "counted_tx", "counted_xx")
            }
            counted = sums["counted"]
            if how == EXACT:
                tokens = sums["tokens"]
            else:
                tokens, error = estimate(row["documents"], row["bytes"], sums)
        rows.append(row | {"tokens": tokens, "tokens_sampled_documents": counted, "tokens_error": error})
    return rows


def estimate(documents: int, size: int, sums: Mapping[str, int]) -> tuple[int | None, int | None]:
    """Tokens and half-width of the interval, from the sums over the counted documents."""
    from scipy.special import stdtrit

    n, t, x = sums["counted"], sums["tokens"], sums["counted_x"]
    if n < 2:
        return None, None
    tokens = (2 * t * size + x) // (2 * x)
    # Σ(t_i − r·x_i)² = (Σt²·x² − 2·Σtx·t·x + Σx²·t²) / x² with r = t/x: whole numbers until the division
    squares = sums["counted_tt"] * x * x - 2 * sums["counted_tx"] * t * x + sums["counted_xx"] * t * t
    variance = squares / (x * x) / (n - 1) * (1 - n / documents) / n
    return tokens, math.ceil(float(stdtrit(n - 1, 0.975)) * documents * math.sqrt(variance))


def with_stage(sources: Iterable[SourceRecord], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows by source, with the stage of training each source is for."""
    stages = {source.id: source.stage for source in sources}
    return [row | {"stage": stages[row["source_id"]]} for row in rows]
