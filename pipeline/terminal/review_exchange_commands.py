"""`corpus-audit review export | import`: items out to other tools, answers back; registered by review_commands."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import UsageError
from pipeline.terminal.arguments import Out

if TYPE_CHECKING:
    from review.store import ReviewStore
    from rounds.register import Round

RoundId = Annotated[str | None, typer.Option("--round", help="轮次，默认当前 / the round; the current one without it")]
_MOST_ITEMS = 1_000_000
_SHOWN = 50  # lines of refused rows on the terminal; the report has every row


def export(
    out: Out,
    form: Annotated[str, typer.Option(help="xlsx | label-studio | csv | jsonl")],
    reading: Annotated[str, typer.Option(help="first | second | adjudication")],
    person: Annotated[str, typer.Option(help="交给谁 / who will judge them")],
    by: Annotated[str, typer.Option(help="负责人 / the lead who hands them out")],
    to: Annotated[Path, typer.Option("--to", help="写入的文件 / the file to write")],
    items: Annotated[str | None, typer.Option(help="条目编号，如 1-50,77 / item numbers")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="接下来多少条 / how many of those that come next")] = None,
    days: Annotated[int, typer.Option(min=1, max=60, help="保留几天 / days they are reserved")] = 7,
    round_id: RoundId = None,
) -> int:
    """把条目交给一人用其他工具审核，期间他人不会领到 / Hands items to one person for another tool; nobody else gets them."""
    from review.exchange.exporting import Request, export_items

    with _opened(out, round_id) as (store, round):
        request = Request(person, reading, by, None if items is None else _numbers(items), count, days)
        handed = export_items(store, round, form, to, request)
    print(f"{len(handed.batch.tasks):,} 条 / items → {', '.join(map(str, handed.files))}")
    print(f"保留至 / reserved until {handed.batch.until}; 摘要 / digest {handed.batch.digest}")
    if handed.left:
        numbers = ", ".join(str(number) for number, _ in handed.left)
        print(
            f"正文过长未导出，请在网页上审核 / too long for a cell, left for the page: {len(handed.left)} ({numbers})",
            file=sys.stderr,
        )
    print(
        "文件含原文与个人信息，请妥善保管 / the file holds texts with personal information: keep it safe",
        file=sys.stderr,
    )
    return 0


def import_(
    out: Out,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".xlsx | .json | .csv | .jsonl")],
    person: Annotated[str | None, typer.Option(help="应是谁的答案 / whose answers they should be")] = None,
    by: Annotated[str | None, typer.Option(help="谁导入，默认本人 / who imports; the person without it")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="接受未做完的文件 / take an unfinished file")] = False,
    report: Annotated[
        Path | None, typer.Option(help="被拒行的表，默认 FILE.refused.csv / table of refused rows, CSV")
    ] = None,
    round_id: RoundId = None,
) -> int:
    """导入答案：逐行核对，一行不符则全部不收 / Takes answers back: every row is checked, one wrong row and nothing is stored."""
    from review.exchange.importing import RowsRefused, import_answers
    from review.exchange.refusals import is_report, report_bytes

    target = report or file.with_name(f"{file.name}.refused.csv")
    with _opened(out, round_id) as (store, round):
        try:
            done = import_answers(store, round, file, person, by, partial)
        except RowsRefused as error:
            _write_report(target, report_bytes(file, error.refused), file)
            shown = error.problems[:_SHOWN]
            if len(error.problems) > _SHOWN:
                shown.append(f"其余 {len(error.problems) - _SHOWN} 行见报告 / the rest is in the report")
            raise UsageError(
                [*shown, f"一条也没有导入；全部原因 / nothing was stored; every reason is in {target}"]
            ) from None
    if is_report(target):  # of an earlier attempt: what it says is no longer so
        target.unlink()
    print(
        f"导入 / stored {done.stored:,}，已在库中 / there already {done.already:,}，未作答 / without an answer {done.unanswered:,}"
    )
    return 0


@contextmanager
def _opened(out: Path, round_id: str | None) -> Iterator[tuple["ReviewStore", "Round"]]:
    """The review of a round, and the round."""
    from pipeline.store.output import Output
    from review.store import ReviewStore
    from rounds.register import find_round

    output = Output(out)
    output.must_exist()
    round = find_round(output, round_id)
    store = ReviewStore.open(output, round)
    try:
        yield store, round
    finally:
        store.shut()


def _numbers(written: str) -> list[int]:
    """The item numbers of `1-50,77`, ascending. Raises UsageError."""
    numbers: set[int] = set()
    for part in written.split(","):
        first, _, last = part.strip().partition("-") if "-" in part else (part.strip(), "", part.strip())
        if not all(bound.isascii() and bound.isdecimal() for bound in (first, last)):
            raise UsageError(f"--items: {part!r}: 应如 1-50,77 / should be like 1-50,77")
        if int(last) > _MOST_ITEMS or int(first) > int(last):
            raise UsageError(f"--items: {part!r}: 范围不对 / not a range of items")
        numbers.update(range(int(first), int(last) + 1))
    return sorted(numbers)


def _write_report(target: Path, content: bytes, source: Path) -> None:
    if target.resolve() == source.resolve():
        raise UsageError(f"--report: {target}: 是输入文件，绝不覆盖 / is the input and is never overwritten")
    try:
        target.write_bytes(content)
    except OSError as error:
        raise UsageError(f"--report: {target}: 写不了 / cannot be written: {error.strerror}") from None
