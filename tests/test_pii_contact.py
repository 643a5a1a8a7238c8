"""Telephones: what is found and how it is graded, what is left alone, what anchors promise.

All values are made up here.
"""

import gc
import weakref
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.phones import is_foreign
from pii.rules import contact
from tests import pii_texts
from tests.pii_texts import full_width

RULES = tuple(rule for rule in contact.RULES if rule.entity in {"CN_MOBILE", "CN_LANDLINE", "CN_HOTLINE", "INTL_PHONE"})
DETECTOR = Detector(RULES)


found = partial(pii_texts.found_by, detector=DETECTOR)


def assert_anchored(text: str) -> None:
    """Of these rules; and the gate loses none."""
    pii_texts.assert_anchored(text, RULES)
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


FOUND = [
    ("打13812345678给我", "CN_MOBILE", "13812345678", "validated"),
    ("电话138 1234 5679。", "CN_MOBILE", "138 1234 5679", "validated"),
    ("联系电话(+86)13812345679。", "CN_MOBILE", "(+86)13812345679", "validated"),
    ("电话+86-138-1234-5679。", "CN_MOBILE", "+86-138-1234-5679", "validated"),
    ("致电008613812345679，", "CN_MOBILE", "008613812345679", "validated"),
    ("回拨86-13812345679，", "CN_MOBILE", "86-13812345679", "validated"),
    ("虚商16191234567", "CN_MOBILE", "16191234567", "validated"),
    ("广电19212345679", "CN_MOBILE", "19212345679", "validated"),
    ("张三,13812345679,25岁", "CN_MOBILE", "13812345679", "validated"),
    ('{"phone":"17012345679"}', "CN_MOBILE", "17012345679", "validated"),
    ("手机13491234567", "CN_MOBILE", "13491234567", "contextual"),
    ("110101199003071234 13812345679", "CN_MOBILE", "13812345679", "validated"),
    ("聯絡手機：13812345679", "CN_MOBILE", "13812345679", "validated"),
    ("打022 52695487没人接", "CN_LANDLINE", "022 52695487", "contextual"),
    ("電話：057188886666", "CN_LANDLINE", "057188886666", "contextual"),
    ('customer_service: "4001234567"', "CN_HOTLINE", "4001234567", "contextual"),
    ("tel13812345679", "CN_MOBILE", "13812345679", "contextual"),
    ("?phone=13812345679&x=1", "CN_MOBILE", "13812345679", "contextual"),
    ("手机号13O1234567O", "CN_MOBILE", "13O1234567O", "contextual"),
    ("手机：138.1234.5679", "CN_MOBILE", "138.1234.5679", "contextual"),
    ("手机：138 12345679", "CN_MOBILE", "138 12345679", "contextual"),
    ("手机：1381234 5679", "CN_MOBILE", "1381234 5679", "contextual"),
    ("手机号：138\n12345679，请", "CN_MOBILE", "138\n12345679", "contextual"),
    ("手机号：1381234\r\n5679，请", "CN_MOBILE", "1381234\r\n5679", "contextual"),
    ("手机/微信：13812345679", "CN_MOBILE", "13812345679", "validated"),
    ("电话(010)88886666", "CN_LANDLINE", "(010)88886666", "validated"),
    ("电话(010)8888-6666转801", "CN_LANDLINE", "(010)8888-6666转801", "validated"),
    ("座机0571-88886666-801。", "CN_LANDLINE", "0571-88886666-801", "validated"),
    ("+86-571-88886666", "CN_LANDLINE", "+86-571-88886666", "validated"),
    ("+86 (10) 8888 6666", "CN_LANDLINE", "+86 (10) 8888 6666", "validated"),
    ("总机0571 8888 6666", "CN_HOTLINE", "0571 8888 6666", "contextual"),
    ("电话057188886666", "CN_LANDLINE", "057188886666", "contextual"),
    ("电话：88886666", "CN_LANDLINE", "88886666", "contextual"),
    ("家里电话是6543210。", "CN_LANDLINE", "6543210", "contextual"),
    ("400-820-1234", "CN_HOTLINE", "400-820-1234", "validated"),
    ("4008-123-456", "CN_HOTLINE", "4008-123-456", "validated"),
    ("客服电话4008201234", "CN_HOTLINE", "4008201234", "contextual"),
    ("拨打95588", "CN_HOTLINE", "95588", "contextual"),
    ("举报请打12315热线", "CN_HOTLINE", "12315", "contextual"),
    ("请致电10086咨询", "CN_HOTLINE", "10086", "contextual"),
    ("香港+852 2345 6789", "INTL_PHONE", "+852 2345 6789", "validated"),
    ("+1 (415) 555-2671", "INTL_PHONE", "+1 (415) 555-2671", "validated"),
    ("WhatsApp 00852 6123 4567", "INTL_PHONE", "00852 6123 4567", "contextual"),
    ("代开发票，电话13812345679", "CN_MOBILE", "13812345679", "validated"),
    ("快递员李师傅13812345679", "CN_MOBILE", "13812345679", "validated"),
    ("| 张三 | 13812345679 | 110101199003071234 |", "CN_MOBILE", "13812345679", "validated"),
    ("uid=961928 13812345679 36.112.9.77", "CN_MOBILE", "13812345679", "validated"),
    ("10:11:12 13812345679 login", "CN_MOBILE", "13812345679", "validated"),
    ("user=13812345679 ok", "CN_MOBILE", "13812345679", "contextual"),
    ("contactPhone=13812345679&x=1", "CN_MOBILE", "13812345679", "contextual"),
    ("手机号l38I2345679", "CN_MOBILE", "l38I2345679", "contextual"),
    ("0571-88886666转分机801", "CN_LANDLINE", "0571-88886666转分机801", "validated"),
    ("宅电 | 05718888 666 |", "CN_LANDLINE", "05718888 666", "contextual"),
    ("电话0571—88886666", "CN_LANDLINE", "0571—88886666", "validated"),
    ("Tel:86-571-88886666", "CN_LANDLINE", "86-571-88886666", "validated"),
    ("电话：0571-\n88886666", "CN_LANDLINE", "0571-\n88886666", "contextual"),
    ("电话：0571-8888\n6666", "CN_LANDLINE", "0571-8888\n6666", "contextual"),
    ("甲方电话0571-88886666", "CN_LANDLINE", "0571-88886666", "validated"),
    ("咨询电话：0571-88886666", "CN_HOTLINE", "0571-88886666", "validated"),
    ("前台0571-88886666", "CN_HOTLINE", "0571-88886666", "validated"),
    ("市第一医院电话：0571-88886666", "CN_HOTLINE", "0571-88886666", "validated"),
    ("中山公园，电话，0571-88886666", "CN_HOTLINE", "0571-88886666", "validated"),
    ("售后电话：88886666", "CN_HOTLINE", "88886666", "contextual"),
    ('{"hotline":"95588"}', "CN_HOTLINE", "95588", "contextual"),
    ("你打95588转人工", "CN_HOTLINE", "95588", "contextual"),
    ("企业,客服电话\n某快递,95559", "CN_HOTLINE", "95559", "contextual"),
    ("sms to +81 90-5954-6317 sent", "INTL_PHONE", "+81 90-5954-6317", "validated"),
]

