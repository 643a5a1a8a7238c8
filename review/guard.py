"""What stands before every request: hosts, origins, sizes, kinds of bodies; and the headers behind every answer.

Plain ASGI, so that nothing reaches the application unchecked and no answer leaves without its headers.
"""

import asyncio
import ipaddress
import logging
import time
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("corpus_audit.review")
MAX_BODY = 64 * 1024
_BODY_SECONDS = 15.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Wraps the application. `hosts` are the names it answers to; `addresses` whether it answers to any IP address."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], addresses: bool) -> None:
        self._app = app
        self._hosts = hosts
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here
        begun, status, answered = time.monotonic(), 500, False

        async def sent(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                message = {**message, "headers": [*message.get("headers", []), *_RAW]}
            await send(message)

        try:
            refusal = self._refusal(scope)
            body = b"" if refusal else await _body(scope, receive)
            if body is None:
                refusal = (413, f"内容超过 {MAX_BODY} 字节或迟迟不到", f"more than {MAX_BODY} bytes, or too slow")
            if refusal:
                await _answer(sent, *refusal)
            else:
                await self._app(scope, _replay(body or b"", receive), sent)
        except Exception as error:  # the edge: its text may hold what must not be in a log, so only its place is told
            LOG.error("%s at %s", type(error).__name__, _place(error))
            if not answered:
                await _answer(sent, 500, "服务器内部错误", "an internal error of the server")
        if status >= 400:
            route = getattr(scope.get("route"), "path", "?")
            LOG.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * (time.monotonic() - begun))

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = _headers(scope)
        host = headers.get("host", "")
        if not self._answers_to(host):
            return 421, "不接受此主机名", "not the host of this server"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "不支持的方法", "no such method here"
        # reading too: sites on other ports of this host are the same site to a browser, and it sends them the cookie
        if scope["path"].startswith("/api/") and not _same_origin(headers, host):
            return 403, "请求来自别的网站", "the request comes from another origin"
        if (
            scope["method"] == "POST"
            and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json"
        ):
            return 415, "内容应为 application/json", "the content must be application/json"
        return None

    def _answers_to(self, host: str) -> bool:
        """Names of other sites that somebody made resolve to this machine are refused (DNS rebinding)."""
        name = _host_name(host)
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._addresses


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _same_origin(headers: Mapping[str, str], host: str) -> bool:
    """By Origin where the client sends one; browsers always do, and programs need the token all the same."""
    origin = headers.get("origin")
    if origin is not None:
        return origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
    return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        # two of a kind are not what any browser sends; joined, they match nothing
        found[key] = f"{found[key]},{value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The whole body; None where it is too long or does not come."""
    if scope["method"] != "POST":
        return b""
    length = _headers(scope).get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY:
        return None
    body: bytes = b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                body += message.get("body", b"")
                if len(body) > MAX_BODY or message["type"] == "http.disconnect":
                    return None
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        return None


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _answer(send: Send, status: int, zh: str, en: str) -> None:
    content = orjson.dumps({"error": {"zh": zh, "en": en}})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    # what is left of a refused body is not waited for
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": content})


def _place(error: Exception) -> str:
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"


_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
