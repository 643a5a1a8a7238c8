"""The server of the review as a real process: roles, sessions, forged requests, paths, sizes; and what it logs."""

import json
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from review.events import iso
from review.guard import HEADERS
from review.server import Site, _listen, make_app
from review.sessions import Lasting
from review.store import ReviewStore
from rounds.register import Register
from tests.reviews import SCRIPT, Client, Server, draw_round, judgement, known, plain, repeat, served

PEOPLE = {"甲": "annotator", "乙": "second", "丙": "adjudicator", "丁": "lead", "戊": "auditor"}
TEXT = "第1篇：今天天气很好。"


@dataclass
class Place:
    """A served round with an account for every role."""

    server: Server
    secrets: dict[str, str]
    store: ReviewStore

    def client(self, name: str, **options: Any) -> Client:
        return Client(self.server.url, name, self.secrets[name], **options)


def opened(out: Path, items: list[dict[str, Any]]) -> tuple[ReviewStore, dict[str, str]]:
    output, round_ = draw_round(out, items)
    store = ReviewStore.open(output, round_)
    return store, {name: store.add_person(name, [role], by="主管") for name, role in PEOPLE.items()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("review")
    items = plain(400, second=True)
    store, secrets = opened(folder / "out", [*items, known(401, "已知文本"), repeat(402, items[0])])
    with served(folder / "out", folder / "log") as server:
        yield Place(server, secrets, store)
        log = server.log()
        assert "今天天气很好" not in log
        assert not any(word in log for word in (*PEOPLE, *secrets.values()))
        assert "Traceback" not in log
    assert store.check() == []
    store.shut()


NEXT = {reading: {"reading": reading} for reading in ("first", "second", "adjudication")}
HELD = {"item_no": 1, "reading": "first"}
JUDGED = judgement({"item_no": 1, "reading": "first", "content_hash": "0" * 64})
JUDGES = {"annotator", "second", "adjudicator"}
EVERYBODY = set(PEOPLE.values())
ACTIONS: list[tuple[str, str, Any, set[str]]] = [
    ("POST", "/api/next", NEXT["first"], {"annotator"}),
    ("POST", "/api/next", NEXT["second"], {"second"}),
    ("POST", "/api/next", NEXT["adjudication"], {"adjudicator"}),
    ("POST", "/api/decide", JUDGED, {"annotator"}),
    ("POST", "/api/decide", {**JUDGED, "reading": "second"}, {"second"}),
    ("POST", "/api/decide", {**JUDGED, "reading": "adjudication"}, {"adjudicator"}),
    ("POST", "/api/renew", HELD, {"annotator"}),
    ("POST", "/api/release", {"item_no": 77, "reading": "first"}, JUDGES),
    ("POST", "/api/undo", {}, JUDGES),
    ("GET", "/api/mine", None, JUDGES),
    ("GET", "/api/item/3", None, {"lead", "auditor"}),
    ("GET", "/api/me", None, EVERYBODY),
    ("GET", "/api/vocabulary", None, EVERYBODY),
    ("GET", "/api/dashboard", None, EVERYBODY),
    ("GET", "/api/people", None, {"lead"}),
    ("POST", "/api/people", {"action": "nothing", "name": "甲"}, {"lead"}),
    ("GET", "/api/export?form=csv", None, {"lead"}),
    ("GET", "/judge", None, {"annotator"}),
    ("GET", "/judge?reading=second", None, {"second"}),
    ("GET", "/adjudicate", None, {"adjudicator"}),
    ("GET", "/mine", None, JUDGES),
    ("GET", "/dashboard", None, EVERYBODY),
    ("GET", "/people", None, {"lead"}),
]


@pytest.mark.parametrize(("name", "role"), PEOPLE.items())
def test_every_role_may_do_its_own_and_nothing_else(place: Place, name: str, role: str) -> None:
    client = place.client(name)
    for method, path, body, allowed in ACTIONS:
        answer = client.http.request(method, path, json=body, headers={"X-CSRF": client.csrf})
        assert (answer.status_code == 403) == (role not in allowed), f"{role} {method} {path}: {answer.status_code}"
        assert answer.status_code < 500 and answer.status_code != 401
        if answer.status_code == 403 and path.startswith("/api"):
            assert set(answer.json()["error"]) == {"zh", "en"}


@pytest.mark.parametrize(("method", "path", "body", "allowed"), ACTIONS)
def test_nobody_gets_in_without_a_session(place: Place, method: str, path: str, body: Any, allowed: set[str]) -> None:
    answer = Client(place.server.url).http.request(method, path, json=body, headers={"X-CSRF": "x"})
    if path.startswith("/api"):
        assert answer.status_code == 401
    else:
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/login", "text/html"),
        ("/api/me", "application/json"),
        ("/static/page.js", "text/javascript"),
        ("/nothing", "application/json"),
    ],
)
def test_every_answer_carries_the_headers_that_keep_it_in(place: Place, path: str, kind: str) -> None:
    answer = Client(place.server.url).http.get(path)
    assert answer.headers["content-type"].startswith(kind)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "server" not in answer.headers


