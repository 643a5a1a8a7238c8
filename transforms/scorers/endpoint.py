"""A guard model behind an OpenAI-compatible chat-completions endpoint.

One request a text, several at a time. A request that fails is repeated after growing pauses, as long as the server asks
for where it says so; what fails for good leaves the text unscored with a reason from a fixed list, for messages of a
server may repeat the text or the key. After `give_up_after` texts failed in a row, or `refused_after` were refused alike,
nobody is asked any more in this run. Texts that failed in an earlier run have no part in that: they may be the cause.
"""

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InvalidHeader, MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from schemas.scorers import EndpointSettings
from transforms.scorers.base import BUDGET, FAILED, GIVEN_UP, Answer, ScorerError, strict_json
from transforms.scorers.prompt import Prompt

VERSION = 2

UNREACHABLE, TIMED_OUT, RATE_LIMITED, SERVER_ERROR = "unreachable", "timed_out", "rate_limited", "server_error"
REFUSED, MALFORMED, CUT_OFF = "refused", "malformed_answer", "cut_off"

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_MISCONFIGURED = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405})  # other texts may fare the same
_OUTAGES = frozenset({UNREACHABLE, TIMED_OUT, RATE_LIMITED, SERVER_ERROR})
_MAX_BODY = 1 << 20
_PATH = "/chat/completions"
_ROLE_TOKENS = 16  # that a chat template puts around a message


@dataclass(frozen=True)
class Limits:
    """What one worker may do."""

    per_minute: float | None
    requests: int | None
    cost: float | None


