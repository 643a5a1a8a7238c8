-- title: 漏斗：从采集到进入训练 / From collected to admitted
-- about: 每步为剩余条数；某步与上一步相同即该原因未排除任何语料 / Each step is what is left; where it equals the one before, that reason excluded nothing
SELECT step, sum(documents)::BIGINT AS documents, sum(bytes)::BIGINT AS bytes FROM funnel GROUP BY step
ORDER BY list_position(['collected', 'after_source_blacklisted', 'after_domain_blacklisted', 'after_blocked', 'after_declared_bar',
                        'after_robots_denied', 'after_withdrawn', 'after_not_authorised', 'after_filtered',
                        'after_unscored', 'after_personal_information', 'after_duplicate', 'admitted'], step)
