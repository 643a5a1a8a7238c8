-- title: 台账 / Books of every shard
-- about: 读到 = 审计 + 拒收，逐片成立；complete 为否的分片不能确知读全 / Read = audited + rejected on every shard; where complete is false nobody knows that nothing is missing
SELECT * FROM ledger ORDER BY source_id, shard