def test_the_cookie_is_for_this_site_and_no_script(place: Place) -> None:
    answer = Client(place.server.url).login("甲", place.secrets["甲"])
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    token = answer.cookies["review-R0001"]
    with sqlite3.connect(place.store.folder / "review.sqlite") as file:
        assert token not in str(file.execute("SELECT * FROM sessions").fetchall())
    file.close()


@pytest.mark.parametrize("token", ["", "wrong", "0" * 64, "é"])
def test_a_forged_form_without_the_token_of_the_session_is_refused(place: Place, token: str) -> None:
    client = place.client("甲")
    headers = {b"X-CSRF": token.encode(), b"Content-Type": b"application/json"}
    answer = client.http.post("/api/next", content=json.dumps(NEXT["first"]), headers=headers)
    assert answer.status_code == 403


def test_the_token_of_another_session_is_refused(place: Place) -> None:
    one, other = place.client("甲"), place.client("乙")
    one.csrf, other.csrf = other.csrf, one.csrf
    assert one.post("next", NEXT["first"]).status_code == 403
    assert other.post("next", NEXT["second"]).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://", ""]
)
def test_another_origin_is_refused_even_with_the_token(place: Place, origin: str) -> None:
    client = place.client("甲")
    assert client.post("next", NEXT["first"], Origin=origin).status_code == 403
    assert client.post("next", NEXT["first"], Origin=place.server.url).status_code == 200
    for site in ("cross-site", "same-site"):
        assert client.post("next", NEXT["first"], **{"Sec-Fetch-Site": site}).status_code == 403
        assert client.http.get("/api/mine", headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "192.168.0.9",
        "[::2]",
        "",
        "127.0.0.1@evil",
    ],
)
def test_another_host_is_refused(place: Place, host: str) -> None:
    assert raw(place, f"GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n") == 421
    assert raw(place, f"GET /login HTTP/1.1\r\nHost: localhost:{place.server.port}\r\n\r\n") == 200


def test_a_stolen_session_shown_by_another_browser_is_ended(place: Place) -> None:
    client = place.client("甲", headers={"User-Agent": "Mozilla/5.0 (one)"})
    cookies = dict(client.http.cookies)
    thief = Client(place.server.url, headers={"User-Agent": "Mozilla/5.0 (two)"}, cookies=cookies)
    assert thief.get("me").status_code == 401
    assert client.get("me").status_code == 401, "nobody goes on with it"


@pytest.mark.parametrize("token", ["x", "A" * 43, "' OR 1=1 --", "../../etc/passwd"])
def test_an_invented_session_is_none(place: Place, token: str) -> None:
    assert Client(place.server.url, cookies={"review-R0001": token}).get("me").status_code == 401


def test_a_session_ends_with_the_logout_and_with_the_account(place: Place) -> None:
    client = place.client("甲")
    cookies = dict(client.http.cookies)
    assert client.post("logout", {}).status_code == 200
    assert Client(place.server.url, cookies=cookies).get("me").status_code == 401
    secret = place.store.add_person("临时", ["annotator"], by="主管")
    temporary = Client(place.server.url, "临时", secret)
    place.store.deactivate("临时", by="主管")
    assert temporary.get("me").status_code == 401
    assert Client(place.server.url).login("临时", secret).status_code == 401


def test_roles_taken_away_are_gone_at_once(place: Place) -> None:
    client = Client(place.server.url, "变", place.store.add_person("变", ["lead"], by="主管"))
    assert client.get("people").status_code == 200
    place.store.set_roles("变", ["auditor"], by="主管")
    assert client.get("people").status_code == 403
    place.store.deactivate("变", by="主管")


