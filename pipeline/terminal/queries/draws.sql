-- title: 每一次抽取：各轮各样本的条数与总体，含抽取未成、未通过与放弃者 / Every draw: samples and populations of each round, also draws and rounds that failed or were abandoned
-- about: 重抽必留痕：同一语料抽过几次一目了然；没有抽取的轮次也列出，sample 为空；draw_failed_because 为有原文取不到而停止 / Drawing again leaves its trace: how often a corpus was drawn from is seen here; rounds without a draw are listed too, with no sample; draw_failed_because: a text could not be had, and nothing is replaced
-- table: round draw drawn_at sample items population draw_failed_because round_passed abandoned_because
WITH opened AS (SELECT * FROM round_log WHERE event = 'opened'),
draws AS (SELECT *, row_number() OVER (PARTITION BY round ORDER BY seq) AS draw FROM round_log WHERE event IN ('drawn', 'draw_failed')),
valued AS (SELECT * FROM round_log WHERE event = 'valued'),
samples AS (SELECT seq, unnest(json_keys(details->'sizes')) AS sample FROM draws WHERE event = 'drawn'),
closed AS (SELECT * FROM round_log WHERE event = 'closed'),
abandoned AS (SELECT * FROM round_log WHERE event = 'abandoned')
SELECT o.round, d.draw, o.details->>'run_id' AS run_id, left(o.details->'frame'->>'sha256', 12) AS frame, left(d.time, 19) AS drawn_at,
       coalesce(d.details->>'seed', v.details->>'seed') AS seed, s.sample, (d.details->'sizes'->>s.sample)::BIGINT AS items,
       (d.details->'strata'->>s.sample)::BIGINT AS population, left(d.details->>'items_sha256', 12) AS items_sha256,
       CASE d.event WHEN 'draw_failed' THEN d.details->>'reason' END AS draw_failed_because,
       (c.details->>'passed')::BOOLEAN AS round_passed, a.details->>'reason' AS abandoned_because
FROM opened o LEFT JOIN draws d USING (round) LEFT JOIN valued v USING (round) LEFT JOIN samples s ON s.seq = d.seq
LEFT JOIN closed c USING (round) LEFT JOIN abandoned a USING (round)
ORDER BY o.seq, d.seq, s.sample
