-- title: 各语言与类型的独立来源数：合并重合来源之后（进入训练的文档） / Independent sources by type and language, after merging those that overlap
SELECT bucket, language, documents, share, sources, counted_sources, independent_sources, required, enough, independent,
       overseas_sources
FROM source_diversity ORDER BY documents DESC, bucket, language
