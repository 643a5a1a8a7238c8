"""Lists of what must not be trained on by declaration (clause 5.1 d): domains, URLs and content hashes, one a line."""

import re
from collections.abc import Sequence
from pathlib import Path

from transforms.decide import Blocked

_HASH = re.compile(r"[0-9a-f]{64}")


def load_blocked(paths: Sequence[Path]) -> Blocked:
    """Reads all lists. A line of 64 hex digits is a content hash, one with `://` a URL, any other a domain; # comments."""
    domains, urls, hashes = set(), set(), set()
    for path in paths:
        for line in path.read_text(encoding="utf-8-sig").splitlines():
            item = line.split("#")[0].strip() if not line.lstrip().startswith("http") else line.strip()
            if not item:
                continue
            if _HASH.fullmatch(item.lower()):
                hashes.add(item.lower())
            elif "://" in item:
                urls.add(item)
            else:
                domains.add(item.lower().rstrip("."))
    return Blocked(frozenset(domains), frozenset(urls), frozenset(hashes))
