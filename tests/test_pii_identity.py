"""Identity numbers: what is found and how it is graded, what is left alone, and that anchors lose nothing.

All numbers are made up here; check digits are computed.
"""

from datetime import date
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.checks import PROVINCES, id_check_digit
from pii.detector import Detector
from pii.people import year_of_birth
from pii.rules import driving, identity, insurance
from tests import pii_texts
from tests.pii_texts import full_width

RULES = (*identity.RULES, *driving.RULES, *insurance.RULES)


found = partial(pii_texts.found, rules=RULES)
assert_anchored = partial(pii_texts.assert_anchored, rules=RULES)


def with_check(body: str) -> str:
    return body + id_check_digit(body)


ID, OLD = with_check("11010519850412731"), "110105850412731"
TAIWAN, PERMIT, FOREIGNER = (
    with_check(body) for body in ("71000019850412731", "81000019850412731", "91131219850412731")
)


CASES = [
    (f"身份证号{ID}，请核对", "CN_ID_CARD", ID, "validated"),
    (f"本人{ID}的社保", "CN_ID_CARD", ID, "validated"),
    (f"ID card no: {ID}", "CN_ID_CARD", ID, "validated"),
    (f"id={ID}&name", "CN_ID_CARD", ID, "validated"),
    (f"台湾{TAIWAN}", "CN_ID_CARD", TAIWAN, "validated"),
    *(
        (f"身份证：{value}。", "CN_ID_CARD", value, "validated")
        for value in (
            f"{ID[:6]} {ID[6:14]} {ID[14:]}",
            f"{ID[:6]}-{ID[6:14]}-{ID[14:]}",
            f"{ID[:6]} {ID[6:10]} {ID[10:14]} {ID[14:]}",
            f"{ID[:4]} {ID[4:8]} {ID[8:12]} {ID[12:16]} {ID[16:]}",
            f"{ID[:9]}\n{ID[9:]}",
            f"{ID[:6]}\r\n{ID[6:]}",
            ID.replace("0", "O"),
        )
    ),
    (f"付款人{ID[:12]}\n{ID[12:]}，已核对", "CN_ID_CARD", f"{ID[:12]}\n{ID[12:]}", "validated"),
    (f"港籍教师 {PERMIT[:5]}\n{PERMIT[5:]}", "CN_RESIDENCE_PERMIT", f"{PERMIT[:5]}\n{PERMIT[5:]}", "validated"),
    (f"一代身份证号{OLD[:7]}\n{OLD[7:]}", "CN_ID_CARD", f"{OLD[:7]}\n{OLD[7:]}", "contextual"),
    ("身份证号示例 11010519491231002X", "CN_ID_CARD", "11010519491231002X", "weak"),
    ("身份证 340524800101001", "CN_ID_CARD", "340524800101001", "weak"),
    ("护照号码：E12345678", "CN_PASSPORT", "E12345678", "weak"),
    (f"订单号：{ID}", "CN_ID_CARD", ID, "weak"),
    (f"合同编号：{ID}，身份证另附", "CN_ID_CARD", ID, "weak"),
    (f"x{ID}", "CN_ID_CARD", ID, "weak"),
    (f"一代身份证{OLD}", "CN_ID_CARD", OLD, "contextual"),
    (f"居住证{PERMIT}", "CN_RESIDENCE_PERMIT", PERMIT, "validated"),
    (f"永居证 {FOREIGNER}", "CN_PERMANENT_RESIDENCE", FOREIGNER, "validated"),
    ("外国人永久居留证：GBR110085041273", "CN_PERMANENT_RESIDENCE", "GBR110085041273", "contextual"),
    ("护照号码：E38271946", "CN_PASSPORT", "E38271946", "contextual"),
    ("证件类型：护照，证件号码：EJ8271946", "CN_PASSPORT", "EJ8271946", "contextual"),
    ("持E38271946号护照入境", "CN_PASSPORT", "E38271946", "contextual"),
    ("passport No. G38271946", "CN_PASSPORT", "G38271946", "contextual"),
    ('"passport_number": "738271946"', "CN_PASSPORT", "738271946", "contextual"),
    ("<td>护照号</td><td>E38271946</td>", "CN_PASSPORT", "E38271946", "contextual"),
    ("港澳通行证C38271946", "CN_TRAVEL_PERMIT", "C38271946", "contextual"),
    ("往来台湾通行证号：L38271946", "CN_TRAVEL_PERMIT", "L38271946", "contextual"),
    ("回乡证：H3827194601", "CN_TRAVEL_PERMIT", "H3827194601", "contextual"),
    ("台胞证号码是38271946", "CN_TRAVEL_PERMIT", "38271946", "contextual"),
    ("军官证：军字第3827194号", "CN_MILITARY_ID", "军字第3827194号", "contextual"),
    ("士兵证 南字第38271946号", "CN_MILITARY_ID", "南字第38271946号", "contextual"),
    ("证件为军字第3827194号", "CN_MILITARY_ID", "军字第3827194号", "contextual"),
    ("officer card=南字第3827194号 军官证", "CN_MILITARY_ID", "南字第3827194号", "contextual"),
    ("入伍通知，沈字第3827194号", "CN_MILITARY_ID", "沈字第3827194号", "contextual"),
    ("军官证号：3827194", "CN_MILITARY_ID", "3827194", "contextual"),
    ("驾驶证档案编号：110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("档案编号（驾驶证）：110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("填驾照的档案编号，我的是110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("驾驶本背面那个档案号《110538271946》", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ('{"driver_license_file_no":"110538271946"', "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("驾驶员,驾驶证档案编号,准驾车型\n张某,110538271946,C1", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("query driving_licence archive_no=110538271946 ", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("驾照号 A38271946", "CN_DRIVING_LICENCE", "A38271946", "contextual"),
    ("准驾车型C1，档案编号110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    (f"驾驶证号：{ID}", "CN_ID_CARD", ID, "validated"),
    ("社保卡号：A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("社会保障卡卡号382719465", "CN_SOCIAL_SECURITY", "382719465", "contextual"),
    ("员工,社保个人编号,基数\n张某,A38271946,8600", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("姓名,社保号\n张某,A38271946\n", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ('<label>社保电脑号</label><input value="382719465">', "CN_SOCIAL_SECURITY", "382719465", "contextual"),
    ("我医保卡上的号码是A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("社保查询 个人编号=382719465", "CN_SOCIAL_SECURITY", "382719465", "contextual"),
    ("A38271946是我的社保号", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("socialSecurityNo: A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("医保个人编号：3827194650", "CN_SOCIAL_SECURITY", "3827194650", "contextual"),
    ("社保卡丢了，卡号A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("社會保障卡號：A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("社 会 保 障 卡   卡号  A38271946", "CN_SOCIAL_SECURITY", "A38271946", "contextual"),
    ("职工医保，编号382719465", "CN_SOCIAL_SECURITY", "382719465", "contextual"),
    ("ss_no=382719465", "CN_SOCIAL_SECURITY", "382719465", "contextual"),
    ("駕駛證檔案編號：110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("dlFileNo=110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("drv_license=110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    (
        "<drivingLicense><fileNumber>110538271946</fileNumber></drivingLicense>",
        "CN_DRIVING_LICENCE",
        "110538271946",
        "contextual",
    ),
    ("交警要档案编号，我报了110538271946", "CN_DRIVING_LICENCE", "110538271946", "contextual"),
    ("护 照 号  E38271946", "CN_PASSPORT", "E38271946", "contextual"),
    ("護照號碼：E38271946", "CN_PASSPORT", "E38271946", "contextual"),
    ("回乡证丢了，卡号H3827194601", "CN_TRAVEL_PERMIT", "H3827194601", "contextual"),
    ("home_return_permit=H38271946", "CN_TRAVEL_PERMIT", "H38271946", "contextual"),
    ("exitEntryPermitNo: C38271946", "CN_TRAVEL_PERMIT", "C38271946", "contextual"),
    ("台胞证，证件号码38271946", "CN_TRAVEL_PERMIT", "38271946", "contextual"),
    ("mtp_no=38271946", "CN_TRAVEL_PERMIT", "38271946", "contextual"),
    ("永居卡办好了，卡号是GBR110085041273", "CN_PERMANENT_RESIDENCE", "GBR110085041273", "contextual"),
    ("permanent_residence_no=GBR110085041273", "CN_PERMANENT_RESIDENCE", "GBR110085041273", "contextual"),
    ("軍 官 證 編 號  军字第3827194号", "CN_MILITARY_ID", "军字第3827194号", "contextual"),
    ("军官证丢了，证号3827194", "CN_MILITARY_ID", "3827194", "contextual"),
    ("公积金账号为382719465012", "CN_SOCIAL_SECURITY", "382719465012", "contextual"),
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize(("text", "kind", "value", "level"), CASES)
def test_finds_and_grades(text: str, kind: str, value: str, level: str, shape: type[str]) -> None:
    assert found(shape(text)) == [(kind, shape(value), level)]
    assert_anchored(shape(text))


LOOK_ALIKES = [
    f"身份证{ID[:-1]}{(int(ID[-1], 11) + 1) % 10}",  # wrong check digit
    f"1{ID}",
    f"{ID}8",
    f"0.{ID}",
    "身份证" + with_check("11010519850230731"),  # 30 February
    "身份证" + with_check("11010520850412731"),  # not born yet
    "身份证" + with_check("16010519850412731"),  # no such province
    "居住证" + with_check("84000019850412731"),
    f"{ID[:9]}\n{ID[9:]}",  # rows of a column
    f"编号\n38271946\n{ID[:9]}\n{ID[9:]}\n38271946",
    "姓名,社保号,工号\n张某,A3827,10382719",
    "工号,社保号\n10382719,无",
    "社保号、电话：38271946",
    "公积金账户余额38271946",
    "驾驶证业务流水号110538271946",
    "驾校咨询电话110538271946",
    OLD,
    f"订单{OLD}",
    "身份证110105851312731",  # 13th month
    f"统一社会信用代码{FOREIGNER}",
    "型号E38271946",
    "护照随身，订单E38271946",
    "护照12345678901234",
    "通行证车辆通行证C38271946",
    "零件C38271946",
    "台胞证办理大厅电话38271946",
    "(2019)京字第382719号",
    "京房权证海字第382719号",
    "粤文字第382719号",
    "海关公告，南字第382719号",
    "人事档案编号：110538271946",
    "档案编号：990538271946，驾驶证",
    "公积金账户38271946元",
    "社保热线12333",
    "社保卡丢了，银行卡号382719465",
    "class_no=382719465",
    "参保后请拨打，编号见附件 38271946",
    "军官证3827194次",
    "台胞证和身份证，数量38271946",
    "社保卡13812345678",
    "驾照考试费2023年",
    "",
]


@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_leaves_look_alikes_alone(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


regions = st.sampled_from(sorted(PROVINCES)).flatmap(
    lambda province: st.integers(0, 9999).map(lambda n: f"{province}{n:04}")
)
heads = st.one_of(regions, st.sampled_from(["810000", "820000", "830000"]), st.sampled_from(["911156", "944840"]))
eighteen = st.builds(
    lambda head, day, order: with_check(f"{head}{day:%Y%m%d}{order:03}"),
    heads,
    st.dates(date(1900, 1, 1), date(2027, 12, 31)),
    st.integers(0, 999),
)
cuts = [(6, 14), (6, 10, 14), (4, 8, 12, 16), (6,), (14,), ()]
grouped = st.builds(
    lambda number, cut, sep: sep.join(number[low:high] for low, high in zip((0, *cut), (*cut, 18), strict=True)),
    eighteen,
    st.sampled_from(cuts),
    st.sampled_from([" ", "-"]),
)
broken = st.builds(lambda number, at: f"证件号码：{number[:at]}\n{number[at:]}", eighteen, st.integers(1, 17))
lettered = st.builds(
    lambda label, head, number: f"{label}{head}{number:08}",
    st.sampled_from(
        [
            "护照号：",
            "港澳通行证",
            "回乡证 ",
            "台胞证：",
            "社保卡号",
            "驾驶证号：",
            "军官证 军字第",
            "永久居留证GBR1100",
        ]
    ),
    st.sampled_from(["", "E", "C", "H", "EA"]),
    st.integers(0, 99_999_999),
)
identifiers = st.one_of(eighteen, grouped, broken, lettered, eighteen.map(lambda number: number[:6] + number[8:17]))
identifiers = st.one_of(
    identifiers, identifiers.map(lambda value: value.replace("0", "O")), identifiers.map(full_width)
)
glue = st.text(st.sampled_from("身份证护照号码订单军字第社保卡，。：元 \n-.=aX09０Ｘ<td>"), max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(identifiers, glue), max_size=8).map("".join))
def test_every_finding_has_its_anchor(text: str) -> None:
    assert_anchored(text)


@settings(max_examples=200, deadline=None)
@given(grouped, st.sampled_from(["身份证号码：{}。", "（{}）", "持证人{}本人"]))
def test_numbers_are_found_however_they_are_grouped(value: str, frame: str) -> None:
    kind = {"8": "CN_RESIDENCE_PERMIT", "9": "CN_PERMANENT_RESIDENCE"}.get(value[0], "CN_ID_CARD")
    assert found(frame.format(value)) == [(kind, value, "validated")]


DETECTOR = Detector(RULES)
padding = st.sampled_from(["", "好" * 90, "a" * 300, "1 " * 200, "。\n"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(identifiers, glue, padding), max_size=8).map("".join))
def test_the_gate_loses_and_invents_nothing(text: str) -> None:
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@pytest.mark.parametrize("unit", ["1", "1O", "110105 ", "1101 ", "1\n", "E1", "社保卡", "军字第", "护照 "])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic work on these would run into the time limit of a rule
    for rule in RULES:
        rule.findings(text)


@pytest.mark.parametrize("number", [ID, ID.replace("0", "O"), f"{ID[:8]}\n{ID[8:]}", "110105 2OO10412 7311"])
def test_the_year_of_birth_is_read_however_a_number_is_written(number: str) -> None:
    assert year_of_birth("CN_ID_CARD", number) == (1985 if "2OO1" not in number else 2001)
