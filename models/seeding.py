"""The seed corpus: texts the project writes itself for risks no shippable document exists for (models/seeds/README.md).

A seed file holds texts written out by hand and patterns whose `{slots}` are filled in, both for what shows a risk and for
what only looks like it. Expansion is deterministic: equal files give equal texts, on any machine.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.loading import DocumentError, parse_yaml, validation_problems
from schemas.risks import risks

NONE = "none"
SEEDS = Path(str(resources.files("models").joinpath("seeds")))

_SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_DEPTH = 8  # slots may hold slots, so deep at most
_TRIES = 40  # draws a wanted text before a pattern counts as exhausted


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Model):
    """One side of a file: `texts` are taken as they stand, `patterns` filled in until `total` texts are there."""

    total: int = Field(ge=1)
    texts: tuple[Annotated[str, Field(min_length=4)], ...] = ()
    patterns: tuple[Annotated[str, Field(min_length=4)], ...] = ()


class SeedFile(_Model):
    """A seed file: one risk in one form, and harmless texts on the same subject; or ordinary text (`risk: none`)."""

    risk: str
    topic: str
    slots: dict[str, tuple[str, ...]] = {}
    risky: Side | None = None
    harmless: Side


@dataclass(frozen=True)
class Seed:
    """A text of the seed corpus; `label` is a risk id or `none`, `subject` the risk its file is about."""

    id: str
    label: str
    subject: str
    topic: str
    pattern: str | None  # the pattern it was made from, by its place; None for a text by hand
    text: str

    @property
    def by_hand(self) -> bool:
        """Whether somebody wrote the text as it stands."""
        return self.pattern is None


def load_seeds(folder: Path) -> list[Seed]:
    """The texts of all seed files of a folder, in the order of their names.

    Raises:
        DocumentError: names the file and what is wrong: an unknown risk or slot, a repeated text, or patterns that
            cannot give as many different texts as the file promises.
    """
    seeds: list[Seed] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            seeds += read_seed_file(path)
        except DocumentError as error:
            problems += [f"{path.name}: {problem}" for problem in error.problems]
    seen: dict[str, str] = {}
    for seed in seeds:
        if seed.text in seen and seen[seed.text] != seed.label:
            problems.append(
                f"{seed.id}: 同一文本另有标签 / the same text stands elsewhere with another label: {seed.text[:30]}"
            )
        seen[seed.text] = seed.label
    if problems:
        raise DocumentError(str(folder), problems)
    return seeds


def read_seed_file(path: Path) -> list[Seed]:
    """The texts of one file. Raises DocumentError."""
    content, root = parse_yaml(path.read_text(encoding="utf-8"), path.name)
    try:
        file = SeedFile.model_validate(content)
    except ValidationError as error:
        raise DocumentError(path.name, validation_problems(error, root)) from None
    problems = _check(file)
    if problems:
        raise DocumentError(path.name, problems)
    risky = [] if file.risky is None else list(_texts(path.stem, file, file.risk, file.risky))
    return [*risky, *_texts(path.stem, file, NONE, file.harmless)]


def _check(file: SeedFile) -> list[str]:
    problems = []
    if file.risk not in risks() and file.risk != NONE:
        problems.append(f"未知的风险编号 / unknown risk id: {file.risk}")
    if (file.risky is None) != (file.risk == NONE):
        problems.append(
            "risky 与 risk 不符：none 没有 risky / a file of ordinary text has no risky side, any other has one"
        )
    named = [
        *(file.risky.patterns if file.risky else ()),
        *file.harmless.patterns,
        *(value for values in file.slots.values() for value in values),
    ]
    for place in named:
        problems += [
            f"没有这个槽位 / no such slot {{{slot}}} in: {place[:40]}"
            for slot in _SLOT.findall(place)
            if not file.slots.get(slot)
        ]
    return problems


def _texts(stem: str, file: SeedFile, label: str, side: Side) -> Iterator[Seed]:
    """The texts of one side: those by hand, then the patterns in turn."""
    if len(set(side.texts)) < len(side.texts):
        raise DocumentError(stem, [f"{label}: 手写文本有重复 / a text is given twice"])
    seen = set(side.texts)
    for number, text in enumerate(side.texts):
        yield Seed(f"{stem}/{label}/text{number}", label, file.risk, file.topic, None, text)
    wanted = side.total - len(side.texts)
    for number in range(max(wanted, 0)):
        if not side.patterns:
            raise DocumentError(stem, [f"{label}: 少 {wanted} 条 / {wanted} texts short of its total and no patterns"])
        key = f"{stem}/{label}/{number}"
        filled = _fresh(key, side.patterns, number, file.slots, seen)
        if filled is None:
            raise DocumentError(stem, [f"{label}: 模板的变化不足 / the patterns give fewer than {side.total} texts"])
        place, text = filled
        seen.add(text)
        yield Seed(key, label, file.risk, file.topic, f"{stem}/{label}/pattern{place}", text)


def _fresh(
    key: str, patterns: Sequence[str], number: int, slots: dict[str, tuple[str, ...]], seen: set[str]
) -> tuple[int, str] | None:
    """The next text not seen yet and its pattern: the one whose turn it is, or one behind it."""
    for turn in range(len(patterns)):
        place = (number + turn) % len(patterns)
        for attempt in range(_TRIES):
            text = _fill(patterns[place], f"{key}/{turn}/{attempt}", slots, _DEPTH)
            if text not in seen:
                return place, text
    return None


def _fill(pattern: str, key: str, slots: dict[str, tuple[str, ...]], depth: int) -> str:
    """A pattern with each slot filled by a choice that depends on the key only."""
    if depth == 0:
        raise DocumentError(key, ["槽位嵌套过深 / slots are nested too deep, or in a circle"])
    places = iter(range(1_000))

    def choose(match: re.Match[str]) -> str:
        values = slots[match[1]]
        place = f"{key}/{next(places)}"
        chosen = values[int.from_bytes(hashlib.sha256(place.encode()).digest()[:8], "big") % len(values)]
        return _fill(chosen, place, slots, depth - 1)

    return _SLOT.sub(choose, pattern)


if __name__ == "__main__":
    import sys
    from collections import Counter

    given = Path(sys.argv[1]) if len(sys.argv) > 1 else SEEDS / "train"
    found = read_seed_file(given) if given.is_file() else load_seeds(given)
    for (topic, of), count in sorted(Counter((seed.topic, seed.label) for seed in found).items()):
        hand = sum(seed.by_hand for seed in found if (seed.topic, seed.label) == (topic, of))
        print(f"{topic:28}{of:8}{count:6} texts, {hand} by hand")
