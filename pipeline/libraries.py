"""The keyword library of a run, compiled once and committed: files that did not change are not parsed again.

A library is committed only after all its files were found sound, under a key of their bytes and of all that parses
them, so what is read back needs no second look. Of a local store only: a remote one may be down, and is asked later.
"""

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from lexicon.library import library_of, load_library
from pipeline import __version__
from pipeline.store.scans import ScanStore
from pipeline.store.storage import is_remote
from schemas.lexicon import Library, PackedLibrary
from transforms import normalise

LAYER = "libraries-1"  # the number is that of the form

_CODE = (
    ("lexicon", ("library.py", "rows.py", "starter.tsv")),
    ("schemas", ("lexicon.py", "risks.py", "risks.yaml")),
    ("transforms", ("composition.py", "normalise.py", "text.py")),
)


def library_key(contents: Sequence[bytes]) -> str:
    """The key of what files with these contents compile to, in this order; of none: of the starter library."""
    code = [
        hashlib.sha256(resources.files(package).joinpath(name).read_bytes()).hexdigest()
        for package, names in _CODE
        for name in names
    ]
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    return hashlib.sha256(json.dumps([__version__, normalise.fingerprint(), code, digests]).encode()).hexdigest()


def find_library(paths: Sequence[Path], scans: str) -> tuple[Library, str]:
    """The library of these files and its key: as committed, else compiled. Raises DocumentError naming file and line."""
    try:
        contents = [path.read_bytes() for path in paths]
    except OSError:
        return load_library(paths), ""  # tells which, and what else is wrong
    key = library_key(contents)
    found = _committed(key, scans)
    if found is not None:
        return found, key
    if not paths:
        return load_library(paths), key
    return library_of([(str(path), content) for path, content in zip(paths, contents, strict=True)]), key


def keep_library(library: Library, key: str, store: ScanStore) -> None:
    """Commits the library under its key unless it is there."""
    path = store.path(LAYER, key, ".bin")
    if store.local and key and not isinstance(library, PackedLibrary):
        content = bytes.fromhex(library.sha256) + library.packed
        store.commit_bytes(hashlib.sha256(content).digest() + content, path)


def _committed(key: str, scans: str) -> Library | None:
    """None where it is not there, or damaged."""
    if is_remote(scans):
        return None
    try:
        data = ScanStore(scans).read_bytes(ScanStore(scans).path(LAYER, key, ".bin"))
    except OSError:
        return None
    if hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    return PackedLibrary(data[64:], data[32:64].hex())
