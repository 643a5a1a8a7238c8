"""The stage `pii` and the package's entry points: what they give, keep, mask and bear. The laws are in test_pii_gate.py.

All identifiers are made up here; check digits are computed.
"""

import pickle
import re
import socket
import subprocess
import sys
from itertools import pairwise
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pii.rule
import schemas.layers
import transforms.pii
from pii import Detector, Entity, build_analyzer, find, recognizers
from pii.checks import id_check_digit
from pii.detector import Found
from pii.overlaps import resolve
from pii.rule import CONTEXTUAL, UNSURE, VALIDATED, Rule, RuleTimeoutError, always, grade
from pii.rules import all_rules
from pii.tracks import compose
from pipeline.terminal.why import _confirming
from tests.pii_texts import document, examples, full_width
from transforms.pii import UNREAD, GateError, PersonalInformation, TooManyError, kept_of
from transforms.text import TextBatch

ID = "11010119900307451" + id_check_digit("11010119900307451")
SALT = bytes(32)
STAGE = PersonalInformation(SALT)
examples()  # imports the tests they are in: not inside a test


def batch(texts: list[str]) -> TextBatch:
    return TextBatch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))


def rows(stage: PersonalInformation, *texts: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage(batch(list(texts))).to_pylist()
    return found


def shadowed(*rules: Rule) -> PersonalInformation:
    """A stage of these rules that reads every document in full, too."""
    stage = PersonalInformation(SALT)
    stage.detector, stage.checked_share = Detector(rules or None, SALT), 1
    return stage


FOUND = [
    (f"身份证号{ID}，请核对", "CN_ID_CARD", ID, "validated"),
    ("打13812345678给我", "CN_MOBILE", "13812345678", "validated"),
    ("邮箱zhang.san_1@mail.qq.com谢谢", "EMAIL", "zhang.san_1@mail.qq.com", "validated"),
    ("登录IP114.114.115.115，", "IP_ADDRESS", "114.114.115.115", "validated"),
    ("网关192.168.1.1", "IP_ADDRESS", "192.168.1.1", "weak"),
]


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: Any) -> None:
    text, value = shape(text), shape(value)
    (entity,) = find(text)
    assert (entity.type, text[entity.start : entity.end], entity.grade) == (kind, value, grade)


def test_recognizers_are_those_of_presidio_and_work_alone() -> None:
    from presidio_analyzer import EntityRecognizer

    own = recognizers()
    assert all(isinstance(recognizer, EntityRecognizer) for recognizer in own)
    assert [recognizer.name for recognizer in own] == [rule.name for rule in all_rules()]
    (result,) = build_analyzer().analyze("打13812345678给我", "zh", entities=["CN_MOBILE"])
    assert (result.start, result.end, result.score) == (1, 12, VALIDATED)


ANALYZER = build_analyzer()


def with_unseen(text: str) -> str:
    """A zero-width space in the middle and between the digits there."""
    return re.sub("(?<=[0-9])(?=[0-9]{3})", "\u200b", text, count=2)


def analyzed(text: str) -> list[Found]:
    results = ANALYZER.analyze(text, "zh")
    spans = [Found(result.entity_type, result.start, result.end, grade(result.score)) for result in results]
    return compose(text, resolve(spans))


@pytest.mark.parametrize("shape", [str, full_width, with_unseen], ids=["ascii", "full-width", "zero-width"])
def test_presidio_finds_in_text_as_it_is_what_the_detector_finds(shape: Any) -> None:
    texts = [shape(text) for text in (*(text for text, *_ in FOUND), *examples()[::7])]
    assert [analyzed(text) for text in texts] == [[Found(*one[:4]) for one in find(text)] for text in texts]


def test_what_stands_beside_is_as_near_as_it_looks() -> None:
    """Thirty zero-width characters part nothing."""
    rules = (
        Rule("alone", "CN_MOBILE", "1[0-9]{10}", "1", always(VALIDATED)),
        Rule("helped", "QQ", "#[0-9]{5}", "#", always(UNSURE), beside=frozenset({"CN_MOBILE"})),
    )
    text = "13812345678" + "\u200b" * 30 + "#12345"
    alone, helped = recognizers(rules)
    phones, numbers = alone.analyze(text, []), helped.analyze(text, [])
    (lifted,) = helped.enhance_using_context(text, numbers, [*phones, *numbers])
    assert (lifted.start, lifted.end, lifted.score) == (41, 47, CONTEXTUAL)
    assert [entity[:4] for entity in Detector(rules).find(text)][1] == ("QQ", 41, 47, "contextual")


def test_recognizers_are_asked_in_a_language_of_ones_choice() -> None:
    assert {one.supported_language for one in recognizers(language="en")} == {"en"}
    assert build_analyzer("en").analyze("call 13812345678 now", "en")


