"""Addresses and coordinates: what leads to somebody's door, and what does not. All of it is made up."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pii.detector import Detector
from pii.rule import FOLD
from pii.rules import contact, coordinates, places
from pii.tracks import compose
from tests.pii_texts import full_width

RULES = (*places.RULES, *coordinates.RULES)
DETECTOR = Detector([*contact.RULES, *RULES])


def found(text: str) -> list[tuple[str, str, str]]:
    return [(entity.type, text[entity.start : entity.end], entity.grade) for entity in DETECTOR.find(text)]


ADDRESSES = [
    ("住址：", "北京市朝阳区建国路88号阳光花园3栋2单元501室", "，电话", "contextual"),
    ("张三住", "浙江省杭州市西湖区文三路12号", "。", "contextual"),
    ("收货地址：", "广东省深圳市南山区科技园南区R2-A栋4楼", "，", "contextual"),
    ("家住", "阳光花园3栋501室", "，", "contextual"),
    ("户籍地：", "河南省周口市太康县张庄乡李家村三组", "\n", "contextual"),
    ("汉族，住", "四川省成都市武侯区人民南路四段11号", "。", "contextual"),
    ("寄到", "上海市浦东新区张江镇祖冲之路1239弄5号302", "，", "contextual"),
    ("地址：", "幸福小区12号楼3单元", "，", "contextual"),
    ("地址：", "保利香槟3栋201室", "，", "contextual"),
    ("", "朝阳区建国路88号3号楼", "，", "contextual"),
    ("我住在", "徐汇区漕溪北路18号", "。", "contextual"),
    ("住", "广州市天河区中山大道西28号楼1203", " ", "contextual"),
    ("某某医院，", "北京市西城区南京路12号", "。", "weak"),
    ("", "湖北省武汉市洪山区珞喻路1037号", "华中科技大学", "weak"),
    ("收件地址：", "江西省赣州市于都县罗坳镇大桥村77号", "，", "contextual"),
    ("住址：", "河南省周口市太康县马头镇李庄村4组", "\n", "contextual"),
    ("我家在", "山西省太原市小店区银杏街922号梧桐苑36栋902", "，", "contextual"),
    ("寄到", "余杭区桂花街21号国际商务中心A座205室", "，", "contextual"),
    ("", "广州市花都区共和路12号3栋201室", "，", "contextual"),
    ("户籍地", "四川省成都市武侯区文三路905号12号楼2501室", "，", "contextual"),
    ("地址为", "佛山市禅城区季华五路22号季华大厦1802房", "，", "contextual"),
    ("住", "西安市雁塔区科技路50号金桥国际广场A座1201", "，", "contextual"),
    ("老家在", "安徽省阜阳市颍上县夏桥镇张集村后王庄12号", "，", "contextual"),
    ("住所地", "深圳市宝安区中山北路115号A座2302室", "。", "contextual"),
    ("改成", "天河区望京西路645号21栋2804", "，", "contextual"),
    ("地址、电话：", "广州市天河区长江路974号36栋1203室", " 0991-64", "contextual"),
    ("甲方将位于", "北京市海淀区银杏街884号26栋4单元1504室", "的房屋出租", "contextual"),
    ("地址是", "北京市东城区五四大街21号", "。", "weak"),  # where most are sights and shops
    ("门票10元，地址，", "北京市海淀区北三环西路甲31号", "\n", "weak"),
]


@pytest.mark.parametrize(("ahead", "value", "after", "grade"), ADDRESSES)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_addresses_down_to_the_door(ahead: str, value: str, after: str, grade: str, shape: type[str]) -> None:
    assert found(shape(ahead + value + after)) == [("CN_ADDRESS", shape(value), grade)]


def test_a_number_of_a_street_counts_beside_somebody() -> None:
    assert found("13812345678，北京市东城区五四大街21号")[1][2] == "contextual"
    assert found("北京市东城区五四大街21号")[0][2] == "weak"


POINTS = [
    ("定位：", "116.397421,39.909231", ""),
    ("经度", "116.397421，纬度39.909231", "。"),
    ('{"lat": ', '31.23041, "lng": 121.47371', "}"),
    ("GPS ", "39.909231 116.397421", " "),
    ("坐标 ", "39°54′26″N 116°23′29″E", "。"),
    ("GPS坐标：", "23.877570,118.338876", "<"),
    ("| 经纬度 | ", "27.65956, 106.06206", " |"),
    ('坐标,时间\n车1,"', "28.24430, 107.77045", '",'),
    ("最后一次定位于", "27.465936,105.964841", "。"),
    ("定位：【", "27.465936,105.964841", "】"),
]
FOUND = [(ahead + value + after,) for ahead, value, after in POINTS]


@pytest.mark.parametrize(("ahead", "value", "after"), POINTS)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_coordinates_with_a_context(ahead: str, value: str, after: str, shape: type[str]) -> None:
    assert found(shape(ahead + value + after)) == [("PRECISE_LOCATION", shape(value), "contextual")]


@pytest.mark.parametrize(
    "text",
    [
        "南京路12号",
        "北京地铁1号线",
        "在北京市西城区",
        "北京市公布2023年3号文件",
        "福建新建1座换流站",
        "东城区有3栋楼",
        "3月12号",
        "一路上",
        "村里一户",
        "数值 116.397421,39.909231",
        "0.123456 39.909231 116.397421",
        "坐标 216.397421,39.909231",  # outside
        "定位 116.39,39.90",  # too coarse
        "珠峰位于27°59′17″N 86°55′31″E",
        "北京路过",
    ],
)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_look_alikes_are_none(text: str, shape: type[str]) -> None:
    assert found(shape(text)) == []


# Tracks

ROUTE = "08:00 定位116.397421,39.909231；09:10 定位116.397521,39.919231；10:20 定位116.397421,39.929231。"


def test_three_timed_points_are_a_track() -> None:
    assert found(ROUTE) == [("TRACK", ROUTE[8:-1], "contextual")]
    behind = ROUTE[6:-1].replace("；", "，08:00；") + "，11:00"
    assert [kind for kind, _, _ in found(behind)] == ["TRACK"]


@pytest.mark.parametrize(
    "text",
    [
        ROUTE[:60],
        ROUTE.replace("09:10", "然后"),  # one without a time
        ROUTE.replace("；", "；" + "好" * 70),  # too far apart
        ROUTE.replace("；", "；li@corp.cn，"),  # something of its own between
    ],
)
def test_fewer_or_untimed_points_stay_what_they_are(text: str) -> None:
    kinds = [kind for kind, _, _ in found(text)]
    assert "TRACK" not in kinds and "PRECISE_LOCATION" in kinds


def test_a_track_composed_stays_as_it_is() -> None:
    spans = DETECTOR.spans(ROUTE)
    assert compose(ROUTE, spans) == spans


ROWS = "2024-07-06 11:25:00,114.498923,23.154853\n2024-07-06 12:11:00,114.532483,23.171308\n2024-07-06 13:07:00,114.496792,23.181308"
TRACKS = [
    ("活动轨迹：", "11:08到天府广场，11:23离开五道口，11:55抵达武林广场，12:47进入万达广场"),
    ("行程是", "8点从家出发，9点半到公司，12点10分在食堂，18时回家"),
    ("當日行蹤：", "08:54抵达万达广场 → 09:08抵达火车东站 → 09:57离开国贸"),
    ("今日行踪：", "08:54抵达万达广场 → 09:08抵达火车东站 → 09:57离开国贸"),
    ("", ROWS),
    ("", "114.498923,23.154853 11:25;114.532483,23.171308 12:11;114.496792,23.181308 13:07"),
]
CASES = [(ahead + value,) for ahead, value in TRACKS]


@pytest.mark.parametrize(("ahead", "value"), TRACKS)
@pytest.mark.parametrize("shape", [str, full_width], ids=["ascii", "full-width"])
def test_stops_and_points_with_times_are_a_track(ahead: str, value: str, shape: type[str]) -> None:
    assert found(shape(ahead + value + "。")) == [("TRACK", shape(value), "contextual")]


@pytest.mark.parametrize(
    "text",
    [
        "08:15起床，09:00上课，12:10午饭，14:00体育课",
        "列车时刻：08:15到天府广场，09:00到五道口，12:10到国贸",
        "轨迹：08:15到天府广场，09:00到五道口",
        "08:15到天府广场，09:00到五道口，12:10到国贸",
        "2024-07-06 11:25:00,4.498923,3.154853\n" * 4,
    ],
)
def test_timetables_are_no_tracks(text: str) -> None:
    assert found(text) == []


# Laws

chains = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "北京市", "浙江省杭州市", "广西", "上海 "]),
        st.sampled_from(["", "朝阳区", "太康县", "昆山市"]),
        st.sampled_from(["", "张庄乡", "建国门街道"]),
        st.sampled_from(["", "李家村", "幸福社区"]),
        st.sampled_from(["", "建国路", "中山东一路", "人民南路四段", "文三街"]),
        st.sampled_from(["", "阳光花园", "88号阳光小区", "保利香槟"]),
        st.sampled_from(
            ["88号", "3栋2单元501室", "12号楼3单元 602室", "三组", "第5组", "甲31号", "1239弄5号302", "B座1203", ""]
        ),
    ),
)
glue = st.text(st.sampled_from("住址：地，。在于是路区号栋村1 2三-座室\n公司"), max_size=10)
points = st.sampled_from(
    ["定位116.397421,39.909231", 'lat": 31.23041, "lng": 121.47371', "坐标39°54′26″N 116°23′29″E", "08:00"]
)
padding = st.sampled_from(["", "好" * 60, "区" * 150, "路1" * 60, "北京" * 60, "1." * 60, "13812345678"])
documents = st.lists(st.one_of(chains, points, glue, padding), max_size=10).map("".join)


@settings(max_examples=300, deadline=None)
@given(documents, st.booleans())
def test_the_gate_loses_and_invents_nothing(text: str, widened: bool) -> None:
    text = full_width(text) if widened else text
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@settings(max_examples=300, deadline=None)
@given(documents, st.booleans())
def test_anchors_match_within_reach_of_every_finding(text: str, widened: bool) -> None:
    raw = full_width(text) if widened else text
    for rule in RULES:
        for start, end, _ in rule.findings(raw.translate(FOLD)):
            assert end - start <= rule.longest
            near = raw[max(0, start - 24) : end + 12]
            assert re.search(rule.anchor, near)
            assert pc.match_substring_regex(pa.array([near]), rule.anchor)[0].as_py()


@pytest.mark.parametrize("unit", ["区", "路", "北京市", "1号", "小区3栋", "幸福", "39.909231 ", "定位", "1°", "路1"])
def test_monotonous_documents_come_to_an_end(unit: str) -> None:
    DETECTOR.find("路1号 " + unit * (100_000 // len(unit)) + " 路1号")  # quadratic work would take minutes
