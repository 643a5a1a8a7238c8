-- title: 个人信息，按来源与类型 / Personal information by source and type
-- about: class 不为 personal 的（组织机构标识、安全凭证）不计为个人信息 / what is not of the class personal is not counted as personal information
SELECT source_id, class, pii_type, sum(documents) FILTER (phase = 'collected')::BIGINT AS collected,
       coalesce(sum(documents) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted
FROM pii_stats GROUP BY source_id, class, pii_type ORDER BY source_id, list_position(['personal', 'organisation', 'credential'], class), pii_type
