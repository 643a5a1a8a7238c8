"""The commands of the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UsageError
from pipeline.terminal.arguments import Out
from pipeline.terminal.blacklist_commands import blacklist_app
from pipeline.terminal.classifier_commands import classifier_app
from pipeline.terminal.lexicon_commands import app as lexicon_app
from pipeline.terminal.report_commands import report_app
from pipeline.terminal.review_commands import review_app
from pipeline.terminal.round_commands import round_app

app = typer.Typer(
    name="corpus-audit",
    help="训练语料安全审计 / Audits the training corpora of large language models for the Chinese filing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


GATES = ("blacklist", "technical", "manual", "rejects", "provenance", "clauses")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def run(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="配置文件 / configuration file")],
    out: Annotated[
        Path | None, typer.Option(help="输出文件夹，优先于配置 / output folder, instead of the configured one")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="本机工作进程数 / local worker processes")] = 1,
    runner: Annotated[str, typer.Option(help="Beam 引擎 / Beam runner; its options after --")] = "FnApiRunner",
    fail_on: Annotated[str, typer.Option(help=f"不达标即退出码 1 / exit 1 when a gate fails: {', '.join(GATES)}")] = "",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="缺失的路径只警告 / absent paths are warnings")
    ] = False,
    ignore_space: Annotated[
        bool, typer.Option("--ignore-space", help="估计空间不足也照常运行 / run though the disk seems too small")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看计划 / show the plan, do nothing")] = False,
) -> int:
    """运行审计 / Runs the audit a configuration describes."""
    from pipeline.config import load_config
    from pipeline.engine.execution import Engine
    from pipeline.run import Options

    gates = _gates(fail_on)
    options = Options(Engine(runner, workers, tuple(context.args)), allow_missing, ignore_space)
    return _audit(load_config(config, out), options, gates, dry_run)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="输出文件夹 / output folder")] = Path("out/demo"),
    workers: Annotated[int, typer.Option(min=1, max=256, help="本机工作进程数 / local worker processes")] = 1,
) -> int:
    """用内置语料跑同一流程 / Runs the same audit on the bundled demo corpus."""
    from demo import CONFIG
    from pipeline.config import load_config
    from pipeline.engine.execution import Engine
    from pipeline.run import Options

    return _audit(load_config(CONFIG, out), Options(Engine(workers=workers)), (), dry_run=False)


def _gates(names: str) -> tuple[str, ...]:
    gates = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = [gate for gate in gates if gate not in GATES]
    if unknown:
        raise UsageError(f"--fail-on: 未知的关卡 / unknown gate {', '.join(unknown)}; available: {', '.join(GATES)}")
    return gates


def _audit(config: "Config", options: "Options", gates: tuple[str, ...], dry_run: bool) -> int:  # type: ignore[name-defined] # noqa: F821
    from pipeline.run import preview
    from pipeline.run import run as run_audit
    from pipeline.terminal import overview

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
def assess(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="配置文件 / configuration file")],
    source: Annotated[str, typer.Option(help="来源编号，可在 candidates 中 / source, also one of the candidates")],
    paths: Annotated[
        list[str] | None, typer.Option("--path", help="以此代替来源的路径，可多次 / instead of the source's paths")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="随机抽取条数；不给则全部 / documents drawn at random; all without it")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="输出文件夹 / output folder")] = None,
) -> int:
    """采集前评估一个来源 / Assesses a source before it is taken in, on record."""
    from pipeline.config import load_config
    from pipeline.origins.assess import assess as assess_source
    from pipeline.origins.assess import show

    found = assess_source(load_config(config, out), source, tuple(paths or ()), sample)
    show(found)
    return 1 if found.record["exceeds"] else 0


@app.command()
def status(
    out: Out, form: Annotated[str, typer.Option("--format", help="table 或 json / table or json")] = "table"
) -> int:
    """最近一次运行一览；运行中则看进度 / The last run at a glance; while one is running, its progress."""
    from pipeline.store.output import Output
    from pipeline.terminal.status import show_status

    if form not in ("table", "json"):
        raise UsageError(f"--format: {form}: 应为 / should be one of table, json")
    return show_status(Output(out.absolute()), form)


@app.command()
def verify(
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT|BUNDLE.zip", help="输出文件夹，或证据包 / output folder, or an evidence bundle"),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="只查哈希与链 / hashes and chains only")] = False,
    against_corpus: Annotated[
        Path | None,
        typer.Option(metavar="CONFIG", help="按此配置从语料重读随机若干条 / read documents of the corpus again"),
    ] = None,
    spot: Annotated[int, typer.Option(min=1, max=1_000_000, help="重读几条 / how many documents")] = 100,
    seed: Annotated[
        str | None, typer.Option(help="按何种子选取，默认随机 / the seed they are chosen by, random by default")
    ] = None,
    timestamp_ca: Annotated[
        Path | None,
        typer.Option(metavar="ROOT.pem", help="核对证据包时间戳的根证书 / root certificate for a bundle's timestamp"),
    ] = None,
) -> int:
    """重算并核对运行、轮次、报告或证据包所声称的一切 / Recomputes and checks everything a run or a bundle claims."""
    from pipeline.terminal.verifying import Asked, verify_bundle, verify_output

    asked = Asked(quick, against_corpus, spot, seed, timestamp_ca)
    return verify_bundle(out, asked) if out.is_file() else verify_output(out, asked)


@app.command()
def query(
    out: Out,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME…]", help="查询名；text 编号 取原文，why 编号 看判定 / names; text DOC_ID; why DOC_ID"
        ),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="table、csv、json、xlsx；默认按 --to / by default as --to says")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", help="写入 .csv、.xlsx、.json 文件 / write to such a file")] = None,
    against: Annotated[
        str | None, typer.Option(help="changes 与此运行比较 / run to compare with, instead of the one before")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, max=1000, help="changes 每项列举的编号数 / ids named a line")] = 5,
    explain_sql: Annotated[
        bool, typer.Option("--explain", help="说明与 SQL，不运行 / what a query asks, and its SQL; runs nothing")
    ] = False,
    shell: Annotated[
        bool, typer.Option("--shell", help="只读 SQL 外壳 / a read-only SQL shell on the run; .help inside")
    ] = False,
) -> int:
    """审计查询；不给名称则列出 / Named auditor queries; without a name, lists them."""
    from pipeline.nights import nightly
    from pipeline.store.output import Output
    from pipeline.terminal import query as queries
    from pipeline.terminal.document_text import document_text
    from pipeline.terminal.why import explain

    output = Output(out.absolute())
    output.must_exist()
    drawing = to is not None and to.suffix == ".svg"  # a trend, which has no other form
    wanted = "table" if drawing else queries.form_of(form, to)
    if explain_sql:
        for name in names or queries.named_queries():
            print("\n".join([f"── {name} ──", *queries.explanation(name), ""]))
        return 0
    if not names and not shell:
        for line in queries.listing():
            print(line)
        for name, title in nightly.QUERIES.items():
            print(f"{name:26} {title}")
        print(
            f"{'text DOC_ID':26} 从分片取回一条语料的原文并核对哈希 / the text of a document, read from its shard and checked"
        )
        print(f"{'why DOC_ID':26} 一条语料为何如此判定 / why a document was decided as it was")
        return 0
    run = output.current
    if run is None:
        raise UsageError(f"{out}: 还没有完成的运行 / no run has been completed yet")
    if shell:
        from pipeline.terminal.shell import serve

        return serve(run)
    assert names
    if names[0] in ("text", "why"):
        if len(names) != 2:
            raise UsageError(f"用法 / usage: corpus-audit query OUT {names[0]} DOC_ID")
        answer = document_text(run, names[1]) if names[0] == "text" else explain(run, names[1])
        for text in answer:
            print(queries.harmless(text) if sys.stdout.isatty() or names[0] == "why" else text)
        return 0
    if to is not None and drawing:
        nightly.draw(output, names, to)
        return 0
    answers, notice = nightly.ask(output, run, names, nightly.Settings(against, examples))
    if notice:
        print(notice, file=sys.stderr)
        if wanted == "table":  # empty tables would say no more
            answers = [answer for answer in answers if not answer.name.startswith("changes")]
    queries.render(answers, wanted, to)
    return 0


@app.command()
def overview(
    out: Out,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="HTML 文件，默认在输出文件夹中 / HTML file; in the output folder without it"),
    ] = None,
) -> int:
    """一页看完一次运行：单个 HTML 文件，不联网 / The current run as one self-contained HTML page."""
    from pipeline.store.output import Output
    from pipeline.terminal.overview_page.page import write

    output = Output(out.absolute())
    output.must_exist()
    run = output.current
    if run is None:
        raise UsageError(f"{out}: 还没有完成的运行 / no run has been completed yet")
    print(write(run, to or output.folder / "overview.html"))
    return 0


@app.command()
def prune(
    out: Out,
    keep: Annotated[int, typer.Option(min=1, help="保留最近几次运行 / how many of the last runs stay")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会删什么 / show it, remove nothing")] = False,
) -> int:
    """删除旧运行与无人引用的扫描 / Drops old runs, and scans no run refers to."""
    from pipeline.nights import prune as pruning
    from pipeline.store.output import Output

    pruning.show(pruning.prune(Output(out.absolute()), keep, dry_run), dry_run)
    return 0


@app.command()
def match(
    out: Out,
    files: Annotated[
        list[str],
        typer.Argument(metavar="TRAINING_FILES…", help="训练用的文件、文件夹或通配 / files, folders or globs"),
    ],
    fields: Annotated[
        list[str] | None, typer.Option("--fields", help="正文字段，可重复 / text=FIELD, may be repeated")
    ] = None,
    form: Annotated[str | None, typer.Option("--format", help="默认按文件名 / default from the file name")] = None,
    encoding: Annotated[str, typer.Option(help="JSON Lines 的编码 / encoding of JSON Lines")] = "utf-8",
    name: Annotated[str | None, typer.Option(help="训练清单的名称 / name of the training manifest")] = None,
) -> int:
    """训练清单：训练所用文件是否即准入的语料 / Which training files are what was admitted, and what is not."""
    from pipeline.emission.match import match as match_files
    from pipeline.emission.match import reading
    from pipeline.store.output import Output
    from pipeline.terminal import overview

    matched = match_files(Output(out.absolute()), files, reading(fields or [], form, encoding), name)
    overview.show_matched(matched)
    return 0 if matched.clean else 1


@app.command()
def doctor() -> int:
    """检查安装、模型与词库 / What is installed, which models and lexicons load, what is missing."""
    from pipeline.terminal.doctor import examine

    sound = True
    for fine, what, detail in examine():
        print(f"{'✓' if fine else '✗'} {what}: {detail}")
        sound &= fine
    return 0 if sound else 2


app.add_typer(lexicon_app, name="lexicon")
app.add_typer(classifier_app, name="classifier")
app.add_typer(round_app, name="round")
app.add_typer(review_app, name="review")
app.add_typer(report_app, name="report")
app.add_typer(blacklist_app, name="blacklist")
