"""Texts for the laws of pii/: values made from the rules' own patterns, examples of the tables, and what stands around."""

import importlib
import random
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import re2

from pii.detector import Detector, Found
from pii.overlaps import resolve
from pii.rule import FOLD, LOOK_AHEAD, LOOK_BEHIND, REJECTED, Rule, fold, grade

UNFOLD = {ascii_code: wide_code for wide_code, ascii_code in FOLD.items() if wide_code >= 0xFF01}
SPELLINGS: dict[str, list[str]] = {}  # of a folded character all that folds onto it
for spelling, folded in FOLD.items():
    SPELLINGS.setdefault(chr(folded), []).append(chr(spelling))
LABELS = (
    *(
        "身份证号：",
        "护照",
        "手机",
        "电话：",
        "联系人：张三，",
        "卡号",
        "姓名：",
        "住址：",
        "QQ：",
        "微信号",
        "支付宝账号：",
        "密码：",
        "生日：",
    ),
    *(
        "订单号",
        "password=",
        "token: ",
        "tel",
        "ip ",
        "病历号：",
        "车牌",
        "坐标：",
        "出生日期：",
        "性别：男，",
        "IMEI:",
        "mac ",
        "第",
        "年",
    ),
)
GLUE = "电话手机号是，。元个男女张王李省市区路号室 \n\t@.:-/=+_%\"'()[]{}vaZ019０９Ｘ－＠：，（）\U0001f600"
FILLING = (
    "",
    "",
    "，",
    "。",
    "\n",
    "好" * 30,
    "好" * 200,
    "a" * 70,
    "a" * 700,
    "x." * 300,
    "1 " * 40,
    "@" * 90,
    "9" * 300,
    "北京市" * 30,
)


def full_width(text: str) -> str:
    return text.translate(UNFOLD)


def found_by(text: str, detector: Detector) -> list[tuple[str, str, str]]:
    """What a detector finds in a text: type, value, grade."""
    return [(entity.type, text[entity.start : entity.end], entity.grade) for entity in detector.find(text)]


def found(text: str, rules: Sequence[Rule]) -> list[tuple[str, str, str]]:
    """The same of rules without the gate and what stands beside: overlaps are resolved."""
    folded = fold(text)
    spans = [
        Found(rule.entity, start, end, grade(score)) for rule in rules for start, end, score in rule.findings(folded)
    ]
    return [(span.type, text[span.start : span.end], span.grade) for span in resolve(spans)]


def assert_anchored(text: str, rules: Sequence[Rule]) -> None:
    """Every finding has its rule's anchor within reach of the match, in RE2 and in Python, whatever is cut away further out."""
    folded = fold(text)
    for rule in rules:
        group = "value" if "value" in rule.regex.groupindex else 0
        for match in rule.regex.finditer(folded):
            if rule.check(folded, *match.span(group)) > REJECTED:
                assert len(match.group()) <= rule.longest
                near = text[max(0, match.start() - LOOK_BEHIND) : match.end() + LOOK_AHEAD]
                assert re.search(rule.anchor, near), (rule.name, text)
                assert re2.search(rule.anchor, near), (rule.name, text)


def respelt(text: str, source: random.Random, share: float = 0.2) -> str:
    """Some of its characters written in another way that folds onto the same."""
    return "".join(
        source.choice(SPELLINGS[char]) if char in SPELLINGS and source.random() < share else char for char in text
    )


def parsed(pattern: str) -> Any:
    return parser.parse(pattern)


def parts(tree: Any) -> list[tuple[Any, Any]]:
    """All nodes of a parsed pattern with their arguments."""
    found = []
    for node, argument in tree:
        found.append((node, argument))
        for inner in inside(node, argument):
            found += parts(inner)
    return found


def inside(node: Any, argument: Any) -> list[Any]:
    """What a node of a parsed pattern is made of."""
    if node is codes.BRANCH:
        return list(argument[1])
    if node is codes.SUBPATTERN:
        return [argument[3]]
    if node in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        return [argument[2]]
    if node in (codes.ASSERT, codes.ASSERT_NOT):
        return [argument[1]]
    if node is codes.GROUPREF_EXISTS:
        return [branch for branch in argument[1:] if branch]
    return [argument] if node is codes.ATOMIC_GROUP else []


