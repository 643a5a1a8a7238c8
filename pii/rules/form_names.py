"""Names of people in forms, records and tables: behind a label and a mark, behind the key of a program, below a header."""

import re
from string import ascii_letters

from pii import columns
from pii.family_names import (
    COMMON,
    COMPOUNDS,
    DOTTED,
    GIVEN,
    HAN,
    ROMANISED,
    SINGLE,
    SURE,
    TITLES,
    TYPICAL,
)
from pii.label_ends import behind_one_of
from pii.rule import CONTEXTUAL, REJECTED, Rule, wide
from pii.rules.names import END, FIELDS, STARTS, check, closed
from pii.surroundings import any_case

# Labels of forms: something that is no Han must part them from the name. Classes, but no repeats.
_FORM_LABELS = (
    "名字|真名|提货|法人代表|收件|寄件|发件|收货|收方|寄方|署名|落款|法人|开户名|收款方|付款方|转账方|家长|父亲|母亲|配偶|丈夫|妻子|儿子|女儿|亲属|新郎|新娘|[甲乙丙]方|出租方|"
    "租客|房东|孕妇|产妇|患儿|失主|事主|学生|考生|老师|教师|班主任|主治医[生师]|接诊医生|医师|医生|护士|转让方|受让方|签名|签字|签收|客户|会员|用户|车主|机主|店主|业主|住户|"
    "房主|货主|乘客|旅客|游客|买方|卖方|司机|骑手|师傅|员工|职工|同事|邻居|原告|被告|第三人|审核|复核|制单|制表|出纳|会计|校对|经办|签发|值班|领用|借用|登记|填表|联络|"
    "(?<![主男女老新名路诗敌古别众军持始言承品片稿选总0-9一二三四五六七八九十百千两几])[人員]|(?<![演队球运动委议官飞])员|(?<![作编译记笔读学舞歌遵能智仁勇强弱贤行使王])者"
)
_LATIN_LABELS = (
    "[Rr]eal[Nn]ame|[Rr]eal_[Nn]ame|[Ff]ull[Nn]ame|[Ff]ull_[Nn]ame|[Ff]ull [Nn]ame|[Uu]ser[Nn]ame|"
    "[Uu]ser_[Nn]ame|[Tt]rue[Nn]ame|[Tt]rue_[Nn]ame|[Cc]ontact|[Cc]ontact[Nn]ame|[Cc]ontact_[Nn]ame|"
    "[Cc]ontact[Pp]erson|[Cc]ontact_[Pp]erson|[Cc]ustomer|[Cc]ustomer[Nn]ame|[Cc]ustomer_[Nn]ame|"
    "[Pp]atient|[Pp]atient[Nn]ame|[Pp]atient_[Nn]ame|[Cc]onsignee|[Rr]eceiver|[Rr]eceiver[Nn]ame|"
    "[Rr]eceiver_[Nn]ame|[Rr]ecipient|[Ss]ender|[Pp]assenger|[Pp]ayee|[Xx]ingming|xm"
)
# Labels of forms behind which a space or the end of a line is enough.
_PLAIN_LABELS = "|".join(
    [
        *(f"姓{' ' * spaces}名|(?<![用客])户{' ' * spaces}名" for spaces in range(5)),
        "联系人|收件人|收货人|寄件人|发件人|经办人|申请人|法定代表人|户主|持卡人|监护人|[被来]访人|驾驶人|使用人",
    ]
)
# Keys of programs, each a common word: told by the Han characters of their value.
_KEYS = (
    "payer|operator|assignee|approver|visitor|shipper|consignor|spouse|husband|wife|witness|owner|driver|"
    "applicant|student|employee|holder|cardholder|buyer|seller|client|member|beneficiary|guardian|insured|"
    "traveller|traveler|guest|tenant|doctor|teacher|linkman|addressee|receiver|receive|signer|victim|"
    "resident|user_info|borrower|account|bank|emergency|parent|father|mother|child|legal_person|"
    "shouhuoren"
)
# At most 20 characters: marks, and up to two tags of a table or a page.
# None that closes a title or opens one: 《…患者」《王朝.
_MARKS = "[ \t\"'*`:=|>()「『【】“”‘’\\[\\]﹕]"
_TAGS = r"(?:<[A-Za-z/]{1,6}>[\n ]{0,2}){1,3}"
_SPACE_GAP = rf"(?:{_MARKS}{{1,6}}\n?|\n|{_MARKS}{{0,2}}{_TAGS}){_MARKS}{{0,3}}"
_COLON_GAP = rf"{_MARKS}{{0,3}}(?:[\t\"'`:=|(「『【】﹕]|{_TAGS}){_MARKS}{{0,4}}"
_ASCII_LABELS = re.sub(r"(?<![^|])", "(?<![A-Za-z_-])", _LATIN_LABELS)
_FORM_START = (
    rf"(?=[ \t\n\"'*`:=|<>()「」『』【】《》“”‘’\[\]﹕])(?:{behind_one_of(_PLAIN_LABELS)}{_SPACE_GAP}"
    rf"|{behind_one_of(f'{_FORM_LABELS}|{_ASCII_LABELS}')}{_COLON_GAP})"
)
_LATIN_ONLY = "拼音|(?<![A-Za-z_-])[Nn]ame|(?<![A-Za-z_-])NAME"
_LATIN_NAME = r"(?:[A-Z][A-Za-z]{1,8} ?[A-Z][A-Za-z]{1,11}|[A-Z][a-z]{1,7}, ?[A-Z][a-z]{1,11})(?![A-Za-z@.]| [A-Za-z])"


