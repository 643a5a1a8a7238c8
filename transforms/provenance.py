"""Tags each document with where it came from: source, shard, position, native id, address and registrable domain."""

import hashlib
import ipaddress
from functools import lru_cache
from importlib import metadata
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pyarrow as pa

from schemas import layers
from transforms.text import TextBatch

VERSION = 1


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    """The public-suffix list bundled with tldextract; nothing is fetched."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=False)


@lru_cache(maxsize=65536)
def _registrable(host: str) -> str:
    try:
        ipaddress.ip_address(host)
        return host
    except ValueError:
        extracted = _suffixes()(host)
        return extracted.top_domain_under_public_suffix or host


def registrable_domain(url: str | None) -> str | None:
    """The domain a URL is registered under (news.example.com.cn: example.com.cn), or NULL where it names no host."""
    if not url:
        return None
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname
    except ValueError:
        return None
    host = (host or "").rstrip(".").lower()
    if "." not in host and ":" not in host:
        return None
    return _registrable(host)


class Provenance:
    """The stage that carries a record's origin into the base layer."""

    name: ClassVar[str] = "provenance"
    schema: ClassVar[pa.Schema] = pa.schema([layers.BASE.field(column) for column in layers.PROVENANCE_COLUMNS])

    def fingerprint(self) -> str:
        """Changes with VERSION and with the bundled public-suffix list."""
        return hashlib.sha256(f"provenance/{VERSION}/tldextract {metadata.version('tldextract')}".encode()).hexdigest()

    def __call__(self, batch: TextBatch) -> pa.RecordBatch:
        """The origin columns of each record, and the domain of its URL."""
        urls = batch.records.column("url")
        domains = (
            pa.nulls(len(batch), pa.string())
            if urls.null_count == len(urls)
            else pa.array([registrable_domain(url) for url in urls.to_pylist()], type=pa.string())
        )
        columns = [domains if name == "domain" else batch.records.column(name) for name in layers.PROVENANCE_COLUMNS]
        return pa.record_batch(columns, schema=self.schema)
