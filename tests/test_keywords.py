import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicon.library import Library, load_library
from schemas import layers
from schemas.loading import DocumentError
from transforms.keywords import EXAMINED_OCCURRENCES, EXCERPTED_TERMS, Keywords
from transforms.text import TextBatch

HEADER = "term\trisks\ttier\trequires\texcludes\tnote\tsince\n"


def library(folder: Path, *lines: str, header: str = HEADER) -> Library:
    file = folder / "own.tsv"
    file.write_text(header + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return load_library([file])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Keywords:
    terms = ["法轮功", "赌博网站", "网站", "ass", "kill you", "c4炸药", "线上赌博网", "和服"]
    lines = [f"{term}\tA1-a\treview" for term in terms]
    lines += ["六合彩\tA1-h\treview\t下注|投注\t", "枪支\tA1-h\treview\t\t博物館|玩具", "毒品\tA1-h\tblock"]
    return Keywords(library(tmp_path_factory.mktemp("lexicon"), *lines))


def rows(stage: Keywords, *texts: str) -> list[Any]:
    batch = TextBatch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    found = stage(batch)
    assert found.schema.equals(layers.KEYWORDS)
    return found.column("hits").to_pylist()


def hits(stage: Keywords, text: str) -> list[tuple[str, str]]:
    """(term, what stands there in the text) of each hit."""
    (found,) = rows(stage, text)
    return [(stage.library.entries[hit["entry"]].term, text[hit["start"] : hit["end"]]) for hit in found or []]


@pytest.mark.parametrize(
    ("text", "term", "there"),
    [
        ("练法轮功吗", "法轮功", "法轮功"),
        ("練法輪功嗎", "法轮功", "法輪功"),
        ("法 轮*功", "法轮功", "法 轮*功"),
        ("\u200b法\u200b轮功\u200b", "法轮功", "法\u200b轮功"),
        ("𠀀𠀀法轮功", "法轮功", "法轮功"),
        ("an ass!", "ass", "ass"),
        ("ASS", "ass", "ASS"),
        ("法\r\n轮功", "法轮功", "法\r\n轮功"),
        ("I kill\n you", "kill you", "kill\n you"),
        ("ａｓｓ", "ass", "ａｓｓ"),
        ("这ass了", "ass", "ass"),
        ("I will Kill You.", "kill you", "Kill You"),
        ("有Ｃ４炸藥", "c4炸药", "Ｃ４炸藥"),
    ],
)
def test_a_variant_is_found_where_it_stands(stage: Keywords, text: str, term: str, there: str) -> None:
    assert hits(stage, text) == [(term, there)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "class",
        "assess",
        "ass1",
        "1ass",
        "a s s",
        "überass",
        "assế",
        "жass",
        "法。轮功",
        "法\n\n轮功",
        "法，轮功",
        "法轮",
        "skill you",
        "kill yourself",
        "xc4炸药",
    ],
)
def test_what_only_looks_alike_is_not_found(stage: Keywords, text: str) -> None:
    assert rows(stage, text) == [None]


def test_a_hit_does_not_straddle_documents(stage: Keywords) -> None:
    assert rows(stage, "法", "轮功", "法轮", "功", "a", "ss") == [None] * 6
    assert [bool(found) for found in rows(stage, "c", "ass", "y")] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("上赌博网站玩", ["赌博网站"]),
        ("上网站玩赌博网站", ["网站", "赌博网站"]),
        ("线上赌博网站", ["线上赌博网", "赌博网站"]),
    ],
)
def test_of_hits_inside_one_another_the_longest_counts(stage: Keywords, text: str, terms: list[str]) -> None:
    assert [term for term, _ in hits(stage, text)] == terms


@pytest.mark.parametrize(
    ("lines", "text", "expected"),
    [
        (["贩毒 A1-a block", "人贩毒 A1-a review"], "他在本地人贩毒窝点", ["人贩毒", "贩毒"]),
        (["加微信 A1-a block", "加微信群聊 A1-a context"], "请加微信群聊", ["加微信群聊", "加微信"]),
        (["加微信 A1-a review", "加微信群聊 A1-a block"], "请加微信群聊", ["加微信群聊"]),
        (["加微信 A1-a review", "加微信群聊 A1-a review"], "请加微信群聊", ["加微信群聊"]),
        (["加微信 A1-b review", "加微信群聊 A1-a block"], "请加微信群聊", ["加微信群聊", "加微信"]),
        (["加微信 A1-b,A1-a review", "加微信群聊 A1-a,A1-b review"], "请加微信群聊", ["加微信群聊"]),
        (["加微 A1-a review", "微信 A1-b review", "加微信群 A1-a,A1-b block"], "请加微信群聊", ["加微信群"]),
        (["外交部部长 A1-a block", "外交部长讲话 A1-a context"], "外交部部长讲话", ["外交部长讲话", "外交部部长"]),
        (["外交部部长 A1-a context", "外交部长讲话 A1-a block"], "外交部部长讲话", ["外交部长讲话", "外交部部长"]),
    ],
)
def test_a_longer_hit_takes_nothing_away(tmp_path: Path, lines: list[str], text: str, expected: list[str]) -> None:
    own = Keywords(library(tmp_path, *(line.replace(" ", "\t") for line in lines)))
    assert [term for term, _ in hits(own, text)] == expected


