"""Reads declarations into the model, in whole or, for the list of what is missing, as far as they can be read.

What cannot be used is taken out (an entry, or the part that cannot do without it) and named as a problem; the rest is
read again until it stands. Nothing of what was taken out becomes a row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from report.declared.files import FileDigest, UnusableFile
from report.declared.model import Declarations
from report.declared.parts import MARKER, Place, Proof, placeholders, walk
from report.declared.wording import place_text
from schemas.loading import line_of, told

_MAY_BE_TO_COME = frozenset({"expires"})


@dataclass(frozen=True)
class Problem:
    """Something that keeps declarations from counting: where (1-based line, place), of which kind, what to do."""

    line: int | None
    place: str
    kind: str  # placeholder | no_file | invalid | annotation
    text: str

    def __str__(self) -> str:
        line = f"第 {self.line} 行 / line {self.line}: " if self.line else ""
        return f"{line}{self.place or '(top level)'}: {self.text}"


class Settling:
    """One reading of a parsed document. `files` looks at the files named in it."""

    def __init__(self, content: Any, root: yaml.Node | None, files: "Mapping[str, FileDigest | UnusableFile]") -> None:
        self._content = content
        self._root = root
        self._files = files
        self._removed: set[Place] = set()
        self.problems: list[Problem] = []

    def settle(self) -> Declarations:
        """What can be read; `problems` then say what could not, in the order of the file."""
        if not isinstance(self._content, dict):
            self._note(
                (),
                "invalid",
                "应为映射（键: 值），见 --init 生成的模板 / should be a mapping, see the template of --init",
            )
            self._content = {}
        for place, value in placeholders(self._content):
            hint = value.partition(MARKER)[2].strip()
            self._add(place, "placeholder", f"尚未填写 / still to be filled in{': ' + hint if hint else ''}")
        declared = self._read()
        while found := [*self._of_files(declared), *self._of_days(declared)]:
            for place, kind, text in found:
                self._add(place, kind, text)
            declared = self._read()
        self.problems.sort(key=lambda problem: (problem.line or 0, problem.place, problem.text))
        return declared

    def _read(self) -> Declarations:
        while True:
            try:
                return Declarations.model_validate(_without(self._content, self._removed))
            except ValidationError as error:
                found = [
                    (_in_document(self._content, self._removed, item["loc"]), item)
                    for item in error.errors(include_url=False)
                ]
            for place in sorted({self._to_remove(place, item) for place, item in found}, key=str):
                self._take_out(place)

    def _to_remove(self, place: Place, item: ErrorDetails) -> Place:
        """Notes an error, unless it only follows from what was taken out before; says what has to go for it."""
        missing = item["type"] == "missing"
        if missing and place in self._removed:
            return place[:-1]
        if not any(gone[: len(place)] == place for gone in self._removed):
            self._note(place, "invalid", told(item))
        return place[:-1] if missing else place

    def _of_files(self, declared: Declarations) -> Iterator[tuple[Place, str, str]]:
        for place, value in walk(declared):
            looked = self._files[value.file] if isinstance(value, Proof) else None
            if isinstance(looked, UnusableFile):
                yield _existing(self._content, (*self.original(place), "file")), "no_file", str(looked)

    def _of_days(self, declared: Declarations) -> Iterator[tuple[Place, str, str]]:
        if declared.organisation is None:
            return
        day = declared.organisation.day
        for place, value in walk(declared):
            if isinstance(value, date) and value > day and place[-1] not in _MAY_BE_TO_COME:
                yield (
                    self.original(place),
                    "invalid",
                    f"{value} 在报告日期 {day} 之后，请改正 / is after the day of the report: correct one of them",
                )

    def original(self, place: Place) -> Place:
        """A place in what could be read as the place in the document."""
        return _in_document(self._content, self._removed, place)

    def line(self, place: Place) -> int | None:
        """The line of a place of the document, 1-based."""
        return line_of(self._root, place)

    def _add(self, place: Place, kind: str, text: str) -> None:
        """Notes a problem and takes out what it is about."""
        self._note(place, kind, text)
        self._take_out(place)

    def _note(self, place: Place, kind: str, text: str) -> None:
        self.problems.append(Problem(self.line(place), place_text(place), kind, text))

    def _take_out(self, place: Place) -> None:
        there = _existing(self._content, place)
        while there in self._removed:  # taken out already, and still in the way: its owner goes
            there = there[:-1]
        if there:
            self._removed.add(there)
        else:
            self._removed.update((key,) for key in self._content)


def _without(content: Any, removed: set[Place], place: Place = ()) -> Any:
    if isinstance(content, dict):
        return {
            key: _without(value, removed, (*place, key))
            for key, value in content.items()
            if value is not None and (*place, key) not in removed  # a key with nothing behind it is not declared
        }
    if isinstance(content, list):
        return [
            _without(value, removed, (*place, index))
            for index, value in enumerate(content)
            if (*place, index) not in removed
        ]
    return content


def _in_document(content: Any, removed: set[Place], loc: Place) -> Place:
    """A place in what was left as the place in the whole document: entries of lists before it may be gone."""
    place: Place = ()
    for part in loc:
        index: int | str = part
        if isinstance(content, list) and isinstance(part, int):
            kept = [number for number in range(len(content)) if (*place, number) not in removed]
            index = kept[part] if part < len(kept) else part
            content = content[index] if index < len(content) else None
        elif isinstance(content, dict):
            content = content.get(part)
        else:
            content = None
        place = (*place, index)
    return place


def _existing(content: Any, place: Place) -> Place:
    """The deepest part of a place that the document has."""
    for depth, part in enumerate(place):
        if not _has(content, part):
            return place[:depth]
        content = content[part]
    return place


def _has(content: Any, part: int | str) -> bool:
    if isinstance(content, list):
        return isinstance(part, int) and part < len(content)
    return isinstance(content, dict) and part in content
