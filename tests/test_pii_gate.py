"""The laws the gate of pii/ rests on, for every rule there is, and the gate itself: what it skips holds nothing."""

import random
import re
import time
from itertools import pairwise
from re import _constants as codes  # type: ignore[attr-defined]

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

import pii.automaton
import pii.detector
import pii.rule
import pii.windows
from pii import build_analyzer
from pii.automaton import Automaton
from pii.detector import Detector, Found
from pii.overlaps import resolve
from pii.rule import LOOK_AHEAD, LOOK_BEHIND, UNSURE, VALIDATED, Rule, RuleTimeoutError, always, fold, grade
from pii.rules import all_rules
from pii.signs import DEPTH, EDGE, signs_of
from pii.tracks import compose
from pii.unseen import without_unseen
from pii.windows import LONGEST_ANCHOR
from tests import pii_texts

RULES = all_rules()
DETECTOR = Detector()
pii_texts.examples()  # imports the tests they are in: not inside a test
BY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
ANCHORED = pytest.mark.parametrize("rule", [rule for rule in RULES if rule.anchor], ids=lambda rule: rule.name)
TEXTS = 60  # of each rule
seeds = st.integers(0, 2**32)


def draw(*seed: object) -> random.Random:
    return random.Random("/".join(map(str, seed)))


def texts_of(rule: Rule, count: int = TEXTS) -> list[str]:
    """Texts in which the rule finds something now and then."""
    source = draw(rule.name)
    found = [pii_texts.surrounded(pii_texts.value(rule, source), rule, source) for _ in range(count)]
    known = source.sample(pii_texts.examples(), min(count, len(pii_texts.examples())))
    found += [pii_texts.mutated(text, source) for text in known]
    return [re.sub("[\ud800-\udfff]", "", text) for text in found]


