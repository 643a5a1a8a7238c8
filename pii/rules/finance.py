"""Numbers of accounts: bank cards, Alipay; and the credit codes of organisations."""

import re
from string import digits

from pii.checks import (
    PROVINCES,
    credit_check_character,
    is_birth_date,
    is_sample,
    issued,
    luhn,
    organisation_check_character,
    top_level_domains,
)
from pii.han import han
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, SPACE, UNSURE, VALIDATED, WEAK, Rule, wide
from pii.surroundings import LONG_NUMBER, ORDER, TAINTED, any_case, before, behind, glued, in_column, label, named_by

_D, _RAW = "[0-9Oo]", wide(digits + "oO")  # people type O for 0; the check digit tells
# The numbers payment services publish for testing.
_TEST_CARDS = frozenset(
    (
        *("4012888888881881", "4242424242424242", "4000056655665556", "5555555555554444", "5105105105105100"),
        *("378282246310005", "371449635398431", "378734493671000", "6011111111111117", "6011000990139424"),
        *("3530111333300000", "3566002020360505", "6200000000000005", "6200000000000047", "6205500000000000004"),
        *("4095260993934932", "6216261000000000018", "2223003122003222", "5200828282828210", "4000002500003155"),
    )
)
# cardNo, pan=, "payee_account": — but no card of members, machines or identity
_CARD_LABEL = re.compile(
    r"(?<!id)(?<!id[_ -])(?<!member)(?<!member[_ -])(?<!gift)(?<!gift[_ -])(?<!sim)(?<!sim[_ -])(?<!vip)(?<!vip[_ -])"
    r"(?:(?:(?<![a-z])|(?<=bank|from|user)|(?<=payee|payer|debit)|(?<=credit))(?:card|account|acct|bank)|(?<![a-z])(?:pan|acc|ka|kahao|yhkh?))"
    r"[_ -]?(?:no|num|number|id|code)?[^0-9a-z]{0,6}\Z",
    re.ASCII | re.IGNORECASE,
)
_PATH = re.compile(r"(?:[/#^_]|[0-9][ -])\Z")
# Said of money that goes to or from a card, where no label stands.
_MONEY = (
    *(
        "银行",
        "支行",
        "分行",
        "农行",
        "工行",
        "建行",
        "中行",
        "交行",
        "招行",
        "邮储",
        "储蓄",
        "借记",
        "信用卡",
        "工资",
        "银联",
    ),
    *(
        "打到",
        "打进",
        "打入",
        "打给",
        "打款",
        "转到",
        "转入",
        "转进",
        "转给",
        "转账",
        "转帐",
        "汇到",
        "汇至",
        "汇给",
        "汇入",
        "汇款",
        "存到",
        "存入",
    ),
    *(
        "收款",
        "付款",
        "还款",
        "扣款",
        "退款",
        "提现",
        "到账",
        "报销",
        "已付",
        "代发",
        "代扣",
        "户名",
        "刷卡",
        "绑卡",
        "持卡",
        "卡主",
    ),
    *("的卡", "张卡", "真卡", "这卡", "副卡", "主卡", "黑卡", "盗刷", "bank", "pan", "visa", "mastercard", "unionpay"),
)
_NEAR_CARD = re.compile(
    "|".join(map(re.escape, (word for word in _MONEY if not word.isascii())))
    + "|卡号|[账帐][号户]|卡[^0-9A-Za-z\u4e00-\u9fff]{0,3}\\Z"
)


def _check_card(text: str, start: int, end: int) -> float:
    """VALIDATED: issuer and Luhn hold, and it is labelled, or of a domestic issuer, or written in groups."""
    found = text[start:end]
    number = re.sub(r"[ \r\n-]", "", found).upper().replace("O", "0")
    if not luhn(number) or len(set(number)) <= 2 or not (issuer := issued(number)):
        return REJECTED
    ahead = before(text, start)
    named, field = label(text, start, end), _CARD_LABEL.search(ahead)
    if number in _TEST_CARDS or is_sample(number) or (ORDER.search(ahead) and not field):
        return WEAK
    labelled = named == "card" or field
    if "\n" in found:
        said = labelled or (named == "" and (_NEAR_CARD.search(ahead) or _NEAR_CARD.search(behind(text, end))))
        return CONTEXTUAL if said and not in_column(text, start, end) else REJECTED
    if "O" in found.upper():
        return CONTEXTUAL if labelled else REJECTED
    if labelled:
        return VALIDATED
    if named not in {"", "id", "document", "passport"}:
        return WEAK
    if _PATH.search(ahead):
        return WEAK
    looks_like_id = len(number) == 18 and number[:2] in PROVINCES and is_birth_date(number[6:14])
    if looks_like_id or glued(ahead) or TAINTED.search(ahead):
        return UNSURE
    return VALIDATED if issuer == "domestic" or found != number else UNSURE


