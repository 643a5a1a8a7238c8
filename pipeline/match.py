"""Matches what was trained on with what was admitted: "admitted is not trained" (clauses 5.1 a, 5.1 d, 5.2 a, 8.2).

Each of the trainer's files is an emitted file or an original shard, byte by byte, or it is read and every document is
looked up by the hash of its text among the documents of the current run. The result is a training manifest in
`training/` of the output folder, its digest in a chain.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
from pydantic import ValidationError

from pipeline import __version__
from pipeline.config import Limits
from pipeline.database import quoted
from pipeline.emit import CHAIN, COPIES
from pipeline.errors import RunFailed, ShardUnreadable, UsageError
from pipeline.listing import Found, list_files
from pipeline.output import Output, Run, write_json
from pipeline.plan import Member, Shard, Unit
from pipeline.query import open_audit
from pipeline.readers import layout_of
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.scans import sha256_file
from schemas.chain import append_to_chain, read_chain
from schemas.sources import Fields, SourceRecord
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

FOLDER = "training"
LAYOUT = 1
EXAMPLES = 5

Kind = Literal["emitted", "original", "content", "partial", "unmatched", "unreadable", "empty"]
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass
class MatchedFile:
    """What became of one file of the trainer's.

    documents = admitted + not_admitted + unmatched. `unread` are records no document could be read from, None where
    their number is unknown; `reasons` why documents are not admitted; `match` names the emitted file or the shard;
    `examples` are document ids that are not admitted and rows that match nothing.
    """

    path: str
    bytes: int
    sha256: str
    kind: Kind = "unmatched"
    match: dict[str, str] | None = None
    documents: int = 0
    admitted: int = 0
    not_admitted: int = 0
    unmatched: int = 0
    unread: int | None = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether nothing was trained on but admitted documents."""
        return self.kind != "unreadable" and not (self.not_admitted or self.unmatched or self.unread != 0)


@dataclass(frozen=True)
class Reading:
    """How files are read that are not the same byte by byte: where the text stands, and format and encoding if given."""

    fields: Fields
    format: str | None = None
    encoding: str = "utf-8"

    def source(self, path: Path) -> SourceRecord:
        """A source of this one file, for the readers."""
        return SourceRecord.model_validate(
            {
                "id": "training",
                "name": "training",
                "kind": "open",
                "region": "domestic",
                "paths": [str(path)],
                "format": self.format,
                "encoding": self.encoding,
                "fields": self.fields.model_dump(),
            }
        )


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
    emitted, emitted_sha256 = _emitted(output, run)
    with open_audit(run) as sql, tempfile.TemporaryDirectory(prefix=".match-", dir=folder) as spill:
        sql.execute(f"SET temp_directory = {quoted(spill)}")
        sql.execute('CREATE TEMP TABLE trained (file INTEGER, "row" BIGINT, content_hash VARCHAR)')
        matcher = _Matcher(run, sql, emitted, reading)
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
        "emitted_manifest_sha256": emitted_sha256,
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
    counts = ("bytes", "documents", "admitted", "not_admitted", "unmatched")
    unread = [file.unread for file in files]
    known = [count for count in unread if count is not None]
    return {"files": len(files), **{name: sum(getattr(file, name) for file in files) for name in counts}} | {
        "unread": sum(known) if len(known) == len(unread) else None
    }


def check_records(output: Output) -> Iterator[str]:
    """What is wrong with the manifests of emitted corpora and of training that the output folder keeps."""
    for folder, named, digest in ((COPIES, "run_id", "manifest_sha256"), (FOLDER, "file", "sha256_of_file")):
        records, problems = read_chain(output.folder / folder / CHAIN)
        yield from problems
        last = {str(record.get(named)): record.get(digest) for record in records}
        for name, sha256 in last.items():
            path = output.folder / folder / (name if name.endswith(".json") else f"{name}.json")
            if not path.is_file():
                yield f"{folder}/{path.name}: 文件缺失 / missing"
            elif sha256_file(path) != sha256:
                yield f"{folder}/{path.name}: 内容已改变 / changed since it was recorded"


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


