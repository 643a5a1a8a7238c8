"""Readers on damaged files: the books always balance, nothing ends in a traceback, and what is whole is delivered."""

import io
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config import Limits
from pipeline.readers.base import MemberLedger
from schemas.sources import Fields
from tests import shards
from tests.shards import COMPRESS, Reading, read_shard

MUTATED = 96  # files a case; 56 cases
TEXTS = [f"文档{i} {random.Random(i).randbytes(12).hex()}" * (1 + i % 3) for i in range(12)]
LIMITS = Limits(document_bytes=4096, line_bytes=4096)

PLAIN: dict[str, tuple[bytes, str]] = {
    "s.jsonl": (shards.jsonl(TEXTS), "utf-8"),
    "g.jsonl": (shards.jsonl(TEXTS, "gb18030"), "gb18030"),
    "u.jsonl": (shards.jsonl(TEXTS, "utf-16-le"), "utf-16-le"),
    "s.csv": (shards.table(TEXTS), "utf-8"),
    "s.tsv": (shards.table(TEXTS, delimiter="\t"), "utf-8"),
    "g.csv": (shards.table(TEXTS, "gb18030"), "gb18030"),
    "one.txt": ("\n".join(TEXTS).encode(), "utf-8"),
    "lines.txt": ("\n".join(TEXTS).encode(), "utf-8"),
    "s.warc": (b"".join(shards.warc(TEXTS)), "utf-8"),
    "s.wet": (b"".join(shards.wet(TEXTS)), "utf-8"),
}
CASES = [(name + suffix, content, encoding) for name, (content, encoding) in PLAIN.items() for suffix in COMPRESS]
CASES += [
    ("none.parquet", shards.parquet(TEXTS, compression="none", row_group_size=4), "utf-8"),
    ("zstd.parquet", shards.parquet(TEXTS, compression="zstd", use_dictionary=False), "utf-8"),
    ("snappy.parquet", shards.parquet(TEXTS, row_group_size=5), "utf-8"),
    ("records.warc.gz", b"".join(map(COMPRESS[".gz"], shards.warc(TEXTS))), "utf-8"),
    ("records.warc.zst", b"".join(map(COMPRESS[".zst"], shards.warc(TEXTS))), "utf-8"),
    ("records.wet.gz", b"".join(map(COMPRESS[".gz"], shards.wet(TEXTS))), "utf-8"),
]
PACKED = {name for name, _, _ in CASES[-6:]}


def flip(draw: random.Random, data: bytearray) -> None:
    for _ in range(draw.choice([1, 1, 1, 5])):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def cut(draw: random.Random, data: bytearray) -> None:
    del data[draw.randrange(len(data)) :]


def remove(draw: random.Random, data: bytearray) -> None:
    place = draw.randrange(len(data))
    del data[place : place + draw.choice([1, 7, 100])]


def insert(draw: random.Random, data: bytearray) -> None:
    place = draw.randrange(len(data))
    data[place:place] = draw.choice(
        [
            b"\0" * 9,
            b'"',
            b"\n",
            b"\r\n\r\n",
            b"\xff\xfe",
            b"WARC/1.0\r\n",
            b"\x1f\x8b\x08\0",
            draw.randbytes(40),
            b"x" * 9000,
        ]
    )


def duplicate(draw: random.Random, data: bytearray) -> None:
    place = draw.randrange(len(data))
    data[place:place] = data[place : place + draw.randrange(1, 300)]


def swap(draw: random.Random, data: bytearray) -> None:
    low, high = sorted(draw.sample(range(len(data)), 2))
    length = draw.randrange(1, 60)
    first, second = data[low : low + length], data[high : high + length]
    data[high : high + length] = first
    data[low : low + length] = second


def scramble(draw: random.Random, data: bytearray) -> None:
    place = draw.randrange(len(data))
    data[place : place + 30] = draw.randbytes(30)


def nothing_left(draw: random.Random, data: bytearray) -> None:
    data[:] = draw.randbytes(draw.randrange(200))


