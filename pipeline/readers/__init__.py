"""Readers: shards in, batches of documents and rejects out. One module a format; this one tells which reads what."""

import re
from dataclasses import dataclass

from pipeline.readers import jsonl, parquet

READER_VERSION = 1

_NAMES = re.compile(r"\.(?P<format>jsonl|ndjson|json|parquet|parq|pq)(\.(?P<compression>gz|zst|zstd))?$", re.IGNORECASE)
_FORMATS = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
}
_COMPRESSIONS = {"gz": "gzip", "zst": "zstd", "zstd": "zstd"}


@dataclass(frozen=True)
class Layout:
    """How a shard is stored: its format, and the compression around it."""

    format: str
    compression: str | None = None

    @property
    def expansion(self) -> int:
        """Roughly how many bytes of text a byte of the file holds."""
        return 4 if self.compression else 3 if self.format == "parquet" else 1


def layout_of(name: str, declared: str | None) -> Layout | None:
    """The layout a file name tells, or the declared format with the compression the name tells. None: unknown."""
    found = _NAMES.search(name)
    if found:
        compression = found["compression"]
        return Layout(
            declared or _FORMATS[found["format"].lower()], _COMPRESSIONS[compression.lower()] if compression else None
        )
    if declared is None:
        return None
    suffix = name.rsplit(".", 1)[-1].lower()
    return Layout(declared, _COMPRESSIONS.get(suffix))


def segments(url: str, size: int, layout: Layout, unit_bytes: int) -> list[tuple[int, int, tuple[int, int] | None]]:
    """Byte ranges (and row groups) a large shard can be read in; one range where it can only be read from its start."""
    if layout.format == "parquet":
        return parquet.segments(url, size, unit_bytes // layout.expansion)
    if layout.compression is None:
        return [*jsonl.segments(size, unit_bytes)]
    return [(0, size, None)]
