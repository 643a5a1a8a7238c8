-- title: 境内外计量 / Counts by region
-- about: 混合来源按域名拆分；港澳台单列 / Mixed sources are split by domain; Hong Kong, Macao and Taiwan apart
SELECT source_id, region, phase, documents, bytes FROM region_stats ORDER BY source_id, region, phase DESC
