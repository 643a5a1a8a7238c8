"""The commands that run audits and look at them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import Out, app
from pipeline.errors import UsageError

GATES = ("blacklist", "technical", "manual", "rejects", "provenance", "clauses")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="配置文件 / configuration file")],
    out: Annotated[Path | None, typer.Option(help="输出文件夹，优先于配置 / output folder, instead of the configured one")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="本机工作进程数 / local worker processes")] = 1,
    runner: Annotated[str, typer.Option(help="Beam 引擎 / Beam runner; its options after --")] = "FnApiRunner",
    fail_on: Annotated[str, typer.Option(help=f"不达标即退出码 1 / exit 1 when a gate fails: {', '.join(GATES)}")] = "",
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="缺失的路径只警告 / absent paths are warnings")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看计划 / show the plan, do nothing")] = False,
) -> int:
    """运行审计 / Runs the audit a configuration describes."""
    from pipeline.config import load_config
    from pipeline.execution import Engine
    from pipeline.run import Options

    gates = _gates(fail_on)
    options = Options(Engine(runner, workers, tuple(context.args)), allow_missing)
    return _audit(load_config(config, out), options, gates, dry_run)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="输出文件夹 / output folder")] = Path("out/demo"),
    workers: Annotated[int, typer.Option(min=1, max=256, help="本机工作进程数 / local worker processes")] = 1,
) -> int:
    """用内置语料跑同一流程 / Runs the same audit on the bundled demo corpus."""
    from demo import CONFIG
    from pipeline.config import load_config
    from pipeline.execution import Engine
    from pipeline.run import Options

    return _audit(load_config(CONFIG, out), Options(Engine(workers=workers)), (), dry_run=False)


def _gates(names: str) -> tuple[str, ...]:
    gates = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = [gate for gate in gates if gate not in GATES]
    if unknown:
        raise UsageError(f"--fail-on: 未知的关卡 / unknown gate {', '.join(unknown)}; available: {', '.join(GATES)}")
    return gates


def _audit(config: "Config", options: "Options", gates: tuple[str, ...], dry_run: bool) -> int:  # type: ignore[name-defined] # noqa: F821
    from pipeline import overview
    from pipeline.run import preview
    from pipeline.run import run as run_audit

    if dry_run:
        overview.show_preview(preview(config, options))
        return 0
    outcome = run_audit(config, options)
    for warning in outcome.warnings:
        print(f"警告 / warning: {warning}", file=sys.stderr)
    overview.show_outcome(config.output, outcome)
    failed = overview.failed_gates(outcome.folder, gates)
    if failed:
        print(f"未通过的关卡 / gates failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 5 if outcome.quarantined else 0


@app.command()
def status(out: Out) -> int:
    """最近一次运行一览；运行中则看进度 / The last run at a glance; while one is running, its progress."""
    from pipeline import overview
    from pipeline.output import Output

    return overview.show_status(Output(out.absolute()))
