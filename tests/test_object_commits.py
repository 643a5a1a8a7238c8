"""Commits on object storage are atomic without a rename: whatever breaks, a reader sees the old file, the new, or none."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import s3fs

from pipeline.errors import StoreError
from pipeline.store.scans import ScanStore
from tests.object_store import Bucket, bucket, s3_server

__all__ = ["bucket", "s3_server"]

SMALL, LARGE = 8 << 20, 160 << 20  # one request, and four parts of 50 MB
SIZES = pytest.mark.parametrize("size", [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)])
COMMIT = "import sys; from pathlib import Path; from pipeline.store.scans import ScanStore; ScanStore(sys.argv[1]).commit(Path(sys.argv[2]), sys.argv[3])"


class Wire:
    """A proxy on the loopback: cuts or holds all connections once a number of bytes went up."""

    def __init__(self, target: str) -> None:
        self.up = 0
        self.cut_at: int | None = None
        self.hold_at: int | None = None
        self.holding = threading.Event()
        self._target = urlsplit(target)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self.cut_at is not None and self.up >= self.cut_at:
                    near.close()
                    continue
                far = socket.create_connection((str(self._target.hostname), int(self._target.port or 80)))
                self._open += [near, far]
                threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if up:
                    self.up += len(data)
                    if self.hold_at is not None and self.up >= self.hold_at:
                        self.holding.set()
                        return
                    if self.cut_at is not None and self.up >= self.cut_at:
                        self.cut()
                        return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@contextmanager
def wire(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The way to the server goes through a proxy."""
    proxy = Wire(bucket.server.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield proxy
    finally:
        proxy.close()
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.server.endpoint)
        s3fs.S3FileSystem.clear_instance_cache()


def file(path: Path, letter: bytes, size: int) -> Path:
    path.write_bytes(letter * size)
    return path


def content(bucket: Bucket, path: str) -> bytes:
    held: bytes = bucket.client.cat_file(path.removeprefix("s3://"))
    return held


@SIZES
@pytest.mark.parametrize("before", [None, b"o"])
def test_a_writer_killed_midway_leaves_nothing_or_what_was_there(bucket, tmp_path, monkeypatch, size, before):
    store = ScanStore(bucket.url("scans"))
    path, made = store.path("base", "ab" * 32), file(tmp_path / "made", b"n", size)
    if before is not None:
        store.commit(file(tmp_path / "old", before, 1000), path)
    with wire(bucket, monkeypatch) as proxy:
        proxy.hold_at = size // 2
        process = subprocess.Popen([sys.executable, "-c", COMMIT, store.location, str(made), path])
        assert proxy.holding.wait(120)
        assert len(bucket.objects()) == (before is not None)  # half of it is up, and nothing shows
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert len(bucket.objects()) == (before is not None)
    assert store.exists(path) is (before is not None)
    if before is not None:
        assert content(bucket, path) == before * 1000
    store.commit(made, path)
    assert bucket.objects() == [path.removeprefix("s3://")]
    assert content(bucket, path) == made.read_bytes()


@SIZES
def test_a_connection_cut_midway_shows_nothing_and_is_said(bucket, tmp_path, monkeypatch, size):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    store = ScanStore(bucket.url("scans"))
    path, made = store.path("base", "cd" * 32), file(tmp_path / "made", b"n", size)
    with wire(bucket, monkeypatch) as proxy:
        proxy.cut_at = size // 2
        with pytest.raises(StoreError, match="run again"):
            store.commit(made, path)
    assert bucket.objects() == []
    assert not store.exists(path)
    assert store.missing({path}) == {path}


@SIZES
def test_a_reader_beside_two_writers_sees_one_or_the_other_and_never_half(bucket, tmp_path, size):
    store = ScanStore(bucket.url("scans"))
    path = store.path("base", "ef" * 32)
    files = [file(tmp_path / letter, letter.encode(), size) for letter in "ab"]
    writers = [
        subprocess.Popen([sys.executable, "-c", COMMIT, store.location, str(made), path])
        for made in files
        for _ in "12"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        with suppress(FileNotFoundError, StoreError):  # StoreError: it was replaced under the reader, who is told
            store.fetch(path, tmp_path / "read")
            seen.add((tmp_path / "read").read_bytes() in {made.read_bytes() for made in files})
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    store.fetch(path, tmp_path / "read")
    assert seen <= {True}
    assert (tmp_path / "read").read_bytes() in {made.read_bytes() for made in files}
    assert bucket.objects() == [path.removeprefix("s3://")]


def test_what_is_committed_is_listed_at_once(bucket, tmp_path):
    store = ScanStore(bucket.url("scans"))
    paths = [store.path("base", f"{number:02x}" * 32) for number in range(20)]
    for number, path in enumerate(paths):
        store.commit_bytes(os.urandom(10), path)
        assert len(bucket.objects("scans/base")) == number + 1
    store.discard_file(paths[0])
    assert store.missing(set(paths)) == {paths[0]}
