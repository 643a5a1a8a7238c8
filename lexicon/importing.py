"""Turns foreign keyword tables into a library, by a mapping from their categories to risks and tiers.

Nothing is lost silently: what is not taken over comes out beside the library with its place and the reason, and a
category the mapping does not know is an error that lists all of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from lexicon.rows import Row
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


def import_words(listed: Sequence[Listed], mapping: Mapping, tier: Tier, since: str) -> Imported:
    """The words as library rows, each term once, in code-point order of the terms.

    Raises:
        DocumentError: categories the mapping does not know, with the number of their words.
    """
    unmapped: Counter[str] = Counter()
    imported = Imported()
    rows: dict[str, Row] = {}
    for word, term in zip(listed, normalise_terms([word.word for word in listed]), strict=True):
        try:
            target = mapping.target(word, tier)
        except KeyError:
            unmapped[word.category] += 1
            continue
        if target is None:
            imported.rejected.append(Rejected(word, "分类映射为 skip / its category is mapped to skip"))
        elif not term:
            imported.rejected.append(Rejected(word, "归一化后为空，永远不会命中 / nothing stays after normalisation"))
        elif any(char in word.word for char in "\t\r\n") or word.word.startswith("#"):
            imported.rejected.append(
                Rejected(word, "含制表符、换行，或以 # 开头 / holds a tab or line end, or begins with #")
            )
        else:
            requires, excludes = (_normalised(terms) for terms in (target.requires, target.excludes))
            row = Row(word.place, word.word, term, target.risks, target.tier, requires, excludes, "", since)
            known = rows.get(term)
            rows[term] = row if known is None else _united(known, row)
            imported.merged += known is not None
    if unmapped:
        told = [f"{category or '(空 / none)'}: {count} 词 / words" for category, count in unmapped.most_common()]
        head = (
            "映射文件没有这些分类，未导入任何内容；给出 risks 与 tier，或 skip / the mapping says nothing of these categories, "
            "nothing was imported; give risks and tier, or skip"
        )
        raise DocumentError("mapping", [head, *told])
    imported.rows = [rows[term] for term in sorted(rows)]
    return imported


def _united(known: Row, other: Row) -> Row:
    """Two rows of one term: all risks; the milder tier, for the stricter one would decide on what only one side says."""
    order = ("context", "review", "block")
    milder = min(known, other, key=lambda row: order.index(row.tier))
    joined = tuple(sorted({*known.risks, *other.risks}))
    return Row(
        known.place, known.written, known.term, joined, milder.tier, milder.requires, milder.excludes, "", known.since
    )


def _normalised(terms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({term for term in normalise_terms(list(terms)) if term}))


def _risk_named(name: str) -> str | None:
    """The risk a category names by its id or its wording."""
    wanted = name.strip()
    return next((risk.id for risk in risks().values() if wanted in (risk.id, risk.zh, f"{risk.id} {risk.zh}")), None)
