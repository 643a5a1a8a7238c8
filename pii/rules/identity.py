"""Numbers of identity documents: resident identity cards, permits, passports, certificates of service."""

import re
from string import ascii_letters, ascii_uppercase

from pii.checks import PROVINCES, id_check_digit, is_birth_date, is_sample
from pii.han import han
from pii.rule import (
    CONTEXTUAL,
    DIGIT,
    LOOK_AHEAD,
    LOOK_BEHIND,
    REJECTED,
    SPACE,
    UNSURE,
    VALIDATED,
    WEAK,
    Check,
    Rule,
    wide,
)
from pii.surroundings import (
    GAP,
    LONG_NUMBER,
    NUMBER,
    QUANTITY,
    any_case,
    bare,
    before,
    behind,
    glued,
    in_column,
    label,
    label_farther,
    named_by,
)

_EDGE, END = r"(?<![0-9])(?<![0-9]\.)", r"(?![0-9A-Za-z_]|\.[0-9])"
WORD_EDGE = r"(?<![0-9A-Za-z_])"

# Resident numbers and permits. People type O for 0; the check digit tells.
_D = "[0-9Oo]"
_BEGUN = r"(?<![0-9]\n.)(?<![0-9]\r\n.)"  # behind its first digit: the line above ends in none
_NAMES = re.compile(
    r"(?<![A-Za-z])(?ai:id|no|sfz|(?:id|cert|identity)[_ -]?(?:card|num|number|no|code)|card[_ -]?no)[^0-9A-Za-z]{0,3}\Z"
)
# Registers that number by region, date and sequence: the check digit passes one time in eleven.
_REGISTER = re.compile(
    r"(?:(?:订单|合同|项目|案件|采购|招标|备案|档案|文件|设备|商品|产品|批次|交易|保单|报告|凭证|受理|业务|货运|提单)"
    r"(?:编|代|单|流水)?(?:号码?|码|ID)|订单|运单|单号|流水号?|工单号?|票号|批号|条码|序列号|运单号?|快递号?)[^0-9A-Za-z]{0,5}\Z"
    r"|(?<![A-Za-z])(?ai:order|serial|sn|trade|invoice)[_ -]?(?ai:no|id|number)?[^0-9A-Za-z]{0,5}\Z"
)


def _eighteen(lead: str) -> str:
    """Straight, grouped 6-8-4, 6-4-4-4 or 4-4-4-4-2, or as the end of a line broke it.

    The first digit stands before the alternatives: what begins with one of a few characters is found much faster.
    """
    return (
        rf"{_EDGE}(?<![0-9][Oo]){lead}(?:{_D}{{5}}[ -]?(?:19|2[0Oo]){_D}{{6}}[ -]?{_D}{{3}}[0-9OoXx]"
        rf"|(?<![0-9][ -].)(?:{_D}{{5}}(?:[ -]{_D}{{4}}){{2}}[ -]{_D}{{3}}|{_D}{{3}}(?:[ -]{_D}{{4}}){{3}}[ -]{_D})[0-9OoXx]"
        rf"|{_BEGUN}[0-9]{{1,15}}\r?\n[0-9]{{1,15}}[0-9Xx](?!\r?\n[0-9])){END}"
    )


