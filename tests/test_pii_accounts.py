"""E-mail, QQ and WeChat: what is found and how it is graded, what is left alone, what anchors promise.

All values are made up here.
"""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.rules import accounts, mailboxes
from tests import pii_texts
from tests.pii_texts import full_width

RULES = (*mailboxes.RULES, *accounts.RULES)
DETECTOR = Detector(RULES)


found = partial(pii_texts.found_by, detector=DETECTOR)


def assert_anchored(text: str) -> None:
    """Of these rules; and the gate loses none."""
    pii_texts.assert_anchored(text, RULES)
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


FOUND = [
    ("加个微信吧Abc5318，", "WECHAT", "Abc5318", "contextual"),
    ("手机有，微信mango_lin00，", "WECHAT", "mango_lin00", "contextual"),
    ("换微信了，新的是abc6297，", "WECHAT", "abc6297", "contextual"),
    ("加我Q1124142，", "QQ", "1124142", "contextual"),
    ("请提供QQ号。\n用户：2819562", "QQ", "2819562", "contextual"),
    ("邮箱zhang.san_1+a@mail.qq.com谢谢", "EMAIL", "zhang.san_1+a@mail.qq.com", "validated"),
    ("发到…...zhang@163.com.", "EMAIL", "zhang@163.com", "validated"),
    ("// Author: Li Lei <lilei@tsinghua.edu.cn>", "EMAIL", "lilei@tsinghua.edu.cn", "validated"),
    ("276543210@qq.com", "EMAIL", "276543210@qq.com", "validated"),
    ("13812345679@139.com", "EMAIL", "13812345679@139.com", "validated"),
    ("邮箱zhangsan@例子.中国，", "EMAIL", "zhangsan@例子.中国", "contextual"),
    ("QQ：276543210", "QQ", "276543210", "contextual"),
    ("QQ号码是 276543210", "QQ", "276543210", "contextual"),
    ("加QQ276543210", "QQ", "276543210", "contextual"),
    ("扣扣：276543210", "QQ", "276543210", "contextual"),
    ("我的企鹅号276543210", "QQ", "276543210", "contextual"),
    ("Q：276543210", "QQ", "276543210", "contextual"),
    ("QQ(微信同号)：276543210", "QQ", "276543210", "contextual"),
    ("qq number: 276543210", "QQ", "276543210", "contextual"),
    ("微信：zhang_san88", "WECHAT", "zhang_san88", "contextual"),
    ("微信号zhangsan", "WECHAT", "zhangsan", "contextual"),
    ("加我微信zhangsan_88", "WECHAT", "zhangsan_88", "contextual"),
    ("vx：abc12345", "WECHAT", "abc12345", "contextual"),
    ("咨询加V信abc12345", "WECHAT", "abc12345", "contextual"),
    ("我的wx号是abc12345", "WECHAT", "abc12345", "contextual"),
    ("微信号：13812345679", "WECHAT", "13812345679", "contextual"),
    ("我的微信是zhangsan888", "WECHAT", "zhangsan888", "contextual"),
    ("昵称,QQ号\n小鱼,276543210", "QQ", "276543210", "contextual"),
    ("<p>联系QQ: <em>276543210</em></p>", "QQ", "276543210", "contextual"),
    ("<td>QQ</td><td>276543210</td>", "QQ", "276543210", "contextual"),
    ("Q我：276543210 在线", "QQ", "276543210", "contextual"),
    ("?qq=276543210&x=1", "QQ", "276543210", "contextual"),
    ('"qqNumber": 276543210', "QQ", "276543210", "contextual"),
    ('{"wechat":"zhang_san88"}', "WECHAT", "zhang_san88", "contextual"),
    ('wechatId: "zhang_san88"', "WECHAT", "zhang_san88", "contextual"),
    ("姓名,微信号\n张三,zhang-san-88", "WECHAT", "zhang-san-88", "contextual"),
    ("| 微信 | zhang_san88 |", "WECHAT", "zhang_san88", "contextual"),
    ("| 微信 zhang8801", "WECHAT", "zhang8801", "contextual"),
    ("微信（abc12345）", "WECHAT", "abc12345", "contextual"),
    ("【微信】abc12345", "WECHAT", "abc12345", "contextual"),
    ("微信：【abc12345】", "WECHAT", "abc12345", "contextual"),
    ("➕V：abc12345", "WECHAT", "abc12345", "contextual"),
    ("加我v：abc12345", "WECHAT", "abc12345", "contextual"),
]

