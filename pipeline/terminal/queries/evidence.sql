-- title: 溯源材料逐项核对 / Evidence item by item, what is not in order first
-- about: status 为 ok、missing、expired 或 contradicting；材料本身须由人查看 / status is ok, missing, expired or contradicting; people have to look at the papers themselves
SELECT source_id, kind, title, status, file, sha256, detail FROM evidence ORDER BY status = 'ok', source_id, title
