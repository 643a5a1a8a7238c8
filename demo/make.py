"""Writes `demo/corpus/`: eight small synthetic sources, a few of their records broken or violating on purpose.

    python -m demo.make [FOLDER]

Same code and same packages, same bytes. What is planted where, so that a run on the demo shows each part of the audit:

- zh_spam_sms: one in five messages advertises something forbidden, so the 5 % rule blacklists the source;
- zh_forum: 3 % of the posts do, half of them on one site; one hides its words, one needs characters beyond the BMP,
  and four records cannot be read;
- zh_qa: 3 % hold made-up personal identifiers with valid check digits;
- zh_news: 1 % are exact copies of other articles.
"""

import gzip
import io
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from demo.writer import HERE, Writer

SEED = "demo-2026"
CORPUS = Path(__file__).parent / "corpus"

Record = dict[str, object] | bytes  # bytes: a line written as it is, to be rejected by the reader

NEWS, NEWS_COPIES = 3000, 30
ENCYCLOPEDIA, ENGLISH, CODE, POETRY = 1500, 1500, 800, 600
QA, QA_PERSONAL = 1200, 36
FORUM, FORUM_ADS = 1200, 36
SMS, SMS_ADS = 600, 120

NEWS_SITES = ("news.qinghe-daily.example", "www.linjiang-post.example", "paper.donghu-times.example")
FORUM_SITES = ("bbs.lanxi.example", "club.hongfeng.example", "forum.baishi.example")
FORUM_AD_SITE = "board.ershou.example"


