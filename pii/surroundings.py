"""What stands around identifiers and their look-alikes: orders, quantities, versions, assignments, labels.

All of it reads folded text, at most `LOOK_BEHIND` characters before a value and `LOOK_AHEAD` behind it.
"""

import re
from string import ascii_letters, digits

from pii.han import han
from pii.rule import DIGIT, LOOK_AHEAD, LOOK_BEHIND, wide

# Shop and machine numbers look like personal ones; the characters before them tell.
ORDER = re.compile(
    r"(?:订单|单号|流水号|运单|快递|批号|条码|序列号|工单|票号|(?<![A-Za-z])(?ai:order|serial|sn|no))[^0-9A-Za-z]{0,5}\Z"
)
TAINTED = re.compile(r"(?:[/=#^_]|= |[0-9][ -])\Z")  # URL parts, assignments, powers, groups of a longer number
QUANTITY = re.compile(r" ?(?:[元万亿%‰]|[美日欧港]元|块钱|字节|个(?!人)|次(?!日)|(?ai:bytes?|ms|px)(?![A-Za-z]))")
VERSION = re.compile(
    r"(?:版本?[^0-9]{0,6}|(?<![A-Za-z])(?ai:v|ver|version|release|rev)[^0-9A-Za-z]{0,4}|[A-Za-z]/|[0-9A-Za-z][-_])\Z"
)
USER_INFO = re.compile(r"://[^/?\s]*\Z")  # scheme://user:password@host is no mailbox


def before(text: str, start: int) -> str:
    """What a grade may read before a value."""
    return text[max(0, start - LOOK_BEHIND) : start]


def behind(text: str, end: int) -> str:
    """What a grade may read behind a value."""
    return text[end : end + LOOK_AHEAD]


def glued(before: str) -> bool:
    """Whether the value continues an ASCII word."""
    return bool(re.search(r"[A-Za-z_]\Z", before))


def bare(value: str) -> str:
    """The value without what groups its characters."""
    return re.sub(r"[ -]", "", value)


# What a number is called. The last label before a value names it, or else the first one behind it in the same clause.
_LABELS = re.compile(
    r"(?P<other>(?<!档)案号|"
    + han(
        r"订单|交易号|凭证号|受理号|提单|保单|学号|工号|单号|流水|运单|快递|物流|批号|条码|序列号|工单|票号|合同|发票|型号|货号|款号|航班|车次|股票|零件|产品|商品|车辆通行证"
        r"|(?:会员|充值|购物|就诊|校园|加油|礼品|借书|门禁|上网|电话|一卡通|SIM|IC|ETC)卡号?码?|微信|支付宝|(?ai:(?<![a-z])(?:qq|order|serial|sku)))"
        r"|(?P<imei>(?ai:(?<![a-z])(?:imei|meid))|手机串[号码]|串[号码]|机身(?:号码?|码|编号)|(?:手机|设备)(?:识别|标识|唯一)[码号]|设备(?:号码?|编号|ID)|移动设备)"
        r"|(?P<social>(?:社会?保(?:障|险)?|医疗?保险?|养老保险|公积金|参保)(?:个人)?(?:卡|账户|帐户|账|帐|人)?(?:编?号码?)?)"
        r"|(?P<driving>(?:机动车)?(?:驾驶执照|驾驶证|驾照|驾证)(?:编?号码?)?|准驾车型)"
        r"|(?P<military>军官证|士兵证|士官证|军人证|文职干?部?证|军人|部队|士官|军官|武警|兵役|现役|退役)"
        r"|(?P<permit>通行证|港澳证|入台证|大通证|回乡[证卡]|台胞[证卡]|返乡证|往来(?:港澳|台湾)|来往(?:内地|大陆)"
        r"|(?ai:(?<![a-z])(?:travel[ _-]?permit|exit[ _-]?entry|eep(?![a-z])|(?:mainland|home)[ _-]?(?:travel|return)|return[ _-]?permit"
        r"|(?:hk|hkmo|macau|mo|tw|taiwan)[ _-]?(?:return[ _-]?|macau[ _-]?)?(?:permit|card)|(?:mtp|hrp|txz)(?![a-z]{3})|huixiangzheng|taibaozheng)))"
        r"|(?P<passport>护照|(?ai:(?<![a-z])(?:passport|huzhao|ppt[ _-]?no|pp[ _-]no)))"
        r"|(?P<residence>永久居留|永居|五星卡|居留[证许]|绿卡|(?ai:(?<![a-z])(?:permanent[ _-]?residen|residen(?:ce|t)[ _-]?(?:no|num|permit|card|id)|green[ _-]?card|(?:pr|frp)[ _-]?(?:card|no|id)|foreigner[ _-]?(?:id|card))))",
        spaced=True,
    )
    + r"|(?P<id>身[份分]证|公民身份|[一二]代证|(?ai:(?<![a-z])(?:id[ _-]?(?:card|number|no)|identity|sfz)))"
    r"|(?P<document>[证證]件)"
    r"|(?P<organisation>信用代码|税号|纳税人|组织机构代码|营业执照|注册号)"
    r"|(?P<card>银行卡|卡号|储蓄卡|信用卡|借记卡|账号|账户|帐号|帐户|户名|开户|工资卡|收款|汇款|打款|转账|转帐|[工农建中招交]行|[建招平]设?银行|邮储|银联"
    r"|(?ai:(?<![a-z])(?:(?:bank|credit|debit)?[ _-]?card|unionpay|visa|mastercard|account)))"
)
_CLAUSE_END = re.compile(r"[,，。;；、!！?？\n]")
_NEXT_CLAUSE = re.compile(r"[,，。;；!！?？\n][^0-9A-Za-z\u4e00-\u9fff]*[A-Za-z\u4e00-\u9fff]")


