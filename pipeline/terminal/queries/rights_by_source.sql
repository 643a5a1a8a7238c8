-- title: 涉知识产权的提示，按来源 / Hints of intellectual property by source
-- about: 仅提示应由知识产权负责人核查之处，不判定侵权；一条语料可含多种提示，各行不可相加 / where the person responsible should look, never a verdict; a document may hold several kinds, so rows do not add up
WITH counted AS (
    SELECT source_id, indicator, coalesce(sum(documents) FILTER (phase = 'collected'), 0)::BIGINT AS collected,
           coalesce(sum(documents) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted,
           coalesce(sum(findings) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted_findings,
           coalesce(sum(bytes) FILTER (phase = 'admitted'), 0)::BIGINT AS admitted_bytes
    FROM rights_stats GROUP BY source_id, indicator)
SELECT c.*, round(c.admitted / nullif(s.admitted_documents, 0), 6) AS admitted_share, d.licence
FROM counted c JOIN source_stats s USING (source_id) JOIN sources d USING (source_id)
ORDER BY source_id, indicator
