"""`corpus-audit report OUT`: the report of the last closed round, its bundle, the gap list, and where a number comes from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from pipeline.errors import UsageError
from pipeline.terminal.arguments import Out

if TYPE_CHECKING:
    from pipeline.store.output import Output
    from report.bundle.timestamps import Stamp
    from report.declared.declarations import Declared
    from report.store import Wanted

_MAKE = "make"  # what `report OUT` stands for
_HELP = ("-h", "--help")
DECLARATIONS = "declarations.yaml"  # of the output folder, where --declarations names no other


class Reporting(TyperGroup):
    """A group whose first word is an output folder unless it is one of its commands."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Takes `report OUT …` as `report make OUT …`."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [_MAKE, *args]
        found: list[str] = super().parse_args(ctx, args)
        return found


report_app = typer.Typer(
    cls=Reporting,
    help="备案报告：report OUT 生成，report trace OUT 编号 溯源 / The filing report: `report OUT` makes it, `report trace OUT ID` traces a number",
    no_args_is_help=True,
)

_Round = Annotated[
    str | None, typer.Option("--round", help="关闭的轮次，默认最后一轮 / closed round, by default the last")
]


@report_app.command(_MAKE)
def make(
    out: Out,
    round_: _Round = None,
    declarations: Annotated[
        Path | None,
        typer.Option(help="申报文件，默认 OUT/declarations.yaml / declarations; by default OUT/declarations.yaml"),
    ] = None,
    init: Annotated[
        Path | None, typer.Option(metavar="FILE", help="只写出申报文件模板 / only write a template of declarations")
    ] = None,
    gaps: Annotated[
        bool,
        typer.Option(
            "--gaps", help="只列出备案前的缺口，申报可不完整 / only the gap list; declarations may be incomplete"
        ),
    ] = False,
    bundle: Annotated[
        Path | None, typer.Option(metavar="FILE.zip", help="另写证据包 / also write an evidence bundle")
    ] = None,
    template: Annotated[
        Path | None, typer.Option(metavar="FILE.docx", help="自有的 Word 模板 / a Word template of your own")
    ] = None,
    timestamp: Annotated[
        Path | None,
        typer.Option(metavar="FILE.tsr", help="证据包所附可信时间戳（RFC 3161） / trusted timestamp for the bundle"),
    ] = None,
) -> int:
    """生成报告（可省去 make） / Makes the report; the word `make` may be left out."""
    from pipeline.store.output import Output
    from report.store import Wanted, choose

    if timestamp is not None and bundle is None:
        raise UsageError("--timestamp: 只用于证据包，请同时给出 --bundle / goes into a bundle: give --bundle too")
    if sum((init is not None, gaps, bundle is not None)) > 1:
        raise UsageError("--init、--gaps、--bundle 只能给其一 / give one of --init, --gaps, --bundle only")
    output = Output(out.absolute())
    run, found = choose(output, round_)
    if init is not None:
        return _init(init, Wanted(run, found))
    declared = _declared(output, declarations, strict=not gaps)
    wanted = Wanted(run, found, declared, template)
    return _gaps(output, wanted) if gaps else _report(output, wanted, bundle, timestamp)


@report_app.command("trace")
def trace(
    out: Out,
    number: Annotated[str, typer.Argument(metavar="ID", help="数字的编号，如 C-1/total/bytes / id of a number")],
    round_: _Round = None,
) -> int:
    """一个数字的查询、所读证据与重算值 / The query, the evidence and the recomputed value of a number."""
    from pipeline.store.output import Output
    from report.store import FOLDER, MANIFEST, choose
    from report.tables.trace import trace as trace_number

    run, _ = choose(Output(out.absolute()), round_)
    folder = run.folder / FOLDER
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder}: 还没有报告 / there is no report yet: corpus-audit report {out}")
    _print(trace_number(folder, number))
    return 0


def _init(path: Path, wanted: "Wanted") -> int:
    from report.declared.template import initial
    from schemas.profile import Profile

    text = initial(wanted.run, wanted.round, Profile.model_validate(wanted.run.manifest["profile"]))
    try:
        with path.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise UsageError(
            f"--init: {path}: 已存在，绝不覆盖 / exists and is never overwritten: name another file"
        ) from None
    except OSError as error:
        raise UsageError(f"--init: {path}: 写不了 / cannot be written: {error.strerror}") from None
    _print(
        [
            f"申报文件模板 / template of the declarations: {path}",
            "填写后 / once it is filled in: corpus-audit report OUT",
        ]
    )
    return 0


def _declared(output: "Output", path: Path | None, strict: bool) -> "Declared | None":
    from report.declared.declarations import load_declarations

    if path is None:
        path = output.folder / DECLARATIONS
        if not path.exists():
            return None
    return load_declarations(path, strict)


def _gaps(output: "Output", wanted: "Wanted") -> int:
    from report.told import gap_lines
    from report.verdicts.gap_list import make_gap_list

    found = make_gap_list(output, wanted)
    _print(gap_lines(found, wanted))
    return 0


def _report(output: "Output", wanted: "Wanted", bundle: Path | None, timestamp: Path | None) -> int:
    from report.store import make_report
    from report.told import report_lines

    stamp = _stamp(timestamp)
    made = make_report(output, wanted)
    _print(report_lines(made, wanted))
    if bundle is not None:
        from report.bundle.writing import write_bundle

        _print([f"证据包 / evidence bundle: {write_bundle(output, made.folder, bundle, stamp)}"])
    return 0


def _stamp(path: Path | None) -> "Stamp | None":
    """The timestamp's file, read before anything is made."""
    if path is None:
        return None
    from report.bundle.timestamps import read_stamp

    return read_stamp(path)


def _print(lines: "list[str]") -> None:
    """Lines for a terminal: names of sources and reasons come from corpora and people."""
    from pipeline.terminal.query import harmless

    for line in lines:
        print(harmless(line))
