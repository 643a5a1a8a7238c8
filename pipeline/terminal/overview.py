"""What people see after a run and in between: ten seconds to read."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.accounting.profile_standing import note
from pipeline.accounting.review import STAGE_APART, UNDECIDED, undecided_sources
from pipeline.errors import RunFailed
from pipeline.store.output import Output, Run
from rounds.register import rounds_of
from transforms.decide import NOT_ASKED
from transforms.pii import UNREAD

if TYPE_CHECKING:
    from pipeline.emission.match import Matched
    from pipeline.run import Outcome, Preview

_BUCKETS = ("zh", "en", "code", "other")


def console() -> Console:
    """Plain text where nobody looks at a terminal."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def show_preview(preview: "Preview") -> None:
    """The plan of a dry run."""
    table = Table("来源 / source", "单元 / units", "分片 / shards", "待扫描 / to scan", box=None, pad_edge=False)
    sources: dict[str, list[Any]] = {}
    for unit in preview.plan.units:
        row = sources.setdefault(unit.source.id, [0, set(), 0])
        row[0] += 1
        row[1] |= {member.shard.name for member in unit.members}
        row[2] += unit.name in preview.to_scan
    for source, (units, shards, pending) in sources.items():
        table.add_row(source, str(units), str(len(shards)), str(pending))
    out = console()
    out.print(table)
    out.print(f"待扫描约 / to scan about {preview.weight / 1e6:,.0f} MB. 未写入任何内容 / nothing was written")
    for warning in preview.plan.warnings:
        out.print(f"警告 / warning: {warning}", markup=False)


def show_outcome(output: Path, outcome: "Outcome") -> None:
    """The closing summary of a run."""
    out = console()
    if outcome.unchanged:
        out.print(
            f"自上次运行以来没有变化，未新建运行 / nothing changed since the last run, none was built ({outcome.seconds:.1f} s)"
        )
    show_result(Run(outcome.folder), out)
    if outcome.quarantined:
        out.print(
            f"⚠ {outcome.quarantined} 个分片无法读取，已隔离，见 rejects / shards could not be read and were set aside",
            style="bold",
        )
    if not outcome.unchanged:
        out.print(f"用时 / took {outcome.seconds:.1f} s")
    if outcome.emitted is not None:
        out.print(f"进入训练的语料 / admitted corpus: {outcome.emitted}", markup=False)
    out.print(f"结果 / results: {output / 'current'}", markup=False)
    out.print(f"  corpus-audit status {output}", markup=False)
    out.print(f"  corpus-audit query {output}", markup=False)
    out.print(f"  corpus-audit verify {output}", markup=False)


def show_result(run: Run, out: Console) -> None:
    """Totals, sources and samples of a published run."""
    result = run.result
    totals, samples = result["totals"], result["samples"]
    title = "自定义口径 / custom profile" if result["custom_profile"] else result["profile"]
    title += "，自定义策略 / custom policy" if result["custom_policy"] else ""
    out.print(
        f"运行 / run {run.manifest['run_id']}   口径 / profile {title}   种子 / seed {run.manifest['seed']}",
        markup=False,
    )
    if told := note(result):
        out.print(f"口径须知 / on the profile: {told[0]} / {told[1]}", markup=False)
    out.print(
        f"读到 / read {totals['records_read']:,} = 审计 / audited {totals['audited']:,} + 拒收 / rejected {totals['rejected']:,}"
        f"{'' if totals['books_complete'] else '（有分片不完整 / some shards incomplete）'}   {totals['bytes'] / 1e6:,.1f} MB"
    )
    if not totals["books_complete"]:
        out.print("  哪些分片、为何 / which shards, and why: corpus-audit query OUT rejects")
    out.print(_sources(result))
    if undecided_sources(result["sources"]):
        _show_undecided(result, out)
    buckets = dict.fromkeys(_BUCKETS, 0)
    for row in result["buckets"]:
        if row["phase"] == "admitted":
            buckets[row["bucket"]] += row["documents"]
    shares = "  ".join(f"{bucket} {count:,}" for bucket, count in buckets.items())
    out.print(
        f"进入训练 / admitted {totals['admitted_documents']:,} 条 / documents, {totals['admitted_bytes'] / 1e6:,.1f} MB: {shares}"
    )
    technical = samples["technical"]
    rate = technical["qualified_rate"]
    out.print(
        f"样本 / samples: 人工 / manual {samples['manual']['size']:,}   技术 / technical {technical['size']:,}, 合格 / qualified "
        f"{technical['qualified']:,}{'' if rate is None else f' ({rate:.2%})'}"
    )
    _show_rounds(run, out)
    _show_known_answers(result, out)
    _show_confirming(run, out)
    repeated = sum(row["repeated_ids"] for row in result["sources"])
    if repeated:
        out.print(
            f"编号重复 / repeated ids: {repeated:,} 份副本已保留并审计 / copies kept and audited (query repeated_ids)"
        )
    unmatched = sum(row["without_url"] for row in result["sources"])
    if run.manifest["config"]["blocked"] and unmatched:
        share = unmatched / max(1, totals["documents"])
        out.print(
            f"无法比对 / cannot be matched with lists of URLs and domains: {unmatched:,} 条 / documents ({share:.1%})"
        )
    if result["blacklisted_domains"]:
        out.print(
            f"黑名单域名 / blacklisted domains: {', '.join(result['blacklisted_domains'])}", style="bold", markup=False
        )
    if result["blacklisted"]:
        out.print(f"黑名单 / blacklisted: {', '.join(result['blacklisted'])}", style="bold", markup=False)


