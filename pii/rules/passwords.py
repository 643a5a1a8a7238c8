"""Passwords and keys that only the name beside them tells: 密码：…, password=…, scheme://user:…@host, columns of tables."""

import re
from string import ascii_letters, digits

from pii import columns
from pii.rule import CONTEXTUAL, REJECTED, WEAK, Rule, wide
from pii.surroundings import any_case, before, behind

# What manuals print in the place of a secret.
PLACEHOLDER = re.compile(
    r"(?ai:example|sample|dummy|placeholder|change.?me|changeit|your|my_?(?:secret|pass|key|token)|x{3,}|\.{3}|todo|redacted"
    r"|test|demo|fake|mock|insert|replace|none|null|undefined|foobar|secret|password|passw0rd|passwd|token|string|username|default)"
)
STARS = re.compile(r"[*#•xX]{3,}")


def kinds(value: str) -> int:
    """How many kinds of characters a value mixes: small, capital, digit, other."""
    return sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^0-9A-Za-z]"))


_HAN_NAMES = "密码|口令|密钥|秘钥|私钥|登录码|授权码"
_NAMES = (
    r"pass(?:word|wd|phrase|code)?|pwd|psw|(?:[a-z]{1,12}[_-]?)?(?:secret|password|passwd|pwd)(?:[_-]?key)?"
    r"|(?:api|access|secret|private|auth|app|client|encryption|account)[_-]?(?:key|token|secret)(?:[_-]?(?:id|secret))?|token"
)
_TAG, _TAG_WIDE = r"</?[a-z]{1,6}>", f"{wide('<')}{wide('/')}?{wide(ascii_letters)}{{1,6}}{wide('>')}"
_SIGN = (
    r"[\"'”]?[ \t]{0,2}(?:(?P<set>:=|=>|[:=>])|就是|是:?|为:?|改为|设为|改成|设成|(?ai:is))[ \t]{0,2}"
    rf"|[: ]?{_TAG}[: ]?(?:{_TAG}){{0,2}}"
)
_CHARS = r"0-9A-Za-z!@#$%^&*_+~?./-"
# A sign at the end is the password's where no sentence ends: before a quote, a comma, the end of a line of settings.
_LAST = r"(?:[0-9A-Za-z@#$%^&*_+~]={0,2}|[!?-](?=[\"'”’」】)\]},;|<]| ,|(?(set)[ \t]{0,4}(?:\r?\n|\Z)|,)))"
_STOP = rf"(?:(?=&[A-Za-z_]{{1,10}}=)|(?![{_CHARS}=][0-9A-Za-z]|[0-9A-Za-z]))"
_PATH = re.compile(r"[./~]{1,2}[A-Za-z]|[A-Za-z]:/|(?ai:https?|www\.)|[0-9]+(?:\.[0-9]+)+\Z")
_WORDS = re.compile(r"(?:[A-Z]?[a-z]+|[A-Z]+)(?:[._/-](?:[A-Z]?[a-z]+|[A-Z]+))*[0-9]?\Z|(?:[a-z]+[A-Z]?)+[0-9]?\Z")
_CODE_BEHIND = re.compile(r"[(\[{]|<(?!/)|[ \t]*(?:=>?|:)(?!/)")
_SPACED = re.compile(rf"(?:{_HAN_NAMES}) {{1,2}}\Z")
_LOGIN = re.compile(r"(?:账号|帐号|账户|用户名?)[/和、及 ]?密码[:是为 ]{1,3}\Z")
_ALGORITHM = re.compile(
    r"(?ai:md5|sha-?[0-9]+|aes-?[0-9]*|des|rsa-?[0-9]*|base64|bcrypt|sm[234]|utf-?8|hmac.*|pbkdf2.*|wpa2?.*)\Z"
)


def _check_password(text: str, start: int, end: int) -> float:
    """CONTEXTUAL: named, and nothing anyone would write but as a secret. Types, variables, words, samples are none."""
    value, after = text[start:end], behind(text, end)
    ahead = before(text, start)
    quoted = ahead[-1:] in ("'", '"', "`", "“", "‘") and after[:1] in ("'", '"', "`", "”", "’")
    han = bool(re.search(rf"(?:{_HAN_NAMES})(?:[^0-9A-Za-z]|{_TAG}){{0,8}}\Z", ahead))
    if STARS.search(value) or PLACEHOLDER.search(value) or _PATH.match(value) or _ALGORITHM.match(value):
        return REJECTED
    if "/" in value and _LOGIN.search(ahead):  # 账号密码：admin/Abc12345 is told by its own rule
        return REJECTED
    if _CODE_BEHIND.match(after) or value.startswith(("$", "%", "@", "&", "--", "#")) or re.search(r"->|::", value):
        return REJECTED
    if not re.search(r"[0-9]", value):
        return REJECTED if kinds(value) < 3 or not (quoted or han) or re.search(r"[._/-]", value) else CONTEXTUAL
    if _SPACED.search(ahead) and not (_is_mixed(value) or kinds(value) == 4):
        return REJECTED
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
    if quoted or (ahead.endswith(">") and after.startswith("</")):
        return CONTEXTUAL if kinds(value) >= 3 or (len(value) >= 8 and not re.search(r"[./]", value)) else REJECTED
    return CONTEXTUAL if _is_mixed(value) and not re.search(r"[(\[]\Z", ahead) else REJECTED


