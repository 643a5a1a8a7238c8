"""How people are reached: mobile telephones here, and what the modules for other ways know."""

import re
from string import digits

from pii.phones import is_mobile, is_placeholder, is_satellite, mobile_digits
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, SPACE, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.rules import accounts, fixed_lines, mailboxes
from pii.surroundings import QUANTITY, TAINTED, before, behind, glued

# A word for telephones directly before the number: it outweighs what stands further away.
_NAMED = re.compile(
    r"(?:[电電][话話]|手[机機]|座机|联系方式|[联聯][系繫络絡]我?|致电|拨打|来电|回电|短信|微信|同号|(?<![A-Za-z])(?ai:tel|phone|mobile|mob|cell|call|vx|wx|wechat|weixin|qq))"
    r"(?:号码|账号|[号號]|號碼|[ .]{0,2}(?ai:no))?(?:是|为)?[^0-9A-Za-z\u4e00-\u9fff]{0,5}\Z"
)
_KEY = re.compile(  # keys of records, logs and addresses of the web
    r"(?:(?ai:phone|mobile|msisdn|shouji|dianhua|(?<![a-z])(?:sjhm?|lxdh|lxfs|tel|cell|mob|contact))|(?<=[a-z])(?:Tel|Cell|Contact))"
    r"(?:[_ .-]{0,2}(?ai:no|num|number|id))?[^0-9A-Za-z\u4e00-\u9fff\n]{0,5}\Z"
)
_WHO = re.compile(
    r"(?<![A-Za-z])(?ai:user(?:[_-]?name)?|account|login|to|from|dest|dst|receiver|sender|rcpt|recipient|caller|callee|called|calling|m|sj)"
    r"[\"']?[:=][\"']?\Z"
)
_LABEL = re.compile(r"(?<![A-Za-z])(?ai:tel|phone|mobile|mob|cell|call|vx|wx|wechat|weixin|qq)\Z")
_NUMBERED = re.compile(  # nothing but 号码 and 为 may stand between: 快递员李师傅139… is a man's number
    r"(?:订单|单号|运单|快递|批号|条码|序列号|工单|票号|流水|商户|物流|批次|条形码|资产|单据|发票|凭证|保单|合同|档案|准考证|学籍|许可证|注册号|专利|备案号"
    r"|(?<![名清菜表])单|编号|编码|代码|代号|序号|学号|工号|货号|案号|料号|款号|卡号|箱号|户号|群|会议号|房间号|文号|会议ID"
    r"|(?<![A-Za-z])(?ai:serial|sn|no|uid|pid|gid|id|isbn|issn|doi|code|ticket|seq|ref|pin|order|hash|seed)"
    r"|[a-z](?:No|NO|Id|ID|Num|Sn|SN|Code|Number)|_(?ai:no|id|num|sn|code|number))(?:[^0-9A-Za-z\u4e00-\u9fff]|[编单号码为是]|</?[A-Za-z]{1,6}>){0,6}\Z"
)
_ORDER_COLUMN = re.compile(  # a cell in the first row below a header, in the first column or the second
    r"(?:\A|\n)(?P<lead>[^,\t|;\n]{1,8}[,\t|;])?[\"'| ]{0,2}"
    r"(?:[\u4e00-\u9fff]{0,4}(?:订单|单号|编号|流水|编码|序号)[\u4e00-\u9fff]{0,2}|(?ai:[a-z]{1,10}_?(?:id|no|sn|code)|id|no))"
    r"[\"' ]{0,2}(?:[,\t|;][^\n]{0,20})?\n(?(lead)[^,\t|;\n]{1,8}[,\t|;])[\"'| ]{0,2}\Z"
)
_MONEY = re.compile(
    r"(?:[¥￥$€£]|人民币|金额|营收|收入|利润|资产|股本|股份|市值|产值|[数量额值]|合计|共计|累计|人口|[成销产播点阅浏][交量放击读览]|大小|长度"
    r"|(?<![A-Za-z])(?:RMB|CNY|USD|(?ai:size|length|bytes|count|total|amount|offset|seed)))(?:为|约|达|是|共|超过?|突破)?[:= ]{0,3}\Z"
)
_COUNTED = re.compile(
    r" ?(?:股(?!权|东)|吨|公斤|千克|公里|平方|立方|千瓦|亩|公顷|毫?秒|人(?=[,，。.;、)]|口|次|左右|以上|\Z|\n)|[条份件台张票位行块字户辆枚笔篇册倍](?=[,.。;、)\n]|\Z)"
    r"|美金|港币|日圆|韩元|卢布|英镑|[KMGT]i?B(?![A-Za-z]))"
)
_FILE_NAME = re.compile(r"\.(?ai:s?html?|jpe?g|png|gif|pdf|docx?|xlsx?|txt|zip|rar|mp[34]|php|aspx?|jsp)(?![A-Za-z])")
_LISTED = re.compile(r"(?:(?<![0-9])1[3-9][0-9]{9}|0[0-9]{2,3}\)?-?[0-9]{7,8})[ /,;、]{1,2}\Z")  # a telephone before
_LOGGED = re.compile(r"(?:=[0-9]{1,12}|[0-9]:[0-9]{2}(?:[.,][0-9]{1,6})?) \Z")  # what a log has before its fields
_CELL_BEFORE = re.compile(r"(?:\A|[ \t\n,;|\[(])([0-9]+(?:\.[0-9]+)?[Xx]?)[ \t\n,;|]{1,4}\Z")
_CELL_BEHIND = re.compile(r"[ \t\n,;|]{1,4}([0-9]+(?:\.[0-9]+)?)(?![0-9]*\.)")
_TWO_BEFORE = re.compile(r"(?:\A|[ \t\n,;|])[0-9]{5,}[ \t,;|]{1,3}[0-9]{5,}[ \t,;|]{1,3}\Z")
_TWO_BEHIND = re.compile(r"[ \t,;|]{1,3}[0-9]{5,}[ \t,;|]{1,3}[0-9]{2}")
_RESIDENT = re.compile(r"[1-8][0-9]{5}(?:(?:19|20)[0-9]{0,9}[0-9Xx]?)?\Z")
_RESIDENT_BEFORE = re.compile(  # its owner's telephone follows
    r"(?<![0-9])[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx][\"' ]{0,2}[ \t,;|/、]{1,2}[\"' ]{0,2}\Z"
)


