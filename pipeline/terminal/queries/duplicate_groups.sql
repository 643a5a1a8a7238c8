-- title: 最大的重复组（正文见 query text） / The largest groups of copies; query text shows a document
SELECT group_no, kind, documents, texts, sources, source_ids, similarity, example_doc_id
FROM duplicate_groups ORDER BY group_no
