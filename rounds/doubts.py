"""What leaves a manual check to people though its numbers are met: beside design and readers (rounds/reliance.py), its frame.

A sample tells of what it was drawn from. What is admitted without being in it, what could not be read, and a frame that
failed before are no part of what it shows; so the clause is 待人工, and the round did not pass (assessment.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rounds.apart import apart_sources
from rounds.facts import RunFacts
from rounds.history import History

APART, UNREAD, REDRAWN = "stage_apart", "unread", "redrawn"
BOOKS = "books_incomplete"  # a source's reason for review in the run
Row = Mapping[str, Any]


def doubts(facts: RunFacts, opened: Row, stages: Sequence[Row], history: History) -> list[dict[str, str]]:
    """Each doubt with what it is about. `opened`: the event; `stages`: the results of the stages' own samples."""
    told = (
        (APART, _apart(facts, opened, stages)),
        (UNREAD, _named_unread(unread_sources(facts))),
        (REDRAWN, _redrawn(history.earlier)),
    )
    return [{"about": about, "reason": reason} for about, reasons in told for reason in reasons]


def ahead(opened: Row, earlier: Sequence[Row]) -> Iterator[str]:
    """The same as far as the event of the opening tells, before anybody has judged."""
    admitted = sum(row["admitted"] for row in opened["apart"]["stages"])
    if admitted:
        yield (
            f"单列阶段准入 {admitted:,} 条，不在抽检之内，其阶段尚无人核实 / {admitted:,} documents of stages listed apart are admitted, and nobody has "
            f"confirmed the stages"
        )
    yield from _named_unread(opened["unread"])
    yield from _redrawn(earlier)


def unread_sources(facts: RunFacts) -> list[str]:
    """Declared sources that are admitted, of which the run has no document or does not know that it read all."""
    return sorted(
        name
        for name, source in facts.sources.items()
        if source.admitted and (not source.documents or BOOKS in source.open_reasons)
    )


def _apart(facts: RunFacts, opened: Row, stages: Sequence[Row]) -> Iterator[str]:
    """Stages listed apart are in no manual sample: while nobody confirmed them, they are admitted unseen."""
    if not apart_sources(facts):
        return
    admitted = sum(row["admitted"] for row in (opened.get("apart") or {}).get("stages", ()))
    whole = (opened.get("frame") or {}).get("documents", 0)
    samples = "、".join(f"{row['stage']} {row['failures']} / {row['judged']}" for row in stages if row["apart"])
    yield (
        f"单列阶段准入 {admitted:,} 条（准入共 {whole:,} 条），不在抽检之内，其阶段尚无人核实；其阶段样本不合格 / {admitted:,} of {whole:,} admitted "
        f"documents are of stages listed apart, not in this sample, and nobody has confirmed the stages; not qualified in the stages' own "
        f"samples: {samples or '—'}"
    )


def _named_unread(named: Sequence[str]) -> Iterator[str]:
    if named:
        yield (
            f"申报的来源没有语料或未能确知读全，不在总体之内 / declared sources without any document, or not known to have been read to the end, "
            f"are not in the frame: {', '.join(named)}"
        )


def _redrawn(earlier: Sequence[Row]) -> Iterator[str]:
    named = [row["round"] for row in earlier if row["same_frame"]]
    if named:
        yield (
            f"同一批语料此前抽取过而未通过（或放弃），再抽通过不作数 / the very same corpus was drawn from before and did not pass, or was given up: "
            f"passing a redraw shows nothing: {', '.join(named)}"
        )


def earlier_note(earlier: Sequence[Row]) -> str:
    """What a basis says of earlier rounds that did not pass; nothing where there are none."""
    named = "、".join(f"{row['round']}（{_counts(row)}）" for row in earlier)
    return f"；此前未通过的轮次 / earlier rounds that did not pass: {named}" if named else ""


def _counts(row: Row) -> str:
    counted = "放弃 / given up" if row["judged"] is None else f"{row['failures']} / {row['judged']}"
    return counted + ("，同一总体 / same frame" if row["same_frame"] else "")