def _in_table(ahead: str, after: str) -> bool:
    """Whether the number stands among other numbers that are no telephones. Records of people hold other numbers too."""
    if re.search(r"[\u4e00-\u9fff][\"' ]{0,2}[,\t|;][\"' ]{0,2}\Z", ahead):
        return False
    ahead_cell, behind_cell = _CELL_BEFORE.search(ahead), _CELL_BEHIND.match(after)
    cells = [match[1] for match in (ahead_cell, behind_cell) if match]
    strangers = [cell for cell in cells if not (cell.startswith("0") or (len(cell) == 11 and is_mobile(cell)))]
    if len(strangers) == 2 or any(len(cell) >= 9 and not _RESIDENT.match(cell) for cell in strangers):
        return True
    return bool(strangers and (_TWO_BEFORE.search(ahead) or _TWO_BEHIND.match(after)))


def _check_mobile(text: str, start: int, end: int) -> float:
    """VALIDATED: a segment in use and clean edges (there is no check digit to ask for). UNSURE: doubtful edges."""
    ahead, after = before(text, start), behind(text, end)
    number = mobile_digits(text[start:end])
    if not is_mobile(number) or re.match(r"@[0-9A-Za-z]", after):
        return REJECTED
    if QUANTITY.match(after) or _COUNTED.match(after) or _MONEY.search(ahead):
        return REJECTED
    if glued(ahead):
        return CONTEXTUAL if _LABEL.search(ahead) else REJECTED
    named = _NAMED.search(ahead) or _KEY.search(ahead)
    numbered = _NUMBERED.search(ahead) or _ORDER_COLUMN.search(ahead)
    if (numbered and not named) or is_placeholder(number) or _FILE_NAME.match(after):
        return WEAK
    supported = _LISTED.search(ahead) or _RESIDENT_BEFORE.search(ahead)
    if is_satellite(number):
        return CONTEXTUAL if named or supported else UNSURE
    if supported:
        return VALIDATED
    bare_prefix = re.match(r"86[0-9]", text[start:end])
    grouped = re.search(r"[0-9][ -][0-9]{4}\Z", text[start:end]) and re.match(r" [0-9]", after)
    tainted = (
        (TAINTED.search(ahead) and not _LOGGED.search(ahead))
        or re.search(r"[A-Za-z]-\Z", ahead)
        or re.match(r"-[0-9A-Za-z]", after)
    )
    if not (bare_prefix or grouped or tainted or _in_table(ahead, after)):
        return VALIDATED
    return CONTEXTUAL if _KEY.search(ahead) or _WHO.search(ahead) else UNSURE