MUTATIONS: list[Callable[[random.Random, bytearray], None]] = [
    flip, flip, cut, remove, insert, duplicate, swap, scramble, nothing_left,
]  # fmt: skip


def mutated(seed: str, content: bytes) -> bytes:
    draw = random.Random(seed)
    data = bytearray(content)
    for _ in range(draw.choice([1, 1, 2])):
        if data:
            draw.choice(MUTATIONS)(draw, data)
    return bytes(data)


def read(path: Path, content: bytes, encoding: str) -> Reading:
    records = "line" if "lines" in path.name else "file"
    return read_shard(path, content, encoding, records=records, limits=LIMITS)


def test_the_fuzz_reads_thousands_of_files() -> None:
    assert len(CASES) * MUTATED >= 5000


@pytest.mark.parametrize(("name", "content", "encoding"), CASES, ids=[case[0] for case in CASES])
def test_no_damage_breaks_a_reader_or_its_books(tmp_path: Path, name: str, content: bytes, encoding: str) -> None:
    content = content if name in PACKED else COMPRESS[Path(name).suffix if name.count(".") > 1 else ""](content)
    whole = read(tmp_path / name, content, encoding)
    assert (len(whole.rows), whole.rejects) == (1 if name.startswith("one") else 12, [])
    for number in range(MUTATED):
        damaged = mutated(f"{name} {number}", content)
        reading = read(tmp_path / name, damaged, encoding)  # Reading checks the books
        assert isinstance(reading.ledger, MemberLedger)
        assert reading.ledger.sha256 is not None
        assert all(reject.detail and len(reject.detail) < 500 for reject in reading.rejects)
        assert reading.rows == read(tmp_path / name, damaged, encoding).rows if number % 16 == 0 else True


LINES = {
    "s.jsonl": (shards.jsonl(TEXTS), "utf-8"),
    "g.jsonl": (shards.jsonl(TEXTS, "gb18030"), "gb18030"),
    "lines.txt": ("".join(text + "\n" for text in TEXTS).encode(), "utf-8"),
}


@pytest.mark.parametrize("name", LINES)
def test_every_line_that_is_whole_is_delivered(tmp_path: Path, name: str) -> None:
    content, encoding = LINES[name]
    known = dict(zip(content.split(b"\n"), TEXTS, strict=False))
    for number in range(1000):
        damaged = mutated(f"whole {name} {number}", content)
        reading = read(tmp_path / name, damaged, encoding)
        expected = [known[line] for line in damaged.split(b"\n") if line in known]
        found = [text for text in reading.texts if text in set(expected)]
        assert len(found) >= len(expected)
        assert set(expected) <= set(reading.texts)


def test_every_row_of_a_table_away_from_the_damage_is_delivered(tmp_path: Path) -> None:
    rows = [f"{i},{text}\n".encode() for i, text in enumerate(TEXTS)]
    for number in range(600):
        draw = random.Random(number)
        victim = draw.randrange(len(rows))
        bad = bytearray(rows[victim][:-1])
        draw.choice([flip, remove, insert, scramble])(draw, bad)
        content = b"id,text\n" + b"".join([*rows[:victim], bytes(bad) + b"\n", *rows[victim + 1 :]])
        reading = read_shard(tmp_path / "s.csv", content, fields=Fields(), limits=LIMITS)
        assert set(TEXTS[:victim] + TEXTS[victim + 1 :]) <= set(reading.texts), number


# Bombs

MEASURE = textwrap.dedent("""
    import re, sys
    from pathlib import Path
    from tests.shards import read_shard
    def peak():  # of this program alone: getrusage also knows what its parent held
        status = Path("/proc/self/status")
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) // 1024 if status.exists() else 0
    before = peak()
    reading = read_shard(Path(sys.argv[1]))
    first = reading.rejects[0]
    print(len(reading.rows), len(reading.rejects), first.reason, first.records, before, peak())
""")


