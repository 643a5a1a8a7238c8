"""The rules that find personal information in Chinese text: patterns, check digits, look-alikes, masks.

Presidio ships no Chinese recognizer, and its own for addresses and cards rely on `\\b`, which fails next to Han. The
rules here use ASCII look-arounds and `[0-9]`, on text folded 1:1 to ASCII width, so offsets stay those of the original.
They must stay *local*, the windows of transforms/pii.py depend on it: a match is no longer than `MAX_IDENTIFIER`
(an address: `MAX_EMAIL`), what its grade reads lies within `LOOK_BEHIND` and `LOOK_AHEAD` characters of it, and two
matches of one rule never overlap whatever the text around them.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.metadata import version
from string import ascii_letters, digits

from transforms.excerpt import mask_identifiers

# Scores as Presidio understands them; 0 is its own word for a match that failed validation.
REJECTED, WEAK, UNSURE, CONTEXTUAL, VALIDATED = 0.0, 0.2, 0.3, 0.6, 1.0
LOOK_BEHIND, LOOK_AHEAD = 24, 12
MAX_IDENTIFIER, MAX_EMAIL = 48, 664

FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
FOLD.update({ord(char): ord(" ") for char in "\u00a0\u3000"})
FOLD.update({ord(char): ord("-") for char in "\u2010\u2011\u2012\u2013\u2212"})


def wide(chars: str) -> str:
    """A character class (Python and RE2) of all that folds onto one of `chars`: anchors match the text as it is."""
    members = set(chars) | {chr(code) for code, folded in FOLD.items() if chr(folded) in chars}
    return "[" + "".join(re.escape(char) for char in sorted(members)) + "]"


_D, _H, _W = wide(digits), wide(digits + "abcdefABCDEF"), wide(digits + ascii_letters + "_")
_S, _DOT, _COLON, _F = wide(" -"), wide("."), wide(":"), wide("fF")

Check = Callable[[str, int, int], float]


@dataclass(frozen=True)
class Rule:
    """One kind of identifier.

    `pattern` runs on folded text. `anchor` runs on the raw text, in RE2 and in Python, and must match inside whatever
    `pattern` can match: the gate skips documents without it. `check` scores the match `text[start:end]`; a word of
    `context` nearby lifts UNSURE to CONTEXTUAL.
    """

    name: str
    entity: str
    pattern: str
    anchor: str
    check: Check
    mask: Callable[[str], str]
    context: tuple[str, ...]


# Shop and machine numbers look like personal ones; the characters before them tell.
_ORDER = re.compile(
    r"(?:订单|单号|流水号|运单|快递|批号|条码|序列号|工单|票号|(?<![A-Za-z])(?ai:order|serial|sn|no))[^0-9A-Za-z]{0,5}\Z"
)
_TAINTED = re.compile(r"(?:[/=#^_]|= |[0-9][ -])\Z")  # URL parts, assignments, powers, groups of a longer number
_LABEL = re.compile(r"(?<![A-Za-z])(?ai:tel|phone|mobile|mob|cell|call|vx|wx|wechat|weixin|qq)\Z")
_QUANTITY = re.compile(r" ?(?:[元万亿%‰]|[美日欧港]元|块钱|字节|个(?!人)|次(?!日)|(?ai:bytes?|ms|px)(?![A-Za-z]))")
_VERSION = re.compile(
    r"(?:版本?[^0-9]{0,6}|(?<![A-Za-z])(?ai:v|ver|version|release|rev)[^0-9A-Za-z]{0,4}|[A-Za-z]/|[0-9A-Za-z][-_])\Z"
)
_IP_LABEL = re.compile(r"(?<![A-Za-z])(?ai:ip|ipv4|addr|address|host|server|dns)\Z")
_USER_INFO = re.compile(r"://[^/?\s]*\Z")  # scheme://user:password@host is no mailbox


def _before(text: str, start: int) -> str:
    return text[max(0, start - LOOK_BEHIND) : start]


def _number(text: str, start: int, end: int) -> str:
    return re.sub(r"[ -]", "", text[start:end])


def _glued(before: str) -> bool:
    return bool(re.search(r"[A-Za-z_]\Z", before))


_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83, 91)
)


def id_check_digit(body: str) -> str:
    """The 18th character of a resident identity number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def luhn(number: str) -> bool:
    """Whether the last digit is the check digit of ISO/IEC 7812-1."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return (doubled + sum(int(digit) for digit in number[-1::-2])) % 10 == 0


def _check_id(text: str, start: int, end: int) -> float:
    number = _number(text, start, end).upper()
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return REJECTED
    if int(number[:2]) not in _PROVINCES or id_check_digit(number[:17]) != number[17]:
        return REJECTED
    before = _before(text, start)
    return UNSURE if _glued(before) or _ORDER.search(before) else VALIDATED


# Issuer prefixes and the lengths they come in: UnionPay and older domestic ranges, then the international schemes.
_ISSUERS = re.compile(
    r"62[0-9]{14,17}|(?:60|955[89]|4367|4563)[0-9]{12,17}|4[0-9]{15}|5[1-5][0-9]{14}|3[47][0-9]{13}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}|6[45][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
)


def _check_card(text: str, start: int, end: int) -> float:
    number = _number(text, start, end)
    if not _ISSUERS.fullmatch(number) or not 15 <= len(number) <= 19 or len(set(number)) <= 2 or not luhn(number):
        return REJECTED
    before = _before(text, start)
    return UNSURE if _glued(before) or _TAINTED.search(before) or _ORDER.search(before) else VALIDATED


def _check_mobile(text: str, start: int, end: int) -> float:
    """VALIDATED: a segment in use and clean edges (there is no check digit to ask for). UNSURE: order-like edges."""
    before, after = _before(text, start), text[end : end + LOOK_AHEAD]
    if _QUANTITY.match(after):
        return REJECTED
    if _glued(before):
        return CONTEXTUAL if _LABEL.search(before) else REJECTED
    bare_prefix = re.match(r"86[0-9]", text[start:end])
    grouped = re.search(r"[0-9][ -][0-9]{4}\Z", text[start:end])
    if bare_prefix or _TAINTED.search(before) or _ORDER.search(before) or re.match(r"-[0-9]", after):
        return UNSURE
    return UNSURE if grouped and re.match(r" [0-9]", after) else VALIDATED


@lru_cache(maxsize=1)
def _top_level_domains() -> frozenset[str]:
    from tldextract import TLDExtract

    # the list inside the package: neither network nor cache directory
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None).tlds
    return frozenset(suffix.rsplit(".", 1)[-1] for suffix in suffixes)


_PLACEHOLDERS = frozenset(("example", "test", "sample", "domain", "yourdomain", "mydomain", "yourcompany", "localhost"))
_MACHINES = frozenset(("git", "svn", "hg", "noreply", "no-reply", "donotreply"))
_FILE_SUFFIXES = frozenset(("py", "sh", "md", "rs", "so", "ps", "pl", "cc", "zip", "mov"))


def _check_email(text: str, start: int, end: int) -> float:
    local, _, domain = text[start:end].lower().rpartition("@")
    labels = domain.split(".")
    if len(local) > 64 or len(domain) > 253 or labels[-1] not in _top_level_domains():
        return REJECTED
    if re.fullmatch(r"[1-9]x", labels[0]):  # logo@2x.ai
        return REJECTED
    file_like = len(labels) == 2 and labels[1] in _FILE_SUFFIXES
    if file_like or local in _MACHINES or not _PLACEHOLDERS.isdisjoint(labels):
        return WEAK
    return WEAK if _USER_INFO.search(_before(text, start)) else VALIDATED


# Written out rather than asked of `ipaddress`, whose answer changes between Python's patch releases.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return not any(address.version == network.version and address in network for network in _NOT_PUBLIC)


def _check_ipv4(text: str, start: int, end: int) -> float:
    before = _before(text, start)
    if _glued(before) and not (_IP_LABEL.search(before) or _VERSION.search(before)):
        return REJECTED
    found = text[start:end]
    if not _is_public(ipaddress.IPv4Address(found)) or found.endswith(".0.0"):
        return WEAK
    if max(map(int, found.split("."))) < 32:  # section 9.2.2.3, release 2.7.1.5: one real address in 4,096 looks so
        return UNSURE
    return UNSURE if _VERSION.search(before) or re.match(r"[-+][0-9A-Za-z]", text[end : end + 2]) else VALIDATED


def _check_ipv6(text: str, start: int, end: int) -> float:
    try:
        address = ipaddress.IPv6Address(text[start:end])
    except ValueError:
        return REJECTED
    return VALIDATED if _is_public(address.ipv4_mapped or address) else WEAK


def _mask_mobile(found: str) -> str:
    number = re.sub(r"[^0-9]", "", found)
    return f"{number[-11:-8]}****{number[-4:]}"


def _mask_id(found: str) -> str:
    return f"{found[:3]}*************{found[-2:].upper()}"


def _mask_card(found: str) -> str:
    return "************" + re.sub(r"[ -]", "", found)[-4:]


def _mask_email(found: str) -> str:
    local, _, domain = found.rpartition("@")
    return f"{local[:1]}***@{mask_identifiers(domain)}"


def _mask_ip(found: str) -> str:
    address = ipaddress.ip_address(found)
    if isinstance(address, ipaddress.IPv4Address):
        return ".".join(found.split(".")[:2]) + ".*.*"
    first, second, *_ = address.exploded.split(":")
    return f"{int(first, 16):x}:{int(second, 16):x}:*:*"


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"

RULES = (
    Rule(
        "email",
        "EMAIL",
        r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z_][.%+-])[0-9A-Za-z_](?:[.%+-]?[0-9A-Za-z_]){0,63}"
        r"@(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.){1,8}[A-Za-z]{2,24}(?![0-9A-Za-z_@]|[.-][0-9A-Za-z])",
        rf"{_W}{wide('@')}{wide(digits + ascii_letters + '-')}+{_DOT}{_W}",
        _check_email,
        _mask_email,
        ("邮箱", "邮件", "email"),
    ),
    Rule(
        "id_card",
        "CN_ID_CARD",
        r"(?<![0-9])(?<![0-9]\.)[1-9][0-9]{5}[ -]?(?:19|20)[0-9]{6}[ -]?[0-9]{3}[0-9Xx](?![0-9A-Za-z_]|\.[0-9])",
        rf"{wide('123456789')}{_D}{{5}}{_S}?{wide('12')}{wide('09')}{_D}{{6}}{_S}?{_D}{{3}}",
        _check_id,
        _mask_id,
        ("身份证", "证件", "公民身份", "居住证", "id card", "idcard", "identity"),
    ),
    Rule(
        "bank_card",
        "BANK_CARD",
        r"(?<![0-9])(?<![0-9]\.)(?<![0-9]{4}[ -])(?:[2-69][0-9]{14,18}|[2-69][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}"
        r"\1[0-9]{3,4}(?:\1[0-9]{1,3})?|3[47][0-9]{2}([ -])[0-9]{6}\2[0-9]{5})(?![ -]?[0-9]{4}|[0-9A-Za-z_]|\.[0-9])",
        rf"{wide('234569')}(?:{_D}{{14}}|{_D}{{3}}{_S}(?:{_D}{{4}}{_S}{_D}{{4}}{_S}{_D}{{3}}|{_D}{{6}}{_S}{_D}{{5}}))",
        _check_card,
        _mask_card,
        ("银行卡", "卡号", "储蓄卡", "信用卡", "借记卡", "账号", "账户", "帐号", "帐户", "开户", "card"),
    ),
    Rule(
        "mobile",
        "CN_MOBILE",
        r"(?<![0-9+])(?<![0-9]\.)(?:(?:\+|00)?86[ -]?)?(?:1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])"
        r"([ -]?)[0-9]{4}\1[0-9]{4}|1619[0-9]{7})(?![0-9A-Za-z_]|\.[0-9])",
        rf"{wide('1')}{wide('3456789')}{_D}{_S}?{_D}{{4}}{_S}?{_D}{{4}}",
        _check_mobile,
        _mask_mobile,
        (
            "手机",
            "电话",
            "联系",
            "致电",
            "拨打",
            "来电",
            "热线",
            "微信",
            "短信",
            "tel",
            "phone",
            "mobile",
            "cell",
            "call",
            "wechat",
            "weixin",
            "vx",
            "wx",
            "qq",
        ),
    ),
    Rule(
        "ipv4",
        "IP_ADDRESS",
        rf"(?<![0-9.]){_IPV4}(?![0-9A-Za-z_]|\.[0-9A-Za-z])",
        rf"{_D}{_DOT}{_D}{{1,3}}{_DOT}{_D}{{1,3}}{_DOT}{_D}",
        _check_ipv4,
        _mask_ip,
        ("服务器", "主机", "地址", "登录", "ip", "ipv4", "host", "server", "address", "ping", "ssh", "dns"),
    ),
    Rule(
        # unicast, link-local, unique local and multicast heads, the loopback and mapped v4: `std::add` is none of them
        "ipv6",
        "IP_ADDRESS",
        r"(?<![0-9A-Za-z:._])(?:(?:[23][0-9A-Fa-f]{3}|[Ff][CcDdEeFf][0-9A-Fa-f]{2})(?:::?[0-9A-Fa-f]{1,4}){0,7}(?:::)?"
        rf"|::1|::[Ff]{{4}}:{_IPV4})(?![0-9A-Za-z_:]|\.[0-9])",
        rf"{wide('23')}{_H}{{3}}{_COLON}{_H}{{0,4}}{_COLON}|{_F}{wide('cdefCDEF')}{_H}{{2}}{_COLON}{_H}{{0,4}}{_COLON}"
        rf"|{_COLON}{_COLON}{wide('1')}|{_COLON}{_COLON}{_F}{{4}}{_COLON}{_D}",
        _check_ipv6,
        _mask_ip,
        (),
    ),
)

# Where two overlap, the earlier kind stands.
PRIORITY = ("EMAIL", "CN_ID_CARD", "BANK_CARD", "CN_MOBILE", "IP_ADDRESS")
MASKS = {rule.entity: rule.mask for rule in RULES}


def rules_text() -> str:
    """All that is data in the rules; changes to the code of a check need a new VERSION of the stage."""
    parts = [part for rule in RULES for part in (rule.name, rule.entity, rule.pattern, rule.anchor, *rule.context)]
    looks = [
        pattern.pattern for pattern in (_ORDER, _TAINTED, _LABEL, _QUANTITY, _VERSION, _IP_LABEL, _USER_INFO, _ISSUERS)
    ]
    return "\n".join((*parts, *looks, *map(str, _NOT_PUBLIC), "tldextract " + version("tldextract")))


def context_words(words: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern of all the words: Han anywhere, ASCII between ASCII boundaries, the tel of hotel is none."""
    bounded = [re.escape(word) if not word.isascii() else rf"(?<![A-Za-z])(?ai:{word})(?![A-Za-z])" for word in words]
    return re.compile("|".join(bounded) or r"(?!)")


def grade(score: float) -> str:
    """The word the layer stores for a score."""
    return "validated" if score >= VALIDATED else "contextual" if score >= CONTEXTUAL else "weak"
