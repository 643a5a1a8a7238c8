"""Devices, plates and medical records: what is found and how it is graded, what is left alone, and that anchors lose nothing.

All numbers are made up here; check digits are computed.
"""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.checks import luhn
from pii.detector import Detector
from pii.rules import finance, identity
from pii.rules.records import RULES
from tests import pii_texts
from tests.pii_texts import full_width

found = partial(pii_texts.found, rules=(*RULES, *identity.RULES, *finance.RULES))
assert_anchored = partial(pii_texts.assert_anchored, rules=RULES)


PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def device(body: str) -> str:
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


IMEI, OTHER = device("86475304829173"), device("51475304829173")


CASES = [
    (f"IMEI：{IMEI}", "IMEI", IMEI, "validated"),
    (f"IMEI1:{OTHER}", "IMEI", OTHER, "validated"),
    (f"imei={IMEI}", "IMEI", IMEI, "validated"),
    (f"手机串号{OTHER}", "IMEI", OTHER, "validated"),
    (f"丢了一部，{IMEI}，白色", "IMEI", IMEI, "validated"),
    (
        f"IMEI {IMEI[:2]}-{IMEI[2:8]}-{IMEI[8:14]}-{IMEI[14]}",
        "IMEI",
        f"{IMEI[:2]}-{IMEI[2:8]}-{IMEI[8:14]}-{IMEI[14]}",
        "validated",
    ),
    (
        f"IMEI {IMEI[:6]} {IMEI[6:8]} {IMEI[8:14]} {IMEI[14]}",
        "IMEI",
        f"{IMEI[:6]} {IMEI[6:8]} {IMEI[8:14]} {IMEI[14]}",
        "validated",
    ),
    (f"/device/{IMEI}", "IMEI", IMEI, "weak"),
    (f"手机机身号码{IMEI[:6]}\n{IMEI[6:]}，", "IMEI", f"{IMEI[:6]}\n{IMEI[6:]}", "validated"),
    (f"imei={OTHER[:11]}\n{OTHER[11:]}", "IMEI", f"{OTHER[:11]}\n{OTHER[11:]}", "validated"),
    ("lane3 in 京N8K276 2024-03-09", "CN_PLATE", "京N8K276", "contextual"),
    ("7,张某,蒙H 64ES3,160", "CN_PLATE", "蒙H 64ES3", "contextual"),
    ("驾驶苏C5986挂号小型轿车", "CN_PLATE", "苏C5986挂", "contextual"),
    ("外交车牌 138271使", "CN_PLATE", "138271使", "contextual"),
    ("@陕A8K276，", "CN_PLATE", "陕A8K276", "weak"),
    ("病历请提供病历号，我的是00382719。", "MEDICAL_RECORD", "00382719", "contextual"),
    ("姓名,门诊号,诊断\n张某,00382719,高血压", "MEDICAL_RECORD", "00382719", "contextual"),
    ("挂号单上的就诊号是M3827194", "MEDICAL_RECORD", "M3827194", "contextual"),
    ("inpatient_no=ZY20231146", "MEDICAL_RECORD", "ZY20231146", "contextual"),
    ('<label>住院号</label><input value="382719">', "MEDICAL_RECORD", "382719", "contextual"),
    ("住院号12345678", "MEDICAL_RECORD", "12345678", "weak"),
    ("车牌号京N8K276，白色", "CN_PLATE", "京N8K276", "contextual"),
    ("看到粤B·8K276闯红灯", "CN_PLATE", "粤B·8K276", "contextual"),
    ("新能源车粤BD38271违停", "CN_PLATE", "粤BD38271", "contextual"),
    ("大货车鲁H38271D", "CN_PLATE", "鲁H38271D", "contextual"),
    ("挂车：冀A8K27挂", "CN_PLATE", "冀A8K27挂", "contextual"),
    ("驾校的车川A3827学", "CN_PLATE", "川A3827学", "contextual"),
    ("警车 京A3827警", "CN_PLATE", "京A3827警", "contextual"),
    ("港车粤Z3827港", "CN_PLATE", "粤Z3827港", "contextual"),
    ("领馆的车沪A3827领", "CN_PLATE", "沪A3827领", "contextual"),
    ("车号苏e-3827k", "CN_PLATE", "苏e-3827k", "contextual"),
    ("车牌 浙 A 38271", "CN_PLATE", "浙 A 38271", "contextual"),
    ("使馆车牌 使138271", "CN_PLATE", "使138271", "contextual"),
    ("武警车牌：WJ京3827X", "CN_PLATE", "WJ京3827X", "contextual"),
    ("开着一辆京N8K276", "CN_PLATE", "京N8K276", "contextual"),
    ("MRN: 00382719", "MEDICAL_RECORD", "00382719", "contextual"),
    ("见到京N8K276没有", "CN_PLATE", "京N8K276", "weak"),
    ("车牌号京A12345", "CN_PLATE", "京A12345", "weak"),
    ("病历号：00382719", "MEDICAL_RECORD", "00382719", "contextual"),
    ("住院号 ZY20231146", "MEDICAL_RECORD", "ZY20231146", "contextual"),
    ("门诊号是382719", "MEDICAL_RECORD", "382719", "contextual"),
    ("就诊卡号:6010382719", "MEDICAL_RECORD", "6010382719", "contextual"),
    ("病案编号2023-001146", "MEDICAL_RECORD", "2023-001146", "contextual"),
    ("病歷號碼：00382719", "MEDICAL_RECORD", "00382719", "contextual"),
    ("门 诊 病 历    病 历 号  00382719", "MEDICAL_RECORD", "00382719", "contextual"),
    ("登记号00382719 超声", "MEDICAL_RECORD", "00382719", "contextual"),
    ("ID号00382719 住院", "MEDICAL_RECORD", "00382719", "contextual"),
    ("病案00382719已归档", "MEDICAL_RECORD", "00382719", "contextual"),
    ("入院登记号：00382719", "MEDICAL_RECORD", "00382719", "contextual"),
    ("CT号：382719", "MEDICAL_RECORD", "382719", "contextual"),
    ('"患者ID": "P00382719"', "MEDICAL_RECORD", "P00382719", "contextual"),
    ("<td>住院号</td><td>382719</td>", "MEDICAL_RECORD", "382719", "contextual"),
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize(("text", "kind", "value", "level"), CASES)
def test_finds_and_grades(text: str, kind: str, value: str, level: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), level)]
    assert_anchored(shape(text))


