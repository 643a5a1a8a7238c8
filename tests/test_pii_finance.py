"""Accounts and credit codes: what is found and how it is graded, what is left alone, and that anchors lose nothing.

All numbers are made up here; check digits are computed.
"""

import re
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.checks import credit_check_character, id_check_digit, issued, luhn, organisation_check_character
from pii.detector import Detector
from pii.masks import digest, mask
from pii.overlaps import PRIORITY
from pii.rules import contact, identity, records
from pii.rules.finance import RULES
from tests import pii_texts
from tests.pii_texts import full_width

found = partial(pii_texts.found, rules=(*RULES, *identity.RULES, *records.RULES, *contact.RULES))
assert_anchored = partial(pii_texts.assert_anchored, rules=RULES)


ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def card(body: str) -> str:
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


def credit_code(body: str) -> str:
    """A code from its first 16 characters: the organisation's check character, then that of the whole."""
    body += organisation_check_character(body[8:16])
    return body + credit_check_character(body)


CARD16, CARD17, CARD19 = card("622588123475816"), card("6014281234758163"), card("621700123475816302")
SAMPLE = card("622208123456789")
VISA, AMEX, OLD19 = card("453978123475816"), card("37451823475816"), card("955888123475816302")
CODE, FIGURES = credit_code("91110108MA0C4T7K"), credit_code("9144030071527493")


def identity_number(body: str) -> str:
    return body + id_check_digit(body)


ID_LIKE_A_CARD = next(
    number
    for order in range(1000)
    if (number := identity_number(f"62010219850412{order:03}"))[-1] != "X" and luhn(number)
)


