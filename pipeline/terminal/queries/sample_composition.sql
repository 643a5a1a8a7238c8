-- title: 样本构成与总体对照 / Samples against the admitted corpus
SELECT d.source_id, count(*) AS admitted, round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS percent,
       count(m.doc_id) AS manual, count(t.doc_id) AS technical
FROM documents d
LEFT JOIN manual_sample m USING (source_id, shard, "row") LEFT JOIN technical_sample t USING (source_id, shard, "row")
WHERE d.admitted GROUP BY d.source_id ORDER BY d.source_id
