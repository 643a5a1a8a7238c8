"""Fixed telephones, hotlines, and numbers of other countries.

A landline that the words before it give to an office (咨询电话, 总机, 某某医院电话) is a CN_HOTLINE like 400 and 95 numbers:
it belongs to an organisation. All others are CN_LANDLINE and count as personal.
"""

import re
from functools import partial
from string import digits

from pii import columns
from pii.phones import is_foreign, is_landline, landline_digits
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, SPACE, UNSURE, VALIDATED, WEAK, Check, Rule, wide
from pii.surroundings import ORDER, QUANTITY, any_case, before, behind

_HAN = "\u4e00-\u9fff"
_GAP = rf"[^0-9A-Za-z{_HAN}]"  # between a label and its value: no letter, no digit, no Han
_NOT_ALNUM = "[^0-9A-Za-z]"  # the same for anchors, which may be wider

_NUMBERED = re.compile(
    r"(?:编号|编码|代码|序号|学号|工号|货号|案号|料号|款号|群号?|单据号?|发票号?码?|凭证号?|保单号?|合同号?|会议号|房间号|文号"
    r"|(?<![A-Za-z])(?ai:uid|pid|gid|id|isbn|issn|doi|code|ticket|seq|ref|pin|order|hash|seed)|_(?ai:no|id|code))[^0-9A-Za-z]{0,5}\Z"
)
_NAMED = re.compile(
    r"(?:[电電][话話]|座[机機]|固[话話]|[传傳]真|[热熱][线線]|致[电電]|拨打|[联聯][系繫絡]|(?<![A-Za-z])(?ai:tel|phone|telephone|fax))(?:号码|[号號]|號碼|[ .]{0,2}(?ai:no))?"
    rf"(?:是|为)?{_GAP}{{0,5}}\Z"
)

# Whose number it is: a service or a place, then perhaps a word for telephones and a first number.
_SERVICE = (
    r"(?:(?:[咨諮][询詢]|客服|客户服务|服务|投诉|举报|监督|售后|维修|保修|报修|抢修|救援|急救|求助|值班|招生|招聘|报名|挂号|预约|预订|预定|订票|购票|售票|票务|订座|订餐|订房|订购|问询|查询"
    r"|政务|信访|便民|招商|加盟|业务|反馈|医院|景区|酒店|公司|学校|服務|投訴|舉報|訂位)(?:[电電][话話]|[热熱][线線]|专线|專線|号码|座机)"
    r"|[热熱][线線]|客服|客户服务中心|总机|前台|总台|服务台|营业厅|营业部|售楼处|售票处|咨询处|挂号处)"
)
_PLACE = (
    rf"[{_HAN}0-9A-Za-z)](?:酒店|宾馆|饭店|旅馆|餐厅|景区|公园|度假村|山庄|庄园|农庄|医院|诊所|卫生院|学校|大学|学院|中学|小学|幼儿园|公司|集团|银行|支行|派出所|公安局|法院|检察院|政府"
    rf"|委员会|居委会|村委会|协会|学会|中心|办事处|编辑部|出版社|旅行社|图书馆|博物馆|纪念馆|展览馆|美术馆|体育馆|科技馆|剧院|剧场|影院|车站|机场|码头|物业|大厦|广场|商场|超市|基地|胜地"
    rf"|风景名胜|故居|遗址|[{_HAN}](?:馆|寺|庙|宫|园|院|局|店|厂|社|站|部|署|峪|湖|山|谷|岛))(?:\([^()\n]{{1,8}}\))?[,:]?"
    r"(?:的?(?:联系|办公|服务)?(?:电话|座机|传真|热线)|总机|:)"
)
_OFFICE = re.compile(
    rf"(?:{_SERVICE}|{_PLACE})(?:号码?)?(?:是|为)?(?:\([^()\n]{{1,6}}\))?(?:{_GAP}|</?[a-z]{{1,6}}>){{0,4}}"
    r"(?:[0-9()-]{7,14}[ /,、或;]{1,2})?\Z"
)
_OFFICE_BEHIND = re.compile(r" ?\(?(?:总机|前台|服务台|客服|售后|咨询|投诉)")


