"""The seed corpus: how files expand, what is wrong with one, and what the project's own must hold."""

import re
from collections import Counter
from pathlib import Path

import pytest

from models.seeding import NONE, SEEDS, Seed, load_seeds, read_seed_file
from schemas.known_answers import load_known_answers
from schemas.loading import DocumentError
from schemas.risks import risks

HEAD = "risk: A1-h\ntopic: t\n"
BIG = {"fraud-messages", "fraud-posts", "gambling-ads", "porn-ads", "forged-documents", "grey-ads"}
REAL_DATA = re.compile(r"1[3-9]\d{9}|\d{15,}|https?://(?!X)|www\.(?!X)[a-z]|[\w.]+@[\w.]+\.[a-z]{2,}", re.IGNORECASE)


def write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def texts(path: Path) -> list[tuple[str, str]]:
    return [(seed.label, seed.text) for seed in read_seed_file(path)]


def test_texts_by_hand_come_first_and_patterns_fill_up_in_turn(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "slots: {a: [甲方, 乙方], b: ['{a}来了']}\nrisky: {total: 4, texts: [手写一条], patterns: ['{a}说话', '{b}！']}\n"
        "harmless: {total: 1, texts: [无害一条]}\n",
    )
    found = texts(path)
    assert found[0] == ("A1-h", "手写一条") and found[-1] == ("none", "无害一条")
    assert {text for _, text in found[1:-1]} <= {"甲方说话", "乙方说话", "甲方来了！", "乙方来了！"}
    assert len({text for _, text in found}) == 5


def test_equal_files_give_equal_texts(tmp_path: Path) -> None:
    text = "slots: {a: [甲, 乙, 丙, 丁]}\nrisky: {total: 4, patterns: ['这是{a}方和{a}方']}\nharmless: {total: 1, texts: [无害一条]}\n"
    assert texts(write(tmp_path, text)) == texts(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("risky: {total: 1, patterns: ['{nope}说话']}\nharmless: {total: 1, texts: [无害一条]}", "no such slot {nope}"),
        (
            "slots: {a: ['{b}']}\nrisky: {total: 1, texts: [手写一条]}\nharmless: {total: 1, texts: [无害一条]}",
            "no such slot {b}",
        ),
        (
            "slots: {a: ['{a}']}\nrisky: {total: 1, patterns: ['{a}说话']}\nharmless: {total: 1, texts: [无害一条]}",
            "in a circle",
        ),
        ("risky: {total: 2, texts: [手写一条, 手写一条]}\nharmless: {total: 1, texts: [无害一条]}", "given twice"),
        ("risky: {total: 2, texts: [手写一条]}\nharmless: {total: 1, texts: [无害一条]}", "1 texts short"),
        (
            "slots: {a: [甲]}\nrisky: {total: 2, patterns: ['{a}说话了']}\nharmless: {total: 1, texts: [无害一条]}",
            "fewer than 2",
        ),
        ("risky: {total: 1, text: [手写一条]}\nharmless: {total: 1, texts: [无害一条]}", "unknown key"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DocumentError) as told:
        read_seed_file(write(tmp_path, text))
    assert any(says in problem for problem in told.value.problems)


def test_an_unknown_risk_and_a_text_with_two_labels_are_told_with_their_file(tmp_path: Path) -> None:
    write(tmp_path, "risky: {total: 1, texts: [同一条文本]}\nharmless: {total: 1, texts: [无害一条]}")
    write(tmp_path, "risky: {total: 1, texts: [另外一条]}\nharmless: {total: 1, texts: [同一条文本]}", "b.yaml")
    (tmp_path / "c.yaml").write_text(
        "risk: A9-z\ntopic: t\nrisky: {total: 1, texts: [第三条文]}\nharmless: {total: 1, texts: [第四条文]}\n",
        encoding="utf-8",
    )
    with pytest.raises(DocumentError) as told:
        load_seeds(tmp_path)
    assert any("c.yaml" in problem and "A9-z" in problem for problem in told.value.problems)
    assert any(problem.startswith("b/none") for problem in told.value.problems)


@pytest.fixture(scope="module")
def training() -> list[Seed]:
    return load_seeds(SEEDS / "train")


def test_every_risk_without_public_documents_has_its_texts_and_as_many_near_misses(training: list[Seed]) -> None:
    risky = Counter(seed.label for seed in training if seed.label != NONE)
    near = Counter(seed.subject for seed in training if seed.label == NONE and seed.subject != NONE)
    assert {risk for risk in risks() if risky[risk] < 150} == {"A5-a"}  # shown by knowledge, not by style
    assert risky == near


def test_the_forms_fraud_takes_in_corpora_have_theirs(training: list[Seed]) -> None:
    count = Counter((seed.topic, seed.label == NONE) for seed in training)
    assert all(count[topic, harmless] >= 400 for topic in BIG for harmless in (True, False))


def test_no_seed_holds_a_number_or_address_of_anyone(training: list[Seed]) -> None:
    assert [seed.id for seed in training if REAL_DATA.search(seed.text)] == []


def grams(text: str) -> set[str]:
    plain = re.sub(r"\W", "", text)
    return {plain[i : i + 4] for i in range(len(plain) - 3)}


def test_what_measures_is_apart_from_what_trains(training: list[Seed]) -> None:
    """No text is a reworded one of the other side. Statutes are quoted on both, as they are the same everywhere."""
    evaluation = [seed for seed in load_seeds(SEEDS / "eval") if seed.label != NONE or "法" not in seed.text]
    known = [text for own in load_known_answers().texts.values() for text in own]
    holders: dict[str, set[str]] = {}
    for text in {seed.text for seed in training}:
        for gram in grams(text):
            holders.setdefault(gram, set()).add(text)
    for text in [*(seed.text for seed in evaluation), *known]:
        own = grams(text)
        shared = Counter(holder for gram in own for holder in holders.get(gram, ()))
        assert not shared or max(shared.values()) < 0.6 * max(len(own), 1), text
    assert not {seed.text for seed in evaluation} & set(known)