def test_wrong_secrets_and_unknown_names_are_told_alike_and_cost_patience(place: Place) -> None:
    secret = place.store.add_person("急", ["annotator"], by="主管")
    client = Client(place.server.url)
    unknown, wrong = (client.login(name, "wrong") for name in ("没有这个人", "急"))
    assert (unknown.status_code, unknown.content) == (wrong.status_code, wrong.content) == (401, wrong.content)
    for _ in range(2):
        assert client.login("急", "wrong").status_code == 401
    blocked = client.login("急", secret)
    assert blocked.status_code == 429 and int(blocked.headers["retry-after"]) >= 1
    assert client.login("甲", place.secrets["甲"]).status_code == 200, "others get in meanwhile"


PATHS = [
    "/static/../store.py",
    "/static/..%2fstore.py",
    "/static/%2e%2e/store.py",
    "/static/..%5cstore.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/./page.js",
    "/static/page.js/",
    "/static/page.js%00.css",
    "/static/",
    "/static",
    "/../../etc/passwd",
    "/review.sqlite",
    "/docs",
    "/openapi.json",
    "/api/item/..%2f..%2fitems.parquet",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leaves_the_static_files(place: Place, path: str) -> None:
    assert raw(place, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") in (404, 422)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 10_000_000])
def test_a_body_too_long_is_refused_before_it_is_read(place: Place, size: int) -> None:
    head = "POST /api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    assert raw(place, f"{head}Content-Length: {size}\r\n\r\n") == 413
    chunk = f"{0x4000:x}\r\n{' ' * 0x4000}\r\n"
    assert raw(place, f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk * 5}") == 413


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", ""]
)
def test_a_form_another_site_could_send_is_refused(place: Place, kind: str) -> None:
    client = place.client("甲")
    content = json.dumps(NEXT["first"])
    answer = client.http.post("/api/next", content=content, headers={"X-CSRF": client.csrf, "Content-Type": kind})
    assert answer.status_code == 415


BODIES = [
    "",
    "null",
    "[]",
    "{",
    '{"reading": 1}',
    '{"reading": "first", "more": 1}',
    '{"reading": "' + "x" * 300 + '"}',
    "[" * 60_000,
    '{"reading": "\\ud800"}',
    '{"reading": "first\\u0000"}',
    "\x00\x01",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_malformed_bodies_get_one_clear_answer(place: Place, body: str) -> None:
    client = place.client("甲")
    headers = {"X-CSRF": client.csrf, "Content-Type": "application/json"}
    answer = client.http.post("/api/next", content=body.encode("latin-1"), headers=headers)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()["error"]) == {"zh", "en"}


@pytest.mark.parametrize(
    "changes",
    [{"item_no": 10**30}, {"item_no": -1}, {"item_no": 1.5}, {"item_no": "1"}, {"note": "\ud800"}, {"note": "\x00"}, {"seconds": "1"}, {"risks": "A1-a"}, {"risks": ["A1-a"] * 1000}],
)  # fmt: skip
def test_hostile_values_of_a_decision_are_refused(place: Place, changes: dict[str, Any]) -> None:
    client = place.client("甲")
    given = client.next()["item"]
    body = json.dumps(judgement(given) | changes)
    answer = client.http.post(
        "/api/decide", content=body, headers={"X-CSRF": client.csrf, "Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    nan = body.replace("12.5", "NaN")
    assert (
        client.http.post(
            "/api/decide", content=nan, headers={"X-CSRF": client.csrf, "Content-Type": "application/json"}
        ).status_code
        == 422
    )


def test_an_item_is_shown_without_what_would_steer_and_the_machine_comes_after(place: Place) -> None:
    client = place.client("甲")
    given = client.next()
    item = given["item"]
    assert set(item) == {
        "item_no",
        "reading",
        "bucket",
        "stage",
        "chars",
        "text",
        "content_hash",
        "lease_until",
        "earlier",
    }
    assert item["earlier"] == []
    assert set(given["progress"]) == {"mine", "left", "total", "decided"}
    assert client.get(f"item/{item['item_no']}").status_code == 403
    told = client.decide(item, "unqualified").json()
    before = told["progress"]
    assert {"seq", "sha256", "machine", "progress"} == set(told)
    assert set(told["machine"]) == {"risks", "candidate_risks", "pii_types", "findings"}
    assert client.get(f"item/{item['item_no']}").json()["machine"] == told["machine"]
    assert client.get("mine").json()["decided"][0]["item_no"] == item["item_no"]
    back = client.post("undo", {}).json()
    assert (back["item"]["item_no"], back["said"]["verdict"]) == (item["item_no"], "unqualified")
    assert back["progress"]["mine"] == before["mine"] - 1 and back["progress"]["decided"] == before["decided"] - 1
    assert client.decide(back["item"]).status_code == 200
    assert client.get("me").json()["undo"] == {"decisions": 10, "minutes": 15}


def test_the_dashboard_of_those_who_judge_has_no_figure_that_steers(place: Place) -> None:
    assert set(place.client("甲").get("dashboard").json()) == {"completion", "pace"}
    assert {"manual", "agreement", "people", "flags"} <= set(place.client("戊").get("dashboard").json())


def test_handed_out_is_not_open_on_a_screen_and_readings_say_who_fits(tmp_path: Path) -> None:
    clock = Clock()
    output, round_ = draw_round(tmp_path / "out", plain(9, second=True))
    store = ReviewStore.open(output, round_, clock)
    secret = store.add_person("丁", ["lead"], by="丁")
    for name, roles, until in (
        ("甲", ["annotator", "second"], None),
        ("乙", ["second"], "2001-01-01"),
        ("丙", ["annotator"], None),
    ):
        store.add_person(name, roles, "丁", until)
    store.deactivate("丙", "丁")
    later = iso(clock.now + 86_400)
    store.reserve("甲", "first", by="丁", until=later, count=3)
    store.lease("甲", "second")
    client = TestClient(make_app(store), base_url="http://127.0.0.1:8765")
    client.post("/api/login", json={"name": "丁", "secret": secret})
    queue = client.get("/api/dashboard").json()["queue"]
    assert queue == {"adjudication": 0, "leased": 1, "reserved": 3}
    clock.now += 2_000  # the screen was left, the file is still out
    assert client.get("/api/dashboard").json()["queue"] == {"adjudication": 0, "leased": 0, "reserved": 3}
    fits = {row["name"]: row["readings"] for row in client.get("/api/people").json()["people"]}
    assert fits == {"甲": ["first", "second"], "乙": [], "丙": [], "丁": []}
    store.shut()


def test_the_lead_makes_accounts_whose_secret_is_shown_once(place: Place) -> None:
    lead = place.client("丁")
    made = lead.post(
        "people", {"action": "add", "name": "新人", "roles": ["annotator"], "qualified_until": "2099-01-01"}
    ).json()
    newcomer = Client(place.server.url, "新人", made["secret"])
    assert newcomer.get("me").json()["readings"] == ["first"]
    assert made["secret"] not in lead.get("people").text
    renewed = lead.post("people", {"action": "secret", "name": "新人"}).json()["secret"]
    assert newcomer.get("me").status_code == 401
    assert Client(place.server.url).login("新人", renewed).status_code == 200
    listed = lead.post("people", {"action": "off", "name": "新人"}).json()["people"]
    assert [row["active"] for row in listed if row["name"] == "新人"] == [False]


def test_an_export_is_handed_to_one_person_and_is_in_the_log(place: Place) -> None:
    lead = place.client("丁")
    answer = lead.get("export", form="csv", person="甲", reading="first", count=3)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text.count("今天天气很好") >= 3
    events = [event for event in place.store.log() if event["event"] == "exported"]
    assert len(events) == 1 and len(events[0]["items"]) == 3
    assert list(place.store.folder.glob("tmp*")) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"reading": "../../x"},
        {"person": "无人"},
        {"person": "乙"},
        {"form": "exe"},
        {"count": 0},
        {"form": "xlsx\r\nx: y"},
    ],
)
def test_an_export_that_names_something_else_is_refused(place: Place, changes: dict[str, Any]) -> None:
    answer = place.client("丁").get(
        "export", **{"form": "csv", "person": "甲", "reading": "first", "count": 1, **changes}
    )
    assert answer.status_code in (403, 404, 422)
    assert list(place.store.folder.glob("tmp*")) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("login", {"name": "\ud800", "secret": "x"}),
        ("login", {"name": "x", "secret": "\udfff"}),
        ("people", {"action": "off", "name": "\ud800"}),
        ("people", {"action": "add", "name": "a\u0000b", "roles": ["annotator"]}),
    ],
)
def test_halves_of_characters_are_refused(place: Place, path: str, body: dict[str, Any]) -> None:
    client = place.client("丁")
    headers = {"X-CSRF": client.csrf, "Content-Type": "application/json"}
    assert client.http.post(f"/api/{path}", content=json.dumps(body), headers=headers).status_code == 422


