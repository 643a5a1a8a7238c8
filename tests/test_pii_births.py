"""Dates of birth: behind or below a label, or before the word born. All of them are made up."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.rule import FOLD
from pii.rules import births, contact
from tests.pii_texts import full_width

DETECTOR = Detector([*contact.RULES, *births.RULES])


def found(text: str) -> list[tuple[str, str, str]]:
    return [(entity.type, text[entity.start : entity.end], entity.grade) for entity in DETECTOR.find(text)]


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
    ("我是85年3月生的", "85年3月", "contextual", 1985),
    ("我是1985-03-05出生的，属牛", "1985-03-05", "contextual", 1985),
    ("我生日19850305，记得", "19850305", "contextual", 1985),
    ("被告人丁某，男，1978/07/24出生于本市", "1978/07/24", "contextual", 1978),
    ("被保险人生于1995年09月13日，", "1995年09月13日", "contextual", 1995),
    ("出 生：1965-05-30\n", "1965-05-30", "contextual", 1965),
    ("生辰：一九八五年三月初五", "一九八五年三月初五", "contextual", 1985),
    ("<td>生日</td><td>19491230</td>", "19491230", "contextual", 1949),
    ("出生日期：【1985-03-05】", "1985-03-05", "contextual", 1985),
    ('"dateOfBirth":"1985-03-05T00:00:00"', "1985-03-05", "contextual", 1985),
    ("Date of Birth: 5 March 1985", "5 March 1985", "contextual", 1985),
    ("DOB 05/03/1985", "05/03/1985", "contextual", 1985),
    ("INSERT INTO t(n,birth_date) VALUES('x','1985/03/05')", "1985/03/05", "contextual", 1985),
    ("走失老人某某，1985年3月5日生，离家", "1985年3月5日", "contextual", 1985),
    ("birthday=85-3-5", "85-3-5", "contextual", 1985),
    ("班级,出生年月日\n二班,1981.5.30", "1981.5.30", "contextual", 1981),
    ("| 生日 | 班 |\n|---|---|\n| 19810530 | 二 |", "19810530", "contextual", 1981),
]
FOUND = [*BIRTHS, ("birthday,班\n19810530,一\n19820530,二\n19830530,三",)]


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
        "我知道他是1956年10月4日出生的",
    ],
)
def test_other_dates_are_none(text: str) -> None:
    assert found(text) == []


# Laws

labels = st.sampled_from(["生于", "出生日期：", "我是", "生日,班\n", "dob: ", "<td>生日</td><td>", "出生", "生的，"])
dates = st.sampled_from(
    ["1985年3月5日", "1985.03", "八五年三月", "19850305", "5 March 1985", "85-3-5", "1895-03-02出生"]
)
glue = st.text(st.sampled_from("：，、。（）\"'<td>\n 男女是为1985-/.年月日生"), max_size=12)
padding = st.sampled_from(["", "好" * 30, "1" * 60, "生日：" * 40, "1985年" * 40, "a,b\n" * 30])
documents = st.lists(st.one_of(labels, dates, glue, padding, st.just("13812345678")), max_size=12).map("".join)


@settings(max_examples=200, deadline=None)
@given(documents, st.booleans())
def test_the_gate_loses_and_invents_nothing(text: str, widened: bool) -> None:
    text = full_width(text) if widened else text
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@settings(max_examples=200, deadline=None)
@given(documents, st.booleans())
def test_anchors_match_within_reach_of_every_finding(text: str, widened: bool) -> None:
    raw = full_width(text) if widened else text
    for rule in births.RULES:
        for start, end, _ in rule.findings(raw.translate(FOLD)):
            near = raw[max(0, start - rule.longest) : end + 12]
            assert re.search(rule.anchor, near)
            assert pc.match_substring_regex(pa.array([near]), rule.anchor)[0].as_py()


@pytest.mark.parametrize("unit", ["生于", "1985年", "生日,\n", "出 ", "<td>", "85.", "Mar "])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    DETECTOR.find("生日" + unit * (100_000 // len(unit)) + "生日")  # quadratic work would take minutes
