"""Names of people behind or below a label, and of those who say who they are.

Who is in the news, in a poem or in a textbook is not looked for. A name begins with a family name of the list, ends
where the run of Han characters ends or a title, a field or a verb begins, and is no common word. Names beside
identifiers are found by pii/rules/near_names.py.
"""

import re

from pii import columns
from pii.family_names import (
    COMPOUNDS,
    DOTTED,
    FIRST,
    FREQUENT,
    GIVEN,
    HAN,
    ROMANISED,
    SINGLE,
    SURE,
    TITLES,
    TYPICAL,
    WORDLIKE,
    is_name,
)
from pii.rule import CONTEXTUAL, REJECTED, Rule, wide
from pii.surroundings import any_case

FIELDS = (
    "性别|电话|手机|联系|联络|身份|地址|年龄|住址|住所|出生|生日|民族|证件|号码|职务|职业|学号|工号|籍贯|邮箱|邮编|微信|单位|部门|科室|"
    "床号|住院|病历|编号|账号|账户|卡号|开户|户籍|班级|学校|公司|日期|时间|签字|签名|备注|收货|QQ"
)
_VERBS = (
    "[因于在向对与和将犯系未的称到经以诉为是曾从自被有已说不均及男女代之至则]|通过|提出|认为|主诉|自诉|自述|入院|住院|家属|签订|要求|涉嫌|提供|支付|名下|"
    "民间|借款|买卖|租赁|离婚|婚姻|继承|劳动|侵权|合同|纠纷|机动|房屋|财产|身体|名誉|不当|追偿|抚养|赡养|分家|居间|服务|金融|物业|建设|执行|申请|"
    "您|你|请|收"
)
# What may close a name: the end of the Han run first, only then a word, so that no name is cut that ends in 和 or 为.
END = rf"(?![·•・‧∙*]|{HAN})"


def closed(stops: str, single: str) -> str:
    """A name with this class of family names up to its end, or up to one of the stops."""
    return rf"(?:(?:{COMPOUNDS}|{single}){GIVEN}{{1,2}}{END}|(?:{COMPOUNDS}|{single}){GIVEN}{{1,2}}?(?={stops}))"


def _wordlike(stops: str) -> str:
    """A name whose family name is a common word too: the rest must be typical."""
    return rf"(?:{WORDLIKE}{TYPICAL}{{1,2}}{END}|{WORDLIKE}{TYPICAL}{{1,2}}?(?={stops}))"


# Labels of forms: something that is no Han must part them from the name.
_FORM_LABELS = (
    "名字|真名|联络人|取件人|提货人|经手人|投诉人|举报人|报案人|报警人|求助人|法人代表|收件|寄件|发件|收货|收方|寄方|署名|落款|"
    "法人|负责人|开户名|开户人|收款人|付款人|汇款人|打款人|收款方|付款方|转账人|家长|父亲|母亲|配偶|丈夫|妻子|儿子|女儿|亲属|新郎|新娘|[甲乙丙]方|出租[人方]|承租[人方]|"
    "租客|房东|借款人|出借人|担保人|保证人|投保人|被保险人|参保人|受益人|患者|病人|病员|就诊人|受检[者人]|孕妇|产妇|患儿|死者|伤者|失主|事主|学生|考生|学员|"
    "班主任|任课教师|教师|老师|主治医[生师]|接诊医生|医师|医生|委托人|受托人|收养人|赠与人|受赠人|转让[人方]|受让[人方]|抵押人|质押人|"
    "代理人|授权人|证明人|见证人|推荐人|介绍人|签名|签字|签收人?|签署人|签约人|领取人|领用人|填表人|填报人|申报人|报名人|报告人|登记人|值班人员?|客户|会员|用户|"
    "车主|机主|店主|业主|住户|产权人|权利人|所有权人|乘客|乘车人|乘机人|出行人|旅客|游客|入住人|预订人|预约人|订票人|订货人|买方|卖方|买受人|出卖人|驾驶[员人]|司机|"
    "应聘者|求职者|候选人|员工|职工|本人|当事人|被告人?|原告人?|被害人|受害人|嫌疑人|上诉人|被申请人|第三人|执行人|证人|"
    "[Rr]eal_?[Nn]ame|[Ff]ull_?[Nn]ame|[Uu]ser_?[Nn]ame|[Tt]rue_?[Nn]ame|[Cc]ontact(?:_?[Nn]ame|_?[Pp]erson)?|[Cc]ustomer(?:_?[Nn]ame)?|"
    "[Pp]atient(?:_?[Nn]ame)?|[Cc]onsignee|[Rr]eceiver(?:_?[Nn]ame)?|[Rr]ecipient|[Ss]ender|[Pp]assenger|[Pp]ayee|[Xx]ingming|xm"
)
# Labels of forms behind which a space or the end of a line is enough.
_PLAIN_LABELS = "姓[SP]{0,4}名|联系人|收件人|收货人|寄件人|发件人|经办人|申请人|法定代表人|户主|(?<![用客])户[SP]{0,4}名|持卡人|监护人"
# Labels that run on into the name without anything between.
_RUNNING_LABELS = (
    "姓名|联系人|收件人|收货人|寄件人|户主|监护人|患者|被告人?|原告人?|被害人|受害人|嫌疑人|上诉人|申请人|被申请人|执行人|第三人|现役军人|"
    "法定代表人|经办人|持卡人|收款人|开户名|(?<![用客])户名|借款人|出借人|投保人|被保险人|参保人|承租人|出租人|委托代理人|我的名字[是叫]"
)
# Keys of programs, each a common word: told by the Han characters of their value.
_KEYS = (
    *("payer", "owner", "driver", "applicant", "student", "employee", "holder", "cardholder", "buyer", "seller"),
    *("client", "member", "beneficiary", "guardian", "insured", "traveller", "traveler", "guest", "tenant", "doctor"),
    *(
        "teacher",
        "linkman",
        "addressee",
        "receiver",
        "receive",
        "signer",
        "victim",
        "resident",
        "user_info",
        "borrower",
    ),
    *("account", "bank", "emergency", "parent", "father", "mother", "child", "legal_person", "shouhuoren"),
)
# At most 20 characters: marks, and up to two tags of a table or a page.
_MARKS = "[ \t\"'*`:=|>()「」『』【】《》“”‘’\\[\\]﹕]"
_TAGS = r"(?:<[A-Za-z/]{1,6}>[\n ]{0,2}){1,3}"
_SPACE_GAP = rf"(?:{_MARKS}{{1,6}}\n?|\n|{_MARKS}{{0,2}}{_TAGS}){_MARKS}{{0,3}}"
_COLON_GAP = rf"{_MARKS}{{0,3}}(?:[\t\"'`:=|(「」『』【】﹕]|{_TAGS}){_MARKS}{{0,4}}"
_FORM_START = rf"(?<![A-Za-z_-])(?:(?:{_PLAIN_LABELS.replace('[SP]', ' ')}){_SPACE_GAP}|(?:{_FORM_LABELS}){_COLON_GAP})"
_LATIN_NAME = r"(?:[A-Z][A-Za-z]{1,8} ?[A-Z][A-Za-z]{1,11}|[A-Z][a-z]{1,7}, ?[A-Z][a-z]{1,11})(?![A-Za-z@.]| [A-Za-z])"


