"""Turns foreign keyword tables into a library, by a mapping from their categories to risks and tiers.

Nothing is lost silently: what is not taken over comes out beside the library with its place and the reason, and a
category the mapping does not know is an error that lists all of them.

Rows of one term become one: all risks, the milder tier. Rows that want different contexts cannot become one, for no
single condition says what both say; they stop the import.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from lexicon.library import compile_library
from lexicon.rows import Row, parse_rows, written_rows
from lexicon.tables import Listed
from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.risks import risks
from transforms.normalise import normalise_terms

Tier = Literal["block", "review", "context"]


class Target(BaseModel):
    """What a category becomes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risks: tuple[str, ...]
    tier: Tier = "review"
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @field_validator("risks")
    @classmethod
    def _known(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [risk for risk in ids if risk not in risks()]
        if unknown or not ids:
            raise ValueError(f"风险编号缺失或未知 / risk ids missing or unknown: {', '.join(unknown) or '(none)'}")
        return tuple(sorted(set(ids)))


class _Mapping(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: dict[str, Target | None]

    @field_validator("categories", mode="before")
    @classmethod
    def _skipped(cls, categories: Any) -> Any:
        if not isinstance(categories, dict):
            return categories
        if None in categories.values():
            raise ValueError(
                "分类缺少 risks；不要的分类写 skip / a category without risks; write skip to leave one out"
            )
        return {name: None if target == "skip" else target for name, target in categories.items()}


@dataclass(frozen=True)
class Mapping:
    """Categories ("一级分类" or "一级分类/二级分类") to targets; None leaves the category's words out."""

    categories: dict[str, Target | None]

    def target(self, listed: Listed, tier: Tier) -> Target | None:
        """What the word becomes; None leaves it out. Raises KeyError with the category where nothing is said of it.

        The second-level category is asked first. Where the mapping is silent, a category that is a risk's id or its
        wording in the standard speaks for itself.
        """
        for name in (listed.category, listed.first):
            if name in self.categories:
                return self.categories[name]
        for name in (listed.second, listed.first):
            known = _risk_named(name)
            if known:
                return Target(risks=(known,), tier=tier)
        raise KeyError(listed.category)


@dataclass(frozen=True)
class Rejected:
    """A word that was not taken over, and why."""

    listed: Listed
    reason: str


@dataclass
class Imported:
    """The rows of the new library, what was left out, and how many words repeated others."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    merged: int = 0


def load_mapping(path: Path | None) -> Mapping:
    """A mapping from a YAML file. Raises DocumentError with line numbers."""
    if path is None:
        return Mapping({})
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(str(path), [f"{path}: 映射读不了 / cannot read the mapping: {error}"]) from None
    content, root = parse_yaml(text, str(path))
    try:
        read = _Mapping.model_validate(content)
    except ValidationError as error:
        raise DocumentError(str(path), [f"{path}: {problem}" for problem in validation_problems(error, root)]) from None
    return Mapping(read.categories)


def import_words(own: Iterable[Row], listed: Sequence[Listed], mapping: Mapping, tier: Tier, since: str) -> Imported:
    """Rows of libraries and words of tables as rows of one, each term once, in code-point order of the terms.

    Raises:
        DocumentError: categories the mapping does not know, with the number of their words; rows of one term that want
            different contexts, with the places of both.
    """
    unmapped: Counter[str] = Counter()
    conflicts: list[str] = []
    imported = Imported()
    rows: dict[str, Row] = {}

    def take(row: Row) -> None:
        known = rows.get(row.term)
        if known is None:
            rows[row.term] = row
        elif (known.requires, known.excludes) != (row.requires, row.excludes):
            conflicts.append(
                f"{row.place}: 与 {known.place} 归一化后为同一个词 {row.term!r} 但条件不同，无法合并；删去其一，或给两个分类相同的 requires、"
                f"excludes / same term after normalisation as {known.place}, but another context: remove one, or give both "
                "categories the same requires and excludes"
            )
        else:
            rows[row.term] = _united(known, row)
            imported.merged += 1

    for row in own:
        take(row)
    for word, term in zip(listed, normalise_terms([word.word for word in listed]), strict=True):
        try:
            target = mapping.target(word, tier)
        except KeyError:
            if word.altered:
                imported.rejected.append(Rejected(word, _not_text(word)))
            else:
                unmapped[word.category] += 1
            continue
        reason = _reason(word, term, target)
        if reason or target is None:
            imported.rejected.append(Rejected(word, reason))
            continue
        requires, excludes = (_normalised(terms) for terms in (target.requires, target.excludes))
        take(Row(word.place, _written(word, term), term, target.risks, target.tier, requires, excludes, "", since))
    if unmapped:
        raise DocumentError("mapping", _unmapped(unmapped))
    if conflicts:
        raise DocumentError("import", conflicts)
    imported.rows = [rows[term] for term in sorted(rows)]
    return imported


def library_content(rows: Sequence[Row], name: str) -> bytes:
    """The rows as the content of a library file that loads. Raises DocumentError where it would not."""
    problems: list[str] = []
    content = written_rows(rows, name)
    compile_library(parse_rows(name, content, problems), problems)
    if problems:
        raise DocumentError(name, problems)
    return content


def _written(word: Listed, term: str) -> str:
    """How a word stands in the library, where a line that begins with # is a comment: #词# as it is matched."""
    return term if word.word.startswith("#") else word.word


def _reason(word: Listed, term: str, target: Target | None) -> str:
    """Why a word is not taken over; "" where it is."""
    if target is None:
        return "分类映射为 skip / its category is mapped to skip"
    if word.altered:
        return _not_text(word)
    if not term:
        return "归一化后为空，永远不会命中 / nothing stays after normalisation"
    if any(char in word.word for char in "\t\r\n") or _written(word, term).startswith("#"):
        return "含制表符、换行，或以 # 开头 / holds a tab or line end, or begins with #"
    return ""


def _not_text(word: Listed) -> str:
    chinese, english = word.altered.split(" / ")
    return (
        f"单元格不是文本而是{chinese}，原词可能已被改动；设为文本格式后重新输入 / the cell is no text but {english}, perhaps not what "
        "was typed: format it as text and enter the word again"
    )


def _unmapped(unmapped: Counter[str]) -> list[str]:
    told = [f"{category or '(空 / none)'}: {count} 词 / words" for category, count in unmapped.most_common()]
    head = (
        "映射文件没有这些分类，未导入任何内容；给出 risks 与 tier，或 skip / the mapping says nothing of these categories, "
        "nothing was imported; give risks and tier, or skip"
    )
    if "" in unmapped:
        told.append(
            "若分类只写在每组的第一行，加 --fill-down / where a category stands only in the first row of its group, add --fill-down"
        )
    return [head, *told]


def _united(known: Row, other: Row) -> Row:
    """Two rows of one term: all risks; the milder tier, for the stricter one would decide on what only one side says."""
    order = ("context", "review", "block")
    notes = dict.fromkeys(note for note in (known.note, other.note) if note)
    return replace(
        known,
        risks=tuple(sorted({*known.risks, *other.risks})),
        tier=min(known.tier, other.tier, key=order.index),
        note="；".join(notes),
        since=min((month for month in (known.since, other.since) if month), default=""),
    )


def _normalised(terms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({term for term in normalise_terms(list(terms)) if term}))


def _risk_named(name: str) -> str | None:
    """The risk a category names by its id or its wording."""
    wanted = name.strip()
    return next((risk.id for risk in risks().values() if wanted in (risk.id, risk.zh, f"{risk.id} {risk.zh}")), None)
