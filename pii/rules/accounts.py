"""How people are reached over the network: e-mail, QQ and WeChat."""

import re
from string import ascii_letters, digits

from pii.checks import top_level_domains
from pii.phones import is_mobile
from pii.rule import CONTEXTUAL, DIGIT, DOT, REJECTED, UNSURE, VALIDATED, WEAK, WORD, Rule, wide
from pii.surroundings import QUANTITY, USER_INFO, before, behind

_HAN = "\u4e00-\u9fff"
_GAP = rf"[^0-9A-Za-z{_HAN}]"  # between a label and its value: no letter, no digit, no Han
_NOT_ALNUM = "[^0-9A-Za-z]"  # the same for anchors, which may be wider


def any_case(word: str) -> str:
    """An anchor for an ASCII label in either case and width."""
    return "".join(wide(char.lower() + char.upper()) for char in word)


# E-mail

_PLACEHOLDERS = frozenset(
    [
        "example",
        "test",
        "sample",
        "domain",
        "yourdomain",
        "mydomain",
        "yourcompany",
        "company",
        "localhost",
        "invalid",
        "somewhere",
        "contoso",
        "fabrikam",
        "somedomain",
        "foo",
        "bar",
        "abc",
        "xyz",
        "xxx",
        "xx",
        "xxxx",
        "yyy",
        "aaa",
        "host",
        "hostname",
        "server",
        "website",
        "mysite",
        "yoursite",
        "address",
        "noreply",
    ]
)
_NOBODY = frozenset(
    ("xxx", "xx", "xxxx", "xxxxx", "xxxxxx", "yourname", "youremail", "your_email", "your.email", "username")
)
_SAMPLE_MAIL = re.compile(
    r"(?:your|my|you|name|email|mail|someone|example|test|a|ab|abc|user\w{0,6}|\w{0,12}_email)@(?:e?mail|gmail|qq|163)\.com"
)
_MACHINES = frozenset(
    (
        "git",
        "svn",
        "hg",
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "mailer-daemon",
        "root",
        "bounce",
        "bounces",
    )
)
_FILE_SUFFIXES = frozenset(("py", "sh", "md", "rs", "so", "ps", "pl", "cc", "zip", "mov"))
_REMOTE_PATH = re.compile(r":[~/0-9A-Za-z]")  # user@host:path of ssh, scp and git
_SHELL = re.compile(r"(?<![A-Za-z])(?:ssh|scp|sftp|rsync)(?: -[A-Za-z0-9]+)* \Z")


def _check_email(text: str, start: int, end: int) -> float:
    local, _, domain = text[start:end].lower().rpartition("@")
    labels = domain.split(".")
    if len(local) > 64 or len(domain) > 253 or labels[-1] not in top_level_domains():
        return REJECTED
    if re.fullmatch(r"[1-9]x", labels[0]):  # logo@2x.ai
        return REJECTED
    file_like = len(labels) == 2 and labels[1] in _FILE_SUFFIXES
    if (
        file_like
        or local in _MACHINES | _NOBODY
        or not _PLACEHOLDERS.isdisjoint(labels)
        or _SAMPLE_MAIL.fullmatch(text[start:end].lower())
    ):
        return WEAK
    ahead, after = before(text, start), behind(text, end)
    remote = USER_INFO.search(ahead) or _REMOTE_PATH.match(after) or _SHELL.search(ahead)
    return WEAK if remote else VALIDATED


# Top-level domains in Han: without a list nobody knows where the domain ends and the sentence goes on.
_HAN_TLDS = (
    "中国|中國|公司|网络|網絡|网址|在线|中文网|商城|集团|我爱你|公益|政务|移动|信息|企业|娱乐|游戏|购物|餐厅|世界|时尚|健康|手机"
    "|网店|网站|招聘|商店|商标|广东|佛山|香港|台湾|台灣|澳门|新加坡|慈善|机构|食品|珠宝|大拿|点看|通販|组织机构|政府|飞利浦|谷歌"
)


def _check_han_email(text: str, start: int, end: int) -> float:
    labels = text[start:end].rpartition("@")[2].split(".")
    han = any(not label.isascii() for label in labels)
    return UNSURE if han and (not labels[-1].isascii() or labels[-1].lower() in top_level_domains()) else REJECTED


# QQ