def _is_mixed(value: str) -> bool:
    """Whether a value without quotes can hardly be a name of code: letters and several digits, or all kinds."""
    if len(value) < 8 or re.search(r"[./]", value) or not re.search(r"[A-Za-z]", value):
        return False
    many = len(re.findall(r"[0-9]", value)) >= 3
    return kinds(value) == 4 or many or (kinds(value) == 3 and not re.search(r"[_-]", value))


_COMMON_LOGINS = frozenset(
    ("pass", "pwd", "guest", "root", "admin", "postgres", "mysql", "user", "123456", "1234", "pw")
)


def _check_url_password(text: str, start: int, end: int) -> float:
    value = text[start:end]
    if re.search(r"[{}<>$%()\[\]]|\*{2}", value) or value.lower() in _COMMON_LOGINS:
        return REJECTED
    host = behind(text, end)[1:]
    placeholder = PLACEHOLDER.search(value) or re.match(r"(?:localhost|127\.|example|host|<|\{|\$)", host)
    return WEAK if placeholder or not re.search(r"[^a-z]", value) else CONTEXTUAL


def _check_cell(text: str, start: int, end: int) -> float:
    """A cell of a column of passwords: letters and digits, for other words stand there too."""
    value = text[start:end]
    mixed = re.search(r"[0-9]", value) and re.search(r"[A-Za-z]", value) and len(set(value)) >= 4
    barred = STARS.search(value) or PLACEHOLDER.search(value) or _PATH.match(value) or _ALGORITHM.match(value)
    return CONTEXTUAL if mixed and not barred and not _WORDS.match(value) else REJECTED


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
_VALUE_ANCHOR = wide(digits + ascii_letters + "!@#$%^&*_+~?./-")
_FIRST = "(?:默认|初始)"
_COLUMN = "(?:登录|登陆|初始|默认)?(?:密码|口令)|password|passwd|pwd|Password|PASSWORD"
_TAGS_WIDE = f"(?:[:：]?{_TAG_WIDE}{_BLANK}?){{1,3}}"

RULES: tuple[Rule, ...] = (
    Rule(
        "password",
        "CREDENTIAL",
        rf"(?:(?:{_HAN_NAMES})(?:\(?{_FIRST}\)?)?|(?<![0-9A-Za-z])(?ai:{_NAMES}))(?:{_SIGN}|(?<=[码令钥]) {{1,2}}|(?<=[码令钥])(?=[“‘「【《(]))[\"'`“‘「【《(]?"
        rf"(?P<value>[{_CHARS}]{{5,63}}{_LAST}){_STOP}",
        rf"(?:{_NAME_ANCHOR})(?:{wide('(')}?{_FIRST}{wide(')')}?)?(?:{_QUOTE})?"
        rf"(?:{_BLANK}{{0,2}}(?:{wide(':=>')}{wide('=>')}?|改为|设为|改成|设成|就?[是为]{wide(':')}?|{any_case('is')}){_BLANK}{{0,2}}|{_TAGS_WIDE})"
        rf"(?:{_QUOTE}|[「【《(（])?{_VALUE_ANCHOR}{{6}}"
        rf"|[码令钥](?:{_FIRST}{wide(')')}?)?(?:{wide(' ')}{{1,2}}(?:{_QUOTE}|[「【《(（])?|(?:{_QUOTE}|[「【《(（])){_VALUE_ANCHOR}{{6}}",
        _check_password,
        longest=144,
    ),
    Rule(
        "login",  # 账号密码：admin/Abc12345
        "CREDENTIAL",
        rf"(?:账号|帐号|账户|用户名?)[/和、及 ]?密码(?: ?(?:[是为]:?|:) ?| )[0-9A-Za-z@._-]{{2,24}} ?[/,、] ?(?P<value>[{_CHARS}]{{5,31}}[0-9A-Za-z@#$%^&*_+~]){_STOP}",
        rf"密码(?:{wide(' ')}?(?:[是为]{wide(':')}?|{wide(':')}){wide(' ')}?|{wide(' ')}){wide(digits + ascii_letters + '@._-')}{{2,24}}{wide(' ')}?[/,、／，]{wide(' ')}?{_VALUE_ANCHOR}{{6}}",
        _check_cell,
        longest=112,
    ),
    Rule(
        "url_password",
        "CREDENTIAL",
        r"(?<![0-9A-Za-z+.-])[A-Za-z][0-9A-Za-z+.-]{1,15}://[0-9A-Za-z._%+~-]{1,32}:(?P<value>[0-9A-Za-z!#$%&*+.=?^_~-]{3,48})@(?=[0-9A-Za-z\[])",
        rf"{wide(':')}{wide('/')}{{2}}{wide(digits + ascii_letters + '._%+~-')}{{1,32}}{wide(':')}{wide(digits + ascii_letters + '!#$%&*+.=?^_~-')}{{3}}",
        _check_url_password,
        longest=112,
    ),
    *(
        Rule(
            f"password_in_row_{row + 1}",
            "CREDENTIAL",
            columns.pattern(_COLUMN, rf"[{_CHARS}]{{6,32}}", row),
            columns.anchor(f"密码|口令|{any_case('password')}|{any_case('passwd')}|{any_case('pwd')}"),
            _check_cell,
            longest=512,
        )
        for row in range(columns.ROWS)
    ),
)
