"""Dates of birth: behind or above a label, or before the word born. A year alone is none."""

import re
from string import ascii_letters

from pii import columns
from pii.people import year_of_birth
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, UNSURE, WEAK, Rule, wide
from pii.surroundings import before, behind

_MONTH, _DAY = "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12][0-9]|0?[1-9])"
_HAN_MONTH, _HAN_DAY = (
    "(?:十[一二]?|元|正|腊|[一二三四五六七八九])",
    "(?:三十一?|二?十[一二三四五六七八九]?|初?[一二三四五六七八九十])",
)
_YEAR, _HAN_YEAR = "(?:1[0-9]|20)[0-9]{2}", "[一二][〇○零一二三四五六七八九]{3}"
_HAN_DATE = (
    f"(?:{_YEAR}|[0-9]{{2}}) ?年 ?{_MONTH} ?月(?: ?{_DAY} ?[日号])?"
    f"|(?:{_HAN_YEAR}|[二三四五六七八九〇零][〇零一二三四五六七八九])年{_HAN_MONTH}月(?:{_HAN_DAY}[日号]?)?"
)
_FULL = rf"{_YEAR}(?P<sep>[-./])(?:{_MONTH}(?P=sep){_DAY})|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_END = "(?![0-9A-Za-z]|[-./][0-9])"
_ANY_DATE = f"(?:{_HAN_DATE}|{_FULL}|{_YEAR}[-./]{_MONTH})(?:{_END}|(?=T[0-9]))"
_ENGLISH_MONTH = (
    "(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    "Nov(?:ember)?|Dec(?:ember)?)"
)
# What only a label of a form makes a date of birth.
_FORM_DATE = (
    f"(?:{_ANY_DATE}|(?:{_DAY} {_ENGLISH_MONTH},?|{_ENGLISH_MONTH} {_DAY},) (?:19|20)[0-9]{{2}}{_END}"
    f"|{_DAY}/{_DAY}/(?:19|20)[0-9]{{2}}{_END}|[0-9]{{2}}[-./]{_MONTH}[-./]{_DAY}{_END})"
)

_BORN = (
    "出 {0,4}生(?:日期|年月日?|年份|时间|时日|日|于)?|生日|生辰(?:八字)?|诞辰|生于|诞生于|降生于"
    "|(?ai:date ?of ?birth|date_?of_?birth|birth_?(?:day|date|time)|birth|dob|bday|csrq|shengri|born(?: on| in)?)"
)
_RAW_SPACE = wide(" ")
_RAW_WORDS = "|".join(
    "".join(wide(char + char.upper()) for char in word) for word in ("birth", "dob", "bday", "csrq", "shengri", "born")
)
_RAW_BORN = f"(?:出{_RAW_SPACE}*生|生日|生于|生辰|诞辰|{_RAW_WORDS})"
_MARKS = "[ \t\"'*`:=|>()「」『』【】《》“”‘’\\[\\]﹕,]"
_BORN_GAP = rf"(?:{_MARKS}|是|为|在|[公农阳阴]历|</?[a-z]{{1,5}}>){{0,9}}"
_RAW_GAP = (
    wide(" \t\"'*`:=|<>()[]/_," + ascii_letters)[:-1] + "「」『』【】《》“”‘’﹕是为在公农阳阴历日期年月份时间于八字]*"
)
_FORM = re.compile(
    r"(?:日期|年月日?|年份|时间|出生日|生日|生辰(?:八字)?|(?ai:birth|day|date|dob|csrq|shengri)[_A-Za-z]{0,5})"
    r"(?:[^0-9一二三四五六七八九A-Za-z]|</?[a-z]{1,5}>){0,20}\Z"
    r"|出 {0,4}生(?:[:|\"'\t () ,【「《]|</?[a-z]{1,5}>){1,12}\Z"
)
_ROLES = re.compile(
    "我(?!国|们?党|军|市|省|县|区|院|校|知|想|记|猜|觉|查|说)|本人|孩子|宝宝|女儿|儿子|老公|老婆|妈|爸|被保险人|投保人|参保人|申请人|考生|学生|学员|客户|员工|患者|病人|"
    "被告|原告|犯罪|嫌疑|上诉人|罪犯|男,|女,|男 |女 "
)

