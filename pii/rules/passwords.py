"""Passwords and keys that only the name beside them tells: 密码：…, password=…, scheme://user:…@host, columns of tables."""

import re
from string import ascii_letters, digits

from pii import columns
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, WEAK, Rule, wide
from pii.surroundings import any_case, before, behind

_HAN = "\u4e00-\u9fff"

# What manuals print in the place of a secret.
PLACEHOLDER = re.compile(
    r"(?ai:example|sample|dummy|placeholder|change.?me|changeit|your|my_?(?:secret|pass|key|token)|x{3,}|\.{3}|todo|redacted"
    r"|test|demo|fake|mock|insert|replace|none|null|undefined|foobar|secret|password|passw0rd|passwd|token|string|username|default)"
)
STARS = re.compile(r"[*#•xX]{3,}")


def kinds(value: str) -> int:
    """How many kinds of characters a value mixes: small, capital, digit, other."""
    return sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^0-9A-Za-z]"))


_HAN_NAMES = "密[码碼]|口令|密[钥鑰]|秘钥|私[钥鑰]|登录码|授权码"
_HEADS = ("api", "access", "secret", "private", "auth", "app", "client", "encryption", "account")
_NAMES = (
    r"(?:secret|password|passwd|pwd)(?:[_-]?key)?|(?<![0-9A-Za-z])(?:pass(?:phrase|code)?|psw|token"
    rf"|(?:{'|'.join(_HEADS)})[_-]?(?:key|token|secret)(?:[_-]?(?:id|secret))?)"
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
_LOGIN = re.compile(r"(?:[账帐帳][号號]|账户|用户名?)[/和、及 ]?密[码碼][:是为 ]{1,3}\Z")
_TELLING = 32  # characters of a secret among which is a digit or a sign, as no word has them: the anchor asks for it
_ALGORITHM = re.compile(
    r"(?ai:md5|sha-?[0-9]+|aes-?[0-9]*|des|rsa-?[0-9]*|base64|bcrypt|sm[234]|utf-?8|hmac.*|pbkdf2.*|wpa2?.*)\Z"
)


def _check_password(text: str, start: int, end: int) -> float:
    """CONTEXTUAL: named, and nothing anyone would write but as a secret. Types, variables, words, samples are none."""
    value, after = text[start:end], behind(text, end)
    ahead = before(text, start)
    quoted = ahead[-1:] in ("'", '"', "`", "“", "‘") and after[:1] in ("'", '"', "`", "”", "’")
    han = bool(re.search(rf"(?:{_HAN_NAMES})(?:[^0-9A-Za-z]|{_TAG}){{0,8}}\Z", ahead))
    if _is_no_secret(value):
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


def _is_no_secret(value: str) -> bool:
    """Whether a value is a sample, a path, an algorithm, or a word."""
    barred = STARS.search(value) or PLACEHOLDER.search(value) or _PATH.match(value) or _ALGORITHM.match(value)
    return bool(barred or not re.search(r"[0-9!@#$%^&*+~?]", value[:_TELLING]))


def _is_mixed(value: str) -> bool:
    """Whether a value without quotes can hardly be a name of code: letters and several digits, or all kinds."""
    if len(value) < (6 if kinds(value) == 4 else 8) or re.search(r"[./]", value) or not re.search(r"[A-Za-z]", value):
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
    return CONTEXTUAL if mixed and not _is_no_secret(value) and not _WORDS.match(value) else REJECTED


def _check_told(text: str, start: int, end: int) -> float:
    """A value in a sentence about a password, or among the options of a command: no names, no calls."""
    value, after = text[start:end], behind(text, end)
    few = len(re.findall(r"[0-9]", value)) < 2 or re.search(r"[A-Za-z]-?[0-9]{1,2}[A-Z]{0,4}\Z", value)
    if (few and kinds(value) < 3) or re.match(r"[.(\[=:]|算法|加密|标准|协议|芯片|型", after):
        return REJECTED
    return _check_cell(text, start, end)


_QUOTE = wide("\"'`") + "|[”“‘’]"
_NAME_ANCHOR = "|".join(
    (
        _HAN_NAMES,
        *map(any_case, ("pass", "passphrase", "passcode", "psw", "password", "passwd", "pwd")),
        f"(?:{any_case('token')}|{any_case('secret')})(?:{wide('_-')}?(?:{any_case('id')}|{any_case('secret')}))?",
        f"(?:{'|'.join(map(any_case, (*_HEADS, 'password', 'passwd', 'pwd')))}){wide('_-')}?{any_case('key')}"
        f"(?:{wide('_-')}?(?:{any_case('id')}|{any_case('secret')}))?",
    )
)
_MARK = wide("\"'")
_BLANK = wide(" \t")
_VALUE_ANCHOR = wide(digits + ascii_letters + "!@#$%^&*_+~?./-") + "*" + wide(digits + "!@#$%^&*+~?")
_TOLD_ANCHOR = wide(digits + ascii_letters + "!@#$%^&*_+~?-") + "*" + DIGIT
_FIRST = "(?:默认|初始)"
_COLUMN = "(?:登录|登陆|初始|默认)?(?:密[码碼]|口令)|password|passwd|pwd|Password|PASSWORD"
_TAGS_WIDE = f"(?:{wide(': ')}?{_TAG_WIDE}){{1,3}}{wide(': ')}?"

RULES: tuple[Rule, ...] = (
    Rule(
        "password",
        "CREDENTIAL",
        # the first character before all else: most places are none
        rf"(?=[PpSsTtAaCcEe密口秘私登授])(?:(?ai:{_NAMES})|(?:{_HAN_NAMES})(?:\(?{_FIRST}\)?)?)"
        rf"(?:{_SIGN}|(?<=[码碼令钥鑰]) {{1,2}}|(?<=[码碼令钥鑰])(?=[“‘「【《(]))[\"'`“‘「【《(]?"
        rf"(?P<value>[{_CHARS}]{{5,63}}{_LAST}){_STOP}",
        rf"(?:{_NAME_ANCHOR})(?:{wide('(')}?{_FIRST}{wide(')')}?)?(?:{_QUOTE})?"
        rf"(?:{_BLANK}{{0,2}}(?:{wide(':=>')}{wide('=>')}?|改为|设为|改成|设成|就?[是为]{wide(':')}?|{any_case('is')}){_BLANK}{{0,2}}|{_TAGS_WIDE})"
        rf"(?:{_QUOTE}|[「【《(（])?{_VALUE_ANCHOR}"
        rf"|[码碼令钥鑰](?:{_FIRST}{wide(')')}?)?(?:{wide(' ')}{{1,2}}(?:{_QUOTE}|[「【《(（])?|(?:{_QUOTE}|[「【《(（])){_VALUE_ANCHOR}",
        _check_password,
        longest=144,
    ),
    Rule(
        "login",  # 账号密码：admin/Abc12345
        "CREDENTIAL",
        rf"(?:[账帐帳][号號]|账户|用户名?)[/和、及 ]?密[码碼](?: ?(?:[是为]:?|:) ?| )[0-9A-Za-z@._-]{{2,24}} ?[/,、] ?(?P<value>[{_CHARS}]{{5,31}}[0-9A-Za-z@#$%^&*_+~]){_STOP}",
        rf"密[码碼](?:{wide(' ')}?(?:[是为]{wide(':')}?|{wide(':')}){wide(' ')}?|{wide(' ')}){wide(digits + ascii_letters + '@._-')}{{2,24}}{wide(' ')}?[/,、／，]{wide(' ')}?{_VALUE_ANCHOR}",
        _check_cell,
        longest=112,
    ),
    Rule(
        "password_told",  # wifi密码Abc12345，密码忘了，以前用的是Abc12345
        "CREDENTIAL",
        rf"(?:密[码碼]|口令)(?![学學本器算])(?:[{_HAN},、 ]{{0,14}}[是为為成叫用设][:“「]?)?(?P<value>[0-9A-Za-z][0-9A-Za-z!@#$%^&*_+~?-]{{4,30}}[0-9A-Za-z!@#])(?![0-9A-Za-z_])",
        rf"(?:密[码碼]|口令)(?:[{_HAN}、]|{wide(', ')}){{0,15}}(?:{wide(':')}|[“「])?{_TOLD_ANCHOR}",
        _check_told,
        longest=64,
    ),
    Rule(
        "password_of_attribute",  # name="password" value="Abc12345", IDENTIFIED BY 'Abc12345', mysql -uroot -pAbc12345
        "CREDENTIAL",
        rf"(?<![0-9A-Za-z_-])(?=[IiNnKk-])(?:(?:(?ai:name|key|id)=[\"'][0-9A-Za-z_.-]{{0,24}}(?ai:password|passwd|pwd|secret)[\"'] (?ai:value|content)=|(?ai:identified by) ?)[\"']"
        rf"|-u ?[0-9A-Za-z_.@]{{1,24}}(?: -p|:)[\"']?)(?P<value>[{_CHARS}]{{5,40}})(?=[\"' \n]|\Z)",
        rf"(?:(?:{any_case('password')}|{any_case('passwd')}|{any_case('pwd')}|{any_case('secret')}){_MARK}{wide(' ')}(?:{any_case('value')}|{any_case('content')}){wide('=')}"
        rf"|{any_case('identified')}{wide(' ')}{any_case('by')}{wide(' ')}?){_MARK}{_VALUE_ANCHOR}"
        rf"|{wide('-')}{wide('u')}{wide(' ')}?{wide(digits + ascii_letters + '_.@')}{{1,24}}(?:{wide(' ')}{wide('-')}{wide('p')}|{wide(':')}){_MARK}?{_VALUE_ANCHOR}",
        _check_told,
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
            columns.anchor(f"密[码碼]|口令|{any_case('password')}|{any_case('passwd')}|{any_case('pwd')}"),
            _check_cell,
            longest=columns.LONGEST,
        )
        for row in range(columns.ROWS)
    ),
)
