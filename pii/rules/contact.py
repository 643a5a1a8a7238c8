"""How people are reached: telephones, and what pii/rules/accounts.py knows."""

import re
from string import digits

from pii.phones import is_foreign, is_landline, is_mobile, is_placeholder, landline_digits, mobile_digits
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, SPACE, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.rules import accounts
from pii.rules.accounts import any_case
from pii.surroundings import ORDER, QUANTITY, TAINTED, before, behind, glued

_HAN = "\u4e00-\u9fff"
_END = r"(?![0-9A-Za-z_]|\.[0-9])"
_GAP = rf"[^0-9A-Za-z{_HAN}]"  # between a label and its value: no letter, no digit, no Han
_NOT_ALNUM = "[^0-9A-Za-z]"  # the same for anchors, which may be wider


# Mobiles

_LABEL = re.compile(r"(?<![A-Za-z])(?ai:tel|phone|mobile|mob|cell|call|vx|wx|wechat|weixin|qq)\Z")
_PHONE_NO = re.compile(
    r"(?:电话|手机|(?<![A-Za-z])(?ai:tel|tele?phone|mobile|cell|contact))[ .]{0,2}(?ai:no)[^0-9A-Za-z]{0,5}\Z"
)
_NUMBERED = re.compile(
    r"(?:编号|编码|代码|序号|学号|工号|货号|案号|料号|款号|群号?|单据号?|发票号?码?|凭证号?|保单号?|合同号?|会议号|房间号|文号"
    r"|(?<![A-Za-z])(?ai:uid|pid|gid|id|isbn|issn|doi|code|ticket|seq|ref|pin|order|hash|seed))[^0-9A-Za-z]{0,5}\Z"
)
_MONEY = re.compile(r"(?:[¥￥$€£]|人民币|金额|营收|总额|合计|(?<![A-Za-z])(?:RMB|CNY|USD))[: ]{0,2}\Z")
_FILE_NAME = re.compile(r"\.(?ai:s?html?|jpe?g|png|gif|pdf|docx?|xlsx?|txt|zip|rar|mp[34]|php|aspx?|jsp)(?![A-Za-z])")
_LISTED = re.compile(r"(?:(?<![0-9])1[3-9][0-9]{9}|0[0-9]{2,3}\)?-?[0-9]{7,8})[ /,;、]{1,2}\Z")  # a telephone before
_CELL_BEFORE = re.compile(r"([0-9][0-9.]*)[ \t\n,;|]{1,4}\Z")
_CELL_BEHIND = re.compile(r"[ \t\n,;|]{1,4}([0-9]+)")


def _in_table(ahead: str, after: str) -> bool:
    """Whether the number stands among other numbers that are no telephones."""
    cells = [match[1] for match in (_CELL_BEFORE.search(ahead), _CELL_BEHIND.match(after)) if match]
    strangers = [cell for cell in cells if not (cell.startswith("0") or is_mobile(cell))]
    return len(strangers) == 2 or any(len(cell) >= 9 for cell in strangers)


def _check_mobile(text: str, start: int, end: int) -> float:
    """VALIDATED: a segment in use and clean edges (there is no check digit to ask for). UNSURE: doubtful edges."""
    ahead, after = before(text, start), behind(text, end)
    number = mobile_digits(text[start:end])
    if not is_mobile(number) or QUANTITY.match(after) or _MONEY.search(ahead) or re.match(r"@[0-9A-Za-z]", after):
        return REJECTED
    if glued(ahead):
        return CONTEXTUAL if _LABEL.search(ahead) else REJECTED
    numbered = (ORDER.search(ahead) or _NUMBERED.search(ahead)) and not _PHONE_NO.search(ahead)
    if numbered or is_placeholder(number) or _FILE_NAME.match(after):
        return WEAK
    if _LISTED.search(ahead):
        return VALIDATED
    bare_prefix = re.match(r"86[0-9]", text[start:end])
    grouped = re.search(r"[0-9][ -][0-9]{4}\Z", text[start:end]) and re.match(r" [0-9]", after)
    tainted = TAINTED.search(ahead) or re.search(r"[A-Za-z]-\Z", ahead) or re.match(r"-[0-9A-Za-z]", after)
    return UNSURE if bare_prefix or grouped or tainted or _in_table(ahead, after) else VALIDATED


