-- title: 已知答案：每种风险的自编文本检出多少 / known answers: how many of the texts written for each risk were found
-- about: 低于下限的风险，检测器对其没有反应，技术抽检不作结论 / where passed is false the detectors do not react to the risk
SELECT risk_id, texts, found, by_keywords, by_classifier, as_candidate, unscored, passed FROM known_answers ORDER BY passed, risk_id
