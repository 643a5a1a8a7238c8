"""Matches what was trained on with what was admitted: "admitted is not trained" (clauses 5.1 a, 5.1 d, 5.2 a, 8.2).

Each of the trainer's files is an emitted file or an original shard, byte by byte, or it is read and every document is
looked up by the hash of its text among the documents of the current run. The result is a training manifest in
`training/` of the output folder, its digest in a chain.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline import __version__
from pipeline.database import quoted
from pipeline.emission.emitted import CHAIN, KEEP, MASK, changed, corpora
from pipeline.emission.matcher import MatchedFile, Matcher, Reading
from pipeline.errors import UsageError
from pipeline.store.listing import Found, list_files
from pipeline.store.output import Output, write_json
from pipeline.store.scans import sha256_file
from pipeline.terminal.opening import open_audit
from schemas.chain import append_to_chain, read_chain
from schemas.sources import Fields

FOLDER = "training"
LAYOUT = 1
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Matched:
    """A training manifest and where it was written; `found` of `admitted` documents of the run are in the files."""

    path: Path
    sha256: str
    run_id: str
    files: tuple[MatchedFile, ...]
    admitted: int
    found: int

    @property
    def clean(self) -> bool:
        """Whether nothing was trained on but admitted documents."""
        return all(file.clean for file in self.files)


def match(output: Output, patterns: Sequence[str], reading: Reading, name: str | None = None) -> Matched:
    """Matches the files with the current run and writes the training manifest. Raises UsageError and RunFailed."""
    output.must_exist()
    run = output.current
    if run is None:
        raise UsageError(f"{output.folder}: 还没有完成的运行 / no run has been completed yet")
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(f"--name: {name}: 应为字母、数字、_ . - / letters, digits, _ . and - only")
    found = _files(patterns)
    folder = output.folder / FOLDER
    folder.mkdir(exist_ok=True)
    emitted = {corpus.mode: corpus for corpus in corpora(output, run.folder.name)}
    with open_audit(run) as sql, tempfile.TemporaryDirectory(prefix=".match-", dir=folder) as spill:
        sql.execute(f"SET temp_directory = {quoted(spill)}")
        matcher = Matcher(run, sql, [*emitted.values()], reading)
        files = tuple(matcher.look(index, file) for index, file in enumerate(found))
        matcher.look_up(files)
        admitted, covered = matcher.coverage()
    digest = hashlib.sha256("\n".join(sorted(file.sha256 for file in files)).encode()).hexdigest()
    name = name or f"{run.folder.name}-{digest[:12]}"
    content = {
        "layout": LAYOUT,
        "name": name,
        "run_id": run.folder.name,
        "run_manifest_sha256": sha256_file(run.folder / "manifest.json"),
        "emitted_manifest_sha256": emitted[KEEP].sha256 if KEEP in emitted else None,
        "masked_manifest_sha256": emitted[MASK].sha256 if MASK in emitted else None,
        "software_version": __version__,
        "matched_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "fields": reading.fields.model_dump(mode="json"),
        "files_sha256": digest,
        "files": [asdict(file) for file in files],
        "totals": totals(files),
        "coverage": {"admitted_documents": admitted, "found": covered},
        "clean": all(file.clean for file in files),
    }
    path = folder / f"{name}.json"
    with output.held():
        made = folder / f".{name}.tmp"
        write_json(made, content)
        sha256 = sha256_file(made)
        append_to_chain(folder / CHAIN, [{"file": path.name, "sha256_of_file": sha256, "run_id": run.folder.name}])
        made.replace(path)
    return Matched(path, sha256, run.folder.name, files, admitted, covered)


def totals(files: Sequence[MatchedFile]) -> dict[str, Any]:
    """Sums over the files; `unread` is None where one of them is unknown."""
    counts = ("bytes", "documents", "admitted", "masked", "not_admitted", "unmatched")
    unread = [file.unread for file in files]
    known = [count for count in unread if count is not None]
    return {"files": len(files), **{name: sum(getattr(file, name) for file in files) for name in counts}} | {
        "unread": sum(known) if len(known) == len(unread) else None
    }


def check_records(output: Output) -> Iterator[str]:
    """What is wrong with the manifests of training and of emitted corpora that the output folder keeps."""
    yield from changed(output)
    records, problems = read_chain(output.folder / FOLDER / CHAIN)
    yield from problems
    last = {str(record.get("file")): record.get("sha256_of_file") for record in records}
    for name, sha256 in last.items():
        path = output.folder / FOLDER / name
        if not path.is_file():
            yield f"{FOLDER}/{path.name}: 文件缺失 / missing"
        elif sha256_file(path) != sha256:
            yield f"{FOLDER}/{path.name}: 内容已改变 / changed since it was recorded"


def reading(fields: Sequence[str], form: str | None, encoding: str) -> Reading:
    """How to read, from the options of the command line. Raises UsageError."""
    try:
        reading = Reading(_fields(fields), form, encoding)
        reading.source(Path("x"))
    except ValidationError as error:
        problems = [
            f"--{problem['loc'][0] if problem['loc'] else 'fields'}: {problem['msg']}" for problem in error.errors()
        ]
        raise UsageError(problems) from None
    return reading


def _fields(given: Sequence[str]) -> Fields:
    """Fields from `text=path` arguments; several are joined like a list."""
    values: dict[str, Any] = {"id": None, "url": None}
    for argument in given:
        key, equals, path = argument.partition("=")
        if not equals or not path or key != "text":
            raise UsageError(f"--fields: {argument}: 应为 text=字段 / should be text=FIELD, such as text=content")
        values.setdefault(key, []).append(path)
    return Fields.model_validate(values)


def _files(patterns: Sequence[str]) -> list[Found]:
    files: dict[str, Found] = {}
    problems = []
    for pattern in patterns:
        try:
            found = list_files(pattern, Path.cwd())
        except (OSError, ValueError, ImportError) as error:
            problems.append(f"{pattern}: 无法列出文件 / cannot list files: {error}")
            continue
        found = [file for file in found if Path(file.name).name != "manifest.json"]  # of an emitted corpus
        if not found:
            problems.append(f"{pattern}: 没有匹配到文件 / matches no file")
        for file in found:
            if file.size is None or "://" in file.location:
                problems.append(f"{file.location}: 不是本机文件 / not a file on this machine")
            files.setdefault(file.identity, file)
    if problems:
        raise UsageError(problems)
    return sorted(files.values(), key=lambda file: file.location)
