"""Copies are found across sources and units, the first stays, and near copies are near."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.duplicates import Copy, UnitFiles, find_copies
from transforms.fingerprint import Fingerprint, content_hashes
from transforms.text import TextBatch


def unit(folder: Path, name: str, source: str, texts: list[str], admitted: list[bool] | None = None) -> UnitFiles:
    batch = TextBatch(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))
    documents = pa.table(
        {
            "source_id": [source] * len(texts),
            "domain": pa.nulls(len(texts), pa.string()),
            "shard": [name] * len(texts),
            "row": list(range(len(texts))),
            "content_hash": [digest.hex() for digest in content_hashes(batch).to_pylist()],
            "admitted": admitted or [True] * len(texts),
        }
    )
    pq.write_table(documents, folder / f"{name}.parquet")
    pq.write_table(pa.Table.from_batches([Fingerprint()(batch)]), folder / f"{name}.print")
    return UnitFiles(name, folder / f"{name}.parquet", folder / f"{name}.print")


def story(seed: int, words: int = 300) -> list[str]:
    draw = random.Random(seed)
    return [
        "".join(draw.choices("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳", k=3))
        for _ in range(words)
    ]


def test_the_first_of_equal_texts_stays_whatever_the_order_of_units(tmp_path: Path) -> None:
    one = unit(tmp_path, "b-0", "b", ["甲", "乙", "甲"])
    two = unit(tmp_path, "a-0", "a", ["丙", "甲"])
    expected = [Copy("b-0", 0, "exact"), Copy("b-0", 2, "exact")]
    assert find_copies([one, two], None, tmp_path / "s") == find_copies([two, one], None, tmp_path / "s") == expected


def test_documents_that_are_not_admitted_are_no_originals(tmp_path: Path) -> None:
    files = [unit(tmp_path, "a-0", "a", ["甲", "甲", "甲"], [False, True, True])]
    assert find_copies(files, None, tmp_path / "s") == [Copy("a-0", 2, "exact")]


def test_near_copies_are_found_from_the_threshold_and_different_texts_are_not(tmp_path: Path) -> None:
    originals = [story(seed) for seed in range(40)]
    near = [[*words[:-3], "改了几个字", *words[-2:]] for words in originals]
    files = [
        unit(tmp_path, "a-0", "a", ["".join(words) for words in originals]),
        unit(tmp_path, "b-0", "b", ["".join(words) for words in near]),
    ]
    copies = find_copies(files, 0.8, tmp_path / "s")
    assert {copy.unit for copy in copies} == {"b-0"}
    assert len(copies) >= 38
    assert find_copies(files, None, tmp_path / "s") == []


def test_texts_of_nothing_are_not_copies_of_one_another(tmp_path: Path) -> None:
    assert find_copies([unit(tmp_path, "a-0", "a", ["\u200b", "\u200c", "\u200d"])], 0.8, tmp_path / "s") == []


def test_nothing_to_compare_is_nothing_found(tmp_path: Path) -> None:
    assert find_copies([], 0.8, tmp_path / "s") == []
