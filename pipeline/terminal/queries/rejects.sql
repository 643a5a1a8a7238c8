-- title: 拒收记录，按来源与原因 / Rejected records by source and reason
-- about: 拒收不会被替换，计入台账；some_unknown 为条数不可知 / Rejects are never replaced and stand in the ledger; some_unknown: nobody can tell how many records were lost
SELECT source_id, reason, count(*) AS entries, sum(records)::BIGINT AS records, bool_or(records IS NULL) AS some_unknown,
       min(shard) AS example_shard, min("row") AS example_row, min(detail) AS example
FROM rejects GROUP BY ALL ORDER BY source_id, reason
