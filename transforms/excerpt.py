"""Short quotations that are safe to store: one line, no control characters, personal information masked.

Two masks lie on one another: all that the detector of personal information finds in and around the quotation, and any
run of characters that could be an identifier, whatever the detector thinks of it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from pii import Detector
from pii.redaction import SECRET
from pii.rule import RuleTimeoutError
from pii.windows import Window
from transforms.text import CodePoints

CONTEXT = 24  # code points quoted on either side of a hit
_SEEN = 2 * CONTEXT + 64  # and how many are looked at

# Wide on purpose: any run that could be an identifier is masked.
# The patterns run on text of one width, each with how many characters of a run, or of its group, stay readable.
_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_NARROW |= dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2009\u202f\u3000"), ord(" "))
_NARROW |= dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), ord("-"))
_IN_NUMBER = r" \-_.·,，。、/|~*+()\[\]\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff°′″"
_ADDRESS = re.compile(r"[^\s@<>（）()，。,;；:：、]{1,64}@[0-9A-Za-z.\-]+")
_NUMBER = re.compile(rf"\d(?:[{_IN_NUMBER}]{{0,3}}+[\dXx]){{4,}}")
_GROUPS = re.compile(
    r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}|(?<![0-9A-Za-z])(?=:*[0-9A-Fa-f])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,}(?:\.[0-9.]+)?"
)
_TOKEN = re.compile(
    r"(?<![0-9A-Za-z_\-])(?=[0-9A-Za-z_\-]{8})(?=[A-Za-z_\-]*+[0-9])(?=[0-9_\-]*+[A-Za-z])[0-9A-Za-z_\-]+"
)


def _widened(members: str) -> str:
    """The members of a character class, of any width."""
    inside = re.compile(f"[{members}]")
    return members + "".join(re.escape(chr(code)) for code, plain in _NARROW.items() if inside.match(chr(plain)))


# The following match text of any width, so that they tell by themselves whether there is anything to mask. They begin with
# characters that are rare: it is what they cost where they find nothing.
_ALNUM = _widened("0-9A-Za-z")
_SPACES = _widened(" ")
_IN_VALUE = _widened(r"0-9A-Za-z_.\-")
# digits as numerals, in circles and the like, alone or among others: 一三八, 壹叁捌, ①③⑧
_NUMERALS = "〇零一二三四五六七八九幺洞拐勾壹贰叁肆伍陆柒捌玖弌弍弎貳參叄陸¹²³⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽❶-❾➀-➈➊-➒㈠-㈨㊀-㊈"
_NUMERAL = _widened("0-9") + _NUMERALS
_SPELLED = re.compile(rf"[{_NUMERAL}](?:[{_widened(_IN_NUMBER)}]{{0,3}}+[{_NUMERAL}XxＸｘ]){{6,}}")
# what stands behind a label: 微信号：abc_def; V信 加 abc_def
_LINK = _widened(r"号码群加我搜是为:= \-,;.(\[（【“\"'IDid")
_LABELLED = re.compile(
    r"[信扣鹅宝报QqＱｑ](?:(?<=[微薇威徽VvＶｖ]信)|(?<=扣扣)|(?<=企鹅)|(?<=支付宝)|(?<=电报)|(?<=[QqＱｑ]{2}))"
    rf"[{_LINK}]{{0,6}}([{_ALNUM}][{_IN_VALUE}]{{4,}})"
)
_SECRETS = ("密码", "口令", "密钥", "password", "passwd", "pwd", "token", "secret", "key")
_ACCOUNTS = ("账号", "帐号", "vx", "wx", "tg", "wechat", "weixin", "telegram", "skype", "whatsapp")
_ASSIGNED = re.compile(
    rf"[:：=＝是为](?=[{_SPACES}\"']{{0,3}}((?=[!-~！-～]{{0,3}}[{_ALNUM}])[!-~！-～]{{4,}}))"
    rf"(?:{'|'.join(f'(?<=(?i:{label}).)' for label in (*_SECRETS, *_ACCOUNTS))})"
)
# 生日：1990年1月2日, 1990年1月2日出生
_DATE = (
    rf"[{_widened('0-9')}]{{2,4}}[年.．\-－/／][{_widened('0-9')}]{{1,2}}[月.．\-－/／][{_widened('0-9')}]{{1,2}}日?"
)
_BIRTH = re.compile(rf"生(?:日|(?<=出生)|于)[^0-9０-９]{{0,8}}({_DATE})")
_BORN = re.compile(rf"({_DATE})出?生")
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(rf"[{_PROVINCES}][A-ZＡ-Ｚ][·•.．\-－{_SPACES}]?[{_widened('0-9A-Z')}]{{4,6}}[学警挂港澳领使]?")
_PART = "(?:号[院楼]?|弄|栋|幢|座|单元|楼|层)"
_DOOR = rf"[{_ALNUM}一二三四五六七八九十]{{1,5}}"
_HOUSE = re.compile(rf"[{_widened('0-9')}]{{1,5}}{_PART}(?:[,，{_SPACES}]?{_DOOR}(?:{_PART}|室|户))+")
_AT = (
    rf"[(（\[［【{{｛<＜《〔艾圈](?:(?<=艾)特|(?<=圈)[aA]|(?<![艾圈])[{_SPACES}]?(?:(?i:at)|ａｔ|艾特|圈a)"
    rf"[{_SPACES}]?[)）\]］】}}｝>＞》〕])"
)
_DOT = rf"[{_SPACES}]?(?:[.．点點。]|[(（\[［]?(?i:dot)[)）\]］]?)[{_SPACES}]?"
_AT_SIGN = re.compile(_AT)
_AT_SPELLED = re.compile(
    rf"[{_ALNUM}][{_IN_VALUE}+]{{0,63}}[{_SPACES}]{{0,2}}{_AT}[{_SPACES}]{{0,2}}[{_ALNUM}][{_ALNUM}\-]{{1,62}}"
    rf"(?:{_DOT}[{_ALNUM}\-]{{2,20}}){{0,3}}"
)

RULES = (
    *((_ADDRESS, 1), (_AT_SPELLED, 1), (_ASSIGNED, 0), (_LABELLED, 1), (_BIRTH, 0), (_BORN, 0), (_PLATE, 2)),
    *((_HOUSE, 0), (_SPELLED, 2), (_NUMBER, 2), (_GROUPS, 2), (_TOKEN, 2)),
)
# control characters, line ends, surrogates, and what turns the direction of text
_SURROGATES = re.compile("[\ud800-\udfff]")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff]")

# Most excerpts hold nothing to mask, so a pattern is tried only where signs in the text as written, of any width, say that
# it could be found. They may see too much, never too little. All characters beyond the basic plane pass for digits: a class
# of them all is searched several times faster than `\d`.
_DIGIT = "".join(char for char in map(chr, range(0x10000)) if char.isdecimal()) + "\U00010000-\U0010ffff"
LABEL = 16  # characters of a match before its first letter or digit, at most
_HAS_DIGIT = re.compile(f"[{_DIGIT}]")
_HAS_ALNUM = re.compile(f"[{_DIGIT}{_ALNUM}]")
_DIGITS = re.compile(rf"[{_DIGIT}{_NUMERALS}](?:[{_widened(_IN_NUMBER)}]{{0,3}}+[{_DIGIT}XxＸｘ{_NUMERALS}]){{4}}")
_POINTS = re.compile(f"[.．][{_DIGIT}]{{1,3}}[.．]")
_COLONS = re.compile("[:：][0-9A-Fa-f０-９Ａ-Ｆａ-ｆ]{0,4}[:：]")
_LETTERS = _widened(r"A-Za-z_\-")
_MIXED = re.compile(rf"[0-9０-９](?:(?<=[{_LETTERS}].)|(?=[{_LETTERS}]))")
_RUN = re.compile(rf"[0-9０-９{_LETTERS}]{{8}}")
# All of these signs at once, for RE2, which sees in one pass that a text holds none of them.
_MARKS = "|".join(
    (
        "[@＠]",
        rf"(?:[微薇威徽VvＶｖ]信|扣扣|企鹅|支付宝|电报|[QqＱｑ]{{2}})[{_LINK}]{{0,6}}[{_ALNUM}]",
        rf"(?i:{'|'.join((*_SECRETS, *_ACCOUNTS))})[:：=＝是为]",
        rf"艾特|圈[aA]|[(（\[［【{{｛<＜《〔][{_SPACES}]?(?:(?i:at)|ａｔ)",
        rf"生[^0-9０-９]{{0,9}}{_DATE}|{_DATE}出?生",
        rf"[{_PROVINCES}][A-ZＡ-Ｚ][·•.．\-－{_SPACES}]?[{_widened('0-9A-Z')}]{{4}}",
        rf"[{_widened('0-9')}]{_PART}[,，{_SPACES}]?{_DOOR}(?:{_PART}|室|户)",
        _POINTS.pattern,
        _COLONS.pattern,
        rf"[0-9０-９][{_LETTERS}]|[{_LETTERS}][0-9０-９]",
        re.sub(r"\\u([0-9a-f]{4})", r"\\x{\1}", _DIGITS.pattern.replace("}+", "}")),  # as RE2 writes it
    )
)


def mask_identifiers(text: str) -> str:
    """Replaces all but the ends of addresses, long numbers and tokens by asterisks, keeping the length."""
    rules = _rules(text)
    if not rules:
        return text
    narrow = _narrowed(text)  # one character for one: positions stay
    for pattern, head in rules:
        group = pattern.groups  # the value where there is a label, or else all of it
        for low, high in [found.span(group) for found in pattern.finditer(narrow)]:
            stars = "*" * (high - low - head)
            text, narrow = (own[: low + head] + stars + own[high:] for own in (text, narrow))
    return text


def _rules(text: str) -> Sequence[tuple[re.Pattern[str], int]]:
    """The rules that could find something."""
    if "@" in text or "＠" in text:
        return RULES  # all: the asterisks of an address may join the digits around it
    found: list[tuple[re.Pattern[str], int]] = []
    first = _HAS_ALNUM.search(text)
    if first is not None:
        since = max(0, first.start() - LABEL)
        digit = _HAS_DIGIT.search(text, since) is not None
        if _is_labelled(text, since) or (digit and _is_told(text, since)):
            return RULES  # here, too, asterisks may join digits
        if (digit and _POINTS.search(text, since)) or (
            text.count(":") + text.count("：") >= 2 and _COLONS.search(text)
        ):
            found.append((_GROUPS, 2))
        if digit and _MIXED.search(text, since) and _RUN.search(text, since):
            found.append((_TOKEN, 2))
    if _DIGITS.search(text):
        found[:0] = [(_SPELLED, 2), (_NUMBER, 2)]
    return found


def _is_labelled(text: str, since: int) -> bool:
    """Whether words give an identifier away that need not hold a digit."""
    return bool(_LABELLED.search(text, since) or _ASSIGNED.search(text, since) or _AT_SIGN.search(text, since))


def _is_told(text: str, since: int) -> bool:
    """Whether short numbers stand where they tell of a person: dates of birth, plates, doors."""
    born = "生" in text and (_BIRTH.search(text, since) or _BORN.search(text, since))
    doors = ("室" in text or "号" in text or "栋" in text or "楼" in text) and _HOUSE.search(text, since)
    return bool(born or doors or _PLATE.search(text, since))


def _narrowed(text: str) -> str:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _narrow_table().take(codes).tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=1)
def _narrow_table() -> CodePoints:
    table = np.arange(0x110000, dtype=np.uint32)
    table[list(_NARROW)] = list(_NARROW.values())
    return table


def _masked(texts: Sequence[str]) -> list[str]:
    """The texts under both masks. Mostly nothing in them calls for either, which one pass over all of them tells."""
    readable = [_SURROGATES.sub("\ufffd", text) for text in texts] if _SURROGATES.search("".join(texts)) else texts
    marked = _marks()
    masked = [
        mask_identifiers(text) if marked.Match(seen.encode()) else text
        for text, seen in zip(texts, readable, strict=True)
    ]
    for row, windows in _detector().gate.windows_of(readable).items():
        masked[row] = _without_findings(readable[row], windows, masked[row])
    return masked


def _without_findings(text: str, windows: Sequence[Window], masked: str) -> str:
    """The masked text without what the detector finds in the text, weak findings too: their first characters stay.

    Of credentials nothing stays, and of a text that takes the detector too long nothing either.
    """
    try:
        found = _detector().spans(text, windows)
    except RuleTimeoutError:
        return "*" * len(text)
    for entity in found:
        low = entity.start + (entity.type not in SECRET)
        masked = masked[:low] + "*" * (entity.end - low) + masked[entity.end :]
    return masked


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return Detector()


@lru_cache(maxsize=1)
def _marks() -> Any:
    """What sees the marks of identifiers."""
    import re2

    automaton = re2.Set.SearchSet()
    automaton.Add(_MARKS)
    automaton.Compile()
    return automaton


Hit = tuple[str, int, int]  # a text, and where in it the hit begins and ends


def excerpts(hits: Sequence[Hit]) -> list[str]:
    """Each hit with its surroundings, masked and on one line. Long hits are cut in the middle."""
    # masked before cutting: half an identifier at the edge must not escape the patterns
    around = [(max(0, start - _SEEN), min(len(text), end + _SEEN)) for text, start, end in hits]
    masked = _masked([text[low:high] for (text, _, _), (low, high) in zip(hits, around, strict=True)])
    return [
        _cut(text[max(0, start - CONTEXT - low) : end + CONTEXT - low])
        for text, (_, start, end), (low, _) in zip(masked, hits, around, strict=True)
    ]


def excerpt(text: str, start: int, end: int) -> str:
    """The excerpt of the hit `text[start:end]`."""
    return excerpts([(text, start, end)])[0]


def _cut(window: str) -> str:
    if len(window) > 4 * CONTEXT + 64:
        window = window[: 2 * CONTEXT + 30] + "…" + window[-2 * CONTEXT - 30 :]
    return window if window.isprintable() else _UNSEEN.sub(" ", window)
