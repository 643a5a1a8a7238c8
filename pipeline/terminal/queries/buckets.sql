-- title: 语料类型规模（进入训练） / Size by bucket, admitted to training
-- about: GB = 10⁹ 字节未压缩 UTF-8 正文 / GB = 10⁹ bytes of uncompressed UTF-8 text
SELECT bucket, sum(documents)::BIGINT AS documents, sum(bytes)::BIGINT AS bytes, round(sum(bytes) / 1e9, 6) AS gigabytes,
       round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 2) AS percent_of_bytes
FROM bucket_stats WHERE phase = 'admitted' GROUP BY bucket ORDER BY bucket
