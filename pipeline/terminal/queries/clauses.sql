-- title: 条款结论 / Verdicts on clauses
SELECT * FROM clauses
