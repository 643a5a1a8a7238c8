"""The store of committed layers: content-addressed files, on a local folder or any fsspec location, committed atomically.

A layer is there or it is not: it is written to a file of its own and moved into place when it is whole. Whoever finds
it may use it, so resuming after a kill, the nightly increment and running a unit twice are one and the same thing.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import socket
import tempfile
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import FileDamaged, RunFailed, StoreError
from pipeline.processes import alive
from pipeline.store.storage import file_system, is_remote, missing_bucket, open_file, put_file, store_errors

ROWS_PER_GROUP = 16384  # fixed, or the size of batches would show in the bytes of the files
METADATA_KEY = b"corpus_audit"
_PREFIX = "corpus-audit-"
_FOOTER_BYTES = 64 << 10
_VOUCHED = {"documents": "decided", "findings": "decided", "published_rejects": "decided", "rejects": "base"}
_ASKED_ONE_BY_ONE = 500  # more files of a remote store than this are looked up by listing their folders


def layer_key(unit_key: str, fingerprint: str, schema: pa.Schema) -> str:
    """Where a layer of a unit is kept: depends on what was read, on what computed it, and on the columns it has."""
    return hashlib.sha256(f"{unit_key}\n{fingerprint}\n{schema.to_string()}".encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Digest of a local file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def with_digest(content: bytes) -> bytes:
    """The content of a small committed file whose damage shows: its sha256 stands before it."""
    return hashlib.sha256(content).digest() + content


def without_digest(data: bytes) -> bytes | None:
    """The content again; None where the file is damaged."""
    content = data[hashlib.sha256().digest_size :]
    return content if with_digest(content) == data else None


def workspace_prefix() -> str:
    """How temporary folders of this process begin: by it `ScanStore.sweep` knows whose they were."""
    return f"{_PREFIX}{socket.gethostname()}-{os.getpid()}-"


class TableFile:
    """Writes rows to a Parquet file in groups of a fixed size, whatever the size of the batches given."""

    def __init__(self, path: Path, schema: pa.Schema, dictionary: bool = True) -> None:
        self.path = path
        self.rows = 0
        self._schema = schema
        self._dictionary = dictionary  # of no use where nearly all values differ
        self._held: list[pa.RecordBatch] = []
        self._held_rows = 0
        self._writer: pq.ParquetWriter | None = None

    def _open(self) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self.path,
                self._schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=self._dictionary,
                write_page_checksum=True,
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
        self.local = not is_remote(location)

    def path(self, layer: str, key: str, suffix: str = ".parquet") -> str:
        """Where a committed file is, or would be."""
        return f"{self.location}/{layer}/{key[:2]}/{key}{suffix}"

    def exists(self, path: str) -> bool:
        """Whether the file was committed."""
        if self.local:
            return Path(path).is_file()
        fs, inner = file_system(path)
        with store_errors(path):
            try:
                return bool(fs.info(inner)["type"] == "file")
            except FileNotFoundError:
                return False

    def missing(self, paths: Collection[str]) -> set[str]:
        """Which of these files are not committed; of many on a remote store, found by listing instead of asking."""
        if self.local or len(paths) <= _ASKED_ONE_BY_ONE:
            return {path for path in paths if not self.exists(path)}
        there: set[str] = set()
        for folder in sorted({path.rsplit("/", 2)[0] for path in paths}):
            fs, inner = file_system(folder)
            with store_errors(folder):
                there.update(f"{folder}{found[len(inner) :]}" for found in fs.find(inner))
        return set(paths) - there

    def check(self) -> None:
        """Raises StoreError unless a remote store takes, gives and removes files, as every run needs."""
        if self.local:
            return
        path = f"{self.location}/tmp/check-{uuid.uuid4().hex}"
        fs, inner = file_system(path, quick=True)
        with store_errors(path):
            try:
                fs.exists(inner)  # first a request that is not waited for without end
                fs.pipe_file(inner, b"corpus-audit")
                if fs.cat_file(inner) != b"corpus-audit":
                    raise OSError(errno.EIO, "读回的内容不同 / what was written reads back differently")
                fs.rm_file(inner)
            except FileNotFoundError:
                raise missing_bucket(path) from None

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
            with tempfile.TemporaryDirectory(prefix=workspace_prefix()) as name:
                yield Path(name)

    def sweep(self) -> None:
        """Removes workspaces that processes of this machine left behind when they were killed."""
        base, prefix = (Path(self.location) / "tmp", "") if self.local else (Path(tempfile.gettempdir()), _PREFIX)
        for folder in base.glob(f"{glob.escape(prefix + socket.gethostname())}-*-*"):
            if not alive(int(folder.name.rsplit("-", 2)[1])):
                shutil.rmtree(folder, ignore_errors=True)

    def commit(self, made: Path, path: str) -> None:
        """Moves a finished file into place: a rename here, one upload on an object store. Both are atomic.

        An upload shows when it is complete and not before, also one in parts; nothing is renamed or copied there.
        """
        if self.local:
            with made.open("rb") as handle:
                os.fsync(handle.fileno())
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            made.replace(path)
        else:
            put_file(made, path)

    def commit_bytes(self, content: bytes, path: str) -> None:
        """Commits a small file."""
        with self.workspace() as folder:
            made = folder / "content"
            made.write_bytes(content)
            self.commit(made, path)

    def read_bytes(self, path: str) -> bytes:
        """A small file's content."""
        if self.local:
            return Path(path).read_bytes()
        fs, inner = file_system(path)
        with store_errors(path):
            content: bytes = fs.cat_file(inner)
        return content

    def mark(self, key: str) -> dict[str, Any]:
        """The digests under which decisions are committed. Raises FileDamaged, the mark being withdrawn then."""
        path = self.path("decided", key, ".json")
        try:
            content = json.loads(self.read_bytes(path))
            if isinstance(content, dict) and content:
                return content
        except (ValueError, FileNotFoundError):
            pass
        self._discard_if_there(path)
        raise FileDamaged(path)

    def fetch(self, path: str, target: Path) -> None:
        """Brings a committed file to a local place: by a hard link where that is possible, else as a copy."""
        if self.local:
            try:
                os.link(path, target)
                return
            except OSError:
                shutil.copyfile(path, target)
        else:
            fs, inner = file_system(path)
            with store_errors(path):
                fs.get_file(inner, str(target))

    @contextlib.contextmanager
    def on_disk(self, path: str, folder: Path) -> Iterator[Path]:
        """A committed file as a file of this machine: itself where the store is local, else a copy in `folder`."""
        if self.local:
            yield Path(path)
            return
        copy = folder / f"fetched-{uuid.uuid4().hex}.parquet"
        self.fetch(path, copy)
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    @contextlib.contextmanager
    def sound_on_disk(
        self, path: str, folder: Path, schema: pa.Schema, columns: list[str] | None = None
    ) -> Iterator[Path]:
        """The same for a Parquet file whose reader knows nothing of page checksums: these columns are read through before.

        Raises FileDamaged, the file being withdrawn then.
        """
        with contextlib.ExitStack() as held:
            try:
                file = held.enter_context(self.on_disk(path, folder))
                damaged = ScanStore(str(folder))._is_damaged(str(file), schema, columns)
            except FileNotFoundError:
                damaged = True
            if damaged:
                self.withdraw(path)
                raise FileDamaged(path)
            yield file

    def withdraw_damaged(self, paths: Iterable[str]) -> None:
        """Withdraws those of these files that are damaged or gone. Raises FileDamaged with the first, if any."""
        damaged = [path for path in paths if self._is_damaged(path)]
        for path in damaged:
            self.withdraw(path)
        if damaged:
            raise FileDamaged(damaged[0])

    def discard_file(self, path: str) -> None:
        """Takes a committed file back."""
        fs, inner = file_system(path)
        with store_errors(path):
            fs.rm_file(inner)

    def discard(self, folder: str) -> None:
        """Removes a folder of files no longer needed."""
        place = f"{self.location}/{folder}"
        fs, inner = file_system(place)
        with contextlib.suppress(FileNotFoundError), store_errors(place):
            fs.rm(inner, recursive=True)

    def withdraw(self, path: str) -> None:
        """Takes back a committed file that is damaged or gone, and before it the one that vouches for it."""
        folder, _, name = path.removeprefix(f"{self.location}/").partition("/")
        vouching = _VOUCHED.get(folder)
        if vouching is not None:
            suffix = ".json" if vouching == "decided" else ".parquet"
            self._discard_if_there(f"{self.location}/{vouching}/{name.removesuffix('.parquet')}{suffix}")
        self._discard_if_there(path)

    def _discard_if_there(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.discard_file(path)

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[pq.ParquetFile]:
        """A committed Parquet file; damage is found by its page checksums.

        From a remote store it is brought here first: reading column by column would be a request a column. A file that
        turns out to be damaged or gone is withdrawn. Raises FileDamaged, StoreError.
        """
        try:
            with self._opened(path) as file:
                yield file
        except (StoreError, RunFailed):
            raise
        except Exception as error:  # whatever damage led to, here or in whoever reads; all else passes on
            if not self._is_damaged(path):
                raise
            self.withdraw(path)
            raise FileDamaged(path) from error

    def _is_damaged(self, path: str, schema: pa.Schema | None = None, columns: list[str] | None = None) -> bool:
        """Whether a file is gone, does not read through, or has other columns. A disk that fails says nothing about the file."""
        try:
            with self._opened(path) as file:
                if schema is None:
                    metadata_of(file)
                elif not file.schema_arrow.equals(schema):
                    return True
                for group in range(file.metadata.num_row_groups):
                    file.read_row_group(group, columns, use_threads=False)
        except FileNotFoundError:
            return True
        except OSError as error:
            return error.errno is None and not isinstance(error, StoreError)
        except (pa.ArrowException, ValueError, LookupError, TypeError):
            return True
        return False

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[pq.ParquetFile]:
        if self.local:
            with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
                yield file
        else:
            with self.workspace() as folder:
                self.fetch(path, folder / "layer.parquet")
                with ScanStore(str(folder))._opened(str(folder / "layer.parquet")) as file:
                    yield file

    def metadata(self, path: str) -> dict[str, Any]:
        """What the file says about itself."""
        if self.local:
            with self.open(path) as file:
                return metadata_of(file)
        try:
            with open_file(path, block_bytes=_FOOTER_BYTES) as handle, pq.ParquetFile(handle) as file:
                return metadata_of(file)
        except (pa.ArrowException, ValueError, LookupError, TypeError) as error:
            self.withdraw(path)
            raise FileDamaged(path) from error


def metadata_of(file: pq.ParquetFile) -> dict[str, Any]:
    """The project's own metadata of an open Parquet file."""
    content: dict[str, Any] = json.loads(file.metadata.metadata[METADATA_KEY])
    return content
