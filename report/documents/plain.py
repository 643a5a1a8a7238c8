"""The report as Markdown for comparing two of them: stable order, one row a line, every number with its id."""

from collections.abc import Iterable, Iterator, Sequence

from report.documents import lists
from report.documents.outline import Block, Concluded, Drawn, Facts, Grid, Part, Said, Signing, outline
from report.documents.shown import number, shower, visible
from report.model import Both, Gap, Report, Table, Verdict

_SPECIAL = "\\`*_{}[]<>#|!~$&"  # what Markdown or HTML in it would act on
_TITLES = {1: "##", 2: "###", 3: "####"}


def plain(report: Report) -> str:
    """The report in Markdown."""
    lines = ["# 大模型安全评估报告：语料安全评估 / Safety assessment: the corpus", ""]
    for part in outline(report):
        lines += _part(part, report)
    return "\n".join(lines).rstrip() + "\n"


def gap_list(gaps: Sequence[Gap]) -> str:
    """What is to be done before filing, in Markdown."""
    lines = ["# 差距清单 / Gaps before filing", ""]
    for gap in gaps:
        reason = gap.reason
        lines.append(f"{gap.rank}. **{_text(reason.verdict)}** {_both(reason.text)}")
        lines += [f"   - 涉及 / found: {'、'.join(map(_text, reason.found))}"] if reason.found else []
        lines.append(f"   - 怎么办 / what to do: {_both(reason.remedy)}")
        lines.append(f"   - 由谁 / by whom: {_both(reason.who)}")
        lines.append(f"   - 条款 / clauses: {'、'.join(map(_text, gap.blocks))}")
    if not gaps:
        lines.append("没有差距。 / No gaps.")
    return "\n".join(lines) + "\n"


def _part(part: Part, report: Report) -> Iterator[str]:
    yield from (f"{_TITLES[part.level]} {_both(part.title)}", "")
    for block in part.blocks:
        yield from _block(block, report)
        yield ""


def _block(block: Block, report: Report) -> Iterable[str]:
    match block:
        case Said():
            text = _both(block.text)
            return (
                [f"- {text}"]
                if block.kind == "item"
                else [f"**{text}**" if block.kind in ("warning", "strong") else text]
            )
        case Facts():
            return [f"- {_both(name)}: {_escaped(value)}" for name, value in block.rows]
        case Grid():
            return _table(block.table)
        case Concluded():
            return _verdict(block.verdict)
        case Drawn():
            return [f"- 图 / chart: {_both(block.chart.title)}"]
        case Signing():
            return [
                f"- {_both(title)}: {_escaped(f'{name} {post}'.strip())}"
                for title, name, post, _ in lists.signers(report)
            ]


def _table(table: Table) -> Iterator[str]:
    """The first column is the row's key: a cell's id is table/key/column, the column's name standing in its head."""
    how = shower(table, whole_digests=True)
    yield from (f"**{_both(table.title)}**", "")
    yield (
        "| "
        + " | ".join([_text(table.id), *(f"{_both(column.title)} `{column.name}`" for column in table.columns)])
        + " |"
    )
    yield "|" + " --- |" * (len(table.columns) + 1)
    for row in table.rows:
        cells = (_escaped(how.cell(column, row.values.get(column.name))) for column in table.columns)
        yield "| " + " | ".join([_text(row.key), *cells]) + " |"
    if table.notes:
        yield ""
    yield from (f"- {_both(note)}" for note in table.notes)


def _verdict(verdict: Verdict) -> Iterator[str]:
    meta = f"{verdict.key}，{lists.modality(verdict.modality)}"
    yield f"- **{_text(verdict.clause)}** {_text(verdict.title)}（{_text(meta)}）：**{_text(verdict.verdict)}**"
    for one in verdict.basis:
        yield f"  - {_text(one.id)}: {_escaped(number(one.value))} — {_both(one.title)}"
    for reason in verdict.reasons:
        found = f"：{'、'.join(map(_text, reason.found))}" if reason.found else ""
        settled = f"（已由 / settled by {_text(reason.settled_by)}）" if reason.settled_by else ""
        yield f"  - 【{_text(reason.verdict)}】{_both(reason.text)}{found}{settled}"
    if verdict.explanation:
        yield f"  - 说明 / note: {_text(verdict.explanation)}"
    for piece in verdict.evidence:
        yield f"  - 证明材料 / evidence: {_both(piece.title)} {_text(piece.file)} {_text(piece.sha256)}"
    yield from (f"  - 未核对 / not checked: {_text(line)}" for line in verdict.unverified)


def _both(text: Both) -> str:
    return _text(str(text))


def _text(text: object) -> str:
    return _escaped(visible(text))


def _escaped(shown: str) -> str:
    """A visible text on one line that Markdown shows as it is."""
    flat = _flat(shown)
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in flat)


def _flat(shown: str) -> str:
    """A visible text with its line feeds and tabs as codes."""
    return shown.replace("\n", "\\n").replace("\t", "\\t")
