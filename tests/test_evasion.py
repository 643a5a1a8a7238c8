"""Spellings that hide a term from a plain search, and texts that only look as if they did."""

import pickle
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.lexicon import Entry, Library
from transforms.components import split_table
from transforms.excerpt import mask_identifiers
from transforms.keywords import Keywords, VariantError
from transforms.lookalikes import alike_table
from transforms.matching import Matcher
from transforms.normalise import normalise_term, normalised_blocks
from transforms.readings import LONGEST, around, collapsed, disguises, repeats, undisguised
from transforms.text import TextBatch

pytest.importorskip("pypinyin", reason="the extra `pinyin` is not installed")

TERMS = [
    "赌博网站",
    "网站",
    "赌博",
    "加微信",
    "人人贷",
    "casino",
    "loan",
    "ass",
    "法轮功",
    "代开发票",
    "c4炸药",
    "银行卡套现",
    "和服",
]


def library(*terms: str, tier: str = "review") -> Library:
    return Library(tuple(Entry(term, ("A1-a",), tier) for term in sorted(normalise_term(term) for term in terms)))


PLAIN = Keywords(library(*TERMS))
ALL = Keywords(library(*TERMS), frozenset({"pinyin", "split"}))


def rows(stage: Keywords, *texts: str) -> list[Any]:
    return stage(TextBatch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))).column("hits").to_pylist()


def hits(stage: Keywords, text: str) -> list[tuple[str, str]]:
    """(term, what stands there in the text) of each hit."""
    return [
        (stage.library.entries[hit["entry"]].term, text[hit["start"] : hit["end"]])
        for hit in rows(stage, text)[0] or []
    ]


VARIANTS = [
    ("赌赌博博网站", "赌博网站", "赌博博网站"),  # what repeats at the ends adds nothing
    ("加加微微信信", "加微信", "加微微信"),
    ("代开开开开发票", "代开发票", "代开开开开发票"),
    ("loooooan", "loan", "loooooan"),
    ("a LOOOAN!", "loan", "LOOOAN"),
    ("赌賭博博網站", "赌博网站", "賭博博網站"),
    ("赌 博 博 网站", "赌博网站", "赌 博 博 网站"),
    ("赌★博★网站", "赌博网站", "赌★博★网站"),
    ("赌★博", "赌博", "赌★博"),
    ("赌❤️博网🎲站", "赌博网站", "赌❤️博网🎲站"),
    ("赌 ★ 博网站", "赌博网站", "赌 ★ 博网站"),
    ("赌\u3164博\u2800网站", "赌博网站", "赌\u3164博\u2800网站"),
    ("ca\u3164sino", "casino", "ca\u3164sino"),
    ("саsіnо", "casino", "саsіnо"),  # Cyrillic с, а, і, о
    ("САЅІNО", "casino", "САЅІNО"),
    ("аѕѕ", "ass", "аѕѕ"),  # all of it Cyrillic
    ("ⓒⓐⓢⓘⓝⓞ", "casino", "ⓒⓐⓢⓘⓝⓞ"),
    ("𝓬𝓪𝓼𝓲𝓷𝓸", "casino", "𝓬𝓪𝓼𝓲𝓷𝓸"),
    ("🅒🅐🅢🅘🅝🅞", "casino", "🅒🅐🅢🅘🅝🅞"),
    ("🅲🅰🆂🅸🅽🅾", "casino", "🅲🅰🆂🅸🅽🅾"),
    ("🇨🇦🇸🇮🇳🇴", "casino", "🇨🇦🇸🇮🇳🇴"),
    ("ᴄᴀsɪɴᴏ", "casino", "ᴄᴀsɪɴᴏ"),
    ("с④炸药", "c4炸药", "с④炸药"),
    ("c❹炸药", "c4炸药", "c❹炸药"),
    ("法轮⼒功", None, None),
    ("саааsіno", "casino", "саааsіno"),  # look-alikes and repeats
    ("赌★博博★网站", "赌博网站", "赌★博博★网站"),
    ("𠀀赌★博𠀀", "赌博", "赌★博"),
    ("𠀀𠀀代开开发票𠀀", "代开发票", "代开开发票"),
]


