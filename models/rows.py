"""Labelled texts: what a risk classifier is trained on and measured with, read strictly from JSON Lines.

A line is `{"text": ..., "labels": [risk ids]}` or `{"text": ..., "risk": risk id}`; no labels, or `none`, means harmless,
a null risk is skipped and counted. `id`, `split` (train or dev), `set`, `form`, `group` and `map_conf` are optional.
Rows without a split get one when all rows are there (`settle`), for twins must land on one side.
"""

import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import zstandard
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from schemas.loading import DocumentError
from transforms.classifier import NONE, known_risks

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
DEV = 0.15  # of the rows whose file does not split them
REAL = 30  # documents; what is known from fewer is called weak
SPLITS = ("", "train", "held", "dev")  # a text found in several is of the last of them

# What a text is. Prompts put to a model are no documents; what people or patterns made up on purpose is weak evidence.
CONTENT = "content"
WEAK_FORMS = frozenset({"seed", "template"})
PROMPTS = frozenset({"question", "mcq", "prompt_attack", "probe"})

_MOST_PROBLEMS = 20  # a file of another kind has one in every line


@dataclass(frozen=True)
class Row:
    """One text with its labels, `none` where it is harmless. `source` is the labelled set or the kind of ordinary text."""

    source: str
    split: str  # train | held (calibration and thresholds) | dev (figures); empty: the file leaves it to `settle`
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
    approximate = record.get("map_conf") == "approx"
    identity, group = _name(record, "id"), _name(record, "group")
    return Row(source, split or "", labels, text, form, approximate, identity, group=group)


def _name(record: dict[str, Any], key: str) -> str:
    """The value of a key that names something; empty where it is absent or null."""
    value = record.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _RowError(f"{key}: 应为字符串或整数 / should be a string or a whole number, not {value!r}")
    return str(value)


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

    What hangs together, by a text or by a group, is of one split: the strongest its rows name (dev, held, train), else
    by hash. The result depends on the rows only, not on their order: it is ordered by key, and of several rows of a
    text the one that is the best evidence stands for it. A text found both harmless and risky is dropped: one of the
    two is wrong, and nothing here says which.
    """
    taught = [(key, row) for key, row in zip(keys, rows, strict=True) if key]  # a text without a token teaches nothing
    ordered = sorted(taught, key=lambda pair: (pair[0], _rank(pair[1])))
    labels: dict[str, set[str]] = {}
    for key, row in ordered:
        labels.setdefault(key, set()).update(row.labels)
    splits, names, fixed = _units(ordered)
    settled: list[Row] = []
    seen: set[str] = set()
    for place, (key, row) in enumerate(ordered):
        contested = NONE in labels[key] and len(labels[key]) > 1
        if key not in seen and not contested:
            seen.add(key)
            given = frozenset(labels[key])
            settled.append(replace(row, labels=given, split=splits[place], group=names[place], fixed=fixed[place]))
    return settled


def _rank(row: Row) -> tuple[object, ...]:
    """Where a row stands among those of one text: documents before what was made up, exact labels before others."""
    made_up = row.form != CONTENT
    return made_up, row.form, row.approximate, row.source, row.text, row.split, row.id, row.group, row.repeat, row.fixed


def _units(ordered: Sequence[tuple[str, Row]]) -> tuple[list[str], list[str], list[bool]]:
    """Split, name and whether the split is settled, by row, of what hangs together by a text or by a group.

    The name is the first of its groups; a text without one is named by its key. Settled rows get the same names again.
    """
    number: dict[tuple[str, str], int] = {}
    text = [number.setdefault(("text", key), len(number)) for key, _ in ordered]
    group = [
        number.setdefault(("group", row.group) if row.group else ("text", key), len(number)) for key, row in ordered
    ]
    edges = coo_matrix((np.ones(len(ordered)), (text, group)), shape=(len(number), len(number)))
    unit = connected_components(edges, directed=False)[1][text].tolist() if ordered else []
    split: dict[int, str] = {}
    name: dict[int, tuple[bool, str]] = {}
    fixed: set[int] = set()
    for mine, (key, row) in zip(unit, ordered, strict=True):
        split[mine] = max(split.get(mine, ""), row.split, key=SPLITS.index)
        called = not row.group, row.group or key
        name[mine] = min(name.get(mine, called), called)
        if row.fixed or row.form == "ordinary":
            fixed.add(mine)
    for mine, found in split.items():
        split[mine] = found or ("dev" if uniform(f"split/{name[mine][1]}") < DEV else "train")
    return [split[mine] for mine in unit], [name[mine][1] for mine in unit], [mine in fixed for mine in unit]
