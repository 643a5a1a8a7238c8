"""What one file of the trainer's is: an emitted file, an original shard, or texts that are looked up one by one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from pipeline.config import Limits
from pipeline.database import parquet_list
from pipeline.emission.emitted import MASK, EmittedCorpus
from pipeline.errors import ShardUnreadable, UsageError
from pipeline.plan import Member, Shard, Unit
from pipeline.readers import layout_of
from pipeline.readers.base import Tray
from pipeline.scan import read_unit
from pipeline.store.listing import Found
from pipeline.store.output import Run
from pipeline.store.scans import sha256_file
from schemas.sources import Fields, SourceRecord
from transforms.fingerprint import content_hashes
from transforms.text import TextBatch

EXAMPLES = 5

Kind = Literal["emitted", "original", "content", "partial", "unmatched", "unreadable", "empty"]


@dataclass
class MatchedFile:
    """What became of one file of the trainer's.

    documents = admitted + not_admitted + unmatched; of the admitted `masked` are as a masked copy has them. `unread` are records no document could be read from, None where
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
    masked: int = 0
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


class Matcher:
    """Looks at files one after another; `trained` gathers the hashes of texts that must be looked up."""

    def __init__(
        self, run: Run, sql: duckdb.DuckDBPyConnection, emitted: Sequence[EmittedCorpus], reading: Reading
    ) -> None:
        self.run = run
        self.sql = sql
        self.reading = reading
        # a file that is in both corpora holds nothing that was masked: the one as it was audited stands, which comes first
        self.emitted = {
            entry["sha256"]: (corpus.mode, entry) for corpus in reversed(emitted) for entry in corpus.manifest["files"]
        }
        texts = [corpus.texts for corpus in emitted if corpus.texts is not None]
        origin = parquet_list(texts) if texts else "(SELECT '' AS content_hash, '' AS text_sha256 LIMIT 0)"
        sql.execute(f"CREATE TEMP VIEW masked AS SELECT content_hash, text_sha256 FROM {origin}")
        sql.execute('CREATE TEMP TABLE trained (file INTEGER, "row" BIGINT, content_hash VARCHAR)')
        self.limits = Limits.model_validate(run.manifest["config"]["limits"])
        self.shards: dict[int, list[dict[str, Any]]] = {}
        for shard in run.manifest["shards"]:
            self.shards.setdefault(shard["bytes"], []).append(shard)

    def look(self, index: int, found: Found) -> MatchedFile:
        """What the file is; of files that must be read the documents are counted later."""
        path = Path(found.location)
        try:
            file = MatchedFile(_shown(path), path.stat().st_size, sha256_file(path))
            emitted = self.emitted.get(file.sha256)
            shard = None if emitted else self._shard(path, file)
        except OSError as error:
            raise UsageError(f"{path}: 读不了 / cannot be read: {error.strerror}") from None
        if emitted is not None:
            mode, entry = emitted
            file.kind = "emitted"
            file.match = {name: entry[name] for name in ("source_id", "shard", "path")} | {"personal_information": mode}
            file.masked = entry["masked"]["documents"] if mode == MASK else 0
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
        """Looks the documents of the files that were read up by the hash of their text, as audited or as masked.

        A text counts as admitted where any document that holds it is: a copy of it may well be in an excluded source.
        """
        self.sql.execute(
            """CREATE TEMP TABLE known AS
            SELECT given AS content_hash, bool_or(admitted) AS admitted, min(exclusion_reason) AS reason,
                   min(doc_id) AS doc_id, bool_and(masked) AS masked
            FROM (SELECT content_hash AS given, admitted, exclusion_reason, doc_id, false AS masked FROM documents
                  UNION ALL
                  SELECT m.text_sha256, d.admitted, d.exclusion_reason, d.doc_id, true
                  FROM masked m JOIN documents d USING (content_hash) WHERE d.admitted)
            WHERE given IN (SELECT content_hash FROM trained WHERE file >= 0) GROUP BY given"""
        )
        joined = "FROM trained t LEFT JOIN known k USING (content_hash) WHERE t.file = ?"
        for index, file in enumerate(files):
            if file.kind != "unmatched":
                continue
            for admitted, reason, count, masked in self.sql.execute(
                f"SELECT k.admitted, CASE WHEN NOT k.admitted THEN k.reason END AS reason, count(*), "
                f"count(*) FILTER (k.masked) {joined} GROUP BY ALL ORDER BY ALL",
                [index],
            ).fetchall():
                if admitted is None:
                    file.unmatched += count
                elif admitted:
                    file.admitted += count
                    file.masked += masked
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
        """Admitted documents of the run, and how many of them have a text that was trained on, as audited or masked."""
        (row,) = self.sql.execute(
            """SELECT count(*), count(*) FILTER (
                content_hash IN (SELECT content_hash FROM trained) OR content_hash IN
                (SELECT m.content_hash FROM masked m JOIN trained t ON t.content_hash = m.text_sha256))
            FROM documents WHERE admitted"""
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
