"""Accounts of messengers: QQ and WeChat."""

import re
from string import ascii_letters, digits

from pii import columns
from pii.phones import is_mobile
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, UNSURE, WEAK, Rule, wide
from pii.surroundings import QUANTITY, any_case, before, behind

_HAN = "\u4e00-\u9fff"
_NOT_ALNUM = "[^0-9A-Za-z]"  # in anchors, where patterns say _GAP
_TAG = r"</?[A-Za-z]{1,6}[1-6]?>"
_GAP = rf"(?:[^0-9A-Za-z{_HAN}]|{_TAG})"  # between a label and its value: no letter, no digit, no Han, or a tag of HTML
_TAGS_WIDE = f"(?:{wide('/')}?{wide(ascii_letters)}{{1,6}}{wide('123456')}?{wide('>')}{_NOT_ALNUM}{{0,4}}){{0,3}}"  # < is in the gap


# The other one answers: 请提供您的QQ号。/ 用户：…
_ANSWER = rf"[^0-9A-Za-z{_HAN}]{{1,2}}(?:用户|客户|顾客|买家|卖家|客服|对方|家长|学生|网友|[甲乙我答]|[AB])[:]"


# QQ

_QQ_LABEL = re.compile(
    r"(?:(?:(?<![A-Za-z])(?ai:qq)|(?<=[a-z])QQ)|扣扣|秋秋|球球|企鹅号|企鹅(?=[: ])|[加+➕我私][我个]?[Qq]|(?<![0-9A-Za-z])[Qq](?=[:号號我]))"
    r"(?:\(?(?:同微信|微信同号|/微信|/vx|/V)\)?)?(?:[ _-]?(?:号码|號碼|[账帐帳][号號]|[号號]|联系方式|联系|咨询|客服|我|聊|(?ai:number|num|id|no)))?"
    rf"(?:就是|也是|还是|是|为|吧|哈|呀|发我|多少|(?:吗|呢)?{_ANSWER})?{_GAP}{{0,6}}(?:[1-9][0-9]{{4,10}}[ /,、或]{{1,3}})?\Z"
)
_NOT_QQ = re.compile(r" ?(?:人|名|位|户|家|年|月|日|号线|只|篇|条|版|分|点|集|群|首|款|天)")
_ASSIGNED = re.compile(  # to a variable
    r"(?:(?<![A-Za-z])[qQ]{2}(?: +=|=(?= )|[=!<>]=)[= ]*|(?<![A-Za-z])(?:int|long|short|unsigned|double|float|size_t|char|let|var|const|auto) +[qQ]{2} ?= ?)\Z"
)
_RUNNING = "012345678909876543210"


def _grade_qq(value: str) -> float:
    return WEAK if value in _RUNNING or len(set(value)) == 1 or value in ("10000", "10001") else CONTEXTUAL


def _check_qq(text: str, start: int, end: int) -> float:
    ahead, after, value = before(text, start), behind(text, end), text[start:end]
    label = _QQ_LABEL.search(ahead)
    if value.startswith("400") and len(value) == 10:
        return REJECTED  # a hotline
    if not label or QUANTITY.match(after) or _NOT_QQ.match(after) or re.match(r"[@.][0-9A-Za-z]", after):
        return REJECTED
    if "群" in ahead[max(0, label.start() - 3) :] or _is_mobile(value) or _ASSIGNED.search(ahead):
        return REJECTED
    return _grade_qq(value)


def _is_mobile(value: str) -> bool:
    return len(value) == 11 and value.isdigit() and is_mobile(value)


def _check_qq_cell(text: str, start: int, end: int) -> float:
    value = text[start:end]
    return REJECTED if _is_mobile(value) else _grade_qq(value)


# WeChat

