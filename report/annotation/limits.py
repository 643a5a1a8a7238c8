"""Limits of the checks on annotation. The standard says “充足、合理” and “定期”; the numbers are this project's reading."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """A named number and what it means."""

    name: str
    value: float
    meaning: str


FLOOR_SECONDS = 2  # nobody reads, judges and records an item in less
BELOW_FLOOR = (1, 20)
HOURS_A_DAY = 11  # 8 hours and at most 3 of overtime: 劳动法 articles 36 and 41
RETRAIN_DAYS = 366
TIMED = (9, 10)
LINKED = (9, 10)

LIMITS = (
    Limit("floor_seconds", FLOOR_SECONDS, "标注一个单元的最短合理用时（秒） / least plausible seconds for one unit"),
    Limit(
        "below_floor",
        BELOW_FLOOR[0] / BELOW_FLOOR[1],
        "一个任务中短于该用时的标注至多占比 / largest share of a task's annotations below it",
    ),
    Limit("hours_a_day", HOURS_A_DAY, "每人每日工时上限 / most hours of one person on one day"),
    Limit("retrain_days", RETRAIN_DAYS, "距最近一次考核或培训的天数上限 / most days since the last test or training"),
    Limit(
        "timed",
        TIMED[0] / TIMED[1],
        "有用时记录的标注至少占比，否则不作用时检查 / least share of annotations with a duration",
    ),
    Limit(
        "linked",
        LINKED[0] / LINKED[1],
        "未作废单元中能在运行里查到者至少占比，否则不作作废残留检查 / least share of units not voided that the run knows",
    ),
)
