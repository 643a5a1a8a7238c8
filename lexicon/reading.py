"""What `lexicon import` reads: libraries of ours as they are, anything else as words with categories."""

import io
from collections.abc import Sequence
from pathlib import Path

from lexicon.exporting import FULL_SHEET
from lexicon.rows import COLUMNS, Row, parse_rows
from lexicon.tables import Listed, is_own_format, read_table, sheets
from schemas.loading import DocumentError


def read_foreign(files: Sequence[Path], category: str | None = None) -> tuple[list[Row], list[Listed]]:
    """Rows that need no mapping, and words that do. Raises DocumentError with all that is wrong with the files."""
    rows: list[Row] = []
    listed: list[Listed] = []
    problems: list[str] = []
    for path in files:
        try:
            own = _own(path)
            if own is None:
                listed += read_table(path, category)
            else:
                rows += parse_rows(str(path), own, problems)
        except DocumentError as error:
            problems += error.problems
        except OSError as error:
            problems.append(f"{path}: 读不了 / cannot be read: {error.strerror}")
    if problems:
        raise DocumentError("import", problems)
    return rows, listed


def _own(path: Path) -> bytes | None:
    """The file as a library of ours: a TSV with our header, or a workbook this project exported."""
    if is_own_format(path):
        return path.read_bytes()
    if path.suffix.lower() != ".xlsx":
        return None
    full = sheets(path).get(FULL_SHEET)
    if not full or tuple(full[0][: len(COLUMNS)]) != COLUMNS:
        return None
    text = io.StringIO()
    text.writelines("\t".join(row) + "\n" for row in full)
    return text.getvalue().encode()
