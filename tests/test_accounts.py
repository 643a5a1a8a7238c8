from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.accounting.accounts import Item, SumTallies, Tally, tally_documents, tally_findings
from pipeline.accounting.review import undecided_sources
from pipeline.accounting.statistics import Distinct, pii_rows, source_rows
from schemas.profile import load_profile
from schemas.results import DOCUMENTS, FINDINGS
from schemas.sources import SourceRecord

tallies = st.lists(
    st.dictionaries(
        st.builds(
            Item, st.just("source"), st.sampled_from("ab"), st.just(""), st.just("collected"), st.sampled_from("xy")
        ),
        st.integers(0, 10**15),
    ).map(Counter),
    max_size=8,
)


@settings(max_examples=100)
@given(tallies, st.data())
def test_tallies_add_to_the_same_in_any_order_and_split(parts: list[Tally], data: st.DataObject) -> None:
    expected: Tally = Counter()
    for part in parts:
        expected.update(part)
    before = [Counter(part) for part in parts]
    shuffled = data.draw(st.permutations(parts))
    cut = data.draw(st.integers(0, len(parts)))
    combine = SumTallies()
    halves = []
    for half in (shuffled[:cut], shuffled[cut:]):
        accumulator = combine.create_accumulator()
        for part in half:
            accumulator = combine.add_input(accumulator, part)
        halves.append(accumulator)
    assert combine.extract_output(combine.merge_accumulators(halves)) == expected
    assert parts == before  # what is added is not changed


def row(bucket: str, size: int, reason: str | None = None, **facts: object) -> dict[str, object]:
    plain = {
        "doc_id": "s:1", "source_id": "s", "shard": "a", "row": 0, "url": None, "domain": None, "language": "zh",
        "content_type": "prose", "content_hash": "0", "risks": [], "candidate_risks": [], "keyword_risks": [],
        "classifier_risks": [], "illegal_unhealthy": False, "pii_level": "none", "pii_types": [],
    }  # fmt: skip
    chars = size // 2
    return {
        **plain,
        "bucket": bucket,
        "bytes": size,
        "chars": chars,
        "admitted": reason is None,
        "exclusion_reason": reason,
    } | facts


ROWS = [
    row("zh", 100),
    row("zh", 60, "filtered", risks=["A1-a", "A2-a"], illegal_unhealthy=True, unscored="timeout"),
    row("en", 20, risks=["A3-a"], candidate_risks=["A1-a"], pii_level="general", pii_types=["EMAIL"]),
    row(
        "code",
        8,
        "unscored",
        unscored="unreachable",
        pii_level="sensitive",
        pii_types=["CN_ID_CARD", "EMAIL"],
        other_types=["CREDENTIAL"],
    ),
    row("zh", 2, risks=["A1-a"], illegal_unhealthy=True),
]


def test_documents_are_counted_as_by_hand() -> None:
    tally = tally_documents(pa.RecordBatch.from_pylist(ROWS, schema=DOCUMENTS), "s")
    by_hand = {
        ("source", "", "documents"): (5, 3),
        ("source", "", "bytes"): (190, 122),
        ("source", "", "chars"): (95, 61),
        ("source", "", "violations"): (2, 1),
        ("source", "", "risk31"): (3, 2),
        ("source", "", "with_candidates"): (4, 2),
        ("source", "", "pii"): (2, 1),
        ("source", "", "unscored"): (2, 0),
        ("source", "", "undecided"): (1, 0),
        ("bucket", "zh", "documents"): (3, 2),
        ("bucket", "zh", "bytes"): (162, 102),
        ("bucket", "zh", "chars"): (81, 51),
        ("bucket", "en", "documents"): (1, 1),
        ("bucket", "en", "bytes"): (20, 20),
        ("bucket", "en", "chars"): (10, 10),
        ("bucket", "code", "documents"): (1, 0),
        ("bucket", "code", "bytes"): (8, 0),
        ("bucket", "code", "chars"): (4, 0),
        ("risk", "A1-a", "documents"): (2, 1),
        ("risk", "A2-a", "documents"): (1, 0),
        ("risk", "A3-a", "documents"): (1, 1),
        ("pii", "EMAIL", "documents"): (2, 1),
        ("pii", "CN_ID_CARD", "documents"): (1, 0),
        ("pii", "CREDENTIAL", "documents"): (1, 0),
    }
    expected: Tally = Counter()
    for (table, group, unit), counts in by_hand.items():
        for phase, count in zip(("collected", "admitted"), counts, strict=True):
            expected[Item(table, "s", group, phase, unit)] = count
    for reason, size in (("filtered", 60), ("unscored", 8)):
        for unit, count in (("documents", 1), ("bytes", size), ("chars", size // 2)):
            expected[Item("excluded", "s", reason, "collected", unit)] = count
    assert tally == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(ROWS), max_size=12), st.integers(0, 12))