def test_recognizers_can_be_pickled() -> None:
    own = Rule("own", "QQ", "[0-9]{5}", "[0-9]", always(VALIDATED))
    for recognizer in (*recognizers(language="en"), *recognizers([own])):
        copy = pickle.loads(pickle.dumps(recognizer))
        assert (copy.name, copy.supported_language) == (recognizer.name, recognizer.supported_language)
        assert [one.to_dict() for one in copy.analyze(ID, [])] == [one.to_dict() for one in recognizer.analyze(ID, [])]


def test_overlaps_fall_to_the_stronger_kind_and_free_what_the_loser_displaced() -> None:
    phone, card, identity = (
        Found("CN_MOBILE", 0, 10, "validated"),
        Found("BANK_CARD", 5, 20, "validated"),
        Found("CN_ID_CARD", 18, 30, "validated"),
    )
    assert resolve([identity, card, phone]) == [phone, identity]
    weak = identity._replace(grade="weak")
    assert resolve([weak, card, phone]) == [card]


def test_a_long_chain_of_overlaps_takes_no_quadratic_time() -> None:
    chain = [Found(("CN_MOBILE", "BANK_CARD")[at % 2], at * 5, at * 5 + 8, "validated") for at in range(100_000)]
    assert len(resolve(chain)) == 50_000


# The stage


def test_rows_and_schema_follow_the_batch() -> None:
    records = STAGE(batch(["没有", "打13812345678", ""]))
    assert records.schema.equals(schemas.layers.PII)
    plain, found, empty = records.to_pylist()
    assert plain["entities"] is None and empty["entities"] is None
    assert [row["unscored"] for row in (plain, found, empty)] == [None] * 3
    (entity,) = found["entities"]
    assert (entity["type"], entity["start"], entity["end"]) == ("CN_MOBILE", 1, 12)
    assert entity["mask"] == "138****5678" and len(entity["hmac"]) == 16


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**32), max_size=8), st.integers(1, 4))
def test_neither_batches_nor_neighbours_matter(seeds: list[int], size: int) -> None:
    texts = [document(all_rules(), Random(seed)) for seed in seeds]
    together = rows(STAGE, *texts)
    apart = [row for at in range(0, len(texts), size) for row in rows(STAGE, *texts[at : at + size])]
    assert together == apart
    sliced = STAGE(TextBatch(batch(["13812345678", *texts]).records.slice(1)))
    assert sliced.to_pylist() == together


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_entities_are_ordered_apart_and_masked(seed: int) -> None:
    text = document(all_rules(), Random(seed))
    found = find(text)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for entity in found:
        value = text[entity.start : entity.end]
        assert len(value) < 3 or value not in entity.mask


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from("\u200b\u200d\ufeff\u00ad")), max_size=12),
)
def test_what_cannot_be_seen_hides_nothing(seed: int, unseen: list[tuple[float, str]]) -> None:
    text = document(all_rules(), Random(seed)).translate(dict.fromkeys(map(ord, "\u200b\u200d\ufeff\u00ad")))
    places = sorted((int(share * len(text)), char) for share, char in unseen)
    hidden, origin, last = "", [], 0
    for place, char in [*places, (len(text), "")]:
        origin += range(len(hidden), len(hidden) + place - last)
        hidden += text[last:place] + char
        last = place
    expected = [(one.type, origin[one.start], origin[one.end - 1] + 1, one.grade, one.mask) for one in find(text)]
    assert [(one.type, one.start, one.end, one.grade, one.mask) for one in find(hidden)] == expected


