"""`corpus-audit round`: assessment rounds are opened, drawn, looked at, closed and abandoned; each step is on record."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import UsageError
from pipeline.terminal.arguments import Out

if TYPE_CHECKING:
    from pipeline.store.output import Output
    from rounds.register import Round

round_app = typer.Typer(
    help="评估轮次：冻结、抽取、判定、关闭 / Assessment rounds: freeze, draw, judge, close", no_args_is_help=True
)

By = Annotated[str, typer.Option(help="经办人 / who does this")]
Which = Annotated[str | None, typer.Option("--round", help="轮次，默认最近 / round, by default the latest")]
Form = Annotated[str, typer.Option("--format", help="table 或 json / table or json")]


@round_app.command("open")
def open_(
    out: Out,
    by: By,
    value_name: Annotated[
        str, typer.Option(help="公开值的名称，如某期开奖号 / the public value the seed will be made of")
    ],
    value_source: Annotated[str, typer.Option(help="在何处公布 / where it is published")],
    value_expected: Annotated[str, typer.Option(help="预定公布时间，带时区 / when, with its offset from UTC")],
    changes: Annotated[str, typer.Option(help="自上一轮以来改了什么 / what was changed since the round before")],
    from_verdicts: Annotated[
        bool | None,
        typer.Option(
            "--from-verdicts/--not-from-verdicts", help="改动是否依据人工判定 / was any of it derived from verdicts"
        ),
    ] = None,
    value_digits: Annotated[
        int | None, typer.Option(help="值恰为几位数字，前导零照写 / how many digits it has, leading zeros written")
    ] = None,
    value_form: Annotated[
        str | None,
        typer.Option(
            help="其他写法：定长、单一字符集的正则表达式 / another form: a regular expression of one length and alphabet"
        ),
    ] = None,
    manual: Annotated[int, typer.Option(help="人工抽检条数 / documents of the manual sample")] = 4000,
    stage_sample: Annotated[int, typer.Option(help="各阶段补充样本 / of each stage")] = 300,
    positive: Annotated[int, typer.Option(help="各来源机器阳性层 / machine-positive, of each source")] = 60,
    negative: Annotated[int, typer.Option(help="各来源机器阴性层 / machine-negative, of each source")] = 300,
    source_sample: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="只抽这些来源的评估样本，可多次；其余来源为待人工 / sample these sources only, may be repeated; others stay 待人工",
        ),
    ] = None,
    second: Annotated[str, typer.Option(help="双人判定的比例 / share read by two")] = "1",
    known: Annotated[int, typer.Option(help="已知答案条数 / known-answer texts mixed in")] = 40,
    repeat: Annotated[str, typer.Option(help="重复条目的比例 / share shown once more")] = "0.05",
    with_quarantined: Annotated[
        bool, typer.Option("--with-quarantined", help="接受有分片未能读取 / though shards were set aside")
    ] = False,
) -> int:
    """冻结当前运行的总体，并写明日后以何公开值为种子 / Freezes the frame and names the public value of the seed."""
    from pipeline.store.output import Output
    from rounds.design import Design, Opening, PublicValue
    from rounds.opening import open_round
    from rounds.summary import planned
    from rounds.value_form import digits_form

    sources = tuple(source_sample) if source_sample else None
    design = Design(manual, stage_sample, positive, negative, second, known, repeat, sources)
    if (value_digits is None) == (value_form is None):
        raise UsageError(
            "--value-digits, --value-form: 请给出其一，写明公开值恰有几位、如何书写，如 --value-digits 6 / say how the value will be written, by "
            "one of them, such as --value-digits 6"
        )
    form = value_form if value_form is not None else digits_form(value_digits or 0)
    value = PublicValue.named(value_name, value_source, value_expected, form)
    opening = Opening(by, value, changes, design, from_verdicts, with_quarantined)
    output = Output(out.absolute())
    found = open_round(output, opening)
    _show(output, found)
    _warn(output, found)
    most = sum(planned(found).values())
    print(f"将抽取至多 / at most {most:,} 条语料 / documents，双人比例 / share read by two {second}")
    print(f"请留存以上 sha256 并可交第三方存证 / keep these digests where others can vouch for their date: {found.id}")
    print(f"公布后 / once it is published: corpus-audit round draw {out} --value … --by …")
    return 0


@round_app.command("draw")
def draw(
    out: Out,
    value: Annotated[str, typer.Option(help="公布的值，照原样 / the value as it was published")],
    by: By,
    carry: Annotated[
        bool, typer.Option("--carry", help="规程允许时沿用上一轮判定 / let earlier verdicts hold where they may")
    ] = False,
) -> int:
    """登记公布的值，据以抽取并取回原文 / Records the value, draws by it, and reads the texts."""
    from pipeline.store.output import Output
    from rounds.drawing import Request, draw_round

    output = Output(out.absolute())

    def progress(done: int, of: int) -> None:
        if sys.stderr.isatty():
            print(f"\r分片 / shards {done:,} / {of:,}", end="\n" if done == of else "", file=sys.stderr, flush=True)

    found = draw_round(output, Request(value, by, carry), progress=progress)
    _show(output, found)
    _warn(output, found)
    print(f"下一步 / next: corpus-audit review user add {out} 姓名/NAME --roles annotator|second|adjudicator --by {by}")
    print(f"账号齐备后 / once there are accounts: corpus-audit review serve {out}")
    return 0


@round_app.command("status")
def status(out: Out, wanted: Which = None, form: Form = "table") -> int:
    """所有轮次与每次抽取，及一轮的详情与进度 / All rounds and draws; one of them in full, with its progress."""
    from pipeline.store.output import Output
    from rounds.register import find_round, rounds_of
    from rounds.summary import facts_of

    output = Output(out.absolute())
    output.must_exist()
    found = find_round(output, wanted)
    if _is_json(form):
        content = {"rounds": [facts_of(output, one) for one in rounds_of(output)], "round": found.id}
        print(json.dumps(content, ensure_ascii=False, indent=1))
        return 0
    _list(output)
    print()
    _show(output, found)
    return 0


@round_app.command("list")
def list_(out: Out, form: Form = "table") -> int:
    """所有轮次，含失败与放弃的 / All rounds, the failed and abandoned ones too."""
    from pipeline.store.output import Output
    from rounds.register import rounds_of
    from rounds.summary import facts_of

    output = Output(out.absolute())
    output.must_exist()
    if _is_json(form):
        print(json.dumps([facts_of(output, one) for one in rounds_of(output)], ensure_ascii=False, indent=1))
    else:
        _list(output)
    return 0


@round_app.command("close")
def close(
    out: Out,
    by: By,
    wanted: Which = None,
    with_unread: Annotated[
        bool,
        typer.Option("--with-unread", help="已知答案未读完也关闭，未读的按未判出计 / though known answers are unread"),
    ] = False,
) -> int:
    """全部判定后关闭：计算结果并发布 / Closes a round that is judged: computes and publishes its result."""
    from blacklist.log import BlacklistLog
    from pipeline.store.output import Output
    from rounds.aftermath import blacklist_lines
    from rounds.closing import close as close_round
    from rounds.outcome import result_lines
    from rounds.register import find_round

    output = Output(out.absolute())
    output.must_exist()
    content = close_round(output, find_round(output, wanted), by, with_unread=with_unread).content
    _print(result_lines(content))
    _print(blacklist_lines(content, BlacklistLog(output.blacklist).events()))
    return 0


@round_app.command("abandon")
def abandon(
    out: Out,
    by: By,
    reason: Annotated[str, typer.Option(help="理由，留在登记簿 / why; stays on record")],
    wanted: Which = None,
) -> int:
    """放弃一轮；仍列于各表，抽取过的视同未通过 / Ends a round without a result; drawn ones count as failed."""
    from pipeline.store.output import Output
    from rounds.opening import abandon_round

    output = Output(out.absolute())
    _show(output, abandon_round(output, by, reason, wanted))
    return 0


def _warn(output: "Output", found: "Round") -> None:
    """Says while it costs least for which reasons a round of this design gives no 符合, whatever people find."""
    from pipeline.store.output import Run
    from rounds.design import Design
    from rounds.doubts import ahead
    from rounds.history import earlier_rounds
    from rounds.register import Register
    from rounds.reliance import weak_design
    from schemas.profile import Profile

    profile = Profile.model_validate(Run(output.runs / found.run_id).manifest["profile"])
    design, strata = Design(**found.opened["design"]), found.opened["strata"]
    reasons = weak_design(design, strata, profile)
    reasons += ahead(found.opened, earlier_rounds(found, Register(output).events()))
    if design.sources is not None:
        reasons.append(
            f"只有 {', '.join(design.sources)} 有来源评估样本，其余来源与条款 {profile.source_rate.clause} 为待人工 / these sources alone are sampled: "
            f"the others, and clause {profile.source_rate.clause}, stay 待人工"
        )
    if strata["manual"] < profile.manual.minimum:
        reasons.append(
            f"准入语料 {strata['manual']:,} 条，少于 / admitted documents, fewer than {profile.manual.minimum:,}：须逐条检查，结论为 不符合 + 等效措施 / "
            "all are checked, and the clause says so"
        )
    if not reasons:
        return
    print("警告：按此设计，以下各点不能得出符合 / warning: by this design there is no 符合, for", file=sys.stderr)
    for reason in reasons:
        print(f"  {reason}", file=sys.stderr)


def _is_json(form: str) -> bool:
    if form not in ("table", "json"):
        raise UsageError(f"--format: {form}: 应为 / should be one of table, json")
    return form == "json"


def _show(output: "Output", found: "Round") -> None:
    from rounds.summary import facts_of, lines_of

    _print(lines_of(facts_of(output, found), brief=False))


def _list(output: "Output") -> None:
    from rounds.register import rounds_of
    from rounds.summary import facts_of, lines_of

    found = rounds_of(output)
    for one in found:
        _print(lines_of(facts_of(output, one), brief=True))
    if not found:
        print("还没有评估轮次 / no assessment round yet")


def _print(lines: Iterable[str]) -> None:
    """Lines for a terminal: ids and reasons come from people and corpora."""
    from pipeline.terminal.query import harmless

    for line in lines:
        print(harmless(line))