_CREDIT_LABEL = ("信用代码", "税号", "纳税人", "机构代码", "执照", "代码", "发票", "抬头", "统一代码")
# Who registers (机构编制, 民政, 工商…) and as what; regions are those of identity numbers, 10 is the state itself.
_REGISTRARS = re.compile(r"(?:[1-79A-GNY][1-59])(?:" + "|".join(sorted(PROVINCES)) + r"|10|66)")


def _check_credit_code(text: str, start: int, end: int) -> float:
    """VALIDATED: registrar, region and MOD 31 hold; of figures alone, the organisation's own check digit as well."""
    code = re.sub(r"[\s-]", "", text[start:end])
    broken = "\n" in text[start:end]
    if broken and (len(code) != 18 or not code[2:8].isdigit() or in_column(text, start, end)):
        return REJECTED
    if not (code.isupper() or code.islower() or code.isdigit()):
        return REJECTED
    code = code.upper().replace("O", "0")
    named = label(text, start, end)
    if named not in {"", "organisation", "document", "other"}:  # an identity number with a wrong digit, a card
        return REJECTED
    if not _REGISTRARS.match(code) or credit_check_character(code[:17]) != code[17] or len(set(code)) <= 2:
        return REJECTED
    if organisation_check_character(code[8:16]) == code[16]:
        return WEAK if is_sample(code) else VALIDATED
    if broken and not named:
        return REJECTED
    letters = sum(char.isalpha() for char in code[8:])
    return VALIDATED if letters and named in {"", "organisation"} else UNSURE


# What leads from the name of the service to the account there, or back: 支付宝转账到, 支付宝账号我发你：. No other name of
# an account, no office and no other person stands between.
_ALIPAY_AHEAD = re.compile(
    r"(?:支付[宝寶]|(?<![A-Za-z])(?ai:alipay|zfb|zhifubao|ali(?=[_-]?(?:account|id))))"
    r"(?:[^0-9A-Za-z\u4e00-\u9fff]|<[^<>]{1,20}>|"
    + han(
        r"(?:实名(?:认证)?|收款人|户名)[是为:]?(?: ?[\u4e00-\u9fff]{2,3}[,) ])?|名称|转[账帐到给至入]?|打[款到给进]?|付款?到?|[收提]款?现?到?|收付款|搜索?|[添加]加?|好友|登[录陆]|绑定|注册|认证|交易|真实|个人"
        r"|[账帐][号户]名?|户名|用户名?|客户|账|号码?|手机号?码?|邮[箱件]|电子|收款人?|同号?|就|也|都|是|为|同|这|那|个|我|你|他|她|的|发|给|到|至|里|叫|用"
    )
    + r"|(?ai:account|acct|user|login|name|id|no|num|pay|email|mail|phone|mobile|value)(?![a-z])){0,12}\Z"
)
_ALIPAY_BEHIND = re.compile(
    r"[\"' ]?(?:[（(【\[]|[,， ]?(?:这|那)?就?[是为])(?:我|他|她|本人|老板)?的?(?:支付[宝寶]|(?ai:alipay|zfb))(?:[账帐賬][号戶户號]|号)?"
    r"(?![\u4e00-\u9fffA-Za-z]{0,3}(?:付|客服|到账|转|收|扫|打|支|红包|也?可以?))"
)


def _check_alipay(text: str, start: int, end: int) -> float:
    found = text[start:end]
    if "@" in found and found.lower().rpartition(".")[2] not in top_level_domains():
        return REJECTED
    ahead = before(text, start)
    said = _ALIPAY_AHEAD.search(ahead) or named_by(_ALIPAY_COLUMN, text, start, end)
    return CONTEXTUAL if said or _ALIPAY_BEHIND.match(behind(text, end)) else REJECTED


_EDGE, _END = r"(?<![0-9])(?<![0-9]\.)", r"(?![0-9A-Za-z_]|\.[0-9])"
_RAW_FOUR = f"{_RAW}{{4}}"
_CREDIT = "[0-9A-HJ-RTUWXYa-hj-rtuwxy]"
_RAW_CREDIT = wide("0123456789ABCDEFGHJKLMNOPQRTUWXYabcdefghjklmnopqrtuwxy")


