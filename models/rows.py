"""Labelled texts: what a risk classifier is trained on and measured with, read strictly from JSON Lines.

A line is `{"text": ..., "labels": [risk ids]}` or `{"text": ..., "risk": risk id}`; no labels, or `none`, means harmless,
a null risk is skipped and counted. `id`, `split` (train or dev), `set`, `form`, `group` and `map_conf` are optional.
"""

import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import zstandard

from schemas.loading import DocumentError
from transforms.classifier import NONE, known_risks

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
DEV = 0.15  # of the rows whose file does not split them

# What a text is. Prompts put to a model are no documents; what people or patterns made up on purpose is weak evidence.
CONTENT = "content"
WEAK_FORMS = frozenset({"seed", "template"})
PROMPTS = frozenset({"question", "mcq", "prompt_attack", "probe"})

_MOST_PROBLEMS = 20  # a file of another kind has one in every line


@dataclass(frozen=True)
class Row:
    """One text with its labels, `none` where it is harmless. `source` is the labelled set or the kind of ordinary text."""

    source: str
    split: str  # train | held (calibration and thresholds) | dev (figures)
    labels: frozenset[str]
    text: str
    form: str = CONTENT
    approximate: bool = False  # the label is an interpretation of another scheme's
    id: str = ""
    repeat: int = 1  # times it is shown to the model an epoch: rare kinds of text drown otherwise
    group: str = ""  # rows that must be held back together: twins, turns of one thread; empty: the text alone
    fixed: bool = False  # the split is settled, whatever is held back of the others

    @property
    def harmless(self) -> bool:
        """Whether the text shows no risk."""
        return self.labels == {NONE}


@dataclass
class Labelled:
    """Rows as read, and how many lines were skipped, by file and reason."""

    rows: list[Row] = field(default_factory=list)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)


def uniform(key: str) -> float:
    """A number in [0, 1) that depends on nothing but the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Line numbers and lines of a file that may be compressed. Raises DocumentError."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        elif path.suffix == ".zst":
            data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    except OSError as error:
        raise DocumentError(str(path), [f"无法读取 / cannot be read: {error.strerror or error}"]) from None
    except (EOFError, zstandard.ZstdError) as error:
        raise DocumentError(str(path), [f"压缩损坏 / broken compression: {error}"]) from None
    yield from ((number, line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip())


def files(paths: Iterable[Path]) -> list[Path]:
    """The labelled files among the paths; a folder stands for all below it. Raises DocumentError."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES)) if path.is_dir() else [path]
        if not inside or not path.exists():
            raise DocumentError(str(path), [f"没有标注文件 / no labelled file ({', '.join(SUFFIXES)}) there"])
        found += inside
    return found


def read_labelled(paths: Iterable[Path]) -> Labelled:
    """All rows of the files. Raises DocumentError with the file and line of what is wrong."""
    result = Labelled()
    for path in files(paths):
        _read_file(path, result)
    return result


def _read_file(path: Path, result: Labelled) -> None:
    problems: list[str] = []
    for number, line in records(path):
        try:
            record = orjson.loads(line)
            row = _row(record, path.name.partition(".")[0], f"{path.name}:{number}")
        except orjson.JSONDecodeError as error:
            problems.append(f"第 {number} 行不是合法的 JSON / line {number} is not valid JSON: {error}")
        except _RowError as error:
            problems.append(f"第 {number} 行 / line {number}: {error}")
        else:
            if isinstance(row, Row):
                result.rows.append(row)
            else:
                result.skipped[path.name, row] += 1
        if len(problems) == _MOST_PROBLEMS:
            problems.append("其余从略 / and so on")
            break
    if problems:
        raise DocumentError(str(path), problems)


class _RowError(ValueError):
    """What is wrong with a record."""


def _row(record: Any, file: str, key: str) -> Row | str:
    """The row of a record, or why it is skipped."""
    if not isinstance(record, dict):
        raise _RowError("应为 JSON 对象 / should be a JSON object")
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        raise _RowError("text 应为非空字符串 / text should be a string that is not empty")
    form, split, source = record.get("form", CONTENT), record.get("split"), record.get("set", file)
    if form not in WEAK_FORMS | PROMPTS | {CONTENT}:
        raise _RowError(f"form: 未知的取值 / unknown value {form!r}")
    if split not in (None, "train", "dev"):
        raise _RowError(f"split: 应为 train 或 dev / should be train or dev, not {split!r}")
    if not isinstance(source, str) or not source:
        raise _RowError("set 应为非空字符串 / set should be a string that is not empty")
    labels = _labels(record)
    if labels is None:
        return "无标签 / no risk assigned"
    if split is None:
        split = "dev" if uniform(f"split/{record.get('id', text)}") < DEV else "train"
    approximate = record.get("map_conf") == "approx"
    return Row(
        source, split, labels, text, form, approximate, str(record.get("id", "")), group=str(record.get("group", ""))
    )


def _labels(record: dict[str, Any]) -> frozenset[str] | None:
    """The labels of a record; None where its risk is null."""
    if ("labels" in record) == ("risk" in record):
        raise _RowError("应有 labels 或 risk 之一 / should have either labels or risk")
    given = record.get("labels", record.get("risk"))
    if given is None:
        return None
    labels = [given] if isinstance(given, str) else given
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise _RowError("labels 应为风险编号的列表 / labels should be a list of risk ids")
    unknown = sorted(set(labels) - known_risks() - {NONE})
    if unknown:
        raise _RowError(f"未知的风险编号 / unknown risk id: {', '.join(unknown)}; 见 / see schemas/risks.yaml")
    if NONE in labels and set(labels) != {NONE}:
        raise _RowError("none 不能与风险并列 / none cannot stand beside a risk")
    return frozenset(labels) or frozenset({NONE})


def settle(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """Each text once, with the labels all its rows give it; `keys` say which texts are the same.

    A text found both harmless and risky is dropped: one of the two is wrong, and nothing here says which.
    """
    labels: dict[str, set[str]] = {}
    for key, row in zip(keys, rows, strict=True):
        labels.setdefault(key, set()).update(row.labels)
    settled, seen = [], {""}  # a text without a token teaches nothing
    for key, row in zip(keys, rows, strict=True):
        contested = NONE in labels.get(key, ()) and len(labels[key]) > 1
        if key not in seen and not contested:
            seen.add(key)
            settled.append(replace(row, labels=frozenset(labels[key])))
    return settled
