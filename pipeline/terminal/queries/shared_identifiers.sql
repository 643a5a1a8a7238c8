-- title: 在多个来源出现的同一标识 / Identifiers that occur in more than one source
-- about: 按加盐 HMAC 比对，同一输出文件夹内有效；姓名可能同名 / compared by their salted HMAC within one output folder; equal names may be different persons
SELECT pii_type, hmac, any_value(excerpt) AS mask, count(DISTINCT source_id) AS sources,
       list_sort(list(DISTINCT source_id)) AS source_ids, count(DISTINCT (source_id, shard, "row")) AS documents,
       count(*) AS findings, min(doc_id) AS example
FROM findings WHERE verdict IN ('personal_information', 'organisation', 'credential')
GROUP BY pii_type, hmac HAVING count(DISTINCT source_id) > 1
ORDER BY sources DESC, documents DESC, pii_type, hmac LIMIT 1000