def made(pattern: Any, draw: random.Random, groups: dict[int, str] | None = None) -> str:
    """A text that may match a parsed pattern; look-arounds are not heeded."""
    groups = {} if groups is None else groups
    text = ""
    for node, argument in pattern:
        if node is codes.LITERAL:
            text += chr(argument)
        elif node is codes.IN:
            text += _one_of(argument, draw)
        elif node in (codes.ANY, codes.NOT_LITERAL):
            text += draw.choice("0a，好")
        elif node is codes.BRANCH:
            text += made(draw.choice(argument[1]), draw, groups)
        elif node is codes.GROUPREF:
            text += groups.get(argument, "")
        elif node in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            low, high, inner = argument
            times = draw.choice((low, low, min(high, low + 1), draw.randint(low, min(high, low + 20)), min(high, 300)))
            text += "".join(made(inner, draw, groups) for _ in range(times))
        elif node is codes.SUBPATTERN:
            groups[argument[0]] = made(argument[3], draw, groups)
            text += groups[argument[0]]
        elif node is codes.ATOMIC_GROUP:
            text += made(argument, draw, groups)
        elif node is codes.GROUPREF_EXISTS:
            branch = argument[1] if groups.get(argument[0]) else argument[2]
            text += made(branch, draw, groups) if branch else ""
    return text


def _one_of(members: Any, draw: random.Random) -> str:
    if members[0][0] is codes.NEGATE:
        allowed = [char for char in "0aZ ，好@\n-:_中" if not _contains(members[1:], char)]
        return draw.choice(allowed) if allowed else ""
    node, argument = draw.choice(members)
    if node is codes.RANGE:
        return chr(draw.randint(*argument))
    return chr(argument) if node is codes.LITERAL else draw.choice("0aZ ")


def _contains(members: Any, char: str) -> bool:
    return any(
        argument == ord(char)
        if node is codes.LITERAL
        else node is codes.RANGE and argument[0] <= ord(char) <= argument[1]
        for node, argument in members
    )


@lru_cache
def tree(pattern: str) -> Any:
    return parsed(pattern)


@lru_cache
def examples() -> tuple[str, ...]:
    """The texts in the tables of the tests of the rules."""
    found: dict[str, None] = {}
    for file in sorted(Path(__file__).parent.glob("test_pii_*.py")):
        if file.stem in {"test_pii_gate", "test_pii_run", "test_pii_people"}:
            continue
        module = importlib.import_module(f"tests.{file.stem}")
        tables = [table for name, table in vars(module).items() if name.isupper() and isinstance(table, list | tuple)]
        for table in tables:
            for row in table:
                parts = [part for part in (row if isinstance(row, tuple) else [row]) if isinstance(part, str)]
                if parts:  # a text and what is found in it, or what stands ahead, a value and what stands behind
                    found |= {parts[0]: None, "".join(parts[:3]): None}
    return tuple(found)


def value(rule: Rule, draw: random.Random) -> str:
    return made(tree(rule.pattern), draw)


def surrounded(value: str, rule: Rule, draw: random.Random) -> str:
    """The value between a label, a word of the rule's context and any characters, some of it in full width."""
    words = (*LABELS, *rule.context)
    ahead = draw.choice(("", "", draw.choice(words), draw.choice(words) + noise(draw, 3), noise(draw, 6)))
    behind = draw.choice(("", "", noise(draw, 6), draw.choice(words)))
    text = ahead + value + behind
    return draw.choice((text, text, full_width(text), ahead + full_width(value) + behind))


def noise(draw: random.Random, most: int) -> str:
    return "".join(draw.choices(GLUE, k=draw.randint(0, most)))


def mutated(text: str, draw: random.Random) -> str:
    """The text with one or two characters lost, changed or added, and in either width."""
    for _ in range(draw.randint(0, 2)):
        at = draw.randint(0, len(text))
        text = text[:at] + draw.choice(("", draw.choice(GLUE), draw.choice(LABELS))) + text[at + draw.randint(0, 1) :]
    return draw.choice((text, text, full_width(text)))


def document(rules: tuple[Rule, ...], draw: random.Random) -> str:
    """A few values, examples and fillings one behind the other."""
    pieces = []
    for _ in range(draw.randint(1, 8)):
        rule = draw.choice(rules)
        kind = draw.random()
        if kind < 0.45 and examples():
            pieces.append(mutated(draw.choice(examples()), draw))
        elif kind < 0.75:
            pieces.append(surrounded(value(rule, draw), rule, draw))
        else:
            pieces.append(draw.choice(FILLING) + noise(draw, 10))
    return re.sub("[\ud800-\udfff]", "", "".join(pieces))
