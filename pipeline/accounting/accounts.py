"""Accounts: what is added up over documents. Every accumulator is commutative and associative.

Whatever the number of workers, the order of units or the engine, the sums are the same; the laws are tested.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.personal import VERDICTS

PHASES = ("collected", "admitted")


class Item(NamedTuple):
    """One line of the accounts: of which table, for whom, what is counted."""

    table: str  # source | bucket | risk | pii | rights | excluded
    source_id: str
    group: str  # bucket, risk, type of personal information or the like, indicator, reason; empty for `source`
    phase: str
    unit: str  # documents | bytes | chars | tokens | findings | violations | …


Tally = Counter[Item]


class SumTallies:
    """Adds tallies, with the methods of a CombineFn. Only the first accumulator of a merge is changed."""

    def create_accumulator(self) -> Tally:
        """An empty tally."""
        return Counter()

    def add_input(self, accumulator: Tally, element: Tally) -> Tally:
        """Adds one tally."""
        accumulator.update(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Tally]) -> Tally:
        """Adds all tallies."""
        total: Tally = Counter()
        for accumulator in accumulators:
            total.update(accumulator)
        return total

    def extract_output(self, accumulator: Tally) -> Tally:
        """The sum."""
        return accumulator


def tally_documents(documents: pa.RecordBatch | pa.Table, source_id: str) -> Tally:
    """Counts of decided documents of one source."""
    tally: Tally = Counter()
    admitted = documents.column("admitted")
    violations, unscored = documents.column("illegal_unhealthy"), pc.is_valid(documents.column("unscored"))
    candidates = pc.greater(pc.list_value_length(documents.column("candidate_risks")), 0)
    flags = {
        "violations": violations,
        "risk31": pc.greater(pc.list_value_length(documents.column("risks")), 0),
        "with_candidates": pc.or_(pc.or_(violations, candidates), unscored),  # what is unscored may violate
        "pii": pc.not_equal(documents.column("pii_level"), "none"),
        "pii_checked": documents.column("pii_checked"),
        "unscored": unscored,
        "undecided": pc.and_(unscored, pc.invert(violations)),
    }
    for phase, mask in (("collected", None), ("admitted", admitted)):
        for unit, column in (
            ("documents", None),
            ("bytes", documents.column("bytes")),
            ("chars", documents.column("chars")),
        ):
            tally[Item("source", source_id, "", phase, unit)] += _sum(column, mask, documents.num_rows)
        for unit, flag in flags.items():
            tally[Item("source", source_id, "", phase, unit)] += _sum(flag, mask, documents.num_rows)
        chosen = documents if mask is None else documents.filter(mask)
        _grouped(tally, chosen, "bucket", source_id, phase)
        _tokens(tally, chosen, source_id, phase)
        _rights(tally, chosen, source_id, phase)
        for table, column in (("risk", "risks"), ("pii", "pii_types"), ("pii", "other_types")):
            for value in pc.value_counts(pc.list_flatten(chosen.column(column))).to_pylist():
                tally[Item(table, source_id, value["values"], phase, "documents")] += value["counts"]
    _grouped(tally, documents.filter(pc.invert(admitted)), "exclusion_reason", source_id, "collected", "excluded")
    return tally


def tally_findings(findings: pa.RecordBatch | pa.Table, source_id: str) -> Tally:
    """Counts of decided findings of one source."""
    tally: Tally = Counter()
    decided = pc.is_in(findings.column("verdict"), value_set=pa.array(["violation", *VERDICTS.values()]))
    for phase in PHASES:
        mask = decided if phase == "collected" else pc.and_(decided, findings.column("admitted"))
        chosen = findings.filter(mask)
        for table, column in (("risk", "risk_id"), ("pii", "pii_type")):
            for value in pc.value_counts(pc.drop_null(chosen.column(column))).to_pylist():
                tally[Item(table, source_id, value["values"], phase, "findings")] += value["counts"]
    return tally


def _sum(column: pa.Array | None, mask: pa.Array | None, rows: int) -> int:
    if column is None:
        return rows if mask is None else int(pc.sum(mask).as_py() or 0)
    chosen = column if mask is None else pc.filter(column, mask)
    return int(pc.sum(chosen).as_py() or 0)


def _tokens(tally: Tally, documents: pa.RecordBatch | pa.Table, source_id: str, phase: str) -> None:
    """What a total of tokens and its error are made from, of the documents whose tokens were counted.

    Squares and products are summed as Python integers: 64 bits do not hold them.
    """
    counted = documents.filter(pc.is_valid(documents.column("tokens")))
    buckets = np.asarray(counted.column("bucket").to_pylist(), dtype=object)
    tokens, size = (np.asarray(counted.column(name).to_pylist(), dtype=object) for name in ("tokens", "bytes"))
    for bucket in sorted(set(buckets)):
        own = buckets == bucket
        t, x = tokens[own], size[own]
        sums = {"tokens": t, "tt": t * t, "tx": t * x, "xx": x * x, "x": x}
        for unit, values in sums.items():
            name = unit if unit == "tokens" else f"counted_{unit}"
            tally[Item("bucket", source_id, bucket, phase, name)] += int(values.sum())
        tally[Item("bucket", source_id, bucket, phase, "counted")] += len(t)


def _rights(tally: Tally, documents: pa.RecordBatch | pa.Table, source_id: str, phase: str) -> None:
    """What indicates intellectual property: documents that hold it, their bytes, and how often it occurs in them."""
    listed = documents.column("rights_indicators")
    holding = documents.column("bytes").take(pc.list_parent_indices(listed))
    columns = [pc.list_flatten(listed), pc.list_flatten(documents.column("rights_counts")), holding]
    sums = pa.table(columns, names=["indicator", "findings", "bytes"]).group_by("indicator", use_threads=False)
    for row in sums.aggregate([("findings", "count"), ("findings", "sum"), ("bytes", "sum")]).to_pylist():
        for unit, name in (("documents", "findings_count"), ("findings", "findings_sum"), ("bytes", "bytes_sum")):
            tally[Item("rights", source_id, row["indicator"], phase, unit)] += row[name]


def _grouped(
    tally: Tally, documents: pa.RecordBatch | pa.Table, column: str, source_id: str, phase: str, table: str = "bucket"
) -> None:
    if documents.num_rows == 0:
        return
    sums = (
        pa.table({name: documents.column(name) for name in (column, "bytes", "chars")})
        .group_by(column)
        .aggregate([("bytes", "count"), ("bytes", "sum"), ("chars", "sum")])
    )
    for row in sums.to_pylist():
        for unit, name in (("documents", "bytes_count"), ("bytes", "bytes_sum"), ("chars", "chars_sum")):
            tally[Item(table, source_id, row[column], phase, unit)] += row[name]
