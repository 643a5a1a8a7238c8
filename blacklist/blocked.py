"""Lists of what must not be trained on by declaration (clause 5.1 d): domains, URLs and content hashes, one a line."""

import re
from collections.abc import Sequence
from pathlib import Path

from schemas.loading import DocumentError
from transforms.decide import Blocked
from transforms.provenance import canonical_url, registrable_domain

_HASH = re.compile(r"[0-9a-f]{64}")


def load_blocked(paths: Sequence[Path]) -> Blocked:
    """Reads all lists. A line of 64 hex digits is a content hash, one with `://` a URL, any other a domain.

    Lines that begin with # are comments. Raises DocumentError for a domain that could never match: documents are
    compared by the domain their host is registered under.
    """
    domains, urls, hashes, problems = set(), set(), set(), []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
            item = line.strip()
            if not item or item.startswith("#"):
                continue
            if _HASH.fullmatch(item.lower()):
                hashes.add(item.lower())
            elif "://" in item:
                urls.add(canonical_url(item))
            elif registrable_domain(item) == item.lower():
                domains.add(item.lower())
            else:
                problems.append(f"{path}:{number}: {wrong_domain(item)}")
    if problems:
        raise DocumentError("blocked", problems)
    return Blocked(frozenset(domains), frozenset(urls), frozenset(hashes))


def wrong_domain(item: str) -> str:
    """What to say of something that is no registrable domain."""
    better = registrable_domain(item)
    return f"{item}: 不是可注册域名 / not a registrable domain" + (f": {better}?" if better else "")
