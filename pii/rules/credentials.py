"""Secrets that give access: keys and tokens here, passwords in their own module; and wallets of cryptocurrencies."""

import base64
import binascii
import json
import re
from string import ascii_letters, digits

from pii.rule import CONTEXTUAL, REJECTED, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.rules import passwords
from pii.rules.passwords import PLACEHOLDER, STARS, kinds
from pii.surroundings import any_case
from pii.wallets import is_base58check, is_checksummed, is_segwit

_ALNUM = digits + ascii_letters
_URL_SAFE = wide(_ALNUM + "_-")


def _is_random(value: str) -> bool:
    """Whether a long key looks drawn by lot: digits among letters, and many different characters."""
    return bool(re.search("[0-9]", value) and re.search("[A-Za-z]", value)) and len(set(value)) >= min(
        10, len(value) // 2
    )


# Keys that carry their issuer's mark

_MARKED = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}|LTAI[0-9A-Za-z]{12,26}|AKID[0-9A-Za-z]{32}|gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{82}"
    r"|sk-(?:proj-|ant-|svcacct-|or-v1-)?[0-9A-Za-z_-]{20,180}|[sr]k_live_[0-9A-Za-z]{24,99}|xox[abeprs]-[0-9A-Za-z-]{10,90}"
    r"|AIza[0-9A-Za-z_-]{35}|gl(?:pat|dt|rt)-[0-9A-Za-z_-]{20,27}|hf_[A-Za-z]{34}|npm_[0-9A-Za-z]{36}|ya29\.[0-9A-Za-z_-]{40,200}"
    r"|SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"
)


def _check_marked(text: str, start: int, end: int) -> float:
    value = text[start:end]
    body = re.sub(r"\A(?:AKIA|ASIA|AKID|AIza|SG\.|ya29\.|[a-z]+_(?:pat_|live_)?|[a-z]+-)", "", value)
    if value.startswith("hf_"):
        return VALIDATED if len(set(body)) >= 12 and kinds(body) == 2 else REJECTED
    if STARS.search(body) or not _is_random(body):
        return REJECTED
    if value.startswith(("sk-", "xox")) and not re.search(r"[0-9A-Za-z]{10}", body):
        return REJECTED  # class names like sk-three-bounce
    return WEAK if PLACEHOLDER.search(body) else VALIDATED