@pytest.mark.parametrize(("text", "term", "there"), VARIANTS)
def test_a_hidden_term_is_found_where_it_stands(text: str, term: str | None, there: str | None) -> None:
    found = hits(PLAIN, text)
    assert found == ([(term, there)] if term else [])
    for hit in rows(PLAIN, text)[0] or []:
        assert hit["excerpt"].replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "term", "there"),
    [
        ("du博网站", "赌博网站", "du博网站"),
        ("上dubo网站玩", "赌博网站", "dubo网站"),
        ("赌bo网zhan", "赌博网站", "赌bo网zhan"),
        ("dubowangzhan", "赌博网站", "dubowangzhan"),
        ("du bo wang-zhan", "赌博网站", "du bo wang-zhan"),
        ("Dǔ Bó wǎng zhàn", "赌博网站", "Dǔ Bó wǎng zhàn"),
        ("ＤＵ博網站", "赌博网站", "ＤＵ博網站"),
        ("加wei信", "加微信", "加wei信"),
        ("𠀀jia微xin", "加微信", "jia微xin"),
        ("jiaweixin", "加微信", "jiaweixin"),
        ("yin行卡套现", "银行卡套现", "yin行卡套现"),
        ("银hang卡taoxian", "银行卡套现", "银hang卡taoxian"),
        ("贝者博网站", "赌博网站", "贝者博网站"),
        ("氵去车仑工力", "法轮功", "氵去车仑工力"),
        ("法轮工力", "法轮功", "法轮工力"),
        ("贝者★博网站", "赌博网站", "贝者★博网站"),
    ],
)
def test_variants_are_found_where_they_are_asked_for(text: str, term: str, there: str) -> None:
    assert hits(ALL, text) == [(term, there)]
    assert (term, there) not in hits(PLAIN, text)


@pytest.mark.parametrize(
    "text",
    [
        "人贷",
        "人 贷",
        "cassino",  # a doubled letter is spelling
        "looan",
        "aass",
        "pаss",
        "аѕѕж",  # part of a Russian word
        "лоаn",
        "赌。博",
        "赌，★博",
        "赌★★★★★★博",  # ornament
        "赌\n★博",
        "a★s★s",
        "产品和★服务",
        "xjiaweixin",
        "jiaweixing",
        "家威信",
        "jia为信",
        "家weixin",
        "jia，weixin",
        "ji aweixin",
        "女子",
        "",
        "★",
        "赌赌",
        "ооо",
        "\u3164",
    ],
)
def test_what_only_looks_alike_is_not_found(text: str) -> None:
    assert rows(ALL, text) == [None]


def test_a_doubled_character_of_a_term_is_not_a_repeat() -> None:
    assert hits(PLAIN, "人人贷") == [("人人贷", "人人贷")]
    assert hits(PLAIN, "人人人人贷") == [("人人贷", "人人贷")]


def test_hidden_terms_do_not_straddle_documents() -> None:
    assert rows(ALL, "赌★", "★博", "代开", "开发票", "са", "sіno", "jia微", "xin", "贝", "者博网") == [None] * 10
    assert [bool(found) for found in rows(ALL, "x", "代开开发票", "саsіnо", "加wei信", "y")] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("filler", ["", "好" * 100, "word " * 40, "哈" * 50 + "。"])
def test_runs_at_the_ends_of_documents(filler: str) -> None:
    text = filler + "代开开发票"
    assert hits(PLAIN, text) == [("代开发票", "代开开发票")]
    text = "代开开发票" + filler
    assert hits(PLAIN, text) == [("代开发票", "代开开发票")]