# What a rule is


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@BY_RULE
def test_patterns_are_bounded_and_stay_local(rule: Rule) -> None:
    tree = pii_texts.tree(rule.pattern)
    parts = pii_texts.parts(tree)
    repeats = [
        argument for node, argument in parts if node in {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
    ]
    assert all(high is not codes.MAXREPEAT for _, high, _ in repeats)
    looks = [
        (way, inner.getwidth()[1])
        for node, (way, inner) in (part for part in parts if part[0] in {codes.ASSERT, codes.ASSERT_NOT})
    ]
    assert all(width <= LOOK_BEHIND for way, width in looks if way < 0)
    ahead = max([width for way, width in looks if way > 0], default=0)
    assert tree.getwidth()[1] <= rule.longest, "declare the greatest length of a match as `longest`"
    assert ahead <= LOOK_AHEAD or tree.getwidth()[1] + ahead - LOOK_AHEAD <= rule.longest, (
        "add what lies beyond LOOK_AHEAD"
    )


@ANCHORED
def test_anchors_are_short_hold_no_look_around_and_mean_the_same_to_re2(rule: Rule) -> None:
    tree = pii_texts.tree(rule.anchor)
    shortest, longest = tree.getwidth()
    assert shortest > 0
    assert longest <= LONGEST_ANCHOR or longest >= codes.MAXREPEAT, (
        "what the rule itself bounds the anchor may leave open"
    )
    assert {node for node, _ in pii_texts.parts(tree)}.isdisjoint({codes.ASSERT, codes.ASSERT_NOT, codes.GROUPREF})
    places = {argument for node, argument in pii_texts.parts(tree) if node is codes.AT}
    assert places <= {codes.AT_BEGINNING, codes.AT_END, codes.AT_BEGINNING_STRING, codes.AT_END_STRING}
    classes = [argument for node, argument in pii_texts.parts(tree) if node is codes.CATEGORY]
    assert not classes, r"write [0-9] for \d: they differ between RE2 and Python"
    re2.compile(rule.anchor)


@BY_RULE
def test_patterns_mean_to_regex_what_they_mean_to_re(rule: Rule) -> None:
    own = re.compile(rule.pattern)
    for text in map(fold, texts_of(rule, 60)):
        assert [found.span() for found in rule.regex.finditer(text)] == [
            found.span() for found in own.finditer(text)
        ], text


@ANCHORED
def test_whatever_a_rule_finds_has_its_anchor_near(rule: Rule) -> None:
    """In RE2 as in Python, in text as it is, ASCII or full width."""
    known = [text for text in map(fold, pii_texts.examples()) if rule.findings(text)]
    texts = [*known, *map(pii_texts.full_width, known), *texts_of(rule)]
    texts += [pii_texts.mutated(text, draw(rule.name, text)) for text in known for _ in range(3)]
    anchor, same = re.compile(rule.anchor), re2.compile(rule.anchor)
    group = "value" if "value" in rule.regex.groupindex else 0
    hits = 0
    for text in texts:
        folded = fold(text)
        found = {(start, end) for start, end, _ in rule.findings(folded)}
        for match in rule.regex.finditer(folded):
            if match.span(group) in found:
                hits += 1
                end = max(match.end(), match.end(group))  # a value may stand in a look-ahead
                low, high = max(0, match.start() - LOOK_BEHIND), min(len(text), end + LOOK_AHEAD)
                last = high if rule.lead is None else min(high, match.start() + rule.lead + 1)
                ends = [(at, min(high, at + LONGEST_ANCHOR)) for at in range(low, last)]
                assert any(anchor.match(text, *span) for span in ends), text
                assert any(same.match(text, *span) for span in ends), text
    assert hits, "give an example in the tests of the rule"


@BY_RULE
def test_matches_of_one_rule_that_overlap_end_at_the_same_place(rule: Rule) -> None:
    """So wherever reading begins, it is in step after the first match."""
    for text in map(fold, texts_of(rule, 60)):
        spans = [found.span() for found in rule.regex.finditer(text, overlapped=True)]
        assert all(one[1] <= other[0] or one[1] == other[1] for one, other in pairwise(spans)), (text, spans)


@BY_RULE
def test_matches_and_their_grades_depend_on_nothing_farther_away(rule: Rule) -> None:
    """What stands beyond `longest`, LOOK_BEHIND and LOOK_AHEAD is of no matter."""
    source = draw(rule.name, "far")
    for text in map(fold, texts_of(rule, 60)):
        for start, end, score in rule.findings(text):
            low = max(0, start - rule.longest - LOOK_BEHIND)
            high = min(len(text), end + rule.longest + LOOK_AHEAD)
            for other in ("", "，", fold(pii_texts.noise(source, 9))):
                ahead, behind = other if low else "", other if high < len(text) else ""
                cut = ahead + text[low:high] + behind
                assert (start - low + len(ahead), end - low + len(ahead), score) in rule.findings(cut), (text, cut)


@BY_RULE
def test_reading_in_parts_finds_what_reading_on_finds(rule: Rule) -> None:
    """Wherever it is cut; and a part in which a first look finds nothing holds nothing."""
    source = draw(rule.name, "parts")
    for text in map(fold, texts_of(rule)):
        cuts = sorted({0, len(text), *(source.randint(0, len(text)) for _ in range(3))})
        parts = [rule.findings(text, *span, earlier=rule.longest) for span in pairwise(cuts)]
        assert [found for part in parts for found in part] == rule.findings(text), (text, cuts)
        assert all(rule.findings(text, *span) for span, part in zip(pairwise(cuts), parts, strict=True) if part), text


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.anchor], ids=lambda rule: rule.name)
def test_rules_without_an_anchor_find_nothing_but_beside_others(rule: Rule) -> None:
    assert rule.mandatory and rule.beside
    for text in map(fold, texts_of(rule)):
        assert all(score == UNSURE for _, _, score in rule.findings(text)), text


# The gate


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_windows_lose_and_invent_nothing(seed: int) -> None:
    text = pii_texts.document(RULES, draw(seed))
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)


