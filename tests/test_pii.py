"""The stage `pii`: what it finds, how it grades and masks it, and the laws its gate and windows rest on.

All identifiers are made up here; check digits are computed.
"""

import itertools
import pickle
import random
import re
import socket
from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas.layers
import transforms.pii
from transforms.pii import Entity, PersonalInformation, resolve
from transforms.pii_rules import FOLD, MAX_EMAIL, MAX_IDENTIFIER, RULES, id_check_digit, luhn
from transforms.text import TextBatch

STAGE = PersonalInformation()
UNFOLD = {ascii_code: wide_code for wide_code, ascii_code in FOLD.items() if wide_code >= 0xFF01}


def id_number(body: str = "11010119900307451") -> str:
    return body + id_check_digit(body)


def card_number(body: str) -> str:
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


ID, ID_X = (
    id_number(),
    id_number(next(f"440305198511{d:02}123" for d in range(1, 31) if id_number(f"440305198511{d:02}123")[-1] == "X")),
)
CARD16, CARD19 = card_number("622848123456789"), card_number("621700123456789012")
AMEX = card_number("37828224631000")


def full_width(text: str) -> str:
    return text.translate(UNFOLD)


def batch(texts: list[str]) -> TextBatch:
    return TextBatch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))


def whole_document(text: str) -> list[Entity]:
    """What the analyzer finds without gate, anchors or windows."""
    return resolve(list(STAGE._analyse(text, 0, len(text) + 1, 0, len(text))))


FOUND = [
    (f"身份证号{ID}，请核对", "CN_ID_CARD", ID, "validated"),
    (f"身份证号:{ID_X.lower()}。", "CN_ID_CARD", ID_X.lower(), "validated"),
    (f"号码是{ID[:6]} {ID[6:14]} {ID[14:]}吗", "CN_ID_CARD", f"{ID[:6]} {ID[6:14]} {ID[14:]}", "validated"),
    (f"居住证{id_number('81000019900101001')}", "CN_ID_CARD", id_number("81000019900101001"), "validated"),
    (f"订单号：{ID}", "CN_ID_CARD", ID, "weak"),
    ("打13812345678给我", "CN_MOBILE", "13812345678", "validated"),
    ("电话138 1234 5678。", "CN_MOBILE", "138 1234 5678", "validated"),
    ("电话+86-138-1234-5678。", "CN_MOBILE", "+86-138-1234-5678", "validated"),
    ("致电008613812345678，", "CN_MOBILE", "008613812345678", "validated"),
    ("tel13812345678", "CN_MOBILE", "13812345678", "contextual"),
    ("运单 13812345678 已发出", "CN_MOBILE", "13812345678", "weak"),
    ("运单 13812345678 请电话确认", "CN_MOBILE", "13812345678", "contextual"),
    ("2^34=17179869184", "CN_MOBILE", "17179869184", "weak"),
    ("加13812345678个人微信", "CN_MOBILE", "13812345678", "validated"),
    (f"卡号{CARD19}，", "BANK_CARD", CARD19, "validated"),
    ("卡号" + " ".join(re.findall("....", CARD16)), "BANK_CARD", " ".join(re.findall("....", CARD16)), "validated"),
    ("卡号" + "-".join(re.findall("....", CARD16)), "BANK_CARD", "-".join(re.findall("....", CARD16)), "validated"),
    (f"x {AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}", "BANK_CARD", f"{AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}", "validated"),
    (f"/status/{CARD16}", "BANK_CARD", CARD16, "weak"),
    ("邮箱zhang.san_1+a@mail.qq.com谢谢", "EMAIL", "zhang.san_1+a@mail.qq.com", "validated"),
    ("发到…...zhang@163.com.", "EMAIL", "zhang@163.com", "validated"),
    ("user@example.com", "EMAIL", "user@example.com", "weak"),
    ("git@github.com:a/b.git", "EMAIL", "git@github.com", "weak"),
    ("https://root:secret@corp.com/", "EMAIL", "secret@corp.com", "weak"),
    ("登录IP114.114.114.114，", "IP_ADDRESS", "114.114.114.114", "validated"),
    ("http://114.114.114.114:8080/", "IP_ADDRESS", "114.114.114.114", "validated"),
    ("网关192.168.1.1", "IP_ADDRESS", "192.168.1.1", "weak"),
    ("v1.8.8.8", "IP_ADDRESS", "1.8.8.8", "weak"),
    ("version: 101.8.8.8", "IP_ADDRESS", "101.8.8.8", "weak"),
    ("版本更新到101.8.8.8", "IP_ADDRESS", "101.8.8.8", "weak"),
    ("见第9.2.2.3节", "IP_ADDRESS", "9.2.2.3", "weak"),
    ("DNS 8.8.8.8", "IP_ADDRESS", "8.8.8.8", "contextual"),
    ("Chrome/120.0.0.0", "IP_ADDRESS", "120.0.0.0", "weak"),
    ("来自2408:8207:1850:2a60::4c8。", "IP_ADDRESS", "2408:8207:1850:2a60::4c8", "validated"),
    ("来自[2001:db8::1]", "IP_ADDRESS", "2001:db8::1", "weak"),
    ("本机fe80::1", "IP_ADDRESS", "fe80::1", "weak"),
    ("::ffff:114.114.114.114", "IP_ADDRESS", "::ffff:114.114.114.114", "validated"),
]


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: Callable[[str], str]) -> None:
    text, value = shape(text), shape(value)
    (entity,) = STAGE.entities(text)
    assert (entity.type, text[entity.start : entity.end], entity.grade) == (kind, value, grade)