LOOK_ALIKES = [
    f"IMEI：{IMEI[:-1]}{(int(IMEI[-1]) + 1) % 10}",  # wrong check digit
    OTHER,  # no reporting body
    f"订单{IMEI}",
    f"0.{IMEI}",
    f"{IMEI}7",
    "IMEI：000000000000000",
    f"读数{IMEI[:6]}\n{IMEI[6:]}",  # nothing says that it is a device
    "检查号：2023-11-05",
    "病历号及电话38271946",
    "病案3827",
    "公司登记号00382719",
    "登记号00382719，见登记簿",
    "门诊号13812345678",
    "阿里云ECS7实例",
    "全新XSMAX256",
    "新HTML5标准",
    "苏E班车",
    "京ICP备12345678号",
    "贵A股600519",
    "车牌京I38271",
    "车牌京NABC27",
    "车牌京N3827145",
    "苏E3827使用中",
    "新T38271元",
    "大使138271",
    "即使138271人次车票",
    "WJ京3827X",
    "住院10086天",
    "检查2023年报告",
    "门诊号源38271个",
    "检验号00000000",
    "abct号382719",
    "",
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


@pytest.mark.parametrize("text", ["北京N38271", "全新E38271", "阿里云B38271", "江苏E38271"])
def test_words_that_end_in_a_province_need_a_car(text: str) -> None:
    assert [level for _, _, level in found(text)] == ["weak"]


def in_groups(number: str, cut: tuple[int, ...], sep: str) -> str:
    return sep.join(number[low:high] for low, high in zip((0, *cut), (*cut, len(number)), strict=True))


devices = st.builds(
    lambda head, rest, cut, sep: in_groups(device(head + rest), cut, sep),
    st.sampled_from(["35", "86", "01", "51"]),
    st.from_regex(r"[0-9]{12}", fullmatch=True),
    st.sampled_from([(), (), (2, 8, 14), (6, 8, 14)]),
    st.sampled_from([" ", "-"]),
)
marks = st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789")
plates = st.builds(
    lambda province, city, dot, rest, end: f"{province}{city}{dot}{rest}{end}",
    st.sampled_from(PROVINCES),
    st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZab"),
    st.sampled_from(["", "", "·", " ", "-", "•"]),
    st.one_of(st.text(marks, min_size=4, max_size=6), st.from_regex(r"[0-9]{4}", fullmatch=True)),
    st.sampled_from(["", "挂", "学", "警", "港", "领", "使", "应急"]),
)
records = st.builds(
    lambda label, gap, head, number: f"{label}{gap}{head}{number}",
    st.sampled_from(["病历号", "住院编号", "门诊号码", "就诊卡号", "CT号", "患者ID", "X光片号", "检验单号"]),
    st.sampled_from(["", "：", " 为 ", '": "', "</td><td>"]),
    st.sampled_from(["", "ZY", "P-"]),
    st.from_regex(r"[0-9]{4,14}(-[0-9]{1,4})?", fullmatch=True),
)
identifiers = st.one_of(devices, devices.map("IMEI:{}".format), plates, plates.map("车牌{}".format), records)
identifiers = st.one_of(identifiers, identifiers.map(full_width))
glue = st.text(st.sampled_from("车牌京粤病历住院号IMEI订单，。：元 \n-.=aX09０Ｘ·"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(identifiers, glue), max_size=8).map("".join))
def test_every_finding_has_its_anchor(text: str) -> None:
    assert_anchored(text)


DETECTOR = Detector(RULES)
padding = st.sampled_from(["", "好" * 90, "a" * 300, "1 " * 200, "。\n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(identifiers, glue, padding), max_size=8).map("".join))
def test_the_gate_loses_and_invents_nothing(text: str) -> None:
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@pytest.mark.parametrize("unit", ["1", "86 ", "京A", "京A1", "病历号", "CT", "住院号a", "-1"])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)