def _show_rounds(run: Run, out: Console) -> None:
    """That nightly runs decide nothing, and where what decides stands."""
    from rounds.summary import STATES

    folder = run.folder.parent.parent
    try:
        rounds = rounds_of(Output(folder))
    except RunFailed:
        out.print(
            "评估轮次登记簿被改动 / the register of assessment rounds was changed: corpus-audit verify", style="bold"
        )
        return
    said = f"最近 / latest {rounds[-1].id} {STATES[rounds[-1].state]}" if rounds else "尚无 / none yet"
    out.print(
        f"评估轮次 / assessment rounds: {said}；本次运行为演练，结论出自轮次 / this run is a rehearsal, rounds decide: corpus-audit round status "
        f"{folder}",
        markup=False,
    )


def _show_undecided(result: dict[str, Any], out: Console) -> None:
    """The sources nobody can clear while so much of them is unscored."""
    for row in result["sources"]:
        if UNDECIDED in row["review_reasons"]:
            out.print(
                f"{UNDECIDED}: {row['source_id']}: {row['unscored']:,} 条未得答复，若违规则超过门槛，尚不能通过；重新运行补问，原因为 "
                f"{NOT_ASKED} 的须放宽 nominate，以 {UNREAD.strip()} 开头的重新运行不变，请报告其位置 / unscored documents that could put it above the maximum; it does not pass until they are "
                f"answered: run again; where the reason is {NOT_ASKED}, widen nominate; where it begins with {UNREAD.strip()} running "
                "again changes nothing: report the document's place (query why DOC_ID)",
                style="bold",
                markup=False,
            )


def _show_known_answers(result: dict[str, Any], out: Console) -> None:
    """Whether the detectors reacted to each risk at all."""
    known = result["known_answers"]
    below = known["below_floor"]
    unasked = (
        f"，复核模型未答复 / without the confirming scorer's answer {known['unscored']:,}" if known["unscored"] else ""
    )
    out.print(
        f"已知答案 / known answers: {known['found']:,} / {known['texts']:,} 检出 / found{unasked}"
        + (
            f"；低于下限的风险，技术抽检不作结论 / below the floor, the technical check proves nothing: {', '.join(below)}"
            if below
            else ""
        ),
        style="bold" if below else None,
        markup=False,
    )
    if unasked:
        out.print("  未答复的已知答案不能说明检测器好坏，须重新运行 / these say nothing of the detectors: run again")