LOOK_ALIKES = [
    "user@example.com",
    "name@company.com",
    "noreply@163.com",
    "git@github.com:a/b.git",
    "ssh root@host.cn",
    "https://root:secret@corp.com/",
    "numpy@1.26.4",
    "icon@2x.png",
    "logo@2x.ai",
    "@app.route",
    "user@localhost",
    "user@host.local",
    "main.py@setup.py",
    "QQ群：276543210",
    "QQ交流群号276543210",
    "群QQ：276543210",
    "QQ音乐276543次播放",
    "QQ 2013正式版",
    "QQ：10000",
    "企鹅12345只",
    "微信公众号：zhangsan88",
    "微信公众平台微信号：zhangsan88",
    "微信小程序 abc_defg",
    "微信Android客户端",
    "微信AppID：wx1234567890abcdef",
    "微信：gh_0123456789ab",
    "wx.request_abc1",
    "wechat: abc_config",
    "const vx = velocity_x1",
    "int qq = 100000;",
    "if (qq == 1000001)",
    "qq = 276543210",
    "QQ,微信\n12345首,支持登录",
    "微信（v8_0_32）",
    '"wechat": "config"',
    "vx = velocity_x1",
    "微信,支付宝\nwxpayment,alipay",
]


COLUMNS = [
    ("昵称,QQ号\n小鱼,276543210\n阿木,276543211\n阿土,276543212\n", 3),
    ("姓名\t微信号\n张三\tzhang_san88\n李四\tli-si-99\n王五\t13812345679\n", 3),
]


@pytest.mark.parametrize(("text", "count"), COLUMNS)
def test_the_first_rows_of_a_column_are_found(text: str, count: int) -> None:
    assert [grade for _, _, grade in found(text)] == ["contextual"] * count
    assert_anchored(text)


@pytest.mark.parametrize(("text", "kind", "value", "grade"), FOUND)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_finds_and_grades(text: str, kind: str, value: str, grade: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), grade)]
    assert_anchored(shape(text))


@pytest.mark.parametrize("text", LOOK_ALIKES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_look_alikes_do_not_count(text: str, shape: type[str]) -> None:
    assert [grade for _, _, grade in found(shape(text)) if grade != "weak"] == []


mails = st.from_regex(
    r"[0-9a-z_]{1,12}(?:\.[a-z]{1,5})?@(?:[a-z0-9]{1,9}\.){1,3}(?:com|cn|edu\.cn|py|中国)", fullmatch=True
)
messengers = st.builds(
    lambda label, gap, value: label + gap + value,
    st.sampled_from(
        [
            "QQ",
            "qq号码",
            "扣扣",
            "企鹅号",
            "加Q",
            "Q",
            "QQ/微信同号",
            "qq number",
            "微信",
            "微信号",
            "vx",
            "wx号",
            "V信",
            "WeChat",
            "加我vx",
            "咨询微信",
            "微信(手机同号)",
            "+v",
            "微信 id",
            "weixin",
            "微 信号码是",
        ]
    ),
    st.sampled_from(["", "：", ": ", " ", "是", "为：", "「", "　"]),
    st.from_regex(r"[1-9][0-9]{4,10}|[A-Za-z][0-9A-Za-z_-]{5,19}|1[3-9][0-9]{9}", fullmatch=True),
)
values = st.one_of(mails, messengers)
glue = st.lists(
    st.sampled_from(
        [*"电话手机联系热线客服拨打订单号邮箱群是为，。：元转 \n-.=/@+()aX09０Ｘ", "电话：", "传真 ", "tel", "服务热线"]
    ),
    max_size=12,
).map("".join)

HOSTILE = ["@", "a@", "a@b.", "a.", "张@", "QQ", "Q1", "QQ\n", "微信", "vx:", "微信a", "微信\n", "QQ,", ",a\n"]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(values, values.map(full_width), glue), max_size=6).map("".join))
def test_every_finding_has_its_anchor_and_the_gate_loses_none(text: str) -> None:
    assert_anchored(text)


@pytest.mark.parametrize("unit", HOSTILE)
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)