def _check_odd_mobile(text: str, start: int, end: int) -> float:
    """UNSURE at most: written as nobody writes a number unless a text was broken or a filter was to be evaded."""
    value = text[start:end]
    plain = not re.search(r"[Oo\n.]", value) and not re.search(r"(?<=[0-9])[ -]{1,3}(?=[0-9])", value)
    if plain or value.count("O") + value.count("o") > 6:
        return REJECTED
    return min(UNSURE, _check_mobile(text, start, end))


_MOBILE_WORDS: tuple[str, ...] = (
    "手机",
    "电话",
    "联系",
    "致电",
    "拨打",
    "来电",
    "热线",
    "微信",
    "短信",
    "同号",
    "号码",
)
_MOBILE_WORDS += (
    "tel",
    "phone",
    "telephone",
    "mobile",
    "cell",
    "call",
    "contact",
    "wechat",
    "weixin",
    "vx",
    "wx",
    "qq",
)
_PLUS_86 = r"(?:(?:\+|00)?86[ -]?|\(\+?86\)[ -]?)?"
_D, _D_WIDE = "[0-9Oo]", wide(digits + "oO")


# Fixed telephones and hotlines

_SUBSCRIBER = r"[2-8][0-9]{2,3}[ -]?[0-9]{4}"
_EXTENSION = r"(?: ?(?:转|-|#|(?ai:ext)\.?:? ?|分机号?:? ?) ?[0-9]{1,5})?"
_TRUNK = r"(?:10|2[0-9]|[3-9][0-9]{2})"
_LANDLINE_WORDS: tuple[str, ...] = (
    "电话",
    "座机",
    "固话",
    "传真",
    "热线",
    "联系",
    "致电",
    "拨打",
    "咨询",
    "来电",
    "办公室",
    "总机",
)
_LANDLINE_WORDS += ("tel", "phone", "telephone", "fax", "call")


def _check_landline(text: str, start: int, end: int) -> float:
    ahead, after = before(text, start), behind(text, end)
    if not is_landline(landline_digits(text[start:end])) or QUANTITY.match(after):
        return REJECTED
    if (ORDER.search(ahead) or _NUMBERED.search(ahead)) and not _PHONE_NO.search(ahead):
        return WEAK
    return UNSURE if re.search(r"[/=#^_]\Z|[A-Za-z]-\Z", ahead) else VALIDATED


def _check_plain_landline(text: str, start: int, end: int) -> float:
    return min(UNSURE, _check_landline(text, start, end))


_BARE_LABEL = re.compile(
    r"(?:电话|座机|固话|传真|致电|拨打|(?<![A-Za-z])(?ai:tel|fax))(?:号码|热线|号)?(?:是|为)?[^0-9A-Za-z\u4e00-\u9fff]{0,5}"
    r"(?:[2-8][0-9]{2,3}-?[0-9]{4}[ /,、或]{1,3})?\Z"
)


def _check_bare_landline(text: str, start: int, end: int) -> float:
    """Seven or eight digits are a telephone only where the word says so."""
    labelled = _BARE_LABEL.search(before(text, start)) and not QUANTITY.match(behind(text, end))
    return CONTEXTUAL if labelled and len(set(text[start:end]) - {"-"}) > 1 else REJECTED


_HOTLINE_WORDS = (*_LANDLINE_WORDS, "客服", "免费", "服务", "订购", "hotline", "toll")


def _check_hotline(text: str, start: int, end: int) -> float:
    if QUANTITY.match(behind(text, end)):
        return REJECTED
    return VALIDATED if re.match(r"400[0-9]?-", text[start:end]) else UNSURE