_OTHERS = re.compile("[他她]|先生|主席|总统|皇|帝|公元|演员|导演|作家|诗人|画家|歌手|明星")


def _check(text: str, start: int, end: int) -> float:
    """CONTEXTUAL behind a label of a form; UNSURE in a sentence, for encyclopaedias are full of them."""
    year = year_of_birth("BIRTH_DATE", text[start:end])
    if year is None or re.match(r" ?[-~—至到]{1,2} ?[0-9]", behind(text, end)):
        return REJECTED
    if year < 1910:
        return WEAK
    ahead = before(text, start)
    own = _ROLES.search(ahead) and not _OTHERS.search(ahead)
    return CONTEXTUAL if own or _FORM.search(ahead) else UNSURE


def _check_column(text: str, start: int, end: int) -> float:
    year = year_of_birth("BIRTH_DATE", text[start:end])
    return REJECTED if year is None else WEAK if year < 1910 else CONTEXTUAL


_CONTEXT = (
    *("身份证", "证件号", "性别", "男,", "女,", "男、", "女、", "民族", "住址", "户籍", "现住", "电话", "手机", "籍贯"),
    *(
        "被告人",
        "患者",
        "本人",
        "联系",
        "走失",
        "失踪",
        "失联",
        "离家",
        "寻人",
        "在逃",
        "逃犯",
        "通缉",
        "户主",
        "学号",
        "工号",
        "属相",
        "属什么",
        "生肖",
        "星座",
    ),
)
_BESIDE = frozenset(
    [
        *("CN_ID_CARD", "CN_RESIDENCE_PERMIT", "CN_PERMANENT_RESIDENCE", "CN_PASSPORT", "CN_TRAVEL_PERMIT", "EMAIL"),
        *("CN_MILITARY_ID", "CN_DRIVING_LICENCE", "CN_SOCIAL_SECURITY", "CN_MOBILE", "QQ", "WECHAT", "ALIPAY"),
        *("BANK_CARD", "CN_ADDRESS", "MEDICAL_RECORD"),
    ]
)
_COLUMN = "出生(?:日期|年月日?|时间|日)?|生日|生辰|(?ai:date_?of_?birth|birth_?(?:day|date)|dob|csrq)"

RULES: tuple[Rule, ...] = (
    Rule(
        "birth_date",
        "BIRTH_DATE",
        rf"(?<![A-Za-z])(?:{_BORN}){_BORN_GAP}(?=(?P<value>{_FORM_DATE}))",
        f"{_RAW_BORN}{_RAW_GAP}(?:{DIGIT}|[一二三四五六七八九〇零]{{2}}|{wide('JFMASOND')}{wide(ascii_letters)}+\\.?{_RAW_SPACE}{DIGIT})",
        _check,
        _CONTEXT,
        _BESIDE,
        mandatory=True,
        longest=128,
    ),
    Rule(
        "born_on",
        "BIRTH_DATE",
        rf"(?<![0-9])(?<![0-9][-./])(?P<value>{_HAN_DATE}|{_FULL}|{_YEAR}\.{_MONTH})[)」』】》]?的?(?:出生|生(?=[,、。;) \n于的人]))",
        rf"(?:[月日号初一二三四五六七八九十]|{DIGIT})[)）」』】》]?的?(?:出生|生[、。\n于的人]|生{wide(',;) ')})",
        _check,
        _CONTEXT,
        _BESIDE,
        mandatory=True,
    ),
    Rule(
        "birth_date_in_insert",
        "BIRTH_DATE",
        columns.inserted(_COLUMN, _FORM_DATE),
        columns.inserted_anchor(f"出生|生日|生辰|{_RAW_WORDS}"),
        _check_column,
        longest=columns.LONGEST,
    ),
    *(
        Rule(
            f"birth_date_in_row_{row + 1}",
            "BIRTH_DATE",
            columns.pattern(_COLUMN, _FORM_DATE, row),
            columns.anchor(
                f"出生(?:日期?|年月日?|时间)?|生日|生辰|(?:{_RAW_WORDS}|date_?of_?birth)[A-Za-z_ａ-ｚＡ-Ｚ＿]*",
                whole=True,
            ),
            _check_column,
            longest=columns.LONGEST,
        )
        for row in range(columns.ROWS)
    ),
)
