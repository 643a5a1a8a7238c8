"""Names of people and dates of birth: what is found on which evidence, and what looks like it and is none.

All names and numbers are made up.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.rule import FOLD
from pii.rules import contact, names, places

DETECTOR = Detector([*contact.RULES, *names.RULES, *places.RULES])
UNFOLD = {ascii_code: wide_code for wide_code, ascii_code in FOLD.items() if wide_code >= 0xFF01}
KINDS = {"PERSON", "BIRTH_DATE"}


def full_width(text: str) -> str:
    return text.translate(UNFOLD)


def found(text: str) -> list[tuple[str, str, str]]:
    return [
        (entity.type, text[entity.start : entity.end], entity.grade)
        for entity in DETECTOR.find(text)
        if entity.type in KINDS
    ]


NAMES = [
    ("姓名：张三，性别：男", "张三"),
    ("姓 名：李 雷", "李 雷"),
    ("姓名\t王小明\t电话", "王小明"),
    ("姓名张三性别男", "张三"),
    ("联系人：王丽华女士", "王丽华"),
    ("收件人: 欧阳修文", "欧阳修文"),
    ('{"real_name": "张三"}', "张三"),
    ("<td>姓名</td><td>赵敏</td>", "赵敏"),
    ("户主：买买提·艾力，", "买买提·艾力"),
    ("乙方：陈建国（签字）", "陈建国"),
    ("被告人李和平因涉嫌诈骗", "李和平"),
    ("被告人张三于昨日", "张三"),
    ("患者王芳主诉头痛", "王芳"),
    ("我的姓名是张伟，", "张伟"),
    ("张三 13812345678", "张三"),
    ("13812345678 张三", "张三"),
    ("请联系张伟13812345678", "张伟"),
    ('{"name": "张三", "tel": "13812345678"}', "张三"),
    ("李雷，男，汉族，身份证在此", "李雷"),
    ("姓名：Zhang Xiaoming，", "Zhang Xiaoming"),
    ("Name: LI Lei\n", "LI Lei"),
]


@pytest.mark.parametrize(("text", "value"), NAMES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_names_behind_labels_and_beside_identifiers(text: str, value: str, shape: type[str]) -> None:
    assert found(shape(text)) == [("PERSON", shape(value), "contextual")]


def test_names_of_a_list_behind_a_label() -> None:
    assert [value for _, value, _ in found("联系人：张三、李四、王小五，地址另告")] == ["张三", "李四", "王小五"]


NO_NAMES = [
    "姓名：高中",
    "请提供您的姓名和联系方式",
    "联系人：王经理",
    "姓名：某某",
    "被告人张某",
    "被告人应当在三日内",
    "患者应慎用",
    "高血压患者平时应服药",
    "乙方：北京大华科技有限公司",
    "用户名代替",
    "客户：经济困难",
    "李白乘舟将欲行",
    "张三在北京",
    "电话 13812345678",
    "高中 13812345678",
    "黄山 13812345678",
    "lisi@corp.com。\n\n## 封面图",
    "name: String Value",
    "姓名：John Smith",
    "'street_name': 'Yang Via'",
    "晚上 丈夫 回来 了",
]


@pytest.mark.parametrize("text", NO_NAMES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_words_are_no_names(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


BIRTHS = [
    ("出生日期：1990-01-01", "1990-01-01", "contextual", 1990),
    ("出生年月：1985.03 ", "1985.03", "contextual", 1985),
    ("生日：1990年5月3日", "1990年5月3日", "contextual", 1990),
    ("出生日期是一九八五年三月五日", "一九八五年三月五日", "contextual", 1985),
    ("dob: 19850305", "19850305", "contextual", 1985),
    ('"birth_date": "1985/03/05"', "1985/03/05", "contextual", 1985),
    ("性别女，1985年3月生，", "1985年3月", "contextual", 1985),
    ("性别男，85年3月5日出生", "85年3月5日", "contextual", 1985),
    ("性别男，八五年三月五日出生", "八五年三月五日", "contextual", 1985),
    ("出生于1985年3月5日，住址", "1985年3月5日", "contextual", 1985),
    ("生于1895年3月2日", "1895年3月2日", "weak", 1895),
]


@pytest.mark.parametrize(("text", "value", "grade", "year"), BIRTHS)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_dates_of_birth(text: str, value: str, grade: str, year: int, shape: type[str]) -> None:
    text = shape(text)
    (entity,) = [entity for entity in DETECTOR.find(text) if entity.type == "BIRTH_DATE"]
    assert (text[entity.start : entity.end], entity.grade, entity.born) == (shape(value), grade, year)


@pytest.mark.parametrize(
    "text",
    [
        "张三（1912年—2001年）",
        "生于1965年",
        "他生于1965年3月2日",
        "生产日期：2020-01-01",
        "出生日期：1985-13-01",
        "1985年3月生产",
        "生日快乐2020",
    ],
)
def test_other_dates_are_none(text: str) -> None:
    assert found(text) == []


# Laws

people = st.sampled_from(["张三", "李小明", "欧阳修文", "王芳", "买买提·艾力", "Zhang Wei", "赵 敏"])
labels = st.sampled_from(
    ["姓名", "联系人：", "被告人", "患者", "乙方：", "real_name", "Name: ", "姓 名：", "户名 ", "生于", "出生日期："]
)
dates = st.sampled_from(["1985年3月5日", "1985.03", "八五年三月", "19850305", "1985年3月生，", "1895-03-02出生"])
glue = st.text(st.sampled_from("：，、。（）\"'<td>\n 男女是为13812345678@.和的因先生"), max_size=12)
padding = st.sampled_from(["", "好" * 30, "张" * 200, "1" * 60, "姓名：" * 40, "、李四" * 60])
documents = st.lists(st.one_of(people, labels, dates, glue, padding, st.just("13812345678")), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(documents, st.booleans())
def test_the_gate_loses_and_invents_nothing(text: str, widened: bool) -> None:
    text = full_width(text) if widened else text
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@settings(max_examples=200, deadline=None)
@given(documents, st.booleans())
def test_anchors_match_within_reach_of_every_finding(text: str, widened: bool) -> None:
    raw = full_width(text) if widened else text
    for rule in names.RULES:
        for start, end, _ in rule.findings(raw.translate(FOLD)) if rule.anchor else ():
            near = raw[max(0, start - rule.longest) : end + 12]
            assert re.search(rule.anchor, near)
            assert pc.match_substring_regex(pa.array([near]), rule.anchor)[0].as_py()


@pytest.mark.parametrize("unit", ["姓名：", "张", "、张三", "生于", "1985年", "·", "姓 ", "<td>", "张三，男，"])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    DETECTOR.find("13812345678 " + unit * (100_000 // len(unit)) + " 13812345678")  # quadratic work would take minutes
