"""Judges each document by what its source's evidence says: robots.txt as it was archived, and users' authorisations.

Nothing is fetched. Protego judges robots.txt: it follows RFC 9309 (longest match, wildcards), which the parser of the
standard library does not.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from protego import Protego

ALLOWED, DENIED, NO_SNAPSHOT, NO_URL = "robots_allowed", "robots_denied", "no_snapshot", "no_url"
AUTHORISED, WITHDRAWN, NOT_AUTHORISED = "authorised", "withdrawn", "not_authorised"

# In the place of a body: the server answered so that everything counts as forbidden (RFC 9309, 2.3.1.4).
UNREACHABLE = "User-agent: *\nDisallow: /\n"


def host_key(url: str) -> str | None:
    """The host a robots.txt speaks for: lower-case ASCII, the port where it is not the usual one; None without host."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, parts.port
        if not host:
            return None
        host = host.rstrip(".").encode("idna").decode() if not host.isascii() else host.rstrip(".")
    except ValueError:  # also UnicodeError: a label no name may have
        return None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return host if port is None or port == usual or (not parts.scheme and port in (80, 443)) else f"{host}:{port}"


class Robots:
    """Snapshots of robots.txt by host; each must allow each agent. Parsed where it is used, once a process and host."""

    def __init__(self, snapshots: Mapping[str, tuple[str, ...]], agents: tuple[str, ...]) -> None:
        same: dict[str, str] = {}  # hosts share bodies: pickled once
        self.snapshots = {
            host: tuple(same.setdefault(body, body) for body in bodies) for host, bodies in sorted(snapshots.items())
        }
        self.agents = agents or ("*",)
        content = [
            metadata.version("protego"),
            [[host, *bodies] for host, bodies in self.snapshots.items()],
            list(self.agents),
        ]
        self.digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        self._parsed: dict[str, tuple[Protego, ...]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_parsed": {}}

    def judge(self, url: str | None) -> str:
        """ALLOWED, DENIED, NO_SNAPSHOT or NO_URL."""
        host = host_key(url) if url else None
        if url is None or host is None:
            return NO_URL
        if host not in self.snapshots:
            return NO_SNAPSHOT
        if host not in self._parsed:
            self._parsed[host] = tuple(Protego.parse(body) for body in self.snapshots[host])
        full = url if "://" in url else f"http://{url}"
        try:
            allowed = all(robots.can_fetch(full, agent) for robots in self._parsed[host] for agent in self.agents)
        except ValueError:
            return NO_URL
        return ALLOWED if allowed else DENIED


@dataclass(frozen=True)
class Users:
    """Hashes of the users whose authorisation is in force, and of those who withdrew it.

    `authorised` is None where only withdrawals are on record: then nothing is said of anybody else.
    """

    authorised: frozenset[bytes] | None
    withdrawn: frozenset[bytes]

    @cached_property
    def digest(self) -> str:
        """Changes with any user."""
        parts = (b"-" if part is None else b"".join(sorted(part)) for part in (self.authorised, self.withdrawn))
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()

    def judge(self, user: bytes | None) -> str | None:
        """AUTHORISED, WITHDRAWN or NOT_AUTHORISED; who is not known is not authorised."""
        if user in self.withdrawn:
            return WITHDRAWN
        if self.authorised is None:
            return None
        return AUTHORISED if user in self.authorised else NOT_AUTHORISED


@dataclass(frozen=True)
class Permits:
    """What the evidence of one source lets in. `excluding` names the findings that keep a document out.

    `barred`: the whole source is out, by its own declaration.
    """

    barred: bool = False
    robots: Robots | None = None
    users: Users | None = None
    excluding: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def digest(self) -> str:
        """Changes with anything that can change who is admitted."""
        parts = [part.digest if part else None for part in (self.robots, self.users)]
        return hashlib.sha256(json.dumps([self.barred, *parts, sorted(self.excluding)]).encode()).hexdigest()

    def judge(self, base: pa.RecordBatch) -> pa.Array:
        """For each document of a base layer what was found; NULL where there is nothing to judge by."""
        if self.users is not None:
            return pa.array([self.users.judge(user) for user in base.column("user_hash").to_pylist()], pa.string())
        if self.robots is not None:
            return pa.array([self.robots.judge(url) for url in base.column("url").to_pylist()], pa.string())
        return pa.nulls(base.num_rows, pa.string())