def test_a_longer_hit_that_cuts_a_word_swallows_none_before_it_either(tmp_path: Path) -> None:
    own = Keywords(library(tmp_path, "贩毒\tA1-a\tblock", "人贩毒\tA1-a\treview", "贩毒窝点在\tA1-b\treview"))
    assert {term for term, _ in hits(own, "本地人贩毒窝点在")} == {"人贩毒", "贩毒", "贩毒窝点在"}


@pytest.mark.parametrize("term", ["《禁书》", "@禁书#", "【禁】书"])
def test_a_term_written_with_marks_is_found_inside_chinese(tmp_path: Path, term: str) -> None:
    own = Keywords(library(tmp_path, f"{term}\tA1-a\treview"))
    assert [there for _, there in hits(own, "看《禁书》吧")] == ["禁书"]


@pytest.mark.parametrize(
    ("term", "text", "there"),
    [
        ("free  money", "Free\r\nmoney", "Free\r\nmoney"),
        ("free money", "free \t money", "free \t money"),
        ("caf\u00e9", "un cafe\u0301!", "cafe"),
        ("cafe\u0301", "un caf\u00e9!", "caf\u00e9"),
        ("ガンダム", "ｶﾞﾝﾀﾞﾑ", "ｶﾞﾝﾀﾞﾑ"),
        ("office", "an oﬃce", "oﬃce"),
        ("oﬃce", "an office", "office"),
        ("kill", "killế", None),
        ("ti", "tiếng", None),
        ("cafe", "café", None),
        ("free money", "free\n\nmoney", None),
    ],
)
def test_spellings_that_fold_to_one(tmp_path: Path, term: str, text: str, there: str | None) -> None:
    own = Keywords(library(tmp_path, f"{term}\tA1-a\treview"))
    assert [where for _, where in hits(own, text)] == ([there] if there else [])


@pytest.mark.parametrize(
    ("requires", "excludes", "text", "found"),
    [
        ("ad", "", "毒品 roads", False),
        ("ad", "", "毒品 an ad", True),
        ("", "ad", "毒品 roads", True),
        ("", "ad|玩具", "毒品 AD", False),
        ("甲|乙", "丙", "乙毒品", True),
        ("甲|乙", "丙", "乙毒品丙", False),
    ],
)
def test_conditions_heed_the_borders_of_words(
    tmp_path: Path, requires: str, excludes: str, text: str, found: bool
) -> None:
    own = Keywords(library(tmp_path, f"毒品\tA1-a\treview\t{requires}\t{excludes}"))
    assert [bool(row) for row in rows(own, "ad甲丙", text, "ad丙乙")][1] == found


def test_all_occurrences_count_and_few_are_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(codes: Any, low: int, high: int) -> bool:
        asked.append(low)
        return low < 3

    monkeypatch.setattr("transforms.keywords.straddles", counted)
    own = Keywords(library(tmp_path, "赌博\tA1-a\tblock"))
    (found,) = rows(own, "赌※博" * 500)
    assert (found[0]["count"], found[0]["straddles"]) == (498, False)  # the first two cut a word
    assert len(asked) == EXAMINED_OCCURRENCES
    (found,) = rows(own, "赌博" * 500)
    assert found[0]["count"] == 500


def test_a_term_longer_than_the_gate_counts_is_found(tmp_path: Path) -> None:
    own = Keywords(library(tmp_path, f"{'ab ' * 130}c\tA1-a\tblock"))
    assert len(hits(own, "ab " * 131 + "c")) == 1
    assert rows(own, "ab " * 300) == [None]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("六合彩开奖", False),
        ("六合彩开奖，快来投注", True),
        ("投注六合彩", True),
        ("投註六合彩", True),
        ("买枪支", True),
        ("博物馆的枪支", False),
        ("枪支，玩 具", False),
    ],
)
def test_context_decides_about_a_term(stage: Keywords, text: str, found: bool) -> None:
    assert bool(rows(stage, text)[0]) == found


def test_the_context_of_another_document_does_not_count(stage: Keywords) -> None:
    first, second = rows(stage, "六合彩", "投注")
    assert (first, second) == (None, None)


def test_a_term_is_one_entry_with_its_count_and_first_place(stage: Keywords) -> None:
    (found,) = rows(stage, "毒品和毒品，毒 品")
    assert [(hit["count"], hit["start"], hit["end"], hit["straddles"]) for hit in found] == [(3, 0, 2, False)]
    assert found[0]["excerpt"] == "毒品和毒品，毒 品"


def test_a_short_term_that_cuts_through_a_word_is_marked_and_a_better_place_is_shown(stage: Keywords) -> None:
    assert [hit["straddles"] for hit in rows(stage, "产品和服务")[0]] == [True]
    text = "产品和服务。她穿着和服"
    assert [(hit["straddles"], hit["count"], hit["start"]) for hit in rows(stage, text)[0]] == [
        (False, 2, text.rindex("和服"))
    ]


