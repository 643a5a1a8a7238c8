import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms import excerpt as module
from transforms.excerpt import CONTEXT, RULES, excerpt, mask_identifiers
from transforms.pii import PersonalInformation

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
        for low, high in [found.span() for found in pattern.finditer(text.translate(module._NARROW))]:
            text = text[: low + head] + "*" * (high - low - head) + text[high:]
    return text


SIGNS = st.text("aZ09８５9:：.．@＠xXＸ ，-－_/中\u200bＡｆ٣*—\u3000", max_size=12)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(SIGNS, st.sampled_from(IDENTIFIERS)), max_size=5).map("".join))
@example("1@a,2345")  # the asterisks of an address join the digits around it
@example("::")
@example("𝟏𝟐𝟑𝟒𝟓\ud800")
def test_no_identifier_hides_from_the_signs_that_are_looked_for_first(text: str) -> None:
    assert mask_identifiers(text) == masked_without_signs(text)


def test_every_unseen_character_is_seen_to_be_one() -> None:
    for code in range(sys.maxunicode + 1):
        if module._UNSEEN.match(chr(code)):
            assert not chr(code).isprintable()


noise = st.text(st.sampled_from("电话邮箱 ,。:手机ip号a"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(noise, st.sampled_from(IDENTIFIERS)), min_size=1, max_size=6).map("".join), st.data())
def test_whatever_the_detector_of_personal_information_finds_is_masked(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(0, len(text) - 1)))
    shown = excerpt(text, start, min(len(text), start + 4))
    for entity in PersonalInformation().entities(text):
        assert text[entity.start : entity.end] not in shown
