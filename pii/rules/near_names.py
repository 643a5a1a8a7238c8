"""Names of people that something beside them makes personal information: an identifier, particulars, another name.

A name by itself is no finding. How much must speak for one depends on its edges: where no Han characters touch it, its
family name is enough; in the middle of a sentence it has to be made of characters typical of names.
"""

import re

from pii.family_names import (
    COMMON,
    COMPOUNDS,
    DOTTED,
    FIRST,
    FREQUENT,
    GIVEN,
    HAN,
    NAME,
    SURE,
    TITLES,
    TYPICAL,
    WORDLIKE,
    is_name,
)
from pii.label_ends import behind_one_of
from pii.rule import REJECTED, UNSURE, Rule, wide
from pii.rules.names import FIELDS, closed
from pii.surroundings import before, behind

_BESIDE = frozenset(
    [
        *("CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE", "CN_PASSPORT", "CN_TRAVEL_PERMIT"),
        *("CN_MILITARY_ID", "CN_DRIVING_LICENCE", "CN_SOCIAL_SECURITY", "CN_MOBILE", "INTL_PHONE", "EMAIL", "QQ"),
        *("WECHAT", "ALIPAY", "BANK_CARD", "CN_ADDRESS", "MEDICAL_RECORD", "CN_PLATE"),
    ]
)
_TALK = re.compile(
    r"[0-9]{4}|[0-9]{3}[ -][0-9]|@|[0-9一二三四五六七八九十][号室栋户组]|电话|手机|微信|身份证|号码|证号|[A-Z][·•]?[0-9A-Z]{5}"
    r"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]|驾驶证|护照|通行证|社保|病历|住院号|档案编?号|编号|卡号|微信|车牌|牌照"
    r"|(?ai:phone|tel|mobile|mail|card)"
)
_SENTENCE = re.compile(r"[。!?]|\n\s*\n")
# Words after which a name may begin in the middle of a run of Han characters.
_BEFORE = (
    *("联系", "我叫", "我是", "名叫", "咨询", "致电", "本人", "军人", "村民", "居民", "职工", "学生", "员工", "同学"),
    *("会员", "客户", "用户", "司机", "车主", "房东", "老师", "医生", "经理", "主任", "老板", "律师", "中介", "顾问"),
    *("找到", "呼叫", "请找", "回复", "收货", "收件", "寄给", "发给", "转给", "交给", "告诉", "通知", "记者", "教练"),
    *("队长", "班长", "组长", "店长", "院长", "校长", "秘书", "助理", "专员", "干事", "导演", "演员", "球员", "先生"),
    *(
        "女士",
        "通讯员",
        "父亲",
        "母亲",
        "丈夫",
        "妻子",
        "儿子",
        "女儿",
        "教授",
        "书记",
        "会长",
        "董事",
        "邻居",
        "业主",
        "住户",
        "人事",
        "管家",
        "骑手",
        "租客",
        "总监",
        "总裁",
        "护士",
    ),
)
_TURNED = behind_one_of("|".join(_BEFORE))
_BEGINS = rf"(?:(?<!{HAN})(?<![·•・])|{_TURNED})"
_ROLE = rf"(?!{HAN}{{0,4}}(?:[人员者]|业主|住户|客户|用户|自称|名叫|我[是叫]))"
_FOLLOWS = f"{TITLES}|{FIELDS}|的|驾驶|持有?|乘坐|名下|收(?![到入购费])|亲启|敬[上启]|您好|你好"
_VERBS = "[持驾乘骑在说是的和与及为将被也从向对于以让已曾因就又把称获给到]|表示|认为|介绍|告诉|担任|出生|毕业|负责|通过|进行|记者|通讯员"
_NUMBER = r"(?=[)」』】》]?[,:;、/( -]{0,2}(?:[+(]?[0-9]{3}|[A-Za-z0-9._]{2,9}@|(?:的|之)?(?:联系)?(?:电话|手机|微信|身份证|邮箱|QQ)))"


