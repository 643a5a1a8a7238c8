"""The review page's server: one process a round, on this machine unless told otherwise."""

import ipaddress
import logging
import socket
import ssl
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from pipeline.errors import AuditError, UsageError
from review.api import Desk, answer, judging_routes, language, leading_routes, session_routes
from review.guard import LOG, LOOPBACK, Guard
from review.pages import STATIC, render
from review.people import LEAD, ROLE_OF
from review.refusal import NOT_ALLOWED, NOT_KNOWN, Refused
from review.sessions import Lasting, Sessions
from review.store import ReviewStore
from rounds.criteria import criteria_version
from rounds.tables import ADJUDICATION, FIRST, SECOND

_BACKLOG = 512
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Site:
    """Where the page is served: `names` are further names it answers to, TLS files make it https."""

    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False  # whether other machines may be served without TLS: secrets and texts in the open

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return self.host in LOOPBACK or ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name: where it leads can change
            return False

    @property
    def secure(self) -> bool:
        """Whether it is served over TLS."""
        return self.certificate is not None


def make_app(store: ReviewStore, site: Site | None = None, lasting: Lasting | None = None) -> ASGIApp:
    """The application with its guard before it."""
    site = site or Site()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    cookie = f"{'__Host-' if site.secure else ''}review-{store.round_id}"  # cookies know hosts, not ports
    desk = Desk(store, Sessions(store, lasting or Lasting()), cookie, site.secure)
    for router in (session_routes(desk), judging_routes(desk), leading_routes(desk)):
        app.include_router(router)
    _add_pages(app, desk)
    _add_static(app)
    _add_errors(app)
    hosts = {site.host.lower(), *(name.lower() for name in site.names), *LOOPBACK}
    return Guard(app, frozenset(hosts), addresses=not site.loopback)


def serve(store: ReviewStore, site: Site, lasting: Lasting | None = None) -> None:
    """Serves until it is told to stop. Raises UsageError where the address or the TLS files cannot be used."""
    import uvicorn

    _check_open(site)
    if criteria_version() != store.criteria:
        raise UsageError(
            f"{store.round_id}: 本轮判据 {store.criteria} 与软件所带 {criteria_version()} 不同 / the round has other criteria than this "
            f"version of the software ships: use the version the round was opened with"
        )
    store.machine.load()  # rather than when the first verdict is in
    _check_tls(site)
    listener = _listen(site)
    port = listener.getsockname()[1]
    shown = f"[{site.host}]" if ":" in site.host else site.host
    print(
        f"{store.round_id}: {'https' if site.secure else 'http'}://{shown}:{port}/  （Ctrl-C 停止 / stops）", flush=True
    )
    if not site.loopback and not site.secure:
        print(
            "警告（--insecure）：其他机器可以访问，口令与正文未加密传输 / warning (--insecure): other machines reach this page, and secrets and "
            "texts travel unencrypted",
            file=sys.stderr,
            flush=True,
        )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    LOG.setLevel(logging.INFO)
    config = uvicorn.Config(
        make_app(store, site, lasting),
        log_config=None,  # its lines would hold addresses with their queries
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
        limit_concurrency=500,
        ssl_certfile=site.certificate,
        ssl_keyfile=site.key,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _add_pages(app: FastAPI, desk: Desk) -> None:
    def page(request: Request, name: str, roles: Iterable[str] = (), reading: str | None = None) -> Response:
        try:
            caller = desk.caller(request, *roles)
        except Refused as refused:
            if refused.status != NOT_KNOWN:
                return _problem(request, refused)
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(wanted, safe='')}", 303)
        me = desk.me(request, caller)
        given = {"reading": reading} if reading else {}
        return _html(request, render(name, lang=language(request), me=me, csrf=caller.csrf, **given))

    @app.get("/")
    def start(request: Request) -> Response:
        try:
            readings = desk.me(request, desk.caller(request))["readings"]
        except Refused:
            return RedirectResponse("/login", 303)
        paths = {FIRST: "/judge", SECOND: "/judge?reading=second", ADJUDICATION: "/adjudicate"}
        return RedirectResponse(paths[readings[0]] if readings else "/dashboard", 303)

    @app.get("/login")
    def login(request: Request) -> Response:
        return _html(request, render("login", lang=language(request)))

    @app.get("/judge")
    def judge(request: Request, reading: str = FIRST) -> Response:
        chosen = reading if reading in ROLE_OF else FIRST
        return page(request, "judge", [ROLE_OF[chosen]], chosen)

    @app.get("/adjudicate")
    def adjudicate(request: Request) -> Response:
        return page(request, "judge", [ROLE_OF[ADJUDICATION]], ADJUDICATION)

    @app.get("/mine")
    def mine(request: Request) -> Response:
        return page(request, "mine", ROLE_OF.values())

    @app.get("/dashboard")
    def dashboard(request: Request) -> Response:
        return page(request, "dashboard")

    @app.get("/people")
    def people(request: Request) -> Response:
        return page(request, "people", [LEAD])


