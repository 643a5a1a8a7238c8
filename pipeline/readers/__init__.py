"""Readers: shards in, batches of documents and rejects out. One module a format; this one tells which reads what."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import pyarrow as pa

from pipeline.config import Limits
from pipeline.readers import jsonl, lines, parquet, table, text, warc
from pipeline.readers.base import Part, Picker, Tray
from pipeline.readers.recoding import splits_lines
from schemas.sources import Fields

READER_VERSION = 2

_NAMES = re.compile(r"\.(?P<format>[a-z0-9]+)(\.(?P<compression>gz|zst|zstd|bz2|xz))?$", re.IGNORECASE)
_FORMATS = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
    "csv": "csv",
    "tsv": "csv",
    "txt": "text",
    "text": "text",
    "md": "text",
    "warc": "warc",
    "wet": "wet",
}
_COMPRESSIONS = {"gz": "gzip", "zst": "zstd", "zstd": "zstd", "bz2": "bzip2", "xz": "xz"}
_SKIPPED_FAST = frozenset({"gzip", "zstd"})  # decoding what stands before a part costs little beside auditing it
_COMPRESSED_PARTS = 8  # each part decodes all before it: with more of them that would begin to weigh
_COMPANION = re.compile(
    r"(?:readme|license|licence|notice|changelog|citation)(?:[._-].*)?|dataset_(?:infos?|dict)\.json|state\.json",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """How a shard is stored: its format, and the compression around it.

    `unit` is what a record of a text shard is, `delimiter` what separates cells, `ranges` tells whether lines can be
    cut out of the middle, `software` what else decides the text.
    """

    format: str
    compression: str | None = None
    unit: str | None = None
    delimiter: str | None = None
    ranges: bool = True
    software: str | None = None

    @property
    def expansion(self) -> int:
        """Roughly how many bytes of text a byte of the file holds."""
        return 4 if self.compression else 3 if self.format == "parquet" else 1


def layout_of(name: str, declared: str | None, records: str = "file", encoding: str = "utf-8") -> Layout | None:
    """The layout a file name tells, or the declared format with the compression the name tells. None: unknown.

    `records` and `encoding` are those of the source.
    """
    found = _NAMES.search(name)
    told = _FORMATS.get(found["format"].lower()) if found else None
    format_ = declared or told
    if format_ is None:
        return None
    suffix = name.rsplit(".", 1)[-1].lower()
    compression = None if format_ == "parquet" else _COMPRESSIONS.get(suffix)
    if format_ in ("warc", "wet"):
        return Layout(format_, compression, software=f"resiliparse {version('resiliparse')}")
    if format_ == "csv":
        tabs = found is not None and found["format"].lower() == "tsv"
        return Layout(format_, compression, delimiter="\t" if tabs else ",")
    unit = records if format_ == "text" else None
    return Layout(format_, compression, unit, ranges=splits_lines(encoding) or format_ == "parquet")


def is_companion(name: str) -> bool:
    """Whether a file is of the kind that stands beside data in a published data set: a card, a licence, its schema."""
    return _COMPANION.fullmatch(name.rsplit("/", 1)[-1]) is not None


def segments(url: str, size: int, layout: Layout, unit_bytes: int) -> list[tuple[int, int, tuple[int, int] | None]]:
    """Byte ranges (and row groups) a large shard can be read in; one range where it can only be read from its start.

    Ranges of a compressed shard are of its stored bytes and fewer: a reader of one has to decode what stands before it.
    """
    if layout.format == "parquet":
        return parquet.segments(url, size, unit_bytes // layout.expansion)
    lined = layout.format == "jsonl" or layout.unit == "line"
    if not (lined and layout.ranges):
        return [(0, size, None)]
    if layout.compression is None:
        return [*lines.segments(size, unit_bytes)]
    if layout.compression in _SKIPPED_FAST:
        return [*lines.segments(size, max(4 * unit_bytes // layout.expansion, -(-size // _COMPRESSED_PARTS)))]
    return [(0, size, None)]


def read(
    part: Part, layout: Layout, groups: tuple[int, int] | None, fields: Fields, tray: Tray, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Reads one member into the tray and hands on full batches; what cannot be read becomes rejects in the tray.

    Raises ShardUnreadable where the store fails, as opposed to the content.
    """
    paths = (fields.text_paths, fields.id, fields.url, fields.user)
    picker = Picker(*paths)
    match layout.format:
        case "parquet":
            return parquet.read(
                part.member, part.url, part.start, part.stop, groups, paths, picker, tray, limits.expansion
            )
        case "jsonl":
            return jsonl.read(part, picker, tray, limits)
        case "csv":
            return table.read(part, layout.delimiter or ",", picker, tray, limits)
        case "text":
            return (text.read_lines if layout.unit == "line" else text.read_file)(part, tray, limits)
        case _:
            return warc.read(part, tray, limits)
