"""What follows from the events: labelled items, what checks said of them, batches, persons by day; as tables of DuckDB.

A person's work in a task is either labelling (annotate, relabel) or checking (review, spot_check, void). A check counts
only where somebody else labelled the item, and after that. An item is known by task, batch and id.
"""

from report.annotation.limits import FLOOR_SECONDS, RETRAIN_DAYS

LABELLING = "('annotate', 'relabel')"
CHECKING = "('review', 'spot_check')"

# In order. Sums are of whole milliseconds: the same for any order of rows.
DERIVED = f"""
CREATE TABLE events AS SELECT DISTINCT *, moment::DATE AS day FROM log;
CREATE TABLE staff AS SELECT DISTINCT * FROM staff_list;

CREATE TABLE labelled AS
SELECT task, batch, item, min(moment) AS first_at, max(moment) AS last_at, max(moment) FILTER (role = 'relabel') AS relabelled_at,
       bool_or(kind = 'functional') AS functional, bool_or(kind = 'safety') AS safety
FROM events WHERE role IN {LABELLING} GROUP BY ALL;

CREATE TABLE verified AS
SELECT e.task, e.batch, e.item, e.moment, e.role, e.result,
       l.person IS NULL AS by_other
FROM events e LEFT JOIN (SELECT DISTINCT task, batch, item, person FROM events WHERE role IN {LABELLING}) l
     ON l.task = e.task AND l.batch = e.batch AND l.item = e.item AND l.person = e.person
WHERE e.role IN {CHECKING};

-- A review passes where it is of what was labelled last, by somebody else, and nothing said after it contradicts it.
CREATE TABLE items AS
WITH said AS (
  SELECT task, batch, item,
         bool_or(role = 'review' AND by_other AND v.moment >= l.first_at) AS reviewed,
         max(v.moment) FILTER (role = 'review' AND by_other AND result = 'passed' AND v.moment >= l.last_at) AS passed_at,
         max(v.moment) FILTER (result <> 'passed' AND v.moment >= l.last_at) AS failed_at,
         bool_or(role = 'spot_check' AND by_other AND v.moment >= l.first_at) AS spot_checked,
         bool_or(role = 'spot_check' AND result <> 'passed') AS spot_failed,
         max(v.moment) FILTER (result = 'inaccurate') AS inaccurate_at,
         bool_or(result = 'illegal') AS illegal
  FROM labelled l JOIN verified v USING (task, batch, item) GROUP BY ALL)
SELECT l.task, l.batch, l.item, l.functional, l.safety,
       coalesce(s.reviewed, false) AS reviewed,
       coalesce(s.passed_at IS NOT NULL AND (s.failed_at IS NULL OR s.failed_at < s.passed_at), false) AS passed,
       coalesce(s.spot_checked, false) AS spot_checked,
       coalesce(s.spot_checked AND NOT s.spot_failed, false) AS spot_qualified,
       s.inaccurate_at IS NOT NULL AS inaccurate,
       coalesce(s.inaccurate_at > coalesce(l.relabelled_at, '-infinity'::TIMESTAMP), false) AS not_relabelled,
       coalesce(s.illegal, false) AS illegal
FROM labelled l LEFT JOIN said s USING (task, batch, item);

CREATE TABLE voided AS SELECT task, batch, min(day) AS day FROM events WHERE role = 'void' GROUP BY ALL;

CREATE TABLE batches AS
SELECT i.task, i.batch, bool_or(functional) AS functional,
       CASE WHEN bool_or(functional) AND bool_or(safety) THEN 'mixed' WHEN bool_or(safety) THEN 'safety' ELSE 'functional' END AS kind,
       count(*) AS items, count(*) FILTER (reviewed) AS reviewed, count(*) FILTER (passed) AS passed,
       count(*) FILTER (spot_checked) AS spot_checked, count(*) FILTER (spot_qualified) AS spot_qualified,
       count(*) FILTER (inaccurate) AS inaccurate, count(*) FILTER (not_relabelled) AS not_relabelled,
       count(*) FILTER (illegal AND functional) AS illegal, any_value(v.day) AS voided_day
FROM items i LEFT JOIN voided v ON v.task = i.task AND v.batch = i.batch GROUP BY i.task, i.batch;

CREATE TABLE persons_in_tasks AS
SELECT task, person, bool_or(role IN {LABELLING}) AS labels, bool_or(role NOT IN {LABELLING}) AS verifies
FROM events GROUP BY ALL;

-- Whether a person was qualified for what they did on a day, and tested or trained in time before it.
CREATE TABLE person_days AS
WITH worked AS (
  SELECT person, day, CASE WHEN role IN {LABELLING} THEN 'annotate' ELSE 'review' END AS work,
         count(*) AS events, sum(ms)::BIGINT AS ms
  FROM events GROUP BY ALL)
SELECT w.*, bool_or(coalesce(list_contains(s.roles, w.work) AND s.qualified_from <= w.day
                             AND (s.qualified_to IS NULL OR w.day <= s.qualified_to), false)) AS qualified,
       coalesce(max(greatest(CASE WHEN s.qualified_from <= w.day THEN s.qualified_from END,
                             CASE WHEN s.trained_at <= w.day THEN s.trained_at END))
                >= w.day - {RETRAIN_DAYS}, false) AS trained
FROM worked w LEFT JOIN staff s ON s.person = w.person GROUP BY w.person, w.day, w.work, w.events, w.ms;

CREATE TABLE task_times AS
SELECT task, count(*) AS events, count(ms) AS timed, count(*) FILTER (ms < {FLOOR_SECONDS * 1000}) AS below
FROM events WHERE role IN {LABELLING} GROUP BY ALL;
"""