def _of_office(text: str, start: int, end: int) -> bool:
    return bool(_OFFICE.search(before(text, start)) or _OFFICE_BEHIND.match(behind(text, end)))


def _grade(text: str, start: int, end: int) -> float:
    ahead, after = before(text, start), behind(text, end)
    if not is_landline(landline_digits(text[start:end])) or QUANTITY.match(after):
        return REJECTED
    if (ORDER.search(ahead) or _NUMBERED.search(ahead)) and not _NAMED.search(ahead):
        return WEAK
    return UNSURE if re.search(r"[/=#^_]\Z|[A-Za-z]-\Z", ahead) else VALIDATED


_ADDRESS_BEFORE = re.compile(r"[号室户楼层栋幢座][ ,，]{1,2}\Z")  # invoices have both in one field


def _grade_plain(text: str, start: int, end: int) -> float:
    return min(CONTEXTUAL if _ADDRESS_BEFORE.search(before(text, start)) else UNSURE, _grade(text, start, end))


_BARE_LABEL = re.compile(
    r"(?:[电電][话話]|座机|固话|宅电|[传傳]真|致电|拨打|(?<![A-Za-z])(?ai:tel|fax))(?:号码|热线|[号號]|號碼)?(?:是|为)?[^0-9A-Za-z\u4e00-\u9fff]{0,5}"
    r"(?:[2-8][0-9]{2,3}-?[0-9]{4}[ /,、或]{1,3})?\Z"
)


def _grade_bare(text: str, start: int, end: int) -> float:
    """Seven or eight digits are a telephone only where the word says so."""
    labelled = _BARE_LABEL.search(before(text, start)) and not QUANTITY.match(behind(text, end))
    return CONTEXTUAL if labelled and len(set(text[start:end]) - {"-"}) > 1 else REJECTED


def _private(grade: Check, text: str, start: int, end: int) -> float:
    return REJECTED if _of_office(text, start, end) else grade(text, start, end)


def _official(grade: Check, text: str, start: int, end: int) -> float:
    return grade(text, start, end) if _of_office(text, start, end) else REJECTED


_SUBSCRIBER = r"(?:[2-8][0-9]{2,3}[ -]?[0-9]{4}|[2-8][0-9]{3} [0-9]{3})"
_EXTENSION = r"(?: ?(?:转(?:分机号?)?:?|-|#|(?ai:ext)\.?:? ?|分机号?:? ?) ?[0-9]{1,5})?"
_TRUNK = r"(?:10|2[0-9]|[3-9][0-9]{2})"
_START = r"(?<![0-9A-Za-z_+.])(?<![0-9]-)"
_END = r"(?![0-9A-Za-z_]|[.-][0-9])"
_BLANK = wide(" ") + "?"
_GROUPS = rf"(?:{DIGIT}{{2,3}}{SPACE}?{DIGIT}{{4}}|{DIGIT}{{3}}{wide(' ')}{DIGIT}{{3}})"
_WORDS: tuple[str, ...] = (
    "电话",
    "座机",
    "固话",
    "宅电",
    "传真",
    "热线",
    "联系",
    "致电",
    "拨打",
    "咨询",
    "来电",
    "回电",
)
_WORDS += ("電話", "傳真", "熱線", "聯繫", "聯絡", "致電", "諮詢", "打", "拨")
_WORDS += ("办公室", "总机", "直拨", "tel", "telephone", "fax")  # not call, phone: British numbers look the same
_ALL_WORDS = (*_WORDS, "phone", "call")

