-- title: 黑名单来源为何上榜，各附例证 / Why sources are blacklisted, with examples
-- about: 摘录已脱敏；每个来源至多 5 条违规发现 / Excerpts are masked; at most five violations a source
WITH ranked AS (
    SELECT f.*, row_number() OVER (PARTITION BY f.source_id ORDER BY (f.detector = 'keywords@1') DESC, f.score DESC NULLS LAST, f.doc_id, f."start") AS n
    FROM findings f JOIN blacklist b ON b.source_key = f.source_id AND b.active
    WHERE f.verdict = 'violation')
SELECT b.source_key, b.scope, b.reason, b.rate, b.documents, r.doc_id, r.risk_id, r.detector, r.rule, r.score, r.excerpt
FROM blacklist b LEFT JOIN ranked r ON r.source_id = b.source_key AND r.n <= 5
WHERE b.active ORDER BY b.source_key, r.n
