"""`corpus-audit blacklist`: what is on the blacklist, and the decisions of people about it."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.terminal.arguments import Out

blacklist_app = typer.Typer(help="来源黑名单 / The blacklist of sources", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="来源或域名 / source or domain")]
Proposer = Annotated[str, typer.Option(help="提出者 / who proposes")]
Second = Annotated[str, typer.Option(help="复核者，须为另一人 / who confirms: another person")]
Reason = Annotated[str, typer.Option(help="理由 / why")]


@blacklist_app.command("list")
def list_(
    out: Out, everything: Annotated[bool, typer.Option("--all", help="含已解除 / lifted ones too")] = False
) -> int:
    """现状 / The present state."""
    from pipeline.terminal import blacklisting

    return blacklisting.show_list(out.absolute(), everything)


@blacklist_app.command("show")
def show(out: Out, source: Key) -> int:
    """一个来源的全部记录与依据 / Every event of a source, with its evidence."""
    from pipeline.terminal import blacklisting

    return blacklisting.show_events(out.absolute(), source)


@blacklist_app.command("add")
def add(
    out: Out,
    source: Key,
    by: Annotated[str, typer.Option(help="决定者 / who decides")],
    reason: Reason,
    scope: Annotated[str, typer.Option(help="source 或 domain")] = "source",
) -> int:
    """列入 / Adds a source or domain; takes effect with the next run."""
    from pipeline.terminal import blacklisting

    return blacklisting.add(out.absolute(), source, scope, by, reason)


@blacklist_app.command("lift")
def lift(
    out: Out,
    source: Key,
    by: Proposer,
    second: Second,
    reason: Reason,
    evidence: Annotated[
        Path | None,
        typer.Option(help="证明文件：域名必填，来源可附 / file of evidence: a domain takes one, a source may have one"),
    ] = None,
    round_: Annotated[
        str | None,
        typer.Option("--round", help="已关闭的评估轮次，来源必填 / closed assessment round: a source takes one"),
    ] = None,
    role: Annotated[str, typer.Option(help="提出者职责，必填 / role of who proposes; needed")] = "",
    second_role: Annotated[str, typer.Option(help="复核者职责，必填，须不同 / role of who confirms: another one")] = "",
) -> int:
    """解除；只对当前版本的来源与规则有效 / Lifts, for this version of the source and these rules only."""
    from pipeline.terminal import blacklisting

    proof = blacklisting.Proof(evidence, round_, (role, second_role))
    return blacklisting.lift(out.absolute(), source, (by, second), reason, proof)


@blacklist_app.command("confirm")
def confirm(
    out: Out,
    source: Annotated[str, typer.Argument(help="被暂停的来源 / a suspended source")],
    by: Proposer,
    second: Second,
    reason: Reason,
) -> int:
    """把暂停确认为列入 / Makes a suspension a listing."""
    from pipeline.terminal import blacklisting

    return blacklisting.confirm(out.absolute(), source, (by, second), reason)


@blacklist_app.command("export")
def export(out: Out, to: Annotated[Path | None, typer.Option("--to", help="写入文件 / write to a file")] = None) -> int:
    """导出 CSV / The present state as CSV."""
    from pipeline.terminal import blacklisting

    return blacklisting.export(out.absolute(), to)
