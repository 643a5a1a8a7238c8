"""Numbers of records and things: medical records, plates, devices."""

import re
from string import ascii_letters

from pii.checks import is_sample, luhn
from pii.han import han
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, SPACE, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.surroundings import (
    GAP,
    LONG_NUMBER,
    ORDER,
    QUANTITY,
    TAINTED,
    any_case,
    before,
    behind,
    glued,
    in_column,
    label,
    named_by,
)

# Bodies that allot type codes (GSMA): BABT, TAF, CTIA, and the test and multi-mode ranges.
_BODIES = ("35", "86", "01", "99")
_DEVICE_WORDS = re.compile(r"手机|串[号码]|机身|设备|终端|(?<![A-Za-z])(?ai:imei|meid|device)")
_DEVICE_LABEL = re.compile(
    r"(?<![A-Za-z])(?ai:(?:imei|meid|imei_?(?:no|code|num)?)[12]?[_:]?|device[_ -]?(?:id|no|num|code)[^0-9a-z]{0,4})\Z"
)


def _check_imei(text: str, start: int, end: int) -> float:
    """VALIDATED: Luhn holds, and a label or the reporting body speaks for it."""
    number = re.sub(r"[\s-]", "", text[start:end])
    if len(number) != 15 or not luhn(number) or len(set(number)) <= 3:
        return REJECTED
    ahead = before(text, start)
    named = label(text, start, end)
    if is_sample(number):
        return WEAK
    if "\n" in text[start:end]:  # Luhn alone passes one pair of lines in ten
        said = named == "imei" or (named == "" and number.startswith(_BODIES) and _DEVICE_WORDS.search(ahead))
        return VALIDATED if said and not in_column(text, start, end) else REJECTED
    if named == "imei" or _DEVICE_LABEL.search(ahead):
        return VALIDATED
    if named or not number.startswith(_BODIES):
        return REJECTED
    return WEAK if glued(ahead) or TAINTED.search(ahead) or ORDER.search(ahead) else VALIDATED


# Patients

_RAW_LETTER = wide(ascii_letters)
_FILE = (
    "(?:"
    + han(
        "(?:病历|病案|病例|病人|就医|住院|入院|出院|手术|保健|门诊|急诊|就诊|诊疗|医疗|挂号|检查|检验|化验|影像|放射|超声|彩超|B超|胃镜|内镜|核磁(?:共振)?|心电图?|病理|标本|样本|体检|医技|处方|患者|健康[卡码]?",
        spaced=True,
    )
    + f"|{any_case('ct')}|{any_case('mr')}{any_case('i')}?|{any_case('dr')}|{any_case('pacs')}|{any_case('x')}光片?)"
    + han(
        f"(?:档案|证明|登记|报告|流水|条码|首页|[卡本单序证])?(?:编?号码?|{any_case('id')}|卡号)|(?:就诊|诊疗|医疗)卡|病历|病案"
    )
    + f"|{any_case('mrn')}|(?:{any_case('patient')}|{any_case('visit')}|{any_case('admission')}|{any_case('hospital')}|{any_case('hospitalization')}|{any_case('chart')}|{any_case('emr')}|{any_case('medical')}{wide(' _-')}?{any_case('record')}){wide(' _-')}?"
    f"(?:{any_case('id')}|{any_case('no')}|{any_case('num')}))"
)
_FILE_LABEL = re.compile(f"(?:(?<![A-Za-z])(?ai:ct|mri?|dr|in|out)|(?<![A-Za-z])){_FILE}(?:ber)?(?![A-Za-z])")
# Numbers of anything, but for what is said of hospitals beside them.
_ANY = f"(?:{han('登记|流水|条码')}|{any_case('id')}){han('编?号')}"
_ANY_NUMBER = f"{_ANY}[^0-9A-Za-z０-９Ａ-Ｚａ-ｚ\\n]{{0,3}}{_RAW_LETTER}{{0,4}}{wide('-')}?{DIGIT}{{4}}"
_ANY_LABEL = re.compile(rf"(?<![A-Za-z]){_ANY}[^0-9A-Za-z\u4e00-\u9fff\n]{{0,3}}\Z")
_HOSPITAL = re.compile(
    han("住院|门诊|急诊|病[区房床人历案]|床[号位]|科[室别]|医院|超声|放射|影像|检验|患者|就诊|诊断|[内外儿骨妇]科")
    + r"|(?<![A-Za-z])(?ai:ct|mri|his)(?![A-Za-z])"
)
_NUMBERED = re.compile(han("[号码]|[单卡]") + "|(?ai:id|no|num|mrn)")


