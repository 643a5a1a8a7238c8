"""The gap list before filing, made without a report: declarations may be missing or half filled in."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.store.output import Output
from report.documents.shown import visible
from report.evidence.workspace import open_workspace
from report.model import Gap, Verdict
from report.store import Wanted, extract_evidence

FILE = "gaps.md"


@dataclass(frozen=True)
class GapList:
    """What is not yet 符合, what was declared that cannot be used, and where the list lies."""

    verdicts: tuple[Verdict, ...]
    gaps: tuple[Gap, ...]
    problems: tuple[str, ...]
    file: Path


def make_gap_list(output: Output, wanted: Wanted) -> GapList:
    """Concludes on everything and writes OUT/gaps.md. Raises UsageError and RunFailed."""
    from report.documents.plain import gap_list
    from report.verdicts.concluding import conclude
    from report.verdicts.gaps import gaps

    with tempfile.TemporaryDirectory() as scratch:
        evidence = Path(scratch) / "evidence"
        extract_evidence(output, wanted, evidence)
        with open_workspace(evidence) as workspace:
            verdicts = conclude(workspace)
            found = gaps(verdicts)
    problems = tuple(f"{wanted.declared.path}: {one}" for one in wanted.declared.problems) if wanted.declared else ()
    path = output.folder / FILE
    _write(path, gap_list(found) + _to_mend(problems))
    return GapList(verdicts, found, problems, path)


def _to_mend(problems: tuple[str, ...]) -> str:
    """The problems of the declarations as Markdown."""
    if not problems:
        return ""
    lines = "".join(f"- {visible(one)}\n" for one in problems)
    return f"\n## 申报文件中须改正 / To be mended in the declarations\n\n{lines}"


def _write(path: Path, text: str) -> None:
    """Replaces the file in one step."""
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as handle:
            handle.write(text)
        Path(handle.name).chmod(0o644)
        shutil.move(handle.name, path)
    except OSError as error:
        raise UsageError(f"{path}: 无法写入 / cannot be written: {error.strerror}") from None
