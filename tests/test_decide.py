import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicon.library import Entry, Library
from schemas import layers
from schemas.policy import load_policy
from schemas.profile import load_profile
from schemas.results import DOCUMENTS, FINDINGS
from transforms.decide import MAX_CANDIDATES, Admission, Blocked, Decider, Origin

ENTRIES = (
    *(Entry(f"block{n}", ("A1-a",), "block") for n in range(2)),
    *(Entry(f"review{n}", ("A1-a",), "review") for n in range(40)),
    *(Entry(f"context{n}", ("A1-a",), "context") for n in range(40)),
    Entry("other", ("A3-a",), "block"),
    Entry("a5", ("A5-a",), "block"),
    Entry("both", ("A1-a", "A4-f"), "block"),
)
PLACE = {entry.term: index for index, entry in enumerate(ENTRIES)}
ORIGIN = Origin("src", ("one.jsonl", "two.jsonl"), (0, 100))
HASH = hashlib.sha256(b"text").digest()


@pytest.fixture(scope="module")
def decider() -> Decider:
    return Decider(load_policy(None), load_profile("tc260-003"), Library(ENTRIES), {"A1-a": 0.8, "A3-a": 0.9})


def document(
    terms: tuple[str, ...] = (),
    scores: dict[str, float] | None = None,
    pii: tuple[tuple[str, str], ...] = (),
    straddling: tuple[str, ...] = (),
    unscored: str | None = None,
    **base: Any,
) -> dict[str, Any]:
    hits = [
        {"entry": PLACE[term], "count": 1, "start": i, "end": i + 1, "excerpt": term, "straddles": term in straddling}
        for i, term in enumerate(terms)
    ]
    scored = [{"label": k, "score": v, "start": 0, "end": 9} for k, v in (scores or {}).items()]
    entities = [
        {
            "type": t,
            "start": i,
            "end": i + 1,
            "grade": g,
            "mask": "*",
            "hmac": bytes([i % 256]) * 16,
            "born": None,
            "minor": False,
        }
        for i, (t, g) in enumerate(pii)
    ]
    origin = {"member": 0, "row": 5, "offset": None, "native_id": None, "url": None, "domain": None}
    facts = {"language": "zh", "content_type": "prose", "bucket": "zh", "bytes": 4, "chars": 4, "content_hash": HASH}
    return {
        "base": {**origin, **facts, **base},
        "keywords": {"hits": hits or None},
        "classifier": {"scores": scored or None, "unscored": unscored},
        "pii": {"entities": entities or None, "unscored": None, "checked": False, "cut": False},
    }