def _raw(labels: str) -> str:
    """Labels as they may stand in unfolded text, for anchors: no look-around, ASCII letters and spaces of either width."""
    bare = re.sub(r"\(\?<!.*?\)", "", labels)
    return re.sub(r"\[([A-Z][a-z])\]|([A-Za-z_ ])(?!\])", lambda m: wide(m[1] or m[2]), bare)


# Anchors hold no more than it takes to be rare: RE2 pays for every counter and every scattered class.
_RAW_SPACE = wide(" ")
_RAW_QUOTE = wide("\"'`(")
_RAW_MARKS = wide(" \t\"'*`:=|>()[]")[:-1] + "「」『』【】《》“”‘’﹕]"
_RAW_GAP = wide(" \t\"'*`:=|<>/()[]" + ascii_letters)[:-1] + "\n「」『』【】《》“”‘’﹕]*"
_RAW_STRICT = wide("\t\"'`:=|<(")[:-1] + "「」『』【】﹕]"
_RAW_LABELS = f"(?:(?:{_raw(_PLAIN_LABELS)})(?:{_RAW_MARKS}|[\n<＜])|(?:{_raw(f'{_FORM_LABELS}|{_LATIN_LABELS}')}){_RAW_MARKS}*{_RAW_STRICT})"
_SYLLABLE = (
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:i?ang|i?ong|u?ang|[aeiu]?ng|[iu]?an|u?ai|iao|[aeiouvü]{1,2}|[aeiu]n|er)"
)
_SYLLABLES = re.compile(rf"(?:{_SYLLABLE}'?){{1,3}}")


def _check_latin(text: str, start: int, end: int) -> float:
    """Romanised Chinese names alone: one part a family name, the other its one to three syllables."""
    parts = re.findall("[A-Z]+[a-z]*", text[start:end])
    if len(parts) != 2:
        return REJECTED
    one, other = (part.lower() for part in parts)
    chinese = (one in ROMANISED and _SYLLABLES.fullmatch(other)) or (other in ROMANISED and _SYLLABLES.fullmatch(one))
    return CONTEXTUAL if chinese else REJECTED


# Headers of columns: names of forms with up to six characters before, and roles by themselves.
_COLUMN_ROLES = (
    "员工|职工|学生|教师|老师|学员|考生|乘客|旅客|客户|会员|患者|业主|住户|车主|司机|骑手|家长|户主|(?:负责|经办|持卡|付款|收款|收件|收货|寄件|联系|使用|领用|保管|"
    "登记|填表|报名|值班|审核|操作|来访|被访|承租|借款|参保|被保险|投保|当事|申请|驾驶|报案|举报|证明|担保|紧急联系|联络)人|驾驶员|操作员|收银员|收货方|经手人"
)
_COLUMN_KEYS = "name|realname|real_name|fullname|full_name|xingming|student_name|user_name|username"
_COLUMN = rf"[^,\t|;\n\"']{{0,6}}姓名|{_COLUMN_ROLES}|{_COLUMN_KEYS}"
_COLUMN_ANCHOR = (
    f"{columns.anchor('姓名')}|{columns.anchor(f'{_COLUMN_ROLES}|{columns.raw_letters((_COLUMN_KEYS,))}', whole=True)}"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "name_of_form",
        "PERSON",
        _FORM_START
        + rf"(?=(?P<value>{DOTTED}|{closed(TITLES + '|' + FIELDS, SINGLE)}|{SINGLE}{SINGLE}{GIVEN}{{2}}{END}|{SINGLE} {{1,4}}{GIVEN}(?: {{1,4}}{GIVEN})?{END}))",
        _RAW_LABELS + _RAW_GAP + STARTS,
        check,
        longest=80,
    ),
    Rule(
        "name_of_key",
        "PERSON",
        rf"(?<![A-Za-z])(?ai:{_KEYS})(?:_?[Nn]ame)?[\"'`]? ?[:=>] ?[\"'`(]?(?=(?P<value>{DOTTED}|{closed(TITLES, SINGLE)}))",
        f"(?:{'|'.join(map(any_case, _KEYS.split('|')))})(?:{wide('_')}?{any_case('name')})?{_RAW_QUOTE}?{_RAW_SPACE}?{wide(':=>')}{_RAW_SPACE}?{_RAW_QUOTE}?{HAN}",
        check,
        longest=96,
    ),
    Rule(
        "name_romanised",
        "PERSON",
        rf"(?:{_FORM_START}|(?=[ \t\"'*`:=|<>(「『』【】﹕]){behind_one_of(_LATIN_ONLY)}{_COLON_GAP})(?=(?P<value>{_LATIN_NAME}))",
        f"(?:{_RAW_LABELS}|(?:{_raw(_LATIN_ONLY)}){_RAW_MARKS}){_RAW_GAP}[A-ZＡ-Ｚ][A-Za-zＡ-Ｚａ-ｚ]+[,，]?{_RAW_SPACE}?[A-ZＡ-Ｚ]",
        _check_latin,
        longest=64,
    ),
    Rule(
        "name_in_insert",
        "PERSON",
        columns.inserted(
            f"姓名|{_COLUMN_KEYS}", rf"{DOTTED}|(?:{COMPOUNDS}|{SURE}){GIVEN}{{1,2}}|{COMMON}{TYPICAL}{{1,2}}"
        ),
        columns.inserted_anchor(f"姓名|{columns.raw_letters((_COLUMN_KEYS,))}"),
        check,
        longest=columns.LONGEST,
    ),
    *(
        Rule(
            f"name_in_row_{row + 1}",
            "PERSON",
            columns.pattern(_COLUMN, rf"{DOTTED}|(?:{COMPOUNDS}|{SURE}){GIVEN}{{1,2}}|{COMMON}{TYPICAL}{{1,2}}", row),
            _COLUMN_ANCHOR,
            check,
            longest=columns.LONGEST,
        )
        for row in range(columns.ROWS)
    ),
)