def test_documents_add_up_however_they_are_batched(rows: list[dict[str, object]], cut: int) -> None:
    def tally(part: list[dict[str, object]]) -> Tally:
        return tally_documents(pa.RecordBatch.from_pylist(part, schema=DOCUMENTS), "s")

    total = tally(rows[:cut])
    total.update(tally(rows[cut:]))
    assert total == tally(rows)


def test_only_decided_findings_are_counted() -> None:
    plain = {"doc_id": "s:1", "source_id": "s", "shard": "a", "row": 0, "detector": "d", "start": 0, "end": 1}
    findings = [
        {**plain, "risk_id": "A1-a", "verdict": "violation", "admitted": True},
        {**plain, "risk_id": "A1-a", "verdict": "violation", "admitted": False},
        {**plain, "risk_id": "A1-a", "verdict": "candidate", "admitted": True},
        {**plain, "pii_type": "EMAIL", "verdict": "personal_information", "admitted": False},
        {**plain, "pii_type": "EMAIL", "verdict": "candidate", "admitted": True},
        {**plain, "pii_type": "CN_USCC", "verdict": "organisation", "admitted": True},
    ]
    assert tally_findings(pa.RecordBatch.from_pylist(findings, schema=FINDINGS), "s") == Counter(
        {
            Item("risk", "s", "A1-a", "collected", "findings"): 2,
            Item("risk", "s", "A1-a", "admitted", "findings"): 1,
            Item("pii", "s", "EMAIL", "collected", "findings"): 1,
            Item("pii", "s", "CN_USCC", "collected", "findings"): 1,
            Item("pii", "s", "CN_USCC", "admitted", "findings"): 1,
        }
    )


def test_types_are_told_with_their_class() -> None:
    kinds = ("EMAIL", "CN_USCC", "CREDENTIAL")
    rows = pii_rows(Counter({Item("pii", "s", kind, "collected", "documents"): 1 for kind in kinds}))
    assert [(row["pii_type"], row["class"]) for row in rows] == [
        ("CN_USCC", "organisation"),
        ("CREDENTIAL", "credential"),
        ("EMAIL", "personal"),
    ]


@pytest.mark.parametrize(
    ("violations", "undecided", "hidden"),
    [(3, 3, True), (0, 6, True), (2, 3, False), (5, 0, False), (6, 3, False)],
)
def test_what_is_unscored_cannot_clear_a_source(violations: int, undecided: int, hidden: bool) -> None:
    counts = {"documents": 100, "violations": violations, "unscored": undecided, "undecided": undecided}
    tally: Tally = Counter({Item("source", "s", "", "collected", unit): count for unit, count in counts.items()})
    source = SourceRecord(id="s", name="s", kind="open", region="domestic", paths=["s/*.jsonl"])
    rows = source_rows(
        [source], tally, {"s": Distinct(100, violations)}, frozenset(), frozenset(), load_profile("tc260-003")
    )
    assert rows[0]["unscored"] == undecided
    assert ("unscored_would_cross" in rows[0]["review_reasons"]) is hidden  # above the maximum it is out anyway
    assert undecided_sources(rows) == (["s"] if hidden else [])