def _show_confirming(run: Run, out: Console) -> None:
    """What a confirming scorer was asked, and what it left open."""
    confirm = run.manifest.get("confirm")
    if confirm is not None:
        unanswered = sum(confirm["unscored"].values())
        reasons = "".join(f"，{reason} {count:,}" for reason, count in confirm["unscored"].items())
        out.print(
            f"复核 / confirming ({confirm['kind']}, {confirm['scope']}): {confirm['asked']:,} 条 / documents，其中已有答复 / "
            f"answered before {confirm['cached']:,}，未得答复 / unscored {unanswered:,}{reasons}；请求 / requests "
            f"{confirm['requests']:,}，词元 / tokens {confirm['tokens']:,}，费用 / cost {confirm['cost']:g}",
            style="bold" if unanswered else None,
            markup=False,
        )
        if unanswered:
            out.print(
                "  未得答复者未通过，重新运行只补问这些 / what is unscored has not passed; run again to ask for these alone"
            )


def _sources(result: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    headers = (
        "来源\nsource",
        "条\ndocuments",
        "违规\nviolations",
        "违规率\nrate",
        "含候选\n+candidates",
        "进入训练\nadmitted",
        "状态\nstatus",
    )
    for header in headers:
        table.add_column(header, justify="left" if header.startswith(("来源", "状态")) else "right", no_wrap=True)
    for row in result["sources"]:
        black = row["status"] == "blacklisted"
        status = "黑名单 / blacklisted" if black else "需复核 / review" if row["needs_review"] else "—"
        if UNDECIDED in row["review_reasons"]:
            status += f" ({UNDECIDED})"
        if STAGE_APART in row["review_reasons"]:
            status = f"单列 / listed apart ({row['stage']})"
        table.add_row(
            Text(row["source_id"]),
            f"{row['documents']:,}",
            f"{row['violations']:,}",
            _percent(row["violation_rate"]),
            _percent(row["candidate_rate"]),
            f"{row['admitted_documents']:,}",
            status,
            style="bold" if black else None,
        )
    return table


def _percent(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.2%}"


_MATCHES = {
    "emitted": "写出的语料 / emitted",
    "original": "原始分片 / original shard",
    "content": "内容相符 / same content",
    "partial": "部分相符 / partial",
    "unmatched": "未匹配 / unmatched",
    "unreadable": "无法读取 / unreadable",
    "empty": "空 / empty",
}


def show_matched(matched: "Matched") -> None:
    """A training manifest: what each file is, and what should not have been trained on."""
    headers = (
        "文件\nfile",
        "归类\nkind",
        "条\ndocuments",
        "准入\nadmitted",
        "未准入\nnot admitted",
        "未匹配\nunmatched",
    )
    table = Table(box=None, pad_edge=False)
    for header in (*headers, "未读\nunread"):
        table.add_column(header, justify="left" if header.startswith(("文件", "归类")) else "right")
    for file in matched.files:
        counts = (file.documents, file.admitted, file.not_admitted, file.unmatched)
        shown = [f"{count:,}" for count in counts] + ["?" if file.unread is None else f"{file.unread:,}"]
        table.add_row(Text(file.path), _MATCHES[file.kind], *shown, style=None if file.clean else "bold")
    out = console()
    out.print(table)
    out.print(f"对照运行 / matched with run {matched.run_id}", markup=False)
    out.print(
        f"准入语料的训练覆盖 / admitted documents found in training: {matched.found:,} / {matched.admitted:,}",
        markup=False,
    )
    for file in matched.files:
        for reason, count in file.reasons.items():
            examples = ", ".join(map(str, file.examples.get("not_admitted", ())))
            out.print(f"⚠ {file.path}: {count:,} 条未准入 / not admitted: {reason}; {examples}", markup=False)
        for kind in ("unmatched", "unread"):
            if file.examples.get(kind):
                rows = "; ".join(map(str, file.examples[kind]))
                out.print(f"⚠ {file.path}: {kind}: 行 / rows {rows}", markup=False)
    out.print(f"训练清单 / training manifest: {matched.path}", markup=False)
    out.print(f"  sha256 {matched.sha256}", markup=False)


def failed_gates(run: Path, gates: tuple[str, ...]) -> list[str]:
    """Which of these gates the run fails."""
    passed = Run(run).result["gates"]
    return [gate for gate in gates if not passed[gate]]