def test_pages_speak_the_language_asked_for_and_remember_it(place: Place) -> None:
    client = place.client("甲")
    assert '<html lang="zh-CN">' in client.http.get("/judge").text
    assert '<html lang="en">' in client.http.get("/judge?lang=en").text
    assert '<html lang="en">' in client.http.get("/mine").text
    assert client.get("me").json()["lang"] == "en"


class Clock:
    """A clock that goes when told."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("steps", "alive"),
    [([3599.0] * 11, True), ([3601.0], False), ([3500.0] * 13, False)],
    ids=["used within the hour", "left for an hour", "twelve hours in all"],
)
def test_sessions_run_out(tmp_path: Path, steps: list[float], alive: bool) -> None:
    output, round_ = draw_round(tmp_path / "out", plain(2))
    clock = Clock()
    store = ReviewStore.open(output, round_, clock)
    secret = store.add_person("甲", ["annotator"], by="x")
    client = TestClient(make_app(store, Site(), Lasting(3600.0, 12 * 3600.0)), base_url="http://127.0.0.1:8765")
    assert client.post("/api/login", json={"name": "甲", "secret": secret}).status_code == 200
    for step in steps:
        clock.now += step
        status = client.get("/api/me").status_code
    assert (status == 200) == alive
    store.shut()


def test_waits_for_wrong_secrets_grow_and_end(tmp_path: Path) -> None:
    output, round_ = draw_round(tmp_path / "out", plain(1))
    clock = Clock()
    store = ReviewStore.open(output, round_, clock)
    secret = store.add_person("甲", ["annotator"], by="x")
    client = TestClient(make_app(store), base_url="http://127.0.0.1:8765")
    wrong, right = ({"name": "甲", "secret": word} for word in ("wrong", secret))
    for _ in range(2):
        assert client.post("/api/login", json=wrong).status_code == 401
    waits = []
    for _ in range(5):
        assert client.post("/api/login", json=wrong).status_code == 401
        blocked = client.post("/api/login", json=right)
        assert blocked.status_code == 429
        waits.append(int(blocked.headers["retry-after"]))
        clock.now += waits[-1]
    assert waits == [1, 2, 4, 8, 16]
    assert client.post("/api/login", json=right).status_code == 200
    assert client.post("/api/login", json=wrong).status_code == 401, "the right one starts the count anew"
    assert client.post("/api/login", json=right).status_code == 200
    store.shut()


def review(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs `corpus-audit review …`."""
    command = [*SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_commands_that_cannot_be_done_say_why_in_one_line(place: Place, tmp_path: Path) -> None:
    out = place.store.output.folder
    cases: list[tuple[list[object], int, str]] = [
        (["serve", out, "--port", 0], 4, "另一进程"),
        (["serve", out, "--round", "R0009"], 2, "R0009"),
        (["status", tmp_path], 2, "不是 corpus-audit 的输出文件夹"),
        (["status", out, "--format", "xml"], 2, "--format"),
        (["user", "add", out, "甲", "--roles", "annotator"], 2, "同名"),
        (["user", "add", out, "新", "--roles", "boss"], 2, "角色"),
        (["user", "off", out, "无此人"], 2, "没有这个账号"),
    ]
    for arguments, code, word in cases:
        done = review(*arguments)
        assert done.returncode == code and word in done.stderr, f"{arguments}: {done.returncode} {done.stderr}"
        assert "Traceback" not in done.stderr


def test_accounts_and_state_by_the_command_line(tmp_path: Path) -> None:
    output, _ = draw_round(tmp_path / "out", plain(2))
    out = output.folder
    done = review("user", "add", out, "李四", "--roles", "annotator,second", "--qualified-until", "2099-12-31")
    secret = done.stdout.split()[1]
    assert done.returncode == 0 and len(secret) == 29
    assert secret not in review("user", "list", out).stdout
    assert "annotator,second" in review("user", "list", out).stdout
    assert review("user", "roles", out, "李四", "--roles", "lead", "--by", "主管").returncode == 0
    told = json.loads(review("status", out, "--format", "json", "--check").stdout)
    assert (told["state"], told["left"], told["problems"]) == ("open", 2, [])
    Register(output).append({"event": "abandoned", "round": "R0001", "by": "x", "reason": "y"})
    draw_round(out, plain(2))
    assert "李四" in review("user", "copy", out, "--from", "R0001").stdout
    with served(out, tmp_path / "log") as server:
        assert Client(server.url).login("李四", secret).status_code == 200
    assert review("user", "off", out, "李四").returncode == 0
    with sqlite3.connect(out / "review" / "R0002" / "review.sqlite") as file:
        file.execute("DROP TRIGGER events_stay")
        file.execute("UPDATE events SET line = replace(line, '李四', '别人')")
    file.close()
    damaged = review("status", out, "--check")
    assert damaged.returncode == 3 and "哈希链" in damaged.stderr


def test_small_answers_are_not_held_back() -> None:
    listener = _listen(Site(port=0))
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP, "asyncio sets TCP_NODELAY for these alone"


def test_a_server_ends_cleanly_and_an_address_in_use_is_told(tmp_path: Path) -> None:
    output, _ = draw_round(tmp_path / "out", plain(2))
    server = Server(output.folder, tmp_path / "log")
    assert Client(server.url).get("me").status_code == 401, "it is at work"
    assert server.stop(signal.SIGINT) == 0, server.log()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = review("serve", output.folder, "--port", taken.getsockname()[1])
    assert done.returncode == 2 and "--port" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "review.example"])
