"""A web server on loopback that gives files in ranges, with ETags, and breaks off in the middle where it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class BreakingServer:
    """Serves a folder. `breaks` maps names to how many more requests for ranges of them end after half the bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.breaks: dict[str, int] = {}
        self.broken = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, name: str) -> str:
        """Where a file is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()

    def _breaks(self, name: str) -> bool:
        left = self.breaks.get(name, 0)
        self.breaks[name] = max(0, left - 1)
        self.broken += bool(left)
        return bool(left)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self._begin()

            def do_GET(self) -> None:
                content = self._begin()
                if content and "Range" in self.headers and server._breaks(self.path.strip("/")):
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    self.connection.shutdown(2)
                    self.close_connection = True
                else:
                    self.wfile.write(content)

            def _begin(self) -> bytes:
                path = server.folder / self.path.strip("/")
                if not path.is_file():
                    self.send_error(404)
                    return b""
                whole = path.read_bytes()
                wanted = self.headers.get("Range", "")
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, stop = int(first or 0), min(len(whole), int(last or len(whole) - 1) + 1)
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(stop - start))
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("ETag", f'"{sha256(whole).hexdigest()}"')
                if wanted:
                    self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(whole)}")
                self.end_headers()
                return whole[start:stop]

        return Handler


@contextmanager
def serving(folder: Path) -> Iterator[BreakingServer]:
    """A server for the time being."""
    server = BreakingServer(folder)
    try:
        yield server
    finally:
        server.close()