@pytest.mark.parametrize("seed", range(4))
def test_no_spelling_of_a_character_hides_anything(seed: int) -> None:
    """What folds onto a character of an anchor must be in the anchor too: three kinds of blanks, six of dashes."""
    source = draw("spellings", seed)
    for example in pii_texts.examples():
        text = pii_texts.respelt(example, source, source.choice((0.1, 0.5, 1)))
        assert DETECTOR.spans(text) == DETECTOR.spans_ungated(text), text


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 2))
def test_neither_pieces_nor_chunks_lose_or_invent_anything(seed: int, tries: int) -> None:
    text = "".join(pii_texts.document(RULES, draw(seed, part)) for part in range(3))
    expected = DETECTOR.find_ungated(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pii.detector, "PIECE", 60)
        patch.setattr(pii.windows, "BLOCK", LONGEST_ANCHOR + 7)
        patch.setattr(pii.windows, "SKIP", 1)
        patch.setattr(pii.windows, "TRIES", tries)
        patch.setattr(pii.automaton, "PART", 50 + tries)
        assert DETECTOR.find(text) == expected
        assert DETECTOR.find_ungated(text) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(seeds, max_size=8), st.integers(1, 2000))
def test_texts_have_their_own_windows_whatever_their_neighbours(own: list[int], together: int) -> None:
    texts = ["1", "", *(pii_texts.document(RULES, draw(seed))[:200] for seed in own), ""]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pii.windows, "TOGETHER", together)
        found = DETECTOR.gate.windows_of(texts)
    expected = {row: DETECTOR.gate.windows(without_unseen(text)) for row, text in enumerate(texts)}
    assert found == {row: windows for row, windows in expected.items() if windows}


def test_texts_have_windows_for_what_stands_between_invisible_characters_not_for_these() -> None:
    texts = ["\ufeff好的\U0001f468\u200d\U0001f469", "电话138\u200b1234\u20605678", "软\u00ad连字符" * 200, "好"]
    assert DETECTOR.gate.windows_of(texts).keys() == {1}
    assert DETECTOR.gate.windows_of(texts[1:2]) == DETECTOR.gate.windows_of(["电话13812345678"])
    assert DETECTOR.gate.windows_of([]) == {}


def signs_in(automaton: Automaton, text: str) -> list[tuple[int, tuple[int, ...]]]:
    """Where signs begin behind the edge before a text, and of which groups."""
    parts = automaton.find(EDGE + text + EDGE * DEPTH)
    return [(int(at), automaton.groups[state]) for found in parts for at, state in zip(*found, strict=True)]


@ANCHORED
def test_a_sign_stands_wherever_an_anchor_begins(rule: Rule) -> None:
    """Between other texts as at the ends, and whatever character the place between texts is marked with."""
    (anchor,) = (number for number, other in enumerate(DETECTOR.gate.anchors) if other == rule.anchor)
    pattern, automaton = re.compile(rule.anchor), DETECTOR.gate._sought.automaton
    hits = 0
    known = [text for text in map(fold, pii_texts.examples()) if rule.findings(text)][:9]
    for text in (*known, *map(pii_texts.full_width, known), *texts_of(rule, 20), EDGE + known[0] + EDGE):
        signs = {max(0, at - 1) for at, groups in signs_in(automaton, text) if anchor in groups}
        begins = {at for at in range(len(text)) if pattern.match(text, at)}
        hits += len(begins)
        assert begins <= signs, text
    assert hits


@pytest.mark.parametrize(
    ("anchor", "begins"),
    [
        ("ab|b+c?d", {"ab", "bd", "bbbcd"}),
        ("(?:^|[^0-9])1{2}", {"11", "a11"}),
        ("a(?:b|cd)?e$", {"ae", "abe", "acde"}),
        ("(?:x ?){2,3}y*[^z]", {"xxa", "x x xyyyb"}),
        ("[\U00020000-\U00020010]", {"\U00020005"}),
        ("(?:ab?){0,20}c{12}", {"c" * 12, "aab" + "c" * 12}),
        ("n{0}o", {"o"}),
    ],
)
def test_signs_follow_all_ways_to_begin(anchor: str, begins: set[str]) -> None:
    automaton = Automaton(*signs_of([anchor, "q"]))
    for text in begins:
        assert any(at <= 1 and 0 in groups for at, groups in signs_in(automaton, text)), text
    assert not signs_in(automaton, "zzz")


