"""Spellings that hide a term from a plain search, and texts that only look as if they did."""

import pickle
import unicodedata
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.config import Config, load_config
from pipeline.detectors import load_detectors
from pipeline.errors import UsageError
from pipeline.store.scans import layer_key
from schemas.lexicon import Entry, Library
from transforms.components import split_table
from transforms.keywords import Keywords, VariantError
from transforms.lookalikes import alike_table
from transforms.matching import Matcher
from transforms.normalise import HAN, LETTER, fold_table, kind_table, normalise_term, normalised_blocks
from transforms.pinyin import package_version
from transforms.readings import LONGEST, Triples, around, collapsed, disguises, repeats, undisguised
from transforms.text import TextBatch

needs_pypinyin = pytest.mark.skipif(package_version() is None, reason="the extra `pinyin` is not installed")

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
    "加v信",
    "c4炸药",
    "银行卡套现",
    "和服",
    "a级",
]


def library(*terms: str, tier: str = "review") -> Library:
    return Library(tuple(Entry(term, ("A1-a",), tier) for term in sorted(normalise_term(term) for term in terms)))


PLAIN = Keywords(library(*TERMS))
SPLITTING = Keywords(library(*TERMS), frozenset({"split"}))
ASKED = frozenset({"pinyin", "split"}) if package_version() else frozenset({"split"})
ALL = Keywords(library(*TERMS), ASKED)  # as many variants as are installed
TRIPLES = Triples(TERMS)


def rows(stage: Keywords, *texts: str) -> list[Any]:
    return stage(TextBatch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))).column("hits").to_pylist()


def hits(stage: Keywords, text: str) -> list[tuple[str, str]]:
    """(term, what stands there in the text) of each hit."""
    return [
        (stage.library.entries[hit["entry"]].term, text[hit["start"] : hit["end"]])
        for hit in rows(stage, text)[0] or []
    ]


def new(stage: Keywords, text: str) -> list[tuple[str, str]]:
    """The hits without those that stand in the text as they are beside a longer one: a reading swallows none of them."""
    return [hit for hit in hits(stage, text) if hit[0] not in ("网站", "赌博") or normalise_term(hit[1]) != hit[0]]


VARIANTS = [
    ("赌赌博博网站", "赌博网站", "赌博博网站"),  # what repeats at the ends adds nothing
    ("加加微微信信", "加微信", "加微微信"),
    ("代开开开开发票", "代开发票", "代开开开开发票"),
    ("loooooan", "loan", "loooooan"),
    ("a LOOOAN!", "loan", "LOOOAN"),
    ("llloan", "loan", "loan"),
    ("loannnn。", "loan", "loan"),
    ("ccc4炸药", "c4炸药", "c4炸药"),
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
    ("𠀀好★笑赌好", None, None),
    ("请加 v 信", "加v信", "加 v 信"),
    ("请加v 信", "加v信", "加v 信"),
    ("加*V*信聊", "加v信", "加*V*信"),
    ("加★v 信", "加v信", "加★v 信"),
    ("加 ѵ 信", "加v信", "加 ѵ 信"),
    ("加 v, 信", None, None),
    ("加 vv 信", None, None),
    ("加 a v 信", None, None),
    ("𠀀𠀀代开开发票𠀀", "代开发票", "代开开发票"),
]


@pytest.mark.parametrize(("text", "term", "there"), VARIANTS)
def test_a_hidden_term_is_found_where_it_stands(text: str, term: str | None, there: str | None) -> None:
    assert new(PLAIN, text) == ([(term, there)] if term else [])
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
    ],
)
@needs_pypinyin
def test_pinyin_is_found_where_it_is_asked_for(text: str, term: str, there: str) -> None:
    assert new(Keywords(library(*TERMS), frozenset({"pinyin"})), text) == [(term, there)]
    assert new(ALL, text) == [(term, there)]
    assert (term, there) not in hits(SPLITTING, text)


