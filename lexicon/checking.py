"""Checks a keyword library: the numbers a filing asks for, and terms that cannot work or would only make noise."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from lexicon.library import compile_library
from lexicon.rows import Row, read_rows, require_library
from schemas.lexicon import Entry, Library
from schemas.loading import DocumentError
from schemas.profile import KeywordLibrary
from schemas.risks import groups, risks
from transforms.normalise import HAN, KANA_HANGUL, LETTER, kind_table
from transforms.words import word_frequency

COUNTED_TIERS = ("block", "review")  # a context term decides nothing by itself and counts for nothing
COMMON_WORD = 200  # occurrences in the dictionary's corpus from which a word is called common
SHORT_LATIN = 3  # letters up to which a Latin term turns up in any text: the, no, sim
_LETTERS = re.compile(r"[^\W\d_]+")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_BETWEEN_WORDS = re.compile(r"[\s\-‐‑–—]+")


@dataclass(frozen=True)
class Requirement:
    """One number the standard asks for. `must` is False for what it only recommends."""

    title: str
    required: int
    found: int
    at_most: bool = False
    must: bool = True

    @property
    def met(self) -> bool:
        """Whether the number is reached, or not exceeded."""
        return self.found <= self.required if self.at_most else self.found >= self.required


@dataclass(frozen=True)
class Remark:
    """Something about a term its keeper should look at."""

    kind: str
    place: str
    text: str


@dataclass(frozen=True)
class Report:
    """The result of a check. `errors` keep the library from loading."""

    library: Library
    requirements: tuple[Requirement, ...]
    tiers: dict[str, int]
    errors: tuple[str, ...]
    remarks: tuple[Remark, ...]
    last_update: str | None

    @property
    def sufficient(self) -> bool:
        """Whether a filing could rest on the library as far as numbers go."""
        return not self.errors and all(requirement.met for requirement in self.requirements if requirement.must)


def check(paths: Sequence[Path], wanted: KeywordLibrary, today: date | None = None) -> Report:
    """Checks the library the files make up together, or the bundled one. Raises DocumentError where one is no library."""
    unreadable: list[str] = []
    for path in paths:
        try:
            require_library(path)
        except DocumentError as error:
            unreadable += error.problems
    if unreadable:
        raise DocumentError("lexicons", unreadable)
    problems: list[str] = []
    rows = list(read_rows(paths, problems))
    library = compile_library(rows, problems)
    tiers = Counter(entry.tier for entry in library.entries)
    latest = f"{today or datetime.now(UTC).date()}"
    since = max((row.since for row in rows if row.since and is_month(row.since, latest)), default=None)
    remarks = [*_duplicates(rows), *_terms(rows), *_dates(rows, latest)]
    return Report(library, tuple(_requirements(library, wanted)), dict(tiers), tuple(problems), tuple(remarks), since)


def is_month(since: str, latest: str) -> bool:
    """Whether a cell is a month or a day that has come by `latest`, a day as YYYY-MM-DD."""
    if not _MONTH.fullmatch(since):
        return False
    try:
        date.fromisoformat(since if len(since) == 10 else f"{since}-01")
    except ValueError:
        return False
    return since <= latest[: len(since)]


def _requirements(library: Library, wanted: KeywordLibrary) -> Iterator[Requirement]:
    counted = [entry for entry in library.entries if entry.tier in COUNTED_TIERS]
    must = wanted.modality == "shall"
    yield Requirement("总数（去重，block 与 review）/ terms in all", wanted.minimum, len(counted), must=must)
    by_risk = Counter(risk for entry in counted for risk in entry.risks)
    for risk in risks().values():
        minimum = wanted.per_risk.get(risk.id[:2])
        if minimum:
            yield Requirement(f"{risk.id} {risk.zh}", minimum, by_risk[risk.id], must=must)
    limits = [f"{wanted.max_han} 个汉字"] if wanted.max_han else []
    limits += [f"{wanted.max_words} 个外文词"] if wanted.max_words else []
    if not limits:  # the edition has none
        return
    overlong = sum(is_overlong(entry, wanted) for entry in counted)
    title = f"超过 {'或 '.join(limits)}的词 / overlong terms"
    yield Requirement(title, 0, overlong, at_most=True, must=False)


def is_overlong(entry: Entry, wanted: KeywordLibrary) -> bool:
    """Whether a term has more Han characters, or more words of another script, than the standard's "as a rule".

    Kana and hangul count like Han characters, parts of a word with hyphens like words.
    """
    characters = sum(int(kind_table()[ord(char)]) in (HAN, KANA_HANGUL) for char in entry.term)
    words = [word for word in _BETWEEN_WORDS.split(entry.term) if word]
    too_long = wanted.max_han is not None and characters > wanted.max_han
    return too_long or (wanted.max_words is not None and len(words) > wanted.max_words)


def _duplicates(rows: Iterable[Row]) -> Iterator[Remark]:
    places: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        places[row.term].append(row)
    for term, same in places.items():
        for row in same[1:]:
            yield Remark(
                "重复 / duplicate",
                row.place,
                f"{row.written}：与 {same[0].place} 归一化后同为 / is, folded, also {term}",
            )


def _terms(rows: Iterable[Row]) -> Iterator[Remark]:
    for row in rows:
        own = [term for term in row.excludes if term in row.term]
        shared = sorted(set(row.excludes) & set(row.requires))
        if own:
            yield Remark(
                "永不命中 / never matches",
                row.place,
                f"{row.written}：自身含排除词 / holds what excludes it: {'|'.join(own)}",
            )
        if shared and set(row.requires) <= set(row.excludes):
            yield Remark(
                "永不命中 / never matches",
                row.place,
                f"{row.written}：所需皆被排除 / all it requires excludes it: {'|'.join(shared)}",
            )
        always = [term for term in row.requires if term in row.term]
        if always:
            yield Remark(
                "条件恒真 / condition always true",
                row.place,
                f"{row.written}：自身含所需词 / holds what it requires: {'|'.join(always)}",
            )
        if row.tier not in COUNTED_TIERS:
            continue
        if len(row.term) == 1:
            yield Remark("单字 / one character", row.place, row.written)
        elif not _LETTERS.search(row.term):
            yield Remark("纯数字或符号 / no letter in it", row.place, row.written)
        elif word_frequency(row.term) >= COMMON_WORD and not row.requires:
            yield Remark(
                "常用词 / common word",
                row.place,
                f"{row.written}：日常用语中常见，宜降为 context 或补 requires / frequent in ordinary language",
            )
        elif not row.requires and _is_short_latin(row.term):
            yield Remark(
                "短外文词 / short Latin word",
                row.place,
                f"{row.written}：外文常用词或缩写，宜降为 context 或补 requires / a common word or an abbreviation of much else",
            )


def _is_short_latin(term: str) -> bool:
    """Whether a term is a common English word, or so short that it stands for much."""
    if not all(int(kind_table()[ord(char)]) == LETTER for char in term):
        return False
    return len(term) <= SHORT_LATIN or term in _english_stop_words()


@lru_cache(maxsize=1)
def _english_stop_words() -> frozenset[str]:
    """The list that comes with spaCy, on which Presidio depends."""
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS)


def _dates(rows: Iterable[Row], latest: str) -> Iterator[Remark]:
    for row in rows:
        if row.since and not is_month(row.since, latest):
            yield Remark(
                "日期 / date",
                row.place,
                f"{row.written}：since 应为 YYYY-MM 或 YYYY-MM-DD，且不在将来 / a month or day that has come: {row.since}",
            )


def missing_groups(report: Report) -> list[str]:
    """The classes of Appendix A with a risk short of its number."""
    short = {r.title[:2] for r in report.requirements if not r.met and r.title[:2] in groups()}
    return sorted(short)
