"""The keyword library a run looked for, found again by its digest."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexicon.checking import COUNTED_TIERS, is_overlong
from lexicon.library import load_library
from pipeline.libraries import LAYER
from pipeline.nights.references import location_of
from pipeline.store.output import Output
from pipeline.store.scans import ScanStore, without_digest
from pipeline.store.storage import is_remote
from schemas.lexicon import Entry, Library, PackedLibrary
from schemas.profile import Profile


def find_library(output: Output, manifest: Mapping[str, Any], given: Library | None = None) -> Library | None:
    """The library of a run: the one given, one in the store of scans, or the bundled one, whichever has its digest."""
    wanted = str(manifest["versions"]["lexicon_sha256"])
    if given is not None and given.sha256 == wanted:
        return given
    for library in _committed(output, manifest):
        if library.sha256 == wanted:
            return library
    bundled = None if manifest["config"]["lexicons"] else load_library(())
    return bundled if bundled is not None and bundled.sha256 == wanted else None


def _committed(output: Output, manifest: Mapping[str, Any]) -> Iterator[Library]:
    scans = location_of(dict(manifest), output.folder)
    if scans is None or is_remote(scans):
        return
    folder = Path(ScanStore(scans).path(LAYER, "00", ".bin")).parent.parent
    for path in sorted(folder.rglob("*.bin")):
        content = without_digest(path.read_bytes())
        if content is not None:
            yield PackedLibrary(content[32:], content[:32].hex())


def keyword_rows(library: Library, profile: Profile) -> list[dict[str, Any]]:
    """Rows of record.keywords; `counted` terms are those that count towards the standard's numbers."""
    return [
        {
            "term": entry.term,
            "tier": entry.tier,
            "risks": list(entry.risks),
            "requires": list(entry.requires),
            "excludes": list(entry.excludes),
            "counted": entry.tier in COUNTED_TIERS,
            "overlong": profile.keywords.max_han is not None and is_overlong(entry, profile.keywords),
        }
        for entry in library.entries
    ]


def library_of_rows(rows: list[dict[str, Any]]) -> Library | None:
    """The library again from rows of record.keywords; None where there are none."""
    entries = [
        Entry(row["term"], tuple(row["risks"]), row["tier"], tuple(row["requires"]), tuple(row["excludes"]))
        for row in sorted(rows, key=lambda row: str(row["term"]))
    ]
    return Library(tuple(entries)) if entries else None
