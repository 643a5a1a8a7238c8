import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pii import find
from transforms import excerpt as module
from transforms.excerpt import CONTEXT, RULES, excerpt, excerpts, mask_identifiers

IDENTIFIERS = [
    "13812345678",
    "138 1234 5678",
    "138-1234-5678",
    "138－1234－5678",
    "138　1234　5678",
    "138–1234–5678",
    "138\u200b1234\u200b5678",
    "１３８１２３４５６７８",
    "11010519491231002X",
    "6222 0212 3456 7890 123",
    "zhang.san@example.com",
    "zhang＠example.com",
    "ａｂｃ＠ｅｘａｍｐｌｅ．ｃｏｍ",
    "8.8.8.8",
    "８.８.８.８",
    "192.168.100.200",
    "2408:8000:1:2::3",
    "wxid_a1b2c3d4",
    "Xk93jfQ2pLw8",
]
# Spellings that are to hide what they say, and short values that a label gives away: label, value.
DISGUISED = [
    ("电话", "一三八一二三四五六七八"),
    ("电话", "壹叁捌壹贰叁肆伍陆柒捌"),
    ("电话", "幺三八-一二三四-五六七八"),
    ("电话", "一 三 八 一 二 三 四 五 六 七 八"),
    ("电话", "138一二三四5678"),
    ("电话", "一3八１二3四5六7八"),
    ("电话", "①③⑧①②③④⑤⑥⑦⑧"),
    ("电话", "❶❸❽❶❷❸❹❺❻❼❽"),
    ("邮箱", "zhangsan (at) qq.com"),
    ("邮箱", "zhangsan[at]qq点com"),
    ("邮箱", "zhangsan【AT】qq dot com"),
    ("邮箱", "zhangsan艾特qq"),
    ("微信号：", "abc_def"),
    ("加微信", "hellofriend"),
    ("V信 ", "ｈｅｌｌｏｆｒｉｅｎｄ"),
    ("vx:", "hello-friend"),
    ("WeChat：", "hellofriend"),
    ("QQ：", "12345"),
    ("密码：", "hunter!x"),
    ("password=", "correct.horse"),
    ("车牌", "京A1234挂"),
    ("车牌", "粤B8U29Z"),
    ("住建国路", "8号院2号楼301室"),
    ("生日：", "1990年1月2日"),
    ("定位 ", "116°24′15″"),
]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_identifier_is_masked_wherever_the_hit_is(identifier: str) -> None:
    text = f"联系人的电话是 {identifier} ，请联系赌博网站"
    assert len(mask_identifiers(text)) == len(text)
    start = text.index(identifier)
    for low, high in (
        (text.index("赌博"), len(text)),
        (start, start + len(identifier)),
        (start + 3, start + 6),
        (0, 1),
    ):
        shown = excerpt(text, low, high)
        assert identifier not in shown
        assert identifier[3:] not in shown
        assert identifier[:-3] not in shown


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_identifier_at_the_edge_of_the_quotation_is_masked(identifier: str) -> None:
    for distance in range(CONTEXT - 22, CONTEXT + 4):
        behind = f"赌博{'远' * distance} {identifier} 完"
        before = f"完 {identifier} {'远' * distance}赌博"
        for shown in (excerpt(behind, 0, 2), excerpt(before, len(before) - 2, len(before))):
            assert all(identifier[at : at + 5] not in shown for at in range(len(identifier) - 4))


@pytest.mark.parametrize(("label", "value"), DISGUISED)
def test_other_spellings_and_what_a_label_gives_away_are_masked(label: str, value: str) -> None:
    text = f"本店经营赌博网站，{label}{value}，请联系"
    shown = excerpt(text, 4, 8)
    assert len(mask_identifiers(text)) == len(text)
    assert value not in shown and value[3:] not in shown and "赌博网站" in shown
    assert not any(value[at : at + 4] in shown for at in range(len(value) - 3))


@pytest.mark.parametrize(
    "text",
    [
        "二〇二四年十一月，第三十七届",
        "一、二、三等奖各五名",
        "相信Android系统的通信软件",
        "三三两两，一五一十，七七八八",
        "他是Alice，为Windows写软件（Beta）",
        "京AB线，住在8号楼附近，6月8号见",
    ],
)
def test_ordinary_wording_stays_readable(text: str) -> None:
    assert mask_identifiers(text) == text


def test_plain_words_and_short_numbers_stay_readable() -> None:
    assert excerpt("他在2024年去了赌博网站 with Friends。", 9, 13) == "他在2024年去了赌博网站 with Friends。"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
def test_a_quotation_is_one_bounded_line_without_control_characters(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    shown = excerpt(text, start, min(len(text), start + length))
    assert len(shown) <= 4 * CONTEXT + 64
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs") for char in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def test_a_long_hit_is_cut_in_the_middle() -> None:
    shown = excerpt("前" * 50 + "长" * 1000 + "后" * 50, 50, 1050)
    assert shown.startswith("前" * CONTEXT + "长")
    assert shown.endswith("长" + "后" * CONTEXT)
    assert "…" in shown


def masked_without_signs(text: str) -> str:
    """Every pattern tried on every text, one after another, without looking first whether it could be found."""
    for pattern, head in RULES:
        found = [match.span(pattern.groups) for match in pattern.finditer(text.translate(module._NARROW))]
        for low, high in found:
            text = text[: low + head] + "*" * (high - low - head) + text[high:]
    return text


SIGNS = st.text("aZ09８５9:：.．@＠xXＸ ，-－_/中\u200bＡｆ٣*—\u3000一八①(t)微信号年月日生京楼室", max_size=12)
SPELLED = [label + value for label, value in DISGUISED]


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(SIGNS, st.sampled_from(IDENTIFIERS + SPELLED)), max_size=5).map("".join))
@example("1@a,2345")  # the asterisks of an address join the digits around it
@example("::")
@example("𝟏𝟐𝟑𝟒𝟓\ud800")
def test_no_identifier_hides_from_the_signs_that_are_looked_for_first(text: str) -> None:
    assert mask_identifiers(text) == masked_without_signs(text)
    if not module._marks().Match(text.encode(errors="replace")):
        assert mask_identifiers(text) == text


def test_every_unseen_character_is_seen_to_be_one() -> None:
    for code in range(sys.maxunicode + 1):
        if module._UNSEEN.match(chr(code)):
            assert not chr(code).isprintable()


noise = st.text(st.sampled_from("电话邮箱 ,。:手机ip号a"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(noise, st.sampled_from(IDENTIFIERS + SPELLED)), min_size=1, max_size=6), st.data())
def test_whatever_the_detector_of_personal_information_finds_is_masked(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    shown, first = excerpt(text, start, min(len(text), start + 4)), max(0, start - CONTEXT)
    for entity in find(text):
        told = shown[max(0, entity.start + 1 - first) : max(0, entity.end - first)]
        assert set(told) <= {"*"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(noise, st.sampled_from(IDENTIFIERS + SPELLED), st.just("\ud800")), max_size=8))
def test_hits_are_quoted_together_as_each_alone(texts: list[str]) -> None:
    hits = [(text, len(text) // 2, len(text)) for text in texts]
    assert excerpts(hits) == [excerpt(*hit) for hit in hits]
