"""Reads and hashes the files a source names as evidence, and makes what judges its documents out of them.

A file that is named and not there, or cannot be understood, is a problem of the configuration. Each file is read once:
what is hashed is what is used.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from schemas.evidence import Collection, Facts, FileFact, RobotsFacts, UserFacts, user_hash
from schemas.loading import DocumentError, parse_yaml
from schemas.policy import Policy
from schemas.sources import BASIS_RECORD, SourceRecord
from transforms.permits import UNREACHABLE, Permits, Robots, Users, host_key

STALE = timedelta(days=30)  # a robots.txt this much older than the collecting does not speak for it
_HINT_BYTES = 1 << 16
_T = TypeVar("_T")
_PARSED = ("collection_record", "robots", "authorisation", "withdrawals")
_USER_COLUMNS = ("user", "user_hash", "user_id")
# Data sets that are lists of addresses: what they lead to is collected by whoever follows them (5.1 c 1).
_LINK_ONLY = re.compile(
    r"\blaion[-_ ]?(?:\d|coco|face|aesthetics|multi|art|high)|\bcoyo[-_ ]?700m|\bdatacomp[-_ ](?:1b|small|medium|large|xlarge)|"
    r"\bcc12m\b|conceptual[-_ ]captions|index(?:es)?\s+to\s+the\s+internet|"
    r"\b(?:only|merely|just)\s+(?:provides?|contains?|distributes?|releases?|lists?)\s[^.]{0,40}\b(?:urls?|links?)\b|"
    r"\b(?:provides?|contains?|distributes?|releases?)\s+only\s[^.]{0,40}\b(?:urls?|links?)\b|"
    r"[仅只](?:提供|包含|发布|收录)[^。]{0,12}(?:链接|网址|URL)",
    re.IGNORECASE,
)


class Unusable(ValueError):  # noqa: N818 - reads as what happened
    """A file of evidence cannot be used; says what is wrong and what to do."""


@dataclass(frozen=True)
class Gathered:
    """What the files of a source say, and what judges its documents."""

    facts: Facts
    robots: Robots | None = None
    users: Users | None = None

    def permits(self, source: SourceRecord, policy: Policy) -> Permits:
        """What lets the source's documents in, under the policy."""
        excluding = frozenset(policy.provenance.exclude)
        return Permits(bool(declared_bars(source) & excluding), self.robots, self.users, excluding)


def declared_bars(source: SourceRecord) -> frozenset[str]:
    """What the record itself says against training on the source."""
    evidence = source.evidence
    bars = {
        "no_legality_proof": getattr(evidence, "legality_proof", None) == "none",
        "terms_forbid_training": getattr(evidence, "terms_allow_training", None) == "no",
    }
    return frozenset(name for name, applies in bars.items() if applies)


def gather(source: SourceRecord, base: Path) -> tuple[Gathered, list[tuple[str, str]]]:
    """Reads all files the source names, relative to `base`; problems as (key of the evidence, what to do)."""
    problems: list[tuple[str, str]] = []
    contents: dict[str, _Content] = {}
    for key, name in source.files().items():
        try:
            contents[key] = _Content(base, name, key)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            problems.append((key, _absent(base / name, error, key)))

    def attempt(key: str, parse: Callable[[_Content], _T]) -> _T | None:
        try:
            return parse(contents[key]) if key in contents else None
        except Unusable as error:
            problems.append((key, f"{contents[key].path}: {error}"))
            return None

    collection = attempt("collection_record", _collection)
    robots, robots_facts = attempt("robots", lambda file: _robots(file, source, collection or Collection())) or (
        None,
        None,
    )
    grants = attempt("authorisation", lambda file: list(_users(file, "granted_at")))
    withdrawals = attempt("withdrawals", lambda file: list(_users(file, "withdrawn_at")))
    users, user_facts = (
        _in_force(grants, withdrawals) if {"authorisation", "withdrawals"} & contents.keys() else (None, None)
    )
    facts = Facts(
        files=tuple(
            FileFact(key=key, file=content.name, sha256=content.sha256, bytes=content.size)
            for key, content in contents.items()
        ),
        collection=collection,
        robots=robots_facts,
        users=user_facts,
        link_hint=_link_hint(source, contents) if source.kind == "open" else None,
    )
    return Gathered(facts, robots, users if source.fields.user else None), problems