_CALL_BEFORE = re.compile(
    rf"(?:热线|客服|拨打|致电|来电|电话|咨询|举报|投诉|挂失)(?:号码|电话|热线|中心|平台)?(?:是|为)?{_GAP}{{0,4}}\Z"
)
_CALL_BEHIND = re.compile(rf"{_GAP}?(?:政务|便民|市民|服务|客服|客户服务|热线|电话|投诉|举报|咨询)")
_COUNTED = re.compile(r" ?[人户例条位年月日名家次件起部]")


def _check_short_code(text: str, start: int, end: int) -> float:
    after = behind(text, end)
    if QUANTITY.match(after) or _COUNTED.match(after):
        return REJECTED
    return CONTEXTUAL if _CALL_BEFORE.search(before(text, start)) or _CALL_BEHIND.match(after) else REJECTED


def _check_foreign(text: str, start: int, end: int) -> float:
    value = text[start:end]
    if value.count(".") == 1 or QUANTITY.match(behind(text, end)) or value.count("(") != value.count(")"):
        return REJECTED  # one point makes a decimal number
    if not is_foreign(re.sub(r"\A00", "+", value)):
        return REJECTED
    return UNSURE if value.startswith("00") or re.search(r"[0-9A-Za-z)\]][ ]?\Z", before(text, start)) else VALIDATED


_NUMBER_START = r"(?<![0-9A-Za-z_+.])(?<![0-9]-)"
_NUMBER_END = r"(?![0-9A-Za-z_]|[.-][0-9])"
_BLANK = wide(" ") + "?"
_GROUPS = rf"{DIGIT}{{2,3}}{SPACE}?{DIGIT}{{4}}"

