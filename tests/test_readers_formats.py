import gzip
import itertools
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import readers
from pipeline.config import Limits
from pipeline.readers import Layout, layout_of
from pipeline.readers.base import Part, Tray
from pipeline.readers.html import decoded, text_of
from schemas.sources import Fields
from tests import shards
from tests.shards import COMPRESS, Reading, http, page, read_shard, warc_record

TEXTS = ["你好，世界", "plain ascii", "第三篇 鎔 𠀀", 'quote " and, comma', "last"]
PAGE = "application/http; msgtype=response"


def joined(records: list[bytes]) -> bytes:
    return b"".join(records)


# The same documents whatever they are stored in

STORED = {
    "s.jsonl": shards.jsonl(TEXTS),
    "s.csv": shards.table(TEXTS),
    "s.tsv": shards.table(TEXTS, delimiter="\t"),
    "s.warc": joined(shards.warc(TEXTS)),
    "s.warc.wet": joined(shards.wet(TEXTS)),
}


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("suffix", COMPRESS)
def test_every_format_and_compression_gives_the_same_documents(tmp_path: Path, name: str, suffix: str) -> None:
    reading = read_shard(tmp_path / (name + suffix), COMPRESS[suffix](STORED[name]))
    assert (reading.texts, reading.rejects) == (TEXTS, [])
    assert [row["row"] for row in reading.rows] == [0, 1, 2, 3, 4]


def test_parquet_gives_the_same_documents(tmp_path: Path) -> None:
    assert read_shard(tmp_path / "s.parquet", shards.parquet(TEXTS)).texts == TEXTS


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16", "utf-16-le", "utf-32", "utf-7"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_encoding_gives_the_same_documents(tmp_path: Path, encoding: str, suffix: str) -> None:
    pack = COMPRESS[suffix]
    for bom in ("", "\ufeff"):
        mark = bom.encode(encoding) if encoding not in ("utf-16", "utf-32", "utf-7") else b""
        for name, content in (
            ("s.jsonl", shards.jsonl(TEXTS, encoding)),
            ("s.csv", shards.table(TEXTS, encoding)),
            ("s.txt", "\n".join(TEXTS).encode(encoding)),
        ):
            records = "line" if name == "s.txt" else "file"
            reading = read_shard(tmp_path / (name + suffix), pack(mark + content), encoding, records=records)
            assert (reading.texts, reading.rejects) == (TEXTS, []), name


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_line_in_the_wrong_encoding_costs_only_itself(tmp_path: Path, encoding: str) -> None:
    bad = b"\xff\xff" if encoding != "utf-16" else b"\x00\xdc"
    for name, head, line in (
        ("s.jsonl", "", '{{"text": "{}"}}\n'),
        ("s.csv", "text\n", "{}\n"),
        ("s.txt", "", "{}\n"),
    ):
        codec = "utf-16-le" if encoding == "utf-16" else encoding
        before, behind = line.split("{}") if name != "s.jsonl" else ('{"text": "', '"}\n')
        rows = [(before + text + behind).encode(codec) for text in ("前", "后")]
        broken = before.encode(codec) + bad + behind.encode(codec)
        content = head.encode(codec) + rows[0] + broken + rows[1]
        reading = read_shard(tmp_path / name, content, codec, records="line")
        assert (reading.texts, reading.reasons) == (["前", "后"], ["invalid_encoding"]), name
        assert reading.rejects[0].row == 1
        assert "encoding" in reading.rejects[0].detail


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("a.csv", None, Layout("csv", delimiter=",")),
        ("a.tsv.gz", None, Layout("csv", "gzip", delimiter="\t")),
        ("a.txt.xz", None, Layout("text", "xz", "file")),
        ("a.md", None, Layout("text", None, "file")),
        ("a.jsonl.bz2", None, Layout("jsonl", "bzip2")),
        ("a.parquet.gz", None, Layout("parquet")),
        ("a", "text", Layout("text", None, "file")),
        ("a.dat.gz", "csv", Layout("csv", "gzip", delimiter=",")),
        ("a.py", None, None),
    ],
)
def test_the_layout_follows_from_the_name(name: str, declared: str | None, expected: Layout | None) -> None:
    assert layout_of(name, declared) == expected