class Endpoint:
    """A guard model that is asked over HTTP. The key is read from the environment when it is used, and kept nowhere."""

    def __init__(
        self, settings: EndpointSettings, prompt: Prompt, workers: int = 1, spent: tuple[int, float] = (0, 0.0)
    ) -> None:
        self.settings = settings
        self.prompt = prompt
        self.workers = workers
        self.spent = spent  # requests and cost of this run, made before the rest was divided
        self._gate = _Gate(_limits(settings, workers, spent), settings.give_up_after, settings.refused_after)
        timeout = urllib3.Timeout(total=settings.timeout)
        self._pool = urllib3.PoolManager(maxsize=settings.concurrency, timeout=timeout, retries=False)
        self._pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def __reduce__(self) -> tuple[Any, ...]:
        """Without connections, counters and locks, which every process has of its own."""
        return Endpoint, (self.settings, self.prompt, self.workers, self.spent)

    def fingerprint(self) -> str:
        """Model id and prompt. Not the address: a model may move."""
        return hashlib.sha256(f"endpoint/{VERSION}/{self.settings.model}/{self.prompt.sha256}".encode()).hexdigest()

    def shared_among(self, workers: int) -> "Endpoint":
        """With a part of the rate limit, and of what is left of the budget.

        Raises ScorerError where the budget is too small to be divided.
        """
        allowed = self.settings.max_requests
        if allowed is not None and allowed < workers:
            raise ScorerError(
                f"classifier.confirm.max_requests: {allowed} 次请求不够 {workers} 个进程分 / {allowed} requests cannot be divided among "
                f"{workers} workers: raise it to {workers} or more, or lower --workers"
            )
        return Endpoint(self.settings, self.prompt, workers, self._gate.spent)

    def check(self) -> None:
        """Whether the key is there and usable. The server is not asked: a run may begin while it is down."""
        name = self.settings.api_key_env
        if name is not None and not _key(name):
            raise ScorerError(
                f"classifier.confirm.api_key_env: 环境变量 {name} 未设置或不可用 / the environment variable {name} is not set, "
                f"or holds what is no key"
            )
        if self.settings.max_cost is not None and self.prompt.max_tokens is None:
            raise ScorerError(
                "classifier.confirm.max_cost: 提示的 request 须含 max_tokens，否则费用无上界 / needs max_tokens in the prompt's request, or an "
                "answer may cost any amount"
            )

    def score(self, texts: Sequence[str], again: bool = False) -> list[Answer]:
        """Asks about each text; order and content of the answers do not depend on which comes first."""
        if not texts:
            return []
        with ThreadPoolExecutor(min(self.settings.concurrency, len(texts))) as threads:
            return list(threads.map(partial(self._ask, again=again), texts))

    @property
    def _url(self) -> str:
        url = self.settings.url
        return url if url.endswith(_PATH) else url + _PATH

    def _ask(self, text: str, again: bool) -> Answer:
        try:
            return self._asked(text, again)
        except Exception:  # a server may send anything; no text may cost the others their answers
            return Answer(unscored=FAILED)

    def _asked(self, text: str, again: bool) -> Answer:
        key = hashlib.sha256(text.encode()).digest()
        messages = self.prompt.messages(text)
        body = json.dumps({**self.prompt.request, "model": self.settings.model, "messages": messages}).encode()
        reserved = self._most(messages)
        settings = self.settings
        retry = Retry(
            total=settings.retries,
            backoff_factor=settings.backoff,
            backoff_max=settings.max_pause,
            retry_after_max=int(settings.max_pause),
            status_forcelist=_AGAIN,
            allowed_methods=None,
        )
        requests = tokens = 0
        while True:
            refusal = self._gate.enter(reserved, again)
            if refusal is not None:
                return self._priced({}, refusal, requests, tokens)
            requests += 1
            used = self._tokens_of(reserved)
            try:
                response, reason, used, scores = self._request(body, reserved)
            finally:  # whatever happened: others may wait for what was held back
                self._gate.leave(reserved, self._price(used))
            tokens += used
            told = self._priced(scores or {}, reason, requests, tokens)
            if reason not in _OUTAGES:
                status = response.status if response is not None else 0
                if status in _MISCONFIGURED:
                    self._gate.refused(key, status, again)
                else:
                    self._gate.answered(status == 200)
                return told
            try:
                retry = retry.increment("POST", self._url, response=response, error=None if response else HTTPError())
            except MaxRetryError:
                self._gate.failed(key, again)
                return told
            try:
                retry.sleep(response)
            except (
                InvalidHeader,
                ValueError,
                OverflowError,
            ):  # a Retry-After that is neither seconds nor a possible date
                retry.sleep()

    def _request(
        self, body: bytes, reserved: float
    ) -> tuple[urllib3.BaseHTTPResponse | None, str | None, int, dict[str, float] | None]:
        """One request: the response if there is one, why there is no answer, tokens used, and the answer.

        What was sent and fails may be charged all the same, and so may an answer that does not say what it took: they
        count as the most they can have cost.
        """
        most = self._tokens_of(reserved)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        name = self.settings.api_key_env
        if name is not None:
            headers["Authorization"] = f"Bearer {_key(name)}"
        with _Deadline(self.settings.timeout) as deadline:
            try:
                response = self._pool.request(
                    "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
                )
                try:
                    content = response.read(_MAX_BODY + 1, decode_content=True)
                finally:
                    response.close()  # drops the connection unless the body was read to its end
                    response.release_conn()
            except ReadTimeoutError:
                return None, TIMED_OUT, most, None
            except ConnectTimeoutError:  # also of an address nobody listens at
                return None, UNREACHABLE, 0, None
            except (HTTPError, OSError, ValueError):
                return None, TIMED_OUT if deadline.passed else UNREACHABLE, most, None
        if deadline.passed:
            return None, TIMED_OUT, most, None
        if response.status == 429:
            return response, RATE_LIMITED, 0, None
        if response.status in _AGAIN:
            return response, SERVER_ERROR, most, None
        if response.status != 200:
            return response, f"http_{response.status}", 0 if response.status < 500 else most, None
        used, finish, said = _choice(content) if len(content) <= _MAX_BODY else (None, None, None)
        tokens = most if used is None else used
        if said is None or finish not in (None, "stop"):
            reason = REFUSED if finish == "content_filter" else CUT_OFF if finish == "length" else MALFORMED
            return response, reason, tokens, None
        scores = self.prompt.read(said)
        return response, None if scores is not None else MALFORMED, tokens, scores

    def _priced(self, scores: dict[str, float], unscored: str | None, requests: int, tokens: int) -> Answer:
        return Answer(scores, unscored, requests, tokens, round(self._price(tokens), 9))

    def _price(self, tokens: int) -> float:
        return tokens / 1000 * (self.settings.price_per_1k_tokens or 0.0)

    def _most(self, messages: list[dict[str, str]]) -> float:
        """The most a request can cost: no token is shorter than a byte, and no answer longer than allowed."""
        asked = sum(len(message["content"].encode()) + _ROLE_TOKENS for message in messages)
        return self._price(asked + (self.prompt.max_tokens or 0))

    def _tokens_of(self, cost: float) -> int:
        price = self.settings.price_per_1k_tokens
        return round(cost / price * 1000) if price else 0


def _limits(settings: EndpointSettings, workers: int, spent: tuple[int, float]) -> Limits:
    """A worker's part of the rate limit, and of what is left of the budget."""
    pace, requests, cost = settings.requests_per_minute, settings.max_requests, settings.max_cost
    return Limits(
        None if pace is None else pace / workers,
        None if requests is None else max(requests - spent[0], 0) // workers,
        None if cost is None else (cost - spent[1]) / workers,
    )