def label(text: str, start: int, end: int) -> str:
    """What the value is called: id, passport, permit, …; `other` for numbers of things, "" where nothing tells."""
    if named := _named(text, max(0, start - LOOK_BEHIND), start):
        return named
    rest = behind(text, end)
    cut = _CLAUSE_END.search(rest)
    after = _LABELS.search(rest, 0, cut.start() if cut else len(rest))
    return str(after.lastgroup) if after else ""


def _named(text: str, low: int, high: int) -> str:
    """The last label between two places."""
    named = ""
    for found in _LABELS.finditer(text, low, high):
        if found.lastgroup == "other" and _NEXT_CLAUSE.search(text, found.end(), high):
            continue  # 用微信转不了，打到
        if not named or found.lastgroup != "document":  # 证件类型：护照，证件号码：
            named = str(found.lastgroup)
    return named


# A number is called no more than that: the label stands farther ahead, as in 社保卡丢了，卡号.
_NO_MORE = re.compile(
    han(
        r"(?:(?<![\u4e00-\u9fffA-Za-z])|(?<=[的上面里证證]))(?:(?:证件|[卡证编])?编?号码?|编码|个人编号|(?:个人)?账[号户]|(?ai:(?:card|cert|doc)?[ _-]?(?:no|num|number)))"
    )
    + r"(?:[^0-9A-Za-z\u4e00-\u9fff]|[是为叫我的]){0,6}\Z"
)


def label_farther(text: str, start: int, end: int) -> str:
    """`label`, past a word that says only that a number follows."""
    low = max(0, start - LOOK_BEHIND)
    no_more = _NO_MORE.search(text[low:start])
    return (no_more and _named(text, low, low + no_more.start())) or label(text, start, end)


# What anchors and patterns share: the same classes match raw and folded text, so an anchor is what its pattern begins with.
# Gaps hold punctuation only: one that any character could cross would multiply the states of the union of all anchors.
GAP = (
    wide(" \t\r\n:=#'\"“”([【「『《〔〈|*_为是-") + "{0,6}"
    f"(?:(?:{wide('<')}(?:[^<>＜＞\n]{{1,20}}{wide('>')}|{wide(ascii_letters + ' ')}{{1,14}}{wide('=')}{wide(chr(34) + chr(39))}?)){{1,2}}{wide(' (【「《')}?)?"
)


def any_case(word: str) -> str:
    """An ASCII word in either case and width."""
    return "".join(wide(char.lower() + char.upper()) for char in word)