@pytest.mark.parametrize(
    ("name", "format_", "compression"),
    [
        ("a.warc", "warc", None),
        ("CC-MAIN-0.warc.gz", "warc", "gzip"),
        ("CC-MAIN-0.warc.wet.gz", "wet", "gzip"),
        ("a.warc.zst", "warc", "zstd"),
    ],
)
def test_web_archives_are_told_by_their_names(name: str, format_: str, compression: str | None) -> None:
    layout = layout_of(name, None)
    assert layout is not None
    assert (layout.format, layout.compression) == (format_, compression)
    assert layout.software is not None


def test_lines_that_cannot_be_told_apart_bytewise_are_not_cut_into_ranges() -> None:
    for encoding, parts in (("utf-8", 10), ("gb18030", 10), ("utf-16", 1), ("utf-7", 1)):
        for name, records in (("s.jsonl", "file"), ("s.txt", "line")):
            layout = layout_of(name, None, records, encoding)
            assert layout is not None
            assert len(readers.segments("", 1000, layout, 100)) == parts
    for name in ("s.txt", "s.csv", "s.warc", "s.jsonl.xz", "s.jsonl.bz2", "s.csv.gz"):
        layout = layout_of(name, None)
        assert layout is not None
        assert len(readers.segments("", 1000, layout, 100)) == 1


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (100, 1), (101, 2), (350, 4), (800, 8), (100_000, 8)])
def test_a_large_compressed_file_of_lines_is_read_in_at_most_eight_parts(size: int, parts: int) -> None:
    for name in ("s.jsonl.gz", "s.jsonl.zst", "s.txt.gz"):
        layout = layout_of(name, None, "line")
        assert layout is not None
        cuts = readers.segments("", size, layout, 100)
        assert [cuts[0][0], *(stop for _, stop, _ in cuts)] == [*(start for start, _, _ in cuts), size]
        assert len(cuts) == parts


# Text


def test_a_text_file_is_one_document(tmp_path: Path) -> None:
    reading = read_shard(tmp_path / "s.txt", b"\xef\xbb\xbfone\n\ntwo\r\n")
    assert reading.texts == ["one\n\ntwo\r\n"]
    assert reading.rows[0]["native_id"] is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_text"),
        (b"\xef\xbb\xbf", "empty_text"),
        ("中文".encode("gb18030"), "invalid_encoding"),
        (b"x" * 1025, "oversized"),
        (b"x" * 100_000, "oversized"),
    ],
)
def test_a_text_file_that_is_no_document_is_one_reject(tmp_path: Path, content: bytes, reason: str) -> None:
    for name, pack in (("s.txt", bytes), ("s.txt.gz", gzip.compress)):
        reading = read_shard(tmp_path / name, pack(content), limits=Limits(document_bytes=1024))
        assert (reading.texts, reading.reasons, reading.ledger.complete) == ([], [reason], True)


def test_a_text_archive_that_breaks_off_is_one_reject(tmp_path: Path) -> None:
    content = gzip.compress(bytes(range(32, 127)) * 20)
    reading = read_shard(tmp_path / "s.txt.gz", content[:-20])
    assert (reading.reasons, reading.ledger.records_read) == (["truncated_or_corrupt"], 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=8).filter(lambda text: "\n" not in text), max_size=8), st.integers(0, 60))
def test_ranges_of_lines_hold_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "ranges.txt"
    path.write_bytes("\n".join(texts).encode())
    size = path.stat().st_size
    layout = layout_of("ranges.txt", None, "line")
    assert layout is not None
    found = []
    for low, high in itertools.pairwise([0, min(cut, size), size]):
        if low < high:
            tray = Tray(1024)
            part = Part(0, str(path), low, high)
            found += Reading(tray, list(readers.read(part, layout, None, Fields(), tray, Limits()))).rows
    assert [(row["offset"], row["text"]) for row in found] == [
        (row["offset"], row["text"]) for row in read_shard(path, records="line").rows
    ]


# CSV


