import gzip
import hashlib
import itertools
import json
import os
import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Limits
from pipeline.errors import ShardUnreadable
from pipeline.readers import jsonl, parquet
from pipeline.readers import lines as line_ranges
from pipeline.readers.base import Part, Picker, Tray, version_now
from tests.shards import Reading

Paths = tuple[tuple[str, ...], str | None, str | None]
PLAIN: Paths = (("text",), "id", "url")
LIMIT = 1024
LIMITS = Limits(document_bytes=LIMIT, line_bytes=4 * LIMIT)


def read_jsonl(
    path: Path,
    content: bytes | None = None,
    compression: str | None = None,
    encoding: str = "utf-8",
    paths: Paths = PLAIN,
    span: tuple[int, int] | None = None,
    batch: int = 1024,
) -> Reading:
    if content is not None:
        path.write_bytes(content)
    start, stop = span or (0, path.stat().st_size)
    tray = Tray(LIMIT, batch)
    picker = Picker(*paths)
    size = path.stat().st_size if path.is_file() else None
    part = Part(0, str(path), start, stop, compression, encoding, size)
    return Reading(tray, list(jsonl.read(part, picker, tray, LIMITS)))


def read_parquet(
    path: Path,
    table: pa.Table | None = None,
    paths: Paths = PLAIN,
    groups: tuple[int, int] | None = None,
    **options: Any,
) -> Reading:
    if table is not None:
        pq.write_table(table, path, **options)
    tray = Tray(LIMIT)
    size = path.stat().st_size if path.is_file() else 0
    return Reading(tray, list(parquet.read(0, str(path), 0, size, groups, paths, Picker(*paths), tray)))


def lines(*texts: str) -> bytes:
    return b"".join(orjson.dumps({"text": text}) + b"\n" for text in texts)


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return tmp_path / "shard"


# JSON Lines

pieces = st.one_of(
    st.builds(lambda text: orjson.dumps({"text": text}), st.text(max_size=12)),
    st.sampled_from([b"", b" \t", b"\r", b"{", b"[1]", b'{"text": 5}', b"\xff\xfe", b"x" * 50]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(pieces, max_size=12),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 400), max_size=6),
    st.integers(1, 5),
)
def test_byte_ranges_together_hold_exactly_the_records_of_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[bytes],
    end: bytes,
    bom: bool,
    final: bool,
    cuts: list[int],
    batch: int,
) -> None:
    content = (b"\xef\xbb\xbf" if bom else b"") + end.join(parts) + (end if final else b"")
    path = tmp_path_factory.getbasetemp() / f"ranges-{os.getpid()}"
    whole = read_jsonl(path, content)
    borders = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    ranges = [
        read_jsonl(path, span=(low, high), batch=batch) for low, high in itertools.pairwise(borders) if low < high
    ]
    assert [(row["offset"], row["text"]) for part in ranges for row in part.rows] == [
        (row["offset"], row["text"]) for row in whole.rows
    ]
    assert [(r.offset, r.reason) for part in ranges for r in part.rejects] == [
        (r.offset, r.reason) for r in whole.rejects
    ]
    assert sum(part.ledger.records_read for part in ranges) == whole.ledger.records_read
    for row in whole.rows:  # offsets point at the records they claim
        line = content[row["offset"] :].split(b"\n")[0].removeprefix(b"\xef\xbb\xbf")
        assert orjson.loads(line)["text"] == row["text"]


