"""A guard model on loopback that speaks the OpenAI chat-completions protocol, with the faults that real ones have."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Judge = Callable[[str], list[str]]


@dataclass
class Fault:
    """How the next requests fare instead of being answered well: `times` of them, None for all."""

    status: int = 200
    content: str | None = None  # what the model says, in place of the judge's answer
    raw: bytes | None = None  # the body as it is
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    finish: str = "stop"
    hang_up: bool = False
    times: int | None = None


class GuardServer:
    """Answers by `judge`, a function of the text asked about to risk ids; keeps every request it gets."""

    def __init__(self, judge: Judge, port: int = 0) -> None:
        self.judge = judge
        self.fault: Fault | None = None
        self.faulty: Callable[[str], Fault | None] = lambda text: None  # by the text asked about
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.arrivals: list[float] = []
        self.busy = self.most_at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def texts(self) -> list[str]:
        """The texts asked about, as the bundled prompt quotes them."""
        return [quoted(request) for request in self.requests]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        guard = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # headers and body are two writes

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                guard.answer(self, json.loads(body), self.path)

            def log_message(self, *_: Any) -> None:
                """Nothing is printed."""

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler, request: dict[str, Any], path: str) -> None:
        with self._lock:
            self.requests.append(request)
            self.keys.append(handler.headers.get("Authorization"))
            self.arrivals.append(time.monotonic())
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
            fault = self.fault if path == "/v1/chat/completions" else Fault(404)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times < 0:
                    fault = None
            fault = fault or self.faulty(quoted(request))
        try:
            self._send(handler, request, fault or Fault())
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True
        finally:
            with self._lock:
                self.busy -= 1

    def _send(self, handler: BaseHTTPRequestHandler, request: dict[str, Any], fault: Fault) -> None:
        if fault.delay:
            time.sleep(fault.delay)
        if fault.hang_up:
            handler.close_connection = True
            return
        said = fault.content if fault.content is not None else json.dumps({"risks": self.judge(quoted(request))})
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": request["model"],
            "choices": [{"index": 0, "finish_reason": fault.finish, "message": {"role": "assistant", "content": said}}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100},
        }
        body = fault.raw if fault.raw is not None else json.dumps(answer, ensure_ascii=False).encode()
        handler.send_response(fault.status)
        for name, value in {"Content-Type": "application/json", **fault.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def quoted(request: dict[str, Any]) -> str:
    """The text a request asks about: the JSON string on the second line of the bundled prompt."""
    user = request["messages"][-1]["content"]
    try:
        return str(json.loads(user.splitlines()[1]))
    except (ValueError, IndexError):
        return str(user)


@contextmanager
def guarding(judge: Judge, port: int = 0) -> Iterator[GuardServer]:
    """A server for the time being."""
    server = GuardServer(judge, port)
    try:
        yield server
    finally:
        server.close()
