"""`corpus-audit lexicon`: checks, imports, exports and prunes keyword libraries."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from lexicon.importing import Rejected
    from lexicon.pruning import Limits, Proposal
    from schemas.profile import Profile

T = TypeVar("T")

app = typer.Typer(help="关键词库 / Keyword libraries", no_args_is_help=True)

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LIBRARY…]", help="词库文件；不给则内置词库 / library files; the bundled one without"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="覆盖已有文件 / replace a file that is there")]
_SHOWN = 20


class Tier(StrEnum):
    """The tiers of a term."""

    BLOCK = "block"
    REVIEW = "review"
    CONTEXT = "context"


@app.command("check")
def check(
    libraries: Files = None,
    profile: Annotated[str, typer.Option(help="口径 / edition of the standard")] = "tc260-003",
    remarks: Annotated[bool, typer.Option("--all", help="列出全部提示 / list every remark")] = False,
) -> int:
    """对照标准的数量要求并检查词条；不足则退出码 1 / The numbers a filing asks for, and doubtful terms; exit 1 when short."""
    from lexicon import checking

    edition = _guarded(lambda: _profile(profile))
    wanted = edition.keywords
    report = _guarded(lambda: checking.check(libraries or [], wanted))
    if not libraries:
        print("内置起步词库 / the bundled starter library")
    tiers = "，".join(f"{tier} {report.tiers.get(tier, 0):,}" for tier in Tier)
    print(
        f"词条 / terms: {len(report.library.entries):,}（{tiers}）；最近更新 / last update: {report.last_update or '未知 / unknown'}"
    )
    print(f"{'':2}{'要求 / required':>16}{'现有 / found':>16}  项目 / item（{wanted.clause}）")
    for requirement in report.requirements:
        sign = "≤" if requirement.at_most else "≥"
        mark = "✓" if requirement.met else "✗" if requirement.must else "△"
        print(f"{mark} {sign + format(requirement.required, ','):>16}{requirement.found:>16,}  {requirement.title}")
    for value in edition.unverified:
        if value.field.startswith("keywords."):
            print(f"口径须知 / on the profile: {value.line}")
    for error in report.errors:
        print(f"错误 / error: {error}")
    kinds: Counter[str] = Counter()
    for remark in report.remarks:
        kinds[remark.kind] += 1
        if remarks or kinds[remark.kind] <= _SHOWN:
            print(f"提示 / remark: {remark.kind}: {remark.place}: {remark.text}")
    for kind, count in kinds.items():
        if not remarks and count > _SHOWN:
            print(f"… {kind}: 共 {count:,} 条，--all 全部列出 / {count:,} in all, --all lists them")
    if report.sufficient and any(not one.met and not one.at_most for one in report.requirements):
        print(
            "未达到推荐的数量（△），该版标准不作强制 / fewer than recommended (△), which this edition does not insist on"
        )
        return 0
    if report.sufficient:
        print(
            "数量满足要求；词是否合适由人判断 / the numbers are met; whether the terms are right is for people to judge"
        )
        return 0
    print(
        "尚不满足备案要求。导入本机构词库：corpus-audit lexicon import 词库.xlsx --mapping 映射.yaml --to 词库.tsv，再写入配置 lexicons / "
        "not what a filing needs yet: import your own library as shown and name it under `lexicons` in the configuration"
    )
    return 1


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help=".xlsx、.txt、.tsv、.csv")],
    to: Annotated[Path, typer.Option("--to", help="新词库文件 / the new library file")],
    mapping: Annotated[Path | None, typer.Option(help="分类到风险的映射 / categories to risks, YAML")] = None,
    tier: Annotated[Tier, typer.Option(help="映射未写级别时 / tier where the mapping gives none")] = Tier.REVIEW,
    category: Annotated[str | None, typer.Option(help="TXT 的分类，默认文件名 / category of a TXT file")] = None,
    since: Annotated[str | None, typer.Option(help="收录月份，默认本月 / when the terms came in: YYYY-MM")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="TXT、CSV、TSV 的编码，如 big5 / encoding of text files; found out without")
    ] = None,
    fill_down: Annotated[
        bool, typer.Option("--fill-down", help="空分类取上一行的 / an empty category is that of the row above")
    ] = False,
    overwrite: Overwrite = False,
) -> int:
    """由 Excel（关键词｜一级分类｜二级分类）、TXT、TSV 导入 / Makes a library from tables as organisations keep them."""
    from lexicon import importing
    from lexicon.reading import read_foreign
    from lexicon.tables import Options

    rejects = to.with_suffix(".rejected.tsv")
    _check_targets([to, rejects], [*files, *([mapping] if mapping else [])], overwrite)
    month = _month(since)
    read = _guarded(lambda: read_foreign(files, Options(category, encoding, fill_down)))
    for notice in read.notices:
        print(f"提示 / notice: {notice}", file=sys.stderr)
    imported = _guarded(
        lambda: importing.import_words(read.rows, read.listed, importing.load_mapping(mapping), tier.value, month)
    )
    if not imported.rows and not imported.rejected:
        raise UsageError("没有可导入的词 / there is no word to import")
    content = _guarded(lambda: importing.library_content(imported.rows, str(to)))
    if imported.rejected:
        _write(rejects, _rejected_table(imported.rejected))
    else:
        rejects.unlink(missing_ok=True)
    if not imported.rows:
        raise UsageError(
            f"没有一个词可以收入，原因见 {rejects} / not one word could be taken over; the reasons are there"
        )
    _write(to, content)
    print(
        f"读到 / read {len(read.rows) + len(read.listed):,} = 写入 / written {len(imported.rows):,} + "
        f"合并的重复 / merged duplicates {imported.merged:,} + 未收 / left out {len(imported.rejected):,}"
    )
    print(f"词库 / library: {to}")
    if imported.rejected:
        print(f"未收的词与原因 / what was left out, and why: {rejects}")
    print(f"下一步 / next: corpus-audit lexicon check {to}; lexicon prune {to} --against CORPUS")
    return 0


@app.command("export")
def export(
    libraries: Files = None,
    to: Annotated[Path, typer.Option("--to", help="工作簿 / the workbook, .xlsx")] = Path("关键词库.xlsx"),
    overwrite: Overwrite = False,
) -> int:
    """导出备案附件用的 Excel（关键词｜一级分类｜二级分类） / The workbook a filing attaches."""
    from lexicon.exporting import workbook_of
    from lexicon.rows import read_rows

    if to.suffix.lower() != ".xlsx":
        raise UsageError(f"--to: {to}: 应为 .xlsx / should be an .xlsx")
    _check_targets([to], _read(libraries), overwrite)
    problems: list[str] = []
    rows = list(read_rows(libraries or [], problems))
    if problems:
        raise UsageError(problems)
    _write(to, _guarded(lambda: workbook_of(rows, str(to))))
    print(f"{len(rows):,} 词 / terms: {to}")
    return 0


@app.command("prune")
def prune(
    against: Annotated[
        list[str], typer.Option("--against", help="日常文本：文件、文件夹或通配，可多次 / ordinary text")
    ],
    libraries: Files = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="按建议写成新词库 / write the proposals as a new library")
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="建议表 / the proposals as CSV")] = None,
    block: Annotated[str, typer.Option(help="block 级最高文档占比 / highest document share")] = "0.00001",
    review: Annotated[str, typer.Option(help="review 级 / of review")] = "0.0005",
    context: Annotated[str, typer.Option(help="context 级 / of context")] = "0.1",
    overwrite: Overwrite = False,
) -> int:
    """量出各词在日常文本中的文档频率并建议降级，不擅改原文件 / Measures noise and proposes tiers; edits nothing."""
    from lexicon import pruning
    from lexicon.library import load_library
    from lexicon.rows import read_rows, written_rows
    from pipeline.terminal.texts import batches_of, files_of

    limits = _limits(block, review, context)
    targets = [target for target in (to, csv_file) if target is not None]
    _check_targets(targets, [*_read(libraries), *(Path(file.location) for file in files_of(against))], overwrite)
    library = _guarded(lambda: load_library(libraries or []))
    found = pruning.measure(batches_of(against), library)
    if not found.documents:
        raise UsageError(
            f"--against: 没有读到语料（记录应有字段 text） / no document with a field `text` was read from {', '.join(against)}"
        )
    proposals = pruning.propose(library, found, limits)
    print(
        f"日常文本 / ordinary documents: {found.documents:,}；出现的词 / terms that occur: {len(found.hit):,} / {len(library.entries):,}"
    )
    short = [f"{tier} {limits.needed(tier):,}" for tier in Tier if found.documents < limits.needed(tier)]
    if short:
        print(
            f"文本太少，下列级别的上限尚量不准，只建议有把握的（所需篇数：{'，'.join(short)}） / too few documents to measure the limits "
            f"of these tiers; only what is sure is proposed (documents needed: {', '.join(short)})"
        )
    print(
        f"{'条 / documents':>14}{'占比 / share':>14}{'跨词 / across words':>20}  现级 → 建议 / tier → proposed  词 / term"
    )
    for one in proposals:
        print(f"{one.documents:>14,}{one.share:>14.4%}{one.straddling:>20,}  {one.tier} → {one.proposed}  {one.term}")
    counts = Counter(f"{one.tier} → {one.proposed}" for one in proposals)
    print("; ".join(f"{move}: {count}" for move, count in sorted(counts.items())) or "无需调整 / nothing to change")
    if csv_file is not None:
        _write(csv_file, _proposals_table(proposals))
    if to is not None:
        kept = pruning.apply(list(read_rows(libraries or [], [])), proposals)
        _write(to, _guarded(lambda: written_rows(kept, str(to))))
        print(f"新词库 / new library: {to}")
    return 0


def _limits(block: str, review: str, context: str) -> "Limits":
    from fractions import Fraction

    from lexicon.pruning import Limits

    try:
        limits = Limits(Fraction(block), Fraction(review), Fraction(context))
    except (ValueError, ZeroDivisionError):
        raise UsageError("--block、--review、--context 应为小数 / should be decimals such as 0.001") from None
    if not 0 <= limits.block <= limits.review <= limits.context <= 1:
        raise UsageError("应有 0 ≤ --block ≤ --review ≤ --context ≤ 1 / these shares should be in this order")
    return limits


def _month(since: str | None) -> str:
    from lexicon.checking import is_month

    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if since is None:
        return today[:7]
    if not is_month(since, today):
        raise UsageError(
            f"--since: {since}: 应为 YYYY-MM 或 YYYY-MM-DD，且不在将来 / should be a month or a day that has come"
        )
    return since


def _check_targets(targets: Sequence[Path], inputs: Sequence[Path], overwrite: bool) -> None:
    """Raises UsageError where a file to be written is an input, is there already, has no folder, or is named twice."""
    problems = []
    for number, target in enumerate(targets):
        try:
            wrong = _wrong_target(target, inputs, targets[:number], overwrite)
        except OSError as error:
            wrong = f"写不了 / cannot be written: {error.strerror}"
        if wrong:
            problems.append(f"{target}: {wrong}")
    if problems:
        raise UsageError(problems)


def _wrong_target(target: Path, inputs: Sequence[Path], others: Sequence[Path], overwrite: bool) -> str:
    if any(target.resolve() == path.resolve() or _same_file(target, path) for path in inputs):
        return "是输入文件，绝不覆盖 / is an input and never overwritten: choose another name"
    if target.is_dir():
        return "是文件夹 / is a folder: give the name of a file"
    if target.exists() and not overwrite:
        return "已存在 / is there already: choose another name, or --overwrite"
    if not target.parent.is_dir():
        return "没有这个文件夹 / there is no such folder: make it, or choose another"
    if any(target.resolve() == other.resolve() for other in others):
        return "用了两次 / is named twice: choose another name"
    return ""


def _read(libraries: list[Path] | None) -> list[Path]:
    """The files of the library that is read."""
    from importlib import resources

    from lexicon.rows import STARTER

    return libraries or [Path(str(resources.files("lexicon").joinpath(STARTER)))]


def _same_file(one: Path, other: Path) -> bool:
    """Whether two names are of one file, by links too."""
    return one.exists() and other.exists() and one.samefile(other)


def _write(path: Path, content: bytes) -> None:
    """Writes a whole file. Raises UsageError where that fails; a file that was there stays then."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UsageError(f"{path}: 写不了 / cannot be written: {error.strerror}") from None


def _rejected_table(rejected: "Sequence[Rejected]") -> bytes:
    lines = [("place", "word", "category", "reason")]
    lines += [(one.listed.place, one.listed.word, one.listed.category, one.reason) for one in rejected]
    marks = str.maketrans({"\t": "\\t", "\r": "\\r", "\n": "\\n"})
    return "".join("\t".join(cell.translate(marks) for cell in line) + "\n" for line in lines).encode()


def _proposals_table(proposals: "Sequence[Proposal]") -> bytes:
    import csv
    import io
    from dataclasses import astuple, fields

    from blacklist.log import FORMULA
    from lexicon.pruning import Proposal

    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([field.name for field in fields(Proposal)])
    for proposal in proposals:
        writer.writerow([f"'{v}" if isinstance(v, str) and v.startswith(FORMULA) else v for v in astuple(proposal)])
    return file.getvalue().encode("utf-8-sig")


def _profile(name: str) -> "Profile":
    from schemas.profile import load_profile

    return load_profile(name)


def _guarded(step: Callable[[], T]) -> T:
    """The result of a step whose documents may be wrong; what is wrong ends the command with every problem at once."""
    from schemas.loading import DocumentError

    try:
        return step()
    except DocumentError as error:
        raise UsageError(error.problems) from None