def _compressed(content: bytes, how: str, frames: int) -> bytes:
    pieces = [content[len(content) * i // frames : len(content) * (i + 1) // frames] for i in range(frames)]
    pack = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}[how]
    return b"".join(pack(piece) for piece in pieces)


def _noisy_lines(seed: int, count: int) -> bytes:
    """Lines that do not compress well, some blank, some broken, one long."""
    draw = random.Random(seed)
    lines = [orjson.dumps({"text": draw.randbytes(draw.randrange(1, 900)).hex()}) for _ in range(count)]
    lines[count // 3] = b""
    lines[count // 2] = b"{broken"
    lines[-count // 4] = orjson.dumps({"text": draw.randbytes(60_000).hex()})
    return b"\n".join(lines)


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_ranges_of_a_compressed_file_together_hold_exactly_its_records(tmp_path: Path, how: str, frames: int) -> None:
    content = _noisy_lines(frames, 900)
    path = tmp_path / "shard"
    stored = _compressed(content, how, frames)
    whole = read_jsonl(path, stored, how)
    draw, size = random.Random(7), len(stored)
    for cuts in ([size // 2], [1, size - 1], sorted(draw.sample(range(size), 7)), range(size // 8, size, size // 8)):
        borders = [0, *cuts, size]
        ranges = [read_jsonl(path, compression=how, span=span) for span in itertools.pairwise(borders)]
        assert [(row["offset"], row["text"]) for part in ranges for row in part.rows] == [
            (row["offset"], row["text"]) for row in whole.rows
        ]
        assert [(r.offset, r.reason) for part in ranges for r in part.rejects] == [
            (r.offset, r.reason) for r in whole.rejects
        ]
        assert [part.ledger.sha256 for part in ranges] == [
            hashlib.sha256(stored[low:high]).hexdigest() for low, high in itertools.pairwise(borders)
        ]
    assert sum(bool(part.rows) for part in ranges) > 3, "the work is in fact divided"


def test_damage_in_a_compressed_file_shows_in_the_range_where_it_is_found_and_all_behind(tmp_path: Path) -> None:
    stored = bytearray(_compressed(_noisy_lines(1, 900), "gzip", 1))
    place = len(stored) * 5 // 8
    stored[place : place + 64] = bytes(64)
    spans = [(len(stored) * i // 4, len(stored) * (i + 1) // 4) for i in range(4)]
    path = tmp_path / "shard.gz"
    ranges = [read_jsonl(path, bytes(stored), "gzip", span=span) for span in spans]
    complete = [part.ledger.complete for part in ranges]  # a flipped bit may decode for a while, to nonsense
    assert complete[:2] == [True, True] and not complete[3]
    whole = read_jsonl(path, compression="gzip")
    assert not whole.ledger.complete
    assert [row["offset"] for part in ranges for row in part.rows] == [row["offset"] for row in whole.rows]


def test_the_ranges_of_a_file_cover_it() -> None:
    for size in (0, 1, 99, 100, 101, 1000):
        cuts = line_ranges.segments(size, 100)
        assert [cuts[0][0], *(stop for _, stop, _ in cuts)] == [*(start for start, _, _ in cuts), size]
        assert all(stop - start <= 100 for start, stop, _ in cuts)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"\xef\xbb\xbf", []),
        (b'\xef\xbb\xbf{"text":"a"}\n', ["a"]),
        (b'{"text":"a"}\r\n\r\n{"text":"b"}\r\n', ["a", "b"]),
        (b'\n \t\n{"text":"a"}\n\n{"text":"b"}', ["a", "b"]),
        (b'{"text":"a\\r\\nb\\u2028"}\n', ["a\r\nb\u2028"]),
        ('{"text":"a\u2028b\u0085"}\n'.encode(), ["a\u2028b\u0085"]),
        (b'{"text":" "}\n', [" "]),
    ],
)
def test_what_is_no_record_is_passed_over(shard: Path, content: bytes, texts: list[str]) -> None:
    reading = read_jsonl(shard, content)
    assert (reading.texts, reading.rejects) == (texts, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "broken_json"),
        (b'{"text": NaN}', "broken_json"),
        (b'{"text": "\\ud800"}', "broken_json"),
        (b'{"text": "a"} {"text": "b"}', "broken_json"),
        (b'\xef\xbb\xbf{"text": "a"}', "broken_json"),
        (b"[" * 5000, "oversized"),
        (b"[" * 2000, "broken_json"),
        (b'{"text": "\xff"}', "invalid_encoding"),
        ('{"text": "中"}'.encode("gb18030"), "invalid_encoding"),
        (b'{"text": "\xed\xa0\x80"}', "invalid_encoding"),
        (b'["a"]', "not_an_object"),
        (b'"a"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"{}", "missing_text"),
        (b'{"text": null}', "missing_text"),
        (b'{"text": ""}', "empty_text"),
        (b'{"text": 5}', "wrong_type"),
        (b'{"text": ["a"]}', "wrong_type"),
        (b'{"text": {"text": "a"}}', "wrong_type"),
        (b'{"text": "a", "id": true}', "wrong_type"),
        (b'{"text": "a", "id": ["x"]}', "wrong_type"),
        (lines("x" * (LIMIT + 1))[:-1], "oversized"),
        (lines("中" * (LIMIT // 3 + 1))[:-1], "oversized"),
        (lines("x" * 4 * LIMIT)[:-1], "oversized"),
    ],
)
def test_a_bad_record_costs_only_itself(shard: Path, line: bytes, reason: str) -> None:
    before, after = lines("before"), lines("after")
    reading = read_jsonl(shard, before + line + b"\n" + after)
    assert reading.texts == ["before", "after"]
    assert reading.reasons == [reason]
    assert (reading.rejects[0].row, reading.rejects[0].offset) == (1, len(before))
    assert [row["row"] for row in reading.rows] == [0, 2]
    assert reading.ledger.complete
    assert "secret" not in reading.rejects[0].detail


def test_text_at_the_limit_is_kept(shard: Path) -> None:
    assert len(read_jsonl(shard, lines("x" * LIMIT, "中" * (LIMIT // 3))).rows) == 2


def test_an_oversized_line_is_not_held_in_memory_and_the_next_is_read(shard: Path) -> None:
    reading = read_jsonl(shard, b"x" * (3 << 20) + b"\n" + lines("after"))
    assert (reading.texts, reading.reasons) == (["after"], ["oversized"])
    assert reading.rows[0]["offset"] == (3 << 20) + 1


@pytest.mark.parametrize(
    ("record", "native_id"),
    [
        ({"id": "x1"}, "x1"),
        ({"id": 7}, "7"),
        ({"id": 1.5}, "1.5"),
        ({"id": 0}, "0"),
        ({"id": None}, None),
        ({"id": ""}, None),
        ({}, None),
    ],
)
def test_ids_are_strings_or_numbers_or_absent(shard: Path, record: dict[str, Any], native_id: str | None) -> None:
    (row,) = read_jsonl(shard, orjson.dumps({"text": "a", **record})).rows
    assert row["native_id"] == native_id


@pytest.mark.parametrize(
    ("paths", "record", "text"),
    [
        (("a.b",), {"a": {"b": "x"}}, "x"),
        (("a.b",), {"a.b": "x", "a": {"b": "y"}}, "x"),
        (("q", "a"), {"q": "x", "a": "y"}, "x\ny"),
        (("q", "a"), {"a": "y"}, "y"),
        (("m[*].c",), {"m": [{"c": "x"}, {"d": 1}, {"c": None}, {"c": "y"}]}, "x\ny"),
        (("m[*]",), {"m": ["x", "y"]}, "x\ny"),
        (("m[*][*]",), {"m": [["x"], ["y"]]}, "x\ny"),
        (("a.m[*].c.d",), {"a": {"m": [{"c": {"d": "x"}}]}}, "x"),
        (("a.b",), {"a": "flat"}, None),
        (("m[*].c",), {"m": "flat"}, None),
        (("m[*].c",), {"m": []}, None),
    ],
)
def test_text_is_picked_by_dotted_paths(shard: Path, paths: tuple[str, ...], record: Any, text: str | None) -> None:
    reading = read_jsonl(shard, orjson.dumps(record), paths=(paths, None, None))
    assert reading.texts == ([] if text is None else [text])
    assert reading.reasons == (["missing_text"] if text is None else [])


def test_id_and_url_may_be_nested_and_a_url_that_is_no_string_is_left_out(shard: Path) -> None:
    content = b'{"text":"a","meta":{"id":3,"url":"http://a.cn/"}}\n{"text":"b","meta":{"url":5}}\n'
    reading = read_jsonl(shard, content, paths=(("text",), "meta.id", "meta.url"))
    assert [(row["native_id"], row["url"]) for row in reading.rows] == [("3", "http://a.cn/"), (None, None)]


def test_gb18030_is_decoded(shard: Path) -> None:
    good = '{"text":"鎔𠀀"}\n'.encode("gb18030")
    reading = read_jsonl(shard, good + b'{"text":"\x81"}\n' + good, encoding="gb18030")
    assert (reading.texts, reading.reasons) == (["鎔𠀀", "鎔𠀀"], ["invalid_encoding"])
    assert reading.rows[1]["offset"] == len(good) + 13


# Archives

COMPRESS = {"gzip": gzip.compress, "zstd": zstandard.compress}
random_texts = [random.Random(number).randbytes(100).hex() for number in range(400)]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_archives_of_one_or_many_frames_are_read_whole(shard: Path, compression: str) -> None:
    pack = COMPRESS[compression]
    first, second = lines("a", "b"), lines("c")
    for content in (
        pack(first + second),
        pack(first) + pack(second),
        pack(first[:5]) + pack(b"") + pack(first[5:] + second),
    ):
        reading = read_jsonl(shard, content, compression)
        assert (reading.texts, reading.rejects, reading.ledger.complete) == (["a", "b", "c"], [], True)
        assert [row["offset"] for row in reading.rows] == [0, 13, 26]
        assert reading.ledger.sha256 == hashlib.sha256(content).hexdigest()


def test_skippable_zstd_frames_are_passed_over(shard: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    content = skippable + zstandard.compress(lines("a")) + skippable + zstandard.compress(lines("b")) + skippable
    assert read_jsonl(shard, content, "zstd").texts == ["a", "b"]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_all_before_the_end_of_a_truncated_archive_survives(shard: Path, compression: str) -> None:
    content = COMPRESS[compression](lines(*random_texts))
    reading = read_jsonl(shard, content[: len(content) * 3 // 4], compression)
    assert reading.reasons == ["truncated_or_corrupt"]
    assert reading.texts == random_texts[: len(reading.texts)]
    assert len(reading.texts) >= (100 if compression == "gzip" else 0)
    assert (reading.rejects[0].records, reading.ledger.complete) == (None, False)


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_whole_frames_before_damage_survive(shard: Path, compression: str) -> None:
    pack = COMPRESS[compression]
    good = b"".join(pack(lines(text)) for text in random_texts)
    reading = read_jsonl(shard, good + b"\0" * 4096 + pack(lines("lost")), compression)
    assert reading.reasons == ["truncated_or_corrupt"]
    assert reading.texts == random_texts[: len(reading.texts)]
    assert len(reading.texts) >= 300  # what is lost before the damage is what one piece of the archive holds
    assert not reading.ledger.complete


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_trailing_garbage_is_told(shard: Path, compression: str) -> None:
    reading = read_jsonl(shard, COMPRESS[compression](lines("a")) + b"garbage", compression)
    assert (reading.texts, reading.reasons) == (["a"], ["truncated_or_corrupt"])


def test_what_is_no_archive_at_all_is_a_reject(shard: Path) -> None:
    for compression in COMPRESS:
        assert read_jsonl(shard, lines("a"), compression).reasons == ["truncated_or_corrupt"]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["gzip", "zstd"]))
def test_no_damage_of_an_archive_gives_wrong_books_or_a_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, compression: str
) -> None:
    content = bytearray(COMPRESS[compression](lines(*random_texts[:20])))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    reading = read_jsonl(tmp_path_factory.getbasetemp() / f"flip-{os.getpid()}", bytes(content), compression)
    assert reading.ledger.sha256 == hashlib.sha256(bytes(content)).hexdigest()


# Parquet


def table(count: int = 400) -> pa.Table:
    return pa.table({"id": [str(number) for number in range(count)], "text": random_texts[:count]})


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "中"]),
        pa.array(["a", "中"], pa.large_string()),
        pa.array([b"a", "中".encode()], pa.binary()),
        pa.array([b"a", "中".encode()], pa.large_binary()),
        pa.array(["a", "中"]).dictionary_encode(),
    ],
)
def test_text_columns_of_any_string_type_are_read(shard: Path, column: pa.Array) -> None:
    reading = read_parquet(shard, pa.table({"text": column}))
    assert (reading.texts, reading.rejects) == (["a", "中"], [])
    assert [row["offset"] for row in reading.rows] == [None, None]


def as_string(values: list[bytes], kind: pa.DataType = None) -> pa.Array:
    binary = pa.large_binary() if kind == pa.large_string() else pa.binary()
    return pa.array(values, binary).view(kind or pa.string())


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array(["a", None, "b"]), "missing_text"),
        (pa.array(["a", "", "b"]), "empty_text"),
        (as_string([b"a", b"\xff", b"b"]), "invalid_encoding"),
        (as_string([b"a", b"\xff", b"b"], pa.large_string()), "invalid_encoding"),
        (as_string([b"a", b"\xff", b"b"]).dictionary_encode(), "invalid_encoding"),
        (pa.array([b"a", b"\xff", b"b"]), "invalid_encoding"),
        (pa.array(["a", "x" * (LIMIT + 1), "b"]), "oversized"),
    ],
)
def test_a_bad_value_costs_only_its_row(shard: Path, column: pa.Array, reason: str) -> None:
    reading = read_parquet(shard, pa.table({"text": column}))
    assert (reading.texts, reading.reasons) == (["a", "b"], [reason])
    assert (reading.rejects[0].row, reading.ledger.complete) == (1, True)


def test_a_nested_string_that_is_not_utf_8_costs_only_its_row(shard: Path) -> None:
    nested = pa.ListArray.from_arrays([0, 1, 2, 3], as_string([b"a", b"\xff", b"b"]))
    reading = read_parquet(shard, pa.table({"m": nested}), paths=(("m[*]",), None, None))
    assert (reading.texts, reading.reasons) == (["a", "b"], ["invalid_encoding"])


def test_text_may_be_nested(shard: Path) -> None:
    chat = pa.array([[{"role": "u", "content": "q"}, {"role": "a", "content": "r"}], None])
    reading = read_parquet(shard, pa.table({"messages": chat}), paths=(("messages[*].content",), None, None))
    assert (reading.texts, reading.reasons) == (["q\nr"], ["missing_text"])


def test_a_column_of_numbers_is_no_text(shard: Path) -> None:
    reading = read_parquet(shard, pa.table({"text": [1, 2, None]}))
    assert reading.reasons == ["wrong_type", "wrong_type", "missing_text"]


def test_ids_of_numbers_are_read(shard: Path) -> None:
    reading = read_parquet(shard, pa.table({"text": ["a", "b"], "id": pa.array([7, None])}))
    assert [row["native_id"] for row in reading.rows] == ["7", None]


def test_a_file_without_the_column_is_rejected_with_all_its_rows(shard: Path) -> None:
    reading = read_parquet(shard, pa.table({"body": ["a"] * 5}), row_group_size=2)
    assert [(reject.reason, reject.records) for reject in reading.rejects] == [("missing_text", n) for n in (2, 2, 1)]
    assert reading.ledger.records_read == 5


def test_row_groups_together_hold_the_whole_file(shard: Path) -> None:
    whole = read_parquet(shard, table(), row_group_size=50)
    parts = [read_parquet(shard, groups=cut) for cut in ((0, 3), (3, 4), (4, 8))]
    assert [row["native_id"] for part in parts for row in part.rows] == [row["native_id"] for row in whole.rows]
    assert [row["row"] for row in parts[1].rows] == list(range(50))


def test_an_empty_file_holds_nothing(shard: Path) -> None:
    assert read_parquet(shard, table(0)).ledger.records_read == 0


def test_a_damaged_row_group_costs_only_itself(shard: Path) -> None:
    pq.write_table(table(), shard, row_group_size=100, compression="zstd", use_dictionary=False)
    content = bytearray(shard.read_bytes())
    start = pq.read_metadata(shard).row_group(1).column(1).data_page_offset
    content[start : start + 200] = b"\xff" * 200
    shard.write_bytes(content)
    reading = read_parquet(shard)
    assert reading.texts == random_texts[:100] + random_texts[200:]
    assert [(reject.reason, reject.records) for reject in reading.rejects] == [("corrupt_parquet", 100)]
    assert [row["row"] for row in reading.rows] == [*range(100), *range(200, 400)]
    assert reading.ledger.complete


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"PAR1" + b"\0" * 50 + b"\xff\0\0\0PAR1"])
def test_a_file_without_a_footer_is_a_reject_of_unknown_size(shard: Path, content: bytes) -> None:
    shard.write_bytes(content)
    reading = read_parquet(shard)
    assert [(reject.reason, reject.records) for reject in reading.rejects] == [("corrupt_parquet", None)]
    assert reading.ledger.sha256 == hashlib.sha256(content).hexdigest()


def test_rows_that_damage_makes_vanish_are_missed(shard: Path) -> None:
    pq.write_table(table(), shard, row_group_size=100, compression="none")
    content = shard.read_bytes()
    draw = random.Random(5)
    for _ in range(150):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content) - 1500, len(content))] ^= 1 << draw.randrange(8)
        shard.write_bytes(damaged)
        reading = read_parquet(shard)
        assert reading.ledger.records_read >= 400 or not reading.ledger.complete