def _add_static(app: FastAPI) -> None:
    """Files are named by what was there at the start: no path of a request ever becomes a path of the disk."""
    files = {
        path.name: (path.read_bytes(), _KINDS[path.suffix])
        for path in sorted(STATIC.iterdir())
        if path.is_file() and path.suffix in _KINDS
    }

    @app.get("/static/{name:path}")
    def static(name: str) -> Response:
        if name not in files:
            raise Refused("没有这个文件", "there is no such file", 404)
        content, kind = files[name]
        return Response(content, headers={"content-type": kind})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        response = answer({"error": {"zh": error.zh, "en": error.en}})
        response.status_code = error.status
        if error.retry is not None:
            response.headers["retry-after"] = str(max(1, round(error.retry)))
        return response

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> Response:
        fields = ", ".join(sorted({str(part["loc"][-1])[:40] for part in error.errors() if part["loc"]}))
        return refused(request, Refused(f"请求内容不符: {fields}", f"the request is not right: {fields}", 422))

    @app.exception_handler(HTTPException)
    def other(request: Request, error: HTTPException) -> Response:
        return refused(request, Refused("没有这个地址或方法", "there is no such address or method", error.status_code))

    @app.exception_handler(AuditError)
    def failed(request: Request, error: AuditError) -> Response:
        if not isinstance(error, UsageError):  # damage, told where the server runs and not to everybody
            LOG.error("%s", type(error).__name__)
            return refused(
                request,
                Refused("服务器上的数据有问题，请联系负责人", "data of the server are damaged: tell the lead", 500),
            )
        zh, _, en = str(error).partition(" / ")
        return refused(request, Refused(zh, en or zh, 422))


def _problem(request: Request, refused: Refused) -> Response:
    html = render("problem", lang=language(request), message={"zh": refused.zh, "en": refused.en})
    return _html(request, html, refused.status if refused.status >= 400 else NOT_ALLOWED)


def _html(request: Request, html: str, status: int = 200) -> Response:
    response = HTMLResponse(html, status)
    if request.query_params.get("lang"):
        response.set_cookie("lang", language(request), httponly=True, samesite="strict")
    return response


def _check_open(site: Site) -> None:
    if site.loopback or site.secure or site.insecure:
        return
    raise UsageError(
        f"--host {site.host}: 其他机器可以访问，而口令与正文不加密：请改用默认的 127.0.0.1，经 SSH 隧道（ssh -L {site.port}:127.0.0.1:{site.port} "
        f"本机）或 TLS 反向代理访问，或给出 --tls-cert 与 --tls-key；确知网络可信的加 --insecure / other machines would reach this page, secrets and "
        f"texts unencrypted: stay on 127.0.0.1 and come through an SSH tunnel (ssh -L {site.port}:127.0.0.1:{site.port} THIS-MACHINE) or "
        f"a TLS proxy, or give --tls-cert and --tls-key; --insecure for a network you are sure of"
    )


def _check_tls(site: Site) -> None:
    if (site.certificate is None) != (site.key is None):
        raise UsageError("--tls-cert 与 --tls-key 须一起给出 / give --tls-cert and --tls-key together")
    if site.certificate is None or site.key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(site.certificate, site.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--tls-cert {site.certificate}: 不能用 / cannot be used: {error.strerror or error}") from None


def _listen(site: Site) -> socket.socket:
    family = socket.AF_INET6 if ":" in site.host else socket.AF_INET
    # with the protocol named, asyncio sends small answers at once; without it each waits 40 ms for an acknowledgement
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((site.host, site.port))
        listener.listen(_BACKLOG)  # from the moment the address is told
    except OSError as error:
        listener.close()
        raise UsageError(
            f"{site.host}:{site.port}: 不能监听 / cannot listen there: {error.strerror}: choose another --port"
        ) from None
    return listener
