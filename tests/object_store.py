"""A real S3-compatible server on the loopback: versitygw, installed by `make s3-server` (docs/adr/0012)."""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import s3fs

from tests.audits import SOURCES, Corpus

INSTALLED = Path(__file__).resolve().parents[1] / "build" / "s3" / "versitygw"
_NOT_THERE = "no S3 server: `make s3-server` builds one with Go, or name one by VERSITYGW=/path/to/versitygw"


@dataclass(frozen=True)
class Server:
    """Where the server is, and the keys it knows."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def environment(self) -> dict[str, str]:
        """What a user would export."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> s3fs.S3FileSystem:
        """A client of the test's own, apart from those of the program."""
        return s3fs.S3FileSystem(
            key=self.access_key,
            secret=self.secret_key,
            endpoint_url=self.endpoint,
            use_listings_cache=False,
        )


@contextmanager
def serve(root: Path, binary: str) -> Iterator[Server]:
    """Runs the server on a free port with its objects below `root`, and stops it at the end."""
    keys = f"AK{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    objects = root / "objects"
    objects.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [binary, "--port", f"127.0.0.1:{port}", "--keep-alive", "--quiet", "--health", "/health"]
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "posix", str(objects)],
            stdout=log,
            stderr=log,
            env={**os.environ, "ROOT_ACCESS_KEY": keys[0], "ROOT_SECRET_KEY": keys[1]},
        )
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, root / "server.log")
        yield Server(f"http://127.0.0.1:{port}", *keys)
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"the S3 server did not start: {log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, one for each process of the suite."""
    binary = os.environ.get("VERSITYGW") or (str(INSTALLED) if INSTALLED.is_file() else shutil.which("versitygw"))
    if binary is None:
        pytest.skip(_NOT_THERE)
    with serve(tmp_path_factory.mktemp("s3"), binary) as server:
        yield server


@dataclass
class Bucket:
    """A bucket on the server, and the client that fills it."""

    server: Server
    client: s3fs.S3FileSystem
    name: str = field(default_factory=lambda: f"corpus-{uuid.uuid4().hex[:12]}")

    def url(self, path: str = "") -> str:
        return f"s3://{self.name}/{path}".rstrip("/")

    def upload(self, corpus: Corpus) -> None:
        for path in sorted(corpus.folder.rglob("*.*")):
            if path.is_file() and path != corpus.config:
                self.put(str(path.relative_to(corpus.folder)), path.read_bytes())

    def put(self, path: str, content: bytes) -> None:
        self.client.pipe_file(f"{self.name}/{path}", content)

    def remove(self, path: str) -> None:
        self.client.rm_file(f"{self.name}/{path}")

    def objects(self, below: str = "") -> list[str]:
        return sorted(self.client.find(f"{self.name}/{below}".rstrip("/")))

    def sources(self) -> list[dict[str, Any]]:
        return [{**source, "paths": [self.url(path) for path in source["paths"]]} for source in SOURCES]


@pytest.fixture
def bucket(s3_server: Server, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket; the environment says where it is, as a user's would."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    made = Bucket(s3_server, s3_server.client())
    made.client.mkdir(made.name)
    return made