CASES = [
    (f"卡号{CARD19}，", "BANK_CARD", CARD19, "validated"),
    (f"打到{CARD16}张某", "BANK_CARD", CARD16, "validated"),
    (f"太平洋卡{CARD17}", "BANK_CARD", CARD17, "validated"),
    (f"牡丹卡{OLD19}。", "BANK_CARD", OLD19, "validated"),
    (f"信用卡{VISA}", "BANK_CARD", VISA, "validated"),
    (f"card_no={VISA}", "BANK_CARD", VISA, "validated"),
    *(
        (f"银行卡：{value}", "BANK_CARD", value, "validated")
        for value in (
            " ".join(re.findall(".{1,4}", CARD19)),
            "-".join(re.findall(".{1,4}", CARD16)),
            f"{CARD19[:6]} {CARD19[6:]}",
        )
    ),
    (f"银行卡号：{CARD19[:8]}\n{CARD19[8:]}", "BANK_CARD", f"{CARD19[:8]}\n{CARD19[8:]}", "contextual"),
    (f"卡号：{CARD19.replace('0', 'O')}", "BANK_CARD", CARD19.replace("0", "O"), "contextual"),
    (f"x {AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}", "BANK_CARD", f"{AMEX[:4]} {AMEX[4:10]} {AMEX[10:]}", "validated"),
    (f"bind ok pan={CARD16} channel", "BANK_CARD", CARD16, "validated"),
    (f'"payeeCardNo" : "{VISA}"', "BANK_CARD", VISA, "validated"),
    (f"{VISA}转到这个里面就行", "BANK_CARD", VISA, "contextual"),
    (f"微信转不了，打到{CARD16}", "BANK_CARD", CARD16, "validated"),
    (f"骗子的卡{VISA}大家小心", "BANK_CARD", VISA, "contextual"),
    (f"善款汇至{CARD19[:7]}\n{CARD19[7:]}，某某支行", "BANK_CARD", f"{CARD19[:7]}\n{CARD19[7:]}", "contextual"),
    (f"乙方（{CODE[:5]}\n{CODE[5:]}）", "CN_USCC", f"{CODE[:5]}\n{CODE[5:]}", "validated"),
    (f"税号{CODE[:13]}\n{CODE[13:]}", "CN_USCC", f"{CODE[:13]}\n{CODE[13:]}", "validated"),
    (f"卡号{SAMPLE}", "BANK_CARD", SAMPLE, "weak"),
    (f"微博{VISA}", "BANK_CARD", VISA, "weak"),
    (f"/status/{CARD16}", "BANK_CARD", CARD16, "weak"),
    (f"订单号：{CARD19}", "BANK_CARD", CARD19, "weak"),
    (f"会员卡号{CARD16}", "BANK_CARD", CARD16, "weak"),
    ("信用卡5105 1051 0510 5100", "BANK_CARD", "5105 1051 0510 5100", "weak"),
    (f"号码{ID_LIKE_A_CARD}", "CN_ID_CARD", ID_LIKE_A_CARD, "validated"),
    (f"统一社会信用代码：{CODE}", "CN_USCC", CODE, "validated"),
    (f"某公司（{CODE}）", "CN_USCC", CODE, "validated"),
    (f"税号{CODE.lower()}", "CN_USCC", CODE.lower(), "validated"),
    (f"税号{CODE.replace('0', 'O')}", "CN_USCC", CODE.replace("0", "O"), "validated"),
    (
        f"税号{CODE[:2]} {CODE[2:8]} {CODE[8:17]} {CODE[17]}",
        "CN_USCC",
        f"{CODE[:2]} {CODE[2:8]} {CODE[8:17]} {CODE[17]}",
        "validated",
    ),
    (f"纳税人识别号{FIGURES}", "CN_USCC", FIGURES, "validated"),
    ("支付宝账号：13812345678", "ALIPAY", "13812345678", "contextual"),
    ("请转支付宝 138-1234-5678 谢谢", "ALIPAY", "138-1234-5678", "contextual"),
    ("支付宝转账到zhang.san@163.com，", "ALIPAY", "zhang.san@163.com", "contextual"),
    ('"alipay": "zhangsan@qq.com"', "ALIPAY", "zhangsan@qq.com", "contextual"),
    ("支付宝ID：2088123475816302", "ALIPAY", "2088123475816302", "contextual"),
    ("zfb：13812345678，转完截图", "ALIPAY", "13812345678", "contextual"),
    ("支付宝同号13812345678", "ALIPAY", "13812345678", "contextual"),
    ("支付寶帳號：13812345678", "ALIPAY", "13812345678", "contextual"),
    ("支付宝账号我发你：zhang@163.com", "ALIPAY", "zhang@163.com", "contextual"),
    ("支付宝实名张三，账号13812345678", "ALIPAY", "13812345678", "contextual"),
    ("姓名,支付宝账号,金额\n张某,13812345678,300.00", "ALIPAY", "13812345678", "contextual"),
    ("13812345678（支付宝）", "ALIPAY", "13812345678", "contextual"),
    ("alipayAccount: 13812345678", "ALIPAY", "13812345678", "contextual"),
    ("支付宝客服电话13812345678", "CN_MOBILE", "13812345678", "validated"),
    ("支付宝或邮箱zhang@163.com", "EMAIL", "zhang@163.com", "validated"),
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize(("text", "kind", "value", "level"), CASES)
def test_finds_and_grades(text: str, kind: str, value: str, level: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), level)]
    assert_anchored(shape(text))


LOOK_ALIKES = [
    f"卡号{CARD19[:-1]}{(int(CARD19[-1]) + 1) % 10}",  # wrong check digit
    f"0.{CARD16}",
    f"卡号{CARD16}12345",
    "卡号" + card("100000123456789"),  # no issuer
    "卡号4111111111111111",
    "卡号6222222222222222",
    f"{CARD19[:8]}\n{CARD19[8:]}",  # rows of a column
    f"汇总{CARD19[:7]}\n{CARD19[7:]}",  # nothing says that it is a card
    f"卡号\n{CARD16[:8]}\n{CARD16[8:]}\n38271946",
    f"{CODE[:9]}\n{CODE[9:]}",
    "时间戳1700000000000000000",
    "20231105123045678",
    f"税号{CODE[:-1]}{ALPHABET[(ALPHABET.index(CODE[-1]) + 1) % 31]}",
    f"身份证{FIGURES}",
    f"税号{credit_code('91160108MA0C4T7K')}",  # no such province
    f"A{CODE}",
    f"税号{CODE[:12].lower()}{CODE[12:]}",
    "支付宝2023年交易13.8万亿",
    "支付宝95188",
    "",
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("6222020000000000000", "domestic"),
        ("4367420000000000000", "domestic"),
        ("4539780000000000", "scheme"),
        ("1" * 16, None),
    ],
)
def test_issuers_have_prefixes_and_lengths(number: str, kind: str | None) -> None:
    assert issued(number) == kind