@pytest.mark.parametrize(
    ("content", "texts", "reasons"),
    [
        (b"", [], []),
        (b"text\n", [], []),
        (b"text\r\na\r\n\r\nb", ["a", "b"], []),
        (b'\xef\xbb\xbf"text",x\na,1\n', ["a"], []),
        (b'text,x\n"a\nb",1\n"c ""d""",2\n', ["a\nb", 'c "d"'], []),
        (b"text,x\na\nb,1\nc,1,2\nd,2\n", ["b", "d"], ["wrong_columns", "wrong_columns"]),
        (b"text,x\na\0b,1\n", ["a\0b"], []),
        (b"body,x\na,1\n", [], ["missing_text"]),
        (b"text,x\n,1\n", [], ["empty_text"]),
        (b"text,text\na,b\n", ["a"], []),
        (b'text,x\na,1\n"b,2\nc,3\nd,4\n', ["a", "c", "d"], ["broken_csv"]),
        (b'text,x\n"a" b,1\nc,3\n', ["c"], ["broken_csv"]),
        (b'text,x\n"a,1\nb,2\n"c",3\nd,4\n', ["b", "c", "d"], ["broken_csv"]),
        (b"text,x\ra,1\rb,2\r", [], ["broken_csv"]),
        (b"text,x\n\xff,1\nb,2\n", ["b"], ["invalid_encoding"]),
    ],
)
def test_rows_of_tables(tmp_path: Path, content: bytes, texts: list[str], reasons: list[str]) -> None:
    reading = read_shard(tmp_path / "s.csv", content)
    assert (reading.texts, reading.reasons) == (texts, reasons)
    assert reading.ledger.complete


def test_a_quote_that_is_never_closed_costs_one_line_also_beyond_the_limit(tmp_path: Path) -> None:
    rows = [f"r{i},{i}\n".encode() for i in range(600)]
    content = b'text,x\n"open,1\n' + b"".join(rows)
    reading = read_shard(tmp_path / "s.csv", content, limits=Limits(line_bytes=2048))
    assert reading.reasons == ["oversized"]
    assert reading.texts == [f"r{i}" for i in range(600)]


def test_quotes_that_are_never_closed_do_not_take_forever(tmp_path: Path) -> None:
    content = b"text\n" + b'""",\n' * 50_000
    reading = read_shard(tmp_path / "s.csv", content, limits=Limits(line_bytes=1 << 16))
    assert reading.texts == []
    assert reading.ledger.rejected > 0


def test_cells_of_any_size_are_read_up_to_the_limit(tmp_path: Path) -> None:
    big = "x" * 300_000
    reading = read_shard(
        tmp_path / "s.csv", f"text\n{big}\n{'y' * 2_000_000}\nz\n".encode(), limits=Limits(line_bytes=1 << 20)
    )
    assert (reading.texts, reading.reasons) == ([big, "z"], ["oversized"])


def test_fields_name_the_columns_of_a_table(tmp_path: Path) -> None:
    fields = Fields(text=["q", "a.b"], id="k", url="u")
    (row,) = read_shard(tmp_path / "s.csv", b"k,q,a.b,u\n7,x,y,http://a.cn/\n", fields=fields).rows
    assert (row["text"], row["native_id"], row["url"]) == ("x\ny", "7", "http://a.cn/")


# WARC


def test_what_a_web_document_carries(tmp_path: Path) -> None:
    (row,) = read_shard(tmp_path / "s.warc", page("a", 7)).rows
    assert row["native_id"] == "00000000-0000-0000-0000-000000000007"
    assert (row["url"], row["offset"], row["text"]) == ("http://www.example.cn/7", 0, "a")


def test_records_that_carry_no_document_are_not_counted(tmp_path: Path) -> None:
    records = [warc_record(kind, b"x") for kind in ("warcinfo", "request", "metadata", "revisit")]
    records.append(warc_record("response", b"example.cn. 300 IN A 1.2.3.4", "text/dns"))
    assert read_shard(tmp_path / "s.warc", joined(records)).ledger.records_read == 0


