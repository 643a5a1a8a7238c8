-- title: 涉知识产权的提示，例 / Hints of intellectual property, examples
-- about: 每个来源每种提示取前 5 条；first_start 为首次出现的位置（码点），原文见 query text / the first five of each kind and source; first_start is where it first occurs, `query text` shows the text
SELECT source_id, indicator, doc_id, found AS findings, first_start, admitted
FROM (
    SELECT source_id, shard, "row", doc_id, admitted, unnest(rights_indicators) AS indicator,
           unnest(rights_counts) AS found, unnest(rights_starts) AS first_start
    FROM documents WHERE len(rights_indicators) > 0)
QUALIFY row_number() OVER (PARTITION BY source_id, indicator ORDER BY admitted DESC, shard, "row") <= 5
ORDER BY source_id, indicator, admitted DESC, shard, "row"