RULES = (
    Rule(
        "mobile",
        "CN_MOBILE",
        rf"(?<![0-9+])(?<![0-9]\.){_PLUS_86}1[3-9][0-9]([ -]?)[0-9]{{4}}\1[0-9]{{4}}{_END}",
        rf"{wide('1')}{wide('3456789')}{DIGIT}{SPACE}?{DIGIT}{{4}}{SPACE}?{DIGIT}{{4}}",
        _check_mobile,
        _MOBILE_WORDS,
    ),
    Rule(
        "mobile_odd",
        "CN_MOBILE",
        rf"(?<![0-9+])(?<![0-9][.\n]){_PLUS_86}(?:"
        + "|".join(f"1[3-9]{_D}{{{n - 2}}}\r?\n{_D}{{{11 - n}}}" for n in range(3, 9))
        + rf"|1[3-9]{_D}{{9}}|1[3-9][0-9]([ .]|  | ?- ?)[0-9]{{4}}\1[0-9]{{4}}|1[3-9][0-9][ -][0-9]{{8}}|1[3-9][0-9]{{5}}[ -][0-9]{{4}})"
        r"(?![0-9A-Za-z_]|[.\n][0-9])",
        "|".join(f"{wide('1')}{wide('3456789')}{_D_WIDE}{{{n - 2}}}\r?\n{_D_WIDE}{{{11 - n}}}" for n in range(3, 9))
        + rf"|{wide('1')}{wide('3456789')}{_D_WIDE}{{9}}|{wide('1')}{wide('3456789')}{DIGIT}"
        rf"(?:{wide(' -.')}{{1,3}}{DIGIT}{{4}}{wide(' -.')}{{0,3}}{DIGIT}{{4}}|{DIGIT}{{4}}{SPACE}{DIGIT}{{4}})",
        _check_odd_mobile,
        _MOBILE_WORDS,
        mandatory=True,
    ),
    Rule(
        "landline",
        "CN_LANDLINE",
        rf"{_NUMBER_START}(?:\(0{_TRUNK}\)[ -]?|0{_TRUNK} ?- ?|\(?(?:\+|00)86[ -]?(?:\(0\)|\(?0?){_TRUNK}\)?[ -]?)"
        rf"{_SUBSCRIBER}{_EXTENSION}{_NUMBER_END}",
        rf"{wide('0123456789')}{DIGIT}(?:{wide(')')}{SPACE}?|{_BLANK}{wide('-')}{_BLANK}){wide('2345678')}{_GROUPS}"
        rf"|(?:{wide('+')}|{wide('0')}{{2}}){wide('8')}{wide('6')}{wide(' -()0')}{{0,4}}{DIGIT}{{2,3}}{wide(') -')}{{0,2}}{wide('2345678')}{_GROUPS}",
        _check_landline,
        _LANDLINE_WORDS,
    ),
    Rule(
        "landline_plain",
        "CN_LANDLINE",
        rf"{_NUMBER_START}0{_TRUNK} ?{_SUBSCRIBER}{_EXTENSION}{_NUMBER_END}",
        rf"{wide('0')}{DIGIT}{{2,3}}{_BLANK}{wide('2345678')}{_GROUPS}",
        _check_plain_landline,
        (*_LANDLINE_WORDS[:12], "tel", "fax"),  # not call, phone: British numbers look the same
        mandatory=True,
    ),
    Rule(
        "landline_bare",
        "CN_LANDLINE",
        rf"(?<![0-9A-Za-z_.+/=#-])[2-8][0-9]{{2,3}}-?[0-9]{{4}}(?:转[0-9]{{1,5}})?{_NUMBER_END}",
        rf"(?:电话|座机|固话|传真|致电|拨打|{any_case('tel')}|{any_case('fax')})"
        rf"{_NOT_ALNUM}{{0,8}}{wide('2345678')}{DIGIT}{{2}}{wide(digits + '-')}{{4}}",
        _check_bare_landline,
    ),
    Rule(
        "hotline",
        "CN_HOTLINE",
        rf"{_NUMBER_START}[48]00(?:([ -])[0-9]{{3}}\1[0-9]{{4}}|([ -])[0-9]{{4}}\2[0-9]{{3}}|[ -]?[0-9]{{7}}|[0-9]([ -])[0-9]{{3}}\3[0-9]{{3}})"
        rf"{_NUMBER_END}",
        rf"{wide('48')}{wide('0')}{{2}}(?:{SPACE}?{DIGIT}{{3,4}}{SPACE}?{DIGIT}{{3,4}}|{DIGIT}{SPACE}{DIGIT}{{3}}{SPACE}{DIGIT}{{3}})",
        _check_hotline,
        _HOTLINE_WORDS,
        mandatory=True,
    ),
    Rule(
        "hotline_short",
        "CN_HOTLINE",
        rf"(?<![0-9A-Za-z_.+/=#-])(?:95[0-9]{{3,4}}|96[0-9]{{3,4}}|100(?:00|10|86|99|50)|12[0-9]{{3}}|11[0-9]{{3}}){_NUMBER_END}",
        rf"(?:热线|客服|拨打|致电|来电|电话|咨询|举报|投诉|挂失|号码|中心|平台)[是为]?{_NOT_ALNUM}{{0,4}}{wide('19')}{wide('01256')}{DIGIT}{{3}}"
        rf"|{wide('19')}{wide('01256')}{DIGIT}{{3}}{_NOT_ALNUM}?(?:政务|便民|市民|服务|客服|客户服务|热线|电话|投诉|举报|咨询)",
        _check_short_code,
    ),
    Rule(
        "foreign",
        "INTL_PHONE",
        r"(?<![0-9A-Za-z_+])(?:\+|00)(?!86)[1-9](?:[ .()-]{0,2}[0-9]){6,14}" + _NUMBER_END,
        rf"(?:{wide('+')}|{wide('0')}{{2}}){wide('123456789')}(?:{wide(' .()-')}{{0,2}}{DIGIT}){{6}}",
        _check_foreign,
        (*_LANDLINE_WORDS, "手机", "whatsapp", "mobile", "cell"),
        mandatory=True,
    ),
    *accounts.RULES,
)