@pytest.mark.parametrize(
    ("block", "media", "text"),
    [
        (http(b"<p>hi</p>"), PAGE, "hi"),
        (http("纯文本".encode(), "text/plain"), PAGE, "纯文本"),
        (http("<p>网页</p>".encode("gb18030"), "text/html; charset=GB2312"), PAGE, "网页"),
        (http('<meta charset="gbk"><p>网页</p>'.encode("gb18030"), "text/html"), PAGE, "网页"),
        (
            http('<meta http-equiv=x content="text/html; charset=big5"><p>網頁</p>'.encode("big5"), "text/html"),
            PAGE,
            "網頁",
        ),
        (http("<p>网页没有声明编码</p>".encode("gb18030"), "text/html"), PAGE, "网页没有声明编码"),
        (http("<p>网页</p>".encode(), "text/html; charset=iso-8859-1"), PAGE, "网页"),
        (http("<p>é</p>".encode("latin-1"), "text/html; charset=iso-8859-1"), PAGE, "é"),
        (http(b"\xff\xfe" + "<p>网页</p>".encode("utf-16-le"), "text/html"), PAGE, "网页"),
        (http(gzip.compress(b"<p>hi</p>", mtime=0), "text/html", "Content-Encoding: gzip"), PAGE, "hi"),
        (http(zlib.compress(b"<p>hi</p>"), "text/html", "Content-Encoding: deflate"), PAGE, "hi"),
        (http(b"4\r\n<p>h\r\n5\r\ni</p>\r\n0\r\n\r\n", "text/html", "Transfer-Encoding: chunked"), PAGE, "hi"),
        (http(b"<p>hi</p>", "text/html", "Transfer-Encoding: chunked"), PAGE, "hi"),
        (http(b"<p>hi</p>", "text/html", "Content-Encoding: gzip"), PAGE, "hi"),
        (http(b"<html><body><p>no media type</p></body></html>", None), PAGE, "no media type"),
        ("资源".encode(), "text/plain; charset=utf-8", "资源"),
        (b"<p>resource</p>", "text/html", "resource"),
    ],
)
def test_payloads_are_decoded_as_their_headers_say(tmp_path: Path, block: bytes, media: str, text: str) -> None:
    kind = "response" if media == PAGE else "resource"
    assert read_shard(tmp_path / "s.warc", warc_record(kind, block, media)).texts == [text]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (warc_record("response", http(b"\x89PNG\r\n\x1a\n\0\0", "image/png"), PAGE), "not_text"),
        (warc_record("response", http(b"%PDF-1.4 \0\1", "application/pdf"), PAGE), "not_text"),
        (warc_record("response", http(b"a{}", "text/css"), PAGE), "not_text"),
        (warc_record("response", http(b"", "text/html"), PAGE), "empty_text"),
        (warc_record("response", http(b"<script>x()</script>", "text/html"), PAGE), "empty_text"),
        (warc_record("response", http(b"x" * 2000, "text/html"), PAGE), "oversized"),
        (warc_record("response", http(b"x" * 200_000, "text/html"), PAGE), "oversized"),
        (
            warc_record(
                "response", http(gzip.compress(b"x" * 2000, mtime=0), "text/html", "Content-Encoding: gzip"), PAGE
            ),
            "oversized",
        ),
        (warc_record("response", http(b"\x81\x82\xff\xfe" * 9, "text/html"), PAGE), "invalid_encoding"),
        (warc_record("conversion", b"\x81\x82\xff\xfe" * 9), "invalid_encoding"),
        (warc_record("conversion", b"part", WARC_Segment_Number="1"), "segmented"),
        (warc_record("respxnse", b"x"), "corrupt_warc"),
    ],
)
def test_a_bad_web_record_costs_only_itself(tmp_path: Path, record: bytes, reason: str) -> None:
    content = page("before", 1) + record + page("after", 2)
    reading = read_shard(tmp_path / "s.warc", content, limits=Limits(document_bytes=1024))
    assert (reading.texts, reading.reasons) == (["before", "after"], [reason])
    assert (reading.rejects[0].row, reading.rejects[0].offset) == (1, len(page("before", 1)))
    assert reading.ledger.complete


RECORDS = [page(f"第{i}页 " + "正文" * (i % 40), i) for i in range(60)]
ALL = [f"第{i}页 " + "正文" * (i % 40) for i in range(60)]
PACKED = {
    "s.warc": [*RECORDS],
    "s.warc.gz": [gzip.compress(record, mtime=0) for record in RECORDS],
    "s.warc.zst": [zstandard.compress(record) for record in RECORDS],
}


