"""Numbers of social insurance: social security, medical insurance, the housing fund."""

import re
from string import ascii_uppercase

from pii.han import han
from pii.rule import DIGIT, REJECTED, Rule, wide
from pii.rules.identity import END, LABELLED, check_named
from pii.surroundings import GAP, NUMBER, any_case, before, named_by

_INSURANCE = han(
    "(?:社保|社会保[障险]|医保|医疗保[险障]|养老保险|[失工生][业伤育]保险|公积金|参保|新农合)", spaced=True
)
_NUMBERED = f"(?:[^0-9A-Za-z０-９Ａ-Ｚａ-ｚ,，。;；、\\n]{{0,8}}?(?:{han('[号码卡证]|[账帐][号户]|编号')}|{any_case('id')})|{wide(',:(')} ?{han('(?:个人)?[编卡账]号')})"
_INSURED_KEYS = (
    f"(?:{any_case('social')}{wide(' _-')}?(?:{any_case('security')}|{any_case('insurance')})|{any_case('medical')}{wide(' _-')}?{any_case('insurance')}|{any_case('medicare')}"
    f"|{any_case('shebao')}|{any_case('yibao')}|{any_case('gongjijin')}|{any_case('gjj')}|(?:{any_case('provident')}|{any_case('housing')}){wide(' _-')}?{any_case('fund')})"
    f"{wide(' _-')}?(?:{any_case('card')}|{any_case('account')}|{any_case('acct')}|{any_case('no')}|{any_case('num')}|{any_case('id')}|{any_case('code')}|{any_case('hao')})"
    f"(?:{wide(' _-')}?(?:{any_case('no')}|{any_case('num')}|{any_case('id')}))?(?:{any_case('ber')})?"
)
# Short keys are parts of other words, ss_no of class_no: only whole, and with a number right behind them.
_SHORT_KEYS = f"(?:^|[^A-Za-z])(?:{any_case('ss')}{wide(' _-')}?{any_case('no')}|{wide('sySY')}{any_case('bk')}{wide('hH')}?){wide(' :=' + chr(34) + chr(39))}{{1,4}}{wide(ascii_uppercase)}{{0,2}}{DIGIT}{{6}}"
_SHORT_LABEL = re.compile(r"(?<![A-Za-z])(?ai:ss[ _-]?no|[sy]bkh?)[ :='\"]{1,4}\Z")
_SOCIAL = f"(?:{_INSURANCE}{_NUMBERED}|{_INSURED_KEYS})"
_NO_TELEPHONE = (  # 医保局电话号码
    rf"(?![^0-9\n]{{0,10}}?(?:{han('电话|手机|热线|联系|传真|邮|身份|银行|文件|公告|订单|流水|单号|工号|微信|群号')}))"
)
_SOCIAL_SAID = f"(?:{_INSURANCE}{_NO_TELEPHONE}{_NUMBERED}|{_INSURED_KEYS})"
_SOCIAL_LABEL = re.compile(f"{_SOCIAL_SAID}{NUMBER}")


def _check_insured(text: str, start: int, end: int) -> float:
    """A value on the next line may be that of another column."""
    return REJECTED if re.search(r"\n[^0-9A-Za-z]*\Z", before(text, start)) else check_named(text, start, end)


def _check_social(text: str, start: int, end: int) -> float:
    named = named_by(_SOCIAL_LABEL, text, start, end) or _SHORT_LABEL.search(before(text, start))
    return check_named(text, start, end) if named else REJECTED


RULES = (
    Rule(
        "social_security",
        "CN_SOCIAL_SECURITY",
        rf"(?<![0-9A-Za-z_])(?<![0-9][.-])[A-Z]{{0,2}}[0-9]{{6,14}}{END}",
        f"{_SOCIAL}|{_SHORT_KEYS}",
        _check_social,
    ),
    Rule(
        # over more of tags than is looked behind
        "social_security_named",
        "CN_SOCIAL_SECURITY",
        rf"{_SOCIAL_SAID}{NUMBER}{GAP}(?P<value>[A-Z]{{0,2}}[0-9]{{6,14}}){END}",
        _SOCIAL,
        _check_insured,
        longest=LABELLED,
    ),
)
