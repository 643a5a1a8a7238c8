-- title: 条款结论 / Verdicts on clauses
-- about: 机器给出事实，结论由人作出；本版本不给出“符合” / Machines give facts and people conclude; this version never says 符合
SELECT * FROM clauses
