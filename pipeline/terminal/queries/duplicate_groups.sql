-- title: 最大的重复组（正文见 query text） / The largest groups of copies; query text shows a document
-- about: 组内文档直接或间接相似；similarity 为 MinHash 估计 / Documents of a group are similar directly or through others; similarity is estimated by MinHash
SELECT group_no, kind, documents, texts, sources, source_ids, similarity, example_doc_id
FROM duplicate_groups ORDER BY group_no
