"""The queries of the aggregates in `annotation.*`, over the derived tables; columns as in declared_tables.yaml."""

from report.annotation.derived import LABELLING
from report.annotation.limits import FLOOR_SECONDS

_DAY = "strftime({}, '%Y-%m-%d')"

_LOG = f"""
SELECT NULL AS file, NULL AS sha256, NULL AS staff_file, NULL AS staff_sha256, count(*) AS events, NULL AS repeated,
       count(DISTINCT task) AS tasks, (SELECT count(*) FROM (SELECT DISTINCT task, batch FROM events)) AS batches,
       (SELECT count(*) FROM labelled) AS items, count(DISTINCT person) AS persons,
       {_DAY.format("min(day)")} AS first_day, {_DAY.format("max(day)")} AS last_day, NULL AS run_id
FROM events
"""

# 核验: a review of safety annotation, a spot check of functional annotation.
_KINDS = f"""
WITH kinds AS (SELECT unnest(['functional', 'safety']) AS kind),
sorted AS (
  SELECT CASE WHEN k.kind = 'safety' THEN i.passed ELSE i.spot_qualified END AS qualified,
         CASE WHEN k.kind = 'safety' THEN i.reviewed ELSE i.spot_checked END AS checked,
         k.kind, i.task, i.batch, v.task IS NOT NULL AS void
  FROM kinds k JOIN items i ON CASE WHEN k.kind = 'safety' THEN i.safety ELSE i.functional END
  LEFT JOIN voided v ON v.task = i.task AND v.batch = i.batch),
counted AS (
  SELECT kind, count(*) AS items, count(*) FILTER (void) AS voided_items, count(DISTINCT (task, batch)) AS batches,
         count(DISTINCT (task, batch)) FILTER (void) AS voided_batches,
         count(*) FILTER (checked) AS checked_items, count(*) FILTER (checked AND qualified) AS qualified_items
  FROM sorted GROUP BY kind),
people AS (
  SELECT kind, count(DISTINCT person) FILTER (role IN {LABELLING}) AS annotators,
         count(DISTINCT person) FILTER (role IN ('review', 'spot_check')) AS reviewers,
         sum(ms) FILTER (role IN {LABELLING}) / 1000 AS seconds,
         quantile_cont(ms, 0.5) FILTER (role IN {LABELLING}) / 1000 AS median_seconds
  FROM events GROUP BY kind)
SELECT kind, items, voided_items, coalesce(annotators, 0) AS annotators, coalesce(reviewers, 0) AS reviewers,
       batches, voided_batches, checked_items, checked_items / items AS checked_share,
       qualified_items, qualified_items / nullif(checked_items, 0) AS qualified_share,
       seconds::DOUBLE AS seconds, median_seconds::DOUBLE AS median_seconds
FROM counted LEFT JOIN people USING (kind) ORDER BY kind
"""

_EVENTS = f"""
SELECT kind, role, count(*) AS events, count(DISTINCT (task, batch, item)) FILTER (item IS NOT NULL) AS items,
       count(DISTINCT person) AS persons, count(*) - count(ms) AS without_time,
       (sum(ms) / 1000)::DOUBLE AS seconds, (quantile_cont(ms, 0.5) / 1000)::DOUBLE AS median_seconds,
       count(*) FILTER (ms < {FLOOR_SECONDS * 1000}) AS below_floor
FROM events GROUP BY kind, role ORDER BY kind, role
"""

_TASKS = f"""
SELECT e.task, count(DISTINCT (batch, item)) FILTER (role IN {LABELLING}) AS items, count(DISTINCT batch) AS batches,
       any_value(p.annotators) AS annotators, any_value(p.reviewers) AS reviewers, any_value(p.in_two_roles) AS in_two_roles,
       {_DAY.format("min(day)")} AS first_day, {_DAY.format("max(day)")} AS last_day
FROM events e JOIN (
  SELECT task, count(*) FILTER (labels) AS annotators, count(*) FILTER (verifies) AS reviewers,
         count(*) FILTER (labels AND verifies) AS in_two_roles
  FROM persons_in_tasks GROUP BY task) p ON p.task = e.task
GROUP BY e.task ORDER BY e.task
"""

_BATCHES = f"""
SELECT b.task, b.batch, kind, items, reviewed, passed, spot_checked, spot_checked / items AS spot_share, spot_qualified,
       spot_qualified / nullif(spot_checked, 0) AS qualified_rate, inaccurate, not_relabelled, illegal,
       voided_day IS NOT NULL AS voided, {_DAY.format("voided_day")} AS voided_day,
       c.admitted AS admitted_items, c.unknown AS unknown_items
FROM batches b LEFT JOIN void_counts c ON c.task = b.task AND c.batch = b.batch ORDER BY b.task, b.batch
"""

_STAFF = f"""
WITH listed AS (
  SELECT person, any_value(employment) AS employment, list_sort(list_distinct(flatten(list(roles)))) AS roles,
         min(qualified_from) AS qualified_from, max(coalesce(qualified_to, DATE '9999-12-31')) AS qualified_to,
         max(trained_at) AS trained_at, sum(minutes) AS minutes, count(trained_at) AS trainings
  FROM staff GROUP BY person),
worked AS (
  SELECT person, count(DISTINCT task) AS tasks, count(*) FILTER (role IN {LABELLING}) AS annotated,
         count(*) FILTER (role NOT IN {LABELLING}) AS checked, count(DISTINCT day) AS days, sum(ms) AS ms,
         quantile_cont(ms, 0.5) FILTER (role IN {LABELLING}) AS median_ms
  FROM events GROUP BY person),
days AS (
  SELECT person, max(ms) AS most_ms, sum(without) AS without
  FROM (SELECT person, day, sum(ms) AS ms, sum(events) FILTER (NOT qualified) AS without FROM person_days GROUP BY person, day)
  GROUP BY person)
SELECT person, employment, roles, {_DAY.format("qualified_from")} AS qualified_from,
       CASE WHEN qualified_to < DATE '9999-12-31' THEN {_DAY.format("qualified_to")} END AS qualified_to,
       {_DAY.format("trained_at")} AS trained_at, (minutes / 60)::DOUBLE AS training_hours, trainings,
       coalesce(tasks, 0) AS tasks, coalesce(annotated, 0) AS annotated, coalesce(checked, 0) AS checked,
       coalesce(days, 0) AS days, (ms / 3600000)::DOUBLE AS hours, (most_ms / 3600000)::DOUBLE AS most_hours,
       (median_ms / 1000)::DOUBLE AS median_seconds, coalesce(without, 0)::BIGINT AS without_qualification
FROM listed FULL JOIN worked USING (person) LEFT JOIN days USING (person) ORDER BY person
"""

QUERIES = {"log": _LOG, "kinds": _KINDS, "events": _EVENTS, "tasks": _TASKS, "batches": _BATCHES, "staff": _STAFF}