def test_only_so_many_terms_are_quoted(tmp_path: Path) -> None:
    terms = [f"词{chr(0x4E00 + 7 * number)}{chr(0x5E00 + 7 * number)}尾" for number in range(EXCERPTED_TERMS + 20)]
    many = Keywords(library(tmp_path, *(f"{term}\tA1-a\treview" for term in terms)))
    (found,) = rows(many, "。".join(terms))
    assert len(found) == len(terms)
    assert [bool(hit["excerpt"]) for hit in found] == [True] * EXCERPTED_TERMS + [False] * 20


pieces = st.lists(
    st.sampled_from([*"法轮功輪 *。c", "ass", "网站", "赌博", "线上", "六合彩", "投注", "产品和服务", "𠀀", "\u200b"]),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(pieces.map("".join), min_size=1, max_size=90), cut=st.integers(0, 90))
def test_what_is_found_does_not_depend_on_the_batch(stage: Keywords, texts: list[str], cut: int) -> None:
    whole = rows(stage, *texts)
    assert whole == rows(stage, *texts[:cut]) + rows(stage, *texts[cut:])
    assert whole[0] == rows(stage, texts[0])[0]


@settings(max_examples=100, deadline=None)
@given(text=pieces.map("".join))
def test_hits_are_in_order_and_inside_the_text(stage: Keywords, text: str) -> None:
    (found,) = rows(stage, text)
    for hit in found or []:
        assert 0 <= hit["start"] < hit["end"] <= len(text)
        assert hit["count"] >= 1
    assert found is None or len({hit["entry"] for hit in found}) == len(found)


def test_a_stage_travels_before_and_after_use(stage: Keywords) -> None:
    expected = rows(stage, "法轮功")
    assert rows(pickle.loads(pickle.dumps(stage)), "法轮功") == expected


def test_the_fingerprint_follows_terms_and_not_notes(tmp_path: Path) -> None:
    def printed(*lines: str) -> str:
        return Keywords(library(tmp_path, *lines)).fingerprint()

    base = printed("毒品\tA1-h\tblock", "枪支\tA1-h\tblock")
    assert printed("# comment", "槍支\tA1-h\tblock\t\t\tnote\t2026", "毒品\tA1-h\tblock") == base
    assert len({base, printed("毒品\tA1-h\tblock"), printed("毒品\tA1-h\treview", "枪支\tA1-h\tblock")}) == 3


# The library


def test_the_bundled_library_loads() -> None:
    assert len(load_library([]).entries) > 100


def test_the_same_term_twice_unites_its_risks(tmp_path: Path) -> None:
    (entry,) = library(tmp_path, "賭場\tA1-h\treview", "赌场\tA1-f, A1-a\treview").entries
    assert (entry.term, entry.risks) == ("赌场", ("A1-a", "A1-f", "A1-h"))


@pytest.mark.parametrize(
    ("lines", "place", "says"),
    [
        (["毒品\tA9-z\tblock"], 2, "A9-z"),
        (["毒品\t\tblock"], 2, "risk ids missing or unknown"),
        (["毒品\tA1-a\thard"], 2, "tier should be"),
        (["毒品\tA1-a"], 2, "tier should be"),
        (["\u200b\tA1-a\tblock"], 2, "nothing of the term stays"),
        (["# 注", "", "枪\tA1-a\tblock", "毒品\tA1-a\thard"], 5, "tier should be"),
        (["賭場\tA1-a\tblock", "赌场\tA1-a\treview"], 3, "keep one"),
        (["赌场\tA1-a\tblock\t甲", "赌场\tA1-a\tblock"], 3, "keep one"),
        (["a\tA1-a\tblock\t\t\t\t\tx\ty"], 2, "9 columns, the header has 7"),
    ],
)
def test_a_wrong_line_is_told_with_file_and_line(tmp_path: Path, lines: list[str], place: int, says: str) -> None:
    with pytest.raises(DocumentError) as error:
        library(tmp_path, *lines)
    (problem,) = error.value.problems
    assert problem.startswith(f"{tmp_path / 'own.tsv'}:{place}: ")
    assert says in problem


@pytest.mark.parametrize("header", ["", "word\trisks\ttier\n", "term,risks,tier\n", "term\trisks\ttier\tweight\n"])
def test_a_wrong_header_is_told(tmp_path: Path, header: str) -> None:
    with pytest.raises(DocumentError, match=r"own\.tsv:1: .*the header should be"):
        library(tmp_path, "毒品\tA1-a\tblock", header=header)


def test_all_problems_of_all_libraries_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(HEADER + "x\tA9-z\thard\n")
    (tmp_path / "b.tsv").write_bytes(b"\xff")
    with pytest.raises(DocumentError) as error:
        load_library([tmp_path / "a.tsv", tmp_path / "b.tsv", tmp_path / "gone.tsv"])
    assert len(error.value.problems) == 4


def test_an_empty_library_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no term at all"):
        library(tmp_path)
