-- title: 各风险命中，按来源 / Documents by risk and source
-- about: collected 为过滤前，admitted 为进入训练者 / collected is before filtering
SELECT risk_id, source_id, sum(documents) FILTER (phase = 'collected')::BIGINT AS collected,
       coalesce(sum(documents) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted
FROM risk_stats GROUP BY ALL ORDER BY risk_id, collected DESC, source_id
