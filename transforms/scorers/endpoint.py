"""A guard model behind an OpenAI-compatible chat-completions endpoint.

One request a text, several at a time. A request that fails is repeated after growing pauses, as long as the server asks
for where it says so; what fails for good leaves the text unscored with a reason from a fixed list, for messages of a
server may repeat the text or the key. After `give_up_after` texts failed in a row nobody is asked any more in this run.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from schemas.scorers import EndpointSettings
from transforms.scorers.base import Answer, ScorerError
from transforms.scorers.prompt import Prompt

VERSION = 1

UNREACHABLE, TIMED_OUT, RATE_LIMITED, SERVER_ERROR = "unreachable", "timed_out", "rate_limited", "server_error"
REFUSED, MALFORMED, CUT_OFF = "refused", "malformed_answer", "cut_off"
BUDGET, GIVEN_UP = "budget_reached", "endpoint_given_up"

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_MISCONFIGURED = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405})  # every other text would fare the same
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
        self._gate = _Gate(_limits(settings, workers, spent), settings.give_up_after)
        timeout = urllib3.Timeout(total=settings.timeout)
        self._pool = urllib3.PoolManager(maxsize=settings.concurrency, timeout=timeout, retries=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Without connections, counters and locks, which every process has of its own."""
        return Endpoint, (self.settings, self.prompt, self.workers, self.spent)

    def fingerprint(self) -> str:
        """Model id and prompt. Not the address: a model may move."""
        return hashlib.sha256(f"endpoint/{VERSION}/{self.settings.model}/{self.prompt.sha256}".encode()).hexdigest()

    def shared_among(self, workers: int) -> "Endpoint":
        """With a part of the rate limit, and of what is left of the budget."""
        return Endpoint(self.settings, self.prompt, workers, self._gate.spent)

    def check(self) -> None:
        """Whether the key is there and usable. The server is not asked: a run may begin while it is down."""
        name = self.settings.api_key_env
        if name is not None and not _key(name):
            raise ScorerError(
                f"classifier.confirm.api_key_env: 环境变量 {name} 未设置或不可用 / the environment variable {name} is not set, "
                f"or holds what is no key"
            )

    def score(self, texts: Sequence[str]) -> list[Answer]:
        """Asks about each text; order and content of the answers do not depend on which comes first."""
        if not texts:
            return []
        with ThreadPoolExecutor(min(self.settings.concurrency, len(texts))) as threads:
            return list(threads.map(self._ask, texts))

    @property
    def _url(self) -> str:
        url = self.settings.url
        return url if url.endswith(_PATH) else url + _PATH

    def _ask(self, text: str) -> Answer:
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
            refusal = self._gate.enter(reserved)
            if refusal is not None:
                return self._answer(Answer(unscored=refusal, requests=requests, tokens=tokens), outage=None)
            requests += 1
            used = 0
            try:
                response, reason, used, scores = self._request(body, reserved)
            finally:  # whatever happened: others may wait for what was held back
                self._gate.leave(reserved, self._price(used))
            tokens += used
            told = Answer(scores or {}, reason, requests, tokens)
            repeatable = reason in _OUTAGES
            if not repeatable:
                return self._answer(told, outage=False)
            try:
                retry = retry.increment("POST", self._url, response=response, error=None if response else HTTPError())
            except MaxRetryError:
                return self._answer(told, outage=True)
            try:
                retry.sleep(response)
            except InvalidHeader:  # a Retry-After that is neither seconds nor a date
                retry.sleep()

    def _request(
        self, body: bytes, reserved: float
    ) -> tuple[urllib3.BaseHTTPResponse | None, str | None, int, dict[str, float] | None]:
        """One request: the response if there is one, why there is no answer, tokens used, and the answer."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        name = self.settings.api_key_env
        if name is not None:
            headers["Authorization"] = f"Bearer {_key(name)}"
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
            return None, TIMED_OUT, self._tokens_of(reserved), None  # what was asked may be charged all the same
        except (HTTPError, OSError, ValueError):
            return None, UNREACHABLE, 0, None
        if response.status in _AGAIN:
            return response, RATE_LIMITED if response.status == 429 else SERVER_ERROR, 0, None
        if response.status in _MISCONFIGURED:
            self._gate.close()
            return response, f"http_{response.status}", 0, None
        if response.status != 200:
            return response, f"http_{response.status}", 0, None
        used, finish, said = _choice(content) if len(content) <= _MAX_BODY else (0, None, None)
        if said is None or finish not in (None, "stop"):
            return (
                response,
                REFUSED if finish == "content_filter" else CUT_OFF if finish == "length" else MALFORMED,
                used,
                None,
            )
        scores = self.prompt.read(said)
        return response, None if scores is not None else MALFORMED, used, scores

    def _answer(self, answer: Answer, outage: bool | None) -> Answer:
        """The answer with its price; tells the gate how the endpoint fares."""
        if outage is not None:
            self._gate.heard(outage)
        return Answer(
            answer.scores, answer.unscored, answer.requests, answer.tokens, round(self._price(answer.tokens), 9)
        )

    def _price(self, tokens: int) -> float:
        return tokens / 1000 * (self.settings.price_per_1k_tokens or 0.0)

    def _most(self, messages: list[dict[str, str]]) -> float:
        """The most a request can cost: no token is shorter than a byte, and no answer longer than allowed."""
        asked = sum(len(message["content"].encode()) + _ROLE_TOKENS for message in messages)
        most = self.prompt.request.get("max_tokens") or self.prompt.request.get("max_completion_tokens") or 0
        return self._price(asked + int(most))

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


class _Gate:
    """Rate limit, budget, and whether there is any point in asking: one for all threads of a worker."""

    def __init__(self, limits: Limits, give_up_after: int) -> None:
        self._limits = limits
        self._give_up_after = give_up_after
        self._lock = threading.Condition()
        self._next = 0.0
        self._requests = 0
        self._under_way = 0
        self._cost = 0.0  # spent, and held back for requests under way
        self._failures = 0

    @property
    def spent(self) -> tuple[int, float]:
        """Requests and cost so far."""
        with self._lock:
            return self._requests, self._cost

    def enter(self, cost: float) -> str | None:
        """Waits for this request's turn; or why it must not be made. `cost` is held back until it leaves."""
        limits = self._limits
        with self._lock:
            if self._failures >= self._give_up_after:
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

    def heard(self, outage: bool) -> None:
        """Counts texts in a row that got no answer for the endpoint's sake."""
        with self._lock:
            if self._failures < self._give_up_after:
                self._failures = self._failures + 1 if outage else 0

    def close(self) -> None:
        """Nobody is to be asked any more: the server refuses everybody who asks like this."""
        with self._lock:
            self._failures = self._give_up_after


def _key(name: str) -> str:
    """The key in an environment variable; empty where there is none, or it could not stand in a header."""
    key = os.environ.get(name, "").strip()
    return key if key.isascii() and key.isprintable() else ""


def _choice(content: bytes) -> tuple[int, str | None, str | None]:
    """Tokens used, why the model stopped, and what it said; None where the response is not of the protocol."""
    try:
        answer = json.loads(content)
        usage = answer.get("usage") or {}
        used = usage.get("total_tokens", 0)
        choice = answer["choices"][0]
        said, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return 0, None, None
    tokens = used if isinstance(used, int) and not isinstance(used, bool) and 0 <= used < 1 << 40 else 0
    return tokens, finish if isinstance(finish, str) else None, said if isinstance(said, str) else None
