"""What `corpus-audit report` says on the terminal: the conclusion or what is open, files, gaps, and what stays unproved."""

from collections import Counter
from collections.abc import Iterable, Iterator

from report.model import VERDICTS, Gap, Verdict
from report.store import Made, Wanted
from report.verdicts.gap_list import GapList

_FIRST, _PROBLEMS = 5, 10  # gaps, and problems of declarations, on the terminal
_CLAUSES = 8  # clauses named of a gap


def report_lines(made: Made, wanted: Wanted) -> list[str]:
    """After a report was made, or found unchanged."""
    report = made.report
    return [
        *_about(wanted),
        *_declared(wanted),
        _conclusion(made),
        *_counted(report.verdicts),
        f"报告 / report: {made.folder}{'' if made.changed else '（没有变化 / nothing changed）'}",
        "  report.docx  report.xlsx  report.html  report.md  gaps.md  tables.json  verdicts.json  manifest.json  evidence/",
        *_gaps(report.gaps[:_FIRST]),
        *([f"  … 共 / in all {len(report.gaps)}: gaps.md"] if len(report.gaps) > _FIRST else []),
        *_unverified(report.verdicts),
        "无法由此证明 / what this cannot prove:",
        *(f"  - {line}" for line in report.unproved),
    ]


def gap_lines(found: GapList, wanted: Wanted) -> list[str]:
    """The gap list."""
    return [
        *_about(wanted),
        *_declared(wanted),
        *_counted(found.verdicts),
        *([f"申报文件中须改正 / to be mended in the declarations: {len(found.problems)}"] if found.problems else []),
        *(f"  {line}" for line in found.problems[:_PROBLEMS]),
        *([f"  … 其余见 / the rest is in {found.file.name}"] if len(found.problems) > _PROBLEMS else []),
        *_gaps(found.gaps),
        *_unverified(found.verdicts),
        f"缺口清单 / gap list: {found.file}",
    ]


def _about(wanted: Wanted) -> Iterator[str]:
    run = wanted.run.folder.name
    if wanted.round is None:
        yield f"演练 / rehearsal: 没有关闭的评估轮次，依据当前运行 {run} / no round was closed; of the current run"
    else:
        yield f"依据 / stands on: {wanted.round.id}，运行 / run {run}"


def _declared(wanted: Wanted) -> Iterator[str]:
    if wanted.declared is None:
        yield (
            "没有申报文件：须由机构提供者一律为待补充 / no declarations: all that the organisation has to supply is 待补充; "
            "begin with `corpus-audit report OUT --init OUT/declarations.yaml`"
        )
    else:
        yield f"申报文件 / declarations: {wanted.declared.path}（sha256 {wanted.declared.sha256[:12]}…）"


def _conclusion(made: Made) -> str:
    told = made.report.conclusion
    if told is not None:
        return f"总体结论 / overall conclusion: {told}"
    return "总体结论 / overall conclusion: 尚不能作出，下列事项未决 / none yet, for what is open"


def _counted(verdicts: Iterable[Verdict]) -> Iterator[str]:
    counts = Counter((one.verdict, one.modality) for one in verdicts)
    for verdict in VERDICTS:
        shall, should = counts[verdict, "shall"], counts[verdict, "should"]
        if shall or should:
            yield f"  {verdict}: {shall} 条 / clauses" + (
                f"，另有推荐性（宜） / recommended {should}" if should else ""
            )


def _gaps(gaps: Iterable[Gap]) -> Iterator[str]:
    for gap in gaps:
        reason = gap.reason
        blocks = "、".join(gap.blocks[:_CLAUSES]) + (f" … {len(gap.blocks)}" if len(gap.blocks) > _CLAUSES else "")
        found = f"（{'、'.join(reason.found)}）" if reason.found else ""
        yield f"{gap.rank:3}. [{reason.verdict}] {reason.text}{found}"
        yield f"     {reason.who}: {reason.remedy}"
        yield f"     条款 / clauses: {blocks}"


def _unverified(verdicts: Iterable[Verdict]) -> Iterator[str]:
    lines = dict.fromkeys(line for one in verdicts for line in one.unverified)
    if lines:
        yield f"未经标准原文核实的门槛与条款 / thresholds and clauses not verified in the standard's text: {len(lines)}"
        yield from (f"  - {line}" for line in lines)
