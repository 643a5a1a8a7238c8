-- title: 各来源违规率（过滤前），由高到低 / Sources by rate of illegal or unhealthy items, before filtering
-- about: 5 % 规则用 violations * 20 > documents 判定；distinct 列按不同正文计，防止用副本稀释 / The 5 % rule is violations * 20 > documents; the distinct columns count different texts, so that copies cannot dilute
SELECT s.source_id, d.name, s.documents, s.violations, s.violation_rate, s.rate_low, s.rate_high, s.candidate_rate,
       s.distinct_documents, s.distinct_violations, s.status, s.needs_review, s.review_reasons
FROM source_stats s JOIN sources d USING (source_id)
ORDER BY s.violation_rate DESC NULLS LAST, s.source_id
