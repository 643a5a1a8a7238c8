-- title: 台账 / Books of every shard
SELECT * FROM ledger ORDER BY source_id, shard
