"""Names of people and dates of birth, on cheap evidence: behind a label, beside an identifier, before a sex. A name alone is no finding.

Who is in the news, in a poem or in a textbook is not looked for. A name begins with a family name of the list, ends
where the run of Han characters ends or a title, a field or a verb begins, and is no common word.
"""

import re
from importlib import resources
from string import ascii_letters

from pii.people import year_of_birth
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, UNSURE, WEAK, Rule, wide
from pii.surroundings import before, behind


def _sections() -> dict[str, str]:
    """The parts of surnames.txt by their headings, without comments."""
    text = resources.files("pii").joinpath("data/surnames.txt").read_text(encoding="utf-8")
    parts = re.split(r"^\[(\w+)\]\n", "\n".join(line for line in text.splitlines() if line[:1] != "#"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _no_names() -> frozenset[str]:
    words: set[str] = set()
    for file in ("no_names.txt", "divisions.tsv"):
        lines = resources.files("pii").joinpath(f"data/{file}").read_text(encoding="utf-8").splitlines()
        words.update(word for line in lines if line[:1] != "#" for word in line.split())
    return frozenset(words)


_SURNAMES = _sections()
_SINGLE = "[" + "".join(_SURNAMES["single"].split()) + "]"
_COMPOUND = "(?:" + "|".join(_SURNAMES["compound"].split()) + ")"
_ROMANISED = frozenset(_SURNAMES["romanised"].split())
_NO_NAMES = _no_names()

_HAN = "[\u3400-\u9fff\U00020000-\U0003134f]"
# Characters that stand in text all the time and in given names next to never.
_NEVER = (
    "的了是在不这个们吗呢吧啊呀哦嘛么很也都还又再把被让给跟您你我他她它某等号码话费价款账页室省市县区镇乡厅局司店厂院所馆站队"
    "组班届件份笔或及但且哪谁什没请说问对要吃买卖型版率量额税票券奖类种些每各此那机证线者址箱办务院部岁钱病药死着过得就只"
    "最更已将从去做看想写打叫送找到便越嫌户职姓性男儒"
)
_GIVEN = rf"(?:(?![{_NEVER}]){_HAN})"
_TITLES = (
    "先生|女士|小姐|同志|同学|老师|医生|大夫|护士|律师|教授|经理|主任|阿姨|师傅|法官|警官|院长|校长|书记|局长|处长|科长"
)
_FIELDS = (
    "性别|电话|手机|联系|联络|身份|地址|年龄|住址|住所|出生|生日|民族|证件|号码|职务|职业|学号|工号|籍贯|邮箱|邮编|微信|单位|部门|科室|"
    "床号|住院|病历|编号|账号|账户|卡号|开户|户籍|班级|学校|公司|日期|时间|签字|签名|备注|收货|QQ"
)
_VERBS = "[因于在向对与和将犯系未的称到经以诉为是曾从自被有已说不均及男女代之至则]|通过|提出|认为|主诉|自诉|自述|入院|住院|家属|签订|要求|涉嫌|提供|支付|名下"
_NAME = rf"(?:{_COMPOUND}{_GIVEN}{{1,2}}|{_SINGLE}{_GIVEN}{{1,2}})"
_DOTTED = rf"{_HAN}{{1,8}}(?:[·•・‧∙]{_HAN}{{1,8}}){{1,3}}(?!{_HAN})"
# What may close a name: the end of the Han run first, only then a word, so that no name is cut that ends in 和 or 为.
_END = rf"(?![·•・‧∙*]|{_HAN})"


def _closed(stops: str, single: str) -> str:
    return rf"(?:(?:{_COMPOUND}|{single}){_GIVEN}{{1,2}}{_END}|(?:{_COMPOUND}|{single}){_GIVEN}{{1,2}}?(?={stops}))"


# Family names that are common words too: enough behind a label and a colon, too little in a sentence or by themselves.
_WORDS = "慎和应经都占于常平时从向查曾尚代冷员那能索解盛全何满简越通别来后初单双家年强成明官国文商公支计包修位战展敬当由万丰有权相位"
_SURE = "[" + "".join(char for char in _SINGLE[1:-1] if char not in _WORDS) + "]"


# Labels of forms: something that is no Han must part them from the name.
_FORM_LABELS = (
    "名字|真名|联络人|取件人|提货人|经手人|投诉人|举报人|报案人|求助人|法人代表|"
    "法人|负责人|开户名|开户人|持卡人|收款人|付款人|汇款人|监护人|家长|父亲|母亲|配偶|丈夫|妻子|儿子|女儿|[甲乙丙]方|出租[人方]|承租[人方]|"
    "租客|房东|借款人|出借人|担保人|保证人|投保人|被保险人|受益人|患者|病人|病员|就诊人|死者|学生|考生|学员|班主任|委托人|受托人|"
    "代理人|授权人|证明人|见证人|签名|签字|签收人|签署人|客户|会员|用户|车主|业主|住户|乘客|乘车人|旅客|入住人|预订人|预约人|订票人|订货人|买方|卖方|"
    "应聘者|求职者|员工|职工|本人|当事人|被告人?|原告人?|被害人|受害人|嫌疑人|上诉人|被申请人|第三人|执行人|证人|"
    "[Rr]eal_?[Nn]ame|[Ff]ull_?[Nn]ame|[Uu]ser_?[Nn]ame|[Cc]ontact(?:_?[Nn]ame|_?[Pp]erson)?|[Cc]ustomer(?:_?[Nn]ame)?|"
    "[Pp]atient(?:_?[Nn]ame)?|[Cc]onsignee|[Rr]eceiver(?:_?[Nn]ame)?|[Rr]ecipient|[Ss]ender|[Xx]ingming|xm"
)
# Labels of forms behind which a space or the end of a line is enough.
_PLAIN_LABELS = "姓[SP]{0,4}名|联系人|收件人|收货人|寄件人|发件人|经办人|申请人|法定代表人|户主|(?<![用客])户[SP]{0,4}名|持卡人|监护人"
# Labels that run on into the name without anything between.
_RUNNING_LABELS = (
    "姓名|联系人|收件人|收货人|寄件人|户主|监护人|患者|被告人?|原告人?|被害人|受害人|嫌疑人|上诉人|申请人|被申请人|执行人|第三人|"
    "法定代表人|经办人|持卡人|收款人|开户名|(?<![用客])户名|借款人|出借人|投保人|承租人|出租人|委托代理人"
)
# At most 20 characters: marks, and up to two tags of a table or a page.
_MARKS = "[ \t\"'*`:=|>()「」『』【】\\[\\]﹕]"
_TAGS = r"(?:<[A-Za-z/]{1,6}>[\n ]{0,2}){1,3}"
_SPACE_GAP = rf"(?:{_MARKS}{{1,6}}\n?|\n|{_MARKS}{{0,2}}{_TAGS}){_MARKS}{{0,3}}"
_COLON_GAP = rf"{_MARKS}{{0,3}}(?:[\t\"'`:=|(「」『』【】﹕]|{_TAGS}){_MARKS}{{0,4}}"
_FORM_START = rf"(?<![A-Za-z_-])(?:(?:{_PLAIN_LABELS.replace('[SP]', ' ')}){_SPACE_GAP}|(?:{_FORM_LABELS.replace('[SP]', ' ')}){_COLON_GAP})"
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


# 1 in the list below: a family name, or the first part of a dotted name, right behind the label.
_FIRST = _SINGLE[:-1] + "".join(sorted({word[0] for word in _SURNAMES["compound"].split()})) + "]"

_RAW_SPACE, _RAW_MARK, _RAW_STOP = wide(" "), wide(" ,:、("), wide(" ,、。;)\n")

# Anchors hold no more than it takes to be rare: RE2 pays for every counter and every scattered class.
_RAW_MARKS = wide(" \t\"'*`:=|>()[]")[:-1] + "「」『』【】﹕]"
_FORM_ANCHOR = f"(?:{_raw_labels(_bare(_PLAIN_LABELS) + '|' + _FORM_LABELS)})(?:{_RAW_MARKS}|[\n<＜])"

_BESIDE = frozenset(
    [
        "CN_ID_CARD",
        "CN_RESIDENCE_PERMIT",
        "CN_PERMANENT_RESIDENCE",
        "CN_PASSPORT",
        "CN_TRAVEL_PERMIT",
        "CN_MILITARY_ID",
        "CN_DRIVING_LICENCE",
        "CN_SOCIAL_SECURITY",
        "CN_MOBILE",
        "EMAIL",
        "QQ",
        "WECHAT",
        "ALIPAY",
        "BANK_CARD",
        "CN_ADDRESS",
        "MEDICAL_RECORD",
    ]
)
_TITLED = re.compile(rf".{{1,2}}(?:{_TITLES}|[总工哥姐叔婶爷奶嫂])\Z")
_TALK = re.compile(
    r"[0-9]{4}|[0-9]{3}[ -][0-9]|@|[0-9一二三四五六七八九十][号室栋户组]|电话|手机|微信|身份证|(?ai:phone|tel|mobile|mail|card)"
)
_SENTENCE = re.compile(r"[。!?]|\n\s*\n")
_SYLLABLE = (
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:i?ang|i?ong|u?ang|[aeiu]?ng|[iu]?an|u?ai|iao|[aeiouvü]{1,2}|[aeiu]n|er)"
)
_SYLLABLES = re.compile(rf"(?:{_SYLLABLE}'?){{1,3}}")


def _is_name(value: str) -> bool:
    return value not in _NO_NAMES and not _TITLED.match(value)


def _check_labelled(text: str, start: int, end: int) -> float:
    value = text[start:end].replace(" ", "")
    return CONTEXTUAL if _is_name(value) else REJECTED


def _check_latin(text: str, start: int, end: int) -> float:
    """Romanised Chinese names alone: one part a family name, the other its one to three syllables."""
    parts = re.findall("[A-Z]+[a-z]*", text[start:end])
    if len(parts) != 2:
        return REJECTED
    one, other = (part.lower() for part in parts)
    chinese = (one in _ROMANISED and _SYLLABLES.fullmatch(other)) or (other in _ROMANISED and _SYLLABLES.fullmatch(one))
    return CONTEXTUAL if chinese else REJECTED


def _check_unsure(text: str, start: int, end: int) -> float:
    return UNSURE if _is_name(text[start:end]) else REJECTED


def _check_beside(text: str, start: int, end: int) -> float:
    """UNSURE where something like an identifier is in sight; whether it is one, what stands beside decides."""
    if not _is_name(text[start:end]):
        return REJECTED
    ahead = _SENTENCE.split(before(text, start))[-1]
    after = _SENTENCE.split(behind(text, end))[0]
    return UNSURE if _TALK.search(ahead) or _TALK.search(after) else REJECTED


# Dates of birth. A year alone is none, and neither is the first of two years.
_MONTH, _DAY = "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12][0-9]|0?[1-9])"
_HAN_MONTH, _HAN_DAY = (
    "(?:十[一二]?|元|[一二三四五六七八九])",
    "(?:三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])",
)
_YEAR, _HAN_YEAR = "(?:1[0-9]|20)[0-9]{2}", "[一二][〇○零一二三四五六七八九]{3}"
_HAN_DATE = (
    f"(?:{_YEAR}|[0-9]{{2}}) ?年 ?{_MONTH} ?月(?: ?{_DAY} ?[日号])?"
    f"|(?:{_HAN_YEAR}|[二三四五六七八九〇零][〇零一二三四五六七八九])年{_HAN_MONTH}月(?:{_HAN_DAY}[日号])?"
)
_ANY_DATE = (
    f"(?:{_HAN_DATE}|{_YEAR}(?P<sep>[-./]){_MONTH}(?P=sep){_DAY}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|{_YEAR}[-./]{_MONTH})"
    "(?![0-9A-Za-z]|[-./][0-9])"
)
_BORN = "出生(?:日期|年月日?|时间|于)?|生日|生于|诞生于|(?ai:date ?of ?birth|birth_?(?:day|date)|dob)"
_RAW_BORN = (
    "(?:出生|生日|生于|"
    + "|".join("".join(wide(char + char.upper()) for char in word) for word in ("birth", "dob"))
    + ")"
)
_BORN_GAP = rf"(?:{_MARKS}|[是为在]|[公农阳阴]历|<[A-Za-z/]{{1,6}}>){{0,6}}"
_RAW_BORN_GAP = wide(" \t\"'*`:=|<>()[]/_" + ascii_letters)[:-1] + "「」『』【】﹕是为在公农阳阴历日期年月时间于]*"
_FORM = re.compile(
    r"(?:日期|年月日?|时间|生日|(?ai:birth|day|date|dob)[_A-Za-z]{0,5})[^0-9一二三四五六七八九A-Za-z]{0,20}\Z|出生[:|\"'\t ]{1,6}\Z"
)


def _check_birth(text: str, start: int, end: int) -> float:
    """CONTEXTUAL behind a label of a form; UNSURE in a sentence, for encyclopaedias are full of them."""
    year = year_of_birth("BIRTH_DATE", text[start:end])
    if year is None or re.match(r" ?[-~—至到]{1,2} ?[0-9]", behind(text, end)):
        return REJECTED
    if year < 1910:
        return WEAK
    return CONTEXTUAL if _FORM.search(before(text, start)) else UNSURE


_BIRTH_CONTEXT = (
    "身份证",
    "证件号",
    "性别",
    "男,",
    "女,",
    "男、",
    "女、",
    "民族",
    "住址",
    "户籍",
    "现住",
    "电话",
    "手机",
    "籍贯",
    "被告人",
    "患者",
    "本人",
    "联系",
)

RULES: tuple[Rule, ...] = (
    Rule(
        "birth_date",
        "BIRTH_DATE",
        rf"(?<![A-Za-z])(?:{_BORN}){_BORN_GAP}(?=(?P<value>{_ANY_DATE}))",
        f"{_RAW_BORN}{_RAW_BORN_GAP}(?:{DIGIT}|[一二三四五六七八九〇零]{{2}})",
        _check_birth,
        _BIRTH_CONTEXT,
        _BESIDE,
        mandatory=True,
        longest=80,
    ),
    Rule(
        "born_on",
        "BIRTH_DATE",
        rf"(?<![0-9])(?P<value>{_HAN_DATE}|{_YEAR}\.{_MONTH})(?:出生|生(?=[,、。;) \n于]))",
        rf"[月日号](?:出生|生[,，、。;；)） \n于])|{DIGIT}(?:出生|生[,，、。;；)） \n于])",
        _check_birth,
        _BIRTH_CONTEXT,
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_of_form",
        "PERSON",
        _FORM_START
        + rf"(?=(?P<value>{_DOTTED}|{_closed(_TITLES + '|' + _FIELDS, _SINGLE)}|{_SINGLE}{_SINGLE}{_GIVEN}{{2}}{_END}|{_SINGLE} {{1,4}}{_GIVEN}{_END}))",
        _FORM_ANCHOR,
        _check_labelled,
        longest=80,
    ),
    Rule(
        "name_in_sentence",
        "PERSON",
        rf"(?:{_RUNNING_LABELS})[为是叫]?(?=(?P<value>{_closed(_TITLES + '|' + _FIELDS + '|' + _VERBS, _SURE)}))",
        rf"(?:{_bare(_RUNNING_LABELS)})[为是叫]?{_FIRST}",
        _check_labelled,
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
        "name_and_sex",
        "PERSON",
        rf"(?<!{_HAN})(?P<value>{_NAME})[,:、( ]{{1,2}}(?:性别:?)?[男女][,、。;) \n]",
        f"{_RAW_MARK}(?:性别[:：]?)?[男女]{_RAW_STOP}",
        _check_unsure,
        ("身份证", "证件", "住址", "户籍", "现住", "电话", "手机", "患者", "被告人", "原告"),
        _BESIDE | {"BIRTH_DATE"},
        mandatory=True,
    ),
    Rule(
        "name_beside",
        "PERSON",
        rf"(?:(?<!{_HAN})(?<![·•・])|(?<=联系)|(?<=我叫)|(?<=我是)|(?<=名叫)|(?<=咨询)|(?<=致电)|(?<=本人))"
        rf"{_closed(_TITLES + '|' + _FIELDS + '|的', _SURE)}",
        "",
        _check_beside,
        (),
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "name_in_list",
        "PERSON",
        rf"(?<=、){_NAME}(?=[、,。;)\n( ]|\Z|等)",
        "",
        _check_unsure,
        (),
        frozenset({"PERSON"}),
        mandatory=True,
    ),
)
