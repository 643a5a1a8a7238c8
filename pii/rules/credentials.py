"""Secrets that give access: passwords, keys, tokens; and wallets of cryptocurrencies."""

import base64
import binascii
import json
import re
from string import ascii_letters, digits

from pii.rule import CONTEXTUAL, REJECTED, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.rules.accounts import any_case
from pii.surroundings import before, behind
from pii.wallets import is_base58check, is_checksummed, is_segwit

_ALNUM = digits + ascii_letters
_URL_SAFE = wide(_ALNUM + "_-")

# What manuals print in the place of a secret.
_PLACEHOLDER = re.compile(
    r"(?ai:example|sample|dummy|placeholder|change.?me|changeit|your|my_?(?:secret|pass|key|token)|x{3,}|\.{3}|todo|redacted"
    r"|test|demo|fake|mock|insert|replace|none|null|undefined|foobar|secret|password|passwd|token|string|username|default)"
)
_STARS = re.compile(r"[*#•xX]{3,}")


def _kinds(value: str) -> int:
    """How many kinds of characters a value mixes: small, capital, digit, other."""
    return sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^0-9A-Za-z]"))


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
        return VALIDATED if len(set(body)) >= 12 and _kinds(body) == 2 else REJECTED
    if _STARS.search(body) or not _is_random(body):
        return REJECTED
    if value.startswith(("sk-", "xox")) and not re.search(r"[0-9A-Za-z]{10}", body):
        return REJECTED  # class names like sk-three-bounce
    return WEAK if _PLACEHOLDER.search(body) else VALIDATED


def _check_jwt(text: str, start: int, end: int) -> float:
    head = text[start:end].split(".", maxsplit=1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return REJECTED
    return VALIDATED if isinstance(header, dict) and "alg" in header else REJECTED


def _check_private_key(text: str, start: int, end: int) -> float:
    body = re.split(r"-----", text[start:end])[2]
    return VALIDATED if _is_random(body) and len(re.sub(r"[^0-9A-Za-z+/]", "", body)) >= 40 else WEAK


def _check_bearer(text: str, start: int, end: int) -> float:
    value = text[start:end]
    return REJECTED if _PLACEHOLDER.search(value) or not _is_random(value) else CONTEXTUAL


# Passwords beside their names

_HAN_NAMES = "密码|口令|密钥|秘钥|私钥|登录码|授权码"
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|psw|(?:[a-z]{1,12}[_-]?)?(?:secret|password|passwd|pwd)(?:[_-]?key)?"
    r"|(?:api|access|secret|private|auth|app|client|encryption|account)[_-]?(?:key|token|secret)(?:[_-]?(?:id|secret))?|token"
)
_SIGN = r"[\"'”]?[ \t]{0,2}(?:[:=]|=>|:=|是:?|为:?|改为|设为|(?ai:is))[ \t]{0,2}"
_VALUE_CHARS = r"0-9A-Za-z!@#$%^&*_+~?./-"
_PATH = re.compile(r"[./~]{1,2}[A-Za-z]|[A-Za-z]:/|(?ai:https?|www\.)|[0-9]+(?:\.[0-9]+)+\Z")
_WORDS = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[._/-](?:[A-Z]?[a-z]+|[A-Z]+))*[0-9]?\Z|(?:[a-z]+[A-Z]?)+[0-9]?\Z")
_CODE_BEHIND = re.compile(r"[(\[{<]|[ \t]*(?:=>?|:)(?!/)")


def _check_password(text: str, start: int, end: int) -> float:
    """CONTEXTUAL: named, and nothing anyone would write but as a secret. Types, variables, words, samples are none."""
    value, after = text[start:end], behind(text, end)
    ahead = before(text, start)
    quoted = ahead[-1:] in ("'", '"', "`", "“", "‘") and after[:1] in ("'", '"', "`", "”", "’")
    han = bool(re.search(rf"(?:{_HAN_NAMES})[^0-9A-Za-z]{{0,8}}\Z", ahead))
    if _STARS.search(value) or _PLACEHOLDER.search(value) or _PATH.match(value):
        return REJECTED
    if _CODE_BEHIND.match(after) or value.startswith(("$", "%", "@", "&", "--", "#")) or re.search(r"->|::", value):
        return REJECTED
    if not re.search(r"[0-9]", value):
        return REJECTED if _kinds(value) < 3 or not (quoted or han) or re.search(r"[._/-]", value) else CONTEXTUAL
    if value.isdigit():
        return (
            CONTEXTUAL if han and 6 <= len(value) <= 12 and not re.match(r"[ ]?[位个年月次元人]", after) else REJECTED
        )
    if len(set(value)) < 4:
        return REJECTED
    if _WORDS.match(value) and not han:
        return REJECTED
    if han:
        return REJECTED if re.search(r"[./]", value) and not re.search(r"[!@#$%^&*]", value) else CONTEXTUAL
    if quoted:
        return CONTEXTUAL if _kinds(value) >= 3 or (len(value) >= 8 and not re.search(r"[./]", value)) else REJECTED
    strong = _kinds(value) >= 3 and not re.search(r"[./_-]", value)
    return CONTEXTUAL if strong and len(value) >= 8 else REJECTED


