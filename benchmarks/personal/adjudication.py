"""What people said of findings in ordinary text: `adjudicated.tsv`, one finding a line, and no text in it.

Columns: the first 16 hexadecimal digits of the SHA-256 of the document's text (UTF-8), start, end (code points, end
exclusive), type, verdict, and a word or two on what it is. A finding nobody judged counts as a false alarm.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.personal.providers import TYPES
from schemas.loading import DocumentError

ADJUDICATED = Path(__file__).parent / "adjudicated.tsv"
# It is what it says, of a person or not known whose; it is so, but publicly an organisation's; it is something else.
TRUE, ORGANISATION, FALSE = "true", "organisation", "false"
VERDICTS = (TRUE, ORGANISATION, FALSE)
_COLUMNS = ("document", "start", "end", "type", "verdict", "kind")

Finding = tuple[str, int, int, str]  # digest of the document, start, end, type


@dataclass(frozen=True)
class Judgement:
    """One of VERDICTS, and what the finding is."""

    verdict: str
    kind: str


Judgements = Mapping[Finding, Judgement]


def digest(text: str) -> str:
    """The name of a document in the list."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def load(path: Path = ADJUDICATED) -> dict[Finding, Judgement]:
    """The judgements by finding; DocumentError names every line that is wrong."""
    found: dict[Finding, Judgement] = {}
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            finding, judgement = _parse(line.split("\t"))
        except ValueError as error:
            problems.append(f"第 {number} 行 / line {number}: {error}")
            continue
        if found.setdefault(finding, judgement) != judgement:
            problems.append(f"第 {number} 行 / line {number}: 与前面的判定不同 / judged otherwise in an earlier line")
    if problems:
        raise DocumentError(str(path), problems)
    return found


def _parse(cells: list[str]) -> tuple[Finding, Judgement]:
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"应有 {len(_COLUMNS)} 列 / {len(_COLUMNS)} columns expected: {', '.join(_COLUMNS)}")
    document, start, end, kind_of, verdict, kind = cells
    if len(document) != 16 or set(document) - set("0123456789abcdef"):
        raise ValueError(f"document 应为 16 位十六进制 / 16 hexadecimal digits expected: {document!r}")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit() and int(start) < int(end)):
        raise ValueError(f"start、end 应为数字且 start < end / numbers with start < end expected: {start!r}, {end!r}")
    if kind_of not in TYPES:
        raise ValueError(f"未知类型 / unknown type: {kind_of!r}")
    if verdict not in VERDICTS:
        raise ValueError(
            f"verdict 应为 {'、'.join(VERDICTS)} 之一 / one of {', '.join(VERDICTS)} expected: {verdict!r}"
        )
    return (document, int(start), int(end), kind_of), Judgement(verdict, kind)