def _bare(labels: str) -> str:
    """Labels without look-around, for anchors."""
    return labels.replace("(?<![用客])", "")


def _raw_labels(labels: str) -> str:
    """Labels as they may stand in unfolded text: ASCII letters of either width."""
    spread = re.sub(
        r"\[([A-Z][a-z])\]|([A-Za-z_])(?![\]A-Z])", lambda m: wide(m[1] or m[2]), labels.replace("[SP]", "\0")
    )
    return spread.replace("\0", wide(" "))


# Anchors hold no more than it takes to be rare: RE2 pays for every counter and every scattered class.
_RAW_SPACE = wide(" ")
_RAW_QUOTE = wide("\"'`(")
_RAW_MARKS = wide(" \t\"'*`:=|>()[]")[:-1] + "「」『』【】《》“”‘’﹕]"
_FORM_ANCHOR = f"(?:{_raw_labels(_bare(_PLAIN_LABELS) + '|' + _FORM_LABELS)})(?:{_RAW_MARKS}|[\n<＜])"
_SYLLABLE = (
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:i?ang|i?ong|u?ang|[aeiu]?ng|[iu]?an|u?ai|iao|[aeiouvü]{1,2}|[aeiu]n|er)"
)
_SYLLABLES = re.compile(rf"(?:{_SYLLABLE}'?){{1,3}}")


def _check(text: str, start: int, end: int) -> float:
    return CONTEXTUAL if is_name(text[start:end].replace(" ", "")) else REJECTED


def _check_latin(text: str, start: int, end: int) -> float:
    """Romanised Chinese names alone: one part a family name, the other its one to three syllables."""
    parts = re.findall("[A-Z]+[a-z]*", text[start:end])
    if len(parts) != 2:
        return REJECTED
    one, other = (part.lower() for part in parts)
    chinese = (one in ROMANISED and _SYLLABLES.fullmatch(other)) or (other in ROMANISED and _SYLLABLES.fullmatch(one))
    return CONTEXTUAL if chinese else REJECTED


_COLUMN = (
    r"[^,\t|;\n\"']{0,6}姓名|联系人|收[件货款]人|寄件人|户主|(?:(?<![^\n])|(?<=[号d],))(?:员工|职工|学生|教师|老师|学员|考生|乘客|旅客|客户|会员|患者|业主|车主|司机|驾驶员|"
    r"申请人|负责人|经办人|持卡人|付款人|当事人|家长)|(?<![a-z_])(?:real_?name|full_?name|xingming)"
)
_COLUMN_ANCHOR = "|".join(
    [
        columns.anchor(f"姓名|联系人|收[件货款]人|寄件人|户主|{columns.raw_letters(('realname', 'real_name', 'fullname', 'full_name', 'xingming'))}"),
        "(?:^|[\n\"' |号]|" + wide("d,\"' |") + ")"
        + columns.anchor("员工|职工|学生|教师|老师|学员|考生|乘客|旅客|客户|会员|患者|业主|车主|司机|驾驶员|申请人|负责人|经办人|持卡人|付款人|当事人|家长"),
    ]
)  # fmt: skip
_ASKED = "问一下|问下|问问|找一下|找下|转告|麻烦|拜托|告诉一下|帮我(?:问|找|叫|喊|联系)(?:一?下)?|请转[告交]"
_PERSON = rf"(?:{COMPOUNDS}|{FREQUENT}|{WORDLIKE}){TYPICAL}{{1,2}}"