def test_other_machines_are_not_served_without_tls_unless_that_is_said(tmp_path: Path, host: str) -> None:
    output, _ = draw_round(tmp_path / "out", plain(2))
    done = review("serve", output.folder, "--host", host, "--port", 0)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for remedy in ("SSH 隧道", "TLS proxy", "--tls-cert", "--insecure", "127.0.0.1"):
        assert remedy in done.stderr


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("::", False),
        ("localhost.x", False),
    ],
)
def test_what_only_this_machine_reaches_needs_no_tls(host: str, alone: bool) -> None:
    assert Site(host).loopback is alone


def test_a_round_that_is_not_being_judged_is_never_taken_silently(tmp_path: Path) -> None:
    output, _ = draw_round(tmp_path / "out", plain(2))
    out = output.folder
    Register(output).append({"event": "abandoned", "round": "R0001", "by": "x", "reason": "y"})
    for command in (
        ["serve", out, "--port", 0],
        ["user", "add", out, "甲", "--roles", "lead"],
        ["user", "off", out, "甲"],
    ):
        done = review(*command)
        assert done.returncode == 2 and "R0001 abandoned" in done.stderr and "--round" in done.stderr
    draw_round(out, plain(2))
    with served(out, tmp_path / "log") as server:
        assert server.round == "R0002"
    with served(out, tmp_path / "log", "--round", "R0001") as server:
        assert server.round == "R0001"  # to look at, because that was said


