-- title: 溯源材料逐项核对 / Evidence item by item, what is not in order first
SELECT source_id, kind, title, status, file, sha256, detail FROM evidence ORDER BY status = 'ok', source_id, title
