-- title: 评估轮次登记簿：每一轮，含未通过与放弃者 / The register of assessment rounds: every round, also failed and abandoned ones
-- about: 取自 rounds/register.ndjson；公开值须先指名、后公布；from_verdicts 为改动是否出自上一轮判定 / From rounds/register.ndjson; the public value is named before it appears; from_verdicts: whether what was changed came from the verdicts of the round before
-- table: round state opened_at public_value value manual_judged manual_failures failures_allowed conclusion abandoned_because
WITH opened AS (SELECT * FROM round_log WHERE event = 'opened'),
valued AS (SELECT * FROM round_log WHERE event = 'valued'),
drawn AS (SELECT * FROM round_log WHERE event = 'drawn'),
failed AS (SELECT round, count(*) AS draws FROM round_log WHERE event = 'draw_failed' GROUP BY round),
closed AS (SELECT * FROM round_log WHERE event = 'closed'),
abandoned AS (SELECT * FROM round_log WHERE event = 'abandoned')
SELECT o.round,
       CASE WHEN a.round IS NOT NULL THEN '已放弃 / abandoned' WHEN (c.details->>'passed')::BOOLEAN THEN '已关闭，通过 / closed, passed'
            WHEN c.round IS NOT NULL THEN '已关闭，未通过 / closed, failed' WHEN d.round IS NOT NULL THEN '判定中 / being judged'
            ELSE '已冻结，待抽取 / frozen, to be drawn' END AS state,
       left(o.time, 19) AS opened_at, o.details->>'by' AS opened_by, o.details->>'run_id' AS run_id,
       (o.details->'frame'->>'documents')::BIGINT AS frame_documents, left(o.details->'frame'->>'sha256', 12) AS frame,
       o.details->'public_value'->>'name' AS public_value, o.details->'public_value'->>'source' AS published_where,
       o.details->'public_value'->>'expected_at' AS expected_at, coalesce(v.details->>'value', d.details->>'value') AS value,
       left(coalesce(v.time, d.details->>'value_recorded_at', d.time), 19) AS value_recorded_at, coalesce(f.draws, 0) AS failed_draws,
       d.details->'carried'->>'from' AS carried_from, (d.details->'carried'->>'items')::BIGINT AS carried_items,
       o.details->>'changes' AS changes, (o.details->>'from_verdicts')::BOOLEAN AS from_verdicts,
       left(coalesce(c.time, a.time), 19) AS ended_at,
       TRY_CAST(c.details->'outcome'->'manual'->>'judged' AS BIGINT) AS manual_judged,
       TRY_CAST(c.details->'outcome'->'manual'->>'failures' AS BIGINT) AS manual_failures,
       TRY_CAST(c.details->'outcome'->'manual'->>'allowed' AS BIGINT) AS failures_allowed,
       c.details->'outcome'->'manual'->>'conclusion' AS conclusion, a.details->>'reason' AS abandoned_because
FROM opened o LEFT JOIN valued v USING (round) LEFT JOIN drawn d USING (round) LEFT JOIN failed f USING (round)
LEFT JOIN closed c USING (round) LEFT JOIN abandoned a USING (round)
ORDER BY o.seq