def dates_to_come(source: SourceRecord, facts: Facts, today: date) -> Iterator[tuple[str, str]]:
    """Days of collecting and obtaining after the day of the audit, as (key of the evidence, what to do).

    By them the ages of persons are told: one to come would make children grown.
    """
    collected = facts.collection.fetched_from if facts.collection else None
    for key, name, day in (
        ("collection_record", "fetched_from", collected),
        ("obtained_at", "obtained_at", source.evidence.obtained_at),
    ):
        if day is not None and day > today:
            yield (
                key,
                f"{name}: {day} 在评估日 {today} 之后，请改正 / is after the day of the audit, {today}: correct it, or audit_date",
            )


def changed_files(source: SourceRecord, facts: Facts, base: Path) -> Iterator[str]:
    """The files that are no longer what they were when the run began."""
    for fact in facts.files:
        try:
            if _Content(base, fact.file, fact.key).sha256 == fact.sha256:
                continue
            what = "在运行期间被改动 / changed while the run was under way"
        except OSError:
            what = "在运行期间消失 / disappeared while the run was under way"
        yield (
            f"来源 {source.id} / source {source.id}: {'.'.join(place_of(fact.key))}: {base / fact.file}: {what}; "
            f"未发布任何结果，请恢复或定稿后重新运行 / nothing was published: restore or settle the file and run again"
        )


def place_of(key: str) -> tuple[str, str]:
    """Where a source record names the file of that key."""
    return ("personal_info", "record") if key == BASIS_RECORD else ("evidence", key)


