import hashlib
import math
import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.drawing.sampling import (
    BIN_HEX,
    MergeRankings,
    Ranking,
    cut_of,
    key_of,
    keys_of,
    numbers_of,
    technical_size,
)

Place = tuple[str, str, int]  # doc_id, shard, row


def ranking(documents: list[tuple[str, Place]], limit: int) -> Ranking:
    """The ranking of documents given as full digest and place."""
    made = Ranking(limit)
    keys = [np.array([int(d[low : low + 16], 16) for d, _ in documents], dtype=np.uint64) for low in (0, 16)]
    made.add(*keys)
    return made


def digests(count: int, seed: int) -> list[tuple[str, Place]]:
    draw = random.Random(seed)
    return [(draw.randbytes(32).hex(), (f"s:{n}", "a.jsonl", n)) for n in range(count)]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_keys_are_those_of_the_contract(seed: str, doc_id: str) -> None:
    content = hashlib.sha256(b"text").hexdigest()
    expected = hashlib.sha256((seed + "\n" + doc_id + "\n" + content).encode()).hexdigest()
    assert keys_of(seed, [doc_id, "x"], [content, content])[0] == expected


def test_keys_as_numbers_rank_as_their_published_forms() -> None:
    ids, contents = [f"s:{n}" for n in range(50)], ["ab"] * 50
    manual, technical = numbers_of("seed", ids, contents)
    digests = keys_of("seed", ids, contents)
    assert [key_of(key) for key in manual.tolist()] == [digest[:16] for digest in digests]
    assert [key_of(key) for key in technical.tolist()] == [digest[16:32] for digest in digests]


def test_a_key_that_anyone_can_recompute() -> None:
    # printf '2026-11\nnews:1\nabc' | sha256sum
    assert keys_of("2026-11", ["news:1"], ["abc"]) == [hashlib.sha256(b"2026-11\nnews:1\nabc").hexdigest()]


@pytest.mark.parametrize(
    ("population", "share", "size"),
    [
        (0, "0.10", 0),
        (1, "0.10", 1),
        (9, "0.10", 1),
        (10, "0.10", 1),
        (11, "0.10", 2),
        (4000, "0.10", 400),
        (4001, "0.10", 401),
        (10**12, "0.10", 10**11),
        (10**18 + 1, "0.10", 10**17 + 1),
        (7, "1", 7),
        (3, "0.333333", 1),
        (100, "0.29", 29),
        (100, "0.1000001", 11),
    ],
)
def test_the_technical_sample_is_no_smaller_than_the_share(population: int, share: str, size: int) -> None:
    assert technical_size(population, Decimal(share)) == size


@given(st.integers(0, 10**15), st.decimals("0.10", "1", places=6))
def test_the_technical_size_is_exact(population: int, share: Decimal) -> None:
    assert technical_size(population, share) == math.ceil(Fraction(share) * population)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 9), st.data())
def test_rankings_merge_to_the_same_in_any_order_and_split(
    count: int, limit: int, seed: int, data: st.DataObject
) -> None:
    documents = digests(count, seed)
    whole = ranking(documents, limit)
    shuffled = data.draw(st.permutations(documents))
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=4)))
    parts = [ranking(shuffled[low:high], limit) for low, high in zip([0, *cuts], [*cuts, count], strict=True)]
    combine = MergeRankings(limit)
    first = combine.create_accumulator()
    for part in parts[:2]:
        first = combine.add_input(first, part)
    rest = [combine.add_input(combine.create_accumulator(), part) for part in parts[2:]]
    total = combine.extract_output(combine.merge_accumulators([first, *rest]))
    assert total.population == whole.population
    assert (total.bins == whole.bins).all()
    assert [key_of(key) for key in total.manual.tolist()] == sorted(d[:16] for d, _ in documents)[:limit]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(0, 99), st.sampled_from(["0.10", "0.25", "0.999999", "1"]), st.booleans())
def test_the_cut_takes_what_sorting_would(count: int, seed: int, share: str, crowded: bool) -> None:
    documents = digests(count, seed)
    if crowded:  # everything in a few bins
        documents = [(d[:16] + "00" + d[18:], place) for d, place in documents]
    cut = cut_of(ranking(documents, 10), Decimal(share))
    size = technical_size(count, Decimal(share))
    expected = sorted(d[16:32] for d, _ in documents)[:size]
    assert (cut.population, cut.technical) == (count, size)
    bins = [int(key[:BIN_HEX], 16) for key in expected]
    assert cut.bin == (bins[-1] if bins else -1)
    assert cut.within == bins.count(cut.bin)
    assert sum(int(d[16 : 16 + BIN_HEX], 16) < cut.bin for d, _ in documents) + cut.within == size
