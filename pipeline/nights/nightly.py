"""Queries over several runs: what changed since the last one, the history, and its trend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.nights import changes, history, trend
from pipeline.store.output import Output, Run
from pipeline.terminal import query
from pipeline.terminal.query import Answer

QUERIES = {
    "changes": "较上一次运行的变化：语料、违规率、分片、处置、黑名单、输入 / what changed since the run before; its parts:",
    "changes_decisions": "同一正文的处置变化 / same text, other decision",
    "changes_rates": "违规率变化，越过或接近门槛者在前 / rates; what crossed the maximum or came near it first",
    "changes_shards": "分片变化 / shards new, changed, gone",
    "changes_blacklist": "黑名单变化 / entries of the blacklist since",
    "changes_inputs": "输入变化 / inputs that changed",
    "history": "历次运行各来源的违规率与处置 / every run and source: rates and what became of it",
    "history_runs": "历次运行合计与开销 / every run: totals, and what it took",
    "trend": "走势；--to 文件.svg 则画图 / trend; drawn with --to FILE.svg",
}
_BARS = "▁▂▃▄▅▆▇█"
_LAST = 40  # runs in the trend of a terminal
_DOCUMENTS = ("changes", "changes_decisions")


@dataclass(frozen=True)
class Settings:
    """What a comparison is made with: the run to compare with, and how many examples are named."""

    against: str | None = None
    examples: int = 5


def ask(output: Output, run: Run, names: Sequence[str], settings: Settings) -> tuple[list[Answer], str]:
    """The answers to queries of any kind, in order, and a notice where there is nothing to compare with."""
    known = {*QUERIES, *query.named_queries()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"没有这个查询 / no such query: {', '.join(unknown)}; available: {', '.join(sorted(known))}")
    answers, notice = [], ""
    compared: dict[str, Answer] | None = None
    for name in dict.fromkeys(names):
        if name not in QUERIES:
            answers += query.ask(run, [name])
        elif name.startswith("changes"):
            if compared is None:
                wanted = {part for part in names if part.startswith("changes")}
                compared, notice = _compare(output, run, wanted, settings)
            answers += compared.values() if name == "changes" else [compared[name]]
        else:
            answers.append({"history": _history, "history_runs": _history_runs, "trend": _trend}[name](output))
    return list({answer.name: answer for answer in answers}.values()), notice


def draw(output: Output, names: Sequence[str], to: Path) -> None:
    """Writes the drawing of the trend."""
    if list(names) != ["trend"]:
        raise UsageError(f"--to {to}: 只有 trend 可以画成 SVG / only trend is drawn as SVG")
    try:
        to.write_text(trend.svg(history.runs(output)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--to: {to}: 写不了 / cannot be written: {error.strerror}") from None


def _compare(output: Output, run: Run, wanted: set[str], settings: Settings) -> tuple[dict[str, Answer], str]:
    """The parts that are wanted; documents are only read for those that speak of them."""
    before, notice = changes.baseline(output, run, settings.against)
    everything = "changes" in wanted
    answers: dict[str, Answer] = {}
    if everything or "changes_decisions" in wanted:
        parts = changes.documents(before, run, settings.examples) if before else [_none(name) for name in _DOCUMENTS]
        answers |= {answer.name: answer for answer in parts if everything or answer.name in wanted}
    for name, part in changes.PARTS.items():
        if everything or name in wanted:
            answers[name] = part(output, before, run, settings.examples) if before else _none(name)
    return answers, notice


def _none(name: str) -> Answer:
    return Answer(name, QUERIES[name], ["source_id"], [])


def _history(output: Output) -> Answer:
    keys = ["documents", "violations", "violation_rate", "rate_low", "rate_high", "candidate_rate", "status"]
    keys += ["needs_review", "admitted_documents", "rejected", "documents_scanned"]
    rows = [
        (record["run_id"], row["source_id"], *(row[key] for key in keys))
        for record in history.runs(output)
        for row in record["sources"]
    ]
    shown = [
        "admitted" if key == "admitted_documents" else "scanned" if key == "documents_scanned" else key for key in keys
    ]
    return Answer("history", QUERIES["history"], ["run_id", "source_id", *shown], rows)


def _history_runs(output: Output) -> Answer:
    keys = ["sources", "shards", "quarantined_shards", "rejected", "documents", "violations", "admitted_documents"]
    gone = history.pruned(output)
    rows = []
    for record in history.runs(output):
        told = record["totals"]
        share = round(told["violations"] / told["documents"], 6) if told["documents"] else None
        scanned = [row["documents_scanned"] for row in record["sources"]]
        spent = None if None in scanned else sum(scanned)
        there = record["run_id"] not in gone and (output.runs / record["run_id"]).is_dir()
        counts = [told[key] for key in keys]
        began = f"{record['started_at'][:16]}Z"
        rows.append(
            (record["run_id"], began, _seconds(record), *counts, share, spent, record["software_version"], there)
        )
    columns = ["run_id", "started", "seconds", "sources", "shards", "quarantined", *keys[3:6], "admitted", "rate"]
    return Answer("history_runs", QUERIES["history_runs"], [*columns, "scanned", "software", "on_disk"], rows)


def _seconds(record: dict[str, Any]) -> int:
    begun, done = (datetime.fromisoformat(record[key]) for key in ("started_at", "finished_at"))
    return round((done - begun).total_seconds())


def _trend(output: Output) -> Answer:
    records = history.runs(output)
    rows = []
    for source, points in trend.series(records).items():
        last = points[-1]
        crossed = [
            f"{'↑' if point.above else '↓'}{records[point.run]['started_at'][:10]}" for point in trend.crossings(points)
        ]
        black = "blacklisted" if last.blacklisted else "admitted" if last.run == len(records) - 1 else "gone"
        limit = records[last.run]["maximum"]
        bars = _bars([point.rate for point in points[-_LAST:]], limit[0] / limit[1])
        rows.append((source, len(points), points[0].rate, last.rate, last.low, last.high, bars, crossed[-5:], black))
    columns = ["source_id", "runs", "first_rate", "last_rate", "rate_low", "rate_high", "trend", "crossed", "status"]
    shown = [(*row[:2], round(row[2], 6), round(row[3], 6), *row[4:]) for row in rows]
    title = "违规率走势（过滤前），满格为门槛的两倍 / trend before filtering; a full bar is twice the maximum"
    return Answer("trend", title, columns, shown)


def _bars(rates: Sequence[float], limit: float) -> str:
    """One character a run: half full at the maximum, full at twice of it and beyond."""
    return "".join(_BARS[min(7, int(rate / (2 * limit) * 7.999))] for rate in rates)
