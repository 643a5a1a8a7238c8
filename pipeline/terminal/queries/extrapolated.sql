-- title: 模型外推：按留出集精确率与召回率折算的风险条数，不作为任何判定的依据 / extrapolated by the model's precision and recall on held-back texts; decides nothing
-- about: 仅对有真实语料证据的风险；留出集与本语料不同分布，仅供决定先查何处 / only risks with real evidence; held-back texts are not this corpus: a hint where to look first
SELECT s.source_id, r.risk_id, s.documents, r.documents AS flagged, e.precision, e.recall,
       round(r.documents * e.precision / e.recall)::BIGINT AS extrapolated,
       round(100.0 * r.documents * e.precision / e.recall / s.documents, 2) AS extrapolated_percent, '模型外推 / extrapolation' AS kind
FROM risk_stats r JOIN source_stats s USING (source_id) JOIN classifier_evidence e USING (risk_id)
WHERE r.phase = 'collected' AND e.strength = 'real' AND e.recall > 0 AND s.documents > 0
ORDER BY extrapolated_percent DESC, s.source_id, r.risk_id
