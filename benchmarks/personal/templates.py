"""Carriers: templates beside this module, filled with values; what was filled in is the gold.

There are three sets, each with texts that hold personal information and texts that only look so. Who writes rules
reads the development sets and tunes on them; nobody who writes rules reads the held-out set, and its figures are the
targets'. Once it has been read it is a development set, and another one is written: so the second one came to be.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.personal.look_alikes import fillers
from benchmarks.personal.providers import providers
from benchmarks.personal.vocabulary import DEVELOPMENT_WORDS, HELD_OUT_WORDS, Vocabulary

HERE = Path(__file__).parent
REPEATS = 8  # documents of each template
_SLOT = re.compile(r"\[\[([A-Z_]+)(:\w+)?((?:\|[A-Z_]+)*)\]\]|<<([a-z]+\d*)>>")

# What a variant does to a value of a type: the text before, the value, the text after; None: not for this value.
Change = Callable[[str, str, Random], tuple[str, str, str] | None]


@dataclass(frozen=True)
class TemplateSet:
    """Two files of templates; a set keeps the seed of its values, and with it its values, when it is renamed."""

    name: str
    seed: str
    carriers: str
    look_alikes: str
    words: Vocabulary = DEVELOPMENT_WORDS


HELD_OUT = TemplateSet("held out", "held out, third set", "heldout.tsv", "heldout_negatives.tsv", HELD_OUT_WORDS)
DEVELOPMENT = (
    TemplateSet("development 1", "development", "development_1.tsv", "development_1_negatives.tsv"),
    TemplateSet("development 2", "held out", "development_2.tsv", "development_2_negatives.tsv"),
)
SETS = (HELD_OUT, *DEVELOPMENT)


@dataclass(frozen=True)
class Span:
    """Personal information in a text: code points, end exclusive; `also` are types that are no mistake here."""

    type: str
    start: int
    end: int
    also: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True)
class Template:
    """A carrier. `about` is the type it was written for (MIXED: several), or the kind of look-alike."""

    id: str
    about: str
    text: str
    register: str = ""
    cue: str = ""  # label | cue | bare
    accepted: frozenset[str] = frozenset()  # types that are right in a text without gold
    apart: bool = False  # reported, not part of the precision
    seed: str = ""
    words: Vocabulary = DEVELOPMENT_WORDS


@dataclass(frozen=True)
class Document:
    """A filled template with its gold, in order."""

    template: Template
    text: str
    spans: tuple[Span, ...]


def _rows(name: str) -> Iterator[list[str]]:
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# about\t") and not line.startswith("# kind\t"):
            *rest, text = line.split("\t")
            yield [*rest, text.replace("\\n", "\n").replace("\\t", "\t")]


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[str, list[str]]]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row[0]] = counts.get(row[0], 0) + 1
        yield f"{row[0]}.{counts[row[0]]:02d}", row


def positives(of: TemplateSet) -> list[Template]:
    """Templates with personal information; an id is the type and a running number."""
    rows = _numbered(_rows(of.carriers))
    return [
        Template(key, about, text, register, cue, seed=of.seed, words=of.words)
        for key, (about, register, cue, text) in rows
    ]


def negatives(of: TemplateSet) -> list[Template]:
    """Templates without personal information, by kind."""
    return [
        Template(
            key,
            kind,
            text,
            accepted=frozenset(accepted.split(",")) - {"-"},
            apart=scored == "apart",
            seed=of.seed,
            words=of.words,
        )
        for key, (kind, scored, accepted, text) in _numbered(_rows(of.look_alikes))
    ]


def fill(template: Template, number: int, change: Change | None = None) -> Document:
    """The template filled for the `number`-th time; with a change the same values, changed where it applies."""
    key = f"{template.seed}/{template.id}/{number}"
    rng, other = Random(key), Random(f"{key}/change")
    values, others = providers(template.words), fillers(template.words)
    parts: list[str] = []
    spans: list[Span] = []
    length = last = 0
    for slot in _SLOT.finditer(template.text):
        kind, form, also, filler = slot.groups()
        before, value, after = "", others[filler](rng) if filler else values[kind + (form or "")](rng), ""
        changed = change(kind, value, other) if change and kind else None
        if changed:
            before, value, after = changed
        parts += [template.text[last : slot.start()], before]
        start = length + slot.start() - last + len(before)
        length = start + len(value) + len(after)
        parts += [value, after]
        if kind:
            accepted = tuple(also.strip("|").split("|")) if also else ()
            spans.append(Span(kind, start, start + len(value), accepted, changed is not None))
        last = slot.end()
    parts.append(template.text[last:])
    return Document(template, "".join(parts), tuple(spans))


def documents(templates: Sequence[Template], repeats: int, change: Change | None = None) -> list[Document]:
    """Every template so many times."""
    return [fill(template, number, change) for template in templates for number in range(repeats)]


def look_alikes(of: TemplateSet, at_least: int) -> list[Document]:
    """Documents of the strict negatives, at least so many, and as many of each of the others."""
    templates = negatives(of)
    repeats = -(-at_least // sum(not template.apart for template in templates))
    return documents(templates, repeats)
