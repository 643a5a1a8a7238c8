-- title: 黑名单来源为何上榜，各附最严重的例证 / Why sources and domains are blacklisted, with their worst examples
-- about: 每个来源或域名至多 5 条语料，违规发现多者在前；摘录已脱敏，为其中一处 / At most five documents each, most violations first; the excerpt is masked and one of those found
WITH listed AS (SELECT *, CASE scope WHEN 'domain' THEN 'domain' ELSE 'source' END AS kind FROM blacklist WHERE active),
violating AS (
    SELECT 'source' AS kind, source_id AS source_key, * FROM findings WHERE verdict = 'violation'
    UNION ALL
    SELECT 'domain', d."domain", f.* FROM findings f JOIN documents d USING (source_id, shard, "row")
    WHERE f.verdict = 'violation' AND d."domain" IN (SELECT source_key FROM listed WHERE kind = 'domain')),
found AS (
    SELECT b.source_key, b.scope, v.doc_id, v.shard, v."row", count(*) AS violations,
           list_sort(list(DISTINCT v.risk_id)) AS risks, list_sort(list(DISTINCT v.detector)) AS detectors,
           arg_min(v.excerpt, (v.detector NOT LIKE 'keywords@%', -coalesce(v.score, 0), v."start")) AS excerpt
    FROM violating v JOIN listed b USING (kind, source_key) GROUP BY b.source_key, b.scope, v.source_id, v.doc_id, v.shard, v."row"),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY source_key, scope ORDER BY violations DESC, doc_id, shard, "row") AS n FROM found)
SELECT b.source_key, b.scope, b.reason, b.rate, b.documents, b.decided_by, r.n AS example, r.doc_id, r.violations, r.risks,
       r.detectors, r.excerpt
FROM listed b LEFT JOIN ranked r ON r.source_key = b.source_key AND r.scope = b.scope AND r.n <= 5
ORDER BY b.source_key, b.scope, r.n