class _Deadline:
    """Cuts the connection of the request made within it when its time is over, however slowly the server drips.

    Time-outs of a socket are between two parts of an answer; this is for all of it, its head included.
    """

    _of_thread = threading.local()

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "_Deadline":
        self._of_thread.current = self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._of_thread.current = None
        if self._timer is not None:
            self._timer.cancel()

    @classmethod
    def begins(cls, connection: HTTPConnection) -> None:
        """The request of this thread has been sent on this connection; now the answer must come."""
        current: _Deadline | None = getattr(cls._of_thread, "current", None)
        if current is not None:
            current._socket = connection.sock
            current._timer = threading.Timer(current._seconds, current._cut)
            current._timer.daemon = True
            current._timer.start()

    def _cut(self) -> None:
        self.passed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _Deadline.begins(self)
        return super().getresponse()


class _WatchedSecurely(HTTPSConnection):
    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        _Deadline.begins(self)
        return super().getresponse()


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedSecurely


@dataclass
class _Failures:
    """Texts that failed since the last answer; of texts new to this run, or of those that failed before."""

    outages: set[bytes] = field(default_factory=set)
    refusals: dict[int, set[bytes]] = field(default_factory=dict)
    closed: bool = False


class _Gate:
    """Rate limit, budget, and whether there is any point in asking: one for all threads of a worker.

    Failures of texts that failed before close the gate for such texts only: or one bad text would keep others from
    being asked about, run after run.
    """

    def __init__(self, limits: Limits, give_up_after: int, refused_after: int) -> None:
        self._limits = limits
        self._give_up_after = give_up_after
        self._refused_after = refused_after
        self._lock = threading.Condition()
        self._next = 0.0
        self._requests = 0
        self._under_way = 0
        self._cost = 0.0  # spent, and held back for requests under way
        self._failures = {False: _Failures(), True: _Failures()}

    @property
    def spent(self) -> tuple[int, float]:
        """Requests and cost so far."""
        with self._lock:
            return self._requests, self._cost

    def enter(self, cost: float, again: bool) -> str | None:
        """Waits for this request's turn; or why it must not be made. `cost` is held back until it leaves."""
        limits = self._limits
        with self._lock:
            if self._failures[False].closed or self._failures[again].closed:
                return GIVEN_UP
            if limits.requests is not None and self._requests >= limits.requests:
                return BUDGET
            while limits.cost is not None and self._cost + cost > limits.cost:
                if not self._under_way:
                    return BUDGET
                self._lock.wait()  # a request under way may cost less than was held back for it
            self._requests += 1
            self._under_way += 1
            self._cost += cost
            now = time.monotonic()
            turn = max(now, self._next)
            if limits.per_minute is not None:
                self._next = turn + 60 / limits.per_minute
        if turn > now:
            time.sleep(turn - now)
        return None

    def leave(self, reserved: float, cost: float) -> None:
        """Takes what the request cost in place of what was held back for it."""
        with self._lock:
            self._cost += cost - reserved
            self._under_way -= 1
            self._lock.notify_all()

    def failed(self, text: bytes, again: bool) -> None:
        """A text got no answer for the endpoint's sake, after all retries."""
        with self._lock:
            own = self._failures[again]
            own.outages.add(text)
            own.closed = own.closed or len(own.outages) >= self._give_up_after

    def refused(self, text: bytes, status: int, again: bool) -> None:
        """A text was refused as others may be: the key, the address or the model may be wrong, or this text alone."""
        with self._lock:
            own = self._failures[again]
            own.refusals.setdefault(status, set()).add(text)
            own.closed = own.closed or len(own.refusals[status]) >= self._refused_after

    def answered(self, well: bool) -> None:
        """The server is there; `well`: and it takes what it is asked."""
        with self._lock:
            for own in self._failures.values():
                own.outages.clear()
                if well:
                    own.refusals.clear()


def _key(name: str) -> str:
    """The key in an environment variable; empty where there is none, or it could not stand in a header."""
    key = os.environ.get(name, "").strip()
    return key if key.isascii() and key.isprintable() else ""


def _choice(content: bytes) -> tuple[int | None, str | None, str | None]:
    """Tokens used, why the model stopped, and what it said; None where the response is not of the protocol."""
    try:
        answer = strict_json(content)
        used = _used(answer.get("usage"))
    except (ValueError, RecursionError, AttributeError):
        return None, None, None
    try:
        (choice,) = answer["choices"]
        said, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError):
        return used, None, None
    if not isinstance(said, str) or not isinstance(finish, str | None):
        return used, finish if isinstance(finish, str) else None, None
    return used, finish, said


def _used(usage: Any) -> int | None:
    """The tokens a server says an answer took, or the sum of their kinds; None where it does not say."""
    if not isinstance(usage, dict):
        return None
    total, asked, answered = (_count(usage.get(f"{kind}_tokens")) for kind in ("total", "prompt", "completion"))
    parts = None if asked is None or answered is None else asked + answered
    known = [number for number in (total, parts) if number]
    return max(known, default=None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40 else None
