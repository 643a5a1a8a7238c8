"""Accounts of a round: names, roles, until when somebody is qualified, secrets."""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from review.events import append, iso
from review.refusal import NOT_ALLOWED, NOT_FOUND, TAKEN, WRONG, Refused
from rounds.tables import ADJUDICATION, FIRST, SECOND

ANNOTATOR, SECOND_READER, ADJUDICATOR, LEAD, AUDITOR = ROLES = ("annotator", "second", "adjudicator", "lead", "auditor")
ROLE_OF = {FIRST: ANNOTATOR, SECOND: SECOND_READER, ADJUDICATION: ADJUDICATOR}

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is mistaken for something else on paper
_GROUPS, _GROUP = 5, 5  # 25 signs of 31: 123 bits
_COST, _BLOCK, _LANES = 2**14, 8, 1
_NAME = 64


@dataclass(frozen=True)
class Person:
    """Somebody with an account in the round. `qualified_until` is the last day (ISO, UTC) they may judge."""

    name: str
    roles: tuple[str, ...]
    active: bool
    qualified_until: str | None

    def why_not(self, reading: str, now: float) -> Refused | None:
        """Why this person cannot judge in that reading now, if so."""
        if not self.active:
            return Refused("账号已停用", "the account is switched off", NOT_ALLOWED)
        if ROLE_OF.get(reading) not in self.roles:
            return Refused(f"没有此项角色: {reading}", f"not a role of yours: {reading}", NOT_ALLOWED)
        if self.qualified_until is not None and iso(now)[:10] > self.qualified_until:
            return Refused(
                f"上岗资格已于 {self.qualified_until} 到期，复训考核后由负责人更新",
                f"the qualification ended on {self.qualified_until}; the lead renews it after retraining",
                NOT_ALLOWED,
            )
        return None

    def readings(self, now: float) -> list[str]:
        """The readings this person may do now."""
        return [reading for reading in ROLE_OF if self.why_not(reading, now) is None]


def people(connection: sqlite3.Connection) -> list[Person]:
    """All accounts, by name."""
    return [_person(row) for row in connection.execute("SELECT * FROM people ORDER BY name")]


def find_person(connection: sqlite3.Connection, name: str) -> Person:
    """An account. Raises Refused."""
    row = connection.execute("SELECT * FROM people WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise Refused(f"{name}: 没有这个账号", f"{name}: there is no such account", NOT_FOUND)
    return _person(row)


def add_person(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    roles: Sequence[str],
    by: str,
    qualified_until: str | None = None,
) -> str:
    """Makes an account and returns its secret, which is kept nowhere. Raises Refused."""
    name = _checked_name(name)
    chosen = _checked_roles(roles)
    until = _checked_day(qualified_until)
    folded = unicodedata.normalize("NFKC", name).casefold()
    if connection.execute("SELECT 1 FROM people WHERE folded = ?", (folded,)).fetchone():
        raise Refused(f"{name}: 已有同名账号", f"{name}: an account of that name is there already", TAKEN)
    secret = new_secret()
    connection.execute(
        "INSERT INTO people VALUES (?, ?, ?, ?, 1, ?)", (name, folded, json.dumps(chosen), hashed(secret), until)
    )
    append(connection, now, "person_added", name=name, roles=list(chosen), qualified_until=until, by=by)
    return secret


def copy_people(
    connection: sqlite3.Connection, now: float, earlier: sqlite3.Connection, earlier_round: str, by: str
) -> list[str]:
    """Takes over the active accounts of another round with their secrets; names that are here already stay as they are."""
    taken = []
    for row in earlier.execute("SELECT * FROM people WHERE active ORDER BY name"):
        new = connection.execute("INSERT OR IGNORE INTO people VALUES (?, ?, ?, ?, ?, ?)", tuple(row)).rowcount
        if new:
            found = _person(row)
            told = {"roles": list(found.roles), "qualified_until": found.qualified_until, "copied_from": earlier_round}
            append(connection, now, "person_added", name=found.name, by=by, **told)
            taken.append(found.name)
    return taken


def set_roles(
    connection: sqlite3.Connection,
    now: float,
    name: str,
    roles: Sequence[str],
    by: str,
    qualified_until: str | None = None,
) -> None:
    """Gives an account other roles and, where given, another end of its qualification. It is active again."""
    found = find_person(connection, name)
    chosen = _checked_roles(roles)
    until = _checked_day(qualified_until) or found.qualified_until
    connection.execute(
        "UPDATE people SET roles = ?, active = 1, qualified_until = ? WHERE name = ?", (json.dumps(chosen), until, name)
    )
    append(connection, now, "roles_set", name=name, roles=list(chosen), qualified_until=until, by=by)


def deactivate(connection: sqlite3.Connection, now: float, name: str, by: str) -> None:
    """Switches an account off: its sessions end and what it held is free. Its decisions stand."""
    find_person(connection, name)
    connection.execute("UPDATE people SET active = 0 WHERE name = ?", (name,))
    connection.execute("DELETE FROM sessions WHERE person = ?", (name,))
    connection.execute("DELETE FROM leases WHERE person = ?", (name,))
    append(connection, now, "person_off", name=name, by=by)


def renew_secret(connection: sqlite3.Connection, now: float, name: str, by: str) -> str:
    """A new secret for an account; its sessions end."""
    find_person(connection, name)
    secret = new_secret()
    connection.execute("UPDATE people SET secret = ? WHERE name = ?", (hashed(secret), name))
    connection.execute("DELETE FROM sessions WHERE person = ?", (name,))
    append(connection, now, "secret_renewed", name=name, by=by)
    return secret


def new_secret() -> str:
    """A random secret people can type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def hashed(secret: str, salt: bytes | None = None) -> str:
    """scrypt of a secret with its salt, as it is kept."""
    salt = salt or secrets.token_bytes(16)
    key = hashlib.scrypt(secret.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=32)
    return f"scrypt${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def is_secret(secret: str, kept: str) -> bool:
    """Whether it is the secret that was kept as `kept`."""
    return hmac.compare_digest(hashed(secret, base64.b64decode(kept.split("$")[1])), kept)


def _person(row: sqlite3.Row) -> Person:
    return Person(row["name"], tuple(json.loads(row["roles"])), bool(row["active"]), row["qualified_until"])


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name.strip())
    if not 1 <= len(name) <= _NAME or not name.isprintable():
        raise Refused(f"姓名应为 1–{_NAME} 个可见字符", f"a name has 1–{_NAME} visible characters", WRONG)
    return name


def _checked_roles(roles: Sequence[str]) -> tuple[str, ...]:
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise Refused(f"角色应为 {'、'.join(ROLES)}", f"roles are {', '.join(ROLES)}", WRONG)
    if AUDITOR in roles and len(set(roles)) > 1:
        raise Refused("审计只读，不兼其他角色", "an auditor only reads and has no other role", WRONG)
    return tuple(role for role in ROLES if role in roles)


def _checked_day(day: str | None) -> str | None:
    if day is None or not day.strip():
        return None
    try:
        return date.fromisoformat(day.strip()).isoformat()
    except ValueError:
        raise Refused(f"{day!r}: 日期应为 2027-06-30 的形式", f"{day!r}: a date is written 2027-06-30", WRONG) from None