_QQ_LABEL = re.compile(
    r"(?:(?<![A-Za-z])(?ai:qq)|扣扣|企鹅号|企鹅(?=[: ])|加[Qq]|(?<![0-9A-Za-z])[Qq](?=[:号]))"
    rf"(?:\(?(?:同微信|微信同号|/微信|/vx|/V)\)?)?(?: ?(?:号码|账号|帐号|号|联系方式|联系|咨询|客服|(?ai:number|num|id|no)))?(?:是|为)?{_GAP}{{0,6}}"
    r"(?:[1-9][0-9]{4,10}[ /,、或]{1,3})?\Z"
)
_NOT_QQ = re.compile(r" ?(?:人|名|位|户|家|年|月|日|号线|只|篇|条|版|分|点|集|群)")
_RUNNING = "012345678909876543210"


def _check_qq(text: str, start: int, end: int) -> float:
    ahead, after, value = before(text, start), behind(text, end), text[start:end]
    label = _QQ_LABEL.search(ahead)
    if value.startswith("400") and len(value) == 10:
        return REJECTED  # a hotline
    if not label or QUANTITY.match(after) or _NOT_QQ.match(after) or re.match(r"[@.][0-9A-Za-z]", after):
        return REJECTED
    if "群" in ahead[max(0, label.start() - 3) :] or (len(value) == 11 and is_mobile(value)):
        return REJECTED
    return WEAK if value in _RUNNING or len(set(value)) == 1 or value in ("10000", "10001") else CONTEXTUAL


# WeChat

_WECHAT_SURE = re.compile(  # whose own word says that an id follows
    rf"(?:微 ?信|薇信|徽信|[Vv]信|wei信|(?<![0-9A-Za-z_])(?ai:vx|wx|wechat|weixin)(?![A-Za-z_]))"
    rf"(?: ?(?:号码|账号|帐号|号|(?ai:id|no)))(?:是|为|叫)?{_GAP}{{0,5}}\Z"
)
_WECHAT_SIGN = re.compile(  # 微信：
    r"(?:微 ?信|薇信|徽信|[Vv]信|wei信|(?<![0-9A-Za-z_])(?ai:vx|wx|wechat|weixin|\+v|加v))"
    r"(?:\((?:手机|电话)?(?:同号)?\)|同号)?(?: ?: ?|是:?)[ \"“「『【]?\Z"
)
_WECHAT_ADD = re.compile(  # 加我微信abc_123
    rf"(?:加|添加|联系|咨询|私聊?|扫|找|[{_HAN}](?=[Vv+]))[{_HAN}]{{0,3}}(?:微信|薇信|[Vv]信|(?ai:vx|wx|wechat|weixin|v))[ ]?\Z"
)
_PUBLIC = re.compile(r"公众|公號|公号|订阅号|服务号|小程序|官方|平台|关注|企业微信|微信群|群")
_PHONE_TOO = re.compile(r"(?:手机|电话|(?ai:tel|phone|mobile))[^0-9A-Za-z]{0,4}\Z")
_APP_ID = re.compile(r"wx[0-9a-f]{16}|gh_[0-9a-f]{8,16}")
_COMMON = frozenset(
    [
        "android",
        "iphone",
        "windows",
        "official",
        "account",
        "number",
        "string",
        "wechat",
        "weixin",
        "public",
        "openid",
        "unionid",
        "appid",
        "version",
        "login",
        "wxpay",
        "message",
        "please",
        "facebook",
        "twitter",
        "native",
        "harmony",
        "harmonyos",
        "macos",
        "chrome",
        "function",
        "nickname",
        "username",
        "return",
        "object",
        "boolean",
        "integer",
        "miniprogram",
        "undefined",
        "notnull",
        "varchar",
        "password",
        "default",
        "required",
        "optional",
        "youtube",
        "instagram",
    ]
)


def _check_wechat(text: str, start: int, end: int) -> float:
    ahead, after, value = before(text, start), behind(text, end), text[start:end]
    sure, sign, add = _WECHAT_SURE.search(ahead), _WECHAT_SIGN.search(ahead), _WECHAT_ADD.search(ahead)
    label = sure or sign or add
    if label is None or _APP_ID.fullmatch(value) or value.lower() in _COMMON or re.match(r"[.@(\[=]", after[:1]):
        if not (label and after.startswith(".") and not re.match(r"\.[0-9A-Za-z]", after)):
            return REJECTED
        if _APP_ID.fullmatch(value) or value.lower() in _COMMON:
            return REJECTED
    lead = ahead[: label.start()]
    if _PUBLIC.search(lead[-8:]) or QUANTITY.match(after):
        return REJECTED
    if value.isdigit():
        if add and not sure and not sign and not is_mobile(value):
            return REJECTED
        return REJECTED if _PHONE_TOO.search(lead) else CONTEXTUAL
    written = re.search(r"[0-9_-]", value)
    if label.group().isascii() and not re.search(rf"[{_HAN}]", lead[-12:] + after):
        named = re.match(r"(?ai:vx)|W[Ee]Chat|Wechat|WECHAT", label.group())  # code has wechat and wx, people these
        return CONTEXTUAL if named and re.search(r"[0-9]", value) else REJECTED
    if sure:
        return CONTEXTUAL
    return CONTEXTUAL if written else UNSURE if sign else REJECTED