@pytest.mark.parametrize("texts", [[], [""], ["今年营收12.5亿元，同比增长3.2%，共2023年发布。"]])
def test_plain_documents_never_reach_the_rules(texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a rule read")

    monkeypatch.setattr(Rule, "findings", refuse)
    stage = PersonalInformation(SALT)
    stage.checked_share = 1 << 40
    result = stage(batch(texts))
    assert result.column("entities").null_count == result.column("unscored").null_count == len(texts)


def test_a_scan_takes_presidio_into_no_process() -> None:
    """It takes most of a second to import."""
    code = (
        "import sys; from pii import find; assert find('打13812345678'); assert 'presidio_analyzer' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_failing_document_is_marked_and_costs_no_other() -> None:
    def fail(text: str, start: int, end: int) -> float:
        if "坏" in text:
            raise ValueError(text)
        return VALIDATED

    bad, good = rows(shadowed(Rule("numbers", "QQ", "[0-9]{5}", "[0-9]{5}", fail)), "坏12345", "好12345")
    assert bad["entities"] is None and bad["unscored"] == "personal information: ValueError"
    assert good["unscored"] is None and len(good["entities"]) == 1


def test_a_rule_out_of_time_leaves_the_document_unscored_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made of what the other rules found in it."""
    monkeypatch.setattr(pii.rule, "TIMEOUT", 0.05)
    endless = Rule("endless", "QQ", r"(?:a|a?a|aa?){1,99}(?:b|c)", "a", always(VALIDATED), longest=200)
    numbers = Rule("numbers", "CN_MOBILE", "[0-9]{5}", "[0-9]{5}", always(VALIDATED))
    bad, good = rows(shadowed(endless, numbers), "12345" + "a" * 5000, "12345")
    assert bad["entities"] is None and "endless" in bad["unscored"]
    assert good["unscored"] is None and len(good["entities"]) == 1


def test_a_rule_that_needs_longer_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as when other threads spent its seconds."""
    monkeypatch.setattr(pii.rule, "TIMEOUT", 1e-6)
    slow = Rule("slow", "QQ", r"(?:a|a?a|aa?){1,6}(?:b|c)|[0-9]{5}", "[a0-9]", always(VALIDATED), longest=200)
    text = "a" * 200 + "12345"
    monkeypatch.setattr(pii.rule, "LONGER", 1)
    with pytest.raises(RuleTimeoutError):
        slow.findings(text)
    monkeypatch.setattr(pii.rule, "LONGER", 60_000_000)
    assert slow.findings(text) == [(200, 205, VALIDATED)]


def test_a_gate_that_hides_something_ends_the_run_without_saying_what() -> None:
    mobile = next(rule for rule in all_rules() if rule.name == "mobile")
    spoilt = Rule(mobile.name, mobile.entity, mobile.pattern, "spoilt", mobile.check)
    assert rows(shadowed(mobile), "打13812345678")[0]["checked"]
    with pytest.raises(GateError, match="CN_MOBILE") as failed:
        rows(shadowed(spoilt), "打13812345678")
    assert "13812345678" not in str(failed.value)


def test_the_same_documents_are_checked_however_they_come() -> None:
    stage = PersonalInformation(SALT)
    stage.checked_share = 7
    texts = [f"第{number}号文件" for number in range(200)]
    checked = [row["checked"] for row in rows(stage, *texts)]
    assert 10 < sum(checked) < 60
    assert checked == [rows(stage, text)[0]["checked"] for text in texts]


def test_survives_pickling_after_use() -> None:
    rows(STAGE, "13812345678")
    copy = pickle.loads(pickle.dumps(STAGE))
    assert copy.fingerprint() == STAGE.fingerprint()
    assert rows(copy, "打13812345678") == rows(STAGE, "打13812345678")


def test_digests_depend_on_the_salt_and_on_nothing_but_the_value() -> None:
    def digest(salt: bytes, text: str) -> bytes | None:
        (entity,) = Detector(salt=salt).find(text)
        return entity.hmac

    assert digest(SALT, "打13812345678") == digest(SALT, "电话 138 1234 5678，")
    assert digest(SALT, "打13812345678") != digest(b"1" * 32, "打13812345678")
    assert find("打13812345678")[0].hmac is None


def test_building_and_asking_the_recognizers_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(Detector().find(f"a@b.cn {ID} 打13812345678")) == 3
    assert build_analyzer().analyze("a@b.cn", "zh")


def test_all_that_count_are_kept_and_of_weak_ones_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms.pii, "MAX_WEAK", 10)
    weak, counted = "user@example.com\n" * 30, "a@b.cn\n" * 30
    everything = [entity._asdict() for entity in STAGE.detector.find(weak + counted)]
    (row,) = rows(STAGE, weak + counted)
    assert row["cut"] and row["entities"] == [*everything[:10], *everything[30:]]
    (row,) = rows(STAGE, counted)
    assert not row["cut"] and len(row["entities"]) == 30


def test_what_counts_behind_ten_thousand_weak_ones_is_kept() -> None:
    spans = [Found("EMAIL", at, at + 1, "weak") for at in range(10_005)]
    spans.append(Found("EMAIL", 20_000, 20_001, "validated"))
    assert kept_of(spans) == [*spans[:10_000], spans[-1]]


def test_a_document_with_more_than_can_be_kept_is_unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms.pii, "MAX_COUNTED", 10)
    bad, good = rows(STAGE, "a@b.cn\n" * 11, "a@b.cn\n" * 10)
    assert bad["entities"] is None and bad["unscored"] == "personal information: more than 10 findings"
    assert good["unscored"] is None and len(good["entities"]) == 10 and not good["cut"]
    monkeypatch.undo()
    spans = [Found("EMAIL", at, at + 1, "contextual") for at in range(100_001)]
    assert kept_of(spans[:-1]) == spans[:-1]
    with pytest.raises(TooManyError, match="more than 100000 findings"):
        kept_of(spans)


@pytest.mark.parametrize(
    ("reason", "again", "never"),
    [("timeout", True, False), (f"{UNREAD}rule x", False, True), (f"timeout; {UNREAD}rule x", True, True)],
)
def test_why_says_where_running_again_changes_nothing(reason: str, again: bool, never: bool) -> None:
    said = "\n".join(_confirming({"unscored": reason}, [], [], {"config": {"confirm": None}}))
    assert ("run again to ask" in said, "running again changes nothing" in said) == (again, never)


def test_entities_are_tuples_of_facts() -> None:
    assert Entity._fields == ("type", "start", "end", "grade", "mask", "hmac", "born", "minor")
