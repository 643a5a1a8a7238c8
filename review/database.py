"""The SQLite file of a review: one connection that writes, serialised by a lock, and one for reading in each thread."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import RunFailed

_BUSY_SECONDS = 15


class Database:
    """A file in WAL mode. A committed durable transaction is on disk, and readers never wait for writers.

    One that cannot be written, on a read-only medium, can still be read. Raises RunFailed where it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._kept = path.exists() and not os.access(path, os.W_OK)  # an archive, or somebody who only verifies
        try:
            if not self._kept:
                # texts and secrets are for the owner of the folder alone; -wal and -shm take the mode of the file
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            elif (wal := path.with_name(f"{path.name}-wal")).exists() and wal.stat().st_size:
                raise sqlite3.OperationalError("its last writes are in -wal: open it once where it can be written")
            self._writer = self._connect()
            if not self._kept:
                self._writer.execute("PRAGMA journal_mode = WAL")
        except (OSError, sqlite3.Error) as error:
            raise RunFailed(f"{path}: 无法打开 / cannot be opened: {error}") from None

    @contextlib.contextmanager
    def write(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A short transaction that takes the write lock at once; rolled back when the block raises.

        Raises RunFailed: the disk is full, the file read-only, or another process does not let go of it.

        `durable=False` leaves out the sync: for leases and sessions, which a power cut may take. They survive a killed
        process all the same, and the next durable transaction syncs them with it.
        """
        with self._lock:
            try:
                self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                if self._writer.in_transaction:  # a full disk rolls back by itself
                    self._writer.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    raise RunFailed(f"{self.path}: 无法写入 / cannot be written: {error}") from error
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A view of the file at one moment."""
        reader = self._reader()
        try:
            reader.execute("BEGIN")
            yield reader
        except sqlite3.DatabaseError as error:
            raise RunFailed(f"{self.path}: 读不了 / cannot be read: {error}: restore it from a backup") from error
        finally:
            if reader.in_transaction:
                reader.execute("ROLLBACK")

    def _reader(self) -> sqlite3.Connection:
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = self._connect()
            reader.execute("PRAGMA query_only = ON")
            with self._lock:
                self._readers.append(reader)
        return reader

    def close(self) -> None:
        """Closes all connections; the last one folds the log of writes into the file."""
        with self._lock:
            for connection in (*self._readers, self._writer):
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        """A file that cannot be written is read as one that nobody changes."""
        name = f"{self.path.absolute().as_uri()}{'?immutable=1' if self._kept else ''}"
        connection = sqlite3.connect(
            name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection
