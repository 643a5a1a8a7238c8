"""The store of committed layers: content-addressed files, on a local folder or any fsspec location, committed atomically.

A layer is there or it is not: it is written to a file of its own and moved into place when it is whole. Whoever finds
it may use it, so resuming after a kill, the nightly increment and running a unit twice are one and the same thing.
"""

import contextlib
import glob
import hashlib
import json
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

ROWS_PER_GROUP = 16384  # fixed, or the size of batches would show in the bytes of the files
METADATA_KEY = b"corpus_audit"


def layer_key(unit_key: str, fingerprint: str, schema: pa.Schema) -> str:
    """Where a layer of a unit is kept: depends on what was read, on what computed it, and on the columns it has."""
    return hashlib.sha256(f"{unit_key}\n{fingerprint}\n{schema.to_string()}".encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of a local file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


class TableFile:
    """Writes rows to a Parquet file in groups of a fixed size, whatever the size of the batches given."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path, self._schema, compression="zstd", compression_level=1, write_page_checksum=True
            )
        return self._writer

    def write(self, batch: pa.RecordBatch) -> None:
        """Takes the next rows."""
        self._held.append(batch)
        self._held_rows += batch.num_rows
        self.rows += batch.num_rows
        if self._held_rows >= ROWS_PER_GROUP:
            self._spill(ROWS_PER_GROUP)

    def _spill(self, rows: int) -> None:
        table = pa.Table.from_batches(self._held, schema=self._schema)
        whole = table.num_rows - table.num_rows % rows if rows else table.num_rows
        for start in range(0, whole, rows or max(1, whole)):
            self._open().write_table(table.slice(start, rows or whole).combine_chunks(), row_group_size=ROWS_PER_GROUP)
        rest = table.slice(whole)
        self._held, self._held_rows = rest.to_batches(), rest.num_rows

    def close(self, metadata: dict[str, Any]) -> None:
        """Writes what is left and the metadata; the file is then complete."""
        if self._held_rows:
            self._spill(0)
        writer = self._open()
        writer.add_key_value_metadata(
            {METADATA_KEY.decode(): json.dumps(metadata, sort_keys=True, ensure_ascii=False, separators=(",", ":"))}
        )
        writer.close()

    def abandon(self) -> None:
        """Closes without caring what was written."""
        if self._writer is not None:
            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()


class ScanStore:
    """Layers and other committed files below one location."""

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/")
        self.local = "://" not in location

    def path(self, layer: str, key: str, suffix: str = ".parquet") -> str:
        """Where a committed file is, or would be."""
        return f"{self.location}/{layer}/{key[:2]}/{key}{suffix}"

    def exists(self, path: str) -> bool:
        """Whether the file was committed."""
        if self.local:
            return Path(path).is_file()
        fs, inner = fsspec.core.url_to_fs(path)
        return bool(fs.isfile(inner))

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder for files in the making; on the same file system where the store is local."""
        if self.local:
            folder = Path(self.location) / "tmp" / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            with tempfile.TemporaryDirectory(prefix="corpus-audit-") as name:
                yield Path(name)

    def sweep(self) -> None:
        """Removes workspaces that processes of this machine left behind when they were killed."""
        if not self.local:
            return
        for folder in (Path(self.location) / "tmp").glob(f"{glob.escape(socket.gethostname())}-*-*"):
            if not _alive(int(folder.name.rsplit("-", 2)[1])):
                shutil.rmtree(folder, ignore_errors=True)

    def commit(self, made: Path, path: str) -> None:
        """Moves a finished file into place: a rename here, one upload on an object store. Both are atomic."""
        if self.local:
            with made.open("rb") as handle:
                os.fsync(handle.fileno())
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            made.replace(path)
        else:
            fs, inner = fsspec.core.url_to_fs(path)
            fs.makedirs(inner.rsplit("/", 1)[0], exist_ok=True)
            fs.put_file(str(made), inner)

    def commit_bytes(self, content: bytes, path: str) -> None:
        """Commits a small file."""
        with self.workspace() as folder:
            made = folder / "content"
            made.write_bytes(content)
            self.commit(made, path)

    def read_bytes(self, path: str) -> bytes:
        """A small file's content."""
        with fsspec.open(path, "rb") as handle:
            content: bytes = handle.read()
        return content

    def fetch(self, path: str, target: Path) -> None:
        """Brings a committed file to a local place: by a hard link where that is possible, else as a copy."""
        if self.local:
            try:
                os.link(path, target)
                return
            except OSError:
                shutil.copyfile(path, target)
        else:
            fs, inner = fsspec.core.url_to_fs(path)
            fs.get_file(inner, str(target))

    def discard_file(self, path: str) -> None:
        """Takes a committed file back."""
        fs, inner = fsspec.core.url_to_fs(path)
        fs.rm_file(inner)

    def discard(self, folder: str) -> None:
        """Removes a folder of files no longer needed."""
        fs, inner = fsspec.core.url_to_fs(f"{self.location}/{folder}")
        with contextlib.suppress(FileNotFoundError):
            fs.rm(inner, recursive=True)

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[pq.ParquetFile]:
        """A committed Parquet file; damage is found by its page checksums."""
        if self.local:
            with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
                yield file
        else:
            with fsspec.open(path, "rb") as handle, pq.ParquetFile(handle, page_checksum_verification=True) as file:
                yield file

    def metadata(self, path: str) -> dict[str, Any]:
        """What the file says about itself."""
        with self.open(path) as file:
            return metadata_of(file)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def metadata_of(file: pq.ParquetFile) -> dict[str, Any]:
    """The project's own metadata of an open Parquet file."""
    content: dict[str, Any] = json.loads(file.metadata.metadata[METADATA_KEY])
    return content