_NAME = r"(?:微 ?信|薇信|徽信|[Vv]信|wei信|(?<![0-9A-Za-z_])(?ai:vx|wx|wechat|weixin)(?![A-Za-z_]))"
_SAME = r"(?:\((?:手机|电话|QQ)?(?:同号|同步)?\)|同号)?"  # 微信（手机同号）
_SURE = re.compile(  # whose own word says that an id follows
    rf"{_NAME}(?: ?(?:号码|號碼|[账帐帳][号號]|[号號]|(?ai:id|no))){_SAME}(?:就是|也是|[还還]是|改成|改为|换成|是|为|叫|(?:吗|呢)?{_ANSWER})?{_GAP}{{0,5}}\Z"
)
_SIGN = re.compile(  # 微信：
    rf"(?:{_NAME}|[加+➕]我? ?[Vv]|[加+➕]我?[薇威微](?=[: ])){_SAME}"
    rf"(?:(?: ?[:|=] ?|(?<![A-Za-z]) ?[\t/] ?|就是:?|也是:?|是:?|为:?|[还還]是:?|改成:?|换成:?|(?:吗|呢)?{_ANSWER})[ \"'“「『【《(\[]{{0,2}}|{_TAG}:? ?(?:{_TAG}){{0,2}}:? ?)\Z"
    rf"|[“「『【《(\[]{_NAME}[”」』】》)\]][: ]{{0,2}}\Z"
)
_FRAMED = re.compile(rf"{_NAME}{_SAME} ?[“「『【《(\[]\Z")  # 微信（abc123）
_SPACED = re.compile(rf"(?:\A|[\n|/;,、。:)>] ?){_NAME}{_SAME} {{1,2}}\Z")  # a field of a card: | 微信 abc123
_ADD = re.compile(  # 加我微信abc_123
    rf"(?:加|添加|联系|咨询|私聊?|扫|找|[{_HAN}](?=[Vv+]))[{_HAN}]{{0,3}}(?:微信|薇信|[Vv]信|(?ai:vx|wx|wechat|weixin|v))[ ]?[“「『【《(]?\Z"
)
_FIELD = re.compile(  # "wechat_id": "
    r"(?:[\"'](?ai:[a-z]{0,8}_?(?:wechat|weixin|wx|vx))|(?<![0-9A-Za-z])(?ai:wechat|weixin|wx|vx)(?=[_INHAn]))"
    r"_?(?ai:id|no|num|number|account|hao)?[\"']? ?[:=] ?[\"']\Z"
)
_BARE = re.compile(  # 手机138…，微信abc_123，
    r"(?:\A|[^0-9A-Za-z\u4e00-\u9fff])(?:[私本个]人|我的?|老板|客服)?(?:微信|薇信|[Vv]信)\Z"
)
_TOLD = re.compile(  # 加个微信吧abc123；换微信了，新的是abc123
    rf"(?:微信|薇信|[Vv]信)(?:吧|哈|呗|呀|哦|啊|了|号)?[,:。!~ ]{{0,2}}(?:[{_HAN}]{{0,5}}(?:是|叫|为|用)[:]?|[:])?[ “「]?\Z"
)
_PUBLIC = re.compile(r"公众|公號|公号|订阅号|服务号|小程序|官方|平台|关注|企业微信|微信群|群")
_PHONE_TOO = re.compile(r"(?:手机|电话|(?ai:tel|phone|mobile))[^0-9A-Za-z]{0,4}\Z")
_APP_ID = re.compile(r"wx[0-9a-f]{16}|gh_[0-9a-f]{8,16}")
_VERSION = re.compile(r"(?ai:v|ios|mac|win)[0-9][0-9_-]*")
_COMMON = re.compile(
    r"(?ai:android|iphone|windows|official|account|number|string|wechat|weixin|public|openid|unionid|appid|version|login|wxpay|message|please|facebook"
    r"|twitter|native|harmony|harmonyos|macos|chrome|function|nickname|username|return|object|boolean|integer|miniprogram|undefined|notnull|varchar"
    r"|password|default|required|optional|youtube|instagram)"
)


def _check_wechat(text: str, start: int, end: int) -> float:
    ahead, after, value = before(text, start), behind(text, end), text[start:end]
    if _no_id(value) or QUANTITY.match(after) or re.match(r"[@(\[=]|\.[0-9A-Za-z]", after):
        return REJECTED
    if _FIELD.search(ahead):
        return CONTEXTUAL if after[:1] in ("'", '"') and re.search(r"[0-9]", value) else REJECTED
    sure, sign, framed, add = _SURE.search(ahead), _SIGN.search(ahead), _FRAMED.search(ahead), _ADD.search(ahead)
    label = sure or sign or framed or add or _SPACED.search(ahead) or _BARE.search(ahead) or _TOLD.search(ahead)
    if label is None:
        return REJECTED
    lead = ahead[: label.start()]
    if _PUBLIC.search(lead[-8:]):
        return REJECTED
    if value.isdigit():
        doubtful = not (sure or sign) and not is_mobile(value)
        return REJECTED if doubtful or _PHONE_TOO.search(lead) else CONTEXTUAL
    if label.group().isascii() and not re.search(rf"[{_HAN}]", lead[-12:] + after):
        if "=" in label.group():
            return REJECTED
        named = re.search(r"(?ai:vx)|W[Ee]Chat|Wechat|WECHAT", label.group())  # code has wechat and wx, people these
        return CONTEXTUAL if named and re.search(r"[0-9]", value) else REJECTED
    if sure:
        return CONTEXTUAL
    if sign or add:
        return CONTEXTUAL if re.search(r"[0-9_-]", value) else UNSURE if sign else REJECTED
    closed = not framed or after[:1] in ("”", "」", "』", "】", "》", ")", "]")
    return CONTEXTUAL if closed and re.search(r"[0-9]", value) and not _VERSION.fullmatch(value) else REJECTED


