-- title: 样本构成与总体对照（来源、类型、阶段） / Samples against the admitted corpus, by source, bucket and stage
-- about: expected 为按总体比例应有条数，deviation 为实抽与之差；standard_deviations 在 ±3 之内属随机波动，chi_square 合计与 degrees 相近为正常 / expected is the corpus' share of the sample, deviation what was drawn beyond it; within ±3 standard_deviations is chance, and a total chi_square near degrees is as it should be
WITH corpus AS (
    SELECT unnest([('source', source_id), ('bucket', bucket), ('stage', stage)]) AS part, documents
    FROM bucket_stats WHERE phase = 'admitted'),
drawn AS (
    SELECT 'manual' AS sample, m.source_id, m.bucket FROM manual_sample m
    UNION ALL SELECT 'technical', t.source_id, t.bucket FROM technical_sample t),
items AS (
    SELECT d.sample, unnest([('source', d.source_id), ('bucket', d.bucket), ('stage', s.stage)]) AS part
    FROM drawn d JOIN sources s USING (source_id)),
counted AS (SELECT sample, part, count(*) AS drawn FROM items GROUP BY ALL),
size AS (SELECT sample, count(*) AS n FROM drawn GROUP BY ALL),
total AS (SELECT sum(documents) AS all_documents FROM bucket_stats WHERE phase = 'admitted'),
compared AS (
    SELECT z.sample, c.part, sum(c.documents) AS admitted, any_value(k.drawn) AS found, any_value(z.n) AS n,
           any_value(t.all_documents) AS population
    FROM corpus c CROSS JOIN size z CROSS JOIN total t LEFT JOIN counted k ON k.sample = z.sample AND k.part = c.part
    GROUP BY z.sample, c.part),
measured AS (
    SELECT sample, part[1] AS divided_by, part[2] AS value, admitted::BIGINT AS admitted, coalesce(found, 0) AS drawn,
           n * admitted / population AS expected, coalesce(found, 0) - n * admitted / population AS deviation,
           (population - 1) / nullif(population - n, 0) AS correction, 1 - admitted / population AS others, population, n
    FROM compared)
SELECT sample, divided_by, value, admitted, round(100.0 * admitted / population, 2) AS percent, drawn,
       round(100.0 * drawn / n, 2) AS drawn_percent, round(expected, 2) AS expected, round(deviation, 2) + 0 AS deviation,
       round(deviation / nullif(sqrt(expected * others / correction), 0), 2) AS standard_deviations,
       round(deviation * deviation / expected * correction, 3) AS chi_square, NULL AS degrees
FROM measured
UNION ALL
SELECT sample, divided_by, '合计 / total', sum(admitted)::BIGINT, 100, sum(drawn)::BIGINT, 100, any_value(n), round(sum(deviation), 2) + 0, NULL,
       round(sum(deviation * deviation / expected * correction), 3), count(*) - 1
FROM measured GROUP BY sample, divided_by
ORDER BY sample, divided_by DESC, degrees NULLS FIRST, admitted DESC, value
