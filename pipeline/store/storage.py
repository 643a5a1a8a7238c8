"""Object stores and other remote places, by fsspec: bounded patience, no stale listings, failures that say what to do.

Where a store is and who may use it comes from the environment of its library (docs/object-storage.md), never from a
URL: URLs are written to manifests and messages.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from pipeline.errors import StoreError, StoreSilent

BLOCK_BYTES = 8 << 20  # of one request when reading; the library's 50 MB is more than most parts of shards
_BLOCKS_KEPT = 16  # of a Parquet shard, whose columns are read side by side and whose bytes are hashed afterwards
_UPLOAD_SECONDS = 120.0
_UPLOAD_SPEED = 1e6  # bytes a second; slower uploads are given up
_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "oss"})
_S3 = frozenset({"s3", "s3a"})
_OURS = (TypeError, AttributeError, NameError, LookupError, AssertionError)  # faults of programs, not of stores
_OVERLOADED = (errno.EBUSY, errno.EREMOTEIO)
_SECRET = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@|(?<=[?&])(?:X-Amz-\w+|AWSAccessKeyId|Signature|sig|token)=[^&\s\"']*")


def is_remote(location: str) -> bool:
    """Whether a location is a URL, as opposed to a path."""
    return "://" in location


def is_local(fs: Any) -> bool:
    """Whether a file system is this machine's own."""
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,))


def without_secrets(text: str) -> str:
    """The text with passwords and signatures in URLs blotted out."""
    return _SECRET.sub("***", text)


def file_system(url: str, quick: bool = False) -> tuple[Any, str]:
    """The file system of a URL, and the path in it.

    `quick` gives up on a silent store within seconds, for a first contact while somebody waits; else some minutes'
    outage of a store may pass. Raises StoreError where the driver is missing, ValueError for a URL with a secret in it.
    """
    if not is_remote(url):
        return fsspec.filesystem("file"), url  # a plain path: `::` in it means nothing
    if _SECRET.search(url):
        raise ValueError(
            "URL 中含有口令或签名，会写入清单 / the URL holds a password or signature, which manifests would show: give it by the environment (docs/object-storage.md)"
        )
    with store_errors(url):
        fs, path = fsspec.core.url_to_fs(url, **_options(url, quick))
    if _scheme(url) in _S3:
        fs.retries = 1 if quick else 3  # on top of the attempts at each request: for answers that break off
    return fs, path


def _options(url: str, quick: bool) -> dict[str, Any]:
    scheme = _scheme(url)
    if "::" in url or scheme in ("file", "local"):
        return {}
    options: dict[str, Any] = {"use_listings_cache": False}
    if scheme in _S3:
        patience: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 10 if quick else 15}
        if quick or "AWS_MAX_ATTEMPTS" not in os.environ:
            patience["retries"] = {"mode": "standard", "total_max_attempts": 2 if quick else 5}
        options["config_kwargs"] = patience | fsspec.config.conf.get(scheme, {}).get("config_kwargs", {})
    return options


def _scheme(url: str) -> str:
    return url.split("://", maxsplit=1)[0].rpartition("::")[2] if is_remote(url) else ""


def put_file(made: Path, url: str) -> None:
    """Uploads a local file. It shows when it is complete and not before, also where it goes up in parts.

    The time is limited: a store that falls silent before it takes the body would be waited for without end.
    """
    fs, path = file_system(url)
    limited = (
        {"timeout": _UPLOAD_SECONDS + made.stat().st_size / _UPLOAD_SPEED} if getattr(fs, "async_impl", False) else {}
    )
    with store_errors(url):
        fs.put_file(str(made), path, **limited)