@pytest.mark.parametrize(
    ("text", "term", "there"),
    [
        ("贝者博网站", "赌博网站", "贝者博网站"),
        ("氵去车仑工力", "法轮功", "氵去车仑工力"),
        ("法轮工力", "法轮功", "法轮工力"),
        ("贝者★博网站", "赌博网站", "贝者★博网站"),
    ],
)
def test_splits_are_found_where_they_are_asked_for(text: str, term: str, there: str) -> None:
    assert new(ALL, text) == new(SPLITTING, text) == [(term, there)]
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
        "AAA级",
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


@pytest.mark.parametrize(
    "text",
    [
        "открыл рот",
        "ВВС России",
        "και το",
        "τον καιρό και το",
        "/kɑɪ/",
        "[kɑɪ]",
        "рот, а был",
        "cassinо ж ВВС",
    ],
)
def test_words_of_another_script_are_not_latin(text: str) -> None:
    stage = Keywords(library("pot", "bbc", "kai", "to", "tov"))
    assert rows(stage, text) == [None]


@pytest.mark.parametrize(("text", "term"), [("рot", "pot"), ("рот", "pot"), ("好рот好", "pot"), ("ж рοт", "pot")])
def test_words_of_look_alikes_are_latin_elsewhere(text: str, term: str) -> None:
    assert [found for found, _ in hits(Keywords(library("pot")), text)] == [term]


def test_a_doubled_character_of_a_term_is_not_a_repeat() -> None:
    assert hits(PLAIN, "人人贷") == [("人人贷", "人人贷")]
    assert hits(PLAIN, "人人人人贷") == [("人人贷", "人人贷")]


