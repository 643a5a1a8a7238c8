-- title: 检测手段：每种风险的关键词数与分类模型证据强度 / the instruments by risk: keywords, and how strong the evidence for the classifier is
-- about: strength 为 none 的风险，分类模型看不到 / where strength is none the classifier cannot see the risk
SELECT risk_id, block, review, context, counted, required, strength, documents, weak, held_back, round(precision, 3) AS precision,
       round(recall, 3) AS recall, threshold
FROM keyword_library LEFT JOIN classifier_evidence USING (risk_id) ORDER BY risk_id
