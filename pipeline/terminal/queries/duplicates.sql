-- title: 各来源的重复：本来源之内、与其他来源之间（过滤前） / Copies by source, within it and from others, before filtering
-- about: 近重复含完全相同者，同组即直接或间接相似；未查近重复时为空。疑似改名见 review_reasons 的 suspected_rename / Similar ones include equal ones; empty where they were not looked for. suspected_rename: most of the source is found in another
SELECT d.source_id, s.name, d.documents, d.exact_within, d.exact_within_share, d.exact_others, d.exact_others_share,
       d.near_within, d.near_within_share, d.near_others, d.near_others_share,
       list_contains(t.review_reasons, 'suspected_rename') AS suspected_rename
FROM duplicate_stats d JOIN sources s USING (source_id) JOIN source_stats t USING (source_id)
ORDER BY coalesce(d.near_others_share, d.exact_others_share) DESC NULLS LAST, d.source_id
