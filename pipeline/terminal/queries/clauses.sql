-- title: 条款结论 / Verdicts on clauses
-- about: 机器给出事实，结论由人作出；夜间运行自己的条款不因轮次关闭而改变，人工结论见查询 rounds 与 OUT/rounds/<轮次>/round.duckdb / Machines give facts and people conclude; the clauses of a nightly run stay as they are when a round is closed: what people concluded is in the query rounds and in OUT/rounds/<round>/round.duckdb
SELECT * FROM clauses
