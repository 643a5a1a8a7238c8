"""What a Chinese name is made of: family names, characters of given names, and words that only look like names."""

import re
from importlib import resources

from pii.label_ends import one_of


def _lines(file: str) -> list[str]:
    text = resources.files("pii").joinpath(f"data/{file}").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line[:1] != "#"]


def _sections() -> dict[str, list[str]]:
    """The words of surnames.txt by the headings they stand under."""
    parts = re.split(r"^\[(\w+)\]\n", "\n".join(_lines("surnames.txt")), flags=re.M)
    return {name: words.split() for name, words in zip(parts[1::2], parts[2::2], strict=True)}


def _words(file: str) -> set[str]:
    return {word for line in _lines(file) for word in line.split()}


_SURNAMES = _sections()
COMPOUND = _SURNAMES["compound"]
ROMANISED = frozenset(_SURNAMES["romanised"])
NO_NAMES = frozenset(_words("no_names.txt") | _words("divisions.tsv"))

HAN = "[\u3400-\u9fff\U00020000-\U0003134f]"
# Characters that stand in text all the time and in given names next to never.
_NEVER = (
    "的了是在不这个们吗呢吧啊呀哦嘛么很也都还又再把被让给跟您你我他她它某等号码话费价款账页室省市县区镇乡厅局司店厂院所馆站队"
    "组班届件份笔或及但且哪谁什没请说问对要吃买卖型版率量额税票券奖类种些每各此那机证线者址箱办务院部岁钱病药死着过得就只"
    "最更已将从去做看想写打叫送找到便越嫌户职姓性男儒收"
)
# Family names that are common words too: enough behind a label and a colon, too little in a sentence or by themselves.
_COMMON = "慎和应经都占于常平时从向查曾尚代冷员那能索解盛全何满简越通别来后初单双家年强成明官国文商公支计包修位战展敬当由万丰有权相位东司"


def _class(chars: str) -> str:
    return "[" + "".join(dict.fromkeys(chars)) + "]"


_ALL = "".join(_SURNAMES["single"])
_TYPICAL = "".join(char for char in "".join(_lines("given_names.txt")) if char not in _NEVER + "人")

# Patterns of one family name, of one character of a given name.
SINGLE = _class(_ALL)
SURE = _class("".join(char for char in _ALL if char not in _COMMON))
FREQUENT = _class("".join(char for char in "".join(_SURNAMES["frequent"]) if char not in _COMMON))
COMMON = _class("".join(char for char in _ALL if char in _COMMON))
WORDLIKE = "[何曾于万常文]"  # common words, but too frequent as family names to go without
COMPOUNDS = one_of(COMPOUND)
GIVEN = rf"(?:(?![{_NEVER}]){HAN})"
TYPICAL = _class(_TYPICAL)
NAME = rf"(?:{COMPOUNDS}{GIVEN}{{1,2}}|{SINGLE}{GIVEN}{{1,2}})"
# Tibetan, Uyghur, Mongolian names: up to the end of the Han run, or to what no name holds.
_SOUND = rf"(?:(?![的了是我你您他她它在这某就都]){HAN})"
DOTTED = (
    rf"{_SOUND}{{1,8}}(?:(?:[·•・‧∙]{_SOUND}{{1,8}}){{1,3}}(?!{HAN})"
    rf"|(?:[·•・‧∙]{_SOUND}{{1,8}}?){{1,3}}(?=[您你]好|的|驾驶|持有?|先生|女士|同学|老师))"
)
# What may begin a name: family names, the first characters of those of two. One class, for anchors.
FIRST = _class(_ALL + "".join(sorted({word[0] for word in COMPOUND})))

TITLES = (
    "先生|女士|小姐|同志|同学|老师|医生|大夫|护士|律师|教授|经理|主任|阿姨|师傅|法官|警官|院长|校长|书记|局长|处长|科长"
)
_TITLED = re.compile(rf".{{1,2}}(?:{TITLES}|[总工哥姐叔婶爷奶嫂])\Z")
_CALLS = re.compile(r"谢谢|哈哈|(.)\1\1|.[一二三四五六七八九十]{2}\Z|.{1,3}[谢吧啦哈]\Z")


def is_name(value: str) -> bool:
    """Whether a value shaped like a name is no word, no form of address and no call."""
    return value not in NO_NAMES and not _TITLED.match(value) and not _CALLS.match(value)