@pytest.mark.parametrize("name", PACKED)
def test_all_before_a_cut_in_the_middle_survives(tmp_path: Path, name: str) -> None:
    records = PACKED[name]
    for keep in (0, 1, 30):
        for part in (1, 4, 40, len(records[keep]) // 2, len(records[keep]) - 30):
            reading = read_shard(tmp_path / name, joined(records[:keep]) + records[keep][:part])
            assert [text.strip() for text in reading.texts] == [text.strip() for text in ALL[:keep]]
            assert len(reading.rejects) == 1
            assert reading.rejects[0].records is None
            assert "again" in reading.rejects[0].detail or "archive" in reading.rejects[0].detail


@pytest.mark.parametrize("name", PACKED)
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damage_in_one_web_record_costs_at_most_that_record(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    records = [*PACKED[name]]
    victim = data.draw(st.integers(0, len(records) - 1))
    place = data.draw(st.integers(0, len(records[victim]) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "zero", "drop"]))
    bad = bytearray(records[victim])
    if kind == "flip":
        bad[place] ^= data.draw(st.integers(1, 255))
    elif kind == "cut":
        del bad[place:]
    elif kind == "zero":
        bad[place : place + 50] = b"\0" * len(bad[place : place + 50])
    else:
        del bad[place : place + 20]
    records[victim] = bytes(bad)
    reading = read_shard(tmp_path_factory.getbasetemp() / name, joined(records))
    found = {text.strip() for text in reading.texts}
    missing = [i for i, text in enumerate(ALL) if text.strip() not in found]
    assert missing in ([], [victim])
    assert len(reading.rejects) + len(reading.rows) >= len(ALL) - (kind == "cut" and place == 0)


def test_one_gzip_stream_of_many_records_is_read_up_to_its_damage(tmp_path: Path) -> None:
    content = gzip.compress(joined(RECORDS), mtime=0)
    reading = read_shard(tmp_path / "s.warc.gz", content[: len(content) // 2])
    assert reading.reasons == ["truncated_or_corrupt"]
    assert 10 < len(reading.texts) < 60


# Pages


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<p>b", "a\n\nb"),
        ("<style>p{}</style><script>alert(1)</script>a", "a"),
        ("<p>&lt;&amp;&#20013;</p>", "<&中"),
        ("<!-- hidden -->a", "a"),
        ("<ruby>汉<rt>han</ruby>" * 3000, "汉han" * 3000),
        ("<noscript>please enable</noscript>", "please enable"),
    ],
)
def test_a_page_becomes_what_is_shown(html: str, text: str) -> None:
    assert text_of(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "<p " + "".join(f"a{i}=b " for i in range(20_000)) + ">x",
        '<p title=">" ' + "".join(f"a{i} " for i in range(20_000)) + ">x",
        "".join(f"<font a={i}>" for i in range(20_000)) + "x",
        "<b>" * 1000 + "<p>x" * 100_000,
        "<ul>x" * 20_000,
        "<rt>x" * 20_000,
        "<rt><ruby></ruby></ruby>" * 20_000,
        "<ol>" * 90 + "<pre>" + "x\n" * 300_000,
    ],
)
def test_markup_made_to_stall_parsers_is_refused(tmp_path: Path, html: str) -> None:
    content = page("before", 1) + page(html, 2) + page("after", 3)
    reading = read_shard(tmp_path / "s.warc", content)
    assert (reading.texts, reading.reasons) == (["before", "after"], ["hostile_markup"])


def test_few_bad_bytes_do_not_cost_a_page() -> None:
    page = ("网页" * 200).encode() + b"\xff" + ("正文" * 200).encode()
    assert decoded(page, "utf-8", False) == "网页" * 200 + "\ufffd" + "正文" * 200


@pytest.mark.parametrize("charset", ["idna", "unicode_escape", "no-such", "x-user-defined", "utf-7", ""])
def test_a_charset_that_is_none_is_ignored(charset: str) -> None:
    assert decoded("网页".encode(), charset, True) == "网页"
