-- title: 来源溯源材料 / Provenance evidence of sources
SELECT source_id, name, kind, treated_as, region, region_basis, stage, licence, provenance_complete, missing_evidence
FROM sources ORDER BY source_id
