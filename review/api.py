"""The JSON side of the review under /api: who calls, what they may, what the store answers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from review import progress
from review.bodies import Account, Decided, Held, Login, Next, Nothing
from review.dashboard import own_dashboard
from review.decisions import Decision
from review.downloads import download
from review.people import AUDITOR, LEAD, ROLE_OF
from review.refusal import NOT_ALLOWED, WRONG, Refused
from review.result import ending_of
from review.sessions import Caller, Sessions
from review.store import ReviewStore
from review.undoing import LIMITS
from rounds.criteria import load_criteria
from rounds.tables import PERSONAL, VERDICTS
from schemas.personal_information import catalogue
from schemas.risks import groups, risks

_PERSONAL = {
    "general": ("一般个人信息", "general"),
    "sensitive": ("敏感个人信息", "sensitive"),
    "biometric": ("生物特征", "biometric"),
}
_VERDICTS = {
    "qualified": ("合格", "qualified"),
    "unqualified": ("不合格", "unqualified"),
    "unclear": ("无法判定", "cannot tell"),
}
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Desk:
    """What the handlers work with."""

    store: ReviewStore
    sessions: Sessions
    cookie: str
    secure: bool

    def caller(self, request: Request, *roles: str) -> Caller:
        """Who calls, with the token of the session where something is changed. Raises Refused, also for other roles."""
        caller = self.sessions.find(request.cookies.get(self.cookie), request.headers.get("user-agent", ""))
        if request.method == "POST":
            caller.must_have_sent(request.headers.get("x-csrf", ""))
        if roles and not set(roles) & set(caller.person.roles):
            raise Refused("此操作需要其他角色", "this takes another role", NOT_ALLOWED)
        return caller

    def me(self, request: Request, caller: Caller) -> dict[str, Any]:
        """What a page knows of who is logged in."""
        now, state = self.store.clock(), self.store.state
        with self.store.database.read() as connection:
            pace = progress.pace_of(connection, caller.person.name, now)
        return {
            "name": caller.person.name,
            "roles": list(caller.person.roles),
            "csrf": caller.csrf,
            "lang": language(request),
            "round": {"id": self.store.round_id, "state": state, "criteria": self.store.criteria},
            "readings": caller.person.readings(now) if state == "open" else [],
            "pace": pace,
            "undo": LIMITS,
        }


def language(request: Request) -> str:
    """The language of the pages: as asked for, else as before, else Chinese."""
    wanted = request.query_params.get("lang") or request.cookies.get("lang") or ""
    return wanted if wanted in _LANGUAGES else _LANGUAGES[0]


def answer(content: Any) -> Response:
    """JSON."""
    return Response(orjson.dumps(content), media_type="application/json")


def vocabulary() -> dict[str, Any]:
    """The words people judge with."""
    rules = load_criteria()
    return {
        "groups": [asdict(group) for group in groups().values()],
        "risks": [{**asdict(risk), "group": risk.id.partition("-")[0]} for risk in risks().values()],
        "personal": [{"id": kind, "zh": _PERSONAL[kind][0], "en": _PERSONAL[kind][1]} for kind in PERSONAL],
        "verdicts": [{"id": kind, "zh": _VERDICTS[kind][0], "en": _VERDICTS[kind][1]} for kind in VERDICTS],
        "criteria": {"zh": rules.zh, "en": rules.en, "risks": rules.risks},
        "pii_types": [{"id": kind, "zh": name.zh, "en": name.en} for kind, name in catalogue().types.items()],
    }


def session_routes(desk: Desk) -> APIRouter:
    """Logging in and out, and what pages start from."""
    router = APIRouter(prefix="/api")

    @router.post("/login")
    def login(request: Request, body: Login) -> Response:
        address = request.client.host if request.client else ""
        caller = desk.sessions.login(body.name, body.secret, address, request.headers.get("user-agent", ""))
        response = answer({"me": desk.me(request, caller)})
        response.set_cookie(desk.cookie, caller.token, httponly=True, samesite="strict", secure=desk.secure)
        return response

    @router.post("/logout")
    def logout(request: Request, body: Nothing) -> Response:
        desk.sessions.end(desk.caller(request).token)
        response = answer({})
        response.delete_cookie(desk.cookie, httponly=True, samesite="strict", secure=desk.secure)
        return response

    @router.get("/me")
    def me(request: Request) -> Response:
        return answer(desk.me(request, desk.caller(request)))

    @router.get("/vocabulary")
    def words(request: Request) -> Response:
        desk.caller(request)
        return answer(vocabulary())

    return router


def judging_routes(desk: Desk) -> APIRouter:
    """Items and decisions."""
    router = APIRouter(prefix="/api")
    store = desk.store
    judges = tuple(ROLE_OF.values())

    @router.post("/next")
    def next_(request: Request, body: Next) -> Response:
        name = desk.caller(request, *judges).person.name
        leased = store.lease(name, body.reading)
        told = {"item": asdict(leased) if leased else None, "progress": store.progress_of(name, body.reading)}
        if leased is None:
            told["reason"] = {"zh": "目前没有可判的条目", "en": "there is nothing for you to judge at present"}
        return answer(told)

    @router.post("/renew")
    def renew(request: Request, body: Held) -> Response:
        return answer(
            {"lease_until": store.renew(desk.caller(request, *judges).person.name, body.reading, body.item_no)}
        )

    @router.post("/release")
    def release(request: Request, body: Held) -> Response:
        store.release(desk.caller(request, *judges).person.name, body.reading, [body.item_no])
        return answer({})

    @router.post("/decide")
    def decide(request: Request, body: Decided) -> Response:
        name = desk.caller(request, *judges).person.name
        said = body.model_dump() | {"risks": tuple(body.risks), "personal": tuple(body.personal)}
        receipt = store.decide(name, Decision(**said, criteria=store.criteria))
        told = {"machine": store.findings(body.item_no), "progress": store.progress_of(name, body.reading)}
        return answer({**asdict(receipt), **told})

    @router.post("/undo")
    def undo(request: Request, body: Nothing) -> Response:
        name = desk.caller(request, *judges).person.name
        leased, said = store.undo(name)
        told = {"item": asdict(leased), "said": said, "progress": store.progress_of(name, leased.reading)}
        return answer(told)

    @router.get("/mine")
    def mine(
        request: Request,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        caller = desk.caller(request, *judges)
        with store.database.read() as connection:
            return answer({"decided": progress.decided_list(connection, caller.person.name, before, limit)})

    @router.get("/item/{item_no}")
    def item(request: Request, item_no: int) -> Response:
        if not 1 <= item_no <= 2**53:
            raise Refused("没有这一条", "there is no such item", WRONG)
        return answer(store.look(desk.caller(request).person.name, item_no))

    return router


def leading_routes(desk: Desk) -> APIRouter:
    """The dashboard, accounts, exports."""
    router = APIRouter(prefix="/api")
    store = desk.store

    @router.get("/dashboard")
    def board(request: Request) -> Response:
        person = desk.caller(request).person
        if {LEAD, AUDITOR} & set(person.roles):
            told = store.dashboard() | {"ending": ending_of(store.output, store.round_id)}
            told["manual"]["minimum"] = store.manual_check.minimum
            return answer(told)
        with store.database.read() as connection:
            return answer(own_dashboard(connection, person, store.clock()))

    @router.get("/people")
    def accounts(request: Request) -> Response:
        desk.caller(request, LEAD)
        return answer({"people": account_rows(store)})

    @router.post("/people")
    def change(request: Request, body: Account) -> Response:
        by = desk.caller(request, LEAD).person.name
        acts: dict[str, Callable[[], str | None]] = {
            "add": lambda: store.add_person(body.name, body.roles, by, body.qualified_until),
            "roles": lambda: store.set_roles(body.name, body.roles, by, body.qualified_until),
            "off": lambda: store.deactivate(body.name, by),
            "secret": lambda: store.renew_secret(body.name, by),
        }
        if body.action not in acts:
            raise Refused(f"action 应为 {'、'.join(acts)}", f"action is one of {', '.join(acts)}", WRONG)
        secret = acts[body.action]()
        return answer(({"secret": secret} if secret else {}) | {"people": account_rows(store)})

    @router.get("/export")
    def export(
        request: Request,
        form: str,
        person: str = "",
        reading: str = "",
        count: Annotated[int, Query(ge=1, le=100_000)] = 100,
    ) -> Response:
        by = desk.caller(request, LEAD).person.name
        return download(store, form, person, reading, count, by)

    return router


def account_rows(store: ReviewStore) -> list[dict[str, Any]]:
    """All accounts with how much each has decided, and the readings each may do today."""
    now = store.clock()
    with store.database.read() as connection:
        decided = dict(connection.execute("SELECT person, count(*) FROM readings GROUP BY person").fetchall())
    return [
        {**asdict(person), "decided": decided.get(person.name, 0), "readings": person.readings(now)}
        for person in store.people()
    ]
