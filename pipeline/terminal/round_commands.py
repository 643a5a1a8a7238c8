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
    value_form: Annotated[
        str, typer.Option(help="值的写法，正则表达式；默认只写数字 / how it will be written; digits alone by default")
    ] = "[0-9]+",
    manual: Annotated[int, typer.Option(help="人工抽检条数 / documents of the manual sample")] = 4000,
    stage_sample: Annotated[int, typer.Option(help="各阶段补充样本 / of each stage")] = 300,
    positive: Annotated[int, typer.Option(help="各来源机器阳性层 / machine-positive, of each source")] = 60,
    negative: Annotated[int, typer.Option(help="各来源机器阴性层 / machine-negative, of each source")] = 300,
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

    design = Design(manual, stage_sample, positive, negative, second, known, repeat)
    value = PublicValue.named(value_name, value_source, value_expected, value_form)
    opening = Opening(by, value, changes, design, from_verdicts, with_quarantined)
    output = Output(out.absolute())
    found = open_round(output, opening)
    _show(output, found)
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
    print(f"下一步 / next: corpus-audit review serve {out}")
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
def close(out: Out, by: By, wanted: Which = None) -> int:
    """全部判定后关闭：计算结果并发布 / Closes a round that is judged: computes and publishes its result."""
    from pipeline.store.output import Output
    from rounds.closing import close as close_round
    from rounds.outcome import result_lines
    from rounds.register import find_round

    output = Output(out.absolute())
    output.must_exist()
    result = close_round(output, find_round(output, wanted), by)
    _print(result_lines(result.content))
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
