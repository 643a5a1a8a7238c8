"""The checks K.ANN.*: each the query of what is wrong, how many things it looked at, the clause and the remedy.

`wrong` gives task, batch, item, person, day, detail. A check shows that a clause is kept only where it examined
something and found nothing wrong; one that could not be made has no count at all.
"""

from dataclasses import dataclass

from report.annotation.limits import BELOW_FLOOR, FLOOR_SECONDS, HOURS_A_DAY, RETRAIN_DAYS, TIMED

_BELOW = f"{BELOW_FLOOR[0] / BELOW_FLOOR[1]:.0%}"
_VOIDED = "(i.task, i.batch) IN (SELECT (task, batch) FROM voided)"
_TIMED = f"{TIMED[0] / TIMED[1]:.0%}"


@dataclass(frozen=True)
class Check:
    """A check. `possible` is a query whose false says that finding nothing proves nothing."""

    id: str
    clause_key: str
    title: str
    remedy: str
    examined: str
    wrong: str
    possible: str = "SELECT true"


CHECKS = (
    Check(
        "K.ANN.LOG.COMPLETE",
        "K.ANN.STAFF.ROLES",
        "审核、抽检的每个单元都有标注记录 / everything that was verified has a record of its annotation",
        "补全标注日志：缺少标注事件就看不出由谁标注 / complete the log: without the annotation nobody can tell who did it",
        "SELECT count(*) FROM (SELECT DISTINCT task, batch, item FROM verified)",
        "SELECT DISTINCT v.task, v.batch, v.item, NULL AS person, NULL AS day, '无标注事件 / no annotation' AS detail "
        "FROM verified v ANTI JOIN labelled l ON l.task = v.task AND l.batch = v.batch AND l.item = v.item",
    ),
    Check(
        "K.ANN.STAFF.ROLES",
        "K.ANN.STAFF.ROLES",
        "同一任务下无人兼任标注与审核 / nobody both annotates and reviews in one task",
        "由未参与该任务标注的人重新审核，并调整分工 / have somebody else review the task again, and part the work",
        "SELECT count(*) FROM persons_in_tasks",
        "SELECT task, NULL AS batch, NULL AS item, person, NULL AS day, '兼任标注与审核 / annotates and reviews' AS detail "
        "FROM persons_in_tasks WHERE labels AND verifies",
    ),
    Check(
        "K.ANN.STAFF.DIVIDED",
        "K.ANN.STAFF.ROLES",
        "每个任务都既有标注也有审核或抽检人员 / every task has both those who annotate and those who verify",
        "为该任务安排审核或抽检 / have the task reviewed or spot-checked",
        "SELECT count(DISTINCT task) FROM persons_in_tasks",
        "SELECT task, NULL AS batch, NULL AS item, NULL AS person, NULL AS day, '无审核、抽检人员 / nobody verifies' AS detail "
        "FROM persons_in_tasks GROUP BY task HAVING NOT bool_or(verifies)",
    ),
    Check(
        "K.ANN.STAFF.QUALIFIED",
        "K.ANN.STAFF.EXAM",
        "每个事件当日人员持有相应资质 / everybody was qualified for the work on its day",
        "补全台账；确无资质者所做的，由合格人员重做 / complete the staff list; what was done without a qualification is done again",
        "SELECT coalesce(sum(events), 0)::BIGINT FROM person_days",
        "SELECT NULL AS task, NULL AS batch, NULL AS item, person, day, work || '：' || events || ' 个事件当日无有效资质 / events "
        "without a qualification in force' AS detail, events AS weight FROM person_days WHERE NOT qualified",
    ),
    Check(
        "K.ANN.STAFF.RETRAINED",
        "K.ANN.STAFF.EXAM",
        f"每个事件之前 {RETRAIN_DAYS} 天内有考核或培训 / tested or trained within {RETRAIN_DAYS} days before every event",
        "重新培训考核并登记；每次培训在台账中各占一行 / train and test again; the staff list has a row for each training",
        "SELECT coalesce(sum(events), 0)::BIGINT FROM person_days",
        "SELECT NULL AS task, NULL AS batch, NULL AS item, person, day, work || '：' || events || ' 个事件之前未及时复训 / events "
        "without training in time' AS detail, events AS weight FROM person_days WHERE NOT trained",
    ),
    Check(
        "K.ANN.STAFF.TIME",
        "K.ANN.STAFF.TIME",
        f"每个任务中短于 {FLOOR_SECONDS} 秒的标注不超过 {_BELOW} / at most {_BELOW} of a task's annotations take less than "
        f"{FLOOR_SECONDS} s",
        f"核实用时；确实过快的重标。无用时记录的补记（至少 {_TIMED}） / look into it and have them done again; record durations of at least "
        f"{_TIMED}",
        "SELECT count(*) FROM task_times",
        "SELECT task, NULL AS batch, NULL AS item, NULL AS person, NULL AS day, below || ' / ' || timed || ' 短于下限 / below the "
        f"floor' AS detail FROM task_times WHERE below * {BELOW_FLOOR[1]} > {BELOW_FLOOR[0]} * timed",
        f"SELECT coalesce(bool_and(timed * {TIMED[1]} >= {TIMED[0]} * events), true) FROM task_times",
    ),
    Check(
        "K.ANN.STAFF.HOURS",
        "K.ANN.STAFF.TIME",
        f"每人每日记录工时不超过 {HOURS_A_DAY} 小时 / nobody records more than {HOURS_A_DAY} hours on one day",
        "核实账号是否多人共用、用时是否记错，并调整排期 / see whether several people share an id, or durations are wrong; plan more time",
        "SELECT count(*) FROM (SELECT DISTINCT person, day FROM person_days)",
        "SELECT NULL AS task, NULL AS batch, NULL AS item, person, day, round(sum(ms) / 3600000, 1)::DECIMAL(9, 1) || ' 小时 / hours' AS "
        f"detail FROM person_days GROUP BY person, day HAVING sum(ms) > {HOURS_A_DAY * 3_600_000}",
        f"SELECT count(ms) * {TIMED[1]} >= {TIMED[0]} * count(*) FROM events WHERE role <> 'void'",
    ),
    Check(
        "K.ANN.KINDS",
        "K.ANN.RULE.KINDS",
        "每个单元只属功能性或安全性之一 / every unit is either functional or of safety",
        "改正日志中的类别，或分开标注 / correct the kind in the log, or annotate them apart",
        "SELECT count(*) FROM labelled",
        "SELECT task, batch, item, NULL AS person, NULL AS day, '同时记为两类 / logged as both' AS detail FROM events "
        "WHERE item IS NOT NULL GROUP BY task, batch, item HAVING count(DISTINCT kind) > 1",
    ),
    Check(
        "K.ANN.ACC.SAFE",
        "K.ANN.ACC.SAFE",
        "安全性标注逐条由他人审核通过；作废的不在准入语料中 / every unit of safety annotation was passed by a reviewer who did not annotate "
        "it, or voided and not admitted",
        "补审；重标后须再审；作废的从来源中剔除 / review them; what was relabelled is reviewed again; what was voided is taken out",
        "SELECT count(*) FROM items WHERE safety",
        "SELECT i.task, i.batch, i.item, NULL AS person, NULL AS day, CASE WHEN reviewed THEN '最近一次标注后未审核通过 / not passed since it "
        "was labelled last' ELSE '无他人审核 / not reviewed by another' END AS detail "
        f"FROM items i WHERE safety AND NOT passed AND (NOT {_VOIDED} OR (i.task, i.batch, i.item) IN (FROM still_admitted))",
        f"SELECT (SELECT linked FROM looked_up) OR NOT EXISTS (FROM items i WHERE safety AND NOT passed AND {_VOIDED})",
    ),
    Check(
        "K.ANN.ACC.FUNC.SPOT",
        "K.ANN.ACC.FUNC",
        "每批功能性标注都经他人抽检 / every batch of functional annotation was spot-checked by others",
        "抽检该批 / spot-check the batch",
        "SELECT count(*) FROM batches WHERE functional",
        "SELECT task, batch, NULL AS item, NULL AS person, NULL AS day, '未抽检 / not spot-checked' AS detail "
        "FROM batches WHERE functional AND spot_checked = 0 AND voided_day IS NULL",
    ),
    Check(
        "K.ANN.ACC.FUNC.RELABELLED",
        "K.ANN.ACC.FUNC",
        "发现不准确的都已重标 / what was found wrong was labelled again",
        "重标这些单元 / label them again",
        "SELECT count(*) FROM batches WHERE functional",
        "SELECT i.task, i.batch, i.item, NULL AS person, NULL AS day, '不准确而未重标 / wrong and not relabelled' AS detail "
        "FROM items i ANTI JOIN voided v ON v.task = i.task AND v.batch = i.batch WHERE functional AND not_relabelled",
    ),
    Check(
        "K.ANN.ACC.FUNC.VOIDED",
        "K.ANN.ACC.FUNC",
        "发现违法不良信息的功能性批次都已整批作废 / batches with illegal or unhealthy content were voided",
        "整批作废，并从训练语料中剔除 / void the batch and take it out of the corpus",
        "SELECT count(*) FROM batches WHERE functional",
        "SELECT task, batch, NULL AS item, NULL AS person, NULL AS day, illegal || ' 个单元含违法不良信息 / units with illegal content' AS "
        "detail FROM batches WHERE functional AND illegal > 0 AND voided_day IS NULL",
    ),
    Check(
        "K.ANN.ACC.FUNC.ABSENT",
        "K.ANN.ACC.FUNC",
        "作废批次不在本次运行的准入语料中 / nothing of a voided batch is admitted in the run",
        "从来源中剔除这些语料并重新运行；查不到时日志须写 doc_id / take them out of the sources and run again; the log must name doc_ids",
        "SELECT count(*) FROM batches WHERE functional",
        "SELECT task, batch, item, NULL AS person, NULL AS day, '作废而仍准入 / voided and admitted' AS detail FROM still_admitted",
        "SELECT linked FROM looked_up",
    ),
)


def wrong_counted(check: Check) -> str:
    """A query of the number of things that are wrong: rows, or what their `weight` adds up to."""
    weighed = "sum(weight)" if " AS weight " in check.wrong else "count(*)"
    return f"SELECT coalesce({weighed}, 0)::BIGINT FROM ({check.wrong})"
