"""What `verify OUT` says of reports: their chain, every file, the evidence extracted again, and everything built again."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline import __version__
from pipeline.errors import AuditError
from pipeline.store.output import Output, Run
from pipeline.store.scans import sha256_file
from report.build import TEMPLATE, build
from report.checking.comparison import evidence_differences, report_differences
from report.evidence.extract import EVIDENCE, extract, read_heads
from report.evidence.library import library_of_rows
from report.evidence.redeclared import wrongly_declared
from report.evidence.workspace import open_workspace
from report.store import ATTACHED, CHAIN, DECLARATIONS, FOLDER, MANIFEST, differences, libraries
from report.unproved import OF_REPORT
from rounds.register import Round, rounds_of
from schemas.chain import read_chain

FAULTS = (
    *(OSError, ValueError, LookupError, TypeError, ArithmeticError, AttributeError, AssertionError, RecursionError),
    *(AuditError, duckdb.Error, pa.ArrowException),
)
GIVEN = frozenset({DECLARATIONS, ATTACHED, TEMPLATE})  # of an evidence folder: as given, not extracted
_REPLACED = "报告记录末尾整体删去、并换回较早报告者，此处不可见 / a record of reports whose end was cut off, with the earlier report put back"


def checks(output: Output, quick: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles with problems; nothing where no report was ever made. With `quick`, hashes and chains only."""
    records, problems = read_chain(output.folder / CHAIN)
    last: dict[str, dict[str, Any]] = {}
    for number, record in enumerate(records, start=1):
        try:
            last[str(record["run_id"])] = {"report_sha256": record["report_sha256"], "round": record["round"]}
        except (LookupError, TypeError):
            problems.append(f"{CHAIN}: 第 {number} 条残缺 / record {number} is torn")
    there = {path.parent.name for path in output.runs.glob(f"[!.]*/{FOLDER}")}
    if not records and not problems and not there:
        return
    problems += [
        f"runs/{run_id}/{FOLDER}: 不在报告记录中 / is not on record: make it again with `corpus-audit report`"
        for run_id in sorted(there - last.keys())
    ]
    yield "报告记录 / record of reports", tuple(problems)
    for run_id, told in last.items():
        found = guarded(lambda: [*_files(output, run_id, told["report_sha256"])])  # noqa: B023 - called at once
        if not found and not quick:
            folder = output.runs / run_id / FOLDER
            found += guarded(lambda: [*_extracted(output, run_id, told["round"])])  # noqa: B023
            found += guarded(lambda: [*wrongly_declared(folder / EVIDENCE)])  # noqa: B023
            found += guarded(lambda: [*rebuilt(folder)])  # noqa: B023
        yield f"报告 / report: {run_id}", tuple(found)


def unproved(output: Output) -> list[str]:
    """What clean checks of reports leave open; nothing where there is none."""
    records, _ = read_chain(output.folder / CHAIN)
    lines: list[str] = [*OF_REPORT[4:], _REPLACED] if records else []
    for run_id in dict.fromkeys(str(record.get("run_id")) for record in records):
        other = made_otherwise(output.runs / run_id / FOLDER)
        if other:
            lines.append(f"{run_id} 的报告 / its report: {other}")
    return lines


def guarded(step: Callable[[], list[str]]) -> list[str]:
    """The problems a step finds; that it could not be done is one."""
    try:
        return step()
    except FAULTS as error:
        first = str(error).splitlines()[0][:300] if str(error) else ""
        return [f"无法重算 / cannot be recomputed: {type(error).__name__}: {first}"]


def _files(output: Output, run_id: str, digest: str) -> Iterator[str]:
    folder = output.runs / run_id / FOLDER
    if not folder.is_dir():
        yield f"runs/{run_id}/{FOLDER}: 报告缺失 / the report is missing: make it again, or restore it from a copy"
        return
    if not (folder / MANIFEST).is_file() or sha256_file(folder / MANIFEST) != digest:
        yield f"{MANIFEST}: 与报告记录不符 / is not the one on record"
    yield from differences(folder)


def _extracted(output: Output, run_id: str, round_: str | None) -> Iterator[str]:
    """Where the evidence is not what run, round and chains held when the report was made."""
    run, folder = Run(output.runs / run_id), output.runs / run_id / FOLDER
    evidence, same = folder / EVIDENCE, same_libraries(folder)
    found: Round | None = next((one for one in rounds_of(output) if one.id == round_), None)
    if round_ is not None and found is None:
        yield f"{round_}: 登记簿中没有这一轮 / the register has no such round"
        return
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch) / EVIDENCE
        with open_workspace(evidence) as workspace:
            library = library_of_rows(workspace.rows("FROM record.keywords"))
            rows = {schema: _rows(workspace, schema) for schema in ("declared", "annotation")}
        heads = read_heads(evidence)
        extract(output, run, found, rows["declared"], rows["annotation"], again, heads, library)
        yield from evidence_differences(evidence, again, GIVEN, same)


def _rows(workspace: Any, schema: str) -> dict[str, list[dict[str, Any]]]:
    from report.evidence import layout

    return {name: workspace.rows(f'FROM {schema}."{name}"') for name in layout.columns()[schema]}


def rebuilt(folder: Path) -> Iterator[str]:
    """Where a report is not what its own evidence gives."""
    other = _software(folder)
    if other:
        yield other
        return
    yield from report_differences(folder, build(folder / EVIDENCE), same_libraries(folder))


def _software(folder: Path) -> str | None:
    made = str(read_manifest(folder)["software_version"])
    if made == __version__:
        return None
    return (
        f"由版本 {made} 生成，此为 {__version__}，无法重建 / was made by version {made}, this is {__version__}: verify with that version, or "
        f"make the report again"
    )


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest of a report."""
    content: Mapping[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return content


def same_libraries(folder: Path) -> bool:
    """Whether what wrote the bytes of a report is what is installed here."""
    return bool(read_manifest(folder)["made_with"] == libraries())


def made_otherwise(folder: Path) -> str | None:
    """With which other libraries a report was made, so that its documents cannot be compared byte by byte."""
    try:
        made, here = read_manifest(folder)["made_with"], libraries()
        named = [f"{name} {made[name]} ≠ {here.get(name)}" for name in made if made[name] != here.get(name)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # told elsewhere
    if not named:
        return None
    return (
        "Word、Excel、HTML 的字节：由其他版本的库生成，只比对了数字与文字 / bytes of the documents, which other versions of libraries wrote; numbers and texts "
        f"alone were compared: {', '.join(named)}"
    )