def _broken_code() -> str:
    """The same with a line break behind two or more of its characters."""
    line, end = "\r?\n", "(?:[^0-9A-Za-z]|$)"
    heads = "|".join(f"{DIGIT}{{{at}}}{line}{DIGIT}{{{6 - at}}}{_RAW_CREDIT}{{10}}" for at in range(6))
    tails = "|".join(f"{_RAW_CREDIT}{{{at}}}{line}{_RAW_CREDIT}{{{10 - at}}}" for at in range(9))
    first = f"{wide('12345679ABCDEFGNYabcdefgny')}{wide('123459')}"
    return f"(?:^|[^0-9A-Za-z_]){first}(?:{heads}|{DIGIT}{{6}}(?:{tails})){end}"


_ALIPAY = f"支付[宝寶]|{any_case('alipay')}|{any_case('zfb')}|{any_case('zhifubao')}|{any_case('ali')}{wide('_-')}?(?:{any_case('account')}|{any_case('id')})"
# The head of a column; elsewhere what may stand between is of _ALIPAY_AHEAD.
_ALIPAY_COLUMN = re.compile("支付[宝寶](?:" + han("[账帐][号户]") + ")?(?=[\r\n,，|\t;:])")

RULES = (
    Rule(
        "bank_card",
        "BANK_CARD",
        # the first digit stands before the alternatives: what begins with one of a few characters is found much faster
        rf"{_EDGE}(?<![0-9]{{4}}[ -])[2-9](?:{_D}{{14,18}}|{_D}{{3}}([ -]){_D}{{4}}\1{_D}{{4}}\1{_D}{{4}}(?:\1{_D}{{1,3}})?"
        rf"|(?<=3)[47][0-9]{{2}}([ -])[0-9]{{6}}\2[0-9]{{5}}|(?<=[4-9]){_D}{{5}}[ -]{_D}{{10,13}})(?![ -]?[0-9]{{4}}|[0-9A-Za-z_]|\.[0-9])",
        LONG_NUMBER,
        _check_card,
        ("银行卡", "卡号", "账号", "账户", "帐号", "帐户", "开户", "card", *_MONEY),
    ),
    Rule(
        # as the end of a line broke it
        "bank_card_broken",
        "BANK_CARD",
        rf"{_EDGE}(?<![0-9]\n)(?<![0-9]\r\n)[2-9][0-9]{{1,16}}\r?\n[0-9]{{2,17}}(?!\r?\n[0-9]){_END}",
        LONG_NUMBER,
        _check_card,
    ),
    Rule(
        "credit_code_broken",
        "CN_USCC",
        rf"(?<![0-9A-Za-z_])(?<![0-9A-Za-z]\n)(?<![0-9A-Za-z]\r\n)[1-79A-GNYa-gny][1-59]{_CREDIT}{{0,14}}\r?\n{_CREDIT}{{2,16}}"
        r"(?!\r?\n[0-9A-Za-z])(?![0-9A-Za-z_])",
        _broken_code(),
        _check_credit_code,
        _CREDIT_LABEL,
    ),
    Rule(
        "credit_code",
        "CN_USCC",
        rf"(?<![0-9A-Za-z_])[1-79A-GNYa-gny][1-59](?:[ -]?[0-9Oo]{{6}}[ -]?{_CREDIT}{{8}}[ -]?{_CREDIT}[ -]?{_CREDIT}"
        rf"|[0-9Oo]{{2}}[ -][0-9Oo]{{4}}(?:[ -]{_CREDIT}{{4}}){{2}}[ -]{_CREDIT}{{2}})(?![0-9A-Za-z_])",
        f"(?:^|[^0-9A-Za-z_]){wide('12345679ABCDEFGNYabcdefgny')}{wide('123459')}(?:{SPACE}?{_RAW}{{6}}{SPACE}?{_RAW_CREDIT}{{8}}{SPACE}?{_RAW_CREDIT}"
        f"|{_RAW}{{2}}{SPACE}{_RAW_FOUR}{SPACE}{_RAW_CREDIT}{{4}}{SPACE}{_RAW_CREDIT}{{4}})",
        _check_credit_code,
        _CREDIT_LABEL,
    ),
    Rule(
        # the account is a mobile, a mailbox or a number of the house itself
        "alipay",
        "ALIPAY",
        r"(?<![0-9A-Za-z_.%+@-])(?:(?:\+?86[ -]?)?1[3-9][0-9]([ -]?)[0-9]{4}\1[0-9]{4}|2088[0-9]{12}"
        r"|[0-9A-Za-z_](?:[.%+-]?[0-9A-Za-z_]){0,31}@(?:[0-9A-Za-z](?:[0-9A-Za-z-]{0,22}[0-9A-Za-z])?\.){1,3}[A-Za-z]{2,12})"
        r"(?![0-9A-Za-z_@]|[.-][0-9A-Za-z])",
        _ALIPAY,
        _check_alipay,
        longest=152,
    ),
)