LOOK_ALIKES = [
    "净利润13812345678元",
    "共13812345678 字节",
    "播放13812345678次，",
    "缩放13812345678%",
    "3.13812345678",
    "13812345678.5",
    "138123456789",  # 12 digits
    "a13812345678f",
    "13812345678px",
    "+13812345678",  # a North American number
    "14012345678",  # machine numbers
    f"1{ID}",
    f"{ID[:-1]}{(int(ID[-1], 11) + 1) % 10}",  # wrong check digit
    id_number("11010119900230451"),  # 30 February
    id_number("99010119900307451"),  # no such province
    id_number("11010121000307451"),  # 2100
    f"0.{CARD16}",
    f"{CARD16[:-1]}{(int(CARD16[-1]) + 1) % 10}",
    "4111111111111111",
    card_number("100000123456789"),  # no issuer
    "numpy@1.26.4",
    "icon@2x.png",
    "logo@2x.ai",
    "@app.route",
    "user@localhost",
    "user@host.local",
    "1.2.3.4.5",
    "1.2.3.256",
    "std::add",
    "2020-01-01 12:30:45",
    "aa:bb:cc:dd:ee:ff",
    "",
]


@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str) -> None:
    assert STAGE.entities(text) == []


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("+86 138 1234 5678", "138****5678"),
        (ID_X.lower(), f"440*************{ID_X[-2:]}"),
        (full_width(CARD19), f"************{CARD19[-4:]}"),
        ("zhangsan@qq.com", "z***@qq.com"),
        ("zhangsan@13812345678.com", "z***@13*********.com"),
        ("114.114.115.115", "114.114.*.*"),
        ("2408:8207:1850::4c8", "2408:8207:*:*"),
    ],
)
def test_masks_all_but_the_ends(text: str, mask: str) -> None:
    assert [entity.mask for entity in STAGE.entities(text)] == [mask]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("13812345678@139.com", ["EMAIL"]),
        ("13812345678@139.com,13812345678", ["EMAIL", "CN_MOBILE"]),
        ("::ffff:114.114.114.114", ["IP_ADDRESS"]),
    ],
)
def test_overlaps_leave_one(text: str, kinds: list[str]) -> None:
    assert [entity.type for entity in STAGE.entities(text)] == kinds


def test_overlaps_fall_to_the_stronger_kind_and_free_what_the_loser_displaced() -> None:
    phone, card, identity = (
        Entity("CN_MOBILE", 0, 10, "", ""),
        Entity("BANK_CARD", 5, 20, "", ""),
        Entity("CN_ID_CARD", 18, 30, "", ""),
    )
    assert resolve([identity, card, phone]) == [phone, identity]


# Laws

