"""Small shards of every format, for the tests of the readers."""

import bz2
import csv
import gzip
import io
import lzma
import uuid
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from pipeline import readers
from pipeline.config import Limits
from pipeline.readers.base import MemberLedger, Part, Reject, Tray
from schemas.sources import Fields

COMPRESS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


class Reading:
    """Everything a shard gave; its books balance."""

    def __init__(self, tray: Tray, batches: list[pa.RecordBatch]) -> None:
        tray.flush()
        self.rows: list[dict[str, Any]] = [row for batch in [*batches, *tray.take()] for row in batch.to_pylist()]
        self.texts = [row["text"] for row in self.rows]
        self.rejects: list[Reject] = tray.rejects
        self.reasons = [reject.reason for reject in tray.rejects]
        self.ledger: MemberLedger = tray.ledgers[-1]
        known = sum(reject.records or 0 for reject in tray.rejects)
        assert self.ledger.audited == len(self.rows)
        assert self.ledger.rejected == known
        assert self.ledger.records_read == len(self.rows) + known
        assert self.ledger.complete == all(reject.records is not None for reject in tray.rejects)


def read_shard(
    path: Path,
    content: bytes | None = None,
    encoding: str = "utf-8",
    format_: str | None = None,
    records: str = "file",
    fields: Fields | None = None,
    limits: Limits | None = None,
) -> Reading:
    """Reads a whole shard as a run does, by its name."""
    if content is not None:
        path.write_bytes(content)
    layout = readers.layout_of(path.name, format_, records, encoding)
    assert layout is not None
    limits = limits or Limits()
    tray = Tray(limits.document_bytes)
    part = Part(0, str(path), 0, path.stat().st_size, layout.compression, encoding)
    return Reading(tray, list(readers.read(part, layout, None, fields or Fields(), tray, limits)))


def jsonl(texts: list[str], encoding: str = "utf-8") -> bytes:
    lines = [orjson.dumps({"id": str(i), "text": text}).decode() + "\n" for i, text in enumerate(texts)]
    return "".join(lines).encode(encoding)


def table(texts: list[str], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["id", "text", "url"])
    writer.writerows([i, text, ""] for i, text in enumerate(texts))
    return out.getvalue().encode(encoding)


def parquet(texts: list[str], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": [str(i) for i in range(len(texts))], "text": texts}), out, **options)
    return out.getvalue()


def warc_record(kind: str, block: bytes, media: str = "text/plain", number: int = 0, **headers: str) -> bytes:
    """One record as the standard writes it."""
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{uuid.UUID(int=number)}>",
        "WARC-Date": "2024-01-01T00:00:00Z",
        "WARC-Target-URI": f"http://www.example.cn/{number}",
        "Content-Type": media,
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Length": str(len(block)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"WARC/1.0\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, media: str | None = "text/html; charset=utf-8", *more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *([f"Content-Type: {media}"] if media else []), *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def page(text: str, number: int = 0) -> bytes:
    """A response record of a page that shows one paragraph."""
    body = f"<html><head><title>t</title></head><body><script>x()</script><p>{text}</p></body></html>".encode()
    return warc_record("response", http(body), "application/http; msgtype=response", number)


def warc(texts: list[str]) -> list[bytes]:
    """The records of an archive: what crawlers write around the pages included."""
    info = warc_record("warcinfo", b"software: test\r\n", "application/warc-fields", 900_000)
    records = [info]
    for number, text in enumerate(texts):
        request = warc_record(
            "request", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request", 500_000 + number
        )
        records += [request, page(text, number)]
    return records


def wet(texts: list[str]) -> list[bytes]:
    info = warc_record("warcinfo", b"software: test\r\n", "application/warc-fields", 900_000)
    return [info, *(warc_record("conversion", text.encode(), number=number) for number, text in enumerate(texts))]