def test_hidden_terms_do_not_straddle_documents() -> None:
    assert rows(ALL, "赌★", "★博", "代开", "开发票", "са", "sіno", "jia微", "xin", "贝", "者博网") == [None] * 10
    assert [bool(found) for found in rows(ALL, "x", "代开开发票", "саsіnо", "贝者博网站", "y")] == [
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


def test_letters_and_han_that_repeat_lie_above_what_is_left_out() -> None:
    kinds, live = kind_table(), fold_table()[fold_table() != 0xFFFFFFFF]
    assert live[np.isin(kinds[live], (HAN, LETTER))].min() == ord("a")


@settings(max_examples=150, deadline=None)
@given(
    terms=st.lists(st.text("ab赌博网", min_size=1, max_size=6), min_size=1, max_size=6, unique=True),
    text=st.text("ab赌博网。", max_size=30),
)
def test_no_repeat_inside_a_term_is_left_out(terms: list[str], text: str) -> None:
    codes = np.frombuffer(f"。{text}。".encode("utf-32-le"), dtype=np.uint32)
    looked_at = set(repeats(codes, Triples(terms)).tolist())
    squeezed = [(char, len(list(run))) for char, run in groupby(f"。{text}。")]
    place = 0
    for (before, _), (char, length), (behind, _) in zip(squeezed, squeezed[1:], squeezed[2:], strict=False):
        place = place or squeezed[0][1]
        in_a_word = bool({before, behind} & {"a", "b"})  # aaa alone is a word of its own
        counts = length >= 2 if char >= "一" else length >= 3 and in_a_word and char != "。"
        if counts and any(before + char + behind in term for term in terms):
            assert set(range(place + 1, place + length)) <= looked_at
        place += length


LATIN_SYLLABLES = {"代": ["dai", "DAI", "dài"], "开": ["kai", "ｋａｉ"], "发": ["fa", "FA"], "票": ["piao", "Piào"]}


@needs_pypinyin
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_term_is_found_whichever_syllables_are_in_pinyin(data: st.DataObject) -> None:
    spelt = data.draw(st.lists(st.booleans(), min_size=4, max_size=4).filter(any))
    text = ""
    for char, latin in zip(HAN_TERM, spelt, strict=True):
        text += data.draw(st.sampled_from(LATIN_SYLLABLES[char])) if latin else char
    around_it = data.draw(st.sampled_from(["", "。", "好", " ", "𠀀"]))
    assert (HAN_TERM, text) in hits(ALL, around_it + text + around_it)


def _halves() -> dict[str, list[str]]:
    _, pairs, wholes = split_table()
    found: dict[str, list[str]] = {}
    for pair, whole in zip(pairs.tolist(), wholes.tolist(), strict=True):
        found.setdefault(chr(whole), []).append(chr(pair >> 32) + chr(pair & 0xFFFFFFFF))
    return found


HALVES = _halves()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_term_is_found_whichever_characters_are_split(data: st.DataObject) -> None:
    chars = data.draw(st.lists(st.sampled_from(sorted(HALVES)), min_size=3, max_size=6))
    parts = [data.draw(st.sampled_from([char, *HALVES[char]])) for char in chars]
    term, text = "".join(chars), "".join(parts)
    assume(_read_in_one_way(text, parts))
    around_it = data.draw(st.sampled_from(["", "。", " ", "x"]))
    stage = Keywords(library(term), frozenset({"split"}))
    assert hits(stage, around_it + text + around_it) == [(term, text)]


def _read_in_one_way(text: str, parts: list[str]) -> bool:
    """Whether no two neighbouring characters make another character than those that were split."""
    _, pairs, _ = split_table()
    ends = np.cumsum([len(part) for part in parts])
    meant = {int(end) - 2 for end, part in zip(ends, parts, strict=True) if len(part) == 2}
    known = set(pairs.tolist())
    found = {place for place in range(len(text) - 1) if ord(text[place]) << 32 | ord(text[place + 1]) in known}
    return found == meant


@settings(max_examples=100, deadline=None)
@given(tricky)
def test_readings_point_at_the_characters_they_came_from(text: str) -> None:
    for folded in normalised_blocks(TextBatch(pa.record_batch({"text": pa.array([text], pa.large_string())}))):
        for make, at in ((undisguised, disguises(folded.codes)), (collapsed, repeats(folded.codes, TRIPLES))):
            reading = around(folded, at)
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
    asked = [frozenset[str](), frozenset({"split"})]
    asked += [frozenset({"pinyin"}), frozenset({"pinyin", "split"})] if package_version() else []
    assert len({Keywords(own, variants).fingerprint() for variants in asked}) == len(asked)


def test_an_unknown_variant_is_an_error() -> None:
    with pytest.raises(VariantError, match="homophone"):
        Keywords(library("毒品"), frozenset({"homophone"}))


def test_pinyin_without_its_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.keywords.package_version", lambda: None)
    with pytest.raises(VariantError, match=r"corpus-audit\[pinyin\]"):
        Keywords(library("毒品"), frozenset({"pinyin"}))


def test_a_stage_with_variants_travels() -> None:
    expected = rows(ALL, "加wei信，贝者博网站")
    assert expected != [None]
    again = pickle.loads(pickle.dumps(ALL))
    assert rows(again, "加wei信，贝者博网站") == expected
    assert again.fingerprint() == ALL.fingerprint()


# The configuration


def test_variants_come_from_the_configuration(configure: Callable[..., Config]) -> None:
    config = configure(matching={"variants": ["split"]})
    assert config.matching.variants == {"split"}
    assert config.snapshot()["matching"] == {"variants": ["split"]}
    stages = [load_detectors(own).stages["keywords"] for own in (configure(), config)]
    assert len({layer_key("unit", stage.fingerprint(), stage.schema) for stage in stages}) == 2


def test_a_wrong_variant_is_exit_2_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "audit.yaml"
    source = "{id: news, name: 新闻, kind: open, region: domestic, paths: [data/*.jsonl]}"
    file.write_text(f"seed: '2026-11'\nsources:\n  - {source}\nmatching: {{variants: [homophone]}}\n", encoding="utf-8")
    with pytest.raises(UsageError) as error:
        load_config(file)
    assert error.value.exit_code == 2
    (problem,) = error.value.problems
    assert problem.startswith(f"{file}: ") and "matching.variants" in problem and "line 4" in problem