def _check_odd_mobile(text: str, start: int, end: int) -> float:
    """UNSURE at most: written as nobody writes a number unless a text was broken or a filter was to be evaded."""
    value = text[start:end]
    plain = not re.search(r"[OolI\n.]", value) and not re.search(r"(?<=[0-9])[ -]{1,3}(?=[0-9])", value)
    if plain or len(re.findall("[OolI]", value)) > 6:
        return REJECTED
    return min(UNSURE, _check_mobile(text, start, end))


_WORDS: tuple[str, ...] = ("手机", "电话", "联系", "致电", "拨打", "来电", "热线", "微信", "短信", "同号", "号码")
_WORDS += ("手機", "電話", "聯繫", "聯絡", "來電", "號碼")
_WORDS += ("tel", "phone", "telephone", "mobile", "cell", "call", "contact", "wechat", "weixin", "vx", "wx", "qq")
_PLUS_86 = r"(?:(?:\+|00)?86[ -]?|\(\+?86\)[ -]?)?"
_D, _D_WIDE = "[0-9Oo]", wide(digits + "oO")
_ODD, _ODD_WIDE = "[0-9OolI]", wide(digits + "oOlI")
_ONE, _TWO = wide("1"), wide("3456789")

RULES = (
    Rule(
        "mobile",
        "CN_MOBILE",
        rf"(?<![0-9+])(?<![0-9]\.){_PLUS_86}1[3-9][0-9]([ -]?)[0-9]{{4}}\1[0-9]{{4}}(?![0-9A-Za-z_]|\.[0-9])",
        rf"{_ONE}{_TWO}{DIGIT}{SPACE}?{DIGIT}{{4}}{SPACE}?{DIGIT}{{4}}",
        _check_mobile,
        _WORDS,
    ),
    Rule(
        "mobile_odd",
        "CN_MOBILE",
        rf"(?<![0-9+])(?<![0-9][.\n]){_PLUS_86}(?:"
        + "|".join(f"1[3-9]{_D}{{{n - 2}}}\r?\n{_D}{{{11 - n}}}" for n in range(3, 9))
        + rf"|[1lI][3-9]{_ODD}{{9}}|1[3-9][0-9]([ .]|  | ?- ?)[0-9]{{4}}\1[0-9]{{4}}|1[3-9][0-9][ -][0-9]{{8}}|1[3-9][0-9]{{5}}[ -][0-9]{{4}})"
        r"(?![0-9A-Za-z_]|[.\n][0-9])",
        "|".join(f"{_ONE}{_TWO}{_D_WIDE}{{{n - 2}}}\r?\n{_D_WIDE}{{{11 - n}}}" for n in range(3, 9))
        + rf"|{wide('1lI')}{_TWO}{_ODD_WIDE}{{9}}|{_ONE}{_TWO}{DIGIT}"
        rf"(?:{wide(' -.')}{{1,3}}{DIGIT}{{4}}{wide(' -.')}{{0,3}}{DIGIT}{{4}}|{DIGIT}{{4}}{SPACE}{DIGIT}{{4}})",
        _check_odd_mobile,
        _WORDS,
        mandatory=True,
    ),
    *fixed_lines.RULES,
    *mailboxes.RULES,
    *accounts.RULES,
)