LOOK_ALIKES = [
    "运单 13812345679 已发出",
    "订单号13812345679，联系电话",
    "商品编号：13812345679",
    "会议ID：13812345679",
    "2^34=17179869184",
    "内存 17179869184",
    "13800138000",
    "净利润13812345679元",
    "合同金额：13812345679",
    "播放13812345679次，",
    "3.13812345679",
    "13812345679.5",
    "138123456790",
    "1718000000000",
    "a13812345679f",
    "0x13812345679",
    "SIZE = 13812345679",
    "https://a.cn/p/13812345679.html",
    "0.31 13812345679 55.2",
    "20394857612\n13812345679\n90500012345",
    "+13812345679",
    "14012345679",
    "卫星13491234567",
    "卫星17401234567",
    "退货单13812345679审核",
    "<td>订单编号</td><td>13812345679</td>",
    "阅读数：13812345679",
    "84361479,42182101,13812345679",
    "住院号：8004442536，联系电话",
    "16812345679",
    "1381234\n5679",
    "0300-88886666",
    "010-8888666",
    "2010-88886666",
    "88886666",
    "电话费88886666元",
    "传真照片20世纪",
    "400-820-123",
    "GB 95588-2010",
    "共12345条",
    "+1.2345678901",
    "x+12345678901",
    "+861234567890",
    "",
    "总股本13812345679股，",
    "人口约13812345679人，",
    '{"order_no":"13812345679"}',
    '{"orderId": "13812345679"}',
    "订单号,金额\n13812345679,25.00",
    "姓名,订单号\n张三,13812345679",
    "388605506434,79078.73\n13812345679,17528.94",
    "播放量13812345679",
    "手机I38OOOOOOOO",
    "0571-\n88886666",
]


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), grade)]
    assert_anchored(shape(text))


