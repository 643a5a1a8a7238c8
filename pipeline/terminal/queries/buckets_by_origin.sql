-- title: 语料类型规模，按境内外与来源大类（进入训练） / Size by bucket, region and kind of source, admitted to training
-- about: 混合来源按域名拆分；collected_documents 为采集数；GB = 10⁹ 字节未压缩 UTF-8 正文 / Mixed sources are split by domain; collected_documents counts what was collected; GB = 10⁹ bytes of uncompressed UTF-8 text
WITH mixed AS (SELECT DISTINCT source_id FROM source_regions),
parts AS (
    SELECT s.region, s.kind, b.bucket, b.phase, b.documents, b.bytes
    FROM bucket_stats b JOIN sources s USING (source_id) ANTI JOIN mixed USING (source_id)
    UNION ALL
    SELECT coalesce(r.region, s.region), s.kind, d.bucket, p.phase, count(*), sum(d.bytes)
    FROM documents d SEMI JOIN mixed USING (source_id) JOIN sources s USING (source_id)
    LEFT JOIN source_regions r ON r.source_id = d.source_id AND r."domain" = d."domain"
    JOIN (VALUES ('collected'), ('admitted')) p(phase) ON p.phase = 'collected' OR d.admitted
    GROUP BY ALL)
SELECT bucket, region, kind, coalesce(sum(documents) FILTER (phase = 'admitted'), 0)::BIGINT AS documents,
       coalesce(sum(bytes) FILTER (phase = 'admitted'), 0)::BIGINT AS bytes,
       round(coalesce(sum(bytes) FILTER (phase = 'admitted'), 0) / 1e9, 6) AS gigabytes,
       round(100.0 * coalesce(sum(bytes) FILTER (phase = 'admitted'), 0)
             / nullif(sum(sum(bytes) FILTER (phase = 'admitted')) OVER (PARTITION BY bucket), 0), 2) AS percent_of_bucket,
       sum(documents) FILTER (phase = 'collected')::BIGINT AS collected_documents
FROM parts GROUP BY bucket, region, kind
ORDER BY list_position(['zh', 'en', 'code', 'other'], bucket), bytes DESC, region, kind