RULES: tuple[Rule, ...] = (
    Rule(
        "name_of_form",
        "PERSON",
        _FORM_START
        + rf"(?=(?P<value>{DOTTED}|{closed(TITLES + '|' + FIELDS, SINGLE)}|{SINGLE}{SINGLE}{GIVEN}{{2}}{END}|{SINGLE} {{1,4}}{GIVEN}{END}))",
        _FORM_ANCHOR,
        _check,
        longest=80,
    ),
    Rule(
        "name_of_key",
        "PERSON",
        rf"(?<![A-Za-z])(?ai:{'|'.join(dict.fromkeys(_KEYS))})(?:_?[Nn]ame)?[\"'`]? ?[:=] ?[\"'`(]?(?=(?P<value>{DOTTED}|{closed(TITLES, SINGLE)}))",
        f"(?:{'|'.join(map(any_case, dict.fromkeys(_KEYS)))})(?:{wide('_')}?{any_case('name')})?{_RAW_QUOTE}?{_RAW_SPACE}?{wide(':=')}{_RAW_SPACE}?{_RAW_QUOTE}?{HAN}",
        _check,
        longest=96,
    ),
    Rule(
        "name_in_sentence",
        "PERSON",
        rf"(?:{_RUNNING_LABELS})[为是叫]?[(「『【《]?(?=(?P<value>{DOTTED}|{closed(TITLES + '|' + FIELDS + '|' + _VERBS, SURE)}|{_wordlike(TITLES + '|' + FIELDS + '|' + _VERBS)}))",
        rf"(?:{_bare(_RUNNING_LABELS)})[为是叫]?[(（「『【《]?(?:{FIRST}|{HAN}+[·•・‧∙])",
        _check,
        longest=64,
    ),
    Rule(
        "name_romanised",
        "PERSON",
        rf"(?:{_FORM_START}|(?<![A-Za-z_-])(?:拼音|[Nn]ame|NAME){_COLON_GAP})(?=(?P<value>{_LATIN_NAME}))",
        _FORM_ANCHOR
        + f"|(?:拼音|{_raw_labels('[Nn]ame|NAME')}){_RAW_MARKS}+[A-ZＡ-Ｚ][A-Za-zＡ-Ｚａ-ｚ]+[,，]?{_RAW_SPACE}?[A-ZＡ-Ｚ]",
        _check_latin,
        longest=64,
    ),
    Rule(
        "name_introduced",
        "PERSON",
        rf"(?<!《)(?:我叫|我名叫|本人叫)[(「『【《]?(?=(?P<value>{DOTTED}|(?:{COMPOUNDS}|{SURE}|{WORDLIKE}){TYPICAL}{{1,2}}(?:(?=是|来自|今年|住在|毕业|{FIELDS})|{END})))",
        rf"(?:我名?叫|本人叫)[(（「『【《]?(?:{FIRST}|{HAN}+[·•・‧∙])",
        _check,
        longest=64,
    ),
    Rule(
        "name_of_oneself",
        "PERSON",
        rf"(?:我是|我就是|这里是)(?:{HAN}{{1,8}}的)?[(「『【《]?(?=(?P<value>{DOTTED}|{_PERSON}(?!》){END}))",
        rf"(?:我就?是|这里是)(?:{HAN}*的)?[(（「『【《]?(?:{FIRST}|{HAN}+[·•・‧∙])",
        _check,
        longest=64,
    ),
    Rule(
        "name_asked_for",
        "PERSON",
        rf"(?:{_ASKED})[(「『【《]?(?=(?P<value>{_PERSON})[)」』】》]?(?:{TITLES}|在不在|在吗|[,，。?？]))",
        rf"(?:{_ASKED})[(（「『【《]?{FIRST}",
        _check,
    ),
    Rule(
        "name_greeted",
        "PERSON",
        rf"(?<!{HAN})(?<![·•・A-Za-z])(?P<value>{_PERSON})[)」』】》]?(?:先生|女士|小姐|同学|老师|医生|经理)?[,: ]{{0,2}}[您你]好(?!{HAN})",
        rf"{HAN}[)）」』】》]?[,，:： 　]?[,，:： 　]?[您你]好",
        _check,
    ),
    *(
        Rule(
            f"name_in_row_{row + 1}",
            "PERSON",
            columns.pattern(_COLUMN, rf"{DOTTED}|(?:{COMPOUNDS}|{SINGLE}){GIVEN}{{1,2}}", row),
            _COLUMN_ANCHOR,
            _check,
            longest=columns.LONGEST,
        )
        for row in range(columns.ROWS)
    ),
)
