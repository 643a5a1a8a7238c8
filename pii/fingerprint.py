"""What the rules are, in one digest: whoever stores what they find, or what they hide, depends on it."""

import hashlib
from functools import lru_cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable

# They decide what is an address or a number, and what matches.
_LIBRARIES = ("tldextract", "phonenumbers", "regex", "google-re2")


@lru_cache(maxsize=1)
def rules_digest() -> str:
    """Changes with the rules, their code and their data, and with the libraries they rest on."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"\n{library} {metadata.version(library)}".encode())
    for name, content in sorted(_contents(resources.files("pii"))):
        digest.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
    return digest.hexdigest()


def _contents(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    """All files of the package by name: code, too, is a rule."""
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _contents(entry, f"{prefix}{entry.name}/") if entry.name != "__pycache__" else []
        else:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found
