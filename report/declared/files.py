"""Digests of the files declarations name: a file by its bytes, a folder by the digests of its files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.origins.evidence import listing_digest
from pipeline.store.scans import sha256_file


@dataclass(frozen=True)
class FileDigest:
    """A declared file: name as declared, digest, size in bytes, and how many files a folder holds (1 of a file)."""

    file: str
    sha256: str
    bytes: int
    parts: int


@dataclass(frozen=True)
class UnusableFile:
    """Why a declared file proves nothing."""

    text: str

    def __str__(self) -> str:
        return self.text


class Files(Mapping[str, FileDigest | UnusableFile]):
    """The files relative to a folder, each looked at once, when it is first asked for."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._looked: dict[str, FileDigest | UnusableFile] = {}

    def __getitem__(self, name: str) -> FileDigest | UnusableFile:
        if name not in self._looked:
            self._looked[name] = digest_of(self._base, name)
        return self._looked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._looked))

    def __len__(self) -> int:
        return len(self._looked)


def digest_of(base: Path, name: str) -> FileDigest | UnusableFile:
    """The digest of a file or folder. One that is empty, or cannot be read, proves nothing."""
    path = base / name
    try:
        if path.is_dir():
            return _folder(path, name)
        size = path.stat().st_size
        if size == 0:
            return UnusableFile(f"文件是空的，不能证明什么 / the file is empty and proves nothing: {name}")
        return FileDigest(name, sha256_file(path), size, 1)
    except FileNotFoundError:
        return UnusableFile(
            f"没有这个文件，请放到申报文件旁的这一位置，或改正文件名 / no such file: put it there, relative to the declarations, or correct its "
            f"name: {name}"
        )
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        return UnusableFile(f"读不了 / cannot be read: {name}: {getattr(error, 'strerror', None) or error}")


def _folder(path: Path, name: str) -> FileDigest | UnusableFile:
    files = sorted(
        (part.relative_to(path).as_posix(), part)
        for part in path.rglob("*")
        if part.is_file() and not part.name.startswith(".")
    )
    if not any(part.stat().st_size for _, part in files):
        return UnusableFile(f"文件夹里没有内容，不能证明什么 / the folder holds nothing and proves nothing: {name}")
    size = sum(part.stat().st_size for _, part in files)
    return FileDigest(name, listing_digest((part, sha256_file(file)) for part, file in files), size, len(files))