_BLANK = wide(" ") + "?"
_ID = f"{any_case('id')}|{any_case('no')}"
_WECHAT_ASCII = "|".join(any_case(label) for label in ("vx", "wx", "wechat", "weixin"))
_WECHAT_ID = f"{wide(digits + ascii_letters)}{wide(digits + ascii_letters + '_-')}{{5}}"

RULES = (
    Rule(
        "email",
        "EMAIL",
        r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z_][.%+-])[0-9A-Za-z_](?:[.%+-]?[0-9A-Za-z_]){0,63}"
        r"@(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.){1,8}[A-Za-z]{2,24}(?![0-9A-Za-z_@]|[.-][0-9A-Za-z])",
        rf"{WORD}{wide('@')}{wide(digits + ascii_letters + '-')}{{1,63}}{DOT}{WORD}",
        _check_email,
        ("邮箱", "邮件", "email"),
        longest=672,
    ),
    Rule(
        "email_han",
        "EMAIL",
        rf"(?:(?<![0-9A-Za-z_.%+-])[0-9A-Za-z_][0-9A-Za-z_.%+-]{{0,31}}|(?<![0-9A-Za-z{_HAN}_.%+-])[{_HAN}]{{1,8}})"
        rf"@(?:[0-9A-Za-z{_HAN}](?:[0-9A-Za-z{_HAN}-]{{0,20}})\.){{1,3}}(?:{_HAN_TLDS}|[A-Za-z]{{2,24}})(?![0-9A-Za-z_@.-])",
        rf"(?:{WORD}|[{_HAN}]){wide('@')}{wide(digits + ascii_letters + '.-')}{{0,64}}"
        rf"(?:[{_HAN}](?:{wide(digits + ascii_letters + '-')}|[{_HAN}]){{0,20}}{DOT}|{DOT}(?:{_HAN_TLDS}))",
        _check_han_email,
        ("邮箱", "邮件", "email", "mail"),
        mandatory=True,
        longest=128,
    ),
    Rule(
        "qq",
        "QQ",
        r"(?<![0-9.+=_/-])[1-9][0-9]{4,10}(?![0-9A-Za-z_]|\.[0-9])",
        rf"(?:{wide('qQ')}|扣扣|企鹅){_NOT_ALNUM}{{0,16}}{wide('123456789')}{DIGIT}{{4}}"
        rf"|{any_case('qq')}{_BLANK}(?:{any_case('num')}|{any_case('no')}|{any_case('id')}){wide(ascii_letters)}{{0,3}}{_NOT_ALNUM}{{0,8}}{wide('123456789')}{DIGIT}{{4}}"
        rf"|[/／](?:{any_case('vx')}|{wide('V')}){_NOT_ALNUM}{{0,12}}{wide('123456789')}{DIGIT}{{4}}",
        _check_qq,
    ),
    Rule(
        "wechat",
        "WECHAT",
        r"(?<![0-9A-Za-z_.@-])(?:[A-Za-z][0-9A-Za-z_-]{5,19}|[1-9][0-9]{5,10})(?![0-9A-Za-z_-])",
        rf"(?:{wide('微薇徽')}{_BLANK}信|{wide('vV')}信|{wide('iI')}信|[加+＋]{wide('vV')}){_NOT_ALNUM}{{0,12}}(?:(?:{_ID}){_NOT_ALNUM}{{0,8}})?{_WECHAT_ID}"
        rf"|(?:{_WECHAT_ASCII})(?:{_NOT_ALNUM}{{0,8}}[:：号是]{_NOT_ALNUM}{{0,8}}|{_BLANK}(?:{_ID}){_NOT_ALNUM}{{0,8}}){_WECHAT_ID}"
        rf"|[{_HAN}](?:{_WECHAT_ASCII}|{wide('vV')}){_BLANK}{_WECHAT_ID}",
        _check_wechat,
        ("加", "联系", "咨询", "添加", "私聊", "好友", "电话"),
        mandatory=True,
    ),
)