class _Content:
    """A file of evidence, or a folder of them: what is parsed as a whole, of the others the beginning."""

    def __init__(self, base: Path, name: str, key: str) -> None:
        self.name = name
        self.path = base / name
        if key not in _PARSED:
            with self.path.open("rb") as file:
                self.parts = {self.path.name: file.read(_HINT_BYTES)}
                file.seek(0)
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                self.size = file.tell()
            return
        if key == "robots" and self.path.is_dir():
            places = sorted(p for p in self.path.rglob("*") if p.is_file() and not p.name.startswith("."))
            self.parts = {p.relative_to(self.path).as_posix(): p.read_bytes() for p in places}
            self.sha256 = listing_digest((part, hashlib.sha256(data).hexdigest()) for part, data in self.parts.items())
        else:
            self.parts = {self.path.name: self.path.read_bytes()}
            self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.size = sum(map(len, self.parts.values()))

    @property
    def data(self) -> bytes:
        """The bytes of a single file."""
        return next(iter(self.parts.values()), b"")

    def text(self) -> str:
        """As UTF-8; raises Unusable."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unusable(f"不是 UTF-8 / not UTF-8 at byte {error.start}: save it as UTF-8") from None


def listing_digest(parts: Iterable[tuple[str, str]]) -> str:
    """The digest of a folder: of the names of its files, in order, each with its digest."""
    return hashlib.sha256(json.dumps([list(part) for part in parts]).encode()).hexdigest()


def _absent(path: Path, error: OSError | ValueError, key: str) -> str:
    remedy = "放回该文件，或删去此键（未申报只会记为缺少） / put it there, or remove the key: what is not declared is only named as missing"
    if key == BASIS_RECORD:
        remedy = "放回该文件，或删去此键（条款即为待补充） / put it there, or remove the key: the clauses will then want evidence"
    if isinstance(error, FileNotFoundError):
        return f"没有这个文件 / no such file: {path}: {remedy}"
    if isinstance(error, IsADirectoryError):
        return f"是文件夹，应为文件 / is a folder: name a file: {path}"
    return f"读不了 / cannot be read: {path}: {getattr(error, 'strerror', None) or error}"


def _collection(content: _Content) -> Collection:
    try:
        record, _ = parse_yaml(content.text(), content.name)  # JSON is YAML
        return Collection.model_validate(record)
    except DocumentError as error:
        raise Unusable("; ".join(error.problems)) from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise Unusable(
            f"采集记录应含 crawler、user_agent、fetched_from、fetched_to（日期） / a collection record is a mapping with crawler, "
            f"user_agent, fetched_from, fetched_to (dates): {wrong}"
        ) from None


def _json_lines(content: _Content) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.text().split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise Unusable(f"第 {number} 行不是 JSON / line {number} is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise Unusable(f"第 {number} 行应为对象 / line {number} should be an object")
            yield number, row


@dataclass(frozen=True)
class _Snapshot:
    """A robots.txt: when it was taken, and what it says."""

    day: date | None
    body: str


def _robots(content: _Content, source: SourceRecord, collection: Collection) -> tuple[Robots, RobotsFacts]:
    found: dict[str, list[_Snapshot]] = {}
    lines = content.path.suffix.lower() in (".jsonl", ".ndjson") and content.path.is_file()
    for host, snapshot in _snapshot_lines(content) if lines else _snapshot_files(content):
        found.setdefault(host, []).append(snapshot)
    chosen, stale, late = {}, 0, 0
    for host, snapshots in found.items():
        bodies, is_stale, is_late = _of_the_time(snapshots, collection.fetched_from, collection.fetched_to)
        chosen[host], stale, late = bodies, stale + is_stale, late + is_late
    agents = getattr(source.evidence, "user_agent", ()) or ((collection.user_agent,) if collection.user_agent else ())
    robots = Robots(chosen, agents)
    return robots, RobotsFacts(hosts=len(chosen), stale=stale, late=late, agents=robots.agents)


def _snapshot_lines(content: _Content) -> Iterator[tuple[str, _Snapshot]]:
    for number, row in _json_lines(content):
        host = host_key(row["host"]) if isinstance(row.get("host"), str) else None
        status, body = row.get("status", 200), row.get("body")
        if host is None or not isinstance(status, int | None) or not isinstance(body, str | None):
            raise Unusable(
                f"第 {number} 行应含 host、fetched_at、status、body / line {number} should have host, fetched_at, status, body"
            )
        said = _said(status, body)
        if said is not None:
            moment = _moment(row.get("fetched_at"), number, "fetched_at")
            yield host, _Snapshot(moment.date() if moment else None, said)


def _said(status: int | None, body: str | None) -> str | None:
    """What an answer means by RFC 9309: 4xx allows everything, 5xx and 429 nothing; None where it says nothing."""
    if status is None or 200 <= status < 300:
        return body
    if status == 429 or status >= 500:
        return UNREACHABLE
    return "" if 400 <= status < 500 else None


def _snapshot_files(content: _Content) -> Iterator[tuple[str, _Snapshot]]:
    """`<host>.txt`, `<host>_<port>.txt` or `<host>/robots.txt`."""
    for name, data in content.parts.items():
        folder, _, file = name.rpartition("/")
        place = folder.rpartition("/")[2] if file == "robots.txt" and folder else file.removesuffix(".txt")
        host = host_key(re.sub(r"_(\d+)$", r":\1", place)) if file.endswith(".txt") else None
        if host is None or (file == "robots.txt" and not folder):
            raise Unusable(
                f"{name}: 快照应名为 <主机>.txt 或 <主机>/robots.txt / snapshots are named <host>.txt or <host>/robots.txt"
            )
        yield host, _Snapshot(None, data.decode("utf-8-sig", "replace"))


def _of_the_time(
    snapshots: list[_Snapshot], start: date | None, end: date | None
) -> tuple[tuple[str, ...], bool, bool]:
    """The bodies that speak for the time of collecting: all from within, and the last before; and whether there are
    only much older ones, or only later ones (the first of which is taken)."""
    undated = [s.body for s in snapshots if s.day is None]
    dated = sorted(((s.day, s.body) for s in snapshots if s.day is not None), key=lambda item: item[0])
    if start is None or end is None:
        return tuple(dict.fromkeys([*undated, *(body for _, body in dated)])), False, False
    within = [body for day, body in dated if start <= day <= end]
    before = [(day, body) for day, body in dated if day < start][-1:]
    after = [body for day, body in dated if day > end][:1]
    relevant = [*undated, *(body for _, body in before), *within]
    stale = bool(before) and not within and not undated and start - before[0][0] > STALE
    return tuple(dict.fromkeys(relevant or after)), stale, not relevant


def _moment(value: Any, number: int, key: str) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unusable(
            f"第 {number} 行 {key} 不是日期时间 / line {number}: {key} is no date or time (ISO 8601): {value!r}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class _Entry:
    """One authorisation or withdrawal."""

    user: bytes
    moment: datetime | None
    version: str | None


def _users(content: _Content, when: str) -> Iterator[_Entry]:
    for number, row in _user_rows(content):
        user = next((row[name] for name in _USER_COLUMNS if row.get(name) not in (None, "")), None)
        if isinstance(user, bool) or not isinstance(user, str | int):
            raise Unusable(
                f"第 {number} 行没有使用者（{'、'.join(_USER_COLUMNS)} 之一） / line {number} names no user in one of {', '.join(_USER_COLUMNS)}"
            )
        version = row.get("agreement_version")
        yield _Entry(user_hash(str(user)), _moment(row.get(when), number, when), str(version) if version else None)


def _user_rows(content: _Content) -> Iterator[tuple[int, dict[str, Any]]]:
    if content.path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _json_lines(content)
        return
    reader = csv.DictReader(io.StringIO(content.text(), newline=""))
    if reader.fieldnames is not None and not set(_USER_COLUMNS) & set(reader.fieldnames):
        raise Unusable(
            f"表头没有 {'、'.join(_USER_COLUMNS)} 之一 / the header names none of {', '.join(_USER_COLUMNS)}: CSV with a header, or .jsonl"
        )
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise Unusable(f"第 {reader.line_num} 行 / line {reader.line_num}: {error}") from None


def _in_force(grants: list[_Entry] | None, withdrawals: list[_Entry] | None) -> tuple[Users, UserFacts]:
    """Who is authorised. A withdrawal holds unless a later authorisation is dated after it."""
    latest: dict[bytes, datetime | None] = {}
    for entry in grants or ():
        known = latest.get(entry.user)
        latest[entry.user] = max(filter(None, (known, entry.moment)), default=None)
    withdrawn = set()
    for entry in withdrawals or ():
        granted = latest.get(entry.user)
        if granted is None or entry.moment is None or granted <= entry.moment:
            withdrawn.add(entry.user)
    authorised = frozenset(latest) - withdrawn
    users = Users(None if grants is None else authorised, frozenset(withdrawn))
    return users, UserFacts(
        authorised=len(authorised),
        withdrawn=len(withdrawn),
        without_version=sum(entry.version is None for entry in grants or ()),
    )


def _link_hint(source: SourceRecord, contents: dict[str, _Content]) -> str | None:
    """Words that say that a data set holds links and not texts, and where they stand."""
    places = {"name": source.name, "evidence.url": getattr(source.evidence, "url", None) or ""}
    for key in ("licence_file", "readme"):
        if key in contents:
            places[f"evidence.{key}"] = contents[key].data.decode("utf-8", "replace")
    for place, text in places.items():
        found = _LINK_ONLY.search(text)
        if found:
            return f"{place}: {' '.join(found.group().split())}"
    return None
