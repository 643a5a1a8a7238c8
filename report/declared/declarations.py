"""What machines cannot know, as a validated YAML file: read, its files hashed, and turned into rows.

Sources' own evidence (licences, contracts, collection records) stands in the run's configuration and is not asked for
again. A placeholder of the template never counts: it is refused like a missing file (docs/declarations.md).
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UsageError
from pipeline.store.output import Run
from report.annotation import BadLog, annotation_rows
from report.declared.agreeing import with_log, with_run
from report.declared.files import FileDigest, Files, UnusableFile
from report.declared.model import Declarations
from report.declared.parts import Place
from report.declared.proofs import proofs
from report.declared.rows import Row, rows_of
from report.declared.settling import Problem, Settling
from report.declared.tables import tables
from report.declared.wording import place_text
from report.model import Both, Evidence
from schemas.loading import DocumentError, parse_yaml

_NEEDED = ("organisation", "model")


@dataclass(frozen=True)
class Declared:
    """A read declaration. `problems` are empty unless it was read for the list of what is missing."""

    path: Path
    data: bytes
    content: Declarations
    settling: Settling
    digests: Mapping[str, FileDigest]
    problems: tuple[Problem, ...] = ()
    strict: bool = True

    @property
    def sha256(self) -> str:
        """Digest of the file as given."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def files(self) -> tuple[Evidence, ...]:
        """Every declared file once, in order of its name."""
        titles = {proof.file: proof.title or place_text(place) for place, proof, _ in proofs(self.content)}
        return tuple(Evidence(Both(titles[file], ""), file, self.digests[file].sha256) for file in sorted(titles))

    @property
    def attached(self) -> tuple[str, ...]:
        """The files that go into the report's evidence themselves, relative to the folder of `path`."""
        return tuple(row["file"] for row in rows_of(self.content, self.digests)["files"] if row["attach"])

    def rows(self) -> dict[str, list[Row]]:
        """The rows of every table of schema `declared`."""
        found = rows_of(self.content, self.digests)
        found["problems"] = list(map(_row, self.problems))
        return {name: _in_columns(name, found[name]) for name in tables()["declared"]}

    def annotation_rows(self, run: Run | None = None) -> dict[str, list[Row]]:
        """The rows of every table of schema `annotation`, empty where no log is declared.

        The items of the log are looked up in `run`; without it that check stays open. Raises UsageError for a log or
        staff list that cannot be read, with every row refused.
        """
        annotation = self.content.annotation
        if annotation is None or annotation.log is None or annotation.staff is None:
            return {name: [] for name in tables()["annotation"]}
        base = self.path.parent
        try:
            return annotation_rows(
                base / annotation.log.file,
                base / annotation.staff.file,
                {"file": annotation.log.file, "sha256": self.digests[annotation.log.file].sha256},
                {"file": annotation.staff.file, "sha256": self.digests[annotation.staff.file].sha256},
                run,
            )
        except BadLog as error:
            raise UsageError(error.problems) from None

    def evidence_rows(self, run: Run | None = None) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
        """Rows of the schemas `declared` and `annotation`, held against each other and against the run.

        Raises UsageError with what does not agree, or cannot be read; read for the gap list, that becomes rows of
        declared.problems.
        """
        declared, problems = self.rows(), []
        try:
            annotation = self.annotation_rows(run)
        except UsageError as error:
            if self.strict:
                raise
            annotation = {name: [] for name in tables()["annotation"]}
            problems = [self._problem(("annotation", "log"), problem, "annotation") for problem in error.problems]
        told = [*(with_run(self.content, run) if run is not None else ()), *with_log(self.content, annotation)]
        problems += [self._problem(place, text) for place, text in told]
        if self.strict and problems:
            raise UsageError([f"{self.path}: {problem}" for problem in problems])
        declared["problems"] += map(_row, problems)
        return declared, annotation

    def changed(self) -> list[str]:
        """The declared files that are no longer what they were when the declarations were read."""
        now = Files(self.path.parent)
        return [
            f"{self.path.parent / file}: 已被改动或消失 / was changed or is gone: make the report again"
            for file, digest in sorted(self.digests.items())
            if now[file] != digest
        ]

    def _problem(self, place: Place, text: str, kind: str = "invalid") -> Problem:
        there = self.settling.original(place)
        return Problem(self.settling.line(there), place_text(there), kind, text)


def _row(problem: Problem) -> Row:
    return {"line": problem.line, "place": problem.place, "kind": problem.kind, "problem": problem.text}


def load_declarations(
    path: Path, strict: bool = True, files: Mapping[str, FileDigest | UnusableFile] | None = None
) -> Declared:
    """Reads declarations and hashes the files they name; `files` are digests stated of them where they are not there.

    Raises UsageError with every problem, each with file, line and remedy. With `strict` false only for a file that
    cannot be read or is no YAML: what is still to be filled in, missing or wrong is left out and listed in `problems`.
    """
    data, content, root = _parsed(path)
    files = Files(path.parent) if files is None else files
    settling = Settling(content, root, files)
    try:
        declared = settling.settle()
    except RecursionError:
        raise UsageError(f"{path}: 层次过深或自引用 / nested too deeply, or refers to itself: write it out") from None
    problems = [*settling.problems, *_needed(declared, settling.problems)]
    if strict and problems:
        raise UsageError([f"{path}: {problem}" for problem in problems])
    used = {proof.file for _, proof, _ in proofs(declared)}
    digests = {name: found for name in sorted(used) if isinstance(found := files[name], FileDigest)}
    return Declared(path, data, declared, settling, digests, tuple(problems), strict)


def _parsed(path: Path) -> tuple[bytes, Any, yaml.Node | None]:
    try:
        data = path.read_bytes()
        content, root = parse_yaml(data.decode("utf-8-sig"), str(path))
    except FileNotFoundError:
        raise UsageError(
            f"{path}: 没有这个申报文件，可先用 report --init 生成模板 / no such file: `report --init FILE` writes a template of it"
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: 不是 UTF-8，请另存为 UTF-8 / not UTF-8 at byte {error.start}: save it as UTF-8"
        ) from None
    except DocumentError as error:
        raise UsageError([f"{error.file}: {problem}" for problem in error.problems]) from None
    return data, content, root


def _needed(declared: Declarations, problems: Collection[Problem]) -> Iterator[Problem]:
    told = {problem.place.partition(".")[0] for problem in problems}
    for part in _NEEDED:
        if getattr(declared, part) is None and part not in told:
            yield Problem(None, part, "invalid", "缺少必填项 / required, but missing")


def _in_columns(name: str, rows: list[Row]) -> list[Row]:
    """Rows with exactly the columns of their table, in order."""
    columns = [column.name for column in tables()["declared"][name].columns]
    return [{column: row[column] for column in columns} for row in rows]