# Vehicles

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_ENDINGS = r"挂(?![在了靠]|号(?![小中大轻重半牌]))|学(?![校生习院员会])|警(?![察方车局])|港(?![口元股币])|澳(?![门元洲])|使(?!用|得)|领(?![导取先到])"
# Words that end in the short name of a province: 北京A12345 is no more a plate than 全新A12345.
_WORDS = re.compile(
    r"(?:[北南东燕]京|天津|江苏|流苏|复苏|[四银河山百]川|[西收珍库]藏|内蒙|[辽南西]宁|[全最更创崭翻刷重新革]新|[珍昂宝富名]贵"
    r"|[漆纯全曜亮哑乌抹深炫]黑|[阿里腾讯华为百度白青金山]云|[年藏]青|大吉|中粤)\Z"
)
_CARS = ("车", "牌", "辆", "大巴", "中巴", "轿", "plate", "vehicle", "car", "parking", "lane", "gate")
_TRAFFIC = (
    "驾",
    "司机",
    "违章",
    "违停",
    "停在",
    "开着",
    "闯红灯",
    "超速",
    "高速",
    "追尾",
    "撞",
    "肇事",
    "逃逸",
    "交警",
    "交管",
    "挪",
    "剐蹭",
    "堵",
    "刮蹭",
    "抓拍",
    "道闸",
    "放行",
    "限行",
    "代驾",
    "车库",
)
_PLACEHOLDERS = re.compile(r"(?:12345|00000|0000)")


def _check_plate(text: str, start: int, end: int) -> float:
    """There is no check digit: CONTEXTUAL with the dot that only plates have, else by what is said of cars."""
    found, ahead = text[start:end], before(text, start)
    figures = re.sub(r"[^0-9A-Za-z]", "", found[2:])
    if sum(char.isalpha() for char in figures) > 2 or QUANTITY.match(behind(text, end)):
        return REJECTED
    if _PLACEHOLDERS.fullmatch(figures):
        return WEAK
    if _WORDS.search(ahead):
        return UNSURE
    if re.search(r"[·•・‧∙]", found):
        return CONTEXTUAL
    apart = not re.search(r"[0-9A-Za-z_@#/\u4e00-\u9fff]\Z", ahead) and not re.match(
        r"[@#/\u4e00-\u9fff]", behind(text, end)
    )
    return CONTEXTUAL if apart and found[1:].isupper() and found[1] != " " and "-" not in found else UNSURE


def _check_quantity(text: str, start: int, end: int) -> float:
    return REJECTED if QUANTITY.match(behind(text, end)) else UNSURE


def _check_record(text: str, start: int, end: int) -> float:
    found = text[start:end]
    figures = re.sub(r"[^0-9]", "", found)
    if (
        QUANTITY.match(behind(text, end))
        or len(set(figures)) == 1
        or re.fullmatch(r"1[3-9][0-9]{9}|(?:19|20)[0-9]{2}-[01]?[0-9]-[0-3]?[0-9]", found)
    ):
        return REJECTED
    if len(figures) < 6 and not (_NUMBERED.search(before(text, start)) or _NUMBERED.search(behind(text, end))):
        return REJECTED  # 病历2023
    return WEAK if is_sample(figures) else CONTEXTUAL


def _check_beside(text: str, start: int, end: int) -> float:
    """A value on the next line may be that of another column."""
    return REJECTED if re.search(r"\n[^0-9A-Za-z]*\Z", before(text, start)) else _check_record(text, start, end)