def bomb(suffix: str, size: int) -> bytes:
    """An archive of `size` zero bytes, made without holding them."""
    import bz2
    import lzma
    import zlib

    import zstandard

    chunk = bytes(1 << 20)
    packer = {
        ".gz": lambda: zlib.compressobj(9, zlib.DEFLATED, 31),
        ".zst": lambda: zstandard.ZstdCompressor(level=3).compressobj(),
        ".bz2": bz2.BZ2Compressor,
        ".xz": lzma.LZMACompressor,
    }[suffix]()
    return b"".join(packer.compress(chunk) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("s.jsonl.gz", 100 << 20),
        ("s.csv.gz", 100 << 20),
        ("s.txt.gz", 100 << 20),
        ("s.warc.gz", 100 << 20),
        ("s.jsonl.bz2", 300 << 20),
        ("s.txt.bz2", 300 << 20),
        ("s.jsonl.xz", 300 << 20),
        ("s.jsonl.zst", 2 << 30),
        ("s.warc.zst", 2 << 30),
    ],
)
def test_a_bomb_costs_little_memory_and_one_reject(tmp_path: Path, name: str, size: int) -> None:
    path = tmp_path / name
    content = bomb(name[name.rfind(".") :], size)
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    rows, rejects, reason, records, _, peak = done.stdout.split()
    assert (rows, rejects) == ("0", "1")
    assert (reason, records) in (("bomb", "None"), ("bomb", "1"), ("corrupt_warc", "None"))
    assert int(peak) < 200


@pytest.mark.parametrize(
    ("column", "options"),
    [
        (pa.array(["x" * (1 << 20)] * 200), {"use_dictionary": False}),
        (pa.array(["y", "x" * (8 << 20)]).dictionary_encode().take(pa.array([1] * 3000)), {}),
    ],
)
def test_a_bomb_in_a_table_costs_its_row_group(tmp_path: Path, column: pa.Array, options: dict[str, Any]) -> None:
    out = io.BytesIO()
    with pq.ParquetWriter(out, pa.schema([("text", column.type)]), compression="zstd", **options) as writer:
        writer.write_table(pa.table({"text": column}))
        writer.write_table(pa.table({"text": pa.array(["after"]).cast(column.type)}))
    reading = read_shard(tmp_path / "s.parquet", out.getvalue())
    assert len(out.getvalue()) < 100_000
    assert (reading.texts[-1], reading.reasons) == ("after", ["bomb"])
    assert (reading.ledger.records_read, reading.ledger.complete) == (len(column) + 1, True)


def test_a_bomb_in_a_web_page_costs_only_its_record(tmp_path: Path) -> None:
    body = bomb(".gz", 100 << 20)
    block = shards.http(body, "text/html", "Content-Encoding: gzip")
    record = shards.warc_record("response", block, "application/http; msgtype=response")
    content = shards.page("before", 1) + record + shards.page("after", 2)
    reading = read_shard(tmp_path / "s.warc", content)
    assert (reading.texts, reading.reasons) == (["before", "after"], ["oversized"])


def test_a_very_compressible_corpus_is_no_bomb(tmp_path: Path) -> None:
    content = shards.jsonl(["同一句话" * 500]) * 3000
    for suffix in (".gz", ".xz"):
        reading = read_shard(tmp_path / f"s.jsonl{suffix}", COMPRESS[suffix](content), limits=Limits(expansion=100_000))
        assert (len(reading.rows), reading.rejects) == (3000, [])


def test_millions_of_rejects_are_summed_up(tmp_path: Path) -> None:
    reading = read_shard(tmp_path / "s.jsonl", b"{}\n" * 50_000 + b"x\n" * 50_000 + b'{"text":"a"}\n')
    assert len(reading.rejects) == 10_002
    assert (reading.ledger.rejected, reading.texts, reading.rows[0]["row"]) == (100_000, ["a"], 100_000)
    assert [(r.reason, r.records) for r in reading.rejects[-2:]] == [("missing_text", 40_000), ("broken_json", 50_000)]
