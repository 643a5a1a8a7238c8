"""Everything a report consists of, made from its evidence folder alone: the same folder gives the same bytes.

`verify` builds again and compares; whoever has a bundle does the same without run and round (docs/adr/0030).
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import RunFailed
from pipeline.store.scans import sha256_file
from report.evidence.workspace import Workspace, open_workspace
from report.model import Both, Evidence, Report, Table, Verdict
from report.unproved import of_report

TEMPLATE = "template.docx"  # of the evidence folder, where staff gave one of their own
VERDICTS, TABLES, GAPS = "verdicts.json", "tables.json", "gaps.md"
_SHEET_ROWS = 1_000_000  # of one sheet of a workbook
_SAMPLES = {
    "人工抽检样本": 'SELECT item_no, doc_id, source_id, shard, "row", bucket, stage, content_hash FROM round.items_drawn '
    "WHERE kind = 'sample' AND list_contains(samples, 'manual') ORDER BY item_no",
    "技术抽检样本": 'SELECT doc_id, source_id, shard, "row", bucket, content_hash, qualified FROM audit.technical_sample '
    f'ORDER BY doc_id, shard, "row" LIMIT {_SHEET_ROWS}',
}
_LIBRARY = "FROM record.keywords ORDER BY term"


@dataclass(frozen=True)
class Built:
    """A report and its files by name."""

    report: Report
    files: Mapping[str, bytes]


def build(folder: Path) -> dict[str, bytes]:
    """The files of a report by name, from its evidence folder. Raises RunFailed where sums do not agree."""
    return dict(build_report(folder).files)


def build_report(folder: Path) -> Built:
    """The same with the report itself."""
    from report.documents.document import document
    from report.documents.page import page
    from report.documents.plain import plain
    from report.documents.workbook import workbook
    from report.tables.charts import charts

    template = folder / TEMPLATE
    with open_workspace(folder) as workspace:
        report = report_of(workspace)
        drawn = charts(workspace, report.tables)
        samples = {title: workspace.rows(sql) for title, sql in _SAMPLES.items()}
        files = {
            "report.docx": document(report, drawn, template.read_bytes() if template.is_file() else None),
            "report.xlsx": workbook(report, workspace.rows(_LIBRARY), samples),
            "report.html": page(report, drawn).encode(),
            "report.md": plain(report).encode(),
            VERDICTS: verdicts_json(report.conclusion, report.verdicts),
            TABLES: as_json([dataclasses.asdict(table) for table in report.tables]),
            GAPS: gap_list(report).encode(),
        }
    return Built(report, files)


def report_of(workspace: Workspace) -> Report:
    """What the evidence comes to. Raises RunFailed naming each sum that does not agree: no report is made of it."""
    from report.documents.cover import cover_of
    from report.tables.filling import fill_tables
    from report.tables.sums import check_sums
    from report.verdicts.concluding import conclude, overall
    from report.verdicts.gaps import gaps

    verdicts = conclude(workspace)
    tables: tuple[Table, ...] = tuple(fill_tables(workspace))
    wrong = check_sums(tables, workspace)
    if wrong:
        raise RunFailed("表间合计不符，不作报告 / sums do not agree, no report is made:\n" + "\n".join(wrong))
    return Report(
        cover=cover_of(workspace, evidence_digest(workspace.folder)),
        conclusion=overall(verdicts),
        verdicts=verdicts,
        tables=tables,
        gaps=gaps(verdicts),
        unproved=of_report(workspace),
        evidence=_evidence(workspace),
    )


def gap_list(report: Report) -> str:
    """The gap list as Markdown."""
    from report.documents.plain import gap_list as told

    return told(report.gaps)


def verdicts_json(conclusion: Both | None, verdicts: tuple[Verdict, ...]) -> bytes:
    """Verdicts with reasons, basis and evidence, as `verdicts.json`."""
    told = None if conclusion is None else dataclasses.asdict(conclusion)
    return as_json({"conclusion": told, "verdicts": [dataclasses.asdict(verdict) for verdict in verdicts]})


def as_json(content: Any) -> bytes:
    """JSON for people and programs; days and decimals as text."""
    return (json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1, default=str) + "\n").encode()


def evidence_digest(folder: Path) -> str:
    """The digest of an evidence folder: of path and digest of each of its files, in order."""
    lines = [f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n" for path in files_of(folder)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, in order of their names. Links are none: what they point at is nobody's evidence."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _evidence(workspace: Workspace) -> tuple[Evidence, ...]:
    """Every file of the folder, then every declared file, which stays with whoever declared it."""
    files = [path.relative_to(workspace.folder).as_posix() for path in files_of(workspace.folder)]
    declared = workspace.rows("SELECT DISTINCT title, file, sha256 FROM declared.evidence ORDER BY file, title")
    return (
        *(Evidence(Both(file, ""), file, workspace.digest(file)) for file in files),
        *(Evidence(Both(row["title"] or row["file"], ""), row["file"], row["sha256"]) for row in declared),
    )
