-- title: 来源溯源材料 / Provenance evidence of sources
-- about: treated_as 为按哪一大类要求材料；missing_evidence 为缺少的材料 / treated_as is the kind whose requirements apply; missing_evidence is what is not there
SELECT source_id, name, kind, treated_as, region, region_basis, stage, licence, provenance_complete, missing_evidence
FROM sources ORDER BY source_id