# Forms of landlines: name, pattern, anchor, grade, words, and whether one of them must be there.
_FORMS: tuple[tuple[str, str, str, Check, tuple[str, ...], bool], ...] = (
    (
        "landline",
        rf"{_START}(?:\(0{_TRUNK}\)[ -]?|0{_TRUNK} ?(?:-|—{{1,2}}) ?|(?:\(86\)[ -]?|86-)0?{_TRUNK}-|\(?(?:\+|00)86[ -]?(?:\(0\)|\(?0?){_TRUNK}\)?[ -]?)"
        rf"{_SUBSCRIBER}{_EXTENSION}{_END}",
        rf"{wide(digits)}{DIGIT}(?:{wide(')')}{SPACE}?|{_BLANK}(?:{wide('-')}|—{{1,2}}){_BLANK}){wide('2345678')}{_GROUPS}"
        rf"|(?:{wide('+')}|{wide('0')}{{2}}){wide('8')}{wide('6')}{wide(' -()0')}{{0,4}}{DIGIT}{{2,3}}{wide(') -')}{{0,2}}{wide('2345678')}{_GROUPS}",
        _grade,
        _ALL_WORDS,
        False,
    ),
    (
        "landline_plain",
        rf"{_START}(?:0{_TRUNK} ?{_SUBSCRIBER}{_EXTENSION}"
        rf"|0{_TRUNK}(?:-?\r?\n[2-8][0-9]{{6,7}}|-?[2-8][0-9]{{2,3}}\r?\n[0-9]{{4}})){_END}",  # or as a line broke it
        rf"{wide('0')}{DIGIT}{{2,3}}(?:{_BLANK}{wide('2345678')}{_GROUPS}|{wide('-')}?\r?\n{wide('2345678')}{DIGIT}{{6}}"
        rf"|{wide('-')}?{wide('2345678')}{DIGIT}{{2,3}}\r?\n{DIGIT}{{4}})",
        _grade_plain,
        _WORDS,
        True,
    ),
    (
        "landline_bare",
        rf"(?<![0-9A-Za-z_.+/=#-])[2-8][0-9]{{2,3}}-?[0-9]{{4}}(?:转[0-9]{{1,5}})?{_END}",
        rf"(?:[电電][话話]|座机|固话|宅电|[传傳]真|致电|拨打|{any_case('tel')}|{any_case('fax')})"
        rf"{_NOT_ALNUM}{{0,8}}{wide('2345678')}{DIGIT}{{2}}{wide(digits + '-')}{{4}}",
        _grade_bare,
        (),
        False,
    ),
)


# Hotlines

_HOTLINE_WORDS = (*_ALL_WORDS, "客服", "免费", "服务", "服務", "客戶", "订购", "人工")
_HOTLINE_WORDS += ("hotline", "toll", "customer", "service", "support", "aftersales")


_OTHER_NUMBER = re.compile(r"(?<![话話线線服])[号號][^0-9A-Za-z码碼]{0,3}\Z")  # 住院号：


def _check_hotline(text: str, start: int, end: int) -> float:
    ahead = before(text, start)
    other = _NUMBERED.search(ahead) or _OTHER_NUMBER.search(ahead)
    if other or QUANTITY.match(behind(text, end)):
        return REJECTED
    return VALIDATED if re.match(r"400[0-9]?-", text[start:end]) else UNSURE


_CALL_BEFORE = re.compile(
    rf"(?:(?:[热熱][线線]|客服|[电電][话話]|咨询|举报|投诉|挂失)(?:号码|电话|热线|中心|平台)?|拨打?|致[电電]|来电|打)(?:是|为)?{_GAP}{{0,4}}\Z"
    rf"|(?<![A-Za-z])(?ai:hotline|service|tel|phone)[^0-9A-Za-z{_HAN}]{{1,4}}\Z"
)
_CALL_BEHIND = re.compile(rf"{_GAP}?(?:政务|便民|市民|服务|客服|客户服务|热线|电话|投诉|举报|咨询|转人工)")
_COUNTED = re.compile(r" ?[人户例条位年月日名家次件起部分]")
_SHORT_CODE = r"(?:95[0-9]{3,4}|96[0-9]{3,4}|100(?:00|10|86|99|50)|12[0-9]{3}|11[0-9]{3})"
_SHORT_WIDE = f"{wide('19')}{wide('01256')}{DIGIT}{{3}}"


