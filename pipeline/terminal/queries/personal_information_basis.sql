-- title: 个人信息的处理依据，按来源、级别与类型 / Lawful basis of personal information by source, level and type
-- about: level 为逐处的级别，raised 为提高级别的原因；documents 为含该项的条数，covered 为其中整条有依据覆盖者，uncovered_admitted 为无依据而进入训练者 / level and raised are those of single findings; documents hold one such at least, covered are those a basis covers as a whole, uncovered_admitted those trained on without
SELECT f.source_id, any_value(b.basis) AS basis, f.level, f.pii_type, f.raised, count(*) AS findings,
       count(DISTINCT (f.shard, f."row")) AS documents,
       count(DISTINCT (f.shard, f."row")) FILTER (d.pii_covered) AS covered,
       count(DISTINCT (f.shard, f."row")) FILTER (d.admitted AND NOT d.pii_covered) AS uncovered_admitted
FROM findings f JOIN documents d USING (source_id, shard, "row")
JOIN (SELECT source_id, any_value(basis) AS basis FROM pii_basis GROUP BY source_id) b ON b.source_id = f.source_id
WHERE f.verdict = 'personal_information'
GROUP BY f.source_id, f.level, f.pii_type, f.raised
ORDER BY f.source_id, list_position(['biometric', 'sensitive', 'general'], f.level), f.pii_type, f.raised NULLS LAST
