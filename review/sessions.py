"""Logging in and staying so: sessions kept as digests, tokens against forged forms, and patience with wrong secrets."""

import hashlib
import hmac
import secrets
import threading
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass

from review import people
from review.events import append
from review.people import Person
from review.refusal import NOT_ALLOWED, NOT_KNOWN, TOO_MANY, Refused
from review.store import ReviewStore

_TOUCH = 60.0  # seconds between two notes that a session is in use
_REMEMBERED = 10_000  # names and addresses whose wrong secrets are counted
_FREE = {"name": 3, "address": 20}  # wrong secrets without a wait; a whole office may share an address
_LONGEST = 300.0  # the longest wait in seconds
_AT_ONCE = 2  # secrets checked at the same time: each takes 16 MB
_BUSY = 5.0  # seconds to wait for a turn, so that a flood of logins leaves threads to those who judge


@dataclass(frozen=True)
class Lasting:
    """How long a session lasts in seconds: without being used, and in all."""

    idle: float = 60 * 60.0
    absolute: float = 12 * 60 * 60.0


@dataclass(frozen=True)
class Caller:
    """Who sends a request, and the token its changing requests carry."""

    person: Person
    token: str

    @property
    def csrf(self) -> str:
        """What `X-CSRF` must say: only pages of this session know it."""
        return hashlib.sha256(f"csrf\n{self.token}".encode()).hexdigest()

    def must_have_sent(self, csrf: str) -> None:
        """Raises Refused unless that is the token."""
        if not hmac.compare_digest(csrf.encode(), self.csrf.encode()):
            raise Refused(
                "请求没有本会话的令牌，请刷新页面", "the token of this session is missing: reload", NOT_ALLOWED
            )


class Sessions:
    """The sessions of a review; they outlive the server process."""

    def __init__(self, store: ReviewStore, lasting: Lasting) -> None:
        self._store = store
        self._lasting = lasting
        self._patience = Patience(store)
        self._nobody = people.hashed(people.new_secret())
        self._checking = threading.Semaphore(_AT_ONCE)

    def login(self, name: str, secret: str, address: str, browser: str) -> Caller:
        """Begins a session. An unknown name takes as long, and is answered with the same words, as a wrong secret."""
        name = unicodedata.normalize("NFC", name.strip())
        counted = {"name": name, "address": address}
        self._patience.try_(counted)
        with self._store.database.read() as connection:
            row = connection.execute("SELECT secret FROM people WHERE name = ? AND active", (name,)).fetchone()
        if not self._checking.acquire(timeout=_BUSY):
            raise Refused("登录的人太多，请稍后再试", "too many people log in: try again", TOO_MANY, retry=_BUSY)
        try:
            right = people.is_secret(secret.strip(), row["secret"] if row else self._nobody)
        finally:
            self._checking.release()
        if row is None or not right:
            raise Refused("姓名或口令不对", "the name or the secret is wrong", NOT_KNOWN)
        self._patience.forget(counted)
        token = secrets.token_urlsafe(32)
        now = self._store.clock()
        with self._store.database.write() as connection:
            connection.execute("DELETE FROM sessions WHERE began < ?", (now - self._lasting.absolute,))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", (_digest(token), name, _digest(browser), now, now)
            )
            append(connection, now, "logged_in", person=name)
            return Caller(people.find_person(connection, name), token)

    def find(self, token: str | None, browser: str) -> Caller:
        """Who holds the session. Raises Refused where there is none, it ran out, or another browser shows it."""
        if not token:
            raise _login()
        now = self._store.clock()
        with self._store.database.read() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE digest = ?", (_digest(token),)).fetchone()
            if row is None:
                raise _login()
            person = people.find_person(connection, row["person"])
        stale = now - row["seen"] > self._lasting.idle or now - row["began"] > self._lasting.absolute
        if stale or not person.active or row["browser"] != _digest(browser):
            self.end(token)
            raise _login()
        if now - row["seen"] > _TOUCH:
            with self._store.database.write(durable=False) as connection:
                connection.execute("UPDATE sessions SET seen = ? WHERE digest = ?", (now, _digest(token)))
        return Caller(person, token)

    def end(self, token: str) -> None:
        """Ends a session, if it is one."""
        with self._store.database.write() as connection:
            row = connection.execute("SELECT person FROM sessions WHERE digest = ?", (_digest(token),)).fetchone()
            if row is not None:
                connection.execute("DELETE FROM sessions WHERE digest = ?", (_digest(token),))
                append(connection, self._store.clock(), "logged_out", person=row["person"])


class Patience:
    """Waits that double with every wrong secret, for the name and for the address. Kept in memory alone."""

    def __init__(self, store: ReviewStore) -> None:
        self._clock = store.clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, and until when to wait

    def try_(self, counted: dict[str, str]) -> None:
        """Counts a try before its outcome is known. Raises Refused while there is a wait."""
        now = self._clock()
        with self._lock:
            wait = max(self._wrong.get(key, (0, 0.0))[1] for key in _keys(counted).values()) - now
            if wait > 0:
                raise Refused(
                    f"尝试过多，请等 {wait:.0f} 秒", f"too many tries: wait {wait:.0f} s", TOO_MANY, retry=wait
                )
            for kind, key in _keys(counted).items():
                times = self._wrong.pop(key, (0, 0.0))[0] + 1
                pause = min(_LONGEST, 2.0 ** min(times - _FREE[kind], 10)) if times >= _FREE[kind] else 0.0
                self._wrong[key] = (times, now + pause)
            while len(self._wrong) > _REMEMBERED:
                self._wrong.popitem(last=False)

    def forget(self, counted: dict[str, str]) -> None:
        """After the right secret: the name begins anew, the address has only this try taken off."""
        keys = _keys(counted)
        with self._lock:
            self._wrong.pop(keys["name"], None)
            times = self._wrong.get(keys["address"], (1, 0.0))[0] - 1
            self._wrong[keys["address"]] = (times, 0.0)


def _keys(counted: dict[str, str]) -> dict[str, str]:
    return {kind: _digest(f"{kind} {value}") for kind, value in counted.items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _login() -> Refused:
    return Refused("请先登录", "log in first", NOT_KNOWN)
