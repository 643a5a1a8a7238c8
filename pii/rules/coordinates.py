"""Coordinates of a place, and where somebody was when: points and stops that follow one another in time."""

import re
from string import ascii_letters

from pii.rule import CONTEXTUAL, DIGIT, DOT, REJECTED, UNSURE, WEAK, Rule, wide
from pii.surroundings import before
from pii.waypoints import AXIS_GAP, POINT, POINT_AND_TIME, POINTS_APART, STOP, STOPS_APART, TIME_AND_POINT

# Degrees in or beside China; what makes a place of them are four decimals, or seconds.
_LONG_AXIS = r"(?:纬度|经度|[东西]经|[南北]纬|(?ai:latitude|longitude|lat|lng|lon|long))"
_DEMOS = frozenset(
    ("39.9042", "116.4074", "39.915", "39.9150", "116.404", "116.4040", "39.90923", "116.397428", "31.2304", "121.4737")
)
_WORDS = (
    *("经纬度", "坐标", "定位", "位置", "轨迹", "导航", "经度", "纬度", "行踪", "足迹"),
    *("gps", "location", "lnglat", "latlng", "lng", "lat", "coordinate", "coordinates", "geo", "position", "point"),
)


def _check(text: str, start: int, end: int) -> float:
    numbers = re.findall(r"[0-9]{1,3}\.[0-9]{4,15}", text[start:end])
    if len(numbers) != 2:
        return REJECTED
    one, other = map(float, numbers)
    inside = (3 <= one <= 54 and 73 <= other <= 135) or (3 <= other <= 54 and 73 <= one <= 135)
    if not inside:
        return REJECTED
    return WEAK if _DEMOS.issuperset(numbers) else CONTEXTUAL


def _check_unlabelled(text: str, start: int, end: int) -> float:
    return UNSURE if _check(text, start, end) == CONTEXTUAL else REJECTED


_MINUTES = r"[0-5]?[0-9] ?['′’] ?[0-5]?[0-9](?:\.[0-9]{1,6})? ?(?:[\"″”]|'')"
_MINUTES_HAN = r"[0-5]?[0-9]分[0-5]?[0-9](?:\.[0-9]{1,6})?秒"
_DMS = rf"(?:[3-9]|[1-9][0-9]|1[0-3][0-9]) ?(?:[°º˚度] ?(?:{_MINUTES}|{_MINUTES_HAN}))"


def _check_minutes(text: str, start: int, end: int) -> float:
    """Places in encyclopaedias and laws are given so too: a word of the context must say that somebody is there."""
    found = [int(number) for number in re.findall(r"([0-9]{1,3}) ?[°º˚度]", text[start:end])]
    if len(found) != 2 or not (3 <= min(found) <= 54 and 73 <= max(found) <= 135):
        return REJECTED
    return UNSURE


_OF_SOMEBODY = re.compile(
    "轨迹|行踪|行程|足迹|踪迹|軌跡|行蹤|足跡|活动|去向|路线|流调|密接|病例|确诊|定位|监控|跟踪|跟拍|尾随|出行|外出|动向|活动情况|(?ai:track|trace|route|trip|lng|lon|lat|gps)"
)
_PLAN = re.compile("日程|安排|计划|列车|航班|班次|车次|时刻|游览|一日游|旅游|线路")


def _check_stop(text: str, start: int, end: int) -> float:
    ahead = before(text, start)
    return CONTEXTUAL if _OF_SOMEBODY.search(ahead) and not _PLAN.search(ahead) else REJECTED


def _check_point(text: str, start: int, end: int) -> float:
    found = re.search(POINT, text[start:end])
    return REJECTED if found is None else _check(text, start + found.start(), start + found.end())


_RAW_SPACE = wide(" ") + "?"
_QUOTES = wide("\"'*:=> ([{,")[:-1] + "为是]*"
_RAW_AXIS = (
    "(?:[经纬度]|"
    + "|".join("".join(wide(char + char.upper()) for char in word) for word in ("lat", "lng", "lon"))
    + ")"
)
_RAW_NORTH = wide("NE") + _RAW_SPACE
_RAW_DEGREES = rf"{DIGIT}{DOT}{DIGIT}{{4}}"
# between the two: marks, and the name of the other axis
_RAW_BETWEEN = wide("\"'*:=> ([,;/|&\n" + ascii_letters)[:-1] + "°、为是东西经南北纬度]*"
_RAW_PAIR = rf"{DOT}{DIGIT}{{4}}{DIGIT}*{_RAW_BETWEEN}{DIGIT}{{1,3}}{DOT}{DIGIT}{{4}}"
_RAW_MINUTES = rf"{wide(':')}{DIGIT}{{2}}"
_RAW_GO = "(?:到|抵|离|进|前往|返|从|乘|途|经|去|回|在|出|入|驶|上车|下车|打卡|签|于)"

RULES: tuple[Rule, ...] = (
    Rule(
        "coordinates_by_axis",
        "PRECISE_LOCATION",
        rf"(?<![0-9A-Za-z.])(?:{_LONG_AXIS}{AXIS_GAP}|[NE] ?)(?=(?P<value>{POINT}))",
        rf"(?:{_RAW_AXIS}{wide(ascii_letters)}*{_QUOTES}|{_RAW_NORTH}){DIGIT}{{0,2}}{_RAW_DEGREES}",
        _check,
        longest=72,
    ),
    Rule(
        "coordinates",
        "PRECISE_LOCATION",
        rf"(?<![0-9A-Za-z.])(?P<value>{POINT})",
        _RAW_PAIR,
        _check_unlabelled,
        _WORDS,
        mandatory=True,
        longest=72,
    ),
    Rule(
        "coordinates_in_minutes",
        "PRECISE_LOCATION",
        rf"(?<![0-9.]){_DMS} ?[NEne]?[,;/、 ]{{0,2}}(?:[东北][经纬]|[NEne])? ?{_DMS}(?: ?[NEne](?![A-Za-z]))?",
        rf"[°º˚度]{_RAW_SPACE}{DIGIT}{{1,2}}{_RAW_SPACE}['＇′’分]",
        _check_minutes,
        ("定位", "坐标", "轨迹", "所在位置", "当前位置", "签到", "gps", "location"),
        mandatory=True,
        longest=64,
    ),
    Rule(
        "track_of_stops",
        "TRACK",
        rf"(?P<value>{STOP})(?={STOPS_APART}{STOP}{STOPS_APART}{STOP})",
        rf"(?:{_RAW_MINUTES}|{DIGIT}[点时分]|点半)(?:左右|许)?{wide(',: ')}*{_RAW_GO}",
        _check_stop,
        longest=232,
    ),
    Rule(
        "track_of_timed_points",
        "TRACK",
        rf"(?P<value>{TIME_AND_POINT})(?={POINTS_APART}{TIME_AND_POINT}{POINTS_APART}{TIME_AND_POINT})",
        _RAW_PAIR,
        _check_point,
        longest=340,
    ),
    Rule(
        "track_of_points_and_times",
        "TRACK",
        rf"(?P<value>{POINT_AND_TIME})(?={POINTS_APART}{POINT_AND_TIME}{POINTS_APART}{POINT_AND_TIME})",
        _RAW_PAIR,
        _check_point,
        longest=340,
    ),
)