mobiles = st.builds(
    lambda prefix, head, rest, sep: f"{prefix}{head}{sep}{rest[:4]}{sep}{rest[4:]}",
    st.sampled_from(["", "+86", "0086 ", "86-"]),
    st.sampled_from(["130", "145", "149", "153", "166", "170", "178", "189", "191", "199"]),
    st.from_regex(r"[0-9]{8}", fullmatch=True),
    st.sampled_from(["", " ", "-"]),
)
identities = st.builds(
    lambda area, day, order: id_number(f"{area}{day:%Y%m%d}{order:03}"),
    st.sampled_from(["110101", "440305", "650102", "810000", "830000"]),
    st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)),
    st.integers(0, 999),
)
cards = st.builds(
    lambda head, rest, length, sep: sep.join(re.findall(".{1,4}", card_number((head + rest)[: length - 1]))),
    st.sampled_from(["62", "4367", "51", "3530", "9558", "2221"]),
    st.from_regex(r"[0-9]{18}", fullmatch=True),
    st.sampled_from([16, 19]),
    st.sampled_from(["", " ", "-"]),
)
emails = st.from_regex(
    r"[0-9A-Za-z](?:[.+_-]?[0-9A-Za-z]){0,30}@(?:[0-9a-z]{1,9}\.){1,3}(?:com|cn|org)", fullmatch=True
)
addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6, network="2000::/3").map(str),
    st.ip_addresses(v=6, network="2000::/3").map(lambda address: address.exploded.upper()),
    st.ip_addresses(v=6).map(str),
)
identifiers = st.one_of(mobiles, identities, cards, emails, addresses)
glue = st.text(st.sampled_from("电话手机卡号是，。元个订单号 \n@.:-/=+_%v版本aZ019０９Ｘ－＠"), max_size=40)
padding = st.sampled_from(["", "好" * 30, "好" * 200, "a" * 70, "a" * 900, "x." * 400, "1 " * 40, "@" * 90, "9" * 300])
documents = st.lists(st.one_of(identifiers, identifiers.map(full_width), glue, padding), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(identifiers, st.booleans())
def test_anchors_match_inside_whatever_a_rule_accepts(text: str, widened: bool) -> None:
    raw = full_width(text) if widened else text
    for rule in RULES:
        for found in re.finditer(rule.pattern, text):
            if rule.check(text, *found.span()):
                value = raw[found.start() : found.end()]
                assert re.search(rule.anchor, value)
                assert pc.match_substring_regex(pa.array([value]), rule.anchor)[0].as_py()
                assert len(value) <= (MAX_EMAIL if rule.name == "email" else MAX_IDENTIFIER)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_anchors_match_inside_whatever_a_pattern_generates(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(RULES))
    value = data.draw(st.from_regex(re.compile(rule.pattern, re.ASCII), fullmatch=True)).rstrip("\n")
    if rule.check(value, 0, len(value)):
        assert re.search(rule.anchor, value)


@settings(max_examples=300, deadline=None)
@given(documents)
def test_windows_lose_and_invent_nothing(text: str) -> None:
    assert STAGE.entities(text) == whole_document(text)


@settings(max_examples=100, deadline=None)
@given(documents)
def test_pieces_of_a_long_window_lose_and_invent_nothing(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforms.pii, "PIECE", 50)
        assert STAGE.entities(text) == whole_document(text)


@settings(max_examples=100, deadline=None)
@given(documents)
def test_entities_are_ordered_apart_and_point_at_what_they_name(text: str) -> None:
    found = STAGE.entities(text)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    for entity in found:
        value = text[entity.start : entity.end].translate(FOLD)
        rules = [rule for rule in RULES if rule.entity == entity.type]
        assert any(re.fullmatch(rule.pattern, value) and rule.mask(value) == entity.mask for rule in rules)
        assert value not in entity.mask


@settings(max_examples=60, deadline=None)
@given(st.lists(documents, max_size=8), st.integers(1, 4))
def test_batching_does_not_matter(texts: list[str], size: int) -> None:
    together = STAGE(batch(texts)).to_pylist()
    apart = [row for at in range(0, len(texts), size) for row in STAGE(batch(texts[at : at + size])).to_pylist()]
    assert together == apart


def test_rows_and_schema_follow_the_batch() -> None:
    records = STAGE(batch(["没有", "打13812345678", ""]))
    assert records.schema.equals(schemas.layers.PII)
    entity = {"type": "CN_MOBILE", "start": 1, "end": 12, "grade": "validated", "mask": "138****5678"}
    assert records.to_pylist() == [
        {"entities": None, "unscored": None},
        {"entities": [entity], "unscored": None},
        {"entities": None, "unscored": None},
    ]


@pytest.mark.parametrize("texts", [[], [""], ["今年营收12.5亿元，同比增长3.2%，共2023年发布。"]])
def test_plain_documents_never_reach_the_analyzer(texts: list[str]) -> None:
    stage = PersonalInformation()
    assert stage(batch(texts)).column("entities").null_count == len(texts)
    assert stage._engine is None


def test_a_failing_document_is_marked_and_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    analyse = PersonalInformation._analyse

    def fail(self: PersonalInformation, text: str, *span: int) -> object:
        if "坏" in text:
            raise ValueError(text)
        return analyse(self, text, *span)

    monkeypatch.setattr(PersonalInformation, "_analyse", fail)
    bad, good = STAGE(batch(["坏13812345678", "好13812345678"])).to_pylist()
    assert bad == {"entities": None, "unscored": "analyzer failed: ValueError"}
    assert good["unscored"] is None and len(good["entities"]) == 1


def test_survives_pickling_after_use() -> None:
    STAGE.entities("13812345678")
    copy = pickle.loads(pickle.dumps(STAGE))
    assert copy._engine is None
    assert copy.fingerprint() == STAGE.fingerprint()
    assert copy.entities("13812345678") == STAGE.entities("13812345678")


def test_building_the_analyzer_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(PersonalInformation().entities(f"a@b.cn {ID} 1.2.3.4")) == 3


def test_the_first_entities_of_a_list_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "13812345678 \n" * 3000
    everything = STAGE.entities(text)
    assert len(everything) == 3000
    monkeypatch.setattr(transforms.pii, "MAX_ENTITIES", 100)
    assert STAGE.entities(text) == everything[:100]


HOSTILE = [
    "1",
    "@",
    "a@",
    "a.",
    "a",
    "1.1.",
    "2:",
    "f",
    "2001:",
    "1 ",
    "62-",
    "a@b.",
    "1380",
    "4 4 4 ",
    "＠１",
    ":",
    "-._%+",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    # quadratic work on these would take minutes
    row = STAGE(batch([unit * (300_000 // len(unit)) + " 13812345678"])).to_pylist()[0]
    assert row["unscored"] is None


def test_random_digits_lose_nothing_to_windows() -> None:
    source = random.Random(1)
    text = "".join(source.choice("0123456789 -.@aX") for _ in range(40_000))
    assert STAGE.entities(text) == whole_document(text)