def test_a_term_beyond_the_reach_of_readings_is_found_as_written_only() -> None:
    long = "".join(chr(0x4E00 + 3 * number) for number in range(LONGEST + 1))
    stage = Keywords(library(long))
    assert [term for term, _ in hits(stage, long)] == [long]
    assert rows(stage, long[:5] + "★" + long[5:]) == [None]


def test_short_context_terms_are_not_segmented(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> bool:
        raise AssertionError("segmented")

    monkeypatch.setattr("transforms.keywords.straddles", never)
    assert [hit["straddles"] for hit in rows(Keywords(library("和服", tier="context")), "产品和服务")[0]] == [False]
    assert [hit["straddles"] for hit in rows(Keywords(library("赌博网站")), "赌博网站")[0]] == [False]


# Laws

TRICKY = [
    *"赌博网站加微信人贷法轮功代开发票casinolo★❤️。 *",
    "саs",
    "du",
    "wei",
    "jia",
    "贝者",
    "\u200b",
    "\u3164",
    "𠀀",
    "哈哈",
    "ооо",
    "\n",
]
tricky = st.lists(st.sampled_from(TRICKY), max_size=40).map("".join)


@settings(max_examples=120, deadline=None)
@given(texts=st.lists(tricky, min_size=1, max_size=30), cut=st.integers(0, 30))
def test_what_is_found_does_not_depend_on_the_batch(texts: list[str], cut: int) -> None:
    whole = rows(ALL, *texts)
    assert whole == rows(ALL, *texts[:cut]) + rows(ALL, *texts[cut:])
    assert whole == [rows(ALL, text)[0] for text in texts]


@settings(max_examples=120, deadline=None)
@given(text=tricky)
def test_hits_are_inside_the_text_and_begin_and_end_on_the_term(text: str) -> None:
    for hit in rows(ALL, text)[0] or []:
        assert 0 <= hit["start"] < hit["end"] <= len(text)
        there = text[hit["start"] : hit["end"]]
        assert not there[0].isspace() and not there[-1].isspace()


def _homoglyphs() -> dict[str, list[str]]:
    kinds, read_as = alike_table()
    found: dict[str, list[str]] = {}
    for code in np.flatnonzero(kinds == 1).tolist():
        found.setdefault(chr(int(read_as[code])), []).append(chr(code))
    return found


HOMOGLYPHS = _homoglyphs()
HAN_TERM, LATIN_TERM = "代开发票", "casino"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_han_term_is_found_through_any_disguise(data: st.DataObject) -> None:
    text = ""
    for place, char in enumerate(HAN_TERM):
        written = data.draw(st.sampled_from([char, char * 2, char * 3]))
        between = data.draw(st.sampled_from(["", "", "*", " ", "\u200b", "★", "❤️", "\u3164", "-_", "★ "]))
        text += written + (between if place < len(HAN_TERM) - 1 else "")
    around_it = data.draw(st.sampled_from(["", "。", "好", "x ", "𠀀"]))
    assert HAN_TERM in [term for term, _ in hits(PLAIN, around_it + text + around_it)]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_latin_term_is_found_through_any_disguise(data: st.DataObject) -> None:
    text = ""
    for char in LATIN_TERM:
        other = data.draw(st.sampled_from([char, char.upper(), chr(ord(char) + 0xFEE0), *HOMOGLYPHS[char]]))
        text += other * data.draw(st.sampled_from([1, 1, 1, 3, 5])) + data.draw(
            st.sampled_from(["", "", "\u200b", "\u3164"])
        )
    around_it = data.draw(st.sampled_from(["", "。", "好", " ", "𠀀"]))
    assert LATIN_TERM in [term for term, _ in hits(PLAIN, around_it + text + around_it)]


@settings(max_examples=150, deadline=None)
@given(
    terms=st.lists(st.text("ab赌博𠀀", min_size=1, max_size=5), min_size=1, max_size=8, unique=True),
    texts=st.lists(st.text("ab赌博𠀀。", max_size=20), min_size=1, max_size=4),
    depth=st.sampled_from([2, 3, 6]),
)
def test_the_gate_hides_no_occurrence(terms: list[str], texts: list[str], depth: int) -> None:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    starts = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    found = Matcher(terms, depth, words=False).find(codes, starts)
    expected = {
        (index, int(first) + place)
        for text, first in zip(texts, starts, strict=False)
        for index, term in enumerate(terms)
        for place in range(len(text))
        if text.startswith(term, place)
    }
    assert set(zip(found.entry.tolist(), found.low.tolist(), strict=True)) == expected
    assert len(found) == len(expected)


@settings(max_examples=300, deadline=None)
@given(st.text("aZ09８５9:：.．@＠xX ，-_/中\u200bＡｆ٣", max_size=40))
def test_no_identifier_hides_from_the_signs_that_are_looked_for_first(text: str) -> None:
    masked = mask_identifiers(text)
    assert len(masked) == len(text)
    assert mask_identifiers("13800138000 a@b.cn ::1 " + text)[-len(masked) :] == masked or "*" in mask_identifiers(
        "13800138000 a@b.cn ::1 " + text
    )


@settings(max_examples=100, deadline=None)
@given(tricky)
def test_readings_point_at_the_characters_they_came_from(text: str) -> None:
    for folded in normalised_blocks(TextBatch(pa.record_batch({"text": pa.array([text], pa.large_string())}))):
        for make, at in ((undisguised, disguises), (collapsed, repeats)):
            reading = around(folded, at(folded.codes))
            if reading is None:
                continue
            made = make(reading)
            kept = (made.codes != 0) & ~made.changed
            assert (folded.codes[made.first[kept]] == made.codes[kept]).all()
            assert (folded.codes[made.last[kept]] == made.codes[kept]).all()


# Tables


def test_look_alikes_fold_no_further() -> None:
    kinds, read_as = alike_table()
    assert (kinds[read_as[np.flatnonzero(kinds)]][kinds[np.flatnonzero(kinds)] < 3] == 0).all()


def test_plain_characters_are_left_alone() -> None:
    kinds, _ = alike_table()
    assert not kinds[:0x80].any()
    assert not kinds[0x4E00:0xA000].any()
    assert all(kinds[ord(char)] == 0 for char in "。，！？；：、“”‘’（）《》—…éüñ")


def test_splits_are_pairs_of_different_characters() -> None:
    lefts, pairs, wholes = split_table()
    assert len(pairs) >= 150
    assert (np.diff(pairs.astype(np.int64)) > 0).all()
    for pair, whole in zip(pairs.tolist(), wholes.tolist(), strict=True):
        assert lefts[pair >> 32] and whole not in (pair >> 32, pair & 0xFFFFFFFF)
        assert unicodedata.category(chr(whole)) == "Lo"
        assert normalise_term(chr(whole)) == chr(whole)


# The stage


def test_variants_are_part_of_the_fingerprint() -> None:
    own = library("毒品")
    asked = [frozenset[str](), frozenset({"pinyin"}), frozenset({"split"}), frozenset({"pinyin", "split"})]
    assert len({Keywords(own, variants).fingerprint() for variants in asked}) == 4


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(VariantError, match="homophone"):
        Keywords(library("毒品"), frozenset({"homophone"}))


def test_pinyin_without_its_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.keywords.package_version", lambda: None)
    with pytest.raises(VariantError, match=r"corpus-audit\[pinyin\]"):
        Keywords(library("毒品"), frozenset({"pinyin"}))


def test_a_stage_with_variants_travels() -> None:
    expected = rows(ALL, "加wei信，贝者博网站")
    again = pickle.loads(pickle.dumps(ALL))
    assert rows(again, "加wei信，贝者博网站") == expected
    assert again.fingerprint() == ALL.fingerprint()