def _check_jwt(text: str, start: int, end: int) -> float:
    head = text[start:end].split(".", maxsplit=1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return REJECTED
    return VALIDATED if isinstance(header, dict) and "alg" in header else REJECTED


_NL = r"(?:\r?\n|(?:\\r)?\\n)"  # or as strings of code write it


def _check_private_key(text: str, start: int, end: int) -> float:
    body = re.sub(r"(?:Proc-Type|DEK-Info):[^\n\\]*", "", re.split(r"-----", text[start:end])[2])
    return VALIDATED if _is_random(body) and len(re.sub(r"[^0-9A-Za-z+/]", "", body)) >= 40 else WEAK


def _check_bearer(text: str, start: int, end: int) -> float:
    value = text[start:end]
    return REJECTED if PLACEHOLDER.search(value) or not _is_random(value) else CONTEXTUAL


# Wallets

_WALLET_WORDS = (
    "钱包",
    "收款",
    "充值",
    "充币",
    "提币",
    "转账",
    "打款",
    "转到",
    "汇到",
    "以太坊",
    "usdt",
    "erc20",
    "wallet",
    "eth",
)


def _check_wallet(text: str, start: int, end: int) -> float:
    value = text[start:end]
    if value[0] in "13T":
        return VALIDATED if is_base58check(value) else REJECTED
    if value[:3].lower() == "bc1":
        return VALIDATED if is_segwit(value) else REJECTED
    if len(set(value[2:].lower())) < 8:
        return WEAK  # the zero address, 0xdeadbeef…
    if value[2:] in (value[2:].lower(), value[2:].upper()):
        return UNSURE
    return VALIDATED if is_checksummed(value) else REJECTED


_EDGE = "(?:^|[^0-9A-Za-z])"
_BASE58 = wide("".join(sorted(set(_ALNUM) - set("0OIl"))))

RULES: tuple[Rule, ...] = (
    Rule(
        "marked_key",
        "CREDENTIAL",
        rf"(?<![0-9A-Za-z_-])(?:{_MARKED})(?![0-9A-Za-z_-])",
        rf"(?:{wide('A')}{wide('KS')}{wide('I')}{wide('A')}|{wide('L')}{wide('T')}{wide('A')}{wide('I')}|{wide('A')}{wide('K')}{wide('I')}{wide('D')})"
        rf"{wide(_ALNUM)}{{6}}"
        rf"|{wide('g')}{wide('h')}{wide('pousr')}{wide('_')}{wide(_ALNUM)}{{8}}|{_EDGE}{wide('s')}{wide('k')}{wide('-')}{_URL_SAFE}{{14}}"
        rf"|{''.join(map(wide, 'github_pat_'))}|{wide('sr')}{''.join(map(wide, 'k_live_'))}{wide(_ALNUM)}{{4}}"
        rf"|{''.join(map(wide, 'xox'))}{wide('abeprs')}{wide('-')}{_URL_SAFE}{{4}}|{''.join(map(wide, 'AIza'))}{_URL_SAFE}{{8}}"
        rf"|{''.join(map(wide, 'gl'))}(?:{''.join(map(wide, 'pat'))}|{wide('dr')}{wide('t')}){wide('-')}{_URL_SAFE}{{8}}"
        rf"|{''.join(map(wide, 'hf_'))}{wide(ascii_letters)}{{12}}|{''.join(map(wide, 'npm_'))}{wide(_ALNUM)}{{12}}"
        rf"|{''.join(map(wide, 'ya29.'))}{_URL_SAFE}{{4}}|{''.join(map(wide, 'SG.'))}{_URL_SAFE}{{12}}",
        _check_marked,
        longest=256,
    ),
    Rule(
        "jwt",
        "CREDENTIAL",
        r"(?<![0-9A-Za-z_.-])eyJ[0-9A-Za-z_-]{8,300}\.eyJ[0-9A-Za-z_-]{8,1000}\.[0-9A-Za-z_-]{16,700}(?![0-9A-Za-z_-])",
        rf"{''.join(map(wide, 'eyJ'))}{_URL_SAFE}{{8}}",
        _check_jwt,
        longest=2048,
    ),
    Rule(  # the whole block of keys up to 4,096 bits; of a longer one the head, what is left is no key
        "private_key",
        "CREDENTIAL",
        rf"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----(?:{_NL}(?:Proc-Type|DEK-Info): [0-9A-Za-z,-]{{1,64}}){{0,2}}"
        rf"(?:{_NL}(?={_NL}))?(?:{_NL}[ \t]{{0,8}}[0-9A-Za-z+/]{{16,76}}={{0,2}}){{1,54}}"
        rf"(?:{_NL}[ \t]{{0,8}}(?:[0-9A-Za-z+/]{{1,15}}={{0,2}}{_NL}[ \t]{{0,8}})?-----END [A-Z ]{{0,12}}PRIVATE KEY-----)?",
        rf"{''.join(map(wide, 'PRIVATE'))}{wide(' ')}{''.join(map(wide, 'KEY'))}{wide('-')}{{5}}(?:\r?\n|{wide(chr(92))}{wide('nr')})",
        _check_private_key,
        longest=5376,
    ),
    Rule(
        "bearer",
        "CREDENTIAL",
        r"(?<![0-9A-Za-z_])(?ai:bearer)[ ]{1,2}(?P<value>[0-9A-Za-z._~+/-]{20,600}={0,2})(?![0-9A-Za-z._~+/=-])",
        rf"{any_case('bearer')}{wide(' ')}{{1,2}}{wide(_ALNUM + '._~+/-')}{{20}}",
        _check_bearer,
        longest=640,
    ),
    *passwords.RULES,
    Rule(
        "wallet",
        "CRYPTO_WALLET",
        r"(?<![0-9A-Za-z])(?:[13][1-9A-HJ-NP-Za-km-z]{25,33}|T[1-9A-HJ-NP-Za-km-z]{33}|bc1[02-9ac-hj-np-z]{11,71}"
        r"|BC1[02-9AC-HJ-NP-Z]{11,71}|0x[0-9A-Fa-f]{40})(?![0-9A-Za-z])",
        rf"{_EDGE}(?:{wide('13')}{_BASE58}{{20}}|{wide('T')}{_BASE58}{{20}}|{wide('bB')}{wide('cC')}{wide('1')}{wide(_ALNUM)}{{11}}"
        rf"|{wide('0')}{wide('x')}{wide(digits + 'abcdefABCDEF')}{{20}})",
        _check_wallet,
        _WALLET_WORDS,
        mandatory=True,
        longest=80,
    ),
)