def _check_short_code(text: str, start: int, end: int) -> float:
    after = behind(text, end)
    if QUANTITY.match(after) or _COUNTED.match(after):
        return REJECTED
    return CONTEXTUAL if _CALL_BEFORE.search(before(text, start)) or _CALL_BEHIND.match(after) else REJECTED


def _check_cell(text: str, start: int, end: int) -> float:
    return CONTEXTUAL


def _check_foreign(text: str, start: int, end: int) -> float:
    value = text[start:end]
    if value.count(".") == 1 or QUANTITY.match(behind(text, end)) or value.count("(") != value.count(")"):
        return REJECTED  # one point makes a decimal number
    if not is_foreign(re.sub(r"\A00", "+", value)):
        return REJECTED
    doubtful = re.search(r"[0-9A-Za-z)\]]\Z|[0-9)\]] \Z|(?<![A-Za-z])[A-Za-z] \Z", before(text, start))  # x +1234…
    return UNSURE if value.startswith("00") or doubtful else VALIDATED


_COLUMN = "(?:客服|服务|咨询|投诉|举报|热线|联系)(?:电话|热线|号码)|热线|客服"

RULES: tuple[Rule, ...] = (
    *(
        Rule(name, "CN_LANDLINE", pattern, anchor, partial(_private, grade), words, mandatory=must)
        for name, pattern, anchor, grade, words, must in _FORMS
    ),
    *(
        Rule(
            f"{name}_of_office",
            "CN_HOTLINE",
            pattern,
            anchor,
            partial(_official, grade),
            (*words, "客服", "前台", "服务", "营业厅"),
            mandatory=must,
        )
        for name, pattern, anchor, grade, words, must in _FORMS
    ),
    Rule(
        "hotline",
        "CN_HOTLINE",
        rf"{_START}[48]00(?:([ -])[0-9]{{3}}\1[0-9]{{4}}|([ -])[0-9]{{4}}\2[0-9]{{3}}|[ -]?[0-9]{{7}}|[0-9]([ -])[0-9]{{3}}\3[0-9]{{3}})"
        rf"{_END}",
        rf"{wide('48')}{wide('0')}{{2}}(?:{SPACE}?{DIGIT}{{3,4}}{SPACE}?{DIGIT}{{3,4}}|{DIGIT}{SPACE}{DIGIT}{{3}}{SPACE}{DIGIT}{{3}})",
        _check_hotline,
        _HOTLINE_WORDS,
        mandatory=True,
    ),
    Rule(
        "hotline_short",
        "CN_HOTLINE",
        rf"(?<![0-9A-Za-z_.+/=#-]){_SHORT_CODE}{_END}",
        rf"(?:[热熱][线線]|客服|拨打|致[电電]|来电|[电電][话話]|咨询|举报|投诉|挂失|号码|中心|平台|[打拨]|{any_case('hotline')}|{any_case('service')}|{any_case('tel')}|{any_case('phone')})"
        rf"[是为]?{_NOT_ALNUM}{{0,4}}{_SHORT_WIDE}"
        rf"|{_SHORT_WIDE}{DIGIT}?{_NOT_ALNUM}?(?:政务|便民|市民|服务|客服|客户服务|热线|电话|投诉|举报|咨询|转人工)",
        _check_short_code,
    ),
    Rule(
        "hotline_in_row",
        "CN_HOTLINE",
        columns.pattern(_COLUMN, _SHORT_CODE, 0),
        columns.anchor(_COLUMN),
        _check_cell,
        longest=columns.LONGEST,
    ),
    Rule(
        "foreign",
        "INTL_PHONE",
        r"(?<![0-9A-Za-z_+])(?:\+|00)(?!86)[1-9](?:[ .()-]{0,2}[0-9]){6,14}" + _END,
        rf"(?:{wide('+')}|{wide('0')}{{2}}){wide('123456789')}(?:{wide(' .()-')}{{0,2}}{DIGIT}){{6}}",
        _check_foreign,
        (*_ALL_WORDS, "手机", "号码", "whatsapp", "mobile", "cell"),
        mandatory=True,
    ),
)
