-- title: 各域名违规率（20 条及以上，其余并为长尾） / Rates by domain from 20 documents upward; smaller ones are pooled
-- about: 超过 5 % 的域名以 domain 范围列入黑名单；长尾由人工检查 / A domain above 5 % is blacklisted with scope domain; people check the tail
SELECT source_id, domain, domains, documents, violations, violation_rate, status FROM domain_stats
ORDER BY violation_rate DESC, documents DESC, source_id, domain