def decide(
    decider: Decider, *documents: dict[str, Any], origin: Origin = ORIGIN, admission: Admission | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    batches = {
        name: pa.RecordBatch.from_pylist([facts[name] for facts in documents], schema=layers.LAYERS[name])
        for name in ("base", "keywords", "classifier", "pii")
    }
    decided, findings = decider(batches, origin, admission or Admission())
    assert decided.schema.equals(DOCUMENTS)
    assert findings.schema.equals(FINDINGS)
    decided.validate(full=True)
    return decided.to_pylist(), findings.to_pylist()


R, C = [f"review{n}" for n in range(40)], [f"context{n}" for n in range(40)]


@pytest.mark.parametrize(
    ("terms", "score", "rule", "verdict", "filtered", "by"),
    [
        (["block0"], None, "block-term", "violation", True, "k"),
        (["block0", "block1", *R[:3]], 0.99, "block-term", "violation", True, "k"),
        (R[:2], None, "two-review-terms", "violation", True, "k"),
        (R[:2], 0.99, "two-review-terms", "violation", True, "k"),
        (R[:1], 0.2, "review-term-and-classifier", "violation", True, "kc"),
        (R[:1], 0.1999, "review-term", "candidate", False, ""),
        (C[:2], 0.8, "context-terms-and-classifier", "violation", True, "kc"),
        (C[:2], 0.7999, "weak-classifier", "candidate", False, ""),
        (C[:1], 0.8, "classifier", "violation", False, "c"),
        ([], 0.8, "classifier", "violation", False, "c"),
        ([], 0.79, "weak-classifier", "candidate", False, ""),
        ([], 0.49, None, None, False, ""),
        (R[:1], None, "review-term", "candidate", False, ""),
        (C[:3], None, "three-context-terms", "candidate", False, ""),
        (C[:3], 0.6, "three-context-terms", "candidate", False, ""),
        (C[:2], None, None, None, False, ""),
    ],
)
def test_the_first_rule_that_holds_decides_and_names_itself(
    decider: Decider,
    terms: list[str],
    score: float | None,
    rule: str | None,
    verdict: str | None,
    filtered: bool,
    by: str,
) -> None:
    (found,), findings = decide(decider, document(tuple(terms), {"A1-a": score} if score else None))
    assert {(finding["rule"], finding["verdict"]) for finding in findings} == ({(rule, verdict)} if rule else set())
    assert found["risks"] == (["A1-a"] if verdict == "violation" else [])
    assert found["candidate_risks"] == (["A1-a"] if verdict == "candidate" else [])
    assert found["exclusion_reason"] == ("filtered" if filtered else None)
    assert found["admitted"] == (not filtered)
    assert bool(found["keyword_risks"]) == ("k" in by)
    assert bool(found["classifier_risks"]) == ("c" in by)
    assert found["illegal_unhealthy"] == (verdict == "violation")


def test_a_term_that_cuts_through_a_word_counts_as_context(decider: Decider) -> None:
    assert decide(decider, document(("block0",), straddling=("block0",)))[0][0]["risks"] == []
    (found,), findings = decide(decider, document(("block0", *C[:2]), straddling=("block0",)))
    assert (found["candidate_risks"], findings[0]["rule"]) == (["A1-a"], "three-context-terms")


def test_a_label_without_a_threshold_never_meets_it(decider: Decider) -> None:
    (found,), _ = decide(decider, document(scores={"A2-a": 0.99}))
    assert (found["risks"], found["candidate_risks"]) == ([], ["A2-a"])


def test_risks_that_are_not_applicable_are_ignored(decider: Decider) -> None:
    (found,), findings = decide(decider, document(("a5",), {"A5-b": 0.99}))
    assert (found["risks"], found["candidate_risks"], findings, found["admitted"]) == ([], [], [], True)


def test_a_risk_outside_the_numerator_is_no_illegal_or_unhealthy_item(decider: Decider) -> None:
    (found,), _ = decide(decider, document(("other",)))
    assert (found["risks"], found["illegal_unhealthy"], found["admitted"]) == (["A3-a"], False, False)


def test_a_term_of_two_risks_speaks_of_both(decider: Decider) -> None:
    (found,), findings = decide(decider, document(("both",)))
    assert found["risks"] == ["A1-a", "A4-f"]
    assert [finding["risk_id"] for finding in findings] == ["A1-a", "A4-f"]


def test_at_most_twenty_undecided_findings_are_kept_of_a_detector(decider: Decider) -> None:
    many = (*[("EMAIL", "weak")] * 30, ("EMAIL", "validated"))
    _, findings = decide(decider, document(tuple(C), pii=many), document(tuple(C)))
    kept = [(finding["detector"], finding["row"], finding["verdict"]) for finding in findings]
    assert kept.count(("keywords@1", 5, "candidate")) == 2 * MAX_CANDIDATES
    assert kept.count(("pii@2", 5, "candidate")) == MAX_CANDIDATES
    assert kept.count(("pii@2", 5, "personal_information")) == 1
    _, findings = decide(decider, document(tuple(R)))
    assert len(findings) == len(R)  # what is decided is kept in full


def test_findings_are_in_order_of_their_documents(decider: Decider) -> None:
    _, findings = decide(decider, *(document(("block0",), pii=(("EMAIL", "validated"),), row=row) for row in range(3)))
    assert [finding["row"] for finding in findings] == [0, 0, 1, 1, 2, 2]


ALL = Admission(
    source_blacklisted=True,
    domains=frozenset({"bad.cn"}),
    blocked=Blocked(frozenset({"blocked.cn"}), frozenset({"x.cn/1"}), frozenset({HASH.hex()})),
)
BAD: dict[str, Any] = {"terms": ("block0",), "unscored": "failed", "pii": (("CN_ID_CARD", "validated"),)}


@pytest.mark.parametrize(
    ("admission", "facts", "reason"),
    [
        (ALL, {**BAD, "domain": "bad.cn"}, "source_blacklisted"),
        (Admission(domains=ALL.domains, blocked=ALL.blocked), {**BAD, "domain": "bad.cn"}, "domain_blacklisted"),
        (Admission(domains=ALL.domains, blocked=ALL.blocked), {**BAD, "domain": "good.cn"}, "blocked"),
        (Admission(blocked=Blocked(domains=frozenset({"b.cn"}))), {**BAD, "domain": "b.cn"}, "blocked"),
        (Admission(blocked=Blocked(urls=frozenset({"x.cn/1"}))), {"url": "http://x.cn/1"}, "blocked"),
        (Admission(blocked=Blocked(urls=frozenset({"x.cn/1"}))), {"url": "http://x.cn/2"}, None),
        (Admission(domains=ALL.domains), {"domain": None}, None),
        (Admission(), BAD, "filtered"),
        (Admission(), {**BAD, "terms": ()}, "unscored"),
        (Admission(), {**BAD, "terms": (), "unscored": None}, "personal_information"),
        (Admission(), {}, None),
    ],
)
def test_the_first_reason_in_the_order_of_the_contract_excludes(
    decider: Decider, admission: Admission, facts: dict[str, Any], reason: str | None
) -> None:
    (found,), _ = decide(decider, document(**facts), admission=admission)
    assert (found["exclusion_reason"], found["admitted"]) == (reason, reason is None)


def test_a_document_that_personal_information_was_not_looked_for_in_is_unscored(decider: Decider) -> None:
    facts = document()
    facts["pii"]["unscored"] = "analyzer failed"
    assert decide(decider, facts)[0][0]["exclusion_reason"] == "unscored"


@pytest.mark.parametrize(
    ("native", "member", "row", "expected"),
    [
        ("a:b", 0, 5, ("src:a:b", "one.jsonl", 5)),
        (None, 0, 5, ("src:one.jsonl#5", "one.jsonl", 5)),
        (None, 1, 5, ("src:two.jsonl#105", "two.jsonl", 105)),
        ("x", 1, 0, ("src:x", "two.jsonl", 100)),
    ],
)
def test_a_document_is_known_by_its_id_or_its_place(
    decider: Decider, native: str | None, member: int, row: int, expected: tuple[str, str, int]
) -> None:
    (found,), _ = decide(decider, document(native_id=native, member=member, row=row))
    assert (found["doc_id"], found["shard"], found["row"]) == expected
    assert found["content_hash"] == HASH.hex()


@pytest.mark.parametrize(
    ("pii", "types", "level", "admitted"),
    [
        ((), [], "none", True),
        ((("CN_ID_CARD", "weak"), ("EMAIL", "weak")), [], "none", True),
        ((("EMAIL", "validated"),), ["EMAIL"], "general", True),
        ((("EMAIL", "contextual"), ("CN_MOBILE", "validated")), ["CN_MOBILE", "EMAIL"], "general", True),
        ((("EMAIL", "validated"), ("BANK_CARD", "contextual")), ["BANK_CARD", "EMAIL"], "sensitive", False),
        ((("UNHEARD_OF", "validated"),), ["UNHEARD_OF"], "general", True),
    ],
)
def test_the_level_of_personal_information(
    decider: Decider, pii: tuple[tuple[str, str], ...], types: list[str], level: str, admitted: bool
) -> None:
    (found,), _ = decide(decider, document(pii=pii))
    assert (found["pii_types"], found["pii_level"], found["admitted"]) == (types, level, admitted)


@pytest.mark.parametrize(
    ("bases", "admitted"), [((), False), (("consent",), False), (("separate_consent",), True), (("contract",), True)]
)
def test_a_lawful_basis_that_covers_the_level_exempts(decider: Decider, bases: tuple[str, ...], admitted: bool) -> None:
    lawful = Origin("src", ("a",), (0,), bases)
    (found,), _ = decide(decider, document(pii=(("CN_ID_CARD", "validated"),)), origin=lawful)
    assert (found["pii_level"], found["pii_covered"], found["admitted"]) == ("sensitive", admitted, admitted)


def test_a_slice_of_the_layers_is_decided_like_the_whole(decider: Decider) -> None:
    facts = [document(("block0",) if row % 2 else (), row=row, content_hash=bytes([row]) * 32) for row in range(6)]
    batches = {
        name: pa.RecordBatch.from_pylist([f[name] for f in facts], schema=layers.LAYERS[name])
        for name in ("base", "keywords", "classifier", "pii")
    }
    whole, _ = decider(batches, ORIGIN, Admission())
    part, _ = decider({name: batch.slice(2, 3) for name, batch in batches.items()}, ORIGIN, Admission())
    assert part.to_pylist() == whole.to_pylist()[2:5]


def test_no_documents_are_no_rows(decider: Decider) -> None:
    assert decide(decider) == ([], [])


def test_the_fingerprint_follows_rules_terms_and_thresholds(decider: Decider, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "id: p\nversion: 1\nrules: [{name: r, when: {block: 1}, assess: violation, filter: true}]\n"
    )
    profile, library = decider.profile, decider.library
    others = [
        Decider(load_policy(tmp_path / "p.yaml"), profile, library, decider.thresholds),
        Decider(decider.policy, profile, Library(ENTRIES[1:]), decider.thresholds),
        Decider(decider.policy, profile, library, {"A1-a": 0.81, "A3-a": 0.9}),
    ]
    assert len({decider.fingerprint(), *(other.fingerprint() for other in others)}) == 4
    assert Admission().digest() != ALL.digest()


_EVIDENCE = st.tuples(
    st.lists(
        st.sampled_from(["block0", "review0", "review1", "context0", "context1", "context2", "other", "both"]),
        unique=True,
        max_size=5,
    ),
    st.sets(st.integers(0, 4)),
    st.dictionaries(
        st.sampled_from(["A1-a", "A3-a", "A5-a"]), st.sampled_from([0.1, 0.2, 0.4999, 0.5, 0.8, 0.9]), max_size=2
    ),
)


@given(st.lists(_EVIDENCE, max_size=4))
@settings(max_examples=60, deadline=None)
def test_documents_that_are_not_looked_at_one_by_one_are_decided_as_if_they_were(
    decider: Decider, given: list[tuple[list[str], set[int], dict[str, float]]]
) -> None:
    documents = [
        document(
            tuple(terms),
            dict(sorted(scores.items(), key=lambda item: -item[1])),
            straddling=tuple(terms[i] for i in cut if i < len(terms)),
        )
        for terms, cut, scores in given
    ]
    decided, _ = decide(decider, *documents)
    for facts, row in zip(documents, decided, strict=True):
        verdict = decider.judge(facts["keywords"]["hits"] or [], facts["classifier"]["scores"] or [])
        assert (row["risks"], row["candidate_risks"]) == (verdict.risks, verdict.candidates)
        assert (row["keyword_risks"], row["classifier_risks"]) == (verdict.keyword_risks, verdict.classifier_risks)