def _no_id(value: str) -> bool:
    return bool(_APP_ID.fullmatch(value) or _COMMON.fullmatch(value))


def _check_wechat_cell(text: str, start: int, end: int) -> float:
    value = text[start:end]
    return REJECTED if _no_id(value) or not re.search(r"[0-9_-]", value) else CONTEXTUAL


_BLANK = wide(" ") + "?"
_ID = f"{any_case('id')}|{any_case('no')}"
_KEY_END = f"(?:{wide('_')}?(?:{_ID}|{any_case('num')}|{any_case('number')}|{any_case('account')}|{any_case('hao')}))?"
_LATIN = "|".join(any_case(label) for label in ("vx", "wx", "wechat", "weixin"))
_WECHAT = r"(?:[A-Za-z][0-9A-Za-z_-]{5,19}|[1-9][0-9]{5,10})"
_WECHAT_WIDE = f"{wide(digits + ascii_letters)}{wide(digits + ascii_letters + '_-')}{{5}}"
_QQ_WIDE = f"{wide('123456789')}{DIGIT}{{4}}"
_QQ_COLUMN, _WECHAT_COLUMN = (
    "(?:QQ|qq|扣扣)(?:号码|账号|号)?",
    "微信(?:号码|账号|号|ID|id)?|(?:wechat|weixin|wx|WeChat|VX|vx)(?:_?(?:id|no))?",
)


RULES: tuple[Rule, ...] = (
    Rule(
        "qq",
        "QQ",
        r"(?<![0-9.+_/-])[1-9][0-9]{4,10}(?![0-9A-Za-z_]|\.[0-9])",
        rf"(?:{wide('qQ')}|扣扣|秋秋|球球|企鹅){_NOT_ALNUM}{{0,24}}{_TAGS_WIDE}{_QQ_WIDE}"
        rf"|{any_case('qq')}{wide(' _-')}?(?:{any_case('num')}|{any_case('no')}|{any_case('id')}){wide(ascii_letters)}{{0,3}}{_NOT_ALNUM}{{0,8}}{_QQ_WIDE}"
        rf"|[/／](?:{any_case('vx')}|{wide('V')}){_NOT_ALNUM}{{0,12}}{_QQ_WIDE}",
        _check_qq,
    ),
    Rule(
        "wechat",
        "WECHAT",
        rf"(?<![0-9A-Za-z_.@-]){_WECHAT}(?![0-9A-Za-z_-])",
        rf"(?:{wide('微薇徽')}{_BLANK}信|{wide('vV')}信|{wide('iI')}信|[加+＋➕]我?{_BLANK}{wide('vV')}|[加+＋➕]我?[薇威微][：:　 ]){_NOT_ALNUM}{{0,12}}{_TAGS_WIDE}(?:(?:{_ID}){_NOT_ALNUM}{{0,8}})?{_WECHAT_WIDE}"
        rf"|(?:{_LATIN}){_KEY_END}{_NOT_ALNUM}{{0,8}}[:：号是=＝|｜>)）\]］】」』》]{_NOT_ALNUM}{{0,8}}{_TAGS_WIDE}{_WECHAT_WIDE}"
        rf"|(?:{_LATIN})(?:{wide(' ')}{{1,2}}|{_BLANK}[“「『【《(（\[［]|{_BLANK}(?:{_ID}){_NOT_ALNUM}{{0,8}}){_WECHAT_WIDE}"
        rf"|[{_HAN}](?:{_LATIN}|{wide('vV')}){_BLANK}{_NOT_ALNUM}?{_WECHAT_WIDE}",
        _check_wechat,
        ("加", "联系", "咨询", "添加", "私聊", "好友", "电话"),
        mandatory=True,
    ),
    *(
        Rule(
            f"{name}_in_row_{row + 1}",
            entity,
            columns.pattern(labels, value, row),
            columns.anchor(wide_labels),
            check,
            longest=columns.LONGEST,
        )
        for name, entity, labels, wide_labels, value, check in (
            (
                "qq",
                "QQ",
                _QQ_COLUMN,
                f"(?:{wide('qQ')}{{2}}|扣扣)(?:号码|账号|号)?",
                "[1-9][0-9]{4,10}",
                _check_qq_cell,
            ),
            (
                "wechat",
                "WECHAT",
                _WECHAT_COLUMN,
                f"微信(?:号码|账号|号|{any_case('id')})?|(?:{_LATIN})(?:{wide('_')}?(?:{_ID}))?",
                _WECHAT,
                _check_wechat_cell,
            ),
        )
        for row in range(columns.ROWS)
    ),
)
