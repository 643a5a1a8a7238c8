"""Masked copies: equal length, no more shown than the mask shows, and nothing left for the detector to find."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii import Detector
from pii.masks import mask
from pii.redaction import STAR, masked_value, redact
from pii.rule import CONTEXTUAL, FOLD, VALIDATED, Rule, always


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("CN_MOBILE", "13812345678", "138****5678"),
        ("CN_MOBILE", "138-1234-5678", "138-****-5678"),
        ("CN_MOBILE", "１３８ １２３４ ５６７８", "１３８ **** ５６７８"),
        ("CN_MOBILE", "+86 138 1234 5678", "+** *** **** 5678"),
        ("CN_ID_CARD", "11010519491231002x", "110*************2x"),
        ("EMAIL", "zhang.san@example.cn", "z********@example.cn"),
        ("EMAIL", "a@qq.com", "*@qq.com"),
        ("IP_ADDRESS", "8.8.123.45", "8.8.***.**"),
        ("PERSON", "张三丰", "张**"),
        ("PERSON", "张", "*"),
        ("CREDENTIAL", "p@ss-w0rd!", "**********"),
        ("A_TYPE_NOBODY_KNOWS", "abc_def12", "a******12"),
    ],
)
def test_what_may_be_seen_of_a_value(kind: str, value: str, shown: str) -> None:
    assert masked_value(kind, value) == shown


VALUES = [
    *(
        ("CN_MOBILE", value)
        for value in ("13812345678", "139 1234 5678", "+86 186-1234-5678", "１３８１２３４５６７８")
    ),
    *(("EMAIL", value) for value in ("zhang.san@mail.com.cn", "a@qq.com", "13812345678@139.com")),
    ("CN_ID_CARD", "11010519491231002X"),
    *(("BANK_CARD", value) for value in ("6222021234567890128", "4111 1111 1111 1111")),
    *(("IP_ADDRESS", value) for value in ("114.114.114.114", "2408:8000:1:2::3")),
]


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=6),
    st.lists(
        st.sampled_from(["电话", "，", "\n", " 邮箱：", "身份证号：", "卡号", "IP ", "联系人张三，", "。"]), min_size=7
    ),
)
def test_nothing_that_counts_is_left_and_every_position_stays(
    detector: Detector, values: list[tuple[str, str]], between: list[str]
) -> None:
    text = "".join(gap + value for gap, (_, value) in zip(between, values, strict=False)) + between[-1]
    found = [entity for entity in detector.find(text) if entity.grade != "weak"]
    redacted = redact(text, detector)
    assert list(redacted.masked) == found
    assert len(redacted.text) == len(text) and redacted.text.count("\n") == text.count("\n")
    hidden = {place for e in (*redacted.masked, *redacted.uncovered) for place in range(e.start, e.end)}
    assert all(redacted.text[place] == char for place, char in enumerate(text) if place not in hidden)
    assert [entity for entity in detector.find(redacted.text) if entity.grade != "weak"] == []
    for entity in found:
        value, copy = text[entity.start : entity.end], redacted.text[entity.start : entity.end]
        assert STAR in copy and value not in redacted.text[entity.start : entity.end]
        head, tail = (re.sub("[^0-9A-Za-z]", "", part.translate(FOLD)) for part in re.split(r"\*.*\*|\*", copy))
        allowed = re.sub("[^0-9A-Za-z*]", "", mask(entity.type, value.translate(FOLD))).upper()
        assert allowed.startswith(head.upper()) and allowed.endswith(tail.upper())


def rule(entity: str, pattern: str, score: float, anchor: str = "") -> Rule:
    return Rule(entity.lower(), entity, pattern, anchor or pattern, always(score))


def test_what_a_masked_finding_had_hidden_is_masked_without_remainder() -> None:
    rules = (rule("CREDENTIAL", "密钥[a-z]{4}", VALIDATED), rule("QQ", "[a-z]{4}[0-9]{4}", CONTEXTUAL))
    redacted = redact("密钥abcd1234。", Detector((*rules, rule("WECHAT", "(?<=[*])[0-9]{4}", CONTEXTUAL, "[0-9]{4}"))))
    assert redacted.text == "**********。"
    assert [entity.type for entity in redacted.masked] == ["CREDENTIAL"]
    assert [entity.type for entity in redacted.uncovered] == ["WECHAT"]


def test_types_that_are_kept_and_what_is_weak_stay_as_they_are() -> None:
    rules = (rule("CN_USCC", "[A-Z]{4}", VALIDATED), rule("QQ", "[0-9]{5}", 0.2))
    assert redact("ABCD 12345", Detector(rules), frozenset({"CN_USCC"})).text == "ABCD 12345"
    assert redact("ABCD 12345", Detector(rules)).text != "ABCD 12345"


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\u00ad", "\u2060\u200d"])
@pytest.mark.parametrize(
    ("before", "value"),
    [
        ("登录IP：", "114.114.113.7"),
        ("登录IP：", "2408:8000:1:2::3"),
        ("电话", "13812345678"),
        ("身份证号", "110101199003074514"),
        ("邮箱", "zhang.san@mail.com.cn"),
    ],
)
def test_what_cannot_be_seen_in_a_value_neither_fails_nor_shows(
    detector: Detector, before: str, value: str, unseen: str
) -> None:
    for place in range(1, len(value)):
        text = f"{before}{value[:place]}{unseen}{value[place:]}，完"
        redacted = redact(text, detector)
        assert len(redacted.text) == len(text) and redacted.masked
        entity = redacted.masked[0]
        copy = redacted.text[entity.start : entity.end]
        if entity.end - entity.start == len(value) + len(unseen):  # a part alone may be a value too: a landline
            plain = masked_value(entity.type, value)
            assert copy == plain[:place] + STAR * len(unseen) + plain[place:]
        assert value not in copy.replace(unseen, "")