@pytest.mark.parametrize("text", LOOK_ALIKES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_look_alikes_do_not_count(text: str, shape: type[str]) -> None:
    assert [grade for _, _, grade in found(shape(text)) if grade != "weak"] == []


def test_values_in_a_list_are_found_each() -> None:
    assert [value for _, value, _ in found("电话：8888-6666、88887777")] == ["8888-6666", "88887777"]
    assert [grade for _, _, grade in found("0571-88886666/13812345679 13912345679")] == ["validated"] * 3


segments = st.sampled_from(["130", "145", "149", "153", "1619", "166", "170", "178", "189", "191", "192", "199", "174"])
mobiles = st.builds(
    lambda prefix, head, rest, first, second: (
        f"{prefix}{(head + rest)[:3]}{first}{(head + rest)[3:7]}{second}{(head + rest)[7:11]}"
    ),
    st.sampled_from(["", "+86", "0086 ", "86-", "(+86)"]),
    segments,
    st.from_regex(r"[0-9]{8}", fullmatch=True),
    st.sampled_from(["", " ", "-", "\n", "."]),
    st.sampled_from(["", " ", "-", "\n", "."]),
)
landlines = st.builds(
    lambda frame, sep, number, end: frame.format(sep) + number + end,
    st.sampled_from(["010{}", "(0571){}", "+86-10{}", "+86 (0)571{}", "0755{}", "(86-20){}", "{}"]),
    st.sampled_from(["", "-", " ", " - "]),
    st.from_regex(r"[2-8][0-9]{2,3}[ -]?[0-9]{4}", fullmatch=True),
    st.sampled_from(["", "转801", "-801", " ext. 12", "#5", "分机：7"]),
)
hotlines = st.from_regex(r"[48]00[ -]?[0-9]{3}[ -]?[0-9]{4}|95[0-9]{3,4}|12[0-9]{3}", fullmatch=True)
foreign = st.from_regex(
    r"(?:\+|00)(?:1|44|81|852|853|886)[ -]?[0-9]{2,4}[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}", fullmatch=True
)
values = st.one_of(mobiles, landlines, hotlines, foreign)
glue = st.lists(
    st.sampled_from(
        [*"电话手机联系热线客服拨打订单号邮箱群是为，。：元转 \n-.=/@+()aX09０Ｘ", "电话：", "传真 ", "tel", "服务热线"]
    ),
    max_size=12,
).map("".join)

HOSTILE = ["1", "1O", "138 ", "1\n", "+1", "(0", "010-", "400-", "转", "+86", "l3", "0571-\n", "客服\n"]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["130", "147", "158", "167", "175", "182", "196"]),
    st.from_regex(r"[0-9]{6}[1-4][5-9]", fullmatch=True),
    st.sampled_from(["电话：{}。", "打{}找我", '"mobile": "{}"', "（{}）", "联系人张三{}"]),
)
def test_mobiles_are_found_in_any_everyday_frame(head: str, rest: str, frame: str) -> None:
    assert found(frame.format(head + rest)) == [("CN_MOBILE", head + rest, "validated")]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(values, values.map(full_width), glue), max_size=6).map("".join))
def test_every_finding_has_its_anchor_and_the_gate_loses_none(text: str) -> None:
    assert_anchored(text)


@pytest.mark.parametrize("unit", HOSTILE)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)


@pytest.mark.parametrize("number", ["+999123456", "+", "+1234567890123456789"])
def test_a_number_that_is_none_does_not_hold_on_to_the_text_at_work(number: str) -> None:
    class Text:
        pass

    def at_work() -> weakref.ref[Text]:
        text = Text()
        assert not is_foreign(number)
        return weakref.ref(text)

    gc.disable()
    try:
        assert at_work()() is None
    finally:
        gc.enable()