def bucket_url(url: str) -> str | None:
    """The bucket a URL lies in, where its store has such."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', maxsplit=1)[0]}" if scheme in _BUCKETS else None


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Failures of a remote store as StoreError. A missing file stays FileNotFoundError: what it means varies."""
    try:
        yield
    except (FileNotFoundError, ValueError, StoreError, *_OURS):
        raise
    except ImportError as error:
        raise StoreSilent(_sentence(url, error)) from error
    except OSError as error:
        if not is_remote(url) or _scheme(url) in ("file", "local"):
            raise
        raise (StoreError if _answered(error) else StoreSilent)(_sentence(url, error)) from error
    except Exception as error:  # drivers raise what their libraries raise: botocore's errors are no OSErrors
        if not is_remote(url):
            raise
        raise StoreSilent(_sentence(url, error)) from error


def missing_bucket(url: str) -> StoreError:
    """The error for a bucket that is not there."""
    return StoreError(_sentence(bucket_url(url) or url, FileNotFoundError("没有这个存储桶 / there is no such bucket")))


def _sentence(url: str, error: Exception) -> str:
    said = " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())
    return without_secrets(f"{url}: {said}: {_remedy(url, error)}")


def _answered(error: Exception) -> bool:
    """Whether an error is the word of the store, as opposed to none: libraries' errors of transport carry no errno."""
    if _replaced(error) or isinstance(error, PermissionError | FileNotFoundError):
        return True
    coded = isinstance(error, OSError) and error.errno is not None and error.errno not in _OVERLOADED
    return coded and not isinstance(error, TimeoutError | ConnectionError)


def _replaced(error: Exception) -> bool:
    return type(error).__name__ == "FileExpired"


def _remedy(url: str, error: Exception) -> str:
    s3 = _scheme(url) in _S3
    if _replaced(error):
        return "文件在读取时被替换，请重新运行 / it was replaced while it was read: run again"
    if isinstance(error, ImportError):
        return "缺少驱动 / the driver is missing: pip install " + (
            "'corpus-audit[s3]'" if s3 else "the fsspec driver of this scheme"
        )
    if isinstance(error, FileNotFoundError) or "Validation" in type(error).__name__:
        return "请先建立或改正路径 / create it, or correct the URL"
    if "Credentials" in type(error).__name__ or "Token" in type(error).__name__:
        return "请设置密钥 / give the keys" + (
            " by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile" if s3 else ""
        )
    if _answered(error):
        keys = " (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)" if s3 else ""
        return f"请检查密钥与存储桶权限 / check the keys{keys} and what the bucket's policy lets them do"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "not set: Amazon's own"
    named = f" (AWS_ENDPOINT_URL: {endpoint})" if s3 else ""
    return f"存储没有应答，请检查地址与网络 / the store does not answer: check its address{named} and the network, then run again"


def open_file(url: str, scattered: bool = False, block_bytes: int = BLOCK_BYTES) -> Any:
    """A file opened for reading in requests of `block_bytes`; `scattered` where a reader jumps between places of it.

    Raises FileNotFoundError or StoreError, here and when reading.
    """
    fs, path = file_system(url)
    if is_local(fs):
        return fs.open(path, "rb")
    kept: dict[str, Any] = (
        {"cache_type": "blockcache", "cache_options": {"maxblocks": _BLOCKS_KEPT}}
        if scattered
        else {"cache_type": "readahead"}
    )
    with store_errors(url):
        return RemoteFile(url, fs.open(path, "rb", block_size=block_bytes, **kept))


class RemoteFile:
    """An open remote file whose failures are StoreErrors."""

    def __init__(self, url: str, handle: Any) -> None:
        self._url = url
        self._handle = handle

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`."""
        with store_errors(self._url):
            return bytes(self._handle.read(size))

    def seek(self, offset: int, whence: int = 0) -> int:
        """Goes to a place."""
        return int(self._handle.seek(offset, whence))

    def tell(self) -> int:
        """The place."""
        return int(self._handle.tell())

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._handle.closed)

    def close(self) -> None:
        """Lets go of the store."""
        self._handle.close()

    def __enter__(self) -> "RemoteFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