# What is called by a place or an account is no person; nor is a roster behind a role more than the role's own name.
_PLACES = re.compile("[峪沟村谷溪寺庙馆]\\Z")
_ACCOUNTS = re.compile(r"[)」』】》\"' ]{0,2}的?(?:微信)?(?:公众号|小程序)")
_ROLES = "医生|医师|大夫|护士|教师|老师|教授|学生|学员|考生|员工|职工|会员|成员|队员|球员|演员|委员|官员|司机|骑手|师傅|主任|会计|审核|校对|值班|作者|记者|[人员者]"
_ROSTER = re.compile(rf"(?:(?<!联系)(?<!收件)(?<!收货)(?<!经办)(?:{_ROLES})[: ]{{1,2}}|\A)(?:{HAN}{{0,4}}、)+\Z")


def _check(text: str, start: int, end: int) -> float:
    return UNSURE if is_name(text[start:end]) else REJECTED


def _check_cell(text: str, start: int, end: int) -> float:
    elsewhere = _PLACES.search(text[start:end]) or _ACCOUNTS.match(behind(text, end))
    return REJECTED if elsewhere else _check(text, start, end)


def _check_listed(text: str, start: int, end: int) -> float:
    """UNSURE but where only a role stands ahead of the list, or nothing is seen but the list."""
    return REJECTED if _ROSTER.search(before(text, start)) else _check(text, start, end)


def _check_beside(text: str, start: int, end: int) -> float:
    """UNSURE where something like an identifier is in sight; whether it is one, what stands beside decides."""
    if _check_cell(text, start, end) == REJECTED:
        return REJECTED
    ahead = _SENTENCE.split(before(text, start))[-1]
    after = _SENTENCE.split(behind(text, end))[0]
    return UNSURE if _TALK.search(ahead) or _TALK.search(after) else REJECTED


RULES: tuple[Rule, ...] = (
    Rule(
        "name_and_sex",
        "PERSON",
        rf"(?<!{HAN})(?P<value>{NAME})[,:、( ]{{1,2}}(?:性别:?)?[男女][,、。;) \n]",
        f"{wide(' ,:、(')}(?:性别[:：]?)?[男女]{wide(' ,、。;)' + chr(10))}",
        _check,
        ("身份证", "证件", "住址", "户籍", "现住", "电话", "手机", "患者", "被告人", "原告", "简历", "求职", "应届"),
        _BESIDE | {"BIRTH_DATE"},
        mandatory=True,
    ),
    Rule(
        "name_beside",
        "PERSON",
        rf"(?={HAN})(?={FIRST}){_BEGINS}"
        rf"(?:{closed(_FOLLOWS, SURE)}|(?:{COMPOUNDS}|{COMMON}){TYPICAL}{{1,2}}(?!{HAN})|{WORDLIKE}{TYPICAL}{{1,2}}?(?={_FOLLOWS}))"
        rf"|(?={HAN}{{1,4}}[·•・‧∙]){_BEGINS}{_ROLE}{DOTTED}",
        "",
        _check_beside,
        (),
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_in_cell",
        "PERSON",
        rf"(?={HAN})(?:(?<=[,\t|>;\"'「『【《(])|(?<=[,|:] )|(?<![^\n]))(?P<value>{_ROLE}{DOTTED}|(?:{COMPOUNDS}|{SURE}){GIVEN}{{1,2}}|{COMMON}{TYPICAL}{{1,2}})(?=[)」』】》]? ?(?:[,\t|<;\"'\n]|敬[上启]|\Z))",
        "",
        _check_cell,
        (),
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_before_number",
        "PERSON",
        rf"(?={HAN})(?={FIRST})(?<=[A-Za-z0-9\u3400-\u9fff])(?<![支主])(?:{COMPOUNDS}{TYPICAL}{{1,2}}|{SURE}{TYPICAL}{{2}}|{FREQUENT}{TYPICAL}(?<![尔斯克特德林])){_NUMBER}",
        "",
        _check,
        (),
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_amid",
        "PERSON",
        rf"(?={HAN})(?={FIRST})(?:{_BEGINS}|(?<=[和与让向对给找]))(?:{COMPOUNDS}|{FREQUENT})"
        rf"(?:{TYPICAL}{{2}}(?={_VERBS})|{TYPICAL}(?={_VERBS}))",
        "",
        _check_beside,
        (),
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_in_list",
        "PERSON",
        rf"(?<=、){NAME}(?=[、,。;)\n( ]|\Z|等)",
        "",
        _check_listed,
        (),
        frozenset({"PERSON"}),
        mandatory=True,
    ),
)
