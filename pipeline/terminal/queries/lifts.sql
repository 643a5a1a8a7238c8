-- title: 黑名单记录：列入、暂停、确认、撤销、解除，各附依据 / The blacklist log: listed, suspended, confirmed, dismissed, lifted, with the evidence
-- about: 取自 blacklist/events.ndjson，含本次运行之后的记录；解除须两人与过滤前盲评证明，只对当时的来源版本与规则有效，全文见 blacklist show / From blacklist/events.ndjson, with what came after this run; a lift takes two people and a blind assessment from before filtering and holds for that version and those rules; blacklist show has all of it
SELECT seq, left(time, 19) AS time, event, source_key, scope, reason, decided_by, (evidence->>'violations')::BIGINT AS violations,
       (evidence->>'documents')::BIGINT AS documents, (evidence->>'rate')::DOUBLE AS rate,
       (evidence->>'judged')::BIGINT AS judged_by_people, (evidence->>'found')::BIGINT AS found_by_people,
       coalesce(evidence->>'round', evidence->>'run_id') AS round_or_run, evidence->>'file' AS file,
       left(evidence->>'sha256', 12) AS file_sha256
FROM blacklist_log ORDER BY seq