def test_other_hosts_are_warned_of_and_answered_by_address_and_given_name_only(tmp_path: Path) -> None:
    output, _ = draw_round(tmp_path / "out", plain(2))
    options = ["--host", "0.0.0.0", "--name", "review.example", "--insecure"]
    with served(output.folder, tmp_path / "log", *options) as server:
        here = Place(server, {}, None)  # type: ignore[arg-type]
        for host, status in (
            ("review.example", 200),
            ("10.1.2.3:8765", 200),
            ("[fe80::1]", 200),
            ("evil.example", 421),
        ):
            assert raw(here, f"GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n") == status
        assert "--insecure" in server.log()


def test_under_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    output, round_ = draw_round(tmp_path / "out", plain(2))
    store = ReviewStore.open(output, round_)
    secret = store.add_person("甲", ["annotator"], by="x")
    store.shut()
    options = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    with served(output.folder, tmp_path / "log", *options) as server:
        assert server.url.startswith("https://")
        client = Client(server.url, verify=ssl._create_unverified_context())
        cookie = client.login("甲", secret).headers["set-cookie"]
        assert cookie.startswith("__Host-review-R0001=") and "Secure" in cookie
        assert client.next()["item"]["item_no"] == 1
    assert review("serve", output.folder, "--tls-cert", certificate).returncode == 2
    assert review("serve", output.folder, "--tls-cert", key, "--tls-key", certificate).returncode == 2


def raw(place: Place, request: str) -> int:
    """Status of the answer to bytes no proper client would send."""
    with socket.create_connection(("127.0.0.1", place.server.port), 10) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(65_536)
    return int(answer.split()[1])