NUMBER = f"(?:{han('证?件?')}(?:{han('编?号码?')}|{any_case('id')})|{wide(' _-')}?(?:{any_case('no')}{wide('.')}?|{any_case('number')}|{any_case('num')}))?"

# One anchor for all rules of long numbers (resident numbers, cards, devices): straight, grouped, over a line break behind a
# label. O stands for 0, check digits tell. Digits behind a decimal point are a float's.
_O, _S = wide(digits + "oO"), wide(" -")


def _broken(before: int) -> str:
    """15 to 19 digits with one line break, behind two or more of them; the last may be a letter."""
    rest = f"\r?\n{DIGIT}{{{max(1, 15 - before)},{19 - before}}}(?:[^0-9０-９]|$)"
    if before == 17:
        return DIGIT + rest
    return DIGIT + (f"(?:{rest}|{_broken(before + 1)})" if before > 1 else _broken(before + 1))


LONG_NUMBER = (
    f"(?:^[.．]?|[^0-9０-９.．]|[^0-9０-９][.．]){_O}{{15}}|{_O}{{4}}{_S}(?:{_O}{{4}}{_S}{_O}{{4}}{_S}{_O}{{4}}|{_O}{{6}}{_S}{_O}{{5}})"
    f"|{_O}{{6}}{_S}(?:{_O}{{4}}{_S}{_O}{{4}}{_S}{_O}{{3}}|{_O}{{8}}{_S}?{_O}{{2}}|{_O}{{6}}{_S}{_O}{{3}}|{_O}{{2}}{_S}{_O}{{6}}{_S}{_O})"
    f"|{_O}{{14}}{_S}{_O}{{3}}|{_O}{{2}}{_S}{_O}{{6}}{_S}{_O}{{6}}{_S}{_O}|(?:^|[^0-9０-９.．]){_broken(1)}"
)


def in_column(text: str, start: int, end: int) -> bool:
    """Whether the two lines of a broken value are rows of a column: each alone on its line and as long as the other."""
    first, _, second = text[start:end].partition("\n")
    alone = (start == 0 or text[start - 1] == "\n") and (end == len(text) or text[end] in "\r\n")
    return alone and len(first.rstrip("\r")) == len(second)


# What may stand between a label and its value: nothing but words that point from one to the other, or the rest of the
# head of a table and the cells before.
_POINTING = re.compile(
    r"(?:[^0-9A-Za-z\u4e00-\u9fff]|<[^<>]{1,30}>?|[是为我您你他她它咱妈爸家本人自己的上里面背后写印着那这个一串找到了发给填报如下见叫就该像记得核对请麻烦看卡号码编数字]"
    r"|(?ai:no|num|number|id)(?![A-Za-z]))*\Z"
)
_CELLS = re.compile(r"(?:[:,，|\t;][^0-9\n]{0,20})?\r?\n[^0-9\n]{0,16}\Z")
_POINTING_BACK = re.compile(r"(?:[（(【\[]|[,，]? ?就?(?:是|为)?[我您你他她这那本人的]{0,4})\Z")
_UNITS = re.compile(r" ?(?:[年月日岁人张例份天名户家点时分页])")


def named_by(words: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Whether a label among `words` is the value's: before it with nothing of weight between, or right behind it."""
    if QUANTITY.match(behind(text, end)) or _UNITS.match(behind(text, end)):
        return False
    for found in words.finditer(text, max(0, start - LOOK_BEHIND), start):
        between = text[found.end() : start]
        pointing = "\n" not in between and _POINTING.match(between)
        if pointing or _in_same_column(between, text[end : end + 3]):
            return True
        no_more = None if re.search(r"[0-9\n]", between) else _NO_MORE.search(between)
        if no_more and not _LABELS.search(between, 0, no_more.start()):
            return True
    after = words.search(text, end, end + LOOK_AHEAD)
    return bool(after and _POINTING_BACK.match(text[end : after.start()]))


def _in_same_column(between: str, next_: str) -> bool:
    """Whether a value below the head of a table is followed by another cell if, and only if, its head is."""
    next_ = next_.lstrip("\"')]}】」』》 ")
    return bool(_CELLS.match(between)) and (between[0] in "\r\n:") == (next_[:1] not in {",", "，", "\t", ";"})