def _joined(found: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", found).upper().replace("O", "0")


def _check_eighteen(region: re.Pattern[str]) -> Check:
    """VALIDATED: region, date and MOD 11-2 hold. WEAK: so they do, but it is the number of an order."""

    def check(text: str, start: int, end: int) -> float:
        number = _joined(text[start:end])
        if len(number) != 18 or not region.match(number) or not is_birth_date(number[6:14]):
            return REJECTED
        if id_check_digit(number[:17]) != number[17]:
            return REJECTED
        ahead = before(text, start)
        if "\n" in text[start:end] and in_column(text, start, end):
            return REJECTED
        if _REGISTER.search(ahead) or is_sample(number):
            return WEAK
        return UNSURE if glued(ahead) and not _NAMES.search(ahead) else VALIDATED

    return check


_RESIDENT = re.compile("|".join(sorted(PROVINCES)))
_PERMIT = re.compile("8[123]0000")
_FOREIGNER = re.compile(f"9(?:{_RESIDENT.pattern}|81|82)")
_check_resident, _check_foreigner = _check_eighteen(_RESIDENT), _check_eighteen(_FOREIGNER)


def _check_permanent(text: str, start: int, end: int) -> float:
    """The credit codes of organisations begin with 9 too."""
    return REJECTED if label(text, start, end) == "organisation" else _check_foreigner(text, start, end)


def _check_fifteen(text: str, start: int, end: int) -> float:
    number = _joined(text[start:end])
    if len(number) != 15 or ("\n" in text[start:end] and in_column(text, start, end)):
        return REJECTED
    dated = number[:2] in PROVINCES and is_birth_date("19" + number[6:12])
    if not dated or label(text, start, end) not in {"id", "document"}:
        return REJECTED
    return WEAK if is_sample(number) else CONTEXTUAL


def _labelled(*kinds: str) -> Check:
    """CONTEXTUAL where the nearest label names a document of `kinds`; else nothing is found."""

    def check(text: str, start: int, end: int) -> float:
        if QUANTITY.match(behind(text, end)) or label_farther(text, start, end) not in kinds:
            return REJECTED
        return WEAK if is_sample(bare(text[start:end])) else CONTEXTUAL

    return check


_MOBILE = re.compile(r"1[3-9][0-9]{9}")


def check_named(text: str, start: int, end: int) -> float:
    """For patterns that hold their label: no quantities, mobiles or placeholders of one repeated digit."""
    figures = re.sub(r"[^0-9]", "", text[start:end])
    if QUANTITY.match(behind(text, end)) or _MOBILE.fullmatch(figures) or len(set(figures)) == 1:
        return REJECTED
    return WEAK if is_sample(figures) else CONTEXTUAL


# 军字第 is said of soldiers only; the rest also number deeds, rulings and documents.
_SOLDIERS = re.compile(r"(?:[军軍士]|武警|武字)")
_SERVING = re.compile(
    han(r"军官|士兵|士官|军人|部队|武警|[现服兵退]役|入伍|退伍|复员|转业|参军|当兵|军属|文职", spaced=True)
    + r"|(?<![a-z])(?ai:officer|soldier|military|army|veteran)"
)
_DEED = re.compile(r"(?:权证|房证|[0-9)）〕】\]年]|[法刑民行执令函发许批备告通房地建规园豫])\Z")


def _check_military(text: str, start: int, end: int) -> float:
    ahead = before(text, start)
    if _DEED.search(ahead):
        return REJECTED
    if _SERVING.search(ahead) or _SERVING.search(behind(text, end)):
        return CONTEXTUAL
    clean = not re.search(r"[\u4e00-\u9fff]\Z", ahead) or re.search(r"[证号码为是持]\Z", ahead)
    return CONTEXTUAL if clean and _SOLDIERS.match(text, start) else REJECTED


def _check_service(text: str, start: int, end: int) -> float:
    """What stands before 字第 is no label."""
    low = max(0, start - LOOK_BEHIND)
    head = re.search(r"[\u4e00-\u9fff]字 ?第? ?\Z", text[low:start])
    at = low + head.start() if head else start
    near = text[low:at] + text[start : end + LOOK_AHEAD]
    named = named_by(_SERVICE_LABEL, near, at - low, at - low + end - start)
    return check_named(text, start, end) if named else REJECTED


def _check_taiwan(text: str, start: int, end: int) -> float:
    return check_named(text, start, end) if named_by(_TAIWAN_LABEL, text, start, end) else REJECTED


_EIGHT = r"[0-9]{4}[ -]?[0-9]{4}"
_L, _RAW_LETTER, _RAW_UPPER = "[A-HJ-NP-Z]", wide(ascii_letters), wide(ascii_uppercase)
_LETTERED = f"(?:^|[^0-9A-Za-z]){wide('CDEGHKLMPSTWcdeghklmpstw')}{_RAW_LETTER}?{SPACE}?(?:{DIGIT}{{7}}|{DIGIT}{{4}}{SPACE}{DIGIT}{{4}})"
_PASSPORT = f"(?:{han('护照', spaced=True)}|{any_case('passport')}|{any_case('huzhao')}){NUMBER}{GAP}"
_TAIWAN = f"{han('台胞[证卡]|来往大陆通行证|台[湾灣]同胞证|台[湾灣]通行证', spaced=True)}|(?:^|[^A-Za-z])(?:{any_case('mtp')}|{any_case('taibaozheng')}|{any_case('tw')}(?:{any_case('aiwan')})?{wide(' _-')}?(?:{any_case('compatriot')}{wide(' _-')}?)?{any_case('permit')})"
_TAIWAN_LABEL = re.compile(f"(?:{_TAIWAN})(?:[上里]?面?的)?{NUMBER}")
_FORCES = "[军軍士文武兵参參政后後装裝海空北沈兰蘭济濟南广廣成总總]"
_SERVICE = (
    f"{han('(?:军官|士兵|士官|军人|义务兵|文职干部|文职人员|文职|退役军人|退伍军?人?|警官)(?:身份|保障|优待|退休)?[证卡]', spaced=True)}"
    f"|(?:{any_case('officer')}|{any_case('soldier')}|{any_case('military')}){wide(' _-')}?(?:{any_case('card')}|{any_case('id')})"
)
_SERVICE_LABEL = re.compile(f"(?:{_SERVICE}){NUMBER}")
LABELLED = 110  # characters of the longest label, gap and value together

RULES = (
    Rule(
        "id_card",
        "CN_ID_CARD",
        _eighteen("[1-7]"),
        LONG_NUMBER,
        _check_resident,
        ("身份证", "证件", "公民身份", "id card", "idcard", "identity"),
    ),
    Rule(
        "id_card_15",
        "CN_ID_CARD",
        rf"{_EDGE}[1-7](?:[0-9]{{5}}([ -]?)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])\1[0-9]{{3}}"
        rf"|{_BEGUN}[0-9]{{1,12}}\r?\n[0-9]{{2,13}}(?!\r?\n[0-9])){END}",
        LONG_NUMBER,
        _check_fifteen,
    ),
    Rule(
        "residence_permit",
        "CN_RESIDENCE_PERMIT",
        _eighteen("8"),
        LONG_NUMBER,
        _check_eighteen(_PERMIT),
        ("居住证", "身份证", "证件"),
    ),
    Rule(
        "permanent_residence",
        "CN_PERMANENT_RESIDENCE",
        _eighteen("9"),
        LONG_NUMBER,
        _check_permanent,
        ("永久居留", "居留证", "身份证", "证件"),
    ),
    Rule(
        "permanent_residence_2004",
        "CN_PERMANENT_RESIDENCE",
        rf"{WORD_EDGE}[A-Z]{{3}}[ -]?[0-9]{{12}}{END}",
        f"{_RAW_UPPER}{{3}}{SPACE}?{DIGIT}{{12}}",
        _labelled("residence", "id", "document"),
    ),
    Rule(
        # those of the mainland, of Hong Kong and of Macao
        "passport",
        "CN_PASSPORT",
        rf"{WORD_EDGE}(?:[DEGHKPSdeghkps][ -]?{_EIGHT}|(?:[Ee]{_L}|[DSP]E|[HK][A-Z]|M[AB])[ -]?[0-9]{{7}}){END}",
        _LETTERED,
        _labelled("passport"),
    ),
    Rule(
        # foreign ones too, and the old 14 and 15
        "passport_named",
        "CN_PASSPORT",
        rf"{_PASSPORT}(?P<value>[A-Za-z]{{0,2}}[0-9]{{6,9}}){END}",
        f"{_PASSPORT}{_RAW_LETTER}{{0,2}}{DIGIT}{{6}}",
        check_named,
        longest=LABELLED,
    ),
    Rule(
        # 往来港澳 C W, 往来台湾 L T, 来往内地 H M
        "travel_permit",
        "CN_TRAVEL_PERMIT",
        rf"{WORD_EDGE}(?:[CWLTHMcwlthm][ -]?{_EIGHT}(?:[ -]?[0-9]{{2}})?|[CL]{_L}[ -]?[0-9]{{7}}){END}",
        _LETTERED,
        _labelled("permit"),
    ),
    Rule(
        "travel_permit_taiwan",
        "CN_TRAVEL_PERMIT",
        rf"{WORD_EDGE}(?<![0-9][.-]){_EIGHT}(?:[0-9]{{2}})?(?:\([A-Z]\))?{END}",
        _TAIWAN,
        _check_taiwan,
    ),
    Rule(
        "military",
        "CN_MILITARY_ID",
        rf"(?:武警|(?<!武警){_FORCES})字?第 ?[0-9]{{6,10}}(?: ?号|(?![0-9A-Za-z_]))",
        f"(?:警|{_FORCES})字?第{SPACE}?{DIGIT}{{6}}",
        _check_military,
    ),
    Rule(
        "military_named",
        "CN_MILITARY_ID",
        rf"{WORD_EDGE}(?<![0-9][.-])[A-Z]?[0-9]{{6,10}}号?{END}",
        _SERVICE,
        _check_service,
    ),
)
