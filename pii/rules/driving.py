"""Numbers of driving licences and of the files of drivers."""

import re
from string import ascii_uppercase

from pii.checks import is_sample
from pii.han import han
from pii.rule import CONTEXTUAL, DIGIT, REJECTED, WEAK, Rule, wide
from pii.rules.identity import END, LABELLED, WORD_EDGE, check_named
from pii.surroundings import GAP, NUMBER, QUANTITY, any_case, before, behind, label_farther

_DRIVING = re.compile(
    han(r"驾[驶照证本员龄考]|增驾|司机档|车管|准驾|交[管警]|违章|[记扣]分|副页", spaced=True)
    + r"|[记扣][0-9]{1,2}分|[ABC][123]照|(?<![a-z])(?ai:driv(?:er|ing)|drv|(?:dl|jsz|jiazhao)(?:[ _#-]?(?:file|no|num|archive)|[^a-z]))"
    + r"|(?:(?<![a-z])l|L)(?ai:icen[cs]e[ _<>-]{0,4}(?:file|archive))"
)


_ANOTHER = re.compile("[0-9]{4}(?![年0-9])|" + han("电话|手机|时间|日期"))


def _check_archive(text: str, start: int, end: int) -> float:
    """The file number of a driver: 12 digits that begin with the region of the vehicle office."""
    ahead = before(text, start)
    if not (_DRIVING.search(ahead) or _DRIVING.search(behind(text, end))):
        return REJECTED
    if (
        _ANOTHER.search(re.sub(r"(?<![0-9])[1-6][0-9]{11}[、,，和及/]\Z", "", ahead)[-10:])
        or QUANTITY.match(behind(text, end))
        or label_farther(text, start, end) not in {"", "driving", "document"}
    ):
        return REJECTED
    return WEAK if is_sample(text[start:end]) else CONTEXTUAL


_DRIVER = (
    f"(?:{han('(?:驾驶执照|驾驶证|驾照|驾证|驾驶本|驾本)(?:档案|[上里]面?(?:写|印)?的)?')}"
    f"|{any_case('driv')}(?:{any_case('er')}|{any_case('ing')})?{wide(' _-')}?{any_case('licen')}{wide('csCS')}{wide('eE')}"
    f"(?:{wide(' _-')}?(?:{any_case('file')}|{any_case('archive')}))?|{any_case('drv')}{wide(' _-')}?{any_case('licen')}{wide('csCS')}{wide('eE')}){NUMBER}{GAP}"
)
_RAW_UPPER = wide(ascii_uppercase)

RULES = (
    Rule(
        "driving_licence",
        "CN_DRIVING_LICENCE",
        rf"{_DRIVER}(?P<value>[A-Z]{{0,2}}[0-9]{{8,15}}){END}",
        f"{_DRIVER}{_RAW_UPPER}{{0,2}}{DIGIT}{{8}}",
        check_named,
        longest=LABELLED,
    ),
    Rule(
        "driving_archive",
        "CN_DRIVING_LICENCE",
        rf"{WORD_EDGE}(?<![0-9][.-])[1-6][0-9]{{11}}{END}",
        f"(?:^|[^0-9０-９]){wide('123456')}{DIGIT}{{11}}(?:[^0-9０-９]|$)",
        _check_archive,
    ),
)
