-- title: 个人信息，按来源与类型 / Personal information by source and type
SELECT source_id, pii_type, sum(documents) FILTER (phase = 'collected')::BIGINT AS collected,
       coalesce(sum(documents) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted
FROM pii_stats GROUP BY ALL ORDER BY source_id, pii_type