@pytest.mark.parametrize("anchor", [r"\d{3}", "(?i)a", "(?i:a)b", "a(?=b)", ".b"])
def test_anchors_hold_nothing_signs_cannot_say(anchor: str) -> None:
    with pytest.raises(ValueError, match="anchor"):
        signs_of([anchor])


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_the_analyzer_of_presidio_finds_the_same(seed: int) -> None:
    text = pii_texts.document(RULES, draw(seed))
    results = ANALYZER.analyze(fold(text), "zh")
    spans = [Found(result.entity_type, result.start, result.end, grade(result.score)) for result in results]
    expected = [entity[:4] for entity in DETECTOR.find(text)]
    assert [tuple(span) for span in compose(text, resolve(spans))] == expected


ANALYZER = build_analyzer()


def test_a_text_with_surrogates_is_read_all_the_same() -> None:
    (entity,) = DETECTOR.find("\ud83d\ude00\ud800电话13812345678")
    assert (entity.start, entity.end) == (5, 16)


# Time


def test_a_rule_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pii.rule, "TIMEOUT", 0.05)
    rule = Rule("endless", "QQ", r"(?:a|a?a|aa?){1,99}(?:b|c)", "a", always(VALIDATED), longest=200)
    with pytest.raises(RuleTimeoutError, match="endless"):
        Detector([rule]).find("a" * 5000)


HOSTILE = [
    *(
        "1",
        "@",
        "a@",
        "a.",
        "a",
        "1.1.",
        "2:",
        "f",
        "2001:",
        "1 ",
        "62-",
        "a@b.",
        "1380",
        "4 4 4 ",
        "＠１",
        ":",
        "-._%+",
    ),
    *(
        "[",
        "(",
        "{",
        '{"',
        "][",
        "姓名：",
        "北京市",
        "eyJ",
        "市",
        "路",
        "号",
        "1号",
        "路1号",
        "张",
        "张三，",
        "密码：",
        "key=",
        "QQ",
    ),
    *(
        "微信：a",
        "/",
        "://",
        "://a:",
        "(0",
        "（010）",
        "中",
        "，",
        "\n",
        " ",
        "sk-",
        "-----BEGIN ",
        "0x",
        "1,",
        "116.4074,39.9042 ",
    ),
    *(
        "13812345678 ",
        "a@b.cn ",
        "2020-01-01 ",
        "110101",
        "Aa1",
        "京A",
        "1A",
        "男，",
        "０１",
        "\ue000",
        "年1月1日",
        '="',
    ),
]


def seconds(text: str) -> float:
    took = []
    for _ in range(3):
        start = time.process_time()
        DETECTOR.find(text)
        took.append(time.process_time() - start)
    return min(took)


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_is_linear_in_the_length_of_a_document(unit: str) -> None:
    text = unit * (4_000 // len(unit))
    DETECTOR.find(text * 4)
    assert seconds(text * 4) <= 6.5 * seconds(text) + 0.005


@pytest.mark.slow
@pytest.mark.parametrize("unit", HOSTILE)
def test_documents_of_five_megabytes_come_to_an_end_in_linear_time(unit: str) -> None:
    text = unit * (1_250_000 // len(unit.encode()))
    assert seconds(text * 4) <= 6.5 * seconds(text)


def test_random_digits_lose_nothing_to_windows() -> None:
    text = "".join(random.Random(1).choices("0123456789 -.@aX", k=20_000))
    assert DETECTOR.find(text) == DETECTOR.find_ungated(text)
