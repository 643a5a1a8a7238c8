-- title: 各来源、类型、阶段的条数、字节、字符与词元 / Documents, bytes, characters and tokens by source, stage, bucket and phase
-- about: 词元按份额计数时为估计，tokens_error 为 95 % 区间半宽 / tokens are estimates where a share is counted; tokens_error is the half-width of the 95 % interval
SELECT source_id, stage, bucket, phase, documents, bytes, chars, tokens, tokens_error, tokens_sampled_documents
FROM bucket_stats ORDER BY source_id, bucket, phase DESC
