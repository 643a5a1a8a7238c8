-- title: 来源之间的重合（每对两行，各按己方文档计） / Overlap between sources, a row for either side
SELECT source_id, other_source_id, exact_documents, exact_share, near_documents, near_share
FROM source_overlap ORDER BY coalesce(near_share, exact_share) DESC, source_id, other_source_id LIMIT 1000