_COMMON_LOGINS = frozenset(
    ("pass", "pwd", "guest", "root", "admin", "postgres", "mysql", "user", "123456", "1234", "pw")
)


def _check_url_password(text: str, start: int, end: int) -> float:
    value = text[start:end]
    if re.search(r"[{}<>$%()\[\]]|\*{2}", value) or value.lower() in _COMMON_LOGINS:
        return REJECTED
    host = behind(text, end)[1:]
    placeholder = _PLACEHOLDER.search(value) or re.match(r"(?:localhost|127\.|example|host|<|\{|\$)", host)
    return WEAK if placeholder or not re.search(r"[^a-z]", value) else CONTEXTUAL


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
_QUOTE = wide("\"'`") + "|[”“‘’]"
_NAME_ANCHOR = "|".join(
    (
        _HAN_NAMES,
        *map(
            any_case, ["pass", "password", "passwd", "passphrase", "passcode", "pwd", "psw", "secret", "token", "key"]
        ),
        *(any_case(head) + wide("_-") + "?" + any_case(tail) for head in ("key", "token") for tail in ("id", "secret")),
    )
)
_BLANK = wide(" \t")
_VALUE_ANCHOR = wide(_ALNUM + "!@#$%^&*_+~?./-")

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
    Rule(  # of a longer block the head: what is left is no key
        "private_key",
        "CREDENTIAL",
        r"-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----(?:(?:\r?\n|(?:\\r)?\\n)[ \t]{0,8}[0-9A-Za-z+/]{16,76}={0,2}){1,24}"
        r"(?:(?:\r?\n|(?:\\r)?\\n)[ \t]{0,8}(?:[0-9A-Za-z+/]{1,15}={0,2}(?:\r?\n|(?:\\r)?\\n)[ \t]{0,8})?-----END [A-Z ]{0,12}PRIVATE KEY-----)?",
        rf"{''.join(map(wide, 'PRIVATE'))}{wide(' ')}{''.join(map(wide, 'KEY'))}{wide('-')}{{5}}(?:\r?\n|{wide(chr(92))}{wide('nr')})",
        _check_private_key,
        longest=2304,
    ),
    Rule(
        "bearer",
        "CREDENTIAL",
        r"(?<![0-9A-Za-z_])(?ai:bearer)[ ]{1,2}(?P<value>[0-9A-Za-z._~+/-]{20,600}={0,2})(?![0-9A-Za-z._~+/=-])",
        rf"{any_case('bearer')}{wide(' ')}{{1,2}}{wide(_ALNUM + '._~+/-')}{{20}}",
        _check_bearer,
        longest=640,
    ),
    Rule(
        "password",
        "CREDENTIAL",
        rf"(?:(?:{_HAN_NAMES})(?:\(?(?:默认|初始)\)?)?|(?<![0-9A-Za-z])(?ai:{_NAMES})){_SIGN}[\"'`“‘「【]?"
        rf"(?P<value>[{_VALUE_CHARS}]{{5,63}}[0-9A-Za-z@#$%^&*_+~]={{0,2}})(?![{_VALUE_CHARS}=][0-9A-Za-z]|[0-9A-Za-z])",
        rf"(?:{_NAME_ANCHOR})(?:{wide('(')}?(?:默认|初始){wide(')')}?)?(?:{_QUOTE})?{_BLANK}{{0,2}}(?:{wide(':=')}{wide('=>')}?|改为|设为|[是为]{wide(':')}?|{any_case('is')})"
        rf"{_BLANK}{{0,2}}(?:{_QUOTE}|[「【])?{_VALUE_ANCHOR}{{6}}",
        _check_password,
        longest=112,
    ),
    Rule(
        "url_password",
        "CREDENTIAL",
        r"(?<![0-9A-Za-z+.-])[A-Za-z][0-9A-Za-z+.-]{1,15}://[0-9A-Za-z._%+~-]{1,32}:(?P<value>[0-9A-Za-z!#$%&*+.=?^_~-]{3,48})@(?=[0-9A-Za-z\[])",
        rf"{wide(':')}{wide('/')}{{2}}{wide(_ALNUM + '._%+~-')}{{1,32}}{wide(':')}{wide(_ALNUM + '!#$%&*+.=?^_~-')}{{3}}",
        _check_url_password,
        longest=112,
    ),
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
