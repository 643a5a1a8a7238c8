-- title: 各域名违规率（20 条及以上，其余并为长尾） / Rates by domain from 20 documents upward; smaller ones are pooled
WITH counted AS (
    SELECT source_id, domain, count(*) AS documents, count(*) FILTER (illegal_unhealthy) AS violations
    FROM documents WHERE domain IS NOT NULL GROUP BY ALL)
SELECT source_id, CASE WHEN documents >= 20 THEN domain ELSE '长尾域名 / tail' END AS domain, sum(documents)::BIGINT AS documents,
       sum(violations)::BIGINT AS violations, round(sum(violations) / sum(documents), 6) AS violation_rate
FROM counted GROUP BY ALL ORDER BY violation_rate DESC, documents DESC, source_id, 2
