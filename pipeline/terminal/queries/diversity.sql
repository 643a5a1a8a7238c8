-- title: 各语言与类型的独立来源数：合并重合来源之后（进入训练的文档） / Independent sources by type and language, after merging those that overlap
-- about: 对应 5.1 b)：内容重合达到口径门槛的来源合并计一；required 为口径所要求 / Clause 5.1 b: sources that overlap as far as the profile says count as one; required is what it asks for
SELECT bucket, language, documents, share, sources, counted_sources, independent_sources, required, enough, independent,
       overseas_sources
FROM source_diversity ORDER BY documents DESC, bucket, language