def _emitted(output: Output, run: Run) -> tuple[dict[str, dict[str, Any]], str | None]:
    """Entries of the run's emitted corpus by sha256, and the digest of its manifest. Raises RunFailed if it was changed."""
    path = output.folder / COPIES / f"{run.folder.name}.json"
    if not path.exists():
        return {}, None
    records, problems = read_chain(path.with_name(CHAIN))
    stated = next((record["manifest_sha256"] for record in records if record.get("run_id") == run.folder.name), None)
    sha256 = sha256_file(path)
    if problems or sha256 != stated:
        raise RunFailed(
            "\n".join([f"{path}: 写出清单被改动 / the manifest of the emitted corpus was changed", *problems])
        )
    return {entry["sha256"]: entry for entry in json.loads(path.read_bytes())["files"]}, sha256


class _Matcher:
    """Looks at files one after another; `trained` gathers the hashes of texts that must be looked up."""

    def __init__(
        self, run: Run, sql: duckdb.DuckDBPyConnection, emitted: dict[str, dict[str, Any]], reading: Reading
    ) -> None:
        self.run = run
        self.sql = sql
        self.emitted = emitted
        self.reading = reading
        self.limits = Limits.model_validate(run.manifest["config"]["limits"])
        self.shards: dict[int, list[dict[str, Any]]] = {}
        for shard in run.manifest["shards"]:
            self.shards.setdefault(shard["bytes"], []).append(shard)

    def look(self, index: int, found: Found) -> MatchedFile:
        """What the file is; of files that must be read the documents are counted later."""
        path = Path(found.location)
        try:
            file = MatchedFile(_shown(path), path.stat().st_size, sha256_file(path))
            entry = self.emitted.get(file.sha256)
            shard = None if entry else self._shard(path, file)
        except OSError as error:
            raise UsageError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None
        if entry is not None:
            file.kind = "emitted"
            file.match = {name: entry[name] for name in ("source_id", "shard", "path")}
            self._decisions(file, "AND admitted")
        elif shard is not None:
            file.kind = "original"
            file.match = {name: shard[name] for name in ("source_id", "shard")}
            self._decisions(file, "")
            lost, complete = self._row("SELECT rejected, complete FROM ledger WHERE source_id = ? AND shard = ?", file)
            file.unread = int(lost) if complete else None
        else:
            self._read(index, file, found)
        return file

    def _shard(self, path: Path, file: MatchedFile) -> dict[str, Any] | None:
        """The audited shard with these bytes. Of a shard read in parts, the parts are compared."""
        for shard in self.shards.get(file.bytes, ()):
            parts = sorted(shard["parts"], key=lambda part: int(part["start"]))
            stops = [part["stop"] for part in parts]
            if [part["start"] for part in parts] != [0, *stops[:-1]] or stops[-1] != file.bytes:
                continue
            if len(parts) == 1:
                same = parts[0]["sha256"] == file.sha256
            else:
                same = all(_range_digest(path, p["start"], p["stop"]) == p["sha256"] for p in parts)
            if same:
                return dict(shard)
        return None

    def _row(self, query: str, file: MatchedFile) -> tuple[Any, ...]:
        assert file.match is not None
        (row,) = self.sql.execute(query, [file.match["source_id"], file.match["shard"]]).fetchall()
        return tuple(row)

    def _decisions(self, file: MatchedFile, which: str) -> None:
        """Counts the audited documents of a shard."""
        assert file.match is not None
        place = [file.match["source_id"], file.match["shard"]]
        where = f"FROM documents WHERE source_id = ? AND shard = ? {which}"
        for reason, count in self.sql.execute(
            f"SELECT exclusion_reason, count(*) {where} GROUP BY ALL ORDER BY ALL", place
        ).fetchall():
            file.documents += count
            if reason is None:
                file.admitted += count
            else:
                file.not_admitted += count
                file.reasons[reason] = count
        if file.not_admitted:
            query = f'SELECT doc_id {where} AND NOT admitted ORDER BY "row" LIMIT {EXAMPLES}'
            file.examples["not_admitted"] = [doc_id for (doc_id,) in self.sql.execute(query, place).fetchall()]
        self.sql.execute(f'INSERT INTO trained SELECT -1, "row", content_hash {where} AND admitted', place)

    def _read(self, index: int, file: MatchedFile, found: Found) -> None:
        layout = layout_of(Path(found.location).name, self.reading.format)
        if layout is None:
            file.kind, file.unread = "unreadable", None
            return
        source = self.reading.source(Path(found.location))
        shard = Shard(found.name, found.location, file.bytes, found.version, layout)
        tray = Tray(self.limits.document_bytes)
        try:
            for records in read_unit(Unit(source, 0, (Member(shard, 0, shard.size),)), tray, self.limits):
                batch = TextBatch(records)
                hashes = pa.array([digest.hex() for digest in content_hashes(batch).to_pylist()], type=pa.string())
                rows = pa.table({"file": [index] * len(batch), "row": records.column("row"), "content_hash": hashes})
                self.sql.register("given", rows)
                self.sql.execute("INSERT INTO trained SELECT * FROM given")
                self.sql.unregister("given")
                file.documents += len(batch)
        except ShardUnreadable as error:
            raise UsageError(f"{file.path}: 读不了 / cannot be read: {error.detail}") from None
        lost = [reject.records for reject in tray.rejects]
        known = [count for count in lost if count is not None]
        file.unread = sum(known) if len(known) == len(lost) else None
        if lost:
            file.examples["unread"] = [f"{r.row}: {r.reason}: {r.detail}" for r in tray.rejects[:EXAMPLES]]

    def look_up(self, files: Sequence[MatchedFile]) -> None:
        """Looks the documents of the files that were read up by the hash of their text.

        A text counts as admitted where any document that holds it is: a copy of it may well be in an excluded source.
        """
        self.sql.execute(
            """CREATE TEMP TABLE known AS
            SELECT content_hash, bool_or(admitted) AS admitted, min(exclusion_reason) AS reason, min(doc_id) AS doc_id
            FROM documents WHERE content_hash IN (SELECT content_hash FROM trained WHERE file >= 0) GROUP BY content_hash"""
        )
        joined = "FROM trained t LEFT JOIN known k USING (content_hash) WHERE t.file = ?"
        for index, file in enumerate(files):
            if file.kind != "unmatched":
                continue
            for admitted, reason, count in self.sql.execute(
                f"SELECT k.admitted, CASE WHEN NOT k.admitted THEN k.reason END AS reason, count(*) {joined} "
                "GROUP BY ALL ORDER BY ALL",
                [index],
            ).fetchall():
                if admitted is None:
                    file.unmatched += count
                elif admitted:
                    file.admitted += count
                else:
                    file.not_admitted += count
                    file.reasons[reason] = count
            for name, column, which in (
                ("not_admitted", "k.doc_id", "NOT k.admitted"),
                ("unmatched", 't."row"', "k.admitted IS NULL"),
            ):
                rows = self.sql.execute(
                    f'SELECT {column} {joined} AND {which} ORDER BY t."row" LIMIT {EXAMPLES}', [index]
                )
                examples = [value for (value,) in rows.fetchall()]
                if examples:
                    file.examples[name] = examples
            known = file.admitted + file.not_admitted
            if known:
                file.kind = "partial" if file.unmatched or file.unread != 0 else "content"
            elif file.documents == 0 and file.unread == 0:
                file.kind = "empty"

    def coverage(self) -> tuple[int, int]:
        """Admitted documents of the run, and how many of them have a text that was trained on."""
        (row,) = self.sql.execute(
            "SELECT count(*), count(*) FILTER (content_hash IN (SELECT content_hash FROM trained)) FROM documents WHERE admitted"
        ).fetchall()
        return int(row[0]), int(row[1])


def _range_digest(path: Path, start: int, stop: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        handle.seek(start)
        while start < stop and (data := handle.read(min(1 << 20, stop - start))):
            digest.update(data)
            start += len(data)
    return digest.hexdigest()


def _shown(path: Path) -> str:
    """The path as people gave it: below the working folder where it is."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
