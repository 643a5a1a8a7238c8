-- title: 来源之间的重合（每对两行，各按己方文档计） / Overlap between sources, a row for either side
-- about: 重合多的来源不能都算“多个来源” / Sources that overlap much do not all count as several sources
SELECT source_id, other_source_id, exact_documents, exact_share, near_documents, near_share
FROM source_overlap ORDER BY coalesce(near_share, exact_share) DESC, source_id, other_source_id LIMIT 1000