def test_check_characters_of_a_published_code() -> None:
    assert credit_code("91350100M000100Y") == "91350100M000100Y43"  # the example of GB 32100-2015


def test_an_account_stands_before_the_mobile_or_mailbox_it_is() -> None:
    assert PRIORITY.index("ALIPAY") < min(PRIORITY.index("EMAIL"), PRIORITY.index("CN_MOBILE"))


cards = st.builds(
    lambda head, rest, length, sep, size: sep.join(re.findall(f".{{1,{size}}}", card((head + rest)[: length - 1]))),
    st.sampled_from(["62", "9558", "436742", "51", "3530", "2221", "37"]),
    st.from_regex(r"[0-9]{18}", fullmatch=True),
    st.sampled_from([15, 16, 17, 19]),
    st.sampled_from(["", " ", "-"]),
    st.sampled_from([4, 4, 6]),
)
codes = st.builds(
    lambda head, region, rest, sep: sep.join(
        (head, region, (code := credit_code(head + region + rest))[8:17], code[17])
    ),
    st.sampled_from(["91", "92", "12", "51", "Y1"]),
    st.sampled_from(["110108", "440300", "100000", "710000"]),
    st.text(st.sampled_from(ALPHABET), min_size=8, max_size=8),
    st.sampled_from(["", "", " ", "-"]),
)
accounts = st.builds(
    lambda label, account: label + account,
    st.sampled_from(["支付宝：", "支付宝账号是", "alipay=", "支付宝转账到 "]),
    st.sampled_from(["13812345678", "+86 138 1234 5678", "2088123475816302", "a.b_c@x-y.com.cn", "z" * 64 + "@qq.com"]),
)
broken = st.builds(lambda value, at: f"卡号：{value[:at]}\n{value[at:]}", cards, st.integers(1, 18))
identifiers = st.one_of(cards, codes, accounts, broken)
identifiers = st.one_of(
    identifiers, identifiers.map(lambda value: value.replace("0", "O")), identifiers.map(full_width)
)
glue = st.text(st.sampled_from("银行卡号税支付宝账订单，。：元 \n-.=aX09０Ｘ@"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(identifiers, glue), max_size=8).map("".join))
def test_every_finding_has_its_anchor(text: str) -> None:
    assert_anchored(text)


@settings(max_examples=200, deadline=None)
@given(codes, st.sampled_from(["税号：{}。", "（{}）", "信用代码{}的公司"]))
def test_credit_codes_are_found_in_any_frame(value: str, frame: str) -> None:
    assert ("CN_USCC", value, "validated") in found(frame.format(value))


DETECTOR = Detector(RULES)
padding = st.sampled_from(["", "好" * 90, "a" * 300, "1 " * 200, "。\n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(identifiers, glue, padding), max_size=8).map("".join))
def test_the_gate_loses_and_invents_nothing(text: str) -> None:
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@pytest.mark.parametrize("unit", ["1", "6222 ", "62-", "91", "A9", "支付宝", "alipay", "支付宝a", "a@", "卡6\n"])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)


@pytest.mark.parametrize(
    ("kind", "spellings", "shown"),
    [
        ("CN_ID_CARD", ["110105 19850412 731x", "110105198504\n12731X", "11O1O519850412731X"], "110*************1X"),
        ("BANK_CARD", ["6225 8812 3475 8165", "62258812\n34758165"], "************8165"),
        ("CN_PLATE", ["京N·8K276", "京n 8k276", "京N8K276"], None),
        ("ALIPAY", ["+86 138-1234-5678", "13812345678"], "138****5678"),
        ("ALIPAY", ["a.b@qq.com", "A.B@qq.com"], None),
    ],
)
def test_spellings_of_one_value_have_one_digest(kind: str, spellings: list[str], shown: str | None) -> None:
    assert len({digest(kind, value, b"salt") for value in spellings}) == 1
    assert shown is None or mask(kind, spellings[0]).upper() == shown