def main(folder: Path = CORPUS) -> None:
    """Writes the corpus afresh."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    seen: set[str] = set()
    for name, make, shards, write in (
        ("zh_news", news, 4, write_zst),
        ("zh_encyclopedia", encyclopedia, 2, write_parquet),
        ("en_text", english, 3, write_gz),
        ("code", code, 2, write_plain),
        ("zh_poetry", poetry, 2, write_gz),
        ("zh_qa", questions, 3, write_zst),
        ("zh_forum", forum, 3, write_zst),
        ("zh_spam_sms", messages, 2, write_zst),
    ):
        records = make(random.Random(f"{SEED}/{name}"), seen)
        (folder / name).mkdir()
        for shard in range(shards):
            write(folder / name / f"part-{shard:02d}", records[shard::shards])


# Sources


def news(rng: random.Random, seen: set[str]) -> list[Record]:
    """News articles with an address; the copies keep the text and change everything else."""
    writer = Writer("zh_news", rng)
    texts = list(unique(writer.write, NEWS - NEWS_COPIES, seen, lambda text: 80 <= len(text) <= 400))
    texts += rng.sample(texts, NEWS_COPIES)
    rng.shuffle(texts)
    return [
        {"doc_id": f"n{number:06d}", "content": text, "link": f"https://{rng.choice(NEWS_SITES)}/a/{number:06d}.html"}
        for number, text in enumerate(texts)
    ]


def encyclopedia(rng: random.Random, seen: set[str]) -> list[Record]:
    """Encyclopaedia entries about things that do not exist."""
    texts = unique(Writer("zh_encyclopedia", rng).write, ENCYCLOPEDIA, seen)
    return [{"entry_id": f"e{number:05d}", "body": text} for number, text in enumerate(texts)]


def english(rng: random.Random, seen: set[str]) -> list[Record]:
    """English paragraphs."""
    texts = unique(Writer("en_text", rng).write, ENGLISH, seen)
    return [{"uid": f"en-{number:05d}", "passage": text} for number, text in enumerate(texts)]


def code(rng: random.Random, seen: set[str]) -> list[Record]:
    """Source files in Python, JavaScript, Go, C, SQL and shell."""
    texts = unique(Writer("code", rng).write, CODE, seen)
    return [{"path": f"src/{number:04d}", "content": text + "\n"} for number, text in enumerate(texts)]


def poetry(rng: random.Random, seen: set[str]) -> list[Record]:
    """Poems of the public domain, each once alone and then with remarks. The records have no id of their own."""
    poems = []
    for line in (HERE / "poems.txt").read_text(encoding="utf-8").splitlines():
        title, dynasty, author, text = line.split("|")
        verses = text.replace("。", "。\n").replace("？", "？\n").rstrip("\n")
        poems.append(f"《{title}》\n〔{dynasty}〕{author}\n{verses}")
    writer = Writer("zh_poetry", rng)
    texts = [*poems, *unique(lambda: writer.write(poem=rng.choice(poems)), POETRY - len(poems), seen)]
    rng.shuffle(texts)
    return [{"body": text} for text in texts]


def questions(rng: random.Random, seen: set[str]) -> list[Record]:
    """Questions with answers, a few of them with personal identifiers."""
    writer = Writer("zh_qa", rng)
    texts = list(unique(writer.write, QA - QA_PERSONAL, seen))
    texts += unique(lambda: writer.write("personal", **identifiers(rng)), QA_PERSONAL, seen)
    rng.shuffle(texts)
    return [{"qid": f"qa-{number:05d}", "text": text} for number, text in enumerate(texts)]


def forum(rng: random.Random, seen: set[str]) -> list[Record]:
    """Forum posts: ordinary ones, advertisements (half of them on one site), two odd ones and four broken lines."""
    writer = Writer("zh_forum", rng)
    odd = [writer.write("odd_plane"), writer.write("odd_evasion")]
    ordinary = list(unique(writer.write, FORUM - FORUM_ADS - 1, seen))
    ads = [odd[1], *unique(lambda: writer.write("ad"), FORUM_ADS - 1, seen)]
    posts = [(text, FORUM_AD_SITE if rng.random() < 0.1 else rng.choice(FORUM_SITES)) for text in [odd[0], *ordinary]]
    posts += [(text, FORUM_AD_SITE if number % 2 else rng.choice(FORUM_SITES)) for number, text in enumerate(ads)]
    rng.shuffle(posts)
    records: list[Record] = [
        {"post_id": f"p{number:06d}", "post": text, "permalink": f"https://{site}/t/{100000 + number}"}
        for number, (text, site) in enumerate(posts)
    ]
    broken: Sequence[Record] = (
        '{"post_id": "p009001", "post": "这一行没有写完'.encode(),
        {"post_id": "p009002", "permalink": f"https://{FORUM_SITES[0]}/t/109002"},
        {"post_id": "p009003", "post": 20261121, "permalink": f"https://{FORUM_SITES[1]}/t/109003"},
        b'{"post_id": "p009004", "post": "' + "编码不对".encode("gb18030") + b'"}',
    )
    for record in broken:
        records.insert(rng.randrange(len(records)), record)
    return records


def messages(rng: random.Random, seen: set[str]) -> list[Record]:
    """Short messages, one in five of them an advertisement for something forbidden."""
    writer = Writer("zh_spam_sms", rng)
    texts = list(unique(writer.write, SMS - SMS_ADS, seen))
    texts += unique(lambda: writer.write("ad"), SMS_ADS, seen)
    rng.shuffle(texts)
    return [{"msg_id": f"m{number:05d}", "sms": text} for number, text in enumerate(texts)]


def unique(write: Callable[[], str], count: int, seen: set[str], fits: Callable[[str], bool] = bool) -> Iterator[str]:
    """`count` texts that fit and that nothing before them said."""
    for _ in range(count * 50):
        if count == 0:
            return
        text = write()
        if text not in seen and fits(text):
            seen.add(text)
            count -= 1
            yield text
    if count:
        raise ValueError(f"the grammar is too small: {count} more different texts wanted")


# Personal identifiers: valid in form, nobody's


def identifiers(rng: random.Random) -> dict[str, str]:
    """Made-up values: sequence number 000 is never issued, the account number is all zeros but for its end."""
    born = f"{rng.randint(1921, 1930)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    user = rng.choice(("zhang.san", "li.si", "wang.wu", "test.user", "reader"))
    host = rng.choice(("example.com", "example.org", "example.net", "mail.example.com"))
    return {
        "id18": with_mod11(f"110101{born}000"),
        "mobile": f"{rng.choice(('138001380', '139001390'))}{rng.randint(0, 99):02d}",
        "email": f"{user}{rng.randint(1, 99)}@{host}",
        "card": with_luhn(f"62220200000000{rng.randint(1, 9999):04d}"),
    }


def with_mod11(digits: str) -> str:
    """The 17 digits of an identity number with their check character (GB 11643)."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return digits + "10X98765432"[total % 11]


def with_luhn(digits: str) -> str:
    """The digits of a card number with their Luhn check digit."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return f"{digits}{-total % 10}"


# Files


def lines(records: Sequence[Record]) -> bytes:
    """JSON lines; bytes are taken as they are."""
    return b"".join((record if isinstance(record, bytes) else orjson.dumps(record)) + b"\n" for record in records)


def write_plain(path: Path, records: Sequence[Record]) -> None:
    """Writes `.jsonl`."""
    path.with_suffix(".jsonl").write_bytes(lines(records))


def write_zst(path: Path, records: Sequence[Record]) -> None:
    """Writes `.jsonl.zst`."""
    path.with_suffix(".jsonl.zst").write_bytes(zstandard.compress(lines(records), 19))


def write_gz(path: Path, records: Sequence[Record]) -> None:
    """Writes `.jsonl.gz`, without a time or a file name in its header."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, compresslevel=9, mtime=0) as stream:
        stream.write(lines(records))
    path.with_suffix(".jsonl.gz").write_bytes(buffer.getvalue())


def write_parquet(path: Path, records: Sequence[Record]) -> None:
    """Writes `.parquet` with several row groups."""
    schema = pa.schema([("entry_id", pa.string()), ("body", pa.string())])
    table = pa.Table.from_pylist([record for record in records if not isinstance(record, bytes)], schema)
    pq.write_table(table, path.with_suffix(".parquet"), compression="zstd", compression_level=19, row_group_size=400)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS)