def test_a_footer_that_contradicts_itself_leaves_the_books_open(shard: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard.write_bytes(b"")
    pq.write_table(table(10), shard)

    class Footer:
        num_rows, num_row_groups = 11, 1

        def __init__(self, metadata: pq.FileMetaData) -> None:
            self.row_group = metadata.row_group

    class File(pq.ParquetFile):  # type: ignore[misc]
        @property
        def metadata(self) -> Any:
            return Footer(super().metadata)

    monkeypatch.setattr(pq, "ParquetFile", File)
    reading = read_parquet(shard)
    assert (len(reading.rows), reading.reasons, reading.ledger.complete) == (10, ["corrupt_parquet"], False)


# The store


def test_a_shard_that_the_store_does_not_give_is_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(ShardUnreadable) as error:
            read_jsonl(path, span=(0, 10))
        assert (error.value.member, error.value.reason) == (0, "unreadable")
        with pytest.raises(ShardUnreadable):
            read_parquet(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_shard_without_permission_is_unreadable(shard: Path) -> None:
    shard.write_bytes(lines("a"))
    shard.chmod(0)
    with pytest.raises(ShardUnreadable, match="PermissionError"):
        read_jsonl(shard, span=(0, 10))


def test_the_version_of_a_shard_changes_with_it(shard: Path) -> None:
    shard.write_bytes(b"a")
    os.utime(shard, ns=(1, 1))
    assert version_now(str(shard)) == (1, "1")
    os.utime(shard, ns=(2, 2))
    assert version_now(str(shard)) == (1, "2")
    assert version_now(str(shard) + ".gone") is None


def test_how_many_documents_a_batch_holds_changes_nothing(shard: Path) -> None:
    content = lines(*random_texts[:50]) + b"{\n" + lines("x")
    assert read_jsonl(shard, content, batch=1).rows == read_jsonl(shard, content, batch=7).rows
    assert json.loads(shard.read_bytes().splitlines()[0])["text"] == random_texts[0]


@pytest.mark.parametrize(
    ("columns", "text", "documents", "reason"),
    [
        ({"text": ["a", "b"], "id": pa.array([1, 2], pa.timestamp("ns"))}, "text", 0, "wrong_type"),
        ({"text": ["a", "b"], "id": pa.array([1, 2], pa.duration("ns"))}, "text", 0, "wrong_type"),
        ({"text": ["a", "b"], "id": pa.array([1, 2], pa.timestamp("us", tz="Mars/Olympus"))}, "text", 0, "wrong_type"),
        ({"text": ["a", "b"], "url": pa.array([1, 2], pa.timestamp("ns"))}, "text", 2, None),
        ({"text": pa.array([1, 2], pa.timestamp("ns"))}, "text", 0, "wrong_type"),
        (
            {"m": pa.array([{"text": "a", "t": 1}] * 2, pa.struct([("text", pa.string()), ("t", pa.timestamp("ns"))]))},
            "m.text",
            2,
            None,
        ),
        (
            {
                "m": pa.array(
                    [[{"text": "a", "t": 1}]] * 2, pa.list_(pa.struct([("text", pa.string()), ("t", pa.time64("ns"))]))
                )
            },
            "m[*].text",
            2,
            None,
        ),
    ],
)
def test_times_in_parquet_cost_at_most_their_rows(
    tmp_path: Path, columns: Any, text: str, documents: int, reason: Any
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    read = read_parquet(tmp_path / "a.parquet", paths=((text,), "id", "url"))
    assert (len(read.rows), {reject.reason for reject in read.rejects}) == (documents, {reason} - {None})
    assert read.ledger.records_read == 2


def test_two_columns_of_one_name_are_rejects(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), tmp_path / "a.parquet"
    )
    read = read_parquet(tmp_path / "a.parquet")
    assert (read.rows, [reject.records for reject in read.rejects]) == ([], [1])
