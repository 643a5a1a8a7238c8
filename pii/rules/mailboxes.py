"""E-mail addresses."""

import re
from string import ascii_letters, digits

from pii.checks import top_level_domains
from pii.rule import DOT, REJECTED, UNSURE, VALIDATED, WEAK, WORD, Rule, wide
from pii.surroundings import USER_INFO, before, behind

_HAN = "\u4e00-\u9fff"

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


RULES = (
    Rule(
        "email",
        "EMAIL",
        # a run with an @ behind it, before it is looked at character by character
        r"(?<![0-9A-Za-z_])(?<![0-9A-Za-z_][.%+-])(?=[0-9A-Za-z_][0-9A-Za-z_.%+-]{0,127}+@)[0-9A-Za-z_](?:[.%+-]?[0-9A-Za-z_]){0,63}"
        r"@[0-9A-Za-z](?:(?:\.|-{1,2})?[0-9A-Za-z]){0,63}\.[A-Za-z]{2,24}(?![0-9A-Za-z_@]|[.-][0-9A-Za-z])",
        rf"{WORD}{wide('@')}{wide(digits + ascii_letters + '-')}{{1,63}}{DOT}{WORD}",
        _check_email,
        ("邮箱", "邮件", "email"),
        longest=480,
    ),
    Rule(
        "email_han",
        "EMAIL",
        rf"(?:(?<![0-9A-Za-z_.%+-])[0-9A-Za-z_](?:[0-9A-Za-z_.%+-]{{0,30}}[0-9A-Za-z_])?|(?<![0-9A-Za-z{_HAN}_.%+-])[{_HAN}]{{1,8}})"
        rf"@(?:[0-9A-Za-z{_HAN}](?:[0-9A-Za-z{_HAN}-]{{0,20}})\.){{1,3}}(?:{_HAN_TLDS}|[A-Za-z]{{2,24}})(?![0-9A-Za-z_@.-])",
        rf"(?:{WORD}|[{_HAN}]){wide('@')}{wide(digits + ascii_letters + '.-')}{{0,64}}"
        rf"(?:[{_HAN}](?:{wide(digits + ascii_letters + '-')}|[{_HAN}]){{0,20}}{DOT}|{DOT}(?:{_HAN_TLDS}))",
        _check_han_email,
        ("邮箱", "邮件", "email", "mail"),
        mandatory=True,
        longest=128,
    ),
)
