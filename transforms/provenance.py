"""Tags each document with where it came from: source, shard, position, native id, address and registrable domain."""

import contextlib
import hashlib
import ipaddress
import re
import unicodedata
from functools import lru_cache
from importlib import metadata
from typing import Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa

from schemas import layers
from transforms.text import TextBatch

VERSION = 3


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


# A scheme only where slashes follow (bad.com:8080 has none); a crawl may leave out or turn around what a browser mends.
_AUTHORITY = re.compile(
    r"^(?:[a-z][a-z0-9+.\-]*:(?=[/\\]))?[/\\]*(?:[^/\\?#@]*@)?(?P<host>\[[^\]]*\]|[^/\\?#:]*)(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_DOTS = str.maketrans(dict.fromkeys("。．｡", "."))
_INVISIBLE = dict.fromkeys((*range(33), 127, 173, *range(8203, 8208), *range(8234, 8239), 8288, 65279))


def _split(url: str) -> tuple[str, str]:
    """Host and the rest of a URL, the host as browsers read it: width, case, escapes, invisible characters, punycode."""
    found = _AUTHORITY.match(unicodedata.normalize("NFKC", url).translate(_INVISIBLE))
    if found is None:
        return "", ""
    host = unquote(found["host"]).strip("[]").translate(_DOTS).rstrip(".").lower()
    if "xn--" in host:
        with contextlib.suppress(UnicodeError):
            host = host.encode("ascii").decode("idna")
    return host, found["rest"]


def registrable_domain(url: str | None) -> str | None:
    """The domain a URL is registered under (news.example.com.cn: example.com.cn), or NULL where it names no host."""
    if not url:
        return None
    host, _ = _split(url)
    if "." not in host and ":" not in host:
        return None
    return _registrable(host)


def canonical_url(url: str) -> str:
    """A URL without what does not tell pages apart: scheme, case of the host, default port, fragment, last slash."""
    host, rest = _split(url)
    return host + re.sub(r"^:(?:80|443)?(?=/|$)", "", rest.split("#")[0]).rstrip("/")


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
