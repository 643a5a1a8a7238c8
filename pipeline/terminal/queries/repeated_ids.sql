-- title: 来源内重复的编号（每份都已保留、审计、计数） / Ids repeated within a source; every copy is kept, audited and counted
-- about: 至多列 1000 个编号 / At most 1000 ids are listed
SELECT source_id, doc_id, count(*) AS copies, count(DISTINCT content_hash) AS different_texts,
       min(shard || '#' || "row") AS first_place
FROM documents GROUP BY source_id, doc_id HAVING count(*) > 1 ORDER BY copies DESC, doc_id LIMIT 1000