def _check_near(text: str, start: int, end: int) -> float:
    ahead = before(text, start)
    if _ANY_LABEL.search(ahead) and (_HOSPITAL.search(ahead) or _HOSPITAL.search(behind(text, end))):
        return _check_record(text, start, end)
    return _check_record(text, start, end) if named_by(_FILE_LABEL, text, start, end) else REJECTED


_P = f"[{_PROVINCES}]"
_LETTER, _MARK = "[A-HJ-NP-Za-hj-np-z]", "[A-HJ-NP-Za-hj-np-z0-9]"
_DOT = r"[·•・‧∙. -]"
_RAW_MARK = wide(ascii_letters + "0123456789")
_RAW_DOT = "[·•・‧∙.．\u00a0\u3000 －\u2010\u2011\u2012\u2013\u2212-]"

RULES = (
    Rule(
        "imei",
        "IMEI",
        r"(?<![0-9])(?<![0-9]\.)(?<![0-9][ -])[0-9](?:[0-9]{14}|(?<![0-9]\n.)(?<![0-9]\r\n.)[0-9]{1,12}\r?\n[0-9]{2,13}(?!\r?\n[0-9])"
        r"|[0-9]([ -])[0-9]{6}\1[0-9]{6}\1[0-9]|[0-9]{5}([ -])[0-9]{2}\2[0-9]{6}\2[0-9])"
        r"(?![0-9A-Za-z_]|[.-][0-9]| [0-9])",
        LONG_NUMBER,
        _check_imei,
    ),
    Rule(
        "plate",
        "CN_PLATE",
        rf"{_P} ?{_LETTER}{_DOT}?(?:{_MARK}{{5}}|{_MARK}{{6}}|{_MARK}{{4}}(?:{_ENDINGS})|{_MARK}{{4}}应急)(?![0-9A-Za-z_]|[.-][0-9A-Za-z])",
        f"{_P}{SPACE}?{_RAW_LETTER}{_RAW_DOT}?{_RAW_LETTER}{{0,2}}{DIGIT}{_RAW_MARK}{{1,3}}",
        _check_plate,
        (*_CARS, *_TRAFFIC, "加油"),
    ),
    Rule(
        # embassies and the armed police
        "plate_special",
        "CN_PLATE",
        rf"(?<![\u4e00-\u9fff])使 ?[0-9]{{3}}[·. ]?[0-9]{{3}}(?![0-9A-Za-z_]|\.[0-9])|(?<![0-9A-Za-z_.-])[0-9]{{3}}[·. ]?[0-9]{{3}}使(?!用|得|劲|命)"
        rf"|(?<![0-9A-Za-z_])WJ ?{_P}[·•. ]?[0-9]{{4}}[0-9A-HJ-NP-Z](?![0-9A-Za-z_])",
        f"使{SPACE}?{DIGIT}{{3}}{_RAW_DOT}?{DIGIT}{{3}}|{DIGIT}{{3}}使|{any_case('wj')}{SPACE}?{_P}{_RAW_DOT}?{DIGIT}{{4}}",
        _check_quantity,
        ("车", "牌", "plate"),
        mandatory=True,
    ),
    Rule(
        "medical_record",
        "MEDICAL_RECORD",
        r"(?<![0-9A-Za-z_])(?<![0-9][.-])[A-Za-z]{0,4}-?[0-9]{4,14}(?:-[0-9]{1,8}){0,2}(?![0-9A-Za-z_]|\.[0-9]|-[0-9])",
        f"{_FILE}|{_ANY_NUMBER}",
        _check_near,
    ),
    Rule(
        # over more of tags than is looked behind
        "medical_record_named",
        "MEDICAL_RECORD",
        rf"(?<![A-Za-z]){_FILE}{GAP}(?P<value>[A-Za-z]{{0,4}}-?[0-9]{{4,14}}(?:-[0-9]{{1,8}}){{0,2}})(?![0-9A-Za-z_]|\.[0-9]|-[0-9])",
        _FILE,
        _check_beside,
        longest=110,
    ),
)
