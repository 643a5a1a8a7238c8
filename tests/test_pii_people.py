"""The year of birth a value tells, and whether the words around speak of a child."""

import pytest

from pii.masks import digest
from pii.people import date_of_birth, is_about_a_child, year_of_birth


@pytest.mark.parametrize(
    ("kind", "value", "year"),
    [
        ("CN_ID_CARD", "110101199003074518", 1990),
        ("CN_ID_CARD", "11010119900307451X", 1990),
        ("CN_ID_CARD", "110101 19900307 4518", 1990),
        ("CN_ID_CARD", "110101900307451", 1990),
        ("CN_RESIDENCE_PERMIT", "810000201501010019", 2015),
        ("CN_SOCIAL_SECURITY", "110101199003074518", 1990),
        ("CN_SOCIAL_SECURITY", "A12345678", None),
        ("CN_MOBILE", "13812345678", None),
        ("BIRTH_DATE", "1990-01-01", 1990),
        ("BIRTH_DATE", "19900101", 1990),
        ("BIRTH_DATE", "一九八五年三月五日", 1985),
        ("BIRTH_DATE", "二〇一五年三月", 2015),
        ("BIRTH_DATE", "八五年三月", 1985),
        ("BIRTH_DATE", "15年3月", 2015),
        ("BIRTH_DATE", "三月五日", None),
        ("BIRTH_DATE", "85-3-5", 1985),
        ("BIRTH_DATE", "March 5, 1985", 1985),
        ("BIRTH_DATE", "05/03/1985", 1985),
    ],
)
def test_year_of_birth(kind: str, value: str, year: int | None) -> None:
    assert year_of_birth(kind, value) == year


@pytest.mark.parametrize(
    ("around", "child"),
    [
        ("幼儿园大班 @", True),
        ("@ 就读于实验小学", True),
        ("患儿，@", True),
        ("@，今年8岁", True),
        ("@，13周岁", True),
        ("@，十二岁", True),
        ("三年级二班 @", True),
        ("不满十四周岁 @", True),
        ("@，18岁", False),
        ("@，三十岁", False),
        ("@，二十三岁", False),
        ("@，35岁", False),
        ("小学文化，@", False),
        ("小学毕业，@", False),
        ("幼儿园园长@", False),
        ("小学语文老师@，教师", True),  # better once too often: who teaches is not told from who learns by one word
        ("13岁以上 @", False),
        ("小学生" + "好" * 30 + "@", False),  # out of sight
        ("年龄:9，@", True),
        ("age: 9, @", True),
        ("儿子今年12，@", True),
        ("宝宝6个月大，@", True),
        ("年龄:39，@", False),
        ("page 9 @", False),
        ("孩子10086，@", False),
    ],
)
def test_words_that_speak_of_a_child(around: str, child: bool) -> None:
    at = around.index("@")
    assert is_about_a_child(around, at, at + 1) is child


ONE_DAY = [
    "1985-03-05",
    "1985/3/5",
    "1985.3.5",
    "19850305",
    "1985年3月5日",
    "1985 年 03 月 05 日",
    "85年3月5日",
    "85-3-5",
]
ONE_DAY += ["一九八五年三月五日", "八五年三月五日", "一九八五年三月初五", "5 March 1985", "March 5, 1985"]


@pytest.mark.parametrize("value", ONE_DAY)
def test_one_day_has_one_digest_however_it_is_written(value: str) -> None:
    assert date_of_birth(value) == "1985-03-05"
    assert digest("BIRTH_DATE", value, b"salt") == digest("BIRTH_DATE", "1985-03-05", b"salt")


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("1985.03", "1985-03"),
        ("1985年12月", "1985-12"),
        ("二〇〇〇年十二月三十一日", "2000-12-31"),
        ("一九九〇年十月二十日", "1990-10-20"),
        ("05/03/1985", "05/03/1985"),  # the third of May, to some
        ("三月五日", "三月五日"),
    ],
)
def test_dates_told_in_part_or_not_at_all(value: str, date: str) -> None:
    assert date_of_birth(value) == date
