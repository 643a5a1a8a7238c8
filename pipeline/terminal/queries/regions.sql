-- title: 境内外计量 / Counts by region
SELECT source_id, region, phase, documents, bytes FROM region_stats ORDER BY source_id, region, phase DESC
